"""The loop of a run: named phases over columns, one step after the other."""

from __future__ import annotations

import math

import numpy as np

from seawall._jit import call_hook, inner_kernel, kernel
from seawall.core._columns import (
    A_STATE,
    ALLOWANCE,
    ASK,
    ASSET,
    BAND_HIGH,
    BAND_LOW,
    BID,
    BOUGHT,
    CASH,
    DISCLOSED,
    DOWN,
    DT,
    ENTRIES,
    EXITS,
    FORCED_BOUGHT,
    FORCED_SOLD,
    FUNDING_AT,
    GONE,
    HALT,
    HALTED,
    INDEX,
    INTEREST,
    INVERSE,
    LIMIT,
    LONGS_NEAR,
    MAKER_HELD,
    MARK,
    MID,
    OPEN,
    P_ACCOUNT,
    PLEDGED,
    QUANTITY,
    RESTS,
    RESUME,
    SECONDS,
    SESSION,
    SHORTS_NEAR,
    SOLD,
    SPOT,
    STEP,
    TRADED,
    VENUE,
)
from seawall.liquidity._levels import ASKS, BIDS
from seawall.sim._accounts import look, note, rearm, usd_falling, worth
from seawall.sim._layout import (
    C_QUANTITY,
    N_EDIT,
    N_EVENTS,
    N_HALF,
    N_RECORD,
    R_FILLED,
    R_LEFT,
    V_LIMIT,
)
from seawall.sim._marking import index, mark, quote
from seawall.sim._queue import work_queue
from seawall.sim._settling import enter, leave
from seawall.sim._trading import execute, pool_price, sell_inventory
from seawall.sim._triggers import FALLS, RISES, cross

DONE, ROOM, CLAIMS, FUNDINGS = 0, 1, 2, 3
"""Why the loop left: at its end, for room for events, to share out losses, to pay funding."""

ACTS, GATES, MARKS, SESSIONS, LIMITS = range(5)
"""Phases of hooks, in the order in which they lie."""

SET, MULTIPLY, ADD_TO = 0.0, 1.0, 2.0
"""What an edit does to its column."""

NEAR = 0.02
"""Distance within which disclosed concentration counts, relative."""


@kernel
def arm_all(w):
    """Set the thresholds of every account that holds something."""
    for a in range(w.ai.shape[0] - 1):
        rearm(a, w)


@kernel
def account_worth(w, equity, need, gross):
    """Equity, maintenance margin and notional of every account, settlement currency."""
    for a in range(equity.size):
        e, r, g = worth(a, w)
        equity[a], need[a], gross[a] = e, r, g


@kernel
def worth_of(w, accounts, equity, need, gross):
    """As :func:`account_worth`, of some accounts."""
    for k in range(accounts.size):
        e, r, g = worth(accounts[k], w)
        equity[k], need[k], gross[k] = e, r, g


@inner_kernel
def call_all(phase, w, plan):
    """Call every hook of a phase."""
    spans = plan.spans
    for h in range(plan.firsts[phase], plan.firsts[phase + 1]):
        own = plan.memory[spans[h, 0] : spans[h, 1]]
        read = plan.parameters[spans[h, 2] : spans[h, 3]]
        call_hook(plan.addresses[h], w.markets, own, read, w.clock, plan.keys[h], plan.orders)


@inner_kernel
def act(h, w, plan):
    """Have a behaviour write its orders, and execute them for its own account."""
    orders, spans = plan.orders, plan.spans
    orders[:] = 0.0
    end, count = spans[h, 1], w.markets.shape[0]
    own = plan.memory[spans[h, 0] : end]
    read = plan.parameters[spans[h, 2] : spans[h, 3]]
    call_hook(plan.addresses[h], w.markets, own, read, w.clock, plan.keys[h], orders)
    for m in range(count):
        quantity = orders[m, QUANTITY]
        if quantity != 0.0:
            filled, value = execute(w, m, quantity, orders[m, LIMIT])
            plan.memory[end - 2 * count + m] += filled
            plan.memory[end - count + m] -= -value if w.markets[m, INVERSE] != 0.0 else value
        if orders[m, ENTRIES] != 0.0:
            enter(m, orders[m, ENTRIES], w)
        if orders[m, EXITS] != 0.0:
            leave(m, orders[m, EXITS], w)
        if orders[m, RESTS] != 0.0 and w.markets[m, SESSION] == OPEN:
            plan.waits[h, m] = orders[m, RESTS]
            w.pool[m, BIDS if orders[m, RESTS] > 0.0 else ASKS, R_LEFT] += abs(orders[m, RESTS])


