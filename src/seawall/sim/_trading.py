"""Kernels that send orders into the levels, of anyone and of the venues' funds."""

from __future__ import annotations

import math

import numpy as np

from seawall._jit import inner_kernel
from seawall.core._columns import (
    ALLOWANCE,
    BAND_HIGH,
    BAND_LOW,
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


@inner_kernel
def execute(w, m, quantity, limit):
    """Send a market order, > 0 buys, within the band and a worst price (0 for none).

    Returns the quantity filled, signed as the order, and the sum of it times the driver.
    """
    front, markets = w.front, w.markets
    if quantity == 0.0 or markets[m, SESSION] != OPEN:
        return 0.0, 0.0
    width, inverse = markets[m, WIDTH], markets[m, INVERSE] != 0.0
    centre = math.floor(markets[m, CENTRE] / width)
    if quantity > 0.0:
        worst = markets[m, BAND_HIGH]
        if limit > 0.0:
            worst = min(worst, limit)
        price = level_price(centre, width, ASKS)
        filled, value, last = walk(
            w.asks, m, quantity, price, math.exp(width), worst, True, inverse, front, ASKS
        )
        markets[m, BOUGHT] += filled
        side = 1.0
    else:
        worst = max(markets[m, BAND_LOW], limit)
        price = level_price(centre, width, BIDS)
        filled, value, last = walk(
            w.bids, m, -quantity, price, math.exp(-width), worst, False, inverse, front, BIDS
        )
        markets[m, SOLD] += filled
        side = -1.0
    if filled > 0.0:
        markets[m, LAST] = last
        markets[m, TRADED] += filled if inverse else value
        markets[m, MAKER_HELD] -= side * filled
        markets[m, MAKER_CASH] += side * value * (-1.0 if inverse else 1.0)
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
