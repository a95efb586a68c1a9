"""What a store was exported as, read back without loss."""

from __future__ import annotations

import gzip
from pathlib import Path

import duckdb

from seawall.core import InputError, Mistake
from seawall.core.tape import Tape
from seawall.ingest.duck import connect
from seawall.ingest.store.parts import COLUMNS, escaped, literal
from seawall.ingest.store.store import fetched

_WORDS = {
    "side": "CASE side WHEN 'long' THEN 1 WHEN 'short' THEN -1 END",
    **{
        # text of nanoseconds: whole seconds, then the nine digits behind the point
        name: (f"epoch_us(CAST({name}[:19] AS TIMESTAMP)) * 1000 + CAST({name}[21:29] AS BIGINT)")
        for name in ("time", "received")
    },
    **{
        # the 64 bits, as the store keeps them with a sign
        name: (
            f"CAST(CAST('0x' || {name} AS UBIGINT) AS HUGEINT) "
            f"- CASE WHEN {name} >= '8' THEN 18446744073709551616 ELSE 0 END"
        )
        for name in ("event_id", "account")
    },
}

_TEXTS = ", columns = {" + ", ".join(f"'{name}': 'VARCHAR'" for name in COLUMNS) + "}"


def is_export(path: Path) -> bool:
    """Whether a file has just the columns that :func:`~seawall.ingest.store.upkeep.export` gives.

    Raises
    ------
    InputError
        If it is not even a table.
    """
    connection = connect()
    try:
        return _names(connection, path) == list(COLUMNS)
    finally:
        connection.close()


def read_export(path: Path) -> Tape:
    """Events of an exported file: Parquet, CSV, or JSON with an object a line.

    Raises
    ------
    InputError
        If it is no such file.
    """
    connection = connect()
    try:
        names = _names(connection, path)
        if names != list(COLUMNS):
            raise InputError(
                Mistake(
                    "not an export of a tape",
                    str(path),
                    value=", ".join(names),
                    allowed=", ".join(COLUMNS),
                )
            )
        words = {} if _head(path) == b"PAR1" else _WORDS
        chosen = ", ".join(
            f"CAST({words.get(name, name)} AS {kind}) AS {name}" for name, kind in COLUMNS.items()
        )
        return fetched(connection, f"SELECT {chosen} FROM {_table(path, _TEXTS)}").in_order()
    except duckdb.Error as error:
        raise InputError(
            Mistake(f"cannot be read: {str(error).partition(chr(10))[0]}", str(path))
        ) from None
    finally:
        connection.close()


def _names(connection: duckdb.DuckDBPyConnection, path: Path) -> list[str]:
    try:
        found = connection.execute(f"DESCRIBE SELECT * FROM {_table(path, '')}").fetchall()
    except duckdb.Error as error:
        raise InputError(
            Mistake(f"cannot be read: {str(error).partition(chr(10))[0]}", str(path))
        ) from None
    return [str(row[0]) for row in found]


def _table(path: Path, columns: str) -> str:
    name, head = literal(escaped(str(path))), _head(path)
    if head == b"PAR1":
        return f"read_parquet({name}, hive_partitioning = false)"
    packed = f", compression = '{'gzip' if _packed(path) else 'none'}'"
    if head.lstrip()[:1] != b"{":
        return f"read_csv({name}, header = true, all_varchar = true{packed})"
    return f"read_json({name}, format = 'newline_delimited'{columns}{packed})"


def _head(path: Path) -> bytes:
    """The first four bytes, unpacked: they tell the format, whatever the file is called."""
    try:
        with gzip.open(path) if _packed(path) else path.open("rb") as file:
            return file.read(4)
    except (OSError, EOFError) as error:
        raise InputError(Mistake(f"cannot be read: {error}", str(path))) from None


def _packed(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"\x1f\x8b"
