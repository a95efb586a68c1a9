"""What real positions say of the engine: measured, not fitted.

``python tests/reference/real_positions.py [FOLDER]`` prints the figures of ``docs/real-data.md``.
``FOLDER`` holds ``positions/`` and ``hyperliquid_oct10/``; by default ``$SEAWALL_DATA``, else
``shared/data`` beside the project.

A list of large accounts prints for each position size, entry, leverage and the liquidation price
of the venue, and for each account a value. Not printed: margin mode, margin of isolated
positions, the mark at which the account was valued. Three readings of it are compared.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from seawall.core import Book, format_time
from seawall.ingest import read_book
from seawall.margin import MarginBook, half_initial_rate
from seawall.rulebook import bind

POSITIONS = "positions/hyperliquid_top_accounts.parquet"
DELEVERAGED = "hyperliquid_oct10/adl_by_account.parquet"
SURVIVORS = "hyperliquid_oct10/outcome_by_account_btc_sol.parquet"
VENUE = "hyperliquid"
EVENT = "2025-10-10T21:27:00Z"
ASSUMED_LEVERAGE = 5.0
LEVERAGES = (3, 4, 5, 8, 10, 15, 20, 25, 40, 50)
"""Highest leverages of Hyperliquid's margin tables, now and before."""

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


def table(path: Path, query: str) -> dict[str, Any]:
    """Columns of a Parquet file; masked numbers become NaN."""
    with duckdb.connect() as connection:
        found = connection.execute(query.format(file=f"read_parquet('{path}')")).fetchnumpy()
    return {
        name: np.ma.filled(values, np.nan) if np.ma.isMaskedArray(values) else values
        for name, values in found.items()
    }


def snapshot_times(path: Path) -> list[str]:
    """ISO 8601 times of the snapshots, oldest first; each names its own snapshot."""
    query = "SELECT DISTINCT epoch_ns(time) AS ns FROM {file} ORDER BY ns"
    # a time is printed to the second: name the next one, so that the snapshot has begun
    return [format_time(int(ns) + 1_000_000_000) for ns in table(path, query)["ns"]]


def as_cross(book: Book, path: Path, rate: Floats | None = None) -> Book:
    """The same positions as cross accounts with the account values of the list.

    ``rate`` has shape (n,): maintenance rates in place of the brackets where not NaN.
    """
    p = book.positions
    rows = table(path, "SELECT account, account_value FROM {file}")
    mine = p.row - 1
    return read_book(
        {
            "account": rows["account"][mine].astype(str),
            "instrument": [book.instruments[k].symbol for k in p.instrument],
            "size": p.size,
            "entry_price": p.entry,
            "mark_price": p.mark,
            "leverage": p.leverage,
            "margin_mode": ["cross"] * len(p),
            "account_value": rows["account_value"][mine],
            "liquidation_price": p.reported_liquidation,
            "maintenance_margin_rate": np.full(len(p), np.nan) if rate is None else rate,
        },
        venue=VENUE,
        when=format_time(book.time),
    )


def as_isolated(book: Book) -> Book:
    """The same positions, each with the initial margin of its leverage at entry."""
    unknown = np.full(len(book.accounts), np.nan)
    unreported = np.full(len(book), np.nan)
    positions = replace(book.positions, reported_liquidation=unreported)
    return replace(book.with_balances(unknown), positions=positions)


def stand_ins(margin: MarginBook) -> Mask:
    """Shape (n,): positions on the venue's most cautious schedule for want of their own."""
    return np.array([s.cautious for s in margin.schedules])[margin.schedule]


def leaders(margin: MarginBook, usable: Mask) -> NDArray[np.int64]:
    """The largest usable position of each account that has two or more."""
    book, account = margin.book, margin.book.positions.account
    order = np.lexsort((-book.notional(), account))
    order = order[usable[order]]
    first = np.append(True, account[order][1:] != account[order][:-1])
    counts = np.bincount(account[order], minlength=len(book.accounts))
    return order[first][counts[account[order[first]]] >= 2]


def told_by_leaders(margin: MarginBook, lead: NDArray[np.int64]) -> MarginBook:
    """Cross accounts with the one balance at which their leader falls where the venue says.

    The leader's coin is moved to its reported price; what the account then has above its
    maintenance is taken from the balance.
    """
    book, p = margin.book, margin.book.positions
    balance, codes = margin.balance.copy(), margin.book.asset_codes()
    for i in lead:
        factor = np.ones(len(book.assets))
        factor[codes[i]] = p.reported_liquidation[i] / p.mark[i]
        account = p.account[i]
        balance[account] -= margin.remarked(factor).excess[account]
    return bind(book.with_balances(balance))


