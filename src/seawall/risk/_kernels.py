"""Kernels of the static cascade: rounds of marking, falling and moving the price.

Two kinds of accounts share each round. *Single* accounts hold one position: the price factor at
which each leaves is known beforehand, so they lie sorted in groups and a round is a bisection.
*Joint* accounts (cross margin over several positions, partial closes) are marked again, but only
when prices have moved further than their slack: equity less requirement changes by at most
``reach * (largest move of any driver)``, so an account with slack f is safe until the path of
prices is longer by f / reach. See ``docs/methods/cascade.md``.
"""

from __future__ import annotations

from collections import namedtuple

import numpy as np

from seawall._jit import kernel

TIE = 1e-12
"""Relative distance within which equity counts as equal to maintenance, to forgive rounding."""

Groups = namedtuple("Groups", "offset asset side inverse stop key weight")
Joint = namedtuple("Joint", "start balance reach alarm stops held tags stop_driver driven")
Rules = namedtuple("Rules", "whole steps rates fees lines floors ladders")
Work = namedtuple("Work", "held cut balance alarm round last touched equity fee")
Events = namedtuple("Events", "record count turn position usd stop")
Path = namedtuple("Path", "factor forced stopped fallen bounds")

# columns of `held`, one row a position: what a partial close changes
Z, COST, FIXED, ADD, FACE, CONTRACTS = 0, 1, 2, 3, 4, 5
# columns of `tags`, one row a position: what stays
TABLE, DRIVER, ASSET, VENUE, LADDER, MODE, SIDE = 0, 1, 2, 3, 4, 5, 6
# what a venue closes at one step: all, down some brackets, a fraction of large positions
FULL, TIERS_DOWN, FRACTION = 0, 1, 2
# how the requirement follows the size: bracket lines, bracket of contracts, value at entry
BY_VALUE, BY_CONTRACTS, AT_ENTRY = 0, 1, 2


@kernel
def first_beyond(key, start, stop, limit):
    """First index in [start, stop) whose key exceeds ``limit``: galloping, then bisection."""
    step = 1
    low = start
    while low + step <= stop and key[low + step - 1] <= limit:
        low += step
        step *= 2
    high = min(low + step - 1, stop)
    while low < high:
        middle = (low + high) // 2
        if key[middle] <= limit:
            low = middle + 1
        else:
            high = middle
    return low


@kernel
def move(flow, depth, exponent):
    """Change of the log price by net forced buying; as ``liquidity.impact.log_move``."""
    if flow == 0.0:
        return 0.0
    size = 0.01 * (abs(flow) / depth) ** exponent
    return size if flow > 0.0 else -size


@kernel
def advance_groups(groups, factor, pointer, forced, stopped, flow):
    """Move every group's pointer to the new factors; adds what left in USD. Returns how many."""
    count = 0
    for g in range(groups.asset.size):
        a = groups.asset[g]
        phi = factor[a]
        # keys rise: -factor for longs, factor for shorts
        limit = -phi * (1.0 - TIE) if groups.side[g] > 0 else phi * (1.0 + TIE)
        begin = pointer[g]
        end = first_beyond(groups.key, begin, groups.offset[g + 1], limit)
        if end == begin:
            continue
        usd = groups.weight[end + g] - groups.weight[begin + g]
        if not groups.inverse[g]:
            usd *= phi
        flow[a] -= groups.side[g] * usd
        if groups.stop[g]:
            stopped[a] += usd
        else:
            forced[a] += usd
        pointer[g] = end
        count += end - begin
    return count


@kernel
def close(held, tags, i, share, drivers, factor):
    """Close ``share`` of a position at mark. Returns its profit and the USD closed."""
    a = tags[i, ASSET]
    gain = (held[i, Z] * drivers[tags[i, DRIVER]] - held[i, COST]) * share
    usd = held[i, FACE] * share
    if tags[i, DRIVER] == a:
        usd *= factor[a]
    keep = 1.0 - share
    for column in range(held.shape[1]):
        if column != ADD:
            held[i, column] *= keep
    return gain, usd


