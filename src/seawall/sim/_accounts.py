"""Kernels that look at accounts: what they are worth, what they respond, when they fall."""

from __future__ import annotations

import numpy as np

from seawall._jit import inner_kernel
from seawall.core._columns import (
    A_START,
    A_STATE,
    ADD,
    ADD0,
    ADDED,
    ALIVE,
    CALL,
    CALLED,
    CASH,
    CUT_AT,
    E_ACCOUNT,
    E_KIND,
    E_MARKET,
    E_POSITION,
    E_PRICE,
    E_QUANTITY,
    E_STEP,
    E_USD,
    FIXED,
    FIXED0,
    GONE,
    INVERSE,
    LATENCY,
    LIQUIDATING,
    MARK,
    P_ACCOUNT,
    P_BUCKET,
    P_LADDER,
    P_MARKET,
    P_MODE,
    P_NEXT,
    P_TABLE,
    RESERVE,
    SIZE0,
    START_Z,
    STEP,
    STOP,
    TOPUP,
    U0,
    Z,
)
from seawall.margin._kernels import bracket_line
from seawall.margin._steps import bracket_of
from seawall.sim._layout import (
    BY_CONTRACTS,
    BY_COST,
    BY_VALUE,
    CUT_BACK,
    LIQUIDATE,
    N_EVENTS,
    N_QUEUE,
    Q_READY,
    Q_REASON,
    Q_ROW,
    STOP_OUT,
    T_DEPOSITS,
    T_IN_COIN,
)
from seawall.sim._triggers import FALLS, RISES, bucket_of, link, unlink

TIE = 1e-12
"""Share of the notional within which equity counts as equal to maintenance, against rounding."""

FARTHEST_RISE = 0.25
"""How far a short's mark rises at most before it is looked at again: bounds its bracket."""

FARTHEST_FALL = 0.95
"""How far a long's mark falls at most before it is looked at again."""


KEPT_BACK = 0.001
"""Relative move by which accounts with room are looked at early, for funding paid meanwhile."""


@inner_kernel
def driver(price, inverse):
    """Driver of a contract at a price."""
    return 1.0 / price if inverse != 0.0 else price


@inner_kernel
def need_at(t, value, add, fixed, w):
    """Maintenance margin of a value under a table of brackets, settlement currency."""
    k = bracket_line(value, w.rates, w.deductions, t, add)
    need = (w.rates[t, k] + add) * value - w.deductions[t, k] + fixed
    return need + w.curves[t] * value * value


@inner_kernel
def need_of(i, u, w):
    """Maintenance margin of a position at a driver, settlement currency."""
    pf = w.pf
    return need_at(w.pi[i, P_TABLE], abs(pf[i, Z]) * u, pf[i, ADD], pf[i, FIXED], w)


@inner_kernel
def worth(a, w):
    """Equity, maintenance margin and notional of an account at the marks."""
    ai, markets = w.ai, w.markets
    equity, need, gross = w.af[a, CASH], 0.0, 0.0
    for i in range(ai[a, A_START], ai[a + 1, A_START]):
        z = w.pf[i, Z]
        if z != 0.0:
            m = w.pi[i, P_MARKET]
            u = driver(markets[m, MARK], markets[m, INVERSE])
            equity += z * u
            gross += abs(z) * u
            need += need_of(i, u, w)
    return equity, need, gross


@inner_kernel
def note(w, kind, m, a, i, quantity, price, usd):
    """Write one event; the engine leaves before the table is full."""
    n = w.counts[N_EVENTS]
    w.events[n, E_STEP] = w.clock[STEP]
    w.events[n, E_KIND] = kind
    w.events[n, E_MARKET] = m
    w.events[n, E_ACCOUNT] = a
    w.events[n, E_POSITION] = i
    w.events[n, E_QUANTITY] = quantity
    w.events[n, E_PRICE] = price
    w.events[n, E_USD] = usd
    w.counts[N_EVENTS] = n + 1


