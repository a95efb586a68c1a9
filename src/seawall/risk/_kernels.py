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
Joint = namedtuple(
    "Joint",
    "start balance reach alarm stops venue z cost fixed add table mode driver asset side face "
    "stop_driver contracts ladder",
)
Rules = namedtuple("Rules", "partial tiers fraction threshold fee rates deductions floors steps")
Work = namedtuple(
    "Work",
    "z cost fixed add face contracts cut balance alarm round last touched equity fee",
)
Events = namedtuple("Events", "record count turn position usd stop")
Path = namedtuple("Path", "factor forced stopped fallen bounds")


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
def line_top(value, rates, deductions, add):
    """Greatest bracket line at ``value``; as ``margin``'s requirement without its fixed part."""
    top = (rates[0] + add) * value - deductions[0]
    for k in range(1, rates.size):
        line = (rates[k] + add) * value - deductions[k]
        if line <= top:
            return top
        top = line
    return top


@kernel
def equity_and_need(joint, rules, work, account, drivers):
    """Equity and maintenance of one joint account at the drivers' factors."""
    equity = work.balance[account]
    need = 0.0
    for i in range(joint.start[account], joint.start[account + 1]):
        z = work.z[i]
        if z == 0.0:
            continue
        value = z * drivers[joint.driver[i]]
        equity += value - work.cost[i]
        t = joint.table[i]
        need += line_top(abs(value), rules.rates[t], rules.deductions[t], work.add[i])
        need += work.fixed[i]
    return equity, need


@kernel
def close(joint, work, i, share, drivers, factor, account):
    """Close ``share`` of a position at mark: profit to the balance. Returns USD closed."""
    value = work.z[i] * drivers[joint.driver[i]]
    a = joint.asset[i]
    usd = work.face[i] * share
    if joint.driver[i] == a:
        usd *= factor[a]
    if share >= 1.0:
        work.balance[account] += value - work.cost[i]
        work.z[i] = 0.0
        work.cost[i] = 0.0
        work.fixed[i] = 0.0
        work.face[i] = 0.0
        work.contracts[i] = 0.0
    else:
        keep = 1.0 - share
        work.balance[account] += (value - work.cost[i]) * share
        work.z[i] *= keep
        work.cost[i] *= keep
        work.fixed[i] *= keep
        work.face[i] *= keep
        work.contracts[i] *= keep
    return usd


@kernel
def note(events, turn, position, usd, stop):
    """Write one closing down, where events are wanted and there is room; always count it."""
    if events.record:
        k = events.count[0]
        events.count[0] = k + 1
        if k < events.turn.size:
            events.turn[k] = turn
            events.position[k] = position
            events.usd[k] = usd
            events.stop[k] = stop


@kernel
def fire_stops(joint, work, events, account, turn, drivers, factor, stopped, flow):
    """Close the positions whose stop price is reached. Returns how many."""
    count = 0
    for i in range(joint.start[account], joint.start[account + 1]):
        level = joint.stop_driver[i]
        if work.z[i] == 0.0 or np.isnan(level):
            continue
        x = drivers[joint.driver[i]]
        hit = x <= level * (1.0 + TIE) if work.z[i] > 0.0 else x >= level * (1.0 - TIE)
        if hit:
            usd = close(joint, work, i, 1.0, drivers, factor, account)
            stopped[joint.asset[i]] += usd
            flow[joint.asset[i]] -= joint.side[i] * usd
            note(events, turn, i, usd, True)
            count += 1
    return count


@kernel
def share_to_close(joint, rules, work, i, drivers, factor):
    """Share of a position that its venue closes at this step, in (0, 1]."""
    v = joint.venue[i]
    if rules.partial[v] == 0:
        return 1.0
    a = joint.asset[i]
    usd = work.face[i] * (factor[a] if joint.driver[i] == a else 1.0)
    if rules.partial[v] == 2:
        if usd > rules.threshold[v] and work.cut[i] == 0:
            work.cut[i] = 1
            return rules.fraction[v]
        return 1.0
    ladder = joint.ladder[i]
    if joint.mode[i] == 1:
        held = work.contracts[i]
    elif joint.mode[i] == 2:
        held = abs(work.cost[i])
    else:
        held = abs(work.z[i]) * drivers[joint.driver[i]]
    # a position just cut to a floor counts as of the lower bracket
    k = bracket_of(held, rules.floors[ladder], True)
    target = k - rules.tiers[v] + 1
    if target < 1:
        return 1.0
    return 1.0 - rules.floors[ladder, target] / held


