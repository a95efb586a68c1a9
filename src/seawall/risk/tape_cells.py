"""Sums of a tape by venue, asset and side: what was shown, and what was left out beside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from seawall.core.tape import Coverage, Tape
from seawall.risk.coverage import SATURATED, Unseen, liquidations
from seawall.risk.slot_estimate import Drawn, Mates, Shown, estimates
from seawall.risk.slot_rule import SlotRule
from seawall.risk.together import Allowance, Elsewhere, Together

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MINUTE_NS = 60_000_000_000
PARTLY = (Coverage.SAMPLE, Coverage.UNKNOWN)
"""Coverage of feeds that show a part without a rule."""
Name = tuple[str, str, int]
"""Venue, asset and side of a cell."""


@dataclass(frozen=True, slots=True, eq=False)
class Hidden:
    """What was left out, by cell; shape (c,) each but for the draws.

    Attributes
    ----------
    events, usd
        Expected, beside what was shown.
    held_events, held_usd
        The same with slots that may be full held at the highest rate that can be told.
    full_usd
        The part of ``usd`` that comes from full slots.
    unruled
        Events shown that do not keep to their venue's rule, beside which nothing is estimated.
    volleys
        Events shown of instruments that hide volleys, of which too little is estimated.
    pauses
        Events shown of instruments that are estimated as shown with a pause after each.
    drawn_events, drawn_usd
        Shape (draws, c).
    together
        What is taken of volleys, by venue.
    """

    events: Floats
    usd: Floats
    held_events: Floats
    held_usd: Floats
    full_usd: Floats
    unruled: Ints
    volleys: Ints
    pauses: Ints
    drawn_events: Floats
    drawn_usd: Floats
    together: Mapping[str, Together] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """Sums of liquidations by cell.

    Attributes
    ----------
    names
        Venue, asset and side of each cell.
    events, usd, largest_usd
        Shape (c,): as shown.
    partly, slotted
        Shape (c,): events of feeds that show a part without a rule, and one event a slot.
    hidden
        What was left out.
    unheard
        Venues that were not heard for a part of the time: whatever is told of them is at least.
    imported
        Venues of which files tell that were imported: nobody saw that these hold all.
    """

    names: tuple[Name, ...]
    events: Ints
    usd: Floats
    largest_usd: Floats
    partly: Ints
    slotted: Ints
    hidden: Hidden
    unheard: frozenset[str] = frozenset()
    imported: frozenset[str] = frozenset()

    def of(self, field: int, value: str | int) -> NDArray[np.bool_]:
        """Shape (c,): cells whose venue (0), asset (1) or side (2) is this."""
        return np.array([n[field] == value for n in self.names], dtype=np.bool_)


def cells_of(
    tape: Tape, left_out: Unseen, unheard: Iterable[str] = (), imported: Iterable[str] = ()
) -> Cells:
    """Cells of a tape in memory.

    Parameters
    ----------
    left_out
        What :func:`~seawall.risk.coverage.unseen` made of the same tape.
    """
    mine = liquidations(tape)
    width = len(left_out.cells)
    cell, usd = left_out.cell[mine], tape.notional[mine]
    coverage, beside, beside_usd = tape.coverage[mine], left_out.events[mine], left_out.usd[mine]
    full = left_out.saturated[mine]
    kept = left_out.held[mine]

    def count(rows: NDArray[np.bool_]) -> Ints:
        return np.bincount(cell[rows], minlength=width)

    def total(values: Floats) -> Floats:
        return np.bincount(cell, values, width).astype(np.float64)

    largest = np.zeros(width)
    np.maximum.at(largest, cell, usd)
    names = tuple((tape.venues[v], tape.assets[a], int(s)) for v, a, s in left_out.cells.tolist())
    hidden = Hidden(
        events=total(beside),
        usd=total(beside_usd),
        held_events=total(beside * kept),
        held_usd=total(beside_usd * kept),
        full_usd=total(np.where(full, beside_usd, 0.0)),
        unruled=count(left_out.unruled[mine]),
        volleys=count(left_out.volleys[mine]),
        pauses=count(left_out.pauses[mine]),
        drawn_events=left_out.drawn_events,
        drawn_usd=left_out.drawn_usd,
        together=left_out.together,
    )
    return Cells(
        names,
        count(np.ones(len(cell), dtype=np.bool_)),
        total(usd),
        largest,
        count(np.isin(coverage, PARTLY)),
        count(coverage == Coverage.ONE_A_SLOT),
        hidden,
        frozenset(unheard),
        frozenset(imported),
    )


@dataclass(frozen=True, slots=True, eq=False)
class SlottedFeed:
    """What one venue's feed with a slot rule showed.

    Attributes
    ----------
    venue
        Its name.
    own
        Instruments with at least ``slot_estimate.OWN_FIT`` events, one after the other: each is
        let go before the next is asked for.
    quiet
        The others.
    """

    venue: str
    rule: SlotRule
    own: Iterable[Shown]
    quiet: tuple[Shown, ...]


def hidden_of(
    feeds: Iterable[SlottedFeed],
    cells: int,
    window: tuple[int, int],
    draws: int = 200,
    seed: int = 0,
    whole: Mapping[str, Sequence[Shown]] | None = None,
) -> tuple[Hidden, Mapping[int, float]]:
    """What feeds left out, summed as they are gone through, never holding more than one of them.

    Parameters
    ----------
    feeds
        Venue by venue, in order of name.
    cells
        How many cells there are.
    window
        First and last ns.
    whole
        By venue the instruments of those that show everything, which tell of volleys.

    Returns
    -------
    hidden
        By cell.
    minutes
        USD expected beside what was shown, by the UTC ns at which each minute begins.
    """
    drawn = Drawn.empty(draws, cells)
    sums = np.zeros((5, cells))
    unruled, volleys, pauses = (np.zeros(cells, dtype=np.int64) for _ in range(3))
    begun = window[0] // MINUTE_NS
    minute = np.zeros(max(0, window[1] // MINUTE_NS - begun) + 1)
    rng = np.random.default_rng(seed)
    elsewhere = Elsewhere(whole or {}, seed)
    allowed: dict[str, Allowance] = {}
    for feed in feeds:
        allowance = allowed[feed.venue] = Allowance(cells, feed.rule, elsewhere)
        for shown, slots_tell in estimates(feed.own, feed.quiet, feed.rule, drawn, rng):
            if slots_tell is None:
                unruled += np.bincount(shown.cell, minlength=cells)
                continue
            mates = allowance.add(shown, slots_tell)
            for mark, marked in ((mates.volleys, volleys), (mates.pause, pauses)):
                if mark:
                    marked += np.bincount(shown.cell, minlength=cells)
            for k, values in enumerate(_parts(mates)):
                sums[k] += np.bincount(shown.cell, values, cells)
            place = shown.time // MINUTE_NS - begun
            minute += np.bincount(place, mates.usd, len(minute))
    wide = drawn.spread(*sum((a.alone for a in allowed.values()), np.zeros((2, cells))))
    for one in allowed.values():
        one.widen(wide)
    hidden = Hidden(
        events=sums[0],
        usd=sums[1],
        held_events=sums[2],
        held_usd=sums[3],
        full_usd=sums[4],
        unruled=unruled,
        volleys=volleys,
        pauses=pauses,
        drawn_events=wide.events,
        drawn_usd=wide.usd,
        together={venue: one.told for venue, one in allowed.items()},
    )
    there = np.flatnonzero(minute)
    times = ((there + begun) * MINUTE_NS).tolist()
    return hidden, dict(zip(times, minute[there].tolist(), strict=True))


def _parts(mates: Mates) -> tuple[Floats, ...]:
    """Events, USD, both as held, and USD of full slots, beside each event."""
    full = mates.rate > SATURATED
    return (
        mates.events,
        mates.usd,
        mates.events * mates.held,
        mates.usd * mates.held,
        np.where(full, mates.usd, 0.0),
    )
