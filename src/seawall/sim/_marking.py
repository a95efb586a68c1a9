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
    BOUGHT,
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
    MARK_BOUND,
    MARK_BY_BASIS,
    MARK_BY_INDEX,
    MARK_BY_MEDIAN,
    MARK_EVERY,
    MARK_EXPONENTIAL,
    MARK_RAW,
    MARK_RULE,
    MARK_WINDOW,
    MID,
    NEXT_ASK,
    NEXT_BID,
    OWN_SLOW,
    PERMANENT,
    PREMIUM,
    RATE,
    REFILL,
    SECONDS,
    SESSION,
    SOLD,
    SPOT,
    STANDING_ASK,
    STANDING_BID,
    VARIANCE,
    VENUE,
    WIDTH,
    WILL,
    WILL_CAP,
)
from seawall.liquidity._kernels import ONE_PERCENT
from seawall.liquidity._levels import ASKS, BIDS, level_of, level_price, refill, resting, shift

PROBE = 0.005
"""Size of the order whose fill is quoted as bid and ask, as a share of the calm depth."""

OWN_TIME = 30.0
"""Seconds over which Hyperliquid averages its own book where it has no other venue's mid."""

VARIANCE_TIME = 60.0
"""Seconds over which the variance of the mid is averaged."""


@inner_kernel
def quote(markets, bids, asks, shape, front, outside, m, dt):
    """Makers follow what was traded, return to their anchor, refill and requote one market."""
    width = markets[m, WIDTH]
    centre = markets[m, CENTRE]
    before = math.floor(centre / width)
    price = math.exp(centre)
    inverse = markets[m, INVERSE] != 0.0
    unit = 1.0 if inverse else 1.0 / price
    will = min(markets[m, WILL], markets[m, WILL_CAP])
    # linear in the quantity, so that neither the step nor how an order is split decides it
    net = markets[m, BOUGHT] - markets[m, SOLD]
    full = markets[m, CALM] * will * unit
    if net != 0.0 and full > 0.0:
        far = markets[m, PERMANENT] * ONE_PERCENT * net / full
        most = width * bids.shape[1]
        centre += max(min(far, most), -most)
    eaten_bids, eaten_asks = int(front[m, BIDS]), int(front[m, ASKS])
    front[m, BIDS] = 0.0
    front[m, ASKS] = 0.0
    anchor = outside if markets[m, SPOT] != 0.0 else math.log(markets[m, INDEX])
    centre += markets[m, FOLLOW] * (anchor - markets[m, INDEX_BEFORE])
    markets[m, INDEX_BEFORE] = anchor
    centre += (1.0 - math.exp(-markets[m, ANCHOR] * dt)) * (anchor - centre)
    markets[m, CENTRE] = centre
    at = math.floor(centre / width)
    unit = 1.0 if inverse else math.exp(-centre)
    full = markets[m, CALM] * will * unit
    if at != before:
        shift(bids, asks, shape, m, at - before, full)
    refilling, cancelling = markets[m, REFILL], markets[m, CANCEL]
    rose, fell = max(at - before, 0), max(before - at, 0)
    refill(bids, shape, m, full, refilling, cancelling, dt, rose)
    refill(asks, shape, m, full, refilling, cancelling, dt, fell)
    near = int(0.01 / width)
    markets[m, STANDING_BID] = resting(bids, m, 0, near) / unit
    markets[m, STANDING_ASK] = resting(asks, m, 0, near) / unit
    probe = PROBE * markets[m, CALM] * unit
    # levels that trades have emptied in this step are not quoted yet: with a step's time to refill
    # they would look the better, the longer the step
    k = level_of(bids, m, probe, rose, eaten_bids - fell)
    j = level_of(asks, m, probe, fell, eaten_asks - rose)
    bid = level_price(at, width, BIDS) * math.exp(-width * k) if k >= 0 else 0.0
    ask = level_price(at, width, ASKS) * math.exp(width * j) if j >= 0 else 0.0
    markets[m, NEXT_BID] = resting(bids, m, k, near) / unit if k >= 0 else 0.0
    markets[m, NEXT_ASK] = resting(asks, m, j, near) / unit if j >= 0 else 0.0
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
def median_of_others(markets, weights, m):
    """Weighted median of the asset's mids on other venues, 0 if none of them has a weight."""
    v, total = int(markets[m, VENUE]), 0.0
    for j in range(markets.shape[0]):
        if counts_for(markets, weights, m, j):
            total += weights[v, int(markets[j, VENUE])]
    found = 0.0
    for j in range(markets.shape[0]):
        if not counts_for(markets, weights, m, j):
            continue
        below = 0.0
        for k in range(markets.shape[0]):
            if counts_for(markets, weights, m, k) and markets[k, MID] <= markets[j, MID]:
                below += weights[v, int(markets[k, VENUE])]
        if below >= 0.5 * total and (found == 0.0 or markets[j, MID] < found):
            found = markets[j, MID]
    return found


