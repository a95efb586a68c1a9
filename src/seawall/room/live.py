"""What is shown live: events, statistics, a map and the state of every feed, told to a hub."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool

from seawall.core import Mistake
from seawall.report.encode import plain
from seawall.room.answers import Answer, encoded
from seawall.room.hub import Hub
from seawall.room.hub import encoded as text_of
from seawall.room.problems import RefusedError, told
from seawall.room.published import published_by

if TYPE_CHECKING:
    from seawall.core.tape import Tape
    from seawall.report.model import Report

LOG = logging.getLogger("seawall.room")
Figures = Callable[["Tape", int, int], "Report"]
TAPE, STATISTICS, MAP, FEEDS, RUNS = "tape", "statistics", "map", "feeds", "runs"
RECENT = 200
"""Events that one who comes is shown."""
_FEEDS_EVERY = 1.0
_IDLE = 60.0
"""Seconds between statistics where nothing new came: their window ends now."""
_QUICK = 1
"""How hard is packed what holds for a moment only."""
_AT_ONCE = 500
"""Events that are written in the loop, some milliseconds; more of them would hold up the others."""


@dataclass(frozen=True, slots=True)
class Picked:
    """Which closings are asked for; None is all.

    Attributes
    ----------
    side
        Which side was closed, ``long`` or ``short``.
    least
        USD from which on.
    latest
        The latest of them where there are more than ``limit``; else the largest.
    """

    asset: str | None = None
    venue: str | None = None
    side: str | None = None
    least: float = 0.0
    latest: bool = False
    limit: int = 500


class Live(ABC):
    """What a server shows as time passes.

    Parameters
    ----------
    tick
        Seconds between looks for something new.
    counted
        Seconds between statistics.
    """

    def __init__(self, hub: Hub, tick: float, counted: float):
        self.hub = hub
        self._tick, self._counted = tick, counted
        self._moment = 0
        self._made: dict[tuple[Any, ...], Answer] = {}
        self._making: dict[tuple[Any, ...], asyncio.Task[Answer]] = {}
        self._turn, self._lock = asyncio.Semaphore(1), threading.Lock()
        self._statistics: tuple[Answer, dict[str, Any]] | None = None
        self._feeds: dict[str, Any] | None = None
        self._wrong: str | None = None
        self._others: list[Callable[[], list[dict[str, Any]]]] = []
        hub.topic(TAPE, self.recent)
        hub.topic(STATISTICS, lambda: self._statistics and self._statistics[1], kept=2)
        hub.topic(MAP, self.about, kept=256)
        hub.topic(FEEDS, self.feeds, kept=2)

    @abstractmethod
    def about(self) -> dict[str, Any]:
        """What is being shown, and how far it is."""

    @abstractmethod
    def states(self) -> list[dict[str, Any]]:
        """A row a feed, see :func:`seawall.room.feeds.feed`."""

    @abstractmethod
    async def advance(self) -> None:
        """Tell the hub what is new, and :meth:`move` if anything is."""

    @abstractmethod
    def report(self) -> Report:
        """Statistics of what is shown; asked in a thread."""

    @abstractmethod
    def recent(self) -> list[dict[str, Any]]:
        """The last events, in order of time."""

    @abstractmethod
    def picked(self, wanted: Picked) -> list[dict[str, Any]]:
        """Closings so far that are like what is wanted, in order of time."""

    def counts_again(self) -> bool:
        """Whether the statistics may have changed since they were made."""
        return True

    def close(self) -> None:
        """Let go of what is held open."""
        self._made.clear()

    def drawing(self, asset: str) -> tuple[Answer, Answer]:
        """The map of an asset up to now: what it is, and its shades column by column."""
        raise RefusedError(404, Mistake("no map of this", "asset", value=asset))

    def clusters(self, asset: str) -> dict[str, Any]:
        """Where the map of an asset clusters now."""
        raise RefusedError(404, Mistake("no map of this", "asset", value=asset))

    @abstractmethod
    def candles(self, asset: str) -> dict[str, Any]:
        """Prices of an asset in what is shown: rows of start (UTC s), open, high, low, close."""

    def feeds(self) -> dict[str, Any]:
        """Where what is shown comes from, how each feed of it is, and what venues publish."""
        rows = [*self.states(), *(row for others in self._others for row in others())]
        return {
            "schema": "seawall.room-feeds/1",
            "source": self.about()["source"],
            "problem": self._wrong,
            "feeds": rows,
            "rules": published_by((row["venue"] for row in rows), self.when()),
        }

    def when(self) -> int:
        """The time of what is shown, UTC ns."""
        return time.time_ns()

    def count_in(self, states: Callable[[], list[dict[str, Any]]]) -> None:
        """Tell of further feeds that this server has, beside those of what is shown."""
        self._others.append(states)

    async def run(self) -> None:
        """Show until cancelled; what goes wrong is told with the feeds, and tried again."""
        counted = fed = -1e9
        while True:
            try:
                await self.advance()
                passed = time.monotonic() - counted
                if passed >= (self._counted if self.counts_again() else _IDLE):
                    counted = time.monotonic()
                    await self._count()
                    self._wrong = None
            except Exception as error:
                self._say_wrong(error)
            if time.monotonic() - fed >= _FEEDS_EVERY:
                fed = time.monotonic()
                # by itself: it also tells what went wrong above
                try:
                    self._tell_feeds()
                except Exception as error:
                    self._say_wrong(error)
            await asyncio.sleep(self._tick)

    def move(self) -> None:
        """Let go of what was answered: something new is shown."""
        with self._lock:
            self._moment += 1
            self._made.clear()

    def holds(self) -> Callable[[], bool]:
        """What tells whether the present answers are still the answers."""
        moment = self._moment
        return lambda: self._moment == moment

    def once(self, kind: str, *key: Any) -> Answer:
        """An answer that is made once a moment, however many ask for it.

        ``kind`` is ``about`` or ``feeds``; ``tape`` with a :class:`Picked`; ``map``, ``shades``,
        ``clusters`` or ``candles`` with an asset.
        """
        if kind in ("map", "shades"):
            return self.drawing(key[0])[kind == "shades"]
        found, holds = self._made.get((kind, *key)), self.holds()
        if found is None:
            makes: dict[str, Callable[..., Any]] = {
                "about": self.about, "feeds": self.feeds, "tape": self.picked,
                "clusters": self.clusters, "candles": self.candles,
            }  # fmt: skip
            make = makes[kind]
            found = Answer.of(text_of(make(*key)).encode(), level=_QUICK)
            with self._lock:
                # made in a thread, it may be of a moment that has passed
                if holds():
                    self._made[kind, *key] = found
        return found

    async def tape(self, wanted: Picked) -> Answer:
        """Closings so far as an answer; many of them are written in a thread, one set at a time.

        Who asks for the same at the same moment waits for the same.
        """
        name = ("tape", wanted)
        if wanted.limit <= _AT_ONCE or name in self._made:
            return self.once(*name)
        due = (self._moment, *name)
        making = self._making.get(due)
        if making is None:
            making = self._making[due] = asyncio.create_task(self._in_turn(*name))
            making.add_done_callback(lambda _: self._making.pop(due, None))
        # one who leaves does not take it from the others
        return await asyncio.shield(making)

    async def _in_turn(self, *name: Any) -> Answer:
        async with self._turn:
            return await run_in_threadpool(self.once, *name)

    def statistics(self) -> Answer:
        """The statistics as last told, as their report's JSON."""
        if self._statistics is None:
            raise RefusedError(503, Mistake("not counted yet", mend="Ask again"), retry=1)
        return self._statistics[0]

    async def _count(self) -> None:
        self._statistics = await run_in_threadpool(self._counted_now)
        self.move()
        self.hub.tell(STATISTICS, self._statistics[1])

    def _counted_now(self) -> tuple[Answer, dict[str, Any]]:
        report = self.report()
        answer = Answer.of(encoded(report), level=_QUICK)
        return answer, plain({"schema": report.schema, **report.payload})

    def _tell_feeds(self) -> None:
        feeds = self.feeds()
        if feeds != self._feeds:
            self._feeds = feeds
            self.move()
            self.hub.tell(FEEDS, feeds)

    def _say_wrong(self, error: Exception) -> None:
        words = str(told(error)[1][0])
        if words != self._wrong:
            LOG.error("what is shown cannot go on", exc_info=error)
        self._wrong = words
