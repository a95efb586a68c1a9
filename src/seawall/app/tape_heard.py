"""Which part of a window a store knows, by venue: recorded live, from imported files, or not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from seawall.core import format_time
from seawall.core.tape import Kind
from seawall.ingest.store.imported import EVENTS, Span, spans_of, uncovered
from seawall.ingest.store.outages import Outage as StoredOutage
from seawall.ingest.store.outages import outages, recorded_since
from seawall.ingest.store.queries import ask, totals
from seawall.ingest.store.store import Store
from seawall.ingest.store.verify import outage_words
from seawall.report.tape_beside import Outage, Summed

Window = tuple[int, int]
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
    summed
        Totals that imported files state of stretches within it.
    """

    outages: tuple[Outage, ...]
    imported: frozenset[str]
    nothing: bool
    summed: tuple[Summed, ...] = ()

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
    there = {row["venue"] for row in ask(store, totals(window, ("venue",), tuple(Kind)))}
    imported = set()
    for venue in sorted(since.keys() | files.keys() | there):
        before = window[0], min(since.get(venue, window[1]), window[1])
        mine = [s for s in files.get(venue, ()) if before[0] < before[1] and s.start < before[1]]
        if mine:
            imported.add(venue)
        found += _gaps(venue, before, mine, since.get(venue))
    heard = any(begun < window[1] for begun in since.values())
    return Known(
        tuple(sorted(found, key=lambda g: (g.start, g.end, g.venue))),
        frozenset(imported),
        not (heard or files or there),
        tuple(_summed(s) for s in spans if _states(s, window)),
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
