"""A population drawn to stated distributions: every market's open interest is met on both sides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from seawall.core import Accounts, Book, InputError, Mistake, Positions
from seawall.core.hooks import Floor
from seawall.margin import unrealised_pnl
from seawall.rulebook import Rules, bind
from seawall.sim import _scenario_model as m
from seawall.sim.population.distributions import SizeShape, apportion, heavy_tailed, stream

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

ROOM = 0.8
"""Leverage is held to this share of what would liquidate the position at once."""


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """One row a position: market, side, USD, and which account it belongs to."""

    market: Ints
    side: Floats
    usd: Floats
    account: Ints


def draw_book(model: m.ScenarioModel, floor: Floor, rules: Rules, when: int, where: str) -> Book:
    """Accounts on the markets of a scenario, drawn as its ``[population]`` says.

    Longs and shorts of a market each hold its open interest. Leverage is that of the account at
    the mark; a position's leverage is cut to what its venue's brackets leave room for.

    Raises
    ------
    InputError
        If no market has open interest, or there are fewer accounts than sides of markets.
    """
    people = model.population
    assert isinstance(people, m.DrawnPopulation)
    interest = _interest(model, floor, rules, where)
    rng = stream(people.seed, "drawn/positions")
    rows = _rows(people, floor, interest, rng, where)
    return _assembled(people, floor, rows, rules, when, where)


def _interest(model: m.ScenarioModel, floor: Floor, rules: Rules, where: str) -> Floats:
    """Shape (M,): USD held on each side."""
    stated = {
        (rules.canonical_venue(name), asset): usd
        for name, venue in model.venues.items()
        if name != "spot"
        for asset, usd in venue.open_interest.items()
    }
    held = np.array([0.0 if x.spot else stated.get((x.venue, x.asset), 0.0) for x in floor.markets])
    if not held.any():
        raise InputError(
            Mistake(
                "a book with no accounts: no market has open interest",
                where,
                column="venues",
                mend="State open_interest by asset for at least one venue.",
            )
        )
    return held


def _rows(
    people: m.DrawnPopulation, floor: Floor, interest: Floats, rng: np.random.Generator, where: str
) -> _Rows:
    """Positions: each account's first, then second ones in other coins of cross accounts."""
    held = np.flatnonzero(interest)
    if people.accounts < 2 * len(held):
        raise InputError(
            Mistake(
                "fewer accounts than sides of markets",
                where,
                column="population.accounts",
                value=str(people.accounts),
                allowed=f"{2 * len(held)} or more",
            )
        )
    share = np.array([people.long_accounts, 1.0 - people.long_accounts])
    counts = apportion(np.outer(interest[held], share), people.accounts)
    cells = np.repeat(np.arange(counts.size), counts.ravel())
    market, side = held[cells // 2], np.where(cells % 2 == 0, 1.0, -1.0)
    lead, second = _second(people, floor, market, interest, rng)
    market = np.concatenate((market, second))
    side = np.concatenate((side, side[lead]))
    account = np.concatenate((np.arange(people.accounts), lead))
    usd = np.empty(len(market))
    shape = SizeShape(people.size.log_sd, people.size.tail_share, people.size.tail_index)
    bounds = (people.size.least, people.size.most)
    for place in held:
        for sign in (1.0, -1.0):
            mine = (market == place) & (side == sign)
            usd[mine] = heavy_tailed(rng, int(mine.sum()), float(interest[place]), bounds, shape)
    order = np.argsort(account, kind="stable")
    return _Rows(market[order], side[order], usd[order], account[order])


def _second(
    people: m.DrawnPopulation,
    floor: Floor,
    market: Ints,
    interest: Floats,
    rng: np.random.Generator,
) -> tuple[Ints, Ints]:
    """Accounts in cross margin that hold a second coin on their venue, and its market."""
    venue = np.array([-1 if x.spot else floor.venues.index(x.venue) for x in floor.markets])
    settles = np.array([x.instrument.settle for x in floor.markets])
    chosen = np.flatnonzero(rng.random(people.accounts) < people.cross)
    second = np.full(len(chosen), -1, dtype=np.int64)
    place = rng.random(len(chosen))
    for k in np.unique(market[chosen]):
        mine = market[chosen] == k
        # only contracts that settle alike can share one margin account
        alike = (venue == venue[k]) & (settles == settles[k])
        weight = np.where(alike, interest, 0.0)
        weight[k] = 0.0
        if weight.any():
            edges = np.cumsum(weight) / weight.sum()
            second[mine] = np.searchsorted(edges, place[mine], side="right")
    some = second >= 0
    return chosen[some], second[some]


def _assembled(
    people: m.DrawnPopulation, floor: Floor, rows: _Rows, rules: Rules, when: int, where: str
) -> Book:
    """The book: equity by leverage, but never so thin that maintenance leaves no room."""
    rng = stream(people.seed, "drawn/margins")
    accounts = people.accounts
    first = np.searchsorted(rows.account, np.arange(accounts))
    gross = np.bincount(rows.account, rows.usd, accounts).astype(np.float64)
    leverage = _leverage(people, rows.side[first], gross, rng)
    price = np.array([x.price for x in floor.markets])[rows.market]
    inverse = np.array([x.instrument.inverse for x in floor.markets])[rows.market]
    reach = 1.0 / leverage[rows.account]
    # an entry in profit never brings more than nine tenths of the equity with it
    drift = np.clip(people.entry * rng.standard_normal(len(price)), -0.5, 0.5)
    drift = np.where(rows.side * drift < -0.9 * reach, -0.9 * rows.side * reach, drift)
    positions = _columns(rows, floor, price, price * np.exp(drift), inverse, when)
    unit = np.where(inverse[first], price[first], 1.0)
    book = _book(people, floor, rows, first, positions, gross / unit, where)
    needed = bind(book, rules, when).accounts_state().maintenance * unit
    equity = np.maximum(gross / leverage, needed / ROOM)
    pnl = unrealised_pnl(positions.size, positions.entry, price, inverse)
    balance = equity / unit - np.bincount(rows.account, pnl, accounts)
    stop = _stops(people, rows, price, (equity / gross)[rows.account])
    return replace(book.with_balances(balance), positions=replace(positions, stop=stop))


def _leverage(
    people: m.DrawnPopulation, side: Floats, gross: Floats, rng: np.random.Generator
) -> Floats:
    """Shape (m,): each band gets its share of each side's open interest."""
    out = np.empty(len(side))
    for sign, bands in ((1.0, people.leverage), (-1.0, people.short_leverage or people.leverage)):
        mine = np.flatnonzero(side == sign)
        order = rng.permutation(mine)
        # walking the accounts in a random order, a band ends where its share of USD is reached
        passed = (np.cumsum(gross[order]) - 0.5 * gross[order]) / max(gross[order].sum(), 1e-300)
        ends = np.cumsum([band.share for band in bands])
        band = np.minimum(np.searchsorted(ends, passed, side="right"), len(bands) - 1)
        low = np.log([x.low for x in bands])[band]
        high = np.log([x.high for x in bands])[band]
        out[order] = np.exp(low + (high - low) * rng.random(len(order)))
    return out


def _stops(people: m.DrawnPopulation, rows: _Rows, price: Floats, way: Floats) -> Floats:
    """Stop prices: a share of the way from the mark to where equity is gone; NaN for none."""
    rng = stream(people.seed, "drawn/stops")
    stop, n = people.stop, len(price)
    place = stop.nearest + (stop.farthest - stop.nearest) * rng.random(n)
    at = price * np.exp(-rows.side * place * np.minimum(way, 1.0))
    return np.where(rng.random(n) < stop.share, at, np.nan)


def _columns(
    rows: _Rows, floor: Floor, price: Floats, entry: Floats, inverse: Any, when: int
) -> Positions:
    n = len(price)
    code = np.cumsum([not x.spot for x in floor.markets])[rows.market] - 1
    blank = np.full(n, np.nan)
    return Positions(
        row=np.arange(1, n + 1, dtype=np.int64),
        account=rows.account.astype(np.int32),
        instrument=code.astype(np.int32),
        size=rows.side * rows.usd * np.where(inverse, 1.0, 1.0 / price),
        entry=entry,
        mark=price,
        leverage=blank,
        stop=blank,
        rate=blank,
        amount=blank,
        taker_fee=blank,
        reported_liquidation=blank,
        time=np.full(n, when, dtype=np.int64),
    )


def _book(
    people: m.DrawnPopulation,
    floor: Floor,
    rows: _Rows,
    first: Ints,
    positions: Positions,
    balance: Floats,
    where: str,
) -> Book:
    venue = np.array([-1 if x.spot else floor.venues.index(x.venue) for x in floor.markets])
    settle = [floor.markets[k].instrument.settle for k in rows.market[first]]
    currencies = tuple(dict.fromkeys(settle))
    return Book(
        positions=positions,
        accounts=Accounts(
            trader=np.arange(people.accounts, dtype=np.int32),
            venue=venue[rows.market[first]].astype(np.int32),
            isolated=np.bincount(rows.account, minlength=people.accounts) == 1,
            balance=balance,
            settle=np.array([currencies.index(s) for s in settle], dtype=np.int32),
        ),
        instruments=tuple(x.instrument for x in floor.markets if not x.spot),
        traders=Labels(people.accounts),
        venues=floor.venues,
        currencies=currencies,
        time=int(positions.time[0]),
        source=f"population drawn to {where}, seed {people.seed}",
        notes=("synthetic book: no row is a real account",),
    )


@dataclass(frozen=True, slots=True)
class Labels(Sequence[str]):
    """Names of drawn traders, made when asked for: ``trader-000017``."""

    number: int

    def __len__(self) -> int:
        return self.number

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[str, ...]: ...
    def __getitem__(self, index: int | slice) -> str | tuple[str, ...]:
        if isinstance(index, slice):
            return tuple(self[k] for k in range(*index.indices(self.number)))
        return f"trader-{range(self.number)[index] + 1:06d}"
