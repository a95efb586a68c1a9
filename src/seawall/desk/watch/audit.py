"""An append-only log of what was done with a key: JSON lines, each chained to the one before.

Every line bears the SHA-256 of the line before it, so that a line that is changed or taken out
breaks the chain; :func:`broken_at` finds where. A last line that a crash cut off is taken out at
the next start, and a line says so: an order that it announced was not sent yet, and of one that it
noted the line before still says that it may stand. No secret is ever written.
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
_FIRST = b'{"time": "'
"""What every line begins with."""


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
        whole, torn = _whole(path)
        if torn and not _broken([*whole, torn]):
            os.write(self._file, b"\n")  # only its end was cut off
            whole, torn = [*whole, torn], b""
        wrong = _broken(whole) or (0 if _begun(torn) else len(whole) + 1)
        if wrong:
            self.close()
            raise _refused(path, f"line {wrong} does not follow from the one before")
        self._last = _digest(whole[-1]) if whole else START
        self.before: tuple[dict[str, Any], ...] = tuple(json.loads(line) for line in whole)
        if torn:
            os.truncate(self._file, sum(len(line) + 1 for line in whole))
            self.append(event="torn", text=torn.rstrip(b"\0").decode(errors="replace"))

    def append(self, **said: Any) -> None:
        """Write one line: when, what is said, and the digest of the line before.

        Raises
        ------
        OSError
            If the disk does not take the whole line; nothing of it stays then.
        """
        entry = {"time": format_time(time.time_ns()), **said, "previous": self._last}
        line = json.dumps(entry, ensure_ascii=False).encode()
        size = os.fstat(self._file).st_size
        try:
            left = line + b"\n"
            while left:
                left = left[os.write(self._file, left) :]
            os.fsync(self._file)
        except OSError:
            # the next line would be written onto the end of this one
            os.truncate(self._file, size)
            raise
        self._last = _digest(line)

    def close(self) -> None:
        """Close the file, and let another write to it."""
        file, self._file = self._file, -1
        if file >= 0:
            os.close(file)


def broken_at(path: Path) -> int:
    """Number of the first line that does not follow from the one before; 0 if all do.

    A last line that was cut off is none yet.
    """
    return _broken(_whole(path)[0])


def _whole(path: Path) -> tuple[list[bytes], bytes]:
    """The lines that have their end, and what stands behind them."""
    *lines, torn = path.read_bytes().split(b"\n")
    return lines, torn


def _begun(torn: bytes) -> bool:
    """Whether it may be the beginning of a line of a log; what no crash left is not taken out.

    A file system may have grown a file before its text was there: zeros stand in its place.
    """
    text = torn.rstrip(b"\0")
    return text.startswith(_FIRST) or _FIRST.startswith(text)


def _broken(lines: list[bytes]) -> int:
    before = START
    for number, line in enumerate(lines, 1):
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
