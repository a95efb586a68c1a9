"""Which share of a position a venue closes at one step of a liquidation."""

from __future__ import annotations

import math

import numpy as np

from seawall._jit import inner_kernel, kernel

FULL, TIERS_DOWN, FRACTION, SLICES, JUST_ENOUGH = range(5)
"""What a venue closes at one step: all, down some brackets, a fraction of large positions, slices
of all, the share of all that lets the account stand."""


@inner_kernel
def bracket_of(size, floors, row, above):
    """Bracket of a size; with ``above`` a size on a floor is of the bracket below it."""
    slack = 1.0 + 1e-9 if above else 1.0
    k = 0
    while k + 1 < floors.shape[1] and size >= floors[row, k + 1] * slack:
        k += 1
    return k


@inner_kernel
def tiers_down(size, floors, row, tiers, before):
    """Share that takes a size some brackets down, and the bracket it is then cut to.

    A position cut to a floor counts as of the lower bracket from then on (``before``, 0 at
    first): the next step takes whole brackets, not the sliver by which a price has since lifted
    its value over the floor.
    """
    now = bracket_of(size, floors, row, True)
    if before > 0:
        now = min(now, before - 1)
    target = now - tiers + 1
    if target < 1:
        return 1.0, before
    return 1.0 - floors[row, target] / size, target


@inner_kernel
def slice_usd(usd, fraction, least):
    """USD of a position that a venue which closes by slices closes at one step."""
    return min(max(fraction * usd, least), usd)


@inner_kernel
def in_whole_steps(part, usd, least):
    """Share of a position that is ``part`` of it rounded up to whole steps of ``least`` USD."""
    closed = math.ceil(part * usd / least) * least if least > 0.0 else part * usd
    return min(closed / usd, 1.0)


@kernel
def rating(equity, maintenance, adjustment):
    """As :func:`seawall.margin.closing.bankruptcy_rating`, of numbers or arrays."""
    short = adjustment * (1.0 - equity / maintenance)
    return np.minimum(np.maximum(short, 0.0), 1.0)


@kernel
def fillable(side, price, rate, equity, maintenance, adjustment, spread):
    """As :func:`seawall.margin.closing.fillable_price`, of numbers or arrays."""
    return price * (1.0 - side * rating(equity, maintenance, adjustment) * spread * rate)
