"""Does leverage fatten the tails of returns, on the same noise?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seawall.core import _columns as c
from seawall.lab.one_market import Crowd, OneMarket, log_mid
from seawall.lab.tails import Estimate, clustering, hill, kurtosis, over_runs
from seawall.sim.behaviours.arbitrageur import Arbitrageur
from seawall.sim.behaviours.dip_buyer import DipBuyer
from seawall.sim.behaviours.noise import Noise
from seawall.sim.engine import Simulation
from seawall.sim.setup import Depth

Floats = NDArray[np.float64]

LEVELS = (0.0, 2.0, 5.0, 10.0, 20.0)
"""Median leverage of the crowd; 0 for none."""
TAIL = 0.025
"""Share of the largest returns that the tail exponent is read from."""
_DAYS = 2
_STEP = 5.0
_BETWEEN = 60
"""Steps between the prices of a return: five minutes."""
_DRAWS = 400


@dataclass(frozen=True, slots=True)
class LeverageRow:
    """Returns of one level of leverage.

    Attributes
    ----------
    leverage
        Median of the crowd; 0 for none.
    kurtosis, tail, clustering
        Of five-minute log returns: fourth moment, Hill's exponent of the largest 2.5%,
        autocorrelation of their size at one lag. Intervals over seeds.
    deviation
        Standard deviation of the returns.
    forced
        Liquidations a run.
    """

    leverage: float
    kurtosis: Estimate
    tail: Estimate
    clustering: Estimate
    deviation: float
    forced: float


@dataclass(frozen=True, slots=True)
class LeverageTails:
    """Levels beside each other, and how much the highest differs from none.

    Attributes
    ----------
    rows
        By level, none first.
    kurtosis_ratio, tail_change, clustering_change
        Of the highest level against none, seed by seed on the same noise: kurtosis over
        kurtosis, the others as differences. Intervals over seeds.
    rising
        Share of the draws of seeds in which kurtosis rises, and in which the tail exponent falls,
        from every level to the next.
    seeds
        Runs a level.
    """

    rows: tuple[LeverageRow, ...]
    kurtosis_ratio: Estimate
    tail_change: Estimate
    clustering_change: Estimate
    rising: tuple[float, float]
    seeds: int


def leverage_tails(
    seeds: int, levels: Sequence[float] = LEVELS, progress: Callable[[str], None] | None = None
) -> LeverageTails:
    """Run every level on every seed: same crowd, sizes and noise, only the margin differs."""
    found: list[list[Floats]] = []
    forced: list[float] = []
    for level in levels:
        if progress:
            progress(f"returns at a leverage of {level:g}")
        runs = [_returns(level, seed) for seed in range(seeds)]
        found.append([r for r, _ in runs])
        forced.append(float(np.mean([n for _, n in runs])))
    rows = [
        LeverageRow(
            leverage=level,
            kurtosis=over_runs(runs, _kurtosis, _DRAWS, seeds),
            tail=over_runs(runs, _tail, _DRAWS, seeds),
            clustering=over_runs(runs, _clustering, _DRAWS, seeds),
            deviation=float(np.concatenate(runs).std()),
            forced=count,
        )
        for level, runs, count in zip(levels, found, forced, strict=True)
    ]
    both = [np.stack((a, b)) for a, b in zip(found[0], found[-1], strict=True)]
    return LeverageTails(
        rows=tuple(rows),
        kurtosis_ratio=_against(both, lambda base, high: _kurtosis(high) / _kurtosis(base)),
        tail_change=_against(both, lambda base, high: _tail(high) - _tail(base)),
        clustering_change=_against(both, lambda base, high: _clustering(high) - _clustering(base)),
        rising=_rising(found),
        seeds=seeds,
    )


def _returns(leverage: float, seed: int) -> tuple[Floats, int]:
    """Five-minute log returns of a run, and its liquidations."""
    market = OneMarket(
        seconds=_DAYS * 86_400.0,
        step=_STEP,
        volatility=0.05,
        spot=True,
        # levels of 2 basis points: of coarser ones returns come in lumps, which spoil a tail
        depth=Depth(width=0.0002),
        crowd=Crowd(traders=4_000, open_interest=3e9, leverage=leverage, seed=seed),
        behaviours={
            "noise": Noise.model_validate({"share": 0.1}),
            "arbitrageur": Arbitrageur.model_validate({}),
            "dip_buyer": DipBuyer.model_validate(
                {"begin": 0.02, "full": 0.1, "capital": 20.0, "pace": 60.0, "exit": 1_800.0}
            ),
        },
    )
    run = Simulation(market.setup(), seed).run()
    prices = log_mid(run.series)[_BETWEEN - 1 :: _BETWEEN]
    return np.diff(prices), len(run.events.of(c.LIQUIDATION))


def _kurtosis(runs: Sequence[Floats]) -> float:
    return kurtosis(np.concatenate(runs))


def _tail(runs: Sequence[Floats]) -> float:
    return hill(np.concatenate(runs), TAIL)


def _clustering(runs: Sequence[Floats]) -> float:
    return float(np.mean([clustering(r) for r in runs]))


def _against(
    both: Sequence[Floats], compared: Callable[[list[Floats], list[Floats]], float]
) -> Estimate:
    """A comparison of the highest level with none, seeds drawn together."""
    return over_runs(
        both, lambda some: compared([x[0] for x in some], [x[1] for x in some]), _DRAWS, len(both)
    )


def _rising(found: Sequence[Sequence[Floats]]) -> tuple[float, float]:
    """Share of draws of seeds in which kurtosis rises, and the tail exponent falls, throughout."""
    seeds = len(found[0])
    rng = np.random.default_rng([seeds, 0x15])
    up, down = 0, 0
    for row in rng.integers(0, seeds, (_DRAWS, seeds)):
        drawn = [[runs[k] for k in row] for runs in found]
        up += bool((np.diff([_kurtosis(runs) for runs in drawn]) > 0).all())
        down += bool((np.diff([_tail(runs) for runs in drawn]) < 0).all())
    return up / _DRAWS, down / _DRAWS
