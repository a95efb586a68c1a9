"""How much may be forced in a step, compiled."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seawall._jit import hook
from seawall.core import _columns as c

Grid = NDArray[np.float64]
Row = NDArray[np.float64]

# parameters: a head, then for each market whether it is chosen
RATE, LEAST, EVERY, SHARE = range(4)
HEAD = 4


@hook
def throttle(markets: Grid, own: Row, p: Row, clock: Row, key: int, orders: Grid) -> None:
    """Bound the forced orders of the step by a share of the thinner side's standing depth."""
    step, dt = int(clock[c.STEP]), clock[c.DT]
    for i in range(markets.shape[0]):
        if p[HEAD + i] <= 0.0:
            continue
        standing = min(markets[i, c.STANDING_BID], markets[i, c.STANDING_ASK])
        if p[EVERY] > 0.0:
            if step % int(p[EVERY]) != 0:
                allowed = 0.0
            elif np.isinf(p[SHARE]):
                allowed = np.inf
            else:
                allowed = max(p[SHARE] * standing, p[LEAST])
        else:
            allowed = max(p[RATE] * standing, p[LEAST]) * dt
        markets[i, c.ALLOWANCE] = min(markets[i, c.ALLOWANCE], allowed)
