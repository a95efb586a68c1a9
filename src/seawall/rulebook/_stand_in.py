"""The schedule that stands in for an instrument no block names: the greatest of those known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from seawall.core import MarginSchedule, Mistake, RuleError, TierUnit

Floats = NDArray[np.float64]
_STEEPEST = 0.99


def greatest(
    schedules: Iterable[tuple[str, MarginSchedule]],
    contract_usd: Mapping[str, float],
    source: str,
    where: str,
) -> MarginSchedule:
    """Continuous schedule by notional that asks at least what every given one asks.

    Brackets by notional are lines whose greatest is the margin, so that the upper envelope of
    all their lines is exact. Tiers by contracts, the whole position at the rate of its tier, jump
    at every floor: they enter with the chords between their jumps, which lie above the steps. A
    rate that grows with the units of a coin is left out: without a price it says nothing of USD.

    Parameters
    ----------
    schedules
        Symbol and brackets of linear instruments.
    contract_usd
        USD value of one contract at which tiers by contracts are read, by symbol; tiers of
        symbols not named are left out.
    source
        Citation of the result.
    where
        Named in the error.

    Returns
    -------
    MarginSchedule
        Floors in USD; the highest leverage is not known.

    Raises
    ------
    RuleError
        If no schedule is left.
    """
    rates: list[Floats] = []
    deductions: list[Floats] = []
    for symbol, schedule in schedules:
        if schedule.growth > 0.0:
            continue
        if schedule.unit is TierUnit.NOTIONAL:
            rate, deduction = schedule.rates, schedule.deductions
        elif symbol in contract_usd:
            rate, deduction = chords(schedule.floors * contract_usd[symbol], schedule.rates)
        else:
            continue
        rates.append(rate)
        deductions.append(deduction)
    if not rates:
        raise RuleError(
            Mistake(
                "has no instrument whose brackets could stand in for another's",
                where,
                column="brackets.any.envelope",
                mend="name a linear instrument, or give rows in place of envelope",
            )
        )
    floors, slopes = envelope(np.concatenate(rates), np.concatenate(deductions))
    return MarginSchedule.continuous(floors, slopes, source=source, cautious=True)


def chords(floors: Floats, rates: Floats) -> tuple[Floats, Floats]:
    """Lines above a step table ``rates[k] * size`` from ``floors[k]`` on: rates, deductions.

    Each joins the margin just after one jump with that just after the next, and so lies above
    the step between them; the last one goes on beyond the last floor. One that would rise faster
    than the size itself is turned down about its upper end, and lies higher still.
    """
    if floors.size == 1:
        return rates, np.zeros(1)
    after = rates * floors
    slopes = np.minimum(np.diff(after) / np.diff(floors), np.maximum(_STEEPEST, rates[-1]))
    return slopes, np.maximum(slopes * floors[1:] - after[1:], 0.0)


def envelope(rates: Floats, deductions: Floats) -> tuple[Floats, Floats]:
    """Floors and rates of the greatest of ``rate * size - deduction`` over sizes from 0 on.

    The deductions must not be negative, and one must be 0.
    """
    floors: list[float] = []
    kept: list[int] = []
    for k in np.lexsort((deductions, rates)):
        if kept and rates[k] == rates[kept[-1]]:
            continue
        start = 0.0
        while kept:
            last = kept[-1]
            start = float((deductions[k] - deductions[last]) / (rates[k] - rates[last]))
            if start > floors[-1]:
                break
            kept.pop()
            floors.pop()
            start = 0.0
        kept.append(int(k))
        floors.append(start)
    return np.array(floors), rates[kept]
