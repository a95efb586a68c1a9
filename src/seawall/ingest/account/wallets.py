"""Positions with the wallets behind them, as each venue tells of them.

Sources: Binance USD-M Account Information V3 (``crossWalletBalance`` by asset), Get Current
Multi-Assets Mode, COIN-M Account Information; Bybit API v5, Get Account Info (``marginMode``) and
Get Wallet Balance (``totalMarginBalance``); OKX API v5, Get account configuration (``acctLv``) and
Get balance (``adjEq``; ``eq`` and ``isoEq`` by currency); Deribit API v2,
private/get_account_summaries (``margin_balance``, ``margin_model``); Hyperliquid docs, info
endpoint, clearinghouseState.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from seawall.ingest.ccxt_positions import rows_of_positions
from seawall.ingest.clearinghouse import rows_of_states

Row = dict[str, Any]
Held = tuple[list[Row], list[str]]
_PRINTED = "the wallet behind {n} cross positions of {venue} counts other things as well ({why})"


def _rows(positions: list[dict[str, Any]], venue: str) -> list[Row]:
    """Rows of a book, positions that are flat left out."""
    told = [{**p, "contracts": abs(p.get("contracts") or 0.0)} for p in positions]
    rows = rows_of_positions(told, venue, venue)[0]
    for row in rows:
        if row["contract_type"] == "inverse":
            # ccxt gives it in the coin
            row["notional_usd"] = None
    return rows


def _settled_in(row: Row) -> str:
    return str(row["instrument"]).partition(":")[2].partition("-")[0]


def _put_wallets(rows: list[Row], venue: str, wallets: Mapping[str, Any], column: str) -> None:
    """Give cross rows what stands behind them, by the currency that they are settled in."""
    for row in rows:
        currency = _settled_in(row)
        row["account"] = f"{venue} {currency}"
        if row["margin_mode"] == "cross":
            row[column] = wallets.get(currency)


def _binance_usdm(exchange: Any) -> Held:
    rows = _rows(exchange.fetch_positions(), "binance_usdm")
    account = exchange.fetch_balance()["info"]
    several = exchange.fapiPrivateGetMultiAssetsMargin().get("multiAssetsMargin")
    if str(several).lower() == "true":
        for row in rows:
            row["account"] = "binance_usdm"
            if row["margin_mode"] == "cross":
                row["wallet_balance"] = account["totalCrossWalletBalance"]
        return rows, ["Binance USD-M in multi-assets mode: one wallet behind all cross positions"]
    wallets = {a["asset"]: a["crossWalletBalance"] for a in account["assets"]}
    _put_wallets(rows, "binance_usdm", wallets, "wallet_balance")
    return rows, []


def _binance_coinm(exchange: Any) -> Held:
    rows = _rows(exchange.fetch_positions(), "binance_coinm")
    account = exchange.fetch_balance()["info"]
    wallets = {a["asset"]: a["crossWalletBalance"] for a in account["assets"]}
    _put_wallets(rows, "binance_coinm", wallets, "wallet_balance")
    return rows, []


def _bybit(exchange: Any) -> Held:
    positions = [
        position
        for params in (
            {"subType": "linear", "settleCoin": "USDT"},
            {"subType": "linear", "settleCoin": "USDC"},
            {"subType": "inverse"},
        )
        for position in exchange.fetch_positions(None, params)
    ]
    mode = exchange.privateGetV5AccountInfo()["result"].get("marginMode")
    alone = mode == "ISOLATED_MARGIN"
    for position in positions:
        position["marginMode"] = "isolated" if alone else "cross"
    rows = _rows(positions, "bybit")
    if alone:
        return rows, []
    told = exchange.privateGetV5AccountWalletBalance({"accountType": "UNIFIED"})["result"]["list"]
    notes = []
    for row in rows:
        if row["contract_type"] == "linear":
            row["account_value"] = told[0]["totalMarginBalance"]
        else:
            row["account"] = f"bybit {_settled_in(row)}"
    inverse = sum(row["contract_type"] == "inverse" for row in rows)
    if inverse:
        why = "inverse ones are judged by the price the venue printed"
        notes.append(_PRINTED.format(n=inverse, venue="Bybit", why=why))
    if mode == "PORTFOLIO_MARGIN":
        notes.append("Bybit portfolio margin is judged by the rules of cross margin")
    return rows, notes


def _okx(exchange: Any) -> Held:
    rows = _rows(exchange.fetch_positions(), "okx")
    level = str(exchange.privateGetAccountConfig()["data"][0].get("acctLv"))
    balance = exchange.privateGetAccountBalance()["data"][0]
    if level in ("3", "4"):
        notes = ["OKX multi-currency margin: adjusted equity stands behind cross positions in USD"]
        for row in rows:
            if row["contract_type"] == "inverse":
                row["account"] = f"okx {_settled_in(row)}"
            elif row["margin_mode"] == "cross":
                row["account_value"] = balance["adjEq"]
        return rows, notes
    wallets = {d["ccy"]: float(d["eq"]) - float(d.get("isoEq") or 0) for d in balance["details"]}
    _put_wallets(rows, "okx", wallets, "account_value")
    return rows, []


def _deribit(exchange: Any) -> Held:
    positions = exchange.fetch_positions()
    for position in positions:
        position["marginMode"] = "cross"
    rows = _rows(positions, "deribit")
    summaries = exchange.privateGetGetAccountSummaries()["result"]["summaries"]
    wallets = {s["currency"]: s["margin_balance"] for s in summaries}
    _put_wallets(rows, "deribit", wallets, "account_value")
    models = {str(s.get("margin_model")) for s in summaries} - {"segregated_sm", "None"}
    notes = [f"Deribit {', '.join(sorted(models))} is judged as segregated standard margin"]
    return rows, notes if models else []


def _hyperliquid(exchange: Any) -> Held:
    address = exchange.walletAddress
    state = exchange.publicPostInfo({"type": "clearinghouseState", "user": address})
    rows, _ = rows_of_states([(address, state)], "hyperliquid", "hyperliquid")
    for row in rows:
        row.pop("time")
    return rows, []


HELD: Mapping[str, Callable[[Any], Held]] = {
    "binance_usdm": _binance_usdm,
    "binance_coinm": _binance_coinm,
    "bybit": _bybit,
    "okx": _okx,
    "deribit": _deribit,
    "hyperliquid": _hyperliquid,
}
"""What asks a venue for positions and wallets, by rulebook."""
