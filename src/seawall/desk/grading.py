"""Probabilities of liquidation held against what came: walked forward, never looking ahead."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seawall.core import InputError, Mistake, format_time
from seawall.desk.closed_form import account_passage, touch_probability
from seawall.desk.history import Candles
from seawall.desk.passages import passages
from seawall.desk.paths import DAY, Paths
from seawall.desk.prices import HOUR, MOST_ROWS, Pace, PriceModel, fit_prices
from seawall.desk.volatility import fit_volatility
from seawall.ingest import read_book
from seawall.margin import MarginBook
from seawall.rulebook import bind

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

MODELS = ("seawall", "ewma", "normal")
"""Ours; Brownian prices with RiskMetrics' variance; with the variance of the last 30 days."""
EDGES = (0.0, 0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0)
"""Bounds of the bins of predicted probability."""
LEVERAGES = (3.0, 5.0, 10.0, 20.0, 50.0)
REFIT = 7 * DAY
_DECAY = 0.94
"""RiskMetrics' weight of the day before (J. P. Morgan, *Technical Document*, 1996)."""
_NORMAL_DAYS = 30.0
_PRICE = 100.0
_USD = 1_000.0


def _silent(_: str) -> None:
    return None


@dataclass(frozen=True, slots=True, eq=False)
class Trials:
    """Forecasts and what came of them: N origins, K accounts, A assets, H horizons, M models.

    Attributes
    ----------
    assets, accounts, horizons
        Names, names, seconds.
    time
        Shape (N,): UTC ns at which each forecast was made.
    probability
        Shape (M, N, K, H): of a liquidation, by model in the order of :data:`MODELS`.
    happened
        Shape (N, K, H): whether it came.
    call, called
        Shape (N, K, H): our probability of a margin call, and whether it came.
    place
        Shape (M, N, A, 2, H): probability that the model gave to a lowest price as low or lower
        than came, and to a highest as high or higher: small where the tail was met.
    together
        Shape (N, H, B, n): how many accounts of each of the B bins of :data:`EDGES` fell on each of
        our n paths; None where that was not kept.
    """

    assets: tuple[str, ...]
    accounts: tuple[str, ...]
    horizons: tuple[float, ...]
    time: Ints
    probability: Floats
    happened: Mask
    call: Floats
    called: Mask
    place: Floats
    together: NDArray[np.uint16] | None = None

    def joined(self, other: Trials) -> Trials:
        """These and later ones."""
        axis = {"probability": 1, "place": 1}
        parts: dict[str, Any] = {
            f.name: np.concatenate(
                (getattr(self, f.name), getattr(other, f.name)), axis=axis.get(f.name, 0)
            )
            for f in fields(self)
            if f.name not in ("assets", "accounts", "horizons")
            and getattr(self, f.name) is not None
        }
        return replace(self, **parts)


def graded_book(assets: Sequence[str], leverages: Sequence[float] = LEVERAGES) -> MarginBook:
    """Accounts to grade: each asset long and short at every leverage, and four cross accounts.

    Of 1,000 USD a position, at one price for all, under Binance's newest rules: the odds of such
    a position do not depend on what the coin costs.
    """
    rows: list[dict[str, Any]] = []

    def add(account: str, asset: str, side: str, usd: float, **more: Any) -> None:
        rows.append(
            {"account": account, "venue": "binance", "symbol": f"{asset}USDT", "side": side,
             "size": usd / _PRICE, "entry_price": _PRICE, "mark_price": _PRICE, **more}
        )  # fmt: skip

    for asset in assets:
        for side in ("long", "short"):
            for leverage in leverages:
                name = f"{asset} {side} {leverage:g}x"
                add(name, asset, side, _USD, margin_mode="isolated", leverage=leverage)
    some = tuple(assets[:4])
    pair = {a: "long" if k % 2 == 0 else "short" for k, a in enumerate(some)}
    for name, sides, leverage in (
        ("long 5x", dict.fromkeys(some, "long"), 5.0),
        ("long 10x", dict.fromkeys(some, "long"), 10.0),
        ("short 10x", dict.fromkeys(some, "short"), 10.0),
        ("long and short 20x", pair, 20.0),
    ):
        if len(some) > 1:
            for asset, side in sides.items():
                add(f"cross {name}", asset, side, _USD, margin_mode="cross", leverage=leverage,
                    wallet_balance=_USD * len(some) / leverage)  # fmt: skip
    return bind(read_book(rows))


