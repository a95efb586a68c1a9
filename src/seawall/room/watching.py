"""The watch of a room: a book's accounts judged at every mark, warnings told and kept."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from fastapi import APIRouter

from seawall.core import format_time
from seawall.desk.watch.channels import Channel, Message, close_all
from seawall.desk.watch.levels import Level, Thresholds
from seawall.desk.watch.notices import FeedTold, Notice
from seawall.desk.watch.watched import Mark, Watched
from seawall.desk.watch.watcher import Patience, Watcher
from seawall.report.desk_watch import body_of, is_grave, json_line, title_of
from seawall.room.hub import Hub
from seawall.room.routes import PREFIX
from seawall.room.shapes import WatchTold, shaped

if TYPE_CHECKING:
    from seawall.desk.rescue import Goal
    from seawall.desk.watch.feeds import Feed, Take
    from seawall.margin import MarginBook
    from seawall.room.played import Played

LOG = logging.getLogger("seawall.room")
WATCH = "watch"
KEPT = 200
"""Warnings that a reader who comes late is told."""
_STATE_EVERY = 1.0
_DRAIN = 5.0


@dataclass(frozen=True, slots=True)
class Post:
    """What a watch is made of.

    Attributes
    ----------
    book
        Key of the book on the shelf.
    marks
        What is followed, in a few words.
    thresholds, goal, patience
        Levels, what advice leads to, how long things may take.
    feeds
        Tells the feeds of marks for a book; None for those of the recording that is shown.
    channels
        Where warnings go, each under its address as it may be shown.
    reread
        Reads the book again; None where nothing has changed. It is put on the shelf.
    """

    book: str
    marks: str
    thresholds: Thresholds
    goal: Goal
    patience: Patience
    feeds: Callable[[Watched], Sequence[Feed]] | None = None
    channels: Sequence[tuple[str, Channel]] = ()
    reread: Callable[[], MarginBook | None] | None = None


class RecordedMarks:
    """Marks of the recording that is shown, second by second."""

    live = True

    def __init__(self, played: Played, every: float = 1.0):
        self._played, self._every = played, every
        recording = played.recording
        self._drawings = [recording.drawing(a) for a in recording.assets]

    def marks(self) -> list[Mark]:
        """Those of the second that is shown."""
        found = []
        for d in self._drawings:
            k = int(np.searchsorted(d.seconds, self._played.second, side="right")) - 1
            found.append(Mark("", d.asset, float(d.mid[max(0, k)])))
        return found

    async def run(self, take: Take) -> None:
        """Hand them over until cancelled."""
        while True:
            take(self.marks(), time.perf_counter_ns())
            await asyncio.sleep(self._every)


@dataclass(slots=True)
class _Seen:
    """What a watch has seen of its feed."""

    heard: int = 0
    why: str = ""
    dead: set[str] = field(default_factory=set)


class Watching:
    """A watch that tells a hub.

    Parameters
    ----------
    post
        What it is made of; None where nothing is watched.
    margin
        Gives the book of a key; may wait for it.
    put
        Puts a book that was read again under a key.
    played
        The recording that is shown, whose marks and clock a recorded watch goes by.
    """

    def __init__(
        self,
        post: Post | None,
        hub: Hub,
        margin: Callable[[str], MarginBook],
        put: Callable[[str, MarginBook], None],
        played: Played | None,
    ):
        self.post, self._hub, self._margin, self._put = post, hub, margin, put
        self._played = played
        self._recent: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self._watcher: Watcher | None = None
        self._channels = () if post is None else tuple(post.channels)
        self._seen, self._error, self._ended = _Seen(), "", False
        self._loop: asyncio.AbstractEventLoop | None = None
        hub.topic(WATCH, self._snapshot, kept=KEPT)

    def state(self) -> dict[str, Any]:
        """What is watched, where levels begin, how many stand at each, and who is told."""
        post, watcher = self.post, self._watcher
        if post is None:
            return {"running": False, "error": None}
        levels = Counter(() if watcher is None else watcher.watched.level.tolist())
        tally = None if watcher is None else watcher.tally
        return {
            "running": watcher is not None and not self._ended,
            "error": self._error or None,
            "book": post.book,
            "marks": post.marks,
            "synthetic": post.feeds is None,
            "thresholds": asdict(post.thresholds),
            "target_ratio": post.goal.ratio,
            "accounts": sum(levels.values()),
            "levels": {level.words: levels[int(level)] for level in Level},
            "feed": self.feed(),
            "why": self._seen.why or None,
            "taken": 0 if tally is None else tally.marks,
            "warnings": 0 if tally is None else tally.warnings,
            "unknown": 0 if watcher is None else watcher.watched.unknown,
            "broken": 0 if tally is None else tally.broken,
            "last_mark": format_time(self._seen.heard) if self._seen.heard else None,
            "channels": [
                {
                    "name": c.name,
                    "address": shown,
                    "sent": c.counts.sent,
                    "failed": c.counts.failed,
                    "waiting": c.counts.waiting,
                }
                for shown, c in self._channels
            ],
        }

    def recent(self) -> list[dict[str, Any]]:
        """The latest notices as ``seawall.watch/1``, the newest last."""
        return list(self._recent)

    def feed(self) -> str:
        """How marks come: ``live``, ``stalled`` in part, ``dead``, ``recorded``, or ``ended``."""
        post, watcher, dead = self.post, self._watcher, self._seen.dead
        if self._ended and not self._error:
            return "ended"
        if post is None or watcher is None or self._ended:
            return "dead"
        if dead:
            return "dead" if len(dead) >= len(watcher.watched.held) else "stalled"
        return "recorded" if post.feeds is None else "live"

    async def run(self) -> None:
        """Watch until cancelled; what goes wrong is told and ends only the watch."""
        post = self.post
        if post is None:
            return
        self._loop = asyncio.get_running_loop()
        try:
            margin = await asyncio.to_thread(self._margin, post.book)
            # once elsewhere, so that nothing is compiled while others wait for this loop
            await asyncio.to_thread(lambda: Watched(margin, post.thresholds).judge())
            await self._watch(post, Watched(margin, post.thresholds))
        except Exception as error:
            self._error = " ".join(str(error).split())[:300] or type(error).__name__
            LOG.error("the watch ended", exc_info=error)
        finally:
            self._ended = True
            self._hub.tell(WATCH, {"state": self.state()})
            close_all((channel for _, channel in self._channels), _DRAIN)

    async def _watch(self, post: Post, watched: Watched) -> None:
        feeds = self._recorded() if post.feeds is None else post.feeds
        self._watcher = Watcher(
            watched, feeds, self._tell, goal=post.goal, patience=post.patience,
            reread=None if post.reread is None else self._reread,
        )  # fmt: skip
        telling = asyncio.create_task(self._tell_state(self._watcher))
        try:
            await self._watcher.run()
        finally:
            telling.cancel()

    def _recorded(self) -> Sequence[Feed]:
        return () if self._played is None else (RecordedMarks(self._played),)

    async def _tell_state(self, watcher: Watcher) -> None:
        before, told = -1, None
        while True:
            if watcher.tally.marks != before:
                before = watcher.tally.marks
                self._seen.heard = self._now()
            state = self.state()
            if state != told:
                told = state
                self._hub.tell(WATCH, {"state": state})
            await asyncio.sleep(_STATE_EVERY)

    def _reread(self) -> Watched | None:
        post = self.post
        fresh = None if post is None or post.reread is None else post.reread()
        if post is None or fresh is None:
            return None
        # read in a thread, but put where everything else is
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._put, post.book, fresh)
        return Watched(fresh, post.thresholds)

    def _tell(self, notices: Sequence[Notice], received: int) -> None:
        message = Message(title_of(notices), body_of(notices), is_grave(notices), received)
        for _, channel in self._channels:
            channel.tell(message)
        now = format_time(self._now())
        for notice in notices:
            if isinstance(notice, FeedTold):
                self._note(notice)
            event = json.loads(json_line(notice, now))
            self._recent.append(event)
            self._hub.tell(WATCH, {"notice": event})

    def _note(self, notice: FeedTold) -> None:
        named = set(notice.instruments)
        self._seen.dead = self._seen.dead - named if notice.alive else self._seen.dead | named
        self._seen.why = notice.why

    def _now(self) -> int:
        """UTC ns, by the clock of what is followed."""
        if self._played is None or self.post is None or self.post.feeds is not None:
            return time.time_ns()
        return self._played.recording.start + int(self._played.second * 1e9)

    def _snapshot(self) -> dict[str, Any]:
        return {"state": self.state(), "recent": self.recent()}


def watch_router(watching: Watching) -> APIRouter:
    """The watch, for those without a WebSocket."""
    router = APIRouter(prefix=f"{PREFIX}/watch", tags=["watch"])

    @router.get(
        "", summary="What is watched, its levels, and who is told", responses=shaped(WatchTold)
    )
    async def about() -> dict[str, Any]:
        return watching.state()

    @router.get("/recent", summary="The latest warnings, each with what to do; the newest last")
    async def recent() -> list[dict[str, Any]]:
        return watching.recent()

    return router