@inner_kernel
def settle_pool(w, plan):
    """Give every behaviour what was traded with its resting orders, first come, first served."""
    markets = w.markets
    count = markets.shape[0]
    for m in range(count):
        for side in (BIDS, ASKS):
            left = w.pool[m, side, R_FILLED]
            w.pool[m, side] = 0.0
            if left == 0.0:
                continue
            price = pool_price(markets, m, side == ASKS)
            for h in range(plan.waits.shape[0]):
                way = 1.0 if side == BIDS else -1.0
                taken = min(left, max(way * plan.waits[h, m], 0.0))
                left -= taken
                end = plan.spans[h, 1]
                value = -taken / price if markets[m, INVERSE] != 0.0 else taken * price
                plan.memory[end - 2 * count + m] += way * taken
                plan.memory[end - count + m] -= way * value
    plan.waits[:] = 0.0


@inner_kernel
def begin(step, w, plan):
    """Apply the edits that are due, and forget the flows and limits of the last step."""
    w.clock[SECONDS] = step * w.clock[DT]
    while w.counts[N_EDIT] < plan.edits.shape[0] and plan.edits[w.counts[N_EDIT], 0] <= step:
        e = w.counts[N_EDIT]
        m, column = int(plan.edits[e, 1]), int(plan.edits[e, 2])
        how = plan.edits[e, 4]
        if how == ADD_TO:
            w.markets[m, column] += plan.edits[e, 3]
        elif how == MULTIPLY:
            w.markets[m, column] *= plan.edits[e, 3]
        else:
            w.markets[m, column] = plan.edits[e, 3]
        w.counts[N_EDIT] = e + 1
    for m in range(w.markets.shape[0]):
        w.markets[m, BOUGHT] = 0.0
        w.markets[m, SOLD] = 0.0
        w.markets[m, FORCED_BOUGHT] = 0.0
        w.markets[m, FORCED_SOLD] = 0.0
        w.markets[m, TRADED] = 0.0
        w.markets[m, BAND_LOW] = 0.0
        w.markets[m, BAND_HIGH] = np.inf
        w.markets[m, ALLOWANCE] = np.inf


@inner_kernel
def sell_outside(step, w, plan):
    """Send the part of each outside order that is due."""
    for s in range(plan.sales.shape[0]):
        if plan.sales[s, 1] > step or plan.sales[s, 3] == 0.0:
            continue
        m = int(plan.sales[s, 0])
        usd = plan.sales[s, 3] / max(plan.sales[s, 2] - step, 1.0)
        price = 1.0 if w.markets[m, INVERSE] != 0.0 else w.markets[m, MID]
        filled, value = execute(w, m, usd / price, 0.0)
        w.rest_held[m] += filled
        w.rest_cash[m] -= -value if w.markets[m, INVERSE] != 0.0 else value
        plan.sales[s, 3] -= filled * price
        if abs(plan.sales[s, 3]) < 1.0:
            plan.sales[s, 3] = 0.0


@inner_kernel
def price_markets(step, w, plan):
    """Makers quote; then every venue takes its index and marks."""
    markets, dt = w.markets, w.clock[DT]
    for m in range(markets.shape[0]):
        if markets[m, SESSION] == DOWN:
            continue
        outside = plan.outside[step + 1, int(markets[m, ASSET])]
        quote(markets, w.bids, w.asks, w.shape, w.front, outside, m, dt)
    for m in range(markets.shape[0]):
        asset = int(markets[m, ASSET])
        if markets[m, SPOT] != 0.0:
            markets[m, INDEX] = markets[m, MID]
            markets[m, MARK] = markets[m, MID]
            continue
        if markets[m, SESSION] != DOWN:
            s = plan.spot[asset]
            spot = markets[s, MID] if s >= 0 else math.exp(plan.outside[step + 1, asset])
            index(markets, m, spot, dt)
    for m in range(markets.shape[0]):
        if markets[m, SPOT] == 0.0 and markets[m, SESSION] != DOWN:
            mark(markets, w.points, w.weights, m, w.clock)
    call_all(MARKS, w, plan)


@inner_kernel
def decide_sessions(w, plan):
    """Levers halt and reopen; every change since the last step, outages apart, is noted.

    A market that has lost its bids or its offers has halted by itself until they are back.
    """
    call_all(SESSIONS, w, plan)
    for m in range(w.markets.shape[0]):
        was, now = plan.sessions[m], w.markets[m, SESSION]
        if now == OPEN and (w.markets[m, BID] <= 0.0 or w.markets[m, ASK] <= 0.0):
            now = HALTED
        plan.sessions[m] = now
        if was != now and was != DOWN and now != DOWN:
            note(w, RESUME if now == OPEN else HALT, m, -1, -1, 0.0, w.markets[m, MID], 0.0)


