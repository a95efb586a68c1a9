"""Kernels of the margin engine: plain arrays in, output last.

Everything is written in the *driver* of a contract: ``u = price`` for linear contracts and
``u = 1 / price`` for inverse ones, with the signed exposure ``z`` = size (linear) or -size
(inverse). Profit is then ``z * (u - u0)`` in the settlement currency and the maintenance margin
``max_k((rates[k] + add) * |z| * u - deductions[k]) + curve * (|z| * u) ** 2 + fixed`` for every
venue, so that each formula below stands once; ``curves`` holds the ``curve`` of each table, 0 but
where an inverse contract's rate grows with its size. See ``docs/methods/margin.md``.
"""

from __future__ import annotations

import numpy as np

from seawall._jit import inner_kernel, kernel

NEAR = 1e-9
"""Relative step of Newton's within which one that turns about does so by rounding alone."""


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


@inner_kernel
def need(z, u, t, add, fixed, rates, deductions, curves):
    """Maintenance margin of a position at its driver ``u``; settlement currency."""
    value = abs(z) * u
    k = bracket_line(value, rates, deductions, t, add)
    line = (rates[t, k] + add) * value - deductions[t, k] + fixed
    return line + curves[t] * value * value if curves[t] > 0.0 else line


@inner_kernel
def spare(z, u, u0, t, add, fixed, rates, deductions, curves):
    """Profit less :func:`need` at the driver ``u`` and its slope there, each in two parts.

    The part of the straight line, then what a bent one takes off, 0 where it is straight: four
    numbers. A sum of lines is rounded piece by piece, so that this is not ``need`` subtracted.
    """
    value = abs(z) * u
    k = bracket_line(value, rates, deductions, t, add)
    rate = rates[t, k] + add
    free = z * (u - u0) - fixed - rate * value + deductions[t, k]
    slope = z - rate * abs(z)
    if curves[t] > 0.0:
        return free, slope, curves[t] * value * value, 2.0 * curves[t] * value * abs(z)
    return free, slope, 0.0, 0.0


@inner_kernel
def settled(at, step, stride, slope, before, bent, least):
    """Whether Newton's steps are at the root: on its own piece, or moved by rounding alone.

    ``step`` led to ``at`` along ``slope``, ``stride`` and ``before`` are those of the step before;
    ``least`` is added to the size of ``at`` that a bent line's last step is measured by.
    """
    if slope == before or abs(step) <= 4e-16 * abs(at):
        return True
    return bent and step * stride <= 0.0 and abs(step) <= NEAR * (abs(at) + least)


@kernel
def requirement(z, u, table, add, fixed, rates, deductions, curves, out):
    """Maintenance margin of each position at its driver ``u``; settlement currency."""
    for i in range(z.size):
        out[i] = need(z[i], u[i], table[i], add[i], fixed[i], rates, deductions, curves)


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


@inner_kernel
def bent_root(z, constant, rate, deduction, curve, at):
    """As :func:`root` for one line bent upwards: ``(rate + curve * |z| * u) * |z| * u``.

    The equity less the requirement is a parabola in ``u``. Where profit rises with ``u`` (z > 0)
    it has two positive roots at most, the upper where the requirement outruns the profit of
    ever more coins; that on the side it loses towards at ``at`` is returned, else the other. NaN
    where it has none.
    """
    side = 1.0 if z > 0 else -1.0
    free = constant + deduction
    slope = 1.0 - side * rate
    square = slope * slope + 4.0 * curve * free
    if square < 0.0:
        return np.nan
    width = np.sqrt(square)
    if side > 0.0 and (free >= 0.0 or 2.0 * curve * z * at > slope):
        return (slope + width) / (2.0 * curve) / z
    return -2.0 * free / (slope + width) / z


@kernel
def isolated_roots(z, balance, u, u0, table, add, fixed, rates, deductions, curves, out):
    """Liquidation driver of positions that stand alone; NaN where no positive root exists."""
    for i in range(z.size):
        constant = balance[i] - z[i] * u0[i] - fixed[i]
        t = table[i]
        if curves[t] > 0.0:
            x = bent_root(z[i], constant, rates[t, 0] + add[i], deductions[t, 0], curves[t], u[i])
        else:
            x = root(z[i], constant, rates, deductions, t, add[i])
        out[i] = x if x > 0.0 else np.nan


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
    start,
    stop,
    order,
    z,
    u,
    u0,
    need,
    table,
    add,
    fixed,
    leg,
    surplus,
    rates,
    deductions,
    curves,
    out,
):
    """Liquidation driver of each position of cross accounts, its instrument moving alone.

    ``surplus`` is equity less maintenance by account; ``leg`` the instrument of a position.
    All legs of one instrument in an account share the driver (hedge mode). Equity less
    requirement is concave in it and made of straight pieces, so Newton's steps from beyond the
    root close in on it in at most as many steps as there are bracket edges; a slope met twice
    running is the root's own piece. Bent lines have no pieces: there the steps shrink until
    rounding turns them about. NaN where no positive root exists.
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
                x, before, stride = start_at, np.nan, np.nan
                for _ in range(128):
                    gap = rest
                    slope = 0.0
                    bent = False
                    for h in range(first, last):
                        b = order[h]
                        if leg[b] == leg[i]:
                            t = table[b]
                            free, rise, bow, bend = spare(
                                z[b], x, u0[b], t, add[b], fixed[b], rates, deductions, curves
                            )
                            gap += free
                            slope += rise
                            if curves[t] > 0.0:
                                bent = True
                                gap -= bow
                                slope -= bend
                    if slope == 0.0 or not np.isfinite(x):
                        break
                    step = gap / slope
                    x -= step
                    if settled(x, step, stride, slope, before, bent, 0.0):
                        found = x
                        break
                    before, stride = slope, step
                if found > 0.0:
                    break
            out[i] = found if found > 0.0 else np.nan


@kernel
def joint_roots(
    start, order, z, u, u0, drift, table, add, fixed, balance, rates, deductions, curves, out
):
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
        before, stride = np.nan, np.nan
        s = 0.0
        for turn in range(256):
            gap = balance[a]
            slope = 0.0
            bent = False
            for j in range(first, last):
                i = order[j]
                t = table[i]
                x = u[i] * (1.0 + s * drift[i])
                free, rise, bow, bend = spare(
                    z[i], x, u0[i], t, add[i], fixed[i], rates, deductions, curves
                )
                gap += free
                slope += rise * u[i] * drift[i]
                if curves[t] > 0.0:
                    bent = True
                    gap -= bow
                    slope -= bend * u[i] * drift[i]
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
            # a root at 0 has no size of its own to measure a step by: 1e-6 stands in
            if settled(s, step, stride, slope, before, bent, 1e-6):
                found = s
                break
            before, stride = slope, step
        out[a] = found
