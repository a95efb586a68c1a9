"""Entry, leverage and collateral of drawn positions, so that each falls where it was drawn to."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from seawall.core import Accounts, Book, InternalError, Positions
from seawall.rulebook import Rules, bind
from seawall.sim.population.brackets import MarketBrackets
from seawall.sim.population.drawn import Drawn, Luck
from seawall.sim.population.recipe import Recipe

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Margined:
    """Columns that complete drawn positions, shape (n,).

    Attributes
    ----------
    positions
        The book's columns, each position its own account by its row.
    balance
        USD collateral at which each falls at its target under its venue's rules.
    """

    positions: Positions
    balance: Floats


def margin_drawn(
    drawn: Drawn,
    recipe: Recipe,
    markets: list[list[MarketBrackets]],
    rules: Rules,
    weight: float = 1.0,
) -> Margined:
    """Complete drawn positions.

    The entry is drawn, moved as far from the target as the venue's initial margin asks; the
    collateral is what the margin engine says puts the liquidation price on the target; the
    leverage set is the least of the menu that this collateral allows.

    Parameters
    ----------
    drawn
        Positions with their targets.
    recipe, markets, rules
        What they are drawn from and under.
    weight
        Positions that each row stands for. Brackets ask of one of them, not of their sum: above
        1 every row carries the maintenance rate of its own size, to a basis point.
    """
    assets = len(recipe.assets)
    mark = np.array([a.mark for a in recipe.assets])[drawn.asset]
    market = drawn.venue * assets + drawn.asset
    entry = _wanted_entry(drawn, recipe, mark)
    n = len(drawn)
    highest, rate = np.empty(n), np.empty(n)
    order = np.argsort(market, kind="stable")
    ends = np.searchsorted(market[order], np.arange(len(recipe.venues) * assets + 1))
    for k in range(len(ends) - 1):
        rows = order[ends[k] : ends[k + 1]]
        here = markets[k // assets][k % assets]
        entry[rows], highest[rows] = _allowed(drawn, here, rows, entry[rows], weight)
        usd = drawn.size[rows] / weight * here.price
        rate[rows] = here.own_rate(usd) if weight == 1.0 else np.round(here.maintenance(usd), 4)
    positions = _columns(drawn, market, mark, entry, rate, recipe.time)
    balance = _collateral(positions, drawn, recipe, markets, rules)
    menu = np.asarray(recipe.parameters["leverage_menu"], dtype=np.float64)
    leverage = _menu(drawn.size * entry / balance, highest, menu)
    return Margined(replace(positions, leverage=leverage), balance)


def _wanted_entry(drawn: Drawn, recipe: Recipe, mark: Floats) -> Floats:
    """Entries over the weeks before, near the mark for those who must have opened since."""
    p, luck = recipe.parameters, drawn.luck[:, Luck.ENTRY]
    low, high = np.log([a.weeks for a in recipe.assets]).T[:, drawn.asset]
    if "entry_reach" in p:
        # the farther from its liquidation price, the longer ago an account may have opened
        reach = p["entry_reach"] * np.abs(1.0 - drawn.target / mark)
        return np.asarray(
            np.clip(mark * (1.0 + reach * (2.0 * luck - 1.0)), np.exp(low), np.exp(high))
        )
    entry = np.exp(low + (high - low) * luck ** p["entry_skew"])
    day_low, day_high = np.array([a.day for a in recipe.assets]).T[:, drawn.asset]
    recent = (drawn.target > day_low) & (drawn.target < day_high)
    near = mark * (1.0 + p["entry_recent_reach"] * (2.0 * luck - 1.0))
    return np.asarray(np.where(recent, near, entry))


def _allowed(
    drawn: Drawn, market: MarketBrackets, rows: NDArray[np.intp], entry: Floats, weight: float
) -> tuple[Floats, Floats]:
    """Entries far enough from the target for the initial margin, and the highest leverage there.

    At the target the collateral left is the maintenance margin, so at the entry it was that and
    the loss between: together no less than the initial margin.
    """
    side, target, size = drawn.side[rows], drawn.target[rows], drawn.size[rows] / weight
    # the lower of the two notionals, so that the maintenance margin is not overstated
    rate = market.maintenance(size * np.minimum(target, market.price))
    for _ in range(5):
        highest = market.leverage(size * np.where(side > 0, np.maximum(entry, target), target))
        # what is left at the target, on the notional there, and the loss on the way to it
        gap = np.maximum((1.005 / highest - rate) / (1.0 - rate) + 5e-4, 2e-3)
        edge = target / (1.0 - side * gap)
        entry = np.where(side > 0, np.maximum(entry, edge), np.minimum(entry, edge))
    return entry, highest


def _menu(needed: Floats, highest: Floats, steps: Floats) -> Floats:
    """Least leverage on the menu that the collateral allows, within the venue's highest."""
    # a leverage that the collateral meets but for rounding is met
    at = np.minimum(np.searchsorted(steps, needed * (1.0 - 1e-9)), len(steps) - 1)
    return np.minimum(steps[at], highest)


def _collateral(
    positions: Positions,
    drawn: Drawn,
    recipe: Recipe,
    markets: list[list[MarketBrackets]],
    rules: Rules,
) -> Floats:
    """Balance of each position by itself, as the margin engine implies it from the target."""
    n = len(drawn)
    book = Book(
        positions=positions,
        accounts=Accounts(
            trader=positions.account,
            venue=drawn.venue.astype(np.int32),
            isolated=np.ones(n, dtype=np.bool_),
            balance=np.full(n, np.nan),
            settle=np.zeros(n, dtype=np.int32),
        ),
        instruments=tuple(m.instrument for row in markets for m in row),
        traders=(),
        venues=tuple(v.name for v in recipe.venues),
        currencies=("USD",),
        time=recipe.time,
    )
    balance = bind(book, rules).balance
    if not (balance > 0).all():
        raise InternalError(f"{int((balance <= 0).sum())} drawn positions need no collateral")
    return np.asarray(balance)


def _columns(
    drawn: Drawn,
    market: NDArray[np.int64],
    mark: Floats,
    entry: Floats,
    rate: Floats,
    time: int,
) -> Positions:
    """The book's columns without leverage; the target stands as the reported price."""
    n = len(drawn)
    unknown = np.full(n, np.nan)
    return Positions(
        row=np.arange(1, n + 1, dtype=np.int64),
        account=np.arange(n, dtype=np.int32),
        instrument=market.astype(np.int32),
        size=drawn.side * drawn.size,
        entry=entry,
        mark=mark,
        leverage=unknown,
        stop=unknown,
        rate=rate,
        amount=unknown,
        taker_fee=unknown,
        reported_liquidation=drawn.target,
        time=np.full(n, time, dtype=np.int64),
    )
