"""The tape of a store as it grows: its last day of events, its statistics, its feeds."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from starlette.concurrency import run_in_threadpool

from seawall.core import format_time
from seawall.core.tape import Coverage, Tape, empty_tape
from seawall.ingest.store.outages import LATE, Heard, heard_of
from seawall.ingest.store.store import EVER, Store, fetched
from seawall.room.clustered import candles_of, filled, marked
from seawall.room.feeds import State, feed
from seawall.room.hub import Hub
from seawall.room.live import RECENT, TAPE, Live, Picked
from seawall.room.played import picked_of
from seawall.room.replay import event_of

if TYPE_CHECKING:
    from seawall.report.model import Report

OfStore = Callable[[Path], "Report"]
"""Statistics of a store's last day as a report."""
States = Callable[[], list[dict[str, Any]]]
DAY = 86_400_000_000_000
_TICK = 0.5
_STATISTICS_EVERY = 5.0
_LATE = 60_000_000_000
"""Events may be received out of order by so much, ns."""
_MOST = 500_000
"""Events held in memory; of a busier day the last."""


@dataclass(frozen=True, slots=True)
class _Found:
    """What a look found: events stored, how many of them are accounted for (more where some came
    during the look), until when received, the day with them, and what is new."""

    stored: int
    known: int
    received: int
    tape: Tape
    fresh: Tape


