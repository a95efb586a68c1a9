"""Allocations: limits kept to, risk counted, liquidation, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from made_candles import COINS, made_sheet, write_candles

pytest.importorskip("skfolio")
pytest.importorskip("arch")

from seawall.core import InputError
from seawall.desk.account import margin_account
from seawall.desk.allocate import Allocation, Request, allocate, daily_returns
from seawall.desk.allocation_odds import AS_IT_WAS, AS_ONE
from seawall.desk.candle_sheet import read_sheet
from seawall.desk.depeg_risk import event_risk
from seawall.desk.groups import Group, group_assets
from seawall.desk.joint import changes, resampled, together
from seawall.desk.limits import Limits, require_possible, wishes
from seawall.desk.optimise import Method, StressDay, find_weights
from seawall.desk.stablecoins import stress_days, stress_events
from seawall.report.desk_allocate import allocate_report
from seawall.report.encode import to_json
from seawall.report.schema import schema_of

SHEET = made_sheet()
ASSETS = ("BTC", "ETH", "SOL", "LINK", "AVAX", "USDT")
GROUPS = dict(zip(ASSETS, [Group.LARGE] * 3 + [Group.MID] * 2 + [Group.STABLE], strict=True))
RETURNS = daily_returns(SHEET, ASSETS, Request(days=119))[1]


@pytest.fixture(scope="module")
def found() -> Allocation:
    return allocate(SHEET, Request(days=119, leverage=2.0, paths=400))


def shortfall(returns: np.ndarray, weights: np.ndarray, chance: np.ndarray) -> float:
    """CVaR at 95% of weighted scenarios, by sorting: the oracle of the optimiser's objective."""
    loss = -returns @ weights
    order = np.argsort(-loss)
    left, total = 0.05, 0.0
    for k in order:
        part = min(left, chance[k])
        total += part * loss[k]
        left -= part
    return total / 0.05


def test_groups_go_by_what_is_traded_and_by_what_is_said() -> None:
    groups = group_assets(SHEET)
    assert [groups[a] for a in COINS] == [Group.LARGE] * 3 + [Group.MID] * 2 + [Group.SMALL]
    assert group_assets(SHEET, given={"OP": "mid"})["OP"] is Group.MID
    with pytest.raises(InputError, match="no such group"):
        group_assets(SHEET, given={"OP": "huge"})
    with pytest.raises(InputError, match="volume to tell the group by"):
        group_assets(replace(SHEET, traded_usd=np.full_like(SHEET.close, np.nan)))


@pytest.mark.parametrize("method", list(Method))
def test_weights_keep_to_every_limit(method: Method) -> None:
    limits = Limits(
        cap=0.3, mid=(0.2, 0.25), least={"SOL": 0.1}, before={"BTC": 0.5, "ETH": 0.5}, turnover=1.6
    )
    weights = find_weights(RETURNS, ASSETS, GROUPS, limits, method)
    assert weights.min() >= 0.0
    assert weights.sum() == pytest.approx(1.0)
    for wish in wishes(limits, GROUPS, ASSETS):
        assert np.all(wish.rows @ weights <= wish.bounds + 1e-5), wish.words
    before = np.array([0.5, 0.5, 0, 0, 0, 0])
    assert np.abs(weights - before).sum() <= 1.6 + 1e-5


def test_no_drawn_weights_have_a_smaller_shortfall_than_those_found() -> None:
    stress = [StressDay({"USDT": -0.12, "BTC": -0.1, "ETH": -0.1, "SOL": -0.1}, 0.002)]
    limits = Limits(cap=0.5)
    weights = find_weights(RETURNS, ASSETS, GROUPS, limits, Method.CVAR, stress)
    scenarios = np.vstack((RETURNS, [[stress[0].change.get(a, 0.0) for a in ASSETS]]))
    chance = np.append(np.full(len(RETURNS), 0.998 / len(RETURNS)), 0.002)
    best = shortfall(scenarios, weights, chance)
    rng, others = np.random.default_rng(5), []
    while len(others) < 200:
        drawn = rng.dirichlet(np.full(6, 0.7))
        if all(np.all(w.rows @ drawn <= w.bounds) for w in wishes(limits, GROUPS, ASSETS)[1:]):
            others.append(shortfall(scenarios, drawn, chance))
    assert best <= min(others) + 1e-5


