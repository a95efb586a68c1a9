"""The coverage estimate held against synthetic tapes whose left-out events are known."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from seawall.core.tape import DTYPES, Coverage, Tape
from seawall.risk.coverage import Estimate, Label, Shows, SlotRule, unseen
from seawall.risk.slot_rule import after_pauses
from seawall.risk.tape_cells import cells_of
from seawall.risk.tape_shares import estimate

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Shape = Callable[[float, int, np.random.Generator], Floats]
Maker = Callable[[float, int, np.random.Generator], Tape]

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


def cascades(level: float, slots: int, rng: np.random.Generator) -> Floats:
    """Quiet at 0.05, with a cascade every 1,300 slots that dies off by a power of its age.

    Its height is of a Pareto law with exponent 1.8, cut at 16 times the level.
    """
    rate = np.full(slots, 0.05)
    for start in rng.integers(0, slots - 400, max(1, slots // 1300)).tolist():
        height = 4 * level * min(4.0, float(rng.pareto(1.8)))
        rate[start : start + 400] += height / (1 + np.arange(400) / 8) ** 1.1
    return rate


def switching(level: float, slots: int, rng: np.random.Generator) -> Floats:
    """A rate that is the level for 200 slots, then less than a fifth of it for as long."""
    begun = int(rng.integers(0, 400))
    return np.where((np.arange(slots) + begun) // 200 % 2 == 0, level * 3 / 16, level)


def _shots(level: float, slots: int, rng: np.random.Generator, every: int, memory: float) -> Floats:
    rate = np.full(slots, 0.02)
    for start in rng.integers(0, slots, rng.poisson(slots / every)).tolist():
        length = min(slots - start, int(8 * memory))
        rate[start : start + length] += rng.exponential(level) * np.exp(-np.arange(length) / memory)
    return rate


def whole(
    rate: Floats, rng: np.random.Generator, spread: float = 1.5, larger: Floats | None = None
) -> Tape:
    """Every event of a rate, with lognormal sizes, one in three of a short; in order of time.

    Parameters
    ----------
    larger
        By how much orders are larger in each slot.
    """
    slot = np.repeat(np.arange(len(rate)), rng.poisson(rate))
    n = len(slot)
    time = np.sort(START + ((slot + rng.random(n)) * SECOND).astype(np.int64))
    notional = np.exp(9 + spread * rng.normal(size=n))
    # slots ascend as the times do
    return _tape(time, notional if larger is None else notional * larger[slot], rng)


def volleys(rate: Floats, rng: np.random.Generator, lasting: float) -> Tape:
    """Events that come in volleys of two in the mean, each within a part of a slot."""
    slot = np.repeat(np.arange(len(rate)), rng.poisson(rate / 2))
    begun = START + ((slot + rng.random(len(slot))) * SECOND).astype(np.int64)
    begun = np.repeat(begun, rng.geometric(0.5, len(slot)))
    n = len(begun)
    time = np.sort(begun + (rng.random(n) * lasting * SECOND).astype(np.int64))
    last = START + len(rate) * SECOND - 1
    return _tape(np.minimum(time, last), np.exp(9 + 1.5 * rng.normal(size=n)), rng)


def _tape(time: Ints, notional: Floats, rng: np.random.Generator) -> Tape:
    n = len(time)
    columns = {name: np.zeros(n, dtype=kind) for name, kind in DTYPES.items()}
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


def _plain(shape: Shape) -> Maker:
    return lambda level, slots, rng: whole(shape(level, slots, rng), rng)


def _larger_when_fast(level: float, slots: int, rng: np.random.Generator) -> Tape:
    rate = switching(level, slots, rng)
    return whole(rate, rng, 1.2, np.where(rate > level / 2, 5.0, 1.0))


def _volleys(lasting: float) -> Maker:
    return lambda level, slots, rng: volleys(constant(level, slots, rng), rng, lasting)


SHAPES: dict[str, Maker] = {
    "constant": _plain(constant),
    "wandering": _plain(wandering),
    "self-exciting": _plain(excited),
    "bursts": _plain(bursts),
    "short bursts": _plain(short_bursts),
    "cascades": _plain(cascades),
    "switching": _larger_when_fast,
    "volleys, 200 ms": _volleys(0.2),
    "volleys, 20 ms": _volleys(0.02),
    "volleys, 1 ms": _volleys(0.001),
}


RULES: dict[str, SlotRule] = {
    "latest": SlotRule(1.0, Shows.LATEST),
    "largest": SlotRule(1.0, Shows.LARGEST),
    "pause": SlotRule(1.0, Shows.LATEST, pause=True),
}
"""Rules by which tapes are thinned. The estimate is told the words that a venue says, the same of
slots and of pauses: which it is, it has to find."""


def thinned_by(tape: Tape, rule: SlotRule) -> Tape:
    """What is left of a tape under a rule."""
    if rule.pause:
        return tape.take(after_pauses(tape.time, rule.length))
    return thinned(tape, rule.shows)


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
    rule
        By which the tapes were thinned, of :data:`RULES`.
    found
        Share of the tapes of which slots or a pause were rightly told.
    occupancy
        Mean share of slots occupied: events shown a slot.
    shown
        Share of the events that was shown.
    events_bias, usd_bias
        Sum of the estimates over that of the truth, less 1, of all tapes.
    told
        Share of tapes of which an interval is told, not only a lower bound.
    told_events_bias, told_usd_bias
        The bias of these (NaN without any, as the next).
    events_inside, usd_inside
        Share of these whose truth the interval holds; 0.9 is nominal.
    floors_hold
        Of the other tapes the share whose floor does not lie above the truth (NaN without any).
    """

    shape: str
    rule: str
    level: float
    tapes: int
    found: float
    occupancy: float
    shown: float
    events_bias: float
    usd_bias: float
    told: float
    told_events_bias: float
    events_inside: float
    told_usd_bias: float
    usd_inside: float
    floors_hold: float


