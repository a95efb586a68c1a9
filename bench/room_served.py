"""The room for a bench, in a process of its own: ``python -m bench.room_served ACCOUNTS RATE``.

Prints the port. Besides what it plays it tells RATE events a second, each with its time.
"""

from __future__ import annotations

import asyncio
import socket
import sys
import time

import uvicorn

from seawall.app.serve_command import room_of
from seawall.room.security import Door
from seawall.room.server import application, configuration


def event(number: int) -> dict[str, object]:
    """An event like those of the tape, and when it was sent."""
    return {
        "time": "2025-11-21T07:00:00.000Z", "venue": "binance_usdm", "instrument": "BTCUSDT",
        "asset": "BTC", "side": "long", "quantity": 0.014, "price": 84_000.5,
        "notional_usd": 1176.0, "kind": "liquidation", "coverage": "all",
        "number": number, "sent": time.time(),
    }  # fmt: skip


async def pour(hub: object, rate: float) -> None:
    """Tell so many events a second, until cancelled."""
    told, begun = 0, time.monotonic()
    while True:
        await asyncio.sleep(0.005)
        due = int((time.monotonic() - begun) * rate)
        if due > told:
            hub.tell("tape", *(event(k) for k in range(told, due)))  # type: ignore[attr-defined]
            told = due


async def main(accounts: int, rate: float) -> None:
    room = room_of(accounts=accounts)
    app = application(room, Door("127.0.0.1"))
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as bound:
        bound.bind(("127.0.0.1", 0))
        server = uvicorn.Server(configuration(app, room.manners))
        serving = asyncio.create_task(server.serve(sockets=[bound]))
        while not server.started:
            await asyncio.sleep(0.01)
        print(bound.getsockname()[1], flush=True)
        pouring = asyncio.create_task(pour(app.state.hub, rate)) if rate else None
        await serving
        if pouring is not None:
            pouring.cancel()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), float(sys.argv[2])))
