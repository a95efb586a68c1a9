"""Buying of falls."""

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
from seawall.sim.behaviours._flow import (
    approach,
    bounded,
    holding,
    ramp,
    toward,
    tradable,
    units_of,
    usd_of,
)
from seawall.sim.reach import Refusals, named

Floats = NDArray[np.float64]

_MEMORY, _BEGIN, _FULL, _PACE, _EXIT, _MOST, _RESTING, _CAPITAL = range(8)


class DipBuyer(Behaviour):
    """Buys where the price stands well below its slow average, with a limited capital.

    The holding aimed at grows straight from nothing at a drawdown of ``begin`` to the whole
    capital at ``full``. It buys no higher than the price at which the drawdown is ``begin``, and
    sells what it bought once the drawdown is less than half of that.

    Where an asset has a multiple, ``begin`` and ``full`` are that many times as far in the log of
    the price: who is paid for risk asks for more where there is more of it.

    The share that rests is bid anew every step at the best bid quoted, and waits for sellers: it
    takes nothing from makers and moves no price. The rest is bought at market.

    Assumes value investors whose idea of value moves slowly, without leverage, each market with
    its own capital (an asset's capital lies over its markets as their depth and volume do).
    """

    title: ClassVar[str] = "Buyers of the dip"
    source: ClassVar[str] = (
        "Chiarella and Iori (2002), Quantitative Finance 2, 346-353: fundamentalists; Thurner, "
        "Farmer and Geanakoplos (2012), Quantitative Finance 12, 695-707: demand grows with the "
        "mispricing up to a limit; Merton (1969), Review of Economics and Statistics 51, 247-257: "
        "demand falls with the variance"
    )

    begin: float = Field(
        0.03, ge=0, lt=1, description="Drawdown from the slow average at which it buys; fraction"
    )
    full: float = Field(
        0.15, gt=0, lt=1, description="Drawdown at which all capital is spent; fraction"
    )
    capital: float = Field(
        5.0, ge=0, le=1e6, description="Capital, as a multiple of the calm depth of its markets"
    )
    turnover: float = Field(
        0.0, ge=0, le=100, description="Further capital, as a multiple of a day's volume"
    )
    memory: float = Field(
        21_600.0, gt=0, le=2_592_000, description="Time constant of the slow average, s"
    )
    pace: float = Field(120.0, gt=0, le=604_800, description="Time constant of buying, s")
    most: float = Field(
        0.02,
        gt=0,
        le=1000,
        description="Most that it trades a second, share of what rests within 1%",
    )
    resting: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Share of what it wants that waits as bids; the rest is bought at market",
    )
    exit: float = Field(7200.0, gt=0, le=2_592_000, description="Time constant of selling, s")
    multiples: dict[str, float] = Field(
        default_factory=dict,
        description="Drawdowns of single assets as a multiple, in log; in (0, 100], 1 if not named",
    )

    def act(self, floor: Floor) -> Hook:
        """Orders toward the holding that the drawdown calls for."""
        refusals = Refusals(self, floor)
        refusals.venues(self.venues, spot=True)
        refusals.assets(self.assets)
        scale = refusals.multiples(self.multiples)
        if self.full <= self.begin:
            refusals.add("full", "spends all before it begins", self.full, "above begin")
        refusals.refuse()
        where = named(floor, self.venues, self.assets, spot=True)
        depth = np.array([m.depth for m in floor.markets])
        volume = np.array([m.volume for m in floor.markets])
        capital = where * (self.capital * depth + self.turnover * volume)
        head = [self.memory, -math.log1p(-self.begin), -math.log1p(-self.full)]
        head += [self.pace, self.exit, self.most, self.resting]
        parameters = np.concatenate((head, capital, scale))
        return Hook(_act, parameters, np.zeros(len(floor) + 1))


@hook
def _act(
    markets: Floats, own: Floats, parameters: Floats, clock: Floats, key: np.uint64, orders: Floats
) -> None:
    # own: slow average of each market's log mid, whether they have begun
    dt, count = clock[c.DT], markets.shape[0]
    begun = own[count] > 0.0
    own[count] = 1.0
    for m in range(count):
        if markets[m, c.MID] <= 0.0:
            continue
        log_mid = math.log(markets[m, c.MID])
        if not begun:
            own[m] = log_mid
        own[m] += (log_mid - own[m]) * approach(dt, parameters[_MEMORY])
        capital = parameters[_CAPITAL + m]
        if capital <= 0.0 or not tradable(markets, m):
            continue
        scale = parameters[_CAPITAL + count + m]
        drawdown = (own[m] - log_mid) / scale
        held = holding(markets, own, m)
        missing = capital * ramp(drawdown, parameters[_BEGIN], parameters[_FULL])
        missing -= usd_of(markets, m, held)
        if missing > 0.0 and drawdown > parameters[_BEGIN]:
            wanted = missing * approach(dt, parameters[_PACE])
            rests = wanted * parameters[_RESTING]
            usd = bounded(markets, m, wanted - rests, dt, parameters[_MOST])
            orders[m, c.RESTS] = units_of(markets, m, rests)
            orders[m, c.QUANTITY] = units_of(markets, m, usd)
            orders[m, c.LIMIT] = math.exp(own[m] - parameters[_BEGIN] * scale)
        elif drawdown < 0.5 * parameters[_BEGIN] and held > 0.0:
            orders[m, c.QUANTITY] = toward(
                markets, own, m, 0.0, dt, parameters[_EXIT], parameters[_MOST]
            )
