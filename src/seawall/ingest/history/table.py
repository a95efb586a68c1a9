"""A file of the past as a table: CSV, Parquet or JSON, packed or not, a column at a time."""

from __future__ import annotations

import gzip
import json
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from seawall.core import InputError, Mistake
from seawall.ingest.duck import connect, printable
from seawall.ingest.findings import Findings
from seawall.ingest.sheet import Labels, factorise, trimmed

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

ACCEPTED = "CSV, Parquet, JSON or JSON Lines; packed with gzip, or one file in a zip"
_HEAD = 65_536
_MISTAKES = 20
_LATEST = 4_102_444_800_000_000_000
_SCALES = [10**9, 10**6, 10**3]
_HALF = 500_000_000


@dataclass(slots=True)
class Table:
    """Cells of a file, and what is wrong with them.

    Attributes
    ----------
    where
        Name of the file in messages.
    headers
        Names of the columns in the file, as they stand; empty where it has none.
    width
        Columns.
    """

    where: str
    name: str
    headers: tuple[str, ...]
    width: int
    rows: int
    findings: Findings
    _connection: Any
    _places: dict[str, int]

    def named(self, names: Sequence[str]) -> None:
        """Give the columns their names, where the file has no header."""
        self._places = {name: k for k, name in enumerate(names)}

    def has(self, *names: str) -> bool:
        """Whether all of these columns are there."""
        return all(n in self._places for n in names)

    def numbers(self, name: str, needed: bool = True, positive: bool = False) -> Floats:
        """Shape (n,): values, NaN where empty. A cell that is no number is noted as a mistake.

        Parameters
        ----------
        needed
            An empty cell is a mistake.
        positive
            A value that is not above 0 is a mistake.
        """
        column = self._column(name)
        found = self._connection.execute(
            f"SELECT TRY_CAST({column} AS DOUBLE) AS x, {_empty(column)} AS e FROM t ORDER BY row"
        ).fetchnumpy()
        values = np.asarray(np.ma.filled(found["x"].astype(np.float64), np.nan), dtype=np.float64)
        empty = np.asarray(found["e"], dtype=np.bool_)
        self.findings.add(~empty & ~np.isfinite(values), name, "not a number", "a finite number")
        values[~np.isfinite(values)] = np.nan
        if needed:
            self.findings.add(empty, name, "an empty cell", "a number")
        if positive:
            self.findings.add(values <= 0, name, "not above 0", "a number above 0")
        return values

    def text(self, name: str, needed: bool = True) -> Labels:
        """Names as codes, -1 where empty."""
        column = self._column(name)
        cells = self._connection.execute(f"SELECT {column}::VARCHAR FROM t ORDER BY row").fetchall()
        labels = trimmed(factorise([c[0] for c in cells]))
        if needed:
            self.findings.add(labels.codes < 0, name, "an empty cell", "a name")
        return labels

    def choice(self, name: str, meanings: Mapping[str, int]) -> NDArray[np.int8]:
        """Shape (n,): what a word stands for, in any case; 0 for a mistake, which is noted."""
        labels = self.text(name)
        known = [meanings.get(n.casefold(), 0) for n in labels.names]
        values = np.array([*known, 0], dtype=np.int8)[labels.codes]
        self.findings.add(
            (values == 0) & (labels.codes >= 0), name, "an unknown word", ", ".join(meanings)
        )
        return values

    def times(self, name: str) -> Ints:
        """Shape (n,): UTC ns of ISO texts, timestamps or epoch numbers of any fineness."""
        column = self._column(name)
        kind = self._connection.execute(f"SELECT typeof({column}) FROM t LIMIT 1").fetchall()
        if kind and "TIMESTAMP" in kind[0][0]:
            query = f"SELECT coalesce(epoch_ns({column}), 0) AS t FROM t ORDER BY row"
            times = np.asarray(self._connection.execute(query).fetchnumpy()["t"], dtype=np.int64)
        else:
            times = self._written(column)
        self.findings.add(times == 0, name, "not a time", "ISO 8601 or an epoch in s, ms, µs or ns")
        return times

    def _written(self, column: str) -> Ints:
        # whole and part apart, each in 64 bits: a decimal would be fetched as a float. A double
        # counts by the digits that it is written with, not by those of its binary fraction
        text = f"trim({column}::VARCHAR)"
        found = self._connection.execute(
            f"""SELECT coalesce(TRY_CAST(split_part(d, '.', 1) AS BIGINT), 0) AS whole,
            coalesce(split_part(d, '.', 2)::BIGINT, 0) AS part,
            coalesce(d[1] <> '-', false) AS number, coalesce(epoch_us(iso), 0) AS us,
            coalesce(TRY_CAST(rpad(finer, 3, '0') AS BIGINT), 0) AS ns
            FROM (SELECT row, TRY_CAST({text} AS DECIMAL(38, 9))::VARCHAR AS d,
            TRY_CAST({text} AS TIMESTAMPTZ) AS iso,
            regexp_extract({text}, '[.][0-9]{{6}}([0-9]{{1,3}})', 1) AS finer FROM t)
            ORDER BY row"""
        ).fetchnumpy()
        whole, part, us, ns = (
            np.asarray(found[k], dtype=np.int64) for k in ("whole", "part", "us", "ns")
        )
        number = np.asarray(found["number"], dtype=np.bool_)
        scale = np.select([whole < 10**11, whole < 10**14, whole < 10**17], _SCALES, 1)
        usable = number & (whole < _LATEST // scale)
        stamps = np.where(usable, whole, 0) * scale + (part * scale + _HALF) // 10**9
        return np.where(number, np.where(usable, stamps, 0), us * 1_000 + np.where(us, ns, 0))

    def refuse(self) -> None:
        """Raise every mistake noted so far, at once.

        Raises
        ------
        InputError
            With the first of them in words, and their total.
        """
        if self.findings.total:
            raise InputError(self.findings.told(), total=self.findings.total)

    def cell(self, name: str, index: int) -> str | None:
        """Text of one cell."""
        if name not in self._places:
            return None
        found = self._connection.execute(
            f"SELECT {self._column(name)}::VARCHAR FROM t WHERE row = {index + 1}"
        ).fetchall()
        return found[0][0] if found else None

    def _column(self, name: str) -> str:
        if name not in self._places:
            raise InputError(
                Mistake("missing column", self.where, column=name, allowed=", ".join(self._places))
            )
        return f"c{self._places[name]}"


@contextmanager
def open_table(path: Path, listed: Sequence[Mapping[str, Any]] | None = None) -> Iterator[Table]:
    """A file as a table, for as long as the block runs.

    Parameters
    ----------
    listed
        Rows that were read from the file already, instead of reading it.

    Raises
    ------
    InputError
        If it is not there, damaged, or of another kind.
    """
    connection = connect()
    try:
        if listed is not None:
            yield _of_rows(connection, listed, path)
            return
        with unzipped(path) as file:
            try:
                yield _loaded(connection, file, path)
            except duckdb.Error as error:
                raise unreadable(error, path) from None
    finally:
        connection.close()


def unreadable(error: Exception, path: Path) -> InputError:
    """What an engine says of a file, on one line that a terminal can show."""
    said = printable(str(error).partition("\n")[0])
    return InputError(Mistake(f"cannot be read: {said}", str(path), allowed=ACCEPTED))


@contextmanager
def unzipped(path: Path) -> Iterator[Path]:
    """The file, or the one file in a zip archive, unpacked for as long as the block runs."""
    if not path.is_file():
        raise InputError(Mistake("no such file", str(path), allowed=ACCEPTED))
    if not zipfile.is_zipfile(path):
        with path.open("rb") as file:
            if file.read(4) == b"PK\x03\x04":
                raise InputError(
                    Mistake("a zip archive that is cut off: its end is missing", str(path),
                            mend="Fetch the file again")
                )  # fmt: skip
        yield path
        return
    with zipfile.ZipFile(path) as archive, tempfile.TemporaryDirectory() as folder:
        names = [n for n in archive.namelist() if not n.endswith("/")]
        if len(names) != 1:
            raise InputError(
                Mistake("an archive of several files", str(path), allowed="one file in a zip",
                        value=", ".join(names[:5]))
            )  # fmt: skip
        out = Path(folder) / Path(names[0]).name
        try:
            with archive.open(names[0]) as packed, out.open("wb") as plain:
                while block := packed.read(1 << 20):
                    plain.write(block)
        except (zipfile.BadZipFile, zlib.error, EOFError):
            raise InputError(
                Mistake("a damaged zip archive: what is packed in it cannot be read whole",
                        str(path), mend="Fetch the file again")
            ) from None  # fmt: skip
        yield out


def head_of(path: Path) -> bytes:
    """The first 64 KiB, unpacked."""
    raw = path.open("rb")
    with raw:
        start = raw.read(_HEAD)
    if start[:2] != b"\x1f\x8b":
        return start
    try:
        with gzip.open(path) as file:
            return file.read(_HEAD)
    except (OSError, EOFError):
        raise InputError(Mistake("a damaged gzip file", str(path))) from None


def _loaded(connection: Any, file: Path, path: Path) -> Table:
    head = head_of(file)
    if not head.strip():
        raise InputError(Mistake("the file is empty", str(path), allowed=ACCEPTED))
    if head.startswith(b"PAR1"):
        return _of_query(connection, f"read_parquet({_literal(file)})", path, True)
    if head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"["):
        return _of_rows(connection, rows_of_json(file, path), path)
    header = has_header(head)
    # reading in parallel would not keep the order of rows
    query = (
        f"read_csv({_literal(file)}, all_varchar = true, header = {str(header).lower()}, "
        f"delim = {_delimiter(head)}, quote = '\"', escape = '\"', parallel = false, "
        "strict_mode = false, auto_detect = false, columns = "
    )
    names = _first_line(head).decode("utf-8", "replace").split(_delimiter(head)[1:-1])
    columns = ", ".join(f"'c{k}': 'VARCHAR'" for k in range(len(names)))
    return _of_query(
        connection, query + f"{{{columns}}})", path, header, [n.strip(' "\ufeff') for n in names]
    )


