"""A venue that is down."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import Field

from seawall.core import _columns as c
from seawall.core.hooks import Traders
from seawall.sim.reach import Refusals, named
from seawall.sim.shocks import Edit, Shock, Timeline


class VenueOutage(Shock):
    """Nothing happens on a venue for a window: no trade, no mark, no liquidation.

    At its end the venue opens where the others stand: marks jump, and all that would have been
    liquidated on the way is liquidated then. Assumes that makers' orders are still there when it
    comes back; a withdrawal of depth says otherwise.
    """

    title: ClassVar[str] = "Venue outage"
    source: ClassVar[str] = (
        "BitMEX, 13 March 2020, 25 minutes amid a fall; Binance and others, 19 May 2021 and "
        "10 October 2025 (reports of users and venues)"
    )

    venues: tuple[str, ...] = Field(min_length=1, description="Venues that are down, or `spot`")
    at: float = Field(0.0, ge=0, le=1e9, description="When it begins, s")
    lasts: float = Field(1500.0, gt=0, le=1e9, description="Length of the outage, s")

    def apply(self, timeline: Timeline, traders: Traders) -> None:
        """Take the venue's markets down and bring them back."""
        floor = timeline.floor
        refusals = Refusals(self, floor)
        refusals.venues(self.venues, spot=True)
        refusals.begins("at", self.at)
        refusals.lasts("lasts", self.lasts)
        refusals.refuse()
        end = self.at + self.lasts
        for market in np.flatnonzero(named(floor, self.venues)):
            timeline.edits.append(Edit(self.at, int(market), c.SESSION, c.DOWN))
            if end < floor.seconds:
                timeline.edits.append(Edit(end, int(market), c.SESSION, c.OPEN))
