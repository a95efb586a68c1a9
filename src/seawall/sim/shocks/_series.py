"""Prices by time read from a file: CSV or Parquet."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import duckdb
import numpy as np
from numpy.typing import NDArray

from seawall.core import InputError, Mistake

Floats = NDArray[np.float64]

_READERS = {".csv": "read_csv", ".gz": "read_csv", ".parquet": "read_parquet"}
_EPOCHS = ((1e11, 1.0), (1e14, 1e-3), (1e17, 1e-6), (np.inf, 1e-9))


def read_series(
    path: Path, time: str, columns: tuple[str, ...], only: Mapping[str, str]
) -> tuple[Floats, Floats]:
    """Times and values of the rows that are meant, in the order of time.

    Parameters
    ----------
    path
        A ``.csv``, ``.csv.gz`` or ``.parquet`` file with a header.
    time
        Column of times: timestamps, ISO 8601 text (UTC unless it says otherwise) or epoch numbers
        in s, ms, us or ns by their size.
    columns
        Columns to read.
    only
        Value by column that a row must have to be meant.

    Returns
    -------
    Seconds since 1970 (or as in the file), shape (n,), and values, shape (n, len(columns)).

    Raises
    ------
    InputError
        If the file or a column is not there, or a time or value is none, all rows told at once.
    """
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise _mistake("a file of another kind", path, path.name, ".csv, .csv.gz or .parquet")
    if not path.is_file():
        raise _mistake("no such file", path, str(path), "a file that is there")
    source = f"{reader}({_literal(path)})"
    with duckdb.connect(":memory:") as connection:
        connection.execute("SET TimeZone = 'UTC'")
        try:
            described = connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
        except duckdb.Error as error:
            reason = str(error).strip().splitlines()[0]
            raise _mistake(f"cannot be read: {reason}", path, str(path), "a table") from None
        types = {str(d[0]): str(d[1]).upper() for d in described}
        _all_there(path, (time, *columns, *only), types)
        query = _query(source, time, types[time], columns, only)
        found = connection.execute(query, list(only.values())).fetchnumpy()
    filled = [np.ma.filled(np.ma.asarray(x, np.float64), np.nan) for x in found.values()]
    seconds, values = filled[0], np.stack(filled[1:], axis=1)
    _sound(path, time, columns, seconds, values)
    return seconds * _unit(seconds), values


def _query(
    source: str, time: str, kind: str, columns: tuple[str, ...], only: Mapping[str, str]
) -> str:
    quoted = _quoted(time)
    stamp = f"TRY_CAST({quoted} AS DOUBLE)"
    if kind.startswith(("TIMESTAMP", "DATE")):
        stamp = f"epoch({quoted})"
    elif kind == "VARCHAR":
        stamp = f"coalesce({stamp}, epoch(TRY_CAST({quoted} AS TIMESTAMPTZ)))"
    chosen = ", ".join(f"TRY_CAST({_quoted(x)} AS DOUBLE) AS v{k}" for k, x in enumerate(columns))
    meant = " AND ".join(f"CAST({_quoted(x)} AS VARCHAR) = ?" for x in only) or "true"
    return f"SELECT {stamp} AS t, {chosen} FROM {source} WHERE {meant} ORDER BY t"


def _all_there(path: Path, wanted: tuple[str, ...], types: Mapping[str, str]) -> None:
    missing = [
        Mistake(
            f"no such column in {path.name}",
            str(path),
            value=name,
            allowed=", ".join(list(types)[:20]),
        )
        for name in wanted
        if name not in types
    ]
    if missing:
        raise InputError(missing)


def _sound(path: Path, time: str, columns: tuple[str, ...], seconds: Floats, v: Floats) -> None:
    if not len(seconds):
        raise _mistake(f"no row of {path.name} is meant", path, "0 rows", "1 or more; see `only`")
    bad = [(time, int(np.isnan(seconds).sum()), "a time in every row")]
    bad.append((time, int((np.diff(seconds) == 0).sum()), "one row a time"))
    for k, name in enumerate(columns):
        wrong = int((~(np.isfinite(v[:, k]) & (v[:, k] > 0))).sum())
        bad.append((name, wrong, "prices above 0, USD"))
    mistakes = [
        Mistake(
            f"rows of {path.name} that cannot be used",
            str(path),
            value=f"{count} in column {name}",
            allowed=allowed,
        )
        for name, count, allowed in bad
        if count
    ]
    if mistakes:
        raise InputError(mistakes)


def _unit(seconds: Floats) -> float:
    greatest = float(np.max(np.abs(seconds)))
    return next(scale for limit, scale in _EPOCHS if greatest < limit)


def _mistake(what: str, path: Path, value: str, allowed: str) -> InputError:
    return InputError(Mistake(what, str(path), value=value, allowed=allowed))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(path: Path) -> str:
    plain = str(path).replace("[", "[[]").replace("*", "[*]").replace("?", "[?]")
    return "'" + plain.replace("'", "''") + "'"
