"""Smoothing of marks, compiled."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from seawall._jit import hook
from seawall.core import _columns as c
from seawall.rulebook.levers import _window as w

Grid = NDArray[np.float64]
Row = NDArray[np.float64]

# parameters: a head, then for each market where its memory lies, or -1
BY_MEDIAN, WINDOW, SIZE = range(3)
HEAD = 3


@hook
def smooth(markets: Grid, own: Row, p: Row, clock: Row, key: int, orders: Grid) -> None:
    """Replace the mark by its running mean or median; a venue that is down does not mark."""
    keep = math.exp(-clock[c.DT] / p[WINDOW])
    for i in range(markets.shape[0]):
        room = int(p[HEAD + i])
        mark = markets[i, c.MARK]
        if room < 0 or mark <= 0.0 or markets[i, c.SESSION] == c.DOWN:
            continue
        if p[BY_MEDIAN] > 0.0:
            markets[i, c.MARK] = w.median_push(own, room, int(p[SIZE]), mark)
        else:
            before = own[room] if own[room] > 0.0 else mark
            own[room] = mark + keep * (before - mark)
            markets[i, c.MARK] = own[room]
