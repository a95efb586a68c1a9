"""What is not known of a store is not shown, and a note stands only where it applies."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from rich.console import Console

from seawall.app import tape_stats
from seawall.app.showing import Format, show
from seawall.core import parse_time
from seawall.ingest.store.outages import Heard, Outage, heard_live
from seawall.ingest.store.writer import StoreWriter
from seawall.report.encode import to_csv, to_json
from seawall.report.model import Report
from seawall.report.page.render import render_html
from seawall.report.schema import schema_of
from seawall.report.terminal import to_terminal

DAILY = (
    "time,asset,long_liquidation_usd,short_liquidation_usd\n"
    "2024-08-04,BTC,100,50\n"
    "2024-08-05,BTC,400,200\n"
)
SAMPLED = "time,venue,instrument,side,price,notional_usd,coverage\n" + "".join(
    f"2025-05-31T00:{k:02}:00Z,hyperliquid,DOGE,long,0.19,{100 + k},sample\n" for k in range(5)
)
ONE = "time,venue,instrument,side,price,notional_usd\n2025-10-10T21:15:00Z,bybit,BTCUSDT,long,1,9\n"
SNAPSHOTS = (
    "time,side,order_type,time_in_force,original_quantity,price,average_price,order_status,"
    "last_fill_quantity,accumulated_fill_quantity\n"
) + "".join(
    f"{1687651200000 + k * 61_000},SELL,LIMIT,IOC,0.01,30000,30010,FILLED,0.01,0.01\n"
    for k in range(1400)
)


def _store(folder: Path, text: str, name: str = "file.csv") -> Path:
    (folder / name).write_text(text)
    tape_stats.import_file(folder / name, folder / "store")
    return folder / "store"


def _said(report: Report) -> str:
    """All that a terminal shows."""
    document = json.loads(to_json(report))
    validator = Draft202012Validator(schema_of(document["schema"]))
    assert [f"{e.json_path}: {e.message}" for e in validator.iter_errors(document)] == []
    out = io.StringIO()
    to_terminal(report, Console(file=out, width=200))
    return out.getvalue()


def _assumed(report: Report) -> str:
    return " ".join(a.text for a in report.assumptions)


def test_a_store_of_daily_sums_alone_says_what_they_say_and_no_more(tmp_path, capsys):
    store = _store(tmp_path, DAILY)
    report = tape_stats.stats(store, "24h", "2024-08-06T00:00:00Z", ("venue", "asset"))
    words = _said(report)
    assert "A stored sum says $600" in words
    page = render_html(report)
    for absent in ("By venue", "The worst minutes", "Shares are", "Assumptions", "events: 0"):
        assert absent not in words
        assert absent not in page
    assert report.assumptions == ()
    assert [h.key for h in report.headlines] == ["notional_usd", "events"]
    # CSV keeps its heading, and what could not be put into rows goes beside it
    show(report, Format.CSV, None)
    out, beside = capsys.readouterr()
    assert out == to_csv(report)
    assert out.splitlines() == [out.strip()]
    assert "note: Not known" in beside
    assert "note: A stored sum says $600" in beside


def test_two_days_of_sums_are_compared_by_what_they_tell(tmp_path):
    report = tape_stats.compare(_store(tmp_path, DAILY), "2024-08-04", "2024-08-05")
    words = _said(report)
    assert "Shares of venues" not in words
    assert "Shares of venues" not in render_html(report)
    assert [line.split(",")[0].strip('"') for line in to_csv(report).splitlines()[1:]] == [
        "Liquidated", "Longs", "Shorts", "Longs' share",
    ]  # fmt: skip
    assert {h.key for h in report.headlines} == {"notional_usd_1", "notional_usd_2"}
    assert report.payload["figures"]["events"]["first"] != 0


def test_of_a_part_without_a_rule_nothing_is_estimated(tmp_path):
    report = tape_stats.stats(_store(tmp_path, SAMPLED), "24h", "2025-06-01T00:00:00Z")
    words = _said(report)
    assert report.payload["label"] == "lower bound"
    assert "cannot be told: it is at least this" in words
    for absent in ("live feed", "one event a slot", "Not shown, expected", "With what"):
        assert absent not in words
    (minutes,) = (t for t in report.tables if t.key == "minutes_worst")
    assert (len(minutes.rows), minutes.left_out) == (5, 0)


def test_slots_of_an_imported_day_are_estimated_without_a_word_of_live_feeds(tmp_path):
    store = _store(tmp_path, SNAPSHOTS, "BTCUSDT-liquidationSnapshot-2023-06-25.csv")
    report = tape_stats.stats(store, "24h", "2023-06-26T00:00:00Z")
    assert report.payload["label"] == "modelled"
    assumed = _assumed(report)
    assert "one event a slot" in assumed
    assert "upper ends allow for 2" in assumed
    assert "live feed" not in assumed
    # half of the window lies in no file: no figure has an upper end, so none is spoken of
    late = tape_stats.stats(store, "24h", "2023-06-26T12:00:00Z")
    assert late.payload["label"] == "lower bound"
    assert "one event a slot" in _assumed(late)
    assert "upper ends" not in _assumed(late)


def test_one_event_is_no_chart_and_no_share(tmp_path):
    report = tape_stats.stats(_store(tmp_path, ONE), "24h", "2025-10-10T21:15:01Z")
    assert report.charts == ()
    assert {h.key for h in report.headlines}.isdisjoint(
        {"accounts", "top3_share", "estimated_usd", "volume_share", "open_interest_share"}
    )
    assert "Its share" not in _said(report)
    assert all(h.value == h.value and h.value is not None for h in report.headlines)
    empty = tape_stats.stats(tmp_path / "store", "1h", "2024-01-01T00:00:00Z")
    assert [t.key for t in empty.tables if t.rows] == []
    assert "Venues" not in render_html(empty)


@pytest.mark.parametrize(
    ("venue", "longer"), [("bybit", ""), ("htx", " (HTX six)"), ("gate", " (Gate's coin cont")]
)
def test_of_silence_is_spoken_where_a_feed_was_heard_live(tmp_path, venue, longer):
    since, until = parse_time("2025-10-10T00:00:00Z"), parse_time("2025-10-11T00:00:00Z")
    with StoreWriter(tmp_path / "store") as writer:
        writer.keep_heard([], {"a": Heard(venue, since, until)})
    heard = tape_stats.stats(tmp_path / "store", "12h", "2025-10-10T18:00:00Z")
    assert f"taken for silence for an hour{longer}" in _assumed(heard)
    assert heard.answer == ("Nothing was liquidated, as far as the tape shows.",)
    # after the recorder ended nothing was heard, and before it began
    for end in ("2025-10-20T00:00:00Z", "2025-10-09T00:00:00Z"):
        assert "silence" not in _assumed(tape_stats.stats(tmp_path / "store", "12h", end))


def test_a_venue_is_live_while_one_of_its_connections_is(tmp_path):
    hour = 3600 * 10**9
    with StoreWriter(tmp_path / "store") as writer:
        writer.keep_heard(
            [
                Outage("bybit", "a", 1 * hour, 2 * hour, "silent"),
                Outage("bybit", "a", 2 * hour, 4 * hour, "silent"),
                Outage("okx", "c", 2 * hour, 3 * hour, "silent"),
            ],
            {
                "a": Heard("bybit", 0, 10 * hour),
                "b": Heard("gate", 0, 10 * hour),
                "c": Heard("okx", 0, 10 * hour),
            },
        )
        assert heard_live(writer, hour, 4 * hour) == {"gate", "okx"}
        assert heard_live(writer, hour, 4 * hour + 1) == {"bybit", "gate", "okx"}
        assert heard_live(writer, 2 * hour, 3 * hour) == {"gate"}
