"""A scenario that runs in a tenth of a second, as text that a test may spoil."""

from __future__ import annotations

from pathlib import Path

SMALL = """\
title = "Two venues"
question = "Does a fall on one reach the other?"
reading = "It does."
sources = ["made for a test"]

[clock]
start = "2025-11-20T23:59:00Z"
length = "5m"
step = "1s"

[prices]
BTC = 86600
ETH = 2833

[venues.binance_usdm]
depth = { BTC = 14e6, ETH = 6e6 }
volume = { BTC = 18e9, ETH = 14e9 }
open_interest = { BTC = 0.3e9, ETH = 0.2e9 }

[venues.bybit]
depth = { BTC = 10e6, ETH = 4e6 }
volume = { BTC = 9e9, ETH = 6e9 }
open_interest = { BTC = 0.2e9, ETH = 0.1e9 }

[venues.spot]
depth = { BTC = 40e6, ETH = 18e6 }
volume = { BTC = 20e9, ETH = 10e9 }

[outside]
volatility = { BTC = 0.02, ETH = 0.04 }

[population]
kind = "drawn"
accounts = 400
leverage = [{ low = 2, high = 8, share = 0.6 }, { low = 8, high = 40, share = 0.4 }]
cross = 0.3
stop = { share = 0.2 }

[depth]
refill = 0.2

[behaviours.noise]
share = 0.1

[behaviours.arbitrageur]

[[shocks]]
kind = "price_jump"
change = -0.08
at = 60
over = 30
"""


def written(folder: Path, text: str = SMALL, name: str = "small.toml") -> Path:
    """The scenario in a file."""
    path = folder / name
    path.write_text(text)
    return path