def test_a_likelier_depeg_takes_weight_from_the_stablecoin() -> None:
    limits = Limits(stable=(0.0, 1.0), large=(0.0, 1.0), mid=(0.0, 1.0), cap=1.0)
    held = []
    for a_year in (0.0, 20.0, 150.0):
        days = stress_days(RETURNS, ASSETS, GROUPS, a_year)
        held.append(find_weights(RETURNS, ASSETS, GROUPS, limits, Method.CVAR, days)[-1])
    assert held[0] > 0.99
    assert held[2] < held[0] - 0.05
    assert sum(d.probability for d in days) == pytest.approx(150.0 / 365.0)


def test_every_stress_event_has_a_price_and_a_source() -> None:
    events = stress_events()
    assert {round(e.low, 4) for e in events.depegs} == {0.8774, 0.87, 0.65}
    assert all(len(e.source) > 40 for e in events.depegs)


def test_depegs_and_a_failing_venue_have_their_part_of_the_shortfall(found: Allocation) -> None:
    days = stress_days(RETURNS, ASSETS, GROUPS, 0.1)
    exposure = np.array([0.6, 0.5, 0.3, 0.2, 0.2, 0.15])
    risk = event_risk(RETURNS, exposure, ASSETS, days, 0.02 / 365, 1.0)
    rows = [[d.change[a] for a in ASSETS] for d in days]
    # a seventh column stands for the venue, whose day takes all
    scenarios = np.zeros((len(RETURNS) + len(rows) + 1, 7))
    scenarios[:-1, :6] = np.vstack((RETURNS, rows))
    scenarios[-1, 6] = -1.0
    rare = [d.probability for d in days]
    plain = (1.0 - sum(rare) - 0.02 / 365) / len(RETURNS)
    chance = np.array([plain] * len(RETURNS) + rare + [0.02 / 365])
    weights = np.append(exposure, 1.0)
    assert risk.shortfall == pytest.approx(shortfall(scenarios, weights, chance))
    assert risk.shares.sum() + risk.venue == pytest.approx(1.0)
    assert risk.venue == pytest.approx(0.02 / 365 / 0.05 / risk.shortfall)
    lost = 0.15 * np.mean([e.loss for e in stress_events().depegs])
    assert risk.shares[5] == pytest.approx(0.1 / 365 * lost / 0.05 / risk.shortfall)
    held = {h.asset: h for h in found.holdings}
    assert held["USDT"].daily_volatility == held["USDT"].risk_share == 0.0
    assert held["USDT"].event_share > 0.0
    assert sum(h.event_share for h in found.holdings) + found.events.venue == pytest.approx(1.0)
    none = Request(days=119, leverage=2.0, paths=400, depegs_a_year=0.0, venue_failures_a_year=0.0)
    calm = allocate(SHEET, none)
    assert calm.events.venue == calm.expected_collateral_loss == 0.0
    assert {h.event_share for h in calm.holdings if h.group is Group.STABLE} == {0.0}


def test_broken_collateral_makes_liquidations_likelier(found: Allocation) -> None:
    week = 604_800.0
    whole = {r.leverage: r.probability[week][0] for r in found.ladder if r.moved == AS_ONE}
    assert [b.leverage for b in found.broken] == sorted(whole)
    for b in found.broken:
        q = -np.expm1(-0.1 * 7 / 365)
        assert b.given[week][0] >= whole[b.leverage]
        expected = (1 - q) * whole[b.leverage] + q * b.given[week][0]
        assert b.in_all[week] == pytest.approx(expected)
    assert found.broken[-1].given[week][0] > whole[10.0]
    assert found.expected_collateral_loss > found.expected_depeg_loss > 0.0


