"""How far metaorders move the price of a zero-intelligence market: impact that nobody put in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from seawall.core import InputError, Mistake
from seawall.sim.zero_intelligence import ZeroIntelligenceMarket
from seawall.sim.zero_rules import ZeroIntelligenceRules

Floats = NDArray[np.float64]

SIZES = (10, 20, 50, 100, 200, 500, 1_000, 2_000)
LASTING = ZeroIntelligenceRules(resting=10_000, market_rate=0.02)
"""A deep book that is seldom traded against and slow to cancel: exponent about a half."""

_NORMAL_975 = 1.959963984540054


@dataclass(frozen=True, slots=True, eq=False)
class EmergentImpact:
    """Mean impact of metaorders by size, and the power law fitted to it.

    Attributes
    ----------
    size
        Lots, shape (s,).
    impact
        Mean move of the mid in the metaorder's direction from before its first slice until after
        the pause that follows its last one, ticks, shape (s,).
    standard_error
        Of ``impact``, shape (s,).
    exponent
        Of ``impact ~ size ** exponent``: least squares of the logarithms, weighted by precision,
        over sizes whose impact is at least twice its standard error. NaN with fewer than two.
    low, high
        95% interval of the exponent, widened where the power law fits worse than chance.
    small, large
        The exponent over the smaller and over the larger half of the sizes: where they lie apart,
        no one power law holds. NaN where a half has fewer than two sizes to fit.
    """

    size: Floats
    impact: Floats
    standard_error: Floats
    exponent: float
    low: float
    high: float
    small: float
    large: float


def measure_impact(
    rules: ZeroIntelligenceRules,
    sizes: Sequence[int] = SIZES,
    repeats: int = 200,
    slice_lots: int = 10,
    pause: int = 3,
    seed: int = 0,
) -> EmergentImpact:
    """Execute metaorders in a market whose agents have unlimited means.

    They buy and sell in turn, so that they leave no drift; between two pass five mean lifetimes
    of an order. One market serves all sizes.

    Parameters
    ----------
    rules
        Of the market; leverage and deposits are set aside.
    sizes
        Lots, multiples of ``slice_lots``, at least two of them.
    repeats
        Metaorders of each size, at least 2.
    slice_lots
        Lots of each market order that a metaorder is cut into.
    pause
        Random events after each slice.
    seed
        Of the market's random stream.

    Raises
    ------
    InputError
        If a parameter is out of range, or a metaorder emptied a side of the book.
    """
    _check(sizes, repeats, slice_lots, pause)
    wealthy = replace(rules, affordable_lots=10**6, leverage=(1,), maintenance=0.0)
    market = ZeroIntelligenceMarket(wealthy, seed).settle()
    rest = int(5 * _events_a_lifetime(rules))
    mean, error = np.empty(len(sizes)), np.empty(len(sizes))
    for n, size in enumerate(sizes):
        moves = np.empty(repeats)
        for r in range(repeats):
            side = 1 if r % 2 else -1
            mids = market.metaorder(side, size // slice_lots, slice_lots, pause)
            if None in market.best:
                raise InputError(
                    Mistake("a metaorder emptied a side of the book", value=f"{size} lots")
                )
            moves[r] = side * (mids[-1] - mids[0])
            market.run(rest)
        mean[n], error[n] = moves.mean(), moves.std(ddof=1) / np.sqrt(repeats)
    x = np.array(sizes, dtype=np.float64)
    exponent, half = _fit(x, mean, error)
    middle = len(sizes) // 2
    small = _fit(x[:middle], mean[:middle], error[:middle])[0]
    large = _fit(x[middle:], mean[middle:], error[middle:])[0]
    return EmergentImpact(x, mean, error, exponent, exponent - half, exponent + half, small, large)


def _events_a_lifetime(rules: ZeroIntelligenceRules) -> float:
    rate = rules.limit_rate + rules.market_rate + rules.cancel_rate * rules.orders_resting
    return rate / rules.cancel_rate


def _fit(size: Floats, impact: Floats, error: Floats) -> tuple[float, float]:
    """Exponent and half its 95% interval."""
    good = impact > 2 * error
    count = int(good.sum())
    if count < 2:
        return np.nan, np.nan
    weight = (impact[good] / error[good]) ** 2
    design = np.column_stack([np.ones(count), np.log(size[good])])
    target = np.log(impact[good])
    spread = np.linalg.inv(design.T @ (design * weight[:, None]))
    line = spread @ (design.T @ (target * weight))
    misfit = 1.0
    if count > 2:
        misfit = max(1.0, float((weight * (target - design @ line) ** 2).sum() / (count - 2)))
    return float(line[1]), _NORMAL_975 * float(np.sqrt(misfit * spread[1, 1]))


def _check(sizes: Sequence[int], repeats: int, slice_lots: int, pause: int) -> None:
    mistakes = [
        Mistake(f"{name} out of range", value=str(value), allowed=f"at least {low}")
        for name, value, low in (
            ("number of sizes", len(sizes), 2),
            ("repeats", repeats, 2),
            ("slice_lots", slice_lots, 1),
            ("pause", pause, 0),
        )
        if value < low
    ]
    mistakes += [
        Mistake(
            "size is no multiple of a slice",
            value=str(size),
            allowed=f"multiples of {slice_lots}, above 0",
        )
        for size in sizes
        if slice_lots > 0 and (size <= 0 or size % slice_lots)
    ]
    if mistakes:
        raise InputError(mistakes)
