"""The command that answers assistants over standard input and output."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Annotated

import typer


def mcp_command(
    book: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Book that is asked about; the synthetic market without.",
            show_default=False,
        ),
    ] = None,
    store: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Tape whose statistics may be asked.")
    ] = None,
    accounts: Annotated[
        int, typer.Option(min=5_000, max=500_000, help="Of the synthetic market.")
    ] = 50_000,
) -> None:
    """Serve read-only tools (check, map, stress, tape_stats) to an assistant over stdio.

    It speaks the Model Context Protocol on standard input and output until they are closed.
    """
    from seawall.core import InputError, Mistake

    try:
        from seawall.app.mcp_server import server_of
        from seawall.app.serve_command import room_of
    except ModuleNotFoundError as error:
        raise InputError(
            Mistake(f"{error.name} is not installed", mend="Install seawall[mcp]")
        ) from None
    from seawall.room.offers import Place

    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
    room = room_of(book, store, accounts=accounts)
    server_of(room.offers, Place(room.shelf, room.store)).run("stdio")