@inner_kernel
def enqueue(w, reason, row):
    """Have an order sent once the venue's latency has passed."""
    n = w.counts[N_QUEUE]
    w.queue[n, Q_REASON] = reason
    w.queue[n, Q_ROW] = row
    w.queue[n, Q_READY] = int(w.clock[STEP] + w.clock[LATENCY])
    w.counts[N_QUEUE] = n + 1


@inner_kernel
def side_of(i, w):
    """The side on which a position loses: longs as the mark falls."""
    long = (w.pf[i, Z] > 0.0) == (w.markets[w.pi[i, P_MARKET], INVERSE] == 0.0)
    return FALLS if long else RISES


@inner_kernel
def disarm(a, w):
    """Take all positions of an account out of their lists."""
    ai, pi = w.ai, w.pi
    for i in range(ai[a, A_START], ai[a + 1, A_START]):
        if pi[i, P_BUCKET] >= 0:
            unlink(i, pi, w.head, pi[i, P_MARKET], side_of(i, w))


@inner_kernel
def slope(i, u, scale, long_driver, w):
    """Bound of what equity less ``scale`` * need loses per relative move of a position's driver.

    The requirement is convex in the value and 0 at 0, so that a falling value sheds at least its
    proportional part; a rising one takes on no more than the rate at the farthest rise.
    """
    pf, rates = w.pf, w.rates
    value = abs(pf[i, Z]) * u
    t = w.pi[i, P_TABLE]
    if long_driver:
        moving = need_of(i, u, w) - pf[i, FIXED]
        return max(value - scale * max(moving, 0.0), 0.0)
    top = value * (1.0 + FARTHEST_RISE)
    k = bracket_line(top, rates, w.deductions, t, pf[i, ADD])
    return value * (1.0 + scale * (rates[t, k] + pf[i, ADD] + 2.0 * w.curves[t] * top))


@inner_kernel
def arm(a, equity, need, gross, w):
    """Set every position's threshold: no mark within them can concern the account.

    The slack is the least of those to liquidation, to the trader's call and to the cut; it is
    spent by all positions moving against the account at once.
    """
    af, ai, markets, pf, pi = w.af, w.ai, w.markets, w.pf, w.pi
    first, last = ai[a, A_START], ai[a + 1, A_START]
    call, cut = af[a, CALL], af[a, CUT_AT]
    lost, lost_call, lost_cut = 0.0, 0.0, 0.0
    for i in range(first, last):
        if pf[i, Z] == 0.0:
            continue
        m = pi[i, P_MARKET]
        u = driver(markets[m, MARK], markets[m, INVERSE])
        up = pf[i, Z] > 0.0
        lost += slope(i, u, 1.0, up, w)
        if call > 0.0:
            lost_call += slope(i, u, 1.0 / call, up, w)
        lost_cut += abs(pf[i, Z]) * u
    way = (equity - need) / lost if lost > 0.0 else np.inf
    if call > 0.0 and lost_call > 0.0:
        way = min(way, (equity - need / call) / lost_call)
    if cut > -np.inf:
        way = min(way, (equity - cut) / lost_cut if lost_cut > 0.0 else np.inf)
    # what is kept back lets funding be paid without setting everybody's thresholds anew
    af[a, RESERVE] = 0.0
    if way > 3.0 * KEPT_BACK:
        way -= KEPT_BACK
        least = min(lost, lost_cut)
        af[a, RESERVE] = KEPT_BACK * (min(least, lost_call) if call > 0.0 else least)
    way = max(way, 1e-9)
    for i in range(first, last):
        if pf[i, Z] == 0.0 or pi[i, P_BUCKET] >= 0:
            continue
        m = pi[i, P_MARKET]
        inverse = markets[m, INVERSE]
        u = driver(markets[m, MARK], inverse)
        up = pf[i, Z] > 0.0
        far = -min(way, FARTHEST_FALL) if up else min(way, FARTHEST_RISE)
        price = driver(u * (1.0 + far), inverse)
        side = side_of(i, w)
        stop = pf[i, STOP]
        if not np.isnan(stop):
            price = max(price, stop) if side == FALLS else min(price, stop)
        mark = markets[m, MARK]
        beyond = mark * (1.0 - 1e-12) if side == FALLS else mark * (1.0 + 1e-12)
        price = min(price, beyond) if side == FALLS else max(price, beyond)
        link(i, price, pf, pi, w.head, w.due, w.origin, side)


