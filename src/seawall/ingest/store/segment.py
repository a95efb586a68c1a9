"""Segments of a log: what they look like, reading them, recovering what a crash left.

A log is a folder of segments, files that are only ever appended to, one after the other. A
segment is a header and frames; a frame is whole or it is not there. Whoever ends a segment puts a
mark behind its last frame, with their number: what is then missing or changed is damage. A segment
without the mark is being written, or its writer died: it may end amid a frame, which nobody was
told is stored, and with nothing else. The head of a frame has a checksum of its own, so that a
frame cut short is told from one whose length was damaged.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

from seawall.ingest.store.disk import refused, sync, sync_folder

MAGIC = b"SWLG"
_HEADER = struct.Struct("<4sI")
_FRAME = struct.Struct("<4sIIII")
_HEAD = struct.Struct("<4sII")
_BEGIN, _END = b"\xa7SWF", b"\xa7SWE"
_EITHER = _BEGIN[:3]
_MARKED = 1 << 31
"""In a header's version: the segment gets a mark at its end."""
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
        Ranges of bytes that are neither frames nor the beginning of one: never from a crash of
        the writer alone, which only leaves a half-written tail.
    tail
        Bytes after ``end``: being written right now, or half-written when the writer died.
    ended
        Whether nothing is missing behind ``end``, as the mark there says; true for segments of
        before there were marks, and only known where reading began at 0.
    """

    version: int
    payloads: list[bytes]
    end: int
    damaged: tuple[tuple[int, int], ...]
    tail: int
    ended: bool

    @property
    def lost(self) -> int:
        """Bytes that are damaged."""
        return sum(stop - start for start, stop in self.damaged)


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
        begin = max(start, _HEADER.size)
        file.seek(begin)
        raw = file.read()
    version, marked, damaged = _headed(head)
    payloads: list[bytes] = []
    at = 0
    ended = not marked
    while at < len(raw):
        stop = _frame_end(raw, at)
        if stop and raw.startswith(_END, at):
            if not start and _FRAME.unpack_from(raw, at)[2] != len(payloads) and not damaged:
                damaged.append((begin + at, begin + stop))
            at, ended = stop, True
            break  # what follows is not of this writer's
        if stop:
            payloads.append(raw[at + _FRAME.size : stop])
            at = stop
            continue
        after = _following(raw, at)
        if after < 0:
            break
        damaged.append((begin + at, begin + after))
        at = after
    tail = len(raw) - at
    if tail and ((marked and ended) or not _cut_short(raw, at)):
        damaged.append((begin + at, begin + len(raw)))
        tail = 0
    return Segment(version, payloads, begin + at, tuple(damaged), tail, ended)


def recover(path: Path, last: bool = True) -> int:
    """Cut the half-written tail that a crash left behind a segment's last whole frame.

    A segment without any frame is removed. What is damaged stays as it is, since cutting there
    would lose events that were acknowledged.

    Parameters
    ----------
    last
        Whether it is the last segment of its log: any other was ended, and is not touched.

    Returns
    -------
    int
        Bytes cut.
    """
    found = read_segment(path)
    size = path.stat().st_size
    if found.damaged or not (last or size <= _HEADER.size):
        return 0
    try:
        if not found.payloads:
            path.unlink()
            sync_folder(path.parent)
        elif found.tail or not found.ended:
            with path.open("r+b") as file:
                file.truncate(found.end)
                if not found.ended:
                    file.seek(found.end)
                    file.write(end_mark(len(found.payloads)))
                    file.flush()
                sync(file.fileno())
    except OSError as error:
        raise refused(error, "a half-written tail cannot be cut", path) from error
    return size if size < _HEADER.size else found.tail


def recover_all(folder: Path) -> int:
    """Recover each segment of a log; the bytes cut."""
    known = segments(folder)
    return sum(recover(path, number == max(known)) for number, path in known.items())


def _headed(head: bytes) -> tuple[int, bool, list[tuple[int, int]]]:
    """Version, whether the end is marked, and the damage of a segment's header."""
    if len(head) < _HEADER.size:
        return 0, True, []
    begin, version = _HEADER.unpack(head)
    if begin != MAGIC:
        return 0, False, [(0, _HEADER.size)]
    return version & ~_MARKED, bool(version & _MARKED), []


def _cut_short(raw: bytes, at: int) -> bool:
    """Whether what stands there is a frame whose end was never written, or room for none yet."""
    rest = raw[at : at + _FRAME.size]
    if len(rest) < _FRAME.size:
        return rest[:4] in (_BEGIN[: len(rest)], _END[: len(rest)]) or not any(rest)
    begin, length, number, head, _ = _FRAME.unpack(rest)
    if begin in (_BEGIN, _END) and head == _head_checksum(begin, length, number):
        return bool(at + _FRAME.size + length > len(raw))
    return not raw[at:].strip(b"\0")


def _frame_end(raw: bytes, at: int) -> int:
    """End of the frame that begins there, or 0 if there is no whole one."""
    if at + _FRAME.size > len(raw):
        return 0
    begin, length, _, _, checksum = _FRAME.unpack_from(raw, at)
    stop = at + _FRAME.size + length
    if begin not in (_BEGIN, _END) or length > _LONGEST or stop > len(raw):
        return 0
    view = memoryview(raw)
    said = _checksum(view[at + _HEAD.size - 4 : at + _HEAD.size + 4], view[at + _FRAME.size : stop])
    return stop if said == checksum else 0


def _following(raw: bytes, at: int) -> int:
    """Beginning of the next whole frame, or mark of the end, after a place, or -1."""
    at = raw.find(_EITHER, at + 1)
    while at >= 0 and not _frame_end(raw, at):
        at = raw.find(_EITHER, at + 1)
    return at


def _checksum(numbers: bytes | memoryview, payload: bytes | memoryview) -> int:
    """Of a frame's number, the checksum of its head, and its payload."""
    return zlib.crc32(payload, zlib.crc32(numbers))


def _head_checksum(begin: bytes, length: int, number: int) -> int:
    return zlib.crc32(_HEAD.pack(begin, length, number))


def framed(number: int, payload: bytes) -> bytes:
    """What stands before a payload in the frame of a number."""
    return _headed_by(_BEGIN, number, payload)


def end_mark(frames: int) -> bytes:
    """What ends a segment of so many frames."""
    return _headed_by(_END, frames, b"")


def header(version: int) -> bytes:
    """What a segment begins with; its end is to be marked."""
    return _HEADER.pack(MAGIC, version | _MARKED)


def segment_path(folder: Path, number: int) -> Path:
    """Where a segment of a log is."""
    return folder / f"{number:010d}{_SUFFIX}"


def _headed_by(begin: bytes, number: int, payload: bytes) -> bytes:
    head = _head_checksum(begin, len(payload), number)
    checksum = _checksum(struct.pack("<II", number, head), payload)
    return _FRAME.pack(begin, len(payload), number, head, checksum)
