"""Rows that are made as they are read, from columns: a million of them cost no more than those."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, overload

CHUNK = 10_000
"""Rows made at a time."""


class _Lazy(Sequence[Any]):
    """Columns of equal length read row by row.

    Parameters
    ----------
    columns
        Numpy arrays or sequences of equal length.
    """

    def __init__(self, columns: Sequence[Any]):
        lengths = {len(c) for c in columns}
        if len(lengths) > 1:
            raise ValueError(f"columns of unequal length {lengths}")
        self.columns = tuple(columns)
        self._length = lengths.pop() if lengths else 0

    def made(self, cells: Iterator[tuple[Any, ...]]) -> list[Any]:
        """Rows of their cells."""
        return list(cells)

    def chunk(self, begin: int, end: int) -> list[Any]:
        """Rows from the first to before the second, made now."""
        cells = [c[begin:end] for c in self.columns]
        plain = [c.tolist() if hasattr(c, "tolist") else c for c in cells]
        return self.made(zip(*plain, strict=True))

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Any]:
        for begin in range(0, len(self), CHUNK):
            yield from self.chunk(begin, begin + CHUNK)

    @overload
    def __getitem__(self, at: int) -> Any: ...
    @overload
    def __getitem__(self, at: slice) -> list[Any]: ...
    def __getitem__(self, at: int | slice) -> Any:
        if isinstance(at, slice):
            begin, end, step = at.indices(len(self))
            return self.chunk(begin, end) if step == 1 else list(self)[at]
        if not -len(self) <= at < len(self):
            raise IndexError(at)
        at %= len(self)
        return self.chunk(at, at + 1)[0]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence) or isinstance(other, str):
            return NotImplemented
        return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]


class Rows(_Lazy):
    """Rows of a table: each a tuple of cells."""

    @property
    def width(self) -> int:
        """Cells of each row."""
        return len(self.columns)

    def only(self, kept: Sequence[int]) -> Rows:
        """The same with some of the columns."""
        return Rows([self.columns[k] for k in kept])


class Records(_Lazy):
    """Rows of a payload: each a mapping of names to values."""

    def __init__(self, columns: Mapping[str, Any]):
        super().__init__(tuple(columns.values()))
        self._names = tuple(columns)

    def made(self, cells: Iterator[tuple[Any, ...]]) -> list[Any]:
        """Rows of their cells, by name."""
        return [dict(zip(self._names, row, strict=True)) for row in cells]
