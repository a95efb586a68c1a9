"""A report on a terminal: the answer first, then figures, tables and what they rest on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table as Grid
from rich.text import Text

from seawall.report import numbers
from seawall.report.model import Column, Report, Table

if TYPE_CHECKING:
    from rich.console import RenderableType

ROWS_SHOWN = 20
"""Rows of a table printed on a terminal; CSV and JSON have them all."""

_LONGEST_SOURCE = 100


def to_terminal(report: Report, console: Console | None = None, rows: int = ROWS_SHOWN) -> None:
    """Print a report.

    Parameters
    ----------
    report
        What to print.
    console
        Where to; standard output unless given. Colour only if it is a terminal.
    rows
        Rows a table shows at most; the number left out is named.
    """
    console = console or Console()

    def say(item: RenderableType) -> None:
        console.print(item, soft_wrap=False)

    say(Text(report.title, style="bold"))
    if report.question:
        say(Text(report.question, style="dim"))
    say("")
    for sentence in report.answer:
        say(Text(sentence))
    if report.headlines:
        say("")
        say(_headlines(report))
    for table in report.tables:
        say("")
        say(Text(table.title, style="bold"))
        _print_table(table, console, rows)
    _print_list(console, "Assumptions", [_assumption(a.text, a.source) for a in report.assumptions])
    _print_list(console, "Warnings", list(report.warnings), style="yellow")
    if report.inputs:
        say("")
        say(_inputs(report))


def _headlines(report: Report) -> Grid:
    grid = Grid(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    grid.add_column("figure", ratio=None, overflow="fold")
    grid.add_column("value", justify="right", no_wrap=True)
    grid.add_column("kind", style="dim", overflow="fold")
    for h in report.headlines:
        spread = numbers.interval(h.low, h.high, h.unit)
        beside = "; ".join(part for part in (str(h.kind), spread, h.note) if part)
        value = Text(numbers.text(h.value, h.unit), style="bold")
        grid.add_row(Text(h.label), value, Text(beside))
    return grid


def _print_table(table: Table, console: Console, rows: int) -> None:
    shown = table.rows[:rows]
    cells = [
        [numbers.text(v, c.unit) for v, c in zip(row, table.columns, strict=True)] for row in shown
    ]
    kept = _fitting(table.columns, cells, console.width)
    grid = Grid(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
    for k in kept:
        column = table.columns[k]
        numeric = not column.left
        grid.add_column(
            Text(column.title),
            justify="right" if numeric else "left",
            # a number keeps to one line; only headings and words may wrap
            min_width=max((len(row[k]) for row in cells), default=0) if numeric else None,
            overflow="fold",
        )
    for row in cells:
        grid.add_row(*(Text(row[k], no_wrap=not table.columns[k].left) for k in kept))
    console.print(grid)
    for note in _notes(table, len(shown), len(kept)):
        console.print(Text(note, style="dim"))


def _notes(table: Table, rows: int, columns: int) -> list[str]:
    """What the printed table leaves out, and its caption."""
    notes = [table.caption] if table.caption else []
    hidden_rows = len(table.rows) - rows + table.left_out
    hidden_columns = len(table.columns) - columns
    left_out = []
    if hidden_rows:
        left_out.append(f"{hidden_rows:,} more row{'s' * (hidden_rows > 1)}")
    if hidden_columns:
        left_out.append(f"{hidden_columns} more column{'s' * (hidden_columns > 1)}")
    if left_out:
        notes.append(f"Not shown: {', '.join(left_out)}. --format csv writes the main table whole.")
    return notes


def _fitting(columns: Sequence[Column], cells: list[list[str]], width: int) -> list[int]:
    """Columns that fit: all, else those marked brief, else as many as fit from the left."""

    def needed(k: int) -> int:
        longest = max((len(row[k]) for row in cells), default=0)
        words = columns[k].title.split() if not columns[k].left else [columns[k].title]
        title = max((len(word) for word in words), default=0)
        return min(max(longest, title), 24 if columns[k].left else width) + 2

    order = list(range(len(columns)))
    widths = [needed(k) for k in order]
    if sum(widths) <= width:
        return order
    order.sort(key=lambda k: (not columns[k].brief, k))
    kept: list[int] = []
    for k in order:
        if kept and sum(widths[j] for j in kept) + widths[k] > width:
            break
        kept.append(k)
    return sorted(kept)


def _assumption(words: str, source: str) -> str:
    """The words with a short source; long lists of sources stand on the page and in the JSON."""
    return f"{words} [{source}]" if 0 < len(source) <= _LONGEST_SOURCE else words


def _print_list(console: Console, title: str, items: list[str], style: str = "") -> None:
    if not items:
        return
    console.print("")
    console.print(Text(title, style="bold"))
    for item in items:
        bullet = Grid(box=None, show_header=False, pad_edge=False, padding=(0, 1, 0, 0))
        bullet.add_column(width=1)
        bullet.add_column(overflow="fold")
        bullet.add_row(Text("-"), Text(item, style=style))
        console.print(Padding(bullet, (0, 0, 0, 0)))


def _inputs(report: Report) -> Text:
    pairs = (f"{label}: {numbers.plain_words(value)}" for label, value in report.inputs.items())
    return Text(" · ".join(pairs), style="dim")
