"""A store whose disk fills up, that is killed, read while it is written, or of an older schema."""

from __future__ import annotations

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

from made_tapes import DAY, made_tape, rows_of
from seawall.core.tape import Tape
from seawall.ingest.store import manifest as manifests
from seawall.ingest.store.disk import DiskFullError, StoreError
from seawall.ingest.store.manifest import migrate
from seawall.ingest.store.segment import segments
from seawall.ingest.store.store import Store
from seawall.ingest.store.writer import RollPolicy, StoreWriter

Opened = AbstractContextManager[Store]


def pieces(tape: Tape, size: int) -> list[Tape]:
    return [tape.take(slice(k, k + size)) for k in range(0, len(tape), size)]


KILLED = Path(__file__).with_name("killed_writer.py")


def test_no_kill_loses_or_doubles_an_acknowledged_event(tmp_path: Path) -> None:
    """Twelve writers killed at random instants; each continues where acknowledgement ended."""
    rng = random.Random(5)
    acknowledged, kills = 0, 0
    while kills < 12:
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
