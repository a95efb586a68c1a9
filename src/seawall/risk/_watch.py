"""Kernels that decide which accounts a round must mark: alarms, look-out, early work."""

from __future__ import annotations

import numpy as np

from seawall._jit import inner_kernel, kernel
from seawall.risk._layout import (
    BLOCK,
    BLOCKS,
    DOWN,
    DRIVER,
    EARLY,
    FACE,
    FAR_DOWN,
    FAR_UP,
    FARTHEST,
    FIRST,
    FULL,
    GROSS,
    JUST_ENOUGH,
    LAST,
    NEAR,
    NET,
    TOUCHED,
    UP,
    WOKEN,
    Z,
)


@kernel
def reaches(z, table, add, moving, account, rates, deductions, curves, fall, rise):
    """Add to each account what its positions lose at most as their drivers fall or rise by 1.

    The requirement's slope lies between the lowest bracket's rate and that of the bracket at the
    farthest driver, steeper by twice the curve times the value there; where a partial close
    changes the rate (not ``moving``) it is at least 0.
    """
    for i in range(z.size):
        t, size = table[i], abs(z[i])
        value = size * FARTHEST
        most, top = 0.0, -np.inf
        for k in range(rates.shape[1]):
            line = rates[t, k] * value - deductions[t, k]
            if line > top:
                most, top = rates[t, k], line
        most += add[i] + 2.0 * curves[t] * value
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
        kind = rules.steps[joint.venue[row], 0]
        stays = rules.whole or kind == FULL
        if not stays and kind != JUST_ENOUGH:
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
