"""One link of a venue, heard without a break while one connection takes over from another.

A venue ends connections after a day (Binance), asks to connect again some time before it does
(OKX), or is to be asked for more than before (Bybit, where contracts are listed every week). To
leave first and connect then is not to hear it in between, and a second that was not heard makes
the venue's day a lower bound. So the new connection is made beside the old one, which is left
once the new one has stood for a while and the old one was heard in it. One that was not may have
been dead for long, and that is an outage. What both tell has one identifier, and is kept once.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import aiohttp

from seawall.ingest.wire.adapter import Link
from seawall.ingest.wire.connection import Connection
from seawall.ingest.wire.standing import Standing

_LOOK = 0.05
_DEAD = "not heard any more when another connection took over"
_LEFT = "the connection that took over ended"


class Relay:
    """Runs the connections of a link, one after the other and two at a change.

    Parameters
    ----------
    beside, silence
        Seconds that the old connection is at least still read once the new one stands, as what it
        has received and not yet handed on was told before; and at most, where it is not heard.
    made
        Makes the connection of a link.
    """

    def __init__(
        self,
        link: Link,
        standing: Standing,
        beside: float,
        silence: float,
        made: Callable[[Link, Standing], Connection],
    ):
        self.link = link
        self._standing = standing
        self._beside, self._silence = beside, silence
        self._made = made

    def change(self, link: Link) -> None:
        """Ask for something else from now on: the present connection goes on until that stands."""
        self.link = link
        self._standing.wanted.set()

    async def run(self, session: aiohttp.ClientSession) -> None:
        """Read the link until cancelled."""
        running: list[asyncio.Task[None]] = []
        wanted = self._standing.wanted
        try:
            present = self._begin(session, running)
            while True:
                await _first((wanted,), running)
                wanted.clear()
                new, link = self._begin(session, running), self.link
                while True:
                    await _first((new.stood, wanted), running)
                    if new.stood.is_set():
                        if await self._takes_over(present, new):
                            break
                        continue
                    wanted.clear()
                    if self.link is not link:  # what was asked for has changed once more
                        await _ended([running.pop()])
                        new, link = self._begin(session, running), self.link
                await _ended([running.pop(0)])
                # nothing where the new one stands, as it did a moment ago
                self._standing.falls(time.time_ns(), _LEFT)
                present = new
        finally:
            await _ended(running)

    async def _takes_over(self, old: Connection, new: Connection) -> bool:
        """Whether a new connection stood all the while that it takes to hear the old one once more.

        It answers pings where the venue tells nothing; where it does not, for as long as any link
        may be silent, what it did not hear is told and asked for.
        """
        if not new.took_over:
            return True  # nobody stood: that outage has ended with it, and is told
        began, stood, dead = time.monotonic(), time.time_ns(), False
        longest = max(self._beside, self._silence)
        while new.stood.is_set():
            alive = old.heard >= stood
            dead = dead or not (alive or old.stood.is_set())
            passed = time.monotonic() - began
            if passed >= self._beside and (alive or dead or passed >= longest):
                break
            await asyncio.sleep(min(_LOOK, self._beside))
        else:
            return False
        if dead or not alive:
            new.missed(self._standing.unheard(min(old.heard, stood), _DEAD))
        return True

    def _begin(
        self, session: aiohttp.ClientSession, running: list[asyncio.Task[None]]
    ) -> Connection:
        connection = self._made(self.link, self._standing)
        running.append(asyncio.create_task(connection.run(session)))
        return connection


async def _first(events: tuple[asyncio.Event, ...], running: list[asyncio.Task[None]]) -> None:
    """Wait for one of some events; a connection ends only by a mistake of ours, which is raised."""
    waiting: list[asyncio.Task[Any]] = [asyncio.create_task(e.wait()) for e in events]
    try:
        await asyncio.wait([*waiting, *running], return_when=asyncio.FIRST_COMPLETED)
        for task in running:
            if task.done():
                task.result()
    finally:
        for task in waiting:
            task.cancel()


async def _ended(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
