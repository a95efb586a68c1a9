"""Where a Deribit account falls whose legs of one contract share the price, in ``Decimal``."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

D = Decimal


def deribit_prices(same: list[Any], wb: Decimal) -> list[Decimal]:
    """Inverse, S = q / price: ``k S^2 + (MM0 + s) S = WB + s q / EP``; linear: S is the size."""
    rate = D(same[0].contract.table.rates[0])
    q, net = sum((p.q for p in same), D(0)), sum((p.s * p.q for p in same), D(0))
    squares = sum((p.growth * p.q * p.q for p in same), D(0))
    if not same[0].inverse:
        cost = sum((p.s * p.q * p.ep for p in same), D(0))
        below = net - rate * q - squares
        return [(cost - wb) / below] if below != 0 else []
    free = wb + sum((p.s * p.q / p.ep for p in same), D(0))
    slope = rate * q + net
    root = slope * slope + 4 * squares * free
    if root < 0:
        return []
    drivers = [(-slope + way * root.sqrt()) / (2 * squares) for way in (1, -1)]
    return [1 / u for u in drivers if u > 0]
