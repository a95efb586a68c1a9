"""Kernels between the trades: makers' depth, index, mark, funding premium."""

from __future__ import annotations

import math

from seawall._jit import inner_kernel
from seawall.core._columns import (
    ANCHOR,
    ASK,
    ASSET,
    BASIS,
    BID,
    CALM,
    CANCEL,
    CENTRE,
    DOWN,
    DT,
    FOLLOW,
    FUNDING_AT,
    FUNDING_EVERY,
    INDEX,
    INDEX_BEFORE,
    INDEX_LAG,
    INVERSE,
    LAST,
    MARK,
    MARK_BEFORE,
    MARK_BY_BASIS,
    MARK_BY_INDEX,
    MARK_BY_MEDIAN,
    MARK_RULE,
    MARK_WINDOW,
    MID,
    PERMANENT,
    PREMIUM,
    RATE,
    REFILL,
    SECONDS,
    SESSION,
    SPOT,
    STANDING_ASK,
    STANDING_BID,
    VARIANCE,
    WIDTH,
    WILL,
    WILL_CAP,
)
from seawall.liquidity._levels import ASKS, BIDS, level_price, refill, shift, small_fill, within

PROBE = 0.005
"""Size of the order whose fill is quoted as bid and ask, as a share of the calm depth."""

VARIANCE_TIME = 60.0
"""Seconds over which the variance of the mid is averaged."""


@inner_kernel
def quote(markets, bids, asks, shape, front, outside, m, dt):
    """Makers follow what was traded, return to their anchor, refill and requote one market."""
    width = markets[m, WIDTH]
    centre = markets[m, CENTRE]
    before = math.floor(centre / width)
    centre += markets[m, PERMANENT] * (front[m, ASKS] - front[m, BIDS]) * width
    front[m, BIDS] = 0.0
    front[m, ASKS] = 0.0
    anchor = outside if markets[m, SPOT] != 0.0 else math.log(markets[m, INDEX])
    centre += markets[m, FOLLOW] * (anchor - markets[m, INDEX_BEFORE])
    markets[m, INDEX_BEFORE] = anchor
    centre += (1.0 - math.exp(-markets[m, ANCHOR] * dt)) * (anchor - centre)
    markets[m, CENTRE] = centre
    at = math.floor(centre / width)
    price = math.exp(centre)
    inverse = markets[m, INVERSE] != 0.0
    unit = 1.0 if inverse else 1.0 / price
    full = markets[m, CALM] * min(markets[m, WILL], markets[m, WILL_CAP]) * unit
    if at != before:
        shift(bids, asks, shape, m, at - before, full)
    up = 1.0 - math.exp(-markets[m, REFILL] * dt)
    down = 1.0 - math.exp(-markets[m, CANCEL] * dt)
    refill(bids, shape, m, full, up, down)
    refill(asks, shape, m, full, up, down)
    near = int(0.01 / width)
    markets[m, STANDING_BID] = within(bids, m, near) / unit
    markets[m, STANDING_ASK] = within(asks, m, near) / unit
    probe = PROBE * markets[m, CALM] * unit
    bid = small_fill(bids, m, probe, level_price(at, width, BIDS), math.exp(-width))
    ask = small_fill(asks, m, probe, level_price(at, width, ASKS), math.exp(width))
    markets[m, BID] = bid
    markets[m, ASK] = ask
    if bid > 0.0 and ask > 0.0:
        mid = 0.5 * (bid + ask)
        move = math.log(mid / markets[m, MID])
        keep = math.exp(-dt / VARIANCE_TIME)
        markets[m, VARIANCE] = keep * markets[m, VARIANCE] + (1.0 - keep) * move * move / dt
        markets[m, MID] = mid


@inner_kernel
def middle(a, b, c):
    """Median of three."""
    return max(min(a, b), min(max(a, b), c))


@inner_kernel
def mean_of_others(markets, m):
    """Mean mid of the asset's other perpetuals, 0 if there is none."""
    total, count = 0.0, 0
    for j in range(markets.shape[0]):
        other = j != m and markets[j, SPOT] == 0.0 and markets[j, SESSION] != DOWN
        if other and markets[j, ASSET] == markets[m, ASSET]:
            total += markets[j, MID]
            count += 1
    return total / count if count > 0 else 0.0


@inner_kernel
def index(markets, m, spot, dt):
    """The index follows the spot price with the venue's lag."""
    lag = markets[m, INDEX_LAG]
    gain = 1.0 - math.exp(-dt / lag) if lag > 0.0 else 1.0
    markets[m, INDEX] += gain * (spot - markets[m, INDEX])


@inner_kernel
def mark(markets, m, clock):
    """Mark one perpetual by its venue's rule; the rules are those of the MARK_BY constants."""
    dt = clock[DT]
    price, mid = markets[m, INDEX], markets[m, MID]
    markets[m, MARK_BEFORE] = markets[m, MARK]
    window = markets[m, MARK_WINDOW]
    gain = 1.0 - math.exp(-dt / window) if window > 0.0 else 1.0
    markets[m, BASIS] += gain * (mid - price - markets[m, BASIS])
    rule = int(markets[m, MARK_RULE])
    if rule == MARK_BY_INDEX:
        markets[m, MARK] = price
    elif rule == MARK_BY_BASIS:
        markets[m, MARK] = price + markets[m, BASIS]
    elif rule == MARK_BY_MEDIAN:
        left = max(markets[m, FUNDING_AT] - clock[SECONDS], 0.0) / markets[m, FUNDING_EVERY]
        first = price * (1.0 + markets[m, RATE] * left)
        markets[m, MARK] = middle(first, price + markets[m, BASIS], markets[m, LAST])
    else:
        own = mid
        if markets[m, BID] > 0.0 and markets[m, ASK] > 0.0:
            own = middle(markets[m, BID], markets[m, ASK], markets[m, LAST])
        others = mean_of_others(markets, m)
        slow = price + markets[m, BASIS]
        markets[m, MARK] = middle(slow, own, others if others > 0.0 else own)
    elapsed = clock[SECONDS] - (markets[m, FUNDING_AT] - markets[m, FUNDING_EVERY])
    share = min(dt / max(elapsed, dt), 1.0)
    markets[m, PREMIUM] += share * (mid / price - 1.0 - markets[m, PREMIUM])
