"""dYdX v4: the maintenance fraction of a tier, and what a closing costs, by its formulas."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator

from siblings.shape import SIDES, Vector, draw, vector

TIERS = (("BTC-USD", 0.03), ("SOL-USD", 0.05), ("LDO-USD", 0.1), ("NOSUCH-USD", 0.2))


def dydx_margins(rng: random.Random, side: str) -> Iterator[Vector]:
    d, s = draw(rng), SIDES[side]
    symbol, mmf = rng.choice(TIERS)
    q, p = round(d["q"], 4), round(d["p"], 3)
    e = q * p * rng.uniform(0.25, 0.9)
    yield vector(
        "subaccount",
        "dydx_v4",
        {
            "maintenance_margin": math.ceil(round(q * p * mmf * 1e6, 4)) / 1e6,
            "liquidation_price": (s * q * p - e) / (s * q - q * mmf),
        },
        margin_mode="cross",
        side=side,
        quantity=q,
        mark_price=p,
        extra={"symbol": symbol, "account_value": e},
    )


def _closed(rng: random.Random, side: str) -> dict[str, float]:
    """A sub-account that is liquidated, with a share of its one position closed."""
    s, mmf = SIDES[side], rng.choice((0.03, 0.05, 0.1))
    q, p = float(rng.randint(1, 400)), float(rng.randint(100, 90_000))
    part = rng.choice((0.25, 0.5, 1.0))
    mmr = q * p * mmf
    tnc = round(mmr * rng.uniform(-0.5, 1.0), 2)
    bust = s * q * part * p - tnc * part
    return {
        "s": s,
        "q": q,
        "p": p,
        "mmf": mmf,
        "cash": tnc - s * q * p,
        "delta": -s * q * part,
        "bust": bust,
        "tnc": tnc,
        "mmr": mmr,
    }


def _inputs(c: dict[str, float], side: str, **extra: float) -> dict[str, object]:
    return {
        "margin_mode": "cross",
        "side": side,
        "quantity": c["q"],
        "mark_price": c["p"],
        "maintenance_margin_rate": c["mmf"],
        "collateral": c["cash"],
        "extra": {"symbol": "BTC-USD", "usdc_balance": c["cash"], **extra},
        # rounded up to a millionth of a dollar
        "tolerance": {"abs": 1.01e-6, "rel": 1e-11},
    }


def dydx_closing(rng: random.Random, side: str) -> Iterator[Vector]:
    c = _closed(rng, side)
    yield vector(
        "quote",
        "dydx_v4",
        {"bankruptcy_quote": c["bust"]},
        **_inputs(c, side, delta_quantity=c["delta"]),
    )
    ba, spread = rng.choice((1.0, 2.0)), rng.choice((0.1, 1.5))
    abr = min(max(ba * (1 - c["tnc"] / c["mmr"]), 0.0), 1.0)
    worth = c["s"] * c["q"] * c["p"]
    yield vector(
        "fillable",
        "dydx_v4",
        {"fillable_price": (worth - abr * spread * c["mmr"]) / (c["s"] * c["q"])},
        **_inputs(c, side, bankruptcy_adjustment=ba, spread_to_mmr=spread),
    )


def dydx_fund(rng: random.Random, side: str) -> Iterator[Vector]:
    c = _closed(rng, side)
    at_bust = c["bust"] / -c["delta"]
    price = at_bust * (1 + c["s"] * rng.choice((-0.01, 0.001, 0.05)))
    fee = rng.choice((0.005, 0.015))
    gain = -c["delta"] * price - c["bust"]
    yield vector(
        "fund",
        "dydx_v4",
        {"insurance_fund_delta": min(gain, fee * abs(c["delta"]) * price)},
        **_inputs(
            c,
            side,
            delta_quantity=c["delta"],
            fill_price=price,
            max_liquidation_fee=fee,
        ),
    )
