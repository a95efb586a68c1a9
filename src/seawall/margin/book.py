"""A book under its venues' rules: margins, liquidation and bankruptcy prices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from seawall.core import (
    Book,
    InputError,
    MarginSchedule,
    Mistake,
    RatioForm,
    TickRule,
    VenueTerms,
)
from seawall.margin import _kernels
from seawall.margin.closing import rounded_down
from seawall.margin.lines import Lines, build_lines, drivers, initial_rate
from seawall.margin.remarking import Remarking
from seawall.margin.state import MarginState

Floats = NDArray[np.float64]
Codes = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class MarginBook:
    """A book bound to the rules in force, and every margin figure of it.

    Parameters
    ----------
    book
        Positions and accounts.
    terms
        The venues' rules, in the order of ``book.venues``.
    schedules
        Bracket tables.
    schedule
        Shape (n,): index into ``schedules`` of each position.
    notes
        What the binding had to assume: cautious schedules, dates out of range.

    Raises
    ------
    InputError
        If an account's balance is neither given nor implied by leverage or a liquidation price.
    """

    book: Book
    terms: tuple[VenueTerms, ...]
    schedules: tuple[MarginSchedule, ...]
    schedule: Codes
    notes: tuple[str, ...] = ()

    @cached_property
    def _built(self) -> tuple[Lines, Floats]:
        lines, balance = build_lines(self.book, self.terms, self.schedules, self.schedule)
        unknown = np.isnan(balance)
        if unknown.any():
            rows = self.book.positions.row[unknown[self.book.positions.account]]
            known = (
                "collateral, leverage or liquidation_price (isolated); "
                "wallet_balance or account_value (cross)"
            )
            where = self.book.source
            told = [Mistake("margin unknown", where, int(r), allowed=known) for r in rows[:20]]
            raise InputError(told, total=len(rows))
        return lines, balance

    @property
    def lines(self) -> Lines:
        """The positions in the form the kernels read."""
        return self._built[0]

    @property
    def balance(self) -> Floats:
        """Shape (m,): balance of each account, settlement currency, implied ones filled in."""
        return self._built[1]

    @cached_property
    def order(self) -> NDArray[np.int64]:
        """Shape (n,): positions account by account."""
        return np.argsort(self.book.positions.account, kind="stable")

    @cached_property
    def start(self) -> NDArray[np.int64]:
        """Shape (m + 1,): where each account's positions start in :attr:`order`."""
        counts = np.bincount(self.book.positions.account, minlength=len(self.book.accounts))
        return np.concatenate(([0], np.cumsum(counts)))

    @cached_property
    def alone(self) -> NDArray[np.bool_]:
        """Shape (n,): whether the position is the only one of its margin account."""
        counts = np.diff(self.start)
        return np.asarray(counts[self.book.positions.account] == 1)

    @cached_property
    def holders(self) -> Codes:
        """Shape (m,): a number for each account's trader on its venue, the same for the same."""
        a, venues = self.book.accounts, len(self.book.venues)
        numbers = np.unique(a.trader.astype(np.int64) * venues + a.venue, return_inverse=True)[1]
        return np.asarray(numbers, np.int32)

    def venue_of_positions(self) -> Codes:
        """Shape (n,): index into ``book.venues``."""
        return self.book.accounts.venue[self.book.positions.account]

    def pnl(self) -> Floats:
        """Shape (n,): unrealised profit, settlement currency."""
        return self.lines.z * (self.lines.u - self.lines.u0)

    def _requirement(self, fixed: Floats) -> Floats:
        x, out = self.lines, np.empty(len(self.book))
        _kernels.requirement(x.z, x.u, x.table, x.add, fixed, x.rates, x.deductions, x.curves, out)
        return out

    def need(self) -> Floats:
        """Shape (n,): maintenance margin as it decides liquidation, settlement currency."""
        return self._requirement(self.lines.fixed)

    def maintenance(self) -> Floats:
        """Shape (n,): maintenance margin as the venue prints it, settlement currency.

        Without the taker fee that OKX adds only to its ratio; Binance's is cut after 8 decimals,
        dYdX's rounded up to 6.
        """
        x = self.lines
        fee = (x.add - x.grown) * np.abs(x.z) * x.u
        return self._rounded_up(self._truncated(self._requirement(x.shown) - fee))

    def initial(self) -> Floats:
        """Shape (n,): initial margin, settlement currency; NaN where no leverage is given.

        Where a rate grows with the size the venue lets nobody choose: the leverage that is not
        given is then the schedule's highest.
        """
        x, leverage = self.lines, self.book.positions.leverage
        venue = self.venue_of_positions()
        highest = [s.max_leverage[0] if s.growth > 0.0 else np.nan for s in self.schedules]
        leverage = np.where(np.isnan(leverage), np.array(highest)[self.schedule], leverage)
        rate = 1.0 / leverage
        for k, terms in enumerate(self.terms):
            decimals = terms.margin.leverage_rate_decimals
            if decimals is not None:
                rate = np.where(venue == k, initial_rate(leverage, decimals), rate)
        grows = x.growth_at(x.basis)
        return self._truncated(np.abs(x.z) * x.basis * rate + x.close_fee + grows)

    def _rounded_up(self, value: Floats) -> Floats:
        venue = self.venue_of_positions()
        for k, terms in enumerate(self.terms):
            decimals = terms.margin.round_up_decimals
            if decimals is not None:
                up = -rounded_down(-value, decimals)
                value = np.where(venue == k, up, value)
        return value

    def _truncated(self, value: Floats) -> Floats:
        venue = self.venue_of_positions()
        for k, terms in enumerate(self.terms):
            decimals = terms.margin.truncate_decimals
            if decimals is not None:
                scale = 10.0**decimals
                # a margin computed as 7.000000000000001 or 6.999999999999999 is meant as 7
                cut = np.floor(value * scale + 1e-6) / scale
                value = np.where(venue == k, cut, value)
        return value

    def positions_state(self) -> MarginState:
        """Margins of each position on its own, shape (n,), settlement currency.

        Equity of a cross position is its unrealised profit only: the wallet is the account's.
        """
        isolated = self.book.accounts.isolated[self.book.positions.account]
        own = np.where(isolated, self.balance[self.book.positions.account], 0.0)
        return MarginState(own + self.pnl(), self.initial(), self.maintenance())

    def accounts_state(self) -> MarginState:
        """Margins of each account, shape (m,), settlement currency.

        ``maintenance`` is what decides liquidation, OKX's fee and Bybit's closing fee included.
        """
        return self._accounts_state

    @cached_property
    def _accounts_state(self) -> MarginState:
        m = len(self.book.accounts)
        equity, maintenance = np.empty(m), np.empty(m)
        x = self.lines
        _kernels.account_state(
            self.start, self.order, x.z, x.u, x.u0, self.need(), self.balance, equity, maintenance
        )
        return MarginState(equity, self._initial_of_accounts, maintenance)

    @cached_property
    def _initial_of_accounts(self) -> Floats:
        account, m = self.book.positions.account, len(self.book.accounts)
        return np.bincount(account, self.initial(), m).astype(np.float64)

    def remarked(self, factor: Floats) -> MarginState:
        """Margins of each account, shape (m,), with prices at ``mark * factor`` by asset.

        ``factor`` has shape (A,), in the order of ``book.assets``; leverage and so the initial
        margin are those at the marks.
        """
        equity, maintenance = self.remarking.at(factor)
        return MarginState(equity, self._initial_of_accounts, maintenance)

    @cached_property
    def remarking(self) -> Remarking:
        """The book laid out to be marked at many prices."""
        return Remarking.of(self.book, self.lines, self.balance, self.start, self.order)

    def printed_ratio(self) -> Floats:
        """Shape (m,): margin ratio in the form the account's venue prints; 1 is liquidation."""
        state = self.accounts_state()
        flipped = np.array(
            [t.margin.ratio_form is RatioForm.EQUITY_OVER_MAINTENANCE for t in self.terms]
        )[self.book.accounts.venue]
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(flipped, state.equity / state.maintenance, state.ratio)

    def effective_leverage(self) -> Floats:
        """Shape (m,): notional at mark over equity; infinite where equity is gone."""
        value = np.abs(self.lines.z) * self.lines.u
        notional = np.bincount(self.book.positions.account, value, len(self.book.accounts))
        equity = self.accounts_state().equity
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(equity > 0, notional / equity, np.inf)

    def lone_liquidation_drivers(self, chosen: NDArray[np.bool_]) -> Floats:
        """Drivers at which positions alone in their account fall; NaN where there is none."""
        x = self.lines
        out = np.empty(int(chosen.sum()))
        _kernels.isolated_roots(
            x.z[chosen],
            self.balance[self.book.positions.account[chosen]],
            x.u[chosen],
            x.u0[chosen],
            x.table[chosen],
            x.add[chosen],
            x.fixed[chosen],
            x.rates,
            x.deductions,
            x.curves,
            out,
        )
        return out

    def liquidation_price(self) -> Floats:
        """Shape (n,): price at which the position's account falls; NaN where there is none.

        Only the position's own instrument moves; other positions of a cross account stay at
        their marks, and all legs of the instrument share the price. A hedge may fall on either
        side: the price it loses towards at the mark comes first.
        """
        x, out = self.lines, np.full(len(self.book), np.nan)
        one = self.alone
        if one.any():
            out[one] = self.lone_liquidation_drivers(one)
        if not one.all():
            shared = np.full(len(self.book), np.nan)
            excess = self.accounts_state().excess
            several = np.diff(self.start) > 1
            _kernels.cross_roots(
                self.start[:-1][several],
                self.start[1:][several],
                self.order,
                x.z,
                x.u,
                x.u0,
                self.need(),
                x.table,
                x.add,
                x.fixed,
                self.book.positions.instrument,
                excess[several],
                x.rates,
                x.deductions,
                x.curves,
                shared,
            )
            out[~one] = shared[~one]
        return drivers(out, self.book.inverse())

    def printed_liquidation_price(self) -> Floats:
        """Shape (n,): liquidation price after the venue's tick rule."""
        return self._on_tick(self.liquidation_price())

    def bankruptcy_price(self) -> Floats:
        """Shape (n,): price at which the account's equity is 0; NaN where there is none.

        As for :meth:`liquidation_price`, all legs of the instrument share the price. The margin
        that a venue sets aside for the closing fee is not counted: ``u0 - margin / z`` for an
        isolated position.

        Source: Binance FAQ 360033525271, Bybit help "Bankruptcy price".
        """
        x, a = self.lines, self.book.positions.account
        isolated = self.book.accounts.isolated[a]
        own = self.balance[a] - np.where(isolated, x.closing, 0.0)
        of = self.book.positions.instrument.astype(np.int64)
        _, leg = np.unique(a * np.int64(len(self.book.instruments)) + of, return_inverse=True)
        pnl, moving, cost = (np.bincount(leg, c)[leg] for c in (self.pnl(), x.z, x.z * x.u0))
        others = np.bincount(a, self.pnl(), len(self.book.accounts))[a] - pnl
        with np.errstate(divide="ignore", invalid="ignore"):
            u = (cost - own - others) / moving
        u = np.where((u > 0) & np.isfinite(u), u, np.nan)
        return drivers(u, self.book.inverse())

    def printed_bankruptcy_price(self) -> Floats:
        """Shape (n,): bankruptcy price rounded as the venue rounds it."""
        return self._on_tick(self.bankruptcy_price(), only=TickRule.ROUND_TOWARD_ENTRY)

    def _on_tick(self, price: Floats, only: TickRule | None = None) -> Floats:
        ticks = np.array([i.tick for i in self.book.instruments])[self.book.positions.instrument]
        side = np.sign(self.book.positions.size)
        isolated = self.book.accounts.isolated[self.book.positions.account]
        venue = self.venue_of_positions()
        for k, terms in enumerate(self.terms):
            rule = terms.margin.tick_rule
            if rule is TickRule.NONE or (only is not None and rule is not only):
                continue
            mine = (venue == k) & np.isfinite(ticks) & (ticks > 0)
            if rule is TickRule.ONE_TICK_TOWARD_MARK:
                price = np.where(mine & isolated, price + side * ticks, price)
            else:
                # 1e-9 of a tick forgives prices that are on the tick but for their last bits
                steps = np.ceil(side * price / ticks - 1e-9) * side
                price = np.where(mine, np.round(steps * ticks, 10), price)
        return price

    def joint_liquidation(self, direction: Mapping[str, float]) -> Floats:
        """How far prices go along a direction until each account falls.

        Parameters
        ----------
        direction
            Relative price change per asset at distance 1, such as ``{"BTC": -1, "ETH": -1.3}``;
            assets not named stay. All of an asset's instruments move alike.

        Returns
        -------
        Shape (m,): least distance ``t`` >= 0 at which equity <= maintenance with every price at
        ``price * (1 + t * change)``; 0 if already there; NaN if never before a price is 0.

        Raises
        ------
        InputError
            If an asset is not in the book or no change is given.
        """
        unknown = [a for a in direction if a not in self.book.assets]
        if unknown or not any(direction.values()):
            raise InputError(
                Mistake(
                    "no such asset in the book" if unknown else "a direction needs a change",
                    value=", ".join(unknown) or str(dict(direction)),
                    allowed=", ".join(self.book.assets),
                )
            )
        change = np.array([direction.get(a, 0.0) for a in self.book.assets])
        w = change[self.book.asset_codes()]
        inverse = self.book.inverse()
        x, out = self.lines, np.empty(len(self.book.accounts))
        # an inverse account holds one coin: its driver 1 / price is walked, then mapped back
        drift = np.where(inverse, -np.sign(w), w)
        _kernels.joint_roots(
            self.start,
            self.order,
            x.z,
            x.u,
            x.u0,
            drift,
            x.table,
            x.add,
            x.fixed,
            self.balance,
            x.rates,
            x.deductions,
            x.curves,
            out,
        )
        account = self.book.positions.account
        flips = np.zeros(len(out), dtype=np.bool_)
        flips[account[inverse]] = True
        rate = np.zeros(len(out))
        rate[account[inverse]] = w[inverse]
        with np.errstate(divide="ignore", invalid="ignore"):
            walked = (1.0 / (1.0 - np.sign(rate) * out) - 1.0) / rate
        walked = np.where(np.isfinite(walked), walked, np.nan)
        return np.where(flips, np.where(rate == 0, np.where(out == 0, 0.0, np.nan), walked), out)
