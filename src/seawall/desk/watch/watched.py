"""A book laid out to be watched: each instrument has a mark of its own, each account a level."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from seawall.core import InputError
from seawall.desk.copies import Copies
from seawall.desk.watch.levels import Level, Thresholds
from seawall.margin import MarginBook
from seawall.rulebook import Rules

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


JUMP = 1.5
"""A mark that is so many times the one before, or that part of it, waits for a second one."""

Key = tuple[object, ...]
"""Trader, venue and currency of an account; of an isolated one also its instrument and side."""


class Mark(NamedTuple):
    """A mark price as a feed tells it.

    ``name`` is an instrument, as the venue or ccxt writes it, or an asset; ``venue`` may be empty:
    then it holds for that name at every venue of the book. ``time`` is UTC ns, 0 where none is
    told.
    """

    venue: str
    name: str
    price: float
    time: int = 0


@dataclass(frozen=True, slots=True)
class Doubt:
    """A mark too far from the one before to be believed alone; or that one was not confirmed.

    ``instrument`` is of the book; ``price`` and ``before`` its marks in USD.
    """

    instrument: int
    price: float
    before: float
    refuted: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """Accounts whose level changed, with what it was and is, and the margin ratio. Shape (c,)."""

    account: Ints
    before: NDArray[np.int8]
    level: NDArray[np.int8]
    ratio: Floats

    def __len__(self) -> int:
        return len(self.account)


def called(key: Key) -> str:
    """An account's key in words: ``ann on binance_usdm, BTCUSDT long``."""
    trader, venue, _, *position = key
    words = f"{trader} on {venue}"
    return f"{words}, {position[0]} {'long' if position[1] else 'short'}" if position else words


def _apart(mark: float, other: float) -> bool:
    """Whether one price is :data:`JUMP` times another or more; of NaN it is not."""
    return mark >= other * JUMP or mark * JUMP <= other


