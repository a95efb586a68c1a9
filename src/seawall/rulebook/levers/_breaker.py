"""Parameters that every circuit breaker has, the rules of markets that have one, and its hook."""

from __future__ import annotations

from itertools import pairwise
from math import inf
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from seawall.core import _columns as c
from seawall.core.hooks import Floats, Floor, Hook
from seawall.rulebook.levers import Lever, _window
from seawall.rulebook.levers import _halt_kernel as k
from seawall.rulebook.levers._presets import PRESETS

WATCHES = {"mid": c.MID, "mark": c.MARK, "index": c.INDEX, "last": c.LAST, "touch": k.BY_TOUCH}
REFERENCES = {"mean": k.BY_MEAN, "extreme": k.BY_EXTREME, "opening": k.BY_OPENING}

Preset = Literal["luld", "cme_velocity", "cme_dynamic", "mwcb", "cme_daily"]


class Level(BaseModel):
    """A further level of a breaker."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    down: float = Field(default=inf, gt=0, description="Fall at which it is reached; fraction")
    up: float = Field(default=inf, gt=0, description="Rise at which it is reached; fraction")
    pause: float = Field(default=0.0, ge=0, description="Length of its halt, s")


class BreakerRules(Lever):
    """What :mod:`circuit_breaker` and :mod:`coordinated_breaker` share; see there."""

    preset: Preset | None = Field(
        None,
        description=(
            "Rules of a market that has a breaker, by name: luld, cme_velocity, "
            "cme_dynamic, mwcb, cme_daily. What is given beside it goes before it"
        ),
    )
    watch: Literal["mid", "mark", "index", "last", "touch"] = Field(
        "mid",
        description=(
            "Price that triggers: mid, mark, index, last, or touch: the best bid for a "
            "fall, the best offer for a rise. An empty side counts as beyond"
        ),
    )
    reference: Literal["mean", "extreme", "opening"] = Field(
        "mean",
        description=(
            "mean or extreme of the prices of the window before, or opening: the first "
            "price of the session. With extreme a fall is counted from the highest, a rise "
            "from the lowest"
        ),
    )
    window: float = Field(
        default=300.0,
        gt=0,
        le=21_600,
        description="Time that a mean or extreme looks back, s; it starts again after every pause",
    )
    of_opening: bool = Field(
        False,
        description=(
            "Count down and up as fractions of the session's first price, not of the reference"
        ),
    )
    reference_change: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        description=(
            "A new mean becomes the reference only if it is this far from the last one; fraction"
        ),
    )
    reference_hold: float = Field(
        default=0.0,
        ge=0,
        description="A new mean becomes the reference only this long after the last one did, s",
    )
    down: float = Field(
        default=inf,
        gt=0,
        description="Fall at which the first level is reached; fraction, infinite for never",
    )
    up: float = Field(
        default=inf,
        gt=0,
        description="Rise at which the first level is reached; fraction, infinite for never",
    )
    pause: float = Field(
        default=0.0,
        ge=0,
        description="Length of the first level's halt, s; infinite for the rest of the session",
    )
    further: tuple[Level, ...] = Field(
        default=(),
        max_length=8,
        description=(
            "Levels above the first, each with its down, up and pause. A move through "
            "several at once halts for the highest"
        ),
    )
    limit_seconds: float = Field(
        default=0.0,
        ge=0,
        description="How long the price must stay beyond a level before the halt, s",
    )
    within: bool = Field(False, description="Whether fills are kept within the next level's band")
    hard: float = Field(
        default=inf,
        gt=0,
        description=(
            "Distance from the session's first price beyond which nothing is filled; fraction"
        ),
    )
    once: bool = Field(
        False, description="Whether a level halts once a session only; the next one then counts"
    )
    session_seconds: float = Field(
        default=inf,
        gt=0,
        description="Time after which the session begins anew, from the start of the run, s",
    )
    cooldown: float = Field(
        default=0.0, ge=0, description="Time after a pause in which no other begins, s"
    )
    reopening: Literal["resume", "auction"] = Field(
        "resume",
        description="resume: trading goes on as before; auction: the pause ends in an auction",
    )
    auction_seconds: float = Field(
        default=0.0,
        ge=0,
        description="Last part of a pause in which orders are filled near the index only, s",
    )
    auction_band: float = Field(
        default=0.01,
        gt=0,
        lt=1,
        description="How near that is; fraction of the index",
    )

    @model_validator(mode="before")
    @classmethod
    def _from_preset(cls, given: Any) -> Any:
        chosen = PRESETS.get(str(given.get("preset"))) if isinstance(given, dict) else None
        return {**chosen, **given} if chosen else given

    @model_validator(mode="after")
    def _consistent(self) -> BreakerRules:
        levels = self.levels()
        for lower, higher in pairwise(levels):
            for side in ("down", "up"):
                a, b = getattr(lower, side), getattr(higher, side)
                if b < a or (a == b < inf):
                    raise ValueError(
                        f"levels must rise: {side} {b:g} comes after {a:g}; a level of 'further' "
                        f"needs a larger '{side}' than the one before it"
                    )
        pauses = [level.pause for level in levels if level.pause > 0]
        if self.reopening == "auction":
            if self.auction_seconds == 0:
                raise ValueError("reopening by auction needs auction_seconds above 0")
            if pauses and self.auction_seconds > min(pauses):
                raise ValueError(
                    f"auction_seconds {self.auction_seconds:g} is longer than the pause of "
                    f"{min(pauses):g} s whose end it is; shorten it or lengthen the pause"
                )
        elif self.auction_seconds > 0:
            raise ValueError('auction_seconds without an auction: set reopening = "auction"')
        if self.reference != "mean" and (self.reference_change or self.reference_hold):
            raise ValueError(
                'reference_change and reference_hold belong to reference = "mean"; '
                f"reference is {self.reference!r}"
            )
        return self

    def against(self, other: Lever) -> str:
        """Of two breakers on one market it is not said which one's pause ends the other's."""
        if not isinstance(other, BreakerRules) or not (self.acts() and other.acts()):
            return ""
        return (
            "two breakers on one market, each with its own pause and reopening; leave one out, or "
            "name venues and assets that do not overlap"
        )

    def levels(self) -> tuple[Level, ...]:
        """All levels, lowest first."""
        return (Level(down=self.down, up=self.up, pause=self.pause), *self.further)

    def acts(self) -> bool:
        """Whether it can ever halt or bound a market."""
        reachable = [v for v in self.levels() if min(v.down, v.up) < inf]
        pauses = any(v.pause > 0 for v in reachable)
        return pauses or (self.within and bool(reachable)) or self.hard < inf

    def compiled(
        self, floor: Floor, watched: Floats, halts: Floats, group: Floats, quorum: int
    ) -> Hook:
        """The hook: markets ``watched``, those it ``halts``, their group, and how many must agree.

        All of shape (M,).
        """
        size = max(1, round(self.window / floor.step))
        room = {"mean": _window.mean_room, "extreme": _window.extremes_room}.get(self.reference)
        each = room(size) if room else 0
        groups = int(group.max()) + 1
        start = k.GROUP_MEMORY * groups + k.MARKET_MEMORY * len(floor)
        at = start + each * np.concatenate(([0.0], np.cumsum(watched)))
        rows = np.column_stack((watched, halts, group, at[:-1]))
        members = [np.flatnonzero(group == g) for g in range(groups)]
        edges = [(m[0], m[-1] + 1) if m.size else (0, 0) for m in members]
        levels = [(v.down, v.up, v.pause) for v in self.levels()]
        memory = np.zeros(int(at[-1]))
        memory[k.GROUP_MEMORY * groups + k.SINCE : start : k.MARKET_MEMORY] = -1.0
        return Hook(
            kernel=k.breaker,
            parameters=np.concatenate(
                [
                    self._head(size, quorum, groups),
                    np.array(levels, dtype=np.float64).ravel(),
                    rows.ravel(),
                    np.array(edges, dtype=np.float64).ravel(),
                ]
            ),
            memory=memory,
        )

    def _head(self, size: int, quorum: int, groups: int) -> Floats:
        head = np.zeros(k.HEAD)
        head[k.WATCH], head[k.REFERENCE] = WATCHES[self.watch], REFERENCES[self.reference]
        head[k.WINDOW], head[k.OF_OPENING] = size, self.of_opening
        head[k.CHANGE], head[k.HOLD] = self.reference_change, self.reference_hold
        head[k.LIMIT], head[k.WITHIN], head[k.HARD] = self.limit_seconds, self.within, self.hard
        head[k.AUCTION], head[k.AUCTION_BAND] = self.auction_seconds, self.auction_band
        head[k.COOLDOWN], head[k.ONCE], head[k.DAY] = self.cooldown, self.once, self.session_seconds
        head[k.QUORUM], head[k.LEVELS], head[k.GROUPS] = quorum, 1 + len(self.further), groups
        return head
