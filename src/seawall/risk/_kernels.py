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

from collections import namedtuple

import numpy as np

from seawall._jit import inner_kernel, kernel
from seawall.liquidity import LARGEST_LOG_MOVE

TIE = 1e-12
"""Relative distance within which equity counts as equal to maintenance, to forgive rounding."""

FARTHEST = 2.0
"""Driver factor up to which ``rise`` bounds losses; beyond it every account is marked."""

BLOCK = 512
"""Joint accounts that come into reach together."""

Groups = namedtuple("Groups", "offset asset side inverse stop waking key weight wake")
Joint = namedtuple(
    "Joint",
    "start base fall rise alarm gate venue stopping stops sound hot tags cold ladder level driven",
)
Rules = namedtuple("Rules", "whole steps rates fees lines floors ladders")
Work = namedtuple(
    "Work",
    "hot fixed cut base alarm turns after near fallen woken touched lengths sight settled gone "
    "early sums",
)
Events = namedtuple("Events", "record count turn position usd stop")
Path = namedtuple("Path", "factor forced stopped fallen bounds")

# columns of `hot`, one row a position: read at every marking; a partial close changes them
Z, ADD = 0, 1
# columns of `tags` beside it: bracket lines and driver
TABLE, DRIVER = 0, 1
# columns of `cold`, read when a position is closed, as at the start
FIXED, COST, FACE, CONTRACTS = 0, 1, 2, 3
# columns of `ladder` beside it: bracket floors, and what they count
LADDER, MODE = 0, 1
# columns of `turns` and `after`, one row a joint account
FIRST, LAST = 0, 1
EQUITY, FEE = 0, 1
# items of `lengths`: rows in `near`, `woken`, `touched` and `early`, blocks within reach
NEAR, WOKEN, TOUCHED, EARLY, BLOCKS = 0, 1, 2, 3, 4
# rows of `sums`: USD of early positions by driver, and longs less shorts
GROSS, NET = 0, 1
# items of `sight`: way down and up so far, and as far as `near` holds
DOWN, UP, FAR_DOWN, FAR_UP = 0, 1, 2, 3
# what a venue closes at one step: all, down some brackets, a fraction of large positions
FULL, TIERS_DOWN, FRACTION = 0, 1, 2
# how the requirement follows the size: bracket lines, bracket of contracts, value at entry
BY_VALUE, BY_CONTRACTS, AT_ENTRY = 0, 1, 2


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
def move(flow, depth, exponent):
    """Change of the log price by net forced buying; as ``liquidity.impact.log_move``."""
    if flow == 0.0:
        return 0.0
    size = min(0.01 * (abs(flow) / depth) ** exponent, LARGEST_LOG_MOVE)
    return size if flow > 0.0 else -size


@kernel
def reaches(z, table, add, moving, account, rates, deductions, fall, rise):
    """Add to each account what its positions lose at most as their drivers fall or rise by 1.

    The requirement's slope lies between the lowest bracket's rate and that of the bracket at the
    farthest driver; where a partial close changes the rate (not ``moving``) it is at least 0.
    """
    for i in range(z.size):
        t, size = table[i], abs(z[i])
        value = size * FARTHEST
        most, top = 0.0, -np.inf
        for k in range(rates.shape[1]):
            line = rates[t, k] * value - deductions[t, k]
            if line > top:
                most, top = rates[t, k], line
        most += add[i]
        least = rates[t, 0] + add[i] if moving[i] else 0.0
        if z[i] > 0.0:
            fall[account[i]] += size * (1.0 - least)
            rise[account[i]] += size * max(most - 1.0, 0.0)
        else:
            rise[account[i]] += size * (1.0 + most)


@inner_kernel
def wake(work, row):
    """Have a sleeping account marked in this round and watched from then on."""
    if work.gone[row]:
        return
    work.alarm[row] = -1.0
    work.woken[work.lengths[WOKEN]] = row
    work.lengths[WOKEN] += 1
    work.near[work.lengths[NEAR]] = row
    work.lengths[NEAR] += 1


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


