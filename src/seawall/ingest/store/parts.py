"""Parquet files of a store: written from tapes, read back as tapes, looked up for copies."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from seawall.core.tape import Coverage, Kind, Tape
from seawall.ingest.store.disk import make_folder, refused, refused_by_text, sync_folder
from seawall.ingest.store.manifest import EVENTS, Manifest, Part

DAY = 86_400_000_000_000
COPIES_WITHIN = 3_600_000_000_000
"""Copies of an event that were stored before are looked for within this time of it, ns."""

COLUMNS = {
    "time": "BIGINT",
    "received": "BIGINT",
    "venue": "VARCHAR",
    "instrument": "VARCHAR",
    "asset": "VARCHAR",
    "side": "TINYINT",
    "quantity": "DOUBLE",
    "price": "DOUBLE",
    "notional_usd": "DOUBLE",
    "kind": "VARCHAR",
    "coverage": "VARCHAR",
    "at_fill": "BOOLEAN",
    "account": "BIGINT",
    "event_id": "BIGINT",
    "source": "VARCHAR",
}
"""Columns of a stored event in DuckDB's types; ``account`` and ``event_id`` are the 64 bits of the
tape's taken as signed, since few engines know unsigned integers."""

KINDS = tuple(k.name.lower() for k in Kind)
COVERAGES = tuple(c.name.lower() for c in Coverage)
_NAMED = {"venue": "venues", "instrument": "instruments", "asset": "assets", "source": "sources"}
_PLAIN = ("time", "received", "side", "quantity", "price", "at_fill")
_IN_FILE = ", ".join(c for c in COLUMNS if c != "kind")


def register(connection: duckdb.DuckDBPyConnection, tape: Tape) -> str:
    """Show a tape to DuckDB; the query that selects its events with names spelt out."""
    rows = {name: np.ascontiguousarray(getattr(tape, name)) for name in _PLAIN}
    rows["notional_usd"] = np.ascontiguousarray(tape.notional)
    rows["account"] = np.ascontiguousarray(tape.account).view(np.int64)
    rows["event_id"] = np.ascontiguousarray(tape.event_id).view(np.int64)
    names: dict[str, Sequence[str]] = {c: getattr(tape, t) for c, t in _NAMED.items()}
    names |= {"kind": KINDS, "coverage": COVERAGES}
    for column, known in names.items():
        # lists of SQL count from 1
        rows[f"{column}_code"] = getattr(tape, column).astype(np.int32) + 1
        connection.execute(f"SET VARIABLE tape_{column} = ?", [list(known)])
    connection.register("tape_rows", rows)
    chosen = (f"getvariable('tape_{c}')[{c}_code] AS {c}" if c in names else c for c in COLUMNS)
    return f"SELECT {', '.join(chosen)} FROM tape_rows"


def write_parts(
    connection: duckdb.DuckDBPyConnection, folder: Path, tape: Tape, number: int
) -> list[Part]:
    """Write events into a file for each day and kind, all of one number; nothing counts yet.

    Raises
    ------
    StoreError
        If one cannot be written; those written are left for the next clearing away.
    """
    made = []
    for day, kind, part in _by_day_and_kind(tape):
        path = f"{EVENTS}/day={day}/kind={kind}/part-{number:010d}.parquet"
        query = f"SELECT {_IN_FILE} FROM ({register(connection, part)}) ORDER BY time, event_id"
        made.append(write_part(connection, folder, query, path))
    return made


def write_part(connection: duckdb.DuckDBPyConnection, folder: Path, query: str, path: str) -> Part:
    """Write what a query selects into a file below the store; whole, synced, or an error."""
    target = folder / path
    beside = target.with_name(target.name + ".tmp")
    try:
        make_folder(target.parent)
        connection.execute(
            f"COPY ({query}) TO {literal(str(beside))} "
            "(FORMAT parquet, COMPRESSION zstd, USE_TMP_FILE false)"
        )
        descriptor = os.open(beside, os.O_RDWR)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        size, checksum = measured(beside)
        rows, first, last = connection.execute(
            f"SELECT count(*), min(time), max(time) FROM read_parquet({literal(str(beside))}, "
            "hive_partitioning = false)"
        ).fetchall()[0]
        beside.replace(target)
        sync_folder(target.parent)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise refused(error, "a part cannot be written", target) from error
    except duckdb.Error as error:
        beside.unlink(missing_ok=True)
        raise refused_by_text(error, "a part cannot be written", target) from error
    day, kind = (name.partition("=")[2] for name in path.split("/")[1:3])
    return Part(path, day, kind, rows, first, last, size, checksum)


