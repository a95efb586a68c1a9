"""Which part of a window a store knows, by venue: recorded live, from imported files, or not."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace

from seawall.core import format_time
from seawall.core.tape import Kind
from seawall.ingest.store.imported import EVENTS, Span, spans_of, uncovered
from seawall.ingest.store.outages import LATE, assets_asked, heard_live, outages, recorded_since
from seawall.ingest.store.outages import Outage as StoredOutage
from seawall.ingest.store.queries import ask, totals
from seawall.ingest.store.store import Store
from seawall.ingest.store.verify import outage_words
from seawall.report.tape_beside import Outage, Summed

Window = tuple[int, int]
_FEW = 3
_MOST_GAPS = 200
"""Gaps between a venue's files that are told one by one."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a window.

    Attributes
    ----------
    outages
        When venues were not heard, not yet recorded, or not covered by a file, in order.
    imported
        Venues of which imported files cover a part of it.
    nothing
        Whether nothing of it was recorded or imported.
    live
        Venues that were heard live for a part of it.
    summed
        Totals that imported files state of stretches within it.
    narrowed
        Of which venues some assets alone were asked for, or a few instruments alone are stored
        from files, and of which there are files of other times alone, a line each.
    shown
        Venues with events in it.
    without
        Venues that show a part without a rule, and showed nothing in it.
    """

    outages: tuple[Outage, ...]
    imported: frozenset[str]
    nothing: bool
    live: frozenset[str] = frozenset()
    summed: tuple[Summed, ...] = ()
    narrowed: tuple[str, ...] = ()
    shown: frozenset[str] = frozenset()
    without: frozenset[str] = frozenset()

    def without_a_rule(self, venues: Iterable[str]) -> Known:
        """The same with venues that show a part, and showed nothing: they may have had any."""
        those = sorted(venues)
        if not those:
            return self
        told = (
            f"{', '.join(those)} show a part of what they liquidate, and nothing in this window: "
            "totals of several venues are at least what is said."
        )
        return replace(self, without=frozenset(those), narrowed=(*self.narrowed, told))

    @property
    def unheard(self) -> frozenset[str]:
        """Venues of which something is missing."""
        return frozenset(o.venue for o in self.outages if o.missing)


def known_of(store: Store, window: Window) -> Known:
    """What a store knows of a window.

    A venue that is neither recorded live nor covered by any file in the window is left out,
    unless it has events there: of those nothing says which time they cover.
    """
    found = [
        Outage(o.venue, o.start, o.end, _words_of(o), o.lost, not o.refilled)
        for o in outages(store, *window)
    ]
    since = recorded_since(store)
    spans = spans_of(store.folder, window)
    files: dict[str, list[Span]] = {}
    for span in spans:
        if span.what == EVENTS:
            files.setdefault(span.venue, []).append(span)
    there: dict[str, list[str]] = {}
    for row in ask(store, totals(window, ("venue", "instrument"), tuple(Kind))):
        there.setdefault(row["venue"], []).append(row["instrument"])
    imported = set()
    for venue in sorted(since.keys() | files.keys() | there.keys()):
        before = window[0], min(since.get(venue, window[1]), window[1])
        mine = [s for s in files.get(venue, ()) if before[0] < before[1] and s.start < before[1]]
        if mine:
            imported.add(venue)
        found += _gaps(venue, before, mine, since.get(venue))
    ahead = window[1] > time.time_ns() + LATE
    if ahead:
        now = max(window[0], time.time_ns())
        found += [Outage(venue, now, window[1], "still to come") for venue in sorted(since)]
    heard = any(begun < window[1] for begun in since.values())
    return Known(
        tuple(sorted(found, key=lambda g: (g.start, g.end, g.venue))),
        frozenset(imported),
        not (heard or files or there),
        heard_live(store, *window),
        tuple(_summed(s) for s in spans if _states(s, window)),
        (
            *_ahead(ahead, window),
            *_narrowed(assets_asked(store, window)),
            *_few(imported, there),
            *_elsewhere(store, window, since.keys() | files.keys() | there.keys()),
        ),
        frozenset(there),
    )


def _ahead(ahead: bool, window: Window) -> Iterator[str]:
    """What is said of a window that is not over, such as the present day."""
    if ahead:
        yield f"The window ends at {format_time(window[1])}, which is still to come."


def _few(imported: Iterable[str], there: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """What is said of venues of which files hold a few instruments only."""
    for venue in sorted(imported):
        if 0 < len(there.get(venue, ())) <= _FEW:
            names = ", ".join(sorted(there[venue]))
            yield f"Of {venue} events of {names} alone are stored in this window."


def _elsewhere(store: Store, window: Window, known: Set[str]) -> Iterator[str]:
    """What is said of venues of which files of other times are stored, beside others' figures."""
    others: dict[str, list[Span]] = {}
    for span in spans_of(store.folder) if known else ():
        if span.what == EVENTS and span.venue not in known:
            others.setdefault(span.venue, []).append(span)
    if others:
        told = ", ".join(f"{v} ({_nearest(window, s)})" for v, s in sorted(others.items()))
        yield f"Figures are without {told}: nothing of this window is stored of it."


def _nearest(window: Window, spans: Sequence[Span]) -> str:
    """Where files of other times stand to a window."""
    before = [s.end for s in spans if s.end <= window[0]]
    after = [s.start for s in spans if s.start >= window[1]]
    words = [f"{format_time(max(before))}, before it"] if before else []
    words += [f"{format_time(min(after))}, after it"] if after else []
    if before and after:
        return f"its files end at {words[0]}, and begin again at {words[1]}"
    return f"its files {'end' if before else 'begin'} at {words[0]}"


def _narrowed(asked: Mapping[str, frozenset[str]]) -> tuple[str, ...]:
    """What is said of venues of which not all assets were recorded."""
    venues: dict[tuple[str, ...], list[str]] = {}
    for venue, choices in sorted(asked.items()):
        if any(choices):
            venues.setdefault(tuple(sorted(choices)), []).append(venue)
    return tuple(
        f"Of {', '.join(names)} "
        + ("for a part of the time " if len(choices) > 1 else "")
        + f"nothing but {'; or '.join(c.replace(',', ', ') for c in choices if c)} was asked for: "
        "figures are of that alone."
        for choices, names in venues.items()
    )


def _gaps(venue: str, before: Window, mine: Sequence[Span], since: int | None) -> list[Outage]:
    """What lies before the live recording and in no file."""
    if before[0] >= before[1]:
        return []
    missing = uncovered(before, mine)
    if len(missing) > _MOST_GAPS:
        missing = [(missing[0][0], missing[-1][1])]
    if since is not None:
        words = f"not recorded before {format_time(since)}"
    elif mine:
        words = "imported, and no file covers "
    else:
        return [Outage(venue, *before, "nothing tells which time its events cover")]
    return [
        Outage(venue, *gap, words + (_between(gap) if since is None else "")) for gap in missing
    ]


def _between(gap: Window) -> str:
    return f"{format_time(gap[0])} to {format_time(gap[1])}"


def _words_of(outage: StoredOutage) -> str:
    """An outage, with the connection's own name where a venue has several."""
    link = outage.link.removeprefix(outage.venue).strip()
    return f"{link} {outage_words(outage)}" if link else outage_words(outage)


def _states(span: Span, window: Window) -> bool:
    inside = window[0] <= span.start and span.end <= window[1]
    return span.what != EVENTS and span.usd is not None and inside


def _summed(span: Span) -> Summed:
    assert span.usd is not None
    return Summed(span.start, span.end, span.venue, span.usd, span.file, span.events)
