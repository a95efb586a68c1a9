"""What a recorder writes to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from seawall.core.tape import Tape
from seawall.ingest.store.outages import Heard, Outage


class Sink(Protocol):
    """Keeps events; :class:`seawall.ingest.store.writer.StoreWriter` is one.

    Called from worker threads, ``append`` by one thread at a time; the others may run beside it.
    """

    def append(self, tape: Tape) -> None:
        """Return once the events survive a loss of power; copies may come again."""

    def roll_if_due(self) -> int:
        """Put what has gathered into its lasting form if it is time; gives a count of it."""

    def heard(self) -> Mapping[str, Heard]:
        """By connection, until when an earlier recording into the same sink heard it."""

    def keep_heard(self, outages: Sequence[Outage], heard: Mapping[str, Heard]) -> None:
        """Keep outages of feeds, and until when each connection was heard."""

    def close(self) -> None:
        """Let go of files and locks."""
