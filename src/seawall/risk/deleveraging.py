"""Auto-deleveraging: which winners a venue closes against deficits nobody else pays."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from seawall._jit import in_chunks
from seawall.core import AdlPrice, AdlRank
from seawall.margin import MarginBook
from seawall.margin.deleveraging import RANKS, by_lot
from seawall.risk import _queue
from seawall.risk.cells import cells_of

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Codes = NDArray[np.int32]

_FRONT = 4096
_PRICES = {
    AdlPrice.BANKRUPTCY: _queue.BANKRUPTCY,
    AdlPrice.PREVIOUS_MARK: _queue.PREVIOUS_MARK,
    AdlPrice.MARK: _queue.MARK,
}


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
    """Positions (n,) and accounts (m,) in which nothing was closed, at rest prices, USD.

    Figures of the others, those that are ``gone`` (m,), are 0; ``score`` (n,) is a position's
    place in its venue's queue, higher goes first, where figures decide it.
    """

    gone: NDArray[np.bool_]
    equity: Floats
    pnl: Floats
    notional: Floats
    score: Floats

    @classmethod
    def of(cls, margin: MarginBook, fallen: Fallen) -> AtRest:
        """The book at the last of the cascade's prices."""
        book, p, x = margin.book, margin.book.positions, margin.lines
        m = len(book.accounts)
        gone = np.zeros(m, dtype=np.bool_)
        gone[fallen.account] = True
        gone[fallen.position_account] = True
        rank = np.array([RANKS[t.loss.rank] for t in margin.terms])[book.accounts.venue]
        cells = cells_of(margin)
        contract = (cells.asset, cells.inverse, p.mark, p.entry)
        equity, columns = np.zeros(m), tuple(np.zeros(len(book)) for _ in range(3))

        def part(a: int, b: int) -> None:
            _queue.at_rest(
                margin.start[a : b + 1],
                margin.order,
                gone[a:b],
                margin.balance[a:b],
                rank[a:b],
                (x.z, x.u, x.u0, x.table, x.add, x.fixed),
                (x.rates, x.deductions, x.curves),
                contract,
                fallen.factor[-1],
                equity[a:b],
                *columns,
            )

        in_chunks(m, part)
        return cls(gone, equity, *columns)


