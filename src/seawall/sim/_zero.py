"""Kernels of the zero-intelligence market: random orders, margin, liquidations into the book.

All money is in whole ticks x lots and all positions in whole lots, so that sums are exact. An
agent is one row of ``agent``, one cache line. What an agent holds is judged only when the mark
reaches its alarm, a tick of ``bucket`` that lies between the mark and its liquidation price; a
fill moves the alarm only if the agent could be liquidated before it. See
``docs/methods/order-book.md``.
"""

from __future__ import annotations

from collections import namedtuple

import numpy as np

from seawall._jit import fetch_row, inner_kernel, kernel
from seawall.liquidity import _orders
from seawall.liquidity._orders import consume, facing, lift, rest
from seawall.sim._noise import bits

Market = namedtuple("Market", "book agent chain bucket state tally log")
Flow = namedtuple(
    "Flow", "limit market cancel band limit_lots market_lots maintenance traders replaced key"
)

PRICE, SIZE, OWNER = _orders.PRICE, _orders.SIZE, _orders.OWNER
NEXT, PREV = _orders.NEXT, _orders.PREV
OWN_NEXT, OWN_PREV = _orders.OWN_NEXT, _orders.OWN_PREV
BID, ASK, RESTING, USED = _orders.BID, _orders.ASK, _orders.RESTING, _orders.USED

# columns of `agent`: cash, lots held, lots of resting bids and asks, leverage limit, alarm (tick;
# < 0 for a short, 0 none), first of its resting orders (-1 none), cash at the start
CASH, HELD, BIDS, ASKS, LEVERAGE, ALARM, OWN, DEPOSIT = range(8)
# columns of `bucket`, one row a tick: first long and first short agent with its alarm there
LONG, SHORT = 0, 1
# columns of `chain`, one row an agent: its neighbours in the bucket
AFTER, BEFORE = 0, 1
# items of `state`: mark, highest long and lowest short alarm at most, fund, events so far, what
# newcomers have brought less what those they replace took along
MARK, HIGH, LOW, FUND, EVENTS, BROUGHT = range(6)
# items of `tally`
(
    ADDED,
    ADD_REFUSED,
    CANCELLED,
    MARKETS,
    MARKET_REFUSED,
    FILLS,
    LOTS,
    LIQUIDATIONS,
    LIQUIDATED_LOTS,
    LAPSED,
    RECHECKED,
    NO_PRICE,
) = range(12)
# columns of `log`, one row a liquidation: event, agent, mark, cash and lots before, lots closed,
# what the fund paid
LOG_EVENT, LOG_AGENT, LOG_MARK, LOG_CASH, LOG_HELD, LOG_CLOSED, LOG_PAID = range(7)

BASIS = 10_000
"""The maintenance rate is counted in basis points, so that all comparisons are of integers."""

_LOW_HALF = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_ONE = np.uint64(1)
_UNIT = 2.0**-32


@inner_kernel
def below(half, count):
    """A number from 0 to ``count - 1`` from 32 random bits."""
    return np.int64((half * np.uint64(count)) >> _HALF)


@inner_kernel
def excess(market, flow, i, price):
    """Equity less maintenance at a mark, x BASIS. At or below 0 the agent is liquidated."""
    cash, held = market.agent[i, CASH], market.agent[i, HELD]
    return (cash + held * price) * BASIS - flow.maintenance * abs(held) * price


