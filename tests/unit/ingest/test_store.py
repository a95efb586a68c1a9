"""A store on disk: what was acknowledged is there once, through rolls, restarts and kills."""

from __future__ import annotations

import dataclasses
import threading
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from made_tapes import DAY, START, made_tape, rows_of
from seawall.core.tape import Tape
from seawall.ingest.store import writer
from seawall.ingest.store.disk import StoreError
from seawall.ingest.store.manifest import load_manifest
from seawall.ingest.store.segment import segments
from seawall.ingest.store.store import Store
from seawall.ingest.store.writer import RollPolicy, StoreWriter

Opened = AbstractContextManager[Store]


def pieces(tape: Tape, size: int) -> list[Tape]:
    return [tape.take(slice(k, k + size)) for k in range(0, len(tape), size)]


def test_events_are_there_at_once_and_after_a_roll(tmp_path: Path) -> None:
    tape = made_tape(2_000, span=3 * DAY)
    with StoreWriter(tmp_path) as writer, Store(tmp_path) as reader:
        for k, part in enumerate(pieces(tape, 100)):
            writer.append(part)
            assert len(reader.read()) == 100 * (k + 1)
            assert reader.extent() == (100 * (k + 1), int(part.time.max()))
            if k == 9:
                assert writer.roll() == 1000
                assert len(reader.read()) == 1000
        assert rows_of(reader.read()) == rows_of(tape)
        assert rows_of(writer.read()) == rows_of(tape)
    with Store(tmp_path) as reader:
        assert rows_of(reader.read()) == rows_of(tape)
        assert sum(p.rows for p in reader.manifest().parts) == 2_000
    assert segments(tmp_path / "log") == {} or all(
        p.stat().st_size == 8 for p in segments(tmp_path / "log").values()
    )


def test_what_is_no_number_is_kept_as_such(tmp_path: Path) -> None:
    tape = made_tape(20)
    price = tape.price.copy()
    price[3], price[4] = np.nan, np.inf
    with StoreWriter(tmp_path) as writer:
        writer.append(dataclasses.replace(tape, price=price))
        for _ in range(2):
            found = writer.read()
            place = np.searchsorted(found.time, tape.time)
            np.testing.assert_array_equal(found.price[place], price)
            writer.roll()


def test_reading_chooses_by_time_venue_and_asset(tmp_path: Path) -> None:
    tape = made_tape(3_000, span=4 * DAY)
    with StoreWriter(tmp_path) as writer:
        writer.append(tape.take(slice(0, 2_000)))
        writer.roll()
        writer.append(tape.take(slice(2_000, 3_000)))
        begin, end = START + DAY // 2, START + 3 * DAY
        inside = (tape.time >= begin) & (tape.time < end)
        assert rows_of(writer.read((begin, end))) == rows_of(tape.take(inside))
        of_two = np.isin(tape.venue, [1, 2]) & (tape.asset == 4) & inside
        found = writer.read((begin, end), venues=["bybit", "okx"], assets=["Ångström's"])
        assert rows_of(found) == rows_of(tape.take(of_two))
        assert list(found.time) == sorted(found.time)
        assert len(writer.read(venues=[])) == len(writer.read(assets=["nothing"])) == 0
        edge = int(tape.time[500])
        at_edge = writer.read((edge, edge + 1))
        assert rows_of(at_edge) == rows_of(tape.take(tape.time == edge))


