"""Auto-deleveraging: which winners a venue closes against deficits nobody else pays."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from seawall.core import AdlPrice, AdlRank, LossTerms
from seawall.margin import MarginBook
from seawall.margin import _kernels as _margin
from seawall.margin.deleveraging import by_lot, deleveraging_score

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Codes = NDArray[np.int32]

_FRONT = 4096


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
class AtRest:
    """Positions (n,) and accounts (m,) at rest prices, USD.

    ``alive`` positions are those of accounts in which nothing was closed.
    """

    asset: Codes
    inverse: NDArray[np.bool_]
    mark: Floats
    pnl: Floats
    cost: Floats
    notional: Floats
    alive: NDArray[np.bool_]
    balance: Floats
    equity: Floats
    need: Floats

    @classmethod
    def of(cls, margin: MarginBook, fallen: Fallen) -> AtRest:
        """The book at the last of the cascade's prices."""
        book, x = margin.book, margin.lines
        asset, inverse = book.asset_codes(), book.inverse()
        factor = fallen.factor[-1][asset]
        mark = book.positions.mark * factor
        with np.errstate(divide="ignore"):
            u = x.u * np.where(inverse, 1.0 / factor, factor)
        unit = np.where(inverse, mark, 1.0)
        account = book.positions.account
        m = len(book.accounts)
        pnl = x.z * (u - x.u0) * unit
        units = np.ones(m)
        units[account] = unit
        need = np.empty(len(book))
        _margin.requirement(x.z, u, x.table, x.add, x.fixed, x.rates, x.deductions, x.curves, need)
        gone = np.zeros(m, dtype=np.bool_)
        gone[fallen.account] = True
        gone[fallen.position_account] = True
        balance = margin.balance * units
        return cls(
            asset=asset,
            inverse=inverse,
            mark=mark,
            pnl=pnl,
            cost=np.abs(x.z) * x.u0 * unit,
            notional=np.where(inverse, np.abs(x.z), np.abs(x.z) * mark),
            alive=~gone[account],
            balance=balance,
            equity=balance + np.bincount(account, pnl, m),
            need=np.bincount(account, need * unit, m).astype(np.float64),
        )


