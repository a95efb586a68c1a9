"""The columns of a run, built from its setup."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seawall.core import (
    Book,
    InputError,
    MaintenanceBasis,
    Mistake,
    TierUnit,
)
from seawall.core import _columns as c
from seawall.core.hooks import Floor, Traders
from seawall.margin import MarginBook
from seawall.rulebook import bind
from seawall.sim import _layout as layout
from seawall.sim import _triggers as triggers
from seawall.sim.setup import Setup
from seawall.sim.tables import (
    basis_points,
    ladders,
    level_shapes,
    market_columns,
    venue_columns,
    weights_of_others,
)

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def market_of_positions(book: Book, floor: Floor) -> Ints:
    """Shape (n,): row of the floor on which each position is held.

    Raises
    ------
    InputError
        If the book holds positions on markets that the floor does not have.
    """
    rows = {
        (m.venue, m.asset, m.instrument.inverse): k
        for k, m in enumerate(floor.markets)
        if not m.spot
    }
    table = np.array(
        [rows.get((i.venue, i.asset, i.inverse), -1) for i in book.instruments], dtype=np.int64
    )
    found = table[book.positions.instrument]
    if len(book) == 0:
        raise InputError(Mistake("a book without positions", book.source, allowed="one or more"))
    if (found < 0).any():
        missing = np.unique(book.positions.instrument[found < 0])
        names = sorted(
            {f"{book.instruments[k].venue}:{book.instruments[k].asset}" for k in missing}
        )
        raise InputError(
            Mistake(
                "positions on markets that the scenario does not have",
                book.source,
                value=", ".join(names[:20]),
                allowed=", ".join(m.name for m in floor.markets if not m.spot)[:400],
                mend="add the markets, or leave these positions out",
            )
        )
    return found


def at_prices(book: Book, floor: Floor) -> Book:
    """The book marked at the floor's prices."""
    price = np.array([m.price for m in floor.markets])[market_of_positions(book, floor)]
    return replace(book, positions=replace(book.positions, mark=price))


def margined(setup: Setup, book: Book) -> MarginBook:
    """The book under its venues' rules as the levers have changed them."""
    bound = bind(book, setup.rules, setup.start)
    terms = list(bound.terms)
    schedules = list(bound.schedules)
    owner = {int(k): int(i) for i, k in enumerate(bound.schedule)}
    for lever in setup.levers.values():
        terms = [lever.terms(t) for t in terms]
        for k, i in owner.items():
            instrument = book.instruments[int(book.positions.instrument[i])]
            schedules[k] = lever.schedule(schedules[k], instrument.venue, instrument.asset)
    return MarginBook(book, tuple(terms), tuple(schedules), bound.schedule, bound.notes)


def changed_book(book: Book, traders: Traders) -> Book:
    """The book with sizes and stops as the plug-ins have left them."""
    p = book.positions
    size = p.size * traders.scale
    kept = np.abs(size) > 0
    positions = replace(p, size=np.where(kept, size, p.size * 1e-12), stop=traders.stop)
    return replace(book, positions=positions)


def _modes(margin: MarginBook) -> tuple[Ints, Floats]:
    """What each position's bracket ladder counts, and its size in that."""
    book, x = margin.book, margin.lines
    by_contracts = np.array([s.unit is TierUnit.CONTRACTS for s in margin.schedules])
    at_entry = np.array(
        [t.margin.maintenance_basis is MaintenanceBasis.ENTRY for t in margin.terms]
    )[margin.venue_of_positions()]
    mode = np.where(by_contracts[margin.schedule], layout.BY_CONTRACTS, layout.BY_VALUE)
    mode = np.where(x.grown > 0.0, layout.BY_UNITS, mode)
    mode = np.where(at_entry, layout.BY_COST, mode)
    sizes = np.array([i.contract_size for i in book.instruments])[book.positions.instrument]
    contracts = np.abs(book.positions.size) / sizes
    size = np.select(
        [mode == layout.BY_CONTRACTS, mode == layout.BY_COST, mode == layout.BY_UNITS],
        [contracts, np.abs(x.z) * x.u0, x.grown],
        default=0.0,
    )
    return mode.astype(np.int64), size


