"""How each venue talks: what it accepts, how it answers, how it tells of a closing.

Written from the venues' documentation, not from the adapters: field names and units are spelt
out here again, so that a mistake in one shows against the other.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from dataclasses import dataclass, field

Frame = bytes | str


@dataclass(frozen=True)
class Closing:
    """One closing as it truly was: side of the position, base units, USD."""

    number: int
    asset: str
    side: int
    price: float
    quantity: float
    time_ms: int


def closings(count: int, start_ms: int = 1_790_000_000_000) -> list[Closing]:
    """Closings of three assets; quantities are whole contracts on every venue."""
    assets = ("BTC", "ETH", "SOL")
    return [
        Closing(
            k,
            assets[k % 3],
            1 if k % 5 < 3 else -1,
            1000.0 + k % 977,
            float(1 + k % 7),
            start_ms + 3 * k,
        )
        for k in range(count)
    ]


@dataclass
class Speech:
    """One venue; ``topics`` is what a peer has subscribed to."""

    venue: str = ""
    most: int = 1
    """Closings that fit in one message."""
    pings: float = 0.0
    """Seconds between the server's own pings, 0 for none."""
    heard: list[str] = field(default_factory=list)
    pongs: int = 0

    def path_ok(self, path: str) -> bool:
        raise NotImplementedError

    def hear(self, frame: Frame, topics: set[str]) -> list[Frame]:
        raise NotImplementedError

    def tell(self, some: Sequence[Closing]) -> Frame:
        raise NotImplementedError

    def ping(self) -> Frame | None:
        return None

    def rest(self, path: str, query: dict[str, str], body: str, past: Sequence[Closing]) -> object:
        return None

    def stands(self, topics: set[str]) -> bool:
        return bool(topics)


def load(frame: Frame) -> dict:
    return json.loads(frame)


class Binance(Speech):
    def path_ok(self, path: str) -> bool:
        return path == "/market/ws"

    def hear(self, frame: Frame, topics: set[str]) -> list[Frame]:
        said = load(frame)
        assert said["method"] == "SUBSCRIBE"
        topics.update(said["params"])
        return [json.dumps({"result": None, "id": said["id"]})]

    def stands(self, topics: set[str]) -> bool:
        return "!forceOrder@arr" in topics

    def symbol(self, c: Closing) -> tuple[str, float]:
        return c.asset + "USDT", c.quantity

    def tell(self, some: Sequence[Closing]) -> Frame:
        (c,) = some
        name, size = self.symbol(c)
        order = {"s": name, "S": "SELL" if c.side > 0 else "BUY", "o": "LIMIT", "f": "IOC"}
        order |= {"q": str(size), "p": "1", "ap": str(c.price), "X": "FILLED", "l": "1"}
        order |= {"z": str(size), "T": c.time_ms}
        return json.dumps({"e": "forceOrder", "E": c.time_ms + 7, "o": order})


class BinanceCoin(Binance):
    def path_ok(self, path: str) -> bool:
        return path == "/ws"

    def symbol(self, c: Closing) -> tuple[str, float]:
        face = 100 if c.asset == "BTC" else 10
        return c.asset + "USD_PERP", c.quantity * c.price / face

    def rest(self, path: str, query: dict[str, str], body: str, past: Sequence[Closing]) -> object:
        assert path == "/dapi/v1/exchangeInfo"
        return {
            "symbols": [
                {"symbol": "BTCUSD_PERP", "contractSize": 100},
                {"symbol": "ETHUSD_PERP", "contractSize": 10},
                {"symbol": "SOLUSD_PERP", "contractSize": 10},
            ]
        }


class Bybit(Speech):
    def path_ok(self, path: str) -> bool:
        return path in ("/v5/public/linear", "/v5/public/inverse")

    def hear(self, frame: Frame, topics: set[str]) -> list[Frame]:
        said = load(frame)
        if said["op"] == "ping":
            return ['{"success":true,"ret_msg":"pong","conn_id":"c","req_id":"","op":"ping"}']
        assert said["op"] == "subscribe"
        bad = [a for a in said["args"] if not a.startswith("allLiquidation.")]
        if bad:
            reply = {"success": False, "ret_msg": f"handler not found,topic:{bad[0]}"}
            return [json.dumps(reply | {"op": "subscribe"})]
        topics.update(said["args"])
        return ['{"success":true,"ret_msg":"subscribe","conn_id":"c","op":"subscribe"}']

    def stands(self, topics: set[str]) -> bool:
        return "allLiquidation.BTCUSDT" in topics

    def tell(self, some: Sequence[Closing]) -> Frame:
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
        assert path == "/v5/market/instruments-info"
        linear = query["category"] == "linear"
        names = ["BTCUSDT", "ETHUSDT"] if linear else ["BTCUSD"]
        cursor = "more" if linear and "cursor" not in query else ""
        if query.get("cursor") == "more":
            names = ["SOLUSDT", "1000PEPEUSDT"]
        rows = [{"symbol": n, "status": "Trading"} for n in names]
        return {"retCode": 0, "result": {"list": rows, "nextPageCursor": cursor}}


