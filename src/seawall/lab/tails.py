"""Statistics of returns: tails, clustering, and how sure they are over independent runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seawall.core import InputError, Mistake

Floats = NDArray[np.float64]
Statistic = Callable[[Floats], float]

_NORMAL_975 = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value and its 95% interval; NaN ends where there is none."""

    value: float
    low: float
    high: float

    @property
    def clear(self) -> bool:
        """Whether the interval leaves out 0."""
        return bool(self.low > 0.0 or self.high < 0.0)


def kurtosis(values: Floats) -> float:
    """Fourth central moment over the squared variance: 3 for a normal distribution."""
    centred = values - values.mean()
    return float((centred**4).mean() / (centred**2).mean() ** 2)


def hill(values: Floats, share: float = 0.01) -> float:
    """Tail exponent of ``|values|``: Hill's estimator over the largest ``share`` of them.

    Source: Hill (1975), Annals of Statistics 3, 1163-1174.

    Raises
    ------
    InputError
        If fewer than two values are in the tail.
    """
    size, count = np.sort(np.abs(values)), round(share * len(values))
    if not 2 <= count < len(size):
        raise InputError(
            Mistake("too few values in the tail", "share", value=f"{share:g}", allowed="2 or more")
        )
    mean = float(np.log(size[-count:] / size[-count - 1]).mean())
    return 1.0 / mean if mean > 0.0 else np.inf


def hill_interval(values: Floats, share: float = 0.01) -> Estimate:
    """:func:`hill` with its interval for independent values: the estimate over root of count.

    Returns that cluster are not independent: for those resample runs, with :func:`over_runs`.
    """
    exponent = hill(values, share)
    half = _NORMAL_975 * exponent / np.sqrt(round(share * len(values)))
    return Estimate(exponent, exponent - half, exponent + half)


def clustering(values: Floats, lag: int = 1) -> float:
    """Autocorrelation of ``|values|`` at a lag."""
    size = np.abs(values)
    centred = size - size.mean()
    return float((centred[lag:] * centred[:-lag]).sum() / (centred**2).sum())


def over_runs(
    runs: Sequence[Floats], statistic: Callable[[Sequence[Floats]], float], draws: int, seed: int
) -> Estimate:
    """A statistic of several runs, and the 2.5% and 97.5% quantiles as runs are resampled.

    Whole runs are drawn with replacement, so that what hangs together within one stays together.
    """
    rng = np.random.default_rng([seed, 0x7A])
    rows = rng.integers(0, len(runs), (draws, len(runs)))
    found = np.array([statistic([runs[k] for k in row]) for row in rows])
    low, high = np.quantile(found, (0.025, 0.975)).tolist()
    return Estimate(statistic(runs), low, high)


def power_law(size: Floats, effect: Floats) -> float:
    """Exponent of ``effect ~ size ** exponent``: least squares of the logarithms."""
    return float(np.polyfit(np.log(size), np.log(effect), 1)[0])
