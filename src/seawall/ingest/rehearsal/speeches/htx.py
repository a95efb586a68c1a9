"""HTX: compressed frames, the server pings."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence

from seawall.ingest.rehearsal.closings import Closing
from seawall.ingest.rehearsal.speech import Frame, Speech, load, need


class Htx(Speech):
    """HTX: compressed frames, the server pings."""

    venue = "htx"
    most = 4

    def path_ok(self, path: str) -> bool:
        """Where the venue's documentation puts the stream."""
        return path in ("/linear-swap-notification", "/swap-notification")

    def tells_at(self, path: str) -> bool:
        """Whether linear contracts are told at a path."""
        return path != "/swap-notification"

    def hear(self, frame: Frame, topics: set[str]) -> list[Frame]:
        """Subscriptions and signs of life."""
        said = load(frame)
        if said["op"] == "pong":
            need(said["ts"] == "1492420473058", "a pong to another ping")
            self.pongs += 1
            return []
        need(said["op"] == "sub", "neither pong nor sub")
        topics.add(said["topic"])
        reply = {"op": "sub", "cid": said["cid"], "topic": said["topic"], "ts": 1, "err-code": 0}
        return [gzip.compress(json.dumps(reply).encode())]

    def stands(self, topics: set[str]) -> bool:
        """Whether what all clients need is among the topics."""
        return "public.*.liquidation_orders" in topics

    def ping(self) -> Frame | None:
        """Its own sign of life, which wants an answer."""
        return gzip.compress(b'{"op":"ping","ts":"1492420473058"}')

    def tell(self, some: Sequence[Closing]) -> Frame:
        """One message of the stream."""
        rows = [
            {
                "contract_code": f"{c.asset}-USDT",
                "direction": "sell" if c.side > 0 else "buy",
                "offset": "close",
                "volume": c.quantity * 1000,
                "price": c.price,
                "created_at": c.time_ms,
                "amount": c.quantity,
                "trade_turnover": c.quantity * c.price,
            }
            for c in some
        ]
        topic = f"public.{some[0].asset}-USDT.liquidation_orders"
        message = {"op": "notify", "topic": topic, "ts": some[-1].time_ms, "data": rows}
        return gzip.compress(json.dumps(message).encode(), compresslevel=1)

    def rest(self, path: str, query: dict[str, str], body: str, past: Sequence[Closing]) -> object:
        """Closings of the past, for at most two hours."""
        need(path == "/v5/market/liquidation_orders", "no such path")
        begin, end = int(query["start_time"]), int(query["end_time"])
        need(end - begin <= 7_200_000, "more than two hours at once")
        rows = [
            {
                "id": str(c.number),
                "contract_code": f"{c.asset}-USDT",
                "liquidation_time": str(c.time_ms),
                "side": "sell" if c.side > 0 else "buy",
                "position_side": "long" if c.side > 0 else "short",
                "volume": str(c.quantity * 1000),
                "amount": str(c.quantity),
                "bankrupt_price": str(c.price),
            }
            for c in past
            if f"{c.asset}-USDT" == query["contract_code"] and begin <= c.time_ms <= end
        ]
        return {"code": 200, "message": "Success", "data": rows, "ts": 1}
