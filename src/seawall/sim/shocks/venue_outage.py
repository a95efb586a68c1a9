"""A venue that is down."""

from __future__ import annotations

from math import inf
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
    comes back; a withdrawal of depth says otherwise. Where several outages of a venue overlap, it
    is down until the last of them ends.
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
        for market in np.flatnonzero(named(floor, self.venues)).tolist():
            windows = [*_taken_out(timeline, market), (self.at, self.at + self.lasts)]
            for begin, end in _union(windows):
                timeline.edits.append(Edit(begin, market, c.SESSION, c.DOWN))
                if end < floor.seconds:
                    timeline.edits.append(Edit(end, market, c.SESSION, c.OPEN))


def _taken_out(timeline: Timeline, market: int) -> list[tuple[float, float]]:
    """Windows in which a market is down so far, s; their edits are taken out of the timeline."""

    def mine(e: Edit) -> bool:
        plain = not (e.multiply or e.add) and e.value in (c.DOWN, c.OPEN)
        return plain and e.market == market and e.column == c.SESSION

    windows: list[tuple[float, float]] = []
    begin = inf
    for e in sorted(filter(mine, timeline.edits), key=lambda e: e.second):
        if e.value == c.DOWN:
            begin = min(begin, e.second)
        elif begin < inf:
            windows.append((begin, e.second))
            begin = inf
    if begin < inf:
        windows.append((begin, inf))
    timeline.edits[:] = [e for e in timeline.edits if not mine(e)]
    return windows


def _union(windows: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Windows that do not meet and cover the same time, earliest first."""
    joined: list[tuple[float, float]] = []
    for begin, end in sorted(windows):
        if joined and begin <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((begin, end))
    return joined
