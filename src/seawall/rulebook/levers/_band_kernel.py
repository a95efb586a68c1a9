"""Price bands, compiled. They are set before orders are executed, on prices of the step before."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seawall._jit import hook, inner_kernel
from seawall.core import _columns as c
from seawall.rulebook.levers import _window as w

Grid = NDArray[np.float64]
Row = NDArray[np.float64]

# parameters: a head, then for each market where its window lies, or -1
RULE, DOWN, UP, PREMIUM_BAND, OPENING_BAND, OPENING_SECONDS, WINDOW = range(7)
HEAD = 7

AROUND_INDEX, AROUND_MARK, AROUND_MEAN, WITH_PREMIUM = range(4)


@inner_kernel
def _edges(markets: Grid, own: Row, p: Row, i: int, room: int, now: float) -> tuple[float, float]:
    """Lowest and highest price at which market i fills orders."""
    if p[RULE] == AROUND_MARK:
        middle = markets[i, c.MARK]
    elif p[RULE] == AROUND_MEAN:
        middle = w.mean_of(own, room)
    else:
        middle = markets[i, c.INDEX]
    if p[RULE] != WITH_PREMIUM:
        return middle * (1.0 - p[DOWN]), middle * (1.0 + p[UP])
    if now < p[OPENING_SECONDS]:
        x = p[OPENING_BAND]
        return middle * (1.0 - x), middle * (1.0 + x)
    y, premium = p[PREMIUM_BAND], w.mean_of(own, room)
    low = max(min(middle, middle * (1.0 - y) + premium), middle * (1.0 - p[DOWN]))
    high = min(max(middle, middle * (1.0 + y) + premium), middle * (1.0 + p[UP]))
    return low, high


@hook
def bands(markets: Grid, own: Row, p: Row, clock: Row, key: int, orders: Grid) -> None:
    """Narrow the bands of the chosen markets; a band that is already narrower stays."""
    for i in range(markets.shape[0]):
        room = int(p[HEAD + i])
        if room < 0 or markets[i, c.INDEX] <= 0.0:
            continue
        if p[RULE] == AROUND_MEAN:
            w.mean_push(own, room, int(p[WINDOW]), markets[i, c.MID])
        elif p[RULE] == WITH_PREMIUM:
            w.mean_push(own, room, int(p[WINDOW]), markets[i, c.MID] - markets[i, c.INDEX])
        low, high = _edges(markets, own, p, i, room, clock[c.SECONDS])
        markets[i, c.BAND_LOW] = max(markets[i, c.BAND_LOW], low)
        markets[i, c.BAND_HIGH] = min(markets[i, c.BAND_HIGH], high)
