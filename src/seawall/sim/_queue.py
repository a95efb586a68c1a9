"""Kernels of the queue of orders: stops, profits taken, cuts, and who is sent when."""

from __future__ import annotations

from seawall._jit import inner_kernel
from seawall.core._columns import (
    A_START,
    A_STATE,
    A_STEPS,
    ALIVE,
    CUT_TO,
    DELEVERAGED,
    INVERSE,
    LAST,
    LATENCY,
    P_ACCOUNT,
    P_MARKET,
    PROFIT_TAKEN,
    STEP,
    STOPPED,
    Z,
)
from seawall.sim._accounts import disarm, empty, note, rearm, retire, worth
from seawall.sim._layout import (
    LIQUIDATE,
    N_QUEUE,
    Q_READY,
    Q_REASON,
    Q_ROW,
    STOP_OUT,
    TAKE_PROFIT,
)
from seawall.sim._liquidating import liquidate
from seawall.sim._trading import close

CLOSE_ENOUGH = 0.01
"""By how much the leverage after a trader's cut may lie above that aimed at, relative."""


@inner_kernel
def close_out(i, kind, w):
    """Send a trader's order to close a position. Returns whether it has to go on."""
    pf, pi = w.pf, w.pi
    a = pi[i, P_ACCOUNT]
    if pf[i, Z] == 0.0 or w.ai[a, A_STATE] != ALIVE:
        return False
    disarm(a, w)
    held = pf[i, Z]
    usd, value, filled, _ = close(i, 1.0, 0.0, False, w)
    m = pi[i, P_MARKET]
    if usd > 0.0:
        inverse = w.markets[m, INVERSE] != 0.0
        way = -1.0 if inverse else 1.0
        price = usd / value if inverse else usd / abs(filled)
        note(w, kind, m, a, i, way * (held - pf[i, Z]), price, usd)
    if empty(a, w):
        retire(a, w)
        return False
    rearm(a, w)
    return pf[i, Z] != 0.0


@inner_kernel
def cut_back(a, w):
    """Cut an account to the leverage its trader wants. Returns whether it has to go on.

    It does while an order is not filled in full, or what the order cost has left the leverage more
    than a hundredth above.
    """
    ai, markets, pf = w.ai, w.markets, w.pf
    if ai[a, A_STATE] != ALIVE:
        return False
    equity, _, gross = worth(a, w)
    share = 1.0 - w.af[a, CUT_TO] * equity / gross if gross > 0.0 else 0.0
    if share <= 0.0:
        return False
    disarm(a, w)
    unfilled = False
    for i in range(ai[a, A_START], ai[a + 1, A_START]):
        if pf[i, Z] != 0.0:
            m = w.pi[i, P_MARKET]
            held = pf[i, Z]
            usd, _, filled, _ = close(i, share, 0.0, False, w)
            unfilled |= abs(filled) < 0.999 * share * abs(held)
            if usd > 0.0:
                way = -1.0 if markets[m, INVERSE] != 0.0 else 1.0
                note(w, DELEVERAGED, m, a, i, way * (held - pf[i, Z]), markets[m, LAST], usd)
    if empty(a, w):
        retire(a, w)
        return False
    rearm(a, w)
    equity, _, gross = worth(a, w)
    return unfilled or gross > (1.0 + CLOSE_ENOUGH) * max(w.af[a, CUT_TO] * equity, 0.0)


@inner_kernel
def work_queue(w):
    """Send every order that is ready, in the order in which they came; keep those that go on."""
    queue, waiting = w.queue, w.counts[N_QUEUE]
    step, lag = int(w.clock[STEP]), int(w.clock[LATENCY])
    kept = 0
    for q in range(waiting):
        reason, row, ready = queue[q, Q_REASON], queue[q, Q_ROW], queue[q, Q_READY]
        again = True
        if ready <= step:
            ready = step + lag
            if reason == LIQUIDATE:
                tries = w.ai[row, A_STEPS]
                again = liquidate(row, w)
                if w.ai[row, A_STEPS] == tries:
                    # held back or halted: it goes as soon as it may
                    ready = step + 1
            elif reason == STOP_OUT:
                again = close_out(row, STOPPED, w)
            elif reason == TAKE_PROFIT:
                again = close_out(row, PROFIT_TAKEN, w)
            else:
                again = cut_back(row, w)
        if again:
            queue[kept, Q_REASON] = reason
            queue[kept, Q_ROW] = row
            queue[kept, Q_READY] = ready
            kept += 1
    # what was added meanwhile lies behind those that waited
    for q in range(waiting, w.counts[N_QUEUE]):
        queue[kept] = queue[q]
        kept += 1
    w.counts[N_QUEUE] = kept
