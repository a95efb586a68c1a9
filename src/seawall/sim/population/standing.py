"""The accounts that stand: they bring open interest, leverage and both sides to what they are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seawall.core import InternalError
from seawall.sim.population.brackets import MarketBrackets
from seawall.sim.population.distributions import (
    apportion,
    attract,
    heavy_tailed,
    rising,
    round_step,
    stream,
)
from seawall.sim.population.drawn import Band, Drawn
from seawall.sim.population.recipe import AssetFacts, Recipe

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
Markets = list[list[MarketBrackets]]

HIGH, MIDDLE, LOW = range(3)
"""Classes of effective leverage: above 7x, 3x to 7x, below 3x."""
_ENDS = (1.0 / 7.0, 1.0 / 3.0)

CLUSTER_REACH = 500.0
"""USD on either side of the cluster's price within which its liquidation prices lie."""
_SPREAD = 4.0
"""Over how many times their range the others that lay there are moved away."""


def draw_cluster(recipe: Recipe, seed: int, scale: float) -> Drawn:
    """Shorts in BTC whose liquidation prices lie about the round price the record names."""
    p = recipe.parameters
    price, error = p["cluster_price"], p["cluster_error"]
    interest = recipe.open_interest()[:, 0]
    usd = recipe.value("shorts_95k_usd") * scale * interest / interest.sum()
    counts = apportion(interest, max(len(usd), round(p["cluster_accounts"] * scale)))
    parts = []
    for v, venue in enumerate(recipe.venues):
        rng = stream(seed, f"{venue.name}/BTC/cluster")
        cap = p["standing_largest_share"] * interest[v] * scale
        bounds = (p["smallest_usd"], cap)
        value = heavy_tailed(rng, int(counts[v]), usd[v], bounds, recipe.size_shape())
        target = price + np.clip(
            error * rng.standard_normal(len(value)), -0.9 * CLUSTER_REACH, 0.9 * CLUSTER_REACH
        )
        # notional as maps and the record count it: at the price where it is forced
        parts.append(Drawn.group((v, 0, -1, Band.ALONE), target, value / target, rng))
    return Drawn.join(parts)


def draw_standing(
    recipe: Recipe, markets: Markets, others: Drawn, seed: int, accounts: int, scale: float
) -> Drawn:
    """Positions beyond the day's extremes, so that longs and shorts each sum to open interest."""
    p = recipe.parameters
    marks = np.array([a.mark for a in recipe.assets])
    interest = recipe.open_interest() * scale
    held = np.stack([others.base(interest.shape, side) * marks for side in (1, -1)])
    room = interest - held
    if (room <= 0).any():
        raise InternalError("a market of the recipe falls by more than its open interest")
    usd = _by_leverage(recipe, markets, room, interest, others)
    positions = accounts + round(accounts * p["extra_positions"]["standing"])
    counts = apportion(usd ** p["count_power"], positions)
    parts = []
    for s, v, a, c in np.argwhere(counts > 0):
        group, market = (int(s), int(v), int(a), int(c)), markets[v][a]
        rng = stream(seed, _name(recipe, group))
        size = _sizes(recipe, market, rng, group, int(counts[s, v, a, c]), usd)
        target = _targets(recipe, market, rng, group, size)
        codes = (group[1], group[2], 1 if s == 0 else -1, Band.STANDING)
        parts.append(Drawn.group(codes, target, size / marks[a], rng))
    return Drawn.join(parts)


def _by_leverage(
    recipe: Recipe, markets: Markets, room: Floats, interest: Floats, others: Drawn
) -> Floats:
    """Shape (2, V, A, 3): USD at the mark by side, market and class of leverage.

    By venue each class gets its share of all notional, less what the accounts that fall and the
    cluster take of the highest. A market whose fall on 21 November leaves no room for 7x has none.
    """
    shares = np.array([recipe.value(f"leverage_{k}_share") for k in ("7_up", "3_7", "0_3")])
    usable = np.array(
        [[[_span(a, side, HIGH, 0.02, recipe)[1] > 0 for a in recipe.assets]] for side in (1, -1)]
    )
    usable = np.broadcast_to(usable, room.shape)
    both = 2.0 * interest.sum(axis=1)
    taken = _above_seven(recipe, markets, others)
    high = np.maximum(shares[HIGH] * both - taken, 0.0)
    share_high = np.where(usable, (high / (room * usable).sum(axis=(0, 2)))[:, None], 0.0)
    middle = np.maximum(shares[MIDDLE] * both - (others_total(recipe, others) - taken), 0.0)
    share_middle = (middle / room.sum(axis=(0, 2)))[:, None]
    low = 1.0 - share_high - share_middle
    parts = [np.broadcast_to(x, room.shape) for x in (share_high, share_middle, low)]
    return np.stack([room * np.maximum(x, 0.0) for x in parts], axis=-1)


