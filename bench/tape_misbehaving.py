"""A tape recorded from venues that misbehave, held against the clean tape of the same events.

The recorder and the store are the real ones; the servers run in the same process and tell
closings that are made as they are told, so that memory is that of recorder and store.
"""

from __future__ import annotations

import asyncio
import logging
import random
import resource
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, overload

import numpy as np

from bench.clock import rate, table
from seawall.ingest.record.recorder import Recorder, Recording
from seawall.ingest.rehearsal.closings import ASSETS, Closing
from seawall.ingest.rehearsal.mischief import Mischief
from seawall.ingest.rehearsal.server import LoopServer
from seawall.ingest.rehearsal.speeches import SPEECHES
from seawall.ingest.store.queries import ask, days, largest, longest_run, profile, totals
from seawall.ingest.store.store import EVER, Store
from seawall.ingest.store.writer import StoreWriter
from seawall.ingest.wire.connection import Pace
from seawall.ingest.wire.event import tape_of
from seawall.ingest.wire.feed import Asking
from seawall.ingest.wire.venues import ADAPTERS
from seawall.rulebook import Rules

VENUES = ("bybit", "okx")
START_MS = 1_790_000_000_000
SIZES = {f"{a}-USDT-SWAP": s for a, s in zip(ASSETS, (0.01, 0.1, 1.0), strict=True)}
WRONG = Mischief(drop_every=4001, overlap=1000, twice=0.1, garbage=0.05, shuffle=50)
_BATCH = 20_000
_ENOUGH = 30.0


class Made(Sequence[Closing]):
    """Closings 3 ms apart, each made when it is asked for; no two venues' are alike."""

    def __init__(self, count: int, venue: int):
        self._count, self._venue = count, venue

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, k: int) -> Closing: ...
    @overload
    def __getitem__(self, k: slice) -> Sequence[Closing]: ...
    def __getitem__(self, k: int | slice) -> Closing | Sequence[Closing]:
        if isinstance(k, slice):
            return [self._one(j) for j in range(*k.indices(self._count))]
        return self._one(range(self._count)[k])

    def _one(self, k: int) -> Closing:
        side = 1 if k * 2654435761 % 97 < 60 else -1
        size = float(1 + (k * 40503 + 17 * self._venue) % 701)
        when = START_MS + 3 * k + self._venue
        return Closing(k, ASSETS[k % 3], side, 1000.0 + k % 977, size, when)


class Messages(Sequence[Sequence[Closing]]):
    """Closings by the message, those of a stretch shuffled."""

    def __init__(self, closings: Sequence[Closing], most: int, width: int):
        self._closings, self._most, self._width = closings, most, width
        self._count = -(-len(closings) // most)

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, k: Any) -> Any:
        if isinstance(k, slice):
            return [self[j] for j in range(*k.indices(self._count))]
        if self._width:
            first = k - k % self._width
            order = list(range(first, min(first + self._width, self._count)))
            random.Random(first).shuffle(order)
            k = order[k - first]
        return self._closings[k * self._most : (k + 1) * self._most]


class LongServer(LoopServer):
    """A server that keeps nothing of what it tells."""

    def _split(self, closings: Sequence[Closing]) -> Any:
        return Messages(closings, self.speech.most, self.mischief.shuffle)


@dataclass(frozen=True, slots=True)
class Recorded:
    """A recording that is over.

    Attributes
    ----------
    differences
        Statistics that are not those of the clean tape, in words.
    """

    written: int
    copies: int
    malformed: int
    reconnects: int
    dropped: int
    seconds: float
    grown: float
    differences: tuple[str, ...]


def misbehaving(full: bool = False, events: int = 0) -> None:
    """A misbehaving feed through recorder and store: the statistics of the clean tape?"""
    logging.getLogger("seawall").addHandler(logging.NullHandler())
    count = events or (10_000_000 if full else 100_000)
    with tempfile.TemporaryDirectory() as folder:
        found = held_against_clean(Path(folder), count)
    same = "; ".join(found.differences) or "the same"
    table(
        f"{count:,} events of {' and '.join(VENUES)}, cut, repeated, shuffled, amid garbage",
        ("stored", "copies", "malformed", "reconnects", "dropped", "events/s", "memory", "figures"),
        [
            (
                f"{found.written:,}",
                f"{found.copies:,}",
                f"{found.malformed:,}",
                f"{found.reconnects:,}",
                f"{found.dropped:,}",
                rate(found.written / found.seconds),
                f"{found.grown:+.0f} MiB",
                same,
            )
        ],
        "Servers and recorder share a process and are both in the time. Held against a store of "
        "the clean tape: identifiers, sums by venue, asset and side, minutes, days, the largest "
        "and the longest run; sums of USD to 1 in 10^12. Memory is the growth of the peak.",
    )
    if found.differences:
        raise SystemExit("the figures differ")