@inner_kernel
def watch_accounts(step, w, plan):
    """Look at every account that the marks, or the collateral's price, have reached."""
    markets = w.markets
    if plan.peg[step + 1] != plan.peg[step]:
        for k in range(plan.pledged.shape[0]):
            a = plan.pledged[k]
            if w.ai[a, A_STATE] == GONE:
                # whoever took the account over was given its margin at that day's price
                continue
            change = plan.pledge[k] * (plan.peg[step + 1] - plan.peg[step])
            w.af[a, CASH] += change
            w.af[a, PLEDGED] += change
            rearm(a, w)
    for m in range(markets.shape[0]):
        if markets[m, SPOT] != 0.0 or markets[m, SESSION] == DOWN:
            continue
        at = markets[m, MARK]
        for side in (FALLS, RISES):
            n = cross(m, side, at, w.pf, w.pi, w.head, w.due, w.origin, w.found, 0)
            for k in range(n):
                look(w.pi[w.found[k], P_ACCOUNT], w)
        if markets[m, DISCLOSED] != 0.0:
            for side in (FALLS, RISES):
                usd = usd_falling(m, side, NEAR, w)
                markets[m, LONGS_NEAR if side == FALLS else SHORTS_NEAR] = usd
        markets[m, INTEREST] = all_longs(m, w, plan)


@inner_kernel
def all_longs(m, w, plan):
    """Base quantity that anyone is long in a market, which is what all others are short."""
    count = w.markets.shape[0]
    total = w.interest[m, 1 if w.markets[m, INVERSE] != 0.0 else 0]
    total += max(w.markets[m, MAKER_HELD], 0.0) + max(w.fund_held[m], 0.0)
    total += max(w.rest_held[m], 0.0)
    for h in range(plan.firsts[ACTS], plan.firsts[ACTS + 1]):
        total += max(plan.memory[plan.spans[h, 1] - 2 * count + m], 0.0)
    return total


@inner_kernel
def write_row(step, w, plan):
    """Add the step's flows up, and record a row where one is due."""
    for m in range(w.markets.shape[0]):
        plan.flows[m, 0] += w.markets[m, FORCED_SOLD]
        plan.flows[m, 1] += w.markets[m, FORCED_BOUGHT]
        plan.flows[m, 2] += w.markets[m, TRADED]
    if (step + 1) % plan.every != 0:
        return
    r, width = w.counts[N_RECORD], plan.columns.size
    for m in range(w.markets.shape[0]):
        for k in range(width):
            plan.record[r, k, m] = w.markets[m, plan.columns[k]]
        for k in range(3):
            plan.record[r, width + k, m] = plan.flows[m, k]
            plan.flows[m, k] = 0.0
        plan.record[r, width + 3, m] = w.fund_held[m]
        plan.record[r, width + 4, m] = w.fund_cash[m]
    plan.record_second[r] = w.clock[SECONDS]
    w.counts[N_RECORD] = r + 1


@inner_kernel
def send_orders(step, w, plan):
    """The first half of a step: behaviours, outside orders and the accounts' own are executed."""
    begin(step, w, plan)
    call_all(GATES, w, plan)
    call_all(LIMITS, w, plan)
    for h in range(plan.firsts[ACTS], plan.firsts[ACTS + 1]):
        act(h, w, plan)
    sell_outside(step, w, plan)
    work_queue(w)


@inner_kernel
def claimed(w):
    """Whether a venue has taken anything over in this step, or its fund is below its limit."""
    markets = w.markets
    for m in range(markets.shape[0]):
        if w.claims[m, 0, C_QUANTITY] != 0.0 or w.claims[m, 1, C_QUANTITY] != 0.0:
            return True
    for v in range(w.venues.shape[0]):
        if w.venues[v, V_LIMIT] == -np.inf:
            continue
        worth, holds = w.fund_usd[v], False
        for m in range(markets.shape[0]):
            if markets[m, VENUE] == v and markets[m, SPOT] == 0.0:
                usd = w.fund_cash[m] + w.fund_held[m] * markets[m, MARK]
                if markets[m, INVERSE] != 0.0:
                    usd = w.fund_cash[m] * markets[m, MARK] - w.fund_held[m]
                worth += usd
                holds |= w.fund_held[m] != 0.0
        if holds and worth < w.venues[v, V_LIMIT]:
            return True
    return False


@kernel
def advance(until, w, plan):
    """Run steps until ``until``; returns why it left.

    For claims it leaves in the middle of a step: losses are shared at the marks at which they
    arose, and before the venue sells what it has taken over.
    """
    while w.clock[STEP] < until:
        step = int(w.clock[STEP])
        if w.counts[N_HALF] == 0:
            if w.counts[N_EVENTS] > plan.room:
                return ROOM
            send_orders(step, w, plan)
            if claimed(w):
                w.counts[N_HALF] = 1
                return CLAIMS
        w.counts[N_HALF] = 0
        sell_inventory(w, plan.pace)
        settle_pool(w, plan)
        price_markets(step, w, plan)
        decide_sessions(w, plan)
        watch_accounts(step, w, plan)
        w.clock[STEP] = step + 1
        w.clock[SECONDS] = (step + 1) * w.clock[DT]
        write_row(step, w, plan)
        paying = False
        for m in range(w.markets.shape[0]):
            paying |= w.markets[m, SPOT] == 0.0 and w.markets[m, FUNDING_AT] <= w.clock[SECONDS]
        if paying:
            return FUNDINGS
    return DONE
