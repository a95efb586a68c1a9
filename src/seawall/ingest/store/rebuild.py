"""The list of a store's files made again from the files themselves."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import duckdb

from seawall.ingest.duck import connect
from seawall.ingest.store.disk import StoreError
from seawall.ingest.store.manifest import EVENTS, PART, Manifest, Part
from seawall.ingest.store.parts import escaped, literal, measured


def rebuilt(folder: Path) -> Manifest:
    """A manifest of all parts that are there; empty for a folder without any.

    All segments of the log count as not yet rolled: events that are in the parts as well are
    recognised when they are. Parts whose events are all in another are dropped: they are what a
    merge was killed over. The checksums are those of the files as they are now.

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
    twice = _told_elsewhere(connection, folder, parts)
    connection.close()
    kept = tuple(p for p in parts if p.path not in twice)
    return Manifest(parts=kept, next_part=highest + 1, dropped=tuple(sorted(twice)))


def _told_elsewhere(
    connection: duckdb.DuckDBPyConnection, folder: Path, parts: Sequence[Part]
) -> set[str]:
    """Parts all of whose events are in larger ones of their folder.

    A merge that was killed leaves what it merged, or what it made of that, beside the other.
    """
    by_folder: dict[tuple[str, str], list[Part]] = defaultdict(list)
    for part in sorted(parts, key=lambda p: (-p.rows, p.path)):
        by_folder[part.day, part.kind].append(part)
    found = set()
    for beside in by_folder.values():
        if len(beside) < 2:
            continue
        connection.execute("CREATE OR REPLACE TEMP TABLE told (event_id BIGINT)")
        for part in beside:
            ids = (
                f"SELECT event_id FROM read_parquet({literal(escaped(str(folder / part.path)))}, "
                "hive_partitioning = false)"
            )
            untold = connection.execute(
                f"SELECT count(*) FROM ({ids}) WHERE event_id NOT IN (SELECT event_id FROM told)"
            ).fetchall()[0][0]
            if not untold:
                found.add(part.path)
            else:
                connection.execute(f"INSERT INTO told {ids}")
    return found


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
