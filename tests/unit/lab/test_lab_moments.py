"""Moments of a crash: recorded candles give the targets, small tapes what a hand counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import duckdb
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from seawall.core import InternalError
from seawall.lab import (
    OCTOBER,
    EventCodes,
    Events,
    Moment,
    Tape,
    candle_path,
    measure,
    october_moments,
)
from seawall.sim.population.october import october_recipe

COINS = tuple(a.name for a in october_recipe().assets)
SECOND, MINUTE = 10**9, 60 * 10**9
FIVE = 5 * MINUTE
MOMENTS = {m.name: m for m in october_moments()}
MARKETS = (
    ("binance_usdm", "BTC"),
    ("bybit", "BTC"),
    ("hyperliquid", "BTC"),
    ("hyperliquid", "SOL"),
    ("okx", "ETH"),
)
PATHS = ("fall", "low_minute", "recovery_22", "recovery_24", "early_share", "range_after")


# --- recorded ------------------------------------------------------------------------------------


def recorded(folder: Path) -> Tape:
    """The candles of the day from 20:45 to 24:00, every coin on its own column."""
    columns = []
    for coin in COINS:
        rows = duckdb.sql(
            "SELECT epoch_ns(time), open, high, low, close FROM "
            f"'{folder}/candles/binance_perp_5m/{coin}.parquet' "
            "WHERE time >= TIMESTAMPTZ '2025-10-10 20:45:00+00' "
            "AND time < TIMESTAMPTZ '2025-10-11 00:00:00+00' ORDER BY time"
        ).fetchall()
        start = np.array([r[0] for r in rows], dtype=np.int64)
        time, path = candle_path(start, np.array([r[1:] for r in rows]), FIVE)
        columns.append(path)
    return Tape(tuple(("binance_usdm", c) for c in COINS), time, np.stack(columns, axis=1))


def test_the_recorded_candles_give_the_targets(shared_data: Path) -> None:
    found = measure(recorded(shared_data))
    for coin in COINS:
        for key in PATHS:
            name = f"{key}_{coin}"
            slack = 1e-6 if key == "low_minute" else 6e-4
            assert found[name] == pytest.approx(MOMENTS[name].target, abs=slack), name
            assert abs(MOMENTS[name].error(found[name])) < 0.05


def test_what_candles_cannot_tell_is_not_a_number(shared_data: Path) -> None:
    found = measure(recorded(shared_data))
    told = {f"{key}_{coin}" for key in PATHS for coin in COINS}
    assert all(np.isnan(found[name]) for name in set(found) - told)


def test_falls_on_another_venue_are_those_of_its_candles(shared_data: Path) -> None:
    for coin in ("BTC", "ETH", "SOL", "DOGE", "HYPE"):
        low = duckdb.sql(
            f"SELECT min(low) FROM '{shared_data}/candles/multivenue_1h.parquet' "
            f"WHERE venue = 'bybit' AND asset = '{coin}' "
            "AND time >= TIMESTAMPTZ '2025-10-10 21:00:00+00' "
            "AND time < TIMESTAMPTZ '2025-10-11 00:00:00+00'"
        ).fetchall()[0][0]
        opened = duckdb.sql(
            f"SELECT open FROM '{shared_data}/candles/binance_perp_5m/{coin}.parquet' "
            "WHERE time = TIMESTAMPTZ '2025-10-10 20:50:00+00'"
        ).fetchall()[0][0]
        assert MOMENTS[f"fall_bybit_{coin}"].target == pytest.approx(1 - low / opened, abs=6e-4)


# --- targets -------------------------------------------------------------------------------------


def test_half_of_the_coins_are_fitted_and_half_predicted() -> None:
    for place, coin in enumerate(COINS):
        for key in ("fall", "recovery_22"):
            assert MOMENTS[f"{key}_{coin}"].fitted == (place % 2 == 0)
        for key in set(PATHS) - {"fall", "recovery_22"}:
            assert not MOMENTS[f"{key}_{coin}"].fitted
    for coin in ("BTC", "SOL", "HYPE"):
        assert MOMENTS[f"hl_adl_ratio_{coin}"].fitted
    for coin in ("ETH", "XRP"):
        assert not MOMENTS[f"hl_adl_ratio_{coin}"].fitted


def test_moments_come_in_the_order_they_are_measured() -> None:
    tape = Tape((), np.empty(0, dtype=np.int64), np.empty((0, 0)))
    assert [m.name for m in october_moments()] == list(measure(tape))
    assert all(np.isnan(x) for x in measure(tape).values())


def test_every_moment_has_a_range_a_scale_and_a_source() -> None:
    for moment in october_moments():
        assert moment.low <= moment.target <= moment.high, moment.name
        assert moment.scale > 0
        assert moment.source
        assert moment.text
        assert moment.within(moment.target)
        assert not moment.within(2 * moment.high)
        assert moment.error(moment.target) == 0.0


MONEY = Moment("x", "", "USD", 100.0, 50.0, 200.0, "s", "high", "", True, 0.5)


def test_errors_of_money_are_relative_and_of_shares_absolute() -> None:
    assert MONEY.error(200.0) == pytest.approx(np.log(2) / 0.5)
    assert MONEY.error(50.0) == pytest.approx(-np.log(2) / 0.5)
    assert MONEY.error(0.0) == pytest.approx(np.log(1e-3) / 0.5)
    assert np.isnan(MONEY.error(np.nan))
    share = replace(MONEY, unit="share", target=0.4, scale=0.1)
    assert share.error(0.55) == pytest.approx(1.5)


# --- tapes by hand -------------------------------------------------------------------------------


def clock(minute: float) -> int:
    """Nanoseconds of a minute after 20:50."""
    return OCTOBER.start + round(minute * MINUTE)


def flat(
    events: Sequence[tuple[float, int, int, float, int, int]] = (), last: float = 190.0
) -> Tape:
    """A tape of one sample a minute whose prices stand at 100 from 20:45 on."""
    time = np.arange(clock(-5), clock(last) + 1, MINUTE, dtype=np.int64)
    rows = list(zip(*events, strict=True)) if events else [()] * 6
    columns = Events(
        time=np.array([clock(t) for t in rows[0]], dtype=np.int64),
        market=np.array(rows[1], dtype=np.int64),
        kind=np.array(rows[2], dtype=np.int64),
        usd=np.array(rows[3], dtype=np.float64),
        side=np.array(rows[4], dtype=np.int64),
        account=np.array(rows[5], dtype=np.int64),
    )
    return Tape(MARKETS, time, np.full((len(time), len(MARKETS)), 100.0), columns)


def with_path(points: dict[float, float], last: float = 190.0) -> Tape:
    """The same with the first market's price set at some minutes."""
    tape = flat(last=last)
    price = tape.price.copy()
    for minute, value in points.items():
        price[np.searchsorted(tape.time, clock(minute)), 0] = value
    return replace(tape, price=price)


