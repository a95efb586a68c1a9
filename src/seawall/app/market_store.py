"""A store's market tables as what the commands take: marks for rows, depth for cascades."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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


def polled(store: Path | str | None) -> Path | None:
    """The store, if it has market tables: one of a recorded tape alone has no marks to give."""
    from seawall.ingest.market.tables import days

    return Path(store) if store is not None and days(store) else None


def recorded(store: Path | str | None) -> Path | None:
    """The store, if it has a recorded tape: one of market tables alone tells of no liquidation."""
    from seawall.ingest.store.manifest import FILE

    return Path(store) if store is not None and (Path(store) / FILE).exists() else None


def sources_of(store: Path | str | None, candles: object) -> tuple[Path | None, Path | None]:
    """Where prices of the past and where marks are taken from: a store may hold either or both.

    Its tape, or marks of more than a day, tell prices unless candles do. A store of neither is
    left to who reads it.
    """
    past = None if candles is not None else recorded(store) or _long_polled(store)
    if past is not None or store is None:
        return past, polled(store)
    return None, Path(store)


def _long_polled(store: Path | str | None) -> Path | None:
    """The store, if its market tables are of more than two days: those of one tell no past."""
    from seawall.ingest.market.tables import days

    return Path(store) if store is not None and len(days(store)) > 2 else None


def depth_of(
    assets: Sequence[str], given: Mapping[str, float], store: Path | None, at: str | None
) -> tuple[dict[str, float], str]:
    """Depth by asset: what is given, then what is stored; and words that say which is.

    What neither has is left to the defaults.
    """
    from seawall.core import parse_time
    from seawall.ingest.market.latest import latest_depth, note_of

    if store is None:
        return dict(given), ""
    found = latest_depth(store, None if at is None else parse_time(at))
    taken = [a for a in assets if a in found and a not in given]
    return {a: found[a].usd for a in taken} | dict(given), note_of(found, taken)


def with_depth(
    book: Book, given: Mapping[str, float], store: Path | None, at: str | None
) -> tuple[Book, dict[str, float]]:
    """Depth by asset of a book, as :func:`depth_of`; the book says which is stored."""
    depth, note = depth_of(book.assets, given, store, at)
    return (replace(book, notes=(*book.notes, note)) if note else book), depth
