"""The tape's functions on a store that is on the disk."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from seawall.app import tape_stats
from seawall.core import InputError
from seawall.report.encode import to_json
from seawall.report.schema import schema_of

DAYS = (
    "time,venue,instrument,side,price,notional_usd\n"
    "2025-10-10T21:15:00Z,bybit,BTCUSDT,long,105000,1000\n"
    "2025-10-10T21:15:01Z,bybit,BTCUSDT,long,104900,2500\n"
    "2025-10-10T21:16:00Z,bybit,ETHUSDT,short,3800,500\n"
    "2025-10-11T00:10:00Z,bybit,BTCUSDT,short,111000,300\n"
)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    file = tmp_path / "days.csv"
    file.write_text(DAYS)
    report = tape_stats.import_file(file, tmp_path / "store")
    _fits(report)
    assert report.payload["new_events"] == 4
    return tmp_path / "store"


def _fits(report) -> None:  # type: ignore[no-untyped-def]
    document = json.loads(to_json(report))
    validator = Draft202012Validator(schema_of(document["schema"]))
    assert [f"{e.json_path}: {e.message}" for e in validator.iter_errors(document)] == []


def test_importing_again_adds_nothing(store, tmp_path):
    report = tape_stats.import_file(tmp_path / "days.csv", store)
    assert report.payload["new_events"] == 0
    assert tape_stats.stats(store).payload["events"] == 4


def test_window_ends_where_asked(store):
    report = tape_stats.stats(store, "24h", "2025-10-11T00:00:00Z", ("asset", "side"))
    _fits(report)
    got = report.payload
    assert (got["events"], got["notional_usd"]) == (3, 4000.0)
    assert [(g["asset"], g["side"], g["notional_usd"]) for g in got["groups"]] == [
        ("BTC", "long", 3500.0),
        ("ETH", "short", 500.0),
    ]
    assert got["largest"]["price"] == 104900.0
    assert got["label"] == "measured"
    narrow = tape_stats.stats(store, "1m", "2025-10-10T21:16:00Z")
    assert narrow.payload["events"] == 2
    # an event at the end is not in it
    assert narrow.payload["rank"] is None


def test_window_of_an_old_store_ends_at_its_last_event(store):
    report = tape_stats.stats(store, "1h")
    assert report.payload["events"] == 1
    assert any("last event" in w for w in report.payload["warnings"])


def test_compare_days(store):
    report = tape_stats.compare(store, "2025-10-10", "2025-10-11")
    _fits(report)
    assert report.payload["figures"]["notional_usd"]["second"] == 300.0
    with pytest.raises(InputError, match="nothing is stored"):
        tape_stats.compare(store, "2025-10-10", "2024-01-01")
    with pytest.raises(InputError, match="not a day"):
        tape_stats.compare(store, "2025-10-10T10:00:00Z", "2025-10-11")


def test_series_stand_beside_the_tape(store, tmp_path):
    candles = tmp_path / "candles.csv"
    candles.write_text("time,asset,open,high,low,close\n2025-10-10,BTC,1,2,,1.5\n")
    report = tape_stats.import_file(candles, store)
    _fits(report)
    kept = Path(report.payload["stored_as"])
    assert kept.parent == store / "series" / "candles"
    again = tape_stats.import_file(candles, store)
    assert again.payload["stored_as"] == str(kept)
    from seawall.ingest.history import read_history

    back = read_history(kept)
    assert back.series is not None
    assert back.series.values["close"].tolist() == [1.5]
    assert back.series.time[0] == 1760054400 * 10**9


def test_a_bad_file_stores_nothing(store, tmp_path):
    bad = tmp_path / "bad.csv"
    bad.write_text(DAYS + "2025-10-12,bybit,BTCUSDT,long,0,5\n")
    with pytest.raises(InputError, match="row 5"):
        tape_stats.import_file(bad, store)
    assert tape_stats.stats(store, "24h", "2025-10-13").payload["events"] == 0


def test_concentration(tmp_path):
    book = tmp_path / "book.csv"
    book.write_text(
        "account,venue,instrument,side,quantity,entry_price,mark_price,collateral,"
        "maintenance_margin_rate\nann,generic,BTCUSDT,long,3,100,100,95,0.01\n"
        "bob,generic,BTCUSDT,short,1,100,100,57,0.01\n"
    )
    report = tape_stats.concentration(book)
    _fits(report)
    assert report.payload["groups"][0]["top1"] == 0.75


def test_real_events(shared_data, tmp_path):
    report = tape_stats.import_file(shared_data / "liquidations" / "events.parquet", tmp_path)
    assert report.payload["new_events"] == 7_960
    found = tape_stats.stats(tmp_path, "24h", "2026-03-05T12:00:00Z").payload
    assert found["by_venue"][0]["venue"] == "okx"
    assert found["label"] == "lower bound"
