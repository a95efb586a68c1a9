"""The coverage estimate held against synthetic tapes whose left-out events are known."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seawall.core.tape import DTYPES, Coverage, Tape
from seawall.risk.coverage import Label, Shows, SlotRule, unseen
from seawall.risk.tape_cells import cells_of
from seawall.risk.tape_shares import estimate

Floats = NDArray[np.float64]
Shape = Callable[[float, int, np.random.Generator], Floats]

START = 1_700_000_000 * 10**9
SECOND = 10**9


def constant(level: float, slots: int, rng: np.random.Generator) -> Floats:
    """A rate that stays: a Poisson process. Events a slot, shape (slots,), as the others."""
    del rng
    return np.full(slots, level)


def wandering(level: float, slots: int, rng: np.random.Generator) -> Floats:
    """A log rate that wanders with a spread of 1 and forgets over two minutes."""
    keep = np.exp(-1 / 120)
    noise = rng.normal(size=slots) * np.sqrt(1 - keep**2)
    log = np.empty(slots)
    log[0] = rng.normal()
    for k in range(1, slots):
        log[k] = keep * log[k - 1] + noise[k]
    return np.asarray(level * np.exp(log - 0.5))


def bursts(level: float, slots: int, rng: np.random.Generator) -> Floats:
    """Quiet at 0.02, with a burst every ten minutes that dies off over a minute."""
    return _shots(level, slots, rng, 600, 60)


def short_bursts(level: float, slots: int, rng: np.random.Generator) -> Floats:
    """Quiet at 0.02, with a burst every 200 slots that dies off over 20."""
    return _shots(level, slots, rng, 200, 20)


def excited(level: float, slots: int, rng: np.random.Generator) -> Floats:
    """Events that bring on others: each 0.6 in the mean over the next half minute (Hawkes)."""
    rate, heat = np.empty(slots), 0.0
    for k in range(slots):
        rate[k] = 0.4 * level + heat
        heat = (heat + 0.6 / 30 * rng.poisson(rate[k])) * np.exp(-1 / 30)
    return rate


def _shots(level: float, slots: int, rng: np.random.Generator, every: int, memory: float) -> Floats:
    rate = np.full(slots, 0.02)
    for start in rng.integers(0, slots, rng.poisson(slots / every)).tolist():
        length = min(slots - start, int(8 * memory))
        rate[start : start + length] += rng.exponential(level) * np.exp(-np.arange(length) / memory)
    return rate


SHAPES: dict[str, Shape] = {
    "constant": constant,
    "wandering": wandering,
    "self-exciting": excited,
    "bursts": bursts,
    "short bursts": short_bursts,
}


def whole(rate: Floats, rng: np.random.Generator, spread: float = 1.5) -> Tape:
    """Every event of a rate, with lognormal sizes, one in three of a short; in order of time."""
    slot = np.repeat(np.arange(len(rate)), rng.poisson(rate))
    n = len(slot)
    time = np.sort(START + ((slot + rng.random(n)) * SECOND).astype(np.int64))
    columns = {name: np.zeros(n, dtype=kind) for name, kind in DTYPES.items()}
    notional = np.exp(9 + spread * rng.normal(size=n))
    columns |= {
        "time": time,
        "received": time,
        "side": np.where(rng.random(n) < 1 / 3, -1, 1).astype(np.int8),
        "price": np.full(n, 100.0),
        "notional": notional,
        "quantity": notional / 100.0,
        "coverage": np.full(n, Coverage.ONE_A_SLOT, dtype=np.int8),
        "event_id": np.arange(1, n + 1, dtype=np.uint64),
    }
    names = {"venues": ("v",), "instruments": ("i",), "assets": ("a",), "sources": ("s",)}
    return Tape(**columns, **names)  # type: ignore[arg-type]


def thinned(tape: Tape, shows: Shows) -> Tape:
    """What is left of a tape where a slot of a second shows its latest or largest event."""
    slot = tape.time // SECOND
    key = tape.time if shows is Shows.LATEST else tape.notional
    order = np.lexsort((key, slot))
    last = np.append(slot[order][1:] != slot[order][:-1], True)
    return tape.take(np.sort(order[last]))


@dataclass(frozen=True, slots=True)
class Checked:
    """One row of the check, over its tapes.

    Attributes
    ----------
    occupancy
        Mean share of slots occupied.
    shown
        Share of the events that was shown.
    events_bias, usd_bias
        Sum of the estimates over that of the truth, less 1.
    events_inside, usd_inside
        Share of tapes whose truth the 5-95% interval holds; 0.9 is nominal.
    floors, floors_hold
        Share of tapes of which only a lower bound is told, and of those the share whose floor
        does not lie above the truth (NaN without any).
    """

    shape: str
    shows: Shows
    level: float
    tapes: int
    occupancy: float
    shown: float
    events_bias: float
    events_inside: float
    usd_bias: float
    usd_inside: float
    floors: float
    floors_hold: float


def check(
    shapes: Sequence[str] = tuple(SHAPES),
    levels: Sequence[float] = (0.1, 0.3, 0.7, 1.2, 1.609),
    tapes: int = 40,
    slots: int = 4_000,
    draws: int = 200,
    seed: int = 0,
) -> Iterator[Checked]:
    """Make tapes, thin them by each rule, estimate, and compare: a row a shape, rule and level.

    Parameters
    ----------
    levels
        Mean events a slot; 1.609 of a constant rate occupies 80% of the slots. Of bursts it is
        the mean height at which they begin.
    """
    for shows in Shows:
        for shape in shapes:
            for level in levels:
                found = [
                    _one(SHAPES[shape], shows, level, slots, draws, seed + k) for k in range(tapes)
                ]
                yield _row(shape, shows, level, slots, np.array(found))


def _one(
    shape: Shape, shows: Shows, level: float, slots: int, draws: int, seed: int
) -> tuple[float, ...]:
    rng = np.random.default_rng((seed, int(level * 1000)))
    everything = whole(shape(level, slots, rng), rng)
    seen = thinned(everything, shows)
    window = (START, START + slots * SECOND - 1)
    found = unseen(seen, {"v": SlotRule(1.0, shows)}, window, draws, seed)
    count, usd = len(everything) - len(seen), float(everything.notional.sum() - seen.notional.sum())
    told = estimate(cells_of(seen, found))
    floor = told.label is Label.LOWER_BOUND
    return (
        len(seen),
        len(everything),
        len(seen) + float(found.events.sum()),
        _inside(found.drawn_events, count),
        float(everything.notional.sum()),
        float(seen.notional.sum() + found.usd.sum()),
        _inside(found.drawn_usd, usd),
        float(floor),
        float(floor and told.low <= everything.notional.sum()),
    )


def _inside(drawn: Floats, truth: float) -> float:
    low, high = np.quantile(drawn.sum(axis=1), (0.05, 0.95))
    return float(low <= truth <= high)


def _row(shape: str, shows: Shows, level: float, slots: int, found: Floats) -> Checked:
    seen, events, guess, events_in, usd, guess_usd, usd_in, floors, hold = found.T
    return Checked(
        shape=shape,
        shows=shows,
        level=level,
        tapes=len(found),
        occupancy=float(seen.mean() / slots),
        shown=float(seen.sum() / events.sum()),
        events_bias=float(guess.sum() / events.sum() - 1),
        events_inside=float(events_in.mean()),
        usd_bias=float(guess_usd.sum() / usd.sum() - 1),
        usd_inside=float(usd_in.mean()),
        floors=float(floors.mean()),
        floors_hold=float(hold.sum() / floors.sum()) if floors.any() else float("nan"),
    )
