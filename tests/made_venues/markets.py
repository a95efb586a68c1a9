"""What venues answer about their markets, in the form that their documentation gives.

Sources of the samples, figures changed: Binance USD-M and COIN-M futures API (Exchange Information,
Mark Price, Open Interest, Long/Short Ratio, Order Book); Bybit API v5 (Get Instruments Info, Get
Tickers, Get Open Interest, Get Long Short Ratio, Get Orderbook); OKX API v5 (Get instruments, Get
funding rate, Get mark price, Get open interest, Get contract long/short ratio, Get order book);
Hyperliquid docs (info endpoint: metaAndAssetCtxs, l2Book); Deribit API v2 (get_currencies,
get_instruments, get_funding_rate_value, ticker, get_book_summary_by_instrument, get_order_book).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from made_venues.server import Question

MS = 1_795_392_000_000
"""2026-11-23T00:00:00Z."""
NEXT = MS + 8 * 3_600_000
BTC, ETH = 86_600.0, 2_830.0


def steps(mid: float, count: int, step: float, amount: float) -> tuple[list, list]:
    """Bids and asks of ``count`` levels, ``step`` (a fraction of mid) apart, of one amount."""
    return tuple(
        [[f"{mid * (1 + sign * step * k):.8f}", f"{amount:.8f}"] for k in range(1, count + 1)]
        for sign in (-1, 1)
    )


def _symbol(symbol: str, base: str, quote: str, margin: str, **more: Any) -> dict[str, Any]:
    return {
        "symbol": symbol,
        "pair": base + quote,
        "contractType": "PERPETUAL",
        "deliveryDate": 4_133_404_800_000,
        "onboardDate": 1_569_398_400_000,
        "maintMarginPercent": "2.5000",
        "requiredMarginPercent": "5.0000",
        "baseAsset": base,
        "quoteAsset": quote,
        "marginAsset": margin,
        "pricePrecision": 2,
        "quantityPrecision": 3,
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": "COIN",
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": "0.1", "maxPrice": "1e6", "tickSize": "0.1"},
            {"filterType": "LOT_SIZE", "minQty": "0.001", "maxQty": "1000", "stepSize": "0.001"},
        ],
        **more,
    }


def _premium(symbol: str, mark: float, **more: Any) -> dict[str, Any]:
    return {
        "symbol": symbol,
        "markPrice": f"{mark:.8f}",
        "indexPrice": f"{mark * 1.0005:.8f}",
        "estimatedSettlePrice": f"{mark:.8f}",
        "lastFundingRate": "0.00010000",
        "interestRate": "0.00010000",
        "nextFundingTime": NEXT,
        "time": MS,
        **more,
    }


def _binance_ratio(asked: Question) -> list[dict[str, Any]]:
    name = {k: asked.query[k] for k in ("symbol", "pair") if k in asked.query}
    return [
        name | {"longShortRatio": ratio, "longAccount": "0", "shortAccount": "0", "timestamp": time}
        for ratio, time in (("1.5", MS - 600_000), ("2.0", MS - 300_000))
    ]


def _binance_depth(mids: dict[str, float], amount: float) -> Callable[[Question], dict[str, Any]]:
    def answer(asked: Question) -> dict[str, Any]:
        bids, asks = steps(mids[asked.query["symbol"]], int(asked.query["limit"]), 2e-5, amount)
        return {"lastUpdateId": 1, "E": MS, "T": MS, "bids": bids, "asks": asks}

    return answer


def binance_markets() -> dict[str, Any]:
    """USD-M: BTCUSDT, ETHUSDT. COIN-M: BTCUSD_PERP, of 100 USD a contract."""
    marks = {"BTCUSDT": BTC, "ETHUSDT": ETH}
    usdm = [
        _symbol("BTCUSDT", "BTC", "USDT", "USDT", status="TRADING"),
        _symbol("ETHUSDT", "ETH", "USDT", "USDT", status="TRADING"),
        _symbol("ETHBTC", "ETH", "BTC", "BTC", status="TRADING"),
    ]
    coinm = [
        _symbol("BTCUSD_PERP", "BTC", "USD", "BTC", contractStatus="TRADING", contractSize=100)
    ]
    return {
        "/fapi/v1/exchangeInfo": {"timezone": "UTC", "serverTime": MS, "symbols": usdm},
        "/fapi/v1/premiumIndex": [_premium(s, m) for s, m in marks.items()],
        "/fapi/v1/openInterest": lambda q: {
            "openInterest": {"BTCUSDT": "90000.000", "ETHUSDT": "2000000.000"}[q.query["symbol"]],
            "symbol": q.query["symbol"],
            "time": MS - 1000,
        },
        "/futures/data/globalLongShortAccountRatio": _binance_ratio,
        "/fapi/v1/depth": _binance_depth(marks, 0.5),
        "/dapi/v1/exchangeInfo": {"timezone": "UTC", "serverTime": MS, "symbols": coinm},
        "/dapi/v1/premiumIndex": [_premium("BTCUSD_PERP", BTC, pair="BTCUSD")],
        "/dapi/v1/openInterest": {
            "symbol": "BTCUSD_PERP",
            "pair": "BTCUSD",
            "openInterest": "8660000",
            "contractType": "PERPETUAL",
            "time": MS,
        },
        "/dapi/v1/depth": _binance_depth({"BTCUSD_PERP": BTC}, 30.0),
    }


def bybit_says(result: Any) -> dict[str, Any]:
    return {"retCode": 0, "retMsg": "OK", "result": result, "retExtInfo": {}, "time": MS}


def bybit_markets() -> dict[str, Any]:
    """Linear BTCUSDT; inverse BTCUSD, counted in USD whatever its smallest order (here 10)."""

    def instruments(asked: Question) -> dict[str, Any]:
        linear = asked.query["category"] == "linear"
        if asked.query.get("status") == "PreLaunch":
            return bybit_says({"category": asked.query["category"], "list": []})
        market = {
            "symbol": "BTCUSDT" if linear else "BTCUSD",
            "contractType": "LinearPerpetual" if linear else "InversePerpetual",
            "status": "Trading",
            "baseCoin": "BTC",
            "quoteCoin": "USDT" if linear else "USD",
            "settleCoin": "USDT" if linear else "BTC",
            "launchTime": "1585526400000",
            "deliveryTime": "0",
            "deliveryFeeRate": "",
            "priceScale": "2",
            "leverageFilter": {"minLeverage": "1", "maxLeverage": "100", "leverageStep": "0.01"},
            "priceFilter": {"minPrice": "0.10", "maxPrice": "1999999.80", "tickSize": "0.10"},
            "lotSizeFilter": {
                "maxOrderQty": "1190",
                "minOrderQty": "0.001" if linear else "10",
                "qtyStep": "0.001" if linear else "1",
            },
            "fundingInterval": 480,
        }
        return bybit_says({"category": asked.query["category"], "list": [market]})

    def tickers(asked: Question) -> dict[str, Any]:
        linear = asked.query["category"] == "linear"
        row = {
            "symbol": "BTCUSDT" if linear else "BTCUSD",
            "lastPrice": f"{BTC}",
            "indexPrice": f"{BTC + 10}",
            "markPrice": f"{BTC}",
            "openInterest": "50000" if linear else "500000000",
            "fundingRate": "-0.000212",
            "nextFundingTime": f"{NEXT}",
            "bid1Price": f"{BTC - 1}",
            "ask1Price": f"{BTC + 1}",
        }
        return bybit_says({"category": asked.query["category"], "list": [row]})

    def interest(asked: Question) -> dict[str, Any]:
        amount = "50000.0" if asked.query["category"] == "linear" else "500000000.0"
        names = {k: asked.query[k] for k in ("symbol", "category")}
        rows = [{"openInterest": amount, "timestamp": f"{MS - 60_000}"}]
        return bybit_says(names | {"list": rows, "nextPageCursor": ""})

    def ratio(asked: Question) -> dict[str, Any]:
        row = {"buyRatio": "0.6", "sellRatio": "0.4", "timestamp": f"{MS - 300_000}"}
        return bybit_says({"list": [{"symbol": asked.query["symbol"]} | row]})

    def book(asked: Question) -> dict[str, Any]:
        amount = 2000.0 if asked.query["category"] == "inverse" else 0.25
        bids, asks = steps(BTC, int(asked.query["limit"]), 1e-5, amount)
        return bybit_says({"s": asked.query["symbol"], "b": bids, "a": asks, "ts": MS, "u": 1})

    return {
        "/v5/market/instruments-info": instruments,
        "/v5/market/tickers": tickers,
        "/v5/market/open-interest": interest,
        "/v5/market/account-ratio": ratio,
        "/v5/market/orderbook": book,
    }


def okx_says(data: Any) -> dict[str, Any]:
    return {"code": "0", "msg": "", "data": data}


def okx_markets() -> dict[str, Any]:
    """BTC-USDT-SWAP of 0.01 BTC; BTC-USD-SWAP of 100 USD."""

    def instruments(asked: Question) -> dict[str, Any]:
        if asked.query["instType"] != "SWAP":
            return okx_says([])
        kinds = (("USDT", "USDT", "0.01", "BTC", "linear"), ("USD", "BTC", "100", "USD", "inverse"))
        return okx_says(
            [
                {
                    "instType": "SWAP",
                    "instId": f"BTC-{quote}-SWAP",
                    "uly": f"BTC-{quote}",
                    "instFamily": f"BTC-{quote}",
                    "settleCcy": settle,
                    "ctVal": value,
                    "ctMult": "1",
                    "ctValCcy": currency,
                    "ctType": kind,
                    "lever": "100",
                    "tickSz": "0.1",
                    "lotSz": "0.01",
                    "minSz": "0.01",
                    "state": "live",
                    "listTime": "1573557408000",
                    "expTime": "",
                    "baseCcy": "",
                    "quoteCcy": "",
                }
                for quote, settle, value, currency, kind in kinds
            ]
        )

    swaps = [{"instType": "SWAP", "instId": f"BTC-{quote}-SWAP"} for quote in ("USDT", "USD")]
    funding = {
        "fundingRate": "0.0000182",
        "fundingTime": f"{NEXT}",
        "nextFundingRate": "",
        "nextFundingTime": f"{NEXT + 8 * 3_600_000}",
    }

    def book(asked: Question) -> dict[str, Any]:
        bids, asks = steps(BTC, int(asked.query["sz"]), 5e-5, 40.0)
        both = {"asks": [[*a, "0", "1"] for a in asks], "bids": [[*b, "0", "1"] for b in bids]}
        return okx_says([both | {"ts": f"{MS}"}])

    return {
        "/api/v5/public/instruments": instruments,
        "/api/v5/public/funding-rate": okx_says([swap | funding for swap in swaps]),
        "/api/v5/public/mark-price": okx_says(
            [swap | {"markPx": f"{BTC}", "ts": f"{MS}"} for swap in swaps]
        ),
        "/api/v5/public/open-interest": okx_says(
            [swap | {"oi": "3000000", "oiCcy": "30000", "ts": f"{MS}"} for swap in swaps]
        ),
        "/api/v5/rubik/stat/contracts/long-short-account-ratio-contract": okx_says(
            [[f"{MS - 300_000}", "0.8"], [f"{MS - 600_000}", "0.9"]]
        ),
        "/api/v5/market/books": book,
    }


def hyperliquid_markets() -> dict[str, Any]:
    """BTC in books of 20 levels a side, finer or coarser."""
    context = {
        "funding": "0.0000125",
        "openInterest": "25000.0",
        "prevDayPx": "86000.0",
        "dayNtlVlm": "1169046.29",
        "premium": "0.0003",
        "oraclePx": "86580.0",
        "markPx": "86600.0",
        "midPx": "86600.0",
        "impactPxs": ["86599.0", "86601.0"],
        "dayBaseVlm": "13.5",
    }

    def info(asked: Question) -> Any:
        if asked.body["type"] == "metaAndAssetCtxs":
            return [{"universe": [{"name": "BTC", "szDecimals": 5, "maxLeverage": 40}]}, [context]]
        assert asked.body["type"] == "l2Book"
        step = {None: 1.0, 4: 10.0, 3: 100.0, 2: 1000.0}[asked.body.get("nSigFigs")]
        levels = [
            [{"px": f"{BTC + sign * step * k}", "sz": f"{step}", "n": 1} for k in range(1, 21)]
            for sign in (-1, 1)
        ]
        return {"coin": asked.body["coin"], "time": MS, "levels": levels}

    return {"/info": info}


def deribit_says(result: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "result": result}


def deribit_markets() -> dict[str, Any]:
    """BTC-PERPETUAL in USD; BTC_USDC-PERPETUAL in BTC. Contracts' sizes do not count."""
    kinds = {"BTC-PERPETUAL": ("USD", "BTC", 10), "BTC_USDC-PERPETUAL": ("USDC", "USDC", 0.0001)}
    instruments = [
        {
            "instrument_name": name,
            "kind": "future",
            "base_currency": "BTC",
            "counter_currency": quote,
            "quote_currency": quote,
            "settlement_currency": settle,
            "settlement_period": "perpetual",
            "contract_size": size,
            "tick_size": 0.5,
            "min_trade_amount": size,
            "is_active": True,
            "expiration_timestamp": 32_503_708_800_000,
            "creation_timestamp": 1_534_167_754_000,
            "maker_commission": 0.0,
            "taker_commission": 0.0005,
            "max_leverage": 50,
            "instrument_type": "reversed" if settle == "BTC" else "linear",
        }
        for name, (quote, settle, size) in kinds.items()
    ]

    def ticker(asked: Question) -> dict[str, Any]:
        row = {
            "timestamp": MS,
            "stats": {"volume": 1.0, "low": 85_000, "high": 87_000, "volume_usd": 1.0},
            "state": "open",
            "settlement_price": BTC,
            "open_interest": 1.0,
            "mark_price": BTC,
            "index_price": BTC + 5,
            "last_price": BTC,
            "instrument_name": asked.query["instrument_name"],
            "best_bid_price": BTC - 1,
            "best_ask_price": BTC + 1,
        }
        return deribit_says(row)

    def summary(asked: Question) -> dict[str, Any]:
        name = asked.query["instrument_name"]
        interest = 900_000_000.0 if name == "BTC-PERPETUAL" else 1_500.0
        return deribit_says(
            [{"instrument_name": name, "open_interest": interest, "creation_timestamp": MS}]
        )

    def book(asked: Question) -> dict[str, Any]:
        usd = asked.query["instrument_name"] == "BTC-PERPETUAL"
        bids, asks = steps(BTC, 50, 2e-4, 10_000.0 if usd else 0.1)
        sides = {
            side: [[float(p), float(q)] for p, q in rows]
            for side, rows in (("bids", bids), ("asks", asks))
        }
        return deribit_says({"timestamp": MS, "change_id": 1, **sides})

    return {
        "/api/v2/public/get_currencies": deribit_says([{"currency": "BTC"}]),
        "/api/v2/public/get_instruments": deribit_says(instruments),
        "/api/v2/public/get_funding_rate_value": deribit_says(0.00012),
        "/api/v2/public/ticker": ticker,
        "/api/v2/public/get_book_summary_by_instrument": summary,
        "/api/v2/public/get_order_book": book,
    }


MARKETS = {
    "binance": binance_markets,
    "bybit": bybit_markets,
    "okx": okx_markets,
    "hyperliquid": hyperliquid_markets,
    "deribit": deribit_markets,
}
