"""Bracket tables as written in a file: expanded, checked, made into schedules."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from seawall.core import MarginSchedule, Mistake, RuleError, TierUnit, continuous_deductions

if TYPE_CHECKING:
    from seawall.rulebook import _models as m

_RELATIVE = 1e-6


def rows_of(table: list[list[float]] | m.TableModel | m.AnyModel) -> list[list[float]]:
    """Every row of a table, the regular tail written out."""
    return table if isinstance(table, list) else [*table.rows, *_tail(table)]


def _tail(table: m.TableModel | m.AnyModel) -> list[list[float]]:
    """Rows above the last one written, in equal steps of size, rate and initial margin."""
    tail = table.tail
    if tail is None:
        return []
    floor, rate = table.rows[-1][:2]
    count = round((tail.until_rate - rate) / tail.rate)
    start = tail.first_floor if tail.first_floor is not None else floor + tail.size
    return [
        [
            round(start + k * tail.size, 6),
            round(rate + (k + 1) * tail.rate, 6),
            math.floor(100.0 / (tail.first_initial + k * tail.initial) + 1e-6) / 100.0,
        ]
        for k in range(count)
    ]


def build_schedule(
    where: str,
    rows: list[list[float]],
    kind: str = "continuous",
    unit: TierUnit = TierUnit.NOTIONAL,
    source: str = "",
    rounding: float = 1e-6,
    cautious: bool = False,
    growth: float = 0.0,
) -> MarginSchedule:
    """Schedule from rows ``[floor, rate, max_leverage, deduction]``, the last two optional.

    Printed deductions are kept as printed after they are checked against the continuous ones.

    Raises
    ------
    RuleError
        If floors do not start at 0 and rise, rates fall, a rate grows beside others, or a printed
        deduction is further than ``rounding`` (and a millionth) from the continuous one.
    """
    padded = np.array([row + [math.nan] * (4 - len(row)) for row in rows], dtype=np.float64)
    floors, rates, leverage, printed = (np.ascontiguousarray(padded[:, k]) for k in range(4))
    stated = np.isfinite(printed)
    smooth = continuous_deductions(floors, rates)
    deductions = np.zeros_like(floors) if kind == "stepped" else np.where(stated, printed, smooth)
    try:
        schedule = MarginSchedule(
            floors, rates, deductions, leverage, unit, source, cautious, growth
        )
    except RuleError as error:
        raise RuleError([replace(k, where=where) for k in error.mistakes]) from None
    if kind != "stepped":
        _check_continuity(where, printed, smooth, stated, rounding)
    return schedule


def _check_continuity(
    where: str,
    printed: NDArray[np.float64],
    expected: NDArray[np.float64],
    stated: NDArray[np.bool_],
    rounding: float,
) -> None:
    apart = np.abs(printed - expected) > rounding + _RELATIVE * np.abs(expected)
    wrong = np.flatnonzero(stated & apart)
    if wrong.size:
        raise RuleError(
            Mistake(
                "printed deduction breaks the continuity of the margin",
                f"{where}, bracket {k + 1}",
                value=f"{printed[k]:g}",
                allowed=f"{expected[k]:.10g}",
                mend="correct floor, rate or deduction of this bracket or the one before",
            )
            for k in wrong
        )
