"""Copies of what came a while ago, found in bounded memory."""

from __future__ import annotations

from collections.abc import Sequence

from seawall.ingest.wire.event import WireEvent


class Recent:
    """Identifiers of the latest events, in two generations.

    Parameters
    ----------
    most
        Identifiers a generation: between this many and twice as many are known.
    """

    def __init__(self, most: int = 250_000):
        self._most = most
        self._young: set[int] = set()
        self._old: set[int] = set()

    def fresh(self, events: Sequence[WireEvent]) -> list[WireEvent]:
        """The events that are no copies of a known one or of one another; they are known now."""
        young, old, kept = self._young, self._old, []
        for event in events:
            key = event.event_id
            if key in young or key in old:
                continue
            young.add(key)
            kept.append(event)
        if len(young) >= self._most:
            self._old, self._young = young, set()
        return kept
