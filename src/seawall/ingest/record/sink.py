"""What a recorder writes to."""

from __future__ import annotations

from typing import Protocol

from seawall.core.tape import Tape


class Sink(Protocol):
    """Keeps events; :class:`seawall.ingest.store.writer.StoreWriter` is one.

    Called from worker threads, ``append`` by one thread at a time; ``roll_if_due`` may run
    beside it.
    """

    def append(self, tape: Tape) -> None:
        """Return once the events survive a loss of power; copies may come again."""

    def roll_if_due(self) -> int:
        """Put what has gathered into its lasting form if it is time; gives a count of it."""

    def close(self) -> None:
        """Let go of files and locks."""