def account_columns(
    margin: MarginBook, traders: Traders, floor: Floor
) -> tuple[Floats, Any, Floats, Any, Ints, Ints]:
    """Accounts and positions as the kernels read them, positions account by account.

    Also the book's account and position behind each row.
    """
    book, x = margin.book, margin.lines
    n, m = len(book), len(book.accounts)
    accounts, order, start = nearest_first(margin)
    rank = np.empty(m, dtype=np.int64)
    rank[accounts] = np.arange(m)
    planned = traders.plan > 0.0
    mode, size = _modes(margin)
    pf = np.zeros((n, c.POSITION_FLOATS))
    columns = {
        c.Z: np.where(planned, 0.0, x.z),
        c.U0: x.u0,
        c.FIXED: x.fixed,
        c.ADD: x.add + traders.add_on,
        c.STOP: traders.stop,
        c.START_Z: x.z,
        c.PLAN: traders.plan,
        c.SIZE0: size,
        c.FIXED0: x.fixed,
        c.ADD0: x.add + traders.add_on,
        c.INITIAL: initial_rates(margin, traders),
    }
    for column, values in columns.items():
        pf[:, column] = values[order]
    pi = np.zeros((n, c.POSITION_INTS), dtype=np.int32)
    whole: dict[int, Any] = {
        c.P_ACCOUNT: rank[book.positions.account],
        c.P_MARKET: market_of_positions(book, floor),
        c.P_TABLE: x.table,
        c.P_LADDER: margin.schedule,
        c.P_MODE: mode,
    }
    for column, codes in whole.items():
        pi[:, column] = codes[order]
    pi[:, c.P_BUCKET] = -1
    equity = margin.accounts_state().equity
    cost = np.bincount(book.positions.account, np.where(planned, 0.0, x.z * x.u0), m)
    af = np.zeros((m, c.ACCOUNT_FLOATS))
    columns = {
        c.CASH: margin.balance - cost,
        c.TOPUP: traders.topup * np.maximum(equity, 0.0),
        c.CALL: traders.call,
        c.CUT_AT: np.where(traders.cut_at > 0, traders.cut_at * equity, -np.inf),
        c.CUT_TO: traders.cut_to,
        c.PLEDGED: traders.pledged * np.maximum(margin.balance, 0.0),
    }
    for column, values in columns.items():
        af[:, column] = values[accounts]
    ai = np.zeros((m + 1, c.ACCOUNT_INTS), dtype=np.int32)
    venue = np.array([floor.venues.index(v) for v in book.venues])
    ai[:m, c.A_VENUE] = venue[book.accounts.venue[accounts]]
    ai[:, c.A_START] = start
    open_ones = np.bincount(book.positions.account[~planned], minlength=m) > 0
    ai[:m, c.A_STATE] = np.where(open_ones[accounts], c.ALIVE, c.DORMANT)
    return af, ai, pf, pi, accounts, order


def initial_rates(margin: MarginBook, traders: Traders) -> Floats:
    """Shape (n,): initial margin rate of each position at its first size, or the size it plans.

    One over the greatest leverage of its bracket, plus what grows with the size; where the
    schedule states none, twice the maintenance rate. What levers add to the maintenance rate is
    added here, too.
    """
    book, rates = margin.book, np.zeros(len(margin.book))
    contracts = np.array([i.contract_size for i in book.instruments])[book.positions.instrument]
    coin = np.array([i.inverse for i in book.instruments])[book.positions.instrument]
    usd = np.where(traders.plan > 0.0, traders.plan, book.notional())
    value = np.where(coin, usd / book.positions.mark, usd)
    size = np.abs(book.positions.size) / contracts
    for k, schedule in enumerate(margin.schedules):
        rows = np.flatnonzero(margin.schedule == k)
        unit = size if schedule.unit is TierUnit.CONTRACTS else value
        bracket = schedule.bracket(unit[rows])
        stated = schedule.max_leverage[bracket]
        asked = np.where(stated > 0.0, 1.0 / stated, 2.0 * schedule.rates[bracket])
        grown = schedule.growth * np.abs(book.positions.size[rows])
        rates[rows] = np.maximum(asked, schedule.rates[bracket]) + grown
    return np.asarray(rates + traders.add_on)


def nearest_first(margin: MarginBook) -> tuple[Ints, Ints, Ints]:
    """Accounts by how far they are from falling, their positions, and where each one's begin.

    Those that fall in one step then lie together in memory. Accounts of one market and side are
    put together first: a price reaches them in this order.
    """
    book = margin.book
    n, m = len(book), len(book.accounts)
    gross = np.bincount(book.positions.account, np.abs(margin.lines.z) * margin.lines.u, m)
    room = margin.accounts_state().excess / np.maximum(gross, 1e-300)
    first = margin.order[margin.start[:-1].clip(0, max(n - 1, 0))]
    group = 2 * book.positions.instrument[first] + (book.positions.size[first] < 0)
    accounts = np.lexsort((room, group))
    counts = np.diff(margin.start)[accounts]
    start = np.concatenate(([0], np.cumsum(counts)))
    into = np.arange(n) - np.repeat(start[:-1], counts)
    order = margin.order[np.repeat(margin.start[:-1][accounts], counts) + into]
    return accounts.astype(np.int64), order, start


def latency_steps(setup: Setup) -> float:
    """Steps from finding that an account is due to sending its order."""
    return float(max(round(setup.latency / setup.floor.step), 1))