def check(
    shapes: Sequence[str] = tuple(SHAPES),
    levels: Sequence[float] = (0.1, 0.3, 0.7, 1.2, 1.609),
    tapes: int = 40,
    slots: int = 4_000,
    draws: int = 200,
    seed: int = 0,
    beside: bool = True,
    rules: Sequence[str] = tuple(RULES),
) -> Iterator[Checked]:
    """Make tapes, thin them by each rule, estimate, and compare: a row a shape, rule and level.

    Parameters
    ----------
    beside
        Whether another venue, of another tape of the same kind, shows everything.
    levels
        Mean events a slot; 1.609 of a constant rate occupies 80% of the slots. Of bursts it is
        the mean height at which they begin, of a rate that switches the higher one.
    rules
        Of :data:`RULES`.
    """
    for rule in rules:
        for shape in shapes:
            for level in levels:
                found = [
                    _one(SHAPES[shape], RULES[rule], level, slots, draws, seed + k, beside)
                    for k in range(tapes)
                ]
                yield _row(shape, rule, level, slots, found)


@dataclass(frozen=True, slots=True)
class _Made:
    """One tape: what was shown, all of it, and what is told of it."""

    shown: int
    events: int
    usd: float
    told_events: Estimate
    told_usd: Estimate
    guess_events: float
    guess_usd: float
    found: bool

    @property
    def floor(self) -> bool:
        return self.told_usd.label is Label.LOWER_BOUND


def _one(
    shape: Maker, rule: SlotRule, level: float, slots: int, draws: int, seed: int, beside: bool
) -> _Made:
    rng = np.random.default_rng((seed, int(level * 1000)))
    everything = shape(level, slots, rng)
    seen = thinned_by(everything, rule)
    told = joined(seen, shape(level, slots, rng)) if beside else seen
    window = (START, START + slots * SECOND - 1)
    found = unseen(told, {"v": replace(rule, pause=False)}, window, draws, seed)
    cells = cells_of(told, found)
    mine = cells.of(0, "v")
    return _Made(
        shown=len(seen),
        events=len(everything),
        usd=float(everything.notional.sum()),
        told_events=estimate(cells, mine, count=True),
        told_usd=estimate(cells, mine),
        guess_events=len(seen) + float(found.events.sum()),
        guess_usd=float(seen.notional.sum() + found.usd.sum()),
        found=bool(found.pauses.any()) == rule.pause and not found.unruled.any(),
    )


def joined(thin: Tape, whole: Tape) -> Tape:
    """A venue ``v`` that shows one event a slot, and beside it ``w``, which shows all of its."""
    columns = {n: np.concatenate([getattr(thin, n), getattr(whole, n)]) for n in DTYPES}
    one = np.repeat(np.array([0, 1]), (len(thin), len(whole)))
    columns["venue"] = one.astype(DTYPES["venue"])
    columns["instrument"] = one.astype(DTYPES["instrument"])
    coverage = np.where(one == 0, Coverage.ONE_A_SLOT, Coverage.ALL)
    columns["coverage"] = coverage.astype(DTYPES["coverage"])
    columns["event_id"] = np.arange(1, len(one) + 1, dtype=DTYPES["event_id"])
    names = {"venues": ("v", "w"), "instruments": ("i", "j"), "assets": ("a",), "sources": ("s",)}
    return Tape(**columns, **names)  # type: ignore[arg-type]


def _row(shape: str, rule: str, level: float, slots: int, made: Sequence[_Made]) -> Checked:
    told = [m for m in made if not m.floor]
    floors = [m for m in made if m.floor]
    return Checked(
        shape=shape,
        rule=rule,
        level=level,
        tapes=len(made),
        found=_mean(m.found for m in made),
        occupancy=sum(m.shown for m in made) / (len(made) * slots),
        shown=sum(m.shown for m in made) / sum(m.events for m in made),
        events_bias=_bias((m.guess_events, m.events) for m in made),
        usd_bias=_bias((m.guess_usd, m.usd) for m in made),
        told=len(told) / len(made),
        told_events_bias=_bias((m.guess_events, m.events) for m in told),
        events_inside=_mean(m.told_events.low <= m.events <= m.told_events.high for m in told),
        told_usd_bias=_bias((m.guess_usd, m.usd) for m in told),
        usd_inside=_mean(m.told_usd.low <= m.usd <= m.told_usd.high for m in told),
        floors_hold=_mean(m.told_usd.low <= m.usd for m in floors),
    )


def _bias(pairs: Iterable[tuple[float, float]]) -> float:
    guess, truth = np.array([(0.0, 0.0), *pairs]).sum(axis=0)
    return float(guess / truth - 1) if truth else float("nan")


def _mean(held: Iterable[bool]) -> float:
    values = list(held)
    return sum(values) / len(values) if values else float("nan")