def test_conflicting_limits_are_named_and_no_others() -> None:
    limits = Limits(cap=0.2, large=(0.7, 0.9), mid=(0.0, 0.3), turnover=5.0)
    with pytest.raises(InputError) as caught:
        require_possible(limits, GROUPS, ASSETS)
    assert len(caught.value.mistakes) == 1
    words = str(caught.value)
    assert "no asset above 20% (cap)" in words
    assert "large caps (BTC, ETH, SOL) at least 70%" in words
    for harmless in ("turnover", "mid caps", "stablecoins", "sum to"):
        assert harmless not in words


@given(
    cap=st.floats(0.05, 0.6),
    large=st.floats(0.0, 0.9),
    mid=st.floats(0.0, 0.6),
    stable=st.floats(0.0, 0.5),
)
@settings(max_examples=40, deadline=None)
def test_what_is_refused_conflicts_and_loosening_one_mends_it(
    cap: float, large: float, mid: float, stable: float
) -> None:
    from seawall.desk import limits as module

    limits = Limits(stable=(stable, 1.0), large=(large, 1.0), mid=(mid, 1.0), cap=cap)
    # caps of three, two and one: by hand, as every wish here is a bound on a group of its own
    possible = (
        6 * cap >= 1 and large <= 3 * cap and mid <= 2 * cap and stable <= cap
        and large + mid + stable <= 1
    )  # fmt: skip
    edge = min(abs(6 * cap - 1), abs(large - 3 * cap), abs(mid - 2 * cap), abs(stable - cap),
               abs(large + mid + stable - 1))  # fmt: skip
    if edge < 1e-6:
        return
    if possible:
        require_possible(limits, GROUPS, ASSETS)
        return
    with pytest.raises(InputError) as caught:
        require_possible(limits, GROUPS, ASSETS)
    asked = wishes(limits, GROUPS, ASSETS)
    named = [w for w in asked if w.words in str(caught.value)]
    nothing = np.zeros(len(ASSETS))
    assert not module._possible(named, nothing)
    for wish in named:
        assert module._possible([w for w in named if w is not wish], nothing)


def test_fewer_days_than_were_asked_for_are_told(found: Allocation) -> None:
    short = allocate(SHEET, Request(days=150, leverage=2.0, paths=400))
    assert short.notes[0] == "119 days of history, not the 150 asked for: there are no more"
    assert not any("asked for" in note for note in found.notes)


def test_an_allocation_adds_up(found: Allocation) -> None:
    held = {h.asset: h for h in found.holdings}
    assert sum(h.weight for h in found.holdings) == pytest.approx(1.0)
    assert sum(h.risk_share for h in found.holdings) == pytest.approx(1.0)
    assert dict(found.left_out).keys() == {"OP"}
    stable = held["USDT"].weight
    assert 0.05 - 1e-6 <= stable <= 0.15 + 1e-6
    for h in found.holdings:
        times = 1.0 if h.group is Group.STABLE else 2.0
        assert h.notional_usd == pytest.approx(h.weight * 10_000.0 * times)
    account = RETURNS @ np.array([held[a].weight * (1.0 if a == "USDT" else 2.0) for a in ASSETS])
    assert found.daily_volatility == pytest.approx(account.std(ddof=1))
    worst = np.sort(account)[: int(np.ceil(0.05 * (len(account) - 1)))]
    assert found.shortfall == pytest.approx(-worst.mean(), rel=0.02)
    assert found.turnover == pytest.approx(1.0)


def test_more_leverage_never_makes_liquidation_less_likely(found: Allocation) -> None:
    for moved in (AS_IT_WAS, AS_ONE):
        rungs = [r for r in found.ladder if r.moved == moved]
        assert [r.leverage for r in rungs] == sorted(r.leverage for r in rungs)
        for horizon in rungs[0].probability:
            chances = [r.probability[horizon][0] for r in rungs]
            assert chances == sorted(chances)
        for r in rungs:
            by_time = [p for p, _ in r.probability.values()]
            assert by_time == sorted(by_time)
    assert found.rung(AS_ONE).probability[604_800.0][0] <= 1.0


