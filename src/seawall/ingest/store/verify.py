"""What is wrong with a store: files, copies, impossible values; and where venues fell silent."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import duckdb

from seawall.core import format_time
from seawall.ingest.store.checked import DamagedPartError
from seawall.ingest.store.disk import StoreError
from seawall.ingest.store.manifest import EVENTS, LOG, Manifest, Part
from seawall.ingest.store.near_copies import near_copies
from seawall.ingest.store.outages import (
    OUTAGES,
    UNREAD_MESSAGES,
    Outage,
    damaged_heard,
    outage_segments,
    outages,
)
from seawall.ingest.store.parts import COPIES_WITHIN, DAY, day_name
from seawall.ingest.store.segment import Segment, read_segment, segments
from seawall.ingest.store.store import EVER, Store, Window

MINUTE = 60_000_000_000
SKEW_NS = MINUTE
"""How far clocks may differ: an event further ahead of the present is of the future, ns."""
LAG = 21_600_000_000_000
"""From which time between an event and its receipt on it is told, ns: no feed is so slow."""
SILENCE = 6 * 3_600_000_000_000
"""Spans without an event of a venue are told from this length on, ns."""
_OUTAGES_TOLD = 10
_BETWEEN_LOOKS = 0.05

IMPOSSIBLE = {
    "a price that is no number above 0": "NOT (price > 0 AND isfinite(price))",
    "a quantity that is no number above 0": "NOT (quantity > 0 AND isfinite(quantity))",
    "a notional that is no number above 0": "NOT (notional_usd > 0 AND isfinite(notional_usd))",
    "a notional that is not quantity times price": (
        "NOT (abs(notional_usd - quantity * price) <= 1e-6 * abs(notional_usd))"
    ),
    "a side that is neither long nor short": "side NOT IN (1, -1)",
    "received more than a minute before it happened": f"received < time - {MINUTE}",
    "a time that is still to come": "time > {now}",
}
"""What no event may be, and the condition of SQL under which it is; null if a number is none."""

_ODD = (
    "SELECT count(*) FROM (SELECT price / median(price) OVER (PARTITION BY venue, instrument) "
    "AS times FROM {events} WHERE {where}) WHERE NOT (times BETWEEN 0.1 AND 10)"
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One kind of fault in one place, or one silence.

    Attributes
    ----------
    fault
        Whether something is wrong for sure. A silence may be a calm market, an odd price a crash.
    what, where
        What is found, in words; the file, day or venue.
    count
        How many times, in events, bytes or files as ``what`` says.
    """

    fault: bool
    what: str
    where: str
    count: int = 1


