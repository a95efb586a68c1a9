"""The watch itself: marks come in, accounts are judged, and what is new is told."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seawall.core import InputError, NoPositionsError, SeawallError, format_time
from seawall.desk.rescue import Goal
from seawall.desk.watch.feeds import Feed, FeedBrokenError
from seawall.desk.watch.looks import Looks
from seawall.desk.watch.notices import FeedTold, Notice, SourceTold, doubted, moved, to_tell, warned
from seawall.desk.watch.pulse import Pulse
from seawall.desk.watch.watched import Change, Doubt, Key, Mark, Watched

SECOND_LOOK = 5.0
"""Seconds at most from a look that misses something of the book to the next."""
_LOOKS = 3
"""After so many looks running that each miss something else, the last is believed."""

Tell = Callable[[Sequence[Notice], int], None]
"""Takes what is to be told at once, and when the mark behind it was received (0: none was)."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long things may take, in seconds.

    Attributes
    ----------
    silence
        Without a mark of an instrument, after which its feed is taken for dead; a mark that bears a
        time further from now is none.
    reopen, most
        Before a broken feed is opened again: at first, doubled each time, and at most.
    reread
        Between looks whether the book has changed; 0 for never.
    answer
        That a look at the book or account may take before it is an alarm; its answer still counts,
        until it is given up after :data:`~seawall.desk.watch.looks.GIVE_UP` times as long again.
    """

    silence: float = 30.0
    reopen: float = 0.5
    most: float = 30.0
    reread: float = 0.0
    answer: float = 30.0


@dataclass(slots=True)
class Tally:
    """What a watch has done."""

    marks: int = 0
    judged: int = 0
    warnings: int = 0
    broken: int = 0
    stale: int = 0
    seconds: float = 0.0
    begun: float = field(default_factory=time.monotonic)


class Watcher:
    """Follows feeds and tells what changes, until stopped or the feeds end.

    Parameters
    ----------
    watched
        The accounts.
    feeds
        Where marks come from; or what tells it for a book, and is asked again for one that holds
        other instruments: feeds that are equal go on.
    tell
        What is new is handed to it, at once and in the thread of the loop.
    goal
        What the ways back lead to.
    patience
        How long things may take.
    reread
        Reads the book again; None where nothing has changed. Called in a thread, and in a second
        one when a look is given up.
    on_change
        Is told of each change of level beside ``tell``, to place stops for one.
    """

    def __init__(
        self,
        watched: Watched,
        feeds: Sequence[Feed] | Callable[[Watched], Sequence[Feed]],
        tell: Tell,
        *,
        goal: Goal | None = None,
        patience: Patience | None = None,
        reread: Callable[[], Watched | None] | None = None,
        on_change: Callable[[Watched, Change], Awaitable[Sequence[Notice]]] | None = None,
    ):
        self.watched, self.tally = watched, Tally()
        self._feeds_of = feeds if callable(feeds) else lambda _: feeds
        self._tell, self._goal = tell, goal or Goal()
        self._patience = patience or Patience()
        self._reread, self._on_change = reread, on_change
        self._stopping = asyncio.Event()
        self._side: set[asyncio.Task[None]] = set()
        self._following: dict[Feed, asyncio.Task[None]] = {}
        self._live, self._asked_for = True, watched.held_names()
        # what ails a feed that has said nothing fresh since
        self._whys: dict[Feed | None, str] = {}
        self._pulse = Pulse(watched.names())
        self._left: dict[Key, int] = {}
        self._doubted_at: dict[int, float] = {}
        self._in_doubt: set[int] = set()
        self._unread = False

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
        self._over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        others = [self._task(self._stopped()), self._task(self._listen_for_silence())]
        if self._reread is not None and self._patience.reread > 0:
            others.append(self._task(self._look_again()))
        try:
            self._judge(0)
            self._follow_all()
            await asyncio.wait({self._over, others[0]}, return_when=asyncio.FIRST_COMPLETED)
            if self._over.done():
                self._over.result()
                if self._live:
                    self._tell_end("the feed has ended")
        except Exception as error:
            self._tell_end(_said(error))
            raise
        finally:
            tasks = (*self._following.values(), *others)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if self._side:
                await asyncio.wait(self._side, timeout=10.0)
            self.tally.seconds = time.monotonic() - self.tally.begun

    def _task(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Work of the watch: an error of it, which nobody else awaits, ends the watch."""

        def ended(task: asyncio.Task[None]) -> None:
            error = None if task.cancelled() else task.exception()
            if error is not None and not self._over.done():
                self._over.set_exception(error)

        task = asyncio.get_running_loop().create_task(work)
        task.add_done_callback(ended)
        return task

    def _follow_all(self, first: bool = True) -> None:
        """Follow the feeds of the book as it is now; those that it needs no more are left."""
        feeds, self._asked_for = self._feeds_of(self.watched), self.watched.held_names()
        self._live = any(feed.live for feed in feeds)
        for feed in [f for f in self._following if f not in feeds]:
            self._following.pop(feed).cancel()
            self._whys.pop(feed, None)
        for feed in feeds:
            if feed not in self._following:
                self._following[feed] = self._task(self._follow(feed, first))
        if not feeds and not self._over.done():
            self._over.set_result(None)

    def take(self, marks: Sequence[Mark], received: int, feed: Feed | None = None) -> None:
        """Judge the accounts at new marks of a feed and tell what changes.

        Marks whose time is further from now than the silence allows are not taken: what is old is
        as good as none.
        """
        seen = self.watched.take(self._fresh(marks, feed))
        self.tally.marks += len(marks)
        if self.watched.doubts:
            self.watched.doubts = self._worth_telling(self.watched.doubts)
            told = doubted(self.watched)
            if told:
                self._tell(told, received)
        if not len(seen):
            return
        self._heard(seen)
        self._judge(received)

    def _worth_telling(self, doubts: Sequence[Doubt]) -> list[Doubt]:
        """Of each instrument one doubt within the silence, and how that one ended."""
        now, told = time.monotonic(), []
        for doubt in doubts:
            k = doubt.instrument
            if doubt.refuted:
                worth = k in self._in_doubt
                self._in_doubt.discard(k)
            else:
                worth = now - self._doubted_at.get(k, -np.inf) >= self._patience.silence
            if worth and not doubt.refuted:
                self._doubted_at[k] = now
                self._in_doubt.add(k)
            if worth:
                told.append(doubt)
        return told

    def _fresh(self, marks: Sequence[Mark], feed: Feed | None) -> Sequence[Mark]:
        now, most = time.time_ns(), int(self._patience.silence * 1e9)
        old = [m for m in marks if m.time and abs(now - m.time) > most]
        if not old:
            self._whys.pop(feed, None)
            return marks
        self.tally.stale += len(old)
        self._whys[feed] = (
            f"marks come, but that of {old[-1].name} is of {format_time(old[-1].time)}, and it is "
            f"{format_time(now)} here"
        )
        return [m for m in marks if not m.time or abs(now - m.time) <= most]

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
            notices = [SourceTold(f"stops could not be seen to: {_said(error)}", True, "stops")]
        if notices:
            self._tell(notices, 0)

    def _tell_end(self, why: str) -> None:
        """Tell that nothing is watched from here on."""
        held = self.watched.held
        quiet = float(self._pulse.quiet()[held].max()) if len(held) else 0.0
        self._tell([FeedTold(False, self._named(held), quiet, why, ended=True)], 0)

    async def _stopped(self) -> None:
        await self._stopping.wait()

    async def _follow(self, feed: Feed, first: bool) -> None:
        wait = self._patience.reopen
        while True:
            begun = time.monotonic()
            try:
                await feed.run(partial(self.take, feed=feed))
                break
            except Exception as error:
                # what is wrong at the start is refused; a book that changes later ends nothing
                if first and isinstance(error, InputError):
                    raise
                first = False
                # whatever a feed's library raises, the watch goes on and the silence is told
                self.tally.broken += 1
                broken = isinstance(error, FeedBrokenError)
                self._whys[feed] = str(error) if broken else _said(error)
            if time.monotonic() - begun > self._patience.most:
                wait = self._patience.reopen
            await asyncio.sleep(wait)
            wait = min(2.0 * wait, self._patience.most)
        self._following.pop(feed, None)
        if not self._following and not self._over.done():
            self._over.set_result(None)

    def _heard(self, seen: NDArray[np.int64]) -> None:
        back = self._pulse.hear(seen)
        if len(back):
            self._tell([FeedTold(True, self._named(back), 0.0)], 0)

    async def _listen_for_silence(self) -> None:
        silence = self._patience.silence
        while True:
            await asyncio.sleep(min(1.0, silence / 4))
            if not self._live:
                continue
            lost = self._pulse.lost(self.watched.held, silence)
            if len(lost):
                longest = float(self._pulse.quiet()[lost].max())
                self._tell([FeedTold(False, self._named(lost), longest, self._why_of(lost))], 0)

    def _why_of(self, instruments: NDArray[np.int64]) -> str:
        """What is known of the feeds that are to tell these instruments' marks."""
        names = self.watched.names()
        venues = {"", *(names[k][0] for k in instruments.tolist())}
        said = (w for f, w in self._whys.items() if getattr(f, "venue", "") in venues)
        return "; ".join(dict.fromkeys(said))

    def _named(self, instruments: NDArray[np.int64]) -> tuple[str, ...]:
        names = self.watched.names()
        return tuple(" ".join(names[k]) for k in instruments.tolist())

    def _late(self) -> None:
        self._cannot_read(
            f"no answer for {self._patience.answer:g} s when the book or account was looked at "
            "again: what is watched is as it was read before"
        )

    def _cannot_read(self, why: str) -> None:
        """Tell once that the book cannot be read, until it can."""
        if not self._unread:
            self._tell([SourceTold(why, True)], 0)
        self._unread = True

    def _can_read(self) -> None:
        if self._unread:
            self._tell([SourceTold("the book can be read again", False)], 0)
        self._unread = False

    async def _look_again(self) -> None:
        assert self._reread is not None
        sight = Looks(self._reread, self._patience.answer, self._late)
        found, missed, looks, empty = None, set[Key](), 0, 0
        while True:
            wait = self._patience.reread
            await asyncio.sleep(min(wait, SECOND_LOOK) if found or empty == 1 else wait)
            try:
                found = await sight.take() or found
                empty = 0 if found else empty
            except NoPositionsError:
                # all closed, or liquidated; a file that is being written is empty for a moment too
                self._can_read()
                found, missed, looks, empty = None, set[Key](), 0, empty + 1
                if empty == 2 and not self.watched.empty:
                    self._let_go()
                continue
            except Exception as error:
                # a look that is never taken again would leave changes of the account unseen
                self._cannot_read(_said(error))
                continue
            self._can_read()
            if found is None:
                continue
            # a file that is being written is for a while a whole book of fewer positions
            gone, looks = self.watched.parts() - found.parts(), looks + 1
            if gone <= missed or looks == _LOOKS:
                self._go_on(found)
                found, missed, looks = None, set[Key](), 0
            else:
                missed = gone

    def _let_go(self) -> None:
        """Tell that no account holds anything any more, and judge none until one does again."""
        gone = self.watched.levels()
        self._left |= gone
        self.watched.let_go()
        self._tell([moved(gone, True)], 0)

    def _go_on(self, fresh: Watched) -> None:
        """Watch a new reading of the book in place of the one before."""
        before = self.watched.levels()
        now = set(fresh.keys())
        back = {key: level for key, level in self._left.items() if key in now}
        gone = {key: level for key, level in before.items() if key not in now}
        fresh.carry(self.watched, self._pulse.alive(self._patience.silence), back)
        self._left = {k: v for k, v in self._left.items() if k not in now} | gone
        pulse = Pulse(fresh.names())
        pulse.carry(self._pulse)
        self.watched, self._pulse = fresh, pulse
        self._doubted_at, self._in_doubt = {}, set()
        if gone or back:
            told = ((gone, True), (back, False))
            self._tell([moved(some, left) for some, left in told if some], 0)
        if not fresh.held_names() <= self._asked_for:
            self._follow_all(first=False)
        self._judge(0)


def _said(error: Exception) -> str:
    text = " ".join(str(error).split())[:300]
    return text if isinstance(error, SeawallError) else f"{type(error).__name__}: {text}"
