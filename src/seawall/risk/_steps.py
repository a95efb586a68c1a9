"""Kernels of one step of a partial close: how much of a position, and what its margin becomes."""

from __future__ import annotations

from seawall._jit import inner_kernel
from seawall.margin._steps import bracket_of, in_whole_steps, slice_usd, tiers_down
from seawall.risk._layout import (
    ADD,
    BY_CONTRACTS,
    BY_UNITS,
    BY_VALUE,
    CONTRACTS,
    COST,
    DRIVER,
    FACE,
    FIXED,
    FRACTION,
    GROWN,
    JUST_ENOUGH,
    LADDER,
    LEAST,
    MODE,
    MOST,
    PORTION,
    SLICES,
    TABLE,
    THRESHOLD,
    TIE,
    Z,
)


@inner_kernel
def step(kind, rules, v, cut, i, usd, value, resized, cold, ladder, part):
    """Share of a position that its venue closes at this step, in (0, 1], and what ``cut`` becomes.

    ``usd`` and ``value`` are its notional in USD and in the settlement currency, ``resized`` what
    is left of its first size. ``cut`` remembers a first fraction, or the bracket it was cut to.
    ``part`` is the account's, see :func:`part_of`.
    """
    before = cut[i]
    if kind == FRACTION:
        if usd > rules.rates[v, THRESHOLD] and before == 0:
            return rules.rates[v, PORTION], 1
        return 1.0, before
    if kind == SLICES:
        return slice_of(rules, v, usd) * part / usd, before
    if kind == JUST_ENOUGH:
        return in_whole_steps(part, usd, rules.rates[v, LEAST]), before
    mode, row, floors = ladder[i, MODE], ladder[i, LADDER], rules.floors
    size = value
    if mode != BY_VALUE:
        unit = CONTRACTS if mode == BY_CONTRACTS else COST
        size = abs(cold[i, unit] * resized)
    return tiers_down(size, floors, row, rules.steps[v, 1], before)


@inner_kernel
def slice_of(rules, v, usd):
    """USD of a position that a venue which closes by slices closes at one step."""
    return slice_usd(usd, rules.rates[v, PORTION], rules.rates[v, LEAST])


@inner_kernel
def stands(joint, rules, work, drivers, account, equity, fee, closed):
    """Whether an account meets its requirement after the same share of all positions is closed.

    Judged at the brackets of the present sizes, which ask no less than those after; ``fee`` is
    that of closing all.
    """
    hot, tags, cold = work.hot, joint.tags, joint.cold
    curves, line_rates, line_deductions = rules.curves, rules.lines[0], rules.lines[1]
    kept = 1.0 - closed
    need, reach = fee * closed, 0.0
    for i in range(joint.start[account], joint.start[account + 1]):
        z = hot[i, Z]
        if z == 0.0:
            continue
        t = tags[i, TABLE]
        value = abs(z * drivers[tags[i, DRIVER]]) * kept
        reach += value
        add = hot[i, ADD] - cold[i, GROWN] * closed * (z / joint.hot[i, Z])
        top = (line_rates[t, 0] + add) * value - line_deductions[t, 0]
        for k in range(1, line_rates.shape[1]):
            top = max(top, (line_rates[t, k] + add) * value - line_deductions[t, k])
        need += top + curves[t] * value * value + work.fixed[i] * kept
    # by more than what counts as a tie, which would fell it again
    return equity - need > 4.0 * TIE * reach


@inner_kernel
def part_of(kind, joint, rules, work, drivers, account, v, equity, assets):
    """What an account's step has in common for its positions.

    Slices: by how much they shrink so that all together keep to the most that the venue closes
    at once. Just enough: the least share of all after which the account stands, 1 where none
    does.
    """
    hot, tags, cold = work.hot, joint.tags, joint.cold
    total, fee = 0.0, 0.0
    for i in range(joint.start[account], joint.start[account + 1]):
        z = hot[i, Z]
        if z == 0.0:
            continue
        d = tags[i, DRIVER]
        value = abs(z * drivers[d])
        usd = value if d < assets else cold[i, FACE] * abs(z / joint.hot[i, Z])
        total += slice_of(rules, v, usd)
        fee += rules.fees[v] * value
    if kind == SLICES:
        return min(rules.rates[v, MOST] / total, 1.0) if total > 0.0 else 1.0
    low, high = 0.0, 1.0
    if kind != JUST_ENOUGH or not equity > fee:
        return high
    for _ in range(60):
        middle = 0.5 * (low + high)
        if stands(joint, rules, work, drivers, account, equity, fee, middle):
            high = middle
        else:
            low = middle
    return high


@inner_kernel
def follow(original, hot, fixed, base, cold, ladder, floors, ladders, account, i):
    """After a partial close, the rate or margin that follows the smaller size.

    ``ladders`` holds the deductions and the rates of each schedule.
    """
    mode, row = ladder[i, MODE], ladder[i, LADDER]
    if mode == BY_VALUE:
        return
    kept = hot[i, Z] / original[i, Z]
    if mode == BY_UNITS:
        hot[i, ADD] = original[i, ADD] - cold[i, GROWN] * (1.0 - kept)
        return
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
