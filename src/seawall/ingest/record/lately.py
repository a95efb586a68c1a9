"""Which instruments had events lately, as a store tells: what was missed is asked for by them."""

from __future__ import annotations

import logging
import time

from seawall.core.tape import Kind
from seawall.ingest.store.disk import StoreError
from seawall.ingest.store.queries import ask, totals
from seawall.ingest.store.store import EVER, Store
from seawall.ingest.wire.logs import say

_log = logging.getLogger(__name__)
_WEEK = 7 * 86_400 * 10**9


def instruments_lately(store: Store) -> dict[str, tuple[str, ...]]:
    """By venue, the instruments with an event in the week before the last one that is stored.

    Where a part of that week is damaged nothing is known, which is logged and hinders no recording.
    """
    _, last = store.extent()
    if last is None:
        return {}
    window = min(last, time.time_ns()) - _WEEK, EVER[1]
    try:
        rows = ask(store, totals(window, ("venue", "instrument"), tuple(Kind)))
    except StoreError as error:
        say(_log, logging.WARNING, "not known what to ask for", why=str(error))
        return {}
    found: dict[str, list[str]] = {}
    for row in rows:
        found.setdefault(row["venue"], []).append(row["instrument"])
    return {venue: tuple(names) for venue, names in found.items()}
