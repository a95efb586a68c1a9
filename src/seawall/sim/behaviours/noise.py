"""Uninformed flow."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from seawall._jit import hook
from seawall.core import _columns as c
from seawall.core.hooks import Floor, Hook
from seawall.sim._noise import normal
from seawall.sim.behaviours import Behaviour
from seawall.sim.behaviours._flow import exponentials, poisson, tradable, units_of
from seawall.sim.reach import Refusals, named

Floats = NDArray[np.float64]

_RATE, _IMBALANCE, _PERSISTENCE, _ELASTICITY, _FLOW = range(5)
_PLACES = 32
_DAY = 86_400.0


class Noise(Behaviour):
    """Trades that know nothing, on every market, the spot markets included.

    Assumes trades that arrive independently, of exponentially distributed size; a purchase is as
    likely as a sale on the long run, and the lean toward one side dies out with time (long memory
    of signs, cut to one time scale). Buys and sales within a step net, so that the market sees
    less than the gross volume. Flow does not react to prices, but its trades are smaller where less
    rests than when calm: who has no reason to hurry does not pay any price.
    """

    title: ClassVar[str] = "Uninformed flow"
    source: ClassVar[str] = (
        "Kyle (1985), Econometrica 53, 1315-1335: noise traders; Lillo and Farmer (2004), Studies "
        "in Nonlinear Dynamics & Econometrics 8(3): signs of trades are autocorrelated; Admati and "
        "Pfleiderer (1988), Review of Financial Studies 1, 3-40: liquidity traders choose when"
    )

    share: float = Field(
        0.5, ge=0, le=10, description="Part of a market's daily volume that this flow is; fraction"
    )
    rate: float = Field(2.0, gt=0, le=1000, description="Trades a second in each market")
    imbalance: float = Field(
        0.1, ge=0, le=1, description="Greatest lean of the odds to one side; fraction"
    )
    elasticity: float = Field(
        1.0,
        ge=0,
        le=5,
        description="Power of standing over calm depth by which trades shrink in a thin book",
    )
    persistence: float = Field(
        60.0, gt=0, le=86_400, description="Time constant with which a lean dies out, s"
    )

    def act(self, floor: Floor) -> Hook:
        """Orders by compound Poisson arrivals on both sides."""
        refusals = Refusals(self, floor)
        refusals.venues(self.venues, spot=True)
        refusals.assets(self.assets)
        refusals.refuse()
        where = named(floor, self.venues, self.assets, spot=True)
        volume = np.array([m.volume for m in floor.markets])
        flow = where * volume * self.share / _DAY
        head = [self.rate, self.imbalance, self.persistence, self.elasticity]
        return Hook(_act, np.concatenate((head, flow)), np.zeros(len(floor)))


@hook
def _act(
    markets: Floats, own: Floats, parameters: Floats, clock: Floats, key: np.uint64, orders: Floats
) -> None:
    # own[m]: the lean of market m, a standard Ornstein-Uhlenbeck process
    dt, rate = clock[c.DT], parameters[_RATE]
    step = np.uint64(clock[c.STEP])
    keep = math.exp(-dt / parameters[_PERSISTENCE])
    for m in range(markets.shape[0]):
        flow = parameters[_FLOW + m]
        if flow <= 0.0:
            continue
        place = _PLACES * m
        own[m] = own[m] * keep + math.sqrt(1.0 - keep * keep) * normal(key, step, place // 2)
        if not tradable(markets, m):
            continue
        lean = parameters[_IMBALANCE] * min(1.0, max(-1.0, own[m]))
        buys = poisson(key, step, place + 2, 0.5 * rate * dt * (1.0 + lean))
        sales = poisson(key, step, place + 4, 0.5 * rate * dt * (1.0 - lean))
        bought = exponentials(key, step, place + 8, buys)
        sold = exponentials(key, step, place + 16, sales)
        standing = 0.5 * (markets[m, c.STANDING_BID] + markets[m, c.STANDING_ASK])
        depth = min(1.0, standing / markets[m, c.CALM]) if markets[m, c.CALM] > 0.0 else 0.0
        usd = (bought - sold) * flow / rate * depth ** parameters[_ELASTICITY]
        orders[m, c.QUANTITY] = units_of(markets, m, usd)
