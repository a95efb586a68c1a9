"""The demo's market: its record, its soundness, its shape, each recomputed another way."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import pytest

from seawall.core import InputError, MarginSchedule, format_time
from seawall.margin import MarginBook
from seawall.rulebook import bind
from seawall.sim import ComparedFigure, DemoMarket, TraderLabels, november_2025
from seawall.sim.population.recipe import load_recipe
from seawall.sim.population.record import fall_along


@dataclass(frozen=True)
class Drawn:
    market: DemoMarket
    margin: MarginBook
    rows: dict[str, ComparedFigure]


def _draw(accounts: int, seed: int = 20251120) -> Drawn:
    market = november_2025(seed=seed, accounts=accounts)
    margin = bind(market.book)
    return Drawn(market, margin, {r.figure.key: r for r in market.compare(margin)})


@pytest.fixture(scope="module")
def full() -> Drawn:
    return _draw(500_000)


@pytest.fixture(scope="module")
def small() -> Drawn:
    return _draw(20_000)


FITTED = tuple(f.key for f in load_recipe().figures if f.fitted)
RECORD = {
    "traders": 391_164,
    "btc_usd": 962e6,
    "btc_long_usd": 929e6,
    "eth_usd": 405e6,
    "bybit_usd": 629.1e6,
    "hyperliquid_usd": 628.8e6,
    "binance_usdm_usd": 282.3e6,
    "htx_usd": 152.1e6,
    "okx_usd": 138.7e6,
    "bybit_long_share": 0.95,
    "hyperliquid_long_share": 0.987,
    "binance_usdm_long_share": 0.81,
    "htx_long_share": 0.96,
    "okx_long_share": 0.82,
    "largest_usd": 36.78e6,
    "ordinary_traders": 122_919,
    "ordinary_usd": 320e6,
    "shorts_95k_usd": 1.59e9,
}


@pytest.mark.parametrize("key", sorted(RECORD))
def test_the_published_figures_stand_in_the_record(key: str) -> None:
    assert load_recipe().value(key) == pytest.approx(RECORD[key])
    assert key in FITTED


@pytest.mark.parametrize("key", FITTED)
def test_fitted_figures_come_out(full: Drawn, key: str) -> None:
    row = full.rows[key]
    tolerance = 0.02 if key.startswith("leverage_") else 0.002
    assert abs(row.deviation) < tolerance, row


@pytest.mark.parametrize("key", FITTED)
def test_fitted_figures_come_out_small(small: Drawn, key: str) -> None:
    row = small.rows[key]
    tolerance = 0.06 if key.startswith("leverage_") else 0.01
    assert abs(row.deviation) < tolerance, row
    scale = 20_000 / 500_000 if row.figure.unit in {"USD", "traders"} else 1.0
    assert row.recorded == pytest.approx(row.figure.value * scale)


def test_what_comes_out_beside_the_record(full: Drawn) -> None:
    rows = full.rows
    assert rows["total_usd"].book == pytest.approx(1.831e9, rel=1e-3)
    assert rows["long_share"].book == pytest.approx(0.932, abs=0.002)
    assert rows["btc_share"].book == pytest.approx(962 / 1831, abs=0.002)
    assert rows["top3_share"].book == pytest.approx((282.3 + 628.8 + 629.1) / 1831, abs=1e-3)
    assert rows["mean_usd"].book == pytest.approx(1.831e9 / 391_164, rel=1e-3)
    assert rows["btc_leverage_share"].book > 0.5
    assert np.isnan(rows["btc_leverage_share"].recorded)
    assert rows["largest_order_usd"].book < 36.78e6


def test_figures_made_of_others_are_what_these_make(full: Drawn) -> None:
    value = {f.key: f.value for f in full.market.record}
    top = sum(value[f"{v}_usd"] for v in ("bybit", "hyperliquid", "binance_usdm"))
    assert value["top3_share"] == pytest.approx(top / value["total_usd"], abs=5e-4)
    five = top + value["htx_usd"] + value["okx_usd"]
    rest = (five - value["ordinary_usd"]) / (value["traders"] - value["ordinary_traders"])
    near = value["ordinary_usd"] / value["ordinary_traders"]
    conflict = next(f.conflict for f in full.market.record if f.key == "ordinary_traders")
    assert f"{near:,.0f} against {rest:,.0f}" in conflict


def test_the_record_is_complete(full: Drawn) -> None:
    record = full.market.record
    assert len({f.key for f in record}) == len(record) == len(full.rows)
    for figure in record:
        assert figure.date
        assert figure.source
        assert figure.text
        assert figure.confidence in {"high", "medium", "low"}
        assert figure.unit in {"USD", "USD each", "traders", "share"}
    said = {f.key for f in record if f.conflict}
    assert said >= {"total_usd", "traders", "top3_share_article", "largest_order_usd"}
    assert full.rows["traders"].standing == "fitted"
    assert full.rows["total_usd"].standing == "comes out"


def test_says_that_it_is_synthetic(full: Drawn) -> None:
    assert "synthetic" in full.market.book.source
    assert "no row is a real account" in full.market.book.notes[0]


def test_what_the_market_is_of(full: Drawn) -> None:
    market = full.market
    assert format_time(market.book.time) == "2025-11-20T23:59:59Z"
    assert market.marks["BTC"] == pytest.approx(86_600, abs=5)
    assert market.marks["BTC"] * market.path_lows["BTC"] == pytest.approx(80_600)
    assert market.marks["ETH"] * market.path_lows["ETH"] == pytest.approx(2_620)
    assert market.marks["SOL"] * market.path_lows["SOL"] == pytest.approx(121.0, abs=0.05)
    assert market.accounts == len(market.book.accounts) == 500_000
    assert set(market.book.venues) == {"binance_usdm", "hyperliquid", "bybit", "okx", "htx"}
    for asset, low in market.path_lows.items():
        assert low < market.ordinary[asset] < 1.0 < market.path_highs[asset]


def test_same_seed_same_book() -> None:
    one, two = november_2025(accounts=6_000), november_2025(accounts=6_000)
    assert one.book.digest() == two.book.digest()
    assert one.book.digest() != november_2025(seed=1, accounts=6_000).book.digest()


def test_another_seed_meets_the_record_too() -> None:
    rows = _draw(20_000, seed=4).rows
    for key in ("traders", "btc_usd", "bybit_usd", "ordinary_usd", "shorts_95k_usd"):
        assert abs(rows[key].deviation) < 0.01, rows[key]


def test_nobody_is_liquidatable_at_the_mark(full: Drawn) -> None:
    state = full.margin.accounts_state()
    assert not state.liquidatable.any()
    assert (state.equity > 0).all()


def test_liquidation_prices_lie_on_the_losing_side(full: Drawn) -> None:
    positions = full.market.book.positions
    price, alone = full.margin.liquidation_price(), full.margin.alone
    side = np.sign(positions.size)
    assert np.isfinite(price[alone]).all()
    known = np.isfinite(price)
    assert (side[known] * (positions.mark - price)[known] > 0).all()
    bust = full.margin.bankruptcy_price()
    assert (side[alone] * (price - bust)[alone] > 0).all()


def test_collateral_covers_the_initial_margin_at_entry(full: Drawn) -> None:
    book = full.market.book
    p = book.positions
    initial = np.abs(p.size) * p.entry / p.leverage
    wanted = np.bincount(p.account, initial, len(book.accounts))
    assert (wanted <= book.accounts.balance * (1 + 1e-6)).all()
    assert (p.leverage >= 1).all()
    for code, instrument in enumerate(book.instruments):
        schedule = full.margin.schedules[code]
        rows = (p.instrument == code) & np.isnan(p.rate)
        if instrument.venue == "hyperliquid" and instrument.asset == "BTC":
            assert rows.any()
        if rows.any() and np.isfinite(schedule.max_leverage).all():
            assert p.leverage[rows].max() <= schedule.max_leverage.max()


def test_longs_and_shorts_balance_in_every_market(full: Drawn) -> None:
    p = full.market.book.positions
    net = np.bincount(p.instrument, p.size)
    gross = np.bincount(p.instrument, np.abs(p.size))
    assert len(net) == 5 * 16
    assert np.abs(net / gross).max() < 1e-12


def _falls(schedule: MarginSchedule, rate: float, own: float, legs: list[list[float]]) -> bool:
    """Plain Python: does an account with these legs (size, entry, price, fee) fall?"""
    equity, need = own, 0.0
    for size, entry, price, fee in legs:
        equity += size * (price - entry)
        value = abs(size) * price
        if np.isnan(rate):
            brackets = zip(schedule.rates, schedule.deductions, strict=True)
            need += max(r * value - d for r, d in brackets) + fee * value
        else:
            need += (rate + fee) * value
    return equity <= need


@pytest.mark.parametrize("venue", ["binance_usdm", "hyperliquid", "htx"])
def test_who_falls_against_plain_python(full: Drawn, venue: str) -> None:
    book = full.market.book
    p = book.positions
    fallen = fall_along(full.margin, full.market.path_lows).account
    mine = full.margin.alone & (full.margin.venue_of_positions() == book.venues.index(venue))
    rows = np.random.default_rng(0).choice(np.flatnonzero(mine), 400, replace=False)
    for i in rows:
        account, instrument = p.account[i], p.instrument[i]
        price = p.mark[i] * full.market.path_lows[book.instruments[instrument].asset]
        legs = [[p.size[i], p.entry[i], price, 0.0]]
        schedule = full.margin.schedules[instrument]
        expected = _falls(schedule, p.rate[i], book.accounts.balance[account], legs)
        assert bool(fallen[account]) == expected


def test_each_account_that_falls_is_counted_at_its_own_price(small: Drawn) -> None:
    market, margin = small.market, small.margin
    p = market.book.positions
    fall = fall_along(margin, market.path_lows)
    lone = margin.alone & fall.account[p.account]
    price = margin.liquidation_price()
    assert fall.usd[lone] == pytest.approx((np.abs(p.size) * price)[lone], rel=1e-9)


def test_shorts_cluster_at_95_000(full: Drawn) -> None:
    book = full.market.book
    p = book.positions
    btc = book.asset_codes() == book.assets.index("BTC")
    price = full.margin.liquidation_price()
    usd = (np.abs(p.size) * price)[btc & (p.size < 0)]
    price = price[btc & (p.size < 0)]
    inside = usd[(price >= 94_500) & (price <= 95_500)].sum()
    assert inside == pytest.approx(1.59e9, rel=0.005)
    beside = [usd[(price >= a) & (price <= a + 1000)].sum() for a in (92_500, 93_500, 95_500)]
    assert inside > 2 * max(beside)


def test_sizes_are_heavy_tailed(full: Drawn) -> None:
    market, margin = full.market, full.margin
    fall = fall_along(margin, market.path_lows)
    usd = np.bincount(market.book.positions.account, fall.usd)
    usd = np.sort(usd[usd > 0])[::-1]
    index = 1.0 / np.log(usd[:7_000] / usd[7_000]).mean()
    assert 0.9 < index < 1.6
    assert np.median(usd) < 0.1 * usd.mean()
    assert usd[:3_600].sum() > 0.35 * usd.sum()
    assert usd[1] < 0.8 * usd[0]


def test_liquidation_prices_thicken_smoothly_to_the_low(full: Drawn) -> None:
    book = full.market.book
    p = book.positions
    chosen = (book.asset_codes() == book.assets.index("BTC")) & (p.size > 0) & full.margin.alone
    price = full.margin.liquidation_price()[chosen]
    usd = np.abs(p.size[chosen]) * price
    # even widths of 1,000 from the low upward; the largest account by itself is a jump
    usd[np.argmax(usd * (price > 80_600))] = 0.0
    per_bin = np.histogram(price, np.arange(80_600, 86_601, 1_000.0), weights=usd)[0]
    assert (per_bin[:-1] > per_bin[1:]).all()
    assert (per_bin[:-1] < 2.5 * per_bin[1:])[:-1].all()
    below = usd[(price > 79_600) & (price < 80_600)].sum()
    assert 0.5 < below / per_bin[0] < 3.0


def test_round_prices_draw_liquidations(full: Drawn) -> None:
    book = full.market.book
    p = book.positions
    chosen = (book.asset_codes() == book.assets.index("BTC")) & (p.size > 0) & full.margin.alone
    price = full.margin.liquidation_price()[chosen]
    price = price[(price > 81_000) & (price < 86_000)]
    off = np.abs(price - np.round(price / 500) * 500)
    # a fifth of the prices lie within 50 of a multiple of 500 if nothing draws them there
    assert 0.25 < (off < 50).mean() < 0.5


def test_leverage_and_margin_modes(full: Drawn) -> None:
    book, margin = full.market.book, full.margin
    cross = 1.0 - book.accounts.isolated.mean()
    assert 0.55 < cross < 0.62
    legs = np.bincount(book.positions.account)
    assert 0.05 < (legs > 1).mean() < 0.08
    assert legs.max() == 3
    assert not book.accounts.isolated[legs > 1].any()
    leverage = margin.effective_leverage()
    fallen = fall_along(margin, full.market.path_lows).account
    assert np.median(leverage[fallen]) > 3 * np.median(leverage[~fallen])


def test_no_account_holds_one_coin_twice(full: Drawn) -> None:
    p = full.market.book.positions
    pair = p.account.astype(np.int64) * 100 + p.instrument
    assert len(np.unique(pair)) == len(p)


def test_collateral_is_in_dollars_so_that_rules_can_be_changed(small: Drawn) -> None:
    book = small.market.book
    assert np.isfinite(book.accounts.balance).all()
    assert np.isnan(book.positions.reported_liquidation).all()


def test_labels_are_made_when_asked_for() -> None:
    labels = TraderLabels(("binance", "okx"), np.array([0, 1, 0], dtype=np.int32))
    assert len(labels) == 3
    assert labels[0] == "binance-000001"
    assert labels[-1] == "binance-000003"
    assert labels[1:] == ("okx-000002", "binance-000003")
    assert list(labels) == [labels[k] for k in range(3)]
    assert "okx-000002" in labels
    with pytest.raises(IndexError):
        labels[3]


def test_too_few_accounts() -> None:
    with pytest.raises(InputError) as caught:
        november_2025(accounts=4_999)
    assert "too few accounts" in str(caught.value)
    assert "4999" in str(caught.value)
    assert "5,000 or more" in str(caught.value)


def test_drawn_in_seconds(full: Drawn) -> None:
    assert full.market.accounts == 500_000
    begin = time.process_time()
    november_2025()
    assert time.process_time() - begin < 3.0


def test_prices_against_the_candles(shared_data) -> None:
    import duckdb

    folder = shared_data / "candles" / "binance_perp_5m"
    for asset in load_recipe().assets:
        path = folder / f"{asset.name}.parquet"
        if "perpetual" not in asset.source:
            continue
        found = duckdb.sql(
            f"""select max(case when epoch(time) = 1763682900 then close end),
                min(case when epoch(time) >= 1763683200 then low end),
                max(case when epoch(time) >= 1763683200 then high end)
            from '{path}' where epoch(time) >= 1763682900 and epoch(time) < 1763769600"""
        ).fetchall()[0]
        assert found == pytest.approx((asset.mark, asset.fall_to, asset.rise_to))
