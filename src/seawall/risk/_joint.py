"""Kernels that mark and close accounts: stops, liquidation, brackets after a partial close."""

from __future__ import annotations

import numpy as np

from seawall._jit import inner_kernel
from seawall.risk._layout import (
    ADD,
    DOWN,
    DRIVER,
    EQUITY,
    FACE,
    FAR_DOWN,
    FAR_UP,
    FEE,
    FIRST,
    FULL,
    LAST,
    NEAR,
    SLICES,
    TABLE,
    TIE,
    TOUCHED,
    UP,
    Z,
)
from seawall.risk._steps import follow, part_of, step


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
        due = alarm[account]
        if not stops[account] or fall[account] * down + rise[account] * up < due or due == np.inf:
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
            work.altered[account] = True
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
    bent, curves = rules.bent, rules.curves
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
            if bent:
                need += curves[t] * value * value
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
def write_down(events, turn, position, usd):
    """Note one forced closing where there is room; always count it."""
    n = events.count[0]
    events.count[0] = n + 1
    if n < events.turn.size:
        events.turn[n] = turn
        events.position[n] = position
        events.usd[n] = usd
        events.stop[n] = False


@inner_kernel
def touch(turns, touched, lengths, account, turn):
    """Note the first and the last round in which an account was liquidated."""
    if turns[account, LAST] == 0:
        touched[lengths[TOUCHED]] = account
        lengths[TOUCHED] += 1
    turns[account, LAST] = turn
    if turns[account, FIRST] == 0:
        turns[account, FIRST] = turn


@inner_kernel
def liquidate(joint, rules, work, events, count, drivers, turn, forced, flow):
    """Close the accounts in ``work.fallen`` by their venues' steps.

    Fees and equity are kept where they count: when closings are written down, or when what is
    left of an account goes on. ``rules.steps`` holds a venue's kind of step and how many
    brackets down, ``rules.rates`` its fraction and the bounds of its steps in USD.
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
        touch(turns, work.touched, work.lengths, account, turn)
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
        part = 1.0
        if kind >= SLICES:
            part = part_of(kind, joint, rules, work, drivers, account, v, equity, assets)
        if kind != FULL:
            # most accounts are small and their first step is their last: nothing of theirs changes
            once = True
            for i in range(begin, end):
                z, d = hot[i, Z], tags[i, DRIVER]
                if z != 0.0 and once:
                    value = abs(z * drivers[d])
                    resized = z / original[i, Z]
                    usd = value if d < assets else cold[i, FACE] * abs(resized)
                    share, _ = step(kind, rules, v, cut, i, usd, value, resized, cold, ladder, part)
                    once = share == 1.0
            if once:
                kind = FULL
            else:
                work.altered[account] = True
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
            if kind != FULL:
                resized = z / original[i, Z]
                share, cut[i] = step(
                    kind, rules, v, cut, i, usd, value, resized, cold, ladder, part
                )
            fee += value * share
            usd *= share
            forced[a] += usd
            flow[a] -= usd if (z > 0.0) == (a == d) else -usd
            if record:
                write_down(events, turn, i, usd)
            if share < 1.0:
                left = True
                keep = 1.0 - share
                base[account] += share * (worth + fixed[i])
                hot[i, Z] = z * keep
                fixed[i] *= keep
                follow(original, hot, fixed, base, cold, ladder, floors, rules.ladders, account, i)
            elif kind != FULL:
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
