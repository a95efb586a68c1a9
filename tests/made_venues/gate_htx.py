"""What Gate and HTX answer about their markets, in the form that their documentation gives.

Sources of the samples, figures changed: Gate API v4 (List all futures contracts, Query futures
market depth information); HTX USDT-M and Coin-M futures API (Query Contract Info, Get Market Depth,
Get Market Data Overview, Query Funding Rate, Query a Batch of Funding Rate, Get Open Interest).
"""

from __future__ import annotations

from typing import Any

from made_venues.markets import BTC, ETH, MS, NEXT, steps
from made_venues.server import Question


def _gate_contract(name: str, kind: str, size: str, mark: float) -> dict[str, Any]:
    return {
        "name": name,
        "type": kind,
        "quanto_multiplier": size,
        "mark_type": "index",
        "mark_price": f"{mark}",
        "index_price": f"{mark + 5}",
        "last_price": f"{mark}",
        "order_price_deviate": "0.5",
        "order_price_round": "0.1",
        "order_size_min": 1,
        "order_size_max": 1_000_000,
        "leverage_min": "1",
        "leverage_max": "100",
        "maintenance_rate": "0.004",
        "funding_rate": "0.0001",
        "funding_rate_indicative": "0.0002",
        "funding_interval": 28_800,
        "funding_next_apply": NEXT // 1000,
        "position_size": 5_223_816,
        "in_delisting": False,
        "status": "trading",
    }


def gate_markets() -> dict[str, Any]:
    """BTC_USDT of 0.0001 BTC, ETH_USDT of 0.01 ETH; BTC_USD of 1 USD."""

    def book(asked: Question) -> dict[str, Any]:
        mid = ETH if asked.query["contract"].startswith("ETH") else BTC
        bids, asks = steps(mid, 50, 2e-4, 3_000.0)
        sides = {
            side: [{"p": price, "s": 3_000} for price, _ in rows]
            for side, rows in (("bids", bids), ("asks", asks))
        }
        return {"id": 1, "current": MS / 1000, "update": MS / 1000, **sides}

    return {
        "/api/v4/futures/usdt/contracts": [
            _gate_contract("BTC_USDT", "direct", "0.0001", BTC),
            _gate_contract("ETH_USDT", "direct", "0.01", ETH),
        ],
        "/api/v4/futures/btc/contracts": [_gate_contract("BTC_USD", "inverse", "0", BTC)],
        "/api/v4/futures/usdt/order_book": book,
        "/api/v4/futures/btc/order_book": book,
    }


def htx_says(data: Any) -> dict[str, Any]:
    return {"status": "ok", "code": 200, "data": data, "ts": MS}


def _htx_contract(code: str, size: float, **more: Any) -> dict[str, Any]:
    return {
        "symbol": code.split("-")[0],
        "contract_code": code,
        "contract_size": size,
        "price_tick": 0.1,
        "create_date": "20201021",
        "contract_status": 1,
        "settlement_date": "1640764800000",
        **more,
    }


def _htx_rate(code: str) -> dict[str, Any]:
    return {
        "contract_code": code,
        "symbol": code.split("-")[0],
        "fee_asset": "USDT" if code.endswith("USDT") else "BTC",
        "funding_rate": "0.00013",
        "estimated_rate": None,
        "funding_time": str(NEXT),
        "next_funding_time": None,
    }


def htx_markets() -> dict[str, Any]:
    """BTC-USDT of 0.001 BTC; BTC-USD of 100 USD; a dated BTC contract that is left alone."""
    linear = {"business_type": "swap", "pair": "BTC-USDT", "contract_type": "swap"}
    dated = {"delivery_date": "20261225", "delivery_time": str(NEXT), "contract_type": "quarter"}

    def book(asked: Question) -> dict[str, Any]:
        bids, asks = steps(BTC, 150, 2e-5, 40.0)
        sides = {
            side: [[float(p), float(q)] for p, q in rows]
            for side, rows in (("bids", bids), ("asks", asks))
        }
        return {"status": "ok", "ts": MS, "tick": {"ts": MS, "version": 1, **sides}}

    def ticker(asked: Question) -> dict[str, Any]:
        price, amount = str(BTC), "1.0"
        tick = {"id": 1, "ts": MS, "close": price, "open": price, "high": price, "low": price}
        sides = {"ask": [BTC + 1, 10], "bid": [BTC - 1, 10], "amount": amount, "vol": "1000"}
        return {"status": "ok", "ts": MS, "tick": {**tick, **sides, "count": 1}}

    def interest(code: str, volume: float, **more: Any) -> dict[str, Any]:
        return {"contract_code": code, "symbol": "BTC", "volume": volume, **more}

    return {
        "/linear-swap-api/v1/swap_contract_info": htx_says(
            [_htx_contract("BTC-USDT", 0.001, **linear)]
        ),
        "/swap-api/v1/swap_contract_info": htx_says([_htx_contract("BTC-USD", 100.0)]),
        "/api/v1/contract_contract_info": htx_says([_htx_contract("BTC261225", 100.0, **dated)]),
        "/v5/market/funding_rate": htx_says([_htx_rate("BTC-USDT")]),
        "/swap-api/v1/swap_batch_funding_rate": htx_says([_htx_rate("BTC-USD")]),
        "/v5/market/open_interest": htx_says(
            interest("BTC-USDT", 30_000_000, amount="30000", value=f"{30_000 * BTC}")
        ),
        "/swap-api/v1/swap_open_interest": htx_says([interest("BTC-USD", 866_000)]),
        "/linear-swap-ex/market/depth": book,
        "/linear-swap-ex/market/detail/merged": ticker,
        "/swap-ex/market/detail/merged": ticker,
        "/swap-ex/market/depth": book,
    }


MARKETS = {"gate": gate_markets, "htx": htx_markets}
