"""The tape's functions on a store that is on the disk."""

from __future__ import annotations

import gzip
import json
import zipfile
from math import isnan
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from tests.unit.app.feeds import alike, several_venues

from seawall.app import tape_stats
from seawall.core import InputError, format_time, parse_time
from seawall.ingest.store.imported import EVENTS, Span, keep_spans
from seawall.ingest.store.outages import Heard, Outage, OutageLog
from seawall.ingest.store.upkeep import export
from seawall.ingest.store.writer import StoreWriter
from seawall.report.encode import to_json
from seawall.report.schema import schema_of
from seawall.risk.coverage import liquidations

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
    # the file begins at 21:15 and says nothing of the day before
    assert got["label"] == "lower bound"
    narrow = tape_stats.stats(store, "1m", "2025-10-10T21:16:00Z")
    assert narrow.payload["events"] == 2
    assert narrow.payload["label"] == "as imported"
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


@pytest.mark.parametrize("name", ["all.parquet", "all.csv", "all.json", "all.csv.gz", "told.zip"])
def test_an_export_is_taken_back_as_it_was(tmp_path, name):
    tape = several_venues()
    with StoreWriter(tmp_path / "store") as writer:
        writer.append(tape)
        keep_spans(writer.folder, [
            Span(v, EVENTS, int(tape.time[tape.venue == k].min()),
                 int(tape.time[tape.venue == k].max()) + 1, name)
            for k, v in enumerate(tape.venues)
        ])  # fmt: skip
        plain = tmp_path / name.removesuffix(".gz").replace("zip", "csv")
        assert export(writer, plain) == len(tape)
    file = tmp_path / name
    if name.endswith(".gz"):
        file.write_bytes(gzip.compress(plain.read_bytes()))
    elif name.endswith(".zip"):
        with zipfile.ZipFile(file, "w") as archive:
            archive.write(plain, plain.name)
    again = tmp_path / "again"
    for fresh in (len(tape), 0):
        report = tape_stats.import_file(file, again)
        assert report.payload["new_events"] == fresh
    at = format_time(int(tape.time.max()) + 10**9)
    one, other = (
        tape_stats.stats(s, "24h", at, ("venue", "asset", "side")).payload
        for s in (tmp_path / "store", again)
    )
    assert one["events"] == int(liquidations(tape).sum())
    one["inputs"].pop("source")
    other["inputs"].pop("source")
    alike(one, other)
    with pytest.raises(InputError, match="says this of each event"):
        tape_stats.import_file(file, again, venue="okx")


def test_a_bad_file_stores_nothing(store, tmp_path):
    bad = tmp_path / "bad.csv"
    bad.write_text(DAYS + "2025-10-12,bybit,BTCUSDT,long,0,5\n")
    with pytest.raises(InputError, match="row 5"):
        tape_stats.import_file(bad, store)
    assert tape_stats.stats(store, "24h", "2025-10-13").payload["events"] is None


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


def _candles(hours: range, usd: float) -> str:
    rows = [f"2025-10-{10 + h // 24}T{h % 24:02}:00:00Z,1,2,1,1.5,{usd}\n" for h in hours]
    return "time,open,high,low,close,volume_usd\n" + "".join(rows)


