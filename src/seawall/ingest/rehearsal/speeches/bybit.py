"""Bybit: a topic a symbol, several liquidations a message."""

from __future__ import annotations

import json
from collections.abc import Sequence

from seawall.ingest.rehearsal.closings import Closing
from seawall.ingest.rehearsal.speech import Frame, Speech, load, need


class Bybit(Speech):
    """Bybit: a topic a symbol, several liquidations a message."""

    venue = "bybit"
    most = 8

    def path_ok(self, path: str) -> bool:
        """Where the venue's documentation puts the stream."""
        return path in ("/v5/public/linear", "/v5/public/inverse")

    def tells_at(self, path: str) -> bool:
        """Whether linear contracts are told at a path."""
        return not path.endswith("/inverse")

    def hear(self, frame: Frame, topics: set[str]) -> list[Frame]:
        """Subscriptions and signs of life."""
        said = load(frame)
        if said["op"] == "ping":
            return ['{"success":true,"ret_msg":"pong","conn_id":"c","req_id":"","op":"ping"}']
        need(said["op"] == "subscribe", "neither ping nor subscribe")
        head = "allLiquidation."
        bad = [a for a in said["args"] if not a.startswith(head) or a[len(head) :] in self.refused]
        if bad:
            reply = {"success": False, "ret_msg": f"handler not found,topic:{bad[0]}"}
            return [json.dumps(reply | {"op": "subscribe"})]
        topics.update(said["args"])
        return ['{"success":true,"ret_msg":"subscribe","conn_id":"c","op":"subscribe"}']

    def stands(self, topics: set[str]) -> bool:
        """Whether what all clients need is among the topics."""
        return "allLiquidation.BTCUSDT" in topics

    def tell(self, some: Sequence[Closing]) -> Frame:
        """One message of the stream."""
        name = some[0].asset + "USDT"
        rows = [
            {
                "T": c.time_ms,
                "s": c.asset + "USDT",
                "S": "Buy" if c.side > 0 else "Sell",
                "v": str(c.quantity),
                "p": str(c.price),
            }
            for c in some
        ]
        message = {"topic": f"allLiquidation.{name}", "type": "snapshot", "ts": some[-1].time_ms}
        return json.dumps(message | {"data": rows})

    def rest(self, path: str, query: dict[str, str], body: str, past: Sequence[Closing]) -> object:
        """Names of the contracts, in two pages."""
        need(path == "/v5/market/instruments-info", "no such path")
        linear = query["category"] == "linear"
        names = ["BTCUSDT", "ETHUSDT"] if linear else ["BTCUSD"]
        cursor = "more" if linear and "cursor" not in query else ""
        if query.get("cursor") == "more":
            names = ["SOLUSDT", "1000PEPEUSDT"]
        rows = [{"symbol": n, "status": "Trading"} for n in names if n not in self.delisted]
        return {"retCode": 0, "result": {"list": rows, "nextPageCursor": cursor}}
