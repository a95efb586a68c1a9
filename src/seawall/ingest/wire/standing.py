"""What the connections of one link share: counts, and whether any of them is heard."""

from __future__ import annotations

import asyncio
import time

from seawall.ingest.wire.counts import Counts
from seawall.ingest.wire.pauses import Pauses
from seawall.ingest.wire.watch import Watch


class Standing:
    """Which connections of a link stand: two while a new one takes over from an old one.

    The link is heard while one of them stands, so that only the first to stand ends an outage,
    and only the last to fall begins one.

    Parameters
    ----------
    hurry
        As in :class:`~seawall.ingest.wire.connection.Pace`.

    Attributes
    ----------
    pauses
        How long the link is used to tell nothing, whichever connection told.
    last_told
        Monotonic time and UTC ns at which one last told something, or began to stand; and the
        former without regard to the latter.
    wanted
        Set when a connection is to be made anew while the present one goes on.
    """

    def __init__(self, counts: Counts, watch: Watch, hurry: float = 1.0):
        self.counts = counts
        self.watch = watch
        self.pauses = Pauses(hurry)
        self.last_told = 0.0, 0, 0.0
        self.wanted = asyncio.Event()
        self._those: set[object] = set()

    def stands(self, who: object, now: float) -> float | None:
        """Count a connection in, at a monotonic time.

        Returns
        -------
        float or None
            Seconds that none stood; None where another was heard all the while.
        """
        alone = not self._those - {who}
        self._those.add(who)
        if not alone:
            self.counts.subscribed += 1
            self.counts.renewed += 1
            return None
        gap = self.counts.regained(now)
        self.watch.stands(self.counts.venue, self.counts.link)
        return gap

    def unheard(self, heard: int, why: str) -> float:
        """Tell that what stood was not heard since a UTC ns: an outage until now.

        Returns
        -------
        float
            Its seconds.
        """
        seconds = max(0.0, (time.time_ns() - heard) / 1e9)
        self.counts.outages += seconds
        self.watch.falls(self.counts.link, heard, why)
        self.watch.stands(self.counts.venue, self.counts.link)
        return seconds

    def ends(self, who: object, now: float) -> None:
        """Count a connection out, at a monotonic time."""
        self._those.discard(who)
        if not self._those:
            self.counts.lost(now)

    def falls(self, heard: int, why: str) -> None:
        """Note that one ended and was heard last at a UTC ns: an outage if none is left."""
        if not self._those:
            self.watch.falls(self.counts.link, heard, why)