@inner_kernel
def find_near(fall, rise, alarm, down, up, near, count):
    """Append the rows whose alarm goes off by ``down`` and ``up``; returns the list's length.

    Blocks without any are passed over several rows at a time. Written so that a sum that is not
    a number counts as an alarm.
    """
    span = 64
    whole = alarm.size // span * span
    for b in range(0, whole, span):
        f, r, t = fall[b : b + span], rise[b : b + span], alarm[b : b + span]
        safe = 0
        for k in range(span):
            safe += f[k] * down + r[k] * up < t[k]
        if safe == span:
            continue
        for k in range(span):
            near[count] = b + k
            count += not (f[k] * down + r[k] * up < t[k])
    for k in range(whole, alarm.size):
        near[count] = k
        count += not (fall[k] * down + rise[k] * up < alarm[k])
    return count


@inner_kernel
def look_out(joint, work, step_down, step_up):
    """Follow the drivers' way and keep ``near`` ahead of it: who may be due before long."""
    sight, lengths = work.sight, work.lengths
    sight[DOWN] += step_down
    sight[UP] += step_up
    if sight[DOWN] <= sight[FAR_DOWN] and sight[UP] <= sight[FAR_UP]:
        return
    sight[FAR_DOWN] = sight[DOWN] + 0.5 * step_down
    sight[FAR_UP] = sight[UP] + 0.5 * step_up
    way = sight[FAR_DOWN] + sight[FAR_UP]
    blocks = lengths[BLOCKS]
    while blocks < joint.gate.size and not joint.gate[blocks] > way:
        blocks += 1
    lengths[BLOCKS] = blocks
    rows = min(blocks * BLOCK, joint.alarm.size)
    down, up = np.float32(sight[FAR_DOWN]), np.float32(sight[FAR_UP])
    count = find_near(
        joint.fall[:rows], joint.rise[:rows], work.alarm[:rows], down, up, work.near, 0
    )
    for h in range(lengths[WOKEN]):
        # rows that woke lie behind those within reach, but for some in the last block
        if work.woken[h] >= rows:
            work.near[count] = work.woken[h]
            count += 1
    lengths[NEAR] = count


@inner_kernel
def bracket_of(size, floors, row, above):
    """Bracket of a size; with ``above`` a size on a floor is of the bracket below it."""
    slack = 1.0 + 1e-9 if above else 1.0
    k = 0
    while k + 1 < floors.shape[1] and size >= floors[row, k + 1] * slack:
        k += 1
    return k


@inner_kernel
def fire_stops(joint, work, events, drivers, turn, stopped, flow):
    """Close every position of the accounts due whose stop is reached. Returns how many."""
    hot, fixed, base, turns, near = work.hot, work.fixed, work.base, work.turns, work.near
    start, level, tags, cold = joint.start, joint.level, joint.tags, joint.cold
    fall, rise, alarm, stops = joint.fall, joint.rise, work.alarm, joint.stops
    down, up = np.float32(work.sight[DOWN]), np.float32(work.sight[UP])
    assets = flow.size
    closed = 0
    for h in range(work.lengths[NEAR]):
        account = near[h]
        if not stops[account] or fall[account] * down + rise[account] * up < alarm[account]:
            continue
        for i in range(start[account], start[account + 1]):
            z, stop, d = hot[i, Z], level[i], tags[i, DRIVER]
            x = drivers[d]
            long = z > 0.0
            if (
                z == 0.0
                or np.isnan(stop)
                or (long and x > stop * (1.0 + TIE))
                or (not long and x < stop * (1.0 - TIE))
            ):
                continue
            a = d if d < assets else d - assets
            usd = abs(z * x) if a == d else cold[i, FACE] * abs(z / joint.hot[i, Z])
            base[account] += z * x + fixed[i]
            hot[i, Z] = 0.0
            fixed[i] = 0.0
            stopped[a] += usd
            # an inverse contract's long has a falling driver
            flow[a] -= usd if long == (a == d) else -usd
            closed += 1
            if turns[account, LAST] == 0:
                work.touched[work.lengths[TOUCHED]] = account
                work.lengths[TOUCHED] += 1
            turns[account, LAST] = turn
            if events.record:
                n = events.count[0]
                events.count[0] = n + 1
                if n < events.turn.size:
                    events.turn[n] = turn
                    events.position[n] = i
                    events.usd[n] = usd
                    events.stop[n] = True
    return closed


