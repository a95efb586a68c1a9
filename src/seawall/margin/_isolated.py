"""Kernels for many isolated linear positions of one schedule: blocks of rows, brackets by four.

The same roots and lines as in :mod:`seawall.margin._kernels`, in another order of operations.
"""

from __future__ import annotations

import numpy as np

from seawall._jit import inner_kernel, kernel

ROWS = 512
"""Rows worked on at a time where columns are passed over more than once."""


@inner_kernel
def raise_to_roots(size, cost, longs, shorts, deductions, k, best):
    """Raise ``best`` to the roots of four brackets from ``k`` on; see :func:`linear_prices`.

    Returns for how many rows the bracket after these is not lower.
    """
    d0, d1, d2, d3 = deductions[k], deductions[k + 1], deductions[k + 2], deductions[k + 3]
    l0, l1, l2, l3 = longs[k], longs[k + 1], longs[k + 2], longs[k + 3]
    s0, s1, s2, s3 = shorts[k], shorts[k + 1], shorts[k + 2], shorts[k + 3]
    after = min(k + 4, longs.size - 1)
    d4, l4, s4 = deductions[after], longs[after], shorts[after]
    more = 0
    for i in range(size.size):
        long = size[i] > 0.0
        x = cost[i]
        a = (x - d0) * (l0 if long else s0)
        b = (x - d1) * (l1 if long else s1)
        c = (x - d2) * (l2 if long else s2)
        d = (x - d3) * (l3 if long else s3)
        a = a if a > b else b
        c = c if c > d else d
        a = a if a > c else c
        a = a if a > best[i] else best[i]
        best[i] = a
        more += (x - d4) * (l4 if long else s4) >= a
    return more


@inner_kernel
def raise_to_lines(value, rates, deductions, k, best):
    """As :func:`raise_to_roots`, for the lines themselves at a value."""
    d0, d1, d2, d3 = deductions[k], deductions[k + 1], deductions[k + 2], deductions[k + 3]
    r0, r1, r2, r3 = rates[k], rates[k + 1], rates[k + 2], rates[k + 3]
    after = min(k + 4, rates.size - 1)
    d4, r4 = deductions[after], rates[after]
    more = 0
    for i in range(value.size):
        x = value[i]
        a = r0 * x - d0
        b = r1 * x - d1
        c = r2 * x - d2
        d = r3 * x - d3
        a = a if a > b else b
        c = c if c > d else d
        a = a if a > c else c
        a = a if a > best[i] else best[i]
        best[i] = a
        more += r4 * x - d4 >= a
    return more


@kernel
def linear_prices(size, entry, balance, longs, shorts, deductions, out):
    """Liquidation price of isolated linear positions of one schedule, in one memory pass.

    ``longs`` and ``shorts`` are ``1 / (1 - rate)`` and ``1 / (1 + rate)`` by bracket, their
    number a multiple of four. The root in another order of operations: rows by blocks that
    stay in the cache, brackets by four, so that several rows are computed at a time. The
    brackets' roots rise up to the greatest and fall after it, so a block is done with the first
    four after which no row's rises.
    """
    held = np.empty(ROWS)
    for begin in range(0, size.size, ROWS):
        z, price = size[begin : begin + ROWS], out[begin : begin + ROWS]
        u0, own = entry[begin : begin + ROWS], balance[begin : begin + ROWS]
        cost = held[: z.size]
        for i in range(z.size):
            cost[i] = z[i] * u0[i] - own[i]
            price[i] = -np.inf
        for k in range(0, longs.size, 4):
            if raise_to_roots(z, cost, longs, shorts, deductions, k, price) == 0:
                break
        for i in range(z.size):
            at = price[i] / z[i]
            price[i] = at if at > 0.0 else np.nan


@kernel
def linear_state(
    size,
    entry,
    mark,
    balance,
    leverage,
    rates,
    longs,
    shorts,
    deductions,
    equity,
    initial,
    maintenance,
    price,
):
    """Margins and liquidation price of isolated linear positions of one schedule, in one pass.

    Arguments as for :func:`linear_prices`.
    """
    held, valued = np.empty(ROWS), np.empty(ROWS)
    for begin in range(0, size.size, ROWS):
        end = begin + ROWS
        z, u0, own = size[begin:end], entry[begin:end], balance[begin:end]
        u, times = mark[begin:end], leverage[begin:end]
        have, put = equity[begin:end], initial[begin:end]
        need, at = maintenance[begin:end], price[begin:end]
        cost, value = held[: z.size], valued[: z.size]
        for i in range(z.size):
            cost[i] = z[i] * u0[i] - own[i]
            worth = z[i] * u[i]
            value[i] = abs(worth)
            have[i] = worth - cost[i]
            put[i] = value[i] / times[i]
            need[i] = -np.inf
            at[i] = -np.inf
        for k in range(0, longs.size, 4):
            if raise_to_roots(z, cost, longs, shorts, deductions, k, at) == 0:
                break
        for k in range(0, rates.size, 4):
            if raise_to_lines(value, rates, deductions, k, need) == 0:
                break
        for i in range(z.size):
            x = at[i] / z[i]
            at[i] = x if x > 0.0 else np.nan
