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

from seawall.core.tape import LIQUIDATED, Coverage, Tape
from seawall.risk._rate_model import SATURATED, RateModel
from seawall.risk.slot_estimate import OWN_FIT, Drawn, Shown, estimates
from seawall.risk.slot_rule import Shows, SlotRule
from seawall.risk.together import INSTRUMENTS, Allowance, Elsewhere, Together, first_of

__all__ = [
    "SATURATED",
    "Estimate",
    "Label",
    "Shows",
    "SlotRule",
    "Unseen",
    "liquidations",
    "unseen",
]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]


class Label(StrEnum):
    """Where a published figure comes from."""

    MEASURED = "measured"
    IMPORTED = "as imported"
    """All that files held which were imported; whether they held all is not known."""
    MODELLED = "modelled"
    LOWER_BOUND = "lower bound"


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with the ends of its 5-95% interval; an end that cannot be told is NaN."""

    value: float
    low: float
    high: float
    label: Label

    @property
    def told(self) -> float:
        """The one figure that is said of it: of a lower bound the end that holds."""
        return self.low if self.label is Label.LOWER_BOUND else self.value


@dataclass(frozen=True, slots=True, eq=False)
class Unseen:
    """What stood beside the events of a tape and was not published.

    Attributes
    ----------
    events, usd
        Shape (n,): expected events, and their USD, beside each event of the tape; 0 where the
        feed shows all, or tells no rule.
    held
        Shape (n,): part of both that is left where slots that may be full are held at the highest
        rate that can be told.
    saturated
        Shape (n,): whether the rate there can only be told from below.
    unruled
        Shape (n,): events of an instrument that does not keep to its venue's rule, showing more
        of them in a slot than it allows, or too few close together for fixed slots and too many
        for a pause: it came by another way, and nothing is estimated of it.
    volleys
        Shape (n,): events of an instrument (or of a venue's quiet ones together) that stand
        closer together than chance would put them: what is estimated of it is too little.
    pauses
        Shape (n,): events of an instrument that stand as a feed puts them that pauses after each.
    cell
        Shape (n,): cell of each event, a venue, an asset and a side together.
    cells
        Shape (c, 3): venue and asset codes, and side, of each cell.
    drawn_events, drawn_usd
        Shape (draws, c): draws of what was not seen, whose spread is the uncertainty.
    fitted
        The models of the rate by instrument, or by venue for its quiet instruments together.
    together
        What is taken of volleys, by venue.
    """

    events: Floats
    usd: Floats
    held: Floats
    saturated: Mask
    unruled: Mask
    volleys: Mask
    pauses: Mask
    cell: Ints
    cells: Ints
    drawn_events: Floats
    drawn_usd: Floats
    fitted: Mapping[str, tuple[RateModel, ...]] = field(default_factory=dict)
    together: Mapping[str, Together] = field(default_factory=dict)


def liquidations(tape: Tape) -> Mask:
    """Shape (n,): what counts as liquidated: in whole, in part or taken over; never a winner."""
    mine: Mask = np.isin(tape.kind, LIQUIDATED)
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
    drawn = Drawn.empty(draws, len(cells))
    found = Unseen(
        np.zeros(n),
        np.zeros(n),
        np.ones(n),
        np.zeros(n, dtype=np.bool_),
        np.zeros(n, dtype=np.bool_),
        np.zeros(n, dtype=np.bool_),
        np.zeros(n, dtype=np.bool_),
        cell,
        cells,
        drawn.events,
        drawn.usd,
        {},
    )
    slotted = liquidations(tape) & (tape.coverage == Coverage.ONE_A_SLOT)
    if not slotted.any():
        return found
    ends = window or (int(tape.time[slotted].min()), int(tape.time[slotted].max()))
    fitted: dict[str, tuple[RateModel, ...]] = {}
    rng = np.random.default_rng(seed)
    whole = _whole(tape, cell, ends)
    elsewhere = Elsewhere(whole, seed)
    allowed: dict[str, Allowance] = {}
    for code, venue in enumerate(tape.venues):
        rule = (rules or {}).get(venue, SlotRule())
        rows: dict[str, Ints] = {}
        shown = []
        for mine in _by_instrument(tape, np.flatnonzero(slotted & (tape.venue == code))):
            name = tape.instruments[tape.instrument[mine[0]]]
            rows[name] = mine
            shown.append(Shown(name, tape.time[mine], tape.notional[mine], cell[mine], *ends))
        if not shown:
            continue
        allowed[venue] = Allowance(len(cells), rule, elsewhere)
        own = [s for s in shown if len(s.time) >= OWN_FIT]
        quiet = [s for s in shown if len(s.time) < OWN_FIT]
        for one, slots_tell in estimates(own, quiet, rule, drawn, rng):
            at = rows[one.name]
            if slots_tell is None:
                found.unruled[at] = True
                continue
            mates = allowed[venue].add(one, slots_tell)
            found.events[at], found.usd[at] = mates.events, mates.usd
            found.held[at] = mates.held
            found.saturated[at] = mates.rate > SATURATED
            found.volleys[at], found.pauses[at] = mates.volleys, mates.pause
            fitted[f"{venue} {mates.fitted}"] = mates.models
    wide = drawn.spread(*sum((a.alone for a in allowed.values()), np.zeros((2, len(cells)))))
    for venue_allowed in allowed.values():
        venue_allowed.widen(wide)
    return replace(
        found,
        drawn_events=wide.events,
        drawn_usd=wide.usd,
        fitted=fitted,
        together={venue: one.told for venue, one in allowed.items()},
    )


def _whole(tape: Tape, cell: Ints, ends: tuple[int, int]) -> dict[str, list[Shown]]:
    """Instruments with the most events of each venue that shows all of them."""
    found: dict[str, list[Shown]] = {}
    everything = liquidations(tape) & (tape.coverage == Coverage.ALL)
    for code, venue in enumerate(tape.venues):
        rows = np.flatnonzero(everything & (tape.venue == code))
        known = [(tape.instruments[tape.instrument[m[0]]], m) for m in _by_instrument(tape, rows)]
        known = [(name, m) for name, m in known if len(m) >= OWN_FIT]
        known.sort(key=lambda k: (-len(k[1]), k[0]))
        for name, mine in known[:INSTRUMENTS]:
            one = Shown(name, tape.time[mine], tape.notional[mine], cell[mine], *ends)
            found.setdefault(venue, []).append(first_of(one))
    return found


def _by_instrument(tape: Tape, rows: Ints) -> Iterator[Ints]:
    """Rows of each instrument, in order of time."""
    if not len(rows):
        return
    rows = rows[np.lexsort((tape.time[rows], tape.instrument[rows]))]
    yield from np.split(rows, np.flatnonzero(np.diff(tape.instrument[rows])) + 1)


def _cells(tape: Tape) -> tuple[Ints, Ints]:
    key = (tape.venue.astype(np.int64) * max(1, len(tape.assets)) + tape.asset) * 2
    key += tape.side > 0
    known, cell = np.unique(key, return_inverse=True)
    pair = known // 2
    width = max(1, len(tape.assets))
    cells = np.stack([pair // width, pair % width, np.where(known % 2, 1, -1)], axis=1)
    return cells.reshape(-1, 3), cell.astype(np.int64)
