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

from seawall.core import AdlPrice, AdlTrigger, InputError, LossTerms, Mistake, Surplus, VenueTerms
from seawall.margin import MarginBook
from seawall.margin import _kernels as _margin
from seawall.margin.deleveraging import deleveraging_score

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Fallen:
    """What the cascade hands over, one row per liquidated account and per closed position.

    Attributes
    ----------
    account, turn, equity, notional
        Liquidated (or stopped out below zero) account; round of its last closing; its equity in
        USD when closed, before any fee (< 0 is a deficit); USD closed by force.
    position, position_account, position_turn, position_usd
        Each forced closing: position, its account, its round, USD at its mark.
    fee_paid
        Fees already taken step by step in partial liquidations; else 0. Shape of ``account``.
    factor
        Shape (R + 1, A): price factors by round, the last row at rest.
    """

    account: Ints
    turn: Ints
    equity: Floats
    notional: Floats
    fee_paid: Floats
    position: Ints
    position_account: Ints
    position_turn: Ints
    position_usd: Floats
    factor: Floats


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
    transfer[fallen.account] -= fee + surplus
    deficit = np.maximum(-fallen.equity, 0.0)
    transfer[fallen.account] += deficit
    unpaid, ledgers = _draw_funds(margin.terms, fallen, venue, balances, pooled, fee, surplus)
    adl = _Queue(margin, fallen, transfer)
    rows = []
    for v, terms in enumerate(margin.terms):
        book = ledgers[0 if pooled else v]
        mine = venue == v
        left = float(unpaid[mine].sum())
        adl_notional, adl_accounts, by_adl = adl.deleverage(v, terms.loss, unpaid, deficit)
        left = max(left - by_adl, 0.0)
        more = min(left, book.balance)
        book.balance -= more
        book.paid[v] += more
        left -= more
        shared = adl.socialise(v, left) if terms.loss.socialised else 0.0
        rows.append(
            VenueLosses(
                venue=terms.venue,
                fund_before=book.before,
                fees=float(fee[mine].sum() + fallen.fee_paid[mine].sum()),
                surplus=float(surplus[mine].sum()),
                deficits=float(deficit[mine].sum()),
                paid_by_fund=book.paid[v],
                fund_after=0.0,
                adl_accounts=adl_accounts,
                adl_notional=adl_notional,
                paid_by_adl=by_adl,
                socialised=shared,
                bad_debt=left - shared,
            )
        )
    done = tuple(_with_fund(r, ledgers[0 if pooled else v].balance) for v, r in enumerate(rows))
    return Settlement(
        venues=done,
        transfer=transfer,
        adl_usd=adl.closed,
        conservation_error=_imbalance(margin, fallen, transfer, ledgers, done),
        pooled=pooled,
    )


def _with_fund(row: VenueLosses, balance: float) -> VenueLosses:
    values = {name: getattr(row, name) for name in VenueLosses.__slots__}
    return VenueLosses(**(values | {"fund_after": balance}))


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

    def draw(self, wanted: float, loss: LossTerms) -> float:
        """USD paid of what is wanted, by the venue's trigger."""
        if loss.trigger is AdlTrigger.ACCOUNT_NEGATIVE:
            return 0.0
        floor = 0.0
        if loss.trigger is AdlTrigger.FUND_DRAWDOWN:
            floor = self.peak * (1.0 - loss.drawdown)
        paid = min(wanted, max(self.balance - floor, 0.0))
        self.balance -= paid
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
    unpaid = np.maximum(-fallen.equity, 0.0)
    income = fee + surplus + fallen.fee_paid
    for turn in np.unique(fallen.turn):
        for v, t in enumerate(terms):
            rows = np.flatnonzero((fallen.turn == turn) & (venue == v))
            if rows.size == 0:
                continue
            fund = funds[0 if pooled else v]
            fund.balance += float(income[rows].sum())
            fund.peak = max(fund.peak, fund.balance)
            wanted = float(unpaid[rows].sum())
            if wanted > 0:
                paid = fund.draw(wanted, t.loss)
                fund.paid[v] += paid
                unpaid[rows] *= 1.0 - paid / wanted
    return unpaid, funds


