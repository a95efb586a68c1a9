"""Feeds of several venues into one sink, until asked to stop."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web

from seawall.core import SeawallError
from seawall.ingest.record.account import Account
from seawall.ingest.record.metrics import CONTENT_TYPE, metrics_text
from seawall.ingest.record.recent import Recent
from seawall.ingest.record.sink import Sink
from seawall.ingest.wire.connection import Pace
from seawall.ingest.wire.event import WireEvent, tape_of
from seawall.ingest.wire.feed import Asking, VenueFeed
from seawall.ingest.wire.inbox import Inbox
from seawall.ingest.wire.logs import say
from seawall.ingest.wire.venues import adapters_of
from seawall.rulebook import Rules

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Recording:
    """What to record and how.

    Attributes
    ----------
    venues
        Names or aliases; every venue with a live feed if empty.
    assets
        Underlyings, all if None.
    urls
        Addresses that stand in for venues' own, by rulebook: ``ws://127.0.0.1:8080``.
    metrics_port
        Port on the loopback interface for Prometheus; 0 for any free one, None for none.
    batch, linger
        Most events a write, and how long a write waits for more, seconds. An event is durable
        about ``linger`` plus one sync of the disk after it was read.
    room, patience
        Of the queue, as in :class:`~seawall.ingest.wire.inbox.Inbox`.
    roll_seconds, tidy_seconds
        How often the sink is asked whether it wants to roll, and its past is tidied.
    tick, beat
        How often outages that ended are written, and until when each feed was heard, seconds.
    """

    venues: tuple[str, ...] = ()
    assets: tuple[str, ...] | None = None
    urls: Mapping[str, str] = field(default_factory=dict)
    metrics_port: int | None = None
    batch: int = 20_000
    linger: float = 0.02
    room: int = 100_000
    patience: float = 5.0
    roll_seconds: float = 5.0
    tidy_seconds: float = 3600.0
    tick: float = 1.0
    beat: float = 10.0
    pace: Pace = field(default_factory=Pace)
    asking: Asking = field(default_factory=Asking)


class Recorder:
    """Reads feeds and writes what they tell.

    Parameters
    ----------
    seen
        By rulebook, instruments that had events before: what was missed since is asked for by them.
    tidy
        Merges small files of the past; gives how many there are fewer. What it is refused is
        logged and ends no recording.

    Attributes
    ----------
    feeds
        One a rulebook.
    written, copies
        Events written and acknowledged, and events left out because they had come before.
    write_seconds
        Time spent in the sink.
    port
        Of the metrics, once they are served.
    """

    def __init__(
        self,
        recording: Recording,
        sink: Sink,
        rules: Rules | None = None,
        seen: Mapping[str, Sequence[str]] | None = None,
        tidy: Callable[[], int] | None = None,
    ):
        rules = rules or Rules.bundled()
        self.recording = recording
        self.sink = sink
        self._tidy = tidy
        self.inbox = Inbox(recording.room, recording.patience)
        self.account = Account(sink.heard(), assets=recording.assets)
        self.feeds = [
            VenueFeed(
                adapter,
                rules,
                self.inbox,
                recording.assets,
                recording.urls.get(adapter.venue, ""),
                recording.pace,
                recording.asking,
                self.account,
                (seen or {}).get(adapter.venue, ()),
            )
            for adapter in adapters_of(recording.venues, rules)
        ]
        self.written = 0
        self.copies = 0
        self.write_seconds = 0.0
        self.port = 0
        self._settled = 0
        self._recent = Recent()
        self._stop = asyncio.Event()

    def stop(self) -> None:
        """Ask for a clean end: no more is read, what has been read is written."""
        self._stop.set()

    async def run(self) -> None:
        """Record until :meth:`stop`, or until the sink refuses.

        Raises
        ------
        SeawallError
            What the sink raises, a full disk for one: nothing more is recorded then.
        """
        say(_log, logging.INFO, "recording", venues=",".join(f.context.venue for f in self.feeds))
        served = await self._serve()
        try:
            async with aiohttp.ClientSession() as session:
                await self._until_stopped(session)
        finally:
            if served is not None:
                await served.cleanup()
            await asyncio.to_thread(self.sink.close)
        say(_log, logging.INFO, "stopped", written=self.written, copies=self.copies, **self._lost())

    def _lost(self) -> dict[str, int]:
        """What was lost or is of odd times, in all: events, messages, rows."""
        links = [c for feed in self.feeds for c in feed.counts.values()]
        tallies = [feed.context.tally for feed in self.feeds]
        return {
            "dropped": sum(c.dropped for c in links),
            "unread_messages": sum(c.malformed for c in links),
            "unread_rows": sum(t.malformed for t in tallies),
            "unsized": sum(t.unsized for t in tallies),
            "future": sum(t.future for t in tallies),
            "late": sum(t.late for t in tallies),
        }

    async def _until_stopped(self, session: aiohttp.ClientSession) -> None:
        readers = [asyncio.create_task(feed.run(session)) for feed in self.feeds]
        writer = asyncio.create_task(self._write())
        roller = asyncio.create_task(self._roll())
        keeper = asyncio.create_task(self._keep_account())
        asked = asyncio.create_task(self._stop.wait())
        try:
            # a feed ends only by a mistake of ours, the writer only by the sink's refusal
            done, _ = await asyncio.wait(
                {*readers, writer, roller, keeper, asked}, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            ended = time.time_ns()
            await _cancelled((*readers, roller, keeper, asked))
            await _cancelled((writer,))
        if not writer.cancelled():
            writer.result()  # the sink refused, at once or while the last write was awaited
        while rest := self.inbox.drain(self.recording.batch):
            await self._keep(rest)
        self.account.stored(ended)
        await asyncio.to_thread(self.sink.keep_heard, *self.account.take())
        for task in done - {asked}:
            task.result()

    async def _write(self) -> None:
        while True:
            events = await self.inbox.take(self.recording.batch, self.recording.linger)
            await _finished(self._keep(events))

    async def _keep(self, events: Sequence[WireEvent]) -> None:
        fresh = self._recent.fresh(events)
        self.copies += len(events) - len(fresh)
        if fresh:
            begun = time.monotonic()
            await asyncio.to_thread(self.sink.append, tape_of(fresh))
            self.write_seconds += time.monotonic() - begun
            self.written += len(fresh)
        self._settled += len(events)

    async def _keep_account(self) -> None:
        """Write outages soon after they end; and how far all that was heard is stored."""
        written, asked, put = time.monotonic(), time.time_ns(), self.inbox.put_in
        while True:
            await asyncio.sleep(self.recording.tick)
            now = time.time_ns()
            self.account.tick(now)
            if self._settled >= put:
                # what had come when this was last asked has been written since
                self.account.stored(asked)
                asked, put = now, self.inbox.put_in
            due = time.monotonic() - written >= self.recording.beat
            if due or self.account.changed:
                written = time.monotonic()
                await _finished(asyncio.to_thread(self.sink.keep_heard, *self.account.take()))

    async def _roll(self) -> None:
        tidied = time.monotonic()
        while True:
            await asyncio.sleep(self.recording.roll_seconds)
            rolled = await asyncio.to_thread(self.sink.roll_if_due)
            if rolled:
                say(_log, logging.INFO, "rolled", events=rolled)
            if self._tidy and time.monotonic() - tidied >= self.recording.tidy_seconds:
                tidied = time.monotonic()
                await self._tidy_up(self._tidy)

    async def _tidy_up(self, tidy: Callable[[], int]) -> None:
        try:
            fewer = await asyncio.to_thread(tidy)
        except SeawallError as error:
            say(_log, logging.WARNING, "not merged", why=str(error))
        else:
            if fewer:
                say(_log, logging.INFO, "merged", files_fewer=fewer)

    async def _serve(self) -> web.AppRunner | None:
        """Serve the metrics, on the loopback interface alone."""
        if self.recording.metrics_port is None:
            return None

        async def answer(_: web.Request) -> web.Response:
            body = metrics_text(self).encode()
            return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE})

        app = web.Application()
        app.router.add_get("/metrics", answer)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", self.recording.metrics_port)
        await site.start()
        self.port = runner.addresses[0][1]
        say(_log, logging.INFO, "metrics", url=f"http://127.0.0.1:{self.port}/metrics")
        return runner


async def _finished(work: Coroutine[Any, Any, None]) -> None:
    """Wait for a write to its end, even while being stopped."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await task
        raise


async def _cancelled(tasks: Sequence[asyncio.Task[object]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
