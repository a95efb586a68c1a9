"""Counts as text that Prometheus reads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from seawall.ingest.wire.context import Tally
from seawall.ingest.wire.counts import Counts

if TYPE_CHECKING:
    from seawall.ingest.record.recorder import Recorder

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_LINK: tuple[tuple[str, str, str, Callable[[Counts], float]], ...] = (
    ("connected", "gauge", "1 while subscribed", lambda c: c.connected),
    ("frames_total", "counter", "Messages read", lambda c: c.frames),
    ("bytes_total", "counter", "Bytes of messages read", lambda c: c.size),
    ("events_total", "counter", "Events read, copies included", lambda c: c.events),
    ("missed_events_total", "counter", "Of these, had by REST after a gap", lambda c: c.missed),
    ("malformed_total", "counter", "Messages that could not be read", lambda c: c.malformed),
    ("dropped_total", "counter", "Events lost to a full queue", lambda c: c.dropped),
    ("refused_total", "counter", "Refusals by the venue", lambda c: c.refused),
    ("connects_total", "counter", "Connections made", lambda c: c.connects),
    ("failures_total", "counter", "Tries to connect that failed", lambda c: c.failures),
    ("unacknowledged_total", "counter", "Ends for want of an answer", lambda c: c.unacknowledged),
    ("silences_total", "counter", "Ends because nothing came", lambda c: c.silences),
    ("quiets_total", "counter", "Ends because no event came for long", lambda c: c.quiets),
    ("moves_total", "counter", "Requests of the venue to connect again", lambda c: c.moves),
    ("closes_total", "counter", "Ends by the other side", lambda c: c.closes),
    ("renewed_total", "counter", "Connections taken over without a gap", lambda c: c.renewed),
    ("questions_total", "counter", "Questions over REST", lambda c: c.questions),
    ("unanswered_total", "counter", "Questions without a usable answer", lambda c: c.unanswered),
    ("outage_seconds_total", "counter", "Time without subscription", lambda c: c.outages),
    ("last_frame_seconds", "gauge", "Receipt of the latest message", lambda c: c.last_frame / 1e9),
    ("last_event_seconds", "gauge", "Receipt of the latest event", lambda c: c.last_event / 1e9),
    ("lag_seconds", "gauge", "Receipt less the venue's time, latest event", lambda c: c.lag),
)
_VENUE: tuple[tuple[str, str, Callable[[Tally], float]], ...] = (
    ("malformed_rows_total", "Rows of messages that could not be read", lambda t: t.malformed),
    ("unsized_total", "Rows of contracts of unknown size", lambda t: t.unsized),
    ("foreign_total", "Rows not quoted in dollars, or of unreadable names", lambda t: t.foreign),
    ("unasked_total", "Rows of assets that were not asked for", lambda t: t.unasked),
    ("future_total", "Events kept of a time well after their receipt", lambda t: t.future),
    ("late_total", "Events kept of a time hours before their receipt", lambda t: t.late),
)


def metrics_text(recorder: Recorder) -> str:
    """All counts in the text format of Prometheus, version 0.0.4."""
    lines: list[str] = []
    links = [c for feed in recorder.feeds for c in feed.counts.values()]
    for name, kind, what, get in _LINK:
        rows = ((f'venue="{_label(c.venue)}",link="{_label(c.link)}"', get(c)) for c in links)
        lines += _metric(name, kind, what, rows)
    for name, what, read in _VENUE:
        found = (
            (f'venue="{_label(f.context.venue)}"', read(f.context.tally)) for f in recorder.feeds
        )
        lines += _metric(name, "counter", what, found)
    made = ((f'venue="{_label(f.context.venue)}"', f.mistakes) for f in recorder.feeds)
    lines += _metric("mistakes_total", "counter", "Internal errors that were survived", made)
    for name, kind, what, value in (
        ("written_total", "counter", "Events written and acknowledged", recorder.written),
        ("copies_total", "counter", "Events left out as copies", recorder.copies),
        ("queue_events", "gauge", "Events waiting to be written", len(recorder.inbox)),
        ("queue_events_most", "gauge", "Most events that waited", recorder.inbox.most),
        ("write_seconds_total", "counter", "Time spent writing", recorder.write_seconds),
    ):
        lines += _metric(name, kind, what, [("", value)])
    return "\n".join(lines) + "\n"


def _metric(name: str, kind: str, what: str, rows: Iterable[tuple[str, float]]) -> Iterator[str]:
    full = f"seawall_tape_{name}"
    yield f"# HELP {full} {what}"
    yield f"# TYPE {full} {kind}"
    for labels, value in rows:
        shown = f"{int(value)}" if float(value).is_integer() else repr(float(value))
        yield f"{full}{{{labels}}} {shown}" if labels else f"{full} {shown}"


def _label(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