def others_total(recipe: Recipe, others: Drawn) -> Floats:
    """Shape (V,): USD at the mark of positions drawn before."""
    marks = np.array([a.mark for a in recipe.assets])
    usd = others.size * marks[others.asset]
    return np.bincount(others.venue, usd, len(recipe.venues)).astype(np.float64)


def _above_seven(recipe: Recipe, markets: Markets, others: Drawn) -> Floats:
    """Shape (V,): USD at the mark of positions drawn before whose leverage is above 7x."""
    marks = np.array([a.mark for a in recipe.assets])
    usd = others.size * marks[others.asset]
    rate = np.zeros(len(others))
    for v, row in enumerate(markets):
        for a, market in enumerate(row):
            mine = (others.venue == v) & (others.asset == a)
            rate[mine] = market.maintenance(usd[mine])
    distance = np.abs(1.0 - others.target / marks[others.asset])
    above = distance + rate < _ENDS[0]
    return np.bincount(others.venue, usd * above, len(recipe.venues)).astype(np.float64)


def _span(
    facts: AssetFacts, side: int, level: int, rate: Floats | float, recipe: Recipe
) -> tuple[Floats, Floats]:
    """Ends of the distance to liquidation in a class of leverage, at a maintenance rate.

    Effective leverage is about 1 / (distance + rate). The distance stays beyond the day's
    extreme; where a class has none left, the far end is not above the near one.
    """
    p = recipe.parameters
    extreme = 1.0 - facts.fall_to / facts.mark if side > 0 else facts.rise_to / facts.mark - 1.0
    bound = extreme + p["gap"]
    farthest = p["farthest_long"] if side > 0 else p["farthest_short"]
    ends = [np.asarray(rate * 0.0 + bound), *(end - np.asarray(rate) for end in _ENDS)]
    ends.append(np.asarray(rate * 0.0 + farthest))
    low = np.maximum(ends[level], bound)
    return low, np.where(ends[level + 1] > low + 0.005, ends[level + 1], 0.0)


def _sizes(
    recipe: Recipe,
    market: MarketBrackets,
    rng: np.random.Generator,
    group: tuple[int, int, int, int],
    count: int,
    usd: Floats,
) -> Floats:
    """USD at the mark of each position of a group."""
    p, level = recipe.parameters, group[3]
    # a quarter below the limit leaves room for an entry above the mark
    leverage = p["leverage_high"] if level == HIGH else p["leverage_low"]
    both = usd[:, group[1], group[2]].sum()
    cap = min(p["standing_largest_share"] * both / 2.0, 0.75 * market.limit(leverage))
    return heavy_tailed(rng, count, usd[group], (p["smallest_usd"], cap), recipe.size_shape())


def _targets(
    recipe: Recipe,
    market: MarketBrackets,
    rng: np.random.Generator,
    group: tuple[int, int, int, int],
    usd: Floats,
) -> Floats:
    """Liquidation price of each position of a group."""
    p, facts, level = recipe.parameters, recipe.assets[group[2]], group[3]
    side = 1 if group[0] == 0 else -1
    low, high = _span(facts, side, level, market.maintenance(usd), recipe)
    high = np.maximum(high, 1.05 * low)
    power = p["standing_power"] if level == HIGH else 1.0
    target = facts.mark * (1.0 - side * (low + (high - low) * rising(rng, len(usd), 0, 1, power)))
    bound = facts.fall_to * (1 - p["gap"]) if side > 0 else facts.rise_to * (1 + p["gap"])
    between = (0.0, bound) if side > 0 else (bound, np.inf)
    step = round_step(facts.mark)
    target = attract(rng, target, step, p["round_share"], p["round_error"], between)
    if facts.name == "BTC" and side < 0:
        # the shorts at the named price are laid in whole, so the others keep out of its window
        first, last = p["cluster_price"] - CLUSTER_REACH, p["cluster_price"] + CLUSTER_REACH
        inside = (target >= first) & (target <= last)
        target = np.where(inside, last + 1.0 + _SPREAD * (target - first), target)
    return target


def _name(recipe: Recipe, group: tuple[int, int, int, int]) -> str:
    s, v, a, c = group
    side, level = ("long", "short")[s], ("high", "middle", "low")[c]
    return f"{recipe.venues[v].name}/{recipe.assets[a].name}/{side}/{level}"
