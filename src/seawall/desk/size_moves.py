"""How a size should change as volatility moves, and when the change is not worth its cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from seawall.desk.paths import DAY, Paths
from seawall.desk.size import Sizer, Sizing, least_paths, size
from seawall.desk.size_limits import Bound, Wanted
from seawall.desk.size_rules import Edge, kelly, no_trade_band

FACTORS = (0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 3.0)
"""Multiples of the present volatility."""
_PATHS = 2_000
_POINTS = 20


@dataclass(frozen=True, slots=True)
class Plan:
    """What to hold at one volatility.

    Attributes
    ----------
    factor, daily_sigma
        The volatility: over the present one, and a day.
    limit_usd, binding
        Largest notional within all limits there, and which binds.
    target_usd
        What keeps the risk in USD as it is now, no more than the limit and, of what hedges the rest
        of its account, no less than the limits ask for.
    low_usd, high_usd
        Between them nothing is done; outside the size is brought to the nearer end.
    """

    factor: float
    daily_sigma: float
    limit_usd: float
    binding: Bound
    target_usd: float
    low_usd: float
    high_usd: float

    def then(self, held_usd: float) -> float:
        """What is held afterwards of a size held before."""
        return min(max(held_usd, self.low_usd), self.high_usd)


def scaled(paths: Paths, factor: float) -> Paths:
    """The same paths with all log changes multiplied."""
    one = np.float32(factor)
    return replace(paths, close=paths.close * one, low=paths.low * one, high=paths.high * one)


def daily_sigma(sizer: Sizer) -> float:
    """Standard deviation of the position's log price over a day of the paths."""
    paths = sizer.paths.of((sizer.resizing.asset,))
    horizon = min(DAY, paths.seconds)
    return float(paths.at(horizon)[:, 0].std() * np.sqrt(DAY / horizon))


def plans(
    sizer: Sizer,
    sizing: Sizing,
    *,
    edge: Edge | None = None,
    years: float = 1.0,
    daily_nu: float = 0.0,
    band: float | None = None,
    factors: Sequence[float] = FACTORS,
) -> tuple[Plan, ...]:
    """What to hold at other volatilities, all else equal.

    Parameters
    ----------
    sizing
        The size recommended now: its risk is what is kept.
    edge, years
        As for :func:`seawall.desk.size_rules.kelly`, whose leverage falls with the variance.
    daily_nu
        Standard deviation of a day's change of the log volatility.
    band
        Half-width within which nothing is done, a part of the target; by default that of
        :func:`seawall.desk.size_rules.no_trade_band`.
    """
    count = max(_PATHS, least_paths(sizing.wanted.probability))
    few = replace(sizer, paths=sizer.paths.thinned(count))
    now = daily_sigma(sizer)
    cost = sizer.taker_fee + float(sizer.slippage(np.array([0.1 * sizing.notional_usd]), False)[0])
    aversion = 1.0 / (edge.fraction if edge is not None else Edge(0.0).fraction)
    out = []
    for factor in factors:
        there = replace(few, paths=scaled(few.paths, factor))
        wanted: Wanted = sizing.wanted
        if edge is not None:
            wanted = replace(wanted, kelly=kelly(edge, now * factor, years).leverage)
        found = size(there, wanted, 0.0, _POINTS, closed=False)
        limit = found.notional_usd if factor != 1.0 else sizing.notional_usd
        binding = found.binding if factor != 1.0 else sizing.binding
        # what hedges the rest of the account has a least size, too
        least = found.from_usd if factor != 1.0 else sizing.from_usd
        least = min(least, limit) if sizing.notional_usd > 0.0 else 0.0
        target = min(max(sizing.notional_usd / factor, least), limit)
        width = band
        if width is None:
            leverage = target / sizing.resizing.equity_usd
            width = min(1.0, no_trade_band(leverage, now * factor, daily_nu, cost, aversion))
        out.append(
            Plan(factor, now * factor, limit, binding, target, max(target * (1.0 - width), least),
                 min(target * (1.0 + width), max(limit, target)))
        )  # fmt: skip
    return tuple(out)
