"""The WebSocket: subscribe to topics, resume by number, be dropped if hostile.

A client sends ``{"subscribe": {"tape": 1234, "statistics": null}}``, numbers being the last it
has, with the ``epoch`` they belong to, or ``{"unsubscribe": ["tape"]}``. It is sent ``hello`` with
the epoch and the topics, then frames ``{"topic", "first", "last", "events"}`` or ``{"topic",
"last", "snapshot"}``.
"""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from seawall.core import Mistake
from seawall.room.hub import Frame, Hub, Reader, encoded
from seawall.room.problems import problem
from seawall.room.wire import EXTENSION, Taker

POLICY, BUSY = 1008, 1013


@dataclass(frozen=True, slots=True)
class Manners:
    """What a client may do.

    Attributes
    ----------
    clients
        At once.
    bytes
        Of one message.
    messages, seconds
        Messages within so many seconds.
    mistakes
        Before it is dropped.
    patience
        Seconds in which a frame must have gone out.
    """

    clients: int = 500
    bytes: int = 4096
    messages: int = 40
    seconds: float = 10.0
    mistakes: int = 5
    patience: float = 20.0


async def listen(socket: WebSocket, hub: Hub, manners: Manners) -> None:
    """Serve one client until it leaves, misbehaves or takes nothing any more."""
    await socket.accept()
    if len(hub.readers) >= manners.clients:
        await socket.close(BUSY, "too many clients")
        return
    reader = Reader()
    hub.readers.add(reader)
    try:
        await _send(socket, frame_of(hello(hub)), manners)
        hearing = asyncio.create_task(_hear(socket, hub, reader, manners))
        telling = asyncio.create_task(_tell(socket, hub, reader, manners))
        tasks = (hearing, telling)
        done, rest = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)
        reason = next((t.result() for t in done if t.exception() is None), None)
        await _leave(socket, reason)
    except (WebSocketDisconnect, TimeoutError, RuntimeError):
        await _leave(socket, None)
    finally:
        hub.readers.discard(reader)


def hello(hub: Hub) -> dict[str, Any]:
    """What a client is told first."""
    last = {name: topic.last for name, topic in hub.topics.items()}
    return {"hello": "seawall", "version": 1, "epoch": hub.epoch, "topics": last}


async def _leave(socket: WebSocket, reason: str | None) -> None:
    if socket.application_state is WebSocketState.CONNECTED:
        try:
            async with asyncio.timeout(2):
                await socket.close(POLICY if reason else 1000, reason)
        except (RuntimeError, TimeoutError, WebSocketDisconnect):
            return


def frame_of(value: Any) -> Frame:
    """A value as a frame."""
    return Frame(encoded(value).encode())


async def _send(socket: WebSocket, frame: Frame, manners: Manners) -> None:
    """Send a frame once most of what went before was taken; TimeoutError if that lasts too long."""
    taker: Taker | None = (socket.scope.get("extensions") or {}).get(EXTENSION)
    if taker is None:
        async with asyncio.timeout(manners.patience):
            await socket.send_text(frame.text)
        return
    if not taker.writable.is_set():
        async with asyncio.timeout(manners.patience):
            await taker.writable.wait()
    taker.put(frame.wire)


async def _tell(socket: WebSocket, hub: Hub, reader: Reader, manners: Manners) -> str | None:
    """Send what is new; each frame waits until the last has gone out."""
    while True:
        reader.bell.clear()
        while (frame := hub.next_frame(reader)) is not None:
            try:
                await _send(socket, frame, manners)
            except TimeoutError:
                return "takes nothing"
            except (WebSocketDisconnect, RuntimeError):
                return None
            # one with much to catch up on shares the loop
            await asyncio.sleep(0)
        await reader.bell.wait()


async def _hear(socket: WebSocket, hub: Hub, reader: Reader, manners: Manners) -> str | None:
    """Take what a client asks; the reason to drop it, or None if it left."""
    wrong = 0
    times: list[float] = []
    while True:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            return None
        now = time.monotonic()
        times = [t for t in times if t > now - manners.seconds] + [now]
        if len(times) > manners.messages:
            return "too many messages"
        text = message.get("text")
        if text is None or len(text) > manners.bytes:
            return "only short text is understood"
        mistake = _take(text, hub, reader)
        if mistake is not None:
            wrong += 1
            if wrong > manners.mistakes:
                return "too many mistakes"
            await _send(socket, frame_of({"problem": problem(400, [mistake])}), manners)


def _take(text: str, hub: Hub, reader: Reader) -> Mistake | None:
    """Do what one message asks; what is wrong with it otherwise."""
    try:
        asked = json.loads(text)
    except (ValueError, RecursionError):
        return Mistake("not JSON", "message", value=text[:60])
    if not isinstance(asked, dict) or set(asked) - {"subscribe", "unsubscribe", "epoch"}:
        return Mistake("not understood", "message", allowed="subscribe, unsubscribe, epoch")
    wanted, unwanted = asked.get("subscribe", {}), asked.get("unsubscribe", [])
    if not isinstance(wanted, dict) or not isinstance(unwanted, list):
        return Mistake("not understood", "message", allowed="topics and numbers, a list of topics")
    for name, number in wanted.items():
        if name not in hub.topics:
            return Mistake("no such topic", value=name[:60], allowed=", ".join(hub.topics))
        if number is not None and (type(number) is not int or number < 0):
            return Mistake("not a number", value=str(number)[:60], allowed="0 or more, or null")
    known = asked.get("epoch") == hub.epoch
    for name, number in wanted.items():
        reader.numbers[name] = number if known else None
    for name in unwanted:
        if isinstance(name, str):
            reader.numbers.pop(name, None)
    reader.bell.set()
    return None
