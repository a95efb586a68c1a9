"""The circuit breaker, compiled: one body for the breaker of one market and of many together.

It runs before orders are executed, on prices of the step before, so that a halt decided at a
price keeps out every order that this price sets off. Only rows that it is told to halt are
touched, and never one that is down.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seawall._jit import hook, inner_kernel
from seawall.core import _columns as c
from seawall.rulebook.levers import _window as w

Grid = NDArray[np.float64]
Row = NDArray[np.float64]

# parameters: a head, a row a level, a row a market, a row a group
(
    WATCH,
    REFERENCE,
    WINDOW,
    OF_OPENING,
    CHANGE,
    HOLD,
    LIMIT,
    WITHIN,
    HARD,
    AUCTION,
    AUCTION_BAND,
    COOLDOWN,
    ONCE,
    DAY,
    QUORUM,
    LEVELS,
    GROUPS,
) = range(17)
HEAD = 17
LEVEL_DOWN, LEVEL_UP, LEVEL_PAUSE = range(3)
LEVEL_COLUMNS = 3
WATCHED, HALTS, GROUP, ROOM = range(4)
MARKET_COLUMNS = 4
FIRST, STOP = range(2)
"""Rows of markets among which all members of a group lie."""
GROUP_COLUMNS = 2

BY_MEAN, BY_EXTREME, BY_OPENING = range(3)
BY_TOUCH = -1
"""Instead of a column to watch: the best bid and offer."""

# memory: a row a group, a row a market, then the windows
END, RESUMED, PASSED, DAY_START = range(4)
GROUP_MEMORY = 4
REF, REF_AT, BEYOND, SINCE, OPENING, KNOWN = range(6)
MARKET_MEMORY = 6

_EARLY = 1e-6
"""Seconds by which a time of the clock may fall short of itself by rounding."""


@inner_kernel
def _level(p: Row, k: int, what: int) -> float:
    return float(p[HEAD + LEVEL_COLUMNS * k + what])


@inner_kernel
def _of(p: Row, i: int, what: int) -> float:
    return float(p[HEAD + LEVEL_COLUMNS * int(p[LEVELS]) + MARKET_COLUMNS * i + what])


@inner_kernel
def _edge(p: Row, markets: int, g: int, what: int) -> int:
    rows = HEAD + LEVEL_COLUMNS * int(p[LEVELS]) + MARKET_COLUMNS * markets
    return int(p[rows + GROUP_COLUMNS * g + what])


@inner_kernel
def _memory(p: Row, i: int) -> int:
    return GROUP_MEMORY * int(p[GROUPS]) + MARKET_MEMORY * i


@inner_kernel
def _lower(p: Row, own: Row, base: int, k: int, step: float, room: int) -> float:
    """Price at or below which level k is reached."""
    down = _level(p, k, LEVEL_DOWN)
    by = own[base + REF]
    if p[REFERENCE] == BY_EXTREME and own[base + KNOWN] > 0.0:
        by = w.highest_of(own, room, int(p[WINDOW]), step)
    return float(by - down * (own[base + OPENING] if p[OF_OPENING] > 0.0 else by))


@inner_kernel
def _upper(p: Row, own: Row, base: int, k: int, step: float, room: int) -> float:
    """Price at or above which level k is reached."""
    up = _level(p, k, LEVEL_UP)
    by = own[base + REF]
    if p[REFERENCE] == BY_EXTREME and own[base + KNOWN] > 0.0:
        by = w.lowest_of(own, room, int(p[WINDOW]), step)
    return float(by + up * (own[base + OPENING] if p[OF_OPENING] > 0.0 else by))


@inner_kernel
def _refer(p: Row, own: Row, base: int, room: int, price: float, now: float) -> None:
    """Bring the reference of a market up to date, from prices before this one."""
    if own[base + OPENING] <= 0.0:
        own[base + OPENING] = price
    if p[REFERENCE] == BY_OPENING:
        own[base + REF] = own[base + OPENING]
    elif own[base + KNOWN] <= 0.0:
        own[base + REF] = price
        own[base + REF_AT] = now
    elif p[REFERENCE] == BY_MEAN:
        mean = w.mean_of(own, room)
        moved = abs(mean / own[base + REF] - 1.0) >= p[CHANGE]
        if moved and now - own[base + REF_AT] + _EARLY >= p[HOLD]:
            own[base + REF] = mean
            own[base + REF_AT] = now


@inner_kernel
def _remember(p: Row, own: Row, base: int, room: int, price: float, step: float) -> None:
    if p[REFERENCE] == BY_MEAN:
        w.mean_push(own, room, int(p[WINDOW]), price)
    elif p[REFERENCE] == BY_EXTREME:
        w.extremes_push(own, room, int(p[WINDOW]), step, price)
    own[base + KNOWN] = 1.0


@inner_kernel
def _forget(p: Row, own: Row, base: int, room: int) -> None:
    """Start the window again, as after a pause."""
    if own[base + KNOWN] > 0.0:
        size = int(p[WINDOW])
        if p[REFERENCE] == BY_MEAN:
            own[room : room + 3] = 0.0
        elif p[REFERENCE] == BY_EXTREME:
            own[room : room + 2] = 0.0
            own[room + 2 + 2 * size : room + 4 + 2 * size] = 0.0
    own[base + KNOWN] = 0.0
    own[base + BEYOND] = 0.0
    own[base + SINCE] = -1.0


@inner_kernel
def _reached(
    markets: Grid, p: Row, own: Row, i: int, passed: int, step: float, now: float
) -> float:
    """How many levels market i has reached, counting only limit states that have lasted."""
    base, room = _memory(p, i), int(_of(p, i, ROOM))
    if p[WATCH] == BY_TOUCH:
        low, high, price = markets[i, c.BID], markets[i, c.ASK], markets[i, c.MID]
        if high <= 0.0:
            high = np.inf
    else:
        price = markets[i, int(p[WATCH])]
        low = high = price
    if price <= 0.0:
        return 0.0
    _refer(p, own, base, room, price, now)
    k = passed
    levels = int(p[LEVELS])
    while k < levels and (
        low <= _lower(p, own, base, k, step, room) or high >= _upper(p, own, base, k, step, room)
    ):
        k += 1
    _remember(p, own, base, room, price, step)
    if k == passed:
        own[base + SINCE] = -1.0
        return 0.0
    if own[base + SINCE] < 0.0:
        own[base + SINCE] = now
    return float(k) if now - own[base + SINCE] + _EARLY >= p[LIMIT] else 0.0


@inner_kernel
def _begin_day(p: Row, own: Row, g: int, count: int, now: float) -> None:
    at = GROUP_MEMORY * g
    if now - own[at + DAY_START] + _EARLY < p[DAY]:
        return
    own[at + DAY_START] += p[DAY] * np.floor((now - own[at + DAY_START] + _EARLY) / p[DAY])
    own[at + PASSED] = 0.0
    for i in range(_edge(p, count, g, FIRST), _edge(p, count, g, STOP)):
        if int(_of(p, i, GROUP)) == g:
            own[_memory(p, i) + OPENING] = 0.0


@inner_kernel
def _decide(markets: Grid, p: Row, own: Row, g: int, step: float, now: float) -> None:
    """Whether the group's markets halt, and until when."""
    count, at = markets.shape[0], GROUP_MEMORY * g
    first, stop = _edge(p, count, g, FIRST), _edge(p, count, g, STOP)
    passed = int(own[at + PASSED])
    for i in range(first, stop):
        if _of(p, i, WATCHED) > 0.0 and int(_of(p, i, GROUP)) == g:
            up = markets[i, c.SESSION] != c.DOWN
            own[_memory(p, i) + BEYOND] = (
                _reached(markets, p, own, i, passed, step, now) if up else 0.0
            )
    if own[at + RESUMED] > 0.0 and now - own[at + RESUMED] + _EARLY < p[COOLDOWN]:
        return
    for k in range(int(p[LEVELS]), passed, -1):
        votes = 0
        for i in range(first, stop):
            if int(_of(p, i, GROUP)) == g and own[_memory(p, i) + BEYOND] >= k:
                votes += 1
        if votes >= p[QUORUM]:
            if p[ONCE] > 0.0:
                own[at + PASSED] = k
            pause = _level(p, k - 1, LEVEL_PAUSE)
            rest = own[at + DAY_START] + p[DAY]
            own[at + END] = rest if np.isinf(pause) else now + pause if pause > 0.0 else 0.0
            return


