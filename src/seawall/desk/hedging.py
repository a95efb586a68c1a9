"""A hedge in another instrument of the same account: what it buys, and what it costs."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from seawall.core import Book, Positions
from seawall.desk.copies import Copies
from seawall.desk.rescue import Costs
from seawall.margin import MarginBook

Floats = NDArray[np.float64]

_GRID, _ROUNDS = 32, 5
"""Sizes that are looked at together, and how often between two of them."""


@dataclass(frozen=True, slots=True)
class Hedge:
    """An order in another instrument after which an account survives a larger move.

    Attributes
    ----------
    instrument
        Place among the book's instruments.
    size
        Signed, > 0 buys; in the instrument's own unit.
    notional_usd, cost
        USD at mark, >= 0; fee and slippage, settlement currency.
    ratio
        Margin ratio afterwards: never lower than before, as the hedge asks for margin of its own.
    move
        How far all prices move together against the account before it falls, a fraction > 0;
        infinite where no move against it does.
    """

    instrument: int
    size: float
    notional_usd: float
    cost: float
    ratio: float
    move: float


@dataclass(frozen=True, slots=True, eq=False)
class _Aim:
    """USD an account is exposed by, the move that it is to survive, and what trading costs."""

    exposed: float
    move: float
    costs: Costs


def move_survived(margin: MarginBook, up: bool) -> Floats:
    """Shape (m,): how far all prices may move together, up or down, before accounts fall."""
    moved = margin.joint_liquidation(dict.fromkeys(margin.book.assets, 1.0 if up else -1.0))
    return np.where(np.isnan(moved), np.inf, moved)


def exposure_usd(margin: MarginBook) -> Floats:
    """Shape (m,): USD that accounts gain per part by which all prices rise, longs less shorts."""
    book = margin.book
    signed = np.sign(book.positions.size) * book.notional()
    total = np.bincount(book.positions.account, signed, len(book.accounts))
    return total.astype(np.float64)


def hedges(margin: MarginBook, account: int, move: float, costs: Costs) -> tuple[Hedge, ...]:
    """Least hedges after which a cross account survives a joint move, cheapest first.

    Looked for among the instruments of the book on the account's venue that it does not hold on
    the exposed side (there, an order closes instead of hedging), linear ones only.

    Parameters
    ----------
    account
        Place of the margin account; an isolated one has no hedges.
    move
        How far all prices are to move together before it falls, > 0.
    """
    book = margin.book
    exposed = float(exposure_usd(margin)[account])
    if book.accounts.isolated[account] or exposed == 0.0:
        return ()
    aim, found = _Aim(exposed, move, costs), []
    for k in _instruments(book, account, exposed):
        like = _representative(book, k)
        hedge = _least(_with_leg(margin, account, like, exposed), k, like, aim)
        if hedge is not None:
            found.append(hedge)
    return tuple(sorted(found, key=lambda h: h.cost))


def _instruments(book: Book, account: int, exposed: float) -> list[int]:
    venue = book.venues[int(book.accounts.venue[account])]
    held = book.positions.account == account
    same_side = held & (np.sign(book.positions.size) == np.sign(exposed))
    taken = set(book.positions.instrument[same_side].tolist())
    known = set(book.positions.instrument.tolist())
    return [
        k
        for k, i in enumerate(book.instruments)
        if i.venue == venue and not i.inverse and k in known and k not in taken
    ]


def _representative(book: Book, instrument: int) -> int:
    """A position whose mark and brackets the instrument's hedge takes."""
    there = np.flatnonzero(book.positions.instrument == instrument)
    plain = there[np.isnan(book.positions.rate[there])]
    return int(plain[0] if len(plain) else there[0])


def _with_leg(margin: MarginBook, account: int, like: int, exposed: float) -> MarginBook:
    """The account alone, with one more position of size 1, opened at mark against its exposure."""
    book = margin.book
    own = Copies(margin, np.array([account]))
    at = np.append(own.position, like)
    p = book.positions.take(at)
    last = np.arange(len(at)) == len(at) - 1

    def put(column: Floats, value: float) -> Floats:
        return np.where(last, value, column)

    nan = float("nan")
    positions: Positions = replace(
        p,
        account=np.zeros(len(at), dtype=np.int32),
        size=put(p.size, -np.sign(exposed)),
        entry=np.where(last, p.mark, p.entry),
        leverage=put(p.leverage, nan),
        stop=put(p.stop, nan),
        reported_liquidation=put(p.reported_liquidation, nan),
    )
    alone = own.as_they_are
    changed = replace(alone.book, positions=positions)
    return MarginBook(changed, margin.terms, margin.schedules, margin.schedule[at])


def _least(with_leg: MarginBook, k: int, like: int, aim: _Aim) -> Hedge | None:
    """The smallest hedge that reaches the move; None if none up to exposure 0 does.

    A hedge asks for margin, so that more of it may be worse again: sizes are looked at in a grid,
    and again between the first that will do and the one before it.
    """
    book, mark = with_leg.book, float(with_leg.book.positions.mark[-1])
    copies = Copies(with_leg, np.zeros(_GRID, dtype=np.int64))
    leg = copies.position == len(book) - 1
    place = np.full(_GRID, like, dtype=np.int64)
    low, high = 0.0, abs(aim.exposed)
    best: tuple[float, float, float, float] | None = None
    for _ in range(_ROUNDS):
        usd = low + (high - low) * np.arange(1, _GRID + 1) / _GRID
        cost = usd * aim.costs.share(place, usd)
        keep = np.where(leg, usd[copies.owner] / mark, 1.0)
        made = copies.judged(keep=keep, balance=with_leg.balance[0] - cost)
        survived, ratio = move_survived(made, up=aim.exposed < 0), made.accounts_state().ratio
        enough = np.flatnonzero((survived >= aim.move) & (ratio < 1.0))
        if not len(enough):
            break
        i = int(enough[0])
        best = float(usd[i]), float(cost[i]), float(ratio[i]), float(survived[i])
        low, high = (float(usd[i - 1]) if i else low), float(usd[i])
    if best is None:
        return None
    side = -float(np.sign(aim.exposed))
    return Hedge(k, side * best[0] / mark, best[0], best[1], best[2], best[3])
