"""Kernels of the static cascade: rounds of marking, falling and moving the price.

Two kinds of accounts share each round. *Single* accounts hold one position: the price factor at
which each leaves is known beforehand, so they lie sorted in groups and a round is a bisection.
*Joint* accounts (cross margin over several positions) are marked again, but only once prices
have moved far enough to use up their slack: equity less requirement changes by at most
``fall * (way down of the drivers) + rise * (way up)``, where ``fall`` is what the account loses
as drivers fall by 1 and ``rise`` as they rise. The alarm of an account is the value of that sum
at which it is marked next. Under partial closing, single accounts whose first step need not be
their last sleep among the joint ones until their exit is passed. See
``docs/methods/cascade.md``.
"""

from __future__ import annotations

import numpy as np

from seawall._jit import inner_kernel, kernel
from seawall.liquidity import log_move
from seawall.risk._joint import fire_stops, liquidate, mark_due
from seawall.risk._layout import (
    ADD,
    BLOCK,
    BLOCKS,
    DOWN,
    DRIVER,
    EARLY,
    EQUITY,
    FAR_DOWN,
    FAR_UP,
    FARTHEST,
    FEE,
    FIRST,
    FIXED,
    LAST,
    NEAR,
    TIE,
    TOUCHED,
    UP,
    WOKEN,
    Z,
)
from seawall.risk._watch import add_early, forget_early, further, keep_early, look_out, wake


@inner_kernel
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


@inner_kernel
def advance_groups(groups, work, factor, pointer, forced, stopped, flow):
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
        pointer[g] = end
        if groups.waking[g]:
            for i in range(begin, end):
                wake(work, groups.wake[i])
            continue
        usd = groups.weight[end + g] - groups.weight[begin + g]
        if not groups.inverse[g]:
            usd *= phi
        flow[a] -= groups.side[g] * usd
        if groups.stop[g]:
            stopped[a] += usd
        else:
            forced[a] += usd
        count += end - begin
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
    before = np.ones(2 * assets)
    work.sight[DOWN], work.sight[UP] = 0.0, 0.0
    work.sight[FAR_DOWN], work.sight[FAR_UP] = -1.0, -1.0
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
        forced, stopped = path.forced[turn], path.stopped[turn]
        count = advance_groups(groups, work, factor, pointer, forced, stopped, flow)
        if joint.base.size:
            step_down, step_up = 0.0, 0.0
            for a in range(assets):
                drivers[a] = factor[a]
                drivers[assets + a] = 1.0 / factor[a]
            for d in range(2 * assets):
                if joint.driven[d]:
                    step_down = max(step_down, before[d] - drivers[d])
                    step_up = max(step_up, drivers[d] - before[d])
                    if not drivers[d] <= FARTHEST:
                        step_down, step_up = np.inf, np.inf
                before[d] = drivers[d]
            look_out(joint, work, step_down, step_up)
            if joint.stopping:
                count += fire_stops(joint, work, events, drivers, turn + 1, stopped, flow)
            due = mark_due(joint, rules, work, drivers)
            liquidate(joint, rules, work, events, due, drivers, turn + 1, forced, flow)
            count += due
            if turn == 0:
                count += add_early(work, factor, forced, flow)
        for g in range(groups.asset.size):
            path.bounds[turn + 1, g] = pointer[g]
        path.fallen[turn] = count
        if count == 0:
            return turn
        for a in range(assets):
            path.factor[turn + 1, a] = shock[a] * np.exp(log_move(flow[a], depth[a], exponent))
    return -1


@kernel
def restore(joint, rules, work):
    """Undo what a cascade did to the working columns, account by account."""
    lengths, start = work.lengths, joint.start
    rows = min(lengths[BLOCKS] * BLOCK, joint.alarm.size)
    # loops: an assignment of slices takes seconds to compile
    for row in range(rows):
        work.alarm[row] = work.settled[row]
    for h in range(lengths[WOKEN]):
        work.alarm[work.woken[h]] = np.inf
    for h in range(lengths[TOUCHED]):
        account = work.touched[h]
        work.turns[account, FIRST] = 0
        work.turns[account, LAST] = 0
        work.after[account, EQUITY] = 0.0
        work.after[account, FEE] = 0.0
        if not work.altered[account]:
            continue
        work.altered[account] = False
        work.base[account] = joint.base[account]
        for i in range(start[account], start[account + 1]):
            work.cut[i] = 0
            work.hot[i, Z] = joint.hot[i, Z]
            work.hot[i, ADD] = joint.hot[i, ADD]
            work.fixed[i] = joint.cold[i, FIXED]
    lengths[NEAR], lengths[WOKEN], lengths[TOUCHED], lengths[BLOCKS] = 0, 0, 0, 0


