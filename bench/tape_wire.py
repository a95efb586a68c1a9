"""Live feeds: decoding, the client against a loopback server, mutated messages.

``python -m bench.tape_wire [--mutations N] [--events N]``. One core decodes; the server of the
client's trial shares the machine and is part of what is measured.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
import resource
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "src"), str(ROOT)]

import aiohttp  # noqa: E402

from bench.clock import table  # noqa: E402
from seawall.ingest.record.recent import Recent  # noqa: E402
from seawall.ingest.rehearsal.closings import closings  # noqa: E402
from seawall.ingest.rehearsal.mischief import Mischief  # noqa: E402
from seawall.ingest.rehearsal.server import LoopServer  # noqa: E402
from seawall.ingest.rehearsal.speeches import SPEECHES  # noqa: E402
from seawall.ingest.store.writer import StoreWriter  # noqa: E402
from seawall.ingest.wire.connection import Pace  # noqa: E402
from seawall.ingest.wire.context import MalformedMessageError  # noqa: E402
from seawall.ingest.wire.event import tape_of  # noqa: E402
from seawall.ingest.wire.feed import Asking, VenueFeed  # noqa: E402
from seawall.ingest.wire.inbox import Inbox  # noqa: E402
from seawall.ingest.wire.venues import ADAPTERS  # noqa: E402
from seawall.rulebook import Rules  # noqa: E402

RULES = Rules.bundled()
SIZES = {f"{a}-USDT-SWAP": s for a, s in (("BTC", 0.01), ("ETH", 0.1), ("SOL", 1.0))}
SIZES |= {f"{a}_USDT": 0.0001 for a in ("BTC", "ETH", "SOL")}


def messages(venue: str, count: int) -> list[bytes]:
    """Frames of so many closings, as the venue packs them."""
    speech, some = SPEECHES[venue](), closings(count)
    frames = [speech.tell(some[k : k + speech.most]) for k in range(0, count, speech.most)]
    return [f.encode() if isinstance(f, str) else f for f in frames]


def decode_rate(venue: str, count: int = 60_000) -> tuple[float, float]:
    """Events a second: from bytes to events, and from bytes to columns."""
    adapter, frames = ADAPTERS[venue], messages(venue, count)
    context = adapter.context(RULES)
    context.learn(SIZES.items())
    best = [0.0, 0.0]
    for _ in range(3):
        begun, events = time.perf_counter(), []
        for frame in frames:
            context.begin(time.time_ns())
            events += adapter.parse(frame, context)
        decoded = time.perf_counter()
        assert len(events) == count
        tape = tape_of(events)
        done = time.perf_counter()
        assert len(tape) == count
        best = [max(best[0], count / (decoded - begun)), max(best[1], count / (done - begun))]
    return best[0], best[1]


def durable_rate(venue: str, count: int = 60_000, batch: int = 20_000) -> float:
    """Events a second from bytes to an acknowledged append on the disk."""
    adapter, frames = ADAPTERS[venue], messages(venue, count)
    context, recent = adapter.context(RULES), Recent()
    context.learn(SIZES.items())
    with tempfile.TemporaryDirectory() as folder, StoreWriter(folder) as writer:
        begun, waiting, written = time.perf_counter(), [], 0
        for frame in frames:
            context.begin(time.time_ns())
            waiting += adapter.parse(frame, context)
            if len(waiting) >= batch:
                writer.append(tape_of(recent.fresh(waiting)))
                written += len(waiting)
                waiting = []
        writer.append(tape_of(recent.fresh(waiting)))
        spent = time.perf_counter() - begun
        assert written + len(waiting) == count
    return count / spent


def mutate(raw: bytearray, chance: random.Random) -> bytes:
    """A message with a few of its bytes changed, cut or inserted."""
    for _ in range(chance.randint(1, 5)):
        at = chance.randrange(len(raw)) if raw else 0
        how = chance.randrange(4)
        if how == 0 and raw:
            raw[at] = chance.randrange(256)
        elif how == 1:
            del raw[at : at + chance.randint(1, 12)]
        elif how == 2:
            raw[at:at] = chance.choice((b"1e999", b"null", b"-", b'"', b"{", b"]", b"NaN", b"\xff"))
        else:
            raw[at:at] = raw[: chance.randint(0, 40)]
    return bytes(raw)


def mutations(venue: str, count: int) -> tuple[int, int]:
    """How many of mutated messages were called malformed, and how many raised anything else."""
    folder = ROOT / "src" / "seawall" / "ingest" / "wire" / "samples"
    sample = json.loads((folder / f"{venue}.json").read_text())
    raws = [m["raw"].encode() for part in ("messages", "control") for m in sample[part]]
    raws += messages(venue, 40)
    adapter, chance = ADAPTERS[venue], random.Random(venue)
    context = adapter.context(RULES)
    bad = crashed = 0
    for _ in range(count):
        raw = mutate(bytearray(chance.choice(raws)), chance)
        context.begin(0)
        try:
            adapter.parse(raw, context)
            adapter.control(raw)
        except MalformedMessageError:
            bad += 1
        except Exception:
            crashed += 1
    return bad + context.tally.malformed, crashed


async def client(venue: str, count: int, wrong: Mischief) -> tuple[float, int, float]:
    """Events a second over a socket, copies found, and growth of memory in MiB."""
    box, recent, fresh, copies = Inbox(), Recent(), 0, 0
    async with LoopServer(SPEECHES[venue](), closings(count), wrong) as server:
        pace = Pace(first=0.01, most=0.05)
        asking = Asking(past=0.0)
        assets = ["BTC", "ETH", "SOL"]
        feed = VenueFeed(ADAPTERS[venue], RULES, box, assets, server.url, pace, asking)
        async with aiohttp.ClientSession() as session:
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            begun = time.perf_counter()
            task = asyncio.create_task(feed.run(session))
            while fresh < count:
                events = await box.take(20_000, 0.02)
                kept = recent.fresh(events)
                fresh, copies = fresh + len(kept), copies + len(events) - len(kept)
                tape_of(kept)
            spent = time.perf_counter() - begun
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    return count / spent, copies, grown


def mutated(full: bool = False) -> None:
    """Mutated messages: what each decoder calls malformed, and what it does not survive."""
    count = 100_000 if full else 5_000
    rows = []
    for venue in ADAPTERS:
        bad, crashed = mutations(venue, count)
        rows.append((venue, f"{count:,}", f"{bad:,}", str(crashed)))
    table(
        "Mutated messages",
        ("venue", "messages", "counted as malformed", "crashes"),
        rows,
        "Messages and rows that could not be read; the others are still what a venue could say.",
    )


def wire(full: bool = False) -> None:
    """decoding, mutated messages, and the client against its loopback server"""
    mutated, events = (100_000, 200_000) if full else (5_000, 20_000)
    logging.getLogger("seawall").addHandler(logging.NullHandler())
    titles = ("decoded", "as columns", "on the disk", "malformed of mutated", "crashes")
    print("| venue, events/s | " + " | ".join(titles) + " |")
    print("|---|---:|---:|---:|---:|---:|")
    for venue in ADAPTERS:
        rate, columns = decode_rate(venue)
        disk = durable_rate(venue)
        bad, crashed = mutations(venue, mutated)
        figures = f"{rate:,.0f} | {columns:,.0f} | {disk:,.0f} | {bad:,} | {crashed}"
        print(f"| {venue} | {figures} |", flush=True)
    print("\n| client and server in one process | events/s | copies found | memory, MiB |")
    print("|---|---:|---:|---:|")
    wrong = Mischief(drop_every=997, overlap=20, twice=0.1, garbage=0.05, shuffle=50)
    for name, mischief in (("clean", Mischief()), ("misbehaving", wrong)):
        for venue in ("bybit", "okx"):
            rate, copies, grown = asyncio.run(client(venue, events, mischief))
            print(f"| {venue}, {name} | {rate:,.0f} | {copies:,} | {grown:+.0f} |", flush=True)
