"""Append log: frames with length, number and checksum, acknowledged once they are on the disk.

A log is a folder of segments, files that are only ever appended to, one after the other. A
segment is a header and frames; a frame is whole or it is not there.
"""

from __future__ import annotations

import os
import struct
import threading
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from seawall.ingest.store.disk import BINARY, StoreError, refused, sync, sync_folder, write_all

MAGIC = b"SWLG"
_HEADER = struct.Struct("<4sI")
_FRAME = struct.Struct("<4sIQI")
_BEGIN = b"\xa7SWF"
_LONGEST = 64 * 1024 * 1024
_SUFFIX = ".log"


@dataclass(frozen=True, slots=True)
class Segment:
    """What one segment holds, as far as it can be read.

    Attributes
    ----------
    version
        Version of the payloads; 0 where the header cannot be read.
    payloads
        Payloads of all whole frames from where reading began, in order.
    end
        Bytes up to the end of the last whole frame.
    damaged
        Ranges of bytes that are no frames although whole frames follow: never from a crash of
        the writer alone, which only leaves a half-written tail.
    tail
        Bytes after ``end``: being written right now, or half-written when the writer died.
    """

    version: int
    payloads: list[bytes]
    end: int
    damaged: tuple[tuple[int, int], ...]
    tail: int


def segments(folder: Path) -> dict[int, Path]:
    """Segments of a log by their number, in order."""
    found = {int(p.stem): p for p in folder.glob("*" + _SUFFIX) if p.stem.isdigit()}
    return dict(sorted(found.items()))


def read_segment(path: Path, start: int = 0) -> Segment:
    """Frames of a segment from a byte on, which is 0 or the ``end`` of an earlier reading.

    A writer may be appending meanwhile: the frames that are whole are returned.
    """
    with path.open("rb") as file:
        head = file.read(_HEADER.size)
        version = 0
        if len(head) == _HEADER.size and head.startswith(MAGIC):
            version = _HEADER.unpack(head)[1]
        start = max(start, _HEADER.size)
        file.seek(start)
        raw = file.read()
    payloads: list[bytes] = []
    damaged: list[tuple[int, int]] = []
    at = 0
    while at < len(raw):
        stop = _frame_end(raw, at)
        if stop:
            payloads.append(raw[at + _FRAME.size : stop])
            at = stop
            continue
        after = _following(raw, at)
        if after < 0:
            break
        damaged.append((start + at, start + after))
        at = after
    return Segment(version, payloads, start + at, tuple(damaged), len(raw) - at)


def recover(path: Path) -> int:
    """Cut the half-written tail that a crash left behind a segment's last whole frame.

    A segment without any frame is removed. Bytes that are damaged amid whole frames stay as they
    are, since cutting there would lose events that were acknowledged.

    Returns
    -------
    int
        Bytes cut.
    """
    found = read_segment(path)
    size = path.stat().st_size
    if not found.version and not found.payloads and size > _HEADER.size:
        return 0
    try:
        if not found.payloads:
            path.unlink()
            sync_folder(path.parent)
        elif found.tail:
            with path.open("r+b") as file:
                file.truncate(found.end)
                sync(file.fileno())
    except OSError as error:
        raise refused(error, "a half-written tail cannot be cut", path) from error
    return size if size < _HEADER.size else found.tail


def _frame_end(raw: bytes, at: int) -> int:
    """End of the frame that begins there, or 0 if there is no whole one."""
    if at + _FRAME.size > len(raw):
        return 0
    begin, length, number, checksum = _FRAME.unpack_from(raw, at)
    stop = at + _FRAME.size + length
    if begin != _BEGIN or length > _LONGEST or stop > len(raw):
        return 0
    payload = memoryview(raw)[at + _FRAME.size : stop]
    return stop if _checksum(number, payload) == checksum else 0


def _following(raw: bytes, at: int) -> int:
    """Beginning of the next whole frame after a place, or -1."""
    at = raw.find(_BEGIN, at + 1)
    while at >= 0 and not _frame_end(raw, at):
        at = raw.find(_BEGIN, at + 1)
    return at