@dataclass(frozen=True)
class Agreement:
    """How far computed prices are from reported ones, on the rows where both exist."""

    rows: int
    exact: int
    within_1_percent: int
    within_5_percent: int
    median: float

    @classmethod
    def of(cls, computed: Floats, reported: Floats) -> Agreement:
        """Compare two arrays; a price on one side only counts as disagreement."""
        error = np.abs(computed / reported - 1.0)
        error = np.where(np.isnan(computed) & ~np.isnan(reported), np.inf, error)
        near = [int((error < bound).sum()) for bound in (1e-6, 0.01, 0.05)]
        return cls(len(error), *near, float(np.median(error)) if len(error) else float("nan"))

    def __str__(self) -> str:
        return (
            f"{self.rows} rows: {self.exact} to 1e-6, {self.within_1_percent} within 1%, "
            f"{self.within_5_percent} within 5%, median error {self.median:.2g}"
        )


@dataclass(frozen=True)
class Readings:
    """The readings of one snapshot, against the reported prices.

    Attributes
    ----------
    shared
        Cross accounts told by their leader: all other positions of known brackets.
    shared_accounts, shared_accounts_exact
        Accounts with two such positions or more, and those whose every price comes out.
    limits
        Other positions of those accounts, on whatever brackets, whose price does not come out
        but would under another highest leverage of the venue.
    silent, silent_agreed
        Rows of those accounts without a reported price, and those without a computed one.
    stand_in, stand_in_nearer
        Positions of those accounts on a stand-in schedule; those whose price is no farther from
        the mark than the reported one.
    value, value_alone
        Cross accounts at the value of the list: all rows; accounts of one position.
    isolated
        Initial margin at entry.
    revaluation
        Shape (k,): relative change of the mark that explains the value of each account that
        holds only BTC.
    """

    shared: Agreement
    shared_accounts: int
    shared_accounts_exact: int
    limits: int
    silent: int
    silent_agreed: int
    stand_in: Agreement
    stand_in_nearer: int
    value: Agreement
    value_alone: Agreement
    isolated: Agreement
    revaluation: Floats


def readings(path: Path, when: str | None = None) -> Readings:
    """Compare one snapshot, by default the last."""
    book = read_book(path, venue=VENUE, when=when)
    margin = bind(as_cross(book, path))
    p = margin.book.positions
    reported, told = p.reported_liquidation, np.isfinite(p.reported_liquidation)
    guessed = stand_ins(margin)
    lead = leaders(margin, told & ~guessed)
    fitted = told_by_leaders(margin, lead).liquidation_price()
    at_value = margin.liquidation_price()
    alone_price = bind(as_isolated(book)).liquidation_price()

    inside = np.isin(p.account, p.account[lead])
    is_lead = np.zeros(len(p), dtype=np.bool_)
    is_lead[lead] = True
    rest = inside & told & ~guessed & ~is_lead
    off = rest & ~(np.abs(fitted / reported - 1.0) < 1e-6)
    open_question = off | (inside & told & guessed & ~(np.abs(fitted / reported - 1.0) < 1e-6))
    silent = inside & ~told & ~guessed
    strange = inside & told & guessed
    nearer = np.abs(fitted / p.mark - 1.0) <= np.abs(reported / p.mark - 1.0) + 1e-9
    only = margin.alone & told & ~guessed
    return Readings(
        shared=Agreement.of(fitted[rest], reported[rest]),
        shared_accounts=len(lead),
        shared_accounts_exact=len(lead) - len(np.unique(p.account[off])),
        limits=int((open_question & _under_other_limits(book, path, inside, lead)).sum()),
        silent=int(silent.sum()),
        silent_agreed=int((silent & np.isnan(fitted)).sum()),
        stand_in=Agreement.of(fitted[strange], reported[strange]),
        stand_in_nearer=int((strange & nearer).sum()),
        value=Agreement.of(at_value[told], reported[told]),
        value_alone=Agreement.of(at_value[only], reported[only]),
        isolated=Agreement.of(alone_price[told], reported[told]),
        revaluation=_revaluation(margin, only),
    )


def _under_other_limits(book: Book, path: Path, inside: Mask, lead: NDArray[np.int64]) -> Mask:
    """Rows whose price comes out under some highest leverage of the venue.

    What the others of the account need in maintenance cancels: the leader's price fixes equity
    less the whole of it.
    """
    found = np.zeros(len(book), dtype=np.bool_)
    changed = inside.copy()
    changed[lead] = False
    for leverage in LEVERAGES:
        rate = np.where(changed, half_initial_rate(np.array(float(leverage))), np.nan)
        margin = told_by_leaders(bind(as_cross(book, path, rate)), lead)
        price = margin.liquidation_price()
        found |= np.abs(price / margin.book.positions.reported_liquidation - 1.0) < 1e-6
    return found


