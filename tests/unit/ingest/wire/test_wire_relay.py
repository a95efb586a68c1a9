"""Connections that take over from one another: nothing lost, nothing unheard in between."""

from __future__ import annotations

import asyncio
import json
import time as clock
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import aiohttp
import pytest

from alone import run_alone
from loop_feed import PACE, RULES, told, total, truth
from seawall.ingest.record.account import Account
from seawall.ingest.rehearsal.closings import Closing, closings
from seawall.ingest.rehearsal.server import LoopServer, say
from seawall.ingest.rehearsal.speeches import SPEECHES
from seawall.ingest.wire.adapter import Adapter, Link
from seawall.ingest.wire.counts import Counts
from seawall.ingest.wire.event import WireEvent
from seawall.ingest.wire.feed import Asking, VenueFeed
from seawall.ingest.wire.inbox import Inbox
from seawall.ingest.wire.relay import Relay
from seawall.ingest.wire.standing import Standing
from seawall.ingest.wire.venues import ADAPTERS
from seawall.ingest.wire.watch import Unwatched

ASKING = Asking(past=0.0, contracts=0.2, unsized=0.1, between=0.0)
QUICK = replace(PACE, beside=8.0)
"""A fifth of a second beside one another."""


class Radio(LoopServer):
    """Tells each message at its time, to everybody who listens then."""

    every = 0.02
    begun = 0.0
    notice: dict[str, Any] | None = None
    """Told to the first connection before its fifth message."""

    @property
    def done(self) -> bool:
        """Whether all has been told, to whoever listened."""
        return bool(self.begun) and self._due() >= len(self._messages)

    def _due(self) -> int:
        return int((clock.monotonic() - self.begun) / self.every)

    async def _tell(
        self,
        socket: Any,
        request: Any,
        first: bool,
        stalled: asyncio.Event,
    ) -> None:
        self.begun = self.begun or clock.monotonic()
        for k in range(self._due(), len(self._messages)):
            await asyncio.sleep(max(0.0, self.begun + k * self.every - clock.monotonic()))
            if first and self.notice and k == 5:
                await say(socket, json.dumps(self.notice))
            await say(socket, self.speech.tell(self._messages[k]))


def heard(
    server: Radio, adapter: Adapter, until: Callable[[VenueFeed], bool], **asked: Any
) -> tuple[list[WireEvent], VenueFeed, list[str]]:
    """Events of a server until a condition holds and all was told, and the outages noted."""

    async def go() -> tuple[list[WireEvent], VenueFeed, list[str]]:
        box, got, account = Inbox(), list[WireEvent](), Account({})
        async with server:
            feed = VenueFeed(
                adapter, RULES, box, asked.get("assets"), server.url, QUICK, ASKING, account
            )
            async with aiohttp.ClientSession() as session, asyncio.timeout(200):
                task = asyncio.create_task(feed.run(session))
                while not (server.done and until(feed)):
                    await asyncio.sleep(0.02)
                    got += box.drain(10**9)
                await asyncio.sleep(0.3)
                noted = [o.why for o in account.take()[0]]
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        return got + box.drain(10**9), feed, noted

    return run_alone(go())


def once(got: list[WireEvent]) -> list[WireEvent]:
    return list({e.event_id: e for e in got}.values())


def patient(venue: str) -> Adapter:
    """A venue's adapter whose links may be silent for long: a machine that stands still is none."""

    class Patient(type(ADAPTERS[venue])):  # type: ignore[misc]
        """The venue's, but for that."""

        def links(self, assets: object, instruments: object) -> list:
            return [
                replace(k, silence_seconds=36_000.0) for k in super().links(assets, instruments)
            ]

    return Patient()


def messages(count: int) -> list[Closing]:
    return closings(count, int(clock.time() * 1000))


def test_a_connection_that_the_venue_would_end_is_left_for_another() -> None:
    """Binance ends each after a day: in between nothing is unheard, and no outage is noted."""

    class Short(type(ADAPTERS["binance_usdm"])):  # type: ignore[misc]
        """Binance's adapter, where a connection lives 0.5 s."""

        def links(self, assets: object, instruments: object) -> list:
            links = super().links(assets, instruments)
            return [replace(k, renew_seconds=20.0, silence_seconds=36_000.0) for k in links]

    some = messages(120)
    server = Radio(SPEECHES["binance_usdm"](), some)
    got, feed, noted = heard(server, Short(), lambda f: total(f, "renewed") >= 2)
    assert told(once(got)) == truth(some)
    assert noted == []
    assert total(feed, "outages") == 0.0
    assert total(feed, "closes") == total(feed, "failures") == 0


def test_a_venue_that_asks_to_connect_again_is_heard_until_then() -> None:
    some = messages(300)
    server = Radio(SPEECHES["okx"](), some)
    server.notice = {"event": "notice", "code": "64008", "msg": "will soon be closed"}
    got, feed, noted = heard(server, patient("okx"), lambda f: total(f, "renewed") >= 1)
    assert told(once(got)) == truth(some)
    assert total(feed, "moves") == 1
    assert noted == []


