"""Files that survive: synced to the disk, replaced whole, locked by one writer."""

from __future__ import annotations

import errno
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import IO

from seawall.core import SeawallError

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_LOCK = "writer.lock"
BINARY = getattr(os, "O_BINARY", 0)
"""Keeps Windows from changing line ends in what is written."""


class StoreError(SeawallError):
    """The store could not be read or written; what had been acknowledged is still there."""


class DiskFullError(StoreError):
    """No room is left for another event; what had been acknowledged is still there."""


def refused(error: OSError, what: str, path: Path) -> StoreError:
    """A system's refusal in our words."""
    if error.errno in _FULL:
        return DiskFullError(
            f"{path}: {what}: the disk, or the room allowed, is full ({error.strerror}); events "
            "acknowledged before are safe. Make room, then start again"
        )
    return StoreError(f"{path}: {what}: {error.strerror or error}")


def no_folder(path: Path) -> StoreError:
    """What is said of a file in the place of a store."""
    return StoreError(
        f"{path}: is a file, not the folder of a store; `seawall tape import` takes files in"
    )


def refused_by_text(error: Exception, what: str, path: Path) -> StoreError:
    """A refusal that a library passes on as text only."""
    for number in _FULL:
        if os.strerror(number) in str(error):
            return refused(OSError(number, os.strerror(number)), what, path)
    return StoreError(f"{path}: {what}: {error}")


def sync(descriptor: int) -> None:
    """Return once the contents of an open file are on the disk itself.

    ``fdatasync`` where there is one: it also writes the length that the contents need. On macOS
    the drive's own cache is told to empty, which ``fsync`` does not do there.
    """
    if sys.platform == "darwin":
        import fcntl

        fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
    elif hasattr(os, "fdatasync"):
        os.fdatasync(descriptor)
    else:
        os.fsync(descriptor)


def sync_folder(folder: Path) -> None:
    """Return once the names in a folder are on the disk; nothing where folders cannot be synced."""
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(folder: Path) -> None:
    """Make a folder and all above it, their names on the disk once this returns.

    Raises
    ------
    StoreError
        If it cannot be made.
    """
    missing = []
    above = folder.absolute()
    while not above.is_dir() and above != above.parent:
        if above.is_file():
            raise no_folder(above)
        missing.append(above)
        above = above.parent
    try:
        for made in reversed(missing):
            made.mkdir(exist_ok=True)
            sync_folder(made.parent)
    except OSError as error:
        raise refused(error, "the folder cannot be made", folder) from error


def write_all(descriptor: int, contents: bytes) -> None:
    """Write everything, however many calls the system takes for it.

    Raises
    ------
    OSError
        If the system refuses; a part may have been written.
    """
    left = memoryview(contents)
    while left:
        left = left[os.write(descriptor, left) :]


def replace_whole(path: Path, contents: bytes) -> None:
    """Write a file such that a crash leaves the old one or this one, never a part.

    Raises
    ------
    StoreError
        If it cannot be written; the old file then stands.
    """
    beside = path.with_name(path.name + ".tmp")
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | BINARY, 0o644)
        try:
            write_all(descriptor, contents)
            sync(descriptor)
        finally:
            os.close(descriptor)
        beside.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise refused(error, "cannot be written", path) from error


class WriterLock:
    """Held by the one who may write to a store; the system lets it go when its holder dies.

    Raises
    ------
    StoreError
        If another holds it.
    """

    def __init__(self, folder: Path):
        self._path = folder / _LOCK
        self._file: IO[str] | None = None
        try:
            self._file = self._path.open("a+", encoding="ascii")
        except OSError as error:
            raise refused(error, "cannot be written", self._path) from error
        if not _taken(self._file):
            self._file.seek(0)
            holder = self._file.read().strip() or "unknown"
            self._file.close()
            self._file = None
            raise StoreError(
                f"{folder}: another process writes to this store (its number is {holder}); "
                "reading needs no lock"
            )
        try:
            self._file.truncate(0)
            self._file.write(f"{os.getpid()}\n")
            self._file.flush()
        except OSError:
            return  # no room to say whose it is: held all the same

    def release(self) -> None:
        """Let another write; the file stays, empty."""
        if self._file is not None:
            file, self._file = self._file, None
            with suppress(OSError):
                file.truncate(0)
            with suppress(OSError):
                file.close()


def _taken(file: IO[str]) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            # a byte far behind the text, which others must still be able to read
            file.seek(1 << 20)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