def _revaluation(margin: MarginBook, only: Mask) -> Floats:
    """Change of the mark at which a BTC account would have the value of the list."""
    book, p = margin.book, margin.book.positions
    mine = np.flatnonzero(only & (book.asset_codes() == book.assets.index("BTC")))
    stated = margin.accounts_state().equity[p.account[mine]]
    alone = told_by_leaders(margin, mine)
    true = alone.accounts_state().equity[p.account[mine]]
    return (stated - true) / (p.size[mine] * p.mark[mine])


# --- 10 October 2025 ----------------------------------------------------------------------------


def deleveraged(path: Path) -> tuple[dict[str, Any], Book]:
    """Accounts that were deleveraged, each as one short of what was closed.

    The table adds an account's closings up over coins and names none: notional, profit and
    account value are the recorded ones, on one stand-in coin priced at 1. The entry is the one
    that gives the recorded profit. Accounts without value are left out: their margin is gone.
    """
    rows = table(path, "SELECT * FROM {file} WHERE account_value_realtime > 0 ORDER BY account")
    gain = rows["closed_pnl"] / rows["adl_notional"]
    kept = gain > -0.99
    rows = {name: values[kept] for name, values in rows.items()}
    book = read_book(
        {
            "account": rows["account"].astype(str),
            "instrument": ["BTC"] * int(kept.sum()),
            "size": -rows["adl_notional"],
            "entry_price": 1.0 + gain[kept],
            "mark_price": np.ones(int(kept.sum())),
            "margin_mode": ["cross"] * int(kept.sum()),
            "account_value": rows["account_value_realtime"],
        },
        venue=VENUE,
        when=EVENT,
    )
    return rows, book


def survivors(path: Path) -> Book:
    """BTC and SOL positions left at the end of the window that were opened within it.

    Only for these is an entry recorded. No margin is: a leverage of five is assumed for each.
    """
    rows = table(
        path,
        "SELECT * FROM {file} WHERE abs(position_size * mark_price) > 1 AND entry_price > 0",
    )
    n = len(rows["account"])
    return read_book(
        {
            "account": rows["account"].astype(str),
            "instrument": rows["asset"],
            "size": rows["position_size"],
            "entry_price": rows["entry_price"],
            "mark_price": rows["mark_price"],
            "margin_mode": ["isolated"] * n,
            "leverage": np.full(n, ASSUMED_LEVERAGE),
        },
        venue=VENUE,
        when=EVENT,
    )


def main(arguments: list[str]) -> None:
    """Print every figure."""
    beside = Path(__file__).resolve().parents[3] / "shared" / "data"
    folder = Path(arguments[0] if arguments else os.environ.get("SEAWALL_DATA", beside))
    path = folder / POSITIONS
    times = snapshot_times(path)
    for when in (times[0], times[len(times) // 2], times[-1]):
        r = readings(path, when)
        print(f"snapshot of {when}")
        print(f"  shared equity: {r.shared}")
        print(f"    accounts: {r.shared_accounts}, every price exact: {r.shared_accounts_exact}")
        print(f"    of the rest, exact under another highest leverage: {r.limits}")
        print(f"    no price reported: {r.silent}, none computed: {r.silent_agreed}")
        print(f"    stand-in brackets: {r.stand_in}; no farther: {r.stand_in_nearer}")
        print(f"  account value as listed: {r.value}")
        print(f"    accounts of one position: {r.value_alone}")
        quartiles = np.percentile(r.revaluation, [25, 50, 75]) * 100
        told = ", ".join(f"{q:.2f}%" for q in quartiles)
        print(f"    mark that explains BTC accounts ({len(r.revaluation)}): {told} (quartiles)")
        print(f"  initial margin at entry: {r.isolated}")
    rows, book = deleveraged(folder / DELEVERAGED)
    leverage = bind(book).effective_leverage()
    once = rows["num_adl_events"] == 1
    error = np.abs(leverage / rows["leverage_realtime"] - 1)[once]
    print(f"10 October 2025: {len(book)} deleveraged accounts, USD {book.notional().sum():,.0f}")
    print(f"  effective leverage of {once.sum()} closed once: {(error < 0.01).sum()} within 1%")
    print(f"  {len(survivors(folder / SURVIVORS))} BTC and SOL positions with a known entry left")


if __name__ == "__main__":
    main(sys.argv[1:])
