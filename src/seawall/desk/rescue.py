"""The cheapest way back from a margin call: add collateral, or cut a position.

Every figure is the margin engine's own, brackets and fees included, of the account as it would
stand afterwards. Hedges are in :mod:`seawall.desk.hedging`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seawall.core import InputError, Mistake
from seawall.desk.copies import Copies
from seawall.liquidity import EMPIRICAL, ImpactLaw, depth_of
from seawall.margin import MarginBook

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

TARGET = 0.5
"""Margin ratio to which an account is brought unless another is asked for."""
_CLOSE_ENOUGH = 1e-8
"""Share of a position, or of what is lacking, within which a cut is found, from above."""
_MOST_TURNS = 80


@dataclass(frozen=True, slots=True, eq=False)
class Costs:
    """What trading at once costs, by position of a book.

    Attributes
    ----------
    fee
        Shape (n,): taker fee, a fraction of the notional.
    depth
        Shape (n,): USD resting within 1% of mid, on one side; infinite is no impact.
    law
        How far an order moves the price. An order pays the average over its own way.
    """

    fee: Floats
    depth: Floats
    law: ImpactLaw

    @classmethod
    def of(
        cls,
        margin: MarginBook,
        depth: Mapping[str, float] | None = None,
        law: ImpactLaw = EMPIRICAL,
    ) -> Costs:
        """Fees of the venues, or of the rows that name their own; depth given or the default."""
        book = margin.book
        fees = np.array([t.margin.taker_fee for t in margin.terms])[margin.venue_of_positions()]
        own = book.positions.taker_fee
        usd = depth_of(book.assets, depth).values[book.asset_codes()]
        return cls(np.where(np.isnan(own), fees, own), usd, law)

    def share(self, position: Ints, notional_usd: Floats) -> Floats:
        """Cost of an order in these positions, a fraction of its notional: fee and slippage.

        Slippage is the mean of the impact law over the order, ``0.01 * (N / depth) ** e /
        (1 + e)``, the depth thinned as when orders are forced.
        """
        resting = self.depth[position] * self.law.remaining
        gone = (notional_usd / resting) ** self.law.exponent
        return np.asarray(self.fee[position] + 0.01 * gone / (1.0 + self.law.exponent))


@dataclass(frozen=True, slots=True, eq=False)
class Cuts:
    """Ways back by closing a part of one position, or the same share of all, at mark.

    All arrays have shape (C,). Of an isolated position it is taken that what the venue hands
    back with the closed part is put back: ``put_back``.

    Attributes
    ----------
    account
        Which margin account.
    position
        Place of the position in the book's columns; -1 is the same share of every position.
    share
        Least share that must be closed, 0 to 1; NaN where closing it all is not enough.
    size
        What is closed of the position, in its own unit, signed as the position; NaN of all.
    notional_usd
        What is closed, USD at mark.
    cost
        Fee and slippage, settlement currency.
    put_back
        Isolated positions: what the venue hands back and has to be put back, settlement currency.
    ratio
        Margin ratio afterwards.
    """

    account: Ints
    position: Ints
    share: Floats
    size: Floats
    notional_usd: Floats
    cost: Floats
    put_back: Floats
    ratio: Floats


@dataclass(frozen=True, slots=True)
class Goal:
    """Where an account is to be brought.

    Parameters
    ----------
    ratio
        Margin ratio, maintenance / equity, above 0, below 1.
    move
        How far all prices may move together, up or down, before it falls; a fraction, 0 or more,
        below 1. 0 asks for nothing beyond the ratio.

    Raises
    ------
    InputError
        If either is out of range.
    """

    ratio: float = TARGET
    move: float = 0.0

    def __post_init__(self) -> None:
        wrong = []
        if not 0.0 < self.ratio < 1.0:
            allowed = "above 0, below 1 (liquidation)"
            wrong.append(
                Mistake(
                    "margin ratio out of range",
                    "--target-ratio",
                    None,
                    None,
                    f"{self.ratio:g}",
                    allowed,
                )
            )
        if not 0.0 <= self.move < 1.0:
            allowed = "0% to below 100%"
            wrong.append(
                Mistake("move out of range", "--survive", None, None, f"{self.move:g}", allowed)
            )
        if wrong:
            raise InputError(wrong)

    @property
    def factors(self) -> tuple[float, ...]:
        """What all prices are multiplied by where the goal looks: 1 first."""
        return (1.0, 1.0 - self.move, 1.0 + self.move) if self.move > 0.0 else (1.0,)

    def short(
        self, copies: Copies, keep: Floats | None = None, balance: Floats | None = None
    ) -> Floats:
        """Shape (V,): equity that copies lack for the goal; <= 0 where it is met.

        ``copies`` stand at :attr:`factors`, each V of them; ``keep`` and ``balance`` are those of
        one such V.
        """
        times = len(self.factors)
        keep = None if keep is None else np.tile(keep, times)
        balance = None if balance is None else np.tile(balance, times)
        equity, need = (x.reshape(times, -1) for x in copies.standing(keep, balance))
        lacking = need[0] / self.ratio - equity[0]
        moved = (need[1:] - equity[1:]).max(axis=0, initial=-np.inf)
        return np.asarray(np.maximum(lacking, moved))


def collateral_to_add(margin: MarginBook, accounts: Ints, goal: Goal) -> Floats:
    """Least collateral that brings accounts to a goal, settlement currency, >= 0.

    ``maintenance / target - equity`` where collateral does not move the maintenance margin; where
    it does (a fee set aside for closing at the bankruptcy price) the margin engine is asked again
    until both agree.

    Parameters
    ----------
    accounts
        Shape (m,): places of the margin accounts.
    """
    copies = Copies(margin, accounts).moved(goal.factors)
    own = margin.balance[accounts]
    add = np.zeros(len(accounts))
    for _ in range(12):
        short = goal.short(copies, None, own + add)
        step = np.where((add > 0.0) | (short > 0.0), short, 0.0)
        add = np.maximum(add + step, 0.0)
        if (np.abs(step) <= 1e-12 * (np.abs(own) + add)).all():
            break
    return add


def cuts(
    margin: MarginBook,
    accounts: Ints,
    goal: Goal,
    costs: Costs | None = None,
    cash: Floats | float = 0.0,
) -> Cuts:
    """The least that must be closed of each position to bring its account to a goal.

    Of each account every position alone, and then, where there are several, the same share of
    all.

    Parameters
    ----------
    accounts
        Shape (m,): places of the margin accounts, each once.
    costs
        Of trading; :meth:`Costs.of` the book if None.
    cash
        Collateral added before, settlement currency, by account.
    """
    costs = costs or Costs.of(margin)
    found = Copies(margin, accounts)
    several = np.flatnonzero(found.counts > 1)
    own = np.concatenate((found.owner, several))
    position = np.concatenate((found.position, np.full(len(several), -1)))
    copies = Copies(margin, accounts[own])
    alone = np.repeat(position, copies.counts)
    touched = (alone == -1) | (alone == copies.position)
    given = np.broadcast_to(np.asarray(cash, dtype=np.float64), (len(accounts),))[own]
    trial = _Trial(copies, copies.moved(goal.factors), touched, costs, given)
    share = _least_share(trial, goal)
    return _told(trial, position, share)


@dataclass(frozen=True, slots=True, eq=False)
class _Trial:
    """Copies of which shares are closed at mark; ``moved`` are the same at the goal's prices."""

    copies: Copies
    moved: Copies
    touched: NDArray[np.bool_]
    costs: Costs
    cash: Floats

    def cost(self, share: Floats) -> Floats:
        """Shape (P,): fee and slippage of closing shares (V,), settlement currency."""
        c = self.copies
        closed = np.where(self.touched, share[c.owner], 0.0)
        x = c.margin.lines
        value = np.abs(x.z[c.position]) * x.u[c.position] * closed
        usd = c.margin.book.notional()[c.position] * closed
        return value * self.costs.share(c.position, usd)

    def changed(self, share: Floats) -> tuple[Floats, Floats]:
        """What is kept of each position (P,) and the balances (V,) once shares are closed."""
        c = self.copies
        closed = np.where(self.touched, share[c.owner], 0.0)
        gained = c.margin.pnl()[c.position] * np.minimum(closed, 1.0) - self.cost(share)
        own = c.margin.balance[c.accounts] + self.cash
        return 1.0 - closed, own + np.bincount(c.owner, gained, len(c))

    def after(self, share: Floats) -> tuple[Floats, Floats]:
        """Equity and maintenance margin (V,) once shares are closed."""
        return self.copies.standing(*self.changed(share))

    def short(self, share: Floats, goal: Goal) -> Floats:
        """Equity that is lacking then; at or below 0 the goal is met."""
        return goal.short(self.moved, *self.changed(share))


