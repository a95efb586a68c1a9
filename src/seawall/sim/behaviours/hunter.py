"""Traders who push the price toward disclosed clusters of liquidations."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from seawall._jit import hook
from seawall.core import _columns as c
from seawall.core.hooks import Floor, Hook
from seawall.sim.behaviours import Behaviour
from seawall.sim.behaviours._flow import ramp, toward, tradable
from seawall.sim.reach import Refusals, named

Floats = NDArray[np.float64]

_BAIT, _PACE, _COVER, _MOST, _CAPACITY = range(5)
_WAY = 2.0
_LEAST = 1.0


class Hunter(Behaviour):
    """Sells toward longs, or buys toward shorts, that are known to be due near the price.

    What is due within 2% is compared with the depth in the way (twice what rests within 1%). From
    a ratio of ``bait`` on a position is taken toward the cluster, whole at twice that ratio, and
    covered when the cluster is gone. Clusters on both sides cancel out. Does nothing in a market
    that discloses none.

    Assumes one group of predators with a fixed capacity in each market; makers' own response to
    disclosure is the market maker's ``wariness``.
    """

    title: ClassVar[str] = "Hunters of liquidations"
    source: ClassVar[str] = (
        "Brunnermeier and Pedersen (2005), Journal of Finance 60, 1825-1863: predatory trading; "
        "Carlin, Lobo and Viswanathan (2007), ibid. 62, 2235-2274"
    )

    bait: float = Field(
        0.5, gt=0, le=1000, description="Cluster over the depth in the way at which it begins"
    )
    capacity: float = Field(
        1.0, ge=0, le=1000, description="Greatest position in a market, multiple of its calm depth"
    )
    pace: float = Field(20.0, gt=0, le=86_400, description="Time constant of pushing, s")
    cover: float = Field(60.0, gt=0, le=86_400, description="Time constant of covering, s")

    most: float = Field(
        0.05,
        gt=0,
        le=1000,
        description="Most that it trades a second, share of what rests within 1%",
    )

    def act(self, floor: Floor) -> Hook:
        """Orders toward the cluster that pays."""
        refusals = Refusals(self, floor)
        refusals.venues(self.venues)
        refusals.assets(self.assets)
        refusals.refuse()
        where = named(floor, self.venues, self.assets)
        depth = np.array([m.depth for m in floor.markets])
        head = [self.bait, self.pace, self.cover, self.most]
        return Hook(_act, np.concatenate((head, self.capacity * where * depth)))


@hook
def _act(
    markets: Floats, own: Floats, parameters: Floats, clock: Floats, key: np.uint64, orders: Floats
) -> None:
    bait = parameters[_BAIT]
    for m in range(markets.shape[0]):
        capacity = parameters[_CAPACITY + m]
        if capacity <= 0.0 or not tradable(markets, m):
            continue
        target = 0.0
        if markets[m, c.DISCLOSED] > 0.0:
            below = markets[m, c.LONGS_NEAR] / max(_LEAST, _WAY * markets[m, c.STANDING_BID])
            above = markets[m, c.SHORTS_NEAR] / max(_LEAST, _WAY * markets[m, c.STANDING_ASK])
            target = capacity * (ramp(above, bait, 2.0 * bait) - ramp(below, bait, 2.0 * bait))
        pace = parameters[_COVER] if target == 0.0 else parameters[_PACE]
        orders[m, c.QUANTITY] = toward(
            markets, own, m, target, clock[c.DT], pace, parameters[_MOST]
        )
