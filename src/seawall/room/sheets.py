"""Files of candles that questions may name: those sent to the room, kept until it closes."""

from __future__ import annotations

import os
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from seawall.core import InputError, Mistake, format_time
from seawall.room.books import renamed
from seawall.room.clustered import candles_of
from seawall.room.packed import check_unpacked
from seawall.room.problems import RefusedError

EXAMPLE = "example"
KEPT = 4
ROWS = 20_000
PRICES = ("open", "high", "low", "close")
_BILLION = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Sent(os.PathLike[str]):
    """A file under the name that its sender gave it: that is what it prints as."""

    path: Path
    name: str

    def __fspath__(self) -> str:
        return str(self.path)

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of candles: whose, from when to when, how long each."""

    file: Sent
    key: str
    assets: tuple[str, ...]
    start: int
    end: int
    step: float

    def about(self) -> dict[str, Any]:
        """What a reader is told of it."""
        return {
            "candles": self.key,
            "name": self.file.name,
            "assets": list(self.assets),
            "from": format_time(self.start),
            "to": format_time(self.end),
            "step_seconds": self.step,
        }


class Sheets:
    """Files of candles by key, in a folder of the room's own; the oldest sent make room.

    Parameters
    ----------
    folder
        Where they are kept.
    unpacked
        Bytes that a packed one may hold.
    example
        Writes the one that is there from the start into a folder; None for none.
    """

    def __init__(self, folder: Path, unpacked: int, example: Callable[[Path], Path] | None = None):
        self._folder, self._unpacked, self._example = folder, unpacked, example
        self._entries: OrderedDict[str, Entry] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, name: str, path: Path) -> dict[str, Any]:
        """Read a file that was sent, and keep it.

        Raises
        ------
        InputError
            If it holds no candles; told by the sender's name of it.
        """
        check_unpacked(path, name, self._unpacked)
        own = self._folder / secrets.token_urlsafe(9)
        own.mkdir()
        kept = path.rename(own / name)
        try:
            entry = _read(Sent(kept, name), own.name)
        except BaseException:
            kept.unlink(missing_ok=True)
            raise
        with self._lock:
            self._entries[entry.key] = entry
            sent = [k for k in self._entries if k != EXAMPLE]
            for key in sent[:-KEPT]:
                self._remove(key)
        return entry.about()

    def file(self, key: str) -> Sent:
        """The file of a key; a refusal if there is none."""
        self._open_example()
        with self._lock:
            entry = self._entries.get(key)
        if entry is None:
            raise RefusedError(404, Mistake("no such candles", "candles", value=key,
                                       allowed="one of /api/v1/candles"))  # fmt: skip
        return entry.file

    def rows(self, key: str, asset: str) -> dict[str, Any]:
        """Candles of an asset in the file of a key, the last :data:`ROWS`, in order of time."""
        from seawall.desk.candle_files import checked, read_rows

        file = self.file(key)
        mistakes: list[Mistake] = []
        try:
            found = checked(asset, read_rows(file.path, (asset,))[asset], file.name, mistakes)
        except InputError as error:
            raise renamed(error, file.path, file.name) from None
        if mistakes:
            raise InputError(mistakes)
        with self._lock:
            step = self._entries[key].step if key in self._entries else 0.0
        columns = [found.time / _BILLION, *(found.values[p] for p in PRICES)]
        rows = np.stack(columns, axis=1)[-ROWS:].tolist()
        kind = "synthetic" if key == EXAMPLE else "measured"
        return candles_of(asset, kind, file.name, step, rows)

    def listed(self) -> list[dict[str, Any]]:
        """All files there are."""
        self._open_example()
        with self._lock:
            return [entry.about() for entry in self._entries.values()]

    def drop(self, key: str) -> None:
        """Forget a file that was sent."""
        with self._lock:
            if key == EXAMPLE or key not in self._entries:
                raise RefusedError(404, Mistake("no such candles that were sent", "candles",
                                           value=key))  # fmt: skip
            self._remove(key)

    def _remove(self, key: str) -> None:
        self._entries.pop(key).file.path.unlink(missing_ok=True)

    def _open_example(self) -> None:
        """Made when it is first asked for."""
        with self._lock:
            if self._example is None or EXAMPLE in self._entries:
                return
            made = self._example(self._folder)
            self._entries[EXAMPLE] = _read(Sent(made, made.name), EXAMPLE)


def _read(file: Sent, key: str) -> Entry:
    from seawall.desk.candle_files import read_rows, step_of

    try:
        rows = read_rows(file.path)
        step = step_of(rows)
    except InputError as error:
        raise renamed(error, file.path, file.name) from None
    start = min(int(np.min(r.time)) for r in rows.values())
    end = max(int(np.max(r.time)) for r in rows.values()) + step
    return Entry(file, key, tuple(sorted(rows)), start, end, step / _BILLION)
