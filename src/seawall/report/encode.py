"""JSON and CSV of a report: raw numbers for machines."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from datetime import date, datetime
from enum import Enum
from typing import Any

import numpy as np

from seawall.core.errors import InputError, InternalError, Mistake
from seawall.report.model import Report, Table
from seawall.report.numbers import raw


def to_json(report: Report, indent: int | None = 2) -> str:
    """The payload as JSON text, ``schema`` first, keys in the payload's order.

    NaN and infinity become ``null``; numpy scalars and arrays, dates, enumerations and
    dataclasses become their plain counterparts.

    Raises
    ------
    InternalError
        If the payload holds something JSON has no form for.
    """
    document = {"schema": report.schema, **report.payload}
    return json.dumps(plain(document), indent=indent, ensure_ascii=False, allow_nan=False)


def plain(value: Any) -> Any:
    """The same value in what JSON knows: dict, list, str, int, float, bool, None."""
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
        return {str(plain(k)): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
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
    table = _chosen(report, table_key)
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