class Watched:
    """Accounts of a book, judged anew at every mark.

    Parameters
    ----------
    margin
        The book under its rules.
    thresholds
        Where levels begin.
    rules
        Which read the names of feeds; the bundled ones if None.
    """

    def __init__(
        self, margin: MarginBook, thresholds: Thresholds | None = None, rules: Rules | None = None
    ):
        self.margin = margin
        self.thresholds = thresholds or Thresholds()
        self._rules = rules or Rules.bundled()
        book = margin.book
        last: Floats = np.full(len(book.instruments), np.nan)
        # of rows that disagree the last one counts until the first mark arrives
        last[book.positions.instrument] = book.positions.mark
        self.mark = last
        self._base = last.copy()
        self._remarking = self._laid_out().remarking
        self._known: dict[tuple[str, str], tuple[int, ...]] = {}
        self.held = np.unique(book.positions.instrument).astype(np.int64)
        m = len(book.accounts)
        self.level = np.zeros(m, dtype=np.int8)
        self.ratio, self._out = np.zeros(m), (np.empty(m), np.empty(m))
        self.unknown = self.late = 0
        self._at = np.zeros(len(last), dtype=np.int64)
        self._doubted: dict[int, float] = {}
        self.doubts: list[Doubt] = []
        self.empty = False

    def _laid_out(self) -> MarginBook:
        """The book with an asset to each instrument, so that venues' marks may differ."""
        margin, book = self.margin, self.margin.book
        alone = tuple(replace(i, asset=f"#{k}") for k, i in enumerate(book.instruments))
        positions = replace(book.positions, mark=self._base[book.positions.instrument])
        own = replace(book, positions=positions, instruments=alone).with_balances(margin.balance)
        return MarginBook(own, margin.terms, margin.schedules, margin.schedule)

    def take(self, marks: Iterable[Mark]) -> NDArray[np.int64]:
        """Note marks; returns the instruments that they were of. Prices must be above 0.

        A mark of something that is not held is counted in ``unknown``, and one that is older than
        the one before in ``late``. One that is more than :data:`JUMP` away from the one before is
        noted once a later message confirms it; ``doubts`` tells of the last call's.
        """
        seen: list[int] = []
        doubted: dict[int, float] = {}
        self.doubts = []
        for venue, name, price, at in marks:
            found = self._known.get((venue, name))
            if found is None:
                found = self._known[venue, name] = self._instruments(venue, name)
            self.unknown += not found
            for k in found:
                mark = price * self._multiple(k, name)
                if at and at < self._at[k]:
                    self.late += 1
                elif self._doubtful(k, mark):
                    doubted[k] = mark
                else:
                    if at:
                        # one clock that is ahead would make all that follows late
                        self._at[k] = min(at, time.time_ns())
                    self._settle(k, mark)
                    seen.append(k)
        for k, mark in doubted.items():
            self._doubted[k] = mark
            self.doubts.append(Doubt(k, mark, float(self.mark[k])))
        return np.array(seen, dtype=np.int64)

    def _doubtful(self, k: int, mark: float) -> bool:
        """Whether a mark is far from the last, and from or not beyond one doubted before it.

        A fall that goes on is told by marks each far from the one before, all on one side.
        """
        last, before = float(self.mark[k]), self._doubted.get(k)
        if not _apart(mark, last):
            return False
        return before is None or (_apart(mark, before) and (before < last) != (mark < last))

    def _settle(self, k: int, mark: float) -> None:
        """Believe a mark; one that was doubted before is confirmed by it, or is not."""
        doubted = self._doubted.pop(k, None) if self._doubted else None
        last = float(self.mark[k])
        goes_on = doubted is not None and _apart(mark, last) and (doubted < last) == (mark < last)
        if doubted is not None and _apart(mark, doubted) and not goes_on:
            self.doubts.append(Doubt(k, doubted, mark, refuted=True))
        self.mark[k] = mark

    def let_go(self) -> None:
        """Judge nothing any more: the book has no position left."""
        self.empty, self.held = True, self.held[:0]
        self.level = np.zeros_like(self.level)

    def judge(self) -> Change:
        """The accounts whose level the present marks change; they bear the new one from now on."""
        if self.empty:
            none = np.zeros(0, dtype=np.int64)
            return Change(none, none.astype(np.int8), none.astype(np.int8), none.astype(np.float64))
        with np.errstate(divide="ignore", invalid="ignore"):
            factor = np.where(np.isnan(self._base), 1.0, self.mark / self._base)
            equity, need = self._remarking.at(factor, threads=1, out=self._out)
            self.ratio = np.where(equity > 0, need / equity, np.inf)

        def falls(move: float) -> NDArray[np.bool_]:
            """Which accounts a move of all prices together, up or down, would fell."""
            due = np.zeros(len(self.level), dtype=np.bool_)
            for by in (1.0 - move, 1.0 + move):
                equity, need = self._remarking.at(factor * by, threads=1, out=self._out)
                due |= equity <= need
            return due

        now = self.thresholds.settled(self.level, self.ratio, falls)
        changed = np.flatnonzero(now != self.level)
        before, self.level = self.level[changed], now
        return Change(changed, before, now[changed], self.ratio[changed])

    def standing(self, accounts: Ints) -> MarginBook:
        """Some accounts alone at the present marks, in the order given."""
        copies = Copies(self.margin, accounts)
        marks = self.mark[self.margin.book.positions.instrument[copies.position]]
        return copies.judged(mark=marks)

    def carry(
        self, before: Watched, alive: NDArray[np.bool_], back: Mapping[Key, int] | None = None
    ) -> None:
        """Go on from an earlier reading of the book: its levels and marks.

        Marks of this reading count where they differ from those of the reading before and no
        feed says better.

        Parameters
        ----------
        alive
            Of which instruments of ``before`` a feed still tells marks.
        back
            Levels of accounts that were in the book before that, and are again.
        """
        self.unknown, self.late = before.unknown, before.late
        levels = dict(back or {}) | before.levels()
        self.level = np.array([levels.get(k, Level.CALM) for k in self.keys()], dtype=np.int8)
        old = {name: k for k, name in enumerate(before.names())}
        for k, name in enumerate(self.names()):
            j = old.get(name)
            if j is None or math.isnan(before.mark[j]):
                continue
            self._at[k] = before._at[j]
            if alive[j] or self._base[k] == before._base[j]:
                self.mark[k] = before.mark[j]
                if j in before._doubted:
                    self._doubted[k] = before._doubted[j]

    def levels(self) -> dict[Key, int]:
        """The level of each account by its key; none where the book has no position left."""
        if self.empty:
            return {}
        return dict(zip(self.keys(), self.level.tolist(), strict=True))

    def keys(self) -> list[Key]:
        """What each account is known by from one reading of the book to the next."""
        book, out = self.margin.book, []
        p = book.positions
        first = self.margin.order[self.margin.start[:-1]]
        for a in range(len(book.accounts)):
            own: Key = (
                book.traders[int(book.accounts.trader[a])],
                book.venues[int(book.accounts.venue[a])],
                book.currencies[int(book.accounts.settle[a])],
            )
            if book.accounts.isolated[a]:
                i = int(first[a])
                symbol = book.instruments[int(p.instrument[i])].symbol
                own = (*own, symbol, bool(p.size[i] > 0))
            out.append(own)
        return out

    def parts(self) -> set[Key]:
        """What the book is made of: accounts, and what each holds long or short."""
        if self.empty:
            return set()
        p, keys, names = self.margin.book.positions, self.keys(), self.names()
        held = zip(p.account.tolist(), p.instrument.tolist(), (p.size > 0).tolist(), strict=True)
        return {(*keys[a], *names[k], long) for a, k, long in held}

    def names(self) -> list[tuple[str, str]]:
        """Venue and symbol of each instrument."""
        return [(i.venue, i.symbol) for i in self.margin.book.instruments]

    def held_names(self) -> set[tuple[str, str]]:
        """Venue and symbol of each instrument of which there is a position."""
        names = self.names()
        return {names[k] for k in self.held.tolist()}

    def _instruments(self, venue: str, name: str) -> tuple[int, ...]:
        """Instruments of the book that a name is of, as the venue writes it, ccxt, or an asset."""
        all_ = self.margin.book.instruments
        wanted = name.strip().upper()
        names = {i.venue for i in all_}
        if venue:
            names &= self._rulebooks(venue)
        exact = [
            k
            for k, i in enumerate(all_)
            if i.venue in names
            and (i.symbol.upper() == wanted or i.symbol == self._own(i.venue, name))
        ]
        if venue and exact:
            return tuple(exact)
        # without a venue BTC is an asset everywhere, though one venue calls an instrument so
        of = [k for k, i in enumerate(all_) if i.venue in names and i.asset.upper() == wanted]
        return tuple(dict.fromkeys((*exact, *of)))

    def _rulebooks(self, venue: str) -> set[str]:
        found = set()
        for kind in ("linear", "inverse"):
            try:
                found.add(self._rules.canonical_venue(venue, kind))
            except InputError:
                continue
        return found

    def _own(self, venue: str, name: str) -> str:
        """A name as the venue of a rulebook writes it; the empty text where it is none."""
        if "/" not in name:
            return ""
        try:
            return self._rules.instrument(venue, name).symbol
        except InputError:
            return ""

    def _multiple(self, instrument: int, name: str) -> float:
        """What an asset's price is multiplied by for an instrument of many units of it."""
        of = self.margin.book.instruments[instrument]
        if name.strip().upper() != of.asset.upper() or of.symbol.upper() == of.asset.upper():
            return 1.0
        return self._rules.multiplier(of.symbol)
