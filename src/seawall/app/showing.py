"""How every command shows what it found: formats, the page, progress."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seawall.app.ending import to_reader

if TYPE_CHECKING:
    from seawall.report.model import Report


class Format(StrEnum):
    """How a result is printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


FormatOption = Annotated[Format, typer.Option("--format", "-f", help="What to print.")]
ReportOption = Annotated[
    Path | None, typer.Option("--report", metavar="FILE.html", help="Also write the page.")
]


@contextmanager
def progress_for(page: Path | None = None) -> Iterator[Any]:
    """What is being done, on stderr: a line that changes on a terminal, lines elsewhere if slow.

    A ``page`` that cannot be written is refused before anything is computed.
    """
    from seawall.app.progress import Progress

    if page is not None:
        from seawall.report.files import check_target

        check_target(page)
    with Progress() as progress:
        yield progress


def show(made: Report, format: Format, page: Path | None) -> None:
    """Print a report and write its page, whole or not at all."""
    if page is not None:
        from seawall.report.page import write_html

        write_html(made, page)
    with to_reader():
        _print(made, format)
    if page is not None:
        sys.stderr.write(f"\nReport: {page.resolve()}\n")


def _print(made: Report, format: Format) -> None:
    if format is Format.JSON:
        from seawall.report.encode import to_json

        sys.stdout.write(to_json(made) + "\n")
    elif format is Format.CSV:
        from seawall.report.encode import to_csv

        sys.stdout.write(to_csv(made))
        # a table of numbers has no room for words, and they must not be lost
        table = made.main_table()
        answer = () if table is None or table.rows else made.answer
        sys.stderr.writelines(f"note: {w}\n" for w in (*answer, *made.warnings))
    else:
        from seawall.report.terminal import to_terminal

        to_terminal(made)