@inner_kernel
def look(a, w):
    """Look at an account whose threshold was reached: stops, call, cut, liquidation, or none."""
    af, ai, markets, pf, pi = w.af, w.ai, w.markets, w.pf, w.pi
    if ai[a, A_STATE] != ALIVE:
        return
    equity, need, gross = worth(a, w)
    if gross == 0.0:
        return
    if equity - need <= TIE * gross:
        disarm(a, w)
        ai[a, A_STATE] = LIQUIDATING
        enqueue(w, LIQUIDATE, a)
        return
    for i in range(ai[a, A_START], ai[a + 1, A_START]):
        stop, m = pf[i, STOP], pi[i, P_MARKET]
        if pf[i, Z] == 0.0 or np.isnan(stop):
            continue
        mark = markets[m, MARK]
        if (mark <= stop) if side_of(i, w) == FALLS else (mark >= stop):
            enqueue(w, STOP_OUT, i)
            pf[i, STOP] = np.nan
    m = pi[ai[a, A_START], P_MARKET]
    if af[a, CALL] > 0.0 and need >= af[a, CALL] * equity:
        note(w, CALLED, m, a, -1, 0.0, markets[m, MARK], equity)
        af[a, CALL] = 0.0
        if af[a, TOPUP] > 0.0:
            af[a, CASH] += af[a, TOPUP]
            equity += af[a, TOPUP]
            coin = markets[m, MARK] if markets[m, INVERSE] != 0.0 else 1.0
            w.totals[T_DEPOSITS] += af[a, TOPUP] * coin
            if markets[m, INVERSE] != 0.0:
                w.totals[T_IN_COIN] += af[a, TOPUP] * coin
            note(w, ADDED, m, a, -1, 0.0, markets[m, MARK], af[a, TOPUP] * coin)
            af[a, TOPUP] = 0.0
    if equity <= af[a, CUT_AT]:
        af[a, CUT_AT] = -np.inf
        enqueue(w, CUT_BACK, a)
    # every position anew: one that kept its old distance would spend slack that is gone
    disarm(a, w)
    arm(a, equity, need, gross, w)


@inner_kernel
def usd_falling(m, side, reach, w):
    """USD of the positions whose accounts fall if this mark alone moves by ``reach``, relative.

    Thresholds say who may fall, as none lies beyond its account's liquidation; each of those is
    looked at.
    """
    markets = w.markets
    mark = markets[m, MARK]
    far = mark * (1.0 - reach) if side == FALLS else mark * (1.0 + reach)
    b, last = bucket_of(mark, w.origin[m]), bucket_of(far, w.origin[m])
    way = -1 if side == FALLS else 1
    total = 0.0
    markets[m, MARK] = far
    while True:
        i = w.head[m, side, b]
        while i >= 0:
            equity, need, gross = worth(w.pi[i, P_ACCOUNT], w)
            if equity - need <= TIE * gross:
                total += abs(w.pf[i, Z])
            i = w.pi[i, P_NEXT]
        if b == last:
            break
        b += way
    markets[m, MARK] = mark
    return total * (1.0 if markets[m, INVERSE] != 0.0 else mark)