@kernel
def end_of_lone(
    groups, bounds, factor, lone, rate, partial, turn, end, events, joint, holder, closings
):
    """Where accounts of one position end, and all closings in the order of rounds.

    ``bounds`` are as in a path, ``factor`` has R + 1 rows. ``lone`` holds, account by account,
    the place among the members of the groups, the group, position, account, z * u, balance less
    z * u0, the mark of inverse contracts (else 0) and USD at mark; ``rate`` is the fee where
    closings pay one. ``joint`` has the position of each joint row, ``holder`` the account of
    each position. Writes the round, USD equity and fee, whether closed, the last round and USD
    liquidated by account into ``turn`` and ``end``; joint accounts get the last of these only.
    A round's closings of one position come account by account, then its joint ones.
    """
    place, group, position, account, worth, rest, mark, usd = lone
    equity, fee, closed, last, forced = end
    what, who, when, dollars, by_stop = closings
    rounds = factor.shape[0] - 1
    left_in = np.zeros(place.size, dtype=np.int32)
    # where the next closing of each round is written
    row = np.zeros(rounds + 1, dtype=np.int64)
    for r in range(rounds):
        for g in range(groups.asset.size):
            if not groups.waking[g]:
                row[r + 1] += bounds[r + 1, g] - bounds[r, g]
                for i in range(bounds[r, g], bounds[r + 1, g]):
                    left_in[i] = r + 1
    for e in range(events.count[0]):
        row[events.turn[e]] += 1
    for r in range(rounds):
        row[r + 1] += row[r]
    for k in range(place.size):
        r, g, m = left_in[place[k]], group[k], account[k]
        # whoever has not left stands at the prices at rest
        phi = factor[r - 1 if r > 0 else rounds, groups.asset[g]]
        u = 1.0 / phi if groups.inverse[g] else phi
        unit = mark[k] * phi if groups.inverse[g] else 1.0
        left = worth[k] * u + rest[k]
        closed[m] = r > 0
        if r > 0:
            c = row[r - 1]
            row[r - 1] += 1
            what[c], who[c], when[c] = position[k], m, r
            dollars[c] = usd[k] if groups.inverse[g] else usd[k] * phi
            by_stop[c] = groups.stop[g]
            last[m] = r
            if not groups.stop[g]:
                turn[m] = r
                forced[m] += dollars[c]
                if partial:
                    paid = min(rate[k] * abs(worth[k]) * u, max(left, 0.0))
                    left -= paid
                    fee[m] = paid * unit
        equity[m] = left * unit
    for e in range(events.count[0]):
        r, i = events.turn[e], joint[events.position[e]]
        c = row[r - 1]
        row[r - 1] += 1
        what[c], who[c], when[c] = i, holder[i], r
        dollars[c], by_stop[c] = events.usd[e], events.stop[e]
        if not by_stop[c]:
            forced[who[c]] += dollars[c]


@kernel
def end_of_joint(joint, work, factor, accounts, mark, turn, end):
    """Where joint accounts end; ``mark`` is that of each account's coin, 0 where it has none."""
    equity, fee, closed, last = end
    rounds, assets = factor.shape[0] - 1, factor.shape[1]
    start, hot, fixed, tags = joint.start, work.hot, work.fixed, joint.tags
    for row in range(accounts.size):
        m = accounts[row]
        until = work.turns[row, LAST]
        gone = until > 0 and np.isinf(work.alarm[row])
        left = work.after[row, EQUITY]
        if not gone:
            left = work.base[row]
            for i in range(start[row], start[row + 1]):
                d = tags[i, DRIVER]
                u = factor[rounds, d] if d < assets else 1.0 / factor[rounds, d - assets]
                left += hot[i, Z] * u + fixed[i]
        unit = 1.0
        if mark[row] > 0.0:
            d = tags[start[row], DRIVER]
            unit = (
                mark[row] * factor[until - 1 if gone else rounds, d if d < assets else d - assets]
            )
        closed[m] = gone
        equity[m] = left * unit
        fee[m] = work.after[row, FEE] * unit
        turn[m] = work.turns[row, FIRST]
        last[m] = until


@inner_kernel
def outcomes(groups, joint, work, bounds, rounds, turn):
    """Round in which each account was first liquidated, 0 if it was not, in the ledger's order."""
    lone = turn.size - joint.base.size
    for i in range(turn.size):
        turn[i] = 0
    for g in range(groups.asset.size):
        if groups.waking[g] or groups.stop[g]:
            continue
        for r in range(rounds):
            left = turn[bounds[r, g] : bounds[r + 1, g]]
            for i in range(left.size):
                left[i] = min(r + 1, 32_767)
    for h in range(work.lengths[EARLY]):
        turn[lone + work.early[h]] = 1
    for h in range(work.lengths[TOUCHED]):
        row = work.touched[h]
        turn[lone + row] = min(work.turns[row, FIRST], 32_767)


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
    turns,
):
    """Many cascades, sums only.

    Of shocks that go ever further one way, or stay the same, each begins with those whom the one
    before felled at once. Outputs by scenario: factors at rest, forced USD, first round's,
    stopped USD (S, A); rounds and how many accounts or stops left (S,); ``turns`` as
    :func:`outcomes`, or of no rows if they are not wanted.

    Returns the first scenario for which ``path`` was too short, or the number of scenarios.
    """
    assets = shocks.shape[1]
    for s in range(shocks.shape[0]):
        if s > 0 and not further(shocks[s - 1], shocks[s]):
            forget_early(joint, work)
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
        if n >= 0 and turns.shape[0]:
            outcomes(groups, joint, work, path.bounds, n, turns[s])
        if joint.base.size:
            if n > 0 and s + 1 < shocks.shape[0] and further(shocks[s], shocks[s + 1]):
                keep_early(joint, rules, work, shocks[s], shocks[s + 1])
            restore(joint, rules, work)
        if n < 0:
            forget_early(joint, work)
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
    forget_early(joint, work)
    return shocks.shape[0]
