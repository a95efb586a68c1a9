"""Sound rows, which the tests of reading change one cell at a time."""

from __future__ import annotations

from typing import Any

Row = dict[str, Any]


def isolated(**changes: Any) -> Row:
    """A sound isolated long of 1.5 BTC."""
    row: Row = {
        "account": "ann",
        "venue": "binance_usdm",
        "instrument": "BTCUSDT",
        "side": "long",
        "quantity": 1.5,
        "entry_price": 86_000.0,
        "mark_price": 86_600.0,
        "margin_mode": "isolated",
        "leverage": 10.0,
        "collateral": 13_000.0,
    }
    return {k: v for k, v in {**row, **changes}.items() if v is not None}


def cross(**changes: Any) -> Row:
    """A sound cross short of 20 ETH with a wallet of 30,000."""
    row: Row = {
        "account": "bob",
        "venue": "binance_usdm",
        "instrument": "ETHUSDT",
        "side": "short",
        "quantity": 20.0,
        "entry_price": 2_900.0,
        "mark_price": 2_800.0,
        "margin_mode": "cross",
        "wallet_balance": 30_000.0,
    }
    return {k: v for k, v in {**row, **changes}.items() if v is not None}
