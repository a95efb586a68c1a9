"""Mistakes of rows: found by whole columns at once, told one by one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from seawall.core import Mistake

Mask = NDArray[np.bool_]


class Findings:
    """Which rows are bad, how many mistakes there are, and the first of them in words.

    Parameters
    ----------
    where
        Name of the source.
    row
        Shape (n,): row numbers as the source counts them.
    cell
        Text of a cell by column name and place, for the messages.
    keep
        How many mistakes to put into words; all are counted.

    Attributes
    ----------
    bad
        Shape (n,): rows with a mistake.
    total
        Number of mistakes.
    """

    def __init__(
        self,
        where: str,
        row: NDArray[np.int64],
        cell: Callable[[str, int], str | None],
        keep: int,
    ):
        self.where, self.row, self.cell, self.keep = where, row, cell, keep
        self.bad: Mask = np.zeros(len(row), dtype=np.bool_)
        self.total = 0
        self._told: list[tuple[int, int, Mistake]] = []

    def add(
        self,
        wrong: Mask,
        column: str | None,
        what: str | Callable[[int], str],
        allowed: str = "",
        mend: str | Callable[[int], str] = "",
        value: str | Callable[[int], str | None] | None = None,
    ) -> None:
        """Note one kind of mistake.

        Parameters
        ----------
        wrong
            Shape (n,): rows that make it.
        column
            Column to blame; its cell is shown unless ``value`` is given.
        what, allowed, mend
            As in :class:`~seawall.core.Mistake`; a callable gets the place of the row.
        value
            What to show instead of the cell.
        """
        places = np.flatnonzero(wrong)
        if not len(places):
            return
        self.bad |= wrong
        self.total += len(places)
        for i in places[: self.keep].tolist():
            shown = value(i) if callable(value) else value
            if value is None and column is not None:
                shown = self.cell(column, i)
            self._told.append(
                (
                    int(self.row[i]),
                    len(self._told),
                    Mistake(
                        what(i) if callable(what) else what,
                        self.where,
                        int(self.row[i]),
                        column,
                        shown,
                        allowed,
                        mend(i) if callable(mend) else mend,
                    ),
                )
            )

    def told(self) -> tuple[Mistake, ...]:
        """The mistakes in words, by row, at most ``keep``."""
        return tuple(m for _, _, m in sorted(self._told, key=lambda t: t[:2])[: self.keep])
