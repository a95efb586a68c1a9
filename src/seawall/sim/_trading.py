"""Kernels that send orders into the levels, of anyone and of the venues' funds."""

from __future__ import annotations

import math

import numpy as np

from seawall._jit import inner_kernel
from seawall.core._columns import (
    ALLOWANCE,
    ASK,
    BAND_HIGH,
    BAND_LOW,
    BID,
    BOUGHT,
    CASH,
    CENTRE,
    FEE,
    FORCED_BOUGHT,
    FORCED_SOLD,
    INVERSE,
    LAST,
    MAKER_CASH,
    MAKER_HELD,
    MARK,
    MID,
    OPEN,
    P_ACCOUNT,
    P_MARKET,
    SESSION,
    SOLD,
    STANDING_ASK,
    STANDING_BID,
    TRADED,
    WIDTH,
    Z,
)
from seawall.liquidity._levels import ASKS, BIDS, level_price, walk
from seawall.sim._accounts import trade
from seawall.sim._layout import R_FILLED, R_LEFT


@inner_kernel
def from_makers(w, m, want, worst, buying):
    """Take ``want`` >= 0 from makers' levels, best first, no worse than ``worst``.

    Returns the quantity filled and the sum of it times the driver.
    """
    markets = w.markets
    width, inverse = markets[m, WIDTH], markets[m, INVERSE] != 0.0
    centre = math.floor(markets[m, CENTRE] / width)
    if buying:
        price = level_price(centre, width, ASKS)
        filled, value, last = walk(
            w.asks, m, want, price, math.exp(width), worst, True, inverse, w.front, ASKS
        )
        markets[m, BOUGHT] += filled
        side = 1.0
    else:
        price = level_price(centre, width, BIDS)
        filled, value, last = walk(
            w.bids, m, want, price, math.exp(-width), worst, False, inverse, w.front, BIDS
        )
        markets[m, SOLD] += filled
        side = -1.0
    if filled > 0.0:
        markets[m, LAST] = last
        markets[m, MAKER_HELD] -= side * filled
        markets[m, MAKER_CASH] += side * value * (-1.0 if inverse else 1.0)
    return filled, value


@inner_kernel
def pool_price(markets, m, buying):
    """Price at which behaviours' resting orders lie: the best that makers last quoted."""
    best = markets[m, ASK] if buying else markets[m, BID]
    return best if best > 0.0 else markets[m, MID]


@inner_kernel
def execute(w, m, quantity, limit):
    """Send a market order, > 0 buys, within the band and a worst price (0 for none).

    It meets makers at better prices than the best quoted, then what behaviours have resting there,
    then makers again. Returns the quantity filled, signed as the order, and the sum of it times
    the driver.
    """
    markets = w.markets
    if quantity == 0.0 or markets[m, SESSION] != OPEN:
        return 0.0, 0.0
    buying, want = quantity > 0.0, abs(quantity)
    worst = max(markets[m, BAND_LOW], limit)
    if buying:
        worst = markets[m, BAND_HIGH]
        if limit > 0.0:
            worst = min(worst, limit)
    filled, value = 0.0, 0.0
    rests = w.pool[m, ASKS if buying else BIDS]
    at = pool_price(markets, m, buying)
    if rests[R_LEFT] > 0.0 and ((buying and at <= worst) or (not buying and at >= worst)):
        # resting orders were there before the level of makers at the same price
        half = math.exp(0.5 * markets[m, WIDTH])
        filled, value = from_makers(w, m, want, at / half if buying else at * half, buying)
        taken = min(want - filled, rests[R_LEFT])
        if taken > 0.0:
            rests[R_LEFT] -= taken
            rests[R_FILLED] += taken
            markets[m, LAST] = at
            filled += taken
            value += taken / at if markets[m, INVERSE] != 0.0 else taken * at
    if filled < want:
        more, more_value = from_makers(w, m, want - filled, worst, buying)
        filled += more
        value += more_value
    markets[m, TRADED] += filled if markets[m, INVERSE] != 0.0 else value
    side = 1.0 if buying else -1.0
    return side * filled, side * value


@inner_kernel
def count_forced(w, m, filled, value):
    """Add a forced order to its market's flow; returns its USD."""
    markets = w.markets
    usd = abs(filled) if markets[m, INVERSE] != 0.0 else abs(value)
    if filled > 0.0:
        markets[m, FORCED_BOUGHT] += usd
    else:
        markets[m, FORCED_SOLD] += usd
    markets[m, ALLOWANCE] -= usd
    return usd


@inner_kernel
def allowed(w, m, quantity):
    """A forced order cut to what its market may still take in this step."""
    markets = w.markets
    left = markets[m, ALLOWANCE]
    if left == np.inf:
        return quantity
    price = 1.0 if markets[m, INVERSE] != 0.0 else markets[m, MARK]
    most = max(left, 0.0) / price
    return max(min(quantity, most), -most)


@inner_kernel
def close(i, share, limit, forced, w):
    """Close a share of a position in its market, ``forced`` by its venue or by its trader's will.

    Returns the USD filled, the settlement value, the quantity filled, and that asked for after
    what the market still takes of forced orders.
    """
    m = w.pi[i, P_MARKET]
    way = -1.0 if w.markets[m, INVERSE] != 0.0 else 1.0
    wanted = -way * w.pf[i, Z] * share
    if forced:
        wanted = allowed(w, m, wanted)
    filled, value = execute(w, m, wanted, limit)
    if filled == 0.0:
        return 0.0, 0.0, 0.0, wanted
    trade(i, way * filled, way * value, w)
    fee = w.markets[m, FEE] * abs(value)
    w.af[w.pi[i, P_ACCOUNT], CASH] -= fee
    w.fees[m] += fee
    usd = abs(filled) if w.markets[m, INVERSE] != 0.0 else abs(value)
    if forced:
        count_forced(w, m, filled, value)
    return usd, abs(value), filled, wanted


@inner_kernel
def sell_inventory(w, share):
    """The venues' funds work off what they took over, at a pace the standing depth can bear."""
    markets = w.markets
    for m in range(markets.shape[0]):
        held = w.fund_held[m]
        if held == 0.0:
            continue
        standing = markets[m, STANDING_BID] if held > 0.0 else markets[m, STANDING_ASK]
        price = 1.0 if markets[m, INVERSE] != 0.0 else markets[m, MARK]
        most = share * standing / price
        # a remainder of less than a dollar goes at once: it would never be worked off
        most = max(most, 1.0 / price)
        wanted = allowed(w, m, -math.copysign(min(abs(held), most), held))
        filled, value = execute(w, m, wanted, 0.0)
        if filled != 0.0:
            way = -1.0 if markets[m, INVERSE] != 0.0 else 1.0
            w.fund_held[m] += filled
            w.fund_cash[m] -= way * value
            count_forced(w, m, filled, value)
