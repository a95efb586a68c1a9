"""The hidden rate of a feed's slots: its states, its moves, and the fit to what was occupied."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seawall.risk import _coverage as kernels

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
States = NDArray[np.int16]

RATES: Floats = np.exp(
    np.concatenate(
        [
            np.linspace(np.log(1e-5), np.log(0.03), 7, endpoint=False),
            np.linspace(np.log(0.03), np.log(25.0), 29),
        ]
    )
)
"""States: events a slot; :data:`_coverage.STATES` of them."""
OCCUPIED: Floats = -np.expm1(-RATES)
"""Chance that a slot is occupied, by state."""
BESIDE: Floats = RATES / OCCUPIED - 1.0
"""Expected events beside the shown one, by state."""
SATURATED = 3.0
"""Events a slot above which slots are as good as always occupied (95%): only a floor is told."""
_HELD: Floats = np.minimum(BESIDE, SATURATED / -np.expm1(-SATURATED) - 1.0)
_ONE: Floats = np.ones(len(RATES))
_TOLD: Floats = np.stack([RATES, BESIDE, _HELD, _ONE], axis=1)
_TOLD_PAUSED: Floats = np.stack([RATES, RATES, np.minimum(RATES, SATURATED), _ONE], axis=1)

_SPREADS = (0.15, 0.3, 0.5, 0.75, 1.0, 1.35, 1.8, 2.4)
_MEMORIES = (4.0, 10.0, 25.0, 60.0, 150.0, 400.0, 1000.0, 3000.0)
_JUMPS = (0.0, 0.0005, 0.004, 0.03)
# where a jump leads: even in the log of the rate up to 1, thinning out above
_LANDING = np.where(RATES >= 0.03 * (1 - 1e-9), np.minimum(1.0, RATES**-0.7), 0.0)
_LANDING /= _LANDING.sum()
_LEVEL_STEP = 0.2
_FINE_STEP = 0.01
_POWERS = 15
_AHEAD = 16
_SMALL = -200
"""Exponent of two below which a carrier is scaled, so that neither it nor its square vanishes."""
_EXACT = 100
_LOG_STEP = 0.04
_KEPT_MODELS = 24
_KEPT_BYTES = 64 * 2**20
_Place = tuple[int, int, int, int]
"""Of a model among those tried: spread, memory, level, jumps."""


@dataclass(frozen=True, slots=True)
class RateModel:
    """A rate whose logarithm wanders about a level, a first-order autoregression, and may jump.

    Attributes
    ----------
    level
        Mean of the log rate, events a slot.
    spread
        Standard deviation of the log rate; at 0 the rate is constant, a Poisson process.
    memory
        Slots over which it forgets by a factor e.
    weight
        Its share among the models that explain the tape.
    jumps
        Chance, each slot, that the rate is cast anew: from 0.03 to 1 even in its log, and above
        that with a density that falls by the power 0.7, as a slot that is always occupied says
        nothing of how high it is.
    """

    level: float
    spread: float
    memory: float
    weight: float = 1.0
    jumps: float = 0.0

    def start_and_move(self) -> tuple[Floats, Floats]:
        """Chances of the states at first, shape (J,), and of a move in one slot, (J, J)."""
        at = np.log(RATES)
        pull = 1.0 - np.exp(-1.0 / self.memory)
        drift = pull * (self.level - at)
        noise = self.spread**2 * (1.0 - (1.0 - pull) ** 2)
        above, below = np.diff(at), np.diff(at)
        up, down = np.zeros(len(at)), np.zeros(len(at))
        inner = np.arange(1, len(at) - 1)
        wide = above[inner] + below[inner - 1]
        up[inner] = (noise + drift[inner] * below[inner - 1]) / (above[inner] * wide)
        down[inner] = (noise - drift[inner] * above[inner]) / (below[inner - 1] * wide)
        # where the pull outruns the noise a centred step would be negative: step upwind
        steep = (up < 0) | (down < 0)
        up[steep] = (
            np.maximum(drift[steep], 0) / above[np.minimum(np.flatnonzero(steep), len(at) - 2)]
        )
        down[steep] = np.maximum(-drift[steep], 0) / below[np.flatnonzero(steep) - 1]
        up[0] = max(drift[0], 1e-6) / above[0]
        down[-1] = max(-drift[-1], 1e-6) / below[-1]
        up, down = np.maximum(up, 1e-12), np.maximum(down, 1e-12)
        up[-1] = down[0] = 0.0
        rates = np.diag(up[:-1], 1) + np.diag(down[1:], -1)
        rates -= np.diag(rates.sum(axis=1))
        start = np.cumsum(np.append(0.0, np.log(up[:-1]) - np.log(down[1:])))
        start = np.exp(start - start.max())
        start /= start.sum()
        move = _exponential(rates)
        if self.jumps:
            move = (1.0 - self.jumps) * move + self.jumps * _LANDING
            # at rest: what landed so long ago, moved on since
            rest = np.eye(len(at)) - (1.0 - self.jumps) * _exponential(rates)
            start = np.maximum(np.linalg.solve(rest.T, self.jumps * _LANDING), 0.0)
            start /= start.sum()
        return start, move


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """Slots of one instrument: which are occupied, from the window's start to its end."""

    gaps: Ints
    """Shape (n,): empty slots before each occupied one."""
    tail: int
    """Empty slots after the last."""


