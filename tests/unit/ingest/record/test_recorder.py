"""The recorder: what a sink gets, what happens when it refuses, how it stops."""

from __future__ import annotations

import asyncio
import io
import logging
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import aiohttp
import pytest
from rich.console import Console

from alone import run_alone
from seawall.app.tape_record import addresses
from seawall.core import InputError
from seawall.core.tape import Tape
from seawall.ingest.record.recent import Recent
from seawall.ingest.record.recorder import Recorder, Recording
from seawall.ingest.record.table import live_table
from seawall.ingest.rehearsal.closings import Closing, closings
from seawall.ingest.rehearsal.mischief import Mischief
from seawall.ingest.rehearsal.server import LoopServer
from seawall.ingest.rehearsal.speeches import SPEECHES
from seawall.ingest.store.disk import DiskFullError
from seawall.ingest.store.outages import Heard, Outage
from seawall.ingest.store.store import Store
from seawall.ingest.store.writer import StoreWriter
from seawall.ingest.wire.connection import Pace
from seawall.ingest.wire.event import WireEvent
from seawall.ingest.wire.feed import Asking
from seawall.ingest.wire.logs import KeyValue, say
from seawall.ingest.wire.venues import ADAPTERS
from seawall.rulebook import Rules

PACE = Pace(first=0.02, most=0.1, acknowledge=1.0, hurry=50.0)
ASKING = Asking(past=0.0, unsized=0.5, between=0.0)


class Kept:
    """A sink in memory that can be slow or refuse."""

    def __init__(self, slow: float = 0.0, refuse_after: int | None = None):
        self.tapes: list[Tape] = []
        self.outages: list[Outage] = []
        self.known: dict[str, Heard] = {}
        self.rolls = 0
        self.closed = False
        self.writing = threading.Lock()
        self._slow = slow
        self._refuse_after = refuse_after

    def append(self, tape: Tape) -> None:
        assert self.writing.acquire(blocking=False), "one write at a time"
        try:
            time.sleep(self._slow)
            if self._refuse_after is not None and len(self.tapes) >= self._refuse_after:
                raise DiskFullError("the disk is full")
            self.tapes.append(tape)
        finally:
            self.writing.release()

    def roll_if_due(self) -> int:
        self.rolls += 1
        return 0

    def heard(self) -> dict[str, Heard]:
        return self.known

    def keep_heard(self, outages: Sequence[Outage], heard: Mapping[str, Heard]) -> None:
        self.outages += outages
        self.known = dict(heard)

    def close(self) -> None:
        self.closed = True

    @property
    def tape(self) -> Tape:
        return Tape.joined(self.tapes)


def recording(servers: dict[str, LoopServer], **changed: object) -> Recording:
    options: dict = {"venues": tuple(servers), "assets": ("BTC", "ETH", "SOL")}
    options |= {"urls": {v: s.url for v, s in servers.items()}, "pace": PACE, "asking": ASKING}
    return Recording(**(options | {"roll_seconds": 0.05} | changed))


def truth(some: list[Closing]) -> list[tuple]:
    return sorted((c.time_ms * 1_000_000, c.asset, c.side, round(c.quantity, 6)) for c in some)


def rows(tape: Tape, venue: str) -> list[tuple]:
    mine = tape.take([tape.venues[v] == venue for v in tape.venue])
    return sorted(
        (int(t), mine.assets[a], int(s), round(float(q), 6))
        for t, a, s, q in zip(mine.time, mine.asset, mine.side, mine.quantity, strict=True)
    )


async def until(recorder: Recorder, count: int, seconds: float = 200.0) -> None:
    """Record until so many events are written, then stop."""
    task = asyncio.create_task(recorder.run())
    async with asyncio.timeout(seconds):
        while recorder.written < count and not task.done():
            await asyncio.sleep(0.02)
        recorder.stop()
        await task


