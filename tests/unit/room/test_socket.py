"""The WebSocket with well-behaved, returning, slow and hostile clients."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket as sockets
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from room_server import PATIENCE, Asker, serving
from seawall.app.serve_command import room_of
from seawall.room.socket import Manners

websockets = pytest.importorskip("websockets", reason="seawall[room] is not installed")


@pytest.fixture(scope="module")
def asker(book_file: Path) -> Iterator[Asker]:
    manners = Manners(clients=40, messages=30, seconds=PATIENCE, mistakes=3, patience=PATIENCE)
    with serving(replace(room_of(book_file), manners=manners)) as found:
        yield found


def channel(asker: Asker, **options: Any) -> Any:
    url = f"ws://127.0.0.1:{asker.port}/ws"
    patient = {"open_timeout": PATIENCE, "ping_interval": None}
    return websockets.connect(url, compression=None, **patient, **options)


async def heard(ws: Any, seconds: float = PATIENCE / 4) -> dict[str, Any]:
    return dict(json.loads(await asyncio.wait_for(ws.recv(), seconds)))


async def frames_of(ws: Any, topic: str, count: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while len(found) < count:
        frame = await heard(ws)
        if frame.get("topic") == topic:
            found.append(frame)
    return found


def test_events_follow_the_snapshot_without_a_gap(asker: Asker) -> None:
    async def go() -> None:
        async with channel(asker) as ws:
            hello = await heard(ws)
            assert set(hello["topics"]) >= {"tape", "statistics", "map", "feeds", "runs"}
            await ws.send(json.dumps({"subscribe": {"tape": None}}))
            first, *rest = await frames_of(ws, "tape", 5)
            last = first["last"]
            assert isinstance(first["snapshot"], list)
            for frame in rest:
                assert frame["first"] == last + 1
                assert len(frame["events"]) == frame["last"] - frame["first"] + 1
                last = frame["last"]

    asyncio.run(go())


def test_one_who_returns_misses_nothing(asker: Asker) -> None:
    async def go() -> None:
        async with channel(asker) as ws:
            epoch = (await heard(ws))["epoch"]
            await ws.send(json.dumps({"subscribe": {"tape": None}}))
            last = (await frames_of(ws, "tape", 2))[-1]["last"]
        topic = asker.app.state.hub.topics["tape"]
        while topic.last == last:
            await asyncio.sleep(0.02)
        async with channel(asker) as ws:
            await heard(ws)
            await ws.send(json.dumps({"subscribe": {"tape": last}, "epoch": epoch}))
            assert (await frames_of(ws, "tape", 1))[0]["first"] == last + 1
        async with channel(asker) as ws:
            await heard(ws)
            await ws.send(json.dumps({"subscribe": {"tape": last}, "epoch": "another server's"}))
            assert "snapshot" in (await frames_of(ws, "tape", 1))[0]

    asyncio.run(go())


def test_runs_are_told_as_they_go(asker: Asker) -> None:
    async def go() -> None:
        async with channel(asker) as ws:
            await heard(ws)
            await ws.send(json.dumps({"subscribe": {"runs": None}}))
            await frames_of(ws, "runs", 1)
            made = await asyncio.to_thread(
                asker, "/api/v1/jobs/stress", "POST", {"shock": ["BTC=-9%"], "draws": 2}
            )
            states: list[str] = []
            while "done" not in states:
                for frame in await frames_of(ws, "runs", 1):
                    states += [
                        e["state"] for e in frame["events"] if e["job"] == made.json()["job"]
                    ]
            assert states[0] == "waiting"
            assert "running" in states

    asyncio.run(go())


def test_a_slow_client_is_caught_up_by_a_snapshot_and_holds_up_nobody(asker: Asker) -> None:
    hub = asker.app.state.hub

    async def go() -> None:
        # a tiny window and nobody reading: the server's writes soon have nowhere to go
        raw = sockets.socket()
        raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 2048)
        raw.connect(("127.0.0.1", asker.port))
        raw.setblocking(False)
        others = set(hub.readers)
        async with channel(asker) as quick, channel(asker, sock=raw, max_queue=1) as slow:
            for ws in (quick, slow):
                await heard(ws)
                await ws.send(json.dumps({"subscribe": {"tape": None}}))
                await frames_of(ws, "tape", 1)
            text = "x" * 4000
            latest = 0
            for k in range(3000):
                hub.tell_from_thread("tape", {"number": k, "text": text})
                if k % 100 == 99:
                    while latest < k:
                        frame = await heard(quick)
                        for event in frame.get("events", ()):
                            latest = max(latest, event.get("number", -1))
            # who reads has all of it while the other has not even been sent it
            numbers = [reader.numbers["tape"] for reader in hub.readers - others]
            assert len(numbers) == 2
            assert min(numbers) < hub.topics["tape"].last
            # the slow one comes back: what it is owed is no longer there, and it is told so
            found: list[dict[str, Any]] = []
            while not any("snapshot" in f for f in found):
                found.append(await heard(slow))
            assert sum(len(f.get("events", ())) for f in found) < 3000

    asyncio.run(go())


@pytest.mark.parametrize(
    "messages",
    [
        ["{"] * 10,
        ["[]"] * 10,
        ['{"subscribe": {"nothing": 1}}'] * 10,
        ['{"subscribe": {"tape": -1}}'] * 10,
        ['{"subscribe": {"tape": true}}'] * 10,
        ['{"subscribe": "tape"}'] * 10,
        ["[" * 2000] * 10,
        ['{"subscribe": {"runs": null}}'] * 60,
        [b"\x00\xff"],
        ["x" * 100_000],
    ],
    ids=lambda m: f"{m[0][:24]!r}",
)
def test_a_hostile_client_is_dropped(asker: Asker, messages: list[Any]) -> None:
    async def go() -> None:
        async with channel(asker) as ws:
            with contextlib.suppress(websockets.ConnectionClosed):
                for message in messages:
                    await ws.send(message)
                while True:
                    await heard(ws)
            # 1006: what the server leaves unread may reset the connection, and its word is lost
            assert ws.close_code in (1006, 1008, 1009)

    asyncio.run(go())
    assert asker("/api/v1/live").status == 200


def test_one_who_takes_nothing_is_dropped(book_file: Path) -> None:
    room = replace(room_of(book_file), manners=Manners(patience=0.5))
    with serving(room) as asker:
        hub = asker.app.state.hub

        async def go() -> None:
            raw = sockets.socket()
            raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 2048)
            raw.connect(("127.0.0.1", asker.port))
            async with asyncio.timeout(PATIENCE / 4):
                ws = await channel(asker, sock=raw, max_queue=1)
                await ws.send(json.dumps({"subscribe": {"tape": None}}))
                while not any("tape" in r.numbers for r in hub.readers):
                    await asyncio.sleep(0.01)
                ws.transport.pause_reading()
                while hub.readers:
                    hub.tell_from_thread("tape", {"text": "x" * 50_000})
                    await asyncio.sleep(0.01)
                ws.transport.abort()

        asyncio.run(go())
        assert asker("/api/v1/live").status == 200


def test_no_more_clients_than_fit(asker: Asker) -> None:
    async def go() -> None:
        opened = [await channel(asker) for _ in range(40)]
        async with channel(asker) as late:
            with pytest.raises(websockets.ConnectionClosed) as caught:
                await heard(late)
            assert caught.value.rcvd.code == 1013
        for ws in opened:
            await ws.close()

    # those of the tests before are gone
    while asker.app.state.hub.readers:
        asker("/api/v1/live")
    asyncio.run(go())


@pytest.mark.parametrize("headers", [{"origin": "https://evil.example"}, {"host": "evil.example"}])
def test_other_sites_hear_nothing(asker: Asker, headers: dict[str, str]) -> None:
    told = {
        "host": f"127.0.0.1:{asker.port}",
        "connection": "upgrade",
        "upgrade": "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==",
    } | headers
    lines = "".join(f"{k}: {v}\r\n" for k, v in told.items())
    with sockets.create_connection(("127.0.0.1", asker.port), timeout=PATIENCE) as raw:
        raw.sendall(f"GET /ws HTTP/1.1\r\n{lines}\r\n".encode())
        assert raw.recv(200).startswith(b"HTTP/1.1 403")
