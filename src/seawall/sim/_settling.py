"""Kernels of what befalls accounts outside a liquidation: entries, exits, funding, ADL."""

from __future__ import annotations

import math

from seawall._jit import inner_kernel, kernel
from seawall.core._columns import (
    A_START,
    A_STATE,
    ADL,
    ALIVE,
    CASH,
    DORMANT,
    ENTRY,
    FEE,
    FUNDING,
    INDEX,
    INITIAL,
    INVERSE,
    MAKER_CASH,
    MAKER_HELD,
    MARK,
    MID,
    P_ACCOUNT,
    P_MARKET,
    PLAN,
    RESERVE,
    SOCIALISED,
    START_Z,
    STEP,
    U0,
    Z,
)
from seawall.sim._accounts import (
    TIE,
    disarm,
    driver,
    empty,
    enqueue,
    note,
    rearm,
    recost,
    retire,
    trade,
    worth,
)
from seawall.sim._layout import TAKE_PROFIT
from seawall.sim._trading import execute


@inner_kernel
def affords(a, i, w):
    """Whether an account's equity covers the initial margin of all it holds and of a new position.

    The rates are those of each position's bracket at its first size. The fee is paid from what is
    left: a trader who is cut to a leverage cap holds exactly what the cap asks.
    """
    equity, _, gross = worth(a, w)
    slack = TIE * (gross + equity)
    for k in range(w.ai[a, A_START], w.ai[a + 1, A_START]):
        m = w.pi[k, P_MARKET]
        inverse = w.markets[m, INVERSE]
        u = driver(w.markets[m, MARK], inverse)
        equity -= w.pf[k, INITIAL] * abs(w.pf[k, Z]) * u
        if k == i:
            value = w.pf[k, PLAN] * (u if inverse != 0.0 else 1.0)
            equity -= w.pf[k, INITIAL] * value
            slack += TIE * value
    return equity >= -slack


@inner_kernel
def enter(m, usd, w):
    """Open planned positions of one side until ``usd`` is spent; what is left is kept as credit.

    ``order`` holds planned positions by market and side, ``ends`` the next and the end of each.
    A position whose account has not the initial margin for it is passed over.
    """
    side = 0 if usd > 0.0 else 1
    inverse = w.markets[m, INVERSE] != 0.0
    way = -1.0 if inverse else 1.0
    order, ends, credit = w.order, w.order_start, w.credit
    credit[m, side] += abs(usd)
    while ends[m, side, 0] < ends[m, side, 1]:
        i = order[ends[m, side, 0]]
        a = w.pi[i, P_ACCOUNT]
        waits = w.ai[a, A_STATE] == DORMANT or w.ai[a, A_STATE] == ALIVE
        if not waits or not affords(a, i, w):
            ends[m, side, 0] += 1
            continue
        if w.pf[i, PLAN] > credit[m, side]:
            return
        size = w.pf[i, PLAN] if inverse else w.pf[i, PLAN] / w.markets[m, MID]
        filled, value = execute(w, m, size if side == 0 else -size, 0.0)
        if filled == 0.0:
            return
        ends[m, side, 0] += 1
        credit[m, side] -= w.pf[i, PLAN] * min(abs(filled) / size, 1.0)
        recost(i, value / filled, w)
        trade(i, way * filled, way * value, w)
        fee = w.markets[m, FEE] * abs(value)
        w.af[a, CASH] -= fee
        w.fees[m] += fee
        usd_in = abs(filled) if inverse else abs(value)
        price = filled / value if inverse else value / filled
        note(w, ENTRY, m, a, i, filled, price, usd_in)
        w.pf[i, PLAN] = 0.0
        w.ai[a, A_STATE] = ALIVE
        rearm(a, w)


@inner_kernel
def leave(m, quantity, w):
    """Have positions of one side close at a profit, in their turn, until ``quantity`` is used up.

    What is left is kept as credit. A position that is gone by its turn, or has no profit, uses up
    its part and is passed over: its trader had been counted on.
    """
    side = 1 if quantity > 0.0 else 0
    u = driver(w.markets[m, MARK], w.markets[m, INVERSE])
    ends, credit = w.exits_start, w.exit_credit
    credit[m, side] += abs(quantity)
    while ends[m, side, 0] < ends[m, side, 1]:
        i = w.exits[ends[m, side, 0]]
        part = abs(w.pf[i, START_Z])
        if part > credit[m, side]:
            return
        ends[m, side, 0] += 1
        credit[m, side] -= part
        if w.pf[i, Z] * (u - w.pf[i, U0]) > 0.0 and w.ai[w.pi[i, P_ACCOUNT], A_STATE] == ALIVE:
            enqueue(w, TAKE_PROFIT, i)


@kernel
def pay_funding(m, rate, w, plan):
    """Longs pay ``rate`` of their value at the index to shorts; thresholds of payers move.

    The event holds the USD that payers among the accounts paid. Called between steps: what it
    sets off belongs to the end of the step before.
    """
    w.clock[STEP] -= 1.0
    inverse = w.markets[m, INVERSE] != 0.0
    way = -1.0 if inverse else 1.0
    u = 1.0 / w.markets[m, INDEX] if inverse else w.markets[m, INDEX]
    paid = 0.0
    for k in range(w.by_market_start[m], w.by_market_start[m + 1]):
        i = w.by_market[k]
        z = w.pf[i, Z]
        if z == 0.0:
            continue
        due = way * z * u * rate
        a = w.pi[i, P_ACCOUNT]
        w.af[a, CASH] -= due
        w.af[a, RESERVE] -= due
        paid += max(due, 0.0)
        if w.af[a, RESERVE] <= 0.0:
            rearm(a, w)
    w.fund_cash[m] -= w.fund_held[m] * u * rate
    w.markets[m, MAKER_CASH] -= w.markets[m, MAKER_HELD] * u * rate
    w.rest_cash[m] -= w.rest_held[m] * u * rate
    count = w.markets.shape[0]
    for h in range(plan.firsts[1]):
        end = plan.spans[h, 1]
        plan.memory[end - count + m] -= plan.memory[end - 2 * count + m] * u * rate
    coin = w.markets[m, MARK] if inverse else 1.0
    note(w, FUNDING, m, -1, -1, 0.0, w.markets[m, INDEX], paid * coin)
    w.clock[STEP] += 1.0


@kernel
def deleverage(m, rows, closed, price, paid, w, plan):
    """Close other traders' positions against the fund's at a price, and take cash from them.

    Called in the middle of a step.
    """
    inverse = w.markets[m, INVERSE] != 0.0
    way = -1.0 if inverse else 1.0
    u = 1.0 / price if inverse else price
    coin = w.markets[m, MARK] if inverse else 1.0
    for k in range(rows.size):
        if closed[k] == 0.0 and paid[k] == 0.0:
            continue
        i = rows[k]
        a = w.pi[i, P_ACCOUNT]
        disarm(a, w)
        if closed[k] != 0.0:
            size = way * w.pf[i, Z]
            change = -math.copysign(closed[k], size)
            trade(i, way * change, way * change * u, w)
            w.fund_held[m] -= change
            w.fund_cash[m] += way * change * u
            usd = closed[k] if inverse else closed[k] * price
            note(w, ADL, m, a, i, -change, price, usd)
        if paid[k] != 0.0:
            w.af[a, CASH] -= paid[k] / coin
            w.fund_cash[m] += paid[k] / coin
            note(w, SOCIALISED, m, a, i, 0.0, price, paid[k])
        if empty(a, w):
            retire(a, w)
        else:
            rearm(a, w)
