"""An index that comes late."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import Field

from seawall.core import _columns as c
from seawall.core.hooks import Traders
from seawall.sim.reach import Refusals, named
from seawall.sim.shocks import Edit, Shock, Timeline


class OracleLag(Shock):
    """The index of some venues is late by so many seconds more than usual, for a window.

    Assumes that the lag sets in and ends at once. A late index is an exponential average of the
    spot price with the lag as its time constant, so that it is late by that much on average. Spot
    markets have no index of their own.
    """

    title: ClassVar[str] = "Late index"
    source: ClassVar[str] = (
        "The delay is the scenario's. Venues' oracles publish every 1 to 3 s when well; their "
        "documents do not say how late they were in a crisis"
    )

    lag: float = Field(
        30.0, gt=0, le=86_400, description="By how much later than usual the index is, s"
    )
    at: float = Field(0.0, ge=0, le=1e9, description="When it begins, s")
    lasts: float = Field(600.0, gt=0, le=1e9, description="Length of the window, s")
    venues: tuple[str, ...] = Field((), description="Where; on all venues if none are named")
    assets: tuple[str, ...] = Field((), description="Assets; all if none are named")

    def apply(self, timeline: Timeline, traders: Traders) -> None:
        """Set the lag and take it back."""
        floor = timeline.floor
        refusals = Refusals(self, floor)
        refusals.venues(self.venues)
        refusals.assets(self.assets)
        refusals.begins("at", self.at)
        refusals.lasts("lasts", self.lasts)
        refusals.refuse()
        end = self.at + self.lasts
        for market in np.flatnonzero(named(floor, self.venues, self.assets)):
            timeline.edits.append(Edit(self.at, int(market), c.INDEX_LAG, self.lag, add=True))
            if end < floor.seconds:
                timeline.edits.append(Edit(end, int(market), c.INDEX_LAG, -self.lag, add=True))
