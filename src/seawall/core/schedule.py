"""Maintenance margin by size of position: the bracket table of one instrument."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from seawall.core.errors import Mistake, RuleError

Floats = NDArray[np.float64]


class TierUnit(StrEnum):
    """What the floors of a schedule are counted in."""

    NOTIONAL = "notional"
    """USD notional at the price in question (linear), coin value (inverse)."""
    CONTRACTS = "contracts"
    """Contracts held: the bracket does not move with the price."""


@dataclass(frozen=True, slots=True)
class MarginSchedule:
    """Brackets of one instrument, lowest first.

    In bracket k the maintenance margin is ``rates[k] * notional - deductions[k]``. With the
    deductions of :meth:`continuous` the margin has no jump and, the rates rising, is the
    greatest of the brackets' lines at every notional.

    A venue may instead let one rate grow with the size, without steps: with ``growth`` g the
    margin of S units of the coin is ``S * (rates[0] + g * S)``, valued in the coin (inverse, S =
    face / price) or times the price (linear, S = size).

    Parameters
    ----------
    floors
        Shape (K,). Least size of each bracket in ``unit``; the first is 0. A size exactly on a
        floor belongs to the higher bracket.
    rates
        Shape (K,). Maintenance margin rate, a fraction, rising.
    deductions
        Shape (K,). Maintenance amount in the settlement currency.
    max_leverage
        Shape (K,). Highest initial leverage; NaN where the venue does not say.
    unit
        What ``floors`` counts.
    source
        Where the numbers come from and the date they held.
    cautious
        True if this schedule stands in for one that is unknown.
    growth
        By how much the rate grows with each unit of the coin held, initial margin alike.
    """

    floors: Floats
    rates: Floats
    deductions: Floats
    max_leverage: Floats
    unit: TierUnit = TierUnit.NOTIONAL
    source: str = ""
    cautious: bool = field(default=False, compare=False)
    growth: float = 0.0

    def __post_init__(self) -> None:
        sizes = {a.shape for a in (self.floors, self.rates, self.deductions, self.max_leverage)}
        if len(sizes) != 1 or self.floors.ndim != 1 or self.floors.size == 0:
            raise RuleError(
                Mistake("brackets of unequal length", self.source, value=str(sorted(sizes)))
            )
        if self.floors[0] != 0.0 or np.any(np.diff(self.floors) <= 0):
            raise RuleError(
                Mistake(
                    "bracket floors must start at 0 and rise",
                    self.source,
                    column="floors",
                    value=str(self.floors.tolist()),
                )
            )
        bad = (self.rates < 0) | (self.rates >= 1) | ~np.isfinite(self.rates)
        if np.any(bad) or np.any(np.diff(self.rates) < 0):
            raise RuleError(
                Mistake(
                    "maintenance margin rates must rise",
                    self.source,
                    column="rates",
                    value=str(self.rates.tolist()),
                    allowed="fractions, 0 <= rate < 1",
                )
            )
        if not (np.isfinite(self.growth) and self.growth >= 0.0):
            raise RuleError(
                Mistake(
                    "growth out of range",
                    self.source,
                    column="growth",
                    value=f"{self.growth:g}",
                    allowed="0 or more per unit of the coin",
                )
            )
        if self.growth > 0.0 and (self.floors.size > 1 or self.unit is not TierUnit.NOTIONAL):
            raise RuleError(
                Mistake(
                    "a rate that grows with the size has no brackets",
                    self.source,
                    column="growth",
                    value=f"{self.growth:g}",
                    allowed="one bracket by notional",
                )
            )

    @classmethod
    def flat(
        cls, rate: float, deduction: float = 0.0, source: str = "", growth: float = 0.0
    ) -> MarginSchedule:
        """One bracket for every size."""
        one = np.ones(1)
        return cls(
            0.0 * one, rate * one, deduction * one, np.nan * one, source=source, growth=growth
        )

    @classmethod
    def continuous(
        cls,
        floors: Floats,
        rates: Floats,
        max_leverage: Floats | None = None,
        source: str = "",
        cautious: bool = False,
    ) -> MarginSchedule:
        """Schedule whose deductions make the margin continuous at every floor."""
        floors = np.asarray(floors, dtype=np.float64)
        rates = np.asarray(rates, dtype=np.float64)
        leverage = np.full_like(floors, np.nan) if max_leverage is None else max_leverage
        return cls(
            floors,
            rates,
            continuous_deductions(floors, rates),
            np.asarray(leverage, dtype=np.float64),
            source=source,
            cautious=cautious,
        )

    @classmethod
    def stepped(
        cls,
        floors: Floats,
        rates: Floats,
        max_leverage: Floats | None = None,
        source: str = "",
        cautious: bool = False,
    ) -> MarginSchedule:
        """Schedule by contracts held, the whole position at its bracket's rate (OKX)."""
        floors = np.asarray(floors, dtype=np.float64)
        leverage = np.full_like(floors, np.nan) if max_leverage is None else max_leverage
        return cls(
            floors,
            np.asarray(rates, dtype=np.float64),
            np.zeros_like(floors),
            np.asarray(leverage, dtype=np.float64),
            TierUnit.CONTRACTS,
            source,
            cautious,
        )

    def bracket(self, size: Floats | float) -> NDArray[np.intp]:
        """Index of the bracket of each size, in ``unit``."""
        return np.searchsorted(self.floors, np.abs(size), side="right") - 1


def continuous_deductions(floors: Floats, rates: Floats, first: float = 0.0) -> Floats:
    """Maintenance amounts that make the margin continuous.

    ``d[0] = first``, ``d[k] = d[k-1] + floors[k] * (rates[k] - rates[k-1])``, in the unit of
    ``floors`` times one (USD for linear contracts, coin for inverse).

    Source: Binance FAQ "Leverage and Margin of USD-M Futures" and
    ceccfcfb4e3a45e3b48b0b1bb1a8ae46 (COIN-M); Bybit "Maintenance margin deduction"; Hyperliquid
    docs "Margin tiers". The same recurrence under three names.
    """
    floors = np.asarray(floors, dtype=np.float64)
    rates = np.asarray(rates, dtype=np.float64)
    steps = floors[1:] * np.diff(rates)
    return np.concatenate(([first], first + np.cumsum(steps)))
