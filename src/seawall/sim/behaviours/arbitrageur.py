"""Arbitrage between the markets of an asset."""

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
from seawall.sim.behaviours._flow import (
    approach,
    bounded,
    holding,
    profit,
    tradable,
    units_of,
    usd_of,
)
from seawall.sim.reach import Refusals, named

Floats = NDArray[np.float64]

_CAPITAL, _LEVERAGE, _EDGE, _PACE, _UNWIND, _MOST, _ROWS = range(7)
_WITHIN = 0.01
_HALVINGS = 40


class Arbitrageur(Behaviour):
    """Buys an asset where it is cheap and sells it where it is dear, spot included.

    For each asset there is one price at which what it would buy on the markets below equals what
    it would sell on those above, each side's depth taken as even and its costs paid. It moves the
    markets toward that price and asks nothing beyond it. When no gap is left that pays, holdings
    are unwound.

    Capital is limited: with its losses it shrinks, and holdings beyond what it supports are cut,
    which then widens the gap. Assumes that coins and cash are on every venue already, that spot
    can be sold short, and that positions of its own are not liquidated.
    """

    title: ClassVar[str] = "Arbitrage between venues and between perpetual and spot"
    source: ClassVar[str] = (
        "Shleifer and Vishny (1997), Journal of Finance 52, 35-55: limits of arbitrage; Makarov "
        "and Schoar (2020), Journal of Financial Economics 135, 293-319: crypto venues"
    )

    capital: float = Field(
        2.0,
        gt=0,
        le=1e6,
        description="Capital, as a multiple of the calm depth of all its markets together",
    )
    leverage: float = Field(
        3.0, gt=0, le=125, description="Greatest notional of all legs over capital left"
    )
    edge: float = Field(
        0.0002, ge=0, le=1, description="Gain wanted on each leg beyond the taker fee; fraction"
    )
    pace: float = Field(
        2.0, ge=0, le=86_400, description="Time constant with which a gap is closed, s"
    )
    unwind: float = Field(
        300.0, gt=0, le=604_800, description="Time constant of unwinding, s; also of forced cuts"
    )
    most: float = Field(
        0.02,
        gt=0,
        le=1000,
        description="Most that it unwinds a second, share of what rests within 1%",
    )

    def act(self, floor: Floor) -> Hook:
        """Orders on both sides of each gap."""
        refusals = Refusals(self, floor)
        refusals.venues(self.venues, spot=True)
        refusals.assets(self.assets)
        refusals.refuse()
        rows = np.flatnonzero(named(floor, self.venues, self.assets, spot=True))
        codes = {asset: k for k, asset in enumerate(floor.assets)}
        rows = np.array(sorted(rows, key=lambda m: codes[floor.markets[m].asset]), dtype=float)
        depth = sum(floor.markets[int(m)].depth for m in rows)
        head = [self.capital * depth, self.leverage, self.edge, self.pace, self.unwind, self.most]
        return Hook(_act, np.concatenate((head, rows)))


@inner_kernel
def _wanted(markets: Floats, parameters: Floats, m: int, goal: float) -> Any:
    """USD to trade so that the market's price meets log price ``goal``, costs paid; > 0 buys."""
    if not tradable(markets, m):
        return 0.0
    cost = parameters[_EDGE] + markets[m, c.FEE]
    if markets[m, c.ASK] > 0.0:
        room = goal - cost - math.log(markets[m, c.ASK])
        if room > 0.0:
            return room * markets[m, c.NEXT_ASK] / _WITHIN
    if markets[m, c.BID] > 0.0:
        room = goal + cost - math.log(markets[m, c.BID])
        if room < 0.0:
            return room * markets[m, c.NEXT_BID] / _WITHIN
    return 0.0