@kernel
def bracket_of(held, floors, above):
    """Bracket of a size; with ``above`` a size on a floor is of the bracket below it."""
    slack = 1.0 + 1e-9 if above else 1.0
    k = 0
    while k + 1 < floors.size and held >= floors[k + 1] * slack:
        k += 1
    return k


@kernel
def settle_brackets(joint, rules, work, i):
    """After a partial close, the rate or margin that follows the smaller size."""
    if joint.mode[i] == 0 or work.z[i] == 0.0:
        return
    floors = rules.floors[joint.ladder[i]]
    deductions = rules.steps[joint.ladder[i], 0]
    rates = rules.steps[joint.ladder[i], 1]
    if joint.mode[i] == 1:
        was = bracket_of(joint.contracts[i], floors, False)
        now = bracket_of(work.contracts[i], floors, True)
        work.add[i] = joint.add[i] + rates[now] - rates[was]
        return
    before, held = abs(joint.cost[i]), abs(work.cost[i])
    was = bracket_of(before, floors, False)
    now = bracket_of(held, floors, True)
    closing = joint.fixed[i] - (rates[was] * before - deductions[was])
    work.fixed[i] = rates[now] * held - deductions[now] + closing * held / before


@kernel
def liquidate(joint, rules, work, events, account, turn, equity, drivers, factor, forced, flow):
    """One liquidation step of a fallen account. Returns whether nothing is left of it."""
    left = False
    fee = 0.0
    for i in range(joint.start[account], joint.start[account + 1]):
        if work.z[i] == 0.0:
            continue
        share = share_to_close(joint, rules, work, i, drivers, factor)
        fee += rules.fee[joint.venue[i]] * abs(work.z[i]) * drivers[joint.driver[i]] * share
        usd = close(joint, work, i, share, drivers, factor, account)
        forced[joint.asset[i]] += usd
        flow[joint.asset[i]] -= joint.side[i] * usd
        note(events, turn, i, usd, False)
        if share < 1.0:
            left = True
            settle_brackets(joint, rules, work, i)
    # the fee is taken from what is left of the margin, never below zero
    fee = min(fee, max(equity, 0.0))
    work.balance[account] -= fee
    work.fee[account] += fee
    return not left


@kernel
def mark_joint(joint, rules, work, events, drivers, factor, length, turn, forced, stopped, flow):
    """Mark every joint account that may have lost its slack. Returns how many closings."""
    count = 0
    for account in range(joint.balance.size):
        if work.alarm[account] > length:
            continue
        if joint.stops[account]:
            fired = fire_stops(joint, work, events, account, turn, drivers, factor, stopped, flow)
            if fired > 0:
                count += fired
                work.touched[account] = True
        equity, need = equity_and_need(joint, rules, work, account, drivers)
        slack = equity - need
        reach = joint.reach[account]
        # an account whose last position left by a stop has nothing to liquidate
        empty = True
        for i in range(joint.start[account], joint.start[account + 1]):
            if work.z[i] != 0.0:
                empty = False
                break
        if empty:
            work.alarm[account] = np.inf
            work.equity[account] = work.balance[account]
            continue
        if slack <= TIE * reach:
            count += 1
            work.touched[account] = True
            work.last[account] = turn
            if work.round[account] == 0:
                work.round[account] = turn
            over = liquidate(
                joint, rules, work, events, account, turn, equity, drivers, factor, forced, flow
            )
            if over:
                work.equity[account] = work.balance[account]
            work.alarm[account] = np.inf if over else 0.0
            continue
        wait = slack / reach
        if joint.stops[account]:
            for i in range(joint.start[account], joint.start[account + 1]):
                if work.z[i] != 0.0 and not np.isnan(joint.stop_driver[i]):
                    wait = min(wait, abs(joint.stop_driver[i] - drivers[joint.driver[i]]))
        work.alarm[account] = length + wait * (1.0 - 1e-9)
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
def restore(joint, work):
    """Undo what a cascade did to the working columns, account by account."""
    for account in range(joint.balance.size):
        work.alarm[account] = joint.alarm[account]
        if work.touched[account]:
            work.touched[account] = False
            work.round[account] = 0
            work.last[account] = 0
            work.balance[account] = joint.balance[account]
            work.equity[account] = 0.0
            work.fee[account] = 0.0
            for i in range(joint.start[account], joint.start[account + 1]):
                work.z[i] = joint.z[i]
                work.cost[i] = joint.cost[i]
                work.fixed[i] = joint.fixed[i]
                work.add[i] = joint.add[i]
                work.face[i] = joint.face[i]
                work.contracts[i] = joint.contracts[i]
                work.cut[i] = 0


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
            restore(joint, work)
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