@inner_kernel
def _release(markets: Grid, i: int, now: float) -> None:
    """Open a market again, unless somebody else holds it for longer."""
    if markets[i, c.SESSION] == c.HALTED and markets[i, c.UNTIL] <= now + _EARLY:
        markets[i, c.SESSION] = c.OPEN


@inner_kernel
def _bound(markets: Grid, i: int, low: float, high: float) -> None:
    markets[i, c.BAND_LOW] = max(markets[i, c.BAND_LOW], low)
    markets[i, c.BAND_HIGH] = min(markets[i, c.BAND_HIGH], high)


@inner_kernel
def _hold(markets: Grid, p: Row, i: int, end: float, now: float) -> None:
    """Keep a market shut, or in its reopening auction, until ``end``."""
    shut = end - p[AUCTION]
    if now + _EARLY < shut:
        if markets[i, c.SESSION] != c.DOWN:
            was = markets[i, c.UNTIL] if markets[i, c.SESSION] == c.HALTED else 0.0
            markets[i, c.SESSION] = c.HALTED
            markets[i, c.UNTIL] = max(was, shut)
        return
    _release(markets, i, now)
    index, band = markets[i, c.INDEX], p[AUCTION_BAND]
    _bound(markets, i, index * (1.0 - band), index * (1.0 + band))


