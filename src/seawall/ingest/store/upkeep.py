"""Keeping a store: merge small files, let old days go, hand events on."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from functools import partial
from pathlib import Path

import duckdb

from seawall.core import InputError, Mistake, parse_time
from seawall.ingest.duck import connect
from seawall.ingest.store.disk import refused, refused_by_text
from seawall.ingest.store.imported import forget_before
from seawall.ingest.store.manifest import EVENTS, Manifest, Part
from seawall.ingest.store.parts import COLUMNS, DAY, day_name, literal, parquet, write_part
from seawall.ingest.store.store import EVER, Store, Window
from seawall.ingest.store.writer import StoreWriter

MOST_ROWS = 2_000_000
"""Events a merged file has at most; it bounds the memory that merging takes."""


class ExportFormat(StrEnum):
    """What a store can be written as."""

    PARQUET = "parquet"
    CSV = "csv"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class Change:
    """What upkeep did to a store's files.

    Attributes
    ----------
    parts_before, parts_after
        Files of the store.
    events
        Events that were rewritten, or let go.
    copies
        Copies of events that were left out on the way.
    freed
        Bytes fewer than before; < 0 if it grew.
    damaged
        Files that are not what was written, below the store: they were left as they are.
    """

    parts_before: int
    parts_after: int
    events: int
    copies: int
    freed: int
    damaged: tuple[str, ...] = ()


def compact(store: StoreWriter, most_rows: int = MOST_ROWS) -> Change:
    """Merge the files of each day and kind into few, in order of time.

    What is in the log is rolled first. Each merge counts at once or not at all, so it may be
    stopped at any time. Readers are not disturbed, and other threads may append. A file that is
    not what was written is left out, so that its damage is not written anew as if it were sound.
    """
    store.roll()
    return _merge(store, _groups(store.manifest(), most_rows))


def merge_past(store: StoreWriter, most_rows: int = MOST_ROWS) -> int:
    """The same of days that are over (UTC) alone, and without rolling: for whoever records.

    A recorder rolls its log every quarter of an hour and holds the writer's lock, so that nobody
    else can merge what it leaves.

    Returns
    -------
    int
        How many files fewer there are.
    """
    today = day_name(time.time_ns() // DAY)
    groups = _groups(store.manifest(), most_rows)
    made = _merge(store, (group for group in groups if group[0].day < today))
    return made.parts_before - made.parts_after


def _merge(store: StoreWriter, groups: Iterable[list[Part]]) -> Change:
    before = store.manifest()
    rewritten = copies = 0
    damaged: list[str] = []
    for group in groups:
        old = []
        for part in group:
            if _is_sound(store, part):
                old.append(part)
            else:
                damaged.append(part.path)
        if len(old) < 2:
            continue
        (made,) = store.replace_parts(old, partial(_merged, store, old))
        rewritten += made.rows
        copies += sum(p.rows for p in old) - made.rows
    change = _change(before, store.manifest(), rewritten, copies)
    return replace(change, damaged=tuple(damaged))


def set_aside(store: StoreWriter) -> tuple[str, ...]:
    """Leave out of all answers the files that are missing or not what was written.

    Returns
    -------
    tuple of str
        Those files below the store; what is there of them is kept as ``.damaged``.
    """
    store.roll()
    wrong = [p for p in store.manifest().parts if not _is_sound(store, p)]
    if wrong:
        store.set_aside(wrong)
    return tuple(p.path for p in wrong)


def retain(store: StoreWriter, since: date) -> Change:
    """Let go of all events before a day (UTC); what is in the log is rolled first.

    Files of earlier days are removed whole, once the list without them counts.
    """
    store.roll()
    before = store.manifest()
    gone = [p for p in before.parts if p.day < since.isoformat()]
    forget_before(store.folder, parse_time(since.isoformat()))
    if gone:
        store.replace_parts(gone, lambda number: [])
    return _change(before, store.manifest(), sum(p.rows for p in gone), 0)


def export(
    store: Store,
    target: Path,
    format: ExportFormat | None = None,
    window: Window = EVER,
    venues: Sequence[str] | None = None,
    assets: Sequence[str] | None = None,
) -> int:
    """Write events in order of time into one file, what is still in the log included.

    CSV and JSON (an object a line) spell times as ISO 8601 with nanoseconds, sides as ``long``
    and ``short``, and the 64 bits of ``event_id`` and ``account`` as hexadecimal digits, since
    readers of such files take numbers that large as floating point. Parquet has the columns of
    the store itself.

    Parameters
    ----------
    target
        The file; replaced whole if it is there.
    format
        By the target's ending if left out.
    window, venues, assets
        Events wanted; all by default.

    Returns
    -------
    int
        Events written.

    Raises
    ------
    InputError
        If the format cannot be told from the ending.
    StoreError
        If the file cannot be written.
    """
    format = format or _format_of(target)
    where = f"time >= {window[0]} AND time < {window[1]}"
    for column, names in (("venue", venues), ("asset", assets)):
        if names is not None:
            where += f" AND {column} IN ({', '.join(map(literal, names)) or 'NULL'})"
    chosen = ", ".join(COLUMNS if format is ExportFormat.PARQUET else map(_spelt, COLUMNS))
    options = {
        ExportFormat.PARQUET: "FORMAT parquet, COMPRESSION zstd",
        ExportFormat.CSV: "FORMAT csv, HEADER true",
        ExportFormat.JSON: "FORMAT json",
    }[format]
    beside = target.with_name(target.name + ".tmp")

    def write(connection: duckdb.DuckDBPyConnection, events: str) -> int:
        query = f"SELECT {chosen} FROM {events} AS e WHERE {where} ORDER BY e.time, e.event_id"
        try:
            (count,) = connection.execute(
                f"COPY ({query}) TO {literal(str(beside))} ({options}, USE_TMP_FILE false)"
            ).fetchall()[0]
        except duckdb.IOException as error:
            if str(beside) in str(error):
                raise refused_by_text(error, "cannot be written", target) from error
            raise
        return int(count)

    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise refused(error, "cannot be written", target) from error
    try:
        count = store.answer(window, write)
        beside.replace(target)
    except OSError as error:
        raise refused(error, "cannot be written", target) from error
    finally:
        beside.unlink(missing_ok=True)
    return count


def _groups(manifest: Manifest, most_rows: int) -> Iterator[list[Part]]:
    """Files to be merged with each other: neighbours in time of one day and kind."""
    by_folder: dict[tuple[str, str], list[Part]] = defaultdict(list)
    for part in sorted(manifest.parts, key=lambda p: (p.first, p.path)):
        by_folder[part.day, part.kind].append(part)
    for parts in by_folder.values():
        groups: list[list[Part]] = [[]]
        for part in parts:
            if sum(p.rows for p in groups[-1]) + part.rows > most_rows:
                groups.append([])
            groups[-1].append(part)
        yield from (group for group in groups if len(group) > 1)


def _is_sound(store: StoreWriter, part: Part) -> bool:
    try:
        return not store.checks.fault(store.folder, part, afresh=True)
    except FileNotFoundError:
        return False


def _merged(store: StoreWriter, old: Sequence[Part], number: int) -> list[Part]:
    columns = ", ".join(c for c in COLUMNS if c != "kind")
    query = (
        f"SELECT {columns} FROM {parquet([str(store.folder / p.path) for p in old])} "
        "QUALIFY row_number() OVER (PARTITION BY event_id ORDER BY filename, received) = 1 "
        "ORDER BY time, event_id"
    ).replace("hive_partitioning = true", "hive_partitioning = true, filename = true")
    path = f"{EVENTS}/day={old[0].day}/kind={old[0].kind}/part-{number:010d}.parquet"
    connection = connect()
    try:
        return [write_part(connection, store.folder, query, path)]
    finally:
        connection.close()


def _change(before: Manifest, after: Manifest, events: int, copies: int) -> Change:
    freed = sum(p.size for p in before.parts) - sum(p.size for p in after.parts)
    return Change(len(before.parts), len(after.parts), events, copies, freed)


def _format_of(target: Path) -> ExportFormat:
    ending = target.suffix.lower().lstrip(".").replace("jsonl", "json").replace("ndjson", "json")
    if ending in list(ExportFormat):
        return ExportFormat(ending)
    raise InputError(
        Mistake(
            "the format cannot be told from the file's ending",
            str(target),
            value=target.suffix,
            allowed=".parquet, .csv, .json, .jsonl",
            mend="Name it by --format",
        )
    )


def _spelt(column: str) -> str:
    """A column as text that means the same to every reader."""
    if column in ("time", "received"):
        # strftime's own nanoseconds (%n) come out broken in DuckDB 2.0.0
        seconds = f"strftime(make_timestamp(e.{column} // 1000), '%Y-%m-%dT%H:%M:%S.')"
        fraction = f"lpad(CAST(e.{column} % 1000000000 AS VARCHAR), 9, '0')"
        return f"{seconds} || {fraction} || 'Z' AS {column}"
    if column in ("event_id", "account"):
        return f"lpad(lower(to_hex(e.{column})), 16, '0') AS {column}"
    if column == "side":
        return "CASE WHEN e.side > 0 THEN 'long' ELSE 'short' END AS side"
    return f"e.{column}"