class _Queue:
    """Survivors in the order in which a venue deleverages them, at rest prices."""

    def __init__(self, margin: MarginBook, fallen: Fallen, transfer: Floats):
        self.margin, self.fallen, self.transfer = margin, fallen, transfer
        book, x = margin.book, margin.lines
        factor = fallen.factor[-1][book.asset_codes()]
        inverse = book.inverse()
        self.mark = book.positions.mark * factor
        u = x.u * np.where(inverse, 1.0 / factor, factor)
        unit = np.where(inverse, self.mark, 1.0)
        account = book.positions.account
        m = len(book.accounts)
        self.pnl = x.z * (u - x.u0) * unit
        self.cost = np.abs(x.z) * x.u0 * unit
        self.notional = np.where(inverse, np.abs(x.z), np.abs(x.z) * self.mark)
        self.unit = np.ones(m)
        self.unit[account] = unit
        self.balance = margin.balance * self.unit
        self.equity = self.balance + np.bincount(account, self.pnl, m)
        need = np.empty(len(book))
        _margin.requirement(x.z, u, x.table, x.add, x.fixed, x.rates, x.deductions, need)
        self.need = np.bincount(account, need * unit, m).astype(np.float64)
        gone = np.zeros(m, dtype=np.bool_)
        gone[fallen.account] = True
        gone[fallen.position_account] = True
        self.alive = ~gone[account]
        self.closed = np.zeros(len(book))

    def deleverage(
        self, v: int, loss: LossTerms, unpaid: Floats, deficit: Floats
    ) -> tuple[float, int, float]:
        """Close winners against a venue's unpaid deficits: (USD closed, traders, USD paid)."""
        f, book = self.fallen, self.margin.book
        if len(f.account) == 0:
            return 0.0, 0, 0.0
        where = np.full(len(book.accounts), -1)
        where[f.account] = np.arange(len(f.account))
        row = where[f.position_account]
        share = np.zeros(len(f.account))
        np.divide(unpaid, deficit, out=share, where=deficit > 0)
        venue = book.accounts.venue[f.position_account]
        mine = (venue == v) & (row >= 0) & (share[row] > 0) & (f.position_turn == f.turn[row])
        if not mine.any():
            return 0.0, 0, 0.0
        asset = book.asset_codes()[f.position]
        side = np.sign(book.positions.size[f.position])
        final = np.bincount(row[mine], f.position_usd[mine], len(f.account))
        total, paid = 0.0, 0.0
        traders: set[int] = set()
        for a in np.unique(asset[mine]):
            for s in (1.0, -1.0):
                rows = np.flatnonzero(mine & (asset == a) & (side == s))
                if rows.size == 0:
                    continue
                usd = f.position_usd[rows] * share[row[rows]]
                owed = unpaid[row[rows]] * f.position_usd[rows] / final[row[rows]]
                owed = self._at_price(loss, rows, a, usd, owed)
                now = f.factor[-1, a] / f.factor[f.position_turn[rows] - 1, a]
                now = np.where(book.inverse()[f.position[rows]], 1.0, now)
                at_rest = float((usd * now).sum())
                got = self._take(v, int(a), -s, loss, at_rest, float(owed.sum()), traders)
                total, paid = total + got[0], paid + got[1]
        return total, len(traders), paid

    def _at_price(self, loss: LossTerms, rows: Ints, a: int, usd: Floats, owed: Floats) -> Floats:
        """What the venue's deleveraging price asks of the winners, USD per closing."""
        if loss.price is AdlPrice.MARK:
            return np.zeros_like(owed)
        if loss.price is AdlPrice.PREVIOUS_MARK:
            turn = self.fallen.position_turn[rows] - 1
            before = np.where(turn > 0, self.fallen.factor[np.maximum(turn - 1, 0), a], 1.0)
            step = np.abs(before / self.fallen.factor[turn, a] - 1.0)
            # no mark lies between an instantaneous shock and the price before it: the winners
            # give up to the bankruptcy price, and no more than the last step of the mark
            return np.asarray(np.minimum(owed, usd * step), dtype=np.float64)
        far = loss.price_falls_back_to_mark_beyond
        if far is not None:
            return np.where(owed > far * usd, 0.0, owed)
        return owed

    def _take(
        self,
        v: int,
        a: int,
        side: float,
        loss: LossTerms,
        usd: float,
        owed: float,
        traders: set[int],
    ) -> tuple[float, float]:
        book = self.margin.book
        account = book.positions.account
        rows = np.flatnonzero(
            self.alive
            & (book.accounts.venue[account] == v)
            & (book.asset_codes() == a)
            & (np.sign(book.positions.size) == side)
            & (self.closed < self.notional)
        )
        if rows.size == 0 or usd <= 0:
            return 0.0, 0.0
        who = account[rows]
        score = deleveraging_score(
            loss.rank,
            side=np.sign(book.positions.size[rows]),
            entry=book.positions.entry[rows],
            mark=self.mark[rows],
            notional=self.notional[rows],
            cost=self.cost[rows],
            pnl=self.pnl[rows],
            balance=self.balance[who],
            equity=self.equity[who],
            maintenance=self.need[who],
        )
        rows = rows[np.argsort(-score, kind="stable")]
        room = self.notional[rows] - self.closed[rows]
        rate = owed / usd
        if rate > 0:
            # nobody is deleveraged into bankruptcy: equity bounds what a winner gives up
            have = np.maximum(self.equity[account[rows]] + self.transfer[account[rows]], 0.0)
            room = np.minimum(room, have / rate)
            # several positions of one account share its equity, in the order of the queue
            _, of, size = np.unique(account[rows], return_inverse=True, return_counts=True)
            used = np.zeros(len(size))
            for i in np.flatnonzero(size[of] > 1):
                room[i] = max(min(room[i], have[i] / rate - used[of[i]]), 0.0)
                used[of[i]] += room[i]
        upto = np.minimum(np.cumsum(room), usd)
        take = np.diff(upto, prepend=0.0)
        hit = take > 0
        self.closed[rows[hit]] += take[hit]
        np.subtract.at(self.transfer, account[rows[hit]], take[hit] * rate)
        traders.update(book.accounts.trader[account[rows[hit]]].tolist())
        return float(take.sum()), float(take.sum() * rate)

    def socialise(self, v: int, left: float) -> float:
        """Spread what is left over the unrealised profits of a venue's survivors; USD taken."""
        book = self.margin.book
        account = book.positions.account
        m = len(book.accounts)
        profit = np.bincount(account, np.where(self.alive, self.pnl, 0.0), m)
        have = np.minimum(np.maximum(profit, 0.0), np.maximum(self.equity + self.transfer, 0.0))
        have[book.accounts.venue != v] = 0.0
        total = float(have.sum())
        taken = min(left, total)
        if taken > 0:
            self.transfer -= have * (taken / total)
        return taken


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
    gross = max(float(margin.book.notional().sum()), 1.0)
    return float((transfer.sum() - steps + into_funds - unpaid) / gross)