@inner_kernel
def rearm(a, w):
    """Set thresholds anew after something other than the mark has changed the account."""
    ai = w.ai
    if ai[a, A_STATE] != ALIVE:
        return
    disarm(a, w)
    equity, need, gross = worth(a, w)
    if gross == 0.0:
        return
    if equity - need <= TIE * gross:
        ai[a, A_STATE] = LIQUIDATING
        enqueue(w, LIQUIDATE, a)
        return
    arm(a, equity, need, gross, w)


@inner_kernel
def resize(i, z, w):
    """Give a position another size: what of its requirement hangs on the size follows."""
    floors, ladders, pf, pi = w.floors, w.ladders, w.pf, w.pi
    pf[i, Z] = z
    kept = abs(z / pf[i, START_Z])
    mode, row = pi[i, P_MODE], pi[i, P_LADDER]
    if mode == BY_VALUE:
        pf[i, FIXED] = pf[i, FIXED0] * kept
        return
    before = pf[i, SIZE0]
    was = bracket_of(before, floors, row, False)
    now = bracket_of(before * kept, floors, row, True)
    if mode == BY_CONTRACTS:
        pf[i, ADD] = pf[i, ADD0] + ladders[row, 1, now] - ladders[row, 1, was]
        pf[i, FIXED] = pf[i, FIXED0] * kept
    elif mode == BY_COST:
        closing = pf[i, FIXED0] - (ladders[row, 1, was] * before - ladders[row, 0, was])
        new = ladders[row, 1, now] * before * kept - ladders[row, 0, now]
        pf[i, FIXED] = new + closing * kept
    else:
        # the rate grows with the size itself; SIZE0 is its growth at the first size
        pf[i, ADD] = pf[i, ADD0] - before * (1.0 - kept)
        pf[i, FIXED] = pf[i, FIXED0] * kept


@inner_kernel
def recost(i, u0, w):
    """Give a position that opens its entry: a requirement by cost follows it."""
    pf, row = w.pf, w.pi[i, P_LADDER]
    change = u0 / pf[i, U0]
    pf[i, U0] = u0
    if w.pi[i, P_MODE] != BY_COST:
        return
    was = bracket_of(pf[i, SIZE0], w.floors, row, False)
    closing = pf[i, FIXED0] - (w.ladders[row, 1, was] * pf[i, SIZE0] - w.ladders[row, 0, was])
    pf[i, SIZE0] *= change
    now = bracket_of(pf[i, SIZE0], w.floors, row, False)
    need = w.ladders[row, 1, now] * pf[i, SIZE0] - w.ladders[row, 0, now]
    pf[i, FIXED0] = need + closing * change


@inner_kernel
def ladder_size(i, value, w):
    """Size of a position in what its brackets count."""
    pf = w.pf
    if w.pi[i, P_MODE] == BY_VALUE:
        return value
    return pf[i, SIZE0] * abs(pf[i, Z] / pf[i, START_Z])


@inner_kernel
def trade(i, quantity, value, w):
    """Change an exposure by ``quantity`` at a cost of ``value`` = quantity * mean driver."""
    pf, pi = w.pf, w.pi
    m = pi[i, P_MARKET]
    z = pf[i, Z]
    after = z + quantity
    if abs(after) <= 1e-12 * abs(pf[i, START_Z]):
        after = 0.0
    w.interest[m, 0] += max(after, 0.0) - max(z, 0.0)
    w.interest[m, 1] += max(-after, 0.0) - max(-z, 0.0)
    w.af[pi[i, P_ACCOUNT], CASH] -= value
    resize(i, after, w)


@inner_kernel
def empty(a, w):
    """Whether an account holds nothing."""
    ai = w.ai
    held = False
    for i in range(ai[a, A_START], ai[a + 1, A_START]):
        held |= w.pf[i, Z] != 0.0
    return not held


@inner_kernel
def retire(a, w):
    """An account that holds nothing any more."""
    w.ai[a, A_STATE] = GONE
