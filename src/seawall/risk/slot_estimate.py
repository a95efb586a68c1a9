"""What stood beside the events that a feed with one event a slot showed of an instrument."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from seawall._jit import in_order
from seawall.core import InternalError
from seawall.risk import _coverage as kernels
from seawall.risk._rate_model import (
    Filters,
    RateModel,
    Row,
    States,
    draw_states,
    expected,
    fit,
    row_of,
)
from seawall.risk.slot_rule import Gaps, Shows, SlotRule, kept_to, live_row
from seawall.risk.volleys import close_pairs, expected_pairs, hides_volleys

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

OWN_FIT = 300
"""Shown events from which an instrument is fitted by itself; the others are taken together."""
_FIT_EVENTS = 3_000
_POOL = 51
_UNRULED_SHARE = 0.01
_WIDER = 1.15
"""By how much draws are spread: a rate need not move as any of the models has it, and the sizes
seen tell too little of how large sizes can be.

Chosen on synthetic tapes that no row of the published check holds.
"""
_BATCH = 4_000_000
_AHEAD = 2
"""Instruments that are fitted in other threads while one is estimated."""
_LAWS, _LAW_EVENTS = 4, 150
_LAW_RANGE = 1.35
"""Fastest to slowest rate (10-90%) from which sizes are taken to differ with it."""


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """Events that were shown of one instrument, in order of time.

    Attributes
    ----------
    name
        Of the instrument.
    time, usd, cell
        Shape (n,): when, how large, and which cell (a venue, an asset and a side) it is in.
    first, last
        First and last ns over which the feed was recorded.
    """

    name: str
    time: Ints
    usd: Floats
    cell: Ints
    first: int
    last: int


@dataclass(frozen=True, slots=True, eq=False)
class Mates:
    """What is expected beside each event shown; shape (n,) each.

    Attributes
    ----------
    rate
        Events a slot.
    events, usd
        Events that were not shown, and their USD.
    held
        Part of both that is left where slots that may be full are held at the highest rate that
        can be told.
    fitted
        What the models were fitted on: the instrument, or ``others``.
    models
        The models of the rate.
    volleys
        Whether events shown stand closer together than chance would put them: several stand in
        an instant, and more was left out than the occupancy tells.
    pause
        Whether they stand as a feed puts them that pauses after each, and are estimated so.
    """

    rate: Floats
    events: Floats
    usd: Floats
    held: Floats
    fitted: str
    models: tuple[RateModel, ...]
    volleys: bool = False
    pause: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """Draws of what was not shown, by cell: shape (draws, c) each. Filled as estimates are made."""

    events: Floats
    usd: Floats

    @staticmethod
    def empty(draws: int, cells: int) -> Drawn:
        """Nothing drawn yet."""
        return Drawn(np.zeros((draws, cells)), np.zeros((draws, cells)))

    def spread(self, events: Floats, usd: Floats) -> Drawn:
        """Draws spread about what is expected of each cell, shape (c,) each; never below 0."""
        return Drawn(
            *(
                np.asarray(np.maximum(centre + _WIDER * (drawn - centre), 0.0))
                for drawn, centre in ((self.events, events), (self.usd, usd))
            )
        )


def estimates(
    own: Iterable[Shown],
    quiet: Sequence[Shown],
    rule: SlotRule,
    drawn: Drawn,
    rng: np.random.Generator,
) -> Iterator[tuple[Shown, Mates | None]]:
    """Estimate what one venue did not show, instrument by instrument; None where it broke its rule.

    Parameters
    ----------
    own
        Instruments with at least :data:`OWN_FIT` events, each fitted by itself. Of one that is
        too long to be held at once, several stretches may be given.
    quiet
        The others, fitted together.
    drawn
        Draws are added to it.
    """
    for shown, fitted in in_order(lambda one: _fitted(one, rule), own, _AHEAD):
        if fitted is None:
            yield shown, None
            continue
        kept, row, models = fitted
        mates = _estimate(shown, row, shown.name, models, kept, drawn, rng)
        close = hides_volleys(*_close(shown, row, mates, kept))
        yield shown, replace(mates, volleys=close)
    obey = [_obeys(s.time, rule) for s in quiet]
    several = [s for s, fair in zip(quiet, obey, strict=True) if fair]
    theirs = kept_to(rule, Gaps.joined(Gaps.of(s.time, rule.length) for s in several))
    for shown, fair in zip(quiet, obey, strict=True):
        if theirs is None or not fair:
            yield shown, None
    if theirs is not None and several:
        held = [(shown, _row(shown, theirs)) for shown in several]
        models = fit(_most(row for _, row in held))
        found = [_estimate(s, row, "others", models, theirs, drawn, rng) for s, row in held]
        pairs = [_close(*one, mates, theirs) for one, mates in zip(held, found, strict=True)]
        close = hides_volleys(sum(p for p, _ in pairs), sum(e for _, e in pairs))  # type: ignore
        for (shown, _), mates in zip(held, found, strict=True):
            yield shown, replace(mates, volleys=close)


def _fitted(shown: Shown, rule: SlotRule) -> tuple[SlotRule, Row, tuple[RateModel, ...]] | None:
    """The rule an instrument keeps to, its slots and the models of its rate; None where it broke
    the rule."""
    kept = kept_to(rule, Gaps.of(shown.time, rule.length)) if _obeys(shown.time, rule) else None
    if kept is None:
        return None
    row = _row(shown, kept)
    return kept, row, fit(_stretches(row))


def _close(shown: Shown, row: Row, mates: Mates, rule: SlotRule) -> tuple[Ints, Floats]:
    """Pairs of neighbouring slots that are close together, and how many are expected."""
    adjacent = (row.gaps[1:] == 0) & (not rule.pause)
    rate = (mates.rate[1:] + mates.rate[:-1])[adjacent] / 2
    pairs = close_pairs(shown.time, adjacent, rule.length)
    return pairs, expected_pairs(rate, rule.shows is Shows.LATEST)


def _row(shown: Shown, rule: SlotRule) -> Row:
    length = rule.length
    if length <= 0:
        raise InternalError(f"a slot of {rule.seconds} s")
    if rule.pause:
        return live_row(shown.time, length, shown.first, shown.last)
    slot = shown.time // length
    # the venue's slots need not begin where ours do: two shown in one of ours are neighbours
    spread = np.maximum.accumulate(slot - np.arange(len(slot))) + np.arange(len(slot))
    return row_of(spread, shown.first // length, shown.last // length)


def _obeys(time: Ints, rule: SlotRule) -> bool:
    """Whether a slot holds one event: at most two in ours, as the venue's begin elsewhere."""
    _, count = np.unique(time // rule.length, return_counts=True)
    return int((count > 2).sum()) <= _UNRULED_SHARE * len(count)


def _most(rows: Iterable[Row]) -> list[Row]:
    """The longest rows, enough of them for a fit."""
    taken, events = [], 0
    for row in sorted(rows, key=lambda r: -len(r.gaps)):
        taken.append(row)
        events += len(row.gaps)
        if events > _FIT_EVENTS:
            break
    return taken


def _stretches(row: Row) -> list[Row]:
    """A long row cut down to a few even stretches, for the fit alone."""
    if len(row.gaps) <= _FIT_EVENTS:
        return [row]
    pieces = 6
    size = _FIT_EVENTS // pieces
    firsts = np.linspace(0, len(row.gaps) - size, pieces).astype(np.int64)
    return [Row(row.gaps[k : k + size], 0) for k in firsts.tolist()]


def _estimate(
    shown: Shown,
    row: Row,
    fitted: str,
    models: tuple[RateModel, ...],
    rule: SlotRule,
    drawn: Drawn,
    rng: np.random.Generator,
) -> Mates:
    """What stood beside one instrument's events; its draws are added."""
    counts = rng.multinomial(len(drawn.usd), [m.weight for m in models]).tolist()
    filters = Filters(row)
    told = [
        m.weight * expected(m, filters, n > 0, rule.pause)
        for m, n in zip(models, counts, strict=True)
    ]
    rate, beside, floor = sum(told).T  # type: ignore[union-attr]
    sizes = _Sizes.of(shown, drawn.usd.shape[1], rate, beside, rule)
    done = 0
    for model, count in zip(models, counts, strict=True):
        step = max(1, _BATCH // len(shown.time))
        for first in range(0, count, step):
            rates, states = draw_states(model, filters, min(step, count - first), rng)
            for one in states:
                sizes.draw(drawn, done, rates, one, rng)
                done += 1
    held = np.minimum(1.0, floor / np.maximum(beside, 1e-300))
    return Mates(rate, beside, sizes.expected, held, fitted, models, pause=rule.pause)


@dataclass(frozen=True, slots=True, eq=False)
class _Sizes:
    """Sizes of what stood beside the shown events of one instrument."""

    notional: Floats
    cell: Ints
    beside: Floats
    expected: Floats
    rule: SlotRule
    order: Ints
    """Events by rate (latest), or by law and then by size (largest)."""
    alike: Ints
    """Where in that order those begin that are like each event (latest)."""
    laws: tuple[slice, ...] = ()
    """Where in that order events of about one rate stand, which share a law of sizes."""
    by_rate: tuple[Floats, Ints] = (np.zeros(0), np.zeros(0, dtype=np.int64))
    """USD and cell of the events in that order (latest)."""
    expected_of: Floats = field(default_factory=lambda: np.zeros(0))
    """Expected USD of each cell (latest)."""

    @staticmethod
    def of(shown: Shown, cells: int, rate: Floats, beside: Floats, rule: SlotRule) -> _Sizes:
        """``latest``, a pause: the shown one is like those beside it; ``largest``: it tops them."""
        notional, cell = shown.usd, shown.cell
        if rule.alike:
            # rates that are alike stand by time, not by the last digit of a sum
            order = np.argsort(np.round(rate, 9), kind="stable")
            expected_usd = beside * notional
            laws: tuple[slice, ...] = ()
        else:
            order, laws = _ordered(notional, rate)
            expected_usd, share = np.empty(len(order)), 0.0
            for part in laws:
                these = order[part]
                mass = _population(rate[these], beside[these])
                expected_usd[these] = rate[these] * np.cumsum(mass * notional[these])
                share += float((rate[these] * np.cumsum(mass)).sum())
            # what the rule of sizes says in all is held to what the occupancy says in all
            expected_usd *= float(beside.sum()) / share if share > 0 else 0.0
        n = len(order)
        place = np.empty(n, dtype=np.int64)
        place[order] = np.arange(n)
        width = min(_POOL, n)
        alike = np.clip(place - width // 2, 0, n - width)
        by_rate = notional[order], cell[order]
        of_cells = np.bincount(cell, expected_usd, cells).astype(np.float64)
        return _Sizes(
            *(notional, cell, beside, expected_usd, rule, order, alike, laws, by_rate, of_cells)
        )

    def draw(
        self, drawn: Drawn, at: int, rates: Floats, states: States, rng: np.random.Generator
    ) -> None:
        """Add a draw of the events and USD beside those shown, of which the rates were drawn.

        The draw holds the chance of what happened and that of what the estimate rests on: the
        sizes are drawn once for the former and once, with the other sign, for the latter.
        """
        cells, n = drawn.usd.shape[1], len(states)
        if self.rule.alike:
            count, width = np.empty(n, dtype=np.int64), min(_POOL, n)
            if self.rule.pause:
                count[:] = rng.poisson(rates[states])
            else:
                kernels.mates(states, rates, rng.random(n), count)
            picks = rng.integers(0, width, int(count.sum()))
            other = rng.integers(0, width, n)
            usd, events = self.expected_of.copy(), np.zeros(cells)
            drawing = self.alike, count, picks, other, self.beside
            kernels.alike(*drawing, *self.by_rate, self.cell, events, usd)
            drawn.events[at] += events
            drawn.usd[at] += usd
            return
        rate, heavier = rates[states], rng.standard_exponential(n)
        for part in self.laws:
            these = self.order[part]
            mass = _population(rate[these], self.beside[these], heavier[part])
            chance = np.cumsum(mass)
            count = rng.poisson(rate[these] * chance)
            top = np.repeat(chance, count)
            place = np.searchsorted(chance, rng.random(len(top)) * top, side="right")
            who = these[np.minimum(place, len(these) - 1)]
            drawn.events[at] += np.bincount(self.cell[these], count, cells)
            drawn.usd[at] += np.bincount(self.cell[who], self.notional[who], cells)


def laws_of(notional: Floats, rate: Floats) -> list[Ints]:
    """Places of the events that share a law of sizes, smallest first, law by law."""
    order, laws = _ordered(notional, rate)
    return [order[part] for part in laws]


def _ordered(notional: Floats, rate: Floats) -> tuple[Ints, tuple[slice, ...]]:
    """Events by law and then by size, and where in that order each law stands."""
    law = _laws(rate)
    edges = np.append(0, np.cumsum(np.bincount(law))).tolist()
    return np.lexsort((notional, law)), tuple(slice(a, b) for a, b in pairwise(edges))


def _laws(rate: Floats) -> Ints:
    """Shape (n,): which law of sizes each event has, as sizes may grow with the rate.

    Events are parted by rate evenly, each part large enough to tell a law; where the rate hardly
    moves there is one.
    """
    parts = min(_LAWS, len(rate) // _LAW_EVENTS)
    edges = np.quantile(rate, np.arange(1, max(1, parts)) / max(1, parts))
    slow, fast = np.quantile(rate, (0.1, 0.9))
    if parts < 2 or fast < _LAW_RANGE * slow:
        return np.zeros(len(rate), dtype=np.int64)
    _, law = np.unique(np.searchsorted(edges, rate, side="right"), return_inverse=True)
    return law.reshape(-1).astype(np.int64)


def _population(rate: Floats, beside: Floats, heavier: Floats | None = None) -> Floats:
    """Shape (n,): mass of each size, ascending, in the sizes of all events.

    The shown one being the largest, every event shown with a size or a larger one had room for
    others of that size: mass = 1 / (all events - sum of the rates of the shown that are as
    large), scaled to 1. It is what the expectation step of the likelihood of sizes settles at
    (Dempster, Laird and Rubin 1977), with all events as the occupancy gives them.
    """
    weight = np.ones(len(rate)) if heavier is None else heavier
    above = np.cumsum((weight * rate)[::-1])[::-1]
    total = float(weight.sum() * (1.0 + beside.sum() / len(rate)))
    room = np.maximum(total - above, 0.25 * float(weight.mean()))
    mass: Floats = weight / room
    mass /= mass.sum()
    return mass
