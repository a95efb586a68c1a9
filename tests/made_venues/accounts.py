"""What venues answer about an account, in the form that their documentation gives.

Sources of the samples, figures changed: Binance wallet API (Get API Key Permission), USD-M and
COIN-M futures API (Position Information V3, Notional and Leverage Brackets, Account Information V3,
Get Current Multi-Assets Mode); Bybit API v5 (Get API Key Information, Get Account Info, Get Wallet
Balance, Get Position Info); OKX API v5 (Get account configuration, Get positions, Get balance);
Deribit API v2 (public/auth, private/get_positions, private/get_account_summaries); Hyperliquid docs
(info endpoint: clearinghouseState).
"""

from __future__ import annotations

from typing import Any

from made_venues.markets import (
    BTC,
    ETH,
    MS,
    binance_markets,
    bybit_markets,
    bybit_says,
    deribit_markets,
    deribit_says,
    hyperliquid_markets,
    okx_markets,
    okx_says,
)
from made_venues.server import Question

BINANCE_READS = {
    "ipRestrict": False,
    "createTime": 1_698_645_219_000,
    "enableInternalTransfer": False,
    "enableFutures": False,
    "enablePortfolioMarginTrading": False,
    "enableVanillaOptions": False,
    "permitsUniversalTransfer": False,
    "enableReading": True,
    "enableFixReadOnly": True,
    "enableFixApiTrade": False,
    "enableSpotAndMarginTrading": False,
    "enableWithdrawals": False,
    "enableMargin": False,
}


def _position(symbol: str, amount: float, entry: float, mark: float, **more: Any) -> dict[str, Any]:
    return {
        "symbol": symbol,
        "positionSide": "BOTH",
        "positionAmt": f"{amount}",
        "entryPrice": f"{entry}",
        "breakEvenPrice": f"{entry}",
        "markPrice": f"{mark}",
        "unRealizedProfit": f"{amount * (mark - entry)}",
        "liquidationPrice": "0",
        "isolatedMargin": "0",
        "notional": f"{amount * mark}",
        "isolatedWallet": "0",
        "updateTime": MS,
        "initialMargin": "1000",
        "maintMargin": "100",
        "positionInitialMargin": "1000",
        "openOrderInitialMargin": "0",
        "adl": 2,
        "marginAsset": "USDT",
        **more,
    }


def binance_account(**permissions: bool) -> dict[str, Any]:
    """A cross long of 2 BTC and an isolated short of 30 ETH; a COIN-M short of 50 contracts."""
    brackets = [{"bracket": 1, "initialLeverage": 125, "notionalCap": 300_000, "cum": 0.0}]
    usdm = [brackets[0] | {"notionalFloor": 0, "maintMarginRatio": 0.004}]
    coinm = [brackets[0] | {"qtyFloor": 0, "qtyCap": 50, "maintMarginRatio": 0.004}]
    margin = 9_000.0
    return {
        **binance_markets(),
        "/sapi/v1/account/apiRestrictions": BINANCE_READS | permissions,
        "/fapi/v1/leverageBracket": [
            {"symbol": s, "notionalCoef": 1.5, "brackets": usdm} for s in ("BTCUSDT", "ETHUSDT")
        ],
        "/fapi/v3/positionRisk": [
            _position("BTCUSDT", 2.0, 84_000.0, BTC, liquidationPrice="71787.15"),
            _position(
                "ETHUSDT",
                -30.0,
                2_900.0,
                ETH,
                liquidationPrice="3187.25",
                isolatedWallet=f"{margin}",
                isolatedMargin=f"{margin + 30 * 70}",
            ),
        ],
        "/fapi/v3/account": {
            "totalCrossWalletBalance": "25000.0",
            "assets": [
                {
                    "asset": asset,
                    "walletBalance": wallet,
                    "unrealizedProfit": "0",
                    "marginBalance": wallet,
                    "crossWalletBalance": cross,
                    "crossUnPnl": "0",
                    "availableBalance": cross,
                    "initialMargin": "0",
                    "maintMargin": "0",
                    "updateTime": MS,
                }
                for asset, wallet, cross in (("USDT", "34000", "25000"), ("USDC", "7", "7"))
            ],
            "positions": [],
        },
        "/fapi/v1/multiAssetsMargin": {"multiAssetsMargin": False},
        "/dapi/v2/leverageBracket": [{"symbol": "BTCUSD_PERP", "brackets": coinm}],
        "/dapi/v1/positionRisk": [
            {
                "symbol": "BTCUSD_PERP",
                "positionAmt": "-50",
                "entryPrice": "88000.0",
                "markPrice": f"{BTC}",
                "unRealizedProfit": "0.0009",
                "liquidationPrice": "0",
                "leverage": "5",
                "maxQty": "1500",
                "marginType": "cross",
                "isolatedMargin": "0.00000000",
                "isAutoAddMargin": "false",
                "positionSide": "BOTH",
                "notionalValue": f"{-5000 / BTC}",
                "isolatedWallet": "0",
            }
        ],
        "/dapi/v1/account": {
            "assets": [
                {
                    "asset": "BTC",
                    "walletBalance": "0.4",
                    "marginBalance": "0.4009",
                    "crossWalletBalance": "0.4",
                    "crossUnPnl": "0.0009",
                    "availableBalance": "0.3",
                    "initialMargin": "0.01",
                    "maintMargin": "0.0002",
                }
            ],
            "positions": [],
        },
    }