@dataclass(frozen=True, slots=True)
class Verified:
    """A store looked through.

    Attributes
    ----------
    events, in_log
        Events in all, and those of them that are still in the log.
    parts, days
        Files, and days with events.
    findings
        What was found; empty if all is well.
    """

    events: int
    in_log: int
    parts: int
    days: int
    findings: tuple[Finding, ...]

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong for sure."""
        return not any(f.fault for f in self.findings)


def verify(
    store: Store, silence: int = SILENCE, say: Callable[[str], None] | None = None
) -> Verified:
    """Look through a whole store, a day at a time, so that memory does not grow with it.

    Parameters
    ----------
    silence
        Spans without an event of a venue that are told, from this length on, ns.
    say
        Told what is being looked at.
    """
    findings = [*_files(store), *_log(store), *_unheard(store)]
    named = {f.where for f in findings if f.fault}
    manifest = store.manifest()
    try:
        in_log, late = store.answer(EVER, _of_the_tail, of_parts=False)
    except StoreError as error:
        findings.append(Finding(True, str(error), LOG))
        in_log, late = 0, set()
    days = sorted({p.first // DAY for p in manifest.parts} | late)
    quiet = _Silences(silence)
    for day in days:
        if say:
            say(f"events of {day_name(day)}")
        try:
            findings += _day(store, day)
            window = day * DAY, (day + 1) * DAY
            quiet.take(store.answer(window, partial(_minutes, window)))
        except DamagedPartError as error:
            if not set(error.parts) <= named:
                findings.append(Finding(True, str(error), day_name(day)))
        except StoreError as error:
            findings.append(Finding(True, str(error), day_name(day)))
    findings += quiet.findings()
    events = in_log + sum(p.rows for p in manifest.parts)
    return Verified(events, in_log, len(manifest.parts), len(days), tuple(findings))


def _files(store: Store) -> Iterator[Finding]:
    manifest = store.manifest()
    for part in manifest.parts:
        wrong = _fault_of(store, part)
        if wrong:
            yield Finding(True, wrong, part.path)
    listed = {p.path for p in manifest.parts}
    for path in sorted((store.folder / EVENTS).rglob("*")):
        name = path.relative_to(store.folder).as_posix()
        if name.endswith(".parquet.damaged"):
            yield Finding(True, "a damaged file set aside: its events are in no answer", name)
        elif path.is_file() and name not in listed and not _passing(manifest, name):
            yield Finding(False, "a file that the store does not list and does not read", name)


def _fault_of(store: Store, part: Part) -> str:
    try:
        said = store.checks.fault(store.folder, part, afresh=True)
    except FileNotFoundError:
        # merged or let go while this one looked
        present = part in store.manifest().parts
        return "a file that is missing" if present else ""
    if said:
        return said
    if not day_name(part.first // DAY) == day_name(part.last // DAY) == part.day:
        return "a file with events of another day than its folder's"
    return ""


def _passing(manifest: Manifest, name: str) -> bool:
    """Whether a file is being written or removed, by a writer that is at work."""
    return name.endswith(".tmp") or name in manifest.dropped


def _log(store: Store) -> Iterator[Finding]:
    rolled = store.manifest().rolled
    known = segments(store.folder / LOG)
    for number, path in known.items():
        name = f"{LOG}/{path.name}"
        if number <= rolled:
            continue
        try:
            found = _settled(path)
        except FileNotFoundError:
            continue
        if found.lost:
            yield Finding(True, "bytes amid the log that are no events", name, found.lost)
        elif number < max(known) and (found.tail or not found.ended):
            yield Finding(True, "a segment of the log whose end is missing", name)
        if found.tail and number == max(known):
            what = "bytes at the log's end that are being written, or were when a writer died"
            yield Finding(False, what, name, found.tail)
    for path in sorted((store.folder / LOG).glob("*.damaged")):
        yield Finding(True, "a segment of the log that was damaged, kept", f"{LOG}/{path.name}")


def _settled(path: Path) -> Segment:
    """A segment read; again if it looks damaged, since a writer may have been amid a frame."""
    found = read_segment(path)
    if found.damaged:
        time.sleep(_BETWEEN_LOOKS)
        found = read_segment(path)
    return found


def _unheard(store: Store) -> Iterator[Finding]:
    """Outages of live feeds: the longest of each connection one by one, the others counted."""
    by_link: dict[str, list[Outage]] = defaultdict(list)
    try:
        for outage in outages(store, *EVER):
            by_link[outage.link].append(outage)
        for path, found in outage_segments(store):
            if found.lost:
                what = "bytes amid the log of outages that are none"
                yield Finding(True, what, f"{OUTAGES}/{path.name}", found.lost)
        for path in damaged_heard(store):
            what = "a note of what each connection heard last that is damaged"
            yield Finding(True, what, f"{OUTAGES}/{path.name}")
    except StoreError as error:
        yield Finding(True, str(error), OUTAGES)
    for link, found_here in sorted(by_link.items()):
        longest = sorted(found_here, key=lambda o: o.start - o.end)[:_OUTAGES_TOLD]
        for one in sorted(longest, key=lambda o: o.start):
            yield Finding(False, outage_words(one), link)
        rest = len(found_here) - len(longest)
        if rest:
            yield Finding(False, "shorter outages beside these", link, rest)


def outage_words(outage: Outage) -> str:
    """An outage as a reader is told of it, without its connection's name."""
    partly = outage.lost or outage.why == UNREAD_MESSAGES
    heard = "not all was heard" if partly else "not heard"
    lost = f", {outage.lost:,} events lost" if outage.lost else ""
    had = ", had afterwards" if outage.refilled else ""
    span = (outage.end - outage.start) / 1e9
    long = f"{span:,.1f} s" if span < 120 else f"{span / 60:,.0f} min"
    return (
        f"{heard} from {format_time(outage.start)} to {format_time(outage.end)} ({long}): "
        f"{outage.why}{lost}{had}"
    )


