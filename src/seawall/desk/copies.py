"""Accounts of a book, each as often as asked, judged with other sizes, balances and marks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from seawall.core import Accounts
from seawall.margin import MarginBook

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LEAST = 1e-12
"""Share of a position that stands in for none: a size of 0 has no leverage."""


@dataclass(frozen=True, eq=False)
class Copies:
    """Copies of margin accounts with all their positions, one after the other.

    Parameters
    ----------
    margin
        The book that they are of.
    accounts
        Shape (V,): which account each is a copy of; one may stand there often.
    """

    margin: MarginBook
    accounts: Ints

    def __len__(self) -> int:
        return len(self.accounts)

    @cached_property
    def counts(self) -> Ints:
        """Shape (V,): positions of each copy."""
        return np.diff(self.margin.start)[self.accounts]

    @cached_property
    def begin(self) -> Ints:
        """Shape (V,): where each copy's positions begin."""
        return np.asarray(np.cumsum(self.counts) - self.counts)

    @cached_property
    def owner(self) -> Ints:
        """Shape (P,): which copy a position belongs to."""
        return np.repeat(np.arange(len(self)), self.counts)

    @cached_property
    def position(self) -> Ints:
        """Shape (P,): place of each copied position in the book's columns."""
        inside = np.arange(int(self.counts.sum())) - np.repeat(self.begin, self.counts)
        first = self.margin.start[self.accounts]
        return np.asarray(self.margin.order[first[self.owner] + inside])

    @cached_property
    def as_they_are(self) -> MarginBook:
        """The copies as the accounts stand."""
        return self.judged()

    def judged(
        self,
        *,
        keep: Floats | None = None,
        balance: Floats | None = None,
        mark: Floats | None = None,
    ) -> MarginBook:
        """The copies under the same rules, changed.

        Parameters
        ----------
        keep
            Shape (P,): share of each position that is kept, 0 to 1.
        balance
            Shape (V,): balances, settlement currency.
        mark
            Shape (P,): mark prices, USD.
        """
        margin, book, at = self.margin, self.margin.book, self.position
        p, a = book.positions.take(at), book.accounts
        size = p.size if keep is None else p.size * np.maximum(keep, LEAST)
        positions = replace(
            p,
            account=self.owner.astype(np.int32),
            size=size,
            mark=p.mark if mark is None else mark,
        )
        accounts = Accounts(
            trader=a.trader[self.accounts],
            venue=a.venue[self.accounts],
            isolated=a.isolated[self.accounts],
            balance=margin.balance[self.accounts] if balance is None else balance,
            settle=a.settle[self.accounts],
        )
        changed = replace(book, positions=positions, accounts=accounts)
        return MarginBook(changed, margin.terms, margin.schedules, margin.schedule[at])

    def standing(
        self, keep: Floats | None = None, balance: Floats | None = None
    ) -> tuple[Floats, Floats]:
        """Equity and maintenance margin of each changed copy, shape (V,), settlement currency."""
        made = self.judged(keep=keep, balance=balance)
        equity = made.balance + np.bincount(self.owner, made.pnl(), len(self))
        need = np.bincount(self.owner, made.need(), len(self)).astype(np.float64)
        return equity, need

    def moved(self, factors: tuple[float, ...]) -> Copies:
        """These copies once for each factor of all prices, those of the first factor first."""
        return Moved(self.margin, np.tile(self.accounts, len(factors)), factors)


@dataclass(frozen=True, eq=False)
class Moved(Copies):
    """Copies at prices that have moved together; those of the first factor first."""

    factors: tuple[float, ...]

    @cached_property
    def mark(self) -> Floats:
        """Shape (P,): mark prices, USD."""
        each = np.repeat(np.array(self.factors), len(self.position) // len(self.factors))
        return np.asarray(self.margin.book.positions.mark[self.position] * each)

    def judged(
        self,
        *,
        keep: Floats | None = None,
        balance: Floats | None = None,
        mark: Floats | None = None,
    ) -> MarginBook:
        """As of copies, at the moved prices unless others are given."""
        return super().judged(keep=keep, balance=balance, mark=self.mark if mark is None else mark)
