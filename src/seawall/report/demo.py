"""The record of November 2025 beside what the synthetic book gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from seawall.report.model import Assumption, Column, Quantity, Report, Section, Table, Unit
from seawall.report.numbers import text
from seawall.sim import ComparedFigure

SCHEMA = "seawall.demo/1"

_UNITS = {"USD": Unit.USD, "traders": Unit.COUNT, "USD each": Unit.USD, "share": Unit.FRACTION}

PLAIN = (
    "This book is synthetic: no account in it is anybody's. It is drawn so that the published "
    "record of 21 November 2025 comes out when prices follow their path to their lows."
)
_SYNTHETIC = "synthetic book"


def with_record(stress: Report, compared: Sequence[ComparedFigure]) -> Report:
    """A stress report with the record's table, its words and its payload added."""
    rows = [_payload(c) for c in compared]
    conflicts = [c for c in compared if c.figure.conflict]
    payload = {**stress.payload, "record": rows}
    # the book's own note says the same, at length
    warnings = (PLAIN, *(w for w in stress.warnings if not w.startswith(_SYNTHETIC)))
    return replace(
        stress,
        schema=SCHEMA,
        title="The market of November 2025: " + stress.title.removeprefix("Stress test: "),
        answer=(*_answer(stress.payload["inputs"]["traders"], compared), *stress.answer),
        tables=(_record_table(compared), _conflict_table(conflicts), *stress.tables),
        warnings=warnings,
        payload=payload,
        assumptions=(
            *stress.assumptions,
            Assumption(
                "Impact follows the square-root law here, not the empirical default of `seawall "
                "stress`: under that one every book that meets this record runs away, as the "
                "table of impact laws shows.",
                "docs/methods/demo.md",
            ),
            Assumption("How the book is drawn and what is fitted.", "docs/methods/demo.md"),
        ),
        sections=(
            Section("The published record beside this book", ("record", "conflicts"), PLAIN),
            *(_btc_first(s) for s in stress.sections),
        ),
    )


def _btc_first(section: Section) -> Section:
    """The record is about BTC, whatever else the shock forces more of."""
    return replace(section, items=tuple(sorted(section.items, key=lambda k: k != "map_BTC")))


def _answer(traders: int, compared: Sequence[ComparedFigure]) -> tuple[str, ...]:
    """The record in two sentences: what falls on its path of prices, and what waits above."""
    figure = {c.figure.key: c for c in compared}
    total, people = figure["total_usd"], figure["traders"]
    long, shorts = figure["long_share"], figure["shorts_95k_usd"]
    usd, count, share = Unit.USD, Unit.COUNT, Unit.FRACTION
    return (
        f"A synthetic book of {text(traders, count)} accounts reproduces the published record of "
        f"21 November 2025: {text(total.book, usd)} of {text(total.recorded, usd)} and "
        f"{text(people.book, count)} of {text(round(people.recorded), count)} traders are "
        f"liquidated when prices follow their path, {text(long.book, share)} of it long "
        f"({text(long.recorded, share)} published).",
        f"{text(shorts.book, usd)} of shorts would be liquidated at 95,000 "
        f"({text(shorts.recorded, usd)} published).",
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
        rows.append(
            (
                c.figure.text,
                Quantity(c.recorded, unit),
                Quantity(c.book, unit),
                c.deviation,
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
            Column("deviation", "Difference", Unit.FRACTION),
            Column("standing", "Fitted?", brief=True),
            Column("date", "Of", brief=True),
            Column("confidence", "Confidence"),
            Column("source", "Source"),
        ),
        tuple(rows),
        caption="What falls when every price follows its path to the low (longs) or high (shorts) "
        "of 21 November, without the impact of what is forced.",
        whole=True,
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
        whole=True,
    )
