"""What a recorder leaves in the store of the times that it did not hear."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

from alone import run_alone
from seawall.core.tape import Tape
from seawall.ingest.record.lately import instruments_lately
from seawall.ingest.record.recorder import Recorder, Recording
from seawall.ingest.rehearsal.closings import closings
from seawall.ingest.rehearsal.mischief import Mischief
from seawall.ingest.rehearsal.server import LoopServer
from seawall.ingest.rehearsal.speeches import SPEECHES
from seawall.ingest.store.outages import OUTAGES, assets_asked, outages, recorded_since
from seawall.ingest.store.store import EVER, Store
from seawall.ingest.store.writer import StoreWriter
from seawall.ingest.wire.connection import Pace
from seawall.ingest.wire.feed import Asking

PACE = Pace(first=0.02, most=0.1, acknowledge=1.0)
ASKING = Asking(past=0.0, between=0.0)


def recording(server: LoopServer, **changed: object) -> Recording:
    venue = server.speech.venue
    options: dict = {"venues": (venue,), "assets": ("BTC", "ETH", "SOL"), "tick": 0.05}
    options |= {"urls": {venue: server.url}, "pace": PACE, "asking": ASKING}
    return Recording(**(options | changed))


class Slow(StoreWriter):
    """A disk that takes its time."""

    def append(self, tape: Tape) -> None:
        time.sleep(0.2)
        super().append(tape)


def _dropped(recorder: Recorder) -> int:
    return sum(c.dropped for c in recorder.feeds[0].counts.values())


def test_events_that_an_overload_lost_are_counted_in_the_store(tmp_path: Path) -> None:
    some = closings(3000)

    async def go() -> Recorder:
        async with LoopServer(SPEECHES["okx"](), some) as server:
            options = recording(server, room=60, patience=0.02, batch=30)
            recorder = Recorder(options, Slow(tmp_path))
            task = asyncio.create_task(recorder.run())
            async with asyncio.timeout(200):
                # told is not yet read: the last frames may still be on their way
                while not server.done or len(recorder.inbox) or _dropped(recorder) <= 100:
                    await asyncio.sleep(0.02)
            recorder.stop()
            await task
            return recorder

    recorder = run_alone(go())
    (counts,) = recorder.feeds[0].counts.values()
    assert counts.dropped > 100
    with Store(tmp_path) as store:
        told = outages(store, *EVER)
        assert {o.why for o in told} == {"overloaded"}
        assert assets_asked(store, EVER) == {"okx": {"BTC,ETH,SOL"}}
        assert sum(o.lost for o in told) == counts.dropped
        assert len(store.read()) == counts.events - counts.dropped


def test_a_new_recorder_asks_for_what_was_missed_by_the_instruments_that_are_stored(
    tmp_path: Path,
) -> None:
    """Of all assets, at a venue that tells of the past by one: OKX."""
    now = time.time() * 1000
    some = [replace(c, time_ms=int(now) - 60_000 + k) for k, c in enumerate(closings(60))]

    async def go() -> None:
        async with LoopServer(SPEECHES["okx"](), some[:30]) as server:
            first = Recorder(recording(server, assets=None), StoreWriter(tmp_path))
            task = asyncio.create_task(first.run())
            async with asyncio.timeout(200):
                while first.written < 30:
                    await asyncio.sleep(0.02)
            first.stop()
            await task
        async with LoopServer(SPEECHES["okx"](), []) as server:
            server.past = some
            writer = StoreWriter(tmp_path)
            seen = instruments_lately(writer)
            again = Recorder(recording(server, assets=None), writer, seen=seen)
            task = asyncio.create_task(again.run())
            async with asyncio.timeout(200):
                while again.written < 30:
                    await asyncio.sleep(0.02)
            again.stop()
            await task

    run_alone(go())
    with Store(tmp_path) as store:
        assert len(store.read()) == 60
        assert set(instruments_lately(store)) == {"okx"}


def test_from_a_kill_to_the_next_start_nothing_was_recorded(tmp_path: Path) -> None:
    program = (
        "import typer; from seawall.app.tape_record import record; "
        "app = typer.Typer(); app.command()(record); app()"
    )

    async def go() -> tuple[int, int]:
        async with LoopServer(SPEECHES["okx"](), closings(10_000), Mischief(gap=0.01)) as server:
            options = ["--venues", "okx", "--store", str(tmp_path), "--url", f"okx={server.url}"]
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-c", program, *options, stderr=subprocess.DEVNULL
            )
            async with asyncio.timeout(200):
                while not (tmp_path / OUTAGES / "heard.json").exists():
                    assert process.returncode is None
                    await asyncio.sleep(0.05)
            process.kill()
            await process.wait()
            killed = time.time_ns()
            with Store(tmp_path) as store:
                assert outages(store, *EVER) == (), "not yet: it may only just have been noted"
                late = outages(store, *EVER, now=killed + 120 * 10**9)
                assert [o.why for o in late] == ["not recording"]
            await asyncio.sleep(0.3)
            again = time.time_ns()
            recorder = Recorder(recording(server), StoreWriter(tmp_path))
            task = asyncio.create_task(recorder.run())
            async with asyncio.timeout(200):
                while not recorder.written:
                    await asyncio.sleep(0.02)
            recorder.stop()
            await task
            return killed, again

    killed, again = run_alone(go())
    with Store(tmp_path) as store:
        (told,) = outages(store, *EVER, now=0)
        assert told.why == "not recording"
        assert told.start <= killed
        assert told.end >= again
        assert recorded_since(store)["okx"] <= told.start
        # whatever was acknowledged and is stored came outside of it
        received = store.read().received
        assert ((received <= killed) | (received >= told.end)).all()