def row_of(slots: Ints, first: int, last: int) -> Row:
    """A row of ascending occupied slots seen from slot ``first`` to slot ``last``, both in."""
    before = np.append(min(first, int(slots[0])) - 1, slots[:-1])
    return Row(slots - before - 1, max(0, last - int(slots[-1])))


def fit(rows: Sequence[Row]) -> tuple[RateModel, ...]:
    """The models that explain rows of one kind, by likelihood; weights sum to 1.

    A constant rate is as likely beforehand as all memories of one spread together.
    """
    events = sum(len(r.gaps) for r in rows)
    empty = sum(int(r.gaps.sum()) + r.tail for r in rows)
    level = float(np.log(-np.log1p(-min(0.98, events / (events + empty)))))
    known: dict[_Place, float] = {}

    def model(at: _Place) -> RateModel:
        # the same levels for every instrument, so that their matrices are made once
        return RateModel(
            _LEVEL_STEP * at[2], _SPREADS[at[0]], _MEMORIES[at[1]], jumps=_JUMPS[at[3]]
        )

    def value(at: _Place) -> float:
        if at not in known:
            known[at] = _likelihood(model(at), rows)
        return known[at]

    first = (2, 4, round(level / _LEVEL_STEP), 0)
    # a rate that stays between jumps is far from one that wanders: it has a start of its own
    still = (0, len(_MEMORIES) - 1, first[2], 2)
    top = max((_climb(k, value) for k in (first, still)), key=value)
    # what is about as likely as the best, so that the draws know how sure it is
    for step in product((-1, 0, 1), (-1, 0, 1), (-2, -1, 0, 1, 2)):
        near = (top[0] + step[0], top[1] + step[1], top[2] + step[2], top[3])
        if 0 <= near[0] < len(_SPREADS) and 0 <= near[1] < len(_MEMORIES):
            value(near)
    # of models that are as likely the order must not be left to the last digit: draws go by it
    kept = sorted(known, key=lambda k: (-round(known[k], 6), k))[:_KEPT_MODELS]
    models = [(model(k), known[k]) for k in kept] + _constants(level, events, empty)
    best = max(likelihood for _, likelihood in models)
    weights = np.array([np.exp(likelihood - best) for _, likelihood in models])
    weights /= weights.sum()
    found = [(m, float(w)) for (m, _), w in zip(models, weights, strict=True) if w > 5e-3]
    scale = sum(w for _, w in found)
    return tuple(replace(m, weight=w / scale) for m, w in found)


def _constants(level: float, events: int, empty: int) -> list[tuple[RateModel, float]]:
    """Constant rates around the one that the occupancy gives, with their log weight."""
    prior = np.log(_FINE_STEP / _LEVEL_STEP * len(_MEMORIES))
    rates = np.exp(level + _FINE_STEP * np.arange(-60, 61))
    values = events * np.log(-np.expm1(-rates)) - rates * empty + prior
    return [
        (RateModel(float(np.log(r)), 0.0, np.inf), float(v))
        for r, v in zip(rates, values, strict=True)
    ]


