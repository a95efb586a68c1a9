"""A folder of stored events, read while another process writes to it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import duckdb
import numpy as np

from seawall.core.tape import TAPE_SCHEMA, Tape, empty_tape
from seawall.ingest.duck import connect
from seawall.ingest.store.checked import Checks
from seawall.ingest.store.disk import StoreError
from seawall.ingest.store.manifest import (
    LOG,
    Manifest,
    load_manifest,
    manifest_bytes,
    read_manifest,
)
from seawall.ingest.store.parts import (
    COLUMNS,
    COPIES_WITHIN,
    COVERAGES,
    KINDS,
    first_of_each,
    literal,
    parquet,
    register,
    stored_before,
    tape_of,
)
from seawall.ingest.store.rows import decode
from seawall.ingest.store.segment import read_segment, segments

Window = tuple[int, int]
"""Times from the first to before the second, UTC ns."""
EVER: Window = (-(2**63), 2**63 - 1)
_T = TypeVar("_T")
_TRIES = 20
_OURS = (duckdb.BinderException, duckdb.CatalogException, duckdb.ParserException)
"""Errors of a question itself, not of the files it was asked of."""
_EMPTY_TAIL = (
    "CREATE OR REPLACE TABLE tail (" + ", ".join(f"{n} {kind}" for n, kind in COLUMNS.items()) + ")"
)
_CODED = ("venue", "instrument", "asset", "source")


class Store:
    """A tape on disk, for reading. Needs no lock, and may stand beside one writer.

    Every answer is of one moment: of the parts that one manifest lists and of what the log held
    beyond them then. Events of which copies were stored appear once, as the first that came.

    Parameters
    ----------
    folder
        Folder of the store.

    Raises
    ------
    StoreError
        If there is no store, or it is damaged or of another schema.
    """

    def __init__(self, folder: Path | str):
        self.folder = Path(folder)
        self._lock = threading.RLock()
        self.checks = Checks()
        self._connection = connect()
        self._connection.execute(_EMPTY_TAIL)
        self._tail_end: dict[int, int] = {}
        self._tail_of = -1
        self._tail_rows, self._tail_first, self._tail_last = 0, 2**63 - 1, -(2**63)
        self._raw = manifest_bytes(self.folder)
        self._manifest = read_manifest(self.folder, self._raw)

    def manifest(self) -> Manifest:
        """The present list of the store's files."""
        raw = manifest_bytes(self.folder)
        with self._lock:
            if raw != self._raw:
                self._manifest = read_manifest(self.folder, raw)
                self._raw = raw
            return self._manifest

    def extent(self) -> tuple[int, int | None]:
        """Number of events, and the time of the last (UTC ns, None without any); reads no part."""
        with self._lock:
            manifest = self._refresh()
            times = [p.last for p in manifest.parts]
            if self._tail_rows:
                times.append(self._tail_last)
            count = sum(p.rows for p in manifest.parts) + self._tail_rows
        return count, max(times, default=None)

    def read(
        self,
        window: Window = EVER,
        venues: Sequence[str] | None = None,
        assets: Sequence[str] | None = None,
    ) -> Tape:
        """Events in order of time.

        Parameters
        ----------
        window
            Times from the first to before the second, UTC ns.
        venues, assets
            Names of those wanted; all by default.
        """
        where = f"time >= {window[0]} AND time < {window[1]}"
        for column, names in (("venue", venues), ("asset", assets)):
            if names is not None:
                where += f" AND {column} IN ({', '.join(map(literal, names)) or 'NULL'})"
        found = self.answer(
            window, lambda c, events: fetched(c, f"SELECT * FROM {events} WHERE {where}")
        )
        return found.in_order()

    def answer(
        self,
        window: Window,
        question: Callable[[duckdb.DuckDBPyConnection, str], _T],
        of_parts: bool = True,
    ) -> _T:
        """What a question finds among the events of a window.

        Parameters
        ----------
        question
            Called with a connection and the table of the events there, in SQL: all that the
            window may hold and some around it, so the question states its bounds itself. It may
            be called again, when files were replaced while it was asked.
        of_parts
            Whether it looks at the parts at all: those of the window are then read through, once
            for each state of a file, to see that they are as they were written.

        Raises
        ------
        DamagedPartError
            If a part of the window is not what was written.
        """
        for _ in range(_TRIES):
            try:
                with self._events(window, of_parts) as (connection, events):
                    return question(connection, events)
            except (duckdb.Error, FileNotFoundError) as error:
                if isinstance(error, _OURS):
                    raise
                if self._manifest.generation == load_manifest(self.folder).generation:
                    said = str(error).partition("\n")[0]
                    raise StoreError(
                        f"{self.folder}: a part cannot be read: {said}. `seawall tape verify` "
                        "names all that are damaged"
                    ) from error
        raise StoreError(f"{self.folder}: files change faster than they can be read")

    def sound(self, manifest: Manifest, window: Window = EVER) -> Manifest:
        """The same list with only those parts of a window that are as they were written."""
        parts = self.checks.sound(self.folder, manifest.overlapping(*window))
        return replace(manifest, parts=tuple(parts))

    def close(self) -> None:
        """Let go of what is held in memory."""
        self._connection.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    @contextmanager
    def _events(
        self, window: Window, of_parts: bool
    ) -> Iterator[tuple[duckdb.DuckDBPyConnection, str]]:
        with self._lock:
            manifest = self._refresh()
            cursor = self._connection.cursor()
            # of the tail as it is now: another thread may be refreshing it next
            cursor.execute("BEGIN")
            cursor.execute("SELECT 1 FROM tail LIMIT 1").fetchall()
            tail = self._tail_first < window[1] and self._tail_last >= window[0]
        try:
            if of_parts:
                self.checks.demand(self.folder, manifest.overlapping(*window))
            yield cursor, relation(self.folder, manifest, window, tail)
        finally:
            cursor.close()

    def _refresh(self) -> Manifest:
        """Bring the copy of the log's tail up to date; of one moment with the manifest."""
        for _ in range(_TRIES):
            manifest = self.manifest()
            if manifest.generation != self._tail_of:
                self._connection.execute(_EMPTY_TAIL)
                self._tail_end, self._tail_of = {}, manifest.generation
                self._tail_rows, self._tail_first, self._tail_last = 0, 2**63 - 1, -(2**63)
            try:
                fresh, ends = self._unread(manifest)
            except FileNotFoundError:
                continue
            if self.manifest().generation != manifest.generation:
                continue
            if len(fresh):
                self._take(fresh, manifest)
            self._tail_end = ends
            return manifest
        raise StoreError(f"{self.folder}: files change faster than they can be read")

    def _unread(self, manifest: Manifest) -> tuple[Tape, dict[int, int]]:
        """Events of the log that were not read yet, and where reading ended in each segment."""
        parts = []
        ends = dict(self._tail_end)
        for number, path in segments(self.folder / LOG).items():
            if number > manifest.rolled:
                found = read_segment(path, ends.get(number, 0))
                ends[number] = found.end
                if found.payloads:
                    parts.append(decode(found.payloads, found.version or TAPE_SCHEMA))
        return Tape.joined(parts), ends

    def _take(self, fresh: Tape, manifest: Manifest) -> None:
        fresh = first_of_each(fresh)
        first, last = int(fresh.time.min()), int(fresh.time.max())
        # a part further away is not looked at for copies, and so need not be read through
        sound = self.sound(manifest, (first - COPIES_WITHIN, last + COPIES_WITHIN + 1))
        fresh = fresh.take(~stored_before(self._connection, self.folder, sound, fresh))
        if not len(fresh):
            return
        # looked for only where there is something to find, which on opening there is not
        known = "WHERE event_id NOT IN (SELECT event_id FROM tail)" if self._tail_rows else ""
        self._connection.execute(
            f"INSERT INTO tail SELECT * FROM ({register(self._connection, fresh)}) {known}"
        )
        self._tail_rows += len(fresh)
        self._tail_first = min(self._tail_first, int(fresh.time.min()))
        self._tail_last = max(self._tail_last, int(fresh.time.max()))


