"""Opening a source: a path, standard input, a data frame, or Python values."""

from __future__ import annotations

import gzip
import json
import os
import stat
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path
from typing import IO, Any

import numpy as np

from seawall.core import InputError, Mistake
from seawall.ingest import duck
from seawall.ingest.ccxt_positions import is_ccxt, rows_of_positions
from seawall.ingest.clearinghouse import is_state, keyed_states, rows_of_states
from seawall.ingest.sheet import (
    LARGE_BYTES,
    PREVIEW_ROWS,
    Opened,
    PlainSheet,
    Vet,
    columns_of,
)
from seawall.ingest.sniff import (
    HEAD_BYTES,
    Compression,
    Form,
    Sniffed,
    compression_of,
    sniff,
    unpack_head,
)

STANDARD_INPUT = "standard input"
_WHOLE_JSON_BYTES = 256 * 1024**2
_BAD_LINES = 1_000


@contextmanager
def open_source(source: object, venue: str | None, lenient: bool, vet: Vet) -> Iterator[Opened]:
    """The source as a table, for as long as the block runs.

    Large files are shown to ``vet`` by their first rows before they are loaded.

    Raises
    ------
    InputError
        If it is not there, not a book, damaged or of an unknown type.
    """
    if isinstance(source, str | os.PathLike):
        if os.fspath(source) == "-":
            with _spooled(sys.stdin.buffer, STANDARD_INPUT) as path:
                yield from _open_path(path, STANDARD_INPUT, "account", venue, lenient, vet)
            return
        path = Path(os.fspath(source))
        if _is_stream(path):
            with path.open("rb") as stream, _spooled(stream, str(path)) as kept:
                yield from _open_path(kept, str(path), "account", venue, lenient, vet)
            return
        yield from _open_path(path, str(path), path.name.partition(".")[0], venue, lenient, vet)
    elif isinstance(source, Mapping | Sequence) and not isinstance(source, bytes | bytearray):
        yield _open_value(source, "the table given", "account", venue)
    elif hasattr(source, "__arrow_c_stream__") or type(source).__module__.startswith("pandas"):
        with _database() as connection:
            yield duck.open_frame(connection, source, f"{type(source).__name__} given")
    else:
        raise InputError(
            Mistake(
                "not a source of positions",
                value=type(source).__name__,
                allowed='a path, "-", a pandas, polars or Arrow table, a dict of columns, '
                "a list of dicts",
            )
        )


def _open_path(
    path: Path, where: str, stem: str, venue: str | None, lenient: bool, vet: Vet
) -> Iterator[Opened]:
    head = _head(path, where)
    packed = compression_of(head)
    with _database() as connection:
        if packed is Compression.GZIP:
            head = unpack_head(head, where)
        elif packed is Compression.ZSTD:
            head = duck.head_of_zstd(connection, path, where)
        sniffed = sniff(head, where, packed)
        if sniffed.form is Form.PARQUET:
            if packed is not Compression.NONE:
                raise InputError(Mistake("a packed Parquet file", where, mend="Unpack it first"))
            yield duck.open_parquet(connection, path, where, vet)
        elif sniffed.form is Form.CSV:
            yield duck.open_csv(connection, path, sniffed, where, lenient, vet)
        else:
            yield _open_json(path, sniffed, where, stem, venue, vet)


def _open_json(
    path: Path, sniffed: Sniffed, where: str, stem: str, venue: str | None, vet: Vet
) -> Opened:
    if sniffed.compression is Compression.ZSTD:
        raise InputError(
            Mistake("JSON packed with zstd", where, mend="Unpack it first: zstd -d FILE")
        )
    packed = sniffed.compression is Compression.GZIP
    opener: Any = gzip.open if packed else open
    try:
        with opener(path, "rt", encoding="utf-8-sig") as file:
            if sniffed.form is Form.JSON_LINES:
                large = path.stat().st_size > LARGE_BYTES
                return _open_lines(file, where, stem, venue, vet if large else None)
            if path.stat().st_size > _WHOLE_JSON_BYTES:
                raise InputError(
                    Mistake("JSON of more than 256 MiB in one value", where, mend="Use JSON Lines")
                )
            return _open_value(json.load(file, parse_constant=str), where, stem, venue)
    except json.JSONDecodeError as error:
        raise InputError(
            Mistake(
                f"not valid JSON: {error.msg} at line {error.lineno}, column {error.colno}",
                where,
                allowed="JSON or JSON Lines",
                mend="The file may be cut short; fetch or write it again",
            )
        ) from None
    except (UnicodeDecodeError, EOFError, OSError) as error:
        raise InputError(Mistake(f"cannot be read: {error}", where)) from None