class Okx(Speech):
    face = {"BTC": 0.01, "ETH": 0.1, "SOL": 1.0}  # noqa: RUF012

    def path_ok(self, path: str) -> bool:
        return path == "/ws/v5/public"

    def hear(self, frame: Frame, topics: set[str]) -> list[Frame]:
        if frame == "ping":
            return ["pong"]
        said = load(frame)
        assert said["op"] == "subscribe"
        topics.update(a["instType"] for a in said["args"] if a["channel"] == "liquidation-orders")
        return [json.dumps({"event": "subscribe", "arg": a, "connId": "c"}) for a in said["args"]]

    def stands(self, topics: set[str]) -> bool:
        return "SWAP" in topics

    def orders(self, some: Sequence[Closing]) -> list[dict]:
        orders = []
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
        arg = {"channel": "liquidation-orders", "instType": "SWAP"}
        return json.dumps({"arg": arg, "data": self.orders(some)})

    def rest(self, path: str, query: dict[str, str], body: str, past: Sequence[Closing]) -> object:
        if path == "/api/v5/public/instruments":
            swap = query["instType"] == "SWAP"
            rows = [
                {"instId": f"{a}-USDT-SWAP", "ctVal": str(v), "ctMult": "1"}
                for a, v in self.face.items()
            ]
            return {"code": "0", "msg": "", "data": rows if swap else []}
        assert path == "/api/v5/public/liquidation-orders"
        assert (query["instType"], query["state"]) == ("SWAP", "filled")
        asset, quote = query["uly"].split("-")
        found = [c for c in past if c.asset == asset and quote == "USDT"]
        return {"code": "0", "msg": "", "data": self.orders(found)}


class Gate(Speech):
    def path_ok(self, path: str) -> bool:
        return path in ("/v4/ws/usdt", "/v4/ws/btc")

    def hear(self, frame: Frame, topics: set[str]) -> list[Frame]:
        said = load(frame)
        if said["channel"] == "futures.ping":
            return [json.dumps({"time": said["time"], "channel": "futures.pong", "result": None})]
        assert said["event"] == "subscribe"
        topics.update(said["payload"])
        reply = {"time": 1, "channel": said["channel"], "event": "subscribe"}
        return [json.dumps(reply | {"result": {"status": "success"}})]

    def tell(self, some: Sequence[Closing]) -> Frame:
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
        if path == "/api/v4/futures/btc/contracts":
            return [{"name": "BTC_USD", "type": "inverse", "quanto_multiplier": "0"}]
        assert path == "/api/v4/futures/usdt/contracts"
        return [
            {"name": f"{a}_USDT", "type": "direct", "quanto_multiplier": "0.0001"}
            for a in ("BTC", "ETH", "SOL")
        ]


class Htx(Speech):
    def path_ok(self, path: str) -> bool:
        return path in ("/linear-swap-notification", "/swap-notification")

    def hear(self, frame: Frame, topics: set[str]) -> list[Frame]:
        said = load(frame)
        if said["op"] == "pong":
            assert said["ts"] == "1492420473058"
            self.pongs += 1
            return []
        assert said["op"] == "sub"
        topics.add(said["topic"])
        reply = {"op": "sub", "cid": said["cid"], "topic": said["topic"], "ts": 1, "err-code": 0}
        return [gzip.compress(json.dumps(reply).encode())]

    def stands(self, topics: set[str]) -> bool:
        return "public.*.liquidation_orders" in topics

    def ping(self) -> Frame | None:
        return gzip.compress(b'{"op":"ping","ts":"1492420473058"}')

    def tell(self, some: Sequence[Closing]) -> Frame:
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
        assert path == "/v5/market/liquidation_orders"
        begin, end = int(query["start_time"]), int(query["end_time"])
        assert end - begin <= 7_200_000
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