def test_a_path_by_hand() -> None:
    found = measure(with_path({10: 95.0, 31: 80.0, 69: 92.0, 100: 98.0, 120: 90.0, 189: 96.0}))
    assert found["fall_BTC"] == pytest.approx(0.2)
    assert found["low_minute_BTC"] == pytest.approx(31.0)
    assert found["early_share_BTC"] == pytest.approx(0.25)
    assert found["recovery_22_BTC"] == pytest.approx(0.6)
    assert found["recovery_24_BTC"] == pytest.approx(0.8)
    assert found["range_after_BTC"] == pytest.approx(10 / 92)
    assert np.isnan(found["fall_ETH"])


def test_what_lies_before_the_start_and_after_the_end_does_not_count() -> None:
    tape = with_path({-3: 50.0, 190: 40.0, 30: 90.0})
    assert measure(tape)["fall_BTC"] == pytest.approx(0.1)


def test_a_tape_that_ends_early_says_so() -> None:
    found = measure(with_path({31: 80.0, 68: 92.0}, last=69.0))
    assert found["fall_BTC"] == pytest.approx(0.2)
    assert found["recovery_22_BTC"] == pytest.approx(1.0)
    assert np.isnan(found["recovery_24_BTC"])
    assert np.isnan(found["range_after_BTC"])
    short = measure(flat(last=30.0))
    assert np.isnan(short["fall_BTC"])
    assert np.isnan(short["liquidated_usd"])


def test_a_price_that_never_falls_has_nothing_to_recover() -> None:
    found = measure(flat())
    assert found["fall_BTC"] == 0.0
    assert np.isnan(found["recovery_22_BTC"])


# minute after 20:50, market, kind, USD, side, account
ROWS = [
    (-1.0, 0, 0, 999.0, 1, 90),  # before the start
    (25.2, 0, 0, 40.0, 1, 1),
    (25.9, 2, 0, 30.0, 1, 2),
    (26.1, 2, 0, 10.0, -1, 3),
    (26.2, 3, 0, 20.0, 1, 2),
    (26.2, 3, 0, 20.0, 1, 2),  # the same position again
    (27.0, 2, 1, 8.0, -1, 5),
    (27.1, 3, 1, 10.0, -1, 6),
    (27.2, 3, 1, 10.0, 1, 7),
    (28.0, 2, 2, 7.0, 1, 2),
    (29.0, 0, 3, 5.0, 1, 1),
    (50.0, 1, 0, 60.0, 1, 8),
    (189.9, 4, 0, 20.0, 1, 9),
    (190.0, 4, 0, 777.0, 1, 9),  # after the end
]


def test_sums_by_hand() -> None:
    found = measure(flat(ROWS))
    assert found["liquidated_usd"] == 200.0
    assert found["liquidated_40min_usd"] == 120.0
    assert found["long_share"] == pytest.approx(190 / 200)
    assert found["liquidated_BTC_usd"] == 140.0
    assert found["liquidated_ETH_usd"] == 20.0
    assert found["binance_usdm_usd"] == 40.0
    assert found["bybit_usd"] == 60.0
    assert found["okx_usd"] == 20.0
    assert found["hyperliquid_usd"] == 80.0
    assert found["hyperliquid_long_share"] == pytest.approx(70 / 80)
    assert found["binance_fund_usd"] == 5.0
    assert found["peak_minute_share"] == pytest.approx(70 / 120)
    assert found["peak_minute"] == 25.5