def rows_of_json(file: Path, path: Path) -> list[dict[str, Any]]:
    """Rows of JSON: a list of objects or of lists, or such a list under ``data``; or lines."""
    opener: Any = gzip.open if file.open("rb").read(2) == b"\x1f\x8b" else open
    try:
        with opener(file, "rt", encoding="utf-8-sig") as text:
            raw = text.read()
    except (UnicodeDecodeError, EOFError, OSError) as error:
        raise InputError(Mistake(f"cannot be read: {error}", str(path))) from None
    try:
        value = json.loads(raw)
    except json.JSONDecodeError:
        value = _lines(raw, path)
    while isinstance(value, dict):
        inner = next((value[k] for k in ("data", "result", "list") if k in value), None)
        value = [value] if inner is None else inner
    if not isinstance(value, list) or not value:
        raise InputError(Mistake("no rows", str(path), allowed="a list of objects or of lists"))
    if all(isinstance(v, list) for v in value):
        return [{str(k): cell for k, cell in enumerate(row)} for row in value]
    bad = [k for k, v in enumerate(value, 1) if not isinstance(v, dict)]
    if bad:
        raise InputError(
            [Mistake("not an object", str(path), k) for k in bad[:_MISTAKES]], total=len(bad)
        )
    return value


def _lines(raw: str, path: Path) -> list[Any]:
    values, mistakes = [], []
    for row, line in enumerate((x for x in raw.splitlines() if x.strip()), 1):
        try:
            values.append(json.loads(line))
        except json.JSONDecodeError as error:
            mistakes.append(Mistake(f"not valid JSON: {error.msg}", str(path), row))
    if mistakes:
        raise InputError(mistakes[:_MISTAKES], total=len(mistakes))
    return values


