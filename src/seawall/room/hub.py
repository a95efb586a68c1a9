"""Live topics: numbered events kept for a while, so that a reader can come back or fall behind.

Nothing is queued for a reader. Each has only a number, the last event it was sent; what it has
missed is read off the topic's ring when it can take more. A reader whose number has left the ring
is given a snapshot instead, so that a slow one costs no memory and holds up nobody.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from seawall.room.wire import framed

Snapshot = Callable[[], Any]
BATCH = 256
"""Most events in one frame."""
TICK = 0.04
"""Readers are woken no more often than this, seconds: what comes in between goes out together."""


def encoded(value: Any) -> str:
    """A value as the shortest JSON."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


@dataclass(eq=False)
class Frame:
    """What readers are sent, encoded once for all of them."""

    payload: bytes
    snapshot: bool = False

    @cached_property
    def wire(self) -> bytes:
        """As it goes over a WebSocket."""
        return framed(self.payload)

    @cached_property
    def text(self) -> str:
        """As text."""
        return self.payload.decode()


@dataclass(slots=True)
class Topic:
    """One row of events.

    Attributes
    ----------
    snapshot
        What stands for all events so far; asked only for readers that need it.
    ring
        The last events, encoded; the newest has the number ``last``, the first ever had 1.
    """

    name: str
    snapshot: Snapshot
    ring: deque[str]
    last: int = 0
    _made: dict[int | None, Frame] = field(default_factory=dict)

    @property
    def first(self) -> int:
        """Number of the oldest event kept; ``last + 1`` if none is."""
        return self.last - len(self.ring) + 1

    def add(self, event: Any) -> None:
        """Number and keep an event."""
        self.ring.append(encoded(event))
        self.last += 1
        self._made.clear()

    def after(self, number: int | None) -> tuple[Frame, int] | None:
        """The next frame for a reader that has all up to a number, and the number after it.

        None where nothing is new. ``number`` None, or one that the ring cannot follow, gets a
        snapshot.
        """
        if number is None or number < self.first - 1 or number > self.last:
            return self._once(None, self._snapshot), self.last
        missed = self.last - number
        if missed == 0:
            return None
        taken = min(missed, BATCH)
        return self._once(number, lambda: self._events(number, taken)), number + taken

    def _once(self, number: int | None, make: Callable[[], Frame]) -> Frame:
        """Made once until something is added, however many readers ask."""
        frame = self._made.get(number)
        if frame is None:
            frame = self._made[number] = make()
        return frame

    def _events(self, number: int, taken: int) -> Frame:
        begin = len(self.ring) - (self.last - number)
        events = ",".join(self.ring[k] for k in range(begin, begin + taken))
        head = f'{{"topic":"{self.name}","first":{number + 1},"last":{number + taken}'
        return Frame(f'{head},"events":[{events}]}}'.encode())

    def _snapshot(self) -> Frame:
        body = encoded(self.snapshot())
        text = f'{{"topic":"{self.name}","last":{self.last},"snapshot":{body}}}'
        return Frame(text.encode(), snapshot=True)


@dataclass(slots=True, eq=False)
class Reader:
    """One who listens: the last number it has of each topic, and a bell."""

    numbers: dict[str, int | None] = field(default_factory=dict)
    bell: asyncio.Event = field(default_factory=asyncio.Event)
    snapshots: int = 0


class Hub:
    """Topics and who listens to them; used from one event loop."""

    def __init__(self, kept: int = 2048):
        self.epoch = secrets.token_hex(8)
        self._kept = kept
        self.topics: dict[str, Topic] = {}
        self.readers: set[Reader] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._news: set[str] = set()
        self._rung = -TICK
        self._ringing: asyncio.TimerHandle | None = None

    def topic(self, name: str, snapshot: Snapshot, kept: int | None = None) -> Topic:
        """Open a topic."""
        made = Topic(name, snapshot, deque(maxlen=kept or self._kept))
        self.topics[name] = made
        return made

    def attach(self) -> None:
        """Belong to the running loop; called once the server runs."""
        self._loop = asyncio.get_running_loop()

    def tell(self, name: str, *events: Any) -> None:
        """Add events to a topic and ring who listens to it."""
        topic = self.topics[name]
        for event in events:
            topic.add(event)
        self._news.add(name)
        if self._loop is None or not self._loop.is_running():
            self._ring()
        elif self._ringing is None:
            wait = self._rung + TICK - self._loop.time()
            self._ringing = self._loop.call_later(max(0.0, wait), self._ring)

    def _ring(self) -> None:
        """Wake everyone who listens to what is new, all at one time."""
        self._ringing = None
        self._rung = self._loop.time() if self._loop is not None else 0.0
        for reader in self.readers:
            if not self._news.isdisjoint(reader.numbers):
                reader.bell.set()
        self._news.clear()

    def tell_from_thread(self, name: str, event: Any) -> None:
        """The same from any other thread; nothing happens once the server has ended."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self.tell, name, event)

    def next_frame(self, reader: Reader) -> Frame | None:
        """What a reader is sent next, topic by topic; None where it has everything."""
        for name, number in list(reader.numbers.items()):
            found = self.topics[name].after(number)
            if found is not None:
                frame, reader.numbers[name] = found
                # to the back, so that a busy topic does not hide a quiet one
                reader.numbers[name] = reader.numbers.pop(name)
                reader.snapshots += frame.snapshot
                return frame
        return None