def test_files_lie_by_day_and_kind_and_any_engine_can_read_them(tmp_path: Path) -> None:
    tape = made_tape(500, span=2 * DAY)
    with StoreWriter(tmp_path) as writer:
        writer.append(tape)
    folders = {p.parent.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*.parquet")}
    days = ["2024-10-04", "2024-10-05"]
    assert folders == {f"events/day={d}/kind={k}" for d in days for k in ("liquidation", "adl")}
    found = duckdb.sql(
        f"SELECT kind, count(*), sum(notional_usd) FROM read_parquet('{tmp_path}/events/*/*/*"
        ".parquet', hive_partitioning = true) GROUP BY kind ORDER BY kind DESC"
    ).fetchall()
    for (kind, count, total), code in zip(found, (0, 2), strict=True):
        mine = tape.kind == code
        assert (kind, count) == ({0: "liquidation", 2: "adl"}[code], mine.sum())
        assert total == pytest.approx(tape.notional[mine].sum(), rel=1e-12)


def test_copies_count_once_wherever_they_meet(tmp_path: Path) -> None:
    tape = made_tape(1_000, span=2 * DAY)
    late = dataclasses.replace(tape, received=tape.received + 10**12)
    with StoreWriter(tmp_path) as writer:
        writer.append(tape.take(slice(0, 600)))
        writer.append(late.take(slice(0, 300)))
        assert len(writer.read()) == 600
        assert writer.roll() == 600
        writer.append(late.take(slice(200, 900)))
        # the first that came stands, in the log as in the parts
        expected = rows_of(Tape.joined([tape.take(slice(0, 600)), late.take(slice(600, 900))]))
        assert rows_of(writer.read()) == expected
        assert writer.roll() == 300
        assert rows_of(writer.read()) == expected
        assert writer.roll() == 0


def test_a_copy_across_midnight_is_found(tmp_path: Path) -> None:
    tape = made_tape(10, start=START + DAY - 10**9, span=10**9)
    shifted = dataclasses.replace(tape, time=tape.time + 2 * 10**9)
    with StoreWriter(tmp_path) as writer:
        writer.append(tape)
        writer.roll()
        writer.append(shifted)
        assert len(writer.read()) == 10
        assert writer.roll() == 0


def test_the_log_is_cut_into_segments_and_rolled_by_policy(tmp_path: Path) -> None:
    tape = made_tape(3_000)
    with StoreWriter(tmp_path, RollPolicy(size=20_000, frames=10**9, seconds=1e9)) as writer:
        for part in pieces(tape, 100):
            writer.append(part)
        assert len(segments(tmp_path / "log")) > 5
        assert writer.due()
        assert rows_of(writer.read()) == rows_of(tape)
        # the segment that is written to is rolled as well
        assert writer.roll_if_due() == 3_000
        assert writer.roll_if_due() == 0
    with StoreWriter(tmp_path, RollPolicy(frames=5)) as writer:
        for k in range(5):
            assert not writer.due()
            writer.append(made_tape(1, seed=k, first_id=10_000 + k))
        assert writer.due()


def test_a_second_writer_is_refused_and_a_folder_without_store_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no tape is stored here"):
        Store(tmp_path)
    with StoreWriter(tmp_path), pytest.raises(StoreError, match="another process writes"):
        StoreWriter(tmp_path)
    (tmp_path / "store.json").write_text("{")
    with pytest.raises(StoreError, match="made again"):
        Store(tmp_path)


@pytest.mark.parametrize("upto", ["log", "tmp", "parts", "manifest"])
def test_a_roll_cut_short_at_each_step_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, upto: str
) -> None:
    """The store's files as they are at each step of a roll, opened again."""
    from seawall.ingest.store import writer as writing

    tape = made_tape(1_000, span=2 * DAY)
    original = writing.write_parts, writing.clear_away

    class CutError(Exception):
        pass

    def cut(*arguments: object) -> None:
        if upto == "tmp":
            target = tmp_path / "events/day=2024-10-04/kind=adl/part-0000000001.parquet.tmp"
            target.parent.mkdir(parents=True)
            target.write_bytes(b"PAR1 half")
        if upto in ("parts", "manifest"):
            original[0](*arguments)  # type: ignore[arg-type]
        raise CutError

    writer = StoreWriter(tmp_path)
    writer.append(tape)
    with monkeypatch.context() as patch:
        if upto == "manifest":
            patch.setattr(writing, "clear_away", lambda *_: (_ for _ in ()).throw(CutError))
        else:
            patch.setattr(writing, "write_parts", cut)
        with pytest.raises(CutError):
            writer.roll()
    with Store(tmp_path) as reader:
        assert rows_of(reader.read()) == rows_of(tape)
    writer.close()
    with StoreWriter(tmp_path) as again:
        assert rows_of(again.read()) == rows_of(tape)
        again.roll()
        assert rows_of(again.read()) == rows_of(tape)
        listed = {p.path for p in again.manifest().parts}
    there = {p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("part-*")}
    assert there == listed


def test_closing_waits_for_a_roll_that_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until it is done nobody else may write: its files would be removed as never committed."""
    tape = made_tape(200)
    begun, go_on = threading.Event(), threading.Event()
    real = writer.write_parts

    def slow(*given: Any) -> Any:
        begun.set()
        assert go_on.wait(60)
        return real(*given)

    first = StoreWriter(tmp_path)
    first.append(tape)
    monkeypatch.setattr(writer, "write_parts", slow)
    rolling = threading.Thread(target=first.roll)
    rolling.start()
    assert begun.wait(60)
    closing = threading.Thread(target=first.close)
    closing.start()
    closing.join(0.3)
    with pytest.raises(StoreError, match="another process writes"):
        StoreWriter(tmp_path)
    go_on.set()
    rolling.join(60)
    closing.join(60)
    with pytest.raises(StoreError, match="closed"):
        first.roll()
    with StoreWriter(tmp_path) as again:
        assert set(again.read().event_id.tolist()) == set(tape.event_id.tolist())


def test_a_lost_list_of_files_is_made_again(tmp_path: Path) -> None:
    tape = made_tape(1_000, span=2 * DAY)
    writer = StoreWriter(tmp_path)
    writer.append(tape.take(slice(0, 800)))
    writer.roll()
    writer.append(tape.take(slice(700, 1_000)))
    writer.close()
    before = load_manifest(tmp_path)
    (tmp_path / "store.json").unlink()
    with StoreWriter(tmp_path) as writer:
        assert rows_of(writer.read()) == rows_of(tape)
        assert writer.manifest().next_part == before.next_part
    with Store(tmp_path) as reader:
        assert rows_of(reader.read()) == rows_of(tape)


def test_damage_in_the_log_costs_only_the_frame_it_hit(tmp_path: Path) -> None:
    tape = made_tape(1_000)
    writer = StoreWriter(tmp_path)
    for part in pieces(tape, 100):
        writer.append(part)
    writer.close()
    (path,) = segments(tmp_path / "log").values()
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)
    with StoreWriter(tmp_path) as writer:
        assert len(writer.read()) == 900
        assert writer.roll() == 900
    assert path.with_suffix(".damaged").read_bytes() == raw
