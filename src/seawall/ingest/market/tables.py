"""Market tables on disk: Parquet by day and kind, beside the tape of a store.

``market/day=2026-11-23/kind=depth/part-0000000007-0000000070.parquet``: the numbers are those of
the writes that a file holds. A file whose numbers lie within another's is one that the other
replaced, so merging needs no list of files: whenever it is killed, each row counts once.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from seawall.core import InternalError
from seawall.ingest.duck import connect
from seawall.ingest.market.figures import Row
from seawall.ingest.store.disk import (
    StoreError,
    WriterLock,
    make_folder,
    refused,
    refused_by_text,
)
from seawall.ingest.store.parts import DAY, day_name, escaped, literal, write_part

FOLDER = "market"
MERGE_AT = 64
"""Files of a day and kind that are merged into one."""

_COMMON = {
    "time": "BIGINT",
    "received": "BIGINT",
    "venue": "VARCHAR",
    "instrument": "VARCHAR",
    "asset": "VARCHAR",
}
TABLES: Mapping[str, Mapping[str, str]] = {
    kind: {**_COMMON, **values, "source": "VARCHAR"}
    for kind, values in {
        "instrument": {
            "contract_type": "VARCHAR",
            "settle": "VARCHAR",
            "contract_size": "DOUBLE",
            "unit": "DOUBLE",
            "tick": "DOUBLE",
        },
        "mark": {"mark_price": "DOUBLE", "index_price": "DOUBLE"},
        "funding": {"rate": "DOUBLE", "interval_hours": "DOUBLE", "due": "BIGINT"},
        "open_interest": {"base": "DOUBLE", "usd": "DOUBLE"},
        "ratio": {"long_short": "DOUBLE", "long_share": "DOUBLE"},
        "depth": {
            "mid": "DOUBLE",
            "band": "DOUBLE",
            "bid_usd": "DOUBLE",
            "ask_usd": "DOUBLE",
            "bid_whole": "BOOLEAN",
            "ask_whole": "BOOLEAN",
        },
    }.items()
}
"""Columns of each kind in DuckDB's types; numbers that are unknown are null."""

_PART = re.compile(r"part-(\d{10})-(\d{10})\.parquet")
_KINDS = {"BIGINT": np.int64, "DOUBLE": np.float64, "BOOLEAN": np.bool_, "VARCHAR": object}


class MarketWriter:
    """The one who writes a store's market tables; the tape beside may have its own writer.

    Parameters
    ----------
    folder
        Of the store; made if it is not there.

    Raises
    ------
    StoreError
        If another process writes them, or the disk refuses.
    """

    def __init__(self, folder: Path | str):
        self.folder = Path(folder)
        make_folder(self.folder / FOLDER)
        self._held = WriterLock(self.folder / FOLDER)
        self._busy = threading.Lock()
        self._connection = connect()
        self._clear_away()
        numbers = [last for _, (_, last) in _numbered(self.folder / FOLDER, "day=*/kind=*/*")]
        self._next = max(numbers, default=0) + 1

    def write(self, rows: Mapping[str, Sequence[Row]]) -> int:
        """Return once all rows, by kind, are on the disk; their count.

        Raises
        ------
        StoreError
            If the disk refuses; files that were written before are whole and count.
        """
        with self._busy:
            for kind, some in rows.items():
                for day, those in _by_day(some):
                    self._write_part(kind, day, those)
                    self._merge_if_many(kind, day)
            return sum(map(len, rows.values()))

    def close(self) -> None:
        """Let another write."""
        with self._busy:
            self._connection.close()
            self._held.release()

    def __enter__(self) -> MarketWriter:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def _write_part(self, kind: str, day: str, rows: Sequence[Row]) -> None:
        columns = TABLES[kind]
        given: dict[str, NDArray[Any]] = {
            name: np.array([row[name] for row in rows], dtype=_KINDS[sql])
            for name, sql in columns.items()
        }
        self._connection.register("given", given)
        chosen = ", ".join(
            f"CASE WHEN isnan({name}) THEN NULL ELSE {name} END AS {name}"
            if sql == "DOUBLE"
            else f"{name}::{sql} AS {name}"
            for name, sql in columns.items()
        )
        query = f"SELECT {chosen} FROM given ORDER BY time, venue, instrument"
        write_part(self._connection, self.folder, query, _path(kind, day, self._next, self._next))
        self._connection.unregister("given")
        self._next += 1

    def _merge_if_many(self, kind: str, day: str) -> None:
        """Put the files of a day and kind into one; the old ones go once it is there."""
        old = list(_counting(self.folder / FOLDER, f"day={day}/kind={kind}/*"))
        if len(old) < MERGE_AT:
            return
        query = f"SELECT * FROM {_parquet([p for p, _ in old])} ORDER BY time, venue, instrument"
        first, last = min(n[0] for _, n in old), max(n[1] for _, n in old)
        write_part(self._connection, self.folder, query, _path(kind, day, first, last))
        self._clear_away(f"day={day}/kind={kind}/*")

    def _clear_away(self, pattern: str = "day=*/kind=*/*") -> None:
        """Remove files that were never finished, or that others replaced."""
        folder = self.folder / FOLDER
        counting = {path for path, _ in _counting(folder, pattern)}
        try:
            for path in folder.glob(pattern):
                unfinished = path.name.endswith(".parquet.tmp")
                if unfinished or (_PART.fullmatch(path.name) and path not in counting):
                    path.unlink()
        except OSError as error:
            raise refused(error, "files that count no more cannot be removed", folder) from error