def _of_rows(connection: Any, rows: Sequence[Mapping[str, Any]], path: Path) -> Table:
    names = list(dict.fromkeys(k for row in rows for k in row))
    cells = {
        f"c{k}": np.array([_cell(row.get(name)) for row in rows], dtype=object)
        for k, name in enumerate(names)
    }
    connection.register("given", cells)
    return _of_query(connection, "given", path, True, names)


def _cell(value: Any) -> str | None:
    if value is None:
        return None
    return value if isinstance(value, str) else json.dumps(value)


def _of_query(
    connection: Any, query: str, path: Path, header: bool, names: Sequence[str] | None = None
) -> Table:
    if names is None:
        found = connection.execute(f"DESCRIBE SELECT * FROM {query}").fetchall()
        names = [f[0] for f in found]
    width = len(names)
    given = ", ".join(f"c{k}" for k in range(width))
    connection.execute(
        f"CREATE TABLE t AS SELECT row_number() OVER () AS row, * FROM {query} AS g({given})"
    )
    rows = int(connection.execute("SELECT count(*) FROM t").fetchall()[0][0])
    table = Table(
        str(path), path.name, tuple(names) if header else (), width, rows,
        None, connection, {},  # type: ignore[arg-type]
    )  # fmt: skip
    table.findings = Findings(str(path), np.arange(1, rows + 1), table.cell, _MISTAKES)
    if header:
        table.named(names)
    return table


def has_header(head: bytes) -> bool:
    """Whether the first line of a CSV names columns: its first cell is then no number."""
    first = _first_line(head).decode("utf-8", "replace").split(_delimiter(head)[1:-1])
    return not any(_is_number(cell.strip(' "')) for cell in first)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _first_line(head: bytes) -> bytes:
    return head.splitlines()[0]


def _delimiter(head: bytes) -> str:
    line = _first_line(head)
    return "'" + max((",", "\t", ";", "|"), key=lambda d: line.count(d.encode())) + "'"


def _literal(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def _empty(column: str) -> str:
    return f"({column} IS NULL OR trim({column}::VARCHAR) = '')"
