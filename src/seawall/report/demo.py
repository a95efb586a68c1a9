"""The record of November 2025 beside what the synthetic book gives."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from seawall.report.model import Assumption, Column, Report, Section, Table, Unit
from seawall.report.numbers import text
from seawall.sim import ComparedFigure

SCHEMA = "seawall.demo/1"

_UNITS = {"USD": Unit.USD, "traders": Unit.COUNT, "USD each": Unit.USD, "share": Unit.FRACTION}

PLAIN = (
    "This book is synthetic: no account in it is anybody's. It is drawn so that the published "
    "record of 21 November 2025 comes out when prices follow their path to their lows.",
)


def with_record(stress: Report, compared: Sequence[ComparedFigure]) -> Report:
    """A stress report with the record's table, its words and its payload added."""
    rows = [_payload(c) for c in compared]
    conflicts = [c for c in compared if c.figure.conflict]
    payload = {**stress.payload, "record": rows}
    warnings = (
        *PLAIN,
        *stress.warnings,
    )
    return replace(
        stress,
        schema=SCHEMA,
        title="The market of November 2025: " + stress.title.removeprefix("Stress test: "),
        tables=(_record_table(compared), _conflict_table(conflicts), *stress.tables),
        warnings=warnings,
        payload=payload,
        assumptions=(
            *stress.assumptions,
            Assumption("How the book is drawn and what is fitted.", "docs/methods/demo.md"),
        ),
        sections=(
            Section("The published record beside this book", ("record", "conflicts"), PLAIN[0]),
            *stress.sections,
        ),
    )


def _payload(c: ComparedFigure) -> dict[str, Any]:
    f = c.figure
    return {
        "key": f.key,
        "text": f.text,
        "published": f.value,
        "recorded": c.recorded,
        "book": c.book,
        "deviation": c.deviation,
        "unit": f.unit,
        "date": f.date,
        "source": f.source,
        "confidence": f.confidence,
        "fitted": f.fitted,
        "conflict": f.conflict,
    }


def _record_table(compared: Sequence[ComparedFigure]) -> Table:
    rows = []
    for c in compared:
        unit = _UNITS.get(c.figure.unit, Unit.NUMBER)
        gap = "–" if math.isnan(c.deviation) else text(c.deviation, Unit.FRACTION)
        rows.append(
            (
                c.figure.text,
                text(c.recorded, unit),
                text(c.book, unit),
                gap,
                c.standing,
                c.figure.date,
                c.figure.confidence,
                c.figure.source,
            )
        )
    return Table(
        "record",
        "Published record and this book",
        (
            Column("text", "Figure", brief=True),
            Column("recorded", "Published", align="right", brief=True),
            Column("book", "This book", align="right", brief=True),
            Column("deviation", "Difference", align="right"),
            Column("standing", "Fitted?", brief=True),
            Column("date", "Of", brief=True),
            Column("confidence", "Confidence"),
            Column("source", "Source"),
        ),
        tuple(rows),
        caption="What falls when every price follows its path to the low (longs) or high (shorts) "
        "of 21 November, without the impact of what is forced.",
    )


def _conflict_table(conflicts: Sequence[ComparedFigure]) -> Table:
    return Table(
        "conflicts",
        "What cannot hold at once",
        (
            Column("text", "Figure", brief=True),
            Column("date", "Of", brief=True),
            Column("conflict", "Why", brief=True),
        ),
        tuple((c.figure.text, c.figure.date, c.figure.conflict) for c in conflicts),
    )