@kernel
def note(record, count, turns, positions, amounts, stops, turn, position, usd, stop):
    """Write one closing down, where events are wanted and there is room; always count it."""
    if record:
        k = count[0]
        count[0] = k + 1
        if k < turns.size:
            turns[k] = turn
            positions[k] = position
            amounts[k] = usd
            stops[k] = stop


@kernel
def bracket_of(size, floors, above):
    """Bracket of a size; with ``above`` a size on a floor is of the bracket below it."""
    slack = 1.0 + 1e-9 if above else 1.0
    k = 0
    while k + 1 < floors.size and size >= floors[k + 1] * slack:
        k += 1
    return k


@kernel
def ladder_size(held, tags, i, drivers):
    """A position's size in the unit of its bracket floors."""
    if tags[i, MODE] == BY_CONTRACTS:
        return held[i, CONTRACTS]
    if tags[i, MODE] == AT_ENTRY:
        return abs(held[i, COST])
    return abs(held[i, Z]) * drivers[tags[i, DRIVER]]


@kernel
def share_to_close(held, cut, tags, steps, rates, floors, i, drivers, factor):
    """Share of a position that its venue closes at this step, in (0, 1].

    ``steps`` holds a venue's kind of step and how many brackets down, ``rates`` its fraction and
    the USD above which that holds.
    """
    v = tags[i, VENUE]
    if steps[v, 0] == FULL:
        return 1.0
    if steps[v, 0] == FRACTION:
        a = tags[i, ASSET]
        usd = held[i, FACE] * (factor[a] if tags[i, DRIVER] == a else 1.0)
        if usd > rates[v, 1] and cut[i] == 0:
            cut[i] = 1
            return rates[v, 0]
        return 1.0
    ladder = floors[tags[i, LADDER]]
    size = ladder_size(held, tags, i, drivers)
    # a position just cut to a floor counts as of the lower bracket
    target = bracket_of(size, ladder, True) - steps[v, 1] + 1
    if target < 1:
        return 1.0
    return 1.0 - ladder[target] / size


@kernel
def settle_brackets(held, original, tags, floors, ladders, i):
    """After a partial close, the rate or margin that follows the smaller size.

    ``ladders`` holds the deductions and the rates of each schedule.
    """
    mode = tags[i, MODE]
    if mode == BY_VALUE:
        return
    row = tags[i, LADDER]
    ladder, deductions, rates = floors[row], ladders[row, 0], ladders[row, 1]
    unit = CONTRACTS if mode == BY_CONTRACTS else COST
    before, size = abs(original[i, unit]), abs(held[i, unit])
    was = bracket_of(before, ladder, False)
    now = bracket_of(size, ladder, True)
    if mode == BY_CONTRACTS:
        held[i, ADD] = original[i, ADD] + rates[now] - rates[was]
    else:
        closing = original[i, FIXED] - (rates[was] * before - deductions[was])
        held[i, FIXED] = rates[now] * size - deductions[now] + closing * size / before


