"""The watch itself: marks come in, accounts are judged, and what is new is told."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seawall.core import InputError, SeawallError
from seawall.desk.rescue import Goal
from seawall.desk.watch.feeds import Feed, FeedBrokenError
from seawall.desk.watch.notices import FeedTold, Notice, SourceTold, to_tell, warned
from seawall.desk.watch.watched import Change, Mark, Watched

Tell = Callable[[Sequence[Notice], int], None]
"""Takes what is to be told at once, and when the mark behind it was received (0: none was)."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long things may take, in seconds.

    Attributes
    ----------
    silence
        Without a mark of an instrument, after which its feed is taken for dead.
    reopen, most
        Before a broken feed is opened again: at first, doubled each time, and at most.
    reread
        Between looks whether the book has changed; 0 for never.
    """

    silence: float = 30.0
    reopen: float = 0.5
    most: float = 30.0
    reread: float = 0.0


@dataclass(slots=True)
class Tally:
    """What a watch has done."""

    marks: int = 0
    judged: int = 0
    warnings: int = 0
    broken: int = 0
    seconds: float = 0.0
    begun: float = field(default_factory=time.monotonic)


class Watcher:
    """Follows feeds and tells what changes, until stopped or the feeds end.

    Parameters
    ----------
    watched
        The accounts.
    feeds
        Where marks come from.
    tell
        What is new is handed to it, at once and in the thread of the loop.
    goal
        What the ways back lead to.
    patience
        How long things may take.
    reread
        Reads the book again; None where nothing has changed. Called in a thread.
    on_change
        Is told of each change of level beside ``tell``, to place stops for one.
    """

    def __init__(
        self,
        watched: Watched,
        feeds: Sequence[Feed],
        tell: Tell,
        *,
        goal: Goal | None = None,
        patience: Patience | None = None,
        reread: Callable[[], Watched | None] | None = None,
        on_change: Callable[[Watched, Change], Awaitable[Sequence[Notice]]] | None = None,
    ):
        self.watched, self.tally = watched, Tally()
        self._feeds, self._tell, self._goal = tuple(feeds), tell, goal or Goal()
        self._patience = patience or Patience()
        self._reread, self._on_change = reread, on_change
        self._stopping = asyncio.Event()
        self._side: set[asyncio.Task[None]] = set()
        self._why = ""
        self._forget_silence()

    def stop(self) -> None:
        """Have the watch end; safe from a signal's handler."""
        self._stopping.set()

    async def run(self) -> None:
        """Watch until stopped, or until every feed has ended.

        A live feed that ends, or an error that ends the watch, is told before.

        Raises
        ------
        InputError
            If a feed's input is wrong.
        """
        self._judge(0)
        loop_tasks = [asyncio.create_task(self._follow(f)) for f in self._feeds]
        others = [asyncio.create_task(self._listen_for_silence())]
        if self._reread is not None and self._patience.reread > 0:
            others.append(asyncio.create_task(self._look_again()))
        others.append(asyncio.create_task(self._stopped()))
        ended: asyncio.Future[Any] = asyncio.gather(*loop_tasks)
        try:
            await asyncio.wait({ended, others[-1]}, return_when=asyncio.FIRST_COMPLETED)
            if ended.done():
                ended.result()
                if any(feed.live for feed in self._feeds):
                    self._tell_end("the feed has ended")
        except Exception as error:
            self._tell_end(_said(error))
            raise
        finally:
            for task in (*loop_tasks, *others):
                task.cancel()
            await asyncio.gather(*loop_tasks, *others, ended, return_exceptions=True)
            if self._side:
                await asyncio.wait(self._side, timeout=10.0)
            self.tally.seconds = time.monotonic() - self.tally.begun

    def take(self, marks: Sequence[Mark], received: int) -> None:
        """Judge the accounts at new marks and tell what changes."""
        seen = self.watched.take(marks)
        self.tally.marks += len(marks)
        if not len(seen):
            return
        self._heard(seen)
        self._judge(received)

    def _judge(self, received: int) -> None:
        change = self.watched.judge()
        self.tally.judged += len(self.watched.level)
        if not len(change):
            return
        told = warned(self.watched, to_tell(change), self._goal)
        if told:
            self.tally.warnings += sum(w.worse for w in told)
            self._tell(told, received)
        if self._on_change is not None:
            task = asyncio.get_running_loop().create_task(self._beside(change))
            self._side.add(task)
            task.add_done_callback(self._side.discard)

    async def _beside(self, change: Change) -> None:
        assert self._on_change is not None
        try:
            notices = await self._on_change(self.watched, change)
        except Exception as error:
            # nobody awaits this: what is not told here is never told
            notices = [SourceTold(f"stops could not be seen to: {_said(error)}", True, stops=True)]
        if notices:
            self._tell(notices, 0)

    def _tell_end(self, why: str) -> None:
        """Tell that nothing is watched from here on."""
        held = self.watched.held
        quiet = float((time.monotonic() - self._last[held]).max()) if len(held) else 0.0
        self._tell([FeedTold(False, self._named(held), quiet, why, ended=True)], 0)

    async def _stopped(self) -> None:
        await self._stopping.wait()

    async def _follow(self, feed: Feed) -> None:
        wait = self._patience.reopen
        while True:
            begun = time.monotonic()
            try:
                await feed.run(self.take)
                return
            except InputError:
                raise
            except Exception as error:
                # whatever a feed's library raises, the watch goes on and the silence is told
                self.tally.broken += 1
                self._why = str(error) if isinstance(error, FeedBrokenError) else _said(error)
            if time.monotonic() - begun > self._patience.most:
                wait = self._patience.reopen
            await asyncio.sleep(wait)
            wait = min(2.0 * wait, self._patience.most)

    def _forget_silence(self) -> None:
        count = len(self.watched.margin.book.instruments)
        self._last: NDArray[np.float64] = np.full(count, time.monotonic())
        self._dead = np.zeros(count, dtype=np.bool_)

    def _heard(self, seen: NDArray[np.int64]) -> None:
        self._last[seen] = time.monotonic()
        back = seen[self._dead[seen]]
        if len(back):
            self._dead[back] = False
            self._tell([FeedTold(True, self._named(np.unique(back)), 0.0)], 0)

    async def _listen_for_silence(self) -> None:
        if not all(feed.live for feed in self._feeds):
            return
        silence = self._patience.silence
        while True:
            await asyncio.sleep(min(1.0, silence / 4))
            quiet = time.monotonic() - self._last
            held = self.watched.held
            lost = held[(quiet[held] > silence) & ~self._dead[held]]
            if len(lost):
                self._dead[lost] = True
                longest = float(quiet[lost].max())
                self._tell([FeedTold(False, self._named(lost), longest, self._why)], 0)

    def _named(self, instruments: NDArray[np.int64]) -> tuple[str, ...]:
        all_ = self.watched.margin.book.instruments
        return tuple(f"{all_[k].venue} {all_[k].symbol}" for k in instruments.tolist())

    async def _look_again(self) -> None:
        assert self._reread is not None
        failing = False
        while True:
            await asyncio.sleep(self._patience.reread)
            try:
                fresh = await asyncio.to_thread(self._reread)
            except Exception as error:
                # a look that is never taken again would leave changes of the account unseen
                if not failing:
                    self._tell([SourceTold(_said(error), True)], 0)
                failing = True
                continue
            if failing:
                self._tell([SourceTold("the book can be read again", False)], 0)
            failing = False
            if fresh is not None:
                fresh.carry(self.watched)
                self.watched = fresh
                self._forget_silence()
                self._judge(0)


def _said(error: Exception) -> str:
    text = " ".join(str(error).split())[:300]
    return text if isinstance(error, SeawallError) else f"{type(error).__name__}: {text}"
