"""What a feed left out that publishes at most one event a symbol and slot of time.

A hidden rate that wanders over time fills the slots; which of them are occupied tells the rate,
the rate tells how many events stood beside each one shown, and the rule by which the venue
chooses the shown one tells how large they were.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from seawall.core import InternalError
from seawall.core.tape import Coverage, Kind, Tape
from seawall.risk import _coverage as kernels
from seawall.risk._rate_model import RateModel, Row, draw, expected, fit, row_of

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

SATURATED = 3.0
"""Events a slot above which slots are as good as always occupied (95%): only a floor is told."""
SATURATED_SHARE = 0.05
"""Share of an estimate that may come from saturated slots before it is a lower bound."""
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


class Label(StrEnum):
    """Where a published figure comes from."""

    MEASURED = "measured"
    MODELLED = "modelled"
    LOWER_BOUND = "lower bound"


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
class Unseen:
    """What stood beside the events of a tape and was not published.

    Attributes
    ----------
    events, usd
        Shape (n,): expected events, and their USD, beside each event of the tape; 0 where the
        feed shows all, or tells no rule.
    saturated
        Shape (n,): whether the rate there can only be told from below.
    unruled
        Shape (n,): events of an instrument that shows more of them in a slot than its venue's
        rule allows: it came by another way, and nothing is estimated of it.
    cell
        Shape (n,): cell of each event, a venue, an asset and a side together.
    cells
        Shape (c, 3): venue and asset codes, and side, of each cell.
    drawn_events, drawn_usd
        Shape (draws, c): draws of what was not seen, whose spread is the uncertainty.
    fitted
        The models of the rate by instrument, or by venue for its quiet instruments together.
    """

    events: Floats
    usd: Floats
    saturated: Mask
    unruled: Mask
    cell: Ints
    cells: Ints
    drawn_events: Floats
    drawn_usd: Floats
    fitted: Mapping[str, tuple[RateModel, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with the ends of its 5-95% interval; an end that cannot be told is NaN."""

    value: float
    low: float
    high: float
    label: Label


def liquidations(tape: Tape) -> Mask:
    """Shape (n,): what counts as liquidated, in whole or in part; never its ADL counterpart."""
    mine: Mask = (tape.kind == Kind.LIQUIDATION) | (tape.kind == Kind.PARTIAL)
    return mine


