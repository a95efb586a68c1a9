"""Funding and basis trade."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from seawall._jit import hook
from seawall.core import _columns as c
from seawall.core.hooks import Floor, Hook
from seawall.sim.behaviours import Behaviour
from seawall.sim.behaviours._flow import holding, ramp, toward, tradable
from seawall.sim.reach import Refusals, named

Floats = NDArray[np.float64]

_BEGIN, _FULL, _PACE, _MOST, _BORROW, _CAPACITY = range(6)
_DAY = 86_400.0


class FundingTrader(Behaviour):
    """Takes the side of the perpetual that receives funding and the opposite in spot.

    The notional aimed at grows straight from nothing at a rate of ``begin`` a day to the capacity
    at ``full``. The spot leg has the size of the perpetuals' together; what one leg missed is made
    up for in the next steps. A perpetual without an open spot market is left alone.

    Assumes that the last rate is expected to stay, that fees do not matter over the holding
    period, and that positions are not liquidated.
    """

    title: ClassVar[str] = "Funding and basis trade"
    source: ClassVar[str] = (
        "Schmeling, Schrimpf and Todorov (2023), BIS Working Paper 1087: crypto carry; He, Manela, "
        "Ross and von Wachter (2022), arXiv:2212.06888: perpetuals' arbitrage"
    )

    begin: float = Field(
        0.0006, ge=0, le=1, description="Funding a day, without sign, at which it enters; fraction"
    )
    full: float = Field(
        0.003, gt=0, le=1, description="Funding a day at which capacity is used up; fraction"
    )
    capacity: float = Field(
        3.0, ge=0, le=1e6, description="Greatest notional in a market, multiple of its calm depth"
    )
    pace: float = Field(
        1800.0, gt=0, le=604_800, description="Time constant with which a holding is built, s"
    )
    most: float = Field(
        0.02,
        gt=0,
        le=1000,
        description="Most that it trades a second, share of what rests within 1%",
    )
    borrow: bool = Field(
        True, description="Whether spot can be sold short, so that rates below 0 are taken too"
    )

    def act(self, floor: Floor) -> Hook:
        """Orders in the perpetuals and, opposite, in the spot market of the asset."""
        refusals = Refusals(self, floor)
        refusals.venues(self.venues)
        refusals.assets(self.assets)
        if self.full <= self.begin:
            refusals.add("full", "is full before it begins", self.full, "above begin")
        refusals.refuse()
        where = named(floor, self.venues, self.assets)
        depth = np.array([m.depth for m in floor.markets])
        spot = {m.asset: float(k) for k, m in enumerate(floor.markets) if m.spot}
        legs = np.array([-1.0 if m.spot else spot.get(m.asset, -1.0) for m in floor.markets])
        head = [self.begin, self.full, self.pace, self.most, float(self.borrow)]
        return Hook(_act, np.concatenate((head, self.capacity * where * depth, legs)))


@hook
def _act(
    markets: Floats, own: Floats, parameters: Floats, clock: Floats, key: np.uint64, orders: Floats
) -> None:
    dt, count = clock[c.DT], markets.shape[0]
    for m in range(count):
        spot = int(parameters[_CAPACITY + count + m])
        capacity = parameters[_CAPACITY + m]
        if spot < 0 or capacity <= 0.0 or markets[m, c.FUNDING_EVERY] <= 0.0:
            continue
        if not (tradable(markets, m) and tradable(markets, spot)):
            continue
        rate = markets[m, c.RATE] * _DAY / markets[m, c.FUNDING_EVERY]
        target = -capacity * ramp(rate, parameters[_BEGIN], parameters[_FULL])
        if parameters[_BORROW] > 0.0:
            target += capacity * ramp(-rate, parameters[_BEGIN], parameters[_FULL])
        orders[m, c.QUANTITY] = toward(
            markets, own, m, target, dt, parameters[_PACE], parameters[_MOST]
        )
    for spot in range(count):
        if markets[spot, c.SPOT] <= 0.0 or not tradable(markets, spot):
            continue
        exposure = holding(markets, own, spot)
        held = False
        for m in range(count):
            if int(parameters[_CAPACITY + count + m]) == spot:
                units = holding(markets, own, m) + orders[m, c.QUANTITY]
                held = held or parameters[_CAPACITY + m] > 0.0
                inverse = markets[m, c.INVERSE] > 0.0
                exposure += units / markets[spot, c.MID] if inverse else units
        if held:
            orders[spot, c.QUANTITY] = -exposure
