"""Tables read by DuckDB: CSV, Parquet, and the data frames of other libraries."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from seawall.core import InputError, Mistake
from seawall.ingest.sheet import (
    LARGE_BYTES,
    PREVIEW_ROWS,
    Floats,
    Labels,
    Mask,
    Opened,
    PlainSheet,
    Vet,
    factorise,
    read_time,
    trimmed,
)
from seawall.ingest.sniff import Compression, Sniffed

_SAMPLE = 20_000
_FEW = 2_000
_REREAD_BYTES = 256 * 1024 * 1024
_TEXTS = frozenset({"VARCHAR"})
_FLOATS = frozenset({"DOUBLE", "FLOAT"})
_REJECTED = {
    "MISSING COLUMNS": "too few fields",
    "TOO MANY COLUMNS": "too many fields",
    "UNQUOTED VALUE": "a quotation mark that is not closed or stands amid a value",
    "LINE SIZE OVER MAXIMUM": "a line too long to be a row",
    "INVALID ENCODING": "not UTF-8 text",
    "INVALID STATE": "a quotation mark that is not closed or stands amid a value",
}


def connect() -> duckdb.DuckDBPyConnection:
    """A private in-memory database that loads nothing from anywhere and reads times as UTC."""
    connection = duckdb.connect(
        ":memory:",
        config={"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"},
    )
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET enable_progress_bar = false")
    return connection


def printable(text: str, longest: int = 160) -> str:
    """An engine's words without what would steer a terminal, and not longer than a line or two."""
    shown = "".join(c if c.isprintable() else "?" for c in text)
    return shown if len(shown) <= longest else shown[: longest - 3] + "..."


