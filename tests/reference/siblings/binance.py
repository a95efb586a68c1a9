"""Binance: FAQ b3c689c1f50a44cabb3a84e663b81d93; COIN-M: ceccfcfb4e3a45e3b48b0b1bb1a8ae46."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator

from siblings.shape import SIDES, Vector, draw, vector


def down8(x: float) -> float:
    return math.floor(x * 1e8 + 1e-6) / 1e8


def binance_isolated(rng: random.Random, side: str) -> Iterator[Vector]:
    d, s = draw(rng), SIDES[side]
    wallet = d["q"] * d["ep"] / d["lev"] * rng.uniform(0.7, 2)
    cum = wallet * rng.uniform(0, 0.2)
    liq = (wallet + cum - s * d["q"] * d["ep"]) / (d["q"] * d["mmr"] - s * d["q"])
    pnl = s * d["q"] * (d["p"] - d["ep"])
    common = {
        "side": side,
        "quantity": d["q"],
        "entry_price": d["ep"],
        "maintenance_margin_rate": d["mmr"],
        "maintenance_amount": cum,
    }
    prices = {"liquidation_price": liq, "bankruptcy_price": d["ep"] - s * wallet / d["q"]}
    yield vector("no-mark", "binance_usdm", dict(prices), wallet_balance=wallet, **common)
    # exports print the margin with its profit
    yield vector(
        "margin-with-profit",
        "binance_usdm",
        {**prices, "unrealized_pnl": pnl},
        collateral=wallet + pnl,
        mark_price=d["p"],
        **common,
    )


def binance_cross(rng: random.Random, side: str) -> Iterator[Vector]:
    d, s = draw(rng), SIDES[side]
    # both legs of the symbol share one price: the three-leg formula, without the BOTH leg
    q = {side: d["q"], "short" if s > 0 else "long": d["q"] * rng.uniform(0.1, 0.6)}
    ep = {leg: d["ep"] * rng.uniform(0.95, 1.05) for leg in q}
    cum = {leg: q[leg] * rng.uniform(0, 0.01) * d["ep"] * d["mmr"] for leg in q}
    other = {**draw(rng), "s": rng.choice((1, -1))}
    tmm = other["q"] * other["p"] * other["mmr"] * 0.9
    upnl = other["s"] * other["q"] * (other["p"] - other["ep"])
    wallet = (d["q"] * d["ep"] + other["q"] * other["ep"]) * rng.uniform(0.3, 0.6)
    top = wallet - tmm + upnl + sum(cum.values())
    top -= q["long"] * ep["long"] - q["short"] * ep["short"]
    liq = top / (sum(q.values()) * d["mmr"] - q["long"] + q["short"])

    def leg(way: str) -> dict[str, object]:
        return {
            "side": way,
            "quantity": q[way],
            "entry_price": ep[way],
            "maintenance_margin_rate": d["mmr"],
            "maintenance_amount": cum[way],
            "mark_price": d["p"],
        }

    hedge = {"symbol": "ETHUSDT", **leg("short" if s > 0 else "long")}
    stranger = {
        "symbol": "SOLUSDT",
        "side": "long" if other["s"] > 0 else "short",
        "quantity": other["q"],
        "entry_price": other["ep"],
        "mark_price": other["p"],
        "maintenance_margin_rate": other["mmr"],
        "maintenance_amount": tmm / 9,
    }
    yield vector(
        "hedge-and-stranger",
        "binance_usdm",
        {"liquidation_price": liq},
        margin_mode="cross",
        wallet_balance=wallet,
        other_positions=[hedge, stranger],
        extra={"symbol": "ETHUSDT"},
        tolerance={"rel": 1e-8},
        **leg(side),
    )
    yield vector(
        "totals-of-others",
        "binance_usdm",
        {
            "liquidation_price": (wallet - tmm + upnl + cum[side] - s * q[side] * ep[side])
            / (q[side] * d["mmr"] - s * q[side])
        },
        margin_mode="cross",
        wallet_balance=wallet,
        extra={"symbol": "ETHUSDT", "tmm": tmm, "upnl": upnl},
        tolerance={"rel": 1e-8},
        **leg(side),
    )


def binance_margins(rng: random.Random, side: str) -> Iterator[Vector]:
    d, value = draw(rng), 10 ** rng.uniform(0, 6)
    rate = round(1 / d["lev"], 8)
    yield vector(
        "value-only",
        "binance_usdm",
        {
            "maintenance_margin": down8(value * d["mmr"]),
            "initial_margin": down8(value * rate),
        },
        margin_mode="cross",
        side=side,
        leverage=str(d["lev"]),
        maintenance_margin_rate=d["mmr"],
        maintenance_amount=0,
        contract_size=None,
        extra={"symbol": "1000PEPEUSDT", "notional": value},
        tolerance={"abs": 1.5e-8},
    )


def coin_margined(rng: random.Random, side: str) -> Iterator[Vector]:
    d, s = draw(rng), SIDES[side]
    face, d["ep"] = 100.0 * rng.randint(1, 900), rng.uniform(2e4, 1.2e5)
    mark = d["ep"] * rng.uniform(0.95, 1.05)
    wallet, cum = face / d["ep"] / d["lev"], face / d["ep"] * 0.002
    pnl = s * face * (1 / d["ep"] - 1 / mark)
    common = {
        "contract_type": "inverse",
        "side": side,
        "quantity": face / 100,
        "contract_size": 100,
        "entry_price": d["ep"],
        "mark_price": mark,
        "maintenance_margin_rate": d["mmr"],
        "maintenance_amount": cum,
        "wallet_balance": wallet,
    }
    liq = face * (d["mmr"] + s) / (wallet + cum + s * face / d["ep"])
    yield vector(
        "alone",
        "binance_coinm",
        {"liquidation_price": liq, "unrealized_pnl": pnl},
        extra={"symbol": "BTCUSD_PERP"},
        **common,
    )
    other, oq = rng.choice((1, -1)), 100.0 * rng.randint(1, 99)
    oep = mark * rng.uniform(0.9, 1.1)
    tmm, upnl = oq / mark * 0.02, other * oq * (1 / oep - 1 / mark)
    liq = face * (d["mmr"] + s) / (wallet - tmm + upnl + cum + s * face / d["ep"])
    quarterly = {
        "symbol": "BTCUSD_260925",
        "side": "long" if other > 0 else "short",
        "quantity": oq / 100,
        "contract_size": 100,
        "entry_price": oep,
        "mark_price": mark,
        "maintenance_margin_rate": 0.02,
    }
    yield vector(
        "with-a-quarterly",
        "binance_coinm",
        {"liquidation_price": liq},
        margin_mode="cross",
        other_positions=[quarterly],
        extra={"symbol": "BTCUSD_PERP"},
        tolerance={"rel": 1e-8},
        **common,
    )