def _checksum(number: int, payload: bytes | memoryview) -> int:
    return zlib.crc32(payload, zlib.crc32(number.to_bytes(8, "little")))


class Log:
    """The writing end of a log; safe to share by threads, whose appends then share one sync.

    Whoever opens it must hold the folder's lock. After a refused write nothing is accepted any
    more, since what the disk holds is then known only after reading it again.

    Parameters
    ----------
    folder
        Where the segments are; made if it is not there.
    first
        Number of the segment to begin.
    version
        Version of the payloads, said in each segment.
    """

    def __init__(self, folder: Path, first: int, version: int):
        self._folder = folder
        self._version = version
        self._turn = threading.Condition(threading.Lock())
        self._waiting: list[bytes] = []
        self._asked = self._done = 0
        self._writing = False
        self._refusal: StoreError | None = None
        self._open = True
        self.syncs = 0
        folder.mkdir(parents=True, exist_ok=True)
        self._begin(first)

    @property
    def number(self) -> int:
        """Number of the segment that is written to."""
        return self._number

    @property
    def size(self) -> int:
        """Bytes of that segment which are safely on the disk."""
        return self._end

    @property
    def frames(self) -> int:
        """Frames of that segment, those not yet written included."""
        return self._frames

    def append(self, payloads: Sequence[bytes]) -> None:
        """Return once all payloads are on the disk, each as a frame.

        Raises
        ------
        DiskFullError
            If the disk is full. None of these payloads may be taken as stored.
        StoreError
            If the disk refuses otherwise, or has refused before.
        """
        if not payloads:
            return
        with self._turn:
            self._check()
            for payload in payloads:
                checksum = _checksum(self._frames, payload)
                frame = _FRAME.pack(_BEGIN, len(payload), self._frames, checksum)
                self._waiting += (frame, payload)
                self._frames += 1
            self._asked += 1
            ticket = self._asked
            while self._done < ticket:
                if self._refusal is not None:
                    raise self._refusal
                if self._writing:
                    self._turn.wait()
                else:
                    self._commit()

    def seal(self) -> int:
        """End the present segment and begin the next; the number of the one ended."""
        with self._turn:
            self._settle()
            self._check()
            sealed = self._number
            os.close(self._descriptor)
            self._begin(sealed + 1)
            return sealed

    def close(self) -> None:
        """End writing; appends that wait are carried out first."""
        with self._turn:
            self._settle()
            if self._open:
                self._open = False
                os.close(self._descriptor)

    def _settle(self) -> None:
        while self._writing or (self._waiting and self._refusal is None):
            if self._writing:
                self._turn.wait()
            else:
                self._commit()

    def _check(self) -> None:
        if self._refusal is not None:
            raise self._refusal
        if not self._open:
            raise StoreError(f"{self._folder}: the log is closed")

    def _begin(self, number: int) -> None:
        path = self._folder / f"{number:010d}{_SUFFIX}"
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | BINARY
            self._descriptor = os.open(path, flags, 0o644)
            write_all(self._descriptor, _HEADER.pack(MAGIC, self._version))
            sync(self._descriptor)
            sync_folder(self._folder)
        except OSError as error:
            self._refusal = refused(error, "a segment of the log cannot be begun", path)
            raise self._refusal from error
        self._path, self._number = path, number
        self._end, self._frames = _HEADER.size, 0

    def _commit(self) -> None:
        """Write and sync all that waits, while others may queue behind it."""
        contents, upto = b"".join(self._waiting), self._asked
        self._waiting = []
        self._writing = True
        self._turn.release()
        refusal = None
        try:
            write_all(self._descriptor, contents)
            sync(self._descriptor)
        except OSError as error:
            refusal = refused(error, "events cannot be stored", self._path)
            self._cut()
        finally:
            self._turn.acquire()
            self._writing = False
            self.syncs += 1
            if refusal is None:
                self._done = upto
                self._end += len(contents)
            else:
                self._refusal = refusal
            self._turn.notify_all()

    def _cut(self) -> None:
        """Take back what was half-written; recovery does it where even this is refused."""
        try:
            os.ftruncate(self._descriptor, self._end)
            sync(self._descriptor)
        except OSError:
            return
