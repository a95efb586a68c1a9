"""Makers that withdraw."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from seawall._jit import hook, inner_kernel
from seawall.core import _columns as c
from seawall.core.hooks import Floor, Hook
from seawall.sim.behaviours import Behaviour
from seawall.sim.behaviours._flow import approach, profit, usd_of
from seawall.sim.reach import Refusals, named

Floats = NDArray[np.float64]

(
    _EXPONENT,
    _FLOOR,
    _LEAVE,
    _RETURN,
    _INVENTORY,
    _HEDGE,
    _LOSS,
    _MEMORY,
    _WARINESS,
    _WATCH,
    _CONTAGION,
    _CALM,
) = range(12)
_DAY = 86_400.0


class MarketMaker(Behaviour):
    """Sets how much of the calm depth makers are willing to rest.

    Willingness aims at ``floor + (1 - floor) * v * i * l * w * c``, each factor from 1 (calm)
    down:

    - ``v``: volatility over its calm level, to the power ``-withdrawal``, where above it;
      volatility is read off the distance of the log mid from its average over ``watch``, so that
      it depends neither on the step nor on the width of price levels;
    - ``i``: falls straight to 0 as inventory not yet hedged nears ``inventory``;
    - ``l``: falls straight to 0 as the loss from the recent best, hedges included, nears ``loss``;
    - ``w``: ``1 / (1 + wariness * disclosed clusters / calm depth)``;
    - ``c``: the mean of ``v * i * l * w`` over all markets, by calm depth, to the power
      ``contagion`` times the market's calm volatility over ``calm_volatility``: makers that are
      hit anywhere cut everywhere, the most volatile books first.

    It falls quickly and comes back slowly. Assumes that both sides are cut alike, that makers lay
    off inventory outside the modelled markets with time constant ``hedge``, and, without
    ``contagion``, that makers of different markets do not know of each other.
    """

    title: ClassVar[str] = "Market makers"
    source: ClassVar[str] = (
        "Ho and Stoll (1981), Journal of Financial Economics 9, 47-73: inventory; Glosten and "
        "Milgrom (1985), ibid. 14, 71-100: adverse selection; Brunnermeier and Pedersen (2009), "
        "Review of Financial Studies 22, 2201-2238: losses cut liquidity, in all assets at once, "
        "volatile ones first; depth fell by 90% and more on 10 October 2025 (FTI, Kaiko)"
    )

    withdrawal: float = Field(
        0.5, ge=0, le=5, description="Power of volatility over its calm level by which depth falls"
    )
    calm_volatility: float = Field(
        0.05, gt=0, le=10, description="Volatility that leaves makers calm, log a day to the root"
    )
    asset_volatility: dict[str, float] = Field(
        default_factory=dict, description="The same for single assets, by name; in (0, 10]"
    )
    watch: float = Field(
        30.0, gt=0, le=86_400, description="Time over which makers measure volatility, s"
    )
    floor: float = Field(
        0.02, ge=0, le=1, description="Willingness that remains in the worst case; fraction"
    )
    leave: float = Field(5.0, ge=0, le=86_400, description="Time constant of withdrawing, s")
    recovery: float = Field(1800.0, ge=0, le=604_800, description="Time constant of return, s")
    inventory: float = Field(
        20.0,
        gt=0,
        le=1e6,
        description="Unhedged inventory at which makers stop, multiple of the calm depth",
    )
    hedge: float = Field(
        120.0, gt=0, le=604_800, description="Time constant of laying inventory off elsewhere, s"
    )
    loss: float = Field(
        1.0,
        gt=0,
        le=1e6,
        description="Loss from the recent best at which makers stop, multiple of the calm depth",
    )
    memory: float = Field(
        3600.0, gt=0, le=604_800, description="Time constant with which losses are forgotten, s"
    )
    wariness: float = Field(
        0.0,
        ge=0,
        le=1000,
        description="Response to disclosed clusters near the price, per multiple of the calm depth",
    )
    contagion: float = Field(
        0.0,
        ge=0,
        le=20,
        description="Power of the mean willingness of all markets, per relative calm volatility",
    )

    def act(self, floor: Floor) -> Hook:
        """Sets the willingness of each market."""
        refusals = Refusals(self, floor)
        refusals.venues(self.venues, spot=True)
        refusals.assets(self.assets)
        refusals.assets(self.asset_volatility, "asset_volatility")
        for asset, value in self.asset_volatility.items():
            if not 0 < value <= 10:
                refusals.add(
                    f"asset_volatility.{asset}", "volatility out of range", value, "in (0, 10]"
                )
        refusals.refuse()
        where = named(floor, self.venues, self.assets, spot=True)
        calm = [self.asset_volatility.get(m.asset, self.calm_volatility) for m in floor.markets]
        head = [self.withdrawal, self.floor, self.leave, self.recovery, self.inventory]
        head += [self.hedge, self.loss, self.memory, self.wariness, self.watch]
        power = self.contagion * np.array(calm) / self.calm_volatility
        parameters = np.concatenate((head, [self.contagion], np.square(calm) / _DAY * where, power))
        return Hook(_act, parameters, np.zeros(7 * len(floor) + 1))


@inner_kernel
def _gain(markets: Floats, own: Floats, m: int, pace: float) -> Any:
    """USD profit of makers and their hedges at the mid; lays inventory off by a share ``pace``."""
    count, mid = markets.shape[0], markets[m, c.MID]
    held = markets[m, c.MAKER_HELD]
    if own[2 * count + m] <= 0.0:
        own[m], own[2 * count + m] = held, mid
    before = own[2 * count + m]
    move = mid / before - 1.0 if markets[m, c.INVERSE] > 0.0 else mid - before
    own[3 * count + m] -= own[m] * move
    own[2 * count + m] = mid
    own[m] += (held - own[m]) * pace
    return profit(markets, m, held, markets[m, c.MAKER_CASH]) + own[3 * count + m]


@inner_kernel
def _variance(markets: Floats, own: Floats, m: int, dt: float, watch: float) -> Any:
    """Variance of the log mid a second: that of its distance from its average, scaled."""
    average, square = 4 * markets.shape[0] + m, 5 * markets.shape[0] + m
    log_mid = math.log(markets[m, c.MID])
    if own[average] == 0.0:
        own[average] = log_mid
    keep = math.exp(-dt / watch)
    away = log_mid - own[average]
    own[average] += away * (1.0 - keep)
    # of a random walk the distance has dt / (1 - keep^2) times the variance of a second
    own[square] += (away * away * (1.0 - keep * keep) / dt - own[square]) * (1.0 - keep)
    return own[square]


@inner_kernel
def _nerve(markets: Floats, own: Floats, parameters: Floats, m: int, dt: float, begun: bool) -> Any:
    """The product of a market's own factors, 0 to 1."""
    count, unit = markets.shape[0], markets[m, c.CALM]
    gain = _gain(markets, own, m, approach(dt, parameters[_HEDGE]))
    best = own[count + m] if begun else gain
    best = max(gain, best + (gain - best) * approach(dt, parameters[_MEMORY]))
    own[count + m] = best
    load = usd_of(markets, m, abs(markets[m, c.MAKER_HELD] - own[m]))
    near = markets[m, c.LONGS_NEAR] + markets[m, c.SHORTS_NEAR]
    variance = _variance(markets, own, m, dt, parameters[_WATCH])
    nerve = max(1.0, variance / parameters[_CALM + m]) ** (-0.5 * parameters[_EXPONENT])
    nerve *= max(0.0, 1.0 - load / (unit * parameters[_INVENTORY]))
    nerve *= max(0.0, 1.0 - (best - gain) / (unit * parameters[_LOSS]))
    return nerve / (1.0 + parameters[_WARINESS] * near / unit)


