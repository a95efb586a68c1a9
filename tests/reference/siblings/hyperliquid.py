"""Hyperliquid: docs "Liquidations", "Margin tiers", "Funding"."""

from __future__ import annotations

import random
from collections.abc import Iterator

from siblings.shape import SIDES, Vector, draw, vector


def hyperliquid_isolated(rng: random.Random, side: str) -> Iterator[Vector]:
    d, s = draw(rng), SIDES[side]
    top = rng.choice((3, 5, 10, 20, 25, 40, 50))
    rate = 1 / (2 * top)
    szi = s * d["q"]
    used = d["q"] * d["p"] * rng.uniform(0.2, 0.9)
    raw = used - szi * d["p"]
    liq = -raw / (szi - d["q"] * rate)
    pnl = szi * (d["p"] - d["ep"])
    common = {
        "side": side,
        "quantity": d["q"],
        "entry_price": d["ep"],
        "leverage": d["lev"],
        "maintenance_margin_rate": rate,
        "maintenance_amount": 0,
    }
    symbol = {"symbol": rng.choice(("ETH", "kPEPE", "flx:CRCL", "XYZ-GOOGL")), "max_leverage": top}
    figures = {"liquidation_price": liq, "margin_used": used, "unrealized_pnl": pnl}
    yield vector(
        "raw-usd",
        "hyperliquid",
        dict(figures),
        mark_price=d["p"],
        extra={**symbol, "raw_usd": raw},
        tolerance={"rel": 2e-8, "abs": 1e-9},
        **common,
    )
    yield vector(
        "margin-at-mark",
        "hyperliquid",
        dict(figures),
        mark_price=d["p"],
        collateral=used,
        extra=symbol,
        tolerance={"rel": 2e-8, "abs": 1e-9},
        **common,
    )
    yield vector(
        "no-mark-rate-from-leverage",
        "hyperliquid",
        {"liquidation_price": (szi * d["ep"] - used) / (szi - d["q"] * rate)},
        collateral=used,
        extra=symbol,
        **{**common, "maintenance_margin_rate": None, "maintenance_amount": None},
    )


def hyperliquid_tiers(rng: random.Random, side: str) -> Iterator[Vector]:
    s = SIDES[side]
    q, ep, p = rng.uniform(1500, 2500), 6e4, rng.uniform(5.8e4, 6.2e4)
    rates, floors = (1 / 80, 1 / 40), (0.0, 100e6)
    deductions = (0.0, 100e6 * (1 / 40 - 1 / 80))
    account = q * p * rng.uniform(0.1, 0.4)
    roots = [
        (-ded - account + s * q * p) / (s * q - q * r)
        for r, ded in zip(rates, deductions, strict=True)
    ]
    in_second = [q * x >= floors[1] for x in roots]
    liq = roots[1] if in_second[1] else roots[0]
    assert in_second[0] == in_second[1]
    mine = int(q * p >= floors[1])
    yield vector(
        "tiers",
        "hyperliquid",
        {
            "liquidation_price": liq,
            "account_maintenance_margin": q * p * rates[mine] - deductions[mine],
        },
        margin_mode="cross",
        side=side,
        quantity=q,
        entry_price=ep,
        mark_price=p,
        extra={
            "symbol": "BTC",
            "account_value": account,
            "tiers": [{"floor": 0, "max_leverage": 40}, {"floor": 100e6, "max_leverage": 20}],
        },
    )


def hyperliquid_cross(rng: random.Random, side: str) -> Iterator[Vector]:
    d, s = draw(rng), SIDES[side]
    others = [{**draw(rng), "s": rng.choice((1, -1))} for _ in range(rng.randint(1, 3))]
    rate = 1 / (2 * 20)
    m_other = sum(o["q"] * o["p"] * 0.01 for o in others)
    value = d["q"] * d["p"]
    account = (value + m_other) * rng.choice((0.3, 0.8, 1.5))
    szi = s * d["q"]
    liq = (m_other - account + szi * d["p"]) / (szi - d["q"] * rate)
    common = {
        "margin_mode": "cross",
        "side": side,
        "quantity": d["q"],
        "entry_price": d["ep"],
        "mark_price": d["p"],
        "maintenance_margin_rate": rate,
        "maintenance_amount": 0,
    }
    figures = {"liquidation_price": liq, "account_maintenance_margin": m_other + value * rate}
    rest = [
        {
            "symbol": f"COIN{k}",
            "side": "long" if o["s"] > 0 else "short",
            "quantity": o["q"],
            "entry_price": o["ep"],
            "mark_price": o["p"],
            "maintenance_margin_rate": 0.01,
        }
        for k, o in enumerate(others)
    ]
    apart = {**rest[0], "symbol": "ONDO", "margin_mode": "isolated", "quantity": 1e6}
    yield vector(
        "others",
        "hyperliquid",
        dict(figures),
        collateral=account,
        other_positions=[*rest, apart],
        extra={"symbol": "TIA", "account_value": account, "max_leverage": 20},
        tolerance={"rel": 1e-7},
        **common,
    )
    yield vector(
        "totals-of-account",
        "hyperliquid",
        dict(figures),
        extra={
            "symbol": "TIA",
            "account_value": account,
            "cross_maintenance_margin_used": m_other + value * rate,
        },
        tolerance={"rel": 1e-7},
        **common,
    )
    free = account - m_other - value * rate
    yield vector(
        "margin-available",
        "hyperliquid",
        {"liquidation_price": d["p"] - s * free / d["q"] / (1 - rate * s)},
        extra={"symbol": "TIA", "max_leverage": 20, "margin_available": free},
        tolerance={"rel": 1e-7},
        **common,
    )


def hyperliquid_rates(rng: random.Random, side: str) -> Iterator[Vector]:
    oracle = 10 ** rng.uniform(0, 5)
    bid = oracle * rng.uniform(0.998, 1.002)
    ask = bid * 1.0001
    premium = (max(bid - oracle, 0) - max(oracle - ask, 0)) / oracle
    funding = (premium + min(max(0.0001 - premium, -0.0005), 0.0005)) / 8
    prices = {"impact_bid": bid, "impact_ask": ask, "oracle": oracle}
    tight = {"tolerance": {"abs": 1e-15}, "margin_mode": "any", "side": "any"}
    yield vector("premium", "hyperliquid", {"premium": premium}, extra=prices, **tight)
    yield vector("funding", "hyperliquid", {"funding_rate": funding}, extra=prices, **tight)
    eight = premium + min(max(0.0001 - premium, -0.0005), 0.0005)
    yield vector(
        "funding", "binance_usdm", {"funding_rate": eight}, extra={"premium": premium}, **tight
    )
    total = 10 ** rng.uniform(3, 8)
    yield vector(
        "vault",
        "hyperliquid",
        {"account_maintenance_margin": total * 0.01},
        margin_mode="cross",
        side="any",
        contract_size=None,
        maintenance_margin_rate=0.01,
        extra={"total_notional": total},
    )
