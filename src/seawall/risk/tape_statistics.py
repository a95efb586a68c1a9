"""Figures of a tape: how much, whose, where, how fast, and how much of it could be seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seawall.core.tape import Coverage, Kind, Tape
from seawall.risk.coverage import Estimate, Label, Unseen, liquidations
from seawall.risk.tape_shares import VenueShare, estimate, top_share, venue_shares

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MINUTE_NS = 60_000_000_000


@dataclass(frozen=True, slots=True)
class Largest:
    """The largest single event that was shown."""

    time: int
    venue: str
    instrument: str
    asset: str
    side: int
    notional_usd: float
    price: float
    at_fill: bool
    label: Label


@dataclass(frozen=True, slots=True)
class Run:
    """The longest row of events, one after the other in time, of one side."""

    side: int
    events: int
    notional_usd: float
    start: int
    end: int


@dataclass(frozen=True, slots=True, eq=False)
class Minutes:
    """Minute by minute, from the first to the last with an event; shape (m,) each."""

    start: Ints
    events: Ints
    long_usd: Floats
    short_usd: Floats
    unseen_usd: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Statistics:
    """What a tape comes to. Sides are those of the positions closed.

    ADL closings and takeovers are counted apart: they are the other side, or another step, of
    liquidations and never added to them.
    """

    events: int
    accounts: int | None
    notional_usd: float
    long_usd: float
    short_usd: float
    estimate: Estimate
    events_estimate: Estimate
    largest: Largest | None
    longest_run: Run | None
    venues: tuple[VenueShare, ...]
    top3_share: Estimate
    top3_shown: float
    minutes: Minutes
    adl_events: int
    adl_usd: float
    takeover_events: int
    takeover_usd: float
    unruled: tuple[str, ...] = ()
    """Venues of which more events were shown in a slot than their rule allows."""


def statistics(tape: Tape, left_out: Unseen) -> Statistics:
    """Figures of the events of a tape, each taken once, and of what its feeds left out.

    Parameters
    ----------
    tape
        Events.
    left_out
        What :func:`~seawall.risk.coverage.unseen` made of the same tape.
    """
    mine = liquidations(tape)
    long = mine & (tape.side > 0)
    accounts = tape.account[mine]
    told = accounts[accounts != 0]
    venues = venue_shares(tape, left_out)
    top3, top3_shown = top_share(tape, left_out, venues)
    everything = np.ones(len(tape), dtype=np.bool_)
    return Statistics(
        events=int(mine.sum()),
        accounts=len(np.unique(told)) if len(told) else None,
        notional_usd=float(tape.notional[mine].sum()),
        long_usd=float(tape.notional[long].sum()),
        short_usd=float(tape.notional[mine & ~long].sum()),
        estimate=estimate(tape, left_out, everything),
        events_estimate=estimate(tape, left_out, everything, count=True),
        largest=largest(tape),
        longest_run=longest_run(tape),
        venues=venues,
        top3_share=top3,
        top3_shown=top3_shown,
        minutes=minutes(tape, left_out),
        adl_events=int((tape.kind == Kind.ADL).sum()),
        adl_usd=float(tape.notional[tape.kind == Kind.ADL].sum()),
        takeover_events=int((tape.kind == Kind.TAKEOVER).sum()),
        takeover_usd=float(tape.notional[tape.kind == Kind.TAKEOVER].sum()),
        unruled=tuple(tape.venues[c] for c in np.unique(tape.venue[left_out.unruled])),
    )


def largest(tape: Tape) -> Largest | None:
    """The largest event shown; measured only if every feed shows all."""
    mine = np.flatnonzero(liquidations(tape))
    if not len(mine):
        return None
    i = int(mine[np.argmax(tape.notional[mine])])
    whole = bool((tape.coverage[mine] == Coverage.ALL).all())
    return Largest(
        time=int(tape.time[i]),
        venue=tape.venues[tape.venue[i]],
        instrument=tape.instruments[tape.instrument[i]],
        asset=tape.assets[tape.asset[i]],
        side=int(tape.side[i]),
        notional_usd=float(tape.notional[i]),
        price=float(tape.price[i]),
        at_fill=bool(tape.at_fill[i]),
        label=Label.MEASURED if whole else Label.LOWER_BOUND,
    )


def longest_run(tape: Tape) -> Run | None:
    """The longest row of one side, in the order of time; of equal ones the larger in USD."""
    mine = tape.take(liquidations(tape)).in_order()
    if not len(mine):
        return None
    edges = np.flatnonzero(np.diff(mine.side)) + 1
    first = np.append(0, edges)
    last = np.append(edges, len(mine))
    usd = np.add.reduceat(mine.notional, first)
    k = int(np.lexsort((usd, last - first))[-1])
    a, b = int(first[k]), int(last[k])
    return Run(int(mine.side[a]), b - a, float(usd[k]), int(mine.time[a]), int(mine.time[b - 1]))


def minutes(tape: Tape, left_out: Unseen) -> Minutes:
    """Every minute from the first event to the last, also those without one."""
    mine = liquidations(tape)
    if not mine.any():
        none = np.zeros(0)
        return Minutes(none.astype(np.int64), none.astype(np.int64), none, none, none)
    minute = tape.time[mine] // MINUTE_NS
    first = int(minute.min())
    place, width = minute - first, int(minute.max()) - first + 1
    usd, long = tape.notional[mine], tape.side[mine] > 0
    return Minutes(
        start=(first + np.arange(width)) * MINUTE_NS,
        events=np.bincount(place, minlength=width),
        long_usd=np.bincount(place, np.where(long, usd, 0.0), width).astype(np.float64),
        short_usd=np.bincount(place, np.where(long, 0.0, usd), width).astype(np.float64),
        unseen_usd=np.bincount(place, left_out.usd[mine], width).astype(np.float64),
    )


def forced_share(forced_usd: float, of_usd: float) -> float:
    """Forced notional over volume or open interest; NaN where that is not known."""
    return forced_usd / of_usd if of_usd > 0 else float("nan")


@dataclass(frozen=True, slots=True)
class Rank:
    """Where a day stands among days: 1 is the largest."""

    place: int
    days: int
    share_below: float


def rank_of(value: float, history: Floats) -> Rank:
    """Rank of a day's notional among other days' (the day itself not among them)."""
    known = np.asarray(history, dtype=np.float64)
    known = known[np.isfinite(known)]
    above = int((known > value).sum())
    below = float((known < value).mean()) if len(known) else float("nan")
    return Rank(above + 1, len(known) + 1, below)


Change = tuple[float, float, float, float]
"""Of the first day, of the second, difference, ratio (NaN from 0)."""


def changes(first: Mapping[str, float], second: Mapping[str, float]) -> dict[str, Change]:
    """Figures of two days side by side."""
    found: dict[str, Change] = {}
    for name, a in first.items():
        b = second.get(name, float("nan"))
        found[name] = (a, b, b - a, b / a if a else float("nan"))
    return found
