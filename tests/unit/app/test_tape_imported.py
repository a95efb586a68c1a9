"""What a store made of imported files knows of a window: no more than the files cover."""

from __future__ import annotations

import json
from itertools import pairwise
from math import isnan
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from seawall.app import tape_stats
from seawall.core import InputError, parse_time
from seawall.ingest.history import read_history
from seawall.ingest.history.covers import spans_in
from seawall.ingest.store.disk import StoreError
from seawall.ingest.store.imported import (
    EVENTS,
    IMPORTS,
    Span,
    forget_before,
    keep_spans,
    spans_of,
    uncovered,
)
from seawall.report.encode import to_json
from seawall.report.schema import schema_of

TWO = (
    "time,venue,instrument,side,price,notional_usd\n"
    "2025-10-10T21:15:00Z,bybit,BTCUSDT,long,105000,1000\n"
    "2025-10-10T21:15:05Z,bybit,BTCUSDT,long,104900,2500\n"
)
SUMS = (
    "time,venue,asset,liq_long_usd,liq_short_usd\n2025-10-10,bybit,BTC,900,100\n"
    "2025-10-11,bybit,BTC,60,10\n2025-10-12,bybit,BTC,5,1\n"
)


def _store(tmp_path: Path, **files: str) -> Path:
    for name, text in files.items():
        (tmp_path / f"{name}.csv").write_text(text)
        tape_stats.import_file(tmp_path / f"{name}.csv", tmp_path / "store")
    return tmp_path / "store"


def _fits(report) -> dict:  # type: ignore[no-untyped-def,type-arg]
    document = json.loads(to_json(report))
    validator = Draft202012Validator(schema_of(document["schema"]))
    assert [f"{e.json_path}: {e.message}" for e in validator.iter_errors(document)] == []
    return dict(report.payload)


def test_two_rows_five_seconds_apart_measure_no_day(tmp_path):
    store = _store(tmp_path, two=TWO)
    day = _fits(tape_stats.stats(store, "24h", "2025-10-11"))
    assert (day["label"], day["by_venue"][0]["label"]) == ("lower bound", "lower bound")
    assert [(o["from"], o["to"]) for o in day["outages"]] == [
        ("2025-10-10T00:00:00Z", "2025-10-10T21:15:00Z"),
        ("2025-10-10T21:15:05Z", "2025-10-11T00:00:00Z"),
    ]
    within = _fits(tape_stats.stats(store, "5s", "2025-10-10T21:15:05Z"))
    assert (within["label"], within["imported"], within["outages"]) == (
        "as imported", ["bybit"], [],
    )  # fmt: skip
    assert within["largest"]["label"] == "as imported"
    assert any("bybit as imported" in w for w in within["warnings"])
    assert "Of bybit events of BTCUSDT alone are stored in this window." in within["warnings"]


def test_a_few_instruments_of_a_venue_are_named_and_many_are_not(tmp_path):
    rows = TWO.splitlines()[1]
    names = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT")
    files = {n: TWO + rows.replace("BTCUSDT", n) + "\n" for n in names}
    lines = []
    for name in names:
        store = _store(tmp_path, **{name: files[name]})
        got = _fits(tape_stats.stats(store, "5s", "2025-10-10T21:15:05Z"))
        lines.append([w.split(" alone")[0] for w in got["warnings"] if " alone are" in w])
    told = "Of bybit events of BTCUSDT"
    assert lines == [[told], [f"{told}, ETHUSDT"], [f"{told}, ETHUSDT, SOLUSDT"], []]


def test_what_no_file_covers_is_not_known(tmp_path):
    """Never that $0 was measured, on any day that lies outside of the file."""
    store = _store(tmp_path, two=TWO)
    for at in ("2025-10-12", "2025-10-10", "2031-01-01"):
        report = tape_stats.stats(store, "24h", at)
        got = _fits(report)
        assert (got["label"], got["notional_usd"], got["events"], got["estimate"]) == (
            "not recorded", None, None, None,
        )  # fmt: skip
        assert report.answer[0].startswith("Not known")
        assert {h.kind.value for h in report.headlines} == {"not recorded"}