@kernel
def mark_joint(joint, rules, work, events, drivers, factor, length, turn, forced, stopped, flow):
    """Mark every joint account that may have lost its slack. Returns how many closings."""
    start, stops, reach, tags, levels = (
        joint.start,
        joint.stops,
        joint.reach,
        joint.tags,
        joint.stop_driver,
    )
    original = joint.held
    held, cut, balance, alarm = work.held, work.cut, work.balance, work.alarm
    brackets = rules.lines.shape[2]
    whole = rules.whole
    line_rates, line_deductions = rules.lines[0], rules.lines[1]
    steps, rates, fees, floors, ladders = (
        rules.steps,
        rules.rates,
        rules.fees,
        rules.floors,
        rules.ladders,
    )
    record, counter, ev_turn, ev_position, ev_usd, ev_stop = (
        events.record,
        events.count,
        events.turn,
        events.position,
        events.usd,
        events.stop,
    )
    count = 0
    for account in range(reach.size):
        if alarm[account] > length:
            continue
        first, last = start[account], start[account + 1]
        if stops[account]:
            for i in range(first, last):
                if held[i, Z] == 0.0 or np.isnan(levels[i]):
                    continue
                x = drivers[tags[i, DRIVER]]
                long = held[i, Z] > 0.0
                if (long and x <= levels[i] * (1.0 + TIE)) or (
                    not long and x >= levels[i] * (1.0 - TIE)
                ):
                    gain, usd = close(held, tags, i, 1.0, drivers, factor)
                    balance[account] += gain
                    stopped[tags[i, ASSET]] += usd
                    flow[tags[i, ASSET]] -= tags[i, SIDE] * usd
                    note(record, counter, ev_turn, ev_position, ev_usd, ev_stop, turn, i, usd, True)
                    work.touched[account] = True
                    count += 1
        equity = balance[account]
        need = 0.0
        empty = True
        for i in range(first, last):
            if held[i, Z] == 0.0:
                continue
            empty = False
            value = held[i, Z] * drivers[tags[i, DRIVER]]
            equity += value - held[i, COST]
            t = tags[i, TABLE]
            # the greatest bracket line, as in the margin kernels; a call took twice the time
            value = abs(value)
            extra = held[i, ADD]
            top = (line_rates[t, 0] + extra) * value - line_deductions[t, 0]
            for k in range(1, brackets):
                line = (line_rates[t, k] + extra) * value - line_deductions[t, k]
                if line < top:
                    break
                top = line
            need += top + held[i, FIXED]
        if empty:
            # every position has left by its stop: nothing to liquidate
            alarm[account] = np.inf
            work.equity[account] = equity
            continue
        slack = equity - need
        if slack > TIE * reach[account]:
            wait = slack / reach[account]
            if stops[account]:
                for i in range(first, last):
                    if held[i, Z] != 0.0 and not np.isnan(levels[i]):
                        wait = min(wait, abs(levels[i] - drivers[tags[i, DRIVER]]))
            # single precision: 1e-6 covers its rounding
            alarm[account] = (length + wait) * (1.0 - 1e-6)
            continue
        count += 1
        work.touched[account] = True
        work.last[account] = turn
        if work.round[account] == 0:
            work.round[account] = turn
        left = False
        fee = 0.0
        if whole:
            # nothing of the columns has changed or will: the account is simply done
            for i in range(first, last):
                a = tags[i, ASSET]
                value = abs(held[i, Z]) * drivers[tags[i, DRIVER]]
                fee += fees[tags[i, VENUE]] * value
                usd = held[i, FACE] * (factor[a] if tags[i, DRIVER] == a else 1.0)
                forced[a] += usd
                flow[a] -= tags[i, SIDE] * usd
                note(record, counter, ev_turn, ev_position, ev_usd, ev_stop, turn, i, usd, False)
            fee = min(fee, max(equity, 0.0))
            work.fee[account] = fee
            work.equity[account] = equity - fee
            alarm[account] = np.inf
            continue
        for i in range(first, last):
            if held[i, Z] == 0.0:
                continue
            share = share_to_close(held, cut, tags, steps, rates, floors, i, drivers, factor)
            fee += fees[tags[i, VENUE]] * abs(held[i, Z]) * drivers[tags[i, DRIVER]] * share
            gain, usd = close(held, tags, i, share, drivers, factor)
            balance[account] += gain
            forced[tags[i, ASSET]] += usd
            flow[tags[i, ASSET]] -= tags[i, SIDE] * usd
            note(record, counter, ev_turn, ev_position, ev_usd, ev_stop, turn, i, usd, False)
            if share < 1.0:
                left = True
                settle_brackets(held, original, tags, floors, ladders, i)
        # the fee is taken from what is left of the margin, never below zero
        fee = min(fee, max(equity, 0.0))
        balance[account] -= fee
        work.fee[account] += fee
        if left:
            alarm[account] = 0.0
        else:
            # not the balance: a fee that takes all that is left must leave 0, not a rounding
            work.equity[account] = equity - fee
            alarm[account] = np.inf
    return count


