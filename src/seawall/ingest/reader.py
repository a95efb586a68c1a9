"""From a source to a checked book."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np

from seawall.core import Book, InputError, Mistake, NoPositionsError, parse_time
from seawall.ingest import assemble, checks
from seawall.ingest.backing import settle_backing
from seawall.ingest.findings import Findings
from seawall.ingest.frame import Frame, choose_snapshot, load
from seawall.ingest.headers import Headers, recognise
from seawall.ingest.listing import GENERIC, check_prices_used, fill_marks, list_instruments
from seawall.ingest.sheet import Mask, Opened, Sheet
from seawall.ingest.sources import open_source
from seawall.rulebook import Rules

LISTED_ASIDE = 1_000
"""How many rows that lenient reading sets aside are listed; all are counted."""


def read_book(
    source: str | os.PathLike[str] | Mapping[str, Sequence[Any]] | Sequence[Any] | object,
    *,
    lenient: bool = False,
    rules: Rules | None = None,
    prices: Mapping[str, float] | None = None,
    marks: Mapping[str, float] | None = None,
    when: str | int | datetime | None = None,
    venue: str | None = None,
    mistakes_limit: int = 20,
) -> Book:
    """Read a book of positions, checked.

    Parameters
    ----------
    source
        A path (CSV, TSV, JSON Lines, JSON, Parquet; gzip), ``"-"`` for standard input, a pandas,
        polars or Arrow table, a dict of columns, a list of dicts, ccxt positions, or
        Hyperliquid's ``clearinghouseState``.
    lenient
        Set bad rows aside, in ``Book.set_aside``, instead of refusing the book.
    rules
        Rulebooks that name venues and instruments; None for the bundled ones.
    prices
        USD by underlying or instrument, for rows without a mark price.
    marks
        The same of a whole market, for rows that have none after all else; what is not used of
        them is not told.
    when
        Time as of which the book holds, overriding its own; chooses among snapshots.
    venue
        Venue of rows that name none.
    mistakes_limit
        How many mistakes to put into words.

    Returns
    -------
    The book. Its notes say what was assumed.

    Raises
    ------
    InputError
        With every mistake of the source at once, up to the limit, and their total.
    """
    when_ns = 0 if when is None else parse_time(when)
    known = rules or Rules.bundled()
    if venue is not None:
        known.canonical_venue(venue)
    with open_source(source, venue, lenient, _vet) as opened:
        headers = _headers(opened.sheet, opened.where)
        _expect_rows(opened, lenient, mistakes_limit)
        frame, snapshot_notes = choose_snapshot(load(opened.sheet, headers), when_ns, opened.where)
        keep = max(mistakes_limit, LISTED_ASIDE if lenient else 0)
        findings = Findings(opened.where, frame.row, frame.cell, keep)
        judged, notes = _judge(frame, known, venue, prices or {}, marks or {}, findings)
        repeats = assemble.check_duplicates(judged, findings)
        group, balance = assemble.group_accounts(judged, repeats, findings)
        if not lenient:
            _refuse(opened, findings, mistakes_limit)
        spread = assemble.spread_to_accounts(judged, repeats, findings)
        findings.add(
            spread,
            "account",
            "another row of the same cross account is bad",
            "cross accounts with all their positions",
            "Mend that row",
        )
        aside = _aside(opened, findings, mistakes_limit)
        rows = np.flatnonzero(~findings.bad)
        time = when_ns or int(frame.times[rows].max(initial=0))
        all_notes = (
            *opened.notes,
            *_column_notes(headers, frame, venue),
            *snapshot_notes,
            *notes,
            *_aside_note(aside, int(findings.bad.sum()) + len(opened.rejected)),
        )
        return assemble.build(
            judged, group, balance, rows, opened.where, time, all_notes, aside[:LISTED_ASIDE]
        )


def _judge(
    frame: Frame,
    rules: Rules,
    venue: str | None,
    prices: Mapping[str, float],
    marks: Mapping[str, float],
    findings: Findings,
) -> tuple[assemble.Judged, tuple[str, ...]]:
    checks.check_numbers(frame, findings)
    checks.check_required(frame, findings)
    contracts = checks.signed_contracts(frame, findings)
    modes = checks.modes(frame, findings)
    types = checks.contract_types(frame, findings)
    listing = list_instruments(frame, types, rules, venue, findings)
    price_notes = check_prices_used(prices, listing)
    size = contracts * listing.contract_size()
    mark, mark_notes = fill_marks(frame, listing, size, prices, findings, marks)
    checks.check_prices(frame, size, mark, findings)
    backing = settle_backing(frame, modes, size, mark, listing.inverse(), findings)
    judged = assemble.Judged(frame, modes, listing, size, mark, backing)
    return judged, (*price_notes, *mark_notes, *backing.notes)


def _vet(sheet: Sheet, where: str) -> None:
    """Refuse a large source of which none of the first rows holds a position.

    Raises
    ------
    InputError
        With the first mistakes of those rows.
    """
    frame = load(sheet, _headers(sheet, where))
    amount = np.isfinite(frame.number("size")) | np.isfinite(frame.number("quantity"))
    if not len(frame) or (amount & np.isfinite(frame.number("entry_price"))).any():
        return
    findings = Findings(where, frame.row, frame.cell, keep=5)
    checks.check_numbers(frame, findings)
    checks.check_required(frame, findings)
    last = Mistake(
        f"none of the first {len(frame):,} rows is a position; the rest was not read", where
    )
    raise InputError([*findings.told(), last], total=findings.total + 1)


def _headers(sheet: Sheet, where: str) -> Headers:
    headers = recognise(sheet.headers, where)
    mistakes = list(headers.mistakes)
    place = headers.place
    if sheet.headers:
        mistakes += [
            Mistake(
                "missing column",
                where,
                column=name,
                allowed=allowed,
                mend=f"Add it; there are {', '.join(sheet.headers[:12])}",
            )
            for name, there, allowed in (
                ("instrument", "instrument" in place, "the venue's or ccxt's symbol"),
                ("entry_price", "entry_price" in place, "USD per unit of the coin"),
                (
                    "size",
                    "size" in place or "quantity" in place,
                    "signed size, or quantity and side",
                ),
            )
            if not there
        ]
    if mistakes:
        raise InputError(mistakes)
    return headers


def _expect_rows(opened: Opened, lenient: bool, limit: int) -> None:
    if len(opened.sheet.row):
        return
    if opened.rejected:
        raise InputError(opened.rejected[:limit], total=len(opened.rejected))
    raise NoPositionsError(
        Mistake(
            "0 rows: there are column names but no position"
            if opened.sheet.headers
            else "0 rows: no position at all",
            opened.where,
            allowed="one row a position, at least one",
        )
    )


def _refuse(opened: Opened, findings: Findings, limit: int) -> None:
    total = findings.total + len(opened.rejected)
    if total:
        raise InputError(_in_order(opened, findings)[:limit], total=total)


def _aside(opened: Opened, findings: Findings, limit: int) -> tuple[Mistake, ...]:
    told = _in_order(opened, findings)
    if bool(findings.bad.all()):
        last = Mistake("no row is left after setting bad rows aside", opened.where)
        total = findings.total + len(opened.rejected) + 1
        raise InputError([*told[: max(0, limit - 1)], last], total=total)
    return told


def _in_order(opened: Opened, findings: Findings) -> tuple[Mistake, ...]:
    return tuple(sorted((*opened.rejected, *findings.told()), key=lambda m: m.row or 0))


def _aside_note(aside: tuple[Mistake, ...], rows: int) -> tuple[str, ...]:
    if not rows:
        return ()
    reasons: dict[str, int] = {}
    for mistake in aside:
        reason = mistake.what.partition(":")[0]
        reasons[reason] = reasons.get(reason, 0) + 1
    common = sorted(reasons, key=lambda r: -reasons[r])[:3]
    listed = min(len(aside), LISTED_ASIDE)
    return (
        f"rows set aside: {rows:,} (mistakes listed: {listed:,}); most often: {', '.join(common)}",
    )


def _column_notes(headers: Headers, frame: Frame, venue: str | None) -> tuple[str, ...]:
    notes = []
    if headers.ignored:
        notes.append(f"columns not used: {', '.join(headers.ignored)}")
    without: Mask = frame.label("venue").codes < 0
    if without.any():
        rows = "all rows" if without.all() else f"{int(without.sum()):,} rows"
        if venue is None:
            notes.append(
                f"{rows} name no venue: judged by the {GENERIC} rulebook; name one with --venue"
            )
        else:
            notes.append(f"{rows} name no venue: taken as {venue}")
    if (frame.label("account").codes < 0).all():
        notes.append("no account is named: each row is taken as an account of its own")
    return tuple(notes)