@inner_kernel
def _goal(markets: Floats, parameters: Floats, begin: int, end: int) -> Any:
    """Log price at which purchases equal sales; NaN if no gap pays for its costs."""
    low, high = math.inf, -math.inf
    for k in range(begin, end):
        m = int(parameters[k])
        cost = parameters[_EDGE] + markets[m, c.FEE]
        if tradable(markets, m) and markets[m, c.ASK] > 0.0 and markets[m, c.NEXT_ASK] > 0.0:
            low = min(low, math.log(markets[m, c.ASK]) + cost)
        if tradable(markets, m) and markets[m, c.BID] > 0.0 and markets[m, c.NEXT_BID] > 0.0:
            high = max(high, math.log(markets[m, c.BID]) - cost)
    if not low < high:
        return math.nan
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        net = 0.0
        for k in range(begin, end):
            net += _wanted(markets, parameters, int(parameters[k]), middle)
        if net > 0.0:
            high = middle
        else:
            low = middle
    return 0.5 * (low + high)


@inner_kernel
def _standing(markets: Floats, own: Floats, parameters: Floats) -> Any:
    """Notional of all legs and what the capital left supports, USD."""
    gross, capital = 0.0, parameters[_CAPITAL]
    for k in range(_ROWS, parameters.size):
        m = int(parameters[k])
        quantity = holding(markets, own, m)
        gross += abs(usd_of(markets, m, quantity))
        capital += profit(markets, m, quantity, own[own.size - markets.shape[0] + m])
    return gross, parameters[_LEVERAGE] * max(0.0, capital)


@inner_kernel
def _shrink(
    markets: Floats,
    own: Floats,
    rows: Floats,
    orders: Floats,
    share: float,
    dt: float,
    most: float,
) -> Any:
    """Orders that close a share of what is held, no faster than the depth that stands bears."""
    for k in range(rows.size):
        m = int(rows[k])
        if tradable(markets, m):
            usd = -share * usd_of(markets, m, holding(markets, own, m))
            orders[m, c.QUANTITY] = units_of(markets, m, bounded(markets, m, usd, dt, most))
            orders[m, c.LIMIT] = 0.0


@inner_kernel
def _stretch(
    markets: Floats,
    own: Floats,
    parameters: Floats,
    rows: Floats,
    orders: Floats,
    goal: float,
    share: float,
) -> Any:
    """Orders toward a goal; returns by how much they raise the notional of all legs, USD."""
    added = 0.0
    for k in range(rows.size):
        m = int(rows[k])
        usd = share * _wanted(markets, parameters, m, goal)
        if usd != 0.0:
            held = usd_of(markets, m, holding(markets, own, m))
            added += abs(held + usd) - abs(held)
            orders[m, c.QUANTITY] = units_of(markets, m, usd)
            orders[m, c.LIMIT] = math.exp(goal)
    return added


@inner_kernel
def _scale(rows: Floats, orders: Floats, share: float) -> Any:
    for k in range(rows.size):
        orders[int(rows[k]), c.QUANTITY] *= share


@hook
def _act(
    markets: Floats, own: Floats, parameters: Floats, clock: Floats, key: np.uint64, orders: Floats
) -> None:
    gross, limit = _standing(markets, own, parameters)
    free = limit - gross
    pace = approach(clock[c.DT], parameters[_PACE])
    unwind = approach(clock[c.DT], parameters[_UNWIND])
    begin = _ROWS
    while begin < parameters.size:
        asset, end = markets[int(parameters[begin]), c.ASSET], begin + 1
        while end < parameters.size and markets[int(parameters[end]), c.ASSET] == asset:
            end += 1
        rows = parameters[begin:end]
        goal = _goal(markets, parameters, begin, end)
        added = 0.0
        if math.isnan(goal):
            _shrink(markets, own, rows, orders, unwind, clock[c.DT], parameters[_MOST])
        else:
            added = _stretch(markets, own, parameters, rows, orders, goal, pace)
        if added > 0.0 and free <= 0.0:
            share = unwind * -free / gross if gross > 0.0 else 0.0
            _shrink(markets, own, rows, orders, share, clock[c.DT], parameters[_MOST])
        elif added > max(0.0, free):
            _scale(rows, orders, free / added)
            free = 0.0
        else:
            free -= added
        begin = end
