"""A jump of the outside price."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
from pydantic import Field

from seawall.core.hooks import Traders
from seawall.sim.reach import Refusals
from seawall.sim.shocks import Shock, Timeline

_SOON = 1e-9


class PriceJump(Shock):
    """Moves the outside price of some assets, at once or over a time, and perhaps back.

    The move is straight in the log of the price. What comes back does so from the end of the
    move on, by half every ``half_life``. Several jumps add up in log.

    Assumes that the outside price is nobody's doing: trades on the modelled venues do not move
    it.
    """

    title: ClassVar[str] = "Price jump"
    source: ClassVar[str] = (
        "A stress of the market's own making; size and speed are the scenario's. On 10 October "
        "2025 BTC fell 13% within half an hour (Binance perpetual, 20:50 to 21:20)"
    )

    change: float = Field(
        gt=-1, le=100, description="Change of the price; fraction, -0.1 is a fall of 10%"
    )
    at: float = Field(0.0, ge=0, le=1e9, description="When it begins, s")
    over: float = Field(0.0, ge=0, le=1e9, description="Time that it takes, s; 0 at once")
    assets: tuple[str, ...] = Field((), description="Assets that move; all if none are named")
    multiples: dict[str, float] = Field(
        default_factory=dict,
        description="Log move of single assets as a multiple of the change's; 1 if not named",
    )
    reverts: float = Field(0.0, ge=0, le=1, description="Part of the log move that comes back")
    half_life: float = Field(600.0, gt=0, le=1e9, description="Half-life of its coming back, s")

    def apply(self, timeline: Timeline, traders: Traders) -> None:
        """Add the move to the outside prices."""
        floor = timeline.floor
        moved = self.assets or floor.assets
        refusals = Refusals(self, floor)
        refusals.assets(self.assets)
        refusals.known("multiples", "asset that moves", self.multiples, moved)
        for asset, multiple in self.multiples.items():
            if not abs(multiple) <= 100:
                refusals.add(f"multiples.{asset}", "out of range", multiple, "-100 to 100")
        refusals.begins("at", self.at)
        refusals.ends("over", self.at, self.over)
        refusals.refuse()
        since = timeline.seconds() - self.at + _SOON * floor.step
        done = np.clip(since / self.over, 0.0, 1.0) if self.over > 0 else (since >= 0) * 1.0
        after = np.maximum(since - self.over, 0.0)
        done = done * (1.0 - self.reverts * (1.0 - 0.5 ** (after / self.half_life)))
        for asset in moved:
            move = self.multiples.get(asset, 1.0) * math.log1p(self.change)
            timeline.outside[:, floor.assets.index(asset)] += move * done