@inner_kernel
def counts_for(markets, weights, m, j):
    """Whether market ``j`` enters the mark of market ``m``."""
    if j == m or markets[j, SPOT] != 0.0 or markets[j, ASSET] != markets[m, ASSET]:
        return False
    up = markets[j, SESSION] != DOWN
    return up and weights[int(markets[m, VENUE]), int(markets[j, VENUE])] > 0.0


@inner_kernel
def average_basis(markets, points, m, clock):
    """The basis averaged as the venue does: exponentially, or over points a second apart.

    Until a whole window has passed the points before the start count as 0: a calm basis.
    """
    dt, window = clock[DT], markets[m, MARK_WINDOW]
    basis = markets[m, MID] - markets[m, INDEX]
    if window <= 0.0:
        return basis
    if markets[m, MARK_EXPONENTIAL] != 0.0:
        gain = 1.0 - math.exp(-dt / window)
        return markets[m, BASIS] + gain * (basis - markets[m, BASIS])
    every = max(round(1.0 / dt), 1)
    step = round(clock[SECONDS] / dt)
    if step % every != 0:
        return markets[m, BASIS]
    count = max(round(window / max(dt, 1.0)), 1)
    place = (step // every) % count
    change = basis - points[m, place]
    points[m, place] = basis
    return markets[m, BASIS] + change / count


@inner_kernel
def index(markets, m, spot, dt):
    """The index follows the spot price with the venue's lag."""
    lag = markets[m, INDEX_LAG]
    gain = 1.0 - math.exp(-dt / lag) if lag > 0.0 else 1.0
    markets[m, INDEX] += gain * (spot - markets[m, INDEX])


@inner_kernel
def mark(markets, points, weights, m, clock):
    """Mark one perpetual by its venue's rule and at its times; averages go on in between."""
    dt = clock[DT]
    markets[m, BASIS] = average_basis(markets, points, m, clock)
    found = mark_now(markets, weights, m, clock)
    if publishes(markets[m, MARK_EVERY], clock[SECONDS] + dt, dt):
        markets[m, MARK_BEFORE] = markets[m, MARK]
        markets[m, MARK_RAW] = found
    # what a lever made of it in the step before is not fed to it again
    markets[m, MARK] = markets[m, MARK_RAW]
    elapsed = clock[SECONDS] - (markets[m, FUNDING_AT] - markets[m, FUNDING_EVERY])
    share = min(dt / max(elapsed, dt), 1.0)
    premium = markets[m, MID] / markets[m, INDEX] - 1.0
    markets[m, PREMIUM] += share * (premium - markets[m, PREMIUM])


@inner_kernel
def publishes(every, second, dt):
    """Whether a venue that marks once in ``every`` seconds has done so in the step to ``second``.

    A hundredth of a step is left for what adding up steps does to a number.
    """
    if every <= dt:
        return True
    slack = 0.01 * dt
    return math.floor((second + slack) / every) > math.floor((second - dt + slack) / every)


@inner_kernel
def mark_now(markets, weights, m, clock):
    """What the venue's rule makes of the present prices; the rules are the MARK_BY constants."""
    dt = clock[DT]
    price, mid = markets[m, INDEX], markets[m, MID]
    most = markets[m, MARK_BOUND] * price
    level = price + max(min(markets[m, BASIS], most), -most)
    rule = int(markets[m, MARK_RULE])
    if rule == MARK_BY_INDEX:
        return price
    if rule == MARK_BY_BASIS:
        return level
    if rule == MARK_BY_MEDIAN:
        left = max(markets[m, FUNDING_AT] - clock[SECONDS], 0.0) / markets[m, FUNDING_EVERY]
        first = price * (1.0 + markets[m, RATE] * left)
        return middle(first, level, markets[m, LAST])
    own = mid
    if markets[m, BID] > 0.0 and markets[m, ASK] > 0.0:
        own = middle(markets[m, BID], markets[m, ASK], markets[m, LAST])
    gain = 1.0 - math.exp(-dt / OWN_TIME)
    markets[m, OWN_SLOW] += gain * (own - markets[m, OWN_SLOW])
    others = median_of_others(markets, weights, m)
    return middle(level, own, others if others > 0.0 else markets[m, OWN_SLOW])
