"""What every report says of the book it is about: inputs, rules, assumptions, warnings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from seawall import __version__
from seawall.core import format_time
from seawall.margin import MarginBook
from seawall.report.model import Assumption, Kind, Report, Unit
from seawall.report.numbers import text

Floats = NDArray[np.float64]
Said = TypeVar("Said")


def once_a_book(compute: Callable[[MarginBook], Said]) -> Callable[[MarginBook], Said]:
    """A function of a bound book, computed once for each: what it says never changes."""
    kept: WeakKeyDictionary[MarginBook, Said] = WeakKeyDictionary()

    @wraps(compute)
    def known(margin: MarginBook) -> Said:
        if margin not in kept:
            kept[margin] = compute(margin)
        return kept[margin]

    return known


@once_a_book
def inputs_of(margin: MarginBook) -> dict[str, Any]:
    """Source, digest, size and time of the book, and who made the report."""
    book = margin.book
    return {
        "source": book.source,
        "digest": "sha256:" + book.digest(),
        "as of": format_time(book.time),
        "positions": len(book),
        "margin accounts": len(book.accounts),
        "traders": len(book.traders),
        "notional at mark": text(float(book.notional().sum()), Unit.USD),
        "venues": ", ".join(venue_titles(margin)),
        "assets": len(book.assets),
        "rows set aside": len(book.set_aside),
        "seawall": __version__,
    }


@once_a_book
def machine_inputs(margin: MarginBook) -> dict[str, Any]:
    """The same for the JSON: raw values under stable keys."""
    book = margin.book
    return {
        "source": book.source,
        "digest": "sha256:" + book.digest(),
        "time": format_time(book.time) if book.time else None,
        "positions": len(book),
        "margin_accounts": len(book.accounts),
        "traders": len(book.traders),
        "notional_usd": float(book.notional().sum()),
        "rows_set_aside": len(book.set_aside),
        "set_aside": [str(m) for m in book.set_aside],
        "version": __version__,
    }


def venue_titles(margin: MarginBook) -> tuple[str, ...]:
    """How people write the venues, in the order of ``book.venues``."""
    return tuple(t.title for t in margin.terms)


def rule_assumptions(margin: MarginBook) -> tuple[Assumption, ...]:
    """The rules in force, by venue, with their sources."""
    rows = []
    for terms in margin.terms:
        since = f", in force since {terms.effective_from}" if terms.effective_from else ""
        rows.append(Assumption(f"{terms.title}: rules{since}.", "; ".join(terms.sources)))
    return tuple(rows)


@once_a_book
def warnings_of(margin: MarginBook) -> tuple[str, ...]:
    """What the reader must know first: rows set aside, prices that disagree, assumed rules."""
    book = margin.book
    aside = len(book.set_aside)
    lines = []
    if aside and not any("set aside" in n for n in book.notes):
        lines.append(f"{aside} rows were set aside as faulty and are in no figure.")
    lines += _disagreements(margin)
    if book.time == 0:
        lines.append("The book bears no date: it is judged by the newest rules known.")
    return tuple(dict.fromkeys([*lines, *book.notes, *margin.notes]))


def warned(report: Report, *lines: str) -> Report:
    """The same report with these warnings before its own, for readers and machines."""
    told = [*lines, *report.payload.get("warnings", ())]
    payload = {**report.payload, "warnings": told} if lines else report.payload
    return replace(report, warnings=(*lines, *report.warnings), payload=payload)


_TOLERANCE = 0.01
"""Relative gap beyond which a reported liquidation price disagrees with the computed one."""


def _disagreements(margin: MarginBook) -> list[str]:
    """Reported liquidation prices that the rules do not give, where the margin is known."""
    book = margin.book
    reported = book.positions.reported_liquidation
    known = ~np.isnan(reported) & ~np.isnan(book.accounts.balance[book.positions.account])
    if not known.any():
        return []
    own = margin.printed_liquidation_price()
    with np.errstate(invalid="ignore"):
        off = known & ~(np.abs(own / reported - 1.0) <= _TOLERANCE)
    if not off.any():
        return []
    rows = book.positions.row[off]
    return [
        f"{int(off.sum())} of {int(known.sum())} reported liquidation prices differ by more than "
        f"{text(_TOLERANCE, Unit.FRACTION)} from the computed ones, the first in row {rows[0]}: "
        "check collateral, brackets and contract size. The computed ones are used."
    ]


def kind_of(margin: MarginBook) -> Kind:
    """Measured where every margin is given; modelled where some are implied or assumed."""
    implied = np.isnan(margin.book.accounts.balance).any()
    cautious = any(s.cautious for s in margin.schedules)
    return Kind.MODELLED if implied or cautious else Kind.MEASURED


@once_a_book
def usd_per_settled(margin: MarginBook) -> Floats:
    """Shape (m,): USD per unit of each account's settlement currency, at the marks."""
    book = margin.book
    unit = np.ones(len(book.accounts))
    inverse = book.inverse()
    unit[book.positions.account[inverse]] = book.positions.mark[inverse]
    return unit


@once_a_book
def asset_marks(margin: MarginBook) -> Floats:
    """Shape (A,): mark price of each asset, weighted by notional over its positions."""
    book = margin.book
    code, notional = book.asset_codes(), book.notional()
    n = len(book.assets)
    weight = np.bincount(code, notional, n)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.bincount(code, notional * book.positions.mark, n) / weight)
