"""Accounts walked along paths of prices: who is called, who falls, and where.

Positions lie account by account: account ``a`` holds ``start[a]`` to ``start[a + 1]``. The margin
of an account is the margin engine's, in drivers and bracket lines; see ``margin/_kernels.py``.
"""

from __future__ import annotations

import math

import numpy as np

from seawall._jit import inner_kernel, kernel
from seawall.margin._kernels import bracket_line

LOW, HIGH, CLOSE = 0, 1, 2
NEED, PAID = 3, 6


@inner_kernel
def look(
    start, standing, value, driver, carry, table, add, edge, first_rate, first_deduction, rates,
    deductions, curves, factor, seen,
):  # fmt: skip
    """What the positions of every standing account are worth and need at a step's three points.

    ``value`` is ``z * u`` at the marks and ``factor[point, driver]`` the driver over its mark.
    ``seen`` (m, 7), the output, holds worth at the lowest, highest and closing prices, need at the
    same, and what funding takes a second at the close. Cash and fixed requirements are not in it.
    """
    for a in range(standing.size):
        if not standing[a]:
            continue
        low, high, close, low_need, high_need, close_need, paid = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
        for i in range(start[a], start[a + 1]):
            d, v, end, t = driver[i], value[i], edge[i], table[i]
            rate, less, bend = first_rate[i], first_deduction[i], curves[t]
            for point in range(3):
                worth = v * factor[point, d]
                size = abs(worth)
                # most positions stay within the first bracket, whose line needs no search
                need = rate * size - less
                if size > end:
                    k = bracket_line(size, rates, deductions, t, add[i])
                    need = (rates[t, k] + add[i]) * size - deductions[t, k]
                need += bend * size * size
                if point == LOW:
                    low += worth
                    low_need += need
                elif point == HIGH:
                    high += worth
                    high_need += need
                else:
                    close += worth
                    close_need += need
                    paid += carry[i] * worth
        seen[a, LOW], seen[a, HIGH], seen[a, CLOSE] = low, high, close
        seen[a, NEED + LOW], seen[a, NEED + HIGH], seen[a, NEED + CLOSE] = (
            low_need, high_need, close_need,
        )  # fmt: skip
        seen[a, PAID] = paid


@inner_kernel
def fill_factors(p, t, low, high, close, factor):
    """Drivers over their marks at the points of a step: prices, then their reciprocals."""
    assets = close.shape[2]
    for k in range(assets):
        factor[LOW, k] = math.exp(low[p, t, k])
        factor[HIGH, k] = math.exp(high[p, t, k])
        factor[CLOSE, k] = math.exp(close[p, t, k])
        for point in range(3):
            factor[point, assets + k] = 1.0 / factor[point, k]


