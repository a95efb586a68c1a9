"""Means, extremes and medians of the last so many values, in a row of plain memory.

Each window lies at ``base`` of a hook's memory and holds at most ``size`` values: :func:`mean_room`
and its sisters say how many numbers that takes. Memory of zeros is an empty window.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seawall._jit import inner_kernel

Row = NDArray[np.float64]


def mean_room(size: int) -> int:
    """Numbers that a window of a mean takes."""
    return 3 + size


def extremes_room(size: int) -> int:
    """Numbers that a window of the highest and the lowest value takes."""
    return 2 * (2 + 2 * size)


def median_room(size: int) -> int:
    """Numbers that a window of a median takes."""
    return 2 + 2 * size


@inner_kernel
def mean_of(own: Row, base: int) -> float:
    """Mean of what a window holds; it must hold something."""
    return float(own[base + 2] / own[base])


@inner_kernel
def mean_push(own: Row, base: int, size: int, value: float) -> None:
    """Add a value; the oldest leaves a full window."""
    count, place = int(own[base]), int(own[base + 1])
    first = base + 3
    if count == size:
        own[base + 2] -= own[first + place]
    else:
        own[base] = count + 1
    own[first + place] = value
    own[base + 2] += value
    place += 1
    if place == size:
        place = 0
        total = 0.0  # summed anew once a round, so that rounding cannot add up
        for k in range(size):
            total += own[first + k]
        own[base + 2] = total
    own[base + 1] = place


@inner_kernel
def _queue_push(own: Row, base: int, size: int, step: float, value: float, sign: float) -> None:
    """Drop what can no longer be the extreme, then append."""
    head, count = int(own[base]), int(own[base + 1])
    steps, values = base + 2, base + 2 + size
    while count > 0 and own[steps + head] <= step - size:
        head = (head + 1) % size
        count -= 1
    while count > 0 and sign * own[values + (head + count - 1) % size] <= sign * value:
        count -= 1
    at = (head + count) % size
    own[steps + at] = step
    own[values + at] = value
    own[base] = head
    own[base + 1] = count + 1


@inner_kernel
def extremes_push(own: Row, base: int, size: int, step: float, value: float) -> None:
    """Add the value of a step; values ``size`` or more steps older leave."""
    _queue_push(own, base, size, step, value, 1.0)
    _queue_push(own, base + 2 + 2 * size, size, step, value, -1.0)


@inner_kernel
def _queue_first(own: Row, base: int, size: int, step: float) -> float:
    """The extreme of the ``size`` steps before ``step``."""
    head, count = int(own[base]), int(own[base + 1])
    while count > 1 and own[base + 2 + head] < step - size:
        head = (head + 1) % size
        count -= 1
    return float(own[base + 2 + size + head])


@inner_kernel
def highest_of(own: Row, base: int, size: int, step: float) -> float:
    """Highest value of the ``size`` steps before ``step``; the window must hold something."""
    return float(_queue_first(own, base, size, step))


@inner_kernel
def lowest_of(own: Row, base: int, size: int, step: float) -> float:
    """Lowest value of the ``size`` steps before ``step``; the window must hold something."""
    return float(_queue_first(own, base + 2 + 2 * size, size, step))


@inner_kernel
def median_push(own: Row, base: int, size: int, value: float) -> float:
    """Add a value and return the median of what the window then holds."""
    count, place = int(own[base]), int(own[base + 1])
    ring, ranked = base + 2, base + 2 + size
    if count == size:
        gone = own[ring + place]
        k = 0
        while own[ranked + k] != gone:
            k += 1
        while k < count - 1:
            own[ranked + k] = own[ranked + k + 1]
            k += 1
        count -= 1
    k = count
    while k > 0 and own[ranked + k - 1] > value:
        own[ranked + k] = own[ranked + k - 1]
        k -= 1
    own[ranked + k] = value
    count += 1
    own[ring + place] = value
    own[base] = count
    own[base + 1] = (place + 1) % size
    half = count // 2
    if count % 2 == 1:
        return float(own[ranked + half])
    return float(0.5 * (own[ranked + half - 1] + own[ranked + half]))
