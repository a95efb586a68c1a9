"""Hyperliquid: fills of the HLP vaults."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from seawall.ingest.rehearsal.closings import Closing
from seawall.ingest.rehearsal.speech import Frame, Speech, load, need


class Hyperliquid(Speech):
    """Hyperliquid: fills of the HLP vaults."""

    venue = "hyperliquid"
    most = 10
    vault = "0x010461c14e146ac35fe42271bdc1134ee31c703a"

    def path_ok(self, path: str) -> bool:
        """Where the venue's documentation puts the stream."""
        return path == "/ws"

    def hear(self, frame: Frame, topics: set[str]) -> list[Frame]:
        """Subscriptions and signs of life."""
        said = load(frame)
        if said["method"] == "ping":
            return ['{"channel":"pong"}']
        need(said["method"] == "subscribe", "neither ping nor subscribe")
        topics.add(said["subscription"]["user"])
        need(len(topics) <= 10, "more than ten users")
        return [json.dumps({"channel": "subscriptionResponse", "data": said})]

    def stands(self, topics: set[str]) -> bool:
        """Whether what all clients need is among the topics."""
        return len(topics) == 7

    def fills(self, some: Sequence[Closing]) -> list[dict[str, Any]]:
        """Closings as fills of the vault."""
        return [
            {
                "coin": c.asset,
                "px": str(c.price),
                "sz": str(c.quantity),
                "side": "B" if c.side > 0 else "A",
                "time": c.time_ms,
                "dir": "Open Long",
                "tid": c.number + 1,
                "hash": "0x0",
                "liquidation": {
                    "liquidatedUser": f"0x{c.number:040x}",
                    "markPx": str(c.price),
                    "method": "market",
                },
            }
            for c in some
        ]

    def tell(self, some: Sequence[Closing]) -> Frame:
        """One message of the stream."""
        data = {"user": self.vault, "fills": self.fills(some)}
        return json.dumps({"channel": "userFills", "data": data})

    def rest(self, path: str, query: dict[str, str], body: str, past: Sequence[Closing]) -> object:
        """Fills of the past."""
        need(path == "/info", "no such path")
        said = json.loads(body)
        need(said["type"] == "userFillsByTime", "no such question")
        begin, end = said["startTime"], said["endTime"]
        mine = said["user"] == self.vault
        return self.fills([c for c in past if mine and begin <= c.time_ms <= end][:2000])
