"""A store on disk: what was acknowledged is there once, through rolls, restarts and kills."""

from __future__ import annotations

import dataclasses
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import duckdb
import numpy as np
import pytest

from made_tapes import DAY, START, made_tape, rows_of
from seawall.core.tape import Tape
from seawall.ingest.store import manifest as manifests
from seawall.ingest.store.disk import DiskFullError, StoreError
from seawall.ingest.store.manifest import load_manifest, migrate
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


KILLED = Path(__file__).with_name("killed_writer.py")


def test_no_kill_loses_or_doubles_an_acknowledged_event(tmp_path: Path) -> None:
    """20 writers killed at random instants; each continues where acknowledgement ended."""
    rng = random.Random(5)
    acknowledged, kills = 0, 0
    while kills < 20:
        writer = subprocess.Popen(
            [sys.executable, str(KILLED), str(tmp_path), str(acknowledged)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
        time.sleep(rng.uniform(0.0, 0.25))
        writer.send_signal(signal.SIGKILL)
        told = [int(line) for line in writer.stdout.read().split("\n")[:-1] if line]
        assert writer.wait() == -signal.SIGKILL
        acknowledged = max([acknowledged, *told])
        kills += 1
        with Store(tmp_path) as reader:
            ids = np.sort(reader.read().event_id)
        assert len(np.unique(ids)) == len(ids)
        assert set(range(1, acknowledged + 1)) <= set((ids).tolist())
    assert acknowledged > 1_000
    with StoreWriter(tmp_path) as again:
        again.roll()
    ids = duckdb.sql(f"SELECT event_id FROM '{tmp_path}/events/*/*/*.parquet'").fetchnumpy()
    assert len(np.unique(ids["event_id"])) == len(ids["event_id"]) >= acknowledged


@pytest.mark.skipif(sys.platform == "win32", reason="no limit of file sizes there")
def test_a_disk_full_during_a_roll_keeps_every_event(tmp_path: Path) -> None:
    tape = made_tape(20_000)
    writer = StoreWriter(tmp_path)
    writer.append(tape)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
    try:
        with pytest.raises(DiskFullError, match="full"):
            writer.roll()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert rows_of(writer.read()) == rows_of(tape)
    assert list(tmp_path.rglob("*.tmp")) == []
    assert writer.roll() == 20_000
    assert rows_of(writer.read()) == rows_of(tape)
    writer.close()


def test_a_disk_full_during_an_append_stops_until_it_is_opened_again(tmp_path: Path) -> None:
    writer = StoreWriter(tmp_path)
    writer.append(made_tape(100))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8_192, hard))
    try:
        with pytest.raises(DiskFullError):
            writer.append(made_tape(100, first_id=101))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    with pytest.raises(DiskFullError):
        writer.append(made_tape(1, first_id=900))
    assert len(writer.read()) == 100
    writer.close()
    with StoreWriter(tmp_path) as again:
        assert again.recovered == 0
        again.append(made_tape(100, first_id=101))
        assert len(again.read()) == 200


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("no file system can be mounted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_disk_that_is_really_full_loses_nothing_acknowledged(small_disk: Path) -> None:
    tape = made_tape(40_000)
    writer = StoreWriter(small_disk)
    acknowledged = 0

    def filling() -> None:
        nonlocal acknowledged
        for part in pieces(tape, 500):
            writer.append(part)
            acknowledged += len(part)

    with pytest.raises(DiskFullError, match="full"):
        filling()
    assert acknowledged * 68 > 1_500_000
    assert rows_of(writer.read()) == rows_of(tape.take(slice(0, acknowledged)))
    # with the log filling the disk there is no room to turn it into parts either
    with pytest.raises(StoreError):
        writer.roll()
    writer.close()
    with pytest.raises(DiskFullError):
        StoreWriter(small_disk)
    subprocess.run(["mount", "-o", "remount,size=16m", str(small_disk)], check=True)
    with StoreWriter(small_disk) as again:
        assert rows_of(again.read()) == rows_of(tape.take(slice(0, acknowledged)))
        again.append(tape)
        again.roll()
        assert rows_of(again.read()) == rows_of(tape)


def faults_of_readers(
    folder: Path, tape: Tape, count: int, opened: Callable[[StoreWriter], Opened]
) -> list[BaseException]:
    """What threads run into that read all the time while a tape is written and rolled."""
    faults: list[BaseException] = []
    appended = [0]
    stop = threading.Event()

    def reading(writer: StoreWriter) -> None:
        try:
            with opened(writer) as reader:
                while not stop.is_set():
                    atleast = appended[0]
                    found = reader.read()
                    assert len(np.unique(found.event_id)) == len(found) >= atleast
        except BaseException as fault:
            faults.append(fault)

    with StoreWriter(folder) as writer:
        threads = [threading.Thread(target=reading, args=(writer,)) for _ in range(count)]
        for thread in threads:
            thread.start()
        for k, part in enumerate(pieces(tape, 50)):
            writer.append(part)
            appended[0] += 50
            if k % 7 == 6:
                writer.roll()
        stop.set()
        for thread in threads:
            thread.join()
    return faults


def test_threads_read_while_one_writes_and_rolls(tmp_path: Path) -> None:
    tape = made_tape(4_000, span=2 * DAY)
    assert faults_of_readers(tmp_path, tape, 3, lambda _: Store(tmp_path)) == []


def test_threads_share_one_store(tmp_path: Path) -> None:
    tape = made_tape(3_000, span=2 * DAY)
    assert faults_of_readers(tmp_path, tape, 4, nullcontext) == []


def test_a_tape_longer_than_a_segment_is_stored_in_several(tmp_path: Path) -> None:
    tape = made_tape(160_000)
    with StoreWriter(tmp_path, RollPolicy(size=50_000 * 68)) as writer:
        writer.append(tape)
        assert len(segments(tmp_path / "log")) >= 3
        assert len(writer.read()) == 160_000
        assert writer.roll() == 160_000


def test_an_older_store_is_taken_to_the_present_schema(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with StoreWriter(tmp_path) as writer:
        writer.append(made_tape(50))
    path = tmp_path / "store.json"

    def step(folder: Path, contents: dict[str, object]) -> dict[str, object]:
        assert folder == tmp_path
        return {**contents, "dropped": [*contents["dropped"], "gone"]}  # type: ignore[misc]

    assert migrate(tmp_path, {1: step, 2: step}, target=3) == [2, 3]
    contents = json.loads(path.read_text())
    assert (contents["schema"], contents["dropped"]) == (3, ["gone", "gone"])
    with pytest.raises(StoreError, match=r"schema 3, this Seawall reads 1\. Upgrade"):
        Store(tmp_path)
    with pytest.raises(StoreError, match="later than 1"):
        migrate(tmp_path)
    path.write_text(json.dumps({**contents, "schema": 0}))
    with pytest.raises(StoreError, match=r"schema 0.*Open it for writing"):
        Store(tmp_path)
    with pytest.raises(StoreError, match="nothing leads"):
        StoreWriter(tmp_path)
    monkeypatch.setattr(manifests, "MIGRATIONS", {0: step})
    assert migrate(tmp_path, {0: step}) == [1]
    with Store(tmp_path) as reader:
        assert len(reader.read()) == 50


def test_the_lock_is_let_go_when_opening_fails(tmp_path: Path) -> None:
    (tmp_path / "store.json").write_text("{}")
    for _ in range(2):
        with pytest.raises(StoreError, match="list of a store's files"):
            StoreWriter(tmp_path)
    os.remove(tmp_path / "store.json")
    StoreWriter(tmp_path).close()
