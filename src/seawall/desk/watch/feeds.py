"""Where marks come from: a file, a store, or an address that speaks JSON.

Every feed has ``run``, which hands over marks as they come, and ends when there are no more; a
connection that breaks raises :class:`FeedBrokenError`, and the watcher opens it again.
"""

from __future__ import annotations

import asyncio
import csv
import json
import math
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import IO, Any, Protocol
from urllib.parse import unquote, urlsplit

from seawall.core import InputError, Mistake, SeawallError, parse_time
from seawall.desk.watch.watched import Mark

Take = Callable[[Sequence[Mark], int], None]
"""Takes marks and when they were received, by ``time.perf_counter_ns``."""

_NAMES = ("instrument", "symbol", "asset", "name")
_PRICES = ("mark", "mark_price", "markPrice", "price")
_TIMES = ("time", "timestamp")
_SHOWN = 20
_EVERY = 5.0
_LONGEST = 1 << 24
"""Bytes of a line of standard input."""
_LATEST = (
    "SELECT * FROM rows QUALIFY row_number() OVER "
    "(PARTITION BY venue, instrument ORDER BY time DESC, received DESC) = 1"
)
_BACK = 3_600_000_000_000
"""Nanoseconds that a look into a store goes back."""
_AHEAD = 60_000_000_000
"""Nanoseconds that the clock of a venue may be ahead of ours."""


class FeedBrokenError(SeawallError):
    """A feed's connection broke; it is worth opening again."""


class Feed(Protocol):
    """Where marks come from."""

    live: bool
    """Whether silence is a sign that it is dead; a file has an end instead."""

    async def run(self, take: Take) -> None:
        """Hand over marks until there are no more."""


def marks_of(said: Any) -> list[Mark]:
    """Marks of a JSON message: one object or a list of them, of ``venue``, ``instrument`` or
    ``asset``, ``mark``, and if need be ``time``; anything else in it is left out.
    """
    rows = said if isinstance(said, list) else [said]
    found = (_mark_of(r) for r in rows if isinstance(r, Mapping))
    return [m for m in found if m is not None]


def _mark_of(row: Mapping[str, Any]) -> Mark | None:
    name = next((row[n] for n in _NAMES if row.get(n)), None)
    try:
        price = float(next((row[p] for p in _PRICES if row.get(p) not in (None, "")), "nan"))
    except (TypeError, ValueError):
        return None
    if not isinstance(name, str) or not (math.isfinite(price) and price > 0):
        return None
    return Mark(str(row.get("venue") or ""), name, price, _told_time(row))


def _told_time(row: Mapping[str, Any]) -> int:
    """The time of a row, UTC ns; 0 where it has none, or one that cannot be read."""
    told = next((row[t] for t in _TIMES if row.get(t) not in (None, "")), None)
    try:
        return 0 if told is None else parse_time(told)
    except (InputError, ValueError, TypeError, OverflowError):
        return 0


class FileFeed:
    """Marks of a file, by their times or else in its order; ``-`` is standard input.

    CSV with a header, or JSON Lines; columns as the keys of :func:`marks_of`. Rows of one ``time``
    are one mark of all that they name. Standard input is live: it is taken as it comes, line by
    line.

    Parameters
    ----------
    path
        The file.
    pace
        How much faster than by its times it is played; 0 is as fast as it can be.

    Raises
    ------
    InputError
        With the rows of a file that hold no mark, or no time where others do, or if there is no
        such file.
    """

    def __init__(self, path: str, pace: float = 0.0):
        self.path, self._pace = path, pace
        self.live = path == "-"
        self._batches = [] if self.live else self._rows()

    async def run(self, take: Take) -> None:
        """Hand over the file's marks."""
        if self.live:
            await self._piped(take)
            return
        before = None
        for at, marks in self._batches:
            if self._pace > 0 and at and before:
                await asyncio.sleep(max(0.0, (at - before) / 1e9 / self._pace))
            else:
                await asyncio.sleep(0)
            before = at or before
            take(marks, time.perf_counter_ns())

    def _rows(self) -> list[tuple[int, list[Mark]]]:
        found: list[tuple[int, Mark, int]] = []
        wrong: list[Mistake] = []
        for number, row in self._read():
            mark = _mark_of(row) if isinstance(row, Mapping) else None
            if mark is None:
                allowed = f"one of {', '.join(_NAMES)}, and one of {', '.join(_PRICES)} above 0"
                shown = json.dumps(row, default=str)[:120]
                wrong.append(Mistake("holds no mark", self.path, number, None, shown, allowed))
            else:
                # a file is not live: it is played by its times, not held against ours
                found.append((self._time(row, number, wrong), mark._replace(time=0), number))
        if any(at for at, _, _ in found):
            allowed = "a time in all rows, or in none"
            wrong += [
                Mistake("no time, while others have one", self.path, number, "time", None, allowed)
                for at, _, number in found
                if not at and not any(w.row == number for w in wrong[:_SHOWN])
            ]
        if not found and not wrong:
            wrong.append(Mistake("0 rows: no mark at all", self.path, allowed="at least one"))
        if wrong:
            raise InputError(wrong[:_SHOWN], total=len(wrong))
        batches: list[tuple[int, list[Mark]]] = []
        for at, mark, _ in sorted(found, key=lambda row: row[0]):
            if at and batches and batches[-1][0] == at:
                batches[-1][1].append(mark)
            else:
                batches.append((at, [mark]))
        return batches

    def _time(self, row: Mapping[str, Any], number: int, wrong: list[Mistake]) -> int:
        if row.get("time") in (None, ""):
            return 0
        try:
            return parse_time(row["time"])
        except (InputError, ValueError, TypeError):
            wrong.append(
                Mistake("no time", self.path, number, "time", str(row["time"]), "ISO 8601, UTC")
            )
            return 0

    def _read(self) -> Iterator[tuple[int, Any]]:
        try:
            with open(self.path, encoding="utf-8", newline="") as file:
                first = file.read(1)
                file.seek(0)
                yield from _objects(file) if first in "{[" else enumerate(csv.DictReader(file), 1)
        except UnicodeDecodeError:
            raise InputError(Mistake("not a text file", self.path)) from None
        except FileNotFoundError:
            allowed = "CSV or JSON Lines, - for standard input, live, ws://… or http://…"
            raise InputError(
                Mistake("no such file", "--marks", None, None, self.path, allowed)
            ) from None

    async def _piped(self, take: Take) -> None:
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=_LONGEST)
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        head: list[str] | None = None
        while said := await reader.readline():
            received = time.perf_counter_ns()
            line = said.decode("utf-8", "replace").strip()
            if not line:
                continue
            if line[0] in "{[":
                take(marks_of(_said(line)), received)
            elif head is None:
                head = next(csv.reader([line]))
            else:
                take(marks_of(dict(zip(head, next(csv.reader([line])), strict=False))), received)


