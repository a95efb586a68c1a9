"""Hourly candles out of a seed, for tests of allocations."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from seawall.core import format_time, parse_time
from seawall.desk.candle_sheet import NS, Sheet

HOUR = 3600
START = "2025-01-01T00:00:00Z"
COINS = {
    "BTC": (0.004, 90_000.0, 80e6),
    "ETH": (0.006, 3_000.0, 40e6),
    "SOL": (0.008, 180.0, 9e6),
    "LINK": (0.009, 20.0, 2e6),
    "AVAX": (0.010, 40.0, 2e6),
    "OP": (0.012, 2.0, 1e4),
}
"""Hourly volatility, price and USD an hour: three large caps, two mid caps, one too small."""


def made_sheet(
    days: int = 120, seed: int = 1, coins: Mapping[str, tuple[float, float, float]] = COINS
) -> Sheet:
    """A market factor and a part of each coin's own, in hourly candles."""
    rng = np.random.default_rng(seed)
    steps = days * 24
    sigma = np.array([c[0] for c in coins.values()])
    factor, own = rng.standard_t(4, steps), rng.standard_t(4, (steps, len(coins)))
    moved = sigma * (0.8 * factor[:, None] + 0.6 * own) / np.sqrt(2.0)
    close = np.array([c[1] for c in coins.values()]) * np.exp(np.cumsum(moved, axis=0))
    before = np.vstack((np.array([c[1] for c in coins.values()]), close[:-1]))
    reach = np.abs(rng.normal(0.0, 0.3, (2, steps, len(coins)))) * sigma
    low = np.minimum(close, before) * np.exp(-reach[0])
    high = np.maximum(close, before) * np.exp(reach[1])
    time = parse_time(START) + np.arange(steps, dtype=np.int64) * HOUR * NS
    traded = np.tile([c[2] for c in coins.values()], (steps, 1))
    return Sheet(tuple(coins), time, HOUR, low, high, close, traded, "made")


def write_candles(sheet: Sheet, path: Path) -> Path:
    """The candles as a CSV file."""
    lines = ["time,asset,open,high,low,close,volume"]
    for k, asset in enumerate(sheet.assets):
        opened = sheet.close[0, k]
        for t in range(len(sheet.time)):
            low, high, close = sheet.low[t, k], sheet.high[t, k], sheet.close[t, k]
            volume = sheet.traded_usd[t, k] / close
            when = format_time(int(sheet.time[t]))
            lines.append(f"{when},{asset},{opened},{high},{low},{close},{volume}")
            opened = close
    path.write_text("\n".join(lines) + "\n")
    return path
