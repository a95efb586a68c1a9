"""Whether marks of each instrument still come."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


class Pulse:
    """When each instrument was last heard of, and which are taken for dead.

    Parameters
    ----------
    names
        Venue and symbol of each instrument of a book.
    """

    def __init__(self, names: Sequence[tuple[str, str]]):
        self._names = tuple(names)
        # silence counts from here on, though nothing was heard yet
        self._last = np.full(len(self._names), time.monotonic())
        self._heard = np.zeros(len(self._names), dtype=np.bool_)
        self._dead = np.zeros(len(self._names), dtype=np.bool_)

    def carry(self, before: Pulse) -> None:
        """Go on from an earlier reading of the book; of what is new, silence counts from now."""
        old = {name: k for k, name in enumerate(before._names)}
        for k, name in enumerate(self._names):
            j = old.get(name)
            if j is not None:
                self._last[k], self._heard[k] = before._last[j], before._heard[j]
                self._dead[k] = before._dead[j]

    def hear(self, seen: Ints) -> Ints:
        """Note that marks came; returns those that were dead until now."""
        self._last[seen] = time.monotonic()
        self._heard[seen] = True
        back = np.unique(seen[self._dead[seen]])
        self._dead[back] = False
        return back

    def lost(self, held: Ints, silence: float) -> Ints:
        """Those of ``held`` that have been silent for so many seconds, each told once."""
        gone = held[(self.quiet()[held] > silence) & ~self._dead[held]]
        self._dead[gone] = True
        return gone

    def quiet(self) -> NDArray[np.float64]:
        """Seconds since each was heard of, or since it has been waited for."""
        return time.monotonic() - self._last

    def alive(self, silence: float) -> Flags:
        """Of which a feed has said a mark within so many seconds."""
        return self._heard & (self.quiet() <= silence)
