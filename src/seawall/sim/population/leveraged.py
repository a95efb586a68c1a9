"""Positions drawn by their leverage: where they fall follows from it, not the other way round."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields

import numpy as np
from numpy.typing import NDArray

from seawall.core import InputError, Mistake
from seawall.sim.population.assembly import join_accounts
from seawall.sim.population.brackets import MarketBrackets
from seawall.sim.population.distributions import (
    apportion,
    attract,
    heavy_tailed,
    round_step,
    stream,
)
from seawall.sim.population.drawn import Drawn
from seawall.sim.population.recipe import Recipe

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Markets = list[list[MarketBrackets]]

HIGH, MIDDLE, LOW = range(3)
"""Classes of leverage: above 7x, 3x to 7x, below 3x."""
_BOUNDS = (7.0, 3.0)
_SIDES = (1, -1)
_NAMES = ("high", "middle", "low")


@dataclass(frozen=True, slots=True)
class PopulationMix:
    """Free parameters of a population drawn by leverage: shares, but for ``leverage_tail``.

    Parameters
    ----------
    leverage_low
        Share of each market's open interest below 3x, on either side.
    leverage_high
        Share above 7x; the rest is held at 3x to 7x.
    leverage_tail
        Exponent of the Pareto law of leverage above 7x, cut at what the venue allows: larger is
        less. At 1, a third of that class is beyond 20x.
    stop_share
        Share of positions with a stop.
    long_share
        Share of positions that are long. Open interest is closed, so the larger it is, the
        larger are the shorts.
    cross_share
        Share of margin accounts in cross margin; None for each venue's own.
    several_share
        Accounts' further positions in other coins, per account: what carries a fall from one
        coin to the next.
    leverage_high_at
        ``leverage_high`` of venues that differ, by name of rulebook.
    leverage_low_at
        ``leverage_low`` of venues that differ.
    """

    leverage_low: float
    leverage_high: float
    leverage_tail: float
    stop_share: float
    long_share: float
    cross_share: float | None
    several_share: float
    leverage_high_at: Mapping[str, float] = field(default_factory=dict)
    leverage_low_at: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, recipe: Recipe) -> PopulationMix:
        """The defaults a recipe states."""
        p = recipe.parameters
        return cls(
            leverage_low=recipe.value("leverage_0_3_share"),
            leverage_high=recipe.value("leverage_7_up_share"),
            cross_share=None,
            **{k: p[k] for k in ("leverage_tail", "stop_share", "long_share", "several_share")},
        )

    def check(self) -> None:
        """See that every parameter lies in its range.

        Raises
        ------
        InputError
            Naming every one that does not.
        """
        names = [f.name for f in fields(self) if not f.name.endswith("_at")]
        values = {name: getattr(self, name) for name in names}
        values |= {f"leverage_low_at.{v}": share for v, share in self.leverage_low_at.items()}
        for v in {**self.leverage_low_at, **self.leverage_high_at}:
            values[f"leverage_high_at.{v}"] = self.leverage_high_at.get(v, self.leverage_high)
        ranges = {"leverage_tail": (0.05, 20.0), "long_share": (0.01, 0.99)}
        mistakes = []
        for name, value in values.items():
            low, high = ranges.get(name, (0.0, 1.0))
            if name.startswith("leverage_high"):
                # so that the classes sum to 1
                low_there = self.leverage_low_at.get(name.partition(".")[2], self.leverage_low)
                high = max(1.0 - low_there, 0.0)
            if value is not None and not low <= value <= high:
                mistakes.append(
                    Mistake(
                        f"{name} is out of its range",
                        "population",
                        column=name,
                        value=f"{value:g}",
                        allowed=f"{low:g} to {high:g}",
                    )
                )
        if mistakes:
            raise InputError(mistakes)


@dataclass(frozen=True, slots=True)
class _Group:
    """Positions that share side, venue, asset and class of leverage."""

    side: int
    venue: int
    asset: int
    level: int
    name: str


def draw_leveraged(
    recipe: Recipe, markets: Markets, mix: PopulationMix, seed: int, accounts: int, weight: float
) -> Drawn:
    """Positions whose longs and whose shorts each sum to every market's open interest.

    Parameters
    ----------
    recipe, markets
        Open interest, sizes; the brackets that bound leverage.
    mix
        Leverage, sides, accounts with several positions.
    seed
        Of the draw.
    accounts
        Accounts to come to, once positions are joined.
    weight
        Positions each row stands for: sizes and leverage are drawn for one of them, and the row
        holds all.
    """
    interest = recipe.open_interest() / weight
    usd = _by_class(recipe, markets, mix, interest)
    sides = np.array([mix.long_share, 1.0 - mix.long_share])[:, None, None, None]
    classes = np.array(recipe.parameters["class_accounts"])
    positions = accounts + round(accounts * mix.several_share)
    likely = usd ** recipe.parameters["count_power"] * sides * classes
    counts = apportion(likely, positions)
    usd = _passed_on(usd, counts)
    parts = []
    for group, place in _groups(recipe, counts):
        rng = stream(seed, group.name)
        market = markets[group.venue][group.asset]
        size = _sizes(recipe, market, rng, group, int(counts[place]), usd[place], interest)
        leverage = _leverage(recipe, market, rng, group, size, mix)
        target = _target(market, group.side, size, leverage)
        codes = (group.venue, group.asset, group.side, group.level)
        parts.append(Drawn.group(codes, target, size * weight / market.price, rng))
    return Drawn.join(parts)


def _groups(recipe: Recipe, counts: Ints) -> Iterator[tuple[_Group, tuple[int, ...]]]:
    """Every group that has a position, and its place in the table of counts."""
    for row in np.argwhere(counts > 0):
        s, v, a, c = (int(k) for k in row)
        name = "/".join(
            (recipe.venues[v].name, recipe.assets[a].name, ("long", "short")[s], _NAMES[c])
        )
        yield _Group(_SIDES[s], v, a, c, name), (s, v, a, c)


def _by_class(recipe: Recipe, markets: Markets, mix: PopulationMix, interest: Floats) -> Floats:
    """Shape (2, V, A, 3): USD by side, market and class; one that a venue does not allow is empty.

    What a market cannot hold above 7x is held at 3x to 7x.
    """
    high = np.array([mix.leverage_high_at.get(v.name, mix.leverage_high) for v in recipe.venues])
    low = np.array([mix.leverage_low_at.get(v.name, mix.leverage_low) for v in recipe.venues])
    shares = np.stack((high, np.maximum(1.0 - high - low, 0.0), low), axis=-1)
    usd = interest[..., None] * shares[:, None, :]
    needed = recipe.parameters["leverage_high"]
    for v, row in enumerate(markets):
        for a, market in enumerate(row):
            if market.leverage(np.array([1.0]))[0] < needed:
                usd[v, a, MIDDLE] += usd[v, a, HIGH]
                usd[v, a, HIGH] = 0.0
    return np.stack((usd, usd))


def _passed_on(usd: Floats, counts: Ints) -> Floats:
    """The same sums by side and market where a small draw has no position for some class."""
    held = np.where(counts > 0, usd, 0.0)
    whole, rest = usd.sum(axis=-1, keepdims=True), held.sum(axis=-1, keepdims=True)
    # a side without any position takes the other side's part away as well: it stays closed
    ratio = np.divide(whole, rest, out=np.zeros_like(whole), where=rest > 0)
    ratio *= (rest > 0).all(axis=0)
    return np.asarray(held * ratio)


def _sizes(
    recipe: Recipe,
    market: MarketBrackets,
    rng: np.random.Generator,
    group: _Group,
    count: int,
    usd: float,
    interest: Floats,
) -> Floats:
    """USD at the mark of each position of a group."""
    p = recipe.parameters
    cap = min(p["largest_usd"], p["largest_share"] * interest[group.venue, group.asset])
    if group.level != LOW:
        # a quarter below the limit leaves room for an entry above the mark
        leverage = p["leverage_high"] if group.level == HIGH else p["leverage_low"]
        cap = min(cap, 0.75 * market.limit(leverage))
    return heavy_tailed(rng, count, usd, (p["smallest_usd"], cap), recipe.size_shape())


def _leverage(
    recipe: Recipe,
    market: MarketBrackets,
    rng: np.random.Generator,
    group: _Group,
    usd: Floats,
    mix: PopulationMix,
) -> Floats:
    """Effective leverage of each position: notional over equity at the mark."""
    # 2% below what is allowed, and clear of the maintenance margin itself
    most = np.minimum(0.98 * market.leverage(usd), 1.0 / (1.05 * market.maintenance(usd) + 1e-3))
    luck = rng.random(len(usd))
    if group.level == HIGH:
        top = np.maximum(most, 1.01 * _BOUNDS[HIGH])
        kept = 1.0 - (_BOUNDS[HIGH] / top) ** mix.leverage_tail
        wanted = _BOUNDS[HIGH] * (1.0 - luck * kept) ** (-1.0 / mix.leverage_tail)
    else:
        least = recipe.parameters["least_leverage"]["long" if group.side > 0 else "short"]
        low, high = (_BOUNDS[MIDDLE], _BOUNDS[HIGH]) if group.level == MIDDLE else (least, 3.0)
        wanted = low * (high / low) ** luck
    return np.minimum(wanted, most)


def _target(market: MarketBrackets, side: int, usd: Floats, leverage: Floats) -> Floats:
    """Price at which what is left of the equity is the maintenance margin."""
    rate = market.maintenance(usd)
    way = (1.0 / leverage - rate) / (1.0 - side * rate)
    return np.asarray(market.price * (1.0 - side * way))


def draw_stops(drawn: Drawn, recipe: Recipe, share: float, seed: int) -> Floats:
    """Shape (n,): stop prices between mark and liquidation price, USD; NaN for who has none.

    Each position's draws come before it is known whether it has a stop, so that another share
    moves no other stop.
    """
    p = recipe.parameters
    near, far = p["stop_way"]
    stop = np.full(len(drawn), np.nan)
    for a, facts in enumerate(recipe.assets):
        rng = stream(seed, f"{facts.name}/stops")
        rows = np.flatnonzero(drawn.asset == a)
        luck = rng.random((len(rows), 2))
        side = drawn.side[rows]
        whole = np.abs(1.0 - drawn.target[rows] / facts.mark)
        way = np.minimum((near + (far - near) * luck[:, 0]) * whole, p["stop_farthest"])
        price = facts.mark * (1.0 - side * way)
        round_to = (round_step(facts.mark), p["round_share"], p["round_error"])
        moved = attract(rng, price, *round_to, (0.0, np.inf))
        ends = np.sort(np.stack((drawn.target[rows], np.full(len(rows), facts.mark))), axis=0)
        price = np.where((moved > ends[0]) & (moved < ends[1]), moved, price)
        stop[rows] = np.where(luck[:, 1] < share, price, np.nan)
    return stop


def lead_same_class(drawn: Drawn, recipe: Recipe, several_share: float, seed: int) -> Ints:
    """Shape (n,): the position that leads the account of each; itself for most.

    Within a venue, a class of leverage and a side some positions in other coins join an account
    that holds BTC, and some of those a third one.
    """
    lead = np.arange(len(drawn))
    for v, venue in enumerate(recipe.venues):
        for level, name in enumerate(_NAMES):
            for side in _SIDES:
                rows = np.flatnonzero(
                    (drawn.venue == v) & (drawn.band == level) & (drawn.side == side)
                )
                extra = round(len(rows) * several_share / (1.0 + several_share))
                rng = stream(seed, f"{venue.name}/{name}/{side}/accounts")
                asset = drawn.asset[rows]
                join_accounts(lead, rows, asset, asset == 0, extra, recipe, rng)
    return lead
