"""Measures on a run written by hand, each counted again in plain Python."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from seawall.core import Instrument
from seawall.core import _columns as c
from seawall.core.hooks import Floor, Market
from seawall.sim import measures as ms
from seawall.sim.bearers import waterfalls, who_pays
from seawall.sim.run import SERIES, Events, Run
from seawall.sim.summary import FEW, quantiles, summarise

ROWS = [
    # second, kind, market, account, position, quantity, price, usd
    (10.0, c.LIQUIDATION, 0, 0, 0, 2.0, 90.0, 180.0),
    (12.0, c.PARTIAL, 1, 1, 1, 1.0, 88.0, 88.0),
    (70.0, c.LIQUIDATION, 1, 1, 1, 3.0, 80.0, 240.0),
    (71.0, c.TAKEOVER, 0, 2, 2, -1.0, 100.0, 100.0),
    (71.0, c.FUND_DRAW, 0, 2, -1, 0.0, 100.0, 30.0),
    (75.0, c.STOPPED, 2, 3, 3, 5.0, 9.0, 45.0),
    (80.0, c.ADL, 0, 4, 4, 1.0, 85.0, 85.0),
    (80.0, c.SOCIALISED, 0, 4, 4, 0.0, 85.0, 7.0),
    (81.0, c.ADDED, 0, 3, -1, 0.0, 85.0, 11.0),
]


def floor() -> Floor:
    markets = tuple(
        Market(venue, Instrument(venue, asset, asset), price, 1e6, 1e8)
        for venue, asset, price in (("a", "BTC", 100.0), ("b", "BTC", 100.0), ("a", "ETH", 10.0))
    )
    return Floor(markets, ("a", "b"), ("BTC", "ETH"), 1.0, 120)


def run(rows: list[tuple[float, ...]] = ROWS) -> Run:
    second = np.arange(1.0, 121.0)
    t = second[:, None]
    fall = np.where(t < 60, 1.0 - 0.2 * t / 60, 0.8 + 0.1 * (t - 60) / 60)
    late = np.where(t < 5, 1.0, np.roll(fall, 5, axis=0))
    mid = np.hstack((100 * fall, 100 * fall * (1 + 0.03 * (t == 61)), 10 * late))
    series = {name: np.zeros((120, 3)) for name in SERIES}
    series["mid"], series["mark"] = mid, mid.copy()
    series["session"][30:40, 1] = c.HALTED
    kept = np.array(rows, dtype=np.float64).reshape(-1, 8)
    market = kept[:, 2].astype(np.int64)
    fund = np.tile([1000.0, 500.0], (120, 1))
    fund[80:, 0] = 940.0
    fund[90, 0] = 900.0
    return Run(
        floor=floor(),
        start=0,
        seed=1,
        second=second,
        series=series,
        fund=fund,
        fund_start=np.array([1010.0, 500.0]),
        fund_end=np.array([945.0, 500.0]),
        deposits=11.0,
        events=Events(
            second=kept[:, 0],
            kind=kept[:, 1].astype(np.int64),
            market=market,
            venue=np.array([0, 1, 0])[market],
            account=kept[:, 3].astype(np.int64),
            position=kept[:, 4].astype(np.int64),
            quantity=kept[:, 5],
            price=kept[:, 6],
            usd=kept[:, 7],
        ),
        equity=np.array([0.0, 5.0, 0.0, 61.0, 210.0, 130.0]),
        bad_debt=np.array([2.0, 0.0]),
        given_up=np.array([4.5, 0.0]),
        cash_error=0.0,
        interest_error=0.0,
    )


BEFORE = np.array([50.0, 60.0, 40.0, 70.0, 200.0, 100.0])


def test_forced_is_what_venues_close() -> None:
    r = run()
    assert ms.forced_usd(r) == 608.0
    assert ms.forced_usd(r, 1) == 508.0
    assert ms.forced_usd(r, -1) == 100.0
    assert ms.accounts_forced(r) == 3


def test_by_minute() -> None:
    profile = ms.over_time(run())
    assert profile.second.tolist() == [0.0, 60.0]
    assert profile.long_usd.tolist() == [268.0, 240.0]
    assert profile.short_usd.tolist() == [0.0, 100.0]
    assert profile.accounts.tolist() == [2, 2]
    only = ms.over_time(run(), market=np.array([1]))
    assert only.long_usd.tolist() == [88.0, 240.0]


def test_shares_and_the_largest() -> None:
    r = run()
    assert ms.venue_shares(r) == {"a": 280 / 608, "b": 328 / 608}
    largest = ms.largest_single(r)
    assert largest is not None
    assert (largest.usd, largest.account, largest.market, largest.second) == (328, 1, "b:BTC", 12)


def test_deleveraging() -> None:
    r = run()
    assert ms.first_adl_delay(r) == 70.0
    by_venue = ms.adl_ratios(r)
    assert by_venue == {"a": 85 / 280, "b": 0.0}
    by_asset = ms.adl_ratios(r, "asset")
    assert by_asset["BTC"] == 85 / 608
    assert math.isnan(by_asset["ETH"])


def test_a_run_in_which_nothing_happens() -> None:
    r = run([])
    assert ms.forced_usd(r) == 0.0
    assert ms.largest_single(r) is None
    assert math.isnan(ms.first_adl_delay(r))
    assert ms.venue_shares(r) == {"a": 0.0, "b": 0.0}
    assert math.isnan(ms.cascade_multiplier(r, r, 1.0))
    row = summarise(r, BEFORE)
    assert row["forced_usd"] == 0.0
    assert math.isnan(row["adl_ratio"])


def test_the_multiplier_leaves_out_what_entered_during_the_run() -> None:
    entry = (5.0, c.ENTRY, 0, 0, 0, 2.0, 95.0, 190.0)
    # quantities at 100 a piece: 2 + 1 + 3 + 1, of which 2 entered only during the run
    alone = run([(10.0, c.LIQUIDATION, 1, 1, 1, 0.001, 88.0, 0.088)])
    assert ms.cascade_multiplier(run(), alone, 1e-3) == pytest.approx(7.0)
    assert ms.cascade_multiplier(run([entry, *ROWS]), alone, 1e-3) == pytest.approx(5.0)


def test_volatility_counts_minutes_of_all_perpetuals() -> None:
    r = run()
    moves = []
    for k in (0, 1):
        level = r.series["mid"][::60, k].tolist()
        moves += [math.log(b / a) for a, b in itertools.pairwise(level)]
    wanted = math.sqrt(sum(x * x for x in moves) / len(moves) * 86_400 / 60)
    assert ms.volatility(r, "BTC") == pytest.approx(wanted)
    assert ms.amplification(r, r, "BTC") == 1.0


def test_the_fall_spreads_late_to_the_second_asset() -> None:
    falls = ms.spread_to_assets(run())
    assert falls["BTC"].change == pytest.approx(0.8 / (1 - 0.2 / 60) - 1)
    assert falls["BTC"].trough == 60.0
    assert falls["ETH"].after_lead == 5.0
    assert falls["ETH"].lag == 5.0
    assert math.isnan(falls["BTC"].beta)
    each = ms.spread_to_assets(run(), span=1.0)
    assert each["BTC"].beta == pytest.approx(1.0)
    assert 0.0 < each["ETH"].beta < 1.0


def test_gaps_between_venues_are_seen_where_two_are_open() -> None:
    gaps = ms.gaps_between_venues(run())
    assert gaps["BTC"].widest == pytest.approx(0.03)
    assert (gaps["BTC"].second, gaps["BTC"].high, gaps["BTC"].low) == (61.0, "b", "a")
    assert "ETH" not in gaps


def test_halts_are_read_off_the_recorded_rows() -> None:
    r = run()
    assert ms.halts(r) == [(31.0, 1)]
    row = summarise(r, BEFORE)
    assert (row["halts"], row["halted_s"]) == (1.0, 10.0)


def test_an_outage_is_no_halt() -> None:
    r = run()
    r.series["session"][50:60, 0] = c.DOWN
    assert ms.halts(r) == [(31.0, 1)]
    assert ms.outages(r) == [(51.0, 0)]
    row = summarise(r, BEFORE)
    assert (row["halts"], row["halted_s"]) == (1.0, 10.0)


def test_funds() -> None:
    path = ms.fund_paths(run())["a"]
    assert (path.start, path.lowest, path.end, path.lowest_second) == (1010, 900, 945, 91)


def test_who_pays_sums_to_zero_and_margin_added_is_no_gain() -> None:
    rows = {b.group: b for b in who_pays(run(), BEFORE)}
    assert rows["liquidated"].gain_usd == 5 - 150
    assert rows["liquidated"].accounts == 3
    assert rows["deleveraged"].gain_usd == 10
    assert rows["stopped"].gain_usd == 61 - 70 - 11
    assert rows["others"].gain_usd == 30
    assert rows["funds"].gain_usd == 945 - 1010
    assert sum(b.gain_usd for b in rows.values()) == 0.0


def test_the_waterfall_of_a_venue() -> None:
    first, second = waterfalls(run())
    assert first.deficits == 30.0
    assert first.given_up == 4.5
    assert first.socialised == 7.0
    assert first.bad_debt == 2.0
    assert first.by_fund == 30 - 4.5 - 7 - 2
    assert second.deficits == second.by_fund == 0.0


def test_quantiles_skip_runs_in_which_a_measure_is_undefined() -> None:
    rows = [{"x": 1.0}, {"x": math.nan}, {"x": 3.0}, {}]
    assert quantiles(rows, "x")[1] == 2.0
    assert all(math.isnan(v) for v in quantiles(rows, "y"))


def test_few_runs_are_told_by_their_lowest_and_highest() -> None:
    few = [{"x": float(k)} for k in range(FEW - 1)]
    assert quantiles(few, "x") == (0.0, (FEW - 2) / 2, FEW - 2.0)
    many = [{"x": float(k)} for k in range(101)]
    assert quantiles(many, "x") == (5.0, 50.0, 95.0)
