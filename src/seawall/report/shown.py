"""A report in words: every figure as the terminal prints it, for a page to lay out."""

from __future__ import annotations

from typing import Any

from seawall.report import numbers
from seawall.report.encode import csv_cell, plain
from seawall.report.model import Chart, Column, Headline, Report, Table
from seawall.report.page.figures import ROWS_ON_PAGE, chart_numbers, replay_numbers

SCHEMA = "seawall.shown/1"


def shown(report: Report) -> dict[str, Any]:
    """A report as its readers see it: words, formatted figures, tables, charts and replays.

    A table carries its cells as text and, where that differs, as the exact
    value that CSV writes; at most :data:`~seawall.report.page.figures.ROWS_ON_PAGE` rows.
    """
    sections = [
        {"title": s.title, "text": s.text, "items": [f.key for f in figures]}
        for s, figures in report.layout()
    ]
    return {
        "schema": SCHEMA,
        "of": report.schema,
        "title": report.title,
        "question": report.question,
        "answer": list(report.answer),
        "headlines": [_headline(h) for h in report.headlines],
        "sections": sections,
        "tables": [_table(t.seen_in("file")) for t in report.tables],
        "charts": [_chart(c) for c in report.charts],
        "replays": [{**replay_numbers(r), "caption": r.caption} for r in report.replays],
        "assumptions": [{"text": a.text, "source": a.source} for a in report.assumptions],
        "warnings": list(report.warnings),
        "inputs": [[k, numbers.plain_words(v)] for k, v in report.inputs.items()],
    }


def _headline(h: Headline) -> dict[str, Any]:
    return {
        "key": h.key,
        "label": h.label,
        "text": numbers.text(h.value, h.unit),
        "interval": numbers.interval(h.low, h.high, h.unit, h.band),
        "kind": h.kind.value,
        "note": h.note,
    }


def _table(table: Table) -> dict[str, Any]:
    rows = table.rows[:ROWS_ON_PAGE]
    return {
        "key": table.key,
        "title": table.title,
        "caption": table.caption,
        "columns": [_column(c) for c in table.columns],
        "rows": [[_cell(v, c) for v, c in zip(row, table.columns, strict=True)] for row in rows],
        "left_out": len(table.rows) - len(rows) + table.left_out,
    }


def _column(column: Column) -> dict[str, Any]:
    return {
        "key": column.key,
        "title": column.title,
        "note": column.note,
        "left": column.left,
        "brief": column.brief,
    }


def _cell(value: Any, column: Column) -> list[str]:
    """The text, then the exact value where it is another."""
    text = numbers.text(value, column.unit)
    exact = str(csv_cell(numbers.raw(value, column.unit)))
    return [text] if exact == text else [text, exact]


def _chart(chart: Chart) -> dict[str, Any]:
    found: dict[str, Any] = plain({**chart_numbers(chart), "caption": chart.caption})
    return found
