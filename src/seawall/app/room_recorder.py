"""The recorder beside the room: feeds of venues into the store that the room shows."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from seawall.ingest.record.lately import instruments_lately
from seawall.ingest.record.recorder import Recorder, Recording
from seawall.ingest.store.upkeep import merge_past
from seawall.ingest.store.writer import StoreWriter
from seawall.room.feeds import feed, heard
from seawall.rulebook import Rules

LOG = logging.getLogger("seawall.room")
_PATIENCE = 20.0


class RecorderBeside:
    """A recorder in a thread with a loop of its own, so that no page's reader can hold it up.

    Parameters
    ----------
    store
        Folder of the store; made if it is not there. Its lock is held from now on.

    Raises
    ------
    StoreError
        If somebody else writes there.
    """

    def __init__(self, recording: Recording, store: Path, rules: Rules | None = None):
        writer = StoreWriter(store)
        seen, tidy = instruments_lately(writer), partial(merge_past, writer)
        self._recorder = Recorder(recording, writer, rules, seen, tidy)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run, name="seawall-recorder", daemon=True)
        self._why = ""

    def start(self) -> None:
        """Begin to record."""
        self._thread.start()

    def stop(self) -> None:
        """End cleanly: what has been read is written."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._recorder.stop)
        if self._thread.is_alive():
            self._thread.join(_PATIENCE)

    def states(self) -> list[dict[str, Any]]:
        """A row a connection."""
        rows = []
        for one in self._recorder.feeds:
            for counts in one.counts.values():
                state = heard(counts.connected, counts.last_frame)
                rows.append(
                    feed(
                        counts.venue, "ended" if self._why else state, counts.events,
                        counts.last_event or None, link=counts.link,
                        lag_seconds=counts.lag if counts.last_event else None,
                        malformed=counts.malformed + one.context.tally.malformed,
                        dropped=counts.dropped, reconnects=max(counts.connects - 1, 0),
                        outage_seconds=counts.outages, why=self._why or _why(counts),
                    )
                )  # fmt: skip
        return rows

    def _run(self) -> None:
        async def go() -> None:
            self._loop = asyncio.get_running_loop()
            await self._recorder.run()

        try:
            asyncio.run(go())
            self._why = "stopped"
        except Exception as error:
            # such as a full disk: the room goes on and tells of it
            self._why = f"recording ended: {error}"
            LOG.error("recording ended", exc_info=error)


def recorder_beside(
    store: Path, venues: str = "", assets: str = "", url: Sequence[str] = ()
) -> RecorderBeside:
    """A recorder as ``seawall tape record`` would be started with the same options.

    Raises
    ------
    InputError
        If a venue or an address is none, or the folder is a rehearsal's.
    """
    from seawall.app.tape_record import addresses
    from seawall.ingest.rehearsal.folder import refuse_rehearsal
    from seawall.ingest.wire.venues import adapters_of

    refuse_rehearsal(store)
    rules, names = Rules.bundled(), _names(venues)
    # whatever is wrong is told before a store is made
    adapters_of(names, rules)
    recording = Recording(
        venues=names,
        assets=tuple(a.upper() for a in _names(assets)) or None,
        urls=addresses(tuple(url), rules),
    )
    return RecorderBeside(recording, store, rules)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _why(counts: Any) -> str:
    if counts.connected:
        return ""
    away = time.time_ns() - counts.last_frame if counts.last_frame else 0
    tries = f"{counts.failures} tries failed" if counts.failures else "connecting"
    return f"{tries}; not heard for {away / 1e9:,.0f} s" if away else tries
