"""Depth of an order book: USD that rests within a distance of mid."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

BANDS = (0.001, 0.005, 0.01, 0.02, 0.05)
"""Distances from mid, fractions."""

_ROUNDING = 1e-9
"""By how much a level on the edge of a band may seem to lie beyond it."""

Level = Sequence[float]


@dataclass(frozen=True, slots=True)
class Band:
    """What rests on both sides within a distance of mid.

    Attributes
    ----------
    band
        Distance from mid, a fraction.
    bid_usd, ask_usd
        USD on each side, at the orders' own prices.
    bid_whole, ask_whole
        Whether the answer reached that far; if not, the USD are a lower bound.
    """

    band: float
    bid_usd: float
    ask_usd: float
    bid_whole: bool
    ask_whole: bool


def mid_of(bids: Sequence[Level], asks: Sequence[Level]) -> float:
    """Middle of the best prices.

    Raises
    ------
    ValueError
        If a side is empty, a number is none, or the best prices cross.
    """
    if not bids or not asks:
        raise ValueError("an order book with an empty side")
    bid, ask = max(level[0] for level in bids), min(level[0] for level in asks)
    if not 0 < bid < ask < math.inf:
        raise ValueError(f"an order book that crosses: bid {bid}, ask {ask}")
    return (bid + ask) / 2


def bands_of(
    bids: Sequence[Level],
    asks: Sequence[Level],
    unit: float,
    inverse: bool,
    most: int,
) -> list[Band]:
    """USD within each of :data:`BANDS`.

    Parameters
    ----------
    bids, asks
        Rows of price and amount, in any order.
    unit
        What one of the amounts stands for: base units, or USD of an inverse contract.
    most
        Levels a side that were asked for: with fewer, the side is there in whole.

    Raises
    ------
    ValueError
        As :func:`mid_of`, and for an amount that is no number of 0 or more.
    """
    mid = mid_of(bids, asks)
    usd: list[list[float]] = []
    whole: list[list[bool]] = []
    for levels in (bids, asks):
        rows = [(abs(p / mid - 1), q * unit * (1.0 if inverse else p)) for p, q, *_ in levels]
        if not all(0 <= resting < math.inf and away < math.inf for away, resting in rows):
            raise ValueError("an order book with an amount that is none")
        reach = math.inf if len(rows) < most else max(away for away, _ in rows)
        usd.append([math.fsum(r for away, r in rows if away <= b + _ROUNDING) for b in BANDS])
        whole.append([reach >= b - _ROUNDING for b in BANDS])
    return [Band(*row) for row in zip(BANDS, *usd, *whole, strict=True)]


def widest(books: Sequence[Sequence[Band]]) -> list[Band]:
    """Of books from fine to coarse, each band from the finest that reaches that far.

    A side that none reaches is taken from the coarsest, as a lower bound.
    """
    chosen = []
    for several in zip(*books, strict=True):
        bid = next((b for b in several if b.bid_whole), several[-1])
        ask = next((b for b in several if b.ask_whole), several[-1])
        chosen.append(Band(bid.band, bid.bid_usd, ask.ask_usd, bid.bid_whole, ask.ask_whole))
    return chosen
