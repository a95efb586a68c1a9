"""Damage: found before it is read, merged or cut away, named, kept; and disks that refuse."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from made_tapes import DAY, START, made_tape, rows_of
from seawall.core.tape import Tape
from seawall.ingest.store import checked
from seawall.ingest.store.checked import DamagedPartError
from seawall.ingest.store.disk import DiskFullError
from seawall.ingest.store.parts import measured
from seawall.ingest.store.segment import read_segment, segments
from seawall.ingest.store.store import Store
from seawall.ingest.store.upkeep import compact, export, set_aside
from seawall.ingest.store.verify import Verified, verify
from seawall.ingest.store.writer import RollPolicy, StoreWriter


def pieces(tape: Tape, size: int) -> list[Tape]:
    return [tape.take(slice(k, k + size)) for k in range(0, len(tape), size)]


def filled(folder: Path, rolls: int, tape: Tape) -> None:
    with StoreWriter(folder) as writer:
        for part in pieces(tape, -(-len(tape) // rolls)):
            writer.append(part)
            writer.roll()


def faults(found: Verified) -> list[tuple[str, str, int]]:
    return [(f.what, f.where, f.count) for f in found.findings if f.fault]


@pytest.mark.parametrize("merged", [True, False])
def test_a_list_made_again_amid_a_merge_holds_each_event_once(tmp_path: Path, merged: bool) -> None:
    tape = made_tape(300)
    for part in pieces(tape, 100):
        with StoreWriter(tmp_path) as writer:
            writer.append(part)
    before = {p: p.read_bytes() for p in tmp_path.rglob("*.parquet")}
    if merged:
        with StoreWriter(tmp_path) as writer:
            assert compact(writer).parts_after < len(before)
        for path, raw in before.items():
            path.write_bytes(raw)
    (tmp_path / "store.json").unlink()
    with StoreWriter(tmp_path) as writer:
        assert rows_of(writer.read()) == rows_of(tape)
        assert verify(writer).sound
        assert sum(p.rows for p in writer.manifest().parts) == 300


@pytest.mark.parametrize("inodes", range(9, 14))
def test_a_disk_without_room_for_another_file_loses_nothing(tmp_path: Path, inodes: int) -> None:
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size=8m,nr_inodes={inodes}", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("no file system can be mounted here")
    acknowledged = 0
    try:
        writer = StoreWriter(folder / "store", RollPolicy(size=4_000))

        def filling() -> None:
            nonlocal acknowledged
            for k in range(40):
                writer.append(made_tape(100, seed=k, first_id=1 + 100 * k))
                acknowledged += 100

        with pytest.raises(DiskFullError, match="full"):
            filling()
        with pytest.raises(DiskFullError):
            writer.append(made_tape(1, first_id=9_000))
        writer.close()
        subprocess.run(["mount", "-o", "remount,nr_inodes=1000", str(folder)], check=True)
        with StoreWriter(folder / "store") as again:
            # of the call that was refused all or nothing is there
            assert len(again.read()) in (acknowledged, acknowledged + 100)
            assert verify(again).sound
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_damaged_part_stops_no_rolling(tmp_path: Path) -> None:
    tape = made_tape(200)
    writer = StoreWriter(tmp_path)
    writer.append(tape.take(slice(0, 100)))
    writer.roll()
    for part in tmp_path.rglob("*.parquet"):
        part.write_bytes(b"nothing")
    writer.append(tape.take(slice(100, 200)))
    assert writer.roll() == 100
    with pytest.raises(DamagedPartError, match="a damaged file is not read"):
        writer.read()
    writer.close()
    for part in list(tmp_path.rglob("*.parquet")):
        if part.read_bytes() == b"nothing":
            part.unlink()
    (tmp_path / "store.json").unlink()
    with StoreWriter(tmp_path) as again:
        assert rows_of(again.read()) == rows_of(tape.take(slice(100, 200)))


@pytest.mark.parametrize("rolls", [False, True])
@pytest.mark.parametrize("frames", [1, 3])
def test_a_damaged_last_frame_is_kept_and_named(tmp_path: Path, frames: int, rolls: bool) -> None:
    writer = StoreWriter(tmp_path)
    for k in range(frames):
        writer.append(made_tape(10, seed=k, first_id=100 * k + 1))
    writer.close()
    (path,) = segments(tmp_path / "log").values()
    raw = bytearray(path.read_bytes())
    raw[-40] ^= 1
    path.write_bytes(raw)
    with StoreWriter(tmp_path) as again:
        assert again.recovered == 0
        if not rolls:
            assert path.read_bytes() == raw
            assert not verify(again).sound
    assert path.with_suffix(".damaged").read_bytes() == raw
    with Store(tmp_path) as reader:
        found = verify(reader)
        assert len(reader.read()) == 10 * (frames - 1)
    assert not found.sound
    assert [f.where for f in found.findings if f.fault] == [f"log/{path.stem}.damaged"]


def test_a_sealed_segment_that_lost_its_end_is_kept_and_named(tmp_path: Path) -> None:
    writer = StoreWriter(tmp_path, RollPolicy(size=2_000))
    for k in range(6):
        writer.append(made_tape(10, seed=k, first_id=100 * k + 1))
    writer.close()
    first, *_ = segments(tmp_path / "log").values()
    found = read_segment(first)
    assert len(found.payloads) > 1
    # a whole frame goes, and the mark behind it: nothing that is left tells
    gone = 20 + 20 + len(found.payloads[-1])
    first.write_bytes(first.read_bytes()[:-gone])
    with Store(tmp_path) as reader:
        told = [(f.where, f.what) for f in verify(reader).findings if f.fault]
    assert [where for where, _ in told] == [f"log/{first.name}"]
    assert "end is missing" in told[0][1]
    with StoreWriter(tmp_path) as again:
        again.roll()
        assert first.with_suffix(".damaged").exists()
        assert not verify(again).sound


def test_no_room_for_the_next_segment_stops_with_an_error_and_lets_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = StoreWriter(tmp_path, RollPolicy(size=1_500))
    real = os.open

    def full(path: object, flags: int, *rest: int) -> int:
        if str(path).endswith(".log") and flags & os.O_CREAT:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(path, flags, *rest)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", full)
        writer.append(made_tape(10, first_id=1))
        with pytest.raises(DiskFullError, match="segment of the log cannot be begun"):
            writer.append(made_tape(10, seed=1, first_id=101))
        with pytest.raises(DiskFullError):
            writer.append(made_tape(10, first_id=5_000))
        writer.close()
    with StoreWriter(tmp_path) as again:
        # what the refused call had written is there as well; it may be appended again
        assert len(again.read()) == 20


def test_folders_are_on_the_disk_before_anything_in_them_is_acknowledged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: set[int] = set()
    real = os.fsync

    def noted(descriptor: int) -> None:
        synced.add(os.fstat(descriptor).st_ino)
        real(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    folder = tmp_path / "deep" / "er" / "store"
    with StoreWriter(folder) as writer:
        writer.append(made_tape(5))
        made = [tmp_path, tmp_path / "deep", tmp_path / "deep" / "er", folder, folder / "log"]
        assert {p.stat().st_ino for p in made} <= synced
        synced.clear()
        writer.keep_heard([], {})
        assert {folder.stat().st_ino, (folder / "outages").stat().st_ino} <= synced
        synced.clear()
        writer.roll()
        days = list((folder / "events").iterdir())
        assert {p.stat().st_ino for p in (folder / "events", *days)} <= synced


def changed_part(folder: Path, rng: np.random.Generator) -> str:
    """Change one byte of one part, amid its values; its path below the store."""
    with Store(folder) as store:
        parts = store.manifest().parts
    path = parts[int(rng.integers(len(parts)))].path
    raw = bytearray((folder / path).read_bytes())
    raw[int(rng.integers(100, len(raw) - 2_000))] ^= 0x55
    (folder / path).write_bytes(raw)
    return path


@pytest.mark.parametrize("seed", range(6))
def test_merging_names_a_damaged_file_and_never_makes_it_look_sound(
    tmp_path: Path, seed: int
) -> None:
    filled(tmp_path, rolls=3, tape=made_tape(9_000))
    path = changed_part(tmp_path, np.random.default_rng(seed))
    raw = (tmp_path / path).read_bytes()
    with StoreWriter(tmp_path) as writer:
        rows = {p.path: p.rows for p in writer.manifest().parts}
        done = compact(writer)
        assert done.damaged == (path,)
        # the others were merged all the same
        assert done.parts_after < done.parts_before
        assert sum(p.rows for p in writer.manifest().parts) == sum(rows.values())
        assert done.events == sum(p.rows for p in writer.manifest().parts if p.path not in rows)
    assert (tmp_path / path).read_bytes() == raw
    with Store(tmp_path) as store:
        assert [where for _, where, _ in faults(verify(store))] == [path]


@pytest.mark.parametrize("seed", range(4))
def test_no_answer_is_made_from_a_damaged_file(tmp_path: Path, seed: int) -> None:
    tape = made_tape(9_000, span=2 * DAY)
    filled(tmp_path, rolls=2, tape=tape)
    path = changed_part(tmp_path, np.random.default_rng(seed))
    day = path.split("/")[1][4:]
    begin = int(np.datetime64(day, "ns").astype(np.int64))
    other = START + DAY if begin == START else START
    with Store(tmp_path) as store:
        with pytest.raises(DamagedPartError, match=path) as refused:
            store.read((begin, begin + DAY))
        assert refused.value.parts == (path,)
        with pytest.raises(DamagedPartError):
            export(store, tmp_path / "out.csv")
        assert not (tmp_path / "out.csv").exists()
        # what lies elsewhere is still told
        inside = (tape.time >= other) & (tape.time < other + DAY)
        assert rows_of(store.read((other, other + DAY))) == rows_of(tape.take(inside))


def test_what_is_set_aside_is_kept_named_and_in_no_answer(tmp_path: Path) -> None:
    tape = made_tape(9_000)
    filled(tmp_path, rolls=3, tape=tape)
    path = changed_part(tmp_path, np.random.default_rng(3))
    raw = (tmp_path / path).read_bytes()
    with StoreWriter(tmp_path) as writer:
        rows = next(p.rows for p in writer.manifest().parts if p.path == path)
        assert set_aside(writer) == (path,)
        assert set_aside(writer) == ()
        assert len(writer.read()) == 9_000 - rows
        compact(writer)
    with Store(tmp_path) as store:
        told = rows_of(store.read())
        assert set(told) < set(rows_of(tape))
        assert len(told) == 9_000 - rows
        assert [where for _, where, _ in faults(verify(store))] == [f"{path}.damaged"]
    assert (tmp_path / f"{path}.damaged").read_bytes() == raw


def test_a_file_is_read_through_once_for_each_of_its_states(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(tmp_path, rolls=1, tape=made_tape(100))
    read: list[Path] = []

    def counted(path: Path) -> tuple[int, int]:
        read.append(path)
        return measured(path)

    monkeypatch.setattr(checked, "measured", counted)
    with Store(tmp_path) as store:
        parts = [tmp_path / p.path for p in store.manifest().parts]
        for _ in range(3):
            store.read()
        assert sorted(read) == sorted(parts)
        parts[0].write_bytes(parts[0].read_bytes()[:-1] + b"x")
        with pytest.raises(DamagedPartError):
            store.read()
        assert len(read) == len(parts) + 1
