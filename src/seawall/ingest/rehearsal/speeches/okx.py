"""OKX: orders grouped by contract, sizes in contracts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, ClassVar

from seawall.ingest.rehearsal.closings import Closing
from seawall.ingest.rehearsal.speech import Frame, Speech, load, need


class Okx(Speech):
    """OKX: orders grouped by contract, sizes in contracts."""

    venue = "okx"
    most = 6
    face: ClassVar = {"BTC": 0.01, "ETH": 0.1, "SOL": 1.0}

    def path_ok(self, path: str) -> bool:
        """Where the venue's documentation puts the stream."""
        return path == "/ws/v5/public"

    def hear(self, frame: Frame, topics: set[str]) -> list[Frame]:
        """Subscriptions and signs of life."""
        if frame == "ping":
            return ["pong"]
        said = load(frame)
        need(said["op"] == "subscribe", "neither ping nor subscribe")
        replies: list[Frame] = []
        for asked in said["args"]:
            kind = asked["instType"]
            if kind in self.refused:
                what = f"Wrong URL or channel:liquidation-orders,instType:{kind} doesn't exist"
                replies.append(json.dumps({"event": "error", "code": "60018", "msg": what}))
                continue
            if asked["channel"] == "liquidation-orders":
                topics.add(kind)
            replies.append(json.dumps({"event": "subscribe", "arg": asked, "connId": "c"}))
        return replies

    def stands(self, topics: set[str]) -> bool:
        """Whether what all clients need is among the topics."""
        return "SWAP" in topics

    def orders(self, some: Sequence[Closing]) -> list[dict[str, Any]]:
        """Closings as orders, those of one contract in a row together."""
        orders: list[dict[str, Any]] = []
        for c in some:
            row = {"bkLoss": "0", "bkPx": str(c.price), "ccy": "", "ts": str(c.time_ms)}
            row |= {"posSide": "long" if c.side > 0 else "short"}
            row |= {"side": "sell" if c.side > 0 else "buy"}
            row |= {"sz": str(round(c.quantity / self.face[c.asset]))}
            name = f"{c.asset}-USDT-SWAP"
            if orders and orders[-1]["instId"] == name:
                orders[-1]["details"].append(row)
            else:
                orders.append({"instId": name, "instType": "SWAP", "details": [row]})
        return orders

    def tell(self, some: Sequence[Closing]) -> Frame:
        """One message of the stream."""
        arg = {"channel": "liquidation-orders", "instType": "SWAP"}
        return json.dumps({"arg": arg, "data": self.orders(some)})

    def rest(self, path: str, query: dict[str, str], body: str, past: Sequence[Closing]) -> object:
        """Face values, and closings of the past."""
        if path == "/api/v5/public/instruments":
            swap = query["instType"] == "SWAP"
            rows = [
                {"instId": f"{a}-USDT-SWAP", "ctVal": str(v), "ctMult": "1"}
                for a, v in self.face.items()
            ]
            return {"code": "0", "msg": "", "data": rows if swap else []}
        need(path == "/api/v5/public/liquidation-orders", "no such path")
        need((query["instType"], query["state"]) == ("SWAP", "filled"), "a state that is not kept")
        asset, quote = query["uly"].split("-")
        found = [c for c in past if c.asset == asset and quote == "USDT"]
        return {"code": "0", "msg": "", "data": self.orders(found[-100:])}