def test_share_of_what_the_store_knows(store, tmp_path):
    """Candles and open interest of BTC alone: what was liquidated in it stands against them."""
    candles, interest = tmp_path / "candles.csv", tmp_path / "oi.csv"
    candles.write_text(_candles(range(24), 1000.0))
    tape_stats.import_file(candles, store, venue="bybit", instrument="BTCUSDT")
    interest.write_text("time,venue,asset,open_interest_usd\n2025-10-09T23:00:00Z,bybit,BTC,7e4\n")
    tape_stats.import_file(interest, store)
    at = "2025-10-11T00:00:00Z"
    got = tape_stats.stats(store, "24h", at)
    _fits(got)
    assert (got.payload["volume_usd"], got.payload["volume_forced_usd"]) == (24_000.0, 3500.0)
    assert got.payload["volume_share"] == pytest.approx(3500 / 24_000)
    assert got.payload["open_interest_share"] == pytest.approx(0.05)
    assert got.payload["volume_of"] == "BTC on bybit: 1 of 2 markets, 88% of what was shown"
    tiles = {h.key: h for h in got.headlines}
    assert tiles["volume_share"].note == got.payload["volume_of"]
    by_hand = tape_stats.stats(store, "24h", at, volume_usd=8e4).payload
    assert (by_hand["volume_share"], by_hand["volume_of"]) == (0.05, "as given")
    assert by_hand["open_interest_share"] == pytest.approx(0.05)
    # the candles do not reach into the next day
    later = tape_stats.stats(store, "24h", "2025-10-11T12:00:00Z").payload
    assert (later["volume_usd"], later["volume_share"], later["volume_of"]) == (None, None, None)


def test_a_day_is_ranked_among_recorded_days_and_stored_sums(store, tmp_path):
    sums = tmp_path / "sums.csv"
    days = ((5, 9e3), (6, 1e3), (7, 50), (10, 1e9))
    rows = [f"2025-10-{d:02},BTC,{usd},0\n" for d, usd in days]
    sums.write_text("time,asset,liq_long_usd,liq_short_usd\n" + "".join(rows))
    tape_stats.import_file(sums, store)
    # of which venues the sums are is not said: they are another measure
    got = tape_stats.stats(store, "24h", "2025-10-11T00:00:00Z")
    assert got.payload["rank"] is None
    assert any(w.startswith("Not ranked among 3 days") for w in got.payload["warnings"])
    tape_stats.import_file(sums, store, venue="bybit")
    got = tape_stats.stats(store, "24h", "2025-10-11T00:00:00Z")
    _fits(got)
    # the sums' own 10 October is not before the window
    assert got.payload["rank"] == {
        "place": 2, "days": 4, "share_below": pytest.approx(2 / 3),
        "among": "0 recorded before, 3 told by stored sums",
    }  # fmt: skip
    assert any(
        "rank 2 of 4 days of the same venues (0 recorded before, 3 told" in line
        for line in got.answer
    )
    # of a day that was recorded the recording tells
    after = tape_stats.stats(store, "24h", "2025-10-12T00:00:00Z").payload["rank"]
    assert (after["place"], after["days"]) == (4, 5)


def test_a_day_is_ranked_among_days_of_its_own_venues(tmp_path):
    """Other venues' part of a day does not count; a day without one of ours is left out."""
    rows = (
        "2025-10-08,okx,100", "2025-10-08,gate,900", "2025-10-09,gate,900",
        "2025-10-10,okx,50",
    )  # fmt: skip
    file = tmp_path / "days.csv"
    lines = [r.replace(",", "T10:00:00Z,", 1) + ",BTC-USDT,long,9\n" for r in rows]
    file.write_text("time,venue,notional_usd,instrument,side,price\n" + "".join(lines))
    tape_stats.import_file(file, tmp_path / "store")
    got = tape_stats.stats(tmp_path / "store", "24h", "2025-10-11T00:00:00Z")
    _fits(got)
    assert (got.payload["rank"]["place"], got.payload["rank"]["days"]) == (2, 2)
    assert any(w.startswith("Not ranked among 1 day ") for w in got.payload["warnings"])


