"""The real files come in, and their known totals come out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from seawall.ingest.history import What, read_history

SERIES = {
    "candles/binance_perp_5m/BTC.parquet": (What.CANDLES, 112_608),
    "candles/binance_perp_mark_1h.parquet": (What.CANDLES, 130_919),
    "candles/binance_spot_1h.parquet": (What.CANDLES, 390_522),
    "candles/multivenue_1h.parquet": (What.CANDLES, 98_032),
    "daily/funding_oi_weight_1d.parquet": (What.FUNDING, 11_832),
    "daily/futures_ohlcv_1d.parquet": (What.CANDLES, 12_390),
    "daily/futures_oi_agg_1d.parquet": (What.OPEN_INTEREST, 25_571),
    "daily/liquidation_agg_1d.parquet": (What.LIQUIDATION_SUMS, 25_571),
    "daily/long_short_all_1d.parquet": (What.RATIOS, 11_658),
    "daily/orderbook_agg_futures_1d.parquet": (What.DEPTH, 1_757),
    "daily/spot_ohlcv_1d.parquet": (What.CANDLES, 16_497),
    "daily/taker_vol_agg_futures_1d.parquet": (What.VOLUME, 25_571),
    "funding/binance_perp.parquet": (What.FUNDING, 21_658),
    "funding/multivenue.parquet": (What.FUNDING, 94_509),
    "hyperliquid_oct10/adl_by_account.parquet": (What.LOSSES, 19_337),
    "hyperliquid_oct10/adl_by_coin_REALTIME.csv": (What.LOSSES, 162),
    "hyperliquid_oct10/adl_net_volume_full_12min.csv": (What.LOSSES, 162),
    "hyperliquid_oct10/outcome_by_account_btc_sol.parquet": (What.POSITIONS, 13_031),
    "liquidations/hl_2023/liquidations.parquet": (What.LIQUIDATION_SUMS, 62),
    "liquidations/hl_2023/non_mm_ledger_updates.parquet": (What.TRANSFERS, 560),
    "liquidations/hl_2023/non_mm_trades.parquet": (What.TRADES, 35_691),
    "liquidations/hyperliquid_daily.parquet": (What.LIQUIDATION_SUMS, 167),
    "open_interest/binance_like_5m.parquet": (What.OPEN_INTEREST, 112_889),
    "open_interest/multivenue_1h.parquet": (What.OPEN_INTEREST, 9_475),
    "orderbook/ctx_BTC_20260621.jsonl.gz": (What.OPEN_INTEREST, 1_429),
    "positions/hyperliquid_top_accounts.parquet": (What.POSITIONS, 33_303),
    "volume/oct10_2109_2200_by_market.parquet": (What.VOLUME, 10_433),
}


@pytest.mark.parametrize("name", SERIES)
def test_series(shared_data: Path, name: str) -> None:
    found = read_history(shared_data / name)
    assert (found.what, len(found)) == SERIES[name]


def test_every_coin_has_its_candles(shared_data: Path) -> None:
    files = sorted((shared_data / "candles" / "binance_perp_5m").glob("*.parquet"))
    assert len(files) == 14
    for path in files:
        found = read_history(path)
        assert found.series is not None
        # no gap of five minutes
        assert np.unique(np.diff(found.series.time)).tolist() == [300 * 10**9]


def test_low_of_10_october(shared_data: Path) -> None:
    found = read_history(shared_data / "candles" / "binance_perp_5m" / "BTC.parquet")
    assert found.series is not None
    day = found.series.time // (86_400 * 10**9) == 20371
    assert found.series.values["low"][day].min() == 101_516.5


def test_sums_of_10_october(shared_data: Path) -> None:
    found = read_history(shared_data / "hyperliquid_oct10" / "results.json")
    assert found.totals["liquidations"] == 63_637
    assert found.totals["liquidations_usd"] == pytest.approx(5.511e9, rel=1e-4)
    assert found.totals["deleveragings"] == 34_983
    assert found.totals["deleveragings_usd"] == pytest.approx(2.103e9, rel=1e-4)
    assert found.totals["first_adl_delay_s"] == pytest.approx(61.7, abs=0.05)
    assert found.series is not None
    assert found.series.values["liquidations"].sum() == 63_637
    flows = read_history(shared_data / "hyperliquid_oct10" / "adl_flow_data.json")
    assert flows.series is not None
    assert flows.series.values["deleveragings"].sum() == 34_983
    told = read_history(shared_data / "hyperliquid_oct10" / "realtime_analysis_summary.json")
    assert told.totals["adl_events_analyzed"] == 34_983


def test_single_events(shared_data: Path) -> None:
    """7,960 events; USD are those corrected for OKX's contract size."""
    found = read_history(shared_data / "liquidations" / "events.parquet")
    tape = found.tape
    assert tape is not None
    assert len(tape) == 7_960
    assert len(tape.once()) == 7_960
    okx = tape.venue == tape.venues.index("okx")
    assert int(okx.sum()) == 5_717
    assert tape.notional[okx].sum() == pytest.approx(17_189_754.33 + 10_075_938.39, rel=1e-9)
    assert tape.notional[~okx].sum() == pytest.approx(11_696_745.93, rel=1e-9)
    # orders that buy close shorts
    assert int((okx & (tape.side < 0)).sum()) == 3_963
    assert np.allclose(tape.quantity * tape.price, tape.notional)
    # every row of it says S, while BTC rises in most of their minutes and SOL falls
    assert any("2,243 rows of hyperliquid are of one side" in n for n in found.notes)


def test_daily_sums(shared_data: Path) -> None:
    found = read_history(shared_data / "daily" / "liquidation_agg_1d.parquet")
    assert found.series is not None
    assert found.series.values["liq_long_usd"].sum() == pytest.approx(128_471_673_635.72)
    assert found.series.values["liq_short_usd"].sum() == pytest.approx(76_604_378_115.63)
    daily = read_history(shared_data / "liquidations" / "hyperliquid_daily.parquet")
    assert daily.series is not None
    assert daily.series.values["liq_count"].sum() == 252_902
    assert daily.series.values["total_usd"].sum() == pytest.approx(2_787_017_636.11)
