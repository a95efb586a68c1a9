"""A table as it was found: headers and cells, read a column at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from seawall.core import InputError, Mistake, parse_time

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Labels:
    """A column of names.

    Attributes
    ----------
    codes
        Shape (n,): index into ``names``; -1 where the cell is empty.
    names
        Distinct names, in order of first appearance.
    """

    codes: NDArray[np.int32]
    names: list[str]


class Sheet(Protocol):
    """What the reader asks of any table."""

    headers: tuple[str, ...]
    row: NDArray[np.int64]
    """Shape (n,): number of each row in the source, from 1."""

    def numbers(self, column: int) -> tuple[Floats, Mask]:
        """Values, NaN where empty; and where the cell holds no finite number."""

    def labels(self, column: int) -> Labels:
        """Names as codes."""

    def times(self, column: int) -> tuple[NDArray[np.int64], Mask]:
        """UTC nanoseconds, 0 where empty; and where the cell holds no time."""

    def cell(self, column: int, index: int) -> str | None:
        """Text of one cell; None where empty."""


@dataclass(slots=True)
class Opened:
    """A source that has been opened as a table.

    Attributes
    ----------
    sheet
        The table.
    where
        What to call the source in messages.
    notes
        What the reader should know.
    rejected
        Rows that could not be split into cells.
    """

    sheet: Sheet
    where: str
    notes: tuple[str, ...] = ()
    rejected: tuple[Mistake, ...] = field(default=())


Vet = Callable[[Sheet, str], None]
"""Looks at the first rows of a large source, by sheet and name; raises to refuse it unread."""

LARGE_BYTES = 64 * 1024 * 1024
"""Files larger than this are vetted by their first rows before they are loaded."""

PREVIEW_ROWS = 2_000


class PlainSheet:
    """A table of Python values, column by column."""

    def __init__(self, columns: Mapping[str, Sequence[Any]]):
        self.headers = tuple(str(h) for h in columns)
        self._columns = [c.tolist() if hasattr(c, "tolist") else list(c) for c in columns.values()]
        length = len(self._columns[0]) if self._columns else 0
        self.row = np.arange(1, length + 1, dtype=np.int64)

    def numbers(self, column: int) -> tuple[Floats, Mask]:
        """See :class:`Sheet`."""
        cells = self._columns[column]
        if set(map(type, cells)) <= {int, float, type(None)}:
            values = np.array(cells, dtype=np.float64)
            return np.where(np.isinf(values), np.nan, values), np.isinf(values)
        values = np.full(len(cells), np.nan)
        bad = np.zeros(len(cells), dtype=np.bool_)
        for i, cell in enumerate(cells):
            if _empty(cell):
                continue
            try:
                number = math.nan if isinstance(cell, bool) else float(cell)
            except (TypeError, ValueError):
                number = math.nan
            if math.isfinite(number):
                values[i] = number
            else:
                bad[i] = True
        return values, bad

    def labels(self, column: int) -> Labels:
        """See :class:`Sheet`."""
        cells = self._columns[column]
        if not set(map(type, cells)) <= {str, type(None)}:
            cells = [None if _empty(c) else str(c) for c in cells]
        return trimmed(factorise(cells))

    def times(self, column: int) -> tuple[NDArray[np.int64], Mask]:
        """See :class:`Sheet`."""
        cells = self._columns[column]
        times = np.zeros(len(cells), dtype=np.int64)
        bad = np.zeros(len(cells), dtype=np.bool_)
        known: dict[Any, int | None] = {}
        for i, cell in enumerate(cells):
            if _empty(cell):
                continue
            key = str(cell)
            if key not in known:
                known[key] = read_time(cell)
            value = known[key]
            if value is None:
                bad[i] = True
            else:
                times[i] = value
        return times, bad

    def cell(self, column: int, index: int) -> str | None:
        """See :class:`Sheet`."""
        value = self._columns[column][index]
        return None if _empty(value) else str(value)


def read_time(cell: object) -> int | None:
    """UTC nanoseconds of a cell, or None if it holds no time."""
    if isinstance(cell, bool):
        return None
    try:
        return parse_time(cell)  # type: ignore[arg-type]
    except (InputError, TypeError, ValueError, OverflowError):
        return None


def factorise(names: Sequence[str | None]) -> Labels:
    """Codes of names by order of first appearance; None and "" are -1."""
    order: dict[str | None, int] = dict.fromkeys(names, 0)
    order.pop(None, None)
    order.pop("", None)
    distinct = [n for n in order if n is not None]
    order.update(zip(distinct, range(len(distinct)), strict=True))
    order[None] = order[""] = -1
    codes = np.fromiter(map(order.__getitem__, names), dtype=np.int32, count=len(names))
    return Labels(codes, distinct)


def trimmed(labels: Labels) -> Labels:
    """The same with blanks around the names gone; names of blanks only count as empty."""
    stripped = [n.strip() for n in labels.names]
    if stripped == labels.names and "" not in stripped:
        return labels
    merged = factorise(stripped)
    return Labels(np.append(merged.codes, np.int32(-1))[labels.codes], merged.names)


def columns_of(rows: Iterable[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Rows as columns; a key missing from a row is None there."""
    columns: dict[str, list[Any]] = {}
    names: list[str] = []
    for length, row in enumerate(rows, start=1):
        if list(row) == names:
            for column, value in zip(columns.values(), row.values(), strict=True):
                column.append(value)
            continue
        for key in row:
            if key not in columns:
                columns[key] = [None] * (length - 1)
        for key, column in columns.items():
            column.append(row.get(key))
        names = list(columns)
    return columns


def _empty(cell: object) -> bool:
    return (
        cell is None
        or (isinstance(cell, float) and math.isnan(cell))
        or (isinstance(cell, str) and not cell.strip())
    )