@inner_kernel
def liquidation_tick(market, flow, i):
    """The tick nearest to safety at which the agent is liquidated; may lie outside the grid."""
    cash, held = market.agent[i, CASH], market.agent[i, HELD]
    if held > 0:
        return -cash * BASIS // (held * (BASIS - flow.maintenance))
    return -(-cash * BASIS // (-held * (BASIS + flow.maintenance)))


@inner_kernel
def forget(market, i):
    """Take an agent out of the bucket of its alarm."""
    alarm = market.agent[i, ALARM]
    if alarm == 0:
        return
    after, before = market.chain[i, AFTER], market.chain[i, BEFORE]
    if before >= 0:
        market.chain[before, AFTER] = after
    elif alarm > 0:
        market.bucket[alarm, LONG] = after
    else:
        market.bucket[-alarm, SHORT] = after
    if after >= 0:
        market.chain[after, BEFORE] = before
    market.agent[i, ALARM] = 0


@inner_kernel
def remember(market, i, tick, side):
    """Set an agent's alarm."""
    column = LONG if side > 0 else SHORT
    first = market.bucket[tick, column]
    market.chain[i, AFTER], market.chain[i, BEFORE] = first, -1
    if first >= 0:
        market.chain[first, BEFORE] = i
    market.bucket[tick, column] = i
    market.agent[i, ALARM] = side * tick
    if side > 0:
        market.state[HIGH] = max(market.state[HIGH], tick)
    else:
        market.state[LOW] = min(market.state[LOW], tick)


@inner_kernel
def guard(market, flow, i):
    """See that an agent's alarm goes off no later than its liquidation."""
    held, alarm = market.agent[i, HELD], market.agent[i, ALARM]
    top = market.bucket.shape[0] - 2
    if held == 0:
        return
    if held > 0:
        if excess(market, flow, i, alarm if alarm > 0 else 1) > 0:
            return
    elif excess(market, flow, i, -alarm if alarm < 0 else top) > 0:
        return
    forget(market, i)
    mark, tick = market.state[MARK], liquidation_tick(market, flow, i)
    # halfway: most fills until then leave the alarm where it is
    if held > 0:
        remember(market, i, min(tick + max(mark - tick, 0) // 2, top), 1)
    else:
        remember(market, i, max(tick - max(tick - mark, 0) // 2, 1), -1)


@inner_kernel
def own(market, i, row):
    """Enter an order that has come to rest with its owner."""
    order, agent = market.book.order, market.agent
    first = agent[i, OWN]
    order[row, OWN_NEXT], order[row, OWN_PREV] = first, -1
    if first >= 0:
        order[first, OWN_PREV] = row
    agent[i, OWN] = row


@inner_kernel
def remove(market, row):
    """Take an order out of the book and its owner's chain."""
    order, agent = market.book.order, market.agent
    i, after, before = order[row, OWNER], order[row, OWN_NEXT], order[row, OWN_PREV]
    if before >= 0:
        order[before, OWN_NEXT] = after
    else:
        agent[i, OWN] = after
    if after >= 0:
        order[after, OWN_PREV] = before
    # BIDS stands before ASKS: no branch that waits for the order to be fetched
    agent[i, ASKS - np.int64(order[row, PRICE] <= market.book.top[BID])] -= order[row, SIZE]
    lift(market.book, row)


@inner_kernel
def trade(market, flow, i, side, lots):
    """A market order of agent ``i``. Returns the lots that found nothing to trade with."""
    book, agent = market.book, market.agent
    limit = book.level.shape[0] - 2 if side > 0 else 1
    while lots > 0:
        row = facing(book, side, limit)
        if row < 0:
            break
        order = book.order[row]
        maker, price, filled = order[OWNER], order[PRICE], min(lots, order[SIZE])
        if filled < order[SIZE]:
            consume(book, row, filled)
            agent[maker, ASKS if side > 0 else BIDS] -= filled
        else:
            remove(market, row)
        lots -= filled
        agent[i, CASH] -= side * filled * price
        agent[i, HELD] += side * filled
        agent[maker, CASH] += side * filled * price
        agent[maker, HELD] -= side * filled
        guard(market, flow, maker)
        market.tally[FILLS] += 1
        market.tally[LOTS] += filled
    guard(market, flow, i)
    return lots


@inner_kernel
def admitted(market, i, side, lots):
    """Whether the agent has the initial margin for an order, were all its orders of a side filled.

    What only reduces a position is always admitted.
    """
    row, mark = market.agent[i], market.state[MARK]
    exposure = row[HELD] + row[BIDS] + lots if side > 0 else row[ASKS] + lots - row[HELD]
    return exposure <= 0 or exposure * mark <= row[LEVERAGE] * (row[CASH] + row[HELD] * mark)


@inner_kernel
def place(market, flow, i, side, offset, lots):
    """A limit order ``offset`` ticks inside the best price of the other side."""
    top, mark, ceiling = market.book.top, market.state[MARK], market.book.level.shape[0] - 2
    if side > 0:
        price = (top[ASK] if top[ASK] <= ceiling else mark + 1) - offset
    else:
        price = (top[BID] if top[BID] > 0 else mark - 1) + offset
    if price < 1 or price > ceiling:
        market.tally[NO_PRICE] += 1
        return
    if not admitted(market, i, side, lots):
        market.tally[ADD_REFUSED] += 1
        return
    row = rest(market.book, i, side, price, lots, 0)
    if row < 0:
        market.tally[ADD_REFUSED] += 1
        return
    own(market, i, row)
    market.agent[i, BIDS if side > 0 else ASKS] += lots
    market.tally[ADDED] += 1


@inner_kernel
def mark_again(market):
    """The mark: the middle of the best prices, rounded down; as it was if a side is empty."""
    bid, ask = market.book.top[BID], market.book.top[ASK]
    if bid > 0 and ask <= market.book.level.shape[0] - 2:
        market.state[MARK] = (bid + ask) >> 1


@inner_kernel
def liquidate(market, flow, i):
    """Cancel an agent's orders and close what it holds at the market. Returns the lots closed."""
    agent, state, tally = market.agent, market.state, market.tally
    while agent[i, OWN] >= 0:
        remove(market, agent[i, OWN])
        tally[CANCELLED] += 1
    cash, held, mark = agent[i, CASH], agent[i, HELD], state[MARK]
    left = trade(market, flow, i, -1 if held > 0 else 1, abs(held))
    closed = abs(held) - left
    if closed == 0:
        return 0
    paid = max(-agent[i, CASH], 0) if left == 0 else 0
    agent[i, CASH] += paid
    state[FUND] -= paid
    n = tally[LIQUIDATIONS]
    if n < market.log.shape[0]:
        row = market.log[n]
        row[LOG_EVENT], row[LOG_AGENT], row[LOG_MARK] = state[EVENTS], i, mark
        row[LOG_CASH], row[LOG_HELD], row[LOG_CLOSED], row[LOG_PAID] = cash, held, closed, paid
    tally[LIQUIDATIONS] += 1
    tally[LIQUIDATED_LOTS] += closed
    if left == 0 and flow.replaced:
        state[BROUGHT] += agent[i, DEPOSIT] - agent[i, CASH]
        agent[i, CASH] = agent[i, DEPOSIT]
    return closed


@inner_kernel
def sweep(market, flow):
    """Judge the agents whose alarms the mark has reached, until no alarm is left.

    An agent that finds nothing to trade with keeps its alarm and ends the round for its side:
    the next event tries again.
    """
    state, bucket = market.state, market.bucket
    longs, shorts = True, True
    while True:
        if longs and state[HIGH] >= state[MARK]:
            i = bucket[state[HIGH], LONG]
            if i < 0:
                state[HIGH] -= 1
                continue
        elif shorts and state[LOW] <= state[MARK]:
            i = bucket[state[LOW], SHORT]
            if i < 0:
                state[LOW] += 1
                continue
        else:
            return
        market.tally[RECHECKED] += 1
        forget(market, i)
        held = market.agent[i, HELD]
        if held != 0 and excess(market, flow, i, state[MARK]) <= 0:
            if liquidate(market, flow, i) == 0:
                longs, shorts = longs and held < 0, shorts and held > 0
            mark_again(market)
        guard(market, flow, i)


@inner_kernel
def look_ahead(market, flow):
    """Start fetching what the next events will most likely touch.

    Whose turn it is, and which order would be cancelled, can be drawn beforehand, as a draw
    depends on its event's number alone. Results do not depend on it; speed with 100,000 agents
    doubles.
    """
    order, soon = market.book.order, market.state[EVENTS]
    draw = bits(flow.key, soon + 4, 0) & _LOW_HALF
    fetch_row(market.agent, below(draw, flow.traders))
    fetch_row(order, below(draw, market.book.top[USED]))
    row = below(bits(flow.key, soon + 2, 0) & _LOW_HALF, market.book.top[USED])
    fetch_row(market.agent, order[row, OWNER])
    fetch_row(order, order[row, NEXT])
    fetch_row(order, order[row, PREV])


@inner_kernel
def any_order(market, flow, draw):
    """Row of a resting order, each as likely: drawn again where a row is free."""
    again = 2
    row = below(draw, market.book.top[USED])
    while market.book.order[row, SIZE] == 0:
        row = below(bits(flow.key, market.state[EVENTS], again) >> _HALF, market.book.top[USED])
        again += 1
    return row


@kernel
def run(market, flow, events):
    """Let ``events`` random orders arrive, each followed by what it sets off."""
    state, tally, top = market.state, market.tally, market.book.top
    for _ in range(events):
        look_ahead(market, flow)
        one = bits(flow.key, state[EVENTS], 0)
        two = bits(flow.key, state[EVENTS], 1)
        pick = np.float64(one >> _HALF) * _UNIT
        pick *= flow.limit + flow.market + flow.cancel * top[RESTING]
        side = 1 if two & _ONE else -1
        if pick < flow.limit + flow.market:
            i = below(one & _LOW_HALF, flow.traders)
            if pick < flow.limit:
                offset = 1 + below(two >> _HALF, flow.band)
                lots = 1 + below((two & _LOW_HALF) >> _ONE << _ONE, flow.limit_lots)
                place(market, flow, i, side, offset, lots)
            else:
                lots = 1 + below(two >> _HALF, flow.market_lots)
                if admitted(market, i, side, lots):
                    tally[MARKETS] += 1
                    tally[LAPSED] += trade(market, flow, i, side, lots)
                else:
                    tally[MARKET_REFUSED] += 1
        elif top[RESTING] > 0:
            remove(market, any_order(market, flow, one & _LOW_HALF))
            tally[CANCELLED] += 1
        mark_again(market)
        if state[HIGH] >= state[MARK] or state[LOW] <= state[MARK]:
            sweep(market, flow)
        state[EVENTS] += 1


@kernel
def order(market, flow, i, side, lots):
    """A market order that no margin is asked for, and all it sets off. Returns what lapsed."""
    left = trade(market, flow, i, side, lots)
    mark_again(market)
    sweep(market, flow)
    return left


@kernel
def work(market, flow, i, side, slices, lots, pause, marks):
    """A metaorder: ``slices`` market orders of agent ``i``, ``pause`` random events after each.

    ``marks``, shape (slices + 1,), gets twice the mid before it and after each pause.
    """
    marks[0] = market.book.top[BID] + market.book.top[ASK]
    for n in range(slices):
        order(market, flow, i, side, lots)
        run(market, flow, pause)
        marks[n + 1] = market.book.top[BID] + market.book.top[ASK]