def held_against_clean(folder: Path, count: int, wrong: Mischief = WRONG) -> Recorded:
    """Record closings of venues that misbehave, store the same clean, and compare the figures."""
    each = {venue: Made(count // len(VENUES), k) for k, venue in enumerate(VENUES)}
    before, begun = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
    recorder = asyncio.run(_record(folder / "wrong", each, wrong))
    seconds = time.perf_counter() - begun
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    _store_clean(folder / "clean", each)
    with Store(folder / "wrong") as store, Store(folder / "clean") as clean:
        differences = tuple(_differences(store, clean))
    counts = [c for feed in recorder.feeds for c in feed.counts.values()]
    return Recorded(
        recorder.written,
        recorder.copies,
        sum(c.malformed for c in counts) + sum(f.context.tally.malformed for f in recorder.feeds),
        sum(max(0, c.connects - 1) for c in counts),
        sum(c.dropped for c in counts),
        seconds,
        grown,
        differences,
    )


async def _record(folder: Path, each: Mapping[str, Made], wrong: Mischief) -> Recorder:
    async with AsyncExitStack() as stack:
        servers = {}
        for venue in VENUES:
            server = LongServer(SPEECHES[venue](), each[venue], wrong)
            servers[venue] = await stack.enter_async_context(server)
        options = Recording(
            venues=VENUES,
            assets=ASSETS,
            urls={venue: server.url for venue, server in servers.items()},
            patience=600.0,
            pace=Pace(first=0.01, most=0.05),
            asking=Asking(past=0.0, overlap=0.0, between=0.0),
        )
        recorder = Recorder(options, StoreWriter(folder))
        recording = asyncio.create_task(recorder.run())
        last, changed = -1, time.monotonic()
        while not recording.done() and recorder.written < sum(map(len, each.values())):
            if recorder.written != last:
                last, changed = recorder.written, time.monotonic()
            elif all(s.done for s in servers.values()) and time.monotonic() - changed > _ENOUGH:
                break  # what is missing now will not come: the figures will tell
            await asyncio.sleep(0.05)
        recorder.stop()
        await recording
    return recorder


def _store_clean(folder: Path, each: Mapping[str, Made]) -> None:
    rules = Rules.bundled()
    with StoreWriter(folder) as writer:
        for venue in VENUES:
            adapter, speech = ADAPTERS[venue], SPEECHES[venue]()
            context, waiting = adapter.context(rules), []
            context.learn(SIZES.items())
            for k in range(0, len(each[venue]), speech.most):
                frame = speech.tell(each[venue][k : k + speech.most])
                context.begin(START_MS * 1_000_000)
                waiting += adapter.parse(frame, context)
                if len(waiting) >= _BATCH:
                    writer.append(tape_of(waiting))
                    writer.roll_if_due()
                    waiting = []
            writer.append(tape_of(waiting))


def _differences(store: Store, clean: Store) -> Iterator[str]:
    groups = ("venue", "asset", "side")
    for name, query in (
        ("sums", totals(EVER, groups)),
        ("minutes", profile(EVER)),
        ("days", days(EVER)),
        ("the largest", largest(EVER, 1)),
        ("the longest run", longest_run(EVER, ("venue",))),
    ):
        if not _alike(ask(store, query), ask(clean, query)):
            yield f"{name} differ"
    if _identifiers(store) != _identifiers(clean):
        yield "identifiers differ"


def _identifiers(store: Store) -> tuple[int, ...]:
    asked = "SELECT count(*), count(DISTINCT event_id), bit_xor(event_id) FROM "
    return store.answer(
        EVER, lambda connection, events: connection.execute(asked + events).fetchall()[0]
    )


def _alike(ours: list[dict[str, Any]], theirs: list[dict[str, Any]]) -> bool:
    if len(ours) != len(theirs):
        return False
    for mine, other in zip(ours, theirs, strict=True):
        for name, value in mine.items():
            if isinstance(value, float):
                if not np.isclose(value, other[name], rtol=1e-12, atol=0.0):
                    return False
            elif value != other[name] and name != "received":
                return False
    return True
