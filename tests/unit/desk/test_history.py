"""Candles of several assets on one clock; what is wrong with them is said at once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.made_tapes import made_tape
from tests.unit.desk.desk_books import START, made_candles, written

from seawall.core import InputError
from seawall.desk.candle_files import clock
from seawall.desk.history import Candles, candles_of_store, read_candles
from seawall.ingest.store.writer import StoreWriter

HOUR_NS = 3_600 * 10**9


def test_a_file_and_a_folder_of_files_read_alike(tmp_path: Path) -> None:
    made = made_candles(("BTC", "ETH"), 30)
    one = read_candles(written(made, tmp_path / "all.csv"), ("ETH", "BTC"))
    folder = tmp_path / "each"
    folder.mkdir()
    for asset in made.assets:
        written(made.of((asset,)), folder / f"{asset}USDT.csv")
    many = read_candles(folder, ("ETH", "BTC"))
    assert one.assets == many.assets == ("ETH", "BTC")
    assert np.array_equal(one.close, made.close[:, ::-1])
    assert np.array_equal(many.low, one.low)
    assert one.step == 3_600.0
    assert one.end == START + 30 * HOUR_NS


@pytest.mark.parametrize(
    "name", ["BTCUSDT-1h-2025-01.csv", "BTCUSDT.csv", "BTCUSDT_1h.csv", "btc.csv", "BTC_1h.csv"]
)
def test_binances_own_files_are_read_by_whatever_asset_their_name_tells(
    tmp_path: Path, name: str
) -> None:
    made = made_candles(("BTC",), 30)
    rows = zip(made.time, made.open, made.high, made.low, made.close, strict=True)
    lines = [
        f"{t // 10**6},{o[0]!r},{h[0]!r},{low[0]!r},{c[0]!r},1,{t // 10**6 + 3_599_999},2,3,1,1,0"
        for t, o, h, low, c in ((int(t), *(list(map(float, x)) for x in rest)) for t, *rest in rows)
    ]
    head = (
        "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,"
        "taker_buy_quote_volume,ignore"
    )
    folder = tmp_path / "each"
    folder.mkdir()
    (folder / name).write_text("\n".join([head, *lines]) + "\n")
    for source in (folder, folder / name):
        found = read_candles(source, ("BTC",))
        assert np.array_equal(found.close, made.close)


def test_assets_are_brought_onto_the_time_that_all_have(tmp_path: Path) -> None:
    made = made_candles(("BTC", "ETH"), 30)
    drop = [("ETH", t) for t in range(5)] + [("BTC", 29)]
    found = read_candles(written(made, tmp_path / "c.csv", drop))
    assert found.time.tolist() == made.time[5:29].tolist()
    assert [str(c).rpartition(": ")[2] for c in found.cuts] == ["ETH has none", "BTC has none"]
    # by a time before the end of BTC nothing was cut off there
    assert [c.assets for c in found.until(int(made.time[20])).cuts] == [("ETH",)]


def test_which_price_it_is_stands_in_the_name_alone(tmp_path: Path) -> None:
    made = made_candles(("BTC",), 30)
    for name, price in (
        ("binance_perp_mark_1h.csv", "mark"),
        ("BTCUSDT-markPriceKlines-1h.csv", "mark"),
        ("index.csv", "index"),
        ("last-1h.csv", "last"),
        ("binance_spot_1h.csv", "last"),
        ("market.csv", ""),
        ("btc.csv", ""),
        ("mark_and_last.csv", ""),
    ):
        assert read_candles(written(made, tmp_path / name)).of_price == price, name


def test_gaps_and_missing_assets_are_each_named(tmp_path: Path) -> None:
    made = made_candles(("BTC", "ETH"), 40)
    file = written(made, tmp_path / "c.csv", [("BTC", 7), ("BTC", 8), ("ETH", 20)])
    with pytest.raises(InputError) as refused:
        read_candles(file)
    text = str(refused.value)
    assert "a gap in the candles (got 'BTC, 2025-01-01T07:00:00Z, 2 of 3600 s')" in text
    assert "ETH, 2025-01-01T20:00:00Z, 1 of 3600 s" in text
    with pytest.raises(InputError, match=r"without prices \(got 'SOL'\); allowed: BTC, ETH"):
        read_candles(file, ("BTC", "SOL"))


def test_prices_of_a_thousand_coins_are_told_for_one(tmp_path: Path) -> None:
    made = made_candles(("PEPE",), 30)
    file = written(made, tmp_path / "1000PEPEUSDT.csv")
    text = file.read_text().replace("PEPE,", "1000PEPEUSDT,")
    file.write_text(text)
    found = read_candles(file, ("PEPE",))
    assert np.allclose(found.close * 1_000.0, made.close, rtol=1e-12)
    assert np.allclose(found.low * 1_000.0, made.low, rtol=1e-12)


def test_months_of_an_instrument_in_files_of_a_folder_are_one_history(tmp_path: Path) -> None:
    made = made_candles(("BTC",), 60)
    for part, rows in (("2025-02", made.since(int(made.time[25]))), ("2025-01", made)):
        early = rows.until(int(made.time[25])) if part == "2025-01" else rows
        lines = written(early, tmp_path / f"BTCUSDT-1h-{part}.csv").read_text().splitlines()
        bare = [",".join(x for k, x in enumerate(line.split(",")) if k != 1) for line in lines]
        (tmp_path / f"BTCUSDT-1h-{part}.csv").write_text("\n".join(bare) + "\n")
    found = read_candles(tmp_path, ("BTC",))
    assert found.time.tolist() == made.time.tolist()
    assert np.array_equal(found.close, made.close)


def test_two_instruments_of_one_coin_are_refused_by_name(tmp_path: Path) -> None:
    made = made_candles(("BTC", "ETH"), 30)
    file = written(made, tmp_path / "c.csv")
    text = file.read_text().replace(",BTC,", ",BTCUSDT,").replace(",ETH,", ",BTCUSDC,")
    file.write_text(text)
    with pytest.raises(InputError, match=r"several instruments of one asset .*BTCUSDC, BTCUSDT"):
        read_candles(file)


def test_impossible_and_doubled_candles_are_refused(tmp_path: Path) -> None:
    made = made_candles(("BTC",), 10)
    file = written(made, tmp_path / "c.csv")
    lines = file.read_text().splitlines()
    file.write_text("\n".join([*lines, lines[3], "1735700400,BTC,5,4,3,5"]) + "\n")
    with pytest.raises(InputError) as refused:
        read_candles(file)
    assert "two candles at one time" in str(refused.value)
    assert "a candle that cannot be" in str(refused.value)


def test_other_files_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "f.csv"
    file.write_text("time,funding_rate\n2025-01-01,0.0001\n")
    with pytest.raises(InputError, match="not candles"):
        read_candles(file)
    with pytest.raises(InputError, match="no such file"):
        read_candles(tmp_path / "none.csv")
    # no command that takes candles can be told a format
    file.write_text("1735700400000,5,5,4,5\n1735704000000,5,5,4,5\n")
    with pytest.raises(InputError, match=r"without a head.*time, open, high, low, close") as told:
        read_candles(file)
    assert "format" not in str(told.value)


def test_coarser_candles_end_with_the_last_and_enclose_the_finer() -> None:
    fine = made_candles(("A",), 5, step=300.0)
    cut = fine.last(50)
    hours = cut.coarser(3_600.0)
    assert len(hours) == 4
    assert hours.end == fine.end
    assert hours.close[-1] == fine.close[-1]
    assert hours.low[-1, 0] == fine.low[-12:].min()
    assert hours.high[0, 0] == cut.high[2:14].max()
    assert hours.open[0, 0] == cut.open[2, 0]


def test_until_knows_only_what_had_closed() -> None:
    made = made_candles(("A",), 10)
    assert len(made.until(START + 3 * HOUR_NS)) == 3
    assert len(made.until(START + 4 * HOUR_NS - 1)) == 3
    with pytest.raises(InputError, match="no candle had closed"):
        made.until(START)


def test_changes_hold_jumps_between_candles() -> None:
    columns = [np.array([[100.0], [120.0]])] * 4
    jump = Candles(("A",), START + np.arange(2) * HOUR_NS, 3_600.0, *columns)
    close, low, high = jump.changes()
    assert close[0, 0] == high[0, 0] == pytest.approx(np.log(1.2))
    assert low[0, 0] == 0.0


@pytest.mark.parametrize("count", [1, 30, 9_384, 112_608])
def test_a_clock_has_its_last_candle_however_long_it_is(count: int) -> None:
    for step in (300 * 10**9, HOUR_NS):
        found = clock(START, START + (count - 1) * step, step)
        assert len(found) == count
        assert found[-1] == START + (count - 1) * step


def test_candles_of_a_tape_are_those_of_its_fills(tmp_path: Path) -> None:
    tape = made_tape(30_000, seed=5, span=4 * HOUR_NS, start=START)
    with StoreWriter(tmp_path) as writer:
        writer.append(tape)
    found = candles_of_store(tmp_path, ("ETH", "BTC"), 1_800.0, until=START + 4 * HOUR_NS)
    assert found.assets == ("ETH", "BTC")
    assert len(found.time) == 8
    code = tape.assets.index("BTC")
    for k, begin in enumerate(found.time.tolist()):
        mine = (tape.asset == code) & tape.at_fill
        mine &= (tape.time >= begin) & (tape.time < begin + HOUR_NS // 2)
        price = tape.price[mine]
        assert found.high[k, 1] == price.max()
        assert found.low[k, 1] == price.min()
        assert found.open[k, 1] == price[0]
        assert found.close[k, 1] == price[-1]
    # the last half hour has begun and is not over
    whole = candles_of_store(tmp_path, ("ETH", "BTC"), 1_800.0)
    assert whole.time.tolist() == found.time.tolist()[: len(whole.time)]
    assert whole.end <= int(tape.time[tape.at_fill].max()) < START + 4 * HOUR_NS
    with pytest.raises(InputError, match=r"an asset without prices \(got 'XRP'\)"):
        candles_of_store(tmp_path, ("BTC", "XRP"))
    with pytest.raises(InputError, match="a gap in the candles"):
        candles_of_store(tmp_path, ("BTC",), 1.0)
