"""What a crash leaves behind, recorded or simulated, as columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from seawall.core import InternalError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class EventCodes:
    """Kind codes of the event columns; each a tuple, so that several kinds may count as one.

    Parameters
    ----------
    liquidated
        A forced closing of a liquidated account's position, in part or whole, however it was
        closed: in the book, taken over, or against a deleveraged one. Stops do not count.
    deleveraged
        A closing of the counterpart. Never added to the former.
    shortfall
        Equity below zero that an account leaves; ``usd`` >= 0.
    fund_draw
        What an insurance fund pays; ``usd`` >= 0.
    """

    liquidated: tuple[int, ...] = (0,)
    deleveraged: tuple[int, ...] = (1,)
    shortfall: tuple[int, ...] = (2,)
    fund_draw: tuple[int, ...] = (3,)


@dataclass(frozen=True, slots=True, eq=False)
class Events:
    """Columns of events, shape (E,) each, in any order.

    Parameters
    ----------
    time
        UTC nanoseconds.
    market
        Index into the tape's markets.
    kind
        Code; see :class:`EventCodes`.
    usd
        USD notional at the price of the event, >= 0.
    side
        Side of the position closed: > 0 long.
    account
        Whose it was.
    """

    time: Ints
    market: Ints
    kind: Ints
    usd: Floats
    side: Ints
    account: Ints

    def __post_init__(self) -> None:
        lengths = {f.name: len(getattr(self, f.name)) for f in fields(self)}
        if len(set(lengths.values())) != 1:
            raise InternalError(f"columns of events of unequal length: {lengths}")

    def where(self, kinds: tuple[int, ...], markets: Mask, first: int, last: int) -> Mask:
        """Shape (E,): events of some kinds and markets from ``first`` to before ``last``."""
        inside = (self.time >= first) & (self.time < last)
        return np.asarray(inside & np.isin(self.kind, kinds) & markets[self.market])


@dataclass(frozen=True, slots=True, eq=False)
class Tape:
    """Samples of T times and M markets, and events where they are known.

    Parameters
    ----------
    markets
        Venue and asset of each market.
    time
        Shape (T,), rising: UTC nanoseconds of the samples.
    price
        Shape (T, M): USD; NaN where a market is not recorded.
    events
        None where none are known.
    open_interest, depth, volume
        Shape (T, M) each or None: USD of one side; USD within 1% of mid, the thinner side; USD
        traded since the sample before.
    funds
        By venue, shape (T,): USD its insurance fund or vault is worth; None if not recorded.
    """

    markets: tuple[tuple[str, str], ...]
    time: Ints
    price: Floats
    events: Events | None = None
    open_interest: Floats | None = None
    depth: Floats | None = None
    volume: Floats | None = None
    funds: Mapping[str, Floats] | None = None

    def __post_init__(self) -> None:
        wanted = (len(self.time), len(self.markets))
        for name in ("price", "open_interest", "depth", "volume"):
            table = getattr(self, name)
            if table is not None and table.shape != wanted:
                raise InternalError(f"{name} of a tape has shape {table.shape}, not {wanted}")
        if not (np.diff(self.time) > 0).all():
            raise InternalError("the times of a tape must rise")

    def markets_of(self, venue: str | None = None, *assets: str) -> Mask:
        """Shape (M,): markets of a venue (of all if None) in some assets (in all if none)."""
        return np.array(
            [(venue in (None, v)) and (not assets or a in assets) for v, a in self.markets],
            dtype=np.bool_,
        )

    def reaches(self, moment: int) -> bool:
        """Whether it begins before a moment and goes on until it, give or take one sample."""
        if not len(self.time) or self.time[0] > moment:
            return False
        step = int(self.time[-1] - self.time[-2]) if len(self.time) > 1 else 0
        return bool(self.time[-1] + step >= moment)

    def index(self, moment: int) -> int:
        """Index of the last sample not after a moment; -1 if there is none."""
        return int(np.searchsorted(self.time, moment, side="right")) - 1

    def prices(self, venue: str, asset: str, first: int, last: int) -> tuple[Ints, Floats]:
        """Times and prices of one market, from ``first`` to before ``last``; empty if unknown."""
        column = np.flatnonzero(self.markets_of(venue, asset))
        if not len(column):
            return np.empty(0, dtype=np.int64), np.empty(0)
        a, b = np.searchsorted(self.time, (first, last))
        price = self.price[a:b, column[0]]
        known = np.isfinite(price)
        return self.time[a:b][known], price[known]


def candle_path(start: Ints, candles: Floats, length: int) -> tuple[Ints, Floats]:
    """Candles as a path that starts, bottoms, peaks and ends as they do.

    When within a candle its extremes fell is not recorded: they stand in its middle.

    Parameters
    ----------
    start
        Shape (K,): UTC nanoseconds of their starts.
    candles
        Shape (K, 4): open, high, low, close.
    length
        Nanoseconds of one.

    Returns
    -------
    Times and prices, shape (4 K,) each: open at the start, low in the middle, high and close a
    nanosecond after it and before the end.
    """
    way = np.array([0, length // 2, length // 2 + 1, length - 1])
    time = (start[:, None] + way).ravel()
    return time, np.ascontiguousarray(candles[:, [0, 2, 1, 3]]).ravel()
