"""What came of a run: series by market, events by row, and where everyone stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seawall.core import _columns as c
from seawall.core.hooks import Floor

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SERIES = {
    "mid": c.MID,
    "mark": c.MARK,
    "index": c.INDEX,
    "standing_bid": c.STANDING_BID,
    "standing_ask": c.STANDING_ASK,
    "willingness": c.WILL,
    "open_interest": c.INTEREST,
    "session": c.SESSION,
    "variance": c.VARIANCE,
    "maker_held": c.MAKER_HELD,
}
"""Recorded columns, each of shape (T, M)."""


@dataclass(frozen=True, slots=True, eq=False)
class Events:
    """Everything that happened to anyone, one row each, in the order it happened.

    ``kind`` indexes ``seawall.core._columns.EVENT_NAMES``. ``market`` indexes the floor,
    ``account`` and ``position`` the book (-1 where none); ``venue`` the floor's venues.
    ``quantity`` is signed as the position was held, base; ``price`` USD; ``usd`` the notional or
    the money moved.
    """

    second: Floats
    kind: Ints
    market: Ints
    venue: Ints
    account: Ints
    position: Ints
    quantity: Floats
    price: Floats
    usd: Floats

    def __len__(self) -> int:
        return len(self.second)

    def of(self, *kinds: int) -> Events:
        """Only the events of some kinds."""
        rows = np.isin(self.kind, kinds)
        return Events(*(getattr(self, name)[rows] for name in self.__slots__))


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """One run from first to last step.

    Attributes
    ----------
    floor
        Markets and clock.
    start
        UTC nanoseconds of second 0.
    seed
        Seed of its streams.
    second
        Shape (T,): time of the recorded rows.
    series
        Recorded columns by name, shape (T, M); see ``SERIES``. Also ``forced_sold``,
        ``forced_bought`` and ``traded``: USD since the row before.
    fund
        Shape (T, V): USD each venue's fund is worth, its inventory at the mark.
    fund_start, fund_end
        Shape (V,): the same before the first step and after the last one, whatever is recorded.
    deposits
        USD that traders added when called.
    events
        By row.
    equity
        Shape (m,): USD equity of each account at the end.
    bad_debt
        Shape (V,): USD by which each fund is below zero at the end: what nobody paid.
    given_up
        Shape (V,): USD that auto-deleveraged winners gave up, the gap between the mark then and
        the price at which they were closed; < 0 if they gained by it.
    cash_error, interest_error
        Greatest relative miss of the conservation of cash and of long = short.
    """

    floor: Floor
    start: int
    seed: int
    second: Floats
    series: Mapping[str, Floats]
    fund: Floats
    fund_start: Floats
    fund_end: Floats
    deposits: float
    events: Events
    equity: Floats
    bad_debt: Floats
    given_up: Floats
    cash_error: float
    interest_error: float
