"""Two scenarios on common random numbers: what the difference between them does.

Base and reform meet the same noise, seed by seed, so that what both share cancels and the
difference is seen with far fewer runs than from independent ones.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from seawall.core import InputError, Mistake
from seawall.sim.batch import Failure, Outcome, Result
from seawall.sim.summary import Row

Floats = NDArray[np.float64]

LEVEL = 0.95
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(64)


@dataclass(frozen=True, slots=True)
class Difference:
    """One measure under base and reform.

    Attributes
    ----------
    name
        Its name in :func:`seawall.sim.summary.summarise`.
    pairs
        Seeds in which it is defined under both.
    base, reform
        Means over them, with the ends of their 95% intervals.
    change
        Mean of reform less base, with the ends of its 95% interval: paired t.
    """

    name: str
    pairs: int
    base: tuple[float, float, float]
    reform: tuple[float, float, float]
    change: tuple[float, float, float]

    @property
    def clear(self) -> bool:
        """Whether the interval of the change leaves out 0."""
        return bool(self.change[1] > 0 or self.change[2] < 0)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Every measure compared, and the runs that failed.

    Attributes
    ----------
    differences
        In the order in which runs name them.
    seeds
        Seeds with a run of both.
    failures
        Runs that failed; their seed is in no figure.
    """

    differences: tuple[Difference, ...]
    seeds: tuple[int, ...]
    failures: tuple[Failure, ...]

    def of(self, name: str) -> Difference:
        """The difference in one measure."""
        return next(d for d in self.differences if d.name == name)


def compare_rows(results: Sequence[Result]) -> Comparison:
    """Compare runs of setup 0 (base) and setup 1 (reform) seed by seed.

    Raises
    ------
    InputError
        If fewer than two seeds went through under both.
    """
    rows: tuple[dict[int, Row], dict[int, Row]] = ({}, {})
    for result in results:
        if isinstance(result, Outcome):
            rows[result.task.setup][result.task.seed] = result.row
    failures = tuple(x for x in results if isinstance(x, Failure))
    seeds = tuple(sorted(rows[0].keys() & rows[1].keys()))
    if len(seeds) < 2:
        first = failures[0].message if failures else "no run was made"
        raise InputError(
            Mistake(
                "too few runs went through to compare",
                "runs",
                value=str(len(seeds)),
                allowed="2 or more seeds under both scenarios",
                mend=f"The first failure: {first}",
            )
        )
    names = dict.fromkeys([*rows[0][seeds[0]], *rows[1][seeds[0]]])
    found = [_difference(n, [[r[s].get(n, math.nan) for s in seeds] for r in rows]) for n in names]
    return Comparison(tuple(found), seeds, failures)


def _difference(name: str, values: Sequence[Sequence[float]]) -> Difference:
    base, reform = (np.array(v, dtype=np.float64) for v in values)
    both = np.isfinite(base) & np.isfinite(reform)
    return Difference(
        name=name,
        pairs=int(both.sum()),
        base=mean_interval(base[both]),
        reform=mean_interval(reform[both]),
        change=mean_interval((reform - base)[both]),
    )


def mean_interval(values: Floats, level: float = LEVEL) -> tuple[float, float, float]:
    """Mean and the ends of its interval by Student's t; NaN ends below two values.

    Of paired differences it is the paired t interval. Assumes that means over runs are near
    normal: with heavy tails and few runs the interval is too narrow.
    """
    n = len(values)
    if n == 0:
        return (math.nan,) * 3
    mean = float(values.mean())
    if n == 1:
        return mean, math.nan, math.nan
    half = t_quantile(0.5 + 0.5 * level, n - 1) * float(values.std(ddof=1)) / math.sqrt(n)
    return mean, mean - half, mean + half


@cache
def t_quantile(probability: float, degrees: int) -> float:
    """Quantile of Student's t at a probability of 0.5 or more, by bisection of its distribution."""
    low, high = 0.0, 1.0
    while _t_tail(high, degrees) > 1.0 - probability:
        high *= 2.0
    for _ in range(80):
        middle = 0.5 * (low + high)
        if _t_tail(middle, degrees) > 1.0 - probability:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


def _t_tail(t: float, degrees: int) -> float:
    """Probability beyond t >= 0: half the incomplete beta function I_x(degrees / 2, 1 / 2).

    With x = sin^2 the integrand is a power of the sine: Gauss and Legendre's rule over the part
    that counts, which with many degrees is a narrow one at the end, gives it to 1e-10.
    """
    end = math.atan2(math.sqrt(degrees), t)
    begin = max(0.0, end - 12.0 / math.sqrt(degrees))
    half = 0.5 * (end - begin)
    angle = begin + half * (_NODES + 1.0)
    area = half * float(np.sum(_WEIGHTS * np.sin(angle) ** (degrees - 1)))
    log_beta = math.lgamma(0.5 * degrees) + math.lgamma(0.5) - math.lgamma(0.5 * degrees + 0.5)
    return area * math.exp(-log_beta)