def grade(
    candles: Candles,
    horizons: Sequence[float],
    every: float,
    since: int,
    until: int,
    *,
    leverages: Sequence[float] = LEVERAGES,
    count: int = 2_000,
    seed: int = 0,
    progress: Callable[[str], None] = _silent,
) -> Trials:
    """Forecast again and again from what was known, and note what came.

    Parameters
    ----------
    candles
        Of all assets, with history before ``since``.
    horizons
        Seconds.
    every
        Seconds between forecasts, on the clock.
    since, until
        UTC ns of the first forecast and before the last.
    leverages
        Of the isolated positions.
    count, seed
        Paths a forecast.

    Raises
    ------
    InputError
        If the candles leave no time for a forecast.
    """
    origins = _origins(candles, horizons, every, since, until)
    margin = graded_book(candles.assets, leverages)
    names = tuple(margin.book.traders[t] for t in margin.book.accounts.trader)
    shape = (len(origins), len(names), len(horizons))
    bins_of = (len(origins), len(horizons), len(EDGES) - 1, count)
    together = np.zeros(bins_of, dtype=np.uint16)
    found = Trials(
        candles.assets, names, tuple(horizons), candles.time[origins] + _ns(candles.step),
        np.empty((len(MODELS), *shape)), np.empty(shape, dtype=np.bool_), np.empty(shape),
        np.empty(shape, dtype=np.bool_),
        np.empty((len(MODELS), len(origins), len(candles.assets), 2, len(horizons))),
        together,
    )  # fmt: skip
    came = _came(candles, origins, max(horizons))
    walked = passages(margin, came)
    for k, horizon in enumerate(horizons):
        found.happened[:, :, k] = walked.fallen_by(horizon).T
        found.called[:, :, k] = walked.called_by(horizon).T
    for n, model in enumerate(_models(candles, origins)):
        if n % 50 == 0:
            progress(f"forecast {n + 1} of {len(origins)}, {format_time(model.time)[:10]}")
        paths = model.paths(max(horizons), count, seed + int(origins[n]))
        ours = passages(margin, paths)
        known = candles.until(model.time)
        for k, horizon in enumerate(horizons):
            fallen = ours.fallen_by(horizon)
            found.probability[0, n, :, k] = fallen.mean(axis=1)
            bins = np.digitize(found.probability[0, n, :, k], EDGES[1:-1])
            np.add.at(together[n, k], bins, fallen)
            found.call[n, :, k] = ours.called_by(horizon).mean(axis=1)
            low, high = came.lowest(horizon)[n], came.highest(horizon)[n]
            found.place[0, n, :, 0, k] = (paths.lowest(horizon) <= low).mean(axis=0)
            found.place[0, n, :, 1, k] = (paths.highest(horizon) >= high).mean(axis=0)
            for m, covariance in ((1, _ewma(known)), (2, _plain(known))):
                sigma = np.sqrt(np.diag(covariance))
                found.probability[m, n, :, k] = account_passage(margin, covariance, horizon)
                found.place[m, n, :, 0, k] = touch_probability(low, sigma, horizon)
                found.place[m, n, :, 1, k] = touch_probability(high, sigma, horizon)
    return found


def _ns(seconds: float) -> int:
    return round(seconds * 1e9)


def _origins(
    candles: Candles, horizons: Sequence[float], every: float, since: int, until: int
) -> Ints:
    """Candles at whose close a forecast is made."""
    closed = candles.time + _ns(candles.step)
    chosen = (closed >= since) & (closed < until) & (closed % _ns(every) == 0)
    chosen &= closed + _ns(max(horizons)) <= candles.end
    if not chosen.any():
        raise InputError(
            Mistake(
                "no time to grade",
                candles.source,
                value=f"{format_time(since)} to {format_time(until)}",
                allowed=f"{format_time(int(candles.time[0]))} to {format_time(candles.end)}, "
                "less the horizon",
            )
        )
    return np.flatnonzero(chosen)


def _came(candles: Candles, origins: Ints, horizon: float) -> Paths:
    """What came after each origin, as one path each."""
    steps = round(horizon / candles.step)
    rows = origins[:, None] + 1 + np.arange(steps)
    start = candles.close[origins][:, None, :]
    close = np.log(candles.close[rows] / start)
    low = np.minimum(np.log(candles.low[rows] / start), close)
    high = np.maximum(np.log(candles.high[rows] / start), close)
    ends = np.arange(1, steps + 1, dtype=np.float64) * candles.step
    return Paths(candles.assets, ends, *(x.astype(np.float32) for x in (close, low, high)))


def _models(candles: Candles, origins: Ints) -> Iterator[PriceModel]:
    """The model at each origin: fitted once a week, filtered on in between."""
    fitted, model, states = -np.inf, None, {}
    for k in origins.tolist():
        now = int(candles.time[k]) + _ns(candles.step)
        if model is None or now - fitted >= _ns(REFIT):
            fitted = now
            model = fit_prices(candles.until(now))
            week = candles.until(now + _ns(REFIT + HOUR))
            paces = [model.hourly] + ([model.fine] if model.fine else [])
            states = {p.step: _filtered(p, week) for p in paces}
        yield _moved(model, now, states)


def _filtered(pace: Pace, candles: Candles) -> tuple[Ints, Floats]:
    """Times at which steps begin, and the variance of each as known then, season taken out."""
    recent = candles.coarser(pace.step).last(MOST_ROWS)
    changes = recent.changes()[0]
    found = fit_volatility(changes, recent.time[1:], pace.volatility)
    return recent.time[1:], found.sigma**2


def _moved(model: PriceModel, now: int, states: dict[float, tuple[Ints, Floats]]) -> PriceModel:
    """The model with the variances known at UTC ns ``now``."""

    def at(pace: Pace) -> Pace:
        time, variance = states[pace.step]
        row = min(int(np.searchsorted(time, now)), len(time) - 1)
        return replace(pace, volatility=replace(pace.volatility, ahead=variance[row]))

    fine = None if model.fine is None else at(model.fine)
    return replace(model, time=now, hourly=at(model.hourly), fine=fine)


def _plain(candles: Candles) -> Floats:
    """Covariance a day of the last 30 days' changes."""
    changes = candles.last(round(_NORMAL_DAYS * DAY / candles.step) + 1).changes()[0]
    return changes.T @ changes / len(changes) * (DAY / candles.step)


def _ewma(candles: Candles) -> Floats:
    """The same, the past weighing less by a factor of 0.94 a day."""
    changes = candles.last(round(4 * _NORMAL_DAYS * DAY / candles.step) + 1).changes()[0]
    age = np.arange(len(changes))[::-1] * candles.step / DAY
    weight = _DECAY**age
    return np.asarray((changes * weight[:, None]).T @ changes / weight.sum() * (DAY / candles.step))