def test_a_day_is_ranked_among_days_of_the_same_assets(tmp_path):
    """From the second day on one asset alone was asked for."""
    rows = [f"2025-10-{d:02}T10:00:00Z,okx,{usd},BTC-USDT,long,9" for d, usd in
            ((8, 100), (9, 70), (10, 50))]  # fmt: skip
    file, store = tmp_path / "days.csv", tmp_path / "store"
    file.write_text("time,venue,notional_usd,instrument,side,price\n" + "\n".join(rows))
    tape_stats.import_file(file, store)
    since, narrowed = parse_time("2025-10-07"), parse_time("2025-10-09")
    for asked, place in (((), (3, 3)), (((narrowed, "BTC"),), (2, 2))):
        with StoreWriter(store) as writer:
            until = parse_time("2025-10-11")
            writer.keep_heard([], {"okx": Heard("okx", since, until, asked=asked)})
        got = tape_stats.stats(store, "24h", "2025-10-11")
        _fits(got)
        assert (got.payload["rank"]["place"], got.payload["rank"]["days"]) == place


def test_outages_name_the_connection_of_a_venue_that_has_several(store):
    start = parse_time("2025-10-10T21:00:00Z")
    with StoreWriter(store) as writer:
        log = OutageLog(writer.folder)
        log.keep(
            [Outage("bybit", f"bybit {k}", start, start + 10**9, "silent")
             for k in ("linear", "inverse")],
            {},
        )  # fmt: skip
        log.close()
    got = tape_stats.stats(store, "24h", "2025-10-11T00:00:00Z").payload
    (told,) = [w for w in got["warnings"] if w.startswith("bybit is a lower bound")]
    assert "linear not heard" in told
    assert "inverse not heard" in told


@pytest.mark.parametrize("window", ["0h", "0s"])
def test_a_window_without_length_is_refused(store, window):
    with pytest.raises(InputError, match="no length"):
        tape_stats.stats(store, window)


def test_what_a_venue_took_over_is_liquidated(tmp_path):
    """Hyperliquid tells a backstop liquidation as that alone."""
    file = tmp_path / "taken.csv"
    file.write_text(
        "time,venue,symbol,side,price,notional_usd,kind,account\n"
        "2025-10-10T21:15:00Z,hyperliquid,BTC,long,90000,45000000,takeover,0xabc\n"
        "2025-10-10T21:15:01Z,hyperliquid,BTC,short,90000,45000000,adl,0xdef\n"
    )
    tape_stats.import_file(file, tmp_path / "store")
    got = tape_stats.stats(tmp_path / "store", "24h", "2025-10-11T00:00:00Z", ("side",))
    _fits(got)
    told = got.payload
    assert (told["events"], told["notional_usd"], told["accounts"]) == (1, 45e6, 1)
    assert told["takeovers"] == {"events": 1, "notional_usd": 45e6}
    assert told["adl"] == {"events": 1, "notional_usd": 45e6}
    assert (told["largest"]["notional_usd"], told["largest"]["at_fill"]) == (45e6, False)
    assert [(g["side"], g["notional_usd"]) for g in told["groups"]] == [("long", 45e6)]
    assert any("taken over by the venue (1 event)" in line for line in got.answer)
    day = tape_stats.compare(tmp_path / "store", "2025-10-10", "2025-10-10").payload
    assert day["figures"]["notional_usd"]["first"] == 45e6


def test_totals_of_a_file_are_printed_as_figures(tmp_path):
    file = tmp_path / "realtime_analysis_summary.json"
    file.write_text(json.dumps({
        "events_processed": 3239706,
        "key_findings": {"total_adl_notional": 5511042925.053063, "mean_rank": 2.25},
    }))  # fmt: skip
    got = tape_stats.import_file(file, tmp_path / "store", "hyperliquid summary")
    cells = dict(got.tables[0].rows)
    assert cells["total adl notional"] == "$5.51 bn"
    assert cells["events processed"] == "3,239,706"
    assert got.payload["totals"]["total_adl_notional"] == 5511042925.053063
    assert got.answer == ("Sums of losses, without rows: told here, nothing is stored.",)


