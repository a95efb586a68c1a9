"""Positions as ccxt's ``fetch_positions`` returns them, as rows of a book.

Source: ccxt 4.5 (Python), ``parse_position`` of binance, bybit, okx and hyperliquid, and
``Exchange.safe_position``: ``collateral`` is the margin *with* unrealised profit,
``positionMargin`` the margin without it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Row = dict[str, Any]
_OWN_UNITS = ("bybit", "deribit")
"""Venues that count base units, or USD of inverse contracts: ccxt's ``contractSize`` of theirs is a
smallest order, or a step of it."""


def is_ccxt(row: object) -> bool:
    """Whether an object has the shape of one ccxt position."""
    return isinstance(row, Mapping) and {"symbol", "contracts", "side"} <= set(row)


def rows_of_positions(
    positions: Sequence[Mapping[str, Any]], account: str, venue: str | None
) -> tuple[list[Row], tuple[str, ...]]:
    """Rows of a book, flat positions left out, and what to know of them.

    Parameters
    ----------
    positions
        ccxt position structures.
    account
        Label for positions that name none: a dump is one account's.
    venue
        Venue of all; None tells it from each position's ``info``.
    """
    held = [p for p in positions if _number(p.get("contracts")) != 0.0]
    rows = [_row(p, account, venue) for p in held]
    notes = [f"read as ccxt positions of one account, {account}"]
    if len(held) < len(positions):
        notes.append(f"{len(positions) - len(held)} flat positions of the dump left out")
    notes.append(
        "a ccxt position says when it last changed, not when it was fetched: name the day "
        "whose rules apply with --at"
    )
    return rows, tuple(notes)


def venue_of(info: Mapping[str, Any]) -> str | None:
    """Venue told from the names in the exchange's own answer, or None."""
    if "position" in info and isinstance(info["position"], Mapping) and "szi" in info["position"]:
        return "hyperliquid"
    if "positionAmt" in info:
        inverse = "notionalValue" in info or str(info.get("symbol", "")).find("USD_") > 0
        return "binance_coinm" if inverse else "binance_usdm"
    if "instId" in info:
        return "okx"
    if "positionIdx" in info or "positionIM" in info:
        return "bybit"
    if "size_currency" in info and "instrument_name" in info:
        return "deribit"
    if "contract_code" in info:
        return "htx"
    return None


def _row(position: Mapping[str, Any], account: str, venue: str | None) -> Row:
    found = position.get("info")
    info: Mapping[str, Any] = found if isinstance(found, Mapping) else {}
    symbol = position.get("symbol") or _own_symbol(info)
    mode = _margin_mode(position, info)
    row: Row = {
        "account": position.get("account") or account,
        "venue": venue or position.get("exchange") or venue_of(info),
        "instrument": symbol,
        "contract_type": _contract_type(str(symbol or "")),
        "side": position.get("side"),
        "quantity": position.get("contracts"),
        "contract_size": None
        if venue_of(info) in _OWN_UNITS
        else _positive(position.get("contractSize")),
        "entry_price": position.get("entryPrice"),
        "mark_price": _positive(position.get("markPrice")),
        "notional_usd": position.get("notional"),
        "margin_mode": mode,
        "leverage": _positive(position.get("leverage")),
        "liquidation_price": _positive(position.get("liquidationPrice")),
        "stop_price": _positive(position.get("stopLossPrice")),
        "wallet_balance": None,
        "collateral": None,
        "collateral_value": None,
    }
    if mode == "cross":
        row["wallet_balance"] = _given(position, info, "wallet_balance", "crossWalletBalance")
        row["account_value"] = _given(position, info, "account_value")
    elif mode == "isolated" or row["liquidation_price"] is None:
        row.update(_isolated_margin(position, info))
    return row


def _isolated_margin(position: Mapping[str, Any], info: Mapping[str, Any]) -> Row:
    """The position's margin, from the field whose meaning is surest.

    Binance ``isolatedWallet``, OKX ``margin`` and Bybit ``positionBalance`` leave unrealised
    profit out, as ccxt's ``positionMargin`` does; ccxt's ``collateral`` counts it. Hyperliquid's
    entry price is rounded, so its ``marginUsed``, which counts profit, is the exact one.
    """
    if venue_of(info) == "hyperliquid" and position.get("collateral") is not None:
        return {"collateral_value": position["collateral"]}
    own = _given(position, info, "positionMargin", "isolatedWallet", "margin", "positionBalance")
    if _positive(own) is not None:
        return {"collateral": own}
    return {"collateral_value": position.get("collateral")}


def _margin_mode(position: Mapping[str, Any], info: Mapping[str, Any]) -> str | None:
    mode = position.get("marginMode")
    if mode is None and str(info.get("tradeMode", "")) == "1":
        return "isolated"
    return None if mode is None else str(mode)


def _contract_type(symbol: str) -> str | None:
    """Linear or inverse, as ccxt's ``BASE/QUOTE:SETTLE`` says it."""
    pair, colon, settle = symbol.partition(":")
    base, slash, _ = pair.partition("/")
    if not colon or not slash:
        return None
    return "inverse" if settle.partition("-")[0] == base else "linear"


def _own_symbol(info: Mapping[str, Any]) -> Any:
    return info.get("symbol") or info.get("instId")


def _given(position: Mapping[str, Any], info: Mapping[str, Any], *names: str) -> Any:
    for name in names:
        for source in (position, info):
            value = source.get(name)
            if value not in (None, ""):
                return value
    return None


def _positive(value: Any) -> Any:
    """The value, or None where the exchange writes 0 or "" for none."""
    return None if value is None or value == "" or _number(value) == 0.0 else value


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None