def build_world(setup: Setup, margin: MarginBook, traders: Traders) -> tuple[Any, Ints, Ints]:
    """Every array of a run at its start, thresholds not yet set.

    Also the book's account and position behind each row.
    """
    floor = setup.floor
    af, ai, pf, pi, accounts, positions = account_columns(margin, traders, floor)
    n, m, markets = len(pf), len(af), len(floor)
    table = market_columns(setup, margin)
    shape = level_shapes(setup)
    unit = np.where(table[:, c.INVERSE] > 0, 1.0, 1.0 / table[:, c.MID])
    standing = shape * (table[:, c.CALM] * unit)[:, None]
    for column in (c.STANDING_BID, c.STANDING_ASK, c.NEXT_BID, c.NEXT_ASK):
        table[:, column] = table[:, c.CALM]
    way = np.where(table[:, c.INVERSE] > 0, -1.0, 1.0)
    size = pf[:, c.Z] * way[pi[:, c.P_MARKET]]
    held = np.bincount(pi[:, c.P_MARKET], size, markets)
    interest = np.zeros((markets, 2))
    interest[:, 0] = np.bincount(pi[:, c.P_MARKET], np.maximum(pf[:, c.Z], 0), markets)
    interest[:, 1] = np.bincount(pi[:, c.P_MARKET], np.maximum(-pf[:, c.Z], 0), markets)
    table[:, c.INTEREST] = interest.max(axis=1)
    by_market = np.argsort(pi[:, c.P_MARKET], kind="stable")
    start = np.concatenate(([0], np.cumsum(np.bincount(pi[:, c.P_MARKET], minlength=markets))))
    floors, ladder = ladders(margin)
    funds = {t.venue: t.loss.fund_usd for t in margin.terms} | dict(setup.funds)
    order, ends = by_side(np.flatnonzero(pf[:, c.PLAN] > 0.0), pf, pi, way)
    turn = traders.turn[positions]
    willing = np.argsort(turn, kind="stable")[: np.count_nonzero(~np.isnan(turn))]
    exits, exit_ends = by_side(willing[pf[willing, c.Z] != 0.0], pf, pi, way)
    x = margin.lines
    world = layout.World(
        clock=np.array([0.0, 0.0, floor.step, float(floor.steps), latency_steps(setup)]),
        markets=table,
        bids=standing.copy(),
        asks=standing.copy(),
        shape=shape,
        front=np.zeros((markets, 2)),
        af=af,
        ai=ai,
        pf=pf,
        pi=pi,
        head=np.full((markets, 2, triggers.BUCKETS), -1, dtype=np.int32),
        due=np.stack([np.zeros(markets), np.full(markets, np.inf)], axis=1),
        origin=np.log(table[:, c.MARK]),
        venues=venue_columns(floor, margin, setup),
        rates=np.ascontiguousarray(x.rates),
        deductions=np.ascontiguousarray(x.deductions),
        curves=x.curves,
        floors=floors,
        ladders=ladder,
        fund_held=np.zeros(markets),
        fund_cash=np.zeros(markets),
        fund_usd=np.array([funds.get(v, 0.0) for v in floor.venues]),
        fees=np.zeros(markets),
        rest_held=-held,
        rest_cash=np.zeros(markets),
        interest=interest,
        queue=np.zeros((2 * m + 3 * n + 16, 3), dtype=np.int32),
        events=np.empty((5 * (n + m) + 200_000, c.EVENT_COLUMNS)),
        counts=np.zeros(layout.COUNTS, dtype=np.int64),
        claims=np.zeros((markets, 2, layout.CLAIM_COLUMNS)),
        totals=np.zeros(layout.TOTALS),
        found=np.zeros(n + 1, dtype=np.int32),
        credit=np.zeros((markets, 2)),
        order=order,
        order_start=ends,
        exits=exits,
        exits_start=exit_ends,
        exit_credit=np.zeros((markets, 2)),
        pool=np.zeros((markets, 2, 2)),
        by_market=by_market.astype(np.int64),
        by_market_start=start.astype(np.int64),
        points=basis_points(table, floor.step),
        weights=weights_of_others(setup, margin),
    )
    return world, accounts, positions


def by_side(rows: Ints, pf: Floats, pi: Any, way: Floats) -> tuple[Ints, Ints]:
    """Rows by market and side, in their order within each, and where each group begins and ends."""
    market = pi[rows, c.P_MARKET].astype(np.int64)
    short = pf[rows, c.START_Z] * way[market] < 0
    code = market * 2 + short
    order = rows[np.argsort(code, kind="stable")].astype(np.int64)
    counts = np.bincount(code, minlength=2 * len(way))
    last = np.cumsum(counts)
    return order, np.stack([last - counts, last], axis=1).reshape(len(way), 2, 2).astype(np.int64)
