"""All markets of an asset halt together when some of them have moved too far."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field, model_validator

from seawall.core.hooks import Floats, Floor, Hook
from seawall.rulebook.levers._breaker import BreakerRules
from seawall.rulebook.levers._presets import PRESET_SOURCES
from seawall.rulebook.levers._where import refuse_unknown


class CoordinatedBreaker(BreakerRules):
    """Halt markets on several venues together: the trigger on a few of them halts all.

    ``venues`` and ``assets`` name the markets that are halted; those that are watched may be
    fewer. All parameters not listed here are those of the circuit breaker. Bands (``within``,
    ``hard``) hold on watched markets that are also halted, each around its own reference. The
    spot market goes on. Off with ``pause`` 0.

    Assumes that all venues obey at the same second.
    """

    title: ClassVar[str] = "Circuit breaker over venues together"
    source: ClassVar[str] = "; ".join(PRESET_SOURCES.values())

    together: Literal["asset", "all"] = Field(
        "asset",
        description=(
            "asset: the markets of one asset halt together; all: the trigger on any asset "
            "halts every market"
        ),
    )
    watch_venues: tuple[str, ...] = Field(
        (), description="Venues whose prices trigger; those that are halted if none are named"
    )
    watch_assets: tuple[str, ...] = Field(
        (), description="Assets whose prices trigger; those that are halted if none are named"
    )
    quorum: int = Field(
        default=1,
        ge=1,
        description="How many watched markets of the group must be beyond a level at the same step",
    )

    @model_validator(mode="after")
    def _watches_what_it_halts(self) -> CoordinatedBreaker:
        if self.together == "asset" and self.assets and self.watch_assets:
            missed = sorted(set(self.assets) - set(self.watch_assets))
            if missed:
                raise ValueError(
                    f"nothing watched can halt {', '.join(missed)}: the markets of one asset halt "
                    'together; watch it too, or set together = "all"'
                )
        return self

    def _group(self, floor: Floor) -> Floats:
        if self.together == "all":
            return np.zeros(len(floor))
        order = {asset: g for g, asset in enumerate(floor.assets)}
        return np.array([float(order[m.asset]) for m in floor.markets])

    def admit(self, floor: Floor) -> Hook | None:
        """Halts, bands and reopening of every group's markets."""
        named = {"watch_venues": self.watch_venues, "watch_assets": self.watch_assets}
        refuse_unknown("coordinated_breaker", named, floor)
        halts = floor.chosen(self.venues, self.assets)
        watched = floor.chosen(self.watch_venues or self.venues, self.watch_assets or self.assets)
        if not self.acts() or not halts.any() or not watched.any():
            return None
        return self.compiled(floor, watched, halts, self._group(floor), self.quorum)
