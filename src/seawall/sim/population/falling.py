"""The accounts that fall: drawn to the record of 21 November and to an ordinary day's toll."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seawall.liquidity import daily_volatility_of
from seawall.sim.population.distributions import (
    apportion,
    attract,
    fit_margins,
    heavy_tailed,
    rising,
    round_step,
    stream,
)
from seawall.sim.population.drawn import Band, Drawn
from seawall.sim.population.recipe import Recipe

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

EDGE = 8e-4
"""Liquidation prices keep this far, relative to the mark, from the end of their band."""


@dataclass(frozen=True, slots=True, eq=False)
class FallPlan:
    """What the falling accounts shall sum to.

    Attributes
    ----------
    notional
        Shape (3, V, A): USD at liquidation by band, venue and asset.
    traders
        Shape (3, V): accounts by band and venue.
    power
        Liquidations grow as this power of the distance that prices fall.
    ordinary
        Shape (A,): an ordinary day's fall, a fraction: one daily standard deviation.
    scale
        Accounts drawn over those of the record; all sums are scaled.
    """

    notional: Floats
    traders: Counts
    power: float
    ordinary: Floats
    scale: float


def plan_fall(recipe: Recipe, scale: float) -> FallPlan:
    """The record spread over venues, assets and bands.

    Sums by venue and side and by asset and side are the record's; within them a market's part
    follows its open interest. The ordinary day's part of each asset's longs is the distance of
    an ordinary fall over the day's fall to the one power that gives the recorded toll.
    """
    ordinary = ordinary_falls(recipe)
    drop = np.array([1.0 - a.fall_to / a.mark for a in recipe.assets])
    long, short = _by_market(recipe)
    power = _power(long.sum(axis=0), ordinary / drop, recipe.value("ordinary_usd"))
    near = long * (ordinary / drop) ** power
    notional = np.stack((near, long - near, short))
    return FallPlan(notional * scale, _traders(recipe, notional, scale), power, ordinary, scale)


def ordinary_falls(recipe: Recipe) -> Floats:
    """Shape (A,): one daily standard deviation of each asset, a fraction."""
    return daily_volatility_of([a.name for a in recipe.assets]).values


def _by_market(recipe: Recipe) -> tuple[Floats, Floats]:
    """Shape (V, A) each: USD of longs and of shorts liquidated."""
    total, share = recipe.by_venue("usd"), recipe.by_venue("long_share")
    rows_long, rows_short = total * share, total * (1.0 - share)
    weight = np.array([a.liquidated_weight for a in recipe.assets])
    asset = np.zeros(len(recipe.assets))
    asset[:2] = recipe.value("btc_usd"), recipe.value("eth_usd")
    asset += weight / weight.sum() * (total.sum() - asset.sum())
    # shorts outside BTC are spread evenly: their part by coin is not published
    short = np.empty_like(asset)
    short[0] = asset[0] - recipe.value("btc_long_usd")
    short[1:] = asset[1:] * (rows_short.sum() - short[0]) / asset[1:].sum()
    start = recipe.open_interest()
    return (
        fit_margins(start, rows_long, asset - short),
        fit_margins(start, rows_short, short),
    )


def _power(usd: Floats, way: Floats, wanted: float) -> float:
    """The power p at which ``sum(usd * way ** p)`` is ``wanted``; ``way`` lies in (0, 1)."""
    low, high = 0.0, 32.0
    for _ in range(80):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if (usd * way**middle).sum() > wanted else (low, middle)
    return high


def _traders(recipe: Recipe, notional: Floats, scale: float) -> Counts:
    """Shape (3, V): accounts by band and venue."""
    total, near = recipe.value("traders"), recipe.value("ordinary_traders")
    usd = notional.sum(axis=2)
    rise = total * usd[Band.RISE].sum() / usd.sum()
    bands = np.array([near, total - near - rise, rise])
    laid = np.array([v.liquidated_traders for v in recipe.venues])
    open_venues = np.isnan(laid)
    rest = usd.sum(axis=0) * open_venues
    venues = np.where(open_venues, rest / rest.sum() * (total - np.nansum(laid)), laid)
    table = fit_margins(usd, bands, venues)
    whole = apportion(bands, round(total * scale))
    return np.stack([apportion(row, int(n)) for row, n in zip(table, whole, strict=True)])


def draw_falling(recipe: Recipe, plan: FallPlan, seed: int) -> Drawn:
    """All positions of the accounts that fall, the largest of the record among them."""
    p = recipe.parameters
    largest = recipe.value("largest_usd") * plan.scale
    parts = []
    for band in (Band.ORDINARY, Band.FALL, Band.RISE):
        for v, venue in enumerate(recipe.venues):
            held = plan.traders[band, v]
            positions = int(held + round(held * p["extra_positions"]["falling"]))
            usd = plan.notional[band, v].copy()
            if band is Band.FALL and venue.name == "hyperliquid":
                usd[0] -= largest
                positions -= 1
                parts.append(_largest(recipe, v, largest, seed))
            counts = apportion(usd ** p["count_power"], positions)
            # a small draw has no account for some coins: the others take their part
            usd *= usd.sum() / usd[counts > 0].sum()
            parts += [
                _group(recipe, plan, seed, band, (v, a), int(counts[a]), usd[a])
                for a in range(len(usd))
                if counts[a]
            ]
    return Drawn.join(parts)


def _group(
    recipe: Recipe,
    plan: FallPlan,
    seed: int,
    band: Band,
    market: tuple[int, int],
    count: int,
    usd: float,
) -> Drawn:
    """Positions of one band of one market that sum to ``usd`` at their liquidation prices."""
    p, facts = recipe.parameters, recipe.assets[market[1]]
    rng = stream(seed, f"{recipe.venues[market[0]].name}/{facts.name}/{band.name}")
    cap = p["largest_share"] * recipe.value("largest_usd") * plan.scale
    value = heavy_tailed(rng, count, usd, (p["smallest_usd"], cap), recipe.size_shape())
    side = -1 if band is Band.RISE else 1
    usual = plan.ordinary[market[1]]
    low, high = {
        Band.ORDINARY: (p["gap"], usual - EDGE),
        Band.FALL: (usual + EDGE, 1.0 - facts.fall_to / facts.mark - EDGE),
        Band.RISE: (p["gap"], facts.rise_to / facts.mark - 1.0 - EDGE),
    }[band]
    # the distance's power is uniform over the band, so that the bands join without a step
    power = plan.power
    distance = rising(rng, count, low**power, high**power, 1.0) ** (1.0 / power)
    ends = sorted(facts.mark * (1.0 - side * d) for d in (low, high))
    target = attract(
        rng,
        facts.mark * (1.0 - side * distance),
        round_step(facts.mark),
        p["round_share"],
        p["round_error"],
        (ends[0], ends[1]),
    )
    return Drawn.group((*market, side, band), target, value / target, rng)


def _largest(recipe: Recipe, venue: int, usd: float, seed: int) -> Drawn:
    """The one liquidation the record names, by itself."""
    price = np.array([float(recipe.parameters["largest_price"])])
    return Drawn.group((venue, 0, 1, Band.ALONE), price, usd / price, stream(seed, "largest"))
