"""Kernels of the margin engine: plain arrays in, output last.

Everything is written in the *driver* of a contract: ``u = price`` for linear contracts and
``u = 1 / price`` for inverse ones, with the signed exposure ``z`` = size (linear) or -size
(inverse). Profit is then ``z * (u - u0)`` in the settlement currency and the maintenance margin
``max_k((rates[k] + add) * |z| * u - deductions[k]) + fixed`` for every venue, so that each
formula below stands once. See ``docs/methods/margin.md``.
"""

from __future__ import annotations

import numpy as np

from seawall._jit import inner_kernel, kernel

ROWS = 512
"""Rows worked on at a time where columns are passed over more than once."""


@inner_kernel
def bracket_line(value, rates, deductions, t, add):
    """Bracket of table ``t`` whose line is the greatest at ``value`` = ``|z| * u``.

    The lines rise up to that bracket and fall after it, so the search stops at the first that
    is lower than the one before; brackets of equal rate (and the padding) share a line.
    """
    top = (rates[t, 0] + add) * value - deductions[t, 0]
    for k in range(1, rates.shape[1]):
        line = (rates[t, k] + add) * value - deductions[t, k]
        if line < top:
            return k - 1
        top = line
    return rates.shape[1] - 1


@kernel
def requirement(z, u, table, add, fixed, rates, deductions, out):
    """Maintenance margin of each position at its driver ``u``; settlement currency."""
    for i in range(z.size):
        t = table[i]
        value = abs(z[i]) * u[i]
        k = bracket_line(value, rates, deductions, t, add[i])
        out[i] = (rates[t, k] + add[i]) * value - deductions[t, k] + fixed[i]


@inner_kernel
def root(z, constant, rates, deductions, t, add):
    """Driver at which ``constant + z * u`` meets the greatest bracket line.

    With rising rates the equity less the requirement is concave, so the root is the greatest
    (z > 0) or the least (z < 0) of the brackets' own roots: no bracket has to be guessed.
    """
    size = abs(z)
    side = 1.0 if z > 0 else -1.0
    best = -np.inf
    for k in range(rates.shape[1]):
        u = (-constant - deductions[t, k]) / (1.0 - side * (rates[t, k] + add))
        best = max(best, u)
    return side * best / size


@kernel
def isolated_roots(z, balance, u0, table, add, fixed, rates, deductions, out):
    """Liquidation driver of positions that stand alone; NaN where no positive root exists."""
    for i in range(z.size):
        constant = balance[i] - z[i] * u0[i] - fixed[i]
        u = root(z[i], constant, rates, deductions, table[i], add[i])
        out[i] = u if u > 0.0 else np.nan


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
    number a multiple of four. :func:`root` in another order of operations: rows by blocks that
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


@kernel
def account_state(start, order, z, u, u0, need, balance, equity, maintenance):
    """Equity and maintenance margin of each account from its positions.

    ``start`` has shape (m + 1,): account a holds the positions ``order[start[a]:start[a + 1]]``.
    """
    for a in range(balance.size):
        e = balance[a]
        m = 0.0
        for j in range(start[a], start[a + 1]):
            i = order[j]
            e += z[i] * (u[i] - u0[i])
            m += need[i]
        equity[a] = e
        maintenance[a] = m


@kernel
def remark(start, z, code, lowest, rates, deductions, rest, excess, equity, needed):
    """Equity and maintenance of accounts at new drivers.

    Positions lie account by account; ``rest`` is the account's balance less ``sum(z * u0)``, so
    that its equity is ``rest + sum(z * u)``, and ``needed`` starts from what no price moves,
    ``excess``. ``code`` is the pair of driver and bracket lines of a position; ``rates`` and
    ``deductions`` have shape (C, K) by such pairs, K > 1, and ``lowest`` (C, 4): the driver, rate
    and deduction of the lowest bracket and the value up to which it holds.
    """
    end = start[0]
    for a in range(rest.size):
        e = rest[a]
        m = excess[a]
        begin, end = end, start[a + 1]
        for i in range(begin, end):
            c = np.uint32(code[i])  # unsigned: no test for an index from the end
            value = z[i] * lowest[c, 0]
            e += value
            value = abs(value)
            if value <= lowest[c, 3]:
                m += lowest[c, 1] * value - lowest[c, 2]
                continue
            top = rates[c, 1] * value - deductions[c, 1]
            for k in range(2, rates.shape[1]):
                line = rates[c, k] * value - deductions[c, k]
                if line < top:
                    break
                top = line
            m += top
        equity[a] = e
        needed[a] = m


