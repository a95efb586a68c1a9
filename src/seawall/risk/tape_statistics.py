"""Figures of a tape: how much, whose, where, how fast, and how much of it could be seen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from seawall.core.tape import Coverage, Kind, Tape
from seawall.risk.coverage import Estimate, Label, Unseen, liquidations
from seawall.risk.tape_cells import MINUTE_NS, Cells, cells_of
from seawall.risk.tape_shares import VenueShare, estimate, top_share, venue_shares
from seawall.risk.together import Together

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


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

    What a venue took over counts as liquidated, and is also told by itself. ADL closings are the
    other side of liquidations: counted apart, never added.
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
    """Venues of which events were shown that do not keep to their rule."""
    volleys: tuple[str, ...] = ()
    """Venues whose events stand closer together than chance would put them."""
    pauses: tuple[str, ...] = ()
    """Venues estimated as a feed that pauses after each event shown, not by fixed slots."""
    together: Mapping[str, Together] = field(default_factory=dict)
    """What is taken of volleys, by venue with one event a slot."""


@dataclass(frozen=True, slots=True, eq=False)
class Others:
    """Figures of a tape that are no sums by venue, asset and side.

    Attributes
    ----------
    accounts
        Accounts that were liquidated, where venues tell them.
    adl, takeovers
        Events and their USD; takeovers are among the liquidations.
    """

    accounts: int | None
    largest: Largest | None
    longest_run: Run | None
    minutes: Minutes
    adl: tuple[int, float]
    takeovers: tuple[int, float]


def statistics(
    tape: Tape, left_out: Unseen, unheard: Iterable[str] = (), imported: Iterable[str] = ()
) -> Statistics:
    """Figures of the events of a tape, each taken once, and of what its feeds left out.

    Parameters
    ----------
    tape
        Events.
    left_out
        What :func:`~seawall.risk.coverage.unseen` made of the same tape.
    unheard
        Venues that were not heard for a part of the time.
    imported
        Venues of which imported files tell.
    """
    told = tape.account[liquidations(tape) & (tape.account != 0)]
    adl, takeovers = tape.kind == Kind.ADL, tape.kind == Kind.TAKEOVER
    others = Others(
        accounts=len(np.unique(told)) if len(told) else None,
        largest=largest(tape),
        longest_run=longest_run(tape),
        minutes=minutes(tape, left_out),
        adl=(int(adl.sum()), float(tape.notional[adl].sum())),
        takeovers=(int(takeovers.sum()), float(tape.notional[takeovers].sum())),
    )
    return statistics_of(cells_of(tape, left_out, unheard, imported), others)


def statistics_of(cells: Cells, others: Others) -> Statistics:
    """The same of sums that were asked of a store."""
    venues = venue_shares(cells)
    top3, top3_shown = top_share(cells, venues)
    long = cells.of(2, 1)
    unruled, volleys, pauses = (
        tuple(sorted({cells.names[k][0] for k in np.flatnonzero(there)}))
        for there in (cells.hidden.unruled, cells.hidden.volleys, cells.hidden.pauses)
    )
    most = others.largest
    if most is not None and cells.unheard:
        most = replace(most, label=Label.LOWER_BOUND)
    elif most is not None and cells.imported and most.label is Label.MEASURED:
        most = replace(most, label=Label.IMPORTED)
    return Statistics(
        events=int(cells.events.sum()),
        accounts=others.accounts,
        notional_usd=float(cells.usd.sum()),
        long_usd=float(cells.usd[long].sum()),
        short_usd=float(cells.usd[~long].sum()),
        estimate=estimate(cells),
        events_estimate=estimate(cells, count=True),
        largest=most,
        longest_run=others.longest_run,
        venues=venues,
        top3_share=top3,
        top3_shown=top3_shown,
        minutes=others.minutes,
        adl_events=others.adl[0],
        adl_usd=others.adl[1],
        takeover_events=others.takeovers[0],
        takeover_usd=others.takeovers[1],
        unruled=unruled,
        volleys=volleys,
        pauses=pauses,
        together=cells.hidden.together,
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
    return joined_run([runs_of(mine.time, mine.side, mine.notional)])


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


def minutes_of(
    start: Ints, events: Ints, long_usd: Floats, short_usd: Floats, unseen_usd: Mapping[int, float]
) -> Minutes:
    """Every minute from the first to the last, of those that have an event, in order of time."""
    if not len(start):
        none = np.zeros(0)
        return Minutes(none.astype(np.int64), none.astype(np.int64), none, none, none)
    first = int(start[0])
    place = (start - first) // MINUTE_NS
    width = int(place[-1]) + 1
    beside = np.array([unseen_usd.get(int(t), 0.0) for t in start])

    def filled(values: Floats) -> Floats:
        return np.bincount(place, values, width).astype(np.float64)

    return Minutes(
        start=first + np.arange(width) * MINUTE_NS,
        events=filled(events.astype(np.float64)).astype(np.int64),
        long_usd=filled(long_usd),
        short_usd=filled(short_usd),
        unseen_usd=filled(beside),
    )


def runs_of(time: Ints, side: NDArray[np.int8], usd: Floats) -> tuple[Run, ...]:
    """The first run of one side, the longest and the last, in order of time, each once.

    Parameters
    ----------
    time, side, usd
        Shape (n,): of events in order of time.
    """
    if not len(time):
        return ()
    first = np.append(0, np.flatnonzero(np.diff(side)) + 1)
    last = np.append(first[1:], len(time))
    sums = np.add.reduceat(usd, first)
    longest = int(np.lexsort((sums, last - first))[-1])
    return tuple(
        Run(
            int(side[first[k]]),
            int(last[k] - first[k]),
            float(sums[k]),
            int(time[first[k]]),
            int(time[last[k] - 1]),
        )
        for k in sorted({0, longest, len(first) - 1})
    )


def joined_run(stretches: Iterable[tuple[Run, ...]]) -> Run | None:
    """The longest run over stretches of time that follow each other, each by :func:`runs_of`."""
    best: Run | None = None
    before: Run | None = None
    for runs in stretches:
        for k, run in enumerate(runs):
            goes_on = k == 0 and before is not None and before.side == run.side
            before = _one_run(before, run) if before is not None and goes_on else run
            if best is None or (before.events, before.notional_usd) > (
                best.events,
                best.notional_usd,
            ):
                best = before
    return best


def _one_run(one: Run, other: Run) -> Run:
    return Run(
        one.side,
        one.events + other.events,
        one.notional_usd + other.notional_usd,
        one.start,
        other.end,
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
