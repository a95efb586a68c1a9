"""Outages of feeds: kept through crashes, told for a window, what goes on among them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from made_tapes import START, made_tape
from seawall.ingest.store import outages as kept
from seawall.ingest.store.disk import StoreError
from seawall.ingest.store.outages import (
    DAMAGED,
    HEARD,
    LATE,
    OUTAGES,
    Heard,
    Outage,
    outages,
    recorded_since,
)
from seawall.ingest.store.store import Store
from seawall.ingest.store.verify import outage_words, verify
from seawall.ingest.store.writer import StoreWriter

MINUTE = 60_000_000_000
T = START
SILENT = Outage("bybit", "bybit linear", T + 2 * MINUTE, T + 9 * MINUTE, "silent")


def standing(until: int, why: str = "") -> dict[str, Heard]:
    return {"bybit linear": Heard("bybit", T, until, why)}


def test_a_store_that_was_never_recorded_into_says_nothing(tmp_path: Path) -> None:
    with StoreWriter(tmp_path) as writer:
        writer.append(made_tape(20, span=10 * MINUTE))
        assert writer.heard() == {}
    with Store(tmp_path) as store:
        assert outages(store, T, T + MINUTE) == ()
        assert recorded_since(store) == {}
        assert verify(store).findings == ()
    assert not (tmp_path / OUTAGES).exists()


def test_outages_are_there_in_order_and_clipped_to_the_window(tmp_path: Path) -> None:
    later = Outage("okx", "okx", T + 8 * MINUTE, T + 12 * MINUTE, "overloaded", lost=17)
    with StoreWriter(tmp_path) as writer:
        writer.keep_heard([later], {})
        writer.keep_heard([SILENT], standing(T + 20 * MINUTE))
        # a reader needs no lock
        with Store(tmp_path) as store:
            now = T + 20 * MINUTE + LATE
            assert outages(store, T, T + 60 * MINUTE, now) == (SILENT, later)
            cut = outages(store, T + 3 * MINUTE, T + 9 * MINUTE, now)
            assert [(o.start, o.end) for o in cut] == [
                (T + 3 * MINUTE, T + 9 * MINUTE),
                (T + 8 * MINUTE, T + 9 * MINUTE),
            ]
            assert outages(store, T + 12 * MINUTE, T + 13 * MINUTE, now) == ()
            assert recorded_since(store) == {"bybit": T}
    with StoreWriter(tmp_path) as again:
        assert again.heard() == standing(T + 20 * MINUTE)
        again.keep_heard([Outage("okx", "okx", T + 30 * MINUTE, T + 31 * MINUTE, "silent")], {})
    with Store(tmp_path) as store:
        assert len(outages(store, T, T + 60 * MINUTE, T)) == 3


def test_a_loss_that_is_noted_again_and_again_takes_bounded_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows of every message that cannot be read grow one outage, every few seconds."""
    monkeypatch.setattr(kept, "MOST_FRAMES", 40)
    folder, biggest = tmp_path / OUTAGES, 0
    for run in range(2):
        with StoreWriter(tmp_path) as writer, Store(tmp_path) as store:
            for k in range(300):
                end = T + MINUTE + (300 * run + k) * MINUTE
                grown = Outage("htx", "htx linear", T, end, "rows that could not be read", k)
                writer.keep_heard([grown, *([SILENT] if not k else [])], standing(end))
                biggest = max(biggest, sum(p.stat().st_size for p in folder.glob("*.log")))
                told = outages(store, T, T + 10**6 * MINUTE, T)
                assert {(o.link, o.end, o.lost) for o in told} == {
                    ("htx linear", end, k),
                    (SILENT.link, SILENT.end, 0),
                }
    assert biggest < 100 * 250
    assert len(list(folder.glob("*.log"))) <= 3
    with Store(tmp_path) as store:
        assert verify(store).sound


def test_what_was_had_afterwards_stands_in_place_of_the_outage(tmp_path: Path) -> None:
    had = Outage("deribit", "deribit", T, T + MINUTE, "silent", refilled=True)
    with StoreWriter(tmp_path) as writer:
        writer.keep_heard([Outage("deribit", "deribit", T, T + MINUTE, "silent")], {})
        writer.keep_heard([had], {})
    with Store(tmp_path) as store:
        assert outages(store, T, T + MINUTE) == (had,)
        assert outage_words(had).endswith("(60.0 s): silent, had afterwards")


