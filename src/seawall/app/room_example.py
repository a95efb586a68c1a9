"""What the desk opens with when nobody has given it anything: a few positions and made candles.

Both are synthetic and say so. The positions stand at the prices of the recording that comes with
Seawall, so that the watch has something to warn of; the candles are drawn with the bundled daily
volatilities, one market factor and heavy tails, and end at those prices.
"""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path

import numpy as np

from seawall.core import Book, format_time, parse_time

NAME = "Example: five positions, synthetic"
CANDLES = "example-candles.csv"
TIME = "2025-11-21T03:20:00Z"
BOOK = """\
account,venue,instrument,side,quantity,entry_price,mark_price,margin_mode,collateral,wallet_balance,time
you,binance,BTCUSDT,long,0.6,86600,83000,isolated,5200,,2025-11-21T03:20:00Z
you,bybit,SOLUSDT,long,250,133.5,126,isolated,4000,,2025-11-21T03:20:00Z
you,hyperliquid,BTC,long,0.5,85000,83000,cross,,9000,2025-11-21T03:20:00Z
you,hyperliquid,ETH,short,12,2780,2710,cross,,,2025-11-21T03:20:00Z
you,okx,ETH-USDT-SWAP,long,100,2833,2710,isolated,2050,,2025-11-21T03:20:00Z
"""
_LAST = {"BTC": 83_000.0, "ETH": 2_710.0, "SOL": 126.0, "XRP": 1.95, "LINK": 12.2, "AVAX": 13.3}
_TRADED = {"BTC": 90e6, "ETH": 50e6, "SOL": 15e6, "XRP": 9e6, "LINK": 2e6, "AVAX": 2e6}
"""USD an hour: four large caps and two mid caps by the allocation's own rule."""
_DAYS, _SEED, _FREEDOM = 180, 20251121, 4
_COMMON = 0.8
"""Weight of the market factor in each coin's return; the rest of the variance is its own."""


def example_book() -> Book:
    """Five positions in four accounts on four venues."""
    from seawall.ingest import read_book

    rows = list(csv.DictReader(io.StringIO(BOOK)))
    return replace(read_book(rows), source=NAME)


def write_candles(folder: Path) -> Path:
    """Hourly candles of six coins over 180 days, as a file."""
    from seawall.liquidity import daily_volatility_of

    names = tuple(_LAST)
    sigma = daily_volatility_of(names).values / np.sqrt(24.0)
    steps, rng = _DAYS * 24, np.random.default_rng(_SEED)
    unit = np.sqrt(_FREEDOM / (_FREEDOM - 2.0))
    common = rng.standard_t(_FREEDOM, (steps, 1)) / unit
    own = rng.standard_t(_FREEDOM, (steps, len(names))) / unit
    moved = sigma * (_COMMON * common + np.sqrt(1.0 - _COMMON**2) * own)
    level = np.cumsum(moved, axis=0)
    close = np.array(list(_LAST.values())) * np.exp(level - level[-1])
    opened = np.vstack((close[:1], close[:-1]))
    reach = np.abs(rng.normal(0.0, 0.3, (2, steps, len(names)))) * sigma
    high = np.maximum(opened, close) * np.exp(reach[0])
    low = np.minimum(opened, close) * np.exp(-reach[1])
    end = parse_time(TIME) // 3_600_000_000_000 * 3_600_000_000_000
    time = [format_time(end - (steps - k) * 3_600_000_000_000) for k in range(steps)]
    lines = ["time,asset,open,high,low,close,volume"]
    for a, name in enumerate(names):
        volume = _TRADED[name] / close[:, a]
        rows = zip(time, opened[:, a], high[:, a], low[:, a], close[:, a], volume, strict=True)
        lines += [
            f"{t},{name},{o:.6g},{h:.6g},{b:.6g},{c:.6g},{v:.6g}" for t, o, h, b, c, v in rows
        ]
    path = folder / CANDLES
    path.write_text("\n".join(lines) + "\n")
    return path