def _open_lines(file: IO[str], where: str, stem: str, venue: str | None, vet: Vet | None) -> Opened:
    """JSON Lines: one row, one ccxt position or one clearinghouseState a line."""
    rejected: list[Mistake] = []
    numbers: list[int] = []
    decode = json.JSONDecoder(parse_constant=str).decode

    def rows() -> Iterator[dict[str, Any]]:
        row = 0
        for line in file:
            if not line.strip():
                continue
            row += 1
            try:
                value = decode(line)
                problem = "" if isinstance(value, dict) else "not a JSON object"
            except json.JSONDecodeError as error:
                problem = f"not valid JSON: {error.msg}"
            if not problem:
                numbers.append(row)
                yield value
                continue
            rejected.append(
                Mistake(problem, where, row, value=line.strip(), allowed="one JSON object a line")
            )
            if len(rejected) > _BAD_LINES:
                raise InputError(rejected[:20], total=len(rejected))

    stream = rows()
    first = next(stream, None)
    if first is not None and (is_ccxt(first) or is_state(first)):
        opened = _open_value([first, *stream], where, stem, venue)
    else:
        start = [] if first is None else [first]
        if vet is not None:
            start += islice(stream, PREVIEW_ROWS)
            vet(PlainSheet(columns_of(start)), where)
        opened = Opened(PlainSheet(columns_of(chain(start, stream))), where)
        opened.sheet.row = np.array(numbers, dtype=np.int64)
    opened.rejected = tuple(rejected)
    return opened


def _open_value(value: Any, where: str, stem: str, venue: str | None) -> Opened:
    """Python or JSON values of any accepted shape."""
    if isinstance(value, Mapping) and isinstance(value.get("positions"), list):
        value = value["positions"]
    states = keyed_states(value)
    if states:
        rows, notes = rows_of_states(states, stem, where)
        return Opened(PlainSheet(columns_of(rows)), where, notes)
    if isinstance(value, Mapping):
        return Opened(PlainSheet(_equal_columns(value, where)), where)
    if not all(isinstance(row, Mapping) for row in value):
        raise InputError(
            Mistake(
                "not a table",
                where,
                value=str(value)[:80],
                allowed="a list of objects, one a position; an object of equally long columns; "
                "ccxt positions; Hyperliquid clearinghouseState",
            )
        )
    if value and all(is_ccxt(row) for row in value) and not _is_plain(value[0]):
        rows, notes = rows_of_positions(value, stem, venue)
        return Opened(PlainSheet(columns_of(rows)), where, notes)
    return Opened(PlainSheet(columns_of(value)), where)


def _is_plain(row: Mapping[str, Any]) -> bool:
    """Whether a row that could be ccxt's is written in this book's own columns."""
    return "info" not in row and not {"contractSize", "entryPrice", "markPrice"} & set(row)


def _equal_columns(value: Mapping[str, Any], where: str) -> dict[str, Sequence[Any]]:
    columns: dict[str, Sequence[Any]] = {}
    for name, column in value.items():
        if hasattr(column, "tolist") or isinstance(column, list | tuple):
            columns[str(name)] = column
        elif isinstance(column, Iterable) and not isinstance(column, str | bytes | Mapping):
            columns[str(name)] = list(column)
        else:
            columns[str(name)] = [column]
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        raise InputError(
            Mistake(
                "columns of unequal length",
                where,
                value=str(lengths),
                allowed="columns of one length, or a list of objects",
            )
        )
    return columns


def _head(path: Path, where: str) -> bytes:
    try:
        if path.is_dir():
            raise InputError(Mistake("a folder, not a file", where, mend="Name a file in it"))
        with path.open("rb") as file:
            return file.read(HEAD_BYTES)
    except OSError as error:
        missing = isinstance(error, FileNotFoundError)
        raise InputError(
            Mistake(
                "no such file" if missing else f"cannot be opened: {error.strerror}",
                where,
                allowed='a path, or "-" for standard input',
                mend=_similar(path) if missing else "",
            )
        ) from None


def _similar(path: Path) -> str:
    import difflib

    try:
        names = [p.name for p in path.parent.iterdir()]
    except OSError:
        return f"There is no folder {path.parent}"
    near = difflib.get_close_matches(path.name, names, n=1)
    return f"Did you mean {path.parent / near[0]}?" if near else "Check the path"


def _is_stream(path: Path) -> bool:
    """Whether the path is a pipe or device, which can be read only once."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISCHR(mode) or stat.S_ISSOCK(mode)


@contextmanager
def _spooled(stream: IO[bytes], where: str) -> Iterator[Path]:
    """The stream as a temporary file; refused from its head if it is no book."""
    head = b""
    while len(head) < HEAD_BYTES:
        part = stream.read(HEAD_BYTES - len(head))
        if not part:
            break
        head += part
    packed = compression_of(head)
    if packed is not Compression.ZSTD:
        sniff(unpack_head(head, where) if packed is Compression.GZIP else head, where)
    with tempfile.TemporaryDirectory(prefix="seawall-") as folder:
        path = Path(folder) / "input"
        with path.open("wb") as file:
            file.write(head)
            while part := stream.read(1 << 20):
                file.write(part)
        yield path


@contextmanager
def _database() -> Iterator[Any]:
    connection = duck.connect()
    try:
        yield connection
    finally:
        connection.close()
