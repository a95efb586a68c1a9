"""Asking venues at a stated pace, each by itself, until asked to stop."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any

from seawall.core import InputError, Mistake
from seawall.ingest.market.asking import Rows, SlowDownError, VenueAsking
from seawall.ingest.market.exchanges import names_of
from seawall.ingest.market.tables import MarketWriter
from seawall.ingest.wire.logs import say
from seawall.rulebook import Rules

_log = logging.getLogger(__name__)
LONGEST_PAUSE = 600.0
"""Seconds that a venue is left alone at most once it says that it is asked too often."""


@dataclass(frozen=True, slots=True)
class Polling:
    """What to ask, how often.

    Attributes
    ----------
    venues, assets
        Names or aliases; underlyings.
    every
        Seconds from the beginning of one round to that of the next.
    jitter
        Share of the pace by which rounds are put off at random, so that venues and machines do
        not all ask at once.
    patience
        Seconds that a call may take.
    relist
        Seconds after which contracts are asked for again.
    urls
        Addresses in place of venues' own, by rulebook.
    """

    venues: tuple[str, ...]
    assets: tuple[str, ...]
    every: float = 60.0
    jitter: float = 0.1
    patience: float = 30.0
    relist: float = 6 * 3600.0
    urls: Mapping[str, str] = field(default_factory=dict)


class Poller:
    """Asks venues in rounds and writes what they tell.

    Attributes
    ----------
    venues
        One a rulebook, with its counts and its latest rows.
    written
        Rows written and on the disk.
    """

    def __init__(self, polling: Polling, writer: MarketWriter, rules: Rules | None = None):
        rules = rules or Rules.bundled()
        if not 1.0 <= polling.every <= 86_400.0:
            value = f"{polling.every:g} s"
            raise InputError(Mistake("out of range", "--every", value=value, allowed="1s to 1d"))
        self.polling = polling
        self.venues = [
            VenueAsking(
                name,
                rules,
                frozenset(polling.assets),
                polling.urls.get(name, ""),
                polling.patience,
                polling.relist,
            )
            for name in names_of(polling.venues, rules)
        ]
        self.written = 0
        self._writer = writer
        self._stop = asyncio.Event()

    def stop(self) -> None:
        """Ask for a clean end: what has been told is written."""
        self._stop.set()

    async def run(self, once: bool = False) -> None:
        """Ask until :meth:`stop`, or for one round.

        Raises
        ------
        SeawallError
            What the writer raises, a full disk for one: nothing more is asked then.
        """
        tasks = [asyncio.create_task(self._keep_asking(v, once)) for v in self.venues]
        asked = asyncio.create_task(self._stop.wait())
        waiting: set[asyncio.Task[Any]] = {asked, *tasks}
        try:
            # until all venues are through, one fails by a mistake of ours or the disk's, or stop
            while not asked.done() and not all(task.done() for task in tasks):
                done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                if any(task.exception() for task in done):
                    break
        finally:
            for task in (*tasks, asked):
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.gather(*(v.close() for v in self.venues), return_exceptions=True)
        for end in ended:
            if isinstance(end, Exception):
                raise end
        say(_log, logging.INFO, "stopped", written=self.written)

    async def _keep_asking(self, venue: VenueAsking, once: bool) -> None:
        every, pause = self.polling.every, 0.0
        due = time.monotonic()
        while True:
            rows: Rows = {}
            try:
                await venue.round(rows)
                pause = 0.0
            except SlowDownError:
                pause = min(LONGEST_PAUSE, max(2 * pause, every))
            finally:
                await _finished(self._keep(venue, rows))
            if once:
                return
            now = time.monotonic()
            due += every
            if due < now:
                venue.counts.late += 1
                due = now
            await asyncio.sleep(due - now + pause + every * self.polling.jitter * random.random())  # noqa: S311

    async def _keep(self, venue: VenueAsking, rows: Rows) -> None:
        if rows:
            self.written += await asyncio.to_thread(self._writer.write, rows)
        counts = venue.counts
        say(
            _log,
            logging.INFO,
            "round",
            venue=venue.name,
            rows=sum(map(len, rows.values())),
            calls=counts.calls,
            failed=sum(counts.failed.values()),
            error=counts.error,
        )


async def _finished(keeping: Coroutine[None, None, None]) -> None:
    """Wait for a write; one that has begun is finished, even while being stopped."""
    task = asyncio.ensure_future(keeping)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await task
        raise
