"""An aggregated price-level book around a centre: walking it, refilling it, moving it.

``bids[m, k]`` rests at log price ``(centre - k - 0.5) * width`` and ``asks[m, k]`` at
``(centre + k + 0.5) * width``, both in base quantity, ``centre`` counted in levels. ``front[m]``
holds how many levels of either side are known to be empty since the last refill.
"""

from __future__ import annotations

import math

from seawall._jit import inner_kernel

BIDS, ASKS = 0, 1


@inner_kernel
def walk(levels, m, want, price, ratio, limit, rising, inverse, front, side):
    """Take ``want`` > 0 from the levels of one side, best first, no further than ``limit``.

    ``price`` is that of the first level and ``ratio`` the factor from one to the next. Returns
    the quantity filled, the sum of quantity * driver, and the price of the last level touched
    (0 if none).
    """
    filled, value, last = 0.0, 0.0, 0.0
    k = int(front[m, side])
    price *= ratio**k
    while k < levels.shape[1]:
        if rising:
            if price > limit:
                break
        elif price < limit:
            break
        resting = levels[m, k]
        if resting > 0.0:
            driver = 1.0 / price if inverse else price
            last = price
            left = want - filled
            if resting > left:
                levels[m, k] = resting - left
                filled = want
                value += left * driver
                return filled, value, last
            levels[m, k] = 0.0
            filled += resting
            value += resting * driver
        k += 1
        front[m, side] = max(front[m, side], float(k))
        price *= ratio
    return filled, value, last


@inner_kernel
def refill(levels, shape, m, full, refilling, cancelling, dt, passed):
    """Bring every level of one side toward ``shape * full`` at the rates, 1/s, for ``dt``.

    The first ``passed`` levels are those that the centre has left behind on its way, the farthest
    from it first: each has refilled only since.
    """
    up, down = 1.0 - math.exp(-refilling * dt), 1.0 - math.exp(-cancelling * dt)
    for k in range(levels.shape[1]):
        gap = shape[m, k] * full - levels[m, k]
        if gap <= 0.0:
            levels[m, k] += gap * down
        elif k < passed:
            levels[m, k] += gap * (1.0 - math.exp(-refilling * dt * (k + 0.5) / passed))
        else:
            levels[m, k] += gap * up


@inner_kernel
def shift(bids, asks, shape, m, levels, full):
    """Move the centre by some levels, > 0 up: what is overtaken is cancelled.

    Levels that come into view at the far end stand at ``shape * full``; those the centre has
    left behind are empty until they refill (:func:`refill`).
    """
    near, far = (asks, bids) if levels > 0 else (bids, asks)
    s = min(abs(levels), near.shape[1])
    for k in range(near.shape[1]):
        near[m, k] = near[m, k + s] if k + s < near.shape[1] else shape[m, k] * full
    for k in range(far.shape[1] - 1, -1, -1):
        far[m, k] = far[m, k - s] if k >= s else 0.0


@inner_kernel
def level_of(levels, m, probe, first, count):
    """Level at which ``probe`` is filled; -1 if the side holds less.

    ``count`` levels from ``first`` on are left out.
    """
    seen = 0.0
    for k in range(levels.shape[1]):
        if first <= k < first + count:
            continue
        seen += levels[m, k]
        if seen >= probe:
            return k
    return -1


@inner_kernel
def resting(levels, m, first, count):
    """Base quantity in ``count`` levels from the ``first``."""
    total = 0.0
    for k in range(first, min(first + count, levels.shape[1])):
        total += levels[m, k]
    return total


@inner_kernel
def level_price(centre, width, side):
    """Price of the first level of a side, ``centre`` in levels."""
    return math.exp((centre + (0.5 if side == ASKS else -0.5)) * width)