def test_new_contracts_are_subscribed_to_without_a_gap() -> None:
    names = ["BTCUSDT", "ETHUSDT", "SOLUSDT"]

    def listed(path: str, query: dict, body: str, past: object) -> object:
        rows = [{"symbol": n} for n in names] if query["category"] == "linear" else []
        return {"result": {"list": rows}}

    some = messages(400)
    server = Radio(SPEECHES["bybit"](), some)
    server.speech.rest = listed  # type: ignore[method-assign]

    def until(feed: VenueFeed) -> bool:
        return any("allLiquidation.WIFUSDT" in h for h in server.speech.heard)

    async def later() -> None:
        while not server.begun:
            await asyncio.sleep(0.02)
        names.append("WIFUSDT")

    class Telling(Radio):
        """The same, which lists a contract once it tells."""

        async def __aenter__(self) -> LoopServer:
            self.listing = asyncio.create_task(later())
            return await super().__aenter__()

    server.__class__ = Telling
    got, feed, noted = heard(server, patient("bybit"), until)
    assert told(once(got)) == truth(some)
    assert total(feed, "renewed") >= 1
    assert noted == []


@pytest.mark.parametrize("beside", [False, True])
def test_an_outage_begins_when_the_last_connection_falls(beside: bool) -> None:
    watch = Told()
    standing = Standing(Counts("okx", "okx"), watch)
    old, new = object(), object()
    assert standing.stands(old, 1.0) == 0.0
    if beside:
        assert standing.stands(new, 2.0) is None
    standing.ends(old, 3.0)
    standing.falls(0, "the old one")
    assert [w for _, w in watch.fallen] == ([] if beside else ["the old one"])
    assert standing.counts.connected is beside
    if beside:
        standing.ends(new, 4.0)
        standing.falls(0, "the new one")
        assert [w for _, w in watch.fallen] == ["the new one"]
    assert standing.stands(old, 10.0) == (6.0 if beside else 7.0)


class Told(Unwatched):
    """Hears of outages, and is asked for what was missed."""

    def __init__(self) -> None:
        self.fallen: list[tuple[int, str]] = []
        self.stood = 0

    def falls(self, link: str, heard: int, why: str) -> None:
        self.fallen.append((heard, why))

    def stands(self, venue: str, link: str) -> None:
        self.stood += 1


class Line:
    """A connection that is told what becomes of it."""

    def __init__(self, standing: Standing):
        self.standing, self.stood = standing, asyncio.Event()
        self.heard, self.took_over, self.missing = 0, False, list[float]()
        self.running = False

    def begin(self) -> None:
        self.took_over = self.standing.stands(self, clock.monotonic()) is None
        self.heard = clock.time_ns()
        self.stood.set()

    def fall(self) -> None:
        self.stood.clear()
        self.standing.ends(self, clock.monotonic())
        self.standing.falls(self.heard, "closed")

    def missed(self, seconds: float) -> None:
        self.missing.append(seconds)

    async def run(self, session: object) -> None:
        self.running = True
        try:
            await asyncio.Event().wait()
        finally:
            self.running = False
            self.stood.clear()
            self.standing.ends(self, clock.monotonic())


async def come(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(200):
        while not holds():
            await asyncio.sleep(0.005)


def taking_over(then: Callable[[Line, Line, Told], Any], silence: float = 3600.0) -> None:
    """A new connection stands beside an old one; what happens then, and is told."""

    async def go() -> None:
        watch, lines = Told(), list[Line]()
        standing = Standing(Counts("okx", "okx"), watch)

        def made(link: Link, shared: Standing) -> Any:
            lines.append(Line(shared))
            return lines[-1]

        relay = Relay(Link("okx", "ws://x", ("a",)), standing, 0.01, silence, made)
        task = asyncio.create_task(relay.run(None))  # type: ignore[arg-type]
        await come(lambda: len(lines) == 1)
        lines[0].begin()
        standing.wanted.set()
        await come(lambda: len(lines) == 2)
        lines[1].begin()
        await then(lines[0], lines[1], watch)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(go())


def test_an_old_connection_is_kept_where_the_new_one_falls_again() -> None:
    async def then(old: Line, new: Line, watch: Told) -> None:
        new.fall()
        for _ in range(20):
            await asyncio.sleep(0.01)
            old.heard = clock.time_ns()
        assert old.running
        assert watch.fallen == []
        new.begin()
        while old.running:
            await asyncio.sleep(0.01)
            old.heard = clock.time_ns()
        assert (watch.fallen, new.missing) == ([], [])
        assert new.standing.counts.connected

    taking_over(then)


@pytest.mark.parametrize("how", ["it falls", "it is silent"])
def test_an_old_connection_that_was_dead_is_an_outage(how: str) -> None:
    async def then(old: Line, new: Line, watch: Told) -> None:
        last = old.heard = clock.time_ns() - 7_000_000_000
        if how == "it falls":
            old.fall()
        await come(lambda: not old.running)
        ((since, _),) = watch.fallen
        assert since == last
        assert watch.stood == 2
        assert len(new.missing) == 1
        assert new.missing[0] >= 7.0
        assert new.standing.counts.connected

    taking_over(then, silence=3600.0 if how == "it falls" else 0.1)
