"""A venue without a rulebook, and deductions of brackets."""

from __future__ import annotations

import random
from collections.abc import Iterator

from siblings.shape import SIDES, Vector, draw, vector


def gate(rng: random.Random, side: str) -> Iterator[Vector]:
    d, s = draw(rng), SIDES[side]
    e = d["q"] * d["ep"] / d["lev"]
    yield vector(
        "isolated",
        "gate",
        {"liquidation_price": (d["ep"] - s * e / d["q"]) / (1 - s * (d["mmr"] + d["fee"]))},
        side=side,
        quantity=d["q"],
        entry_price=d["ep"],
        maintenance_margin_rate=d["mmr"],
        collateral=e,
        extra={"taker_fee": d["fee"]},
    )


def deductions(rng: random.Random, side: str) -> Iterator[Vector]:
    floors = [0.0]
    rates, amounts = [0.004], [0.0]
    for _ in range(rng.randint(2, 9)):
        floors.append(floors[-1] + 10 ** rng.uniform(3, 6))
        rates.append(rates[-1] + rng.uniform(0.001, 0.02))
        amounts.append(amounts[-1] + floors[-1] * (rates[-1] - rates[-2]))
    tiers = [{"floor": f, "mmr": r} for f, r in zip(floors, rates, strict=True)]
    for venue in ("binance_usdm", "bybit"):
        yield vector(
            "deductions",
            venue,
            {"maintenance_amounts": amounts},
            margin_mode="any",
            side="any",
            contract_size=None,
            extra={"tiers": tiers},
        )
    last = [{**tiers[-2], "cum": amounts[-2]}, tiers[-1]]
    yield vector(
        "one-deduction",
        "binance_coinm",
        {"maintenance_amount": amounts[-1]},
        contract_type="inverse",
        margin_mode="any",
        side="any",
        contract_size=None,
        extra={"tiers": last},
    )