@pytest.mark.parametrize(
    ("why", "now", "told"),
    [
        ("silent", T + 1, "silent"),
        ("", T + LATE, None),
        ("", T + LATE + 1, "not recording"),
    ],
)
def test_an_outage_that_goes_on_is_told_until_now(
    tmp_path: Path, why: str, now: int, told: str | None
) -> None:
    with StoreWriter(tmp_path) as writer:
        writer.keep_heard([], standing(T, why))
    with Store(tmp_path) as store:
        found = outages(store, T - MINUTE, T + 60 * MINUTE, now)
    wanted = () if told is None else (Outage("bybit", "bybit linear", T, now, told),)
    assert found == wanted


def test_an_outage_that_ended_before_the_latest_note_is_not_told_twice(tmp_path: Path) -> None:
    with StoreWriter(tmp_path) as writer:
        writer.keep_heard([SILENT], standing(SILENT.start, "silent"))
    with Store(tmp_path) as store:
        # killed between the row and the next note: what came after the row is not known
        found = outages(store, T, T + 60 * MINUTE, T + 11 * MINUTE)
    assert [(o.start, o.end) for o in found] == [
        (SILENT.start, SILENT.end),
        (SILENT.end, T + 11 * MINUTE),
    ]


def test_a_half_written_row_is_cut_and_the_rows_before_it_stay(tmp_path: Path) -> None:
    with StoreWriter(tmp_path) as writer:
        writer.keep_heard([SILENT], standing(T + 20 * MINUTE))
    (segment,) = (tmp_path / OUTAGES).glob("*.log")
    whole = segment.read_bytes()
    for cut in range(1, 30):
        segment.write_bytes(whole[:-20] + whole[8:][:cut])
        with Store(tmp_path) as store:
            assert outages(store, T, T + 60 * MINUTE, T) == (SILENT,)
        StoreWriter(tmp_path).close()
        assert segment.read_bytes() == whole


def test_verify_tells_the_longest_and_counts_the_others(tmp_path: Path) -> None:
    short = [
        Outage("okx", "okx", T + k * MINUTE, T + k * MINUTE + 10**9 * (k + 1), "closed")
        for k in range(30)
    ]
    with StoreWriter(tmp_path) as writer:
        writer.append(made_tape(20, span=10 * MINUTE))
        writer.keep_heard([SILENT, *short], {})
    with Store(tmp_path) as store:
        found = verify(store)
    assert found.sound
    said = [(f.where, f.what, f.count) for f in found.findings]
    assert ("bybit linear", outage_words(SILENT), 1) in said
    assert "not heard from" in outage_words(SILENT)
    assert "(7 min): silent" in outage_words(SILENT)
    assert ("okx", "shorter outages beside these", 20) in said
    assert sum(where == "okx" for where, _, _ in said) == 11


def test_damage_is_a_fault(tmp_path: Path) -> None:
    with StoreWriter(tmp_path) as writer:
        writer.append(made_tape(20, span=10 * MINUTE))
        writer.keep_heard([SILENT, SILENT], standing(T))
    (segment,) = (tmp_path / OUTAGES).glob("*.log")
    raw = bytearray(segment.read_bytes())
    raw[40] ^= 1
    segment.write_bytes(raw)
    with Store(tmp_path) as store:
        assert [f.where for f in verify(store).findings if f.fault] == [f"{OUTAGES}/{segment.name}"]
    (tmp_path / OUTAGES / HEARD).write_text(json.dumps({"schema": 99, "links": {}}))
    with Store(tmp_path) as store, pytest.raises(StoreError, match="upgrade"):
        outages(store, T, T + MINUTE)


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b'{"schema": 1, "links": {"x": {}}}', b"\xff"])
def test_a_damaged_note_of_what_was_heard_is_set_aside(
    tmp_path: Path, raw: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with StoreWriter(tmp_path) as writer:
        writer.append(made_tape(20, span=10 * MINUTE))
        writer.keep_heard([SILENT], standing(T + 20 * MINUTE))
    path = tmp_path / OUTAGES / HEARD
    path.write_bytes(raw)
    with Store(tmp_path) as store:
        assert outages(store, T, T + 60 * MINUTE) == (SILENT,)
        assert recorded_since(store) == {}
        assert [f.where for f in verify(store).findings if f.fault] == [f"{OUTAGES}/{HEARD}"]
    assert "damaged" in caplog.text
    with StoreWriter(tmp_path) as again:
        assert again.heard() == {}
        again.keep_heard([], standing(T + 30 * MINUTE))
        assert again.heard() == standing(T + 30 * MINUTE)
    assert (tmp_path / OUTAGES / DAMAGED).read_bytes() == raw
    with Store(tmp_path) as store:
        assert [f.where for f in verify(store).findings if f.fault] == [f"{OUTAGES}/{DAMAGED}"]