def _least_share(trial: _Trial, goal: Goal) -> Floats:
    """Least shares at which the goal is met, from above; 0 where it is, NaN where none is.

    Chords of which the end that stays counts half the second time (the Illinois rule), and every
    fourth turn a half, for brackets that step.
    """
    n = len(trial.copies)
    low, high = np.zeros(n), np.ones(n)
    first = at_low = trial.short(low, goal)
    at_high = trial.short(high, goal)
    done, never = first <= 0.0, at_high > 0.0
    last = np.zeros(n)
    for turn in range(1, _MOST_TURNS):
        exact = at_high >= -_CLOSE_ENOUGH * np.abs(first)
        open_ = ~(done | never | exact) & (high - low > _CLOSE_ENOUGH)
        if not open_.any():
            break
        with np.errstate(divide="ignore", invalid="ignore"):
            # a hair beyond the chord's foot, so that rounding leaves it on the side that is met
            chord = low + (high - low) * at_low / (at_low - at_high) * (1.0 + 1e-13) + 1e-14
        good = np.isfinite(chord) & (chord > low) & (chord < high) & (turn % 4 != 0)
        x = np.where(good, chord, 0.5 * (low + high))
        value = trial.short(x, goal)
        met = value <= 0.0
        side = np.where(met, 1.0, -1.0)
        again = side == last
        at_low = np.where(met & again, 0.5 * at_low, at_low)
        at_high = np.where(~met & again, 0.5 * at_high, at_high)
        high, at_high = np.where(open_ & met, x, high), np.where(open_ & met, value, at_high)
        low, at_low = np.where(open_ & ~met, x, low), np.where(open_ & ~met, value, at_low)
        last = side
    return np.where(done, 0.0, np.where(never, np.nan, high))


def _told(trial: _Trial, position: Ints, share: Floats) -> Cuts:
    """What shares to close come to, in the words of the venue."""
    c, book = trial.copies, trial.copies.margin.book
    known = np.where(np.isnan(share), 1.0, share)
    equity, need = trial.after(known)
    closed = np.where(trial.touched, known[c.owner], 0.0)
    notional = np.bincount(c.owner, book.notional()[c.position] * closed, len(c))
    cost = np.bincount(c.owner, trial.cost(known), len(c))
    before, _ = c.standing()
    isolated = book.accounts.isolated[c.accounts]
    back = np.where(isolated, np.maximum(known * before - cost, 0.0), 0.0)
    size = np.where(position < 0, np.nan, book.positions.size[position] * known)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(equity > 0, need / equity, np.inf)
    usd, paid = notional.astype(np.float64), cost.astype(np.float64)
    return Cuts(c.accounts, position, share, size, usd, paid, back, ratio)
