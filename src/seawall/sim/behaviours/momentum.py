"""Herding on recent returns."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from seawall._jit import hook
from seawall.core import _columns as c
from seawall.core.hooks import Floor, Hook
from seawall.sim.behaviours import Behaviour
from seawall.sim.behaviours._flow import approach, toward, tradable
from seawall.sim.reach import Refusals, named

Floats = NDArray[np.float64]

_FAST, _SLOW, _SCALE, _PACE, _MOST, _CAPACITY = range(6)


class Momentum(Behaviour):
    """Buys what has risen and sells what has fallen, up to a capacity in each market.

    The signal is a fast less a slow average of the log mid. The holding aimed at is the capacity
    times the hyperbolic tangent of signal over scale, and is approached exponentially, no faster
    than the depth that stands bears.

    Assumes one herd that looks at each market by itself, pays for its trades out of a capital
    that losses do not reduce, and can be short.
    """

    title: ClassVar[str] = "Momentum and herding"
    source: ClassVar[str] = (
        "Chiarella and Iori (2002), Quantitative Finance 2, 346-353: chartists beside "
        "fundamentalists in an order-driven market; Lux and Marchesi (1999), Nature 397, 498-500"
    )

    fast: float = Field(
        30.0, gt=0, le=86_400, description="Time constant of the fast average of the log mid, s"
    )
    slow: float = Field(
        600.0, gt=0, le=604_800, description="Time constant of the slow average, s; above fast"
    )
    scale: float = Field(
        0.01, gt=0, le=1, description="Log return at which three quarters of the capacity is used"
    )
    capacity: float = Field(
        1.0,
        ge=0,
        le=1000,
        description="Greatest holding in a market, long or short, as a multiple of its calm depth",
    )
    pace: float = Field(
        60.0, gt=0, le=86_400, description="Time constant with which the holding is built up, s"
    )

    most: float = Field(
        0.02,
        gt=0,
        le=1000,
        description="Most that it trades a second, share of what rests within 1%",
    )

    def act(self, floor: Floor) -> Hook:
        """Orders toward the holding that the signal calls for."""
        refusals = Refusals(self, floor)
        refusals.venues(self.venues, spot=True)
        refusals.assets(self.assets)
        if self.slow <= self.fast:
            refusals.add("slow", "slow average not slower than the fast", self.slow, "above fast")
        refusals.refuse()
        where = named(floor, self.venues, self.assets)
        depth = np.array([m.depth for m in floor.markets])
        head = [self.fast, self.slow, self.scale, self.pace, self.most]
        parameters = np.concatenate((head, self.capacity * where * depth))
        return Hook(_act, parameters, np.zeros(2 * len(floor) + 1))


@hook
def _act(
    markets: Floats, own: Floats, parameters: Floats, clock: Floats, key: np.uint64, orders: Floats
) -> None:
    # own: fast average of each market, slow average of each, whether they have begun
    dt, count = clock[c.DT], markets.shape[0]
    begun = own[2 * count] > 0.0
    own[2 * count] = 1.0
    for m in range(count):
        if markets[m, c.MID] <= 0.0:
            continue
        log_mid = math.log(markets[m, c.MID])
        if not begun:
            own[m] = own[count + m] = log_mid
        own[m] += (log_mid - own[m]) * approach(dt, parameters[_FAST])
        own[count + m] += (log_mid - own[count + m]) * approach(dt, parameters[_SLOW])
        capacity = parameters[_CAPACITY + m]
        if capacity <= 0.0 or not tradable(markets, m):
            continue
        target = capacity * math.tanh((own[m] - own[count + m]) / parameters[_SCALE])
        orders[m, c.QUANTITY] = toward(
            markets, own, m, target, dt, parameters[_PACE], parameters[_MOST]
        )
