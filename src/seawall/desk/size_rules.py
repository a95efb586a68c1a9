"""Sizes that follow from an edge, and what to do as volatility moves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from seawall.core import InputError, Mistake
from seawall.desk.paths import DAY
from seawall.desk.prices import HOUR, PriceModel

DAYS = 365.0
"""Of a year, for figures a year."""


@dataclass(frozen=True, slots=True)
class Edge:
    """What somebody expects of a position.

    Parameters
    ----------
    mean
        Expected return a year in the position's direction, after all costs, a fraction.
    error
        Standard error of it, >= 0; None for that of a mean over the history given.
    fraction
        Of the Kelly size that is taken, above 0, at most 1.

    Raises
    ------
    InputError
        If any is out of range.
    """

    mean: float
    error: float | None = None
    fraction: float = 0.5

    def __post_init__(self) -> None:
        wrong = []
        if not np.isfinite(self.mean):
            wrong.append(Mistake("not finite", "--edge", value=f"{self.mean:g}"))
        if self.error is not None and not 0.0 <= self.error < np.inf:
            wrong.append(
                Mistake(
                    "out of range", "--edge-error", value=f"{self.error:g}", allowed="0 or more"
                )
            )
        if not 0.0 < self.fraction <= 1.0:
            wrong.append(
                Mistake(
                    "out of range",
                    "--kelly-fraction",
                    value=f"{self.fraction:g}",
                    allowed="above 0, at most 1",
                )
            )
        if wrong:
            raise InputError(wrong)


@dataclass(frozen=True, slots=True)
class Kelly:
    """A growth-optimal leverage and how much of it an uncertain edge leaves.

    ``full`` is mean over variance, ``shrunk`` the same times ``mean**2 / (mean**2 + error**2)``,
    ``leverage`` the fraction of it that is taken, never below 0.
    """

    edge: Edge
    error: float
    sigma: float
    full: float
    shrunk: float
    leverage: float


def kelly(edge: Edge, daily_sigma: float, years: float) -> Kelly:
    """Leverage for an edge that is only estimated.

    Parameters
    ----------
    daily_sigma
        Standard deviation of the position's return a day.
    years
        Of history that a mean without a stated error is taken to come from.

    Notes
    -----
    Of an estimate with that mean and error the multiple of ``mean / variance`` that makes the
    expected growth greatest is ``mean**2 / (mean**2 + error**2)``: growth is
    ``k * mean**2 / variance - k**2 * (mean**2 + error**2) / (2 * variance)``. Sources: Kelly, *Bell
    System Technical Journal* 35 (1956); Baker and McHale, *Decision Analysis* 10 (2013).
    """
    variance = daily_sigma**2 * DAYS
    error = np.sqrt(variance / years) if edge.error is None else edge.error
    full = edge.mean / variance
    both = edge.mean**2 + error**2
    shrunk = full * edge.mean**2 / both if both > 0.0 else 0.0
    leverage = max(0.0, edge.fraction * shrunk)
    return Kelly(edge, float(error), float(np.sqrt(variance)), full, shrunk, leverage)


def volatility_of_volatility(model: PriceModel, asset: str, horizon: float = DAY) -> float:
    """Standard deviation of a day's change of the log volatility expected over a horizon.

    Of the volatility as the model filtered it over the past, returning to its level as the model
    has it return: what is expected over a week moves less than what is expected of an hour.

    Parameters
    ----------
    horizon
        Seconds.
    """
    v, a = model.hourly.volatility, model.assets.index(asset)
    hours = max(1, round(horizon / HOUR))
    stays = float(v.alpha[a] + v.beta[a])
    level = float(v.omega[a]) / (1.0 - stays)
    weight = (1.0 - stays**hours) / (hours * (1.0 - stays))
    expected = level + weight * (v.sigma[:, a] ** 2 - level)
    return float(np.diff(0.5 * np.log(expected[::-24][::-1])).std())


def no_trade_band(
    leverage: float, daily_sigma: float, daily_nu: float, cost: float, aversion: float
) -> float:
    """How far a position may be from its target before trading pays, as a part of the target.

    Parameters
    ----------
    leverage
        Target, notional over equity, >= 0.
    daily_sigma
        Standard deviation of the price's return a day.
    daily_nu
        That of the change of the log volatility, which moves a target that is set by it.
    cost
        Of trading, a fraction of what is traded.
    aversion
        Relative risk aversion; 1 / f of somebody who takes f of the Kelly size.

    Notes
    -----
    ``half width**3 = 1.5 * cost / aversion * leverage**2 * d<target> / d<price>``: the target in
    units of the coin moves with the volatility and, unless the leverage is 1, with the price. For
    a volatility that stands still this is Janecek and Shreve, *Finance and Stochastics* 8 (2004);
    for targets that move, Kallsen and Muhle-Karbe, *Mathematical Finance* 27 (2017).
    """
    if leverage <= 0.0 or cost <= 0.0:
        return 0.0
    moves = ((daily_nu / daily_sigma) ** 2 + (1.0 - leverage) ** 2) * leverage**2
    return float((1.5 * cost / aversion * moves) ** (1.0 / 3.0) / leverage)
