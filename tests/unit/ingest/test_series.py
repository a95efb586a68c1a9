"""What series beside a tape tell: volume, open interest, sums of days."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from seawall.ingest.history import read_history
from seawall.ingest.history.keep import keep_series
from seawall.ingest.market.tables import MarketWriter
from seawall.ingest.series import daily_sums, market_of, open_interest, volumes
from seawall.rulebook import Rules

RULES = Rules.bundled()
DAY = 86_400 * 10**9
MINUTE = 60 * 10**9
START = 20_000 * DAY
WINDOW = START, START + DAY
BTC = market_of("binance_usdm", "BTCUSDT", "", RULES)


def kept(folder: Path, name: str, text: str, **names: str) -> Path:
    file = folder / name
    file.write_text(text)
    return keep_series(read_history(file, **names), folder / "store")


def candles(step: int, count: int, begin: int = START, usd: float = 10.0) -> str:
    rows = [f"{(begin + k * step) // 10**6},1,2,1,1.5,{usd + k}" for k in range(count)]
    return "time,open,high,low,close,volume_usd\n" + "\n".join(rows) + "\n"


def test_volume_is_that_of_the_window(tmp_path):
    kept(tmp_path, "five.csv", candles(5 * MINUTE, 300), venue="binance", instrument="BTCUSDT")
    whole = sum(10.0 + k for k in range(288))
    assert volumes(tmp_path / "store", WINDOW, RULES) == {BTC: pytest.approx(whole)}
    # from the middle of a candle to the middle of another
    half = 5 * MINUTE // 2
    shifted = volumes(tmp_path / "store", (START + half, START + DAY + half), RULES)
    assert shifted[BTC] == pytest.approx(whole - 10.0 / 2 + (10.0 + 288) / 2)
    # of a window that the candles do not cover nothing is told
    assert volumes(tmp_path / "store", (START - DAY, START), RULES) == {}
    assert volumes(tmp_path / "store", (START + DAY // 2, START + 2 * DAY), RULES) == {}


def test_files_that_overlap_count_once_and_short_candles_before_long(tmp_path):
    names = {"venue": "binance_usdm", "instrument": "BTCUSDT"}
    kept(tmp_path, "first.csv", candles(5 * MINUTE, 200), **names)
    rest = candles(5 * MINUTE, 188, START + 100 * 5 * MINUTE, 110.0)
    kept(tmp_path, "second.csv", rest, **names)
    kept(tmp_path, "hours.csv", candles(60 * MINUTE, 24, usd=7e9), **names)
    whole = sum(10.0 + k for k in range(288))
    assert volumes(tmp_path / "store", WINDOW, RULES) == {BTC: pytest.approx(whole)}


def test_volume_in_base_units_is_priced_at_the_close(tmp_path):
    text = "time,asset,open,high,low,close,volume\n" + "".join(
        f"{(START + k * DAY // 24) // 10**6},ETH,1,2,1,{100 + k},2\n" for k in range(24)
    )
    kept(tmp_path, "eth.csv", text, venue="Bybit")
    found = volumes(tmp_path / "store", WINDOW, RULES)
    assert found == {market_of("bybit", "", "ETH", RULES): 2.0 * sum(100 + k for k in range(24))}


def test_a_series_without_a_venue_is_of_no_market(tmp_path):
    kept(tmp_path, "some.csv", candles(5 * MINUTE, 288), asset="BTC")
    assert volumes(tmp_path / "store", WINDOW, RULES) == {}


def test_open_interest_nearest_to_the_start(tmp_path):
    text = "time,venue,asset,open_interest_usd\n" + "".join(
        f"{(START + k * 60 * MINUTE) // 10**6},bybit,BTC,{1000 + k}\n" for k in range(-40, 10)
    )
    kept(tmp_path, "oi.csv", text)
    market = market_of("bybit", "", "BTC", RULES)
    store = tmp_path / "store"
    assert open_interest(store, WINDOW, RULES) == {market: 1000.0}
    # none from before: the first that there is; none for a day: none
    early = START - 45 * 60 * MINUTE
    assert open_interest(store, (early, early + DAY), RULES) == {market: 960.0}
    late = START + 3 * DAY
    assert open_interest(store, (late, late + DAY), RULES) == {}


def test_open_interest_that_was_asked_of_venues(tmp_path):
    row = {
        "time": START + 5 * MINUTE, "received": START + 5 * MINUTE, "venue": "okx",
        "instrument": "BTC-USDT-SWAP", "asset": "BTC", "base": 10.0, "usd": 1e6, "source": "x",
    }  # fmt: skip
    with MarketWriter(tmp_path / "store") as writer:
        writer.write({"open_interest": [row, {**row, "time": START + 9 * MINUTE, "usd": 2e6}]})
    found = open_interest(tmp_path / "store", WINDOW, RULES)
    assert found == {market_of("okx", "BTC/USDT:USDT", "", RULES): 1e6}


def test_names_of_one_instrument_are_one_market():
    alike = [
        ("binance", "BTCUSDT"), ("binance_usdm", "BTC/USDT:USDT"), ("Binance", "BTCUSDT"),
    ]  # fmt: skip
    assert len({market_of(v, i, "", RULES) for v, i in alike}) == 1
    inverse = {market_of("binance", i, "", RULES) for i in ("BTCUSD_PERP", "BTC/USD:BTC")}
    assert {m.venue for m in inverse} == {"binance_coinm"}
    assert len(inverse) == 1
    assert len({market_of("okx", i, "", RULES) for i in ("BTC-USDT-SWAP", "BTC-USD-SWAP")}) == 2
    strange = market_of("Nowhere", "???", "x", RULES)
    assert (strange.venue, strange.instrument, strange.asset) == ("nowhere", "???", "X")


def test_daily_sums_are_of_whole_days(tmp_path):
    days = "time,venue,asset,long_usd,short_usd\n" + "".join(
        f"{(START + k * DAY) // 10**6},OKX,{asset},{100 * k},{10 * k}\n"
        for asset in ("BTC", "ETH")
        for k in range(4)
    )
    kept(tmp_path, "days.csv", days)
    hours = "time,venue,long_usd,short_usd\n" + "".join(
        f"{(START + 3 * DAY + k * DAY // 24) // 10**6},okx,50,0\n" for k in range(30)
    )
    kept(tmp_path, "hours.csv", hours)
    found = daily_sums(tmp_path / "store", ["okx"], RULES)
    # a day of 0 is one of which nothing is told; of the two that tell of the fourth the larger
    assert found == {START + DAY: 220.0, START + 2 * DAY: 440.0, START + 3 * DAY: 1200.0}


def test_sums_of_other_venues_are_another_measure(tmp_path):
    both = "time,exchange,long_usd,short_usd\n" + "".join(
        f"{(START + k * DAY) // 10**6},{venue},{usd},0\n"
        for venue, usd in (("OKX", 10), ("bybit", 5))
        for k in range(2)
    )
    kept(tmp_path, "both.csv", both)
    store = tmp_path / "store"
    first, second, third = START, START + DAY, START + 2 * DAY
    for venues, usd in ((["okx"], 10.0), (["okx", "bybit"], 15.0), (["okx", "gate"], None)):
        assert daily_sums(store, venues, RULES) == {first: usd, second: usd}
    # all together under one name; and of nobody knows whom
    joined = f"time,venue,long_usd,short_usd\n{second // 10**6},'okx,gate',9,0\n"
    joined += f"{third // 10**6},'okx,gate',8,0\n"
    kept(tmp_path, "joined.csv", joined.replace("'", '"'))
    unnamed = "time,long_usd,short_usd\n" + "".join(
        f"{t // 10**6},1e9,0\n" for t in (second, third)
    )
    kept(tmp_path, "unnamed.csv", unnamed)
    assert daily_sums(store, ["gate", "okx"], RULES) == {first: None, second: 9.0, third: 8.0}
    assert daily_sums(store, ["okx"], RULES) == {first: 10.0, second: 10.0, third: None}


def test_a_store_without_series(tmp_path):
    assert volumes(tmp_path, WINDOW, RULES) == {}
    assert open_interest(tmp_path, WINDOW, RULES) == {}
    assert daily_sums(tmp_path, ["okx"], RULES) == {}


def test_real_daily_sums(shared_data, tmp_path):
    sums = shared_data / "daily" / "liquidation_agg_1d.parquet"
    keep_series(read_history(sums), tmp_path)
    found = daily_sums(tmp_path, ["okx", "bybit"], RULES)
    assert len(found) > 1_400
    assert set(found.values()) == {None}, "the file says nothing of its venues"
    keep_series(read_history(sums, venue="okx,bybit"), tmp_path)
    found = daily_sums(tmp_path, ["okx", "bybit"], RULES)
    assert len(found) > 1_400
    assert max(found.values()) > 1e9
    assert np.all(np.array(list(found)) % DAY == 0)
