"""Makers that leave for a time, whatever the price does."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import Field

from seawall.core import _columns as c
from seawall.core.hooks import Traders
from seawall.sim.reach import Refusals, named
from seawall.sim.shocks import Edit, Shock, Timeline

_STEPS_BACK = 20


class DepthWithdrawal(Shock):
    """Caps the share of the calm depth that makers rest, for a window, then lets it come back.

    The cap is an upper bound: makers who have withdrawn further stay where they are. Its way
    back, if it takes time, is straight, in twenty equal stairs. Two of these in one market at one
    time do not add up: the later one decides.
    """

    title: ClassVar[str] = "Withdrawal of depth"
    source: ClassVar[str] = (
        "10 October 2025: depth fell by 90% and more, near-empty books for minutes (FTI, Kaiko); "
        "median thinning within 1% in 639 cascades 3.4 times"
    )

    to: float = Field(0.1, ge=0, le=1, description="Greatest share of the calm depth that rests")
    at: float = Field(0.0, ge=0, le=1e9, description="When it begins, s")
    lasts: float = Field(600.0, gt=0, le=1e9, description="Length of the window, s")
    recovery: float = Field(
        0.0, ge=0, le=1e9, description="Time that the way back takes after the window, s"
    )
    venues: tuple[str, ...] = Field(
        (), description="Where, `spot` among them; every market if none are named"
    )
    assets: tuple[str, ...] = Field((), description="Assets; all if none are named")

    def apply(self, timeline: Timeline, traders: Traders) -> None:
        """Set the cap and take it back."""
        floor = timeline.floor
        refusals = Refusals(self, floor)
        refusals.venues(self.venues, spot=True)
        refusals.assets(self.assets)
        refusals.begins("at", self.at)
        refusals.lasts("lasts", self.lasts)
        refusals.refuse()
        end = self.at + self.lasts
        stairs = _STEPS_BACK if self.recovery > 0 else 1
        way = np.arange(1, stairs + 1) / stairs
        times = [self.at, *(end + way * self.recovery)]
        caps = [self.to, *(self.to + way * (1.0 - self.to))]
        for market in np.flatnonzero(named(floor, self.venues, self.assets, spot=True)):
            for second, cap in zip(times, caps, strict=True):
                if second < floor.seconds:
                    timeline.edits.append(Edit(float(second), int(market), c.WILL_CAP, float(cap)))
