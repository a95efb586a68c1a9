"""Kernels of failing accounts: partial steps, takeovers, stops, cuts, the queue of orders."""

from __future__ import annotations

import math

import numpy as np

from seawall._jit import inner_kernel
from seawall.core._columns import (
    A_START,
    A_STATE,
    A_STEPS,
    A_UNTIL,
    A_VENUE,
    ADD,
    ALIVE,
    CASH,
    DOWN,
    DT,
    FEE,
    FIXED,
    FUND_DRAW,
    INVERSE,
    LATENCY,
    LIQUIDATION,
    MARK,
    OPEN,
    P_ACCOUNT,
    P_CUT,
    P_LADDER,
    P_MARKET,
    P_MODE,
    P_TABLE,
    PARTIAL,
    SESSION,
    SIZE0,
    START_Z,
    STEP,
    TAKEOVER,
    Z,
)
from seawall.margin._steps import (
    FRACTION,
    JUST_ENOUGH,
    SLICES,
    TIERS_DOWN,
    fillable,
    in_whole_steps,
    slice_usd,
    tiers_down,
)
from seawall.sim._accounts import (
    TIE,
    arm,
    disarm,
    driver,
    empty,
    ladder_size,
    need_at,
    need_of,
    note,
    retire,
    trade,
    worth,
)
from seawall.sim._layout import (
    BY_ENGINE,
    BY_UNITS,
    C_BANKRUPT,
    C_BELOW,
    C_DEFICIT,
    C_QUANTITY,
    V_ADJUST,
    V_BACKSTOP,
    V_COOL,
    V_FEE,
    V_FRACTION,
    V_KIND,
    V_LEAST,
    V_MOST,
    V_PATIENCE,
    V_ROUTE,
    V_SPREAD,
    V_THRESHOLD,
    V_TIERS,
    V_TO_FUND,
)
from seawall.sim._trading import close

MOST_BRACKETS = 64
"""Beyond every venue's ladder: an order that goes down so many closes the position."""


@inner_kernel
def stands(a, equity, fee, closed, w):
    """Whether an account meets its requirement after the same share of all positions is closed.

    Judged at the brackets of the present sizes, which ask no less than those after; ``fee`` is
    that of closing all.
    """
    markets, pf, pi = w.markets, w.pf, w.pi
    kept = 1.0 - closed
    need, reach = fee * closed, 0.0
    for i in range(w.ai[a, A_START], w.ai[a + 1, A_START]):
        if pf[i, Z] == 0.0:
            continue
        m = pi[i, P_MARKET]
        value = abs(pf[i, Z]) * driver(markets[m, MARK], markets[m, INVERSE]) * kept
        add = pf[i, ADD]
        if pi[i, P_MODE] == BY_UNITS:
            add -= pf[i, SIZE0] * closed * abs(pf[i, Z] / pf[i, START_Z])
        need += need_at(pi[i, P_TABLE], value, add, pf[i, FIXED] * kept, w)
        reach += value
    # by more than what counts as a tie, which would fell it again
    return equity - need > 4.0 * TIE * reach


@inner_kernel
def stands_lower(a, equity, tiers, w):
    """Whether an account meets its requirement after every position is so many brackets lower."""
    markets, pf, pi, v = w.markets, w.pf, w.pi, w.ai[a, A_VENUE]
    need, reach = 0.0, 0.0
    for i in range(w.ai[a, A_START], w.ai[a + 1, A_START]):
        if pf[i, Z] == 0.0:
            continue
        m = pi[i, P_MARKET]
        value = abs(pf[i, Z]) * driver(markets[m, MARK], markets[m, INVERSE])
        size = ladder_size(i, value, w)
        share, _ = tiers_down(size, w.floors, pi[i, P_LADDER], tiers, pi[i, P_CUT])
        kept = value * (1.0 - share)
        need += (w.venues[v, V_FEE] + markets[m, FEE]) * value * share
        if kept > 0.0:
            need += need_at(pi[i, P_TABLE], kept, pf[i, ADD], pf[i, FIXED] * (1.0 - share), w)
        reach += kept
    return reach > 0.0 and equity - need > 4.0 * TIE * reach


@inner_kernel
def brackets_needed(a, equity, w):
    """Multiple of the venue's brackets a step that one order has to go down: all if none saves."""
    tiers = int(w.venues[w.ai[a, A_VENUE], V_TIERS])
    times = 1
    while times < MOST_BRACKETS and not stands_lower(a, equity, tiers * times, w):
        times += 1
    return times


