"""Prices at which accounts are looked at again, in buckets of log price.

Every position is in at most one list: that of the bucket of its threshold, on the side on which
it loses. A step costs what its price crosses, however many accounts there are.
"""

from __future__ import annotations

import math

import numpy as np

from seawall._jit import inner_kernel
from seawall.core._columns import P_BUCKET, P_MARKET, P_NEXT, P_PREVIOUS, THRESHOLD

FALLS, RISES = 0, 1
"""Side of a threshold: reached when the mark falls to it, or rises to it."""

BUCKET_WIDTH = 0.0005
BUCKETS = 9000
DEPTH_BELOW = 6200
"""Buckets below the price at the start: 3.1 in log, a fall of 95%; what lies beyond shares one."""


@inner_kernel
def bucket_of(price, origin):
    """Bucket of a price; the first and last hold all beyond."""
    if not price > 0.0:
        return 0
    k = math.floor((math.log(price) - origin) / BUCKET_WIDTH) + DEPTH_BELOW
    return int(min(max(k, 0), BUCKETS - 1))


@inner_kernel
def unlink(i, pi, head, m, side):
    """Take a position out of its list, if it is in one."""
    b = pi[i, P_BUCKET]
    if b < 0:
        return
    before, after = pi[i, P_PREVIOUS], pi[i, P_NEXT]
    if before >= 0:
        pi[before, P_NEXT] = after
    else:
        head[m, side, b] = after
    if after >= 0:
        pi[after, P_PREVIOUS] = before
    pi[i, P_BUCKET] = -1


@inner_kernel
def link(i, threshold, pf, pi, head, due, origin, side):
    """Put a position that is in no list into that of its threshold."""
    m = pi[i, P_MARKET]
    b = bucket_of(threshold, origin[m])
    pf[i, THRESHOLD] = threshold
    first = head[m, side, b]
    pi[i, P_NEXT] = first
    pi[i, P_PREVIOUS] = -1
    pi[i, P_BUCKET] = b
    if first >= 0:
        pi[first, P_PREVIOUS] = i
    head[m, side, b] = i
    if side == FALLS:
        due[m, FALLS] = max(due[m, FALLS], threshold)
    else:
        due[m, RISES] = min(due[m, RISES], threshold)


@inner_kernel
def cross(m, side, mark, pf, pi, head, due, origin, found, count):
    """Unlink every position whose threshold the mark has reached; append it to ``found``.

    Returns the new count. ``due`` is left at a bound that no remaining threshold is beyond.
    """
    if side == FALLS:
        if mark > due[m, side]:
            return count
    elif mark < due[m, side]:
        return count
    first, last = bucket_of(due[m, side], origin[m]), bucket_of(mark, origin[m])
    way = -1 if side == FALLS else 1
    edge = np.nan
    b = first
    while True:
        i = head[m, side, b]
        while i >= 0:
            after = pi[i, P_NEXT]
            t = pf[i, THRESHOLD]
            if (t >= mark) if side == FALLS else (t <= mark):
                unlink(i, pi, head, m, side)
                found[count] = i
                count += 1
            elif np.isnan(edge):
                edge = t
            else:
                edge = max(edge, t) if side == FALLS else min(edge, t)
            i = after
        if b == last:
            break
        b += way
    if not np.isnan(edge):
        due[m, side] = edge
    elif 0 < last < BUCKETS - 1:
        # nothing is left in the mark's own bucket: the next one begins at its edge
        k = last - DEPTH_BELOW + (0 if side == FALLS else 1)
        due[m, side] = math.exp(origin[m] + k * BUCKET_WIDTH)
    else:
        due[m, side] = 0.0 if side == FALLS else np.inf
    return count
