"""The list of a store's files made again from the files themselves."""

from __future__ import annotations

from pathlib import Path

import duckdb

from seawall.ingest.duck import connect
from seawall.ingest.store.disk import StoreError
from seawall.ingest.store.manifest import EVENTS, PART, Manifest, Part
from seawall.ingest.store.parts import escaped, literal, measured


def rebuilt(folder: Path) -> Manifest:
    """A manifest of all parts that are there; empty for a folder without any.

    All segments of the log count as not yet rolled: events that are in the parts as well are
    recognised when they are.

    Raises
    ------
    StoreError
        If a part cannot be read.
    """
    connection = connect()
    parts, highest = [], 0
    for path in sorted((folder / EVENTS).glob("day=*/kind=*/part-*.parquet")):
        match = PART.fullmatch(path.name)
        if match:
            parts.append(_part(connection, folder, path))
            highest = max(highest, int(match[1]))
    connection.close()
    return Manifest(parts=tuple(parts), next_part=highest + 1)


def _part(connection: duckdb.DuckDBPyConnection, folder: Path, path: Path) -> Part:
    try:
        rows, first, last = connection.execute(
            "SELECT count(*), min(time), max(time) "
            f"FROM read_parquet({literal(escaped(str(path)))}, hive_partitioning = false)"
        ).fetchall()[0]
    except duckdb.Error as error:
        raise StoreError(
            f"{path}: a part that cannot be read: {error}. Move it out of the store"
        ) from error
    day, kind = path.parent.parent.name[4:], path.parent.name[5:]
    size, checksum = measured(path)
    return Part(path.relative_to(folder).as_posix(), day, kind, rows, first, last, size, checksum)