class DuckSheet:
    """A table loaded into DuckDB; see :class:`~seawall.ingest.sheet.Sheet`."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        headers: Sequence[str],
        skipped: Sequence[int] = (),
    ):
        self._connection = connection
        self.headers = tuple(headers)
        described = connection.execute("DESCRIBE positions").fetchall()
        self._names = [_quoted(d[0]) for d in described]
        self._types = [str(d[1]).upper() for d in described]
        (length,) = connection.execute("SELECT count(*) FROM positions").fetchall()[0]
        numbers = np.arange(1, length + len(skipped) + 1, dtype=np.int64)
        self.row: NDArray[np.int64] = np.delete(numbers, np.asarray(skipped, dtype=np.int64) - 1)

    def numbers(self, column: int) -> tuple[Floats, Mask]:
        """See :class:`~seawall.ingest.sheet.Sheet`."""
        name, kind = self._names[column], self._types[column]
        if kind in _TEXTS:
            given = f"{name} IS NOT NULL AND trim({name}) <> ''"
        elif kind in _FLOATS:
            given = f"{name} IS NOT NULL AND NOT isnan({name})"
        else:
            given = f"{name} IS NOT NULL"
        value = "NULL::DOUBLE" if kind == "BOOLEAN" else f"TRY_CAST({name} AS DOUBLE)"
        found = self._fetch(f"{value} AS v, {given} AS g")
        values = np.ma.filled(found["v"], np.nan).astype(np.float64, copy=False)
        usable = np.isfinite(values)
        given_mask = np.ma.filled(found["g"], False).astype(np.bool_, copy=False)
        return np.where(usable, values, np.nan), given_mask & ~usable

    def labels(self, column: int) -> Labels:
        """See :class:`~seawall.ingest.sheet.Sheet`."""
        name = self._names[column]
        text = name if self._types[column] in _TEXTS else f"CAST({name} AS VARCHAR)"
        seen = self._connection.execute(
            f"SELECT count(DISTINCT v) FROM (SELECT {text} AS v FROM positions LIMIT {_SAMPLE})"
        ).fetchall()[0][0]
        if seen > _FEW:
            cells = np.ma.filled(self._fetch(f"{text} AS v")["v"], None).tolist()
            return trimmed(factorise(cells))
        self._connection.execute(
            "CREATE OR REPLACE TEMP TABLE names AS "
            f"SELECT {text} AS v, min(rowid) AS k FROM positions WHERE v IS NOT NULL GROUP BY v"
        )
        names = self._connection.execute("SELECT v FROM names ORDER BY k").fetchall()
        if not names:
            return Labels(np.full(len(self.row), -1, dtype=np.int32), [])
        self._connection.execute("DROP TYPE IF EXISTS label")
        self._connection.execute("CREATE TYPE label AS ENUM (SELECT v FROM names ORDER BY k)")
        codes = self._fetch(f"enum_code(CAST({text} AS label)) AS v")["v"]
        whole = np.ma.filled(np.ma.asarray(codes).astype(np.int32), -1)
        return trimmed(Labels(whole, [str(n[0]) for n in names]))

    def times(self, column: int) -> tuple[NDArray[np.int64], Mask]:
        """See :class:`~seawall.ingest.sheet.Sheet`."""
        name, kind = self._names[column], self._types[column]
        if kind.startswith("TIMESTAMP") or kind == "DATE":
            found = self._fetch(f"epoch_ns({name}) AS v")["v"]
            times = np.ma.filled(np.ma.asarray(found).astype(np.int64), 0)
            return times, np.zeros(len(times), dtype=np.bool_)
        labels = self.labels(column)
        known = [read_time(n) for n in labels.names]
        table = np.array([0 if t is None else t for t in known] + [0], dtype=np.int64)
        wrong = np.array([t is None for t in known] + [False], dtype=np.bool_)
        return table[labels.codes], wrong[labels.codes]

    def cell(self, column: int, index: int) -> str | None:
        """See :class:`~seawall.ingest.sheet.Sheet`."""
        found = self._connection.execute(
            f"SELECT CAST({self._names[column]} AS VARCHAR) FROM positions WHERE rowid = ?",
            [index],
        ).fetchall()
        return found[0][0] if found else None

    def _fetch(self, selected: str) -> dict[str, Any]:
        return self._connection.execute(f"SELECT {selected} FROM positions").fetchnumpy()


def open_csv(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    sniffed: Sniffed,
    where: str,
    lenient: bool,
    vet: Vet,
) -> Opened:
    """Load a CSV file, every cell as text; rows with a wrong number of fields are set apart."""
    query = _csv_query(path, sniffed, rejects=False)
    _vet_large(connection, path, query, sniffed.headers, where, vet)
    try:
        connection.execute(query)
        return Opened(DuckSheet(connection, sniffed.headers), where)
    except duckdb.Error as error:
        first = error
    if not lenient and path.stat().st_size > _REREAD_BYTES:
        raise InputError(_csv_mistake(str(first), where)) from None
    try:
        connection.execute(_csv_query(path, sniffed, rejects=True))
        found = connection.execute(
            "SELECT line, any_value(error_type), any_value(csv_line), any_value(error_message) "
            "FROM reject_errors GROUP BY line ORDER BY line"
        ).fetchall()
    except duckdb.Error:
        found = []
    if not found:
        raise InputError(_csv_mistake(str(first), where)) from None
    rejected = tuple(_reject(*f, where=where, width=len(sniffed.headers)) for f in found)
    sheet = DuckSheet(connection, sniffed.headers, [int(f[0]) - 1 for f in found])
    return Opened(sheet, where, rejected=rejected)


def open_parquet(connection: duckdb.DuckDBPyConnection, path: Path, where: str, vet: Vet) -> Opened:
    """Load a Parquet file.

    Raises
    ------
    InputError
        If it is cut short or damaged.
    """
    with path.open("rb") as file:
        file.seek(0, 2)
        size = file.tell()
        file.seek(max(0, size - 4))
        tail = file.read(4)
    if size < 12 or tail != b"PAR1":
        raise InputError(
            Mistake(
                f"a truncated Parquet file: {size:,} bytes, and its footer is missing",
                where,
                allowed="a whole Parquet file",
                mend="Fetch or write it again",
            )
        )
    query = (
        "CREATE OR REPLACE TEMP TABLE positions AS SELECT * FROM "
        f"read_parquet({_literal(_glob(path))})"
    )
    _vet_large(connection, path, query, None, where, vet)
    try:
        connection.execute(query)
    except duckdb.Error as error:
        raise InputError(
            Mistake(
                f"a damaged Parquet file: {_first_line(error)}",
                where,
                allowed="a whole Parquet file",
                mend="Fetch or write it again",
            )
        ) from None
    headers = [d[0] for d in connection.execute("DESCRIBE positions").fetchall()]
    return Opened(DuckSheet(connection, headers), where)


def _vet_large(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    query: str,
    headers: Sequence[str] | None,
    where: str,
    vet: Vet,
) -> None:
    """Show the first rows of a large file to ``vet`` before the whole is loaded."""
    if path.stat().st_size <= LARGE_BYTES:
        return
    try:
        connection.execute(f"{query} LIMIT {PREVIEW_ROWS}")
    except duckdb.Error:
        # loading the whole stops at the same fault and names it
        return
    named = headers or [d[0] for d in connection.execute("DESCRIBE positions").fetchall()]
    vet(DuckSheet(connection, named), where)


class _Stream:
    """An Arrow table seen only through the PyCapsule interface, so that DuckDB needs no pyarrow."""

    def __init__(self, table: Any):
        self._table = table

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._table.__arrow_c_stream__(requested_schema)


def open_frame(connection: duckdb.DuckDBPyConnection, frame: Any, where: str) -> Opened:
    """Load a pandas, polars or Arrow table.

    Raises
    ------
    InputError
        If DuckDB cannot read it.
    """
    pandas = type(frame).__module__.split(".")[0] == "pandas"
    try:
        connection.register("frame", frame if pandas else _Stream(frame))
        connection.execute("CREATE TEMP TABLE positions AS SELECT * FROM frame")
        connection.unregister("frame")
    except duckdb.Error as error:
        columns = _plain_columns(frame)
        if columns is not None:
            return Opened(PlainSheet(columns), where)
        raise InputError(
            Mistake(
                f"a table that cannot be read: {_first_line(error)}",
                where,
                value=type(frame).__name__,
                allowed="columns of numbers, text and times",
            )
        ) from None
    headers = [d[0] for d in connection.execute("DESCRIBE positions").fetchall()]
    return Opened(DuckSheet(connection, headers), where)


def _plain_columns(frame: Any) -> dict[str, Any] | None:
    """The columns as Python lists: DuckDB refuses Arrow columns of nothing but nulls."""
    if hasattr(frame, "to_pydict"):
        return dict(frame.to_pydict())
    if hasattr(frame, "get_columns"):
        return {c.name: c.to_list() for c in frame.get_columns()}
    return None


def head_of_zstd(connection: duckdb.DuckDBPyConnection, path: Path, where: str) -> bytes:
    """The first lines of a text file packed with zstd.

    Raises
    ------
    InputError
        If it cannot be unpacked.
    """
    try:
        lines = connection.execute(
            f"SELECT line FROM read_csv({_literal(_glob(path))}, delim = '\x01', quote = '', "
            "escape = '', header = false, auto_detect = false, compression = 'zstd', "
            "columns = {'line': 'VARCHAR'}) LIMIT 20"
        ).fetchall()
    except duckdb.Error as error:
        raise InputError(
            Mistake(f"a zstd file that cannot be unpacked: {_first_line(error)}", where)
        ) from None
    return "\n".join(str(line[0] or "") for line in lines).encode() + b"\n"


def _csv_query(path: Path, sniffed: Sniffed, rejects: bool) -> str:
    columns = ", ".join(f"'c{k}': 'VARCHAR'" for k in range(len(sniffed.headers)))
    extra = ", store_rejects = true" if rejects else ""
    packed = sniffed.compression if sniffed.compression is not Compression.NONE else "none"
    return (
        "CREATE OR REPLACE TEMP TABLE positions AS SELECT * FROM read_csv("
        f"{_literal(_glob(path))}, delim = {_literal(sniffed.delimiter)}, quote = '\"', "
        "escape = '\"', header = true, auto_detect = false, "
        f"compression = '{packed}', columns = {{{columns}}}{extra})"
    )


def _reject(line: int, kind: str, text: str, message: str, *, where: str, width: int) -> Mistake:
    what = _REJECTED.get(kind, _first_line(message))
    if "COLUMNS" in kind:
        what += f": {message.rsplit(' ', 1)[-1]} where the header has {width}"
    return Mistake(
        what,
        where,
        int(line) - 1,
        value=text,
        allowed=f"{width} fields" if "COLUMNS" in kind else "",
        mend='Put values that hold the delimiter in "quotation marks"' if "MANY" in kind else "",
    )


def _csv_mistake(message: str, where: str) -> Mistake:
    """DuckDB's complaint in our words: its first line says where, the rest is its own options."""
    lines = [x.strip() for x in message.splitlines() if x.strip()]
    line = next((x.rsplit(" ", 1)[-1] for x in lines if "on Line:" in x), None)
    text = next((x.partition(": ")[2] for x in lines if x.startswith("Original Line:")), None)
    what = "the row cannot be read"
    for mark, meaning in (
        ("Expected Number of Columns", "a wrong number of fields"),
        ("unicode", "not UTF-8 text"),
        ("unterminated quote", "a quotation mark that is never closed"),
        ("Maximum line size", "a line too long to be a row"),
    ):
        if mark in message:
            what = meaning
    if line is None:
        what += f": {lines[0]}" if lines else ""
    row = int(line) - 1 if line is not None and line.isdigit() else None
    return Mistake(what, where, row, value=text, mend="Nothing after it was read")


def _glob(path: Path) -> str:
    """The path with DuckDB's wild cards made literal."""
    return str(path).replace("[", "[[]").replace("*", "[*]").replace("?", "[?]")


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _first_line(error: object) -> str:
    lines = str(error).strip().splitlines()
    return printable(lines[0]) if lines else type(error).__name__