def relation(folder: Path, manifest: Manifest, window: Window = EVER, tail: bool = True) -> str:
    """The table, in DuckDB's SQL, of the parts that overlap a window, and of the tail."""
    columns = ", ".join(COLUMNS)
    paths = [str(folder / p.path) for p in manifest.overlapping(*window)]
    tables = [f"SELECT {columns} FROM {parquet(paths)}"] if paths else []
    if tail or not paths:
        tables.append(f"SELECT {columns} FROM tail")
    return "(" + " UNION ALL ".join(tables) + ")"


def fetched(connection: duckdb.DuckDBPyConnection, query: str) -> Tape:
    """A tape of the events that a query selects, with all columns of a stored event."""
    connection.execute(f"CREATE OR REPLACE TEMP TABLE found AS {query}")
    known = {"kind": KINDS, "coverage": COVERAGES}
    names = {}
    for column in _CODED:
        rows = connection.execute(f"SELECT DISTINCT {column} FROM found ORDER BY 1").fetchall()
        known[column] = names[column + "s"] = tuple(r[0] for r in rows)
    joins = []
    for column, table in known.items():
        codes = np.arange(len(table), dtype=np.int32)
        connection.register(
            f"code_{column}", {"code": codes, "name": np.array(table, dtype=object)}
        )
        joins.append(f"JOIN code_{column} ON code_{column}.name = {column}")
    chosen = ", ".join(f"code_{c}.code AS {c}" if c in known else c for c in COLUMNS)
    if not names["venues"]:
        return empty_tape()
    found = connection.execute(f"SELECT {chosen} FROM found {' '.join(joins)}").fetchnumpy()
    return tape_of(found, names)
