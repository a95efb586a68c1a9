"""How far forced orders move a price, and what is known of the law's parameters."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from seawall.core import InputError, Mistake

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ImpactLaw:
    """``log price moves by sign(F) * 0.01 * (|F| / depth) ** exponent``.

    F is the cumulative forced buying less selling in USD and ``depth`` the USD resting within
    1% of mid on the side that is hit, times the share that market makers leave standing.

    Parameters
    ----------
    exponent
        1 is linear, 0.5 the square root.
    thinning
        What market makers' withdrawal does to the depth: the share that remains (0 < t <= 1) or
        the multiple by which the book thins (t > 1); 1 is no withdrawal.
    exponent_se
        Standard error of the exponent; 0 if it is given, not estimated.
    thinning_log_sd
        Standard deviation of log thinning between events; 0 if it is given.
    source
        Where the numbers come from.

    Source
    ------
    Empirical law of forced volume over depth: 639 events of 21 symbols, 2023-01 to 2026-06,
    exponent 0.875 +- 0.078, book within 1% thinner by 3.4x at the median and 17x at the 90th
    percentile (min66633). Per trader and stock the square root is the better known law: Sato
    and Kanazawa (2025), 0.489 +- 0.0015.
    """

    exponent: float = 0.875
    thinning: float = 3.4
    exponent_se: float = 0.0
    thinning_log_sd: float = 0.0
    source: str = "given"

    def __post_init__(self) -> None:
        for name, value, high in (
            ("impact exponent", self.exponent, 3.0),
            ("thinning", self.thinning, 1e6),
        ):
            if not (math.isfinite(value) and 0.0 < value <= high):
                raise InputError(
                    Mistake(f"{name} out of range", value=str(value), allowed=f"0 < x <= {high:g}")
                )

    @property
    def remaining(self) -> float:
        """Share of the calm depth that is left, in (0, 1]."""
        return self.thinning if self.thinning <= 1.0 else 1.0 / self.thinning

    @property
    def uncertain(self) -> bool:
        """Whether any parameter is an estimate, so that results carry a band."""
        return self.exponent_se > 0 or self.thinning_log_sd > 0

    def draws(self, count: int, seed: int) -> tuple[Floats, Floats]:
        """Exponents and remaining shares of depth drawn from their uncertainty.

        Two arrays of shape (count,). The exponent is normal, kept within 0.05 and 3; the
        thinning is log-normal, and no withdrawal makes a book deeper than it was. The draws are
        a Latin hypercube: one in each of ``count`` equally likely strata of either parameter,
        so that even a few dozen have the law's quantiles.
        """
        rng = np.random.default_rng([seed, 0x1A])
        normal = NormalDist()
        middles = np.array([normal.inv_cdf((k + 0.5) / count) for k in range(count)])
        exponent = self.exponent + self.exponent_se * rng.permutation(middles)
        spread = np.exp(self.thinning_log_sd * rng.permutation(middles))
        return np.clip(exponent, 0.05, 3.0), np.minimum(self.remaining / spread, 1.0)


_NORMAL_90 = 1.2815515655446004

EMPIRICAL = ImpactLaw(
    exponent=0.875,
    thinning=3.4,
    exponent_se=0.078,
    thinning_log_sd=math.log(17 / 3.4) / _NORMAL_90,
    source="min66633: 639 forced-flow events, 21 symbols, 2023-01 to 2026-06",
)
"""The default: exponent and thinning as measured, with their spread."""


SQUARE_ROOT = ImpactLaw(
    exponent=0.489,
    thinning=3.4,
    exponent_se=0.0015,
    thinning_log_sd=math.log(17 / 3.4) / _NORMAL_90,
    source="Sato and Kanazawa 2025 (exponent); min66633, 639 events (thinning)",
)
"""The square-root law of metaorders, with the thinning seen when orders are forced."""