def bybit_account(reads: bool = True, mode: str = "REGULAR_MARGIN") -> dict[str, Any]:
    """A long of 1.5 BTC in USDT; an inverse short of 20,000 USD."""
    permissions = {
        "ContractTrade": ["Order", "Position"],
        "Spot": [],
        "Wallet": ["AccountTransfer", "Withdraw"],
        "Options": [],
        "Derivatives": [],
    }

    def positions(asked: Question) -> dict[str, Any]:
        row = {
            "positionIdx": 0,
            "riskId": 1,
            "riskLimitValue": "2000000",
            "autoAddMargin": 0,
            "tradeMode": 0,
            "leverage": "10",
            "positionStatus": "Normal",
            "markPrice": f"{BTC}",
            "positionMM": "70",
            "unrealisedPnl": "0",
            "createdTime": f"{MS}",
            "updatedTime": f"{MS}",
            "stopLoss": "",
            "takeProfit": "",
        }
        linear = row | {
            "symbol": "BTCUSDT",
            "side": "Buy",
            "size": "1.5",
            "avgPrice": "85000",
            "positionValue": "127500",
            "positionIM": "12800",
            "positionBalance": "12800",
            "liqPrice": "71234.5",
        }
        inverse = row | {
            "symbol": "BTCUSD",
            "side": "Sell",
            "size": "20000",
            "avgPrice": "88000",
            "positionValue": "0.2272",
            "positionIM": "0.023",
            "positionBalance": "0.023",
            "liqPrice": "99000",
        }
        category, coin = asked.query["category"], asked.query.get("settleCoin")
        rows = [inverse] if category == "inverse" else [linear] if coin == "USDT" else []
        return bybit_says({"list": rows, "category": category, "nextPageCursor": ""})

    return {
        **bybit_markets(),
        "/v5/user/query-api": lambda asked: bybit_says(
            {
                "id": "13770661",
                "note": "readonly",
                "apiKey": asked.raw.partition("X-BAPI-API-KEY': '")[2].partition("'")[0],
                "readOnly": int(reads),
                "secret": "",
                "permissions": permissions,
                "uta": 1,
                "isMaster": True,
            }
        ),
        "/v5/account/info": bybit_says(
            {"unifiedMarginStatus": 6, "marginMode": mode, "dcpStatus": "OFF", "updatedTime": "1"}
        ),
        "/v5/account/wallet-balance": bybit_says(
            {
                "list": [
                    {
                        "accountType": "UNIFIED",
                        "totalEquity": "31000",
                        "totalMarginBalance": "30500.5",
                        "totalWalletBalance": "28100.5",
                        "totalPerpUPL": "2400",
                        "coin": [],
                    }
                ]
            }
        ),
        "/v5/position/list": positions,
    }