def test_all_as_one_keeps_each_coin_and_makes_the_book_worse() -> None:
    parts = changes(SHEET)
    moved = together(parts)
    close, low, high = moved
    assert np.array_equal(np.sort(parts[0], axis=0), np.sort(close, axis=0))
    for was, now in (
        (np.minimum(parts[0], 0) - parts[1], np.minimum(close, 0) - low),
        (parts[2] - np.maximum(parts[0], 0), high - np.maximum(close, 0)),
    ):
        assert np.allclose(np.sort(was, axis=0), np.sort(now, axis=0), atol=1e-12)
    ranks = np.argsort(np.argsort(close, axis=0), axis=0)
    assert np.all(ranks == ranks[:, :1])
    # when the market falls and when it rises stays as it was
    rank = np.argsort(np.argsort(parts[0].mean(axis=1)))
    assert np.array_equal(ranks[:, 0], rank)
    for share in (0.001, 0.01, 0.05):
        for k in (0, 1):
            tail = [np.sort(p[k].mean(axis=1))[: int(share * len(p[k]))] for p in (parts, moved)]
            assert tail[1].mean() < tail[0].mean()


def test_paths_are_rows_of_the_past_without_their_trend() -> None:
    sheet = SHEET.at(["BTC", "ETH"])
    parts = changes(sheet)
    paths = resampled(sheet, parts, 48 * 3600.0, 50, 3)
    steps = np.diff(paths.close.astype(float), axis=1, prepend=0.0)
    known = {round(float(x), 5) for x in parts[0][:, 0] - parts[0][:, 0].mean()}
    assert all(round(float(x), 5) in known for x in steps[:, :, 0].ravel()[::37])
    assert np.all(paths.low <= paths.close + 1e-6)
    assert np.all(paths.high >= paths.close - 1e-6)
    again = resampled(sheet, parts, 48 * 3600.0, 50, 3)
    assert np.array_equal(paths.close, again.close)


def test_a_bad_day_liquidates_where_equity_meets_the_requirement() -> None:
    price = {"BTC": 80_000.0}
    margin = margin_account({"BTC": 50_000.0}, price, 10_000.0, "binance")
    state = margin.accounts_state()
    assert state.equity[0] == pytest.approx(10_000.0)
    assert state.maintenance[0] == pytest.approx(200.0)
    assert margin_account(
        {"BTC": 50_000.0}, price, 10_000.0, "binance", lost=0.5
    ).accounts_state().equity[0] == pytest.approx(5_000.0)
    with pytest.raises(InputError, match="do not allow this leverage"):
        margin_account({"BTC": 2_000_000.0}, price, 10_000.0, "binance")


def test_what_cannot_be_allocated_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="leverage and its cap conflict"):
        allocate(SHEET, Request(leverage=5.0))
    with pytest.raises(InputError, match="history too short"):
        allocate(made_sheet(days=60), Request())
    with pytest.raises(InputError, match="history too short"):
        allocate(SHEET, Request(days=30))
    with pytest.raises(InputError, match="stablecoins \\(none here\\) at least 5%"):
        allocate(SHEET, Request(days=119, quote=""))
    free = Limits(stable=(0.0, 1.0), large=(0.0, 1.0), mid=(0.0, 1.0), cap=1.0)
    with pytest.raises(InputError, match="leave stablecoins alone"):
        allocate(SHEET, Request(days=119, limits=free))
    with pytest.raises(InputError, match="not in the allocation"):
        allocate(SHEET, Request(days=119, limits=Limits(least={"OP": 0.1})))


