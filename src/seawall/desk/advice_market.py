"""The history that the advice is tried on: prices, funding, and what was wanted hour by hour.

What is wanted in an hour is decided on what had closed before it: weights on the 90 days before a
date every four weeks, volatility on the hour before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seawall.core import InputError, Mistake, format_time, parse_time
from seawall.desk.account import perpetual
from seawall.desk.candle_sheet import DAY, NS, Sheet, read_sheet
from seawall.desk.groups import Group, GroupRule, group_assets
from seawall.desk.limits import Limits
from seawall.desk.optimise import Method, find_weights
from seawall.ingest.history import What, read_history
from seawall.rulebook import Rules

Floats = NDArray[np.float64]
Say = Callable[[str], None]

START = "2025-01-01T00:00:00Z"
SPOT, PERPETUAL = "candles/binance_spot_1h.parquet", "candles/binance_perp_mark_1h.parquet"
FUNDING = "funding/binance_perp.parquet"
HOUR = 3600
WEEK_HOURS, DAY_HOURS = 168, 24
REFIT_DAYS, LOOK_BACK_DAYS = 28, 90
HALF_LIFE_HOURS = 72
EQUITY_USD = 10_000.0
LIMITS = Limits(stable=(0.0, 0.0))
"""Of the coins alone: the stablecoin share is a piece of the advice, tried on its own."""
METHODS = ("bitcoin", Method.EQUAL.value, Method.HRP.value, Method.PARITY.value, Method.CVAR.value)


@dataclass(frozen=True, slots=True, eq=False)
class Market:
    """One kind of market, hour by hour.

    Attributes
    ----------
    name
        ``perpetuals`` or ``spot``.
    assets
        Coins that can be held at some time.
    time
        Shape (T,): start of each hour, UTC ns.
    close, low, funding
        Shape (T, A): relative change from the close before to the close and the low of the hour,
        funding rate paid by longs in it; 0 where an asset has no price.
    weights
        Shape (V, T, A): wanted, by method in the order of ``METHODS``.
    factor
        Shape (V, T): by how much the size is cut for volatility, at most 1.
    maintenance
        Shape (A,): margin rate at the study's size; 0 on spot.
    fee
        Taker fee, a fraction of what is traded.
    closing_fee
        Fee of a liquidation, a fraction of its notional.
    """

    name: str
    assets: tuple[str, ...]
    time: NDArray[np.int64]
    close: Floats
    low: Floats
    funding: Floats
    weights: Floats
    factor: Floats
    maintenance: Floats
    fee: float
    closing_fee: float


def load_markets(folder: Path, reduced: bool, say: Say | None = None) -> tuple[Market, Market]:
    """Perpetuals and spot over the same hours.

    Raises
    ------
    InputError
        If a file is missing.
    """
    missing = [f for f in (SPOT, PERPETUAL, FUNDING) if not (folder / f).is_file()]
    if missing:
        raise InputError(
            Mistake("no such file", str(folder), value=", ".join(missing), allowed="market data")
        )
    spot, marks = read_sheet(folder / SPOT), read_sheet(folder / PERPETUAL)
    end = min(int(spot.time[-1]), int(marks.time[-1])) + HOUR * NS
    start = end - 140 * DAY * NS if reduced else parse_time(START)
    if reduced:
        start -= start % (DAY * NS)
    coins = _underlying(marks)
    made = []
    for name, sheet in (("perpetuals", coins), ("spot", spot)):
        if say:
            say(f"weights over time: {name}")
        made.append(_market(name, sheet, spot, start, end, folder))
    return made[0], made[1]


def _underlying(marks: Sheet) -> Sheet:
    """The same candles under the coins' names: 1000PEPE moves as PEPE does."""
    names = tuple(a.removeprefix("1000") for a in marks.assets)
    return Sheet(
        names, marks.time, marks.step, marks.low, marks.high, marks.close, marks.traded_usd,
        marks.source,
    )  # fmt: skip


def _market(name: str, sheet: Sheet, spot: Sheet, start: int, end: int, folder: Path) -> Market:
    plans = _plans(sheet, spot, start, end)
    assets = tuple(a for a in sheet.assets if any(a in p for ps in plans.values() for p in ps))
    own = sheet.at(assets).between(start - HOUR * NS, end)
    before = own.close[:-1]
    with np.errstate(invalid="ignore"):
        close, low = own.close[1:] / before - 1.0, own.low[1:] / before - 1.0
    hours = own.time[1:]
    weights = np.zeros((len(METHODS), len(hours), len(assets)))
    for v, method in enumerate(METHODS):
        for k, plan in enumerate(plans[method]):
            at = k * REFIT_DAYS * DAY_HOURS
            for asset, w in plan.items():
                weights[v, at : at + REFIT_DAYS * DAY_HOURS, assets.index(asset)] = w
    levered = name == "perpetuals"
    rates = _funding(folder, hours, assets) if levered else np.zeros_like(close)
    rules = Rules.bundled()
    venue = rules.canonical_venue("binance", "linear")
    terms = rules.terms(venue)
    needed = [_maintenance(rules, venue, a) if levered else 0.0 for a in assets]
    return Market(
        name,
        assets,
        hours,
        np.nan_to_num(close),
        np.nan_to_num(np.minimum(low, close)),
        rates,
        weights,
        _factors(spot.at(assets), weights, hours),
        np.array(needed),
        terms.margin.taker_fee if levered else 0.001,
        terms.liquidation.fee if levered else 0.0,
    )


