"""Verify names what is wrong, compact and retain change files only, exports hold every event."""

from __future__ import annotations

import csv
import json
import threading
import time
from collections import Counter, defaultdict
from dataclasses import replace
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from made_tapes import DAY, START, made_tape, rows_of
from seawall.core import InputError
from seawall.core.tape import Tape
from seawall.ingest.store import writer as writing
from seawall.ingest.store.disk import StoreError
from seawall.ingest.store.exported import is_export, read_export
from seawall.ingest.store.store import Store
from seawall.ingest.store.upkeep import compact, export, merge_past, retain
from seawall.ingest.store.verify import Verified, verify
from seawall.ingest.store.writer import StoreWriter

HOUR = 3_600_000_000_000
STEADY = made_tape(6_000, span=3 * DAY)


def filled(folder: Path, rolls: int = 6, tape: Tape = STEADY) -> None:
    with StoreWriter(folder) as writer:
        size = -(-len(tape) // rolls)
        for k in range(0, len(tape), size):
            writer.append(tape.take(slice(k, k + size)))
            writer.roll()


def faults(found: Verified) -> list[tuple[str, str, int]]:
    return [(f.what, f.where, f.count) for f in found.findings if f.fault]


def test_a_sound_store_has_no_findings(tmp_path: Path) -> None:
    filled(tmp_path)
    late = made_tape(10, start=START + 3 * DAY, span=HOUR, first_id=7_000)
    with StoreWriter(tmp_path) as writer:
        writer.append(late)
        found = verify(writer)
        assert found.findings == ()
        assert (found.events, found.in_log, found.days) == (6_010, 10, 4)
        assert found.parts == len(writer.manifest().parts)
        assert found.sound


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("price", 0.0, ["a price that is no number above 0", "not quantity times price"]),
        ("price", np.nan, ["a price that is no number above 0", "not quantity times price"]),
        ("quantity", -1.0, ["a quantity that is no", "not quantity times price"]),
        ("notional", np.inf, ["a notional that is no number"]),
        ("side", 0, ["neither long nor short"]),
        ("received", START - HOUR, ["received more than a minute before"]),
    ],
)
def test_impossible_values_are_found(
    tmp_path: Path, column: str, value: Any, words: list[str]
) -> None:
    values = getattr(STEADY, column).copy()
    values[100:103] = value
    filled(tmp_path, tape=replace(STEADY, **{column: values}))
    with Store(tmp_path) as store:
        found = verify(store)
    told = faults(found)
    assert not found.sound
    assert len(told) == len(words)
    for (what, where, count), expected in zip(told, words, strict=True):
        assert expected in what
        assert (where, count) == ("2024-10-04", 3)


def test_an_odd_price_is_told_but_no_fault(tmp_path: Path) -> None:
    instrument = np.zeros(6_000, dtype=np.int32)
    price = np.full(6_000, 100.0)
    price[7] = 5_000.0
    tape = replace(STEADY, instrument=instrument, price=price, notional=price * STEADY.quantity)
    filled(tmp_path, tape=tape)
    with Store(tmp_path) as store:
        found = verify(store)
    assert found.sound
    (odd,) = found.findings
    assert "tenfold" in odd.what
    assert odd.count == 1


