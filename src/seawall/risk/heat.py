"""The liquidation map through time: what would be forced at each price, moment by moment."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seawall.risk.map import LiquidationMap, bin_width

Floats = NDArray[np.float64]

COLOURS = 255
"""Shades of a coded map; 0 is nothing at all."""


@dataclass(frozen=True, slots=True, eq=False)
class Closings:
    """Parts of positions that were closed, a row each.

    Attributes
    ----------
    position
        Shape (k,): row of the position.
    second
        Shape (k,): when.
    share
        Shape (k,): part of the position as it was at first, 0 to 1.
    """

    position: NDArray[np.int64]
    second: Floats
    share: Floats


def map_through_time(
    prices: Floats, notional: Floats, edges: Floats, seconds: Floats, closings: Closings
) -> Floats:
    """USD that would be forced in each price bin at each moment.

    A position stands at the liquidation price that it had at first, until it is closed; one
    without such a price, or with one off the grid, is not drawn.

    Parameters
    ----------
    prices, notional
        Shape (n,): liquidation price of each position (NaN without one), and USD.
    edges
        Shape (B + 1,): prices between bins, rising.
    seconds
        Shape (T,): the moments, rising; what is closed at a moment is gone then.

    Returns
    -------
    Shape (T, B), USD, >= 0.
    """
    bins, steps = len(edges) - 1, len(seconds)
    row = np.searchsorted(edges, prices, side="right") - 1
    row = np.where(np.isfinite(prices) & (prices < edges[-1]), row, -1)
    drawn = row >= 0
    first = np.bincount(row[drawn], notional[drawn], bins)
    gone = np.zeros((steps + 1, bins))
    mine = drawn[closings.position]
    which = closings.position[mine]
    step = np.searchsorted(seconds, closings.second[mine], side="left")
    np.add.at(gone, (step, row[which]), notional[which] * closings.share[mine])
    # sums of parts may pass the whole by the last digit
    left = first[None, :] - np.cumsum(gone[:steps], axis=0)
    return np.where(left > 1e-9 * np.maximum(first, 1.0), left, 0.0)


def shades(usd: Floats, floor: float = 1e-4) -> tuple[NDArray[np.uint8], float]:
    """A map in 256 shades, even in the logarithm: 0 nothing, 255 the most.

    Parameters
    ----------
    usd
        Any shape, USD, >= 0.
    floor
        Share of the most from which on there is a shade.

    Returns
    -------
    The shades, of the same shape, and the USD of the deepest; 0 where nothing is there.
    """
    most = float(usd.max(initial=0.0))
    if most <= 0:
        return np.zeros(usd.shape, dtype=np.uint8), 0.0
    share = np.clip(usd / most, floor, 1.0)
    code = 1 + np.rint((COLOURS - 1) * (1 - np.log(share) / np.log(floor)))
    return np.where(usd >= floor * most, code, 0).astype(np.uint8), most


def usd_of_shades(most: float, floor: float = 1e-4) -> Floats:
    """USD of each shade of a coded map: the inverse of :func:`shades`, to half a step.

    Parameters
    ----------
    most
        USD of the deepest shade.
    floor
        As the map was coded with.

    Returns
    -------
    Shape (256,), USD; neighbours stand in a ratio of ``floor ** (-1 / 254)``, 3.7%.
    """
    code = np.arange(COLOURS + 1)
    usd = most * floor ** (1.0 - (code - 1) / (COLOURS - 1))
    return np.where(code > 0, usd, 0.0)


def at_price(
    asset: str, usd: Floats, long: NDArray[np.bool_], edges: Floats, mark: float
) -> LiquidationMap:
    """One moment of a map through time, as a map at a price.

    Parameters
    ----------
    usd
        Shape (B,): USD by price bin.
    long
        Shape (B,): whether a bin holds longs.
    edges
        Shape (B + 1,): prices between the bins, evenly spaced.
    mark
        Price of the moment. Bins that the price has passed without a closing (longs above it,
        shorts below) are no longer where their positions fall, and are left out; their sum is
        ``already``.

    Returns
    -------
    The map on bins merged to about the width of :func:`seawall.risk.map.bin_width`, which the
    rule for clusters is meant for.
    """
    ahead = np.where(long, edges[:-1] < mark, edges[1:] > mark)
    each = max(1, round(bin_width(mark) / float(edges[1] - edges[0])))
    firsts = np.arange(0, len(usd), each)
    merged = [np.add.reduceat(np.where(ahead & s, usd, 0.0), firsts) for s in (long, ~long)]
    return LiquidationMap(
        asset=asset,
        mark=mark,
        edges=np.append(edges[firsts], edges[-1]),
        long_usd=merged[0][None, :],
        short_usd=merged[1][None, :],
        venues=("all",),
        below=(0.0, 0.0),
        above=(0.0, 0.0),
        never=0.0,
        already=float(usd[~ahead].sum()),
    )
