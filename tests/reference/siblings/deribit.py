"""Deribit: ``S * (MM0 + k * S)`` and ``S * (IM0 + k * S)``, S in coin; linear at the price."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator

from siblings.shape import SIDES, Vector, vector

# symbol, price, IM0, MM0, k: the notice of 2022-01-11 and the page on linear perpetuals
INVERSE = (("BTC-PERPETUAL", 9e4, 0.02, 0.01, 5e-5), ("ETH-PERPETUAL", 3e3, 0.02, 0.01, 4e-6))
LINEAR = (
    ("BTC_USDC-PERPETUAL", 9e4, 0.02, 0.01, 5e-5),
    ("SOL_USDC-PERPETUAL", 150.0, 0.04, 0.02, 5e-6),
)


def deribit_inverse(rng: random.Random, side: str) -> Iterator[Vector]:
    symbol, price, im0, mm0, k = rng.choice(INVERSE)
    s, entry = SIDES[side], price * rng.uniform(0.8, 1.2)
    usd = 10 ** rng.uniform(2, 7.5)
    coins = usd / price
    wallet = coins * rng.uniform(0.1, 0.9)
    # k S^2 + (MM0 + s) S - (wallet + s usd / entry) = 0
    b, free = mm0 + s, wallet + s * usd / entry
    root = (-b + s * math.sqrt(b * b + 4 * k * free)) / (2 * k)
    # given with the row, or the rulebook's own
    stated = {"symbol": symbol, "size_currency": coins}
    rate = None
    if rng.random() < 0.5:
        rate, stated["size_factor"] = mm0, k
    yield vector(
        "inverse",
        "deribit",
        {
            "maintenance_margin": coins * (mm0 + k * coins),
            "initial_margin": coins * (im0 + k * coins),
            "total_pnl": s * usd * (1 / entry - 1 / price),
            "liquidation_price": usd / root,
        },
        contract_type="inverse",
        margin_mode="cross",
        side=side,
        quantity=usd,
        entry_price=entry,
        mark_price=price,
        leverage=1 / im0,
        maintenance_margin_rate=rate,
        wallet_balance=wallet,
        extra=stated,
        tolerance={"rel": 1e-9},
    )


def deribit_linear(rng: random.Random, side: str) -> Iterator[Vector]:
    symbol, price, im0, mm0, k = rng.choice(LINEAR)
    s, entry = SIDES[side], price * rng.uniform(0.8, 1.2)
    size = 10 ** rng.uniform(3, 6.5) / price
    wallet = size * price * rng.uniform(0.1, 0.9)
    rate = mm0 + k * size
    yield vector(
        "linear",
        "deribit",
        {
            "maintenance_margin": size * price * rate,
            "initial_margin": size * price * (im0 + k * size),
            "liquidation_price": (s * size * entry - wallet) / (s * size - size * rate),
        },
        margin_mode="cross",
        side=side,
        quantity=size,
        entry_price=entry,
        mark_price=price,
        wallet_balance=wallet,
        extra={"symbol": symbol},
    )