def okx_account(perm: str = "read_only", level: str = "2") -> dict[str, Any]:
    """A cross short of 300 contracts of 0.01 BTC."""
    position = {
        "instType": "SWAP",
        "instId": "BTC-USDT-SWAP",
        "mgnMode": "cross",
        "posSide": "net",
        "pos": "-300",
        "posCcy": "",
        "ccy": "USDT",
        "avgPx": "88000",
        "upl": "4200",
        "uplRatio": "0.1",
        "lever": "10",
        "liqPx": "101234.5",
        "markPx": f"{BTC}",
        "imr": "25980",
        "margin": "",
        "mgnRatio": "12",
        "mmr": "1039",
        "notionalUsd": "259800",
        "cTime": f"{MS}",
        "uTime": f"{MS}",
    }
    return {
        **okx_markets(),
        "/api/v5/account/config": okx_says(
            [{"uid": "44705892343619584", "acctLv": level, "posMode": "net_mode", "perm": perm}]
        ),
        "/api/v5/account/positions": okx_says([position]),
        "/api/v5/account/balance": okx_says(
            [
                {
                    "totalEq": "61000",
                    "adjEq": "60000" if level == "3" else "",
                    "uTime": f"{MS}",
                    "details": [
                        {"ccy": "USDT", "eq": "52000.5", "isoEq": "1000.5", "cashBal": "47800"},
                    ],
                }
            ]
        ),
    }


def deribit_account(
    scope: str = "account:read connection mainaccount trade:read",
) -> dict[str, Any]:
    """An inverse long of 40,000 USD behind which 0.9 BTC stand."""
    return {
        **deribit_markets(),
        "/api/v2/public/auth": deribit_says(
            {
                "access_token": "1582628593469.1MbQ-J_4.CBP",
                "refresh_token": "1582628593469.1GP4rQd0.A9",
                "expires_in": 31_536_000,
                "scope": scope,
                "token_type": "bearer",
            }
        ),
        "/api/v2/private/get_positions": deribit_says(
            [
                {
                    "instrument_name": "BTC-PERPETUAL",
                    "kind": "future",
                    "direction": "buy",
                    "size": 40_000.0,
                    "size_currency": 0.4619,
                    "average_price": 84_000.0,
                    "mark_price": BTC,
                    "index_price": BTC,
                    "leverage": 50,
                    "floating_profit_loss": 0.0143,
                    "initial_margin": 0.0095,
                    "maintenance_margin": 0.0048,
                    "estimated_liquidation_price": 31_000.0,
                }
            ]
        ),
        "/api/v2/private/get_account_summaries": deribit_says(
            {
                "summaries": [
                    {
                        "currency": "BTC",
                        "margin_balance": 0.9,
                        "equity": 0.9,
                        "balance": 0.8857,
                        "margin_model": "segregated_sm",
                    }
                ]
            }
        ),
    }


def hyperliquid_account() -> dict[str, Any]:
    """A cross short of 3 BTC."""
    markets = hyperliquid_markets()["/info"]

    def info(asked: Question) -> Any:
        if asked.body["type"] != "clearinghouseState":
            return markets(asked)
        position = {
            "coin": "BTC",
            "szi": "-3.0",
            "entryPx": "88000.0",
            "positionValue": f"{3 * BTC}",
            "unrealizedPnl": "4200.0",
            "returnOnEquity": "0.1",
            "liquidationPx": "104000.0",
            "marginUsed": "12990.0",
            "leverage": {"type": "cross", "value": 20},
            "maxLeverage": 40,
        }
        summary = {
            "accountValue": "52000.0",
            "totalNtlPos": f"{3 * BTC}",
            "totalRawUsd": "311800.0",
            "totalMarginUsed": "12990.0",
        }
        return {
            "assetPositions": [{"type": "oneWay", "position": position}],
            "crossMarginSummary": summary,
            "marginSummary": summary,
            "withdrawable": "39000.0",
            "time": MS,
        }

    return {"/info": info}
