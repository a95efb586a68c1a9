"""How a feed is, as the page and the API tell it: a row for each venue or connection."""

from __future__ import annotations

import time
from typing import Any, Literal

from seawall.core import format_time
from seawall.core.tape import Coverage

State = Literal["recorded", "stored", "live", "stalled", "away", "ended"]
"""``recorded`` is played from a file, ``stored`` read from a tape, ``live`` heard now. A connection
that stands and says nothing is ``stalled``, one that is broken ``away``; a recording or a file that
has come to its end is ``ended``."""
STALLED = 60.0
"""Seconds without any frame, pings and answers included, after which a connection has stalled."""


def heard(connected: bool, last_frame: int, now: int | None = None) -> State:
    """Whether a recorder's connection is live, stalled or away.

    Parameters
    ----------
    connected
        Whether the connection stands.
    last_frame
        When anything last came over it, UTC ns; 0 if nothing has.
    now
        UTC ns; the clock's time by default.
    """
    if not connected:
        return "away"
    quiet = (time.time_ns() if now is None else now) - last_frame
    return "stalled" if last_frame and quiet > STALLED * 1e9 else "live"


def feed(
    venue: str,
    state: State,
    events: int | None,
    last_event: int | None,
    *,
    link: str = "",
    coverage: Coverage | None = None,
    heard_until: int | None = None,
    lag_seconds: float | None = None,
    malformed: int | None = None,
    dropped: int | None = None,
    reconnects: int | None = None,
    outage_seconds: float | None = None,
    why: str = "",
) -> dict[str, Any]:
    """The row of a feed; what is not known is None.

    Parameters
    ----------
    venue, state
        Whose feed it is, and how it is.
    events, last_event
        How many events came, and the time of the last, UTC ns; None or 0 if none came, and None
        for one connection of several whose events are stored together.
    link
        Name of the connection, where a venue has several; the venue if left out.
    coverage
        How much of what happens the feed publishes; None where its events differ in that.
    heard_until
        Up to when everything it told is stored, UTC ns.
    lag_seconds
        Receipt of the last event less the venue's own time of it.
    malformed, dropped, reconnects, outage_seconds
        What went wrong since recording began; None where nothing counts it.
    why
        Why it is not heard now; empty if it is.
    """
    return {
        "venue": venue,
        "link": link or venue,
        "state": state,
        "events": events,
        "last_event": None if not last_event else format_time(last_event),
        "coverage": None if coverage is None else coverage.name.lower(),
        "heard_until": None if not heard_until else format_time(heard_until),
        "lag_seconds": None if lag_seconds is None else round(lag_seconds, 3),
        "malformed": malformed,
        "dropped": dropped,
        "reconnects": reconnects,
        "outage_seconds": None if outage_seconds is None else round(outage_seconds, 1),
        "why": why or None,
    }