def test_a_stored_sum_is_shown_where_no_event_is(tmp_path):
    store = _store(tmp_path, two=TWO, sums=SUMS)
    report = tape_stats.stats(store, "24h", "2025-10-12")
    got = _fits(report)
    assert got["label"] == "not recorded"
    assert [(s["notional_usd"], s["venues"], s["from"]) for s in got["stored_sums"]] == [
        (70.0, "bybit", "2025-10-11T00:00:00Z")
    ]
    assert any("$70" in line for line in report.answer)
    with_events = _fits(tape_stats.stats(store, "24h", "2025-10-11"))
    assert [s["notional_usd"] for s in with_events["stored_sums"]] == [1000.0]


def test_days_are_compared_by_sums_where_only_those_exist(tmp_path):
    store = _store(tmp_path, two=TWO, sums=SUMS)
    got = _fits(tape_stats.compare(store, "2025-10-11", "2025-10-12"))
    assert (got["figures"]["notional_usd"]["first"], got["labels"][0]) == (70.0, "as imported")
    assert got["figures"]["notional_usd"]["second"] == 6.0
    sides = [got["figures"][k]["first"] for k in ("long_usd", "short_usd", "long_share")]
    assert sides == [60.0, 10.0, pytest.approx(6 / 7)]
    mixed = _fits(tape_stats.compare(store, "2025-10-10", "2025-10-11"))
    assert (mixed["figures"]["notional_usd"]["first"], mixed["labels"]) == (
        3500.0, ["lower bound", "as imported"],
    )  # fmt: skip
    assert any("no single events" in w for w in mixed["warnings"])


def test_days_before_a_series_begins_are_not_days_of_nothing(tmp_path):
    """An aggregator's zeros from before it gathered anything are no figures."""
    early = (
        "2025-10-08,bybit,BTC,0,0\n2025-10-09,bybit,BTC,0,0\n"
        "2025-10-09,okx,BTC,0,7\n2025-10-10,okx,BTC,0,3\n"
    )
    store = _store(tmp_path, sums=SUMS.replace("2025-10-10", early + "2025-10-10", 1))
    with pytest.raises(InputError, match="nothing is stored of this day"):
        tape_stats.compare(store, "2025-10-08", "2025-10-10")
    got = _fits(tape_stats.stats(store, "24h", "2025-10-09"))
    assert (got["label"], got["stored_sums"]) == ("not recorded", [])
    # beside a venue that had some, none is a figure
    told = _fits(tape_stats.stats(store, "48h", "2025-10-10"))["stored_sums"]
    assert [(t["venues"], t["notional_usd"]) for t in told] == [("bybit", 0.0), ("okx", 7.0)]


def test_a_day_of_which_a_part_is_summed_is_at_least_that(tmp_path):
    """Sums of twelve minutes are stored of the day; nothing says what the rest of it came to."""
    store = _store(tmp_path, sums=SUMS)
    first = parse_time("2025-10-14T21:15:00Z")
    stretch = Span("okx", "liquidation sums", first, first + 720 * 10**9, "part.json", 12, 500.0)
    keep_spans(store, [stretch])
    got = _fits(tape_stats.compare(store, "2025-10-14", "2025-10-12"))
    assert got["labels"] == ["lower bound", "as imported"]
    assert [got["figures"][k]["first"] for k in ("notional_usd", "events")] == [500.0, 12.0]
    assert isnan(got["figures"]["long_usd"]["first"])
    assert any("$500 (12 events) of okx from 2025-10-14T21:15:00Z" in w for w in got["warnings"])


def test_totals_of_a_summary_are_told_of_their_window(shared_data, tmp_path):
    store = tmp_path / "store"
    tape_stats.import_file(shared_data / "hyperliquid_oct10" / "results.json", store)
    (span,) = spans_of(store)
    assert (span.venue, span.events) == ("hyperliquid", 63_637)
    got = _fits(tape_stats.stats(store, "24h", "2025-10-11"))
    (told,) = got["stored_sums"]
    assert (told["events"], told["venues"]) == (63_637, "hyperliquid")
    assert told["notional_usd"] == pytest.approx(5.511e9, rel=1e-3)
    assert got["label"] == "not recorded"


def test_a_file_of_a_day_covers_that_day(tmp_path):
    head = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n"
    row = "bybit,BTCUSDT,1700000000000000,1700000000100000,,sell,30000,2\n"
    names = ("bybit_liquidations_2023-11-14_BTCUSDT.csv", "liquidations_2023-11-15.csv")
    found = []
    for name in names:
        (tmp_path / name).write_text(head + row)
        (span,) = spans_in(read_history(tmp_path / name))
        found.append((span.start, span.end))
    day = parse_time("2023-11-14")
    second = 1_700_000_000 * 10**9
    # a name that says another day than the rows is not believed
    assert found == [(day, day + 86_400 * 10**9), (second, second + 1)]