def _climb(at: _Place, value: Any) -> _Place:
    """Go up the likelihood, one step of one parameter at a time, until no step helps."""
    while True:
        near = []
        for axis, size in enumerate((len(_SPREADS), len(_MEMORIES), 0, len(_JUMPS))):
            for step in (-1, 1):
                moved = list(at)
                moved[axis] += step
                if size == 0 or 0 <= moved[axis] < size:
                    near.append((moved[0], moved[1], moved[2], moved[3]))
        best = max(near, key=value)
        if value(best) <= value(at) or abs(best[2]) > 80:
            return at
        at = best


def _likelihood(model: RateModel, rows: Sequence[Row]) -> float:
    known = _matrices(model)
    values = [
        kernels.likelihood_of(r.gaps, r.tail, known.start, known.powers, known.scales, known.ahead)
        for r in rows
    ]
    return float(sum(values))


@dataclass(frozen=True, slots=True, eq=False)
class _Matrices:
    """A model's chances: at first (J,), of a move (J, J), and over several steps at once.

    ``powers`` (K, J, J) and ``scales`` (K,) as :func:`powers_of` gives them; ``ahead`` (16, J, J)
    carries weights over so many steps that end in an empty slot and into an event's.
    """

    start: Floats
    move: Floats
    powers: Floats
    scales: Floats
    ahead: Floats


@lru_cache(maxsize=200)
def _matrices(model: RateModel) -> _Matrices:
    start, move = model.start_and_move()
    powers, scales = powers_of(move)
    ahead = np.empty((_AHEAD, *move.shape))
    ahead[0] = move * OCCUPIED
    for level in range(_AHEAD.bit_length() - 1):
        # a few steps are too likely for a scale
        ahead[1 << level : 2 << level] = powers[level] @ ahead[: 1 << level]
    return _Matrices(start, move, powers, scales, ahead)


@dataclass(frozen=True, slots=True, eq=False)
class _Filtered:
    """The steps back (runs, J, J), the end's chance and the weights after each event (n, J)."""

    back: Floats
    end: Floats
    after: Floats


class Filters:
    """A row as models filter it; what is asked for again is kept, as far as there is room.

    Runs of empty slots beyond 100 are rounded to within 2%, so that few steps are needed.
    """

    def __init__(self, row: Row):
        bins = np.rint(np.log(np.maximum(row.gaps, _EXACT) / _EXACT) / _LOG_STEP)
        rounded = np.rint(_EXACT * np.exp(bins * _LOG_STEP)).astype(np.int64)
        known = np.where(row.gaps < _EXACT, row.gaps, rounded)
        runs, place = np.unique(known, return_inverse=True)
        self._tail, self._runs = row.tail, runs
        self.place: Ints = place.reshape(-1)
        """Shape (n,): where each event's step stands."""
        self._kept: dict[RateModel, _Filtered] = {}
        self._room = _KEPT_BYTES

    def by(self, model: RateModel, again: bool = False) -> _Filtered:
        """By a model. ``again``: it will be asked for once more."""
        found = self._kept.get(model) or self._filtered(model)
        size = found.after.nbytes + found.back.nbytes
        if again and size <= self._room:
            self._room, self._kept[model] = self._room - size, found
        return found

    def _filtered(self, model: RateModel) -> _Filtered:
        bare = replace(model, weight=1.0)
        known = _matrices(bare)
        steps = _steps_of(bare, self._runs.tolist())
        end = _over(self._tail, known.powers, np.ones(kernels.STATES))
        after = np.empty((len(self.place), kernels.STATES))
        kernels.forward(self.place, steps, known.start, OCCUPIED, after)
        back = np.ascontiguousarray(steps.transpose(0, 2, 1))
        return _Filtered(back, end / end.max(), after)


def draw_states(
    model: RateModel, filters: Filters, count: int, rng: np.random.Generator
) -> tuple[Floats, States]:
    """Rates by state, and states of the occupied slots, drawn given the whole row; (count, n)."""
    shape = (count, len(filters.place))
    if model.spread == 0.0:
        return np.array([np.exp(model.level)]), np.zeros(shape, dtype=np.int16)
    found = filters.by(model)
    chosen = np.empty(shape, dtype=np.int16)
    kernels.paths(filters.place, found.back, found.end, found.after, rng.random(shape), chosen)
    return RATES, chosen


