"""All of one venue: its contracts, its connections, and what was missed during gaps."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass

import aiohttp

from seawall.ingest.wire.adapter import Adapter, Link, Request
from seawall.ingest.wire.connection import Connection, Pace
from seawall.ingest.wire.context import MalformedMessageError
from seawall.ingest.wire.counts import Counts
from seawall.ingest.wire.inbox import Inbox
from seawall.ingest.wire.logs import say
from seawall.ingest.wire.relay import Relay
from seawall.ingest.wire.rest import UnansweredError, ask
from seawall.ingest.wire.standing import Standing
from seawall.ingest.wire.watch import Unwatched, Watch
from seawall.rulebook import Rules

_log = logging.getLogger(__name__)
_MOST_PAGES = 200


@dataclass(frozen=True, slots=True)
class Asking:
    """When a feed asks over REST; seconds.

    Attributes
    ----------
    past
        How far back missed events are asked for at the first subscription of all.
    furthest
        How far back they are asked for where an earlier recording ended before; venues keep a
        day or some.
    overlap
        How much before a gap they are asked for: clocks differ and events come late.
    contracts
        How often the list of contracts is asked for again.
    unsized
        How soon it is asked for again when an unknown contract had an event, or a subscription
        was refused.
    between
        Pause between questions.
    """

    past: float = 3600.0
    furthest: float = 604_800.0
    overlap: float = 60.0
    contracts: float = 21_600.0
    unsized: float = 60.0
    between: float = 0.2


class VenueFeed:
    """Runs a venue's connections into an inbox.

    Parameters
    ----------
    assets
        Underlyings to record, all if None.
    base
        Address that stands in for the venue's own, for WebSocket and REST; empty for its own.
    watch
        Told when each connection is heard and when it is not.
    seen
        Instruments that had events in an earlier recording: where all assets are recorded, what was
        missed is asked for by them too.

    Attributes
    ----------
    mistakes
        Errors of ours at this venue, after which it went on.
    """

    def __init__(
        self,
        adapter: Adapter,
        rules: Rules,
        inbox: Inbox,
        assets: Sequence[str] | None = None,
        base: str = "",
        pace: Pace | None = None,
        asking: Asking | None = None,
        watch: Watch | None = None,
        seen: Sequence[str] = (),
    ):
        self.adapter = adapter
        self.context = adapter.context(rules, assets)
        self.counts: dict[str, Counts] = {}
        self._past = adapter.context(rules, assets)
        self._inbox = inbox
        self._assets = assets
        self._base = base
        self._pace = pace or Pace()
        self._asking = asking or Asking()
        self._watch = watch or Unwatched()
        self._seen = () if assets is not None else tuple(seen)
        self.mistakes = 0
        self._instruments: tuple[str, ...] = ()

    async def run(self, session: aiohttp.ClientSession) -> None:
        """Record the venue until cancelled; nothing that it sends stops it.

        Nor does a mistake of ours: it is logged and counted, and the venue begun again, since the
        other venues' recording would end with this one's.
        """
        while True:
            running: dict[str, tuple[Relay, asyncio.Task[None]]] = {}
            try:
                await self._run(session, running)
            except Exception as error:
                self._mistaken(error)
                for name in running:
                    self._watch.falls(name, time.time_ns(), _internal(error))
            await asyncio.sleep(self._asking.unsized)

    async def _run(
        self,
        session: aiohttp.ClientSession,
        running: dict[str, tuple[Relay, asyncio.Task[None]]],
    ) -> None:
        await self._learn(session)
        while self.adapter.listed and not self._instruments and self._assets is None:
            say(_log, logging.ERROR, "no contracts", venue=self.adapter.venue)
            await asyncio.sleep(self._asking.unsized)
            await self._learn(session)
        async with asyncio.TaskGroup() as group:
            while True:
                links = self.adapter.links(self._assets, self._instruments)
                self._restart(links, running, group, session)
                await self._until_contracts_change(session)

    def _restart(
        self,
        links: list[Link],
        running: dict[str, tuple[Relay, asyncio.Task[None]]],
        group: asyncio.TaskGroup,
        session: aiohttp.ClientSession,
    ) -> None:
        """Run the links of now: those that changed go on until a new connection stands."""
        for name in running.keys() - {k.name for k in links}:
            running.pop(name)[1].cancel()
            self._watch.falls(name, time.time_ns(), "not asked for any more")
        for link in links:
            known = running.get(link.name)
            if known is None:
                relay = self._relay(link, group, session)
                running[link.name] = relay, group.create_task(relay.run(session))
            elif known[0].link.frames != link.frames:
                known[0].change(link)

    def _relay(self, link: Link, group: asyncio.TaskGroup, session: aiohttp.ClientSession) -> Relay:
        counts = self.counts.setdefault(link.name, Counts(self.adapter.venue, link.name))
        pace = self._pace

        def stands(gap: float) -> None:
            group.create_task(self._ask_missed(session, counts, gap))

        def made(link: Link, standing: Standing) -> Connection:
            return Connection(
                self.adapter, link, self.context, self._inbox, standing, pace, self._base, stands
            )

        standing = Standing(counts, self._watch, pace.hurry)
        return Relay(
            link, standing, pace.beside / pace.hurry, link.silence_seconds / pace.hurry, made
        )

    async def _until_contracts_change(self, session: aiohttp.ClientSession) -> None:
        asked, known = time.monotonic(), self._surprises()
        while True:
            await asyncio.sleep(min(self._asking.unsized, self._asking.contracts))
            unknown = bool(self.adapter.listing()) and not self._instruments
            due = unknown or time.monotonic() - asked >= self._asking.contracts
            if not due and self._surprises() == known:
                continue
            asked, known = time.monotonic(), self._surprises()
            before = self._instruments
            await self._learn(session)
            if self.adapter.listed and before != self._instruments:
                return

    def _surprises(self) -> int:
        """Count of what the list of contracts may explain: unknown ones, and refusals."""
        return self.context.tally.unsized + sum(c.refused for c in self.counts.values())

    async def _learn(self, session: aiohttp.ClientSession) -> None:
        """Ask for the venue's contracts; what it does not answer stays as it was."""
        try:
            await self._ask_contracts(session)
        except Exception as error:
            self._mistaken(error)

    async def _ask_contracts(self, session: aiohttp.ClientSession) -> None:
        found: dict[str, float] = {}
        for first in self.adapter.listing():
            request: Request | None = first
            for _ in range(_MOST_PAGES):
                if request is None:
                    break
                body = await self._ask(session, request)
                if body is None:
                    return
                try:
                    listing = self.adapter.parse_listing(body, request)
                except MalformedMessageError as error:
                    self._unanswered(request, str(error))
                    return
                self.context.tally.malformed += listing.unread
                found.update(listing.sizes)
                request = listing.next
        if found:
            self._instruments = tuple(sorted(found))
            for context in (self.context, self._past):
                context.learn(found.items())
            say(_log, logging.INFO, "contracts", venue=self.adapter.venue, count=len(found))

    async def _ask_missed(self, session: aiohttp.ClientSession, counts: Counts, gap: float) -> None:
        """Ask for what happened while the subscription did not stand.

        If that cannot be had, by a mistake of ours too, the outage stays what it is.
        """
        try:
            await self._ask_gap(session, counts, gap)
        except Exception as error:
            self._mistaken(error, counts)

    async def _ask_gap(self, session: aiohttp.ClientSession, counts: Counts, gap: float) -> None:
        now = int(time.time() * 1000)
        since = now - int(self._back(counts, gap, now / 1e3) * 1000)
        whole = self.adapter.refills
        seen = tuple(dict.fromkeys((*self._seen, *self.context.instruments())))
        for question in self.adapter.missed(since, now, self._assets, seen):
            whole &= await self._ask_pages(session, question, counts)
        if whole:
            self._watch.refilled(counts.link, since * 1_000_000)

    def _back(self, counts: Counts, gap: float, now: float) -> float:
        """How many seconds back to ask: to the end of listening, this recording's or another's."""
        asking = self._asking
        if counts.subscribed > 1:
            return min(gap + asking.overlap, asking.furthest)
        earlier = self._watch.heard_before(counts.link) / 1e9
        if not earlier:
            return asking.past
        return min(max(0.0, now - earlier) + asking.overlap, asking.furthest)

    async def _ask_pages(
        self, session: aiohttp.ClientSession, question: Request, counts: Counts
    ) -> bool:
        """Take the pages of one question; whether all of them were had, each row of them."""
        request: Request | None = question
        whole = True
        for _ in range(_MOST_PAGES):
            if request is None:
                return whole
            body = await self._ask(session, request, counts)
            if body is None:
                return False
            self._past.begin(time.time_ns())
            unread, unsized = self._past.tally.malformed, self._past.tally.unsized
            try:
                missed = self.adapter.parse_missed(body, request, self._past)
            except MalformedMessageError as error:
                self._unanswered(request, str(error), counts)
                return False
            bad = self._past.tally.malformed - unread
            odd = self._past.tally.unsized - unsized
            self.context.tally.malformed += bad
            self.context.tally.unsized += odd  # the list of contracts is then asked for again
            whole &= bad == 0 and odd == 0
            counts.events += len(missed.events)
            counts.missed += len(missed.events)
            lost = await self._inbox.put(missed.events)
            if lost:
                counts.dropped += lost
                self._watch.drops(self.adapter.venue, counts.link, self._past.received, lost)
                return False
            request = missed.next
            await asyncio.sleep(self._asking.between)
        return whole and request is None

    async def _ask(
        self, session: aiohttp.ClientSession, request: Request, counts: Counts | None = None
    ) -> bytes | None:
        if counts is not None:
            counts.questions += 1
        try:
            return await ask(session, request, self._base)
        except UnansweredError as error:
            self._unanswered(request, str(error), counts)
            return None

    def _unanswered(self, request: Request, why: str, counts: Counts | None = None) -> None:
        if counts is not None:
            counts.unanswered += 1
        say(
            _log,
            logging.WARNING,
            "unanswered",
            venue=self.adapter.venue,
            url=request.url,
            why=why,
        )

    def _mistaken(self, error: Exception, counts: Counts | None = None) -> None:
        """Count and log a mistake of ours."""
        self.mistakes += 1
        if counts is not None:
            counts.unanswered += 1
        _log.error("internal error", exc_info=error)
        say(_log, logging.ERROR, "mistake", venue=self.adapter.venue, why=_internal(error))


def _internal(error: Exception) -> str:
    return f"internal error, please report it: {type(error).__name__}: {error}"
