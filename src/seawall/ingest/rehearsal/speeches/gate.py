"""Gate: signed sizes in contracts."""

from __future__ import annotations

import json
from collections.abc import Sequence

from seawall.ingest.rehearsal.closings import Closing
from seawall.ingest.rehearsal.speech import Frame, Speech, load, need


class Gate(Speech):
    """Gate: signed sizes in contracts."""

    venue = "gate"
    most = 20

    def path_ok(self, path: str) -> bool:
        """Where the venue's documentation puts the stream."""
        return path in ("/v4/ws/usdt", "/v4/ws/btc")

    def tells_at(self, path: str) -> bool:
        """Whether linear contracts are told at a path."""
        return not path.endswith("/btc")

    def hear(self, frame: Frame, topics: set[str]) -> list[Frame]:
        """Subscriptions and signs of life."""
        said = load(frame)
        if said["channel"] == "futures.ping":
            return [json.dumps({"time": said["time"], "channel": "futures.pong", "result": None})]
        need(said["event"] == "subscribe", "neither ping nor subscribe")
        topics.update(said["payload"])
        reply = {"time": 1, "channel": said["channel"], "event": "subscribe"}
        return [json.dumps(reply | {"result": {"status": "success"}})]

    def tell(self, some: Sequence[Closing]) -> Frame:
        """One message of the stream."""
        rows = [
            {
                "price": str(c.price),
                "size": str(-c.side * round(c.quantity * 10_000)),
                "time": c.time_ms,
                "contract": f"{c.asset}_USDT",
            }
            for c in some
        ]
        message = {"channel": "futures.public_liquidates", "event": "update", "time": 1}
        return json.dumps(message | {"result": rows})

    def rest(self, path: str, query: dict[str, str], body: str, past: Sequence[Closing]) -> object:
        """Multipliers of the contracts."""
        if path == "/api/v4/futures/btc/contracts":
            return [{"name": "BTC_USD", "type": "inverse", "quanto_multiplier": "0"}]
        need(path == "/api/v4/futures/usdt/contracts", "no such path")
        return [
            {"name": f"{a}_USDT", "type": "direct", "quanto_multiplier": "0.0001"}
            for a in ("BTC", "ETH", "SOL")
        ]