def _plans(sheet: Sheet, spot: Sheet, start: int, end: int) -> dict[str, list[dict[str, float]]]:
    """Weights by method, one set every four weeks, each on what had closed by then."""
    out: dict[str, list[dict[str, float]]] = {m: [] for m in METHODS}
    for moment in range(start, end, REFIT_DAYS * DAY * NS):
        past = spot.between(0, moment)
        groups = group_assets(past, GroupRule())
        closes = past.daily_closes()[1][-(LOOK_BACK_DAYS + 1) :]
        listed = {a for k, a in enumerate(past.assets) if np.isfinite(closes[:, k]).all()}
        now = int(np.searchsorted(sheet.time, moment)) - 1
        traded = {a for k, a in enumerate(sheet.assets) if np.isfinite(sheet.close[now, k])}
        coins = [
            a for a in past.assets if a in listed & traded and groups[a] in (Group.LARGE, Group.MID)
        ]
        columns = closes[:, [past.assets.index(a) for a in coins]]
        returns = columns[1:] / columns[:-1] - 1.0
        out["bitcoin"].append({"BTC": 1.0})
        for method in METHODS[1:]:
            found = find_weights(returns, coins, groups, LIMITS, Method(method))
            out[method].append(dict(zip(coins, found.tolist(), strict=True)))
    return out


def _factors(spot: Sheet, weights: Floats, hours: NDArray[np.int64]) -> Floats:
    """Usual over present volatility of each basket, at most 1; shape (V, T).

    Present: exponentially weighted squared hourly changes up to the hour before. Usual: their
    median over the 90 days before.
    """
    with np.errstate(invalid="ignore"):
        moved = np.nan_to_num(spot.close[1:] / spot.close[:-1] - 1.0)
    decay = 0.5 ** (1.0 / HALF_LIFE_HOURS)
    first = int(np.searchsorted(spot.time[1:], hours[0]))
    out = np.ones((len(weights), len(hours)))
    for v, wanted in enumerate(weights):
        # before the first hour, the basket is the first one held
        early = np.repeat(wanted[:1], first, axis=0)
        basket = (moved[: first + len(hours)] * np.concatenate((early, wanted))).sum(axis=1)
        variance = np.empty(len(basket))
        last = float(np.mean(basket[: 7 * DAY_HOURS] ** 2))
        for k, x in enumerate(basket):
            last = decay * last + (1.0 - decay) * x * x
            variance[k] = last
        sigma = np.sqrt(variance)
        span = LOOK_BACK_DAYS * DAY_HOURS
        for k in range(len(hours)):
            # the last hour known is the one before
            known = sigma[max(0, first + k - span) : first + k]
            if k % DAY_HOURS == 0:
                usual = float(np.median(known))
            out[v, k] = min(1.0, usual / known[-1])
    return out


def _funding(folder: Path, hours: NDArray[np.int64], assets: Sequence[str]) -> Floats:
    """Rates in the hour they are paid in, shape (T, A)."""
    history = read_history(folder / FUNDING)
    series = history.series
    if history.what is not What.FUNDING or series is None:
        raise InputError(
            Mistake("no funding rates", str(folder / FUNDING), value=str(history.what))
        )
    labels, rate = series.names["asset"], series.values["funding_rate"]
    out = np.zeros((len(hours), len(assets)))
    # times are rounded: a venue pays milliseconds after the hour
    row = np.round((series.time - hours[0]) / (HOUR * NS)).astype(np.int64)
    inside = (row >= 0) & (row < len(hours))
    for code, name in enumerate(labels.names):
        coin = name.removeprefix("1000")
        if coin in assets:
            mine = inside & (labels.codes == code)
            np.add.at(out[:, assets.index(coin)], row[mine], np.nan_to_num(rate[mine]))
    return out


def _maintenance(rules: Rules, venue: str, asset: str) -> float:
    """Margin rate of a position of ten times the study's equity."""
    schedule = rules.schedule(venue, perpetual(rules, venue, asset)[0])
    usd = 10.0 * EQUITY_USD
    k = int(np.searchsorted(schedule.floors, usd, side="right")) - 1
    return float(schedule.rates[k] - schedule.deductions[k] / usd)


def span_words(time: NDArray[np.int64]) -> str:
    """First and last hour in words."""
    return f"{format_time(int(time[0]))} to {format_time(int(time[-1]) + HOUR * NS)}"
