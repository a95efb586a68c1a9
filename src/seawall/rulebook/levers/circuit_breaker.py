"""A market halts when its own price has moved too far."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from seawall.core.hooks import Floor, Hook
from seawall.rulebook.levers._breaker import BreakerRules
from seawall.rulebook.levers._presets import PRESET_SOURCES


class CircuitBreaker(BreakerRules):
    """Pause each market by itself when its price leaves a band around a reference.

    The breaker reads prices at the end of a step and acts before the orders of the next one.
    While a market is halted nothing trades there; marks go on, accounts are judged and their
    forced orders queue; makers put their depth back. Off with ``pause`` 0.

    Assumes that nobody trades on the halt itself: no rush before the band unless a behaviour
    does so.
    """

    title: ClassVar[str] = "Circuit breaker on single markets"
    source: ClassVar[str] = "; ".join(PRESET_SOURCES.values())

    def admit(self, floor: Floor) -> Hook | None:
        """Halts, bands and reopening of the chosen markets."""
        chosen = floor.chosen(self.venues, self.assets)
        if not self.acts() or not chosen.any():
            return None
        return self.compiled(floor, chosen, chosen, np.arange(len(floor), dtype=np.float64), 1)
