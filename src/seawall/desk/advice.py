"""The published advice tried on real hours: each piece alone, all together, all but one.

See ``docs/methods/advice.md``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seawall._jit import share_out
from seawall.desk import _advice as k
from seawall.desk.advice_market import (
    DAY_HOURS,
    METHODS,
    WEEK_HOURS,
    Market,
    load_markets,
    span_words,
)
from seawall.desk.advice_plans import PIECES, TITLES, Strategy, levered, unlevered
from seawall.desk.joint import blocks

Floats = NDArray[np.float64]
Say = Callable[[str], None]
Span = tuple[float, float, float]

YEAR_HOURS = 365.0 * 24.0
RESAMPLES, FEW = 500, 40
SLIPPAGE = 0.0005
GAP = 0.15
"""Of the way from a stop to the hour's low, how much of it a fill is worse than the stop: as the
closes of the five-minute candles that crossed 1,393 stops 3, 5 and 8% under a week's start were,
14 perpetuals, 2025."""
BAND = 0.20
OUTCOMES = ("growth", "drawdown", "liquidations")
BETTER = {"growth": 1.0, "drawdown": -1.0, "liquidations": -1.0}
LEAST = {"growth": 0.005, "drawdown": 0.005, "liquidations": 0.05}
"""Changes smaller than this are none."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of it: as it happened, with the 95% interval over resampled histories.

    Growth and drawdown are fractions, growth and liquidations a year. ``ruined`` is the share
    of resampled histories with a liquidation; ``exposure`` the mean notional over equity;
    ``costs`` and ``funding`` fractions of equity paid over the whole time.
    """

    strategy: Strategy
    growth: Span
    drawdown: Span
    liquidations: Span
    ruined: float
    exposure: float
    costs: float
    funding: float
    stops: float


@dataclass(frozen=True, slots=True)
class Effect:
    """What a piece changes in one outcome, as it happened and with its 95% interval.

    ``alone``: added to the bare account, 10x BTC or BTC on spot. ``low``: added to 2x BTC.
    ``last``: all of it against all but it. ``mean``: over all combinations of the others. NaN
    where that was not tried.
    """

    market: str
    piece: str
    title: str
    outcome: str
    alone: Span
    low: Span
    last: Span
    mean: Span


def verdict(outcome: str, change: Span) -> str:
    """Whether a change helped: its interval must lie beyond the least change worth a word."""
    _, low, high = change
    if math.isnan(low):
        return ""
    ends = sorted((BETTER[outcome] * low, BETTER[outcome] * high))
    least = LEAST[outcome]
    if ends[0] > least:
        return "helped"
    if ends[1] < -least:
        return "hurt"
    return "no change" if -least <= ends[0] and ends[1] <= least else "not shown"


@dataclass(frozen=True, slots=True)
class AdviceStudy:
    """The whole study.

    Attributes
    ----------
    outcomes, effects
        One a strategy, and one a piece and outcome.
    span, hours, resamples
        The history and how often it was resampled.
    coins
        Market to coins that were held at some time.
    maintenance
        Coin to margin rate.
    at_closes
        Key of some strategies to their liquidations a year, counted at hourly closes alone: lows
        of several coins need not fall into one minute.
    """

    outcomes: tuple[Outcome, ...]
    effects: tuple[Effect, ...]
    span: str
    hours: int
    resamples: int
    coins: dict[str, tuple[str, ...]]
    maintenance: dict[str, float]
    at_closes: dict[str, float]
    reduced: bool

    def outcome(self, key: str) -> Outcome:
        """That of one strategy."""
        return next(o for o in self.outcomes if o.strategy.key == key)


def run_advice(
    folder: Path, reduced: bool = False, seed: int = 0, say: Say | None = None
) -> AdviceStudy:
    """Run every strategy on the history and on resamples of it.

    Parameters
    ----------
    folder
        Of the market data: candles of spot and perpetuals, funding.
    reduced
        The last 140 days and 40 resamples.
    """
    markets = load_markets(folder, reduced, say)
    outcomes: list[Outcome] = []
    effects: list[Effect] = []
    for market in markets:
        if say:
            say(f"resampled histories: {market.name}")
        plans = levered() if market.name == "perpetuals" else unlevered()
        found = _walked(market, plans, FEW if reduced else RESAMPLES, seed)
        plans, found = _with_placebo(market, plans, found, FEW if reduced else RESAMPLES, seed)
        outcomes += [_outcome(p, found[:, s]) for s, p in enumerate(plans)]
        effects += _effects(plans, found)
    first = markets[0]
    return AdviceStudy(
        tuple(outcomes),
        tuple(effects),
        span_words(first.time),
        len(first.time),
        FEW if reduced else RESAMPLES,
        {m.name: m.assets for m in markets},
        dict(zip(first.assets, first.maintenance.tolist(), strict=True)),
        _at_closes(first),
        reduced,
    )


def _walked(market: Market, plans: Sequence[Strategy], resamples: int, seed: int) -> Floats:
    """Measures of every strategy, shape (1 + resamples, S, M); the first is what happened."""
    hours = len(market.time)
    rows = np.empty((1 + resamples, hours), dtype=np.int64)
    rows[0] = np.arange(hours)
    rows[1:] = blocks(hours, hours, resamples, WEEK_HOURS, seed)
    rules = np.zeros((len(plans), k.RULES))
    for s, plan in enumerate(plans):
        rules[s] = (
            METHODS.index(plan.method), plan.leverage, plan.stable, plan.sizing, plan.stop,
            market.fee + SLIPPAGE, market.closing_fee + SLIPPAGE, GAP, BAND, WEEK_HOURS, DAY_HOURS,
        )  # fmt: skip
    out = np.zeros((len(rows), len(plans), k.MEASURES))

    def part(first: int, last: int) -> None:
        k.walk(
            first, last, rows, market.close, market.low, market.funding, market.weights,
            market.factor, market.maintenance, rules, out,
        )  # fmt: skip

    share_out(len(rows), part)
    years = hours / YEAR_HOURS
    out[..., k.WEALTH] = np.maximum(out[..., k.WEALTH], 0.0) ** (1.0 / years) - 1.0
    out[..., k.LIQUIDATIONS] /= years
    return out


def _at_closes(market: Market) -> dict[str, float]:
    """Liquidations a year as it happened, seen at hourly closes alone."""
    plans = [p for p in levered() if p.key in ("btc 10x", "diversified", "equal 10x")]
    found = _walked(replace(market, low=np.minimum(market.close, 0.0)), plans, 1, 0)
    return {p.key: float(found[0, s, k.LIQUIDATIONS]) for s, p in enumerate(plans)}


def _with_placebo(
    market: Market, plans: list[Strategy], found: Floats, resamples: int, seed: int
) -> tuple[list[Strategy], Floats]:
    """Beside what cuts its size by volatility: the same mean size, at all times alike."""
    key = "sizing" if market.name == "perpetuals" else "spot sizing"
    bare = "btc 10x" if market.name == "perpetuals" else "spot btc"
    s = next(i for i, p in enumerate(plans) if p.key == key)
    b = next(i for i, p in enumerate(plans) if p.key == bare)
    mean = float(np.mean(market.factor[METHODS.index(plans[s].method)]))
    placebo = replace(
        plans[b],
        key=f"{bare} smaller",
        title=f"{plans[b].title}, smaller by as much at all times",
        leverage=plans[b].leverage * mean,
        pieces=None,
    )
    more = _walked(market, [placebo], resamples, seed)
    return [*plans, placebo], np.concatenate((found, more), axis=1)


_COLUMN = {"growth": k.WEALTH, "drawdown": k.DRAWDOWN, "liquidations": k.LIQUIDATIONS}


def _outcome(plan: Strategy, found: Floats) -> Outcome:
    real = found[0]
    return Outcome(
        plan,
        growth=_span(found[:, k.WEALTH]),
        drawdown=_span(found[:, k.DRAWDOWN]),
        liquidations=_span(found[:, k.LIQUIDATIONS]),
        ruined=float((found[1:, k.LIQUIDATIONS] > 0).mean()),
        exposure=float(real[k.EXPOSURE]),
        costs=float(real[k.COSTS]),
        funding=float(real[k.FUNDING]),
        stops=float(real[k.STOPS]),
    )


def _span(values: Floats) -> Span:
    """What happened, and the middle 95% of the resamples; NaN where that is not known."""
    low, high = np.quantile(values[1:], (0.025, 0.975))
    return float(values[0]), float(low), float(high)


def _effects(plans: Sequence[Strategy], found: Floats) -> list[Effect]:
    if plans[0].market == "spot":
        return _effects_on_spot(plans, found)
    at = {p.pieces: s for s, p in enumerate(plans) if p.pieces is not None}
    everything = frozenset(PIECES)
    out = []
    for piece, outcome in product(PIECES, OUTCOMES):
        values = found[..., _COLUMN[outcome]]
        one = frozenset((piece,))
        pairs = [(at[c | one], at[c]) for c in at if piece not in c]
        gains = np.mean([values[:, a] - values[:, b] for a, b in pairs], axis=0)
        out.append(
            Effect(
                "perpetuals",
                piece,
                TITLES[piece],
                outcome,
                _span(values[:, at[one]] - values[:, at[frozenset()]]),
                _UNKNOWN
                if piece == _LOW
                else _span(values[:, at[one | {_LOW}]] - values[:, at[frozenset((_LOW,))]]),
                _span(values[:, at[everything]] - values[:, at[everything - one]]),
                _span(gains),
            )
        )
    keys = {p.key: s for s, p in enumerate(plans)}
    whole = "+".join(PIECES)
    for piece, title, here, there in (
        ("all", "All together, 2x, against 10x BTC", whole, "btc 10x"),
        ("all against btc 1x", "All together, 2x, against 1x BTC", whole, "btc 1x"),
        ("timing", "Dynamic size against as small at all times", "sizing", "btc 10x smaller"),
    ):
        for outcome in OUTCOMES:
            values = found[..., _COLUMN[outcome]]
            change = _span(values[:, keys[here]] - values[:, keys[there]])
            out.append(Effect("perpetuals", piece, title, outcome, change, *([_UNKNOWN] * 3)))
    return out


_UNKNOWN = (math.nan,) * 3
_LOW = "low leverage"


def _effects_on_spot(plans: Sequence[Strategy], found: Floats) -> list[Effect]:
    """Each against BTC alone; without leverage nothing is liquidated."""
    out = []
    for s, plan in enumerate(plans[1:], start=1):
        for outcome in OUTCOMES[:2]:
            values = found[..., _COLUMN[outcome]]
            change = _span(values[:, s] - values[:, 0])
            out.append(Effect("spot", plan.key, plan.title, outcome, change, *([_UNKNOWN] * 3)))
    return out
