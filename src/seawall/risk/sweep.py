"""Many cascades on one book: ladders of shocks, bands of uncertainty, reverse stress."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seawall._jit import share_out
from seawall.core import InputError, InternalError, Mistake
from seawall.liquidity import ImpactLaw
from seawall.risk import _kernels
from seawall.risk.cascade import Cascade, StaticCascade, new_events, scratch

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LADDER = (*(-k / 100 for k in range(1, 31)), -0.35, -0.4, -0.5, -0.6, -0.7, -0.8)
"""Default ladder of shocks, relative changes along the direction asked for."""

_LEAST_STEP = 1e-4


@dataclass(frozen=True, slots=True, eq=False)
class Sweep:
    """Sums of many cascades, one row per scenario (S), by asset (A) where it applies.

    Attributes
    ----------
    shock, rest
        Shape (S, A): price factors after the shock and at rest.
    forced, first, stopped
        Shape (S, A): USD liquidated in all rounds, in the first, and stopped out.
    rounds, left
        Shape (S,): rounds; closings (accounts that left, and further steps of partial ones).
    """

    shock: Floats
    rest: Floats
    forced: Floats
    first: Floats
    stopped: Floats
    rounds: Ints
    left: Ints


@dataclass(frozen=True, slots=True)
class Band:
    """A figure with its uncertainty: the 5th and 95th percentile of its draws."""

    low: float
    high: float


def sweep(
    prepared: StaticCascade,
    shocks: Floats,
    law: ImpactLaw | None = None,
    exponents: Floats | None = None,
    remaining: Floats | None = None,
    threads: int | None = None,
) -> Sweep:
    """Run many cascades, sums only; scenarios are spread over the cores.

    Parameters
    ----------
    shocks
        Shape (S, A): price factors, such as those of :meth:`StaticCascade.factors`.
    law
        Impact law; the prepared one by default.
    exponents, remaining
        Shape (S,): the law's exponent and the share of depth that is left, where they differ by
        scenario.
    """
    law = law or prepared.law
    count, assets = shocks.shape
    powers = np.full(count, law.exponent) if exponents is None else exponents
    left = np.full(count, law.remaining) if remaining is None else remaining
    depths = prepared.assumed_depth.values * left[:, None]
    out = Sweep(
        shock=np.ascontiguousarray(shocks, dtype=np.float64),
        rest=np.empty((count, assets)),
        forced=np.empty((count, assets)),
        first=np.empty((count, assets)),
        stopped=np.empty((count, assets)),
        rounds=np.zeros(count, dtype=np.int64),
        left=np.zeros(count, dtype=np.int64),
    )

    def part(begin: int, end: int) -> None:
        _sweep_part(prepared, out, depths, powers, begin, end)

    share_out(count, part, threads)
    return out


def _sweep_part(
    prepared: StaticCascade, out: Sweep, depths: Floats, powers: Floats, begin: int, end: int
) -> None:
    ledger = prepared.ledger
    work, rows = ledger.work(), 256
    while begin < end:
        path = ledger.path(rows)
        done = _kernels.sweep(
            out.shock[begin:end],
            depths[begin:end],
            powers[begin:end],
            ledger.groups,
            ledger.joint,
            ledger.rules,
            work,
            new_events(0),
            path,
            *scratch(ledger),
            out.rest[begin:end],
            out.forced[begin:end],
            out.first[begin:end],
            out.stopped[begin:end],
            out.rounds[begin:end],
            out.left[begin:end],
        )
        begin += int(done)
        rows *= 4
        if begin < end and rows > 1 << 22:
            raise InternalError("a cascade of the sweep did not come to rest")


def ladder(
    prepared: StaticCascade,
    direction: Mapping[str, float],
    steps: tuple[float, ...] = LADDER,
    law: ImpactLaw | None = None,
) -> Sweep:
    """Cascades of growing shocks along a direction.

    ``direction`` gives each asset's change per unit of step: ``{"BTC": 1, "ETH": 1.2}`` with
    step -0.1 is BTC -10% and ETH -12%.

    Raises
    ------
    InputError
        If a step takes a price to 0 or below.
    """
    shocks = np.stack(
        [prepared.factors({a: step * w for a, w in direction.items()}) for step in steps]
    )
    return sweep(prepared, shocks, law)


def banded(
    prepared: StaticCascade,
    shock: Mapping[str, float] | Floats,
    law: ImpactLaw | None = None,
    draws: int = 200,
    seed: int = 0,
) -> Sweep | None:
    """The cascade of one shock under draws of an uncertain law; None if the law is given."""
    law = law or prepared.law
    if not law.uncertain or draws <= 0:
        return None
    factors = prepared.factors(shock) if isinstance(shock, Mapping) else np.asarray(shock)
    exponents, remaining = law.draws(draws, seed)
    return sweep(prepared, np.tile(factors, (draws, 1)), law, exponents, remaining)


def band(values: Floats) -> Band:
    """5-95% of some draws."""
    low, high = np.quantile(values, (0.05, 0.95))
    return Band(float(low), float(high))


@dataclass(frozen=True, slots=True)
class ReverseStress:
    """The smallest shock that reaches a goal; ``step`` is None if none down to -99% does."""

    goal: str
    step: float | None
    reached: Cascade | None


def smallest_shock(
    prepared: StaticCascade,
    direction: Mapping[str, float],
    goal: str,
    reached: Callable[[Cascade], bool],
    sign: float = -1.0,
) -> ReverseStress:
    """Smallest step along a direction for which ``reached`` holds, to a hundredth of a percent.

    The first step of a 1% grid that reaches the goal is found, and halved toward the one before:
    a cascade need not grow with its shock, so a smaller island within the grid can be missed.
    """
    before, hit = 0.0, None
    most = max(abs(w) for w in direction.values())
    if not most > 0:
        raise InputError(Mistake("a direction needs a change", value=str(dict(direction))))
    for k in range(1, 100):
        step = sign * k / 100 / most
        found = prepared.run({a: step * w for a, w in direction.items()})
        if reached(found):
            hit = (step, found)
            break
        before = step
    if hit is None:
        return ReverseStress(goal, None, None)
    while abs(hit[0] - before) > _LEAST_STEP:
        middle = (hit[0] + before) / 2
        found = prepared.run({a: middle * w for a, w in direction.items()})
        if reached(found):
            hit = (middle, found)
        else:
            before = middle
    return ReverseStress(goal, hit[0], hit[1])
