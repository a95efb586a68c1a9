"""Small books on Binance, and candles made from a seed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from seawall.desk.history import Candles
from seawall.ingest import read_book
from seawall.margin import MarginBook
from seawall.rulebook import bind

START = 1_735_689_600 * 10**9


def book_of(*rows: dict[str, Any]) -> MarginBook:
    """Positions as (asset, signed size, ...) on Binance, marked and entered at 100."""
    return bind(read_book([dict(_row(k), **_signed(r)) for k, r in enumerate(rows)]))


def _row(k: int) -> dict[str, Any]:
    return {"account": f"a{k}", "venue": "binance", "entry_price": 100.0, "mark_price": 100.0}


def _signed(row: dict[str, Any]) -> dict[str, Any]:
    row = dict(row)
    size = row.pop("size")
    asset = row.pop("asset")
    side = "long" if size > 0 else "short"
    return {"symbol": f"{asset}USDT", "side": side, "size": abs(size), **row}


def isolated(asset: str, size: float, leverage: float, **more: Any) -> dict[str, Any]:
    return {"asset": asset, "size": size, "margin_mode": "isolated", "leverage": leverage, **more}


def cross(asset: str, size: float, wallet: float, account: str = "c") -> dict[str, Any]:
    return {"asset": asset, "size": size, "margin_mode": "cross", "leverage": 10.0,
            "wallet_balance": wallet, "account": account}  # fmt: skip


def made_candles(
    assets: Sequence[str], hours: int, seed: int = 0, step: float = 3_600.0, sigma: float = 0.006
) -> Candles:
    """Candles of heavy-tailed changes that share a factor; sigma is that of an hour."""
    rng = np.random.default_rng(seed)
    count = round(hours * 3_600 / step)
    shape = (count, len(assets))
    shared = rng.standard_t(5, size=(count, 1))
    x = sigma * np.sqrt(step / 3_600.0) * (0.8 * shared + 0.6 * rng.standard_t(5, size=shape))
    close = 100.0 * np.exp(np.cumsum(x / np.sqrt(5 / 3), axis=0))
    before = np.vstack((np.full((1, len(assets)), 100.0), close[:-1]))
    reach = 0.3 * sigma * np.sqrt(step / 3_600.0) * rng.random((2, *shape))
    low = np.minimum(before, close) * np.exp(-reach[0])
    high = np.maximum(before, close) * np.exp(reach[1])
    time = START + np.arange(count) * round(step * 1e9)
    return Candles(tuple(assets), time, step, before, high, low, close, "made")


def written(candles: Candles, file: Path, drop: Sequence[tuple[str, int]] = ()) -> Path:
    """The candles as a CSV file, without the rows (asset, number) of ``drop``."""
    lines = ["time,asset,open,high,low,close"]
    for a, asset in enumerate(candles.assets):
        for t in range(len(candles)):
            if (asset, t) not in drop:
                cells = (candles.open, candles.high, candles.low, candles.close)
                prices = ",".join(repr(float(c[t, a])) for c in cells)
                lines.append(f"{candles.time[t] // 10**9},{asset},{prices}")
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file
