"""The market of 10 October 2025: its record against the recorded data, its book against both."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import duckdb
import numpy as np
import pytest
from numpy.typing import NDArray

from seawall.core import InputError, format_time
from seawall.margin import MarginBook
from seawall.rulebook import bind
from seawall.sim.population.october import (
    LeveragedMarket,
    october_2025,
    october_mix,
    october_recipe,
)
from seawall.sim.population.recipe import load_recipe

RECIPE = october_recipe()
COINS = tuple(a.name for a in RECIPE.assets)
FEEDS = {"binance_usdm": "Binance", "bybit": "Bybit", "okx": "OKX"}
VOLUME = "volume/oct10_2109_2200_by_market.parquet"


@pytest.fixture(scope="module")
def full() -> LeveragedMarket:
    return october_2025()


@pytest.fixture(scope="module")
def small() -> LeveragedMarket:
    return october_2025(share=0.05)


@pytest.fixture(scope="module")
def bound(small: LeveragedMarket) -> MarginBook:
    return bind(small.book)


def held(market: LeveragedMarket, side: int) -> NDArray[np.float64]:
    """USD of one side by instrument, added row by row."""
    book = market.book
    total = [0.0] * len(book.instruments)
    usd = book.positions.mark * np.abs(book.positions.size)
    for k, x, size in zip(
        book.positions.instrument.tolist(), usd.tolist(), book.positions.size.tolist(), strict=True
    ):
        total[k] += x if size * side > 0 else 0.0
    return np.array(total)


# --- the record ----------------------------------------------------------------------------------


def futures_volume(folder: Path) -> dict[tuple[str, str], float]:
    """USD by coin and exchange in the recorded window, futures of every quote."""
    rows = duckdb.sql(
        f"SELECT upper(base), exchange, sum(usd_volume) FROM '{folder / VOLUME}' "
        "WHERE type = 'futures' GROUP BY ALL"
    ).fetchall()
    return {(coin, venue): usd for coin, venue, usd in rows}


def test_ratios_of_open_interest_follow_the_recorded_volume(shared_data: Path) -> None:
    volume = futures_volume(shared_data)
    for venue in RECIPE.venues:
        if venue.name not in FEEDS:
            continue
        feed = FEEDS[venue.name]
        for coin in COINS[1:]:
            ratio = volume.get((coin, feed), 0.0) / volume["BTC", feed]
            assert venue.tilt[coin] == pytest.approx(ratio, rel=6e-3), (venue.name, coin)
        whole = sum(volume.get((coin, feed), 0.0) for coin in COINS)
        assert RECIPE.value(f"volume_{venue.name}_usd") == pytest.approx(whole, rel=5e-3)


def test_coins_stand_in_the_order_of_volume(shared_data: Path) -> None:
    total: Counter[str] = Counter()
    for (coin, _), usd in futures_volume(shared_data).items():
        total[coin] += usd
    assert list(COINS) == sorted(COINS, key=lambda coin: -total[coin])


def test_marks_and_ranges_are_those_of_the_candles(shared_data: Path) -> None:
    at = "epoch_ns(TIMESTAMPTZ '2025-10-10 20:45:00+00')"
    for facts in RECIPE.assets:
        file = shared_data / "candles/binance_perp_5m" / f"{facts.name}.parquet"
        mark, low, high = duckdb.sql(
            f"SELECT any_value(open) FILTER (epoch_ns(time) = {at}), "
            f"min(low) FILTER (epoch_ns(time) < {at}), max(high) FILTER (epoch_ns(time) < {at}) "
            f"FROM '{file}' WHERE epoch_ns(time) BETWEEN {at} - 28 * 86400000000000 AND {at}"
        ).fetchall()[0]
        assert facts.mark == pytest.approx(mark, rel=5e-3)
        assert facts.mark == float(f"{facts.mark:.3g}")
        weeks = (low / mark * facts.mark, high / mark * facts.mark)
        assert facts.weeks == pytest.approx(weeks, abs=6e-4 * facts.mark)


def test_the_chain_replay_is_as_recorded(shared_data: Path) -> None:
    told = json.loads((shared_data / "hyperliquid_oct10/results.json").read_text("utf-8"))
    coins = told["total_impact_results"]["top_combined_tickers"]
    named = [coin for coin in COINS if coin in coins]
    assert set(named) == {"BTC", "ETH", "SOL", "XRP", "HYPE"}
    tilt = RECIPE.venues[[v.name for v in RECIPE.venues].index("hyperliquid")].tilt
    for coin in named:
        whole, cut = coins[coin]["liquidations"], coins[coin]["adl"]
        assert RECIPE.value(f"hl_window_{coin}_usd") == pytest.approx(whole, rel=3e-3)
        assert RECIPE.value(f"hl_adl_ratio_{coin}") == pytest.approx(cut / whole, abs=5e-4)
        if coin != "BTC":
            btc = coins["BTC"]["liquidations"]
            assert tilt[coin] == pytest.approx(whole / btc, rel=3e-3)
    timing = told["cascade_timing_results"]
    assert RECIPE.value("hl_first_adl_s") == pytest.approx(timing["delay_seconds"], abs=0.05)
    minutes: Counter[int] = Counter()
    for row in timing["timeline"]:
        minutes[row["second"] // 60] += row["liquidations"]
    share = max(minutes.values()) / sum(minutes.values())
    assert RECIPE.value("hl_peak_minute_share") == pytest.approx(share, abs=1e-3)


def test_deleveraging_and_rows_by_side_are_as_recorded(shared_data: Path) -> None:
    folder = shared_data / "hyperliquid_oct10"
    cut = dict(
        duckdb.sql(f"SELECT coin, adl_notional FROM '{folder}/adl_by_coin_REALTIME.csv'").fetchall()
    )
    mine = sum(cut.get(coin, 0.0) for coin in COINS)
    assert RECIPE.value("hl_adl_usd") == pytest.approx(mine, rel=3e-3)
    tilt = RECIPE.venues[[v.name for v in RECIPE.venues].index("hyperliquid")].tilt
    for coin in ("DOGE", "BNB", "WLFI", "BCH", "OP", "ZEC", "INJ"):
        assert tilt[coin] == pytest.approx(cut[coin] / cut["BTC"], rel=5e-3)
    long, whole, short, all_cut = duckdb.sql(
        "SELECT count(*) FILTER (was_liquidated AND side = 'LONG'), "
        "count(*) FILTER (was_liquidated), count(*) FILTER (was_adl AND side = 'SHORT'), "
        f"count(*) FILTER (was_adl) FROM '{folder}/outcome_by_account_btc_sol.parquet'"
    ).fetchall()[0]
    assert RECIPE.value("hl_long_rows") == pytest.approx(long / whole, abs=6e-4)
    assert RECIPE.value("hl_adl_short_rows") == pytest.approx(short / all_cut, abs=6e-4)


def test_what_a_scope_is_made_of() -> None:
    in_four_hours = 9.297 / 0.554
    assert RECIPE.value("liquidated_usd") / 1e9 == pytest.approx(
        in_four_hours * 0.75 * 0.96, rel=5e-3
    )
    assert in_four_hours / 19.3 == pytest.approx(0.87, abs=5e-3)
    named = sum(RECIPE.value(f"hl_window_{c}_usd") for c in ("BTC", "ETH", "SOL", "XRP", "HYPE"))
    rest = RECIPE.value("hl_adl_usd") - sum(
        RECIPE.value(f"hl_window_{c}_usd") * RECIPE.value(f"hl_adl_ratio_{c}")
        for c in ("BTC", "ETH", "SOL", "XRP", "HYPE")
    )
    whole = named + rest / (2.103 / 5.511)
    assert RECIPE.value("hl_window_usd") == pytest.approx(whole, rel=0.01)
    assert whole / 5.511e9 == pytest.approx(0.75, abs=0.01)


def test_every_figure_lies_in_its_range_and_names_its_source() -> None:
    for figure in RECIPE.figures:
        assert figure.source
        assert figure.confidence in {"high", "medium", "low"}
        if not np.isnan(figure.low):
            assert figure.low <= figure.value <= figure.high, figure.key
            assert figure.low < figure.high, figure.key
        if figure.confidence == "low":
            assert figure.conflict or "inferred" in figure.source or figure.low < figure.high
    assert len({f.key for f in RECIPE.figures}) == len(RECIPE.figures)


# --- the book ------------------------------------------------------------------------------------


@pytest.mark.parametrize("which", ["full", "small"])
def test_open_interest_is_met_on_both_sides(which: str, request: pytest.FixtureRequest) -> None:
    market: LeveragedMarket = request.getfixturevalue(which)
    np.testing.assert_allclose(held(market, 1), market.open_interest, rtol=1e-9)
    np.testing.assert_allclose(held(market, -1), market.open_interest, rtol=1e-9)
    told = {
        (i.venue, i.asset): x
        for i, x in zip(market.book.instruments, market.open_interest, strict=True)
    }
    for venue in RECIPE.venues:
        btc = RECIPE.value(f"{venue.name}_btc_oi_usd")
        assert told[venue.name, "BTC"] == pytest.approx(btc)
        for coin in COINS[1:]:
            assert told.get((venue.name, coin), 0.0) == pytest.approx(btc * venue.tilt[coin])
    assert len(told) == 4 * 14 - 5


def test_the_book_is_of_its_time_and_size(full: LeveragedMarket) -> None:
    book = full.book
    assert format_time(book.time).startswith("2025-10-10T20:45:00")
    assert len(book.accounts) == pytest.approx(500_000, rel=1e-3)
    assert book.source.startswith("synthetic market of 10 October 2025, 20:45 UTC")
    assert (full.depth > 0).all()
    assert len(full.depth) == len(book.instruments)
    at = [(i.venue, i.asset) for i in book.instruments].index(("binance_usdm", "BTC"))
    assert full.depth[at] == pytest.approx(5.6e7)


def test_shares_come_out_as_asked(small: LeveragedMarket, bound: MarginBook) -> None:
    book, mix = small.book, october_mix()
    usd = book.notional()
    leverage = bound.effective_leverage()[book.positions.account]
    assert usd[leverage < 3].sum() / usd.sum() == pytest.approx(mix.leverage_low, abs=0.02)
    assert usd[leverage > 7].sum() / usd.sum() == pytest.approx(mix.leverage_high, abs=0.02)
    assert np.isfinite(book.positions.stop).mean() == pytest.approx(mix.stop_share, abs=0.01)
    assert (book.positions.size > 0).mean() == pytest.approx(mix.long_share, abs=0.01)
    assert len(book) / len(book.accounts) == pytest.approx(1 + mix.several_share, rel=0.01)
    for v, venue in enumerate(RECIPE.venues):
        cross = ~book.accounts.isolated[book.accounts.venue == v]
        assert cross.mean() == pytest.approx(venue.cross_share, abs=0.02)


def test_other_parameters_move_what_they_name(small: LeveragedMarket) -> None:
    mix = replace(
        october_mix(), stop_share=0.6, long_share=0.8, cross_share=0.9, several_share=0.05
    )
    book = october_2025(share=0.05, mix=mix).book
    assert np.isfinite(book.positions.stop).mean() == pytest.approx(0.6, abs=0.015)
    assert (book.positions.size > 0).mean() == pytest.approx(0.8, abs=0.01)
    assert (~book.accounts.isolated).mean() == pytest.approx(0.9, abs=0.01)
    assert len(book) / len(book.accounts) == pytest.approx(1.05, rel=0.01)


def test_leverage_may_differ_by_venue() -> None:
    mix = replace(october_mix(), leverage_high_at={"hyperliquid": 0.4})
    book = october_2025(share=0.05, mix=mix).book
    bound = bind(book)
    high = bound.effective_leverage()[book.positions.account] > 7
    # a coin whose venue allows less than 10x holds nothing above 7x there
    wide = np.array([i.asset != "WLFI" for i in book.instruments])[book.positions.instrument]
    venue, usd = bound.venue_of_positions(), book.notional()
    for v, wanted in enumerate((0.15, 0.15, 0.15, 0.4)):
        mine = (venue == v) & wide
        assert usd[mine & high].sum() / usd[mine].sum() == pytest.approx(wanted, abs=0.03)


def test_a_larger_share_above_seven_puts_more_within_reach() -> None:
    fallen = []
    for high in (0.1, 0.2, 0.4):
        book = october_2025(share=0.05, mix=replace(october_mix(), leverage_high=high)).book
        price = bind(book).liquidation_price()
        near = (book.positions.size > 0) & (price > 0.9 * book.positions.mark)
        fallen.append(book.notional()[near].sum())
    assert fallen[0] < fallen[1] < fallen[2]


def test_nobody_falls_before_a_price_moves(bound: MarginBook) -> None:
    assert not bound.accounts_state().liquidatable.any()


def test_isolated_accounts_are_as_near_as_their_leverage_says(bound: MarginBook) -> None:
    book = bound.book
    p = book.positions
    venue = bound.venue_of_positions()
    # Bybit and OKX take an entry or a fee into the maintenance margin
    plain = book.accounts.isolated[p.account] & ((venue == 0) | (venue == 3))
    assert plain.sum() > 5_000
    side = np.sign(p.size)
    way = side * (1.0 - bound.liquidation_price() / p.mark)
    # what is left of the equity on the way is the maintenance margin on the notional there
    left = 1.0 / bound.effective_leverage()[p.account] - way
    rate = left / (1.0 - side * way)
    np.testing.assert_allclose(rate[plain], p.rate[plain], atol=2e-4)


def test_stops_lie_between_mark_and_liquidation(bound: MarginBook) -> None:
    book = bound.book
    p = book.positions
    has = np.isfinite(p.stop) & book.accounts.isolated[p.account]
    price = bound.liquidation_price()
    low, high = np.minimum(price, p.mark)[has], np.maximum(price, p.mark)[has]
    assert has.sum() > 500
    assert ((p.stop[has] > low) & (p.stop[has] < high)).all()
    assert (np.abs(p.stop[has] / p.mark[has] - 1.0) < 0.31).all()


def test_the_sample_is_the_whole_with_fewer_rows(
    full: LeveragedMarket, small: LeveragedMarket, bound: MarginBook
) -> None:
    assert small.weight == pytest.approx(20.0)
    assert len(small.book.accounts) == pytest.approx(len(full.book.accounts) / 20, rel=0.01)

    def reach(margin: MarginBook) -> NDArray[np.float64]:
        p = margin.book.positions
        way = np.abs(1.0 - margin.liquidation_price() / p.mark)[p.size > 0]
        usd = margin.book.notional()[p.size > 0]
        return np.array([usd[way < x].sum() for x in (0.05, 0.1, 0.2, 0.4)])

    np.testing.assert_allclose(reach(bound), reach(bind(full.book)), rtol=0.2)
    # each row answers for accounts of the size drawn, so it has their rate and not its sum's
    assert np.isfinite(small.book.positions.rate).all()
    assert any("each account stands for 20" in note for note in small.book.notes)


def test_same_seed_same_book() -> None:
    one, two = october_2025(share=0.02), october_2025(share=0.02)
    assert one.book.digest() == two.book.digest()
    assert one.book.digest() != october_2025(seed=1, share=0.02).book.digest()


def test_stops_move_nothing_else() -> None:
    few = october_2025(share=0.02, mix=replace(october_mix(), stop_share=0.1)).book
    many = october_2025(share=0.02, mix=replace(october_mix(), stop_share=0.5)).book
    np.testing.assert_array_equal(few.positions.size, many.positions.size)
    np.testing.assert_array_equal(few.accounts.balance, many.accounts.balance)
    both = np.isfinite(few.positions.stop)
    np.testing.assert_array_equal(few.positions.stop[both], many.positions.stop[both])


@pytest.mark.parametrize("share", [0.0, 0.009, 1.5, float("nan")])
def test_a_share_out_of_range_is_refused(share: float) -> None:
    with pytest.raises(InputError, match=r"0\.01 to 1"):
        october_2025(share=share)


def test_every_parameter_out_of_range_is_named() -> None:
    mix = replace(
        october_mix(),
        stop_share=1.2,
        leverage_high=0.7,
        leverage_tail=0.0,
        leverage_high_at={"okx": -0.1},
    )
    with pytest.raises(InputError) as error:
        october_2025(share=0.02, mix=mix)
    for name in ("stop_share", "leverage_high", "leverage_tail", "leverage_high_at.okx"):
        assert name in str(error.value)


def test_an_unknown_venue_is_refused() -> None:
    mix = replace(october_mix(), leverage_high_at={"htx": 0.2})
    with pytest.raises(InputError, match="binance_usdm, bybit, okx, hyperliquid"):
        october_2025(share=0.02, mix=mix)


def test_the_other_recipe_is_untouched_by_this_one() -> None:
    november = load_recipe()
    assert november.title == "20 November 2025"
    assert all(np.isnan(f.low) for f in november.figures)
    assert all(not a.path for a in november.assets)