@inner_kernel
def part_of(a, equity, w):
    """What an account's step has in common for its positions.

    Slices: by how much they shrink so that all together keep to the most that the venue closes
    at once. Just enough: the least share of all after which the account stands, 1 where none
    does. Brackets: by how many times the venue's step the order goes down, more than once where
    it sends but one order.
    """
    markets, pf, pi, v = w.markets, w.pf, w.pi, w.ai[a, A_VENUE]
    kind = int(w.venues[v, V_KIND])
    if kind == TIERS_DOWN and w.venues[v, V_PATIENCE] == 0.0:
        return float(brackets_needed(a, equity, w))
    if kind != SLICES and kind != JUST_ENOUGH:
        return 1.0
    total, fee = 0.0, 0.0
    for i in range(w.ai[a, A_START], w.ai[a + 1, A_START]):
        if pf[i, Z] != 0.0:
            m = pi[i, P_MARKET]
            inverse = markets[m, INVERSE]
            value = abs(pf[i, Z]) * driver(markets[m, MARK], inverse)
            usd = abs(pf[i, Z]) if inverse != 0.0 else value
            total += slice_usd(usd, w.venues[v, V_FRACTION], w.venues[v, V_LEAST])
            fee += (w.venues[v, V_FEE] + markets[m, FEE]) * value
    if kind == SLICES:
        return min(w.venues[v, V_MOST] / total, 1.0) if total > 0.0 else 1.0
    low, high = 0.0, 1.0
    if equity <= fee:
        return high
    for _ in range(60):
        middle = 0.5 * (low + high)
        if stands(a, equity, fee, middle, w):
            high = middle
        else:
            low = middle
    return high


@inner_kernel
def step_share(i, a, part, usd, value, w):
    """Share of a position that its venue closes now, and what ``P_CUT`` becomes once it has.

    ``part`` is the account's. A fraction goes first; while the venue cools down after it, and
    at the next call where it does not cool down, orders are for the whole.
    """
    pi, venues, v = w.pi, w.venues, w.ai[a, A_VENUE]
    kind, cut = int(venues[v, V_KIND]), pi[i, P_CUT]
    if kind == FRACTION:
        over = venues[v, V_COOL] > 0.0 and w.clock[STEP] >= w.ai[a, A_UNTIL]
        if usd > venues[v, V_THRESHOLD] and (cut == 0 or over):
            return venues[v, V_FRACTION], 1
        return 1.0, cut
    if kind == TIERS_DOWN:
        size = ladder_size(i, value, w)
        return tiers_down(size, w.floors, pi[i, P_LADDER], int(venues[v, V_TIERS] * part), cut)
    if kind == SLICES:
        return slice_usd(usd, venues[v, V_FRACTION], venues[v, V_LEAST]) * part / usd, cut
    if kind == JUST_ENOUGH:
        return in_whole_steps(part, usd, venues[v, V_LEAST]), cut
    return 1.0, cut


@inner_kernel
def bankruptcy_price(i, equity, gross, w):
    """Price at which a position's part of the account's equity is used up; 0 for none."""
    markets = w.markets
    m = w.pi[i, P_MARKET]
    u = driver(markets[m, MARK], markets[m, INVERSE])
    x = u * (1.0 - math.copysign(1.0, w.pf[i, Z]) * equity / gross)
    if x <= 0.0:
        return 0.0
    return driver(x, markets[m, INVERSE])


@inner_kernel
def worst_price(i, equity, need, gross, w):
    """Worst price at which a closing may fill: bankruptcy's, or the fillable price; 0 for none."""
    markets, m, v = w.markets, w.pi[i, P_MARKET], w.ai[w.pi[i, P_ACCOUNT], A_VENUE]
    adjustment, spread = w.venues[v, V_ADJUST], w.venues[v, V_SPREAD]
    if np.isnan(adjustment) or np.isnan(spread) or need <= 0.0:
        return bankruptcy_price(i, equity, gross, w)
    inverse = markets[m, INVERSE]
    u = driver(markets[m, MARK], inverse)
    rate = need_of(i, u, w) / (abs(w.pf[i, Z]) * u)
    side = math.copysign(1.0, w.pf[i, Z])
    at = fillable(side, u, rate, equity, need, adjustment, spread)
    return driver(at, inverse) if at > 0.0 else 0.0


@inner_kernel
def take_over(a, equity, gross, w):
    """Pass an account's positions and what is left of its margin to the venue's fund.

    At the mark with the remaining equity, which is at the bankruptcy price.
    """
    af, ai, markets, pi = w.af, w.ai, w.markets, w.pi
    disarm(a, w)
    m = pi[ai[a, A_START], P_MARKET]
    for i in range(ai[a, A_START], ai[a + 1, A_START]):
        z = w.pf[i, Z]
        if z == 0.0:
            continue
        m = pi[i, P_MARKET]
        inverse = markets[m, INVERSE]
        way = -1.0 if inverse != 0.0 else 1.0
        mark = markets[m, MARK]
        u = driver(mark, inverse)
        at = bankruptcy_price(i, equity, gross, w)
        share = abs(z) * u / gross
        usd = abs(z) if inverse != 0.0 else abs(z) * mark
        coin = mark if inverse != 0.0 else 1.0
        side = 0 if way * z > 0.0 else 1
        w.claims[m, side, C_QUANTITY] += abs(z)
        w.claims[m, side, C_BANKRUPT] += abs(z) * (driver(at, inverse) if at > 0.0 else 0.0)
        w.claims[m, side, C_DEFICIT] += max(-equity, 0.0) * share * coin
        w.claims[m, side, C_BELOW] += abs(z) if equity < 0.0 else 0.0
        w.fund_held[m] += way * z
        w.fund_cash[m] -= z * u
        trade(i, -z, -z * u, w)
        note(w, TAKEOVER, m, a, i, way * z, at, usd)
    left = af[a, CASH]
    w.fund_cash[m] += left
    af[a, CASH] = 0.0
    if left < 0.0:
        coin = markets[m, MARK] if markets[m, INVERSE] != 0.0 else 1.0
        note(w, FUND_DRAW, m, a, -1, 0.0, markets[m, MARK], -left * coin)
    retire(a, w)


