"""Exchange exports as they are: ccxt positions and Hyperliquid's clearinghouseState.

The samples are invented in the shapes that these sources document: ccxt 4.5 (Python), the
comments and returns of ``parse_position`` and ``parse_position_risk`` in binance.py, bybit.py,
okx.py and hyperliquid.py, and ``safe_position``; Hyperliquid docs, info endpoint
``clearinghouseState``.
"""

from __future__ import annotations

import copy
import csv
import io
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seawall.core import parse_time
from seawall.ingest import read_book
from seawall.rulebook import bind

BINANCE: dict[str, Any] = {
    "info": {
        "symbol": "BTCUSDT",
        "positionAmt": "2.000",
        "entryPrice": "86000.0",
        "markPrice": "86600.0",
        "unRealizedProfit": "1200.0",
        "liquidationPrice": "77710.8",
        "leverage": "10",
        "marginType": "isolated",
        "isolatedMargin": "18400.0",
        "isolatedWallet": "17200.0",
        "positionSide": "BOTH",
        "notional": "173200.0",
        "updateTime": "1763683199000",
    },
    "id": None,
    "symbol": "BTC/USDT:USDT",
    "contracts": 2.0,
    "contractSize": 1.0,
    "unrealizedPnl": 1200.0,
    "leverage": 10.0,
    "liquidationPrice": 77710.8,
    "positionMargin": 17200.0,
    "collateral": 18400.0,
    "notional": 173200.0,
    "markPrice": 86600.0,
    "entryPrice": 86000.0,
    "timestamp": 1763683199000,
    "datetime": "2025-11-20T23:59:59.000Z",
    "initialMargin": 17320.0,
    "initialMarginPercentage": 0.1,
    "maintenanceMargin": 692.8,
    "maintenanceMarginPercentage": 0.004,
    "marginRatio": 0.0377,
    "marginMode": "isolated",
    "side": "long",
    "hedged": False,
    "percentage": 6.92,
    "stopLossPrice": None,
    "takeProfitPrice": None,
}
OKX: dict[str, Any] = {
    **BINANCE,
    "info": {
        "instId": "BTC-USDT-SWAP",
        "instType": "SWAP",
        "mgnMode": "isolated",
        "margin": "430",
        "upl": "30",
        "lever": "10",
        "pos": "5",
        "posSide": "net",
        "avgPx": "86000",
        "markPx": "86600",
        "liqPx": "78000.1",
    },
    "contracts": 5.0,
    "contractSize": 0.01,
    "positionMargin": 430.0,
    "collateral": 460.0,
    "unrealizedPnl": 30.0,
    "notional": 4330.0,
    "liquidationPrice": 78000.1,
}
BYBIT: dict[str, Any] = {
    **BINANCE,
    "info": {
        "positionIdx": "0",
        "symbol": "BTCUSDT",
        "side": "Sell",
        "size": "0.5",
        "avgPrice": "86000",
        "tradeMode": "0",
        "positionBalance": "4345",
        "liqPrice": "94000.5",
        "positionIM": "4345",
        "stopLoss": "90000",
    },
    "contracts": 0.5,
    "positionMargin": 4345.0,
    "collateral": 4045.0,
    "unrealizedPnl": -300.0,
    "notional": 43300.0,
    "liquidationPrice": 94000.5,
    "marginMode": None,
    "side": "short",
    "stopLossPrice": 90000.0,
}
HYPERLIQUID: dict[str, Any] = {
    **BINANCE,
    "info": {"position": {"coin": "BTC", "szi": "0.2", "entryPx": "86000.0"}, "type": "oneWay"},
    "symbol": "BTC/USDC:USDC",
    "contracts": 0.2,
    "contractSize": None,
    "positionMargin": 1200.3,
    "collateral": 1320.0,
    "unrealizedPnl": 119.7,
    "notional": 17320.0,
    "liquidationPrice": 81012.6,
    "timestamp": None,
    "datetime": None,
}
FLAT = {**BINANCE, "contracts": 0.0, "side": None, "entryPrice": 0.0, "liquidationPrice": None}