def test_a_file_of_candles_is_read_and_its_gaps_are_refused(tmp_path: Path) -> None:
    sheet = made_sheet(days=3)
    path = write_candles(sheet, tmp_path / "candles.csv")
    read = read_sheet(path)
    assert read.assets == tuple(sorted(COINS))
    assert np.allclose(read.at(list(COINS)).close, sheet.close)
    assert np.allclose(read.at(list(COINS)).traded_usd, sheet.traded_usd)
    with pytest.raises(InputError, match=r"an asset without prices \(got 'DOGE'\)"):
        read_sheet(path, ["BTC", "DOGE"])
    lines = path.read_text().splitlines()
    holes = tmp_path / "holes.csv"
    holes.write_text("\n".join(lines[:10] + lines[12:]) + "\n")
    with pytest.raises(
        InputError, match=r"a gap in the candles \(got 'BTC, 2025-01-01T09.*2 of 3600"
    ):
        read_sheet(holes)
    holes.write_text("\n".join([*lines, lines[-1]]) + "\n")
    with pytest.raises(InputError, match=r"two candles at one time \(got 'OP at"):
        read_sheet(holes)
    late = tmp_path / "late.csv"
    late.write_text("\n".join(lines[:1] + lines[25:]) + "\n")
    found = read_sheet(late)
    # an asset listed later has no price before, and nothing is cut to what all have
    assert len(found.time) == 72
    assert np.isnan(found.at(["BTC"]).close[:24]).all()
    assert np.isfinite(found.at(["BTC"]).close[24:]).all()


def test_what_is_held_and_cannot_be_kept_counts_as_turnover() -> None:
    held = {"BTC": 0.4, "ETH": 0.4, "OP": 0.2}
    weights = find_weights(RETURNS, ASSETS, GROUPS, Limits(before=held, turnover=0.5), Method.CVAR)
    assert abs(weights[0] - 0.4) + abs(weights[1] - 0.4) + weights[2:].sum() <= 0.3 + 1e-5
    with pytest.raises(InputError, match="turnover at most 10%"):
        find_weights(RETURNS, ASSETS, GROUPS, Limits(before=held, turnover=0.1), Method.CVAR)
    with pytest.raises(InputError, match=r"more is held than the whole.*120% in BTC, ETH, OP"):
        require_possible(Limits(before={**held, "OP": 0.4}), GROUPS, ASSETS)


def test_what_is_held_and_has_no_candles_is_said_to_be_sold(found: Allocation) -> None:
    request = replace(found.request, limits=Limits(before={"BTC": 0.4, "btc": 0.2}))
    said = allocate_report(replace(found, request=request)).warnings
    assert any("sold whole, as they are not among what is allocated: btc" in w for w in said)


def test_shorter_candles_make_the_same_hours() -> None:
    whole = made_sheet(days=4)
    steps = len(whole.time)
    fine = replace(
        whole,
        time=np.repeat(whole.time, 2) + np.tile([0, 1800 * 10**9], steps),
        step=1800,
        low=np.repeat(whole.low, 2, axis=0) * np.tile([[1.0], [1.01]], (steps, 1)),
        high=np.repeat(whole.high, 2, axis=0) * np.tile([[0.99], [1.0]], (steps, 1)),
        close=np.repeat(whole.close, 2, axis=0) * np.tile([[1.005], [1.0]], (steps, 1)),
        traded_usd=np.repeat(whole.traded_usd / 2, 2, axis=0),
    )
    late = fine.between(int(fine.time[1]), 2**63 - 1).hourly()
    assert late.step == 3600
    for name in ("time", "low", "high", "close", "traded_usd"):
        assert np.allclose(getattr(late, name), getattr(whole, name)[1:])
    assert whole.hourly() is whole


def test_the_report_keeps_to_its_schema(found: Allocation) -> None:
    made = json.loads(to_json(allocate_report(found)))
    validator = Draft202012Validator(schema_of("allocate"))
    assert [e.message for e in validator.iter_errors(made)] == []
    assert sum(made["shares"].values()) == pytest.approx(1.0)
    assert "liquidated within a week" in made["answer"][1]


def test_the_real_candles_allocate(shared_data: Path) -> None:
    sheet = read_sheet(shared_data / "candles" / "binance_spot_1h.parquet")
    found = allocate(sheet, Request(method=Method.HRP, leverage=3.0, paths=300))
    groups = {h.asset: h.group for h in found.holdings}
    assert groups["BTC"] is groups["ETH"] is Group.LARGE
    assert groups["LINK"] is Group.MID
    assert "PAXG" in dict(found.left_out)
    assert found.stresses[0].change < -0.2  # the hour of 10 October is in it
