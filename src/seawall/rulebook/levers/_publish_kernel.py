"""Publication of where liquidations are due, compiled."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seawall._jit import hook
from seawall.core import _columns as c

Grid = NDArray[np.float64]
Row = NDArray[np.float64]


@hook
def publish(markets: Grid, own: Row, p: Row, clock: Row, key: int, orders: Grid) -> None:
    """Tell the engine to fill in what is due near the price of the chosen markets."""
    for i in range(markets.shape[0]):
        if p[i] > 0.0:
            markets[i, c.DISCLOSED] = 1.0
