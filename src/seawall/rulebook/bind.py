"""Attach the rules in force to a book."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from seawall.core import Book, InputError, MarginSchedule, Mistake, format_time
from seawall.rulebook.rules import Bracket, Rules

_SHOWN = 20

if TYPE_CHECKING:
    from seawall.margin import MarginBook


def bind(book: Book, rules: Rules | None = None, when: int | None = None) -> MarginBook:
    """Book with its venues' terms and its instruments' brackets attached.

    A maintenance margin rate given with a row makes a one-bracket schedule of its own (amount 0
    where only the rate is given). An amount without a rate is an error.

    Parameters
    ----------
    book
        Positions and accounts.
    rules
        Rulebooks; None for the bundled ones with the user's overlay.
    when
        UTC nanoseconds that choose the rules; None for the book's own time (the latest of its
        rows' times where the book has none), and the newest rules where neither is known.

    Returns
    -------
    MarginBook
        With notes naming every instrument on a stand-in schedule and every rule that is newer
        than the book.

    Raises
    ------
    InputError
        If row times fall on both sides of a change of a venue's terms.
    RuleError
        If a venue or an instrument's name is not known.
    """
    from seawall.margin import MarginBook

    rules = rules or Rules.bundled()
    moment = _moment(book, when)
    if when is None:
        _refuse_straddling(book, rules)
    venues = book.venues
    terms = tuple(rules.terms(venue, moment) for venue in venues)
    found = [
        rules.bracket(i.venue, i.symbol, moment, i.contract_type.value) for i in book.instruments
    ]
    notes = [note for venue in venues for note in rules.terms_notes(venue, moment)]
    notes += _notes(book, rules, found, moment)
    schedules = [f.schedule for f in found]
    own, index = _own_schedules(book, len(schedules))
    return MarginBook(
        book=book,
        terms=terms,
        schedules=(*schedules, *own),
        schedule=index,
        notes=tuple(notes),
    )


def _notes(book: Book, rules: Rules, found: list[Bracket], moment: int) -> list[str]:
    """One line a venue and reason, naming every instrument it concerns."""
    lines: dict[tuple[str, str], list[str]] = {}
    for instrument, bracket in zip(book.instruments, found, strict=True):
        if bracket.stand_in:
            why = "brackets not known, the venue's most cautious schedule stands in for"
        elif bracket.seen:
            why = (
                f"brackets as read on {bracket.seen}, none nearer the book's "
                f"{format_time(moment)[:10]} are known, for"
            )
        else:
            continue
        lines.setdefault((instrument.venue, why), []).append(bracket.symbol)
    notes = [
        f"{venue}: {why} {', '.join(dict.fromkeys(names))}" for (venue, why), names in lines.items()
    ]
    for instrument in book.instruments:
        many = rules.multiplier(instrument.symbol)
        if many != 1.0:
            notes.append(
                f"{instrument.venue}: {instrument.symbol} is priced per {many:,.0f} "
                f"{instrument.asset} and moves with it"
            )
    return notes


def _moment(book: Book, when: int | None) -> int:
    if when is not None:
        return when
    if book.time:
        return book.time
    times = book.positions.time
    return int(times.max()) if len(times) else 0


def _refuse_straddling(book: Book, rules: Rules) -> None:
    """Row times may differ, but not across a change of their venue's terms."""
    times = book.positions.time
    known = times != 0
    if not np.any(known):
        return
    venue = book.accounts.venue[book.positions.account]
    mistakes = []
    for code, name in enumerate(book.venues):
        rows = known & (venue == code)
        if not np.any(rows):
            continue
        first, last = int(times[rows].min()), int(times[rows].max())
        if book.time:
            first, last = min(first, book.time), max(last, book.time)
        before, after = rules.terms(name, first), rules.terms(name, last)
        if (before.margin, before.liquidation) != (after.margin, after.liquidation):
            mistakes.append(
                Mistake(
                    f"the rules of {name} changed between the times of the book: from "
                    f"{before.effective_from} and from {after.effective_from}",
                    book.source,
                    column="time",
                    value=f"{format_time(first)} to {format_time(last)}",
                    allowed="times on one side of the change",
                    mend="split the book, or name the date whose rules shall judge it",
                )
            )
    if mistakes:
        raise InputError(mistakes)


def _own_schedules(book: Book, count: int) -> tuple[tuple[MarginSchedule, ...], NDArray[np.int32]]:
    """Flat schedules of rows that bring their own rate, and the schedule of every row.

    ``count`` schedules, one an instrument, come before them.
    """
    positions = book.positions
    index = positions.instrument.astype(np.int32, copy=True)
    given = np.isfinite(positions.rate)
    lone = np.flatnonzero(np.isfinite(positions.amount) & ~given)
    if lone.size:
        raise InputError(
            (
                Mistake(
                    "maintenance_amount without maintenance_margin_rate",
                    book.source,
                    row=int(positions.row[k]),
                    column="maintenance_amount",
                    value=f"{positions.amount[k]:g}",
                    mend="give the rate of the same bracket, or leave both out",
                )
                for k in lone[:_SHOWN]
            ),
            total=int(lone.size),
        )
    if not np.any(given):
        return (), index
    pairs = np.column_stack((positions.rate[given], np.nan_to_num(positions.amount[given])))
    order = np.lexsort((pairs[:, 1], pairs[:, 0]))
    ranked = pairs[order]
    fresh = np.ones(len(ranked), dtype=np.bool_)
    fresh[1:] = np.any(ranked[1:] != ranked[:-1], axis=1)
    code = np.empty(len(ranked), dtype=np.int32)
    code[order] = np.cumsum(fresh) - 1
    index[given] = count + code
    own = tuple(
        MarginSchedule.flat(float(rate), float(amount), "given with the row")
        for rate, amount in ranked[fresh]
    )
    return own, index
