"""A venue's feed recorded from a server on the loopback interface."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import aiohttp

from alone import run_alone
from seawall.ingest.rehearsal.closings import Closing
from seawall.ingest.rehearsal.mischief import Mischief
from seawall.ingest.rehearsal.server import LoopServer
from seawall.ingest.rehearsal.speeches import SPEECHES
from seawall.ingest.wire.connection import Pace
from seawall.ingest.wire.event import WireEvent
from seawall.ingest.wire.feed import Asking, VenueFeed
from seawall.ingest.wire.inbox import Inbox
from seawall.ingest.wire.venues import ADAPTERS
from seawall.rulebook import Rules

RULES = Rules.bundled()
PACE = Pace(first=0.02, most=0.1, steady=30.0, connect=5.0, acknowledge=3.0, hurry=40.0)
ASKING = Asking(past=0.0, overlap=60.0, unsized=0.05, between=0.0)


def recorded(
    venue: str,
    some: list[Closing],
    mischief: Mischief | None = None,
    until: Callable[[LoopServer, VenueFeed], bool] | None = None,
    past: list[Closing] | None = None,
    asking: Asking = ASKING,
    inbox: Inbox | None = None,
    seconds: float = 200.0,
    pings: float = 0.0,
) -> tuple[list[WireEvent], VenueFeed, LoopServer]:
    """Record a server until a condition holds; events in the order they came, copies included."""

    async def go() -> tuple[list[WireEvent], VenueFeed, LoopServer]:
        box = inbox or Inbox()
        got: list[WireEvent] = []
        async with LoopServer(SPEECHES[venue](pings), some, mischief) as server:
            server.past = past or ()
            feed = VenueFeed(
                ADAPTERS[venue], RULES, box, ["BTC", "ETH", "SOL"], server.url, PACE, asking
            )
            async with aiohttp.ClientSession() as session, asyncio.timeout(seconds):
                task = asyncio.create_task(feed.run(session))
                while not task.done():
                    await asyncio.sleep(0.02)
                    got += box.drain(10**9)
                    if (until or all_there(some, got))(server, feed):
                        break
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            got += box.drain(10**9)
        return got, feed, server

    return run_alone(go())


def all_there(some: list[Closing], got: list[WireEvent]) -> Callable[[LoopServer, VenueFeed], bool]:
    return lambda _server, _feed: len({e.event_id for e in got}) >= len(some)


def truth(some: list[Closing]) -> list[tuple]:
    return sorted(
        (c.time_ms * 1_000_000, c.asset, c.side, round(c.price, 6), round(c.quantity, 6))
        for c in some
    )


def told(events: list[WireEvent]) -> list[tuple]:
    return sorted(
        (e.time, e.asset, e.side, round(e.price, 6), round(e.quantity, 6)) for e in events
    )


def total(feed: VenueFeed, name: str) -> int:
    return sum(getattr(c, name) for c in feed.counts.values())