class Followed(Live):
    """A store that this process or another may be writing.

    Parameters
    ----------
    folder
        Folder of the store.
    figures
        Statistics of it as a report, asked in a thread.
    states
        How the feeds are of a recorder in this process; None where there is none, and the store
        itself says until when each was heard.
    """

    def __init__(self, folder: Path, hub: Hub, figures: OfStore, states: States | None = None):
        self._store = Store(folder)
        self._figures, self._recording = figures, states
        self._tape = empty_tape()
        self._stored, self._known, self._received = -1, 0, 0
        self._written: list[dict[str, Any]] = []
        self._dirty = True
        super().__init__(hub, _TICK, _STATISTICS_EVERY)

    def about(self) -> dict[str, Any]:
        """What is being shown; the map through time needs positions, which a tape has not."""
        start, end = self._window()
        return {
            "source": "store",
            "title": self._store.folder.name,
            "synthetic": False,
            "pace": None,
            "start": format_time(start) if end else None,
            "now": format_time(end) if end else None,
            "recording": self._recording is not None,
            "assets": [],
            "columns": {},
        }

    def states(self) -> list[dict[str, Any]]:
        """A row a connection: of the recorder here, or as the store has it."""
        return self._recording() if self._recording is not None else self._written

    async def advance(self) -> None:
        """Read what was stored since the last look."""
        found, self._written = await run_in_threadpool(self._look)
        if found is None:
            return
        # all of it here, in the loop: one who comes during a look has an event in the snapshot or
        # is told of it, and a look that fails is made again
        self._stored, self._known = found.stored, found.known
        self._received, self._tape = found.received, found.tape
        fresh = found.fresh
        self._dirty = True
        self.move()
        if len(fresh):
            self.hub.tell(TAPE, *(event_of(fresh, k) for k in range(len(fresh))))

    def counts_again(self) -> bool:
        """Whether anything was stored since the statistics were made."""
        return self._dirty

    def report(self) -> Report:
        """Statistics of the store's last day, as ``tape stats`` has them."""
        self._dirty = False
        return self._figures(self._store.folder)

    def recent(self) -> list[dict[str, Any]]:
        """The last events, in order of time."""
        count = len(self._tape)
        return [event_of(self._tape, k) for k in range(max(0, count - RECENT), count)]

    def picked(self, wanted: Picked) -> list[dict[str, Any]]:
        """Closings of the day shown that are like what is wanted, in order of time."""
        return picked_of(self._tape, len(self._tape), wanted)

    def candles(self, asset: str) -> dict[str, Any]:
        """Minutes of the day shown, of the prices at which liquidations were filled.

        Venues that tell no fill leave none; then of the marks that were polled into the store.
        """
        rows, named = filled(self._tape, asset, 60), "prices at which liquidations were filled"
        if not rows:
            start, end = self._window()
            if not end:
                end = time.time_ns()
                start = end - DAY
            whose, rows = marked(self._store.folder, asset, (start, end), 60)
            named = f"marks of {whose}" if rows else "no price of it is stored"
        return candles_of(asset, "measured", f"{self._store.folder.name} ({named})", 60.0, rows)

    def close(self) -> None:
        """Let go of the store."""
        super().close()
        self._store.close()

    def _window(self) -> tuple[int, int]:
        """The day shown: it ends now, or with the last event where that is long ago."""
        if not len(self._tape):
            return 0, 0
        last, now = int(self._tape.time[-1]), time.time_ns()
        end = now if now - last < DAY else last + 1
        return end - DAY, end

    def _look(self) -> tuple[_Found | None, list[dict[str, Any]]]:
        """Events that were not seen yet, in order, and how the feeds are with them."""
        found = self._unseen()
        return found, self._heard(self._tape if found is None else found.tape)

    def _unseen(self) -> _Found | None:
        """Events that were not seen yet; None where nothing was stored."""
        count, last = self._store.extent()
        if count == self._stored:
            return None
        if last is None:
            return _Found(count, count, self._received, empty_tape(), empty_tape())
        since = int(last) - DAY
        found = self._day(since, self._received - _LATE)
        fresh = found.take(~np.isin(found.event_id, self._tape.event_id))
        received = max(self._received, int(found.received.max())) if len(found) else self._received
        kept = Tape.joined([self._tape, fresh]).in_order() if len(fresh) else self._tape
        known = self._known + len(fresh)
        if self._stored < 0:
            known = count
        elif count < self._stored or count > known:
            # taken away, or put in as received long ago, as imports are: no news, but of the day
            kept = self._day(since)
            # counted afterwards: what came meanwhile is in it already, or is told at the next look
            known = self._store.extent()[0]
            lately = kept.received >= self._received - _LATE
            fresh = kept.take(lately & ~np.isin(kept.event_id, self._tape.event_id))
            received = max(received, int(kept.received.max(initial=0)))
        kept = kept.take(kept.time >= since)
        kept = kept.take(slice(max(0, len(kept) - _MOST), None))
        # what was there when the server started is in the snapshot, and no news
        fresh = empty_tape() if self._stored < 0 else fresh
        return _Found(count, known, received, kept, fresh)

    def _day(self, since: int, received: int | None = None) -> Tape:
        """The last events from a time on, in order; those received from another time on alone."""
        also = "" if received is None else f"AND received >= {received} "
        return self._store.answer(
            (since, EVER[1]),
            lambda c, events: fetched(
                c,
                f"SELECT * FROM {events} WHERE time >= {since} "
                f"{also}ORDER BY time DESC LIMIT {_MOST}",
            ),
        ).in_order()

    def _heard(self, tape: Tape) -> list[dict[str, Any]]:
        """As the store notes its connections, or by venue where nothing was recorded live."""
        now = time.time_ns()
        links: dict[str, dict[str, Heard]] = {}
        for link, known in sorted(heard_of(self._store).items()):
            links.setdefault(known.venue, {})[link] = known
        rows = []
        for venue in sorted({*links, *tape.venues}):
            mine, own = _of(tape, venue), links.get(venue, {})
            if not len(mine) and not own:
                continue
            last = int(tape.time[mine[-1]]) if len(mine) else None
            found = {link: _state(known, now) for link, known in own.items()}
            state: State = "stored" if not own else _worst(found.values())
            only = next(iter(own)) if len(own) == 1 else ""
            rows.append(
                feed(
                    venue, state, len(mine), last, link=only, coverage=_coverage(tape, mine),
                    heard_until=min((k.until for k in own.values()), default=None),
                    why="; ".join(dict.fromkeys(k.why for k in own.values() if k.why)),
                )
            )  # fmt: skip
            # which connection brought an event is not stored: they are counted for the venue
            if len(own) > 1:
                rows += [
                    feed(venue, found[link], None, None, link=link,
                         heard_until=known.until, why=known.why)
                    for link, known in own.items()
                ]  # fmt: skip
        return rows


def _of(tape: Tape, venue: str) -> Any:
    if venue not in tape.venues:
        return np.zeros(0, dtype=np.int64)
    return np.flatnonzero(tape.venue == tape.venues.index(venue))


def _coverage(tape: Tape, rows: Any) -> Coverage | None:
    found = np.unique(tape.coverage[rows])
    return Coverage(int(found[0])) if len(found) == 1 else None


def _state(known: Heard, now: int) -> State:
    return "live" if not known.why and now - known.until <= LATE else "ended"


def _worst(states: Iterable[State]) -> State:
    return "ended" if "ended" in set(states) else "live"
