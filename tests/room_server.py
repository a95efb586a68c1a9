"""A real server on the loopback interface, with a small book, and one who asks it."""

from __future__ import annotations

import gzip
import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import uvicorn

from seawall.room.books import Limits
from seawall.room.security import Door
from seawall.room.server import Room, application, configuration

PATIENCE = 900.0
"""Seconds that anything may take: nothing here is about how fast this machine is."""
BOOK = """\
account,venue,instrument,side,quantity,entry_price,mark_price,margin_mode,leverage,collateral,wallet_balance
ann,binance,BTCUSDT,long,2.5,92000,86600,isolated,10,23000,
bob,hyperliquid,BTC,short,40,88000,86600,cross,20,,400000
bob,hyperliquid,ETH,long,100,2900,2830,cross,20,,
cem,bybit,ETHUSDT,long,300,2900,2830,isolated,5,174000,
dee,okx,BTC-USDT-SWAP,long,1500,90000,86600,isolated,8,170000,
"""


@dataclass(frozen=True)
class Reply:
    """One answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        packed = self.headers.get("content-encoding") == "gzip"
        return json.loads(gzip.decompress(self.body) if packed else self.body)


@dataclass
class Asker:
    """Asks a server over a connection of its own."""

    port: int
    app: Any

    def __call__(
        self,
        path: str,
        method: str = "GET",
        body: bytes | dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
        host: str = "",
    ) -> Reply:
        sent = {"host": host or f"127.0.0.1:{self.port}"} | (headers or {})
        if isinstance(body, dict):
            body, sent["content-type"] = json.dumps(body).encode(), "application/json"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request(method, path, body, sent)
            found = connection.getresponse()
            known = {k.lower(): v for k, v in found.getheaders()}
            return Reply(found.status, known, found.read())
        finally:
            connection.close()

    def until(self, path: str, wanted: Callable[[Any], bool], seconds: float = PATIENCE) -> Any:
        """What a path says once it says what is wanted."""
        end = time.monotonic() + seconds
        while True:
            found = self(path).json()
            if wanted(found):
                return found
            assert time.monotonic() < end, f"{path} still says {found}"
            time.sleep(0.02)


@contextmanager
def kept_port() -> Iterator[int]:
    """A port that nobody else is given while servers of ours on it end and begin."""
    with _socket(shared=True) as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def _socket(shared: bool) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if shared:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    return made


@contextmanager
def serving(room: Room, door: Door | None = None, port: int = 0) -> Iterator[Asker]:
    """A server of a room, on any port or on one of :func:`kept_port`, ended at the end.

    It answers and takes uploads however long that lasts, but where a test has less patience.
    """
    room, limits = replace(room, patience=PATIENCE), room.shelf.limits
    if limits.seconds == Limits().seconds:
        room.shelf.limits = replace(limits, seconds=PATIENCE)
    with _socket(shared=port > 0) as bound:
        bound.bind(("127.0.0.1", port))
        app = application(room, door or Door("127.0.0.1"))
        server = uvicorn.Server(configuration(app, room.manners))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
        thread.start()
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            time.sleep(0.01)
        try:
            yield Asker(bound.getsockname()[1], app)
        finally:
            server.should_exit = True
            thread.join(PATIENCE)
            assert not thread.is_alive()
