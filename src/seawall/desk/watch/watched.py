"""A book laid out to be watched: each instrument has a mark of its own, each account a level."""

from __future__ import annotations

import math
from collections.abc import Iterable
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


class Mark(NamedTuple):
    """A mark price as a feed tells it.

    ``name`` is an instrument, as the venue or ccxt writes it, or an asset; ``venue`` may be empty:
    then it holds for that name at every venue of the book.
    """

    venue: str
    name: str
    price: float


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """Accounts whose level changed, with what it was and is, and the margin ratio. Shape (c,)."""

    account: Ints
    before: NDArray[np.int8]
    level: NDArray[np.int8]
    ratio: Floats

    def __len__(self) -> int:
        return len(self.account)


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
        self.unknown = 0

    def _laid_out(self) -> MarginBook:
        """The book with an asset to each instrument, so that venues' marks may differ."""
        margin, book = self.margin, self.margin.book
        alone = tuple(replace(i, asset=f"#{k}") for k, i in enumerate(book.instruments))
        positions = replace(book.positions, mark=self._base[book.positions.instrument])
        own = replace(book, positions=positions, instruments=alone).with_balances(margin.balance)
        return MarginBook(own, margin.terms, margin.schedules, margin.schedule)

    def take(self, marks: Iterable[Mark]) -> NDArray[np.int64]:
        """Note marks; returns the instruments that they were of. Prices must be above 0.

        A mark of something that is not held is counted in ``unknown``.
        """
        seen: list[int] = []
        for venue, name, price in marks:
            found = self._known.get((venue, name))
            if found is None:
                found = self._known[venue, name] = self._instruments(venue, name)
            self.unknown += not found
            for k in found:
                self.mark[k] = price * self._multiple(k, name)
                seen.append(k)
        return np.array(seen, dtype=np.int64)

    def judge(self) -> Change:
        """The accounts whose level the present marks change; they bear the new one from now on."""
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

    def carry(self, before: Watched) -> None:
        """Go on from an earlier reading of the same accounts: their levels and marks."""
        old = dict(zip(before.keys(), before.level.tolist(), strict=True))
        self.level = np.array([old.get(k, Level.CALM) for k in self.keys()], dtype=np.int8)
        marks = dict(zip(before._names(), before.mark.tolist(), strict=True))
        for k, name in enumerate(self._names()):
            if not math.isnan(marks.get(name, math.nan)):
                self.mark[k] = marks[name]

    def keys(self) -> list[tuple[object, ...]]:
        """What each account is known by from one reading of the book to the next."""
        book, out = self.margin.book, []
        p = book.positions
        first = self.margin.order[self.margin.start[:-1]]
        for a in range(len(book.accounts)):
            own: tuple[object, ...] = (
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

    def _names(self) -> list[tuple[str, str]]:
        return [(i.venue, i.symbol) for i in self.margin.book.instruments]

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
