"""Kernels of the ranks by which winners are deleveraged: each formula once, for one position."""

from __future__ import annotations

import numpy as np

from seawall._jit import inner_kernel, kernel

# how a venue ranks its winners; the last two ask no figure
MARGIN_RATIO, LEVERAGE, PRICE_RATIO, RANDOM, NONE = 0, 1, 2, 3, 4

_MOST = np.finfo(np.float64).max


@inner_kernel
def finite(score):
    """Not a number counts as 0, what is beyond all numbers as the greatest."""
    if np.isnan(score):
        return 0.0
    return min(max(score, -_MOST), _MOST)


@inner_kernel
def rank_of(rank, side, entry, mark, notional, cost, pnl, balance, equity, maintenance):
    """Place of a position in the queue, higher goes first; see ``margin.deleveraging``."""
    if rank == MARGIN_RATIO:
        ratio = maintenance / equity if equity > 0.0 else 0.0
        gain = 0.0 if pnl < 0.0 else pnl
        return gain / (1.0 if balance < 1.0 else balance) * ratio
    if rank == LEVERAGE:
        leverage = notional / equity if equity > 0.0 else np.inf
        change = pnl / cost
        if change > 0.0:
            return finite(change * leverage)
        return finite(change / (1e-12 if leverage < 1e-12 else leverage))
    if rank == PRICE_RATIO:
        gain = mark / entry if side > 0.0 else entry / mark
        return finite(gain * (notional / equity if equity > 0.0 else 0.0))
    return 0.0


@kernel
def ranks(rank, columns, out):
    """The same for many; ``columns`` has a row for each figure, in the order of ``rank_of``."""
    for i in range(out.size):
        out[i] = rank_of(
            rank,
            columns[0, i],
            columns[1, i],
            columns[2, i],
            columns[3, i],
            columns[4, i],
            columns[5, i],
            columns[6, i],
            columns[7, i],
            columns[8, i],
        )