def test_all_venues_at_once_each_misbehaving_its_own_way() -> None:
    some, sink = closings(300), Kept()
    wrongs = (
        Mischief(),
        Mischief(drop_every=11, overlap=4),
        Mischief(garbage=0.5, twice=0.3),
        Mischief(shuffle=7, twice=0.5),
        Mischief(stall_after=3),
        Mischief(away=1),
        Mischief(deaf=1),
        Mischief(drop_every=5, overlap=1, garbage=0.2),
    )

    async def go() -> Recorder:
        servers = {
            v: LoopServer(SPEECHES[v](), some, w) for v, w in zip(ADAPTERS, wrongs, strict=True)
        }
        async with asyncio.TaskGroup() as group:
            for server in servers.values():
                group.create_task(server.__aenter__())
        try:
            recorder = Recorder(recording(servers), sink)
            await until(recorder, len(some) * len(ADAPTERS))
        finally:
            for server in servers.values():
                await server.__aexit__()
        return recorder

    recorder = run_alone(go())
    tape = sink.tape
    assert len(tape) == recorder.written == len(some) * len(ADAPTERS)
    for venue in ADAPTERS:
        assert rows(tape, venue) == truth(some), venue
    assert recorder.copies > 0
    assert sink.closed
    assert sink.rolls > 0


def test_a_store_holds_what_was_recorded_and_a_second_run_adds_nothing(tmp_path: Path) -> None:
    some = closings(200)

    async def go(expected: int) -> Recorder:
        async with LoopServer(SPEECHES["okx"](), some) as server:
            recorder = Recorder(recording({"okx": server}), StoreWriter(tmp_path / "tape"))
            await until(recorder, expected)
        return recorder

    run_alone(go(len(some)))
    with Store(tmp_path / "tape") as store:
        assert rows(store.read(), "okx") == truth(some)
    again = run_alone(go(len(some)))
    assert again.written == len(some), "a new recorder cannot know what the last one wrote"
    with Store(tmp_path / "tape") as store:
        assert rows(store.read(), "okx") == truth(some)


def test_a_refusing_sink_ends_the_recording_with_its_error() -> None:
    sink = Kept(refuse_after=1)

    async def go() -> None:
        server = LoopServer(SPEECHES["okx"](), closings(5000), Mischief(gap=0.001))
        async with server:
            await until(Recorder(recording({"okx": server}), sink), 10**9)

    with pytest.raises(DiskFullError):
        run_alone(go())
    assert len(sink.tapes) == 1
    assert sink.closed


def test_stopping_writes_what_has_been_read_and_loses_none() -> None:
    sink, some = Kept(slow=0.3), closings(4000)

    async def go() -> Recorder:
        async with LoopServer(SPEECHES["bybit"](), some) as server:
            recorder = Recorder(recording({"bybit": server}, batch=100), sink)
            task = asyncio.create_task(recorder.run())
            async with asyncio.timeout(200):
                while sum(c.events for f in recorder.feeds for c in f.counts.values()) < 600:
                    await asyncio.sleep(0.005)
                sink._slow = 0.0
                recorder.stop()
                await task
            return recorder

    recorder = run_alone(go())
    read = sum(c.events for f in recorder.feeds for c in f.counts.values())
    assert len(sink.tape) == recorder.written == read - recorder.copies
    assert read >= 600


def test_a_slow_sink_keeps_the_queue_within_its_bound() -> None:
    sink, some = Kept(slow=0.02), closings(6000)

    async def go() -> Recorder:
        async with LoopServer(SPEECHES["deribit"](), some) as server:
            options = {"batch": 200, "room": 400, "patience": 30.0}
            recorder = Recorder(recording({"deribit": server}, **options), sink)
            await until(recorder, len(some), 200.0)
            return recorder

    recorder = run_alone(go())
    assert recorder.inbox.most <= 400
    assert rows(sink.tape, "deribit") == truth(some)


def test_the_past_is_tidied_and_a_refusal_of_it_ends_nothing() -> None:
    calls = []

    def tidy() -> int:
        calls.append(1)
        if len(calls) == 1:
            raise DiskFullError("the disk is full")
        return 3

    async def go() -> None:
        async with LoopServer(SPEECHES["okx"](), closings(60)) as server:
            options = recording({"okx": server}, tidy_seconds=0.0)
            recorder = Recorder(options, Kept(), tidy=tidy)
            task = asyncio.create_task(recorder.run())
            async with asyncio.timeout(200):
                while len(calls) < 3:
                    assert not task.done()
                    await asyncio.sleep(0.02)
                recorder.stop()
                await task

    run_alone(go())


