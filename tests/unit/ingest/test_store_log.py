"""The append log: whole frames or none, through tears, damage, full disks and many threads."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seawall.ingest.store import log as logs
from seawall.ingest.store.disk import DiskFullError, StoreError, WriterLock, sync, write_all
from seawall.ingest.store.log import Log
from seawall.ingest.store.segment import read_segment, recover, segments


def written(folder: Path, payloads: list[bytes]) -> Path:
    log = Log(folder, 1, version=1)
    log.append(payloads)
    log.close()
    return segments(folder)[1]


MARK = 20
"""Bytes of the mark at the end of a segment."""


def unended(folder: Path, payloads: list[bytes]) -> Path:
    """A segment as a kill leaves it: nothing says that it was ended."""
    path = written(folder, payloads)
    path.write_bytes(path.read_bytes()[:-MARK])
    return path


PAYLOADS = [bytes([k]) * (k * 7 % 50) for k in range(40)]


def test_what_is_appended_is_read_in_order(tmp_path: Path) -> None:
    found = read_segment(written(tmp_path, PAYLOADS))
    assert found.payloads == PAYLOADS
    assert (found.version, found.damaged, found.tail, found.ended) == (1, (), 0, True)


def test_reading_goes_on_where_it_ended(tmp_path: Path) -> None:
    log = Log(tmp_path, 1, version=1)
    log.append(PAYLOADS[:3])
    first = read_segment(segments(tmp_path)[1])
    log.append(PAYLOADS[3:9])
    second = read_segment(segments(tmp_path)[1], first.end)
    assert first.payloads == PAYLOADS[:3]
    assert second.payloads == PAYLOADS[3:9]
    assert second.end == log.size
    log.close()


def test_every_tear_leaves_the_whole_frames_before_it(tmp_path: Path) -> None:
    path = unended(tmp_path, PAYLOADS)
    whole = path.read_bytes()
    ends, at = [], 8
    for payload in PAYLOADS:
        at += 20 + len(payload)
        ends.append(at)
    assert ends[-1] == len(whole)
    for cut in range(len(whole)):
        path.write_bytes(whole[:cut])
        expected = sum(end <= cut for end in ends)
        cut_bytes = recover(path)
        if not expected:
            assert not path.exists()
            assert cut_bytes == (cut if cut < 8 else cut - 8)
        else:
            found = read_segment(path)
            assert found.payloads == PAYLOADS[:expected]
            assert (found.tail, found.damaged, found.ended) == (0, (), True)
            assert cut_bytes == cut - (path.stat().st_size - MARK)
            assert recover(path) == 0


def test_zeros_and_noise_after_the_last_frame_are_a_tail(tmp_path: Path) -> None:
    path = unended(tmp_path, PAYLOADS)
    whole = path.read_bytes()
    for noise in (b"\0" * 4096, b"\xa7SWF", b"\xa7SWE", b"\xa7", b"\0" * 3):
        path.write_bytes(whole + noise)
        assert recover(path) == len(noise)
        assert path.read_bytes()[:-MARK] == whole


@pytest.mark.parametrize("make", [written, unended])
@pytest.mark.parametrize("noise", [b"\xa7SWF" * 30, bytes(range(256)), b"half"])
def test_what_no_writer_leaves_is_damage_and_stays(
    tmp_path: Path, make: Callable[[Path, list[bytes]], Path], noise: bytes
) -> None:
    path = make(tmp_path, PAYLOADS)
    raw = path.read_bytes() + noise
    path.write_bytes(raw)
    assert recover(path) == 0
    found = read_segment(path)
    assert (found.payloads, found.lost, found.tail) == (PAYLOADS, len(noise), 0)
    assert path.read_bytes() == raw


@pytest.mark.parametrize("make", [written, unended])
@pytest.mark.parametrize("count", [1, 3])
def test_a_damaged_last_frame_is_never_taken_for_a_torn_one(
    tmp_path: Path, make: Callable[[Path, list[bytes]], Path], count: int
) -> None:
    payloads = [bytes([65 + k]) * 50 for k in range(count)]
    path = make(tmp_path, payloads)
    whole = path.read_bytes()
    begin = 8 + (count - 1) * 70
    for at in range(begin, begin + 70):
        raw = bytearray(whole)
        raw[at] ^= 4
        path.write_bytes(raw)
        assert recover(path) == 0
        found = read_segment(path)
        assert found.payloads == payloads[:-1]
        assert found.lost == 70
        assert path.read_bytes() == raw


def test_an_end_that_is_missing_from_an_ended_segment_is_known(tmp_path: Path) -> None:
    path = written(tmp_path, PAYLOADS)
    whole = path.read_bytes()
    for cut in range(9, len(whole)):
        path.write_bytes(whole[:cut])
        assert recover(path, last=False) == 0
        assert not read_segment(path).ended
        assert path.read_bytes() == whole[:cut]
    # a frame taken out whole
    path.write_bytes(whole[:28] + whole[28 + 27 :])
    found = read_segment(path)
    assert found.payloads == [PAYLOADS[0], *PAYLOADS[2:]]
    assert found.lost == MARK


@given(at=st.integers(8, 900), bit=st.integers(0, 7))
def test_damage_amid_frames_is_named_and_costs_no_other_frame(
    tmp_path_factory: pytest.TempPathFactory, at: int, bit: int
) -> None:
    path = written(tmp_path_factory.mktemp("log"), PAYLOADS)
    raw = bytearray(path.read_bytes())
    raw[at] ^= 1 << bit
    path.write_bytes(raw)
    recover(path)
    found = read_segment(path)
    assert len(found.payloads) == len(PAYLOADS) - 1
    ((start, stop),) = found.damaged
    assert start <= at < stop
    assert path.stat().st_size == len(raw)


def test_a_header_that_is_lost_does_not_cost_the_frames(tmp_path: Path) -> None:
    path = written(tmp_path, PAYLOADS)
    raw = bytearray(path.read_bytes())
    raw[0] ^= 255
    path.write_bytes(raw)
    assert recover(path) == 0
    found = read_segment(path)
    assert (found.payloads, found.damaged) == (PAYLOADS, ((0, 8),))


def test_threads_share_syncs_and_each_finds_its_own(tmp_path: Path) -> None:
    log = Log(tmp_path, 1, version=1)

    def appending(who: int) -> None:
        for k in range(25):
            log.append([f"{who}:{k}".encode()])
            assert f"{who}:{k}".encode() in read_segment(segments(tmp_path)[1]).payloads

    threads = [threading.Thread(target=appending, args=(who,)) for who in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    log.close()
    found = [p.decode().split(":") for p in read_segment(segments(tmp_path)[1]).payloads]
    assert len(found) == 200
    assert log.syncs <= 200
    for who in range(8):
        assert [int(k) for w, k in found if int(w) == who] == list(range(25))


def test_on_a_slow_disk_many_appends_share_a_sync(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slowly(descriptor: int) -> None:
        time.sleep(0.01)
        sync(descriptor)

    log = Log(tmp_path, 1, version=1)
    monkeypatch.setattr(logs, "sync", slowly)
    threads = [
        threading.Thread(target=lambda: [log.append([b"x"]) for _ in range(10)]) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 10 <= log.syncs <= 40
    log.close()
    assert len(read_segment(segments(tmp_path)[1]).payloads) == 80


def test_a_sync_that_fails_acknowledges_nothing_and_ends_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = Log(tmp_path, 1, version=1)
    log.append([b"safe"])

    def failing(descriptor: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(logs, "sync", failing)
        with pytest.raises(StoreError, match="events cannot be stored: Input/output error"):
            log.append([b"lost"])
    # what a disk holds after a failed sync is known only after reading it again
    with pytest.raises(StoreError, match="Input/output error"):
        log.append([b"more"])
    with pytest.raises(StoreError, match="Input/output error"):
        log.seal()
    log.close()
    assert read_segment(segments(tmp_path)[1]).payloads == [b"safe"]


def test_whatever_goes_wrong_acknowledges_nothing_to_anybody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first write takes its time, the second, of all who waited for it, runs out of memory."""
    log = Log(tmp_path, 1, version=1)
    began, go_on, calls = threading.Event(), threading.Event(), []

    def write(descriptor: int, contents: bytes) -> None:
        calls.append(len(contents))
        if len(calls) == 1:
            began.set()
            assert go_on.wait(20)
        if len(calls) == 2:
            raise MemoryError
        write_all(descriptor, contents)

    monkeypatch.setattr(logs, "write_all", write)
    outcome: dict[int, str] = {}

    def append(k: int) -> None:
        try:
            log.append([bytes([k]) * 9])
            outcome[k] = "acknowledged"
        except StoreError as error:
            outcome[k] = str(error)

    threads = [threading.Thread(target=append, args=(k,)) for k in range(4)]
    threads[0].start()
    assert began.wait(20)
    for thread in threads[1:]:
        thread.start()
    while log.frames < 4:
        time.sleep(0.01)
    go_on.set()
    for thread in threads:
        thread.join()
    assert outcome[0] == "acknowledged"
    assert all("events cannot be stored: MemoryError" in outcome[k] for k in (1, 2, 3))
    log.close()
    assert read_segment(segments(tmp_path)[1]).payloads == [b"\0" * 9]


