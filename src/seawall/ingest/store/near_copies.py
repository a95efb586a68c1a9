"""Events that several sources tell, alike but for their size: copies that no identifier shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from seawall.ingest.store.parts import literal
from seawall.ingest.store.store import Store, Window

AT_ONCE = 500_000
"""Events that are held against each other at once; an hour with more is one stretch still."""
_HOUR = 3_600_000_000_000


def near_copies(store: Store, window: Window) -> dict[str, int]:
    """By venue, how many events a second source tells with the same instrument, time, side, price.

    Sources that round sizes or dollars differently give one event several identifiers. Events of
    one source alike in all this are not counted: an order may close in several parts at once.

    Venues of which one source tells are passed over, and the others gone through by stretches of
    hours, so that memory does not grow with the window.

    Parameters
    ----------
    window
        Times from the first to before the second, UTC ns.

    Returns
    -------
    dict
        The fewest that are too many: of each such moment all but those of its fullest source.
    """
    found: Counter[str] = store.answer(window, partial(_alike, window))
    return {venue: count for venue, count in sorted(found.items()) if count}


def _alike(window: Window, connection: Any, events: str) -> Counter[str]:
    several = connection.execute(
        f"SELECT venue FROM {events} WHERE {_within(window)} GROUP BY venue "
        "HAVING min(source) <> max(source)"
    ).fetchall()
    found: Counter[str] = Counter()
    if not several:
        return found
    theirs = f"venue IN ({', '.join(literal(venue) for (venue,) in several)})"
    hours = connection.execute(
        f"SELECT time - time % {_HOUR} AS hour, count(*) FROM {events} "
        f"WHERE {_within(window)} AND {theirs} GROUP BY hour ORDER BY hour"
    ).fetchall()
    for part in _stretches(hours, window):
        told = f"(SELECT * FROM {events} WHERE {_within(part)} AND {theirs})"
        for venue, count in connection.execute(_QUERY.format(told=told)).fetchall():
            found[venue] += int(count)
    return found


_KEY = "venue, instrument, time, side, price"
# first the moments of which two sources tell, mostly few; a price that is none equals another
_QUERY = f"""SELECT venue, sum(n) - sum(fullest) FROM (
    SELECT venue, sum(n) AS n, max(n) AS fullest FROM (
        SELECT t.venue, t.instrument, t.time, t.side, t.price, t.source,
        count(DISTINCT t.event_id) AS n FROM {{told}} AS t JOIN (
            SELECT {_KEY} FROM {{told}} GROUP BY {_KEY} HAVING min(source) <> max(source)
        ) AS o ON t.venue = o.venue AND t.instrument = o.instrument AND t.time = o.time
        AND t.side = o.side AND t.price IS NOT DISTINCT FROM o.price
        GROUP BY t.venue, t.instrument, t.time, t.side, t.price, t.source)
    GROUP BY {_KEY})
GROUP BY venue"""


def _within(window: Window) -> str:
    return f"time >= {window[0]} AND time < {window[1]}"


def _stretches(hours: Sequence[tuple[int, int]], window: Window) -> Iterator[Window]:
    """Stretches of whole hours with :data:`AT_ONCE` events at most, together the window."""
    begin, taken = window[0], 0
    for hour, count in hours:
        if taken and taken + count > AT_ONCE:
            yield begin, hour
            begin, taken = hour, 0
        taken += count
    yield begin, window[1]