@inner_kernel
def mark_due(joint, rules, work, drivers):
    """Mark every account that may have lost its slack; who falls goes into ``work.fallen``.

    Returns how many fell. Accounts that are left empty by their stops are done.
    """
    start, fall, rise, tags, hot = joint.start, joint.fall, joint.rise, joint.tags, work.hot
    stops, level = joint.stops, joint.level
    alarm, base, near, fallen, after = work.alarm, work.base, work.near, work.fallen, work.after
    line_rates, line_deductions = rules.lines[0], rules.lines[1]
    brackets = line_rates.shape[1]
    way_down, way_up = work.sight[DOWN], work.sight[UP]
    down, up = np.float32(way_down), np.float32(way_up)
    far_down, far_up = np.float32(work.sight[FAR_DOWN]), np.float32(work.sight[FAR_UP])
    everywhere = not (np.isfinite(way_down) and np.isfinite(way_up))
    count, kept = 0, 0
    for h in range(work.lengths[NEAR]):
        account = near[h]
        due = alarm[account]
        if fall[account] * down + rise[account] * up < due:
            near[kept] = account
            kept += 1
            continue
        if due == np.inf:
            continue
        worth = base[account]
        need = 0.0
        empty = True
        for i in range(start[account], start[account + 1]):
            z = hot[i, Z]
            if z == 0.0:
                continue
            empty = False
            value = z * drivers[tags[i, DRIVER]]
            worth += value
            # the greatest bracket line, as in the margin kernels; a call took twice the time
            value = abs(value)
            t, extra = tags[i, TABLE], hot[i, ADD]
            top = (line_rates[t, 0] + extra) * value - line_deductions[t, 0]
            for k in range(1, brackets):
                line = (line_rates[t, k] + extra) * value - line_deductions[t, k]
                if line < top:
                    break
                top = line
            need += top
        if empty:
            alarm[account] = np.inf
            after[account, EQUITY] = worth
            continue
        slack = worth - need
        if slack <= TIE * (np.float64(fall[account]) + np.float64(rise[account])):
            fallen[count] = account
            count += 1
            continue
        if stops[account]:
            # the least of the slack and what is lost on the way to the nearest stop
            for i in range(start[account], start[account + 1]):
                if hot[i, Z] != 0.0 and not np.isnan(level[i]):
                    loss = np.float64(fall[account] if hot[i, Z] > 0.0 else rise[account])
                    slack = min(slack, abs(level[i] - drivers[tags[i, DRIVER]]) * loss)
        # single precision: 1e-6 covers its rounding, here and in the sums compared with it
        far = slack + fall[account] * way_down + rise[account] * way_up
        due = np.float32(-1.0) if everywhere else np.float32(far * (1.0 - 1e-6))
        alarm[account] = due
        if not fall[account] * far_down + rise[account] * far_up < due:
            near[kept] = account
            kept += 1
    work.lengths[NEAR] = kept
    return count


