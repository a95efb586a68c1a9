"""The writing end of a log: appends that are acknowledged once they are on the disk."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from seawall.ingest.store.disk import (
    BINARY,
    StoreError,
    make_folder,
    refused,
    sync,
    sync_folder,
    write_all,
)
from seawall.ingest.store.segment import end_mark, framed, header, segment_path


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
        self._descriptor: int | None = None
        self.syncs = 0
        make_folder(folder)
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
                self._waiting += (framed(self._frames, payload), payload)
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
        """End the present segment and begin the next; the number of the one ended.

        Raises
        ------
        DiskFullError
            If there is no room for the next; what was appended stays, and nothing more is taken.
        StoreError
            If the disk refuses otherwise, or has refused before.
        """
        with self._turn:
            self._settle()
            self._check()
            sealed = self._number
            self._end_here()
            self._let_go()
            self._begin(sealed + 1)
            return sealed

    def close(self) -> None:
        """End writing; appends that wait are carried out first."""
        with self._turn:
            try:
                self._settle()
                if self._open and self._refusal is None:
                    # without the mark the segment is looked through when it is opened again
                    with suppress(StoreError):
                        self._end_here()
            finally:
                self._open = False
                self._let_go()

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
        path, begin = segment_path(self._folder, number), header(self._version)
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | BINARY
            self._descriptor = os.open(path, flags, 0o644)
            write_all(self._descriptor, begin)
            sync(self._descriptor)
            sync_folder(self._folder)
        except BaseException as error:
            self._refusal = _refusal(error, "a segment of the log cannot be begun", path)
            self._let_go()
            if isinstance(error, Exception):
                raise self._refusal from error
            raise
        self._path, self._number = path, number
        self._end, self._frames = len(begin), 0

    def _end_here(self) -> None:
        """Mark the end of the present segment, if it has a frame."""
        if not self._frames or self._descriptor is None:
            return
        try:
            write_all(self._descriptor, end_mark(self._frames))
            sync(self._descriptor)
        except BaseException as error:
            refusal = _refusal(error, "a segment of the log cannot be ended", self._path)
            if not self._cut():
                self._refusal = refusal
            if isinstance(error, Exception):
                raise refusal from error
            raise

    def _let_go(self) -> None:
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def _commit(self) -> None:
        """Write and sync all that waits, while others may queue behind it.

        Whatever goes wrong, not only what the disk says, is a refusal to all who wait.
        """
        waiting, self._waiting, upto = self._waiting, [], self._asked
        self._writing = True
        self._turn.release()
        stored, refusal = 0, None
        try:
            assert self._descriptor is not None
            contents = b"".join(waiting)
            write_all(self._descriptor, contents)
            sync(self._descriptor)
            stored = len(contents)
        except BaseException as error:
            refusal = _refusal(error, "events cannot be stored", self._path)
            self._cut()
            if not isinstance(error, Exception):
                raise
        finally:
            self._turn.acquire()
            self._writing = False
            self.syncs += 1
            if stored:
                self._done = upto
                self._end += stored
            else:
                self._refusal = refusal or StoreError(f"{self._path}: events were not stored")
            self._turn.notify_all()

    def _cut(self) -> bool:
        """Take back what was half-written; where even this is refused recovery does it."""
        if self._descriptor is None:
            return False
        try:
            os.ftruncate(self._descriptor, self._end)
            # the next is written where the file ends now, and not behind a hole
            os.lseek(self._descriptor, self._end, os.SEEK_SET)
            sync(self._descriptor)
        except OSError:
            return False
        return True


def _refusal(error: BaseException, what: str, path: Path) -> StoreError:
    if isinstance(error, OSError):
        return refused(error, what, path)
    return StoreError(f"{path}: {what}: {type(error).__name__}: {error}".removesuffix(": "))
