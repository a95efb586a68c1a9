"""``serve --record``: venues on the loopback interface are recorded, shown and accounted for."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("aiohttp", reason="seawall[live] is not installed")

from room_server import PATIENCE, serving
from seawall.app import cli
from seawall.app.room_recorder import recorder_beside
from seawall.app.serve_command import room_of
from seawall.ingest.rehearsal.closings import closings
from seawall.ingest.rehearsal.server import LoopServer
from seawall.ingest.rehearsal.speeches import SPEECHES
from seawall.ingest.store.store import Store

COUNT = 60


@contextmanager
def venue(name: str) -> Iterator[LoopServer]:
    """A venue in a thread of its own, telling its closings as fast as it can."""
    now = time.time_ns() // 1_000_000
    some = [replace(c, time_ms=now + k) for k, c in enumerate(closings(COUNT))]
    ready, stop = threading.Event(), threading.Event()
    box: list[LoopServer] = []

    async def go() -> None:
        async with LoopServer(SPEECHES[name](5.0), some) as server:
            box.append(server)
            ready.set()
            while not stop.is_set():
                await asyncio.sleep(0.05)

    thread = threading.Thread(target=lambda: asyncio.run(go()), daemon=True)
    thread.start()
    assert ready.wait(PATIENCE / 4)
    try:
        yield box[0]
    finally:
        stop.set()
        thread.join(PATIENCE / 4)


def test_a_venue_is_recorded_and_shown(book_file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "tape"
    with venue("bybit") as server:
        beside = recorder_beside(folder, "bybit", "BTC,ETH,SOL", [f"bybit={server.url}"])
        room = replace(room_of(book_file, folder), recorder=beside)
        with serving(room) as ask:
            feeds = ask.until(
                "/api/v1/live/feeds",
                lambda f: (
                    sum(x["events"] for x in f["feeds"]) >= COUNT
                    and "live" in {x["state"] for x in f["feeds"]}
                ),
            )
            assert feeds["source"] == "store"
            assert {x["venue"] for x in feeds["feeds"]} == {"bybit"}
            shown = ask.until("/api/v1/live/tape?limit=5000", lambda t: len(t) >= COUNT)
            assert {e["venue"] for e in shown} == {"bybit"}
            assert ask("/api/v1/live").json()["recording"] is True
            # somebody else may not write meanwhile, and is told so
            job = ask("/api/v1/jobs/tape/compact", "POST", {}).headers["location"]
            failed = ask.until(job, lambda j: j["state"] == "failed")
            assert failed["problem"]["status"] == 409
    with Store(folder) as kept:
        assert kept.extent()[0] == COUNT
    assert "stopped" in {x["why"] for x in beside.states()}


def test_recording_needs_a_store(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["serve", "--record", "--port", "0"]) == 2
    assert "--store" in capsys.readouterr().err