@inner_kernel
def liquidate(joint, rules, work, events, count, drivers, turn, forced, flow):
    """Close the accounts in ``work.fallen`` by their venues' steps.

    Fees and equity are kept where they count: when closings are written down, or when what is
    left of an account goes on. ``rules.steps`` holds a venue's kind of step and how many
    brackets down, ``rules.rates`` its fraction and the USD above which that holds.
    """
    start, tags, cold, ladder, original = (
        joint.start,
        joint.tags,
        joint.cold,
        joint.ladder,
        joint.hot,
    )
    hot, fixed, cut, base, turns, after = (
        work.hot,
        work.fixed,
        work.cut,
        work.base,
        work.turns,
        work.after,
    )
    whole, floors, record = rules.whole, rules.floors, events.record
    assets = flow.size
    for f in range(count):
        account = work.fallen[f]
        if turns[account, LAST] == 0:
            work.touched[work.lengths[TOUCHED]] = account
            work.lengths[TOUCHED] += 1
        turns[account, LAST] = turn
        if turns[account, FIRST] == 0:
            turns[account, FIRST] = turn
        v = joint.venue[account]
        begin, end = start[account], start[account + 1]
        equity, gross, fee, left = base[account], 0.0, 0.0, False
        if record or not whole:
            for i in range(begin, end):
                worth = hot[i, Z] * drivers[tags[i, DRIVER]]
                equity += worth + fixed[i]
                gross += abs(worth)
        # steps are for accounts that they can save: one with nothing left, or with no more than
        # a rounding after a fee that took all, is taken over in full
        kind = rules.steps[v, 0] if not whole and equity > TIE * gross else FULL
        for i in range(begin, end):
            z = hot[i, Z]
            if z == 0.0:
                continue
            d = tags[i, DRIVER]
            worth = z * drivers[d]
            value = abs(worth)
            a = d if d < assets else d - assets
            usd = value if a == d else cold[i, FACE] * abs(z / original[i, Z])
            share = 1.0
            if kind == FRACTION:
                if usd > rules.rates[v, 1] and cut[i] == 0:
                    cut[i] = 1
                    share = rules.rates[v, 0]
            elif kind == TIERS_DOWN:
                mode, row = ladder[i, MODE], ladder[i, LADDER]
                size = value
                if mode != BY_VALUE:
                    unit = CONTRACTS if mode == BY_CONTRACTS else COST
                    size = abs(cold[i, unit] * (z / original[i, Z]))
                # a position cut to a floor counts as of the lower bracket from then on: the next
                # step takes whole brackets, not the sliver by which a price has since lifted its
                # value over the floor
                now = bracket_of(size, floors, row, True)
                if cut[i] > 0:
                    now = min(now, cut[i] - 1)
                target = now - rules.steps[v, 1] + 1
                if target >= 1:
                    cut[i] = target
                    share = 1.0 - floors[row, target] / size
            fee += value * share
            usd *= share
            forced[a] += usd
            flow[a] -= usd if (z > 0.0) == (a == d) else -usd
            if record:
                n = events.count[0]
                events.count[0] = n + 1
                if n < events.turn.size:
                    events.turn[n] = turn
                    events.position[n] = i
                    events.usd[n] = usd
                    events.stop[n] = False
            if share < 1.0:
                left = True
                keep = 1.0 - share
                base[account] += share * (worth + fixed[i])
                hot[i, Z] = z * keep
                fixed[i] *= keep
                follow(original, hot, fixed, base, cold, ladder, floors, rules.ladders, account, i)
            elif not whole:
                base[account] += worth + fixed[i]
                hot[i, Z] = 0.0
                fixed[i] = 0.0
        # the fee is taken from what is left of the margin, never below zero
        fee = min(rules.fees[v] * fee, max(equity, 0.0))
        if record:
            after[account, FEE] += fee
            # not the base: a fee that takes all that is left must leave 0, not a rounding
            after[account, EQUITY] = equity - fee
        if left:
            base[account] -= fee
            work.alarm[account] = -1.0
            work.near[work.lengths[NEAR]] = account
            work.lengths[NEAR] += 1
        else:
            work.alarm[account] = np.inf


@inner_kernel
def follow(original, hot, fixed, base, cold, ladder, floors, ladders, account, i):
    """After a partial close, the rate or margin that follows the smaller size.

    ``ladders`` holds the deductions and the rates of each schedule.
    """
    mode, row = ladder[i, MODE], ladder[i, LADDER]
    if mode == BY_VALUE:
        return
    kept = hot[i, Z] / original[i, Z]
    before = abs(cold[i, CONTRACTS if mode == BY_CONTRACTS else COST])
    was = bracket_of(before, floors, row, False)
    now = bracket_of(before * kept, floors, row, True)
    if mode == BY_CONTRACTS:
        hot[i, ADD] = original[i, ADD] + ladders[row, 1, now] - ladders[row, 1, was]
        return
    closing = cold[i, FIXED] - (ladders[row, 1, was] * before - ladders[row, 0, was])
    new = ladders[row, 1, now] * before * kept - ladders[row, 0, now] + closing * kept
    base[account] += fixed[i] - new
    fixed[i] = new


@inner_kernel
def further(before, after):
    """Whether a shock goes the way of the one before it, as far or further."""
    k = 0
    for a in range(before.size):
        if abs(before[a] - 1.0) > abs(before[k] - 1.0):
            k = a
    if before[k] == 1.0:
        return False
    scale = (after[k] - 1.0) / (before[k] - 1.0)
    apart = 0.0
    for a in range(before.size):
        apart = max(apart, abs(after[a] - 1.0 - scale * (before[a] - 1.0)))
    return scale >= 1.0 and apart <= 1e-15 * scale


