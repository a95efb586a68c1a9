"""All ways back from a margin call, for the accounts of a book that need one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seawall.core import InputError, Mistake
from seawall.desk.contributions import Contributions, contributions
from seawall.desk.copies import Copies
from seawall.desk.hedging import Hedge, exposure_usd, hedges, move_survived
from seawall.desk.rescue import Costs, Cuts, Goal, collateral_to_add, cuts
from seawall.margin import MarginBook

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MOST = 50
"""Accounts whose cuts and hedges are looked for, the worst first; collateral is told of all."""


@dataclass(frozen=True, slots=True, eq=False)
class Rescue:
    """What brings accounts back to a margin ratio.

    Attributes
    ----------
    margin
        The book.
    goal
        What is aimed at.
    accounts
        Shape (m,): margin accounts, the one with the highest ratio first.
    ratio, equity
        Shape (m,): as they stand.
    add
        Shape (m,): collateral that brings them there, settlement currency; 0 where ``cash`` does.
    cash
        Shape (m,): collateral that is added before anything is cut, settlement currency.
    cuts
        Of the first :data:`MOST` accounts.
    contributions
        Of the same.
    move, move_after
        Shape (m,): how far all prices move together against the account's exposure before it
        falls, now and with the collateral added; infinite where no move does.
    hedges
        By account: hedges after which it survives ``move_after``, cheapest first.
    """

    margin: MarginBook
    goal: Goal
    accounts: Ints
    ratio: Floats
    equity: Floats
    add: Floats
    cash: Floats
    cuts: Cuts
    contributions: Contributions
    move: Floats
    move_after: Floats
    hedges: tuple[tuple[Hedge, ...], ...]

    def best_cut(self, k: int) -> int | None:
        """The cheapest cut of account ``accounts[k]`` alone; None if none is enough."""
        c = self.cuts
        mine = np.flatnonzero((c.account == self.accounts[k]) & ~np.isnan(c.share))
        if not len(mine):
            return None
        return int(mine[np.lexsort((c.notional_usd[mine], c.cost[mine]))[0]])


def rescue(
    margin: MarginBook,
    goal: Goal | None = None,
    *,
    traders: Sequence[str] = (),
    costs: Costs | None = None,
    cash: float = 0.0,
) -> Rescue:
    """Ways back for every account that does not meet a goal.

    Parameters
    ----------
    goal
        Where accounts are to be brought; a margin ratio of one half if None.
    traders
        Only accounts of these; by default of all.
    costs
        Of trading; :meth:`Costs.of` the book if None.
    cash
        USD that each account can add before anything is cut.

    Raises
    ------
    InputError
        If a trader is not in the book.
    """
    goal, costs = goal or Goal(), costs or Costs.of(margin)
    state = margin.accounts_state()
    every = np.arange(len(margin.book.accounts), dtype=np.int64)
    chosen = _chosen(margin, traders) & (
        goal.short(Copies(margin, every).moved(goal.factors)) > 0.0
    )
    accounts = np.flatnonzero(chosen)
    # those without equity are all infinite: the deepest first
    order = np.lexsort((state.excess[accounts], -state.ratio[accounts]))
    accounts = accounts[order].astype(np.int64)
    add = collateral_to_add(margin, accounts, goal) if len(accounts) else np.zeros(0)
    given = np.minimum(add, cash / _usd(margin)[accounts])
    worst = accounts[:MOST]
    found = cuts(margin, worst, goal, costs, given[:MOST])
    move, after = _moves(margin, accounts, add)
    return Rescue(
        margin=margin,
        goal=goal,
        accounts=accounts,
        ratio=state.ratio[accounts],
        equity=state.equity[accounts],
        add=add,
        cash=given,
        cuts=found,
        contributions=contributions(margin, worst),
        move=move,
        move_after=after,
        hedges=tuple(
            hedges(margin, int(a), float(after[k]), costs) if np.isfinite(after[k]) else ()
            for k, a in enumerate(worst.tolist())
        ),
    )


def _chosen(margin: MarginBook, traders: Sequence[str]) -> NDArray[np.bool_]:
    book = margin.book
    if not traders:
        return np.ones(len(book.accounts), dtype=np.bool_)
    code = {name: k for k, name in enumerate(book.traders)}
    unknown = [t for t in traders if t not in code]
    if unknown:
        shown = ", ".join((*list(book.traders)[:20], *(["..."] if len(code) > 20 else [])))
        raise InputError(
            [Mistake("not in the book", "--account", value=t, allowed=shown) for t in unknown]
        )
    return np.isin(book.accounts.trader, [code[t] for t in traders])


def _usd(margin: MarginBook) -> Floats:
    """Shape (m,): USD per unit of each account's settlement currency, at the marks."""
    book, unit = margin.book, np.ones(len(margin.book.accounts))
    inverse = book.inverse()
    unit[book.positions.account[inverse]] = book.positions.mark[inverse]
    return unit


def _moves(margin: MarginBook, accounts: Ints, add: Floats) -> tuple[Floats, Floats]:
    """Joint moves against their exposure that accounts survive, now and with collateral added."""
    up = exposure_usd(margin)[accounts] < 0
    own = margin.balance.copy()
    own[accounts] += add
    richer = MarginBook(
        margin.book.with_balances(own), margin.terms, margin.schedules, margin.schedule
    )
    now, after = (
        np.where(up, move_survived(m, True)[accounts], move_survived(m, False)[accounts])
        for m in (margin, richer)
    )
    return now, after
