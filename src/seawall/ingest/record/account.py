"""Account of when each connection was heard, and of the outages between."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from seawall.ingest.store.outages import LATE, NOT_RECORDING, OVERLOADED, Heard, Outage

BURST = 60_000_000_000
"""Drops of a connection within so long of one another are one outage, ns."""
_LONGEST_WHY = 120
_PART = " in part"
"""Behind a connection's name: what the venue refuses of it while the rest is heard."""


@dataclass(slots=True)
class _Link:
    venue: str
    begun: int
    since: int = 0
    until: int = 0
    why: str = NOT_RECORDING
    asked: tuple[tuple[int, str], ...] = ()


class Account:
    """A :class:`~seawall.ingest.wire.watch.Watch` that makes rows of what it is told.

    Parameters
    ----------
    before
        By connection, until when an earlier recording heard it: what lies between is an outage.
    clock
        Gives the present time, UTC ns.
    assets
        Which are asked for; all if None.
    """

    def __init__(
        self,
        before: Mapping[str, Heard],
        clock: Callable[[], int] = time.time_ns,
        assets: Sequence[str] | None = None,
    ):
        self._clock = clock
        self._assets = ",".join(sorted(set(assets or ())))
        self._before = dict(before)
        self._earlier = {link: heard.until for link, heard in before.items()}
        self._links: dict[str, _Link] = {}
        self._ended: list[Outage] = []
        self._latest: dict[str, Outage] = {}
        self._drops: dict[tuple[str, str], Outage] = {}
        self._grown: dict[tuple[str, str], Outage] = {}
        self._ticked = 0
        self._turned = False

    def begins(self, venue: str, link: str) -> None:
        """Count a connection in; what was heard of it before is taken up."""
        if link in self._links:
            return
        made = _Link(venue, self._clock())
        known = self._before.pop(link, None)
        if known is not None:
            made.since, made.until = known.since, known.until
            made.why = known.why or NOT_RECORDING
            made.asked = known.asked
        if self._assets != (made.asked[-1][1] if made.asked else ""):
            made.asked = (*made.asked, (made.begun, self._assets))
        self._links[link] = made

    def heard_before(self, link: str) -> int:
        """Until when an earlier recording heard a connection; 0 if none did."""
        return self._earlier.get(link, 0)

    def stands(self, venue: str, link: str) -> None:
        """End the outage, if there was one: a first subscription that comes soon ends none."""
        now = self._clock()
        self.begins(venue, link)
        mine = self._links[link]
        if not mine.since and now - mine.begun <= LATE:
            mine.since = now
        elif mine.why:
            mine.since = mine.since or mine.begun
            self._end(Outage(venue, link, mine.until or mine.begun, now, mine.why))
        mine.until, mine.why = now, ""
        self._turned = True

    def refused(self, venue: str, link: str, why: str) -> None:
        """Begin, or end where ``why`` is empty, an outage of a part of a connection that stands.

        It has a row of its own, which goes once all is taken; where the reason changes, one outage
        ends and another begins.
        """
        now, name, why = self._clock(), link + _PART, why[:_LONGEST_WHY]
        was = self._before.get(name)
        if (was.why if was else "") == why:
            return
        if was is not None:
            del self._before[name]
            self._end(Outage(venue, name, was.until, now, was.why))
        if why:
            whole = self._links[link]
            self._before[name] = Heard(venue, whole.since, now, why, whole.asked)
        self._turned = True

    def falls(self, link: str, heard: int, why: str) -> None:
        """Begin an outage; of one that goes on the first reason stays."""
        mine = self._links.get(link)
        if mine is not None and mine.since and not mine.why:
            mine.until, mine.why = heard, why[:_LONGEST_WHY] or "no connection"
            self._turned = True

    def drops(self, venue: str, link: str, at: int, events: int, why: str = OVERLOADED) -> None:
        """Count lost events; those close together, for one reason, are one outage."""
        key = link, why
        before = self._drops.get(key)
        if before is not None and at - before.end < BURST:
            end = max(before.end, at + 1)
            made = replace(before, end=end, lost=before.lost + events)
        else:
            # a message may lose events for several reasons; rows are known by their start
            while any(o.link == link and o.start == at for o in self._drops.values()):
                at += 1
            made = Outage(venue, link, at, at + 1, why, events)
            self._turned = True
        self._drops[key] = self._grown[key] = made

    def refilled(self, link: str, since: int) -> None:
        """Take the latest outage back as far as anything is missing in it."""
        latest = self._latest.get(link)
        if latest is not None and latest.start >= since and not latest.refilled:
            self._end(replace(latest, refilled=True))

    def tick(self, now: int) -> None:
        """Tell the time, every second or so: where far more went by, the machine slept."""
        if self._ticked and now - self._ticked > LATE:
            for link, mine in self._links.items():
                if mine.since and not mine.why:
                    self._end(Outage(mine.venue, link, mine.until, now, NOT_RECORDING))
                    mine.until = now
        self._ticked = now

    def stored(self, upto: int) -> None:
        """All that came before a time is stored: what stands was heard until then."""
        for mine in self._links.values():
            if mine.since and not mine.why:
                mine.until = max(mine.until, upto)

    @property
    def changed(self) -> bool:
        """Whether there is more to write than that time went by."""
        return bool(self._ended) or self._turned

    def take(self) -> tuple[list[Outage], dict[str, Heard]]:
        """Outages not taken yet, and until when each connection was heard."""
        rows, self._ended, self._turned = [*self._ended, *self._grown.values()], [], False
        self._grown = {}
        latest = {(o.link, o.start): o for o in rows}
        return list(latest.values()), self._before | {k: _heard(v) for k, v in self._links.items()}

    def _end(self, outage: Outage) -> None:
        if outage.end <= outage.start:
            return  # the clock was set back
        self._latest[outage.link] = outage
        self._ended.append(outage)


def _heard(link: _Link) -> Heard:
    # one that was never subscribed has not been heard since it was first tried
    since, until = link.since or link.begun, link.until or link.begun
    return Heard(link.venue, since, until, link.why, link.asked)
