"""How volatile prices are now: hours of the week, and a GARCH model of what they leave."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seawall.core import InputError, Mistake
from seawall.desk.paths import DAY

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

HOUR_NS = 3_600 * 10**9
_HOURS = 24
_CLASSES = 2 * _HOURS
_SHRINK = 40.0
"""Observations of the mean of all hours that each hour's own are mixed with."""
_LEVEL_DAYS = 30.0
"""Half-life of the past in the variance that the present one returns to."""
BOUND = 4.0
"""Standard deviations beyond which a change moves the variance no further."""
_ROUGH = (0.02, 0.08, 0.9)
"""Omega, alpha and beta of that rough volatility, of changes of variance 1."""
_LONGEST_DAYS = 7.0
"""Half-life of a shock to the variance beyond which it is not believed."""


@dataclass(frozen=True, slots=True, eq=False)
class Volatility:
    """A GARCH(1, 1) a column, filtered over the past.

    The variance of the next change without its season is ``omega + (alpha * z**2 + beta) * v``
    with the present one ``v`` and the residual ``z``, held within :data:`BOUND`.

    Attributes
    ----------
    omega, alpha, beta
        Shape (A,).
    sigma
        Shape (T, A): standard deviation of each past change, its season taken out.
    ahead
        Shape (A,): variance of the change to come.
    season
        Shape (48,): factor of each hour of a working day, then of a day of a weekend, UTC.
    """

    omega: Floats
    alpha: Floats
    beta: Floats
    sigma: Floats
    ahead: Floats
    season: Floats

    def seasons(self, time: Ints) -> Floats:
        """Shape of ``time``: the factor at UTC ns."""
        return self.season[hour_class(time)]


def hour_class(time: Ints) -> Ints:
    """Hour of the day of UTC ns, 0 to 23, plus 24 on Saturdays and Sundays."""
    hours = np.asarray(time, dtype=np.int64) // HOUR_NS
    # 1970-01-01 was a Thursday
    weekend = (hours // _HOURS + 3) % 7 >= 5
    return hours % _HOURS + _HOURS * weekend


def fit_volatility(changes: Floats, time: Ints, before: Volatility | None = None) -> Volatility:
    """Season and GARCH of log changes.

    Parameters
    ----------
    changes
        Shape (T, A): log changes.
    time
        Shape (T,): UTC ns at which each began.
    before
        A fit whose season and parameters are kept; the past is filtered anew, not fitted.

    Raises
    ------
    InputError
        If a price never moved, or ``arch`` is not installed.

    Notes
    -----
    How much a change moves the variance and how much of that stays are fitted, to changes held
    within :data:`BOUND` of a rough volatility: one crash would otherwise decide both. Where the
    variance returns to is that of the recent past: on a year of hours the likelihood hardly tells
    it, and what it says is off by multiples. Sources: Bollerslev, *Journal of Econometrics* 31
    (1986); bounded shocks, Boudt, Danielsson and Laurent, *International Journal of Forecasting* 29
    (2013); variance targeting, Engle and Mezrich, *Risk* 9 (1996); the season, Andersen and
    Bollerslev, *Journal of Empirical Finance* 4 (1997).
    """
    season = _season(changes, time) if before is None else before.season
    plain = changes / season[hour_class(time)][:, None]
    step = float(time[1] - time[0]) / 1e9
    fits = [
        _garch(plain[:, a], step, None if before is None else _given(before, a))
        for a in range(changes.shape[1])
    ]
    omega, alpha, beta, sigma = (np.array([f[k] for f in fits]) for k in range(4))
    last = sigma[:, -1]
    ahead = omega + alpha * np.minimum(np.abs(plain[-1]), BOUND * last) ** 2 + beta * last**2
    return Volatility(omega, alpha, beta, sigma.T.copy(), ahead, season)


def _season(changes: Floats, time: Ints) -> Floats:
    """Mean size of a change by hour class over that of all, shared by the assets."""
    size = np.abs(changes) / np.abs(changes).mean(axis=0)
    # one wild hour must not make its hour of the day wild
    size = np.minimum(size, 5.0).mean(axis=1)
    group = hour_class(time)
    total = np.bincount(group, size, _CLASSES) + _SHRINK * size.mean()
    season = total / (np.bincount(group, minlength=_CLASSES) + _SHRINK)
    return np.asarray(season / np.sqrt(np.mean(season[group] ** 2)))


def _given(before: Volatility, a: int) -> Floats:
    return np.array([before.omega[a], before.alpha[a], before.beta[a]])


def _garch(
    changes: Floats, step: float, given: Floats | None
) -> tuple[float, float, float, Floats]:
    """Omega, alpha, beta and standard deviations (T,) of one asset."""
    model_of = _arch_model()
    unit = float(changes.std())

    def model(values: Floats) -> Any:
        return model_of(values / unit, mean="Zero", vol="GARCH", p=1, q=1, rescale=False)

    rough = np.asarray(model(changes).fix(_ROUGH).conditional_volatility) * unit
    bounded = np.clip(changes, -BOUND * rough, BOUND * rough)
    if given is None:
        import warnings

        with warnings.catch_warnings():
            # a fit that stops early is still a filter; the grading says what it is worth
            warnings.simplefilter("ignore")
            fitted = model(bounded).fit(disp="off", show_warning=False).params
        alpha, most = float(fitted.iloc[1]), 0.5 ** (step / (_LONGEST_DAYS * DAY))
        beta = max(0.0, min(float(fitted.iloc[2]), most - alpha))
        weight = 0.5 ** (np.arange(len(changes))[::-1] * step / (_LEVEL_DAYS * DAY))
        level = float(np.sum(weight * bounded**2) / weight.sum())
        omega = (1.0 - alpha - beta) * level
    else:
        omega, alpha, beta = (float(x) for x in given)
    fixed = model(bounded).fix([omega / unit**2, alpha, beta])
    sigma = np.asarray(fixed.conditional_volatility, dtype=np.float64) * unit
    return omega, alpha, beta, sigma


def _arch_model() -> Any:
    try:
        from arch import arch_model
    except ImportError:
        raise InputError(
            Mistake(
                "the model of prices is fitted by arch, which is not installed",
                mend="Install seawall[econ]",
            )
        ) from None
    return arch_model
