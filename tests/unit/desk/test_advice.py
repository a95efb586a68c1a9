"""The study of the advice: the walk against a plain one, no look ahead, and the real hours."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

pytest.importorskip("skfolio")
pytest.importorskip("arch")

from made_candles import made_sheet
from seawall.core import InputError
from seawall.desk import _advice as k
from seawall.desk.advice import OUTCOMES, AdviceStudy, run_advice, verdict
from seawall.desk.advice_market import METHODS, _factors, _plans
from seawall.desk.advice_plans import PIECES, combinations, levered, unlevered
from seawall.report.desk_advice import advice_report
from seawall.report.encode import to_json
from seawall.report.schema import schema_of

WEEK, DAY = 168, 24


def rule(**changed: float) -> dict[str, float]:
    plain = {"leverage": 10.0, "stable": 0.0, "sizing": 0.0, "stop": 0.0, "cost": 0.0,
             "closing_fee": 0.0, "gap": 0.0, "band": 0.2}  # fmt: skip
    return plain | changed


def walked(
    close: np.ndarray,
    low: np.ndarray,
    rules: dict[str, float],
    funding: np.ndarray | None = None,
    weights: np.ndarray | None = None,
    factor: np.ndarray | None = None,
    maintenance: float = 0.004,
) -> dict[str, float]:
    """One account along one history through the kernel."""
    hours, assets = close.shape
    if weights is None:
        weights = np.full((hours, assets), 1.0 / assets)
    row = np.array([[0.0, rules["leverage"], rules["stable"], rules["sizing"], rules["stop"],
                     rules["cost"], rules["closing_fee"], rules["gap"], rules["band"],
                     WEEK, DAY]])  # fmt: skip
    out = np.zeros((1, 1, k.MEASURES))
    k.walk(
        0, 1, np.arange(hours)[None, :], close, low,
        np.zeros_like(close) if funding is None else funding,
        weights[None], (np.ones(hours) if factor is None else factor)[None],
        np.full(assets, maintenance), row, out,
    )  # fmt: skip
    names = ("wealth", "drawdown", "liquidations", "stops", "exposure", "costs", "funding",
             "first", "turnover")  # fmt: skip
    return dict(zip(names, out[0, 0].tolist(), strict=True))


def on_the_way(cash: float, units: Any, price: Any, deep: Any, share: float) -> Any:
    """Equity and notional at a share of the way from the prices to their lows."""
    there = [p + share * (d - p) for p, d in zip(price, deep, strict=True)]
    value = sum(u * p for u, p in zip(units, there, strict=True))
    return cash + value, value


def plain(close: Any, low: Any, r: dict[str, float], funding: Any, factor: Any, m: float) -> Any:
    """The same account again, coin by coin in plain Python: equity, liquidations, stops."""
    hours, assets = close.shape
    cash, units, price, entry = 1.0, [0.0] * assets, [1.0] * assets, [1.0] * assets
    barred, waiting = [False] * assets, False
    wealth, liquidations, stops = 1.0, 0, 0
    for t in range(hours):
        equity = start = cash + sum(u * p for u, p in zip(units, price, strict=True))
        weekly = t % WEEK == 0
        waiting = waiting and not weekly
        if not waiting and (weekly or (r["sizing"] and t % DAY == 0)):
            barred = [False] * assets if weekly else barred
            each = r["leverage"] * (1 - r["stable"]) * equity / assets
            each *= factor[t] if r["sizing"] else 1.0
            goal = [0.0 if b else each / p for b, p in zip(barred, price, strict=True)]
            now = sum(u * p for u, p in zip(units, price, strict=True))
            then = sum(g * p for g, p in zip(goal, price, strict=True))
            if weekly or abs(then - now) > r["band"] * then:
                for i in range(assets):
                    change = (goal[i] - units[i]) * price[i]
                    cash -= change + r["cost"] * abs(change)
                    units[i] = goal[i]
                    entry[i] = price[i] if weekly else entry[i]
        deep = [p * (1 + low[t, i]) for i, p in enumerate(price)]
        for i in range(assets):
            stop = entry[i] * (1 - r["stop"])
            if r["stop"] and units[i] > 0 and deep[i] <= stop:
                begin = min(stop, price[i])
                fill = begin - r["gap"] * (begin - deep[i])
                cash += units[i] * fill * (1 - r["cost"])
                units[i], barred[i], stops = 0.0, True, stops + 1
        worst = cash + sum(u * p for u, p in zip(units, deep, strict=True))
        if any(units) and worst <= m * sum(u * p for u, p in zip(units, deep, strict=True)):
            a, b = 0.0, 1.0
            for _ in range(200):
                middle = (a + b) / 2
                worth, value = on_the_way(cash, units, price, deep, middle)
                a, b = (middle, b) if worth > m * value else (a, middle)
            worth, value = on_the_way(cash, units, price, deep, b)
            left = max(worth - r["closing_fee"] * value, 0.0)
            wealth *= left / start
            liquidations, waiting, cash, units = liquidations + 1, True, 1.0, [0.0] * assets
            price = [p * (1 + close[t, i]) for i, p in enumerate(price)]
            continue
        price = [p * (1 + close[t, i]) for i, p in enumerate(price)]
        cash -= sum(u * price[i] * funding[t, i] for i, u in enumerate(units))
        equity = cash + sum(u * p for u, p in zip(units, price, strict=True))
        wealth *= max(equity, 0.0) / start
        if equity <= 0.0:
            liquidations, waiting, cash, units = liquidations + 1, True, 1.0, [0.0] * assets
    return wealth, liquidations, stops


@given(
    seed=st.integers(0, 10_000),
    assets=st.integers(1, 3),
    leverage=st.sampled_from([1.0, 2.0, 5.0, 10.0]),
    stop=st.sampled_from([0.0, 0.03, 0.08]),
    sizing=st.sampled_from([0.0, 1.0]),
    stable=st.sampled_from([0.0, 0.1]),
)
@settings(max_examples=60, deadline=None)
def test_the_walk_agrees_with_a_plain_one(
    seed: int, assets: int, leverage: float, stop: float, sizing: float, stable: float
) -> None:
    rng = np.random.default_rng(seed)
    hours = 200
    close = rng.normal(0.0, 0.008, (hours, assets))
    low = np.minimum(close, 0.0) - np.abs(rng.normal(0.0, 0.004, (hours, assets)))
    funding = np.where(np.arange(hours) % 8 == 0, 1e-4, 0.0)[:, None] * np.ones(assets)
    factor = rng.uniform(0.4, 1.0, hours)
    r = rule(leverage=leverage, stop=stop, sizing=sizing, stable=stable, cost=0.001,
             closing_fee=0.002, gap=0.15)  # fmt: skip
    got = walked(close, low, r, funding, factor=factor, maintenance=0.01)
    wealth, liquidations, stops = plain(close, low, r, funding, factor, 0.01)
    assert got["wealth"] == pytest.approx(wealth, rel=1e-9, abs=1e-12)
    assert got["liquidations"] == liquidations
    assert got["stops"] == stops


def test_ten_times_is_gone_at_minus_ten_percent() -> None:
    close, low = np.zeros((WEEK + 1, 1)), np.zeros((WEEK + 1, 1))
    low[5], close[5] = -0.10, -0.08
    got = walked(close, low, rule())
    assert got["liquidations"] == 1
    assert got["first"] == 5
    # what is left at the requirement is the requirement: 0.4% of 10 at a price 9.64% lower
    fall = (0.004 * 10 - 1) / (10 - 0.004 * 10)
    assert got["wealth"] == pytest.approx(0.004 * 10 * (1 + fall))
    assert walked(close, low, rule(closing_fee=0.0125))["wealth"] == 0.0
    assert walked(close, low, rule(leverage=9.0))["liquidations"] == 0
    assert walked(close, low, rule(stable=0.10))["liquidations"] == 0
    assert walked(close, low, rule(stop=0.05))["liquidations"] == 0


def test_a_stop_is_filled_below_it_and_keeps_out_until_the_week_is_over() -> None:
    close, low = np.zeros((2 * WEEK, 1)), np.zeros((2 * WEEK, 1))
    low[5] = -0.07
    close[6:WEEK] = 0.001
    got = walked(close, low, rule(leverage=2.0, stop=0.05, gap=0.15))
    assert got["wealth"] == pytest.approx(1 - 2 * (0.05 + 0.15 * 0.02))
    assert got["stops"] == 1
    # out from hour 5 on, back in with the second week
    assert got["exposure"] == pytest.approx(2.0 * (5 + WEEK) / (2 * WEEK))


def test_a_stop_filled_far_below_takes_all_there_is() -> None:
    close, low = np.zeros((2 * WEEK, 1)), np.zeros((2 * WEEK, 1))
    low[5] = -0.5
    got = walked(close, low, rule(stop=0.05, gap=0.15))
    assert got["wealth"] == 0.0
    assert got["liquidations"] == got["stops"] == 1
    assert walked(close, low, rule(stop=0.05, gap=0.0))["wealth"] == pytest.approx(0.5)


def test_costs_and_funding_are_paid() -> None:
    still = np.zeros((WEEK, 1))
    paid = np.zeros((WEEK, 1))
    paid[8] = 0.001
    assert walked(still, still, rule(cost=0.001))["wealth"] == pytest.approx(1 - 10 * 0.001)
    assert walked(still, still, rule(), paid)["wealth"] == pytest.approx(1 - 10 * 0.001)
    assert walked(still, still, rule(), paid)["funding"] == pytest.approx(0.01)


def test_less_leverage_is_not_liquidated_sooner() -> None:
    rng = np.random.default_rng(7)
    close = rng.normal(0.0, 0.01, (WEEK, 2))
    low = np.minimum(close, 0.0) - 0.004
    first = [walked(close, low, rule(leverage=x))["first"] for x in (1, 2, 4, 8, 16)]
    hours = [h if h >= 0 else WEEK for h in first]
    assert hours == sorted(hours, reverse=True)
    assert hours[-1] < hours[0]


def test_nothing_that_is_wanted_knows_what_comes() -> None:
    sheet = made_sheet(days=200)
    start, end = int(sheet.time[100 * 24]), int(sheet.time[-1])
    middle = int(sheet.time[140 * 24])
    whole = _plans(sheet, sheet, start, end)
    cut = sheet.between(0, middle)
    known = _plans(cut, cut, start, middle)
    for method in METHODS:
        assert len(known[method]) == 2
        for a, b in zip(known[method], whole[method], strict=False):
            assert a == pytest.approx(b)
    hours = sheet.time[100 * 24 :]
    wanted = np.full((1, len(hours), len(sheet.assets)), 1 / len(sheet.assets))
    now = _factors(sheet, wanted, hours)
    early = 40 * 24
    then = _factors(cut, wanted[:, :early], hours[:early])
    assert np.array_equal(now[:, :early], then)
    assert 0.0 < now.min() < now.max() <= 1.0


def test_every_combination_is_there_once() -> None:
    plans = levered()
    pieces = [p.pieces for p in plans if p.pieces is not None]
    assert set(pieces) == set(combinations())
    assert len(pieces) == len(set(pieces)) == 2 ** len(PIECES)
    assert len({p.key for p in (*plans, *unlevered())}) == len(plans) + len(unlevered())
    assert all(p.leverage == 1.0 for p in unlevered())


def test_an_interval_decides() -> None:
    assert verdict("growth", (0.1, 0.02, 0.3)) == "helped"
    assert verdict("growth", (-0.1, -0.3, -0.02)) == "hurt"
    assert verdict("drawdown", (-0.1, -0.3, -0.02)) == "helped"
    assert verdict("liquidations", (2.0, 0.5, 3.0)) == "hurt"
    assert verdict("growth", (0.1, -0.02, 0.3)) == "not shown"
    assert verdict("growth", (0.0, 0.0, 0.0)) == "no change"
    assert verdict("growth", (float("nan"),) * 3) == ""


def test_a_folder_without_the_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="binance_spot_1h"):
        run_advice(tmp_path)


@pytest.fixture(scope="module")
def study(shared_data: Path) -> AdviceStudy:
    return run_advice(shared_data, reduced=True)


def test_the_real_hours_keep_to_what_must_hold(study: AdviceStudy) -> None:
    for o in study.outcomes:
        assert o.growth[0] >= -1.0
        assert 0.0 <= o.drawdown[0] <= 1.0
        for name in OUTCOMES:
            value, low, high = getattr(o, name)
            assert low <= high, (o.strategy.key, name)
            assert np.isfinite(value)
        if o.strategy.market == "spot":
            assert o.liquidations == (0.0, 0.0, 0.0)
            assert o.funding == 0.0
    bare, low = study.outcome("btc 10x"), study.outcome("low leverage")
    assert bare.liquidations[0] > 0.0
    assert low.liquidations[0] == 0.0
    assert bare.drawdown[0] > low.drawdown[0]
    # less is held in a falling market, so less is lost
    falls = [study.outcome(f"spot stable {s}").drawdown[0] for s in ("5%", "10%", "15%")]
    assert falls == sorted(falls, reverse=True)
    for key, at_closes in study.at_closes.items():
        assert at_closes <= study.outcome(key).liquidations[0]


def test_the_report_keeps_to_its_schema(study: AdviceStudy) -> None:
    made = json.loads(to_json(advice_report(study)))
    validator = Draft202012Validator(schema_of("study-advice"))
    assert [e.message for e in validator.iter_errors(made)] == []
    alone = {
        (e["piece"], e["outcome"]): e["alone"] for e in made["effects"] if e["market"] != "spot"
    }
    known = {s["key"]: s for s in made["strategies"]}
    change = known["low leverage"]["growth"]["value"] - known["btc 10x"]["growth"]["value"]
    assert alone["low leverage", "growth"]["value"] == pytest.approx(change)
    assert alone["low leverage", "growth"]["verdict"] == "helped"
    assert "10x BTC was liquidated" in made["answer"][0]