def _of_the_tail(connection: duckdb.DuckDBPyConnection, events: str) -> tuple[int, set[int]]:
    """Events in the log, and their days."""
    rows = connection.execute(
        f"SELECT time // {DAY} AS day, count(*) FROM tail GROUP BY day"
    ).fetchall()
    return sum(int(r[1]) for r in rows), {int(r[0]) for r in rows}


def _day(store: Store, day: int) -> Iterator[Finding]:
    begin, end = day * DAY, (day + 1) * DAY
    inside = f"time >= {begin} AND time < {end}"
    now = time.time_ns() + SKEW_NS
    counts = ", ".join(
        f"count_if(coalesce({condition.format(now=now)}, true))"
        for condition in IMPOSSIBLE.values()
    )

    def impossible(connection: duckdb.DuckDBPyConnection, events: str) -> tuple[Any, ...]:
        query = f"SELECT {counts} FROM {events} WHERE {inside}"
        return tuple(connection.execute(query).fetchall()[0])

    def odd(connection: duckdb.DuckDBPyConnection, events: str) -> int:
        query = _ODD.format(events=events, where=inside)
        return int(connection.execute(query).fetchall()[0][0])

    def copies(connection: duckdb.DuckDBPyConnection, events: str) -> int:
        query = (
            f"SELECT coalesce(sum(n - 1), 0) FROM (SELECT count(*) AS n FROM {events} "
            f"WHERE time >= {begin - COPIES_WITHIN} AND time < {end + COPIES_WITHIN} "
            f"GROUP BY event_id HAVING count(*) > 1 AND min(time) >= {begin} AND min(time) < {end})"
        )
        return int(connection.execute(query).fetchall()[0][0])

    name = day_name(day)
    for what, count in zip(IMPOSSIBLE, store.answer((begin, end), impossible), strict=True):
        if count:
            yield Finding(True, f"events with {what}", name, count)
    count = store.answer((begin - COPIES_WITHIN, end + COPIES_WITHIN), copies)
    if count:
        yield Finding(True, "events that are there already", name, count)
    count = store.answer((begin, end), odd)
    if count:
        what = "events whose price is tenfold off the median of their instrument that day"
        yield Finding(False, what, name, count)
    for venue, count in store.answer((begin, end), partial(_late, inside)):
        what = (
            f"events of {venue} received over {LAG // 3_600_000_000_000} hours after they "
            "happened: asked for afterwards, or of wrong times"
        )
        yield Finding(False, what, name, count)
    for venue, count in near_copies(store, (begin, end)).items():
        what = f"events of {venue} that two sources tell, alike but for their size"
        yield Finding(False, what, name, count)


def _late(inside: str, connection: duckdb.DuckDBPyConnection, events: str) -> list[tuple[str, int]]:
    return connection.execute(
        f"SELECT venue, count(*) FROM {events} WHERE {inside} AND received > time + {LAG} "
        "GROUP BY venue ORDER BY venue"
    ).fetchall()


def _minutes(
    window: Window, connection: duckdb.DuckDBPyConnection, events: str
) -> list[tuple[str, int]]:
    """Minutes in which a venue has an event, in order of time."""
    return connection.execute(
        f"SELECT DISTINCT venue, time - time % {MINUTE} AS minute FROM {events} "
        f"WHERE time >= {window[0]} AND time < {window[1]} ORDER BY minute, venue"
    ).fetchall()


@dataclass(slots=True)
class _Silences:
    """Spans between a venue's events, and from its last to the last of all."""

    least: int
    last: dict[str, int] = field(default_factory=dict)
    found: list[tuple[str, int, int]] = field(default_factory=list)

    def take(self, minutes: list[tuple[str, int]]) -> None:
        for venue, minute in minutes:
            self._between(venue, minute)
            self.last[venue] = minute

    def findings(self) -> list[Finding]:
        end = max(self.last.values(), default=0)
        for venue in sorted(self.last):
            self._between(venue, end)
        return [
            Finding(
                False,
                f"no event from {format_time(begin)} to {format_time(end)}: {_hours(end - begin)}",
                venue,
            )
            for venue, begin, end in sorted(self.found)
        ]

    def _between(self, venue: str, minute: int) -> None:
        before = self.last.get(venue, minute)
        if minute - before >= self.least:
            # the minute of the last event had not ended in silence
            self.found.append((venue, before + MINUTE, minute))


def _hours(span: int) -> str:
    return f"{span / 3_600e9:.1f} hours"
