"""An append-only log of what was done with a key: JSON lines, each chained to the one before.

Every line bears the SHA-256 of the line before it, so that a line that is changed or taken out
breaks the chain; :func:`broken_at` finds where. No secret is ever written.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from seawall.core import InputError, Mistake, format_time

START = "0" * 64
"""What the first line is chained to."""


class Audit:
    """The log, open for appending; every line is on the disk before anything else happens.

    While it is open nobody else can open it: the lines of two would not follow from each other.

    Parameters
    ----------
    path
        The file; made if it is not there, for its owner only.

    Attributes
    ----------
    before
        What stood in it when it was opened.

    Raises
    ------
    InputError
        If it cannot be written, another process writes to it, or what stands in it is no log or
        was changed.
    """

    def __init__(self, path: Path):
        self.path = path
        try:
            flags = os.O_RDWR | os.O_APPEND | os.O_CREAT
            self._file = os.open(path, flags, 0o600)
        except OSError as error:
            raise _refused(path, f"cannot be written: {error.strerror}") from None
        if not _taken(self._file):
            self.close()
            raise _refused(path, "another watch writes to it")
        wrong = broken_at(path)
        if wrong:
            self.close()
            raise _refused(path, f"line {wrong} does not follow from the one before")
        lines = path.read_bytes().splitlines()
        self._last = _digest(lines[-1]) if lines else START
        self.before: tuple[dict[str, Any], ...] = tuple(json.loads(line) for line in lines)

    def append(self, **said: Any) -> None:
        """Write one line: when, what is said, and the digest of the line before."""
        entry = {"time": format_time(time.time_ns()), **said, "previous": self._last}
        line = json.dumps(entry, ensure_ascii=False).encode()
        os.write(self._file, line + b"\n")
        os.fsync(self._file)
        self._last = _digest(line)

    def close(self) -> None:
        """Close the file, and let another write to it."""
        file, self._file = self._file, -1
        if file >= 0:
            os.close(file)


def broken_at(path: Path) -> int:
    """Number of the first line that does not follow from the one before; 0 if all do."""
    before = START
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        try:
            found = json.loads(line)
        except ValueError:
            return number
        if not isinstance(found, dict) or found.get("previous") != before:
            return number
        before = _digest(line)
    return 0


def _taken(file: int) -> bool:
    """Whether this process alone writes to the file from now on."""
    if sys.platform == "win32":
        return True  # the signals that end a watch are not known there either
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True  # a file system without locks
    return True


def _digest(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest()


def _refused(path: Path, what: str) -> InputError:
    return InputError(Mistake(what, str(path), mend="Name another file with --audit"))
