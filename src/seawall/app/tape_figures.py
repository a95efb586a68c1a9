"""Figures of a store's window by questions, so that memory does not grow with its events."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

import duckdb
import numpy as np

from seawall.app.progress import Say, silent
from seawall.core.tape import Coverage, Kind
from seawall.ingest.store import queries
from seawall.ingest.store.parts import COVERAGES, KINDS
from seawall.ingest.store.queries import FORCED, answered
from seawall.ingest.store.store import Store
from seawall.risk.coverage import Label, SlotRule
from seawall.risk.slot_estimate import OWN_FIT, Shown
from seawall.risk.tape_cells import PARTLY, Cells, Name, SlottedFeed, hidden_of
from seawall.risk.tape_statistics import (
    Largest,
    Others,
    Run,
    Statistics,
    joined_run,
    minutes_of,
    runs_of,
    statistics_of,
)
from seawall.risk.together import INSTRUMENTS, MOST_EVENTS, first_of

AT_ONCE = 500_000
"""Events that are held at once."""
STRETCH = 100_000
"""Events of one instrument that are estimated at once; a day with more is one stretch still."""
_DRAWN = 6_000_000
_GROUPS = ("venue", "asset", "side", "coverage", "kind")
Window = tuple[int, int]
Rows = list[dict[str, Any]]


class Moment:
    """A window of a store at one moment.

    Parameters
    ----------
    connection, events
        As ``Store.answer`` gives them.
    window
        From the first to before the second, UTC ns.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, events: str, window: Window):
        self._connection, self._events = connection, events
        self.window = window

    def ask(self, query: queries.Query) -> Rows:
        """The answer by rows."""
        return answered(self._connection, self._events, query)

    def columns(self, query: queries.Query) -> dict[str, Any]:
        """The answer by arrays."""
        return queries.columns(self._connection, self._events, query)


def figures(
    store: Store,
    window: Window,
    slot_rules: Callable[[Sequence[str]], Mapping[str, SlotRule]],
    draws: int = 200,
    unheard: Iterable[str] = (),
    progress: Say = silent,
    imported: Iterable[str] = (),
) -> tuple[Statistics, Cells]:
    """Figures of a window, all of one moment, and what they are made of.

    The same as :func:`~seawall.risk.tape_statistics.statistics` of the window's tape. What is
    held at once is bounded by :data:`AT_ONCE`, not by the events of the window; of feeds with one
    event a slot an instrument with more than :data:`STRETCH` events is estimated in stretches of
    whole days, each with models and sizes of its own.

    Parameters
    ----------
    window
        From the first to before the second, UTC ns.
    slot_rules
        What says which rule holds for which of some venues.
    unheard
        Venues that were not heard for a part of the time.
    imported
        Venues of which imported files tell.
    """
    known = frozenset(unheard), frozenset(imported)

    def gathered(connection: duckdb.DuckDBPyConnection, events: str) -> tuple[Statistics, Cells]:
        return _gathered(Moment(connection, events, window), slot_rules, draws, known, progress)

    return store.answer(window, gathered)


def _gathered(
    moment: Moment,
    slot_rules: Callable[[Sequence[str]], Mapping[str, SlotRule]],
    draws: int,
    known: tuple[frozenset[str], frozenset[str]],
    progress: Say,
) -> tuple[Statistics, Cells]:
    window = moment.window
    sums = moment.ask(queries.totals(window, _GROUPS, tuple(Kind)))
    forced = [r for r in sums if r["kind"] in {KINDS[k] for k in FORCED}]
    names = sorted({(r["venue"], r["asset"], r["side"]) for r in forced})
    counts = moment.ask(queries.slotted(window))
    if counts:
        progress("estimating what was not seen")
    rules = slot_rules(sorted({r["venue"] for r in counts}))
    ends = (window[0], window[1] - 1)
    enough = draws_of(draws, sum(r["events"] for r in counts))
    feeds = _feeds(moment, counts, rules, {n: k for k, n in enumerate(names)})
    whole = _whole(moment) if counts else {}
    hidden, beside = hidden_of(feeds, len(names), ends, enough, whole=whole)
    shown = _summed(forced, names)
    cells = Cells(tuple(names), hidden=hidden, unheard=known[0], imported=known[1], **shown)
    by_minute = moment.columns(queries.profile(window))
    others = Others(
        accounts=moment.ask(queries.accounts(window))[0]["accounts"] or None,
        largest=_largest(moment, bool((cells.partly + cells.slotted).any())),
        longest_run=joined_run(_runs(moment, by_minute["time"], by_minute["events"])),
        minutes=minutes_of(
            by_minute["time"],
            by_minute["events"],
            by_minute["long_usd"],
            by_minute["short_usd"],
            beside,
        ),
        adl=_of_kind(sums, Kind.ADL),
        takeovers=_of_kind(sums, Kind.TAKEOVER),
    )
    return statistics_of(cells, others), cells