@kernel
def cross_roots(
    start, stop, order, z, u, u0, need, table, add, fixed, leg, surplus, rates, deductions, out
):
    """Liquidation driver of each position of cross accounts, its instrument moving alone.

    ``surplus`` is equity less maintenance by account; ``leg`` the instrument of a position.
    All legs of one instrument in an account share the driver (hedge mode). Equity less
    requirement is concave in it and made of straight pieces, so Newton's steps from beyond the
    root close in on it in at most as many steps as there are bracket edges; a slope met twice
    running is the root's own piece. NaN where no positive root exists.
    """
    for a in range(surplus.size):
        first, last = start[a], stop[a]
        for j in range(first, last):
            i = order[j]
            # what the account has apart from this instrument's legs
            rest = surplus[a]
            for h in range(first, last):
                b = order[h]
                if leg[b] == leg[i]:
                    rest -= z[b] * (u[b] - u0[b]) - need[b]
            found = np.nan
            # from the mark; then from far above, for a hedge that only a rise brings down
            for start_at in (u[i], 1e9 * u[i]):
                x, before = start_at, np.nan
                for _ in range(128):
                    gap = rest
                    slope = 0.0
                    for h in range(first, last):
                        b = order[h]
                        if leg[b] == leg[i]:
                            t = table[b]
                            value = abs(z[b]) * x
                            k = bracket_line(value, rates, deductions, t, add[b])
                            gap += (
                                z[b] * (x - u0[b])
                                - fixed[b]
                                - (rates[t, k] + add[b]) * value
                                + deductions[t, k]
                            )
                            slope += z[b] - (rates[t, k] + add[b]) * abs(z[b])
                    if slope == 0.0 or not np.isfinite(x):
                        break
                    step = gap / slope
                    x -= step
                    if slope == before or abs(step) <= 4e-16 * abs(x):
                        found = x
                        break
                    before = slope
                if found > 0.0:
                    break
            out[i] = found if found > 0.0 else np.nan


@kernel
def joint_roots(start, order, z, u, u0, drift, table, add, fixed, balance, rates, deductions, out):
    """How far along a direction of prices each account falls.

    Drivers move as ``u * (1 + s * drift)``; out is the least s >= 0 at which equity is no more
    than maintenance, 0 if already so, NaN if none before a driver reaches 0 or s exceeds 1e6.
    Equity less requirement is concave in s: Newton's steps from beyond the root close in.
    """
    for a in range(balance.size):
        first, last = start[a], start[a + 1]
        limit = 1e6
        for j in range(first, last):
            i = order[j]
            if drift[i] < 0.0:
                limit = min(limit, -1.0 / drift[i])
        found = np.nan
        before = np.nan
        s = 0.0
        for turn in range(256):
            gap = balance[a]
            slope = 0.0
            for j in range(first, last):
                i = order[j]
                t = table[i]
                x = u[i] * (1.0 + s * drift[i])
                value = abs(z[i]) * x
                k = bracket_line(value, rates, deductions, t, add[i])
                gap += (
                    z[i] * (x - u0[i])
                    - fixed[i]
                    - (rates[t, k] + add[i]) * value
                    + deductions[t, k]
                )
                slope += (z[i] - (rates[t, k] + add[i]) * abs(z[i])) * u[i] * drift[i]
            if turn == 0:
                if gap <= 0.0:
                    found = 0.0
                    break
                s = limit
                continue
            if turn == 1 and gap > 0.0:
                break
            if slope >= 0.0:
                break
            step = gap / slope
            s -= step
            if slope == before or abs(step) <= 4e-16 * abs(s):
                found = s
                break
            before = slope
        out[a] = found