def expected(
    model: RateModel, filters: Filters, again: bool = False, paused: bool = False
) -> Floats:
    """Shape (n, 3): of each occupied slot the rate, the events beside the shown one, and a floor.

    The floor holds the rate, wherever it may be above it, at the highest that can be told.
    ``again`` says that paths will be drawn of the same; ``paused`` that beside each event stand
    those of a pause of one slot, all of them.
    """
    if model.spread == 0.0:
        rate = np.exp(model.level)
        held = min(rate, SATURATED)
        both = np.array([rate, held])
        beside, floor = both if paused else both / -np.expm1(-both) - 1.0
        return np.tile([rate, beside, floor], (len(filters.place), 1))
    found = filters.by(model, again)
    told = np.empty((len(filters.place), 4))
    values = _TOLD_PAUSED if paused else _TOLD
    kernels.smooth(filters.place, found.back, found.end, OCCUPIED, found.after, values, told)
    return told[:, :3]


@lru_cache(maxsize=20)
def _made(model: RateModel) -> dict[int, Floats]:
    """Carriers of a model by the run of empty slots, as far as any were asked for."""
    del model
    return {}


def _steps_of(model: RateModel, runs: Sequence[int]) -> Floats:
    """Shape (runs, J, J): carriers over runs of empty slots and one step more, each to a scale."""
    known, made = _matrices(model), _made(model)
    fresh = [run for run in runs if run not in made]
    made.update(
        zip(fresh, _steps(known.move, known.powers, np.array(fresh, dtype=np.int64)), strict=True)
    )
    return np.stack([made[run] for run in runs])


def _steps(move: Floats, powers: Floats, runs: Ints) -> Floats:
    """The same, made together."""
    carried = np.repeat(move[None], len(runs), axis=0)
    for level, power in enumerate(powers):
        left = runs >> level
        often = left if level == len(powers) - 1 else left & 1
        for again in range(int(often.max(initial=0))):
            mine = np.flatnonzero(often > again)
            moved = power @ carried[mine]
            carried[mine] = moved / moved.max(axis=(1, 2), keepdims=True)
    carried /= carried.max(axis=(1, 2), keepdims=True)
    return carried


def _over(run: int, powers: Floats, column: Floats) -> Floats:
    """A column carried back over a run of empty slots, to a scale."""
    carried = column
    level = 0
    while run > 0:
        last = level == len(powers) - 1
        for _ in range(run if last else run & 1):
            carried = powers[level] @ carried
            carried = carried / carried.max()
        run = 0 if last else run >> 1
        level += 1
    return carried


def powers_of(move: Floats) -> tuple[Floats, Floats]:
    """Carriers over 2 ** k steps, each of which ends in an empty slot, and logs of their scales.

    A run of thousands of empty slots is all but impossible at a rate that never rests, so that
    its chance is below what a number can hold: such a carrier is kept to a scale, a power of two.

    Returns
    -------
    powers, scales
        Shape (K, J, J) and (K,).
    """
    carrier, scale = move * np.exp(-RATES), 0
    powers, scales = [carrier], [scale]
    for _ in range(_POWERS - 1):
        carrier, scale = carrier @ carrier, 2 * scale
        exponent = int(np.frexp(carrier.max())[1])
        if exponent < _SMALL:
            carrier, scale = np.ldexp(carrier, -exponent), scale + exponent
        powers.append(carrier)
        scales.append(scale)
    return np.stack(powers), np.log(2.0) * np.array(scales, dtype=np.float64)


def _exponential(rates: Floats) -> Floats:
    """Matrix exponential of a generator by scaling and squaring."""
    halvings = max(0, int(np.ceil(np.log2(max(-rates.diagonal().min(), 1e-9))))) + 6
    small = rates / 2.0**halvings
    moved: Floats = np.eye(len(rates)) + small @ (np.eye(len(rates)) + small / 2)
    for _ in range(halvings):
        moved = moved @ moved
    moved = np.maximum(moved, 0.0)
    moved /= moved.sum(axis=1, keepdims=True)
    return moved
