"""When live feeds were not heard, kept beside the events that they could not tell.

Outages that are over stand in an append log of their own. What goes on follows from a small file
that says until when each connection was heard: it is written anew every few seconds, so that a
recorder that died, or a machine that slept, leaves its own gap behind.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seawall.ingest.store.disk import (
    StoreError,
    make_folder,
    refused,
    replace_whole,
    sync_folder,
)
from seawall.ingest.store.log import Log
from seawall.ingest.store.segment import Segment, read_segment, recover_all, segments

if TYPE_CHECKING:
    from seawall.ingest.store.store import Store

_LOGGER = logging.getLogger(__name__)
OUTAGES = "outages"
"""Folder of both below the store's."""
HEARD = "heard.json"
DAMAGED = "heard.json.damaged"
"""What a damaged one is kept as."""
SCHEMA = 1
"""Version of a row and of the file; a store without the folder was never recorded into live."""
MOST_FRAMES = 5_000
"""Rows of a segment of the log from which on it is shortened, if rows were noted several times."""
_TRIES = 20
LATE = 60_000_000_000
"""A connection of which nothing was noted for so long is not being recorded, ns."""
NOT_RECORDING = "not recording"
OVERLOADED = "overloaded"
UNREAD_MESSAGES = "messages that could not be read"
"""They may have held any number of events, or none."""
UNREAD_ROWS = "rows that could not be read"
UNSIZED_ROWS = "rows of contracts of unknown size"


@dataclass(frozen=True, slots=True)
class Outage:
    """One stretch in which a connection was not heard, or not all of it.

    Attributes
    ----------
    venue, link
        Whose connection; a venue may have several, for linear and for inverse contracts.
    start, end
        UTC ns, from the last sign of life to before the first after it.
    why
        How the connection ended, in words: ``silent``, ``not recording``; or, where it did not,
        why some of it was lost: ``overloaded``, ``rows that could not be read``.
    lost
        Events that are known to have been lost; others may have been missed.
    refilled
        Whether all of it was had afterwards by REST: then nothing is missing.
    """

    venue: str
    link: str
    start: int
    end: int
    why: str
    lost: int = 0
    refilled: bool = False


@dataclass(frozen=True, slots=True)
class Heard:
    """Until when a connection was heard.

    Attributes
    ----------
    since, until
        UTC ns: when it was first subscribed, and up to when all it told is stored.
    why
        Why it is not heard now; empty while it is subscribed.
    asked
        From when on (UTC ns) which assets were asked for, with commas between, empty for all;
        all from the beginning if nothing is noted.
    """

    venue: str
    since: int
    until: int
    why: str = ""
    asked: tuple[tuple[int, str], ...] = ()


def _payloads(outages: Iterable[Outage]) -> list[bytes]:
    return [json.dumps(asdict(o)).encode() for o in outages]


class OutageLog:
    """The writing end; whoever opens it holds the store's lock.

    Parameters
    ----------
    folder
        Folder of the store. Nothing is made in it before there is something to note.
    """

    def __init__(self, folder: Path):
        self._folder = folder / OUTAGES
        self._log: Log | None = None
        self._most = MOST_FRAMES
        recover_all(self._folder)

    def heard(self) -> dict[str, Heard]:
        """By connection, what was noted last; a note that is damaged is set aside."""
        heard = _read_heard(self._folder)
        if heard is None:
            path = self._folder / HEARD
            try:
                path.replace(self._folder / DAMAGED)
                sync_folder(self._folder)
            except OSError as error:
                raise refused(error, "a damaged note cannot be set aside", path) from error
            _LOGGER.warning("%s: kept as %s", path, DAMAGED)
        return heard or {}

    def keep(self, outages: Sequence[Outage], heard: Mapping[str, Heard]) -> None:
        """Return once all of it is on the disk.

        Parameters
        ----------
        outages
            One with the connection and start of an earlier one stands in its place.
        heard
            By connection, in place of what was noted before.

        Raises
        ------
        StoreError
            If the disk refuses.
        """
        make_folder(self._folder)
        if outages:
            if self._log is None:
                first = max(segments(self._folder), default=0) + 1
                self._log = Log(self._folder, first, SCHEMA)
            self._log.append(_payloads(outages))
            if self._log.frames >= self._most:
                self._shorten(self._log)
        links = {name: asdict(h) for name, h in heard.items()}
        raw = json.dumps({"schema": SCHEMA, "links": links}, indent=1)
        replace_whole(self._folder / HEARD, raw.encode())

    def _shorten(self, log: Log) -> None:
        """Write each row once more, as it was noted last, and let go of the segments before.

        A loss that goes on for days, such as a row of every message that cannot be read, is
        written anew every few seconds. Killed in between both stand, of which the latter counts.
        Damaged segments are left to be looked into.
        """
        rows = _ended(self._folder).values()
        before = log.seal()
        log.append(_payloads(rows))
        self._most = max(MOST_FRAMES, 2 * len(rows))
        try:
            for number, path in segments(self._folder).items():
                if number <= before and not read_segment(path).damaged:
                    path.unlink()
            sync_folder(self._folder)
        except OSError as error:
            raise refused(error, "rows noted again cannot be removed", self._folder) from error

    def close(self) -> None:
        """Let go of the log."""
        if self._log is not None:
            self._log.close()