def _objects(file: IO[str]) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(file, 1):
        if line.strip():
            said = _said(line)
            yield from ((number, r) for r in (said if isinstance(said, list) else [said]))


def _said(text: str | bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


class StoreFeed:
    """The latest marks of a store's market tables, looked up again and again.

    Parameters
    ----------
    folder
        Of the store.
    every
        Seconds between looks.
    """

    live = True

    def __init__(self, folder: Path, every: float = _EVERY):
        self._folder, self._every = folder, every

    async def run(self, take: Take) -> None:
        """Hand over what was stored since the last look."""
        tables = import_module("seawall.ingest.market.tables")
        # each by its own time: a venue's clock may be behind that of another
        seen: dict[tuple[str, str], int] = {}
        while True:
            now = time.time_ns()
            try:
                rows = await asyncio.to_thread(
                    tables.read, self._folder, "mark", now - _BACK, now + _AHEAD, _LATEST
                )
            except (SeawallError, OSError) as error:
                raise FeedBrokenError(str(error)) from None
            fresh = [r for r in rows if r["time"] > seen.get((r["venue"], r["instrument"]), 0)]
            seen |= {(r["venue"], r["instrument"]): r["time"] for r in fresh}
            if fresh:
                marks = [
                    Mark(r["venue"], r["instrument"], r["mark_price"], r["time"]) for r in fresh
                ]
                take(marks, time.perf_counter_ns())
            await asyncio.sleep(self._every)


class AddressFeed:
    """An address that tells marks as JSON: ``ws://`` as it sends them, ``http://`` polled.

    Parameters
    ----------
    url
        The address.
    every
        Seconds between questions to an ``http`` address.
    """

    live = True

    def __init__(self, url: str, every: float = _EVERY):
        self._url, self._every = url, every

    async def run(self, take: Take) -> None:
        """Hand over what the address says.

        Raises
        ------
        FeedBrokenError
            If it cannot be reached, or hangs up.
        """
        aiohttp: Any = import_module("aiohttp")
        with _broken(aiohttp.ClientError, self._url):
            async with aiohttp.ClientSession() as session:
                if self._url.startswith(("ws://", "wss://")):
                    await self._listen(session, take)
                else:
                    await self._poll(session, take)

    async def _listen(self, session: Any, take: Take) -> None:
        async with session.ws_connect(self._url, heartbeat=20.0) as socket:
            async for message in socket:
                received = time.perf_counter_ns()
                if message.type.name in ("TEXT", "BINARY"):
                    take(marks_of(_said(message.data)), received)
        raise FeedBrokenError("the other side hung up")

    async def _poll(self, session: Any, take: Take) -> None:
        while True:
            async with session.get(self._url) as answer:
                answer.raise_for_status()
                said = _said(await answer.read())
            take(marks_of(said), time.perf_counter_ns())
            await asyncio.sleep(self._every)


@contextmanager
def _broken(kind: type[BaseException], url: str) -> Iterator[None]:
    try:
        yield
    except (kind, OSError, TimeoutError) as error:
        said = _without_secrets(" ".join(str(error).split()), url)[:200]
        raise FeedBrokenError(f"{type(error).__name__}: {said}") from None


def _without_secrets(text: str, url: str) -> str:
    """What is told of an address goes to other people's services: no name, word, path or query."""
    parts = urlsplit(url)
    text = text.replace(url, f"{parts.scheme}://{parts.hostname or ''}")
    login = parts.netloc.rpartition("@")[0]
    hidden = (login, parts.username, parts.password, parts.query, parts.path.strip("/"))
    for secret in hidden:
        # shorter ones would be found in the midst of words
        if secret and len(secret) > 3:
            text = text.replace(secret, "…").replace(unquote(secret), "…")
    return text


def feed_of(marks: str, every: float = _EVERY, pace: float = 0.0) -> Feed:
    """The feed that a text names: a file, ``-``, ``ws://…`` or ``http://…``."""
    if marks.startswith(("ws://", "wss://", "http://", "https://")):
        return AddressFeed(marks, every)
    return FileFeed(marks, pace)