def draws_of(draws: int, slotted: int) -> int:
    """Draws to be made: many events tell the spread with fewer."""
    return min(draws, max(60, _DRAWN // max(1, slotted)))


def _summed(rows: Rows, names: Sequence[Name]) -> dict[str, Any]:
    """Columns of :class:`~seawall.risk.tape_cells.Cells` as shown."""
    place = {n: k for k, n in enumerate(names)}
    events, partly, slotted = (np.zeros(len(names), dtype=np.int64) for _ in range(3))
    usd, largest = np.zeros(len(names)), np.zeros(len(names))
    for row in rows:
        k = place[row["venue"], row["asset"], row["side"]]
        events[k] += row["events"]
        usd[k] += row["notional_usd"]
        largest[k] = max(largest[k], row["largest_usd"])
        coverage = Coverage(COVERAGES.index(row["coverage"]))
        partly[k] += row["events"] if coverage in PARTLY else 0
        slotted[k] += row["events"] if coverage is Coverage.ONE_A_SLOT else 0
    return {
        "events": events, "usd": usd, "largest_usd": largest, "partly": partly, "slotted": slotted,
    }  # fmt: skip


def _of_kind(rows: Rows, kind: Kind) -> tuple[int, float]:
    mine = [r for r in rows if r["kind"] == KINDS[kind]]
    return sum(r["events"] for r in mine), float(sum(r["notional_usd"] for r in mine))


def _largest(moment: Moment, partly: bool) -> Largest | None:
    found = moment.ask(queries.largest(moment.window, 1))
    if not found:
        return None
    (row,) = found
    return Largest(
        time=row["time"],
        venue=row["venue"],
        instrument=row["instrument"],
        asset=row["asset"],
        side=row["side"],
        notional_usd=row["notional_usd"],
        price=row["price"],
        at_fill=bool(row["at_fill"]),
        label=Label.LOWER_BOUND if partly else Label.MEASURED,
    )


def _runs(moment: Moment, start: Any, events: Any) -> Iterator[tuple[Run, ...]]:
    """Runs of stretches of whole minutes with :data:`AT_ONCE` events at most."""
    sums = np.cumsum(events)
    begin = 0
    while begin < len(start):
        before = sums[begin - 1] if begin else 0
        end = max(begin + 1, int(np.searchsorted(sums, before + AT_ONCE, side="right")))
        last = int(start[end]) if end < len(start) else moment.window[1]
        first = max(int(start[begin]), moment.window[0])
        found = moment.columns(queries.in_order((first, last)))
        yield runs_of(found["time"], found["side"], found["notional_usd"])
        begin = end


def _feeds(
    moment: Moment, counts: Rows, rules: Mapping[str, SlotRule], cell: Mapping[Name, int]
) -> Iterator[SlottedFeed]:
    """Feeds with one event a slot, venue by venue, read as they are asked for."""
    for venue, rows in groupby(counts, key=lambda r: str(r["venue"])):
        sizes: dict[str, Rows] = {}
        for row in rows:
            sizes.setdefault(row["instrument"], []).append(row)
        own = {n: r for n, r in sizes.items() if _events(r) >= OWN_FIT}
        quiet = {n: r for n, r in sizes.items() if n not in own}
        yield SlottedFeed(
            venue,
            rules.get(venue, SlotRule()),
            _read(moment, venue, own, cell),
            tuple(_read(moment, venue, quiet, cell)),
        )


def _whole(moment: Moment) -> dict[str, list[Shown]]:
    """Instruments with the most events of each venue that shows all of them."""
    found: dict[str, list[Shown]] = {}
    counts = moment.ask(queries.whole(moment.window))
    for venue, rows in groupby(counts, key=lambda r: str(r["venue"])):
        known = sorted((-r["events"], r["instrument"]) for r in rows if r["events"] >= OWN_FIT)
        most = {name: -events for events, name in known[:INSTRUMENTS]}
        told = _early(moment, venue, most) if most else {}
        for name in most:
            time, side, usd = told[name]
            one = Shown(
                name,
                time.astype(np.int64),
                usd.astype(np.float64),
                (side > 0).astype(np.int64),
                moment.window[0],
                moment.window[1] - 1,
            )
            found.setdefault(venue, []).append(first_of(one))
    return found


def _early(moment: Moment, venue: str, sizes: Mapping[str, int]) -> dict[str, list[Any]]:
    """Time, side and USD of the first events of some instruments; short ones in one question."""
    most = min(STRETCH, AT_ONCE // INSTRUMENTS)
    few = sorted(name for name, events in sizes.items() if events <= most)
    columns = "time", "side", "notional_usd"
    told = {}
    if few:
        found = moment.columns(queries.every(moment.window, venue, few))
        end = 0
        for name in few:
            part = slice(end, end + min(sizes[name], MOST_EVENTS))
            told[name] = [found[c][part] for c in columns]
            end += sizes[name]
    for name in sizes.keys() - told.keys():
        found = moment.columns(queries.first(moment.window, venue, name, MOST_EVENTS))
        told[name] = [found[c] for c in columns]
    return told


def _read(
    moment: Moment, venue: str, sizes: Mapping[str, Rows], cell: Mapping[Name, int]
) -> Iterator[Shown]:
    """What was shown, instrument by instrument and stretch by stretch, a few in one question."""
    for window, several in _batches(sizes, moment.window):
        found = moment.columns(queries.shown(window, venue, list(several)))
        begin = 0
        for name, rows in several.items():
            for asset, mine in groupby(rows, key=lambda r: str(r["asset"])):
                end = begin + _events(mine)
                side = found["side"][begin:end]
                codes = [cell.get((venue, asset, s), 0) for s in (-1, 1)]
                yield Shown(
                    name,
                    found["time"][begin:end].astype(np.int64),
                    found["notional_usd"][begin:end].astype(np.float64),
                    np.where(side > 0, codes[1], codes[0]),
                    window[0],
                    window[1] - 1,
                )
                begin = end


def _batches(
    sizes: Mapping[str, Rows], window: Window
) -> Iterator[tuple[Window, Mapping[str, Rows]]]:
    """Instruments that are read together; those that are too long by stretches of days."""
    several: dict[str, Rows] = {}
    taken = 0
    for name, rows in sizes.items():
        events = _events(rows)
        if several and taken + events > AT_ONCE:
            yield window, several
            several, taken = {}, 0
        if events > STRETCH:
            for part, mine in _by_days(rows, window):
                yield part, {name: mine}
        else:
            several[name] = rows
            taken += events
    if several:
        yield window, several


def _by_days(rows: Rows, window: Window) -> Iterator[tuple[Window, Rows]]:
    """Stretches of whole days with :data:`STRETCH` events at most, together the window."""
    days = sorted({r["time"] for r in rows})
    begin, taken, mine = window[0], 0, list[int]()
    for day in days:
        events = _events(r for r in rows if r["time"] == day)
        if mine and taken + events > STRETCH:
            yield (begin, day), [r for r in rows if r["time"] in mine]
            begin, taken, mine = day, 0, []
        taken += events
        mine.append(day)
    yield (begin, window[1]), [r for r in rows if r["time"] in mine]


def _events(rows: Iterable[Mapping[str, Any]]) -> int:
    return sum(r["events"] for r in rows)
