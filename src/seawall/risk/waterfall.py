"""Losses beyond collateral: liquidation fee and surplus, fund, deleveraging, socialised loss.

Settled once the cascade is at rest, round by round for the funds and at rest prices for the
queue of winners. Money only changes hands here: what leaves one account, fund or creditor
arrives at another, to the last bit that sums can keep.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seawall.core import AdlTrigger, InputError, LossTerms, Mistake, Surplus, VenueTerms
from seawall.margin import MarginBook
from seawall.risk._layout import TIE
from seawall.risk.cells import cells_of
from seawall.risk.deleveraging import Fallen, Queue

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_ROUNDING = 1e-10
"""Share of what was owed that sums of floats lose."""


@dataclass(frozen=True, slots=True, eq=False)
class VenueLosses:
    """The waterfall of one venue (or of one pooled fund's share of it), USD."""

    venue: str
    fund_before: float
    fees: float
    surplus: float
    deficits: float
    paid_by_fund: float
    fund_after: float
    adl_accounts: int
    adl_notional: float
    paid_by_adl: float
    socialised: float
    bad_debt: float


@dataclass(frozen=True, slots=True, eq=False)
class Settlement:
    """Who paid what.

    Attributes
    ----------
    venues
        One waterfall per venue, in the order of ``book.venues``.
    transfer
        Shape (m,): USD that the waterfall gave to (> 0) or took from each account.
    adl_usd
        Shape (n,): USD notional of each position that was deleveraged, at rest prices.
    conservation_error
        Net of all transfers over the gross of the book; 0 but for rounding.
    pooled
        Whether one fund stood for all venues; its balance is then shown on each.
    """

    venues: tuple[VenueLosses, ...]
    transfer: Floats
    adl_usd: Floats
    conservation_error: float
    pooled: bool

    def total(self, name: str) -> float:
        """Sum of one column of the venues; a pooled fund counts once."""
        values = [float(getattr(v, name)) for v in self.venues]
        if self.pooled and name in ("fund_before", "fund_after"):
            return values[0]
        return sum(values)


def funds_of(
    terms: tuple[VenueTerms, ...], given: float | Mapping[str, float] | None
) -> tuple[list[float], bool]:
    """Insurance fund per venue in USD, and whether it is one fund for all.

    Raises
    ------
    InputError
        If a fund is negative or named for a venue that is not in the book.
    """
    if given is None:
        return [t.loss.fund_usd for t in terms], False
    amounts = [given] if isinstance(given, (int, float)) else list(given.values())
    if any(not (np.isfinite(v) and v >= 0) for v in amounts):
        raise InputError(
            Mistake("fund out of range", "--fund", value=str(given), allowed="0 or more USD")
        )
    if isinstance(given, (int, float)):
        return [float(given)] * len(terms), True
    names = [t.venue for t in terms]
    unknown = [v for v in given if v not in names]
    if unknown:
        raise InputError(
            Mistake(
                "fund of a venue that is not in the book",
                "--fund",
                value=", ".join(unknown),
                allowed=", ".join(names),
            )
        )
    return [float(given.get(t.venue, t.loss.fund_usd)) for t in terms], False


def settle(
    margin: MarginBook, fallen: Fallen, fund: float | Mapping[str, float] | None = None
) -> Settlement:
    """Run every venue's waterfall over the accounts that fell.

    Parameters
    ----------
    margin
        The book before the shock.
    fallen
        What the cascade closed.
    fund
        USD: one number for a single fund that stands behind all venues, or by venue; None takes
        the rulebooks' dated balances.
    """
    balances, pooled = funds_of(margin.terms, fund)
    venue = margin.book.accounts.venue[fallen.account].astype(np.int64)
    transfer = np.zeros(len(margin.book.accounts))
    fee, surplus = _fees(margin, fallen, venue)
    deficit = np.maximum(-fallen.equity, 0.0)
    transfer[fallen.account] = deficit - (fee + surplus)
    unpaid, funds = _draw_funds(margin.terms, fallen, venue, balances, pooled, fee, surplus)
    of_venue = [funds[0 if pooled else v] for v in range(len(margin.terms))]
    queue = Queue(margin, fallen, unpaid, transfer)
    adl = [queue.deleverage(v) for v in range(len(margin.terms))]
    owed = np.bincount(venue, unpaid, len(margin.terms))
    left = np.maximum(owed - np.array([by_adl for _, _, by_adl in adl]), 0.0)
    # what deleveraging did not cover falls on what is left of the funds, whatever their trigger
    left -= _draw(of_venue, left, [0.0] * len(left))
    # a sum paid in thousands of parts ends a rounding away from 0, which is nobody's debt
    left[left <= _ROUNDING * owed] = 0.0
    shared = np.array(
        [
            queue.socialise(v, float(left[v])) if terms.loss.socialised else 0.0
            for v, terms in enumerate(margin.terms)
        ]
    )
    fees, steps, surpluses, deficits = (
        np.bincount(venue, column, len(margin.terms)).tolist()
        for column in (fee, fallen.fee_paid, surplus, deficit)
    )
    rows = []
    for v, terms in enumerate(margin.terms):
        notional, traders, by_adl = adl[v]
        rows.append(
            VenueLosses(
                venue=terms.venue,
                fund_before=of_venue[v].before,
                fees=fees[v] + steps[v],
                surplus=surpluses[v],
                deficits=deficits[v],
                paid_by_fund=of_venue[v].paid[v],
                fund_after=of_venue[v].balance,
                adl_accounts=traders,
                adl_notional=notional,
                paid_by_adl=by_adl,
                socialised=float(shared[v]),
                bad_debt=float(left[v] - shared[v]),
            )
        )
    return Settlement(
        venues=tuple(rows),
        transfer=transfer,
        adl_usd=queue.closed,
        conservation_error=_imbalance(margin, fallen, transfer, funds, tuple(rows)),
        pooled=pooled,
    )


def _fees(margin: MarginBook, fallen: Fallen, venue: Ints) -> tuple[Floats, Floats]:
    """Liquidation fee and surplus taken from what is left of each account, USD."""
    rate = np.array([t.liquidation.fee for t in margin.terms])[venue]
    to_fund = np.array([t.liquidation.surplus is Surplus.FUND for t in margin.terms])[venue]
    left = np.maximum(fallen.equity, 0.0)
    charged = np.where(fallen.fee_paid > 0, 0.0, np.minimum(rate * fallen.notional, left))
    return charged, np.where(to_fund, left - charged, 0.0)


class _Fund:
    """One insurance fund as the rounds go by."""

    def __init__(self, balance: float, venues: int):
        self.before = self.balance = self.peak = balance
        self.paid = [0.0] * venues

    def floor(self, loss: LossTerms) -> float:
        """Balance at which a venue's trigger stops the fund from paying."""
        if loss.trigger is AdlTrigger.ACCOUNT_NEGATIVE:
            return np.inf
        if loss.trigger is AdlTrigger.FUND_DRAWDOWN:
            return self.peak * (1.0 - loss.drawdown)
        return 0.0


def _draw(of_venue: list[_Fund], wanted: Floats, floors: list[float]) -> Floats:
    """Pay what venues want, each down to its floor; returns what each was paid.

    Venues behind one fund share it in proportion to what they want, so that their order is
    irrelevant.
    """
    paid = np.zeros(len(wanted))
    for fund in dict.fromkeys(of_venue):
        # a venue that does not ask the fund takes no share from those that do
        mine = [v for v, f in enumerate(of_venue) if f is fund and np.isfinite(floors[v])]
        total, before = float(wanted[mine].sum()), fund.balance
        if total <= 0:
            continue
        for v in mine:
            have = max(before - floors[v], 0.0) * (wanted[v] / total)
            paid[v] = min(float(wanted[v]), have)
            fund.paid[v] += paid[v]
        # shares of all of it may miss the balance by their last bits: it is empty
        rest = before - float(paid[mine].sum())
        fund.balance = rest if rest > TIE * before else 0.0
    return paid


def _draw_funds(
    terms: tuple[VenueTerms, ...],
    fallen: Fallen,
    venue: Ints,
    balances: list[float],
    pooled: bool,
    fee: Floats,
    surplus: Floats,
) -> tuple[Floats, list[_Fund]]:
    """Fees in and deficits out, round by round; returns what each account's deficit still lacks."""
    funds = [_Fund(b, len(terms)) for b in (balances[:1] if pooled else balances)]
    of_venue = [funds[0 if pooled else v] for v in range(len(terms))]
    deficit = np.maximum(-fallen.equity, 0.0)
    turns = int(fallen.turn.max(initial=0)) + 1
    code = fallen.turn * len(terms) + venue
    income, wanted, fell = (
        np.bincount(code, column, turns * len(terms)).reshape(turns, -1)
        for column in (fee + surplus + fallen.fee_paid, deficit, None)
    )
    left = np.ones((turns, len(terms)))
    for now in np.flatnonzero(fell.any(axis=1)):
        for v, amount in enumerate(income[now].tolist()):
            of_venue[v].balance += amount
        for fund in funds:
            fund.peak = max(fund.peak, fund.balance)
        floors = [fund.floor(t.loss) for fund, t in zip(of_venue, terms, strict=True)]
        paid = _draw(of_venue, wanted[now], floors)
        some = wanted[now] > 0
        left[now, some] = 1.0 - paid[some] / wanted[now, some]
    return deficit * left.reshape(-1)[code], funds


def _imbalance(
    margin: MarginBook,
    fallen: Fallen,
    transfer: Floats,
    funds: list[_Fund],
    rows: tuple[VenueLosses, ...],
) -> float:
    """Net of every transfer over the gross notional of the book."""
    steps = float(fallen.fee_paid.sum())
    into_funds = sum(f.balance - f.before for f in funds)
    unpaid = sum(r.bad_debt for r in rows)
    return float((transfer.sum() - steps + into_funds - unpaid) / max(cells_of(margin).gross, 1.0))
