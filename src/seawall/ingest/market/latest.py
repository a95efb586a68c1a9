"""The latest of a store's market tables: depth and marks by asset, as books and cascades take."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from seawall.core import InputError, Mistake, format_time
from seawall.ingest.market.figures import Row
from seawall.ingest.market.tables import FOLDER, days, read
from seawall.ingest.store.parts import DAY

WITHIN = 3_600_000_000_000
"""Rows are taken from this long before the moment asked for, ns."""
ONE_PERCENT = 0.01
_LATEST = (
    "SELECT * FROM rows QUALIFY row_number() OVER "
    "(PARTITION BY venue, instrument{also} ORDER BY time DESC, received DESC) = 1"
)


@dataclass(frozen=True, slots=True)
class Depth:
    """USD resting within 1% of mid, on one side, all order books of an asset in the store.

    Attributes
    ----------
    usd
        Mean of the two sides, summed over books.
    books, venues
        How many order books, and the rulebooks they are of.
    time
        Of the oldest book among them, UTC ns.
    at_least
        Whether a book was not seen as far as 1%, so that there may be more.
    """

    usd: float
    books: int
    venues: tuple[str, ...]
    time: int
    at_least: bool


def latest_depth(
    store: Path | str, at: int | None = None, within: int = WITHIN
) -> dict[str, Depth]:
    """Depth by asset, each order book as it was last seen.

    Parameters
    ----------
    at
        Not after this moment, UTC ns; the store's last one if None.
    within
        How long before it a book may have been seen, ns.

    Raises
    ------
    InputError
        If the store has no depth of that time.
    """
    rows = _latest(
        store,
        "depth",
        at,
        within,
        f"SELECT * FROM ({_LATEST.format(also=', band')}) WHERE band = {ONE_PERCENT}",
    )
    by_asset: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_asset[row["asset"]].append(row)
    return {asset: _depth(some) for asset, some in sorted(by_asset.items())}


def latest_marks(
    store: Path | str, at: int | None = None, within: int = WITHIN
) -> dict[str, float]:
    """Mark prices in USD by asset: the median over its instruments.

    Raises
    ------
    InputError
        If the store has no marks of that time.
    """
    rows = _latest(store, "mark", at, within, _LATEST.format(also=""))
    by_asset: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        by_asset[row["asset"]].append(row["mark_price"])
    return {asset: median(marks) for asset, marks in sorted(by_asset.items())}


def note_of(found: dict[str, Depth], assets: Iterable[str]) -> str:
    """Where the depth of assets comes from, in words; empty for none of them."""
    parts = []
    for asset in assets:
        if asset in found:
            d = found[asset]
            floor = ", at least: a book was not seen as far as 1%" if d.at_least else ""
            books = "1 book" if d.books == 1 else f"{d.books} books"
            parts.append(
                f"{asset} {d.usd:,.0f} USD ({books} of {', '.join(d.venues)}, "
                f"{format_time(d.time)}{floor})"
            )
    if not parts:
        return ""
    return f"depth from the store, of the venues polled alone: {'; '.join(parts)}"


def _depth(rows: list[Row]) -> Depth:
    return Depth(
        usd=sum((row["bid_usd"] + row["ask_usd"]) / 2 for row in rows),
        books=len(rows),
        venues=tuple(sorted({row["venue"] for row in rows})),
        time=min(row["time"] for row in rows),
        at_least=not all(row["bid_whole"] and row["ask_whole"] for row in rows),
    )


def _latest(store: Path | str, kind: str, at: int | None, within: int, query: str) -> list[Row]:
    if at is None:
        at = _last_time(store, kind)
    found = read(store, kind, at - within, at + 1, query) if at is not None else []
    if not found:
        known = days(store)
        raise InputError(
            Mistake(
                f"no {kind} is stored of that time" if known else f"no {kind} is stored here",
                str(Path(store) / FOLDER),
                value=None if at is None else format_time(at),
                allowed=f"days {known[0]} to {known[-1]}" if known else "",
                mend="`seawall tape poll` stores it",
            )
        )
    return found


def _last_time(store: Path | str, kind: str) -> int | None:
    import numpy as np

    for day in reversed(days(store)):
        begin = int(np.datetime64(day, "D").astype(np.int64)) * DAY
        rows = read(store, kind, begin, begin + DAY, "SELECT max(time) AS last FROM rows")
        if rows and rows[0]["last"] is not None:
            return int(rows[0]["last"])
    return None
