"""One position of an account at any size, the rest of the account as it is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from seawall.core import InputError, MarginSchedule, Mistake, TierUnit
from seawall.desk.copies import LEAST, Copies
from seawall.margin import MarginBook

Floats = NDArray[np.float64]

_HALVINGS = 60
_FARTHEST = 1e6
"""Leverage at which the search for the largest size that brackets allow ends."""


@dataclass(frozen=True, eq=False)
class Resizing:
    """A position to be given another size at its mark.

    Parameters
    ----------
    margin
        The book.
    position
        Place of the position in the book's columns.
    """

    margin: MarginBook
    position: int

    @cached_property
    def base(self) -> MarginBook:
        """The account alone, the position entered at its mark: its profit is in the balance."""
        margin, book = self.margin, self.margin.book
        account = int(book.positions.account[self.position])
        held = margin.order[margin.start[account] : margin.start[account + 1]]
        p, a = book.positions.take(held), book.accounts
        own = held == self.position
        accounts = replace(
            a,
            trader=a.trader[[account]],
            venue=a.venue[[account]],
            isolated=a.isolated[[account]],
            settle=a.settle[[account]],
            balance=margin.balance[[account]] + margin.pnl()[self.position],
        )
        positions = replace(
            p,
            account=np.zeros(len(held), dtype=np.int32),
            entry=np.where(own, p.mark, p.entry),
            reported_liquidation=np.full(len(held), np.nan),
        )
        used, instrument = np.unique(p.instrument, return_inverse=True)
        changed = replace(
            book,
            positions=replace(positions, instrument=instrument.astype(np.int32)),
            accounts=accounts,
            instruments=tuple(book.instruments[k] for k in used.tolist()),
        )
        return MarginBook(
            changed, margin.terms, margin.schedules, margin.schedule[held], margin.notes
        )

    @cached_property
    def own(self) -> int:
        """Place of the position in :attr:`base`."""
        rows = self.margin.book.positions.row[self.position]
        return int(np.flatnonzero(self.base.book.positions.row == rows)[0])

    @property
    def side(self) -> float:
        """1 for a long, -1 for a short."""
        return float(np.sign(self.base.book.positions.size[self.own]))

    @property
    def asset(self) -> str:
        """Its underlying."""
        book = self.base.book
        return book.assets[int(book.asset_codes()[self.own])]

    @property
    def present_usd(self) -> float:
        """Its notional now."""
        return float(self.base.book.notional()[self.own])

    @property
    def unit_usd(self) -> float:
        """USD per unit of the settlement currency, at the mark."""
        book = self.base.book
        return float(book.positions.mark[self.own]) if book.inverse()[self.own] else 1.0

    @property
    def equity_usd(self) -> float:
        """Equity of the account at the marks, USD."""
        return float(self.base.accounts_state().equity[0]) * self.unit_usd

    @property
    def schedule(self) -> MarginSchedule:
        """Its brackets."""
        return self.base.schedules[int(self.base.schedule[self.own])]

    def highest_leverage(self, notional_usd: Floats) -> Floats:
        """Highest leverage that the brackets allow of sizes (S,).

        Where a venue does not say, that at which the maintenance margin is the whole margin.
        """
        schedule, book = self.schedule, self.base.book
        mark = float(book.positions.mark[self.own])
        inverse = bool(book.inverse()[self.own])
        size = np.asarray(notional_usd, dtype=np.float64)
        if schedule.unit is TierUnit.CONTRACTS:
            of = book.instruments[int(book.positions.instrument[self.own])]
            size = (size if inverse else size / mark) / of.contract_size
        elif inverse:
            size = size / mark
        bracket = schedule.bracket(size)
        stated = schedule.max_leverage[bracket]
        with np.errstate(divide="ignore"):
            return np.where(np.isnan(stated), 1.0 / schedule.rates[bracket], stated)

    @property
    def leverage_known(self) -> bool:
        """Whether the venue says how much leverage it gives."""
        return bool(np.isfinite(self.schedule.max_leverage[0]))

    def at(self, notional_usd: Floats, spent_usd: Floats | None = None) -> MarginBook:
        """The account once for each size (S,), at the highest leverage allowed of it.

        Parameters
        ----------
        spent_usd
            Shape (S,): what changing to the size costs, out of the balance.
        """
        base, notional = self.base, np.asarray(notional_usd, dtype=np.float64)
        copies = Copies(base, np.zeros(len(notional), dtype=np.int64))
        own = copies.position == self.own
        keep = np.where(own, (notional / self.present_usd)[copies.owner], 1.0)
        spent = np.zeros(len(notional)) if spent_usd is None else np.asarray(spent_usd)
        made = copies.judged(keep=keep, balance=base.balance[0] - spent / self.unit_usd)
        p = made.book.positions
        leverage = np.where(own, self.highest_leverage(notional)[copies.owner], p.leverage)
        changed = replace(made.book, positions=replace(p, leverage=leverage))
        return MarginBook(changed, made.terms, made.schedules, made.schedule, made.notes)

    def openable(self, notional_usd: Floats) -> NDArray[np.bool_]:
        """Whether the account's equity carries the initial margin of each size (S,)."""
        state = self.at(notional_usd).accounts_state()
        # an initial margin that nobody can tell is no less than the maintenance margin
        initial = np.where(np.isnan(state.initial), state.maintenance, state.initial)
        return np.asarray((state.equity >= initial) & ~state.liquidatable)

    @cached_property
    def most_usd(self) -> float:
        """Largest notional that the venue's brackets let the account's equity carry.

        Raises
        ------
        InputError
            If the account carries none: it is called already.
        """
        least = LEAST * self.present_usd
        if self.equity_usd <= 0.0 or not self.openable(np.array([least]))[0]:
            raise InputError(
                Mistake(
                    "the account carries no position of any size",
                    self.margin.book.source,
                    int(self.margin.book.positions.row[self.position]),
                    value=f"equity of {self.equity_usd:,.2f} USD",
                    allowed="equity above the initial margin of its other positions",
                    mend="See `seawall rescue`",
                )
            )
        low, high = 0.0, self.equity_usd
        while high < _FARTHEST * self.equity_usd and self.openable(np.array([high]))[0]:
            low, high = high, 2.0 * high
        for _ in range(_HALVINGS):
            middle = 0.5 * (low + high)
            if self.openable(np.array([middle]))[0]:
                low = middle
            else:
                high = middle
        return low