class Queue:
    """Survivors in the order in which a venue deleverages them, at rest prices.

    Laid out when the first deficit asks for it: most shocks never do.

    Parameters
    ----------
    margin, fallen
        The book before the shock, and what the cascade closed.
    unpaid
        USD that each fallen account's deficit still lacks.
    transfer
        Shape (m,): what the waterfall gave to each account so far; deleveraging takes from it.
    """

    def __init__(self, margin: MarginBook, fallen: Fallen, unpaid: Floats, transfer: Floats):
        self.margin, self.fallen, self.unpaid, self.transfer = margin, fallen, unpaid, transfer
        self.closed = np.zeros(len(margin.book))
        self._used = np.zeros(len(margin.book.accounts))

    @cached_property
    def at_rest(self) -> AtRest:
        """Every surviving position and account at rest prices."""
        return AtRest.of(self.margin, self.fallen)

    @cached_property
    def groups(self) -> tuple[Ints, Ints]:
        """Surviving positions by venue, asset and side, in book order; where each group ends."""
        cells, account = cells_of(self.margin), self.margin.book.positions.account
        kept = np.flatnonzero(~self.at_rest.gone[account][cells.order])
        return cells.order[kept], np.searchsorted(kept, cells.ends)

    def survivors(self, v: int, a: int, side: int) -> Ints:
        """Surviving longs (``side`` 1) or shorts of an asset at a venue."""
        members, ends = self.groups
        g = (v * len(self.margin.book.assets) + a) * 2 + side
        return members[ends[g - 1] if g else 0 : ends[g]]

    def _scores(self, v: int, rows: Ints) -> Floats:
        """Place of some of a venue's survivors in its queue, higher goes first."""
        drawn = self.margin.terms[v].loss.rank is AdlRank.RANDOM
        return self._lots(rows) if drawn else self.at_rest.score[rows]

    def _lots(self, rows: Ints) -> Floats:
        """Lots of positions at a venue that draws them, which their names alone decide."""
        book = self.margin.book
        p, a = book.positions, book.accounts
        return by_lot(
            f"{book.traders[a.trader[p.account[i]]]}\n{book.instruments[p.instrument[i]].symbol}\n"
            f"{a.isolated[p.account[i]]}\n{p.size[i] > 0}"
            for i in rows.tolist()
        )

    def deleverage(self, v: int) -> tuple[float, int, float]:
        """Close winners against a venue's unpaid deficits: (USD closed, traders, USD paid)."""
        usd, owed = self.claims
        total, paid = 0.0, 0.0
        payers: list[Codes] = []
        # longs of an asset before its shorts: a winner with both gives up its equity but once
        for a in np.flatnonzero((usd[v] > 0).any(axis=1)).tolist():
            for side in (1, 0):
                if usd[v, a, side] > 0:
                    asked = float(usd[v, a, side]), float(owed[v, a, side])
                    got = self._take(v, a, 1 - side, *asked, payers)
                    total, paid = total + got[0], paid + got[1]
        return total, self._traders(payers), paid

    def _traders(self, accounts: list[Codes]) -> int:
        seen = np.zeros(len(self.margin.book.traders), dtype=np.bool_)
        for some in accounts:
            seen[self.margin.book.accounts.trader[some]] = True
        return int(np.count_nonzero(seen))

    @cached_property
    def claims(self) -> tuple[Floats, Floats]:
        """What each venue's winners are asked, by asset and side of what was closed (V, A, 2).

        USD to close against at rest prices, and USD to recover; 0 where a venue deleverages
        nobody.
        """
        f, margin, cells = self.fallen, self.margin, cells_of(self.margin)
        loss = [t.loss for t in margin.terms]
        shape = (len(loss), len(margin.book.assets), 2)
        usd, owed = np.zeros(shape), np.zeros(shape)
        owing = np.flatnonzero(self.unpaid > 0)
        if owing.size == 0:
            return usd, owed
        row = np.full(len(margin.book.accounts), -1, dtype=np.int32)
        row[f.account[owing]] = np.arange(len(owing))
        debt = np.zeros((len(owing), 4))
        debt[:, 0], debt[:, 1] = self.unpaid[owing], -f.equity[owing]
        debt[:, 2] = f.turn[owing]
        far = [t.price_falls_back_to_mark_beyond for t in loss]
        _queue.claims(
            (f.position, f.position_account, f.position_turn, f.position_usd),
            row,
            debt,
            cells.code,
            cells.inverse,
            f.factor,
            np.array([_PRICES[t.price] for t in loss]),
            np.array([np.inf if limit is None else limit for limit in far]),
            usd.reshape(-1),
            owed.reshape(-1),
        )
        nobody = np.array([t.rank is AdlRank.NONE for t in loss])
        usd[nobody], owed[nobody] = 0.0, 0.0
        return usd, owed

    def _take(
        self, v: int, a: int, side: int, usd: float, owed: float, payers: list[Codes]
    ) -> tuple[float, float]:
        """Close the longs (``side`` 1) or shorts of an asset at a venue against what is asked."""
        rows, rest = self.survivors(v, a, side), self.at_rest
        if rows.size == 0:
            return 0.0, 0.0
        score = self._scores(v, rows)
        account, rate = self.margin.book.positions.account, owed / usd
        count = _FRONT
        while True:
            front = rows[_first(score, count)]
            taken = np.zeros(len(front))
            room = _queue.take(
                front,
                account,
                usd,
                rate,
                rest.notional,
                rest.equity,
                self.transfer,
                self._used,
                taken,
            )
            if room >= usd or len(front) == len(rows):
                break
            count *= 8
        hit = taken > 0
        front, gave = front[hit], taken[hit] * rate
        self.closed[front] += taken[hit]
        np.subtract.at(self.transfer, account[front], gave)
        payers.append(account[front])
        return float(taken.sum()), float(taken.sum() * rate)

    def socialise(self, v: int, left: float) -> float:
        """Spread what is left over the unrealised profits of a venue's survivors; USD taken."""
        if left <= 0:
            return 0.0
        book, rest = self.margin.book, self.at_rest
        account = book.positions.account
        m = len(book.accounts)
        profit = np.bincount(account, rest.pnl, m)
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
        return _falling(score)
    least = np.partition(score, len(score) - count)[len(score) - count]
    front = np.flatnonzero(score >= least)
    return front[_falling(score[front])]


def _falling(score: Floats) -> Ints:
    """Scores in falling order, equal ones in book order.

    numpy sorts several times as fast where equal ones may come in any order: their runs are put
    right after.
    """
    order = np.argsort(-score)
    falls = score[order[1:]] != score[order[:-1]]
    if falls.all():
        return order
    key = np.append(0, np.cumsum(falls)) * len(score) + order
    key.sort()
    return key % len(score)
