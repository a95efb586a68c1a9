"""One WebSocket connection: subscribed, kept alive, watched, and made again when it is lost."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import aiohttp

from seawall.core import format_time
from seawall.ingest.store.outages import UNREAD_MESSAGES, UNREAD_ROWS, UNSIZED_ROWS
from seawall.ingest.wire.adapter import Adapter, Link, Raw, Said
from seawall.ingest.wire.context import Context, MalformedMessageError
from seawall.ingest.wire.event import WireEvent
from seawall.ingest.wire.inbox import Inbox
from seawall.ingest.wire.logs import say
from seawall.ingest.wire.rest import moved
from seawall.ingest.wire.standing import Standing
from seawall.ingest.wire.subscribing import Subscribing

_log = logging.getLogger(__name__)
_YIELD_EVERY = 64
_SHOWN_FIRST = 5
_QUIET = "no events for long"


@dataclass(frozen=True, slots=True)
class Pace:
    """How patient a connection is; seconds.

    Attributes
    ----------
    first, most
        Bounds of the wait before the next try: it is drawn from 0 to ``first``, twice as much
        after each failure, up to ``most``, so that many clients do not come back at once.
    steady
        After how long a connection counts as good and the wait starts again at ``first``.
    connect, acknowledge
        How long connecting may take, and an answer to a subscription.
    again
        After how long what the venue refused is asked for once more.
    beside
        How long an old connection is still read once the new one stands that takes over from it.
    hurry
        Divides that, and all times that the venues' links state, for rehearsals.
    """

    first: float = 1.0
    most: float = 60.0
    steady: float = 30.0
    connect: float = 15.0
    acknowledge: float = 15.0
    again: float = 600.0
    beside: float = 10.0
    hurry: float = 1.0

    def wait(self, tries: int, chance: float) -> float:
        """Seconds before the next try; ``chance`` is drawn from 0 to 1."""
        return chance * min(self.most, self.first * 2.0 ** min(tries, 30))


class Connection:
    """Reads one link of a venue into an inbox until it is cancelled.

    Parameters
    ----------
    base
        Address that stands in for the venue's scheme, host and port; empty for the venue's own.
    stands
        Called with the seconds since data last came each time the subscription stands: that it
        stood all the while does not say that it told everything.
    standing
        Shared by the connections of the link: one may take over from another.

    Attributes
    ----------
    stood
        Set while its subscription stands.
    took_over
        Whether another connection stood when it last began to.
    """

    def __init__(
        self,
        adapter: Adapter,
        link: Link,
        context: Context,
        inbox: Inbox,
        standing: Standing,
        pace: Pace | None = None,
        base: str = "",
        stands: Callable[[float], None] | None = None,
    ):
        self.link = link
        self.counts = standing.counts
        self.stood = asyncio.Event()
        self.took_over = False
        self._standing = standing
        self._adapter = adapter
        self._context = context
        self._inbox = inbox
        self._pace = pace or Pace()
        self._url = moved(link.url, base)
        self._stands = stands
        self._account = standing.watch
        self._alive = 0.0
        self._heard = self._heard_then = 0
        self._eventful = 0.0
        self._told = 0
        self._told_at = 0.0
        self._asked = Subscribing(link)
        self._answered = 0.0
        self._subscribed = False
        self._pauses = standing.pauses
        self._lossy = self._late = 0

    @property
    def heard(self) -> int:
        """UTC ns of the last frame of the subscription that stands, or of the last that stood."""
        return (self._heard or self._told) if self._subscribed else self._heard_then

    def missed(self, seconds: float) -> None:
        """Have it asked what the link did not hear for some seconds."""
        if self._stands is not None:
            self._stands(seconds)

    async def run(self, session: aiohttp.ClientSession) -> None:
        """Connect, read, and connect again, for ever."""
        tries = 0
        self._account.begins(self._adapter.venue, self.link.name)
        while True:
            begun = self._alive = time.monotonic()
            why = ""
            try:
                why = await self._once(session)
            except (TimeoutError, aiohttp.ClientError, OSError) as error:
                self.counts.failures += 1
                why = f"{type(error).__name__}: {error}"
            except Exception as error:
                # a mistake of ours at one venue must not end the recording of the others
                self.counts.failures += 1
                why = f"internal error, please report it: {type(error).__name__}: {error}"
                _log.exception("internal error")
            finally:
                # one that only answers pings for too long was heard until its last data
                quiet = why == _QUIET
                self._heard_then = self.heard
                self._subscribed = False
                self.stood.clear()
                self._standing.ends(self, self._eventful if quiet else self._alive)
            self._standing.falls(self._told if quiet else self._heard, why)
            tries = 0 if time.monotonic() - begun > self._pace.steady else tries + 1
            wait = self._pace.wait(tries, random.random())  # noqa: S311
            self._say(logging.WARNING, "disconnected", why=why, again_in=wait)
            await asyncio.sleep(wait)

    async def _once(self, session: aiohttp.ClientSession) -> str:
        """One connection from end to end; says why it ended."""
        timeout = aiohttp.ClientWSTimeout(ws_close=1.0)
        async with asyncio.timeout(self._pace.connect):
            socket = await session.ws_connect(
                self._url,
                autoping=False,
                timeout=timeout,
                headers=dict(self.link.headers),
                max_msg_size=16 * 1024 * 1024,
            )
        async with socket:
            self.counts.connects += 1
            self._asked = Subscribing(self.link)
            self._alive = self._eventful = self._answered = time.monotonic()
            await self._ask(socket)
            watch = asyncio.create_task(self._watch(socket))
            reader = asyncio.create_task(self._read(socket))
            try:
                await asyncio.wait({watch, reader}, return_when=asyncio.FIRST_COMPLETED)
                return (watch if watch.done() else reader).result()
            finally:
                for task in (watch, reader):
                    task.cancel()
                await asyncio.gather(watch, reader, return_exceptions=True)

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> str:
        """Take frames until the other end closes or asks us to."""
        frames = 0
        while True:
            message = await socket.receive()
            kind = message.type
            self._alive, self._heard = time.monotonic(), time.time_ns()
            if kind in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                why = await self._frame(socket, message.data)
                if why:
                    return why
            elif kind is aiohttp.WSMsgType.PING:
                await socket.pong(message.data)
            elif kind is not aiohttp.WSMsgType.PONG:
                self.counts.closes += 1
                return f"closed by the venue: {socket.close_code} {message.extra or ''}".strip()
            frames += 1
            if frames % _YIELD_EVERY == 0:
                await asyncio.sleep(0)  # frames already here must not keep the others waiting

    async def _frame(self, socket: aiohttp.ClientWebSocketResponse, raw: Raw) -> str:
        """Take one message; says why to end the connection, or nothing."""
        counts = self.counts
        received = time.time_ns()
        counts.frames += 1
        counts.size += len(raw)
        counts.last_frame = received
        self._context.begin(received)
        tally = self._context.tally
        before = tally.malformed, tally.unsized
        late = tally.late
        try:
            events = self._adapter.parse(raw, self._context)
        except MalformedMessageError as error:
            counts.malformed += 1
            if counts.malformed <= _SHOWN_FIRST or counts.malformed % 1000 == 0:
                self._say(logging.WARNING, "malformed", error=str(error), raw=raw[:200])
            self._account.drops(self._adapter.venue, self.link.name, received, 0, UNREAD_MESSAGES)
            return ""
        if before != (tally.malformed, tally.unsized):
            self._loses(raw, tally.malformed - before[0], tally.unsized - before[1])
        if tally.late > late and not self._adapter.tells_past:
            self._warn_of_late(tally.late, events)
        if not events:
            return await self._control(socket, raw)
        self._tells()
        counts.events += len(events)
        counts.last_event = received
        counts.lag = (received - events[-1].time) / 1e9
        try:
            lost = await self._inbox.put(events)
        except asyncio.CancelledError:
            self._inbox.push(events)  # being stopped: what was read is still to be written
            raise
        if lost:
            counts.dropped += lost
            self._account.drops(self._adapter.venue, self.link.name, received, lost)
            self._say(logging.ERROR, "dropped", events=lost)
        return ""

    def _warn_of_late(self, total: int, events: Sequence[WireEvent]) -> None:
        """Say that times lie hours back, of the first messages and then of some."""
        self._late += 1
        if self._late <= _SHOWN_FIRST or self._late % 1000 == 0:
            oldest = format_time(min((e.time for e in events), default=0))
            self._say(logging.WARNING, "late events", events=total, oldest=oldest)

    def _loses(self, raw: Raw, unread: int, unsized: int) -> None:
        """Note rows of a message that could not be kept; the first messages are shown."""
        self._lossy += 1
        for count, why in ((unread, UNREAD_ROWS), (unsized, UNSIZED_ROWS)):
            if count:
                at = self._context.received
                self._account.drops(self._adapter.venue, self.link.name, at, count, why)
        if self._lossy <= _SHOWN_FIRST or self._lossy % 1000 == 0:
            self._say(logging.WARNING, "rows lost", unread=unread, unsized=unsized,
                      messages=self._lossy, raw=raw[:200])  # fmt: skip

    async def _control(self, socket: aiohttp.ClientWebSocketResponse, raw: Raw) -> str:
        control = self._adapter.control(raw)
        if control.said is Said.PING:
            await socket.send_str(control.reply)
        elif control.said is Said.ACK:
            self._asked.takes()
            await self._go_on(socket)
        elif control.said is Said.REFUSED:
            self.counts.refused += 1
            parted = self._asked.refuses(control.text)
            level = logging.WARNING if parted else logging.ERROR
            self._say(level, "refused", text=control.text, asked_in_parts=parted)
            await self._go_on(socket)
            if self._asked.answered and not self._asked.taken:
                return f"refused: {control.text}"
        elif control.said is Said.MOVE:
            self.counts.moves += 1
            self._say(logging.INFO, "renewing", why=f"asked to connect again: {control.text}")
            self._standing.wanted.set()
        elif control.said is Said.OTHER:
            self._tells()  # trades that liquidated nobody, assets not asked for
        return ""

    async def _ask(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        for frame in self._asked.due():
            await socket.send_str(frame)

    async def _go_on(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """After an answer: ask for what is left, and see whether the subscription stands."""
        self._answered = time.monotonic()
        await self._ask(socket)
        asked = self._asked
        if not asked.answered or not asked.taken:
            return
        if not self._subscribed:
            self._stand()
        count = len(asked.refused)
        why = f"refused, {count} subscription{'s' * (count > 1)}: {asked.why}" if count else ""
        self._account.refused(self._adapter.venue, self.link.name, why)

    def _stand(self) -> None:
        now = time.monotonic()
        self._subscribed = True
        gap = self._standing.stands(self, now)
        silent = now - self._told_at if self._told_at else 0.0
        if gap is None:
            # a silence goes on whichever connection hears it
            self._eventful, self._told, self._told_at = self._standing.last_told
        else:
            # until something is told, what is known to have been heard begins here
            self._eventful, self._told, self._told_at = now, time.time_ns(), self._told_at or now
            self._standing.last_told = self._eventful, self._told, self._told_at
        self._say(logging.INFO, "subscribed", gap=gap or 0.0, took_over=gap is None)
        self.took_over = gap is None
        self.stood.set()
        if gap is not None:
            self.missed(max(gap, silent))

    def _tells(self) -> None:
        """Note that the venue told something: a subscription that stalls still answers pings."""
        self._pauses.note(self._alive, self._alive - self._eventful)
        self._eventful = self._told_at = self._alive
        self._told = self._heard
        self._standing.last_told = self._eventful, self._told, self._told_at

    async def _watch(self, socket: aiohttp.ClientWebSocketResponse) -> str:
        """Ping, and see when the connection is dead; says of what."""
        link, hurry = self.link, self._pace.hurry
        begun = pinged = time.monotonic()
        renewed = not link.renew_seconds
        every = link.ping_seconds / hurry
        step = min(0.5, self._pace.acknowledge / 4, (every or link.silence_seconds / hurry) / 4)
        while True:
            await asyncio.sleep(step)
            now = time.monotonic()
            if not renewed and now - begun > link.renew_seconds / hurry:
                renewed = True
                self._say(logging.INFO, "renewing", why="before the venue ends it")
                self._standing.wanted.set()
            if not self._subscribed and now - self._answered > self._pace.acknowledge:
                self.counts.unacknowledged += 1
                return "no answer to the subscription"
            if now - self._alive > link.silence_seconds / hurry:
                self.counts.silences += 1
                return "silent"
            if now - self._eventful > self._pauses.limit(now, link.quiet_seconds / hurry):
                self.counts.quiets += 1
                # a venue that has grown calm is left once, and longer silences are its own then
                self._pauses.note(now, now - self._eventful)
                return _QUIET
            if self._asked.refused and now - self._answered > self._pace.again:
                self._answered = now
                self._asked.again()
                await self._ask(socket)
            if every and now - pinged >= every:
                pinged = now
                if link.ping is None:
                    await socket.ping()
                else:
                    await socket.send_str(link.ping(int(time.time())))

    def _say(self, level: int, what: str, **fields: object) -> None:
        say(_log, level, what, venue=self._adapter.venue, link=self.link.name, **fields)
