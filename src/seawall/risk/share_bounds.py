"""How large a part of the whole can be, where some parts are only known to be at least so much."""

from __future__ import annotations

from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

ENDS = (0.05, 0.95)


class ShareLabel(StrEnum):
    """Which ends of a share hold: a share is of the whole, so others' gaps are its own."""

    MEASURED = "measured"
    IMPORTED = "as imported"
    MODELLED = "modelled"
    LOWER_BOUND = "lower bound"
    """The part alone is only known from below."""
    UPPER_BOUND = "upper bound"
    """Others are only known from below, the part is known."""
    UNBOUNDED = "not bounded"
    """The part and another are only known from below."""


def share_bounds(drawn: Floats, floors: Mask) -> tuple[Floats, Floats]:
    """Least and most share of each part.

    A part that may be of any size above its floor leaves its own share without an upper end but
    1, and that of every other without a lower end but 0.

    Parameters
    ----------
    drawn
        Shape (parts, draws): draws of each part; of one that is only known from below its floor.
    floors
        Shape (parts,): which are only known from below.

    Returns
    -------
    low, high
        Shape (parts,) each: the 5% of the least and the 95% of the most over the draws.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = drawn / drawn.sum(axis=0)
    low, high = (np.quantile(ratio, q, axis=1) for q in ENDS)
    low[(int(floors.sum()) - floors) > 0] = 0.0
    high[floors] = 1.0
    return low, high


def top_bounds(drawn: Floats, floors: Mask, top: int) -> tuple[float, float]:
    """Least and most share that the largest ``top`` parts together can have, whichever they are.

    Notes
    -----
    The share of the largest falls where a larger part shrinks and where a smaller one grows up to
    them, so that at its least each part stands at one level ``m``, or as close to it as it may.
    Between two floors it then moves one way with ``m``: it is least at a floor, or with all
    that are only known from below grown out of sight.
    """
    least = np.empty(drawn.shape[1])
    for k in range(drawn.shape[1]):
        parts = drawn[:, k]
        level = np.where(floors[:, None], np.maximum(parts[:, None], parts), parts[:, None])
        least[k] = _of_largest(level, top).min()
    free = int(floors.sum())
    if not free:
        low, high = np.quantile(_of_largest(drawn, top), ENDS)
        return float(low), float(high)
    return min(float(np.quantile(least, ENDS[0])), min(top, free) / free), 1.0


def _of_largest(parts: Floats, top: int) -> Floats:
    """Share of the ``top`` largest in each column."""
    sorted_parts = np.sort(parts, axis=0)[::-1]
    with np.errstate(invalid="ignore", divide="ignore"):
        share: Floats = sorted_parts[:top].sum(axis=0) / sorted_parts.sum(axis=0)
    return share
