"""What a walk forward was worth: reliability, Brier scores, and exceedances of the tail."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seawall.core import InputError, Mistake
from seawall.desk.grading import EDGES, MODELS, Trials
from seawall.desk.paths import DAY

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

COARSE = (0.0, 0.05, 0.25, 1.0)
"""The same of one asset alone, of which there are fewer forecasts."""
LEVELS = (0.05, 0.01)
"""Probabilities whose quantile the tail is tested at."""
LEAST_TRIALS = 20
_WEEK = round(7 * DAY * 1e9)
_BLOCK = 4
_DRAWS = 1_000
_LUCK = 10_000


@dataclass(frozen=True, slots=True)
class Reliability:
    """Forecasts of one bin at one horizon, all accounts together.

    ``low`` and ``high`` are the ends of the 95% interval of ``realised / predicted``, by a
    bootstrap of blocks of four weeks; NaN where the bin is too thin. ``chance_low`` and
    ``chance_high`` are those of the ratios that chance alone would give if every forecast were
    right; NaN where that is not known.
    """

    horizon: float
    above: float
    below: float
    forecasts: int
    predicted: float
    realised: float
    low: float
    high: float
    chance_low: float = float("nan")
    chance_high: float = float("nan")

    @property
    def ratio(self) -> float:
        """What came over what was predicted."""
        return self.realised / self.predicted if self.predicted > 0 else float("nan")

    @property
    def calibrated(self) -> bool:
        """Whether the interval holds 1; a bin without an interval shows nothing against it."""
        return not (self.low > 1.0 or self.high < 1.0)


@dataclass(frozen=True, slots=True)
class Brier:
    """Mean squared error of the probabilities of one group of accounts at one horizon.

    ``low`` and ``high`` are the ends of the 95% interval of ours less each rival's: below 0 ours
    is better.
    """

    group: str
    horizon: float
    forecasts: int
    realised: float
    score: dict[str, float]
    low: dict[str, float]
    high: dict[str, float]


@dataclass(frozen=True, slots=True)
class Exceedance:
    """How often one asset went beyond a quantile of its lowest or highest price.

    ``coverage`` is the exact binomial test's p of the count, ``independence`` Christoffersen's
    of exceedances one after the other (NaN with fewer than two). Windows do not overlap.
    """

    model: str
    asset: str
    side: str
    horizon: float
    level: float
    windows: int
    expected: float
    count: int
    coverage: float
    independence: float


def reliability(
    trials: Trials, model: int = 0, call: bool = False, edges: Sequence[float] = EDGES
) -> tuple[Reliability, ...]:
    """Predicted against realised frequency, bin by bin and over all bins.

    Parameters
    ----------
    model
        Index into :data:`seawall.desk.grading.MODELS`.
    call
        Of margin calls instead of liquidations; ours alone.
    """
    rows = []
    for k, horizon in enumerate(trials.horizons):
        p = trials.call[:, :, k] if call else trials.probability[model, :, :, k]
        y = trials.called[:, :, k] if call else trials.happened[:, :, k]
        bins = [*pairwise(edges), (0.0, 1.0)]
        for above, below in bins:
            # the last bin holds 1 itself; certainties of 0 are in the first
            mine = (p >= above) & ((p < below) | (below == 1.0))
            row = _bin(trials, horizon, (above, below), p, y, mine)
            if not model and not call and above in EDGES and below in EDGES:
                low, high = _by_chance(trials, k, EDGES.index(above), EDGES.index(below))
                row = replace(row, chance_low=low, chance_high=high)
            rows.append(row)
    return tuple(rows)


def _by_chance(trials: Trials, k: int, first: int, last: int) -> tuple[float, float]:
    """95% of the ratios that right forecasts of some bins would give, by our own paths.

    What falls together on a path falls together here: all accounts of all coins at once. Windows
    that begin within one horizon share their luck in full, others none: the variance of the sum is
    then that of windows that overlap.
    """
    if trials.together is None:
        return float("nan"), float("nan")
    fallen = np.sort(trials.together[:, k, first:last].sum(axis=1, dtype=np.int64), axis=1)
    expected, count = float(fallen.mean(axis=1).sum()), fallen.shape[1]
    if expected == 0.0:
        return float("nan"), float("nan")
    window = (trials.time - trials.time[0]) // round(trials.horizons[k] * 1e9)
    rng, total, before = np.random.default_rng(0), np.zeros(_LUCK), -1
    for row, now in zip(fallen, window.tolist(), strict=True):
        if now != before:
            place, before = rng.integers(count, size=_LUCK), now
        total += row[place]
    low, high = np.quantile(total / expected, (0.025, 0.975))
    return float(low), float(high)


def reliability_by_group(trials: Trials) -> dict[str, tuple[Reliability, ...]]:
    """Ours, of each asset's accounts and of the cross accounts, in coarser bins."""
    rows = {}
    for group, mine in _groups(trials).items():
        if group != "all" and mine.any():
            axes = {"probability": 2, "happened": 1, "call": 1, "called": 1}
            parts: dict[str, Any] = {
                name: np.compress(mine, getattr(trials, name), axis) for name, axis in axes.items()
            }
            names = tuple(np.array(trials.accounts)[mine].tolist())
            some = replace(trials, accounts=names, together=None, **parts)
            rows[group] = reliability(some, edges=COARSE)
    return rows