def test_polled_contracts_size_an_import(tmp_path):
    from seawall.ingest.market.tables import MarketWriter

    when = parse_time("2026-01-01")
    row = {
        "time": when, "received": when, "venue": "okx", "instrument": "ZZZ-USDT-SWAP",
        "asset": "ZZZ", "contract_type": "linear", "settle": "USDT", "contract_size": 4.0,
        "unit": 4.0, "tick": 0.1, "source": "okx load_markets",
    }  # fmt: skip
    with MarketWriter(tmp_path / "store") as writer:
        writer.write({"instrument": [row]})
    file = tmp_path / "okx.csv"
    file.write_text(
        "time,venue,symbol,side,price,sz\n2026-01-01T00:00:00Z,okx,ZZZ-USDT-SWAP,sell,9,5\n"
    )
    with pytest.raises(InputError, match="size of one is not known"):
        tape_stats.import_file(file, tmp_path / "another")
    assert not (tmp_path / "another").exists()
    got = tape_stats.import_file(file, tmp_path / "store").payload
    assert got["notional_usd"] == pytest.approx(180.0)
    assert any("taken as contracts" in w for w in got["warnings"])


def test_a_venue_that_was_not_heard_is_a_lower_bound(store):
    start = parse_time("2025-10-10T21:00:00Z")
    minute = 60 * 10**9
    with StoreWriter(store) as writer:
        log = OutageLog(writer.folder)
        log.keep(
            [
                Outage("bybit", "bybit linear", start, start + 3 * minute, "silent"),
                Outage("okx", "okx", start, start + minute, "dropped", refilled=True),
            ],
            {},
        )
        log.close()
    # all of it lies between the first row of the imported file and the last
    got = tape_stats.stats(store, "2h", "2025-10-10T23:00:00Z")
    _fits(got)
    assert [(g["venue"], g["missing"]) for g in got.payload["outages"]] == [
        ("okx", False), ("bybit", True), ("bybit", True),
    ]  # fmt: skip
    assert got.payload["label"] == "lower bound"
    assert got.payload["by_venue"][0]["label"] == "lower bound"
    assert got.payload["largest"]["label"] == "lower bound"
    told = [w for w in got.payload["warnings"] if w.startswith("bybit is a lower bound")]
    assert "not heard from 2025-10-10T21:00:00Z to 2025-10-10T21:03:00Z" in told[0]
    whole = tape_stats.stats(store, "2h", "2025-10-11T00:00:00Z").payload
    assert (whole["label"], whole["outages"]) == ("as imported", [])


def test_what_was_not_asked_for_is_told(store):
    """Of BTC alone a venue's figures are measured, and are those of BTC alone."""
    since = parse_time("2025-10-01")
    from_then = (parse_time("2025-10-10T12:00:00Z"), "BTC,ETH")
    ends = ("2025-10-10T22:15:00Z", "2025-10-12")
    plain = [tape_stats.stats(store, "24h", at).payload for at in ends]
    assert not any("asked for" in w for p in plain for w in p["warnings"])
    with StoreWriter(store) as writer:
        heard = {
            name: Heard(name, since, parse_time("2025-10-12"), asked=(from_then,))
            for name in ("bybit", "gate")
        }
        writer.keep_heard([], heard)
    told = "Of bybit, gate {}nothing but BTC, ETH was asked for: figures are of that alone."
    for at, words in zip(ends, ("for a part of the time ", ""), strict=True):
        got = tape_stats.stats(store, "24h", at)
        assert told.format(words) in got.payload["warnings"], got.payload["warnings"]
    second = tape_stats.compare(store, "2025-10-10", "2025-10-10").payload["warnings"]
    assert f"2025-10-10: {told.format('for a part of the time ')}" in second


