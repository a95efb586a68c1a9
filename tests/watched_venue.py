"""A futures exchange on the loopback that speaks Binance's and Bybit's REST and WebSocket.

Made for the real ccxt classes: they list its markets, follow its marks over a socket, and send it
signed orders, whose signatures it checks, and ask for those that are open. What it is told to
refuse, it refuses as the venues do; answers that it is told to lose, it loses.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import WSMsgType, web

COINS = ("BTC", "ETH")
TICKS = {"BTC": "0.10", "ETH": "0.01"}

Answer = Callable[[web.Request], Awaitable[web.Response]]


def _unsigned() -> web.Response:
    said = {"code": -1022, "msg": "Signature for this request is not valid."}
    return web.json_response(said, status=400)


@dataclass
class WatchedVenue:
    """The exchange. ``orders`` are those that it took, ``said`` every signed question.

    ``gone`` are client ids of orders that are open no more. ``losses`` is how it hangs up on the
    next orders: ``before`` they are taken, or ``after``; ``mute`` on all questions after orders.
    """

    key: str = "a-stop-key"
    secret: str = "a-stop-secret"
    marks: dict[str, float] = field(default_factory=lambda: {"BTC": 86_600.0, "ETH": 2_830.0})
    refuse: str = ""
    orders: list[dict[str, Any]] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    gone: set[str] = field(default_factory=set)
    losses: list[str] = field(default_factory=list)
    mute: bool = False
    url: str = ""

    async def __aenter__(self) -> WatchedVenue:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._sockets: list[web.WebSocketResponse] = []
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{port}"
        return self

    async def __aexit__(self, *raised: object) -> None:
        await self.hang_up()
        await self._runner.cleanup()

    async def hang_up(self) -> None:
        """Close every socket."""
        for socket in list(self._sockets):
            await socket.close()

    async def push(self, **marks: float) -> None:
        """Tell everyone who follows of new marks."""
        self.marks |= marks
        for socket in list(self._sockets):
            for coin in marks:
                await self._tell(socket, coin)

    async def followed(self, patience: float = 200.0) -> None:
        """Wait until somebody follows the marks."""
        async with asyncio.timeout(patience):
            while not any(getattr(s, "followed", None) for s in self._sockets):
                await asyncio.sleep(0.01)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._socket(request)
        path = "/" + request.match_info["path"]
        if path.endswith("/exchangeInfo"):
            return web.json_response(self._exchange_info())
        if path.endswith("/premiumIndex"):
            return web.json_response([self._premium(c) for c in COINS])
        if path.endswith("/instruments-info"):
            return web.json_response(self._bybit_markets(request.query.get("category", "")))
        if path.endswith(("/algoOrder", "/fapi/v1/order")):
            return await self._perhaps(request, self._binance_order)
        if path.endswith("/openAlgoOrders"):
            return await self._perhaps(request, self._binance_open)
        if path.endswith("/v5/order/realtime"):
            return await self._perhaps(request, self._bybit_open)
        if path.endswith("/v5/user/query-api"):
            result = {"readOnly": 0, "uta": 1, "unified": 0}
            return web.json_response({"retCode": 0, "retMsg": "OK", "result": result, "time": 1})
        if path.endswith("/v5/account/info"):
            result = {"unifiedMarginStatus": 4, "marginMode": "REGULAR_MARGIN"}
            return web.json_response({"retCode": 0, "retMsg": "OK", "result": result, "time": 1})
        if path.endswith("/v5/order/create"):
            return await self._perhaps(request, self._bybit_order)
        return web.json_response({"code": -1, "msg": f"no such path {path}"}, status=404)

    async def _socket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self._sockets.append(socket)
        async for message in socket:
            if message.type is not WSMsgType.TEXT:
                break
            asked = json.loads(message.data)
            if asked.get("method") == "SUBSCRIBE":
                await socket.send_json({"result": None, "id": asked["id"]})
            elif asked.get("op") == "subscribe":
                await socket.send_json({"success": True, "op": "subscribe", "ret_msg": ""})
                socket.bybit = True  # type: ignore[attr-defined]
            elif asked.get("op") == "ping":
                await socket.send_json({"success": True, "op": "pong"})
                continue
            else:
                continue
            socket.followed = True  # type: ignore[attr-defined]
            for coin in COINS:
                await self._tell(socket, coin)
        self._sockets.remove(socket)
        return socket

    async def _tell(self, socket: web.WebSocketResponse, coin: str) -> None:
        now, mark = int(time.time() * 1000), f"{self.marks[coin]:.2f}"
        if getattr(socket, "bybit", False):
            symbol = f"{coin}USDT"
            told = {
                "topic": f"tickers.{symbol}",
                "type": "snapshot",
                "ts": now,
                "data": {
                    "symbol": symbol,
                    "markPrice": mark,
                    "indexPrice": mark,
                    "lastPrice": mark,
                    "openInterestValue": "1000000",
                },
            }
        else:
            told = {
                "e": "markPriceUpdate",
                "E": now,
                "s": f"{coin}USDT",
                "p": mark,
                "i": mark,
                "P": mark,
                "r": "0.0001",
                "T": now + 3_600_000,
            }
        await socket.send_json(told)

    async def _perhaps(self, request: web.Request, answer: Answer) -> web.Response:
        """Answer, or hang up before or after what is asked was done."""
        if answer in (self._binance_open, self._bybit_open):
            loss = "before" if self.mute else ""
        else:
            loss = self.losses.pop(0) if self.losses else ""
        said = web.Response() if loss == "before" else await answer(request)
        if loss:
            assert request.transport is not None
            request.transport.close()
        return said

    async def _binance_asked(self, request: web.Request) -> dict[str, str] | None:
        """What is asked; None if it is not signed as it should be."""
        text = (await request.text()) or request.query_string
        self.said.append(f"{request.method} {request.path} {text}")
        signed, _, signature = text.rpartition("&signature=")
        wanted = hmac.new(self.secret.encode(), signed.encode(), hashlib.sha256).hexdigest()
        if request.headers.get("X-MBX-APIKEY") != self.key or signature != wanted:
            return None
        return dict(parse_qsl(signed))

    async def _binance_open(self, request: web.Request) -> web.Response:
        if await self._binance_asked(request) is None:
            return _unsigned()
        some = enumerate(self.orders, 1001)
        rows = [self._binance_row(o, k) for k, o in some if o["clientAlgoId"] not in self.gone]
        return web.json_response(rows)

    async def _binance_order(self, request: web.Request) -> web.Response:
        order = await self._binance_asked(request)
        if order is None:
            return _unsigned()
        if self.refuse:
            return web.json_response({"code": -2021, "msg": self.refuse}, status=400)
        open_ = {o["clientAlgoId"] for o in self.orders} - self.gone
        if order["clientAlgoId"] in open_:
            return web.json_response(
                {"code": -4116, "msg": "ClientOrderId is duplicated."}, status=400
            )
        self.orders.append(order)
        return web.json_response(self._binance_row(order, 1000 + len(self.orders)))

    def _binance_row(self, order: dict[str, Any], number: int) -> dict[str, Any]:
        return {
            "algoId": number,
            "clientAlgoId": order.get("clientAlgoId"),
            "algoType": "CONDITIONAL",
            "orderType": order.get("type"),
            "symbol": order.get("symbol"),
            "side": order.get("side"),
            "positionSide": "BOTH",
            "timeInForce": "GTC",
            "quantity": order.get("quantity"),
            "algoStatus": "NEW",
            "triggerPrice": order.get("triggerPrice"),
            "price": "0",
            "workingType": order.get("workingType"),
            "reduceOnly": True,
            "createTime": int(time.time() * 1000),
        }

    def _bybit_signed(self, request: web.Request, text: str) -> bool:
        self.said.append(f"{request.method} {request.path} {text}")
        h = request.headers
        told = h.get("X-BAPI-TIMESTAMP", "") + self.key + h.get("X-BAPI-RECV-WINDOW", "") + text
        wanted = hmac.new(self.secret.encode(), told.encode(), hashlib.sha256).hexdigest()
        return h.get("X-BAPI-SIGN") == wanted

    async def _bybit_open(self, request: web.Request) -> web.Response:
        asked = dict(parse_qsl(request.query_string))
        if not self._bybit_signed(request, request.query_string):
            return web.json_response({"retCode": 10004, "retMsg": "error sign!", "result": {}})
        rows = [
            {
                "orderId": f"b-{k}",
                "orderLinkId": o["orderLinkId"],
                "symbol": o["symbol"],
                "side": o["side"],
                "orderType": "Market",
                "orderStatus": "Untriggered",
                "qty": o["qty"],
                "triggerPrice": o["triggerPrice"],
                "stopOrderType": "Stop",
                "reduceOnly": True,
                "createdTime": "1",
                "updatedTime": "1",
            }
            for k, o in enumerate(self.orders, 1)
            if o["orderLinkId"] not in self.gone and asked.get("orderFilter") == "StopOrder"
        ]
        result = {"list": rows, "category": "linear", "nextPageCursor": ""}
        return web.json_response({"retCode": 0, "retMsg": "OK", "result": result, "time": 1})

    async def _bybit_order(self, request: web.Request) -> web.Response:
        text = await request.text()
        if not self._bybit_signed(request, text):
            return web.json_response({"retCode": 10004, "retMsg": "error sign!", "result": {}})
        if self.refuse:
            return web.json_response({"retCode": 110003, "retMsg": self.refuse, "result": {}})
        order = json.loads(text)
        self.orders.append(order)
        result = {"orderId": f"b-{len(self.orders)}", "orderLinkId": order.get("orderLinkId")}
        return web.json_response({"retCode": 0, "retMsg": "OK", "result": result, "time": 1})

    def _premium(self, coin: str) -> dict[str, Any]:
        mark = f"{self.marks[coin]:.2f}"
        return {
            "symbol": f"{coin}USDT",
            "markPrice": mark,
            "indexPrice": mark,
            "lastFundingRate": "0.0001",
            "nextFundingTime": 0,
            "time": int(time.time() * 1000),
        }

    def _exchange_info(self) -> dict[str, Any]:
        return {
            "timezone": "UTC",
            "serverTime": int(time.time() * 1000),
            "rateLimits": [],
            "assets": [],
            "symbols": [self._binance_market(c) for c in COINS],
        }

    def _binance_market(self, coin: str) -> dict[str, Any]:
        types = ["LIMIT", "MARKET", "STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET"]
        return {
            "symbol": f"{coin}USDT",
            "pair": f"{coin}USDT",
            "contractType": "PERPETUAL",
            "deliveryDate": 4133404800000,
            "onboardDate": 1569398400000,
            "status": "TRADING",
            "baseAsset": coin,
            "quoteAsset": "USDT",
            "marginAsset": "USDT",
            "pricePrecision": 2,
            "quantityPrecision": 3,
            "baseAssetPrecision": 8,
            "quotePrecision": 8,
            "underlyingType": "COIN",
            "triggerProtect": "0.05",
            "filters": [
                {
                    "filterType": "PRICE_FILTER",
                    "minPrice": "0.01",
                    "maxPrice": "1000000",
                    "tickSize": TICKS[coin],
                },
                {
                    "filterType": "LOT_SIZE",
                    "minQty": "0.001",
                    "maxQty": "1000",
                    "stepSize": "0.001",
                },
                {"filterType": "MIN_NOTIONAL", "notional": "5"},
            ],
            "orderTypes": types,
            "timeInForce": ["GTC", "IOC", "FOK", "GTX"],
        }

    def _bybit_markets(self, category: str) -> dict[str, Any]:
        rows = [
            {
                "symbol": f"{c}USDT",
                "contractType": "LinearPerpetual",
                "status": "Trading",
                "baseCoin": c,
                "quoteCoin": "USDT",
                "settleCoin": "USDT",
                "launchTime": "1584230400000",
                "deliveryTime": "0",
                "deliveryFeeRate": "",
                "priceScale": "2",
                "leverageFilter": {
                    "minLeverage": "1",
                    "maxLeverage": "100",
                    "leverageStep": "0.01",
                },
                "priceFilter": {"minPrice": "0.1", "maxPrice": "1999999", "tickSize": TICKS[c]},
                "lotSizeFilter": {
                    "maxOrderQty": "1000",
                    "minOrderQty": "0.001",
                    "qtyStep": "0.001",
                    "minNotionalValue": "5",
                },
                "unifiedMarginTrade": True,
                "fundingInterval": 480,
            }
            for c in COINS
        ]
        listed = rows if category == "linear" else []
        result = {"category": category, "list": listed, "nextPageCursor": ""}
        return {"retCode": 0, "retMsg": "OK", "result": result, "time": 1}