def test_days_let_go_are_no_longer_covered(tmp_path):
    store = _store(tmp_path, two=TWO)
    (span,) = spans_of(store)
    forget_before(store, span.start + 10**9)
    assert [s.start for s in spans_of(store)] == [span.start + 10**9]
    forget_before(store, span.end)
    assert spans_of(store) == ()


def test_a_damaged_note_is_named(tmp_path):
    store = _store(tmp_path, two=TWO)
    (path,) = (store / IMPORTS).glob("*.json")
    path.write_text("{")
    with pytest.raises(StoreError, match="import the file again"):
        tape_stats.stats(store, "24h", "2025-10-11")


@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(1, 20)), max_size=8),
    st.tuples(st.integers(0, 40), st.integers(1, 30)),
)
def test_what_is_not_covered_is_what_no_span_holds(pairs, window):
    spans = [Span("a", EVENTS, s, s + n, "f") for s, n in pairs]
    begin, end = window[0], window[0] + window[1]
    held = {t for s in spans for t in range(s.start, s.end)}
    gaps = uncovered((begin, end), spans)
    assert {t for a, b in gaps for t in range(a, b)} == set(range(begin, end)) - held
    assert all(a < b for a, b in gaps)
    assert all(one[1] < other[0] for one, other in pairwise(gaps))


def test_a_venue_whose_files_are_of_other_times_is_named(tmp_path):
    """Bybit's file covers the window; OKX's ends before it, Gate's begins after, HTX has both."""
    row = "2025-10-{},{},{},long,100,1000\n"
    several = {
        "bybit": ("10T00:00:00Z", "13T00:00:00Z"),
        "okx": ("10T00:00:00Z", "11T00:00:00Z"),
        "gate": ("12T06:00:00Z", "12T07:00:00Z"),
        "htx": ("10T00:00:00Z", "10T01:00:00Z"),
    }
    head = "time,venue,instrument,side,price,notional_usd\n"
    texts = {
        venue: head + "".join(row.format(t, venue, "BTCUSDT") for t in times)
        for venue, times in several.items()
    }
    late = head + "".join(row.format(t, "htx", "BTCUSDT") for t in ("12T01:00:00Z", "12T02:00:00Z"))
    store = _store(tmp_path, **texts, late=late)
    got = _fits(tape_stats.stats(store, "12h", "2025-10-12"))
    assert got["label"] == "as imported"
    (told,) = [w for w in got["warnings"] if w.startswith("Figures are without")]
    assert told == (
        "Figures are without gate (its files begin at 2025-10-12T06:00:00Z, after it), htx (its "
        "files end at 2025-10-10T01:00:00Z, before it, and begin again at 2025-10-12T01:00:00Z, "
        "after it), okx (its files end at 2025-10-11T00:00:00Z, before it): nothing of this window "
        "is stored of it."
    )
    # of what lies in the window, or where nothing does, nothing is said of other times
    day = _fits(tape_stats.stats(store, "72h", "2025-10-13"))
    assert not any(w.startswith("Figures are without") for w in day["warnings"])
    none = _fits(tape_stats.stats(store, "1h", "2024-01-01"))
    assert not any(w.startswith("Figures are without") for w in none["warnings"])


def test_what_an_earlier_feed_left_out_is_estimated(tmp_path):
    """Until 2025-02-20 Bybit showed one a symbol and second: that is not all of a crash."""
    start = 1_722_816_000_000_000
    rows = "".join(
        f"bybit,BTCUSDT,{start + k * 1_000_000 + k % 7 * 90_000},{start},,sell,54000,{1 + k % 5}\n"
        for k in range(120)
    )
    file = tmp_path / "bybit_liquidations_2024-08-05_BTCUSDT.csv"
    file.write_text("exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n" + rows)
    tape_stats.import_file(file, tmp_path / "tape")
    told = tape_stats.stats(tmp_path / "tape", "24h", "2024-08-06", draws=60).payload
    (venue,) = told["by_venue"]
    assert venue["label"] in ("modelled", "lower bound")
    assert venue["estimated_usd"] > 1.2 * venue["notional_usd"]
