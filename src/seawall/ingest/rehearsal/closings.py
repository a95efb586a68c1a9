"""Closings that a rehearsed venue tells: known beforehand, so that a store can be checked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

ASSETS = ("BTC", "ETH", "SOL")
"""What rehearsed venues list."""

_PRICE = np.array([90_000.0, 3_000.0, 140.0])
_LOT = np.array([0.01, 0.1, 1.0])
"""Sizes are multiples of these, which are whole contracts on every venue."""
_MIX = (0.5, 0.3, 0.2)
_LEAST_USD, _MOST_USD = 800.0, 2e7
_TAIL = 1.15
"""Exponent of the sizes' Pareto tail."""
_LONG = 0.7
_IN_BURSTS = 0.5
_BURST_SECONDS = 1.5


@dataclass(frozen=True, slots=True)
class Closing:
    """One closing as it truly was.

    Attributes
    ----------
    number
        Counts the closings of a venue.
    side
        Of the position, +1 long or -1 short.
    price, quantity
        USD and base units, both > 0.
    time_ms
        UTC milliseconds.
    """

    number: int
    asset: str
    side: int
    price: float
    quantity: float
    time_ms: int


def closings(count: int, start_ms: int = 1_790_000_000_000) -> list[Closing]:
    """Closings 3 ms apart whose figures go round: no draw, for checks by hand."""
    return [
        Closing(
            k,
            ASSETS[k % 3],
            1 if k % 5 < 3 else -1,
            1000.0 + k % 977,
            float(1 + k % 7),
            start_ms + 3 * k,
        )
        for k in range(count)
    ]


def drawn(
    count: int, seconds: float, start_ms: int, rng: np.random.Generator, slot_ms: int = 0
) -> list[Closing]:
    """Synthetic closings in order of time: heavy-tailed sizes, half of them in bursts.

    Parameters
    ----------
    count, seconds
        How many, over how long.
    slot_ms
        Of a feed that shows one closing of an asset in each slot: the first of each is kept.
    """
    calm = rng.random(count) * seconds
    centres = rng.random(1 + count // 60) * seconds
    late = rng.choice(centres, count) + rng.exponential(_BURST_SECONDS, count)
    when = np.sort(np.where(rng.random(count) < _IN_BURSTS, late % seconds, calm))
    asset = rng.choice(len(ASSETS), count, p=_MIX)
    price = _PRICE[asset] * np.exp(np.cumsum(rng.normal(0.0, 2e-4, count)))
    usd = np.minimum(_LEAST_USD * (1.0 + rng.pareto(_TAIL, count)), _MOST_USD)
    lots = np.maximum(np.round(usd / price / _LOT[asset]), 1.0)
    long = rng.random(count) < _LONG
    found: list[Closing] = []
    told: set[object] = set()
    for k in range(count):
        name, time_ms = ASSETS[asset[k]], start_ms + int(when[k] * 1000)
        quantity = round(float(lots[k] * _LOT[asset[k]]), 2)
        side = 1 if long[k] else -1
        made = Closing(len(found), name, side, round(float(price[k]), 2), quantity, time_ms)
        # two that are alike in all could not be told from one told twice
        key = (name, time_ms // slot_ms) if slot_ms else (name, side, made.price, quantity, time_ms)
        if key not in told:
            told.add(key)
            found.append(made)
    return found
