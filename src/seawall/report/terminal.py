"""A report on a terminal: the answer first, then figures, tables and what they rest on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from seawall.report import numbers
from seawall.report.model import Column, Report, Table

if TYPE_CHECKING:
    from rich.console import RenderableType

ROWS_SHOWN = 20
"""Rows of a table printed on a terminal; CSV and JSON have them all."""

_LONGEST_SOURCE = 100


class _Console(Console):
    """A console that leaves a closed pipe to the caller instead of ending the process."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


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
    console = console or _Console()

    def say(item: RenderableType) -> None:
        console.print(item, soft_wrap=False)

    _say(console, report.title, "bold")
    if report.question:
        _say(console, report.question, "dim")
    say("")
    for sentence in report.answer:
        _say(console, sentence)
    if report.headlines:
        say("")
        say(_headlines(report))
    for table in report.tables:
        if not table.rows:
            continue
        say("")
        say(Text(table.title, style="bold"))
        rows_shown = len(table.rows) if table.whole else rows
        _print_table(table, console, rows_shown, table is report.main_table())
    _print_list(console, "Assumptions", [_assumption(a.text, a.source) for a in report.assumptions])
    _print_list(console, "Warnings", list(report.warnings), style="yellow")
    if report.inputs:
        say("")
        _say(console, _inputs(report), "dim")


def _headlines(report: Report) -> Grid:
    grid = Grid(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    grid.add_column("figure", ratio=None, overflow="fold")
    grid.add_column("value", justify="right", no_wrap=True)
    grid.add_column("kind", style="dim", overflow="fold")
    for h in report.headlines:
        spread = numbers.interval(h.low, h.high, h.unit, h.band)
        beside = "; ".join(part for part in (str(h.kind), spread, h.note) if part)
        value = Text(numbers.text(h.value, h.unit), style="bold")
        grid.add_row(Text(h.label), value, Text(beside))
    return grid


def _print_table(table: Table, console: Console, rows: int, main: bool) -> None:
    table = table.seen_in("terminal")
    shown = table.rows[:rows]
    cells = [
        [_cell(numbers.text(v, c.unit)) for v, c in zip(row, table.columns, strict=True)]
        for row in shown
    ]
    widths = _widths(table.columns, cells, console.width)
    needed = [k for k, c in enumerate(table.columns) if c.brief]
    if len(cells) <= _FEW and not widths.keys() >= set(needed):
        for grid in _on_their_side(table.columns, cells, needed, console.width):
            console.print(grid)
        for note in _notes(table, len(shown), len(needed), main):
            _say(console, note, style="dim")
        return
    grid = Grid(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
    for k, width in widths.items():
        column = table.columns[k]
        justify: Literal["left", "right"] = "left" if column.left else "right"
        grid.add_column(Text(column.title), justify=justify, width=width, overflow="fold")
    for row in cells:
        grid.add_row(*(Text(row[k]) for k in widths))
    console.print(grid)
    for note in _notes(table, len(shown), len(widths), main):
        _say(console, note, style="dim")


def _on_their_side(
    columns: Sequence[Column], cells: list[list[str]], needed: list[int], width: int
) -> list[Grid]:
    """Few rows as columns, as many as fit beside each other, for a terminal too narrow for them."""
    titles = max(cell_len(columns[k].title) for k in needed)
    wide = [min(max(cell_len(row[k]) for k in needed), _NARROW[0]) for row in cells]
    blocks: list[list[int]] = [[]]
    for n, own in enumerate(wide):
        taken = titles + sum(wide[j] + _GAP for j in blocks[-1])
        if blocks[-1] and taken + _GAP + own > width:
            blocks.append([])
        blocks[-1].append(n)
    grids = []
    for block in blocks:
        grid = Grid(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
        first, *rest = needed
        grid.add_column(Text(columns[first].title))
        for n in block:
            heading = Text(cells[n][first])
            grid.add_column(heading, justify="right", max_width=wide[n], overflow="fold")
        for k in rest:
            grid.add_row(Text(columns[k].title), *(Text(cells[n][k]) for n in block))
        grids.append(grid)
    return grids


def _notes(table: Table, rows: int, columns: int, main: bool) -> list[str]:
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
        where = (
            "--format csv writes the table whole"
            if main
            else "the page (--report FILE.html) shows more of it"
        )
        notes.append(f"Not shown: {', '.join(left_out)}; {where}.")
    return notes


def _cell(words: str) -> str:
    """A cell as it is, but for a name so long that it would fill the screen: CSV has it whole."""
    return words if " " in words else numbers.short(words, _LONGEST_NAME)


_LONGEST_NAME = 48
_GAP = 2
_FEW = 8
"""Rows up to which a table that would lose a brief column is stood on its side instead."""
_NARROW = (24, 16)
"""Widths that text may be narrowed to, the second only where brief columns would not fit."""


def _widths(columns: Sequence[Column], cells: list[list[str]], width: int) -> dict[int, int]:
    """Columns that fit and their widths.

    All columns, else those marked brief, else as many as fit from the left. A number and the
    words of a heading stay whole, text may wrap; what is left over goes to text, then headings.
    """
    longest = [max((cell_len(row[k]) for row in cells), default=0) for k in range(len(columns))]
    brief = sum(c.brief for c in columns) or len(columns)
    for narrow in _NARROW:
        least = [_least(c, n, narrow, width) for c, n in zip(columns, longest, strict=True)]
        kept = _fitting(columns, least, width)
        if len(kept) >= brief:
            break
    left_over = width - sum(least[k] + _GAP for k in kept) + _GAP
    widths = {k: least[k] for k in kept}
    for k in sorted(kept, key=lambda k: (not columns[k].left, k)):
        most = min(max(longest[k], cell_len(columns[k].title)), width)
        more = max(0, min(most - least[k], left_over))
        widths[k] += more
        left_over -= more
    return widths


def _least(column: Column, longest: int, narrow: int, width: int) -> int:
    word = max((cell_len(w) for w in column.title.split()), default=0)
    return min(max(min(longest, narrow) if column.left else longest, word), width)


def _fitting(columns: Sequence[Column], widths: list[int], width: int) -> list[int]:
    order = list(range(len(columns)))
    if sum(widths[k] + _GAP for k in order) - _GAP <= width:
        return order
    order.sort(key=lambda k: (not columns[k].brief, k))
    kept: list[int] = []
    for k in order:
        if kept and sum(widths[j] + _GAP for j in kept) + widths[k] > width:
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
        _say(console, item, style, bullet="- ")


def _say(console: Console, words: str, style: str = "", bullet: str = "") -> None:
    """A sentence, wrapped without blanks at the ends of lines."""
    lines = Text(words).wrap(console, max(console.width - len(bullet), 1))
    for k, line in enumerate(lines):
        line.rstrip()
        console.print(Text((bullet if k == 0 else " " * len(bullet)) + line.plain, style=style))


def _inputs(report: Report) -> str:
    pairs = (f"{label}: {numbers.plain_words(value)}" for label, value in report.inputs.items())
    return " · ".join(pairs)
