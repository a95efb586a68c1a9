"""The shape of a vector, and how one is drawn."""

from __future__ import annotations

import math
import random
from typing import Any

Vector = dict[str, Any]
SIDES = {"long": 1, "short": -1}
USUAL = {
    "contract_type": "linear",
    "margin_mode": "isolated",
    "side": "long",
    "quantity": None,
    "contract_size": 1,
    "entry_price": None,
    "mark_price": None,
    "leverage": None,
    "wallet_balance": None,
    "collateral": None,
    "maintenance_margin_rate": None,
    "maintenance_amount": None,
    "other_positions": [],
    "extra": {},
    "tolerance": {"rel": 1e-9, "abs": 1e-12},
    "formula": "",
    "note": "",
    "strength": "synthetic",
}


def vector(name: str, venue: str, expected: dict[str, object], **inputs: object) -> Vector:
    for field, value in expected.items():
        if isinstance(value, float) and (value <= 0 or math.isinf(value)) and "price" in field:
            expected[field] = None
    return {**USUAL, "id": name, "venue": venue, "expected": expected, **inputs}


def draw(rng: random.Random) -> dict[str, float]:
    entry = 10 ** rng.uniform(-3, 5)
    return {
        "q": 10 ** rng.uniform(-3, 4),
        "ep": entry,
        "p": entry * rng.uniform(0.9, 1.1),
        "lev": float(rng.choice((1, 2, 3, 4.2, 5, 10, 16, 25, 50))),
        "mmr": rng.choice((0.004, 0.005, 0.0065, 0.01, 0.02, 0.025, 0.05)),
        "fee": rng.choice((0.0003, 0.0005, 0.00055, 0.0006, 0.001)),
    }
