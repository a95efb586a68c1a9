"""Deribit: trades, of which some liquidated somebody."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from seawall.ingest.rehearsal.closings import Closing
from seawall.ingest.rehearsal.speech import Frame, Speech, load, need


class Deribit(Speech):
    """Deribit: trades, of which some liquidated somebody."""

    venue = "deribit"
    most = 10

    def path_ok(self, path: str) -> bool:
        """Where the venue's documentation puts the stream."""
        return path == "/ws/api/v2"

    def hear(self, frame: Frame, topics: set[str]) -> list[Frame]:
        """Subscriptions and signs of life."""
        said = load(frame)
        result: object = {"version": "1.2.26"}
        if said["method"] == "public/test":
            self.pongs += 1
        elif said["method"] == "public/set_heartbeat":
            need(said["params"]["interval"] >= 10, "a heartbeat under 10 s")
            result = "ok"
        else:
            need(said["method"] == "public/subscribe", "no such method")
            topics.update(said["params"]["channels"])
            result = said["params"]["channels"]
        return [json.dumps({"jsonrpc": "2.0", "id": said["id"], "result": result})]

    def ping(self) -> Frame | None:
        """Its own sign of life, which wants an answer."""
        params = {"type": "test_request"}
        return json.dumps({"jsonrpc": "2.0", "method": "heartbeat", "params": params})

    def trades(self, some: Sequence[Closing]) -> list[dict[str, Any]]:
        """Each closing between two trades that liquidated nobody."""
        rows = []
        for c in some:
            inverse = c.asset in ("BTC", "ETH")
            amount = c.quantity * c.price if inverse else c.quantity
            name = f"{c.asset}-PERPETUAL" if inverse else f"{c.asset}_USDC-PERPETUAL"
            row: dict[str, Any] = {
                "instrument_name": name,
                "timestamp": c.time_ms,
                "price": c.price,
            }
            row |= {"amount": amount, "index_price": c.price, "tick_direction": 0}
            rows.append(row | {"trade_id": f"{c.number}a", "direction": "buy"})
            maker = c.number % 2
            sells = (c.side > 0) != bool(maker)
            mark = {"liquidation": "M" if maker else "T"}
            way = {"direction": "sell" if sells else "buy"}
            rows.append(row | {"trade_id": f"{c.number}b"} | mark | way)
        return rows

    def tell(self, some: Sequence[Closing]) -> Frame:
        """One message of the stream."""
        params = {"channel": "trades.future.any.100ms", "data": self.trades(some)}
        return json.dumps({"jsonrpc": "2.0", "method": "subscription", "params": params})

    def rest(self, path: str, query: dict[str, str], body: str, past: Sequence[Closing]) -> object:
        """Trades of the past, a few a page."""
        need(path == "/api/v2/public/get_last_trades_by_currency_and_time", "no such path")
        coin = {"BTC": "BTC", "ETH": "ETH", "SOL": "USDC"}
        begin, end = int(query["start_timestamp"]), int(query["end_timestamp"])
        found = [
            c for c in past if coin[c.asset] == query["currency"] and begin <= c.time_ms <= end
        ]
        page = found[:3]  # a small page: it must be asked for again
        result = {"trades": self.trades(page), "has_more": len(found) > len(page)}
        return {"jsonrpc": "2.0", "result": result}