def changed(position: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {**copy.deepcopy(position), **changes}


def test_each_exchange_by_its_own_answer() -> None:
    book = read_book([BINANCE, OKX, BYBIT, HYPERLIQUID, FLAT])
    assert [i.venue for i in book.instruments] == ["binance_usdm", "okx", "bybit", "hyperliquid"]
    assert book.positions.size.tolist() == pytest.approx([2, 0.05, -0.5, 0.2])
    assert book.accounts.balance.tolist() == pytest.approx(
        [17_200, 430, math.nan, 1_320 - 0.2 * 600], nan_ok=True
    )
    assert book.accounts.isolated.all()
    assert book.positions.stop[2] == 90_000
    assert list(book.traders) == ["account"]
    assert book.time == 0
    text = " ".join(book.notes)
    assert "read as ccxt positions of one account" in text
    assert "1 flat positions" in text
    assert "--at" in text


def test_collateral_of_ccxt_counts_profit_where_nothing_better_is_there() -> None:
    bare = changed(BINANCE, info={}, positionMargin=None)
    book = read_book([bare], venue="binance")
    assert book.accounts.balance.tolist() == pytest.approx([18_400 - 2 * 600])
    assert book.venues == ("binance_usdm",)
    older = changed(BINANCE)
    del older["positionMargin"]
    assert read_book([older]).accounts.balance.tolist() == [17_200]


def test_liquidation_price_of_an_isolated_dump_comes_out() -> None:
    """Binance: (wallet + cum - size * entry) / (size * rate - size), first bracket."""
    expected = (17_200 - 2 * 86_000) / (2 * 0.004 - 2)
    assert bind(read_book([BINANCE])).liquidation_price()[0] == pytest.approx(expected)


def test_inverse_contracts_of_a_dump() -> None:
    inverse = changed(
        BINANCE,
        symbol="BTC/USD:BTC",
        contracts=3.0,
        contractSize=100.0,
        info={"symbol": "BTCUSD_PERP", "positionAmt": "3", "notionalValue": "0.003464"},
        positionMargin=0.0004,
        collateral=None,
    )
    book = read_book([inverse])
    (instrument,) = book.instruments
    assert (instrument.venue, instrument.symbol) == ("binance_coinm", "BTCUSD_PERP")
    assert book.positions.size.tolist() == [300]
    assert book.currencies == ("BTC",)


def test_cross_positions_of_a_dump() -> None:
    by_price = changed(BINANCE, marginMode="cross", positionMargin=None)
    book = read_book([by_price])
    assert np.isnan(book.accounts.balance).all()
    np.testing.assert_allclose(bind(book).liquidation_price(), [77_710.8])
    wallet = changed(by_price, info={**BINANCE["info"], "crossWalletBalance": "34000"})
    book = read_book([wallet, changed(wallet, side="short", contracts=0.5, liquidationPrice=None)])
    assert book.accounts.balance.tolist() == [34_000]
    assert not book.accounts.isolated.any()
    assert list(book.traders) == ["account"]


def test_a_dump_in_a_file_names_its_account(tmp_path: Path) -> None:
    path = tmp_path / "desk7.json"
    path.write_text(json.dumps([BINANCE, OKX]))
    assert list(read_book(path).traders) == ["desk7"]
    lines = tmp_path / "desk8.jsonl"
    lines.write_text("\n".join(json.dumps(p) for p in (BINANCE, OKX)))
    book = read_book(lines)
    assert list(book.traders) == ["desk8"]
    assert book.positions.size.tolist() == pytest.approx([2, 0.05])


def test_a_dump_as_a_table(tmp_path: Path) -> None:
    """As ``pandas.DataFrame(positions).to_csv()`` writes it, nested answers and all."""
    older = changed(BINANCE)
    del older["positionMargin"]
    out = io.StringIO()
    writer = csv.DictWriter(out, list(older))
    writer.writeheader()
    writer.writerow(older)
    path = tmp_path / "dump.csv"
    path.write_text(out.getvalue())
    book = read_book(path, venue="binance")
    assert book.accounts.balance.tolist() == pytest.approx([17_200])
    assert book.time == 0


def state(**changes: Any) -> dict[str, Any]:
    return {
        "assetPositions": [
            position("BTC", 0.5, 86_000, 86_600, "cross", 20, 43_300 / 20, 60_000.5),
            position("ETH", -10, 2_900, 2_800, "cross", 10, 2_800, None),
            position("kPEPE", 1e6, 0.005, 0.0048, "isolated", 5, 900, 0.0042),
        ],
        "crossMaintenanceMarginUsed": "1500.0",
        "crossMarginSummary": {
            "accountValue": "12000.0",
            "totalMarginUsed": "4965.0",
            "totalNtlPos": "71300.0",
            "totalRawUsd": "-3300.0",
        },
        "marginSummary": {
            "accountValue": "12900.0",
            "totalMarginUsed": "5865.0",
            "totalNtlPos": "76100.0",
            "totalRawUsd": "-7200.0",
        },
        "time": 1763683199000,
        "withdrawable": "7000.0",
        **changes,
    }


def position(
    coin: str,
    size: float,
    entry: float,
    mark: float,
    mode: str,
    leverage: int,
    used: float,
    liquidation: float | None,
) -> dict[str, Any]:
    how: dict[str, Any] = {"type": mode, "value": leverage}
    if mode == "isolated":
        how["rawUsd"] = str(used - size * mark)
    return {
        "position": {
            "coin": coin,
            "cumFunding": {"allTime": "0.0", "sinceChange": "0.0", "sinceOpen": "0.0"},
            "entryPx": str(entry),
            "leverage": how,
            "liquidationPx": None if liquidation is None else str(liquidation),
            "marginUsed": str(used),
            "maxLeverage": 40,
            "positionValue": str(abs(size) * mark),
            "returnOnEquity": "0.0",
            "szi": str(size),
            "unrealizedPnl": str(size * (mark - entry)),
        },
        "type": "oneWay",
    }


def test_clearinghouse_state(tmp_path: Path) -> None:
    path = tmp_path / "0xabc.json"
    path.write_text(json.dumps(state()))
    book = read_book(path)
    assert list(book.traders) == ["0xabc"]
    assert [i.asset for i in book.instruments] == ["BTC", "ETH", "PEPE"]
    assert set(book.venues) == {"hyperliquid"}
    assert book.time == parse_time(1763683199000)
    assert book.positions.account.tolist() == [0, 0, 1]
    assert book.accounts.isolated.tolist() == [False, True]
    profit = 0.5 * 600 + 10 * 100
    assert book.accounts.balance.tolist() == pytest.approx([12_000 - profit, 900 + 200])
    np.testing.assert_allclose(book.positions.mark, [86_600, 2_800, 0.0048])
    margins = bind(book).accounts_state()
    np.testing.assert_allclose(margins.equity, [12_000, 900])


def test_clearinghouse_state_of_several_users() -> None:
    shapes: tuple[Any, ...] = (
        {"0xa": state(), "0xb": state()},
        [["0xa", state()], ["0xb", state()]],
        [state(user="0xa"), state(user="0xb")],
        [{"user": "0xa", "clearinghouseState": state()}, state(address="0xb")],
    )
    for shape in shapes:
        book = read_book(shape)
        assert list(book.traders) == ["0xa", "0xb"]
        assert len(book) == 6
    unnamed = read_book([state(), state(assetPositions=[])])
    assert list(unnamed.traders) == ["account-1"]
    assert any("1 accounts hold no position" in n for n in unnamed.notes)


def test_clearinghouse_states_as_json_lines(tmp_path: Path) -> None:
    path = tmp_path / "users.jsonl"
    path.write_text("\n".join(json.dumps(state(user=u)) for u in ("0xa", "0xb")))
    assert list(read_book(path).traders) == ["0xa", "0xb"]


def test_withdrawn_profit_leaves_less_than_nothing_without_it() -> None:
    spent = state(
        assetPositions=[position("BTC", 1, 50_000, 90_000, "isolated", 20, 5_000, 86_000)]
    )
    assert read_book(spent).accounts.balance.tolist() == pytest.approx([-35_000])


def test_ccxt_itself_gives_this_shape() -> None:
    """The same answer through ccxt's own parser, where it is installed."""
    ccxt = pytest.importorskip("ccxt")
    exchange = ccxt.okx()
    market = {
        **{"id": "BTC-USDT-SWAP", "symbol": "BTC/USDT:USDT", "base": "BTC", "quote": "USDT"},
        **{"settle": "USDT", "baseId": "BTC", "quoteId": "USDT", "settleId": "USDT"},
        **{"type": "swap", "spot": False, "margin": False, "swap": True, "future": False},
        **{"option": False, "contract": True, "linear": True, "inverse": False, "active": True},
        **{
            "contractSize": 0.01,
            "precision": {"price": 0.1, "amount": 1},
            "limits": {},
            "info": {},
        },
    }
    exchange.set_markets([market])
    info = {**OKX["info"], "mmr": "17.32", "notionalUsd": "4330", "cTime": "1763600000000"}
    parsed = exchange.parse_position({**info, "imr": "", "uplRatio": "0.07", "posId": "1"})
    book = read_book([dict(parsed)])
    assert book.venues == ("okx",)
    assert book.positions.size.tolist() == pytest.approx([0.05])
    assert book.accounts.balance.tolist() == [430]