def measured(path: Path) -> tuple[int, int]:
    """Bytes of a file, and their CRC-32."""
    checksum = size = 0
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            checksum = zlib.crc32(block, checksum)
            size += len(block)
    return size, checksum


def stored_before(
    connection: duckdb.DuckDBPyConnection, folder: Path, manifest: Manifest, tape: Tape
) -> NDArray[np.bool_]:
    """Which events are in the parts already, within :data:`COPIES_WITHIN` of their time.

    Parameters
    ----------
    manifest
        With sound parts alone: what a damaged one holds cannot be told.
    """
    ids = tape.event_id.view(np.int64)
    paths: dict[str, None] = {}
    for day in np.unique(tape.time // DAY):
        times = tape.time[tape.time // DAY == day]
        begin, end = int(times.min()) - COPIES_WITHIN, int(times.max()) + COPIES_WITHIN
        paths |= {str(folder / p.path): None for p in manifest.overlapping(begin, end)}
    if not paths or not len(tape):
        return np.zeros(len(tape), dtype=np.bool_)
    connection.register("sought", {"id": np.ascontiguousarray(ids)})
    begin, end = int(tape.time.min()) - COPIES_WITHIN, int(tape.time.max()) + COPIES_WITHIN
    found = connection.execute(
        f"SELECT DISTINCT event_id FROM {parquet(paths)} "
        f"WHERE time BETWEEN {begin} AND {end} AND event_id IN (SELECT id FROM sought)"
    ).fetchnumpy()["event_id"]
    connection.unregister("sought")
    return np.isin(ids, found)


def first_of_each(tape: Tape) -> Tape:
    """Every event once: of copies the one that stands first."""
    _, first = np.unique(tape.event_id, return_index=True)
    return tape if len(first) == len(tape) else tape.take(np.sort(first))


def parquet(paths: Sequence[str] | dict[str, None]) -> str:
    """The table of several parts, ``day`` and ``kind`` taken from their folders."""
    listed = ", ".join(literal(escaped(p)) for p in paths)
    return (
        f"read_parquet([{listed}], hive_partitioning = true, "
        "hive_types = {'day': DATE, 'kind': VARCHAR})"
    )


def escaped(path: str) -> str:
    """The path with DuckDB's wild cards made literal."""
    return path.replace("[", "[[]").replace("*", "[*]").replace("?", "[?]")


def literal(text: str) -> str:
    """The text as a literal of SQL."""
    return "'" + text.replace("'", "''") + "'"


def day_name(day: int) -> str:
    """ISO date of a day counted from 1970."""
    return datetime.fromtimestamp(day * 86_400, UTC).date().isoformat()


def tape_of(found: dict[str, Any], names: dict[str, tuple[str, ...]]) -> Tape:
    """A tape of columns that DuckDB returned as numpy arrays, codes already made.

    DuckDB takes a NaN that numpy hands it for a null; it is a NaN again here.
    """
    columns = {
        name: np.ma.filled(values, np.nan) if values.dtype.kind == "f" else np.ma.getdata(values)
        for name, values in found.items()
    }
    return Tape(
        time=columns["time"],
        received=columns["received"],
        venue=columns["venue"].astype(np.int32),
        instrument=columns["instrument"].astype(np.int32),
        asset=columns["asset"].astype(np.int32),
        side=columns["side"].astype(np.int8),
        quantity=columns["quantity"],
        price=columns["price"],
        notional=columns["notional_usd"],
        kind=columns["kind"].astype(np.int8),
        coverage=columns["coverage"].astype(np.int8),
        at_fill=columns["at_fill"].astype(np.bool_),
        account=columns["account"].astype(np.int64).view(np.uint64),
        event_id=columns["event_id"].astype(np.int64).view(np.uint64),
        source=columns["source"].astype(np.int32),
        **names,
    )


def _by_day_and_kind(tape: Tape) -> Iterator[tuple[str, str, Tape]]:
    day = tape.time // DAY
    order = np.lexsort((tape.time, tape.kind, day))
    groups = np.stack((day[order], tape.kind[order].astype(np.int64)))
    edges = np.flatnonzero((groups[:, 1:] != groups[:, :-1]).any(axis=0)) + 1
    for rows in np.split(order, edges) if len(order) else []:
        first = rows[0]
        yield day_name(int(day[first])), KINDS[tape.kind[first]], tape.take(rows)
