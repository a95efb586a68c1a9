"""The liquidation map: what would be forced at each price, and where it clusters."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seawall.core import InputError, Mistake
from seawall.margin import MarginBook

Floats = NDArray[np.float64]

_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
_MOST_BINS = 100_000


@dataclass(frozen=True, slots=True, eq=False)
class LiquidationMap:
    """Notional forced at each price of one asset.

    Attributes
    ----------
    asset, mark
        The underlying, and its notional-weighted mark price in USD.
    edges
        Shape (B + 1,): prices between bins, USD.
    long_usd, short_usd
        Shape (V, B): USD forced in each bin by venue, at the liquidation price itself.
    venues
        Names of the V rows.
    below, above
        USD of (long, short) positions whose liquidation price lies outside the grid.
    never
        USD of positions that no price of this asset alone liquidates.
    already
        USD of positions whose account is below maintenance at the marks: they are not drawn.
    """

    asset: str
    mark: float
    edges: Floats
    long_usd: Floats
    short_usd: Floats
    venues: tuple[str, ...]
    below: tuple[float, float]
    above: tuple[float, float]
    never: float
    already: float

    @property
    def centres(self) -> Floats:
        """Shape (B,): middle of each bin."""
        return (self.edges[1:] + self.edges[:-1]) / 2


@dataclass(frozen=True, slots=True)
class Cluster:
    """A run of bins in which much is forced. Distances are from mark, < 0 below it."""

    asset: str
    side: str
    peak: float
    low: float
    high: float
    notional_usd: float
    distance: float
    sigmas: float


def bin_width(mark: float, share: float = 0.0025) -> float:
    """A round price step near ``share`` of the mark: 1, 2, 2.5 or 5 times a power of ten."""
    wanted = mark * share
    power = 10.0 ** math.floor(math.log10(wanted))
    return min((s * power for s in _STEPS), key=lambda s: abs(math.log(s / wanted)))


def liquidation_map(
    margin: MarginBook,
    asset: str,
    span: float = 0.35,
    width: float | None = None,
    prices: Floats | None = None,
) -> LiquidationMap:
    """Map of one asset.

    Every position counts at the price at which its account falls when this asset alone moves;
    what such a fall forces in other assets belongs to the cascade, not to the map.

    Parameters
    ----------
    asset
        Underlying.
    span
        Half-width of the grid, as a share of mark.
    width
        Price step in USD; by default :func:`bin_width`.
    prices
        Shape (n,): liquidation prices, where already computed.

    Raises
    ------
    InputError
        If the asset is not in the book or the grid is empty.
    """
    book = margin.book
    if asset not in book.assets:
        raise InputError(
            Mistake("no such asset in the book", value=asset, allowed=", ".join(book.assets[:20]))
        )
    if not span > 0:
        raise InputError(Mistake("span out of range", value=str(span), allowed="above 0"))
    mine = book.asset_codes() == book.assets.index(asset)
    notional = book.notional()
    weight = notional[mine]
    mark = float(np.average(book.positions.mark[mine], weights=weight))
    step = bin_width(mark) if width is None else width
    if 2 * span * mark / step > _MOST_BINS:
        raise InputError(
            Mistake(
                "price step too fine for this span",
                "--step",
                value=str(step),
                allowed=f"at most {_MOST_BINS:,} steps",
                mend=f"Use a step of at least {2 * span * mark / _MOST_BINS:g}.",
            )
        )
    low = max(math.floor(mark * (1 - span) / step), 0)
    edges = step * np.arange(low, math.ceil(mark * (1 + span) / step) + 1, dtype=np.float64)

    price = margin.liquidation_price() if prices is None else prices
    # a position's own mark may differ from the asset's: the map is drawn in relative terms
    at = price[mine] / book.positions.mark[mine] * mark
    usd = np.where(book.inverse()[mine], weight, np.abs(book.positions.size[mine]) * price[mine])
    long = book.positions.size[mine] > 0
    fallen = margin.accounts_state().liquidatable[book.positions.account[mine]]
    venue = margin.venue_of_positions()[mine]
    never = np.isnan(at) & ~fallen
    drawn = ~np.isnan(at) & ~fallen
    shape = (len(book.venues), len(edges) - 1)
    sides = [np.zeros(shape), np.zeros(shape)]
    for side, grid in ((long, sides[0]), (~long, sides[1])):
        chosen = drawn & side
        b = np.searchsorted(edges, at[chosen], side="right") - 1
        inside = (b >= 0) & (b < shape[1])
        np.add.at(grid, (venue[chosen][inside], b[inside]), usd[chosen][inside])

    def outside(condition: NDArray[np.bool_]) -> tuple[float, float]:
        return (
            float(usd[drawn & condition & long].sum()),
            float(usd[drawn & condition & ~long].sum()),
        )

    return LiquidationMap(
        asset=asset,
        mark=mark,
        edges=edges,
        long_usd=sides[0],
        short_usd=sides[1],
        venues=book.venues,
        below=outside(at < edges[0]),
        above=outside(at >= edges[-1]),
        never=float(weight[never].sum()),
        already=float(weight[fallen].sum()),
    )


def clusters(
    drawn: LiquidationMap, daily_sigma: float, most: int = 8, least_share: float = 0.01
) -> tuple[Cluster, ...]:
    """Clusters of a map, largest first.

    The rule: bins of one side (all venues together) are taken from the highest down; a cluster
    is the run of neighbouring bins around such a peak that hold at least half of the peak, cut
    where it meets a cluster already found. Runs with less than ``least_share`` of the side's
    notional on the grid are not named.
    """
    found = []
    for side, grid in (("long", drawn.long_usd), ("short", drawn.short_usd)):
        height = grid.sum(axis=0)
        total = float(height.sum())
        taken = height <= 0
        while total > 0 and not taken.all():
            free = np.where(taken, 0.0, height)
            peak = int(np.argmax(free))
            if free[peak] <= 0:
                break
            a = b = peak
            half = height[peak] / 2
            while a > 0 and not taken[a - 1] and height[a - 1] >= half:
                a -= 1
            while b + 1 < len(height) and not taken[b + 1] and height[b + 1] >= half:
                b += 1
            taken[a : b + 1] = True
            usd = float(height[a : b + 1].sum())
            if usd < least_share * total:
                if free[peak] * len(height) < least_share * total:
                    break
                continue
            price = float(drawn.centres[peak])
            distance = price / drawn.mark - 1.0
            found.append(
                Cluster(
                    drawn.asset,
                    side,
                    price,
                    float(drawn.edges[a]),
                    float(drawn.edges[b + 1]),
                    usd,
                    distance,
                    math.log(price / drawn.mark) / daily_sigma,
                )
            )
    return tuple(sorted(found, key=lambda c: -c.notional_usd)[:most])