def test_an_interrupt_amid_a_write_leaves_the_log_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = Log(tmp_path, 1, version=1)
    log.append([b"safe"])

    def half(descriptor: int, contents: bytes) -> None:
        write_all(descriptor, contents[: len(contents) // 2])
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(logs, "write_all", half)
        with pytest.raises(KeyboardInterrupt):
            log.append([b"lost"])
    with pytest.raises(StoreError, match="KeyboardInterrupt"):
        log.append([b"more"])
    log.close()
    found = read_segment(segments(tmp_path)[1])
    assert (found.payloads, found.tail) == ([b"safe"], 0)


def test_no_room_for_the_next_segment_is_said_and_nothing_is_closed_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = Log(tmp_path, 1, version=1)
    log.append(PAYLOADS)
    real = os.open

    def full(path: object, flags: int, *rest: int) -> int:
        if flags & os.O_CREAT:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(path, flags, *rest)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", full)
        with pytest.raises(DiskFullError, match="cannot be begun"):
            log.seal()
    # the number of the descriptor that was closed is another file's now
    other = (tmp_path / "other").open("wb")
    for _ in range(2):
        with pytest.raises(DiskFullError):
            log.append([b"more"])
        with pytest.raises(DiskFullError):
            log.seal()
        log.close()
    other.write(b"still open")
    other.close()
    found = read_segment(segments(tmp_path)[1])
    assert (found.payloads, found.ended) == (PAYLOADS, True)


def test_sealing_begins_a_segment_and_loses_nothing(tmp_path: Path) -> None:
    log = Log(tmp_path, 7, version=1)
    log.append(PAYLOADS[:5])
    assert log.seal() == 7
    log.append(PAYLOADS[5:])
    log.close()
    assert list(segments(tmp_path)) == [7, 8]
    both = [p for path in segments(tmp_path).values() for p in read_segment(path).payloads]
    assert both == PAYLOADS
    with pytest.raises(StoreError, match="closed"):
        log.append([b"x"])


def test_only_one_may_write(tmp_path: Path) -> None:
    held = WriterLock(tmp_path)
    with pytest.raises(StoreError, match="another process writes"):
        WriterLock(tmp_path)
    held.release()
    WriterLock(tmp_path).release()


FULL = """
    import resource, signal, sys
    from pathlib import Path
    from seawall.ingest.store.disk import DiskFullError
    from seawall.ingest.store.log import Log
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
    log = Log(Path(sys.argv[1]), 1, version=1)
    done = 0
    for k in range(1000):
        try:
            log.append([k.to_bytes(4, "little") * 150, k.to_bytes(4, "little")])
        except DiskFullError:
            break
        done += 1
    try:
        log.append([b"more"])
    except DiskFullError as again:
        print(done, log.size, again)
    log.close()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no limit of file sizes there")
def test_a_full_disk_stops_with_an_error_and_corrupts_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(FULL), str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout
    count, size, said = done.split(maxsplit=2)
    assert "full" in said
    path = segments(tmp_path)[1]
    assert path.stat().st_size == int(size) <= 20_000
    found = read_segment(path)
    assert (found.damaged, found.tail) == ((), 0)
    assert int(count) == 20_000 // (20 + 600 + 20 + 4)
    assert found.payloads[1::2] == [k.to_bytes(4, "little") for k in range(int(count))]