@inner_kernel
def _limit(markets: Grid, p: Row, own: Row, i: int, passed: int, step: float) -> None:
    """Keep fills of an open market within the next level's band and the hard limit."""
    base, room = _memory(p, i), int(_of(p, i, ROOM))
    if own[base + REF] <= 0.0 or _of(p, i, WATCHED) == 0.0:
        return
    if p[WITHIN] > 0.0 and passed < int(p[LEVELS]):
        _bound(
            markets,
            i,
            _lower(p, own, base, passed, step, room),
            _upper(p, own, base, passed, step, room),
        )
    opening = own[base + OPENING]
    _bound(markets, i, opening * (1.0 - p[HARD]), opening * (1.0 + p[HARD]))


@inner_kernel
def _reopen(markets: Grid, p: Row, own: Row, g: int, now: float) -> None:
    """End a pause: the windows start again."""
    count = markets.shape[0]
    own[GROUP_MEMORY * g + END] = 0.0
    own[GROUP_MEMORY * g + RESUMED] = now
    for i in range(_edge(p, count, g, FIRST), _edge(p, count, g, STOP)):
        if int(_of(p, i, GROUP)) == g:
            if _of(p, i, HALTS) > 0.0:
                _release(markets, i, now)
            if _of(p, i, WATCHED) > 0.0:
                _forget(p, own, _memory(p, i), int(_of(p, i, ROOM)))


@hook
def breaker(markets: Grid, own: Row, p: Row, clock: Row, key: int, orders: Grid) -> None:
    """Watch prices, halt, hold, reopen and bound the markets of every group."""
    step, now, count = clock[c.STEP], clock[c.SECONDS], markets.shape[0]
    for g in range(int(p[GROUPS])):
        at = GROUP_MEMORY * g
        _begin_day(p, own, g, count, now)
        end = own[at + END]
        if end > 0.0 and now + _EARLY >= end:
            _reopen(markets, p, own, g, now)
        if own[at + END] <= 0.0:
            _decide(markets, p, own, g, step, now)
        for i in range(_edge(p, count, g, FIRST), _edge(p, count, g, STOP)):
            if int(_of(p, i, GROUP)) == g and _of(p, i, HALTS) > 0.0:
                if own[at + END] > 0.0:
                    _hold(markets, p, i, own[at + END], now)
                else:
                    _limit(markets, p, own, i, int(own[at + PASSED]), step)
