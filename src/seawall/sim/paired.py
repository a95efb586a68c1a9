"""Runs beside a run, on the same noise: leverage made faint, or one account taken out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from seawall.core import Book, MarginSchedule, VenueTerms
from seawall.rulebook.levers import Lever
from seawall.sim.measures import forced, forced_usd
from seawall.sim.run import Run
from seawall.sim.setup import Setup

Floats = NDArray[np.float64]

FAINT = 1e-6
"""Share of its size at which a population moves no price."""


class _SmallerWorld(Lever):
    """Every amount of money in the venues' rules is counted in smaller dollars."""

    title: ClassVar[str] = "Rules for a population of another size"

    share: float = Field(default=1.0, gt=0)

    def terms(self, terms: VenueTerms) -> VenueTerms:
        """Thresholds and funds, shrunk."""
        cut, loss = terms.liquidation, terms.loss
        liquidation = replace(
            cut,
            threshold_usd=cut.threshold_usd * self.share,
            least_usd=cut.least_usd * self.share,
            most_usd=cut.most_usd * self.share,
        )
        losses = replace(
            loss,
            fund_usd=loss.fund_usd * self.share,
            most_per_account_usd=loss.most_per_account_usd * self.share,
        )
        return replace(terms, liquidation=liquidation, loss=losses)

    def schedule(self, schedule: MarginSchedule, venue: str, asset: str) -> MarginSchedule:
        """Brackets, shrunk: a position of that share of the size meets the same rate."""
        return replace(
            schedule,
            floors=schedule.floors * self.share,
            deductions=schedule.deductions * self.share,
            growth=schedule.growth / self.share,
        )


def faint(setup: Setup, share: float = FAINT) -> Setup:
    """The same scenario with every position, balance and fund a ``share`` of its size.

    Brackets and thresholds shrink along, so that every account stands where it stood against its
    liquidation; only its orders no longer move prices. What is forced in such a run is what the
    shock alone forces, and its prices are those of a market without leverage. Levers that count
    in USD (position limits, throttles) do not shrink: they hold nobody back here.
    """
    book = _scaled(setup.book, np.full(len(setup.book.accounts), share))
    levers: Mapping[str, Any] = {**setup.levers, "smaller world": _SmallerWorld(share=share)}
    funds = {venue: usd * share for venue, usd in setup.funds.items()}
    return replace(setup, book=book, levers=levers, funds=funds)


def without(setup: Setup, account: int) -> Setup:
    """The same scenario with one margin account shrunk to nothing that matters."""
    share = np.ones(len(setup.book.accounts))
    share[account] = FAINT * FAINT
    return replace(setup, book=_scaled(setup.book, share))


def _scaled(book: Book, share: Floats) -> Book:
    """A book with sizes, balances and maintenance amounts times a share by account."""
    positions, accounts = book.positions, book.accounts
    mine = share[positions.account]
    return replace(
        book,
        positions=replace(positions, size=positions.size * mine, amount=positions.amount * mine),
        accounts=replace(accounts, balance=accounts.balance * share),
    )


@dataclass(frozen=True, slots=True)
class Domino:
    """What falls with one account, USD.

    Attributes
    ----------
    account
        Index of the margin account in the book.
    own_usd
        What was forced of it.
    others_usd
        What is forced less of all others if it is taken out; < 0 if more.
    """

    account: int
    own_usd: float
    others_usd: float


def largest_forced(run: Run, most: int) -> list[int]:
    """Accounts by what was forced of them, greatest first."""
    rows = forced(run)
    total = np.bincount(rows.account, rows.usd)
    order = np.argsort(-total, kind="stable")[:most]
    return [int(a) for a in order if total[a] > 0]


def domino(run: Run, account: int, rest: Run) -> Domino:
    """Attribution to one account: a run, and the same run :func:`without` it."""
    rows = forced(run)
    own = float(rows.usd[rows.account == account].sum())
    return Domino(account, own, forced_usd(run) - own - forced_usd(rest))