def outages(store: Store, start: int, end: int, now: int | None = None) -> tuple[Outage, ...]:
    """Outages of live feeds that overlap a window, clipped to it, in order of start.

    Before a connection was recorded for the first time nothing is said, see
    :func:`recorded_since`. A file imported over an outage does not take it back.

    Parameters
    ----------
    start, end
        UTC ns, from the first to before the second.
    now
        Present time, UTC ns, up to which an outage that goes on is known; the clock's if None.

    Raises
    ------
    StoreError
        If what is kept of them cannot be read.
    """
    folder = store.folder / OUTAGES
    heard = _read_heard(folder) or {}
    ended = _ended(folder)
    going = _going_on(heard, ended, time.time_ns() if now is None else now)
    found = (
        replace(o, start=max(o.start, start), end=min(o.end, end))
        for o in (*ended.values(), *going)
        if o.start < end and o.end > start
    )
    return tuple(sorted(found, key=lambda o: (o.start, o.end, o.link)))


def recorded_since(store: Store) -> dict[str, int]:
    """By venue, when all its connections had first been subscribed, UTC ns; live venues only."""
    since: dict[str, int] = {}
    for heard in (_read_heard(store.folder / OUTAGES) or {}).values():
        since[heard.venue] = max(heard.since, since.get(heard.venue, heard.since))
    return since


def heard_of(store: Store) -> dict[str, Heard]:
    """By connection, until when it was heard; empty where nothing was recorded live."""
    return _read_heard(store.folder / OUTAGES) or {}


def heard_live(store: Store, start: int, end: int) -> frozenset[str]:
    """Venues of which a connection was heard for a part of a window, from its start to its end."""
    deaf: dict[str, int] = {}
    links = _read_heard(store.folder / OUTAGES) or {}
    for outage in outages(store, start, end):
        # in order of start: what lies one after the other is one stretch
        since = max(start, links[outage.link].since) if outage.link in links else start
        if outage.start <= deaf.get(outage.link, since):
            deaf[outage.link] = max(outage.end, deaf.get(outage.link, since))
    return frozenset(
        heard.venue
        for link, heard in links.items()
        if heard.since < end and deaf.get(link, start) < end
    )


def assets_asked(store: Store, window: tuple[int, int]) -> dict[str, frozenset[str]]:
    """By venue, the assets that its connections were asked for within a window, each choice once.

    A choice is a text with commas between; empty for all. Live venues only.
    """
    found: dict[str, frozenset[str]] = {}
    for heard in (_read_heard(store.folder / OUTAGES) or {}).values():
        begun = [(0, ""), *heard.asked, (window[1], "")]
        mine = {
            assets
            for (start, assets), (end, _) in pairwise(begun)
            if end > max(window[0], heard.since) and max(start, heard.since) < window[1]
        }
        found[heard.venue] = found.get(heard.venue, frozenset()) | mine
    return found


def outage_segments(store: Store) -> Iterator[tuple[Path, Segment]]:
    """The files of the log of outages, read."""
    yield from _read_all(store.folder / OUTAGES)


def damaged_heard(store: Store) -> list[Path]:
    """Notes of what was heard that cannot be read: the present one, and one set aside."""
    folder = store.folder / OUTAGES
    found = [folder / HEARD] if _read_heard(folder) is None else []
    return found + [p for p in (folder / DAMAGED,) if p.exists()]


def _going_on(
    heard: Mapping[str, Heard], ended: Mapping[tuple[str, int], Outage], now: int
) -> Iterator[Outage]:
    for link, last in heard.items():
        if last.why or now - last.until > LATE:
            known = ended.get((link, last.until))
            begun = last.until if known is None else known.end
            if begun < now:
                yield Outage(last.venue, link, begun, now, last.why or NOT_RECORDING)


def _read_all(folder: Path) -> list[tuple[Path, Segment]]:
    """All segments; begun again where the writer let go of one meanwhile."""
    for _ in range(_TRIES):
        try:
            return [(path, read_segment(path)) for path in segments(folder).values()]
        except FileNotFoundError:
            continue
    raise StoreError(f"{folder}: files change faster than they can be read")


def _ended(folder: Path) -> dict[tuple[str, int], Outage]:
    """By connection and start; what was noted later stands."""
    found: dict[tuple[str, int], Outage] = {}
    for path, segment in _read_all(folder):
        if segment.payloads and segment.version != SCHEMA:
            raise StoreError(f"{path}: outages of schema {segment.version}; upgrade Seawall")
        for payload in segment.payloads:
            row: dict[str, Any] = json.loads(payload)
            found[row["link"], row["start"]] = Outage(**row)
    return found


def _heard_of(row: Mapping[str, Any]) -> Heard:
    asked = tuple((int(since), str(assets)) for since, assets in row.get("asked", ()))
    return Heard(**{**row, "asked": asked})


def _read_heard(folder: Path) -> dict[str, Heard] | None:
    """By connection, what was noted last; None, with a warning, if the note is damaged."""
    path = folder / HEARD
    try:
        contents = json.loads(path.read_bytes())
        if contents["schema"] != SCHEMA:
            raise StoreError(f"{path}: of schema {contents['schema']}; upgrade Seawall")
        links = {name: _heard_of(row) for name, row in contents["links"].items()}
        for heard in links.values():
            if not isinstance(heard.since + heard.until, int):
                raise TypeError("times that are no whole numbers")
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise refused(error, "cannot be read", path) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        _LOGGER.warning("%s: damaged (%s): outages that go on are not known", path, error)
        return None
    return links
