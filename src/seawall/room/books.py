"""Books that the room can be asked about: the one it opened with, and those uploaded to it."""

from __future__ import annotations

import secrets
import tempfile
import threading
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from seawall.core import InputError, Mistake
from seawall.room.offers import Ask
from seawall.room.packed import check_unpacked
from seawall.room.problems import RefusedError

if TYPE_CHECKING:
    from seawall.core import Book
    from seawall.margin import MarginBook

DEFAULT = "default"
SUFFIXES = (".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".parquet", ".gz")


@dataclass(frozen=True, slots=True)
class Limits:
    """What an upload may be: bytes as sent and unpacked, positions, seconds, books kept."""

    size: int = 64_000_000
    unpacked: int = 512_000_000
    rows: int = 1_000_000
    seconds: float = 60.0
    kept: int = 8


class Filling(Ask):
    """What a sender adds to a book whose file leaves it out, by the names of the command line."""

    price: Annotated[list[str], Field(max_length=64)] = Field(
        [], description="Marks of rows without one: NAME=USD."
    )
    venue: str | None = Field(None, max_length=60, description="Venue of rows that name none.")
    at: str | None = Field(
        None, max_length=60, description="Time of the book, or which of its snapshots."
    )
    lenient: bool = Field(False, description="Set faulty rows aside, count and list them.")


class Sent(Filling):
    """A book that is sent: its file's name, and what is added to it."""

    name: str = Field(max_length=200, description="The file's name; its ending says its kind.")


@dataclass(slots=True)
class Entry:
    """A book on the shelf; ``own`` of those that the room opened with."""

    name: str
    key: str
    margin: MarginBook | None = None
    error: str = ""
    own: bool = True
    _digest: str | None = None

    def about(self) -> dict[str, Any]:
        """What a reader is told of it; counts are None until it is there."""
        book = None if self.margin is None else self.margin.book
        if book is not None and self._digest is None:
            self._digest = book.digest()
        return {
            "book": self.key,
            "name": self.name,
            "ready": book is not None,
            "error": self.error or None,
            "digest": self._digest,
            "positions": None if book is None else len(book),
            "accounts": None if book is None else len(book.accounts),
            "assets": [] if book is None else list(book.assets),
            "set_aside": None if book is None else len(book.set_aside),
            "notes": [] if book is None else list(book.notes),
        }


class Shelf:
    """Books by key, bound to their rules once. Of those uploaded, the oldest make room.

    Parameters
    ----------
    bind
        What binds a book to its rules.
    read
        What reads a file that was sent, with what its sender adds to it.
    """

    def __init__(
        self,
        bind: Callable[[Book], MarginBook],
        read: Callable[[Path, Filling], Book],
        limits: Limits | None = None,
    ):
        self.limits = limits or Limits()
        self._bind, self._read = bind, read
        self._lock = threading.Lock()
        self._entries: OrderedDict[str, Entry] = OrderedDict()
        self._cleared = threading.Event()

    def open(self, name: str, draw: Callable[[], Book]) -> None:
        """Make the default book in the background; it is asked for while it is drawn."""
        entry = Entry(name, DEFAULT)
        self._entries[DEFAULT] = entry
        self._entries.move_to_end(DEFAULT, last=False)

        def work() -> None:
            try:
                entry.margin = self._bind(draw())
            except InputError as error:
                entry.error = str(error)
            except Exception as error:
                entry.error = f"could not be made: {type(error).__name__}"
                raise
            finally:
                self._cleared.set()

        threading.Thread(target=work, name="seawall-default-book", daemon=True).start()

    def margin(self, key: str = DEFAULT, patience: float = 30.0) -> MarginBook:
        """The book of a key, waited for if it is being drawn.

        Raises
        ------
        RefusedError
            If there is none, or not yet.
        """
        with self._lock:
            entry = self._entries.get(key)
            if entry is not None and key != DEFAULT:
                self._entries.move_to_end(key)
        if entry is None:
            raise RefusedError(
                404, Mistake("no such book", "book", value=key, allowed="one of /api/v1/books")
            )
        if entry.margin is None and key == DEFAULT:
            self._cleared.wait(patience)
        if entry.error:
            raise RefusedError(422, Mistake(entry.error, "book", value=key))
        if entry.margin is None:
            raise RefusedError(
                503, Mistake("the book is still being drawn", "book", mend="Ask again"), retry=2
            )
        return entry.margin

    def put(self, name: str, book: Book, key: str | None = None) -> dict[str, Any]:
        """Put a book on the shelf: one sent or read for a visitor, or with a key one of its own.

        A key that is there already leads to the new book from now on.
        """
        entry = Entry(name, key or secrets.token_urlsafe(9), self._bind(book), own=key is not None)
        with self._lock:
            self._entries[entry.key] = entry
            sent = [k for k, e in self._entries.items() if not e.own]
            for old in sent[: -self.limits.kept]:
                del self._entries[old]
        return entry.about()

    def renew(self, key: str, margin: MarginBook) -> None:
        """Have a key lead to a book that was read again; nothing where it is gone."""
        with self._lock:
            if key in self._entries:
                self._entries[key] = Entry(self._entries[key].name, key, margin)

    def listed(self) -> list[dict[str, Any]]:
        """All books, the default first."""
        with self._lock:
            return [entry.about() for entry in self._entries.values()]

    def take(self, name: str, path: Path, filling: Filling) -> dict[str, Any]:
        """Read an uploaded file, bind it and put it on the shelf.

        Raises
        ------
        InputError
            If it is no book; places are told by the upload's own name.
        """
        check_unpacked(path, name, self.limits.unpacked)
        try:
            book = self._read(path, filling)
        except InputError as error:
            raise renamed(error, path, name) from None
        if len(book) > self.limits.rows:
            raise RefusedError(413, Mistake(
                "too many positions", name, value=f"{len(book):,}",
                allowed=f"{self.limits.rows:,}",
            ))  # fmt: skip
        aside = tuple(told_as(m, path, name) for m in book.set_aside)
        return self.put(name, replace(book, source=name, set_aside=aside))

    def drop(self, key: str) -> None:
        """Forget an uploaded book."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is None or entry.own:
                raise RefusedError(404, Mistake("no such uploaded book", "book", value=key))
            del self._entries[key]


def renamed(error: InputError, path: Path, name: str) -> InputError:
    """The same mistakes, told of the file as its sender calls it and not as it was kept."""
    return InputError([told_as(m, path, name) for m in error.mistakes], error.total)


def told_as(mistake: Mistake, path: Path, name: str) -> Mistake:
    """A mistake in a file, with the name that its sender gave it."""

    def clean(text: str) -> str:
        return text.replace(str(path), name).replace(path.name, name)

    value = None if mistake.value is None else clean(mistake.value)
    what, where, mend = (clean(t) for t in (mistake.what, mistake.where, mistake.mend))
    return replace(mistake, what=what, where=where, value=value, mend=mend)


def shown_name(name: str) -> str:
    """The last part of a sender's file name, if its ending is one that can be read.

    Raises
    ------
    RefusedError
        If it is not.
    """
    last = name.replace("\\", "/").rsplit("/", 1)[-1].strip()
    if not last.lower().endswith(SUFFIXES) or len(last) > 120 or not last.isprintable():
        raise RefusedError(
            415, Mistake("not a kind of book", "name", value=name, allowed=", ".join(SUFFIXES))
        )
    return last


async def received(body: AsyncIterator[bytes], limits: Limits, name: str, folder: Path) -> Path:
    """Write an upload to a file of the server's own naming, within its limits.

    Raises
    ------
    RefusedError
        If it is too long or takes too long; nothing of it is kept.
    """
    ending = "".join(s for s in Path(name.lower()).suffixes if s in SUFFIXES)
    with tempfile.NamedTemporaryFile(dir=folder, suffix=ending, delete=False) as file:
        path, size, until = Path(file.name), 0, time.monotonic() + limits.seconds
        try:
            async for chunk in body:
                size += len(chunk)
                if size > limits.size:
                    raise RefusedError(413, Mistake(
                        "too large", name, value=f"over {limits.size:,} bytes",
                        allowed=f"{limits.size:,} bytes", mend="Send it packed, or cut it",
                    ))  # fmt: skip
                if time.monotonic() > until:
                    raise RefusedError(408, Mistake(
                        "too slow", name, allowed=f"{limits.seconds:g} s"))  # fmt: skip
                file.write(chunk)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
    return path
