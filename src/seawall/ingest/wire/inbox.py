"""The bounded queue between connections and the writer.

When it is full a connection waits, and does not read meanwhile: what the venue sends is held by
the sockets. Once it has waited as long as it may, the events of the message in hand are dropped
and counted, rather than the memory filled or the connection lost.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence

from seawall.ingest.wire.event import WireEvent


class Inbox:
    """Events from many connections to one writer.

    Parameters
    ----------
    room
        Most events held.
    patience
        Seconds that a connection waits for room before its message is dropped.

    Attributes
    ----------
    most, put_in
        Most events held at once, and events taken in since the beginning.
    """

    def __init__(self, room: int = 100_000, patience: float = 5.0):
        self.room = room
        self.patience = patience
        self.most = 0
        self.put_in = 0
        self._held = 0
        self._batches: deque[Sequence[WireEvent]] = deque()
        self._filled = asyncio.Event()
        self._emptied = asyncio.Event()

    def __len__(self) -> int:
        return self._held

    async def put(self, events: Sequence[WireEvent]) -> int:
        """Take events in; returns how many were dropped, all or none."""
        if not events:
            return 0
        if self._held and self._held + len(events) > self.room:
            try:
                async with asyncio.timeout(self.patience):
                    while self._held and self._held + len(events) > self.room:
                        self._emptied.clear()
                        await self._emptied.wait()
            except TimeoutError:
                return len(events)
        self.push(events)
        return 0

    def push(self, events: Sequence[WireEvent]) -> None:
        """Take events in whatever is held; a connection that is stopped has one message left."""
        self._batches.append(events)
        self._held += len(events)
        self.put_in += len(events)
        self.most = max(self.most, self._held)
        self._filled.set()

    async def take(self, most: int, linger: float) -> list[WireEvent]:
        """Up to about ``most`` events, after waiting for the first and then ``linger`` seconds."""
        while not self._batches:
            self._filled.clear()
            await self._filled.wait()
        if self._held < most and linger > 0:
            await asyncio.sleep(linger)
        return self.drain(most)

    def drain(self, most: int) -> list[WireEvent]:
        """What is held now, up to about ``most`` events."""
        taken: list[WireEvent] = []
        while self._batches and len(taken) < most:
            taken.extend(self._batches.popleft())
        self._held -= len(taken)
        self._emptied.set()
        return taken
