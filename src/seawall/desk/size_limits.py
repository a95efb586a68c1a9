"""What a size is held to, and which of it binds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from seawall.core import InputError, Mistake
from seawall.desk.paths import DAY

LONGEST = 30 * DAY
"""Horizon in seconds beyond which nothing is asked of prices that were graded over a week."""


class Bound(StrEnum):
    """What can bind a size."""

    PROBABILITY = "probability of liquidation"
    SHORTFALL = "expected shortfall"
    DEPTH = "depth"
    KELLY = "Kelly"
    VOLATILITY = "volatility target"
    LEVERAGE = "leverage cap"
    BRACKETS = "the venue's brackets"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Limits of a size.

    Parameters
    ----------
    probability
        Greatest probability of a liquidation within ``horizon``, above 0, below 1.
    horizon
        Seconds, up to 30 days.
    shortfall
        Greatest expected shortfall of the account within it, a fraction of its equity, > 0.
    cost
        Greatest slippage of closing the position in a stressed book, a fraction of it, > 0.
    leverage
        Cap on notional over equity; None for none.
    volatility
        Target of the account's daily standard deviation, a fraction of its equity; None for none.
    kelly
        Leverage that an edge is worth, >= 0; None where nobody claims one.

    Raises
    ------
    InputError
        Naming all that are out of range.
    """

    probability: float = 0.01
    horizon: float = 7 * DAY
    shortfall: float = 0.2
    cost: float = 0.002
    leverage: float | None = None
    volatility: float | None = None
    kelly: float | None = None

    def __post_init__(self) -> None:
        checks = (
            ("--probability", self.probability, 0.0 < self.probability < 1.0, "above 0, below 1"),
            (
                "--horizon",
                self.horizon,
                0.0 < self.horizon <= LONGEST,
                f"seconds above 0, up to {LONGEST:.0f} (30 days)",
            ),
            ("--budget", self.shortfall, 0.0 < self.shortfall < np.inf, "above 0"),
            ("--cost", self.cost, 0.0 < self.cost < 1.0, "above 0%, below 100%"),
            (
                "--most-leverage",
                self.leverage,
                self.leverage is None or self.leverage > 0.0,
                "above 0",
            ),
            (
                "--target",
                self.volatility,
                self.volatility is None or self.volatility > 0.0,
                "above 0",
            ),
            ("--edge", self.kelly, self.kelly is None or self.kelly >= 0.0, "a leverage >= 0"),
        )
        wrong = [
            Mistake("out of range", name, value=f"{value:g}", allowed=allowed)
            for name, value, sound, allowed in checks
            if not sound
        ]
        if wrong:
            raise InputError(wrong)
