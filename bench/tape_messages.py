"""Messages of forced closings as venues send them, for the bench of the tape's store."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

START_MS = 20_000 * 86_400_000


def messages(venue: str, count: int) -> list[bytes]:
    """Messages as the venue sends them in a burst; every event of its own."""
    import msgspec  # noqa: F401

    rng = np.random.default_rng(1)
    price = rng.lognormal(0, 0.01, count) * 90_000
    size = np.round(rng.lognormal(0, 1, count) + 0.001, 3)
    at = START_MS + np.arange(count) // 50
    made: list[bytes] = []
    every = {"binance_usdm": 1, "bybit": 5, "okx": 5, "hyperliquid": 5}[venue]
    for k in range(0, count, every):
        rows = [
            (k + j, f"{price[k + j]:.2f}", f"{size[k + j]:.3f}", int(at[k + j]))
            for j in range(min(every, count - k))
        ]
        made.append(json.dumps(_MESSAGE[venue](rows)).encode())
    return made


def _binance(rows: list[Any]) -> Any:
    _, price, size, at = rows[0]
    order = {"s": "BTCUSDT", "S": "SELL", "o": "LIMIT", "f": "IOC", "q": size, "p": price}
    order |= {"ap": price, "X": "FILLED", "l": size, "z": size, "T": at}
    return {"e": "forceOrder", "E": at + 1, "o": order}


def _bybit(rows: list[Any]) -> Any:
    data = [{"T": at, "s": "BTCUSDT", "S": "Buy", "v": size, "p": p} for _, p, size, at in rows]
    return {"topic": "allLiquidation.BTCUSDT", "type": "snapshot", "ts": data[0]["T"], "data": data}


def _okx(rows: list[Any]) -> Any:
    details = [
        {"side": "sell", "posSide": "long", "bkPx": p, "sz": size, "bkLoss": "0", "ts": str(at)}
        for _, p, size, at in rows
    ]
    data = {"instType": "SWAP", "instId": "BTC-USDT-SWAP", "uly": "BTC-USDT", "details": details}
    return {"arg": {"channel": "liquidation-orders", "instType": "SWAP"}, "data": [data]}


def _hyperliquid(rows: list[Any]) -> Any:
    closed = {"liquidatedUser": f"0x{7:040x}", "markPx": rows[0][1], "method": "market"}
    fills = [
        {
            "coin": "BTC",
            "px": price,
            "sz": size,
            "side": "B",
            "time": at,
            "dir": "Open Long",
            "hash": f"0x{k:064x}",
            "oid": k,
            "crossed": False,
            "tid": k + 1,
            "liquidation": closed,
        }
        for k, price, size, at in rows
    ]
    return {"channel": "userFills", "data": {"user": f"0x{1:040x}", "fills": fills}}


_MESSAGE = {"binance_usdm": _binance, "bybit": _bybit, "okx": _okx, "hyperliquid": _hyperliquid}
