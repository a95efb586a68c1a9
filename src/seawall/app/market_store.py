"""A store's market tables as what the commands take: marks for rows, depth for cascades."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from seawall.core import Book

MarketStoreOption = Annotated[
    Path | None,
    typer.Option(
        "--store",
        metavar="DIR",
        help="Depth, and marks of rows without one, from what `tape poll` stored there.",
    ),
]


def marks_of(store: Path | None, at: str | None) -> dict[str, float] | None:
    """Marks by asset as they were last stored, before ``at`` if that is given."""
    from seawall.core import parse_time
    from seawall.ingest.market.latest import latest_marks

    if store is None:
        return None
    return latest_marks(store, None if at is None else parse_time(at))


def with_depth(
    book: Book, given: Mapping[str, float], store: Path | None, at: str | None
) -> tuple[Book, dict[str, float]]:
    """Depth by asset of the book: what is given, then what is stored; the book says which is.

    What neither has is left to the defaults.
    """
    from seawall.core import parse_time
    from seawall.ingest.market.latest import latest_depth, note_of

    if store is None:
        return book, dict(given)
    found = latest_depth(store, None if at is None else parse_time(at))
    taken = [a for a in book.assets if a in found and a not in given]
    note = note_of(found, taken)
    depth = {a: found[a].usd for a in taken} | dict(given)
    return (replace(book, notes=(*book.notes, note)) if note else book), depth
