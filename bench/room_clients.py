"""Many clients at once: readers of the REST API, listeners to the WebSocket."""

from __future__ import annotations

import asyncio
import json
import os
import time
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp


def percentile(times: list[float], share: float) -> float:
    """A share's order statistic, such as 0.95 for p95."""
    return sorted(times)[min(len(times) - 1, int(share * len(times)))]


def resident(pid: int) -> float:
    """Resident memory of a process, MB; 0 where that is not told."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


async def read(port: int, path: str, clients: int = 50, each: int = 20) -> list[float]:
    """Seconds that each of many reads took; all clients ask at the same time, again and again.

    The client is a bare one, as it shares the machine with the server that is measured.
    """
    host = f"Host: 127.0.0.1:{port}\r\nAccept-Encoding: gzip"
    return await _asked(port, f"GET {path} HTTP/1.1\r\n{host}\r\n\r\n".encode(), clients, each)


async def post(port: int, path: str, body: bytes, clients: int = 50, each: int = 20) -> list[float]:
    """The same of questions that have a JSON body."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return await _asked(port, head.encode() + body, clients, each)


async def _asked(port: int, asked: bytes, clients: int, each: int) -> list[float]:
    times: list[float] = []

    async def one() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
        for k in range(each + 1):
            if reader.at_eof():
                # a server that takes one question a connection
                reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
            begun = time.perf_counter()
            writer.write(asked)
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200"), (asked[:200], head[:200])
            lower = head.lower()
            if b"content-length:" in lower:
                await reader.readexactly(int(lower.split(b"content-length:")[1].split(b"\r\n")[0]))
            else:
                await _chunks(reader)
            if k:
                times.append(time.perf_counter() - begun)
            if b"connection: close" in lower:
                writer.close()
                reader.feed_eof()
        writer.close()

    await asyncio.gather(*(one() for _ in range(clients)))
    return times


async def _chunks(reader: asyncio.StreamReader) -> None:
    while size := int(await reader.readline(), 16):
        await reader.readexactly(size + 2)
    await reader.readline()


@dataclass
class Heard:
    """What listeners heard: seconds from the server's word to each, and the server's memory."""

    clients: int
    seconds: float
    late: list[float] = field(default_factory=list)
    events: int = 0
    missed: int = 0
    snapshots: int = 0
    memory: list[float] = field(default_factory=list)


async def listen(base: str, clients: int, seconds: float, pid: int) -> Heard:
    """Subscribe many clients to the tape and time each event that says when it was sent."""
    heard = Heard(clients, seconds)
    ready = asyncio.Barrier(clients + 1)
    # an hour's times would fill the listeners' memory
    stride = max(1, int(seconds // 60))

    async def one(session: aiohttp.ClientSession) -> None:
        async with session.ws_connect(f"{base}/ws", compress=0, max_msg_size=0) as channel:
            await channel.receive()
            await channel.send_str('{"subscribe":{"tape":null}}')
            await channel.receive()
            await ready.wait()
            until, last = time.time() + seconds, -1
            while time.time() < until:
                frame = json.loads((await channel.receive(timeout=30)).data)
                now = time.time()
                heard.snapshots += "snapshot" in frame
                for event in frame.get("events", ()):
                    if "sent" in event:
                        if heard.events % stride == 0:
                            heard.late.append(now - event["sent"])
                        heard.missed += last >= 0 and event["number"] != last + 1
                        last = event["number"]
                        heard.events += 1

    async def watch() -> None:
        await ready.wait()
        while True:
            heard.memory.append(resident(pid))
            await asyncio.sleep(1.0)

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        watching = asyncio.create_task(watch())
        await asyncio.gather(*(one(session) for _ in range(clients)))
        watching.cancel()
    return heard
