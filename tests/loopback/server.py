"""A venue on the loopback interface: tells its closings to whoever subscribes, and misbehaves."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Sequence
from dataclasses import dataclass

from aiohttp import WSMsgType, web

from loopback.speech import Closing, Frame, Speech

GARBAGE: tuple[Frame, ...] = (
    b"\x00\xff\xfe",
    "",
    "{",
    "null",
    "[]",
    '{"data": [',
    '{"e":"forceOrder","o":{"s":"BTCUSDT"}}',
    '{"topic":"allLiquidation.BTCUSDT","data":[{"T":"x"}]}',
    '{"arg":{"channel":"liquidation-orders"},"data":[{"instId":7}]}',
    '{"channel":"futures.public_liquidates","event":"update","result":[7]}',
    '{"op":"notify","topic":"public.X.liquidation_orders","data":{}}',
    '{"method":"subscription","params":{"data":[{"trade_id":1}]}}',
    '{"channel":"userFills","data":{"user":1}}',
    b"\x1f\x8b broken",
)


@dataclass
class Mischief:
    """How a server misbehaves.

    Attributes
    ----------
    drop_every
        Cut the connection after so many messages; 0 never.
    overlap
        Messages told again after a connection was lost.
    lose
        Messages not told over the socket when a connection is lost: only REST knows of them.
    stall_after
        Say nothing more, not even pongs, after so many messages of the first connection.
    twice, garbage
        Shares of messages told twice, and of garbage between them.
    shuffle
        Messages that may change places.
    deaf
        Connections that get no answer to their subscription.
    away
        Tries to connect that are refused first.
    gap
        Seconds between messages; 0 tells all at once.
    """

    drop_every: int = 0
    overlap: int = 0
    lose: int = 0
    stall_after: int = 0
    twice: float = 0.0
    garbage: float = 0.0
    shuffle: int = 0
    deaf: int = 0
    away: int = 0
    gap: float = 0.0


class LoopServer:
    """Serves one venue's WebSocket and REST on one port."""

    def __init__(
        self, speech: Speech, closings: Sequence[Closing], mischief: Mischief | None = None
    ):
        self.speech = speech
        self.mischief = mischief or Mischief()
        self.past: Sequence[Closing] = ()
        self.connections = 0
        self.subscriptions = 0
        self.told = 0
        self.pings_seen = 0
        self.url = ""
        self._random = random.Random(7)
        self._messages = self._split(closings)
        self._at = 0
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> LoopServer:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"ws://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *raised: object) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    @property
    def done(self) -> bool:
        """Whether all has been told."""
        return self._at >= len(self._messages)

    def _split(self, closings: Sequence[Closing]) -> list[Sequence[Closing]]:
        most = self.speech.most
        messages = [closings[k : k + most] for k in range(0, len(closings), most)]
        width = self.mischief.shuffle
        if width:
            for k in range(0, len(messages), width):
                part = messages[k : k + width]
                self._random.shuffle(part)
                messages[k : k + width] = part
        return messages

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._serve(request)
        body = await request.text()
        found = self.speech.rest(request.path, dict(request.query), body, self.past)
        return web.Response(status=404) if found is None else web.json_response(found)

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        assert self.speech.path_ok(request.path), request.path
        self.connections += 1
        if self.connections <= self.mischief.away:
            return web.Response(status=503)
        socket = web.WebSocketResponse(autoping=False, max_msg_size=1 << 20)
        await socket.prepare(request)
        topics: set[str] = set()
        telling: asyncio.Task | None = None
        pinging = asyncio.create_task(self._ping(socket))
        state = {"stalled": False, "first": self.connections == 1 + self.mischief.away}
        deaf = self.connections <= self.mischief.away + self.mischief.deaf
        try:
            async for message in socket:
                if state["stalled"] or deaf:
                    continue
                if message.type is WSMsgType.PING:
                    self.pings_seen += 1
                    await socket.pong(message.data)
                    continue
                if message.type is not WSMsgType.TEXT:
                    continue
                self.speech.heard.append(message.data)
                for reply in self.speech.hear(message.data, topics):
                    await say(socket, reply)
                if telling is None and self.speech.stands(topics) and self._tells(request):
                    self.subscriptions += 1
                    telling = asyncio.create_task(self._tell(socket, state))
        except (ConnectionError, OSError):
            pass
        finally:
            for task in (telling, pinging):
                if task is not None:
                    task.cancel()
                    with contextlib.suppress(BaseException):
                        await task
        return socket

    def _tells(self, request: web.Request) -> bool:
        """Whether this connection carries the closings: those of linear contracts do."""
        return not request.path.endswith(("/inverse", "/btc")) and request.path != (
            "/swap-notification"
        )

    async def _ping(self, socket: web.WebSocketResponse) -> None:
        if not self.speech.pings:
            return
        while True:
            await asyncio.sleep(self.speech.pings)
            frame = self.speech.ping()
            if frame is None:
                await socket.ping()
            else:
                await say(socket, frame)

    async def _tell(self, socket: web.WebSocketResponse, state: dict) -> None:
        wrong, told = self.mischief, 0
        while not self.done:
            if wrong.stall_after and state["first"] and told >= wrong.stall_after:
                state["stalled"] = True
                await asyncio.sleep(3600)
            if wrong.drop_every and told >= wrong.drop_every:
                self._at = max(0, self._at - wrong.overlap) + wrong.lose
                transport = socket._req.transport if socket._req else None
                if transport is not None:
                    transport.abort()
                return
            some = self._messages[self._at]
            self._at += 1
            told += 1
            self.told += len(some)
            if self._random.random() < wrong.garbage:
                await say(socket, self._random.choice(GARBAGE))
            frame = self.speech.tell(some)
            await say(socket, frame)
            if self._random.random() < wrong.twice:
                await say(socket, frame)
            if wrong.gap:
                await asyncio.sleep(wrong.gap)


async def say(socket: web.WebSocketResponse, frame: Frame) -> None:
    """Send a frame as text or bytes."""
    if isinstance(frame, str):
        await socket.send_str(frame)
    else:
        await socket.send_bytes(frame)
