"""Impact of metaorders in the engine's book and in an order-by-order market: which exponent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from seawall.lab.one_market import ASSET, VENUE, OneMarket, log_mid
from seawall.lab.tails import Estimate, over_runs, power_law
from seawall.sim.behaviours.noise import Noise
from seawall.sim.emergent_impact import LASTING, SIZES, EmergentImpact, measure_impact
from seawall.sim.engine import Simulation
from seawall.sim.setup import Depth
from seawall.sim.shocks.forced_sale import ForcedSale
from seawall.sim.zero_rules import ZeroIntelligenceRules

Floats = NDArray[np.float64]
Say = Callable[[str], None]

_BEGIN = 120.0
_SHARES = (0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.0)
_DRAWS = 400


@dataclass(frozen=True, slots=True)
class Regime:
    """How a metaorder is executed in the engine's book, and how that book answers.

    Parameters
    ----------
    name
        In words.
    depth
        Shape of the book, its refilling, what makers' centre follows and returns to.
    pace
        Share of the calm depth sold a second: the order lasts in proportion to its size; 0 for
        at once.
    """

    name: str
    depth: Depth
    pace: float

    def seconds(self, share: float) -> float:
        """How long an order of a share of the calm depth lasts."""
        return max(share / self.pace, 1.0) if self.pace > 0.0 else 1.0


_FINE = 1e-4


def _depth(shape: float = 1.0, permanent: float = 0.5, anchor: float = 0.01) -> Depth:
    return Depth(width=_FINE, shape=shape, permanent=permanent, anchor=anchor)


REGIMES = (
    Regime("at once, even depth", _depth(), 0.0),
    Regime("at once, depth growing with distance", _depth(shape=2.0), 0.0),
    Regime("steady, makers follow for good", _depth(anchor=0.0), 0.01),
    Regime("steady, makers follow and return (default)", _depth(), 0.01),
    Regime("steady, makers return in 20 s", _depth(anchor=0.05), 0.01),
    Regime("steady, makers do not follow", _depth(permanent=0.0), 0.01),
    Regime("steady, depth growing with distance", _depth(shape=2.0), 0.01),
)
"""All with the engine's refill of 5% a second, uninformed flow and a moving outside price."""


@dataclass(frozen=True, slots=True, eq=False)
class BookImpact:
    """Impact in the engine's aggregated book under one regime.

    Attributes
    ----------
    regime
        How.
    share
        Metaorder over calm depth, shape (s,).
    impact
        Mean fall of the log mid at its end against the same seed without it, shape (s,).
    exponent
        Of the power law through all sizes; interval over seeds.
    small, large
        The same through the smaller and the larger half.
    seeds
        Number of them.
    """

    regime: Regime
    share: Floats
    impact: Floats
    exponent: Estimate
    small: Estimate
    large: Estimate
    seeds: int


@dataclass(frozen=True, slots=True, eq=False)
class OrderImpact:
    """Impact in the order-by-order market of zero-intelligence agents."""

    name: str
    measured: EmergentImpact


def book_impact(regime: Regime, seeds: int, shares: tuple[float, ...] = _SHARES) -> BookImpact:
    """Sell metaorders over two decades of size, each seed with and without."""
    rows = [np.array([_one(regime, s, seed) for s in shares]) for seed in range(seeds)]
    size = np.array(shares)
    middle = len(shares) // 2

    def exponent(some: slice) -> Estimate:
        return over_runs(
            rows,
            lambda found: power_law(size[some], np.mean(found, axis=0)[some].clip(1e-9)),
            _DRAWS,
            seeds,
        )

    return BookImpact(
        regime=regime,
        share=size,
        impact=np.mean(rows, axis=0),
        exponent=exponent(slice(None)),
        small=exponent(slice(middle)),
        large=exponent(slice(middle, None)),
        seeds=seeds,
    )


def order_impact(repeats: int, sizes: tuple[int, ...] = SIZES) -> tuple[OrderImpact, ...]:
    """The order-by-order market as it is, and where its orders live long in a deep book."""
    plain = measure_impact(ZeroIntelligenceRules(), sizes, repeats, pause=10)
    return (
        OrderImpact("as it is, spread over 3 lives of an order", plain),
        OrderImpact("deep, orders outlive the metaorder", measure_impact(LASTING, sizes, repeats)),
    )


def _one(regime: Regime, share: float, seed: int) -> float:
    """Fall of the log mid at the end of a metaorder, against none."""
    lasting = regime.seconds(share)
    market = OneMarket(
        seconds=np.ceil(_BEGIN + lasting) + 1.0,
        volatility=0.03,
        depth=regime.depth,
        behaviours={"noise": Noise.model_validate({"share": 0.1})},
    )
    usd = share * market.calm_depth
    sale = ForcedSale.model_validate(
        {"market": f"{VENUE}:{ASSET}", "usd": usd, "at": _BEGIN, "over": float(np.ceil(lasting))}
    )
    with_it = _mid_after(market, {"metaorder": sale}, _BEGIN + np.ceil(lasting), seed)
    without = _mid_after(market, {}, _BEGIN + np.ceil(lasting), seed)
    return without - with_it


def _mid_after(market: OneMarket, shocks: dict[str, ForcedSale], second: float, seed: int) -> float:
    run = Simulation(replace(market, shocks=shocks).setup(), seed).run()
    row = int(np.searchsorted(run.second, second))
    return float(log_mid(run.series)[min(row, len(run.second) - 1)])