class Deribit(Speech):
    def path_ok(self, path: str) -> bool:
        return path == "/ws/api/v2"

    def hear(self, frame: Frame, topics: set[str]) -> list[Frame]:
        said = load(frame)
        result: object = {"version": "1.2.26"}
        if said["method"] == "public/test":
            self.pongs += 1
        elif said["method"] == "public/set_heartbeat":
            assert said["params"]["interval"] >= 10
            result = "ok"
        else:
            assert said["method"] == "public/subscribe"
            topics.update(said["params"]["channels"])
            result = said["params"]["channels"]
        return [json.dumps({"jsonrpc": "2.0", "id": said["id"], "result": result})]

    def ping(self) -> Frame | None:
        params = {"type": "test_request"}
        return json.dumps({"jsonrpc": "2.0", "method": "heartbeat", "params": params})

    def trades(self, some: Sequence[Closing]) -> list[dict]:
        """Each closing between two trades that liquidated nobody."""
        rows = []
        for c in some:
            inverse = c.asset in ("BTC", "ETH")
            amount = c.quantity * c.price if inverse else c.quantity
            name = f"{c.asset}-PERPETUAL" if inverse else f"{c.asset}_USDC-PERPETUAL"
            row = {"instrument_name": name, "timestamp": c.time_ms, "price": c.price}
            row |= {"amount": amount, "index_price": c.price, "tick_direction": 0}
            rows.append(row | {"trade_id": f"{c.number}a", "direction": "buy"})
            maker = c.number % 2
            sells = (c.side > 0) != bool(maker)
            mark = {"liquidation": "M" if maker else "T"}
            way = {"direction": "sell" if sells else "buy"}
            rows.append(row | {"trade_id": f"{c.number}b"} | mark | way)
        return rows

    def tell(self, some: Sequence[Closing]) -> Frame:
        params = {"channel": "trades.future.any.100ms", "data": self.trades(some)}
        return json.dumps({"jsonrpc": "2.0", "method": "subscription", "params": params})

    def rest(self, path: str, query: dict[str, str], body: str, past: Sequence[Closing]) -> object:
        assert path == "/api/v2/public/get_last_trades_by_currency_and_time"
        coin = {"BTC": "BTC", "ETH": "ETH", "SOL": "USDC"}
        begin, end = int(query["start_timestamp"]), int(query["end_timestamp"])
        found = [
            c for c in past if coin[c.asset] == query["currency"] and begin <= c.time_ms <= end
        ]
        page = found[:3]  # a small page: it must be asked for again
        result = {"trades": self.trades(page), "has_more": len(found) > len(page)}
        return {"jsonrpc": "2.0", "result": result}


class Hyperliquid(Speech):
    vault = "0x010461c14e146ac35fe42271bdc1134ee31c703a"

    def path_ok(self, path: str) -> bool:
        return path == "/ws"

    def hear(self, frame: Frame, topics: set[str]) -> list[Frame]:
        said = load(frame)
        if said["method"] == "ping":
            return ['{"channel":"pong"}']
        assert said["method"] == "subscribe"
        topics.add(said["subscription"]["user"])
        assert len(topics) <= 10
        return [json.dumps({"channel": "subscriptionResponse", "data": said})]

    def stands(self, topics: set[str]) -> bool:
        return len(topics) == 7

    def fills(self, some: Sequence[Closing]) -> list[dict]:
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
        data = {"user": self.vault, "fills": self.fills(some)}
        return json.dumps({"channel": "userFills", "data": data})

    def rest(self, path: str, query: dict[str, str], body: str, past: Sequence[Closing]) -> object:
        assert path == "/info"
        said = json.loads(body)
        assert said["type"] == "userFillsByTime"
        begin, end = said["startTime"], said["endTime"]
        mine = said["user"] == self.vault
        return self.fills([c for c in past if mine and begin <= c.time_ms <= end][:2000])


SPEECHES: dict[str, Speech] = {
    s.venue: s
    for s in (
        Binance("binance_usdm"),
        BinanceCoin("binance_coinm"),
        Bybit("bybit", most=8),
        Okx("okx", most=6),
        Gate("gate", most=20),
        Htx("htx", most=4),
        Deribit("deribit", most=10),
        Hyperliquid("hyperliquid", most=10),
    )
}
