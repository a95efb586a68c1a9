"""Charts and tables of a report as HTML; the charts' numbers go to the page's script as JSON."""

from __future__ import annotations

from typing import Any

import numpy as np

from seawall.report import numbers
from seawall.report.encode import csv_cell, plain
from seawall.report.model import Chart, ChartKind, Column, Figure, Series, Shape, Table
from seawall.report.page.markup import escaped, prose
from seawall.report.replay import Replay

FIRST_ROWS = 25
"""Rows a table shows before "show all"; ``page.css`` cuts there."""
ROWS_ON_PAGE = 500
"""Rows of one table that a page carries at most; the rest is named and left to CSV."""
_DIGITS = 7
_LONG_NAME = 26
_BROAD = 5
_BAR_KINDS = (ChartKind.PROFILE, ChartKind.ROUNDS, ChartKind.BARS)
_WIDE_KINDS = (ChartKind.PROFILE, ChartKind.TIMELINE)


def figures_markup(figures: tuple[Figure, ...], section: str) -> str:
    """The figures under one heading, side by side where two fit.

    A heading that only repeats the section's is left out.
    """
    wide = _wide(figures)
    parts = []
    for figure, whole in zip(figures, wide, strict=True):
        heading = "" if figure.title == section else figure.title
        if isinstance(figure, Chart):
            parts.append(chart_markup(figure, heading, whole))
        elif isinstance(figure, Replay):
            parts.append(replay_markup(figure, heading))
        else:
            parts.append(table_markup(figure, heading, whole))
    return "".join(parts)


def _wide(figures: tuple[Figure, ...]) -> list[bool]:
    """Which figures take the whole width: maps, broad tables, and one left without a pair."""
    wide = [
        isinstance(f, Replay)
        or (f.kind in _WIDE_KINDS if isinstance(f, Chart) else len(f.columns) > _BROAD)
        for f in figures
    ]
    waiting = None
    for k, whole in enumerate([*wide, True]):
        if whole and waiting is not None:
            wide[waiting] = True
        waiting = k if not whole and waiting is None else None
    return wide


def chart_markup(chart: Chart, heading: str, whole: bool) -> str:
    """The frame that the page's script draws a chart into; ``heading`` may be empty."""
    wide = " wide" if whole else ""
    caption = f"<figcaption>{prose(chart.caption)}</figcaption>" if chart.caption else ""
    return (
        f'<figure class="card chart{wide}" id="figure-{escaped(chart.key)}">'
        f'<div class="head">{_heading(heading)}<div class="tools"></div></div>'
        '<div class="legend"></div><div class="plot">'
        "<noscript>This chart is drawn by a script inside this file; the tables and "
        "<code>--format json</code> hold its numbers.</noscript></div>"
        f'<p class="spoken" aria-live="polite"></p>{caption}</figure>'
    )


def replay_markup(replay: Replay, heading: str) -> str:
    """The frame that the page's script plays a run in."""
    caption = f"<figcaption>{prose(replay.caption)}</figcaption>" if replay.caption else ""
    return (
        f'<figure class="card replay wide" id="figure-{escaped(replay.key)}">'
        f'<div class="head">{_heading(heading)}<div class="tools"></div></div>'
        '<div class="scrub"></div><div class="plot">'
        "<noscript>This replay is drawn by a script inside this file; the charts and tables "
        "hold its numbers.</noscript></div>"
        f'<p class="spoken" aria-live="polite"></p>{caption}</figure>'
    )


def replay_numbers(replay: Replay) -> dict[str, Any]:
    """A replay for the page's script: one row a frame, numbers to four digits."""
    grids = {
        name: [_shorts(row, 4) for row in getattr(replay, name)]
        for name in ("change", "depth", "long_usd", "short_usd")
    }
    return {
        "key": replay.key,
        "title": replay.title,
        "kind": "replay",
        "names": list(replay.names),
        "second": _shorts(replay.second),
        "series": [],
        **grids,
    }


def _heading(words: str) -> str:
    return f"<h3>{escaped(words)}</h3>" if words else '<h3 aria-hidden="true"></h3>'