@kernel
def cascade(
    shock, depth, exponent, groups, joint, rules, work, events, path, pointer, flow, drivers
):
    """Rounds from the shock to rest. Returns how many; -1 if ``path`` has too few rows.

    ``path.factor[r]`` holds the price factors at which round r + 1 marks; the row after the last
    round holds those at rest.
    """
    assets = shock.size
    limit = path.factor.shape[0] - 1
    length = 0.0
    before = np.ones(2 * assets)
    for a in range(assets):
        path.factor[0, a] = shock[a]
        flow[a] = 0.0
    for g in range(groups.asset.size):
        pointer[g] = groups.offset[g]
        path.bounds[0, g] = pointer[g]
    for turn in range(limit):
        factor = path.factor[turn]
        for a in range(assets):
            path.forced[turn, a] = 0.0
            path.stopped[turn, a] = 0.0
        count = advance_groups(groups, factor, pointer, path.forced[turn], path.stopped[turn], flow)
        if joint.balance.size:
            step = 0.0
            for a in range(assets):
                drivers[a] = factor[a]
                drivers[assets + a] = 1.0 / factor[a]
            for d in range(2 * assets):
                if joint.driven[d]:
                    step = max(step, abs(drivers[d] - before[d]))
                before[d] = drivers[d]
            length += step
            count += mark_joint(
                joint,
                rules,
                work,
                events,
                drivers,
                factor,
                length,
                turn + 1,
                path.forced[turn],
                path.stopped[turn],
                flow,
            )
        for g in range(groups.asset.size):
            path.bounds[turn + 1, g] = pointer[g]
        path.fallen[turn] = count
        if count == 0:
            return turn
        for a in range(assets):
            path.factor[turn + 1, a] = shock[a] * np.exp(move(flow[a], depth[a], exponent))
    return -1


@kernel
def restore(joint, rules, work):
    """Undo what a cascade did to the working columns, account by account."""
    start, touched, held, original, cut = joint.start, work.touched, work.held, joint.held, work.cut
    work.alarm[:] = joint.alarm
    for account in range(touched.size):
        if not touched[account]:
            continue
        touched[account] = False
        work.round[account] = 0
        work.last[account] = 0
        work.balance[account] = joint.balance[account]
        work.equity[account] = 0.0
        work.fee[account] = 0.0
        if rules.whole:
            continue
        for i in range(start[account], start[account + 1]):
            cut[i] = 0
            for column in range(held.shape[1]):
                held[i, column] = original[i, column]


@kernel
def sweep(
    shocks,
    depths,
    exponents,
    groups,
    joint,
    rules,
    work,
    events,
    path,
    pointer,
    flow,
    drivers,
    rest,
    forced,
    first,
    stopped,
    rounds,
    left,
):
    """Many cascades, sums only. Outputs by scenario: factors at rest, forced USD, first round's,
    stopped USD (S, A); rounds and how many accounts or stops left (S,).

    Returns the first scenario for which ``path`` was too short, or the number of scenarios.
    """
    assets = shocks.shape[1]
    for s in range(shocks.shape[0]):
        n = cascade(
            shocks[s],
            depths[s],
            exponents[s],
            groups,
            joint,
            rules,
            work,
            events,
            path,
            pointer,
            flow,
            drivers,
        )
        if joint.balance.size:
            restore(joint, rules, work)
        if n < 0:
            return s
        rounds[s] = n
        count = 0
        for a in range(assets):
            rest[s, a] = path.factor[n, a]
            forced[s, a] = 0.0
            stopped[s, a] = 0.0
            first[s, a] = path.forced[0, a] if n > 0 else 0.0
        for r in range(n):
            count += path.fallen[r]
            for a in range(assets):
                forced[s, a] += path.forced[r, a]
                stopped[s, a] += path.stopped[r, a]
        left[s] = count
    return shocks.shape[0]
