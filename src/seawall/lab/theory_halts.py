"""Price limit against circuit breaker, at equal parameters, against a seller by mistake."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seawall.lab._seller import ErroneousSeller
from seawall.lab.compare import mean_interval
from seawall.lab.one_market import OneMarket, log_mid
from seawall.lab.tails import Estimate
from seawall.rulebook.levers import Lever
from seawall.rulebook.levers.circuit_breaker import CircuitBreaker
from seawall.rulebook.levers.price_bands import PriceBands
from seawall.sim.behaviours.noise import Noise
from seawall.sim.engine import Simulation
from seawall.sim.setup import Depth

Floats = NDArray[np.float64]

RANGE = 0.01
"""Distance from the mean at which a price limit lies and a breaker halts."""
TIME = 180.0
"""Seconds that mean looks back, and that a halt lasts."""
LIFETIMES = (1.0, 10.0, 60.0, 180.0, 600.0, 3_600.0)
"""Mean life of an order that waits, s."""
TIMES = (30.0, 60.0, 180.0, 600.0)
_LIFETIME = 60.0
_BEGIN, _SELLING, _LENGTH = 600.0, 300.0, 3_600.0
_PACE = 5e6


@dataclass(frozen=True, slots=True)
class HaltRow:
    """One pair of parameters; falls are log prices below those of the same seed without the sale.

    Attributes
    ----------
    time, lifetime
        Seconds of the limit and the halt; mean life of orders that wait.
    free, limit, breaker
        Greatest fall without either, with the limit, with the breaker. Intervals over seeds.
    deeper
        Limit less breaker, seed by seed.
    longer
        The same for the mean fall from the sale to the end of the hour.
    """

    time: float
    lifetime: float
    free: Estimate
    limit: Estimate
    breaker: Estimate
    deeper: Estimate
    longer: Estimate


@dataclass(frozen=True, slots=True)
class Halts:
    """Lifetimes at one time, times at one lifetime, and what the first of these shows.

    Attributes
    ----------
    by_lifetime, by_time
        Rows.
    growth
        How much deeper the limit's fall is than the breaker's at the longest lifetime, less
        the same at the shortest, seed by seed.
    seeds
        Runs of each.
    """

    by_lifetime: tuple[HaltRow, ...]
    by_time: tuple[HaltRow, ...]
    growth: Estimate
    seeds: int


def halts(
    seeds: int,
    lifetimes: Sequence[float] = LIFETIMES,
    times: Sequence[float] = TIMES,
    progress: Callable[[str], None] | None = None,
) -> Halts:
    """Run every pair of parameters on the same seeds."""
    quiet = [_mid({}, 0.0, _LIFETIME, seed) for seed in range(seeds)]
    free = [_mid({}, _PACE, _LIFETIME, seed) for seed in range(seeds)]

    def row(time: float, lifetime: float) -> tuple[HaltRow, Floats]:
        if progress:
            progress(f"limit and breaker of {time:g} s, orders of {lifetime:g} s")
        return _row(time, lifetime, quiet, free)

    by_lifetime = [row(TIME, life) for life in lifetimes]
    growth = by_lifetime[-1][1] - by_lifetime[0][1]
    return Halts(
        by_lifetime=tuple(r for r, _ in by_lifetime),
        by_time=tuple(row(time, _LIFETIME)[0] for time in times),
        growth=Estimate(*mean_interval(growth)),
        seeds=seeds,
    )


def limit_and_breaker(time: float) -> tuple[PriceBands, CircuitBreaker]:
    """Both at equal parameters: distance, time looked back, and for the breaker its pause."""
    both = {"down": RANGE, "up": RANGE, "window": time}
    return (
        PriceBands.model_validate({"around": "mean", **both}),
        CircuitBreaker.model_validate({"watch": "mid", "reference": "mean", "pause": time, **both}),
    )


def _row(
    time: float, lifetime: float, quiet: Sequence[Floats], free: Sequence[Floats]
) -> tuple[HaltRow, Floats]:
    """A row, and by seed how much deeper the limit's fall is."""
    seeds = range(len(quiet))
    kinds = [
        [_mid({"it": lever}, _PACE, lifetime, seed) for seed in seeds]
        for lever in limit_and_breaker(time)
    ]
    deep, long = [], []
    for mids in (free, *kinds):
        below = np.array(quiet) - np.array(mids)
        deep.append(below.max(axis=1))
        long.append(below.mean(axis=1))
    deeper = deep[1] - deep[2]
    shown = [Estimate(*mean_interval(x)) for x in (*deep, deeper, long[1] - long[2])]
    return HaltRow(time, lifetime, *shown), deeper


def _mid(levers: Mapping[str, Lever], pace: float, lifetime: float, seed: int) -> Floats:
    """Log mids from the sale to the end of the hour."""
    seller = ErroneousSeller(
        usd_per_second=pace, begin=_BEGIN, end=_BEGIN + _SELLING, lifetime=lifetime
    )
    market = OneMarket(
        seconds=_LENGTH,
        volatility=0.02,
        depth=Depth(anchor=0.002),
        behaviours={"noise": Noise.model_validate({"share": 0.1}), "seller": seller},
        levers=levers,
    )
    run = Simulation(market.setup(), seed).run()
    return log_mid(run.series)[run.second >= _BEGIN]