def chart_numbers(chart: Chart) -> dict[str, Any]:
    """One chart for the page's script: names, units and numbers to seven digits."""
    band = chart.band
    return {
        "key": chart.key,
        "title": chart.title,
        "kind": chart.kind.value,
        "x": {"title": chart.x_title, "unit": chart.x_unit.value},
        "y": {"title": chart.y_title, "unit": chart.y_unit.value},
        "y2": {"title": chart.y2_title, "unit": chart.y2_unit.value},
        "steps": chart.steps,
        "series": [_series_numbers(chart, s) for s in chart.series],
        "marks": [
            {
                "x": _short(m.x),
                "label": m.label,
                "tone": m.tone.value,
                "low": _short(m.low),
                "high": _short(m.high),
                "detail": m.detail,
            }
            for m in chart.marks
        ],
        "band": band
        and {
            "x": _shorts(band.x),
            "low": _shorts(band.low),
            "high": _shorts(band.high),
            "label": band.label,
            "tone": band.tone.value,
        },
    }


def _series_numbers(chart: Chart, series: Series) -> dict[str, Any]:
    shape = series.shape
    if shape is Shape.AUTO:
        bars = chart.kind in _BAR_KINDS and not series.second
        shape = Shape.BARS if bars else Shape.LINE
    x = [str(name) for name in series.x] if chart.kind is ChartKind.BARS else _shorts(series.x)
    return {
        "name": series.name,
        "x": x,
        "y": _shorts(series.y),
        "tone": series.tone.value,
        "shape": shape.value,
        "second": series.second,
        "low": None if series.low is None else _shorts(series.low),
        "high": None if series.high is None else _shorts(series.high),
    }


def _short(value: float | None) -> float | None:
    rounded: float | None = None if value is None else _shorts([value])[0]
    return rounded


def _shorts(values: Any, digits: int = _DIGITS) -> list[float | None]:
    shorts = [float(f"{v:.{digits}g}") for v in np.asarray(values, dtype=np.float64).tolist()]
    rounded: list[float | None] = plain([int(v) if v.is_integer() else v for v in shorts])
    return rounded


def table_markup(table: Table, heading: str, whole: bool) -> str:
    """A sortable table; the rows it leaves out are counted under it."""
    wide = " wide" if whole else ""
    table = table.seen_in("file")
    rows = table.rows[:ROWS_ON_PAGE]
    cut = ' class="cut"' if len(rows) > FIRST_ROWS else ""
    body = "".join(_row(row, table.columns) for row in rows)
    head = "".join(_head(c) for c in table.columns)
    caption = f'<p class="caption">{prose(table.caption)}</p>' if table.caption else ""
    title = escaped(table.title)
    return (
        f'<div class="card table{wide}" data-key="{escaped(table.key)}">'
        f'<div class="head">{_heading(heading)}<div class="tools">'
        f'<button type="button" class="tool csv" aria-label="Save as CSV: {title}">CSV</button>'
        f'</div></div><div class="scroll" tabindex="0" role="region" aria-label="{title}">'
        f"<table><thead><tr>{head}</tr></thead><tbody{cut}>{body}</tbody></table></div>"
        f"{_count(table, len(rows))}{caption}</div>"
    )


def _head(column: Column) -> str:
    classes = "" if column.left else ' class="n"'
    note = f' title="{escaped(column.note)}"' if column.note else ""
    button = f'<button type="button"{note}>{escaped(column.title)}</button>'
    return f'<th scope="col"{classes} data-key="{escaped(column.key)}">{button}</th>'


def _row(row: Any, columns: tuple[Column, ...]) -> str:
    return f"<tr>{''.join(_cell(v, c) for v, c in zip(row, columns, strict=True))}</tr>"


def _cell(value: Any, column: Column) -> str:
    shown = numbers.text(value, column.unit)
    exact = str(csv_cell(numbers.raw(value, column.unit)))
    raw = "" if exact == shown else f' data-v="{escaped(exact)}"'
    kind = "n" if not column.left else "name" if len(shown) > _LONG_NAME else ""
    classes = f' class="{kind}"' if kind else ""
    return f"<td{classes}{raw}>{escaped(shown)}</td>"


def _count(table: Table, rows: int) -> str:
    missing = len(table.rows) - rows + table.left_out
    parts = []
    if rows > FIRST_ROWS:
        more, fewer = f"Show all {rows:,} rows", f"Show the first {FIRST_ROWS}"
        parts.append(
            f'<button type="button" class="tool all" aria-expanded="false" data-more="{more}" '
            f'data-fewer="{fewer}">{more}</button>'
        )
    if missing:
        parts.append(
            f"<span>{missing:,} of {rows + missing:,} rows are left out of this page; sorting "
            "is among those shown.</span>"
        )
    return f'<p class="count">{"".join(parts)}</p>' if parts else ""
