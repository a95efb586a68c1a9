"""What stood beside the events that a feed with one event a slot showed of an instrument."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from seawall.core import InternalError
from seawall.risk import _coverage as kernels
from seawall.risk._rate_model import RateModel, Row, draw, expected, fit, row_of

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

OWN_FIT = 300
"""Shown events from which an instrument is fitted by itself; the others are taken together."""
_FIT_EVENTS = 3_000
_POOL = 51
_UNRULED_SHARE = 0.01
_WIDER = 1.1
"""By how much draws of USD are spread: sizes seen tell too little of how large sizes can be.

Fitted on the 500 synthetic tapes that no row of the published check holds.
"""
_BATCH = 4_000_000


class Shows(StrEnum):
    """Which of a slot's events the venue publishes."""

    LATEST = "latest"
    LARGEST = "largest"


@dataclass(frozen=True, slots=True)
class SlotRule:
    """A venue's rule: one event a symbol and slot.

    Parameters
    ----------
    seconds
        Length of a slot.
    shows
        Which event of the slot is published.
    """

    seconds: float = 1.0
    shows: Shows = Shows.LATEST


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
    fitted
        What the models were fitted on: the instrument, or ``others``.
    models
        The models of the rate.
    """

    rate: Floats
    events: Floats
    usd: Floats
    fitted: str
    models: tuple[RateModel, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """Draws of what was not shown, by cell: shape (draws, c) each. Filled as estimates are made."""

    events: Floats
    usd: Floats

    @staticmethod
    def empty(draws: int, cells: int) -> Drawn:
        """Nothing drawn yet."""
        return Drawn(np.zeros((draws, cells)), np.zeros((draws, cells)))

    def spread(self, centre: Floats) -> Floats:
        """Shape (draws, c): USD drawn, spread about what is expected, never below 0."""
        return np.asarray(np.maximum(centre + _WIDER * (self.usd - centre), 0.0))


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
    for shown in own:
        if _obeys(shown.time, rule):
            row = _row(shown, rule)
            models = fit(_stretches(row))
            yield shown, _estimate(shown, row, shown.name, models, rule, drawn, rng)
        else:
            yield shown, None
    held = []
    for shown in quiet:
        if _obeys(shown.time, rule):
            held.append((shown, _row(shown, rule)))
        else:
            yield shown, None
    if held:
        models = fit(_most(row for _, row in held))
        for shown, row in held:
            yield shown, _estimate(shown, row, "others", models, rule, drawn, rng)


def _row(shown: Shown, rule: SlotRule) -> Row:
    length = round(rule.seconds * 1e9)
    if length <= 0:
        raise InternalError(f"a slot of {rule.seconds} s")
    slot = shown.time // length
    # the venue's slots need not begin where ours do: two shown in one of ours are neighbours
    spread = np.maximum.accumulate(slot - np.arange(len(slot))) + np.arange(len(slot))
    return row_of(spread, shown.first // length, shown.last // length)


def _obeys(time: Ints, rule: SlotRule) -> bool:
    """Whether a slot holds one event: at most two in ours, as the venue's begin elsewhere."""
    _, count = np.unique(time // round(rule.seconds * 1e9), return_counts=True)
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
    rate, beside = sum(m.weight * expected(m, row) for m in models).T  # type: ignore
    sizes = _Sizes.of(shown.usd, rate, beside, rule.shows)
    counts = rng.multinomial(len(drawn.usd), [m.weight for m in models])
    done = 0
    for model, count in zip(models, counts.tolist(), strict=True):
        step = max(1, _BATCH // len(shown.time))
        for first in range(0, count, step):
            for one in draw(model, row, min(step, count - first), rng):
                _add_draw(drawn, done, shown.cell, one, sizes, rng)
                done += 1
    return Mates(rate, beside, sizes.expected, fitted, models)


def _add_draw(
    drawn: Drawn, at: int, cell: Ints, rate: Floats, sizes: _Sizes, rng: np.random.Generator
) -> None:
    width = drawn.usd.shape[1]
    who, usd, count = sizes.drawn(rate, rng)
    drawn.events[at] += np.bincount(cell, count, width)
    drawn.usd[at] += np.bincount(cell[who], usd, width)


@dataclass(frozen=True, slots=True, eq=False)
class _Sizes:
    """Sizes of what stood beside the shown events of one instrument."""

    notional: Floats
    beside: Floats
    expected: Floats
    shows: Shows
    order: Ints
    """Events by rate (latest) or by size (largest)."""
    place: Ints
    """Rank of each event in that order."""

    @staticmethod
    def of(notional: Floats, rate: Floats, beside: Floats, shows: Shows) -> _Sizes:
        """``latest``: the shown one is like those beside it; ``largest``: it tops them."""
        if shows is Shows.LATEST:
            order = np.argsort(rate, kind="stable")
            expected_usd = beside * notional
        else:
            order = np.argsort(notional, kind="stable")
            mass = _population(rate[order], beside)
            below = np.cumsum(mass * notional[order])
            expected_usd = np.empty(len(order))
            expected_usd[order] = rate[order] * below
            # what the rule of sizes says in all is held to what the occupancy says in all
            share = float((rate[order] * np.cumsum(mass)).sum())
            expected_usd *= float(beside.sum()) / share if share > 0 else 0.0
        place = np.empty(len(order), dtype=np.int64)
        place[order] = np.arange(len(order))
        return _Sizes(notional, beside, expected_usd, shows, order, place)

    def drawn(self, rate: Floats, rng: np.random.Generator) -> tuple[Ints, Floats, Floats]:
        """Places and USD to add in one draw, and the events beside each shown one.

        The draw holds the chance of what happened and that of what the estimate rests on: the
        sizes are drawn once for the former and once, with the other sign, for the latter.
        """
        n = len(rate)
        if self.shows is Shows.LATEST:
            count = np.empty(n, dtype=np.int64)
            kernels.mates(rate, rng.random(n), count)
            who = self._alike(np.repeat(np.arange(n), count), rng)
            other = self._alike(np.arange(n), rng)
            usd = np.concatenate(
                [self.notional[who], self.expected, -self.beside * self.notional[other]]
            )
            return np.concatenate([who, np.arange(n), other]), usd, count.astype(np.float64)
        heavier = rng.standard_exponential(n)
        ordered = rate[self.order]
        mass = _population(ordered, self.beside, heavier)
        chance = np.cumsum(mass)
        count = rng.poisson(ordered * chance)
        top = np.repeat(chance, count)
        drawn = np.searchsorted(chance, rng.random(len(top)) * top, side="right")
        who = self.order[np.minimum(drawn, n - 1)]
        by_event = np.empty(n)
        by_event[self.order] = count
        return who, self.notional[who], by_event

    def _alike(self, events: Ints, rng: np.random.Generator) -> Ints:
        """For each event another of about the same rate, at random."""
        n = len(self.order)
        width = min(_POOL, n)
        first = np.clip(self.place[events] - width // 2, 0, n - width)
        other: Ints = self.order[first + rng.integers(0, width, len(events))]
        return other


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
