"""Ends of the sizes that meet a limit, found between the points of a grid."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Passes = Callable[[Floats], Mask]
"""Tells of sizes (S,) which meet the limit."""

_ZOOMS = 2


def largest(sizes: Floats, met: Mask, passes: Passes) -> float:
    """Largest size that meets a limit, from below; 0 if none of the grid's does.

    Parameters
    ----------
    sizes, met
        Shape (S,): the grid, rising, and which of it meets the limit.
    """
    if not met.any():
        return 0.0
    k = int(np.flatnonzero(met)[-1])
    low = float(sizes[k])
    if k + 1 == len(sizes):
        return low
    high = float(sizes[k + 1])
    for _ in range(_ZOOMS):
        between = _between(low, high, len(sizes))
        inside = np.flatnonzero(passes(between[1:-1]))
        last = int(inside[-1]) + 1 if len(inside) else 0
        low, high = float(between[last]), float(between[last + 1])
    return low


def least(sizes: Floats, met: Mask, passes: Passes) -> float:
    """Least size that meets a limit, from above; 0 if the grid's first or none of it does."""
    if met[0] or not met.any():
        return 0.0
    k = int(np.argmax(met))
    low, high = float(sizes[k - 1]), float(sizes[k])
    for _ in range(_ZOOMS):
        between = _between(low, high, len(sizes))
        inside = np.flatnonzero(passes(between[1:-1]))
        first = int(inside[0]) + 1 if len(inside) else len(between) - 1
        low, high = float(between[first - 1]), float(between[first])
    return high


def _between(low: float, high: float, points: int) -> Floats:
    return np.linspace(low, high, points // 2 + 2)