def test_metrics_are_served_in_the_text_format() -> None:
    async def go() -> tuple[str, str]:
        async with LoopServer(SPEECHES["okx"](), closings(60), Mischief(garbage=1.0)) as server:
            recorder = Recorder(recording({"okx": server}, metrics_port=0), Kept())
            task = asyncio.create_task(recorder.run())
            async with asyncio.timeout(200), aiohttp.ClientSession() as session:
                while recorder.written < 60:
                    await asyncio.sleep(0.02)
                async with session.get(f"http://127.0.0.1:{recorder.port}/metrics") as answer:
                    found = await answer.text(), answer.headers["Content-Type"]
                recorder.stop()
                await task
            return found

    text, kind = run_alone(go())
    assert kind.startswith("text/plain; version=0.0.4")
    values = dict(re.findall(r"^(\w+(?:\{[^}]*\})?) (\S+)$", text, re.MULTILINE))
    assert values["seawall_tape_written_total"] == "60"
    assert values['seawall_tape_events_total{venue="okx",link="okx"}'] == "60"
    assert values['seawall_tape_connected{venue="okx",link="okx"}'] == "1"
    assert int(values['seawall_tape_malformed_total{venue="okx",link="okx"}']) > 0
    names = re.findall(r"^# TYPE (\w+) (counter|gauge)$", text, re.MULTILINE)
    assert len(dict(names)) == len(names)
    for name, what in names:
        assert name.endswith("_total") == (what == "counter"), name
        assert f"# HELP {name} " in text


def test_the_table_says_what_each_connection_does() -> None:
    async def go() -> str:
        async with LoopServer(SPEECHES["gate"](), closings(40)) as server:
            recorder = Recorder(recording({"gate": server}), Kept())
            task = asyncio.create_task(recorder.run())
            async with asyncio.timeout(200):
                while recorder.written < 40:
                    await asyncio.sleep(0.02)
                out = io.StringIO()
                Console(file=out, width=140).print(live_table(recorder))
                recorder.stop()
                await task
            return out.getvalue()

    shown = run_alone(go())
    assert "40 events written" in shown
    assert "gate usdt" in shown
    assert "subscribed" in shown


def event(number: int) -> WireEvent:
    return WireEvent(1, 1, "v", "i", "a", 1, 1.0, 1.0, 1.0, 0, 0, True, 0, number, "s")


def test_copies_are_known_for_a_bounded_while() -> None:
    recent = Recent(most=100)
    assert len(recent.fresh([event(1), event(2), event(1)])) == 2
    for k in range(3, 1000):
        recent.fresh([event(k)])
    assert recent.fresh([event(999), event(950)]) == []
    assert len(recent.fresh([event(1)])) == 1, "forgotten by now"
    assert len(recent._young) + len(recent._old) <= 200


def test_a_log_line_is_keys_and_values_on_one_line() -> None:
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(KeyValue())
    logger = logging.getLogger("seawall.test.lines")
    logger.addHandler(handler)
    logger.propagate = False
    say(logger, logging.ERROR, "malformed", venue="okx", raw=b'{"a":\n"\x00"}', count=3, gap=1.5)
    line = out.getvalue()
    assert line.count("\n") == 1
    assert ' level=error what=malformed venue=okx raw="' in line
    assert line.endswith("count=3 gap=1.5\n")


def test_addresses_are_checked_all_at_once() -> None:
    rules = Rules.bundled()
    assert addresses(["binance=ws://127.0.0.1:1/"], rules) == {
        "binance_usdm": "ws://127.0.0.1:1",
        "binance_coinm": "ws://127.0.0.1:1",
    }
    with pytest.raises(InputError) as caught:
        addresses(["okx", "bybit=http://x"], rules)
    assert caught.value.total == 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_command_records_a_loopback_feed_and_stops_on_a_signal(
    tmp_path: Path, number: signal.Signals
) -> None:
    some = closings(150)
    program = (
        "import typer; from seawall.app.tape_record import record; "
        "app = typer.Typer(); app.command()(record); app()"
    )

    async def go() -> str:
        async with LoopServer(SPEECHES["bybit"](), some, Mischief(drop_every=5)) as server:
            options = ["--venues", "bybit", "--assets", "btc,ETH,SOL"]
            options += ["--store", str(tmp_path / "t"), "--url", f"bybit={server.url}"]
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-c", program, *options, stderr=subprocess.PIPE
            )
            async with asyncio.timeout(200):
                while not server.done:
                    assert process.returncode is None
                    await asyncio.sleep(0.05)
                await asyncio.sleep(0.3)
                process.send_signal(number)
                _, err = await process.communicate()
            assert process.returncode == 0, err.decode()
            return err.decode()

    log = run_alone(go())
    assert "what=subscribed venue=bybit" in log
    assert f"what=stopped written={len(some)}" in log
    with Store(tmp_path / "t") as store:
        assert rows(store.read(), "bybit") == truth(some)