def unseen(
    tape: Tape,
    rules: Mapping[str, SlotRule] | None = None,
    window: tuple[int, int] | None = None,
    draws: int = 200,
    seed: int = 0,
) -> Unseen:
    """Estimate what the feeds with one event a slot left out.

    Parameters
    ----------
    tape
        Events, each once.
    rules
        Slot rule by venue; a second and the latest event where a venue is not named.
    window
        First and last ns that the tape was recorded over; its own first and last event if None.
    draws
        Draws of what was not seen.
    seed
        Of the draws.

    Notes
    -----
    Sources: occupied slots of a Poisson process, Feller, *An Introduction to Probability Theory
    and Its Applications* I (3rd ed. 1968), chapter VI; counters with a dead time, Feller, On
    probability problems in the theory of counters (1948), and Knoll, *Radiation Detection and
    Measurement* (4th ed. 2010), chapter 4, section VII; the filter over a hidden rate, Rabiner,
    *Proceedings of the IEEE* 77 (1989). See docs/methods/coverage.md.
    """
    cells, cell = _cells(tape)
    n = len(tape)
    found = Unseen(
        np.zeros(n),
        np.zeros(n),
        np.zeros(n, dtype=np.bool_),
        np.zeros(n, dtype=np.bool_),
        cell,
        cells,
        np.zeros((draws, len(cells))),
        np.zeros((draws, len(cells))),
        {},
    )
    slotted = liquidations(tape) & (tape.coverage == Coverage.ONE_A_SLOT)
    if not slotted.any():
        return found
    ends = window or (int(tape.time[slotted].min()), int(tape.time[slotted].max()))
    fitted: dict[str, tuple[RateModel, ...]] = {}
    rng = np.random.default_rng(seed)
    for code, venue in enumerate(tape.venues):
        mine = np.flatnonzero(slotted & (tape.venue == code))
        if not len(mine):
            continue
        rule = (rules or {}).get(venue, SlotRule())
        parts = []
        for rows in _by_instrument(tape, mine):
            if _obeys(tape.time[rows], rule):
                parts.append(_Part.of(tape, rows, rule, ends))
            else:
                found.unruled[rows] = True
        for name, models, group in _fitted(tape, venue, parts):
            fitted[name] = models
            for part in group:
                _estimate(tape, part, models, rule, found, rng)
    centre = np.bincount(cell, found.usd, len(cells))
    usd = np.maximum(centre + _WIDER * (found.drawn_usd - centre), 0.0)
    return replace(found, drawn_usd=usd, fitted=fitted)


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """One instrument's shown events, by slot."""

    rows: Ints
    slots: Row
    instrument: int

    @staticmethod
    def of(tape: Tape, rows: Ints, rule: SlotRule, ends: tuple[int, int]) -> _Part:
        length = round(rule.seconds * 1e9)
        if length <= 0:
            raise InternalError(f"a slot of {rule.seconds} s")
        rows = rows[np.argsort(tape.time[rows], kind="stable")]
        slot = tape.time[rows] // length
        # the venue's slots need not begin where ours do: two shown in one of ours are neighbours
        spread = np.maximum.accumulate(slot - np.arange(len(slot))) + np.arange(len(slot))
        row = row_of(spread, ends[0] // length, ends[1] // length)
        return _Part(rows, row, int(tape.instrument[rows[0]]))


def _by_instrument(tape: Tape, rows: Ints) -> Iterator[Ints]:
    order = rows[np.argsort(tape.instrument[rows], kind="stable")]
    yield from np.split(order, np.flatnonzero(np.diff(tape.instrument[order])) + 1)


def _obeys(time: Ints, rule: SlotRule) -> bool:
    """Whether a slot holds one event: at most two in ours, as the venue's begin elsewhere."""
    _, count = np.unique(time // round(rule.seconds * 1e9), return_counts=True)
    return int((count > 2).sum()) <= _UNRULED_SHARE * len(count)


def _fitted(
    tape: Tape, venue: str, parts: list[_Part]
) -> Iterator[tuple[str, tuple[RateModel, ...], list[_Part]]]:
    """Models and the instruments they hold for."""
    quiet = [p for p in parts if len(p.rows) < OWN_FIT]
    for part in parts:
        if len(part.rows) >= OWN_FIT:
            name = f"{venue} {tape.instruments[part.instrument]}"
            yield name, fit(_stretches(part.slots)), [part]
    if quiet:
        taken, events = [], 0
        for part in sorted(quiet, key=lambda p: -len(p.rows)):
            taken.append(part.slots)
            events += len(part.rows)
            if events > _FIT_EVENTS:
                break
        yield f"{venue} others", fit(taken), quiet


def _stretches(row: Row) -> list[Row]:
    """A long row cut down to a few even stretches, for the fit alone."""
    if len(row.gaps) <= _FIT_EVENTS:
        return [row]
    pieces = 6
    size = _FIT_EVENTS // pieces
    firsts = np.linspace(0, len(row.gaps) - size, pieces).astype(np.int64)
    return [Row(row.gaps[k : k + size], 0) for k in firsts.tolist()]


def _estimate(
    tape: Tape,
    part: _Part,
    models: tuple[RateModel, ...],
    rule: SlotRule,
    found: Unseen,
    rng: np.random.Generator,
) -> None:
    """Fill in one instrument's rows and add its draws."""
    rate, beside = sum(m.weight * expected(m, part.slots) for m in models).T  # type: ignore
    rows = part.rows
    found.saturated[rows] = rate > SATURATED
    notional = tape.notional[rows]
    sizes = _Sizes.of(notional, rate, beside, rule.shows)
    found.events[rows] = beside
    found.usd[rows] = sizes.expected
    counts = rng.multinomial(len(found.drawn_usd), [m.weight for m in models])
    done = 0
    for model, count in zip(models, counts.tolist(), strict=True):
        step = max(1, _BATCH // len(rows))
        for first in range(0, count, step):
            rates = draw(model, part.slots, min(step, count - first), rng)
            for one in rates:
                _add_draw(found, done, rows, one, sizes, rng)
                done += 1


def _add_draw(
    found: Unseen, at: int, rows: Ints, rate: Floats, sizes: _Sizes, rng: np.random.Generator
) -> None:
    width = len(found.cells)
    cell = found.cell[rows]
    who, usd, count = sizes.drawn(rate, rng)
    found.drawn_events[at] += np.bincount(cell, count, width)
    found.drawn_usd[at] += np.bincount(cell[who], usd, width)


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


def _cells(tape: Tape) -> tuple[Ints, Ints]:
    key = (tape.venue.astype(np.int64) * max(1, len(tape.assets)) + tape.asset) * 2
    key += tape.side > 0
    known, cell = np.unique(key, return_inverse=True)
    pair = known // 2
    width = max(1, len(tape.assets))
    cells = np.stack([pair // width, pair % width, np.where(known % 2, 1, -1)], axis=1)
    return cells.reshape(-1, 3), cell.astype(np.int64)
