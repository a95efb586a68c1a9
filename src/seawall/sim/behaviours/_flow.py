"""Kernels that behaviours share: units of a market, what is held, pace, random flow."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seawall._jit import inner_kernel
from seawall.core import _columns as c
from seawall.sim._noise import normal, uniform

Floats = NDArray[np.float64]


@inner_kernel
def approach(dt: float, seconds: float) -> Any:
    """Share of a gap closed in ``dt`` by an exponential approach of time constant ``seconds``."""
    return 1.0 - math.exp(-dt / seconds) if seconds > 0.0 else 1.0


@inner_kernel
def tradable(markets: Floats, m: int) -> Any:
    """Whether orders are accepted and there is a price to reckon with."""
    return markets[m, c.SESSION] == c.OPEN and markets[m, c.MID] > 0.0


@inner_kernel
def usd_of(markets: Floats, m: int, quantity: float) -> Any:
    """USD worth at the mid of a quantity of the market's contract."""
    return quantity if markets[m, c.INVERSE] > 0.0 else quantity * markets[m, c.MID]


@inner_kernel
def units_of(markets: Floats, m: int, usd: float) -> Any:
    """Quantity of the market's contract that is worth ``usd`` at the mid."""
    return usd if markets[m, c.INVERSE] > 0.0 else usd / markets[m, c.MID]


@inner_kernel
def holding(markets: Floats, own: Floats, m: int) -> Any:
    """Quantity that the behaviour holds in a market, > 0 long."""
    return own[own.size - 2 * markets.shape[0] + m]


@inner_kernel
def unfilled(markets: Floats, own: Floats, m: int) -> Any:
    """Quantity that rested in the last step and was not traded with, > 0 bids."""
    return own[own.size - 3 * markets.shape[0] + m]


@inner_kernel
def profit(markets: Floats, m: int, quantity: float, cash: float) -> Any:
    """USD profit at the mid of a holding built from nothing, given the cash of its trades.

    An inverse contract's cash is in the coin, and its holding is worth ``-quantity / mid`` coins.
    """
    if markets[m, c.INVERSE] > 0.0:
        return cash * markets[m, c.MID] - quantity
    return cash + quantity * markets[m, c.MID]


@inner_kernel
def ramp(value: float, begin: float, full: float) -> Any:
    """0 up to ``begin``, 1 from ``full`` on, straight between."""
    if full <= begin:
        return 1.0 if value > begin else 0.0
    return min(1.0, max(0.0, (value - begin) / (full - begin)))


@inner_kernel
def bounded(markets: Floats, m: int, usd: float, dt: float, most: float) -> Any:
    """``usd``, cut to a share ``most`` a second of what rests within 1% on the side it takes."""
    standing = markets[m, c.STANDING_ASK] if usd > 0.0 else markets[m, c.STANDING_BID]
    room = standing * (1.0 - math.exp(-most * dt))
    return min(room, max(-room, usd))


@inner_kernel
def toward(
    markets: Floats, own: Floats, m: int, target: float, dt: float, seconds: float, most: float
) -> Any:
    """Order that moves the holding toward ``target`` USD with time constant ``seconds``.

    Cut to what :func:`bounded` allows.
    """
    gap = target - usd_of(markets, m, holding(markets, own, m))
    return units_of(markets, m, bounded(markets, m, gap * approach(dt, seconds), dt, most))


@inner_kernel
def poisson(key: np.uint64, step: np.uint64, place: int, mean: float) -> Any:
    """A count of mean ``mean``; takes the uniform places ``place`` (even) and the next.

    Above 40 the normal distribution of that mean and variance, rounded.
    """
    if mean > 40.0:
        drawn = mean + math.sqrt(mean) * normal(key, step, place // 2)
        return max(0, math.floor(drawn + 0.5))
    chance = uniform(key, step, place)
    term = math.exp(-mean)
    total, count = term, 0
    while chance > total and count < 200:
        count += 1
        term *= mean / count
        total += term
    return count


@inner_kernel
def exponentials(key: np.uint64, step: np.uint64, place: int, count: int) -> Any:
    """Sum of ``count`` exponentials of mean 1; takes eight uniform places from ``place`` (even).

    Above eight by the cube-root approximation of the gamma distribution.

    Source: Wilson and Hilferty (1931), PNAS 17, 684-688.
    """
    if count <= 8:
        product = 1.0
        for k in range(count):
            product *= uniform(key, step, place + k)
        return -math.log(product)
    root = 1.0 - 1.0 / (9.0 * count) + normal(key, step, place // 2) / (3.0 * math.sqrt(count))
    return count * max(0.0, root) ** 3