def test_a_window_that_begins_before_the_recording_is_a_lower_bound(store):
    since = parse_time("2025-10-10T21:16:30Z")
    with StoreWriter(store) as writer:
        log = OutageLog(writer.folder)
        end = parse_time("2025-10-12")
        heard = {"a": Heard("bybit", since, end), "b": Heard("gate", since, end)}
        log.keep([], heard)
        log.close()
    for window, at, gaps in (
        # what bybit shows from before the recording came from a file, which begins at 21:15
        ("1h", "2025-10-10T22:15:00Z", {"gate"}),
        ("2h", "2025-10-10T22:15:00Z", {"bybit", "gate"}),
        ("24h", "2025-10-11T22:00:00Z", set()),
    ):
        got = tape_stats.stats(store, window, at).payload
        assert {g["venue"] for g in got["outages"]} == gaps, at
        assert got["label"] == ("lower bound" if gaps else "measured")
        assert got["imported"] == (["bybit"] if gaps else [])
        # what a venue that was heard shows stands, whatever another might have shown
        heard = [v["label"] for v in got["by_venue"] if v["venue"] not in gaps]
        assert heard == ["as imported" if gaps else "measured"] * len(heard)
    assert got["outages"] == []


def test_an_asset_is_no_more_certain_than_the_venues_that_may_have_it(tmp_path):
    """Bybit was heard all day and shows BTC; Gate for an hour of it, and shows ETH."""
    start, hour = parse_time("2026-08-25"), 3600 * 10**9
    file = tmp_path / "day.csv"
    file.write_text(
        "time,venue,instrument,side,price,notional_usd,coverage\n"
        "2026-08-25T00:30:00Z,bybit,BTCUSDT,long,105000,1000,all\n"
        "2026-08-25T00:40:00Z,gate,ETH_USDT,short,3800,500,all\n"
    )
    tape_stats.import_file(file, tmp_path / "store")
    with StoreWriter(tmp_path / "store") as writer:
        heard = {f"{v} usdt": Heard(v, start - hour, start + 25 * hour) for v in ("bybit", "gate")}
        gone = Outage("gate", "gate usdt", start + hour, start + 24 * hour, "closed by the venue")
        writer.keep_heard([gone], heard)
    got = tape_stats.stats(tmp_path / "store", "24h", "2026-08-26", ("asset",))
    _fits(got)
    assert {g["asset"]: g["label"] for g in got.payload["groups"]} == {
        "BTC": "lower bound", "ETH": "lower bound",
    }  # fmt: skip
    assert all(isnan(g["estimated_high"]) for g in got.payload["groups"])
    by_venue = tape_stats.stats(tmp_path / "store", "24h", "2026-08-26", ("venue",))
    assert {g["venue"]: g["label"] for g in by_venue.payload["groups"]} == {
        "bybit": "measured", "gate": "lower bound",
    }  # fmt: skip


def test_a_part_that_showed_nothing_leaves_totals_at_least(tmp_path):
    """Hyperliquid was heard all day and showed nothing, which does not say that there was none."""
    start, hour = parse_time("2026-08-25"), 3600 * 10**9
    file = tmp_path / "day.csv"
    file.write_text(
        "time,venue,instrument,side,price,notional_usd,coverage\n"
        "2026-08-25T00:30:00Z,bybit,BTCUSDT,long,105000,1000,all\n"
    )
    tape_stats.import_file(file, tmp_path / "store")
    with StoreWriter(tmp_path / "store") as writer:
        writer.keep_heard([], {"bybit": Heard("bybit", start - hour, start + 25 * hour)})
    alone = tape_stats.stats(tmp_path / "store", "24h", "2026-08-26").payload
    assert alone["label"] == "measured"
    with StoreWriter(tmp_path / "store") as writer:
        both = {v: Heard(v, start - hour, start + 25 * hour) for v in ("bybit", "hyperliquid")}
        writer.keep_heard([], both)
    got = tape_stats.stats(tmp_path / "store", "24h", "2026-08-26", ("asset",))
    _fits(got)
    assert (got.payload["label"], got.payload["groups"][0]["label"]) == ("lower bound",) * 2
    assert got.payload["by_venue"][0]["label"] == "measured"
    assert any(w.startswith("hyperliquid show a part") for w in got.payload["warnings"])
