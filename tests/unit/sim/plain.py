"""Small books and floors for runs whose figures a test recomputes by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from seawall._jit import hook
from seawall.core import Book
from seawall.core import _columns as c
from seawall.core.hooks import Floor, Hook, Market, Traders
from seawall.ingest import read_book
from seawall.rulebook import Rules
from seawall.sim.behaviours import Behaviour
from seawall.sim.engine import Simulation
from seawall.sim.run import Run
from seawall.sim.setup import Depth, Outside, Setup
from seawall.sim.shocks import Edit, Shock, Timeline

HEAD = (
    "account,venue,symbol,contract_type,side,quantity,entry_price,mark_price,leverage,"
    "margin_mode,collateral,wallet_balance"
)
FORCED = (c.LIQUIDATION, c.PARTIAL, c.TAKEOVER)


class Moves(Shock):
    """From each second on, all outside prices stand so far from their start, relative."""

    changes: tuple[tuple[float, float], ...]

    def apply(self, timeline: Timeline, traders: Traders) -> None:
        for second, change in self.changes:
            timeline.outside[timeline.seconds() >= second] = np.log1p(change)


class Slides(Shock):
    """All outside prices fall at a steady pace, log a second."""

    pace: float

    def apply(self, timeline: Timeline, traders: Traders) -> None:
        timeline.outside -= self.pace * timeline.seconds()[:, None]


class Edits(Shock):
    """From each second on, a column of a market has a value."""

    rows: tuple[tuple[float, int, int, float], ...]

    def apply(self, timeline: Timeline, traders: Traders) -> None:
        timeline.edits += [Edit(*row) for row in self.rows]


class Orders(Behaviour):
    """From ``at`` on and for ``over``, a market's column of orders has a value a second."""

    at: float
    over: float
    a_second: float
    market: int = 0
    column: int = c.QUANTITY

    def act(self, floor: Floor) -> Hook:
        parameters = (self.at, self.at + self.over, self.a_second, self.market, self.column)
        return Hook(_send, np.array(parameters, dtype=np.float64))


@hook
def _send(markets, own, parameters, clock, key, orders):
    first, end, much, m, column = parameters
    if first - 1e-9 <= clock[c.SECONDS] < end - 1e-9:
        orders[int(m), int(column)] = much * clock[c.DT]


def book_of(folder: Path, rows: Sequence[str]) -> Book:
    """A book of rows under :data:`HEAD`."""
    path = folder / "book.csv"
    path.write_text("\n".join((HEAD, *rows)) + "\n")
    return read_book(path)


def plain_setup(
    book: Book,
    steps: int,
    step: float = 1.0,
    depth: float = 5e6,
    market_depth: Mapping[str, Depth] | None = None,
    **changes: Any,
) -> Setup:
    """Markets of a book, all of one depth in USD, at its marks; no noise, recorded in full.

    Unless ``market_depth`` says otherwise centres follow the index at once, so that marks are
    known. There is no spot market: the index is the outside price.
    """
    price = {}
    for k, i in enumerate(book.instruments):
        price.setdefault(i.asset, float(book.positions.mark[book.positions.instrument == k][0]))
    markets = [Market(i.venue, i, price[i.asset], depth, 1e9) for i in book.instruments]
    floor = Floor(tuple(markets), book.venues, book.assets, step, steps)
    setup = Setup(book, Rules.bundled(), floor, book.time, outside=Outside({}), record_every=step)
    return replace(setup, depth=market_depth or {"": Depth(follow=1.0)}, **changes)


def account_of(run: Simulation, trader: str) -> int:
    """Number of a trader's one account in the book, as events have it."""
    book = run.margin.book
    return int(np.flatnonzero(book.accounts.trader == list(book.traders).index(trader))[0])


def row_of(run: Simulation, trader: str) -> int:
    """Row of a trader's one account in the run's columns."""
    return int(np.flatnonzero(run.accounts == account_of(run, trader))[0])


def happened(run: Simulation | Run, account: int, *kinds: int) -> list[tuple[float, int]]:
    """Second and kind of an account's events, of all kinds if none is given."""
    result = run.result() if isinstance(run, Simulation) else run
    e = result.events
    rows = [k for k in range(len(e)) if e.account[k] == account]
    return [(float(e.second[k]), int(e.kind[k])) for k in rows if not kinds or e.kind[k] in kinds]


def bids_above(run: Simulation, m: int, worst: float) -> float:
    """Base quantity that bids rest at ``worst`` or better, level by level."""
    w = run.world
    width = float(w.markets[m, c.WIDTH])
    centre = np.floor(w.markets[m, c.CENTRE] / width)
    price = np.exp((centre - 0.5 - np.arange(w.bids.shape[1])) * width)
    return float(w.bids[m][price >= worst].sum())