@inner_kernel
def keep_early(joint, rules, work, before, after):
    """Set apart who fell at once and for good: a shock that goes further fells them too.

    Equity less requirement is concave along the way of the prices: an account that was above it
    before the shock and not at it stays below. What a step closes in full it also closes in full
    at a lower value; where ``after`` lifts the value of a leg the account is marked again.
    """
    start, tags, cold, hot, lengths = joint.start, joint.tags, joint.cold, joint.hot, work.lengths
    assets = before.size
    for h in range(lengths[TOUCHED]):
        row = work.touched[h]
        first, last = work.turns[row, FIRST], work.turns[row, LAST]
        if first != 1 or last != 1 or not joint.sound[row] or work.alarm[row] != np.inf:
            continue
        stays = rules.whole or rules.steps[joint.venue[row], 0] == FULL
        if not stays:
            stays = True
            for i in range(start[row], start[row + 1]):
                d = tags[i, DRIVER]
                if d < assets:
                    stays &= after[d] <= before[d]
                else:
                    stays &= after[d - assets] >= before[d - assets]
        if not stays:
            continue
        work.gone[row] = True
        work.settled[row] = np.inf
        work.early[lengths[EARLY]] = row
        lengths[EARLY] += 1
        for i in range(start[row], start[row + 1]):
            d, z = tags[i, DRIVER], hot[i, Z]
            usd = abs(z) if d < assets else cold[i, FACE]
            work.sums[GROSS, d] += usd
            work.sums[NET, d] += usd if (z > 0.0) == (d < assets) else -usd


@inner_kernel
def forget_early(joint, work):
    """Have every account marked again."""
    for h in range(work.lengths[EARLY]):
        row = work.early[h]
        work.gone[row] = False
        work.settled[row] = joint.alarm[row]
        work.alarm[row] = joint.alarm[row]
    work.lengths[EARLY] = 0
    for d in range(work.sums.shape[1]):
        work.sums[GROSS, d] = 0.0
        work.sums[NET, d] = 0.0


@inner_kernel
def add_early(work, factor, forced, flow):
    """Book the first round of the accounts set apart. Returns how many."""
    assets = factor.size
    for a in range(assets):
        forced[a] += work.sums[GROSS, a] * factor[a] + work.sums[GROSS, assets + a]
        flow[a] -= work.sums[NET, a] * factor[a] + work.sums[NET, assets + a]
    return work.lengths[EARLY]


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
            path.factor[turn + 1, a] = shock[a] * np.exp(move(flow[a], depth[a], exponent))
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
        if rules.whole:
            continue
        work.base[account] = joint.base[account]
        for i in range(start[account], start[account + 1]):
            work.cut[i] = 0
            work.hot[i, Z] = joint.hot[i, Z]
            work.hot[i, ADD] = joint.hot[i, ADD]
            work.fixed[i] = joint.cold[i, FIXED]
    lengths[NEAR], lengths[WOKEN], lengths[TOUCHED], lengths[BLOCKS] = 0, 0, 0, 0


@kernel
def end_of_lone(groups, bounds, factor, positions, lone, rate, partial, turn, end):
    """Where accounts of one position end; ``bounds`` as in a path, ``factor`` of R + 1 rows.

    ``lone`` holds, by member of the groups, the account, z * u, balance less z * u0, the mark of
    inverse contracts (else 0) and USD at mark; ``rate`` is the fee by member where closings pay
    one. Writes the round, USD equity and fee, whether closed and the last round by account into
    ``turn`` and ``end``, and the closings from the first group on. Returns how many closings.
    """
    account, worth, rest, mark, usd = lone
    equity, fee, closed, last = end
    where, when, dollars, by_stop = positions
    rounds = factor.shape[0] - 1
    count = 0
    for g in range(groups.asset.size):
        if groups.waking[g]:
            continue
        a = groups.asset[g]
        begin = groups.offset[g]
        for r in range(rounds + 1):
            # the last turn is rest: whoever has not left by then stands
            gone = r < rounds
            end_at = bounds[r + 1, g] if gone else groups.offset[g + 1]
            phi = factor[r, a]
            u = 1.0 / phi if groups.inverse[g] else phi
            for i in range(begin, end_at):
                m = account[i]
                unit = mark[i] * phi if groups.inverse[g] else 1.0
                left = worth[i] * u + rest[i]
                closed[m] = gone
                if gone:
                    where[count] = i
                    when[count] = r + 1
                    dollars[count] = usd[i] if groups.inverse[g] else usd[i] * phi
                    by_stop[count] = groups.stop[g]
                    count += 1
                    last[m] = r + 1
                    if not groups.stop[g]:
                        turn[m] = r + 1
                        if partial:
                            paid = min(rate[i] * abs(worth[i]) * u, max(left, 0.0))
                            left -= paid
                            fee[m] = paid * unit
                equity[m] = left * unit
            begin = end_at
    return count


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
    return shocks.shape[0]
