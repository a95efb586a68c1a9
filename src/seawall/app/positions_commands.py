"""One's own positions at a venue: shown, written to a file, or taken in place of one."""

from __future__ import annotations

import csv
import io
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seawall.app.ending import to_reader
from seawall.app.showing import Format, FormatOption

if TYPE_CHECKING:
    from seawall.core import Book
    from seawall.ingest.account.holdings import Holdings
    from seawall.ingest.account.keys import Source

_UNSHOWN = ("contract_type", "contract_size", "notional_usd", "time")
"""Columns that the table leaves out; files and JSON have them."""


def positions_command(
    venue: Annotated[str, typer.Argument(help="Venue of the account.")],
    keys: Annotated[
        str | None,
        typer.Option(metavar="env|keyring", help="Where the key is; either if left out."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(metavar="FILE.csv", help="Also write them as a book.")
    ] = None,
    allow_trading_key: Annotated[
        bool,
        typer.Option("--allow-trading-key", help="Take a key that may do more than read."),
    ] = False,
    format: FormatOption = Format.TABLE,
) -> None:
    """Your own positions and wallets at a venue, read through ccxt with a read-only key."""
    from seawall.app.progress import Progress
    from seawall.ingest.account.holdings import own_positions
    from seawall.ingest.store.disk import replace_whole

    source = _source(keys)
    with Progress() as say:
        say(f"asking {venue} for your positions")
        held = own_positions(venue, source, allow_trading_key=allow_trading_key)
        tell(held)
        if output is not None:
            replace_whole(output, _csv(held).encode())
    with to_reader():
        if format is Format.JSON:
            shown = json.dumps({"positions": held.rows, "notes": held.notes}, indent=2) + "\n"
        else:
            shown = _csv(held) if format is Format.CSV else _table(held)
        sys.stdout.write(shown)
    if output is not None:
        sys.stderr.write(f"written to {output}\n")


def is_account(book: str) -> bool:
    """Whether a book is named as one's own account, ``account:VENUE``."""
    return book.startswith("account:")


def read_account(book: str, known: dict[str, Any], told: bool = False) -> Book:
    """One's own positions as a book, with a key that can only read; nothing is written.

    ``told`` if what is to be known of the key was said before.
    """
    from dataclasses import replace

    from seawall.ingest import read_book
    from seawall.ingest.account.holdings import PREFIX, own_positions

    held = own_positions(book.removeprefix(PREFIX))
    if not told:
        tell(held)
    read = read_book([dict(row) for row in held.rows], **known)
    return replace(read, source=book, notes=(*read.notes, *held.notes, *held.warnings))


def tell(held: Holdings) -> None:
    """Say on stderr what is to be known of the key."""
    sys.stderr.writelines(f"warning: {text}\n" for text in held.warnings)


def _source(text: str | None) -> Source | None:
    from seawall.core import InputError, Mistake
    from seawall.ingest.account.keys import Source

    if text is None or text in list(Source):
        return None if text is None else Source(text)
    raise InputError(Mistake("not a place of keys", "--keys", value=text, allowed="env, keyring"))


def _csv(held: Holdings) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, fieldnames=list(held.rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(held.rows)
    return out.getvalue()


def _table(held: Holdings) -> str:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    names = [n for n in held.rows[0] if n not in _UNSHOWN]
    for name in names:
        numbers = any(isinstance(row[name], float) for row in held.rows)
        table.add_column(name.replace("_", " "), justify="right" if numbers else "left")
    for row in held.rows:
        table.add_row(*(_cell(row[name]) for name in names))
    out = io.StringIO()
    Console(file=out, width=200, color_system=None).print(table)
    lines = [line.rstrip() for line in out.getvalue().splitlines()]
    return "\n".join((*lines, *(f"note: {n}" for n in held.notes))) + "\n"


def _cell(value: object) -> str:
    if value in (None, ""):
        return "–"
    return f"{value:,.10g}" if isinstance(value, float) else str(value)
