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
Mask = NDArray[np.bool_]

LADDER = (*(-k / 100 for k in range(1, 31)), -0.35, -0.4, -0.5, -0.6, -0.7, -0.8)
"""Default ladder of shocks, relative changes along the direction asked for."""

_LEAST_STEP = 1e-4
_SOARING = 10.0


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
    turn, accounts
        Shapes (S, m) and (m,), if outcomes were asked for: round in which each account was first
        liquidated, 0 if it was not, and the account behind each column. Use :meth:`turns`.
    """

    shock: Floats
    rest: Floats
    forced: Floats
    first: Floats
    stopped: Floats
    rounds: Ints
    left: Ints
    turn: NDArray[np.int16] | None = None
    accounts: Ints | None = None

    def row(self, scenario: int) -> Sweep:
        """One of the scenarios by itself."""
        one = slice(scenario, scenario + 1)
        return Sweep(
            shock=self.shock[one],
            rest=self.rest[one],
            forced=self.forced[one],
            first=self.first[one],
            stopped=self.stopped[one],
            rounds=self.rounds[one],
            left=self.left[one],
            turn=None if self.turn is None else self.turn[one],
            accounts=self.accounts,
        )

    def turns(self, scenario: int) -> NDArray[np.int16]:
        """Shape (m,): round in which each account was first liquidated, 0 if it was not.

        Rounds beyond 32,767 count as that one.

        Raises
        ------
        InputError
            If the sweep was run without outcomes.
        """
        if self.turn is None or self.accounts is None:
            raise InputError(Mistake("no outcomes by account", allowed="sweep(..., outcomes=True)"))
        out = np.zeros(len(self.accounts), dtype=np.int16)
        out[self.accounts] = self.turn[scenario]
        return out


@dataclass(frozen=True, slots=True)
class Band:
    """A figure with its uncertainty: the 5th and 95th percentile of its draws.

    ``high`` is infinite where more than one draw in twenty has no figure to give.
    """

    low: float
    high: float


def sweep(
    prepared: StaticCascade,
    shocks: Floats,
    law: ImpactLaw | None = None,
    exponents: Floats | None = None,
    remaining: Floats | None = None,
    threads: int | None = None,
    outcomes: bool = False,
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
    outcomes
        Also keep the round in which each account was liquidated: 2 bytes an account and scenario.
    """
    law = law or prepared.law
    count, assets = shocks.shape
    powers = np.full(count, law.exponent) if exponents is None else exponents
    left = np.full(count, law.remaining) if remaining is None else remaining
    depths = prepared.assumed_depth.values * left[:, None]
    accounts = prepared.ledger.accounts
    out = Sweep(
        shock=np.ascontiguousarray(shocks, dtype=np.float64),
        rest=np.empty((count, assets)),
        forced=np.empty((count, assets)),
        first=np.empty((count, assets)),
        stopped=np.empty((count, assets)),
        rounds=np.zeros(count, dtype=np.int64),
        left=np.zeros(count, dtype=np.int64),
        turn=np.empty((count, len(accounts)), dtype=np.int16) if outcomes else None,
        accounts=accounts if outcomes else None,
    )

    def part(begin: int, end: int) -> None:
        _sweep_part(prepared, out, depths, powers, begin, end)

    share_out(count, part, threads)
    return out


def _sweep_part(
    prepared: StaticCascade, out: Sweep, depths: Floats, powers: Floats, begin: int, end: int
) -> None:
    ledger = prepared.ledger
    work, rows = ledger.borrow(), 256
    turns = np.empty((0, 0), dtype=np.int16) if out.turn is None else out.turn
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
            turns[begin:end],
        )
        begin += int(done)
        rows *= 4
        if begin < end and rows > 1 << 22:
            raise InternalError("a cascade of the sweep did not come to rest")
    ledger.give_back(work)


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


def band(values: Floats, loose: Mask | None = None) -> Band:
    """5-95% of some draws.

    Parameters
    ----------
    loose
        Shape of ``values``: draws that have no figure, only that it is large; see :func:`soaring`.
    """
    if loose is None or not loose.any():
        low, high = np.quantile(values, (0.05, 0.95))
    else:
        # nothing lies between a number and infinity
        ends = np.where(loose, np.inf, values)
        low, high = np.quantile(ends, (0.05, 0.95), method="inverted_cdf")
    return Band(float(low), float(high))


def soaring(sweep: Sweep) -> Mask:
    """Shape (S, A): prices that forced buying lifts more than tenfold.

    Shorts that are bought back lift what other shorts owe: where depth does not take that, the law
    has no price at which they come to rest, and what is forced, counted at such prices, exceeds
    the book. No market has been seen to do that: sellers come, or trading halts. A price that
    falls is bounded by 0, and so is what it forces.
    """
    return np.asarray(sweep.rest > _SOARING * sweep.shock)


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
    fund: float | Mapping[str, float] | None = None,
    grid: int = 100,
) -> ReverseStress:
    """Smallest step along a direction for which ``reached`` holds.

    The step is found to a hundredth of a percent of the price that moves most; it is 0 where the
    goal is met without a shock. The first step of a grid that reaches the goal is found, and
    halved toward the one before: a cascade need not grow with its shock, so a smaller island
    within the grid can be missed.

    Parameters
    ----------
    reached
        Whether a cascade reaches the goal.
    sign
        -1 for falling prices.
    fund
        As in :meth:`StaticCascade.run`.
    grid
        How many equal steps the way to -99% (or +99%) is cut into.

    Raises
    ------
    InputError
        If the direction has no change.
    """
    most = max((abs(w) for w in direction.values()), default=0.0)
    if not most > 0:
        raise InputError(Mistake("a direction needs a change", value=str(dict(direction))))

    def at(step: float) -> Cascade:
        way = {a: max(step * w, -0.99) for a, w in direction.items()}
        return prepared.run(way, fund)

    before = 0.0
    for k in range(grid + 1):
        hit = sign * 0.99 * k / grid / most
        found = at(hit)
        if reached(found):
            break
        before = hit
    else:
        return ReverseStress(goal, None, None)
    while abs(hit - before) * most > _LEAST_STEP:
        middle = (hit + before) / 2
        nearer = at(middle)
        if reached(nearer):
            hit, found = middle, nearer
        else:
            before = middle
    return ReverseStress(goal, hit, found)
