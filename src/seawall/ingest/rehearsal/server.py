"""A venue on the loopback interface: tells its closings to whoever subscribes, and misbehaves."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence

from aiohttp import WSMsgType, web

from seawall.ingest.rehearsal.closings import Closing
from seawall.ingest.rehearsal.mischief import GARBAGE, Mischief
from seawall.ingest.rehearsal.speech import Frame, ProtocolError, Speech


class LoopServer:
    """Serves one venue's WebSocket and REST on one port; an asynchronous context.

    Parameters
    ----------
    closings
        What it tells, in order.
    paced
        Tell each message once the time of its last closing has come, not as fast as it can.
    seed
        Of what chance decides in the mischief.

    Attributes
    ----------
    past
        Closings that REST knows of; those told so far if it is paced.
    connections, subscriptions, pings_seen
        What clients did.
    told
        Closings told over the socket, again and again counted.
    url
        Where it is reached, once it serves.
    """

    def __init__(
        self,
        speech: Speech,
        closings: Sequence[Closing],
        mischief: Mischief | None = None,
        *,
        paced: bool = False,
        seed: int = 7,
    ):
        self.speech = speech
        self.mischief = mischief or Mischief()
        speech.refused = set(self.mischief.refuse)
        self.past: Sequence[Closing] = ()
        self.connections = 0
        self.subscriptions = 0
        self.told = 0
        self.pings_seen = 0
        self.url = ""
        self._paced = paced
        self._random = random.Random(seed)  # noqa: S311
        self._messages = self._split(closings)
        self._at = 0
        self._reached = 0
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

    @property
    def reached(self) -> list[Closing]:
        """Closings told so far, each once."""
        return [c for message in self._messages[: self._reached] for c in message]

    def end(self) -> None:
        """Tell nothing that was not told yet; what a lost connection overlaps is told again."""
        del self._messages[self._reached :]

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
        try:
            past = self.reached if self._paced else self.past
            found = self.speech.rest(request.path, dict(request.query), body, past)
        except ProtocolError as error:
            return web.Response(status=400, text=str(error))
        return web.Response(status=404) if found is None else web.json_response(found)

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        if not self.speech.path_ok(request.path):
            return web.Response(status=404)
        self.connections += 1
        if self.connections <= self.mischief.away:
            return web.Response(status=503)
        socket = web.WebSocketResponse(autoping=False, max_msg_size=1 << 20)
        await socket.prepare(request)
        stalled = asyncio.Event()
        pinging = asyncio.create_task(self._ping(socket, stalled))
        telling: list[asyncio.Task[None]] = []
        try:
            await self._hear(socket, request, stalled, telling)
        except (ConnectionError, OSError):
            pass
        except ProtocolError as error:
            await socket.close(code=1008, message=str(error).encode())
        finally:
            for task in (*telling, pinging):
                task.cancel()
            await asyncio.gather(*telling, pinging, return_exceptions=True)
        return socket

    async def _hear(
        self,
        socket: web.WebSocketResponse,
        request: web.Request,
        stalled: asyncio.Event,
        telling: list[asyncio.Task[None]],
    ) -> None:
        """Answer a client until it leaves; begin telling once it has subscribed."""
        topics: set[str] = set()
        first = self.connections == 1 + self.mischief.away
        deaf = self.connections <= self.mischief.away + self.mischief.deaf
        async for message in socket:
            if stalled.is_set() or deaf:
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
            told_here = self.speech.tells_at(request.path)
            if not telling and told_here and self.speech.stands(topics):
                self.subscriptions += 1
                telling.append(asyncio.create_task(self._tell(socket, request, first, stalled)))

    async def _ping(self, socket: web.WebSocketResponse, stalled: asyncio.Event) -> None:
        while self.speech.pings and not stalled.is_set():
            await asyncio.sleep(self.speech.pings)
            frame = self.speech.ping()
            if frame is None:
                await socket.ping()
            else:
                await say(socket, frame)

    async def _tell(
        self,
        socket: web.WebSocketResponse,
        request: web.Request,
        first: bool,
        stalled: asyncio.Event,
    ) -> None:
        wrong, told = self.mischief, 0
        while not self.done:
            if wrong.stall_after and first and told >= wrong.stall_after:
                stalled.set()
                await asyncio.sleep(3600)
            if wrong.drop_every and told >= wrong.drop_every:
                self._at = max(0, self._at - wrong.overlap) + wrong.lose
                self._reached = max(self._reached, self._at)
                if request.transport is not None:
                    request.transport.abort()
                return
            await self._until_time()
            if self.done:
                return
            some = self._messages[self._at]
            self._at += 1
            self._reached = max(self._reached, self._at)
            told += 1
            self.told += len(some)
            await self._tell_one(socket, some)

    async def _until_time(self) -> None:
        """Wait for the times of the next message's closings, or for the end."""
        while self._paced and not self.done:
            wait = max(c.time_ms for c in self._messages[self._at]) / 1000 - time.time()
            if wait <= 0:
                return
            await asyncio.sleep(min(wait, 0.1))

    async def _tell_one(self, socket: web.WebSocketResponse, some: Sequence[Closing]) -> None:
        wrong = self.mischief
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