@kernel
def walk(
    first, last, start, value, driver, carry, table, add, edge, first_rate, first_deduction, rates,
    deductions, curves, cash, fixed, call_ratio, lengths, closing, close, low, high,
    called, fallen, point, share, equity, gap,
):  # fmt: skip
    """Walk every account along the paths ``first`` to ``last``.

    Within a step the accounts are looked at with all prices at their lowest, at their highest
    and at their close, in this order. ``called`` and ``fallen`` (m, n) become the step of the
    first call and of the fall, -1 for never. Of a fall, ``point`` tells which of the three it
    was, ``share`` how far the prices were from the close before to that point when the account
    was closed, ``closing`` seconds after its equity met its maintenance margin, ``equity`` what
    it had then and ``gap`` what it lost in between.
    """
    accounts, steps = cash.size, lengths.size
    factor = np.empty((3, 2 * close.shape[2]))
    seen = np.empty((accounts, 7))
    money, spare, worth = np.empty(accounts), np.empty(accounts), np.empty(accounts)
    standing = np.empty(accounts, dtype=np.bool_)
    for p in range(first, last):
        factor[:] = 1.0
        standing[:] = True
        left = 0
        look(
            start, standing, value, driver, carry, table, add, edge, first_rate, first_deduction,
            rates, deductions, curves, factor, seen,
        )  # fmt: skip
        for a in range(accounts):
            money[a] = cash[a]
            worth[a] = money[a] + seen[a, CLOSE]
            need = seen[a, NEED + CLOSE] + fixed[a]
            spare[a] = worth[a] - need
            called[a, p] = 0 if need >= call_ratio * worth[a] else -1
            fallen[a, p] = -1
            standing[a] = spare[a] > 0.0
            if standing[a]:
                left += 1
            else:
                fallen[a, p], point[a, p] = 0, CLOSE
                share[a, p], equity[a, p], gap[a, p] = 0.0, worth[a], 0.0
        for t in range(steps):
            if left == 0:
                break
            fill_factors(p, t, low, high, close, factor)
            look(
                start, standing, value, driver, carry, table, add, edge, first_rate,
                first_deduction, rates, deductions, curves, factor, seen,
            )  # fmt: skip
            # prices move as the root of time: so far they go while an account is being closed
            further = min(1.0, math.sqrt(closing / lengths[t]))
            for a in range(accounts):
                if not standing[a]:
                    continue
                have, need = 0.0, 0.0
                for where in range(3):
                    have = money[a] + seen[a, where]
                    need = fixed[a] + seen[a, NEED + where]
                    if called[a, p] < 0 and need >= call_ratio * have:
                        called[a, p] = t
                    if have > need:
                        continue
                    met = spare[a] / (spare[a] - (have - need))
                    standing[a] = False
                    fallen[a, p], point[a, p] = t, where
                    share[a, p] = met + (1.0 - met) * further
                    equity[a, p] = worth[a] + share[a, p] * (have - worth[a])
                    gap[a, p] = (share[a, p] - met) * (worth[a] - have)
                    left -= 1
                    break
                if not standing[a]:
                    continue
                paid = lengths[t] * seen[a, PAID]
                money[a] -= paid
                # the last look was at the close
                worth[a] = have - paid
                spare[a] = worth[a] - need
                if spare[a] <= 0.0:
                    standing[a] = False
                    fallen[a, p], point[a, p] = t, CLOSE
                    share[a, p], equity[a, p], gap[a, p] = 1.0, worth[a], 0.0
                    if called[a, p] < 0:
                        called[a, p] = t
                    left -= 1


@kernel
def walk_on(
    first, last, start, value, driver, carry, table, add, edge, first_rate, first_deduction, rates,
    deductions, curves, fixed, lengths, close, low, high, begin, money, fallen,
):  # fmt: skip
    """Walk one account on from the step ``begin[p]`` of every path, with ``money[p]`` of its own.

    ``money`` is cash as in :func:`walk`, funding paid until then taken off. Which of the
    points of the first step came before ``begin`` is not known: all of them count. ``fallen`` (n,)
    becomes the step of the fall, -1 for never; on paths whose ``begin`` is no step there is none.
    """
    steps = lengths.size
    factor = np.empty((3, 2 * close.shape[2]))
    seen = np.empty((1, 7))
    standing = np.ones(1, dtype=np.bool_)
    for p in range(first, last):
        fallen[p] = -1
        have = money[p]
        for t in range(begin[p], steps):
            fill_factors(p, t, low, high, close, factor)
            look(
                start, standing, value, driver, carry, table, add, edge, first_rate,
                first_deduction, rates, deductions, curves, factor, seen,
            )  # fmt: skip
            for where in range(3):
                if have + seen[0, where] <= fixed + seen[0, NEED + where]:
                    fallen[p] = t
            have -= lengths[t] * seen[0, PAID]
            if have + seen[0, CLOSE] <= fixed + seen[0, NEED + CLOSE]:
                fallen[p] = t
            if fallen[p] >= 0:
                break
