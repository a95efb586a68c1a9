"""A rehearsal: venues on the loopback interface, the real client, recorder and store, a check."""

from __future__ import annotations

import asyncio
import contextlib
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from seawall.core import InputError, Mistake
from seawall.core.tape import Coverage
from seawall.ingest.record.recorder import Recorder, Recording
from seawall.ingest.rehearsal.closings import ASSETS, Closing, drawn
from seawall.ingest.rehearsal.compared import Rehearsed, compared
from seawall.ingest.rehearsal.folder import claim
from seawall.ingest.rehearsal.mischief import Mischief
from seawall.ingest.rehearsal.server import LoopServer
from seawall.ingest.rehearsal.speeches import SPEECHES
from seawall.ingest.store.store import Store
from seawall.ingest.store.writer import StoreWriter
from seawall.ingest.wire.connection import Pace
from seawall.ingest.wire.feed import Asking
from seawall.ingest.wire.venues import names_of
from seawall.rulebook import Rules
from seawall.rulebook.feeds import feed_at

VENUES = ("okx", "bybit")
MOST_RATE = 20_000.0
_MS = 1_000_000
_HEAD_START_MS = 500
"""Time to subscribe before the first closing."""
_PATIENCE = 15.0
"""How long what has been told may take to be stored, seconds."""
_HURRY = 40.0
"""By how much a stall is noticed sooner when one is to be expected."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is rehearsed.

    Attributes
    ----------
    venues
        Names or aliases.
    rate, seconds
        Closings a second and venue on average, and for how long.
    seed
        Of all closings and of the mischief.
    misbehave
        Cut and stall connections, tell some messages twice, out of order, amid garbage.
    """

    store: Path
    venues: tuple[str, ...] = VENUES
    rate: float = 50.0
    seconds: float = 20.0
    seed: int = 1
    misbehave: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """A rehearsal that is over.

    Attributes
    ----------
    acknowledged
        Events that the store took for kept.
    seconds
        From the first subscription to the end, seconds.
    """

    plan: Plan
    venues: tuple[Rehearsed, ...]
    acknowledged: int
    seconds: float

    @property
    def sound(self) -> bool:
        """Whether the store holds all that was acknowledged, each once, and nothing else.

        What is missing was dropped before it was acknowledged, and counted.
        """
        stored = sum(v.stored for v in self.venues)
        exact = stored == self.acknowledged
        return exact and all(
            not v.doubled and not v.foreign and v.missing <= v.dropped for v in self.venues
        )


async def rehearse(
    plan: Plan,
    rules: Rules | None = None,
    stop: asyncio.Event | None = None,
    begun: Callable[[Recorder], None] = lambda _: None,
) -> Outcome:
    """Record what servers in this process tell, and hold the store against it.

    Parameters
    ----------
    stop
        Ends the rehearsal early.
    begun
        Called with the recorder once it records.

    Raises
    ------
    InputError
        If the plan is wrong or the folder holds something else.
    StoreError
        If the store refuses.
    """
    rules = rules or Rules.bundled()
    names = _checked(plan, rules)
    claim(plan.store)
    start = time.time_ns() // _MS + _HEAD_START_MS
    servers = {
        name: LoopServer(
            SPEECHES[name](pings=0.3 if plan.misbehave else 5.0),
            _closings(plan, name, start, rules),
            _mischief(plan, name) if plan.misbehave else None,
            paced=True,
            seed=plan.seed,
        )
        for name in names
    }
    async with contextlib.AsyncExitStack() as stack:
        for server in servers.values():
            await stack.enter_async_context(server)
        recorder = Recorder(_recording(plan, servers), StoreWriter(plan.store), rules)
        await _record(recorder, servers, plan.seconds, stop or asyncio.Event(), begun)
    seconds = time.time() - start / 1000
    with Store(plan.store) as store:
        tape = store.read((start * _MS, time.time_ns() + 1), names, ASSETS)
    found = tuple(compared(name, servers[name], recorder, tape) for name in names)
    return Outcome(plan, found, recorder.written, seconds)


async def _record(
    recorder: Recorder,
    servers: dict[str, LoopServer],
    seconds: float,
    stop: asyncio.Event,
    begun: Callable[[Recorder], None],
) -> None:
    """Record until the time is over or it is stopped, and all that was told is stored."""
    recording = asyncio.create_task(recorder.run())
    stopped = asyncio.create_task(stop.wait())
    begun(recorder)
    limit = seconds + _HEAD_START_MS / 1000 + 0.1
    await asyncio.wait({recording, stopped}, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    for server in servers.values():
        server.end()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_PATIENCE):
            while not recording.done() and not _all_there(recorder, servers):
                await asyncio.sleep(0.05)
    recorder.stop()
    await recording


def _all_there(recorder: Recorder, servers: dict[str, LoopServer]) -> bool:
    lost = sum(c.dropped for feed in recorder.feeds for c in feed.counts.values())
    told = sum(len(server.reached) for server in servers.values())
    return recorder.written + lost >= told and all(s.done for s in servers.values())


def _checked(plan: Plan, rules: Rules) -> tuple[str, ...]:
    wrong: list[Mistake] = []
    if not 0 < plan.rate <= MOST_RATE:
        allowed = f"above 0, at most {MOST_RATE:,.0f}"
        wrong.append(Mistake("out of range", "--rate", value=f"{plan.rate:g}", allowed=allowed))
    if not 0.5 <= plan.seconds <= 86_400:
        wrong.append(
            Mistake("out of range", "--length", value=f"{plan.seconds:g} s", allowed="0.5s to 24h")
        )
    names: list[str] = []
    for venue in plan.venues:
        try:
            names += names_of(venue, rules)
        except InputError as error:
            wrong += error.mistakes
    if not names and not wrong:
        wrong.append(Mistake("no venue", "--venue", allowed=", ".join(SPEECHES)))
    wrong += [
        Mistake("cannot be rehearsed", "--venue", value=n, allowed=", ".join(SPEECHES))
        for n in names
        if n not in SPEECHES
    ]
    if wrong:
        raise InputError(wrong)
    return tuple(dict.fromkeys(names))


def _closings(plan: Plan, venue: str, start_ms: int, rules: Rules) -> list[Closing]:
    feed = feed_at(rules, venue, start_ms * _MS)
    slot = round(feed.slot_seconds * 1000) if feed.coverage is Coverage.ONE_A_SLOT else 0
    rng = np.random.default_rng([plan.seed, zlib.crc32(venue.encode())])
    return drawn(max(1, round(plan.rate * plan.seconds)), plan.seconds, start_ms, rng, slot)


def _mischief(plan: Plan, venue: str) -> Mischief:
    """A connection is cut about every four seconds, and a second of messages told again."""
    a_second = max(2, round(plan.rate / SPEECHES[venue].most))
    return Mischief(
        drop_every=max(4, 4 * a_second),
        overlap=2 * a_second,
        stall_after=a_second,
        twice=0.1,
        garbage=0.1,
        shuffle=4,
    )


def _recording(plan: Plan, servers: dict[str, LoopServer]) -> Recording:
    # the first try comes at once: what the servers tell begins soon
    return Recording(
        venues=tuple(servers),
        assets=ASSETS,
        urls={name: server.url for name, server in servers.items()},
        pace=Pace(first=0.05, most=0.5, hurry=_HURRY if plan.misbehave else 1.0),
        asking=Asking(past=0.0, overlap=1.0, between=0.0),
    )
