"""Kernels of auto-deleveraging: survivors at rest prices, what is asked of them, who gives it."""

from __future__ import annotations

import numpy as np

from seawall._jit import inner_kernel, kernel
from seawall.margin._kernels import need
from seawall.margin._ranks import MARGIN_RATIO, rank_of

# how a venue's price asks: what the deficit needs, within the last step of the mark, nothing
BANKRUPTCY, PREVIOUS_MARK, MARK = 0, 1, 2


@kernel
def at_rest(
    start, order, gone, balance, rank, lines, tables, contract, factor, equity, pnl, notional, score
):
    """Positions and accounts in which nothing was closed, at rest prices, USD.

    Account a holds the positions ``order[start[a]:start[a + 1]]`` and is ranked by ``rank``.
    ``lines`` holds z, u, u0, table, add and fixed of each position, ``tables`` rates, deductions
    and curves, ``contract`` each position's asset, whether it is inverse, its mark and entry;
    ``factor`` is by asset. Writes the equity of accounts, and each position's profit, notional
    and place in the queue. Accounts that are ``gone`` stay untouched.
    """
    z, u, u0, table, add, fixed = lines
    rates, deductions, curves = tables
    asset, inverse, mark, entry = contract
    for a in range(gone.size):
        if gone[a]:
            continue
        unit, gain, wanted = 1.0, 0.0, 0.0
        for j in range(start[a], start[a + 1]):
            i = order[j]
            phi = factor[asset[i]]
            price = mark[i] * phi
            now = u[i] * (1.0 / phi if inverse[i] else phi)
            unit = price if inverse[i] else 1.0
            pnl[i] = z[i] * (now - u0[i]) * unit
            notional[i] = abs(z[i]) if inverse[i] else abs(z[i]) * price
            gain += pnl[i]
            if rank[a] == MARGIN_RATIO:
                part = need(z[i], now, table[i], add[i], fixed[i], rates, deductions, curves)
                wanted += part * unit
        held = balance[a] * unit
        equity[a] = held + gain
        for j in range(start[a], start[a + 1]):
            i = order[j]
            price = mark[i] * factor[asset[i]]
            side = 1.0 if (z[i] > 0.0) != inverse[i] else -1.0
            cost = abs(z[i]) * u0[i] * (price if inverse[i] else 1.0)
            score[i] = rank_of(
                rank[a],
                side,
                entry[i],
                price,
                notional[i],
                cost,
                pnl[i],
                held,
                equity[a],
                wanted,
            )


@inner_kernel
def at_price(kind, far, owed, usd, factor, at, a):
    """What a venue's deleveraging price asks of the winners for ``usd`` closed in round ``at``."""
    if kind == MARK:
        return 0.0
    if kind == PREVIOUS_MARK:
        before = factor[at - 1, a] if at > 0 else 1.0
        # no mark lies between an instantaneous shock and the price before it: the winners
        # give up to the bankruptcy price, and no more than the last step of the mark
        return min(owed, usd * abs(before / factor[at, a] - 1.0))
    return 0.0 if owed > far * usd else owed


@kernel
def claims(closings, row, debt, cell, inverse, factor, price, far, usd, owed):
    """What deleveraging has to close and to recover, by cell of the closed positions, USD.

    ``closings`` holds position, account, round and USD. ``row`` is each account's among those
    that owe, or -1; by row, ``debt`` has what is unpaid, the whole deficit, the last round and a
    zero. Only an account's last closings count, in proportion. ``price`` and
    ``far`` say by venue what :func:`at_price` needs; ``usd`` is at rest prices.
    """
    position, account, turn, amount = closings
    assets, rest = factor.shape[1], factor.shape[0] - 1
    mine = np.empty(position.size, dtype=np.int32)
    for c in range(position.size):
        k = row[account[c]]
        if k >= 0:
            if turn[c] == debt[k, 2]:
                debt[k, 3] += amount[c]
            else:
                k = -1
        mine[c] = k
    for c in range(position.size):
        k = mine[c]
        if k < 0:
            continue
        g = cell[position[c]]
        a, v, at = g // 2 % assets, g // (2 * assets), turn[c] - 1
        part = amount[c] * (debt[k, 0] / debt[k, 1])
        asked = debt[k, 0] * amount[c] / debt[k, 3]
        owed[g] += at_price(price[v], far[v], asked, part, factor, at, a)
        usd[g] += part if inverse[position[c]] else part * (factor[rest, a] / factor[at, a])


@kernel
def take(front, account, usd, rate, notional, equity, transfer, used, taken):
    """Close positions in the order given until ``usd`` are closed; returns what could be.

    At ``rate`` USD given up for each of them nobody is deleveraged into bankruptcy: equity bounds
    what a winner gives up, and several positions of one account share it. ``taken`` comes and
    ``used``, by account, comes and leaves as zeros.
    """
    room, done = 0.0, 0
    for k in range(front.size):
        i = front[k]
        own, a = notional[i], account[i]
        if rate > 0.0:
            have = max(equity[a] + transfer[a], 0.0) / rate
            own = max(min(own, have - used[a]), 0.0)
            used[a] += own
        before = min(room, usd)
        room += own
        taken[k] = min(room, usd) - before
        done = k + 1
        if room >= usd:
            break
    for k in range(done):
        used[account[front[k]]] = 0.0
    return room
