"""A second file of vectors, of the same kinds, from the venues' printed formulas in plain Python.

Each family writes its venue's own closed form; nothing is shared with the engine. A bracket that
the price itself selects is found by trying each.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

from siblings.binance import (
    binance_cross,
    binance_isolated,
    binance_margins,
    coin_margined,
)
from siblings.bybit import bybit_inverse, bybit_linear
from siblings.deribit import deribit_inverse, deribit_linear
from siblings.dydx import dydx_closing, dydx_fund, dydx_margins
from siblings.hyperliquid import (
    hyperliquid_cross,
    hyperliquid_isolated,
    hyperliquid_rates,
    hyperliquid_tiers,
)
from siblings.okx import okx
from siblings.others import deductions, gate
from siblings.shape import SIDES, Vector, vector

__all__ = ["FAMILIES", "family", "vector"]

FAMILIES: dict[str, Callable[[random.Random, str], Iterator[Vector]]] = {
    f.__name__: f
    for f in (
        binance_isolated,
        binance_cross,
        binance_margins,
        coin_margined,
        bybit_linear,
        bybit_inverse,
        okx,
        hyperliquid_isolated,
        hyperliquid_tiers,
        hyperliquid_cross,
        hyperliquid_rates,
        deribit_inverse,
        deribit_linear,
        dydx_margins,
        dydx_closing,
        dydx_fund,
        gate,
        deductions,
    )
}


def family(name: str, times: int = 6) -> list[Vector]:
    """Vectors of one family, both sides, several draws."""
    found = []
    for k in range(times):
        for side in SIDES:
            rng = random.Random(f"{name} {k} {side}")
            for one in FAMILIES[name](rng, side):
                found.append({**one, "id": f"{name}-{one['id']}-{side}-{k}"})
    return found