def read(
    store: Path | str, kind: str, begin: int, end: int, query: str = "SELECT * FROM rows"
) -> list[Row]:
    """Rows of a kind with ``begin <= time < end`` (UTC ns), or what a query finds among them.

    Parameters
    ----------
    query
        SQL of DuckDB over the table ``rows``.

    Raises
    ------
    StoreError
        If a file cannot be read. A store without such rows is no mistake.
    """
    if kind not in TABLES:
        raise InternalError(f"no market table {kind}")
    folder = Path(store) / FOLDER
    where = f"WHERE time >= {begin} AND time < {end} ORDER BY time, venue, instrument"
    for tries in range(20):
        paths = [
            path
            for day in days(store)
            if begin // DAY <= _day_number(day) and _day_number(day) * DAY < end
            for path, _ in _counting(folder, f"day={day}/kind={kind}/*")
        ]
        if not paths:
            return []
        connection = connect()
        try:
            names = ", ".join(TABLES[kind])
            connection.execute(
                f"CREATE TEMP VIEW rows AS SELECT {names} FROM {_parquet(paths)} {where}"
            )
            found = connection.execute(query)
            heads = [d[0] for d in found.description or ()]
            return [dict(zip(heads, row, strict=True)) for row in found.fetchall()]
        except duckdb.Error as error:
            # files that were merged while they were read are gone; the merged one is there
            if tries == 19 or all(p.exists() for p in paths):
                raise refused_by_text(error, "cannot be read", folder) from error
        finally:
            connection.close()
    raise StoreError(f"{folder}: files change faster than they can be read")


def days(store: Path | str) -> list[str]:
    """ISO dates that have market tables, in order."""
    return sorted(path.name[4:] for path in (Path(store) / FOLDER).glob("day=*") if path.is_dir())


def _path(kind: str, day: str, first: int, last: int) -> str:
    return f"{FOLDER}/day={day}/kind={kind}/part-{first:010d}-{last:010d}.parquet"


def _by_day(rows: Sequence[Row]) -> Iterator[tuple[str, list[Row]]]:
    known = sorted({row["time"] // DAY for row in rows})
    for day in known:
        yield day_name(day), [row for row in rows if row["time"] // DAY == day]


def _day_number(day: str) -> int:
    return int(np.datetime64(day, "D").astype(np.int64))


def _numbered(folder: Path, pattern: str) -> Iterator[tuple[Path, tuple[int, int]]]:
    for path in sorted(folder.glob(pattern)):
        match = _PART.fullmatch(path.name)
        if match:
            yield path, (int(match[1]), int(match[2]))


def _counting(folder: Path, pattern: str) -> Iterator[tuple[Path, tuple[int, int]]]:
    """The files that no other has replaced."""
    there = list(_numbered(folder, pattern))
    merged = [(path, n) for path, n in there if n[0] < n[1]]
    for path, (first, last) in there:
        if not any(
            a <= first and last <= b and other != path and other.parent == path.parent
            for other, (a, b) in merged
        ):
            yield path, (first, last)


def _parquet(paths: Sequence[Path]) -> str:
    listed = ", ".join(literal(escaped(str(p))) for p in paths)
    return f"read_parquet([{listed}], hive_partitioning = false)"
