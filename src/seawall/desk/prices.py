"""The model of prices: filtered historical simulation, joint over assets, with heavy tails.

What the volatility model leaves is not independent: after a step of more than six standard
deviations the next one's variance is several times what is expected of it. The past is therefore
drawn in runs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from seawall.core import InputError, Mistake, format_time
from seawall.desk.history import Candles
from seawall.desk.paths import DAY, Paths
from seawall.desk.price_doubts import doubts
from seawall.desk.tails import CLOSE, HIGH, LOW, Residuals, with_tails
from seawall.desk.volatility import BOUND, Volatility, fit_volatility

Floats = NDArray[np.float64]

HOUR = 3_600.0
WEEK = 7 * DAY
LEAST_HOURS = 504
"""Hours of history without which nothing is fitted: three weeks."""
MOST_ROWS = 8_760
"""Candles of either fineness that a fit looks back on: a year of hours, a month of 5 minutes."""
RUN = 6 * HOUR
"""Seconds, on average, for which past steps are drawn one after the other."""
_WILDEST = 2.0
"""A simulated volatility is held below this multiple of the greatest that was ever filtered."""


@dataclass(frozen=True, slots=True, eq=False)
class Pace:
    """The model at one length of step.

    Attributes
    ----------
    step
        Seconds.
    volatility, residuals
        What the past left.
    """

    step: float
    volatility: Volatility
    residuals: Residuals

    @property
    def news(self) -> Floats:
        """Shape (A,): mean square of the residuals as far as they move the variance."""
        bounded = np.clip(self.residuals.rows[:, CLOSE].astype(np.float64), -BOUND, BOUND)
        return np.asarray((bounded**2).mean(axis=0))

    @property
    def ceiling(self) -> Floats:
        """Shape (A,): greatest variance that a simulated step may have."""
        return np.asarray((_WILDEST * self.volatility.sigma.max(axis=0)) ** 2)


@dataclass(frozen=True, slots=True, eq=False)
class PriceModel:
    """Prices of several assets from the last candle on.

    Attributes
    ----------
    assets
        Names.
    time
        UTC ns at which the last candle closed.
    hourly
        The model in steps of an hour.
    fine
        The model in steps of the candles, for the first hour; None for hourly candles.
    close
        Shape (A,): closes of the last candle, USD.
    source
        Where the candles came from.
    of_price
        Which price they are of, as far as is known: ``mark``, ``last``, ``index`` or ``fills``.
    notes
        What is to be known of the candles.
    """

    assets: tuple[str, ...]
    time: int
    hourly: Pace
    fine: Pace | None
    close: Floats
    source: str = ""
    of_price: str = ""
    notes: tuple[str, ...] = ()

    def paths(self, horizon: float = WEEK, count: int = 10_000, seed: int = 0) -> Paths:
        """Simulated prices: the first hour in steps of the candles, then hour by hour.

        Parameters
        ----------
        horizon
            Seconds, up to the end of the hour that holds it.
        count, seed
            Paths, and what decides them.
        """
        rng = np.random.default_rng([seed, 0xFA])
        hours = max(1, int(np.ceil(horizon / HOUR - 1e-9)))
        first = 0 if self.fine is None else round(HOUR / self.fine.step)
        if self.fine is not None and horizon < HOUR:
            first = int(np.ceil(horizon / self.fine.step - 1e-9))
        start = 1 if first else 0
        ends: Floats = np.arange(start + 1, hours + 1, dtype=np.float64) * HOUR
        if self.fine is not None:
            ends = np.concatenate((np.arange(1, first + 1) * self.fine.step, ends))
        walk = _Walk.of(count, len(ends), len(self.assets))
        variance = np.tile(self.hourly.volatility.ahead, (count, 1))
        if self.fine is not None:
            ahead = np.tile(self.fine.volatility.ahead, (count, 1))
            walk.go(self.fine, ahead, self.time, first, rng)
            v = self.hourly.volatility
            change = walk.level / v.seasons(np.array([self.time]))[0]
            variance = v.omega + v.alpha * change**2 + v.beta * variance
        after = self.time + start * round(HOUR * 1e9)
        walk.go(self.hourly, variance, after, hours - start, rng)
        return Paths(self.assets, ends, walk.close, walk.low, walk.high)

    @property
    def daily_volatility(self) -> Floats:
        """Shape (A,): standard deviation of the log change over the day to come."""
        v = self.hourly.volatility
        time = self.time + np.arange(24) * round(HOUR * 1e9)
        variance, total = self.hourly.volatility.ahead, np.zeros(len(self.assets))
        for season in v.seasons(time):
            total += variance * season**2
            variance = v.omega + (v.alpha + v.beta) * variance
        return np.sqrt(total)

    @property
    def correlation(self) -> Floats:
        """Shape (A, A): of the residuals of hours."""
        return np.atleast_2d(np.corrcoef(self.hourly.residuals.rows[:, CLOSE].T))

    @property
    def covariance(self) -> Floats:
        """Shape (A, A): of log changes over the day to come."""
        sigma = self.daily_volatility
        return self.correlation * np.outer(sigma, sigma)


@dataclass(slots=True, eq=False)
class _Walk:
    """Paths being filled, step by step."""

    close: NDArray[np.float32]
    low: NDArray[np.float32]
    high: NDArray[np.float32]
    level: Floats
    done: int = 0

    @staticmethod
    def of(count: int, steps: int, assets: int) -> _Walk:
        parts = [np.empty((count, steps, assets), dtype=np.float32) for _ in range(3)]
        return _Walk(parts[0], parts[1], parts[2], np.zeros((count, assets)))

    def go(
        self, pace: Pace, variance: Floats, time: int, steps: int, rng: np.random.Generator
    ) -> None:
        """Walk on from ``time``, with ``variance`` (n, A) of the first step.

        Steps are drawn in runs of random length, the stationary bootstrap of Politis and Romano,
        *Journal of the American Statistical Association* 89 (1994).
        """
        v, residuals, ceiling = pace.volatility, pace.residuals, pace.ceiling
        ended = min(1.0, pace.step / RUN)
        at = rng.integers(residuals.seen, size=len(variance))
        # what the rows say on average is no news: the variance returns to its level
        alpha = v.alpha / pace.news
        seasons = v.seasons(time + np.arange(steps) * round(pace.step * 1e9))
        for season in seasons.tolist():
            z = residuals.drawn(at, rng)
            scale = season * np.sqrt(variance)
            t = self.done
            self.low[:, t] = self.level + scale * z[:, LOW]
            self.high[:, t] = self.level + scale * z[:, HIGH]
            self.level = self.level + scale * z[:, CLOSE]
            self.close[:, t] = self.level
            news = np.minimum(np.abs(z[:, CLOSE]), BOUND) ** 2
            variance = v.omega + (alpha * news + v.beta) * variance
            np.minimum(variance, ceiling, out=variance)
            # what followed a shock follows it again, until the run ends
            anew = rng.random(len(at)) < ended
            at = np.where(anew, rng.integers(residuals.seen, size=len(at)), at + 1)
            at[at == residuals.seen] = 0
            self.done += 1


def fit_prices(candles: Candles) -> PriceModel:
    """Fit the model to candles of an hour or finer.

    Raises
    ------
    InputError
        If the history is too short or too coarse, a price stands still in it, or ``arch`` is not
        installed.
    """
    if candles.step > HOUR or HOUR % candles.step:
        raise InputError(
            Mistake(
                "candles of the wrong length",
                candles.source,
                value=f"{candles.step:g} s",
                allowed="an hour, or a part of it that divides it",
            )
        )
    require_long(candles)
    hours = candles.coarser(HOUR)
    flat = [a for k, a in enumerate(hours.assets) if np.ptp(hours.close[:, k]) == 0.0]
    if flat:
        raise InputError(Mistake("a price that never moves", candles.source, value=", ".join(flat)))
    fine = _pace(candles) if candles.step < HOUR else None
    return PriceModel(
        assets=candles.assets,
        time=candles.end,
        hourly=_pace(hours),
        fine=fine,
        close=candles.close[-1],
        source=candles.source,
        of_price=candles.of_price,
        notes=(*_shortened(candles, hours), *doubts(hours.last(MOST_ROWS + 1))),
    )


def _shortened(candles: Candles, hours: Candles) -> tuple[str, ...]:
    """A line for each cut that the fit feels: a year of hours is looked back on."""
    lines = []
    for cut in candles.cuts:
        if cut.before and len(hours) > MOST_ROWS:
            continue
        said = str(cut)
        names, days = ", ".join(candles.assets), len(hours) / 24
        rest = (
            f"all odds rest on the {days:.0f} days that {names} share"
            if cut.before
            else f"all odds are as of {format_time(candles.end)}"
        )
        lines.append(f"{said[0].upper()}{said[1:]}; {rest}.")
    return tuple(lines)


def require_long(candles: Candles) -> None:
    """Refuse a history too short to fit.

    Raises
    ------
    InputError
        Saying how long it is.
    """
    hours = candles.coarser(HOUR)
    if len(hours.time) < LEAST_HOURS + 1:
        raise InputError(
            Mistake(
                "the history is too short",
                candles.source,
                value=f"{len(hours.time) / 24:.1f} days",
                allowed=f"at least {LEAST_HOURS / 24:.0f} days for all of "
                + ", ".join(candles.assets),
            )
        )


def follow(model: PriceModel, candles: Candles) -> PriceModel:
    """The same model after later candles: filtered on, nothing fitted again."""
    hourly = _filtered(model.hourly, candles.coarser(HOUR))
    fine = None if model.fine is None else _filtered(model.fine, candles)
    return replace(model, time=candles.end, hourly=hourly, fine=fine, close=candles.close[-1])


def _filtered(pace: Pace, candles: Candles) -> Pace:
    recent = candles.last(MOST_ROWS + 1)
    time, changes = recent.time[1:], recent.changes()[0]
    return replace(pace, volatility=fit_volatility(changes, time, pace.volatility))


def _pace(candles: Candles) -> Pace:
    recent = candles.last(MOST_ROWS + 1)
    time = recent.time[1:]
    close, low, high = recent.changes()
    volatility = fit_volatility(close, time)
    scale = volatility.sigma * volatility.seasons(time)[:, None]
    return Pace(candles.step, volatility, with_tails(close / scale, low / scale, high / scale))