@inner_kernel
def _watched(markets: Floats, parameters: Floats, m: int) -> Any:
    """Whether makers of a market follow the rule."""
    return parameters[_CALM + m] > 0.0 and markets[m, c.CALM] > 0.0 and markets[m, c.MID] > 0.0


@hook
def _act(
    markets: Floats, own: Floats, parameters: Floats, clock: Floats, key: np.uint64, orders: Floats
) -> None:
    # own, each by market: inventory hedged, best recent profit, mid a step ago, profit of hedges,
    # average log mid, squared distance from it; then whether they have begun; the nerve of each
    dt, count = clock[c.DT], markets.shape[0]
    begun = own[6 * count] > 0.0
    own[6 * count] = 1.0
    nerves, total, weight = 6 * count + 1, 0.0, 0.0
    for m in range(count):
        if _watched(markets, parameters, m):
            own[nerves + m] = _nerve(markets, own, parameters, m, dt, begun)
            total += markets[m, c.CALM] * own[nerves + m]
            weight += markets[m, c.CALM]
    for m in range(count):
        if not _watched(markets, parameters, m):
            continue
        nerve = own[nerves + m]
        if parameters[_CONTAGION] > 0.0:
            nerve *= (total / weight) ** parameters[_CALM + count + m]
        target = parameters[_FLOOR] + (1.0 - parameters[_FLOOR]) * nerve
        target = min(target, markets[m, c.WILL_CAP])
        will = markets[m, c.WILL]
        pace = parameters[_LEAVE] if target < will else parameters[_RETURN]
        will += (target - will) * approach(dt, pace)
        markets[m, c.WILL] = min(will, markets[m, c.WILL_CAP])
