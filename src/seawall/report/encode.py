"""JSON and CSV of a report: raw numbers for machines."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, is_dataclass
from datetime import date, datetime
from enum import Enum
from typing import Any

import numpy as np

from seawall.core.errors import InputError, InternalError, Mistake
from seawall.report.lazy import CHUNK, Records, Rows
from seawall.report.model import Report, Table
from seawall.report.numbers import raw


def to_json(report: Report, indent: int | None = 2) -> str:
    """The payload as JSON text, ``schema`` first, then the payload, the answer and assumptions.

    Indented, but a list of numbers or a row of a table stands on one line: a book of many rows
    stays readable and is written in seconds. ``indent`` None is the shortest form.

    NaN and infinity become ``null``; numpy scalars and arrays, dates, enumerations and
    dataclasses become their plain counterparts.

    Raises
    ------
    InternalError
        If the payload holds something JSON has no form for.
    """
    known = plain(_document(report))
    return _compact(known) if indent is None else _indented(known, indent, 0)


def json_pieces(report: Report) -> Iterator[str]:
    """The shortest form of :func:`to_json`, in pieces: rows are made and written some at a time."""
    opened = "{"
    for key, value in _document(report).items():
        yield f"{opened}{_compact(key)}: "
        opened = ", "
        if not isinstance(value, Records):
            yield _compact(plain(value))
            continue
        yield "["
        for begin in range(0, len(value), CHUNK):
            rows = _compact(plain(value.chunk(begin, begin + CHUNK)))
            yield f"{', ' if begin else ''}{rows[1:-1]}"
        yield "]"
    yield "}"


def _document(report: Report) -> dict[str, Any]:
    said = {
        "answer": list(report.answer),
        "assumptions": [asdict(a) for a in report.assumptions],
    }
    return {"schema": report.schema, **report.payload, **said}


_compact = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode


def _flat(value: Any) -> bool:
    """Whether nothing in it holds anything."""
    items = value.values() if isinstance(value, dict) else value
    return not any(isinstance(item, dict | list) for item in items)


def _indented(value: Any, indent: int, depth: int) -> str:
    if not isinstance(value, dict | list) or not value:
        return _compact(value)
    inner = " " * (indent * (depth + 1))
    if isinstance(value, dict):
        parts = [
            f"{_compact(key)}: {_indented(item, indent, depth + 1)}" for key, item in value.items()
        ]
        opened, closed = "{}"
    else:
        first = value[0]
        if not isinstance(first, dict | list | str) and _flat(value):
            return _compact(value)
        # rows of one list are alike: what the first is decides for all
        plain_rows = not isinstance(first, dict | list) or _flat(first)
        parts = [
            _compact(item) if plain_rows else _indented(item, indent, depth + 1) for item in value
        ]
        opened, closed = "[]"
    body = f",\n{inner}".join(parts)
    return f"{opened}\n{inner}{body}\n{' ' * (indent * depth)}{closed}"


def plain(value: Any) -> Any:
    """The same value in what JSON knows: dict, list, str, int, float, bool, None."""
    kind = type(value)
    if kind is float:
        return value if math.isfinite(value) else None
    if kind is str or kind is int or kind is bool or value is None:
        return value
    if isinstance(value, Enum):
        return plain(value.value)
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, np.ndarray):
        return _plain_array(value)
    if isinstance(value, Mapping):
        return {k if type(k) is str else str(plain(k)): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset | Records | Rows):
        items = sorted(value) if isinstance(value, set | frozenset) else value
        return [plain(item) for item in items]
    if isinstance(value, datetime | date):
        return value.isoformat()
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    raise InternalError(f"the payload holds a {type(value).__name__}, which JSON has no form for")


def _plain_array(values: np.ndarray[Any, Any]) -> Any:
    """Arrays of numbers without a Python step an element, unless one is not finite."""
    if values.dtype.kind in "iub" or (values.dtype.kind == "f" and np.isfinite(values).all()):
        return values.tolist()
    return plain(values.tolist())


def to_csv(report: Report, table_key: str | None = None) -> str:
    """One table as CSV: column keys, then raw values; unknown cells are empty.

    Times are ISO 8601, truth values ``true`` and ``false``, floats as short as they read back
    exactly. Without ``table_key`` it is the report's main table.

    Raises
    ------
    InputError
        If the report has no such table.
    """
    table = _chosen(report, table_key).seen_in("csv")
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([c.key for c in table.columns])
    units = [c.unit for c in table.columns]
    for row in table.rows:
        writer.writerow([csv_cell(raw(v, u)) for v, u in zip(row, units, strict=True)])
    return out.getvalue()


def csv_cell(value: Any) -> Any:
    """A raw value as CSV writes it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value) if isinstance(value, float) else value


def _chosen(report: Report, key: str | None) -> Table:
    table = report.main_table() if key is None else None
    table = table or next((t for t in report.tables if t.key == key), None)
    if table is None:
        names = ", ".join(t.key for t in report.tables) or "this result has no table"
        raise InputError(Mistake("no such table", where=report.schema, value=key, allowed=names))
    return table
