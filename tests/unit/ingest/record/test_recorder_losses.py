"""Rows and messages that cannot be kept: told in the log and in the store, never silently."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from pathlib import Path

import pytest

from alone import run_alone
from seawall.app.tape_heard import known_of
from seawall.ingest.record.recorder import Recorder, Recording
from seawall.ingest.rehearsal.closings import closings
from seawall.ingest.rehearsal.server import LoopServer
from seawall.ingest.rehearsal.speech import Frame
from seawall.ingest.rehearsal.speeches import SPEECHES
from seawall.ingest.store.outages import outages
from seawall.ingest.store.store import EVER, Store
from seawall.ingest.store.verify import verify
from seawall.ingest.store.writer import StoreWriter
from seawall.ingest.wire.connection import Pace
from seawall.ingest.wire.feed import Asking


def _spoiling(venue: str, what: str, every: int) -> object:
    """A venue's speech with something wrong in every so manyth message."""
    speech = SPEECHES[venue]()
    tell, told = speech.tell, [0]

    def spoiled(some: object) -> Frame:
        frame = tell(some)  # type: ignore[arg-type]
        told[0] += 1
        if told[0] % every:
            return frame
        said = json.loads(frame)
        if what == "rows":
            said["data"] += [dict(said["data"][0], p="1e400"), dict(said["data"][0], v="NaN")]
        elif what == "unsized":
            order = json.loads(json.dumps(said["data"][0]))
            order["instId"] = "NEWCOIN-USDT-SWAP"
            order["details"] = order["details"][:1]
            said["data"].append(order)
        elif what == "ancient":
            said["data"][0]["T"] = 1_262_304_000_001 + 86_400_000 * told[0]
        else:
            return "{" + str(frame)
        return json.dumps(said)

    speech.tell = spoiled  # type: ignore[method-assign]
    return speech


def _recorded(folder: Path, venue: str, what: str, every: int) -> Recorder:
    async def go() -> Recorder:
        speech = _spoiling(venue, what, every)
        assets = None if what == "unsized" else ("BTC", "ETH", "SOL")
        async with LoopServer(speech, closings(240, int(time.time() * 1000) - 1000)) as server:  # type: ignore[arg-type]
            options = Recording(
                (venue,), assets, {venue: server.url}, tick=0.05,
                pace=Pace(first=0.02, most=0.1), asking=Asking(past=0.0, unsized=3600.0),
            )  # fmt: skip
            recorder = Recorder(options, StoreWriter(folder))
            task = asyncio.create_task(recorder.run())
            async with asyncio.timeout(200):
                while not server.done or recorder.written < sum(
                    c.events for f in recorder.feeds for c in f.counts.values()
                ):
                    await asyncio.sleep(0.02)
                await asyncio.sleep(0.3)
            recorder.stop()
            await task
            return recorder

    return run_alone(go())


@pytest.mark.parametrize(
    ("venue", "what", "why", "count"),
    [
        ("bybit", "rows", "rows that could not be read", "unread_rows"),
        ("okx", "unsized", "rows of contracts of unknown size", "unsized"),
        ("bybit", "messages", "messages that could not be read", "unread_messages"),
    ],
)
def test_what_could_not_be_kept_is_noted_in_the_store(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, venue: str, what: str, why: str, count: str
) -> None:
    with caplog.at_level(logging.INFO, "seawall"):
        recorder = _recorded(tmp_path, venue, what, 3)
    with Store(tmp_path) as store:
        found = [o for o in outages(store, *EVER) if o.why == why]
        assert len(found) == 1
        window = found[0].start - 1, found[0].end + 1
        known = known_of(store, window)
        assert known.unheard == {venue}
        assert any(why in o.words for o in known.outages)
        assert any(why in f.what for f in verify(store).findings)
    stopped = next(r for r in caplog.records if r.getMessage() == "stopped")
    total = stopped.fields[count]  # type: ignore[attr-defined]
    assert total > 5
    assert found[0].lost == (0 if what == "messages" else total)
    assert stopped.fields["written"] == recorder.written  # type: ignore[attr-defined]
    shown = [r for r in caplog.records if r.getMessage() in ("rows lost", "malformed")]
    assert len(shown) == 5, "the first are shown, not all"


def test_a_clean_feed_loses_nothing(tmp_path: Path) -> None:
    recorder = _recorded(tmp_path, "bybit", "rows", 10**9)
    assert recorder.written == 240
    with Store(tmp_path) as store:
        assert [o for o in outages(store, *EVER) if "read" in o.why or "size" in o.why] == []


def test_times_that_lie_years_back_are_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The first row of every other message is of 2010; what is told today is not counted."""
    with caplog.at_level(logging.INFO, "seawall"):
        recorder = _recorded(tmp_path, "bybit", "ancient", 2)
    (tally,) = [f.context.tally for f in recorder.feeds]
    stopped = next(r for r in caplog.records if r.getMessage() == "stopped")
    with Store(tmp_path) as store:
        times = store.read().time
        ancient = int((times < 1_300_000_000 * 10**9).sum())
        noted = [f for f in verify(store).findings if "hours after they happened" in f.what]
    assert ancient > 5
    assert tally.late == stopped.fields["late"] == ancient  # type: ignore[attr-defined]
    assert sum(f.count for f in noted if f.where.startswith("2010")) == ancient
    assert not any(f.fault for f in noted)
    late = [r for r in caplog.records if r.getMessage() == "late events"]
    assert len(late) == 5
    assert late[0].fields["oldest"].startswith("2010-")  # type: ignore[attr-defined]