@inner_kernel
def settle_rest(a, m, w):
    """An account that has been closed in the book: who keeps what is left, who pays what lacks."""
    af, markets = w.af, w.markets
    left, v = af[a, CASH], w.ai[a, A_VENUE]
    if left < 0.0:
        coin = markets[m, MARK] if markets[m, INVERSE] != 0.0 else 1.0
        note(w, FUND_DRAW, m, a, -1, 0.0, markets[m, MARK], -left * coin)
    if left < 0.0 or w.venues[v, V_TO_FUND] != 0.0:
        w.fund_cash[m] += left
        af[a, CASH] = 0.0
    retire(a, w)


@inner_kernel
def send_steps(a, equity, need, gross, w):
    """Send the orders of one step into the book; False if all goes to the venue's engine at once.

    What a market takes no more of in this step counts as no try.
    """
    ai, markets, pf, pi = w.ai, w.markets, w.pf, w.pi
    v = ai[a, A_VENUE]
    part = part_of(a, equity, w)
    whole, tried, cooling = True, False, False
    for i in range(ai[a, A_START], ai[a + 1, A_START]):
        held = pf[i, Z]
        if held == 0.0:
            continue
        m = pi[i, P_MARKET]
        inverse = markets[m, INVERSE]
        value = abs(held) * driver(markets[m, MARK], inverse)
        usd = abs(held) if inverse != 0.0 else value
        share, cut = step_share(i, a, part, usd, value, w)
        if share == 1.0 and w.venues[v, V_ROUTE] == BY_ENGINE:
            continue
        whole = False
        limit = worst_price(i, equity, need, gross, w)
        closed, worth_closed, filled, asked = close(i, share, limit, True, w)
        tried |= asked != 0.0 and markets[m, SESSION] == OPEN
        if closed == 0.0:
            continue
        if cut != pi[i, P_CUT] or share < 1.0:
            cooling |= int(w.venues[v, V_KIND]) == FRACTION and share < 1.0
            if abs(filled) >= share * abs(held) * (1.0 - 1e-9):
                pi[i, P_CUT] = cut
        # what slippage and the taker's fee have left of the margin bounds the liquidation fee
        left, _, _ = worth(a, w)
        fee = min(w.venues[v, V_FEE] * worth_closed, max(left, 0.0))
        w.af[a, CASH] -= fee
        w.fund_cash[m] += fee
        kind = LIQUIDATION if pf[i, Z] == 0.0 else PARTIAL
        way = -1.0 if inverse != 0.0 else 1.0
        price = closed / abs(filled) if inverse == 0.0 else closed / worth_closed
        note(w, kind, m, a, i, way * (held - pf[i, Z]), price, closed)
    if tried:
        ai[a, A_STEPS] += 1
    if cooling:
        ai[a, A_UNTIL] = int(w.clock[STEP] + max(1.0, w.venues[v, V_COOL] / w.clock[DT]))
    return not whole


@inner_kernel
def recovered(a, w):
    """Whether an account in liquidation meets its requirement again; it is then left alone."""
    equity, need, gross = worth(a, w)
    if equity - need <= TIE * gross:
        return False
    w.ai[a, A_STATE] = ALIVE
    w.ai[a, A_STEPS] = 0
    arm(a, equity, need, gross, w)
    return True


@inner_kernel
def liquidate(a, w):
    """One step of an account's liquidation. Returns whether it has to go on."""
    ai, markets, pf, pi = w.ai, w.markets, w.pf, w.pi
    v = ai[a, A_VENUE]
    first, last = ai[a, A_START], ai[a + 1, A_START]
    equity, need, gross = worth(a, w)
    if gross == 0.0:
        settle_rest(a, pi[first, P_MARKET], w)
        return False
    if recovered(a, w):
        return False
    trading = False
    for i in range(first, last):
        if pf[i, Z] != 0.0:
            session = markets[pi[i, P_MARKET], SESSION]
            trading |= session == OPEN
            if session == DOWN:
                return True
    if not trading:
        return True
    tried = ai[a, A_STEPS] * w.clock[LATENCY] * w.clock[DT]
    gone = equity <= TIE * gross or tried > w.venues[v, V_PATIENCE]
    gone |= equity < w.venues[v, V_BACKSTOP] * need and ai[a, A_STEPS] > 0
    if not gone and send_steps(a, equity, need, gross, w):
        if empty(a, w):
            settle_rest(a, pi[first, P_MARKET], w)
            return False
        return not recovered(a, w)
    take_over(a, equity, gross, w)
    return False
