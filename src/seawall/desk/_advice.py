"""The walk of one account along hours of history, under one set of rules."""

from __future__ import annotations

import numpy as np

from seawall._jit import inner_kernel, kernel

# columns of ``rules``
VARIANT, LEVERAGE, STABLE, TARGETED, STOP, COST, CLOSING_FEE, GAP, BAND, WEEK, DAY = range(11)
RULES = 11
# columns of ``out``
WEALTH, DRAWDOWN, LIQUIDATIONS, STOPS, EXPOSURE, COSTS, FUNDING, FIRST, TURNOVER = range(9)
MEASURES = 9


@inner_kernel
def resize(held, since, stopped, weights, size, band, weekly):
    """Bring an account to its size, weekly or where it is off by more than a band; what is traded.

    ``held`` (A,) USD, ``since`` (A,) price over that at the start of the week, ``stopped`` (A,).
    """
    gross, wanted = 0.0, 0.0
    for i in range(held.shape[0]):
        gross += held[i]
        if weekly:
            stopped[i] = False
        if not stopped[i]:
            wanted += size * weights[i]
    if not weekly and abs(wanted - gross) <= band * wanted:
        return 0.0
    traded = 0.0
    for i in range(held.shape[0]):
        goal = 0.0 if stopped[i] else size * weights[i]
        traded += abs(goal - held[i])
        held[i] = goal
        if weekly:
            since[i] = 1.0
    return traded


@inner_kernel
def stop_out(held, since, stopped, low, level, gap):
    """Sell what fell to its stop; what that loses, what is sold, how many stops fire."""
    lost, sold, fired = 0.0, 0.0, 0
    for i in range(held.shape[0]):
        deep = since[i] * (1.0 + low[i])
        if held[i] > 0.0 and deep <= level:
            # what opens below the stop is filled at the open
            start = min(level, since[i])
            fill = held[i] * (start - gap * (start - deep)) / since[i]
            lost += held[i] - fill
            sold += fill
            held[i] = 0.0
            stopped[i] = True
            fired += 1
    return lost, sold, fired


@inner_kernel
def hour(held, close, low, funding, maintenance):
    """What an hour does to all that is held: fall to the lows, need before and there, gain, fee."""
    gross, fall, needed, needed_low, gain, fee = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for i in range(held.shape[0]):
        if held[i] > 0.0:
            gross += held[i]
            fall += held[i] * low[i]
            needed += maintenance[i] * held[i]
            needed_low += maintenance[i] * held[i] * (1.0 + low[i])
            gain += held[i] * close[i]
            fee += held[i] * (1.0 + close[i]) * funding[i]
    return gross, fall, needed, needed_low, gain, fee


@inner_kernel
def account(rows, close, low, funding, weights, factor, maintenance, rule, found):
    """Walk one account along one history; see :func:`walk`."""
    steps, assets = rows.shape[0], close.shape[1]
    week, day = int(rule[WEEK]), int(rule[DAY])
    targeted, stop = rule[TARGETED] > 0.0, rule[STOP]
    held, since = np.zeros(assets), np.ones(assets)
    stopped = np.zeros(assets, dtype=np.bool_)
    equity, wealth, peak, deepest = 1.0, 1.0, 1.0, 0.0
    exposure, costs, paid, turned = 0.0, 0.0, 0.0, 0.0
    liquidations, stops, first, out_of_market = 0, 0, -1, False
    for k in range(steps):
        t = rows[k]
        before, traded = equity, 0.0
        weekly = k % week == 0
        out_of_market = out_of_market and not weekly
        if not out_of_market and (weekly or (targeted and k % day == 0)):
            size = rule[LEVERAGE] * (1.0 - rule[STABLE]) * equity
            if targeted:
                size *= factor[t]
            traded = resize(held, since, stopped, weights[t], size, rule[BAND], weekly)
        if stop > 0.0:
            # stops first: they stand above the price of liquidation
            lost, sold, fired = stop_out(held, since, stopped, low[t], 1.0 - stop, rule[GAP])
            equity -= lost
            traded += sold
            stops += fired
        equity -= rule[COST] * traded
        costs += rule[COST] * traded / before
        turned += traded / before
        gross, fall, needed, needed_low, gain, fee = hour(
            held, close[t], low[t], funding[t], maintenance
        )
        exposure += gross / before
        closed = gross > 0.0 and equity + fall <= needed_low
        if closed:
            # closed where equity met the requirement, on the way to the low
            slope = fall - (needed_low - needed)
            share = min(max((needed - equity) / slope if slope < 0.0 else 0.0, 0.0), 1.0)
            left = equity + share * fall - rule[CLOSING_FEE] * (gross + share * fall)
            equity = max(left, 0.0)
        else:
            equity += gain - fee
            paid += fee / before
            # a stop filled far below itself can take all there is
            closed = equity <= 0.0
            equity = max(equity, 0.0)
        for i in range(assets):
            held[i] = 0.0 if closed else held[i] * (1.0 + close[t, i])
            since[i] *= 1.0 + close[t, i]
        wealth *= equity / before
        peak = max(peak, wealth)
        deepest = max(deepest, 1.0 - wealth / peak)
        if closed:
            liquidations += 1
            first = k if first < 0 else first
            out_of_market = True
            # fresh money of the same size goes on, so that the frequency can be counted;
            # ``wealth`` keeps what the first money has become
            equity = 1.0
    found[WEALTH], found[DRAWDOWN], found[LIQUIDATIONS] = wealth, deepest, liquidations
    found[STOPS], found[EXPOSURE], found[COSTS] = stops, exposure / steps, costs
    found[FUNDING], found[FIRST], found[TURNOVER] = paid, first, turned


@kernel
def walk(first, last, rows, close, low, funding, weights, factor, maintenance, rules, out):
    """Walk every account along histories ``first`` to ``last``.

    ``rows`` (P, T): row of each hour; ``close``, ``low``, ``funding`` (T, A): relative change to
    the close and to the low of the hour, and the rate paid in it; ``weights`` (V, T, A) and
    ``factor`` (V, T): what is wanted at the start of the hour; ``maintenance`` (A,); ``rules``
    (S, RULES); ``out`` (P, S, MEASURES).
    """
    for p in range(first, last):
        for s in range(rules.shape[0]):
            v = int(rules[s, VARIANT])
            account(
                rows[p], close, low, funding, weights[v], factor[v], maintenance, rules[s],
                out[p, s],
            )  # fmt: skip