def test_the_replay_of_one_chain_by_hand() -> None:
    found = measure(flat(ROWS))
    assert found["hl_window_usd"] == 80.0
    assert found["hl_window_BTC_usd"] == 40.0
    assert found["hl_adl_usd"] == 28.0
    assert found["hl_adl_ratio_BTC"] == pytest.approx(8 / 40)
    assert found["hl_adl_ratio_SOL"] == pytest.approx(20 / 40)
    assert found["hl_adl_ratio_mean"] == pytest.approx(0.35)
    assert found["hl_first_adl_s"] == pytest.approx(1.1 * 60)
    assert found["hl_long_rows"] == pytest.approx(2 / 3)
    assert found["hl_adl_short_rows"] == pytest.approx(2 / 3)
    assert found["hl_peak_minute_share"] == pytest.approx(1.0)
    assert found["hl_negative_equity_usd"] == 7.0


def test_without_deleveraging_the_delay_is_the_window() -> None:
    found = measure(flat([row for row in ROWS if row[2] != 1]))
    assert found["hl_first_adl_s"] == 720.0
    assert found["hl_adl_ratio_mean"] == 0.0
    nothing = measure(flat())
    assert np.isnan(nothing["hl_first_adl_s"])
    assert nothing["liquidated_usd"] == 0.0
    assert np.isnan(nothing["long_share"])


def test_other_codes_count_alike() -> None:
    names = {0: 11, 1: 12, 2: 13, 3: 14}
    codes = EventCodes(liquidated=(11, 21), deleveraged=(12,), shortfall=(13,), fund_draw=(14,))
    moved = [(t, m, names[k], u, s, a) for t, m, k, u, s, a in ROWS]
    moved[1] = (*moved[1][:2], 21, *moved[1][3:])
    assert measure(flat(moved), codes) == pytest.approx(measure(flat(ROWS)), nan_ok=True)


@given(st.permutations(range(len(ROWS))))
def test_the_order_of_events_does_not_matter(order: list[int]) -> None:
    mixed = measure(flat([ROWS[k] for k in order]))
    assert mixed == pytest.approx(measure(flat(ROWS)), nan_ok=True)


def test_states_by_hand() -> None:
    tape = flat(ROWS)
    shape = tape.price.shape
    interest, depth, volume = np.full(shape, 10.0), np.full(shape, 5.0), np.full(shape, 1.0)
    late = tape.time >= clock(40)
    interest[late, 0], interest[late, 2] = 4.0, 5.0
    # thin for two minutes in one market and gone in another, back before 22:00
    thin = (tape.time >= clock(30)) & (tape.time < clock(32))
    depth[thin, 0], depth[thin, 1] = 1.0, 0.0
    found = measure(replace(tape, open_interest=interest, depth=depth, volume=volume))
    assert found["oi_drop_BTC"] == pytest.approx(1 - 19 / 30)
    assert found["oi_drop_hyperliquid"] == pytest.approx(1 - 15 / 20)
    assert found["oi_drop"] == pytest.approx(1 - 39 / 50)
    assert found["depth_withdrawal_BTC"] == pytest.approx(1 - 6 / 15)
    # 51 minutes of one dollar a minute
    assert found["volume_okx_usd"] == pytest.approx(51.0)
    assert found["volume_binance_usdm_usd"] == pytest.approx(51.0)


@given(st.floats(0.1, 10.0))
def test_a_change_of_currency_moves_no_share(rate: float) -> None:
    tape = with_path({10: 95.0, 31: 80.0, 69: 92.0})
    one, other = measure(tape), measure(replace(tape, price=tape.price * rate))
    assert other == pytest.approx(one, rel=1e-6, nan_ok=True)


def test_candles_become_a_path() -> None:
    candles: NDArray[np.float64] = np.array([[10.0, 12.0, 8.0, 11.0], [11.0, 11.5, 9.0, 9.5]])
    time, price = candle_path(np.array([0, FIVE]), candles, FIVE)
    assert price.tolist() == [10.0, 8.0, 12.0, 11.0, 11.0, 9.0, 11.5, 9.5]
    assert (np.diff(time) > 0).all()
    assert time[4] == FIVE
    assert time[3] == FIVE - 1


def test_columns_that_do_not_fit_are_our_mistake() -> None:
    time = np.array([0, 1], dtype=np.int64)
    with pytest.raises(InternalError, match="shape"):
        Tape(MARKETS, time, np.ones((2, 1)))
    with pytest.raises(InternalError, match="rise"):
        Tape((("okx", "BTC"),), time[::-1], np.ones((2, 1)))
    one, two = np.zeros(1, dtype=np.int64), np.zeros(2, dtype=np.int64)
    with pytest.raises(InternalError, match="unequal"):
        Events(one, one, one, np.zeros(1), one, two)
