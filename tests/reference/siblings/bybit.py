"""Bybit, at the entry and at the mark price: help "Liquidation Price" and "Maintenance Margin"."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator

from siblings.shape import SIDES, Vector, draw, vector


def bybit_linear(rng: random.Random, side: str) -> Iterator[Vector]:
    d, s = draw(rng), SIDES[side]
    q, ep, lev, mmr, fee = d["q"], d["ep"], d["lev"], d["mmr"], d["fee"]
    ded = q * ep * mmr * rng.choice((0, 0.1))
    im, mm = q * ep / lev, q * ep * mmr - ded
    close = q * ep * (1 - s / lev) * fee
    common = {
        "side": side,
        "quantity": q,
        "entry_price": ep,
        "leverage": lev,
        "maintenance_margin_rate": mmr,
        "maintenance_amount": ded,
        "extra": {"symbol": "ETHUSDT", "taker_fee": fee},
    }
    old = "EP -/+ (IM-MM)/q, MM at entry price"
    liq = ep - s * (im - mm) / q
    yield vector(
        "old",
        "bybit",
        {
            "liquidation_price": liq,
            "bankruptcy_price": ep * (1 - s / lev),
            "position_balance": im + close,
        },
        formula=old,
        **common,
    )
    more = im * rng.uniform(0.1, 0.9)
    added = {**common, "extra": {**common["extra"], rng.choice(("extra_margin", "extra")): more}}
    yield vector(
        "old-added-margin",
        "bybit",
        {"liquidation_price": liq - s * more / q},
        note="old (standard account) formula",
        **added,
    )
    text = "MM=value*MMR+fee_to_close, bankruptcy=EP*(1-side/lev); value at "
    for basis, price in (("entry", ep), ("mark", d["p"])):
        yield vector(
            f"margins-at-{basis}",
            "bybit",
            {
                "maintenance_margin": q * price * mmr - ded + close,
                "initial_margin": q * price / lev + close,
            },
            margin_mode="cross",
            mark_price=d["p"],
            formula=text + basis + ("" if basis == "entry" else " (fee stays at entry price)"),
            **common,
        )
    yield vector(
        "current-added-margin",
        "bybit",
        {
            "liquidation_price": (q * ep * (1 - s / lev) - s * (more / (1 - s * fee) + ded))
            / (q * (1 - s * mmr))
        },
        formula="[q*EP*(1-side/lev)-side*(extra/(1-side*fee)+ded)]/[q*(1-side*MMR)]",
        note="current formula, article updated 2026-05-27",
        **added,
    )
    bust = ep * (1 - s / rng.uniform(1.5, 20))
    tick = 10 ** math.floor(math.log10(ep) - 5)
    steps = (bust + s * mmr * ep) / tick
    rounded = (math.ceil(steps) if s > 0 else math.floor(steps)) * tick
    yield vector(
        "from-bankruptcy",
        "bybit",
        {"liquidation_price": rounded},
        **{
            **common,
            "margin_mode": "cross",
            "maintenance_amount": 0,
            "extra": {"symbol": "ETHUSDT", "bankruptcy_price": bust, "tick": tick},
        },
        formula="liq = bust - MMR*EP",
    )


def bybit_inverse(rng: random.Random, side: str) -> Iterator[Vector]:
    d, s = draw(rng), SIDES[side]
    n, lev, mmr, fee = round(d["q"] * 100) + 1.0, d["lev"] + 0.5, d["mmr"], d["fee"]
    ep = rng.uniform(2e3, 1e5)
    value = n / ep
    im, mm = value / lev, value * mmr
    more = im * rng.uniform(0.1, 0.5)
    common = {
        "contract_type": "inverse",
        "side": side,
        "quantity": n,
        "entry_price": ep,
        "leverage": lev,
        "maintenance_margin_rate": mmr,
    }
    yield vector(
        "old",
        "bybit",
        {
            "liquidation_price": n / (value + s * (im - mm)),
            "bankruptcy_price": ep * lev / (lev + s),
            "position_balance": im + fee * n / (ep * lev / (lev + s)),
        },
        formula="N/[N/EP+side*(IM-MM)]",
        extra={"taker_fee": fee},
        **common,
    )
    yield vector(
        "old-added-margin",
        "bybit",
        {"liquidation_price": n / (value + s * (im + more - mm))},
        formula="N/[N/EP+side*(IM-MM+extra)]",
        extra={"symbol": "BTCUSD", "taker_fee": fee, "added_margin": more},
        **common,
    )
    ded = value * mmr * 0.2
    for name, added in (("current", 0.0), ("current-added-margin", more)):
        if s > 0:
            liq = n * (1 + mmr) / (value + value / lev + added / (1 + fee) + ded)
        else:
            liq = n * (1 - mmr) / (value - value / lev - added / (1 - fee) - ded)
        yield vector(
            name,
            "bybit",
            {"liquidation_price": liq},
            formula="long N*(1+MMR)/[N/EP+N/(EP*lev)+extra/(1+fee)+ded]",
            maintenance_amount=ded,
            extra={"symbol": "BTCUSD", "taker_fee": fee, "extra_margin": added},
            **common,
        )