def test_copies_are_found_even_across_days(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tape = made_tape(100, start=START + DAY - HOUR // 4, span=HOUR // 4)
    shifted = replace(tape, time=tape.time + HOUR // 2)
    monkeypatch.setattr(writing, "stored_before", lambda *a: np.zeros(len(a[-1]), dtype=bool))
    with StoreWriter(tmp_path) as writer:
        writer.append(tape)
        writer.roll()
        writer.append(shifted.take(slice(0, 40)))
        writer.roll()
        copies = [f for f in faults(verify(writer)) if "already" in f[0]]
    assert copies == [("events that are there already", "2024-10-04", 40)]


def test_merging_leaves_out_copies_of_one_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tape = made_tape(1_000)
    late = replace(tape, received=tape.received + 10**12)
    with monkeypatch.context() as patch:
        patch.setattr(writing, "stored_before", lambda *a: np.zeros(len(a[-1]), dtype=bool))
        with StoreWriter(tmp_path) as writer:
            writer.append(tape)
            writer.roll()
            writer.append(late.take(slice(0, 300)))
    with StoreWriter(tmp_path) as writer:
        assert compact(writer).copies == 300
        assert rows_of(writer.read()) == rows_of(tape)
        assert verify(writer).sound


def test_damaged_missing_and_strange_files_are_named(tmp_path: Path) -> None:
    filled(tmp_path)
    with Store(tmp_path) as store:
        changed, short, gone = (p.path for p in store.manifest().parts[:3])
        raw = bytearray((tmp_path / changed).read_bytes())
        raw[50] ^= 1
        (tmp_path / changed).write_bytes(raw)
        (tmp_path / short).write_bytes((tmp_path / short).read_bytes()[:-10])
        (tmp_path / gone).unlink()
        strange = tmp_path / "events" / "day=2024-10-04" / "mine.parquet"
        strange.write_bytes(b"x")
        found = verify(store)
    told = {f.where: f.what for f in found.findings}
    assert "contents have changed" in told[changed]
    assert "bytes that was written with" in told[short]
    assert told[gone] == "a file that is missing"
    assert "does not list" in told["events/day=2024-10-04/mine.parquet"]
    assert not found.sound
    with Store(tmp_path) as store, pytest.raises(StoreError, match="cannot be read"):
        store.read()


def test_damage_of_the_log_is_named(tmp_path: Path) -> None:
    writer = StoreWriter(tmp_path)
    for k in range(3):
        writer.append(made_tape(10, seed=k, first_id=100 * k + 1))
    writer.close()
    (path,) = (tmp_path / "log").glob("*.log")
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    # as if its writer had died amid a frame
    path.write_bytes(raw[:-20] + b"\xa7SWF")
    with Store(tmp_path) as store:
        found = {(f.what.split(" that")[0], f.fault): f.count for f in verify(store).findings}
    assert found[("bytes at the log's end", False)] == 4
    assert found[("bytes amid the log", True)] > 10 * 68
    with StoreWriter(tmp_path):
        pass
    with Store(tmp_path) as store:
        (kept,) = faults(verify(store))
    assert "damaged, kept" in kept[0]


def test_silences_of_a_venue_are_told(tmp_path: Path) -> None:
    # bybit is silent for a day, okx from a moment on
    begin, end, stop = START + DAY // 2, START + 3 * DAY // 2, START + 2 * DAY
    bybit, okx = (STEADY.venue == k for k in (1, 2))
    inside = (STEADY.time >= begin) & (STEADY.time < end)
    tape = STEADY.take(~(bybit & inside) & ~(okx & (STEADY.time >= stop)))
    filled(tmp_path, tape=tape)
    with Store(tmp_path) as store:
        found = verify(store)
        assert found.sound
        silent = {f.where: f.what for f in found.findings}
        assert silent.keys() == {"bybit", "okx"}
        assert "24." in silent["bybit"]
        assert "2024-10-04T1" in silent["bybit"]
        assert "to 2024-10-06T23:5" in silent["okx"]
        assert verify(store, silence=30 * HOUR).findings == ()


def test_merging_changes_files_and_no_event(tmp_path: Path) -> None:
    filled(tmp_path, rolls=20)
    with StoreWriter(tmp_path) as writer:
        before = writer.manifest()
        done = compact(writer)
        assert (done.parts_before, done.parts_after) == (len(before.parts), 6)
        assert (done.events, done.copies) == (6_000, 0)
        assert done.freed > 0
        assert rows_of(writer.read()) == rows_of(STEADY)
        assert verify(writer).findings == ()
        assert compact(writer).events == 0
    there = {p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("part-*")}
    with Store(tmp_path) as store:
        assert there == {p.path for p in store.manifest().parts}


def test_days_that_are_over_are_merged_while_recording(tmp_path: Path) -> None:
    """Without a roll, and nothing of today: its files still come."""
    now = time.time_ns()
    with StoreWriter(tmp_path) as store:
        for k, day in enumerate((now - 2 * DAY, now - DAY, now) * 3):
            tape = made_tape(40, seed=k, first_id=1 + 40 * k)
            store.append(replace(tape, time=np.full(40, day), received=np.full(40, day + 1)))
            store.roll()
        store.append(made_tape(10, seed=99, first_id=1000))
        before = store.manifest()
        rows = rows_of(store.read())
        fewer = merge_past(store)
        after = store.manifest()
        assert fewer == len(before.parts) - len(after.parts) > 0
        assert rows_of(store.read()) == rows
        today = max(p.day for p in after.parts)
        told = Counter((p.day, p.kind) for p in after.parts)
        assert {n for (day, _), n in told.items() if day < today} == {1}
        assert [p for p in after.parts if p.day == today] == [
            p for p in before.parts if p.day == today
        ]
        assert after.rolled == before.rolled
        assert merge_past(store) == 0


def test_merged_files_keep_to_their_size(tmp_path: Path) -> None:
    filled(tmp_path, rolls=20)
    with StoreWriter(tmp_path) as writer:
        compact(writer, most_rows=500)
        parts = writer.manifest().parts
        assert max(p.rows for p in parts) <= 500
        by_folder = defaultdict(list)
        for p in parts:
            by_folder[p.day, p.kind].append(p.rows)
        assert all(a + b > 500 for rows in by_folder.values() for a, b in pairwise(rows))
        assert rows_of(writer.read()) == rows_of(STEADY)


def test_a_merge_cut_short_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(tmp_path, rolls=10)
    writer = StoreWriter(tmp_path)
    cut = KeyboardInterrupt()
    with monkeypatch.context() as patch:
        patch.setattr(writing, "commit", lambda *_: (_ for _ in ()).throw(cut))
        with pytest.raises(KeyboardInterrupt):
            compact(writer)
    writer.close()
    with StoreWriter(tmp_path) as again:
        listed = {p.path for p in again.manifest().parts}
        there = {p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("part-*")}
        assert there == listed
        assert rows_of(again.read()) == rows_of(STEADY)


def test_readers_are_right_while_files_are_merged_and_let_go(tmp_path: Path) -> None:
    filled(tmp_path, rolls=20)
    faulty: list[BaseException] = []
    stop = threading.Event()

    def reading() -> None:
        try:
            with Store(tmp_path) as reader:
                while not stop.is_set():
                    assert len(reader.read((START + 2 * DAY, START + 3 * DAY))) == last_day
        except BaseException as fault:
            faulty.append(fault)

    last_day = int((STEADY.time >= START + 2 * DAY).sum())
    threads = [threading.Thread(target=reading) for _ in range(2)]
    for thread in threads:
        thread.start()
    with StoreWriter(tmp_path) as writer:
        compact(writer, most_rows=700)
        compact(writer)
        retain(writer, date(2024, 10, 6))
    stop.set()
    for thread in threads:
        thread.join()
    assert faulty == []


def test_retaining_lets_whole_days_go(tmp_path: Path) -> None:
    filled(tmp_path)
    old = made_tape(5, first_id=9_000)
    with StoreWriter(tmp_path) as writer:
        writer.append(old)
        done = retain(writer, date(2024, 10, 6))
        kept = STEADY.take(STEADY.time >= START + 2 * DAY)
        assert rows_of(writer.read()) == rows_of(kept)
        # those that were still in the log are old as well
        assert done.events == 6_005 - len(kept)
        assert done.freed > 0
        assert retain(writer, date(2024, 10, 6)).events == 0
    assert not list(tmp_path.glob("events/day=2024-10-0[45]/*/*"))


@pytest.fixture
def some(tmp_path: Path) -> Path:
    folder = tmp_path / "store"
    writer = StoreWriter(folder)
    writer.append(STEADY.take(slice(0, 4_000)))
    writer.roll()
    writer.append(STEADY.take(slice(4_000, 6_000)))
    writer.close()
    return folder


def test_an_export_to_csv_and_json_spells_everything(some: Path, tmp_path: Path) -> None:
    window = START + DAY, START + 2 * DAY
    mine = (STEADY.time >= window[0]) & (STEADY.time < window[1]) & (STEADY.venue == 1)
    expected = STEADY.take(mine).in_order()
    with Store(some) as store:
        assert export(store, tmp_path / "e.csv", window=window, venues=["bybit"]) == len(expected)
        assert export(store, tmp_path / "e.jsonl", window=window, venues=["bybit"]) == mine.sum()
    with (tmp_path / "e.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    lines = [json.loads(x) for x in (tmp_path / "e.jsonl").read_text("utf-8").splitlines()]
    assert len(rows) == len(lines) == len(expected)
    for k, (row, line) in enumerate(zip(rows, lines, strict=True)):
        assert int(row["event_id"], 16) == int(line["event_id"], 16) == expected.event_id[k]
        assert int(row["account"], 16) == expected.account[k]
        seconds, nanoseconds = divmod(int(expected.time[k]), 10**9)
        assert row["time"] == line["time"]
        assert row["time"].endswith(f".{nanoseconds:09d}Z")
        assert np.datetime64(row["time"][:19], "s").astype(int) == seconds
        assert row["side"] == {1: "long", -1: "short"}[int(expected.side[k])]
        assert float(row["notional_usd"]) == line["notional_usd"] == expected.notional[k]
        assert row["asset"] == expected.assets[expected.asset[k]]


def test_an_export_to_parquet_is_a_table_of_the_stores_columns(some: Path, tmp_path: Path) -> None:
    target = tmp_path / "out" / "all.parquet"
    with Store(some) as store:
        assert export(store, target) == 6_000
        assert export(store, target, assets=["BTC"]) == (STEADY.asset == 0).sum()
    found = duckdb.sql(f"SELECT count(*), sum(notional_usd) FROM '{target}'").fetchall()[0]
    assert found[1] == pytest.approx(STEADY.notional[STEADY.asset == 0].sum())
    assert list(tmp_path.rglob("*.tmp")) == []


@pytest.mark.parametrize("name", ["e.parquet", "e.csv", "e.jsonl", "e[1].json"])
def test_an_export_is_read_back_without_loss(some: Path, tmp_path: Path, name: str) -> None:
    with Store(some) as store:
        export(store, tmp_path / name)
    assert is_export(tmp_path / name)
    assert rows_of(read_export(tmp_path / name)) == rows_of(STEADY)


def test_what_is_no_export_is_told_from_one(tmp_path: Path) -> None:
    other = tmp_path / "other.csv"
    other.write_text("time,price\n1,2\n")
    assert not is_export(other)
    with pytest.raises(InputError, match="not an export of a tape"):
        read_export(other)
    with pytest.raises(InputError, match="cannot be read"):
        is_export(tmp_path / "missing.parquet")


def test_an_export_that_cannot_be_is_refused(some: Path, tmp_path: Path) -> None:
    with Store(some) as store:
        with pytest.raises(InputError, match=r"ending.*\.xlsx"):
            export(store, tmp_path / "events.xlsx")
        (tmp_path / "taken").write_text("a file where a folder should be")
        with pytest.raises(StoreError, match="cannot be written"):
            export(store, tmp_path / "taken" / "e.csv")
