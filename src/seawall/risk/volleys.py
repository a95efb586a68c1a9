"""Whether a feed with one event a slot hides volleys: several events within a part of a slot.

Which slots are occupied tells nothing of them, but when the events shown stand does. A volley that
falls on the end of a slot shows one event on either side, closer together than chance puts them.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

WITHIN = (0.2, 0.05, 0.01, 0.002)
"""Parts of a slot that two events shown in neighbouring slots may stand apart to be close."""
_CHANCE = 1e-3
_MOST = 500.0


def close_pairs(time: Ints, adjacent: NDArray[np.bool_], length: int) -> Ints:
    """Pairs that are closer than each of :data:`WITHIN`, among events in neighbouring slots.

    Parameters
    ----------
    time
        Shape (n,): ns, ascending.
    adjacent
        Shape (n - 1,): whether an event and its next stand in neighbouring slots.
    length
        Of a slot, ns.
    """
    apart = np.diff(time)[adjacent]
    return np.array([(apart < w * length).sum() for w in WITHIN], dtype=np.int64)


def expected_pairs(rate: Floats, latest: bool) -> Floats:
    """The same as expected of a Poisson process.

    Parameters
    ----------
    rate
        Events a slot, shape (pairs,).
    latest
        Whether slots show their latest event; if not, where it stands in its slot is even.

    Notes
    -----
    The latest of a slot stands ``a`` before its end with density ``λ exp(-λ a) / (1 - exp(-λ))``,
    whichever slot it is. Two in a row are closer than ``w`` with chance
    ``(cosh λw - 1) / (2 cosh λ - 2)``; where they stand evenly, ``w² / 2``. Neither asks where the
    slots begin.
    """
    within = np.array(WITHIN)
    if not latest:
        return len(rate) * within**2 / 2
    half = np.clip(rate, 1e-6, 50.0) / 2
    chance = (np.sinh(half[:, None] * within) / np.sinh(half)[:, None]) ** 2 / 2
    return np.asarray(chance.sum(axis=0))


def hides_volleys(pairs: Ints, expected: Floats) -> bool:
    """Whether pairs are closer than chance would put them, one time in a thousand."""
    chances = [chance_of_as_many(int(n), float(e)) for n, e in zip(pairs, expected, strict=True)]
    return min(chances) < _CHANCE / len(WITHIN)


def chance_of_as_many(count: int, mean: float) -> float:
    """Chance that a Poisson count is ``count`` or more; by its normal limit where large."""
    if count <= 0:
        return 1.0
    if mean > _MOST:
        return 0.5 * math.erfc((count - 0.5 - mean) / math.sqrt(2 * mean))
    if mean <= 0.0:
        return 0.0
    if count > mean:
        # from the first term upwards, so that small chances keep their digits
        term = math.exp(count * math.log(mean) - mean - math.lgamma(count + 1))
        total, k = 0.0, count
        while term > total * 1e-15:
            total += term
            k += 1
            term *= mean / k
        return total
    terms = [math.exp(j * math.log(mean) - mean - math.lgamma(j + 1)) for j in range(count)]
    return max(0.0, 1.0 - math.fsum(terms))
