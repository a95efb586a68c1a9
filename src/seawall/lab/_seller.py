"""A seller by mistake, whose orders wait until they are filled or lapse."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from seawall._jit import hook
from seawall.core import _columns as c
from seawall.core.hooks import Floor, Hook
from seawall.sim.behaviours import Behaviour
from seawall.sim.behaviours._flow import holding, units_of

Floats = NDArray[np.float64]

_RATE, _BEGIN, _END, _LIFETIME, _WHERE = range(5)


class ErroneousSeller(Behaviour):
    """Sells every perpetual at a steady pace for some time, at any price that is allowed.

    What a halt or a band keeps from being filled waits and is tried again every step; of what
    waits, a share is withdrawn that leaves a mean life of ``lifetime``.
    """

    usd_per_second: float
    begin: float
    end: float
    lifetime: float

    def act(self, floor: Floor) -> Hook:
        """Everything that waits, as one order a step."""
        head = [self.usd_per_second, self.begin, self.end, self.lifetime]
        return Hook(_act, np.concatenate((head, floor.chosen())), np.zeros(2 * len(floor)))


@hook
def _act(
    markets: Floats, own: Floats, parameters: Floats, clock: Floats, key: np.uint64, orders: Floats
) -> None:
    # own, each by market: quantity that waits, quantity held when last asked
    dt, now, count = clock[c.DT], clock[c.SECONDS], markets.shape[0]
    keep = math.exp(-dt / parameters[_LIFETIME])
    for m in range(count):
        if parameters[_WHERE + m] <= 0.0 or markets[m, c.MID] <= 0.0:
            continue
        held = holding(markets, own, m)
        own[m] = max(0.0, own[m] - (own[count + m] - held)) * keep
        own[count + m] = held
        if parameters[_BEGIN] <= now < parameters[_END]:
            own[m] += units_of(markets, m, parameters[_RATE] * dt)
        orders[m, c.QUANTITY] = -own[m]