def _groups(trials: Trials) -> dict[str, Mask]:
    """Accounts of each asset, the cross accounts, and all, shape (K,) each."""
    first = np.array([name.partition(" ")[0] for name in trials.accounts])
    groups = {a: first == a for a in trials.assets}
    return groups | {"cross": first == "cross", "all": np.ones(len(first), dtype=np.bool_)}


def _bin(
    trials: Trials, horizon: float, ends: tuple[float, float], p: Floats, y: Mask, mine: Mask
) -> Reliability:
    count = int(mine.sum())
    predicted = float(p[mine].mean()) if count else np.nan
    realised = float(y[mine].mean()) if count else np.nan
    low = high = np.nan
    if count >= LEAST_TRIALS and y[mine].any():
        sums = np.stack([(p * mine).sum(axis=1), (y & mine).sum(axis=1)], axis=1)
        low, high = _interval(trials, sums, lambda s: s[:, 1].sum() / s[:, 0].sum())
    return Reliability(horizon, *ends, count, predicted, realised, low, high)


def brier(trials: Trials) -> tuple[Brier, ...]:
    """Brier scores by asset, of the cross accounts, and of all, at each horizon."""
    groups, rows = _groups(trials), []
    for k, horizon in enumerate(trials.horizons):
        y = trials.happened[:, :, k]
        error = (trials.probability[:, :, :, k] - y) ** 2
        for group, mine in groups.items():
            if not mine.any():
                continue
            score, low, high = {}, {}, {}
            for m, name in enumerate(MODELS):
                score[name] = float(error[m][:, mine].mean())
                if m:
                    less = (error[0] - error[m])[:, mine].mean(axis=1)
                    low[name], high[name] = _interval(
                        trials, less[:, None], lambda s: float(s.mean())
                    )
            realised = float(y[:, mine].mean())
            rows.append(Brier(group, horizon, y[:, mine].size, realised, score, low, high))
    return tuple(rows)


def exceedances(trials: Trials, levels: Sequence[float] = LEVELS) -> tuple[Exceedance, ...]:
    """The test of the tails, by model, asset, side and horizon.

    Notes
    -----
    Sources: Kupiec, *Journal of Derivatives* 3 (1995), here by the exact binomial law;
    Christoffersen, *International Economic Review* 39 (1998).
    """
    from scipy.stats import binomtest

    rows = []
    for k, horizon in enumerate(trials.horizons):
        apart = _apart(trials, horizon)
        for m, model in enumerate(MODELS):
            for a, asset in enumerate(trials.assets):
                for s, side in enumerate(("low", "high")):
                    place = trials.place[m, apart, a, s, k]
                    for level in levels:
                        beyond = place <= level
                        n, count = len(beyond), int(beyond.sum())
                        p = float(binomtest(count, n, level).pvalue)
                        rows.append(
                            Exceedance(model, asset, side, horizon, level, n, n * level, count, p,
                                       _independence(beyond))
                        )  # fmt: skip
    return tuple(rows)


def _apart(trials: Trials, horizon: float) -> NDArray[np.intp]:
    """Forecasts whose windows do not overlap."""
    chosen, free = [], -(2**63)
    for n, time in enumerate(trials.time.tolist()):
        if time >= free:
            chosen.append(n)
            free = time + round(horizon * 1e9)
    return np.array(chosen, dtype=np.intp)


def _independence(beyond: Mask) -> float:
    """p of Christoffersen's likelihood ratio: does an exceedance make the next likelier?"""
    from scipy.stats import chi2

    if beyond.sum() < 2:
        return float("nan")
    pair = np.bincount(2 * beyond[:-1] + beyond[1:], minlength=4).reshape(2, 2).astype(np.float64)

    def log_likelihood(quiet: float, beyond_: float) -> float:
        total = quiet + beyond_
        return sum(c * float(np.log(c / total)) for c in (quiet, beyond_) if c > 0)

    apart = log_likelihood(*pair[0]) + log_likelihood(*pair[1])
    together = log_likelihood(*pair.sum(axis=0))
    return float(chi2.sf(max(0.0, 2.0 * (apart - together)), 1))


def _interval(
    trials: Trials, rows: Floats, figure: Callable[[Floats], float]
) -> tuple[float, float]:
    """95% interval of a figure of the forecasts' rows (N, c), weeks drawn in blocks of four."""
    try:
        from arch.bootstrap import CircularBlockBootstrap
    except ImportError:
        raise InputError(
            Mistake("intervals are drawn by arch, which is not installed",
                    mend="Install seawall[econ]")
        ) from None  # fmt: skip
    week = (trials.time - trials.time[0]) // _WEEK
    columns = [np.bincount(week, rows[:, c]) for c in range(rows.shape[1])]
    sums: Floats = np.stack(columns, axis=1).astype(np.float64)
    if rows.shape[1] == 1:
        sums = sums / np.maximum(np.bincount(week), 1)[:, None]
    if len(sums) < 2 * _BLOCK:
        return float("nan"), float("nan")
    drawn = CircularBlockBootstrap(_BLOCK, sums, seed=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = drawn.apply(figure, _DRAWS).ravel()
    low, high = np.nanquantile(found, (0.025, 0.975))
    return float(low), float(high)
