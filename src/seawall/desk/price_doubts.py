"""What in a history of prices makes a fit to it doubtful: standing prices, lone extremes, cuts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from seawall.core import InputError, Mistake, format_time
from seawall.desk.candles import Candles

Floats = NDArray[np.float64]

STANDING = 6
"""Hours in a row that move in nothing from which on they are told of."""
FROZEN = 24
"""Such hours in a row with which a history is refused."""
BEYOND = 2.5
"""Factor by which a candle's extreme lies beyond its open and its close if it is told of.

On 10 October 2025 hours of BTC, ETH, SOL, XRP, BNB and DOGE at Binance went to 0.48 of the lower of
the two, by the mark; of the smallest coins to 0.22.
"""
WITNESS = 20.0
"""An extreme confirms another's of its hour if, in logarithms, it is no less than that one's over
this, and no less than its own coin's median times this.

On 10 October 2025 the low of BTC lay a factor of 1.11 beyond, a fifteenth of the widest of 15 coins
by the mark, and each of the 15 went beyond 60 of its own medians. In other hours of 13 months one
hour of a coin in 2,000 is such a witness to a factor of ``BEYOND``; of the wildest, one in 450.
"""
_HOUR = 3_600.0


def doubts(hours: Candles) -> tuple[str, ...]:
    """Lines on hourly candles that a fit rests on.

    Raises
    ------
    InputError
        Naming every price that stands still for a day or longer.
    """
    runs = [(a, *_longest(_still(hours, k))) for k, a in enumerate(hours.assets)]
    frozen = [(a, at, n) for a, at, n in runs if n >= FROZEN]
    if frozen:
        raise InputError(
            [
                Mistake(
                    "a price that stands still",
                    hours.source,
                    value=f"{a} from {format_time(int(hours.time[at]))}, {n} hours",
                    allowed=f"below {FROZEN} hours without any move",
                    mend="Leave these candles out, or take them from another source",
                )
                for a, at, n in frozen
            ]
        )
    lines = [
        f"{a} stands still for {n} hours from {format_time(int(hours.time[at]))} in "
        f"{hours.source}: if its feed did, the odds are too low."
        for a, at, n in runs
        if n >= STANDING
    ]
    return (*lines, *_lone(hours))


def _still(hours: Candles, k: int) -> NDArray[np.bool_]:
    """Shape (T,): whether an hour's prices are all the close before."""
    before = hours.close[:-1, k]
    same = [getattr(hours, name)[1:, k] == before for name in ("high", "low", "close")]
    return np.concatenate(([False], np.logical_and.reduce(same)))


def _longest(still: NDArray[np.bool_]) -> tuple[int, int]:
    """Where the longest run begins, and how long it is."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], still.astype(np.int8), [0]))))
    begin, end = edges[::2], edges[1::2]
    if not len(begin):
        return 0, 0
    k = int(np.argmax(end - begin))
    return int(begin[k]), int(end[k] - begin[k])


def _lone(hours: Candles) -> list[str]:
    """A line for each asset with an extreme that neither its candle nor other assets confirm."""
    wicks = _wicks(hours)
    if not (wicks > BEYOND).any():
        return []
    names = {"low": hours.low, "high": hours.high}
    others = [(a, wicks[:, :, k]) for k, a in enumerate(hours.assets)] + _further(hours)
    lines = []
    for k, asset in enumerate(hours.assets):
        beyond = wicks[:, :, k] > BEYOND
        rest = [w for a, w in others if a != asset]
        with_it = {
            (d, t): _confirmed(float(wicks[d, t, k]), rest, d, t)
            for d, t in np.argwhere(beyond).tolist()
        }
        alone = [at for at, count in with_it.items() if not count or 2 * count < len(rest)]
        if not alone:
            continue
        d, t = max(alone, key=lambda at: float(wicks[at[0], at[1], k]))
        name = tuple(names)[d]
        more = f", one of {len(alone)} such hours" if len(alone) > 1 else ""
        lines.append(
            f"The {name} of {asset} at {format_time(int(hours.time[t]))}, "
            f"{names[name][t, k]:,.6g}, lies a factor of {wicks[d, t, k]:.1f} beyond that hour's "
            f"open and close{more}; {_compared(with_it[d, t], len(rest), name)}: if nothing traded "
            "there, the odds are too high."
        )
    return lines


def _wicks(hours: Candles) -> Floats:
    """Shape (2, T, A): factor by which the low and the high lie beyond open and close."""
    low = np.minimum(hours.open, hours.close) / hours.low
    return np.stack((low, hours.high / np.maximum(hours.open, hours.close)))


def _further(hours: Candles) -> list[tuple[str, Floats]]:
    """Those of further assets of the source, on the same hours, (2, T) each."""
    found = []
    for one in () if hours.beside is None else hours.beside():
        if one.time[0] > hours.time[0] or one.end < hours.end:
            continue
        # both end at one moment, so that their hours are the same
        same = one.until(hours.end).coarser(_HOUR).last(len(hours))
        if np.array_equal(same.time, hours.time):
            found.append((one.assets[0], _wicks(same)[:, :, 0]))
    return found


def _confirmed(wick: float, others: Sequence[Floats], d: int, t: int) -> int:
    """How many other assets (2, T) went far to that side, by this wick's size and by their own."""
    count = 0
    for other in others:
        # a median, since a second crash in a short history must not count against the first
        usual = np.log(np.median(other[d]))
        count += bool(np.log(other[d, t]) >= max(np.log(wick) / WITNESS, usual * WITNESS))
    return count


def _compared(count: int, others: int, name: str) -> str:
    if not others:
        return "no other coin is there to compare it with"
    coins = "1 other coin" if others == 1 else f"{others} other coins"
    return f"{count or 'none'} of {coins} had such a {name} then"
