"""The one algebra of risk: what an account has, and what it needs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class MarginState:
    """Equity and margins of positions, accounts or venues; adds, compares, answers.

    All three have one shape and one currency.

    Parameters
    ----------
    equity
        Margin balance including unrealised profit.
    initial
        Margin needed to hold the position as opened; NaN where no leverage is known.
    maintenance
        Margin below which it is liquidated.
    """

    equity: Floats
    initial: Floats
    maintenance: Floats

    def __add__(self, other: MarginState) -> MarginState:
        return MarginState(
            self.equity + other.equity,
            self.initial + other.initial,
            self.maintenance + other.maintenance,
        )

    def total(self) -> MarginState:
        """The sum over all rows, as arrays of one."""
        return MarginState(
            np.atleast_1d(self.equity.sum()),
            np.atleast_1d(self.initial.sum()),
            np.atleast_1d(self.maintenance.sum()),
        )

    @property
    def excess(self) -> Floats:
        """Equity above maintenance; <= 0 is liquidation."""
        return self.equity - self.maintenance

    @property
    def ratio(self) -> Floats:
        """Maintenance / equity: 1 is liquidation; infinite where equity is gone."""
        # an equity of next to nothing is as good as gone: its ratio may overflow to infinity
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            return np.where(self.equity > 0, self.maintenance / self.equity, np.inf)

    @property
    def liquidatable(self) -> NDArray[np.bool_]:
        """Whether equity no longer exceeds maintenance."""
        return self.equity <= self.maintenance

    @property
    def bankrupt(self) -> NDArray[np.bool_]:
        """Whether equity is below zero."""
        return self.equity < 0

    def riskier_than(self, other: MarginState) -> NDArray[np.bool_]:
        """Row by row, whether the margin ratio is higher than that of ``other``."""
        return self.ratio > other.ratio