class Queue:
    """Survivors in the order in which a venue deleverages them, at rest prices.

    Laid out when the first deficit asks for it: most shocks never do.
    """

    def __init__(self, margin: MarginBook, fallen: Fallen, transfer: Floats):
        self.margin, self.fallen, self.transfer = margin, fallen, transfer
        self.closed = np.zeros(len(margin.book))
        self._scores: dict[AdlRank, Floats] = {}

    @cached_property
    def at_rest(self) -> AtRest:
        """Every position and account at rest prices."""
        return AtRest.of(self.margin, self.fallen)

    @cached_property
    def groups(self) -> tuple[Ints, Ints]:
        """Surviving positions by venue, asset and side, in book order; where each group ends."""
        book, rest = self.margin.book, self.at_rest
        long = book.positions.size > 0
        venue = self.margin.venue_of_positions().astype(np.int64)
        code = (venue * len(book.assets) + rest.asset) * 2 + long
        counts = np.bincount(code[rest.alive], minlength=2 * len(book.venues) * len(book.assets))
        alive = np.flatnonzero(rest.alive)
        # numpy sorts short codes by radix
        small = np.int16 if counts.size < 2**15 else np.int64
        order = np.argsort(code[alive].astype(small), kind="stable")
        return alive[order], np.cumsum(counts)

    def scores(self, rank: AdlRank) -> Floats:
        """Place of each position in the queue of a venue that ranks so, higher goes first."""
        if rank is AdlRank.RANDOM and rank not in self._scores:
            self._scores[rank] = self._lots()
        if rank not in self._scores:
            book, rest = self.margin.book, self.at_rest
            account = book.positions.account
            self._scores[rank] = deleveraging_score(
                rank,
                side=np.sign(book.positions.size),
                entry=book.positions.entry,
                mark=rest.mark,
                notional=rest.notional,
                cost=rest.cost,
                pnl=rest.pnl,
                balance=rest.balance[account],
                equity=rest.equity[account],
                maintenance=rest.need[account],
            )
        return self._scores[rank]

    def _lots(self) -> Floats:
        """By position: its lot at venues that draw them, which its name alone decides."""
        book, score = self.margin.book, np.zeros(len(self.margin.book))
        drawing = np.array([t.loss.rank is AdlRank.RANDOM for t in self.margin.terms])
        rows = np.flatnonzero(drawing[self.margin.venue_of_positions()] & self.at_rest.alive)
        p, a = book.positions, book.accounts
        score[rows] = by_lot(
            f"{book.traders[a.trader[p.account[i]]]}\n{book.instruments[p.instrument[i]].symbol}\n"
            f"{a.isolated[p.account[i]]}\n{p.size[i] > 0}"
            for i in rows.tolist()
        )
        return score

    def survivors(self, v: int, a: int, side: float) -> Ints:
        """Surviving positions of one venue, asset and side."""
        members, ends = self.groups
        g = (v * len(self.margin.book.assets) + a) * 2 + (side > 0)
        return members[ends[g - 1] if g else 0 : ends[g]]

    def deleverage(
        self, v: int, loss: LossTerms, unpaid: Floats, deficit: Floats
    ) -> tuple[float, int, float]:
        """Close winners against a venue's unpaid deficits: (USD closed, traders, USD paid)."""
        if loss.rank is AdlRank.NONE:
            return 0.0, 0, 0.0
        f, (closing, row, venue) = self.fallen, self.owing
        share = np.zeros(len(f.account))
        np.divide(unpaid, deficit, out=share, where=deficit > 0)
        mine = (venue == v) & (share[row] > 0)
        closing, row = closing[mine], row[mine]
        if closing.size == 0:
            return 0.0, 0, 0.0
        final = np.bincount(row, f.position_usd[closing], len(f.account))
        # longs of an asset before its shorts: a winner with both gives up its equity but once
        short = self.margin.book.positions.size[f.position[closing]] < 0
        code = self.at_rest.asset[f.position[closing]] * 2 + short
        order = np.argsort(code.astype(np.int16 if code.max() < 2**15 else np.int64), kind="stable")
        ends = np.cumsum(np.bincount(code))
        total, paid = 0.0, 0.0
        traders: set[int] = set()
        for group in np.flatnonzero(np.diff(ends, prepend=0)):
            chosen = order[ends[group - 1] if group else 0 : ends[group]]
            rows, who = closing[chosen], row[chosen]
            a, side = int(group) // 2, -1.0 if group % 2 else 1.0
            usd = f.position_usd[rows] * share[who]
            owed = unpaid[who] * f.position_usd[rows] / final[who]
            owed = self._at_price(loss, rows, a, usd, owed)
            now = f.factor[-1, a] / f.factor[f.position_turn[rows] - 1, a]
            now = np.where(self.at_rest.inverse[f.position[rows]], 1.0, now)
            at_rest = float((usd * now).sum())
            got = self._take(v, a, -side, loss, at_rest, float(owed.sum()), traders)
            total, paid = total + got[0], paid + got[1]
        return total, len(traders), paid

    @cached_property
    def owing(self) -> tuple[Ints, Ints, Codes]:
        """Last closings of accounts that ended below zero: closing, row among the fallen, venue."""
        f, accounts = self.fallen, self.margin.book.accounts
        where = np.full(len(accounts), -1, dtype=np.int32)
        below = np.flatnonzero(f.equity < 0)
        where[f.account[below]] = below
        row = where[f.position_account]
        closing = np.flatnonzero(row >= 0)
        closing = closing[f.position_turn[closing] == f.turn[row[closing]]]
        return closing, row[closing].astype(np.int64), accounts.venue[f.position_account[closing]]

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
        rows = self.survivors(v, a, side)
        if rows.size == 0 or usd <= 0:
            return 0.0, 0.0
        score = self.scores(loss.rank)[rows]
        rate = owed / usd
        count = _FRONT
        while True:
            front = rows[_first(score, count)]
            upto = np.minimum(np.cumsum(self._room(front, rate)), usd)
            if upto[-1] >= usd or len(front) == len(rows):
                break
            count *= 8
        taken = np.diff(upto, prepend=0.0)
        hit = taken > 0
        self.closed[front[hit]] += taken[hit]
        payers = book.positions.account[front[hit]]
        np.subtract.at(self.transfer, payers, taken[hit] * rate)
        traders.update(book.accounts.trader[payers].tolist())
        return float(taken.sum()), float(taken.sum() * rate)

    def _room(self, rows: Ints, rate: float) -> Floats:
        """USD that can be taken from each position, at ``rate`` USD given up for each of them."""
        account, rest = self.margin.book.positions.account[rows], self.at_rest
        room = np.asarray(rest.notional[rows] - self.closed[rows])
        if rate > 0:
            # nobody is deleveraged into bankruptcy: equity bounds what a winner gives up
            have = np.maximum(rest.equity[account] + self.transfer[account], 0.0)
            room = np.minimum(room, have / rate)
            # several positions of one account share its equity, in the order of the queue
            _, of, size = np.unique(account, return_inverse=True, return_counts=True)
            used = np.zeros(len(size))
            for i in np.flatnonzero(size[of] > 1):
                room[i] = max(min(room[i], have[i] / rate - used[of[i]]), 0.0)
                used[of[i]] += room[i]
        return room

    def socialise(self, v: int, left: float) -> float:
        """Spread what is left over the unrealised profits of a venue's survivors; USD taken."""
        if left <= 0:
            return 0.0
        book, rest = self.margin.book, self.at_rest
        account = book.positions.account
        m = len(book.accounts)
        profit = np.bincount(account, np.where(rest.alive, rest.pnl, 0.0), m)
        have = np.minimum(np.maximum(profit, 0.0), np.maximum(rest.equity + self.transfer, 0.0))
        have[book.accounts.venue != v] = 0.0
        total = float(have.sum())
        taken = min(left, total)
        if taken > 0:
            self.transfer -= have * (taken / total)
        return taken


def _first(score: Floats, count: int) -> Ints:
    """The highest scores in falling order, equal ones in book order: ``count`` or a few more."""
    if count >= len(score):
        return np.argsort(-score, kind="stable")
    least = np.partition(score, len(score) - count)[len(score) - count]
    front = np.flatnonzero(score >= least)
    return front[np.argsort(-score[front], kind="stable")]
