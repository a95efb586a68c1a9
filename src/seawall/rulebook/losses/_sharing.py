"""Ways to share an amount over rows: by rank, in proportion, by lot. Nothing here knows a venue.

Every function gives each row between 0 and its room and all of them together no more than the
amount, to the last bit of their sum; equal rows share alike.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def finite(values: Floats) -> Floats:
    """The values, 0 where one is not a number or infinite."""
    return np.nan_to_num(np.asarray(values, dtype=np.float64), nan=0.0, posinf=0.0, neginf=0.0)


def amount(value: float) -> float:
    """The value if it is a number above 0, else 0."""
    return float(value) if math.isfinite(value) and value > 0 else 0.0


def in_order(limit: float, room: Floats, score: Floats) -> Floats:
    """Fill rows from the highest score down; rows of one score in proportion to their room."""
    given = np.zeros(len(room))
    rows = np.flatnonzero(room > 0)
    if limit <= 0 or rows.size == 0:
        return given
    _, group = np.unique(-score[rows], return_inverse=True)
    of_group = np.bincount(group, room[rows])
    before = np.cumsum(of_group) - of_group
    with np.errstate(over="ignore"):
        share = np.clip((limit - before) / of_group, 0.0, 1.0)[group]
    given[rows] = np.where(share >= 1.0, room[rows], room[rows] * share)
    return within(given, limit, room)


def in_proportion(limit: float, weight: Floats, room: Floats) -> Floats:
    """Share by weight; what a row has no room for falls on the others, by weight again."""
    given = np.zeros(len(room))
    rows = np.flatnonzero((room > 0) & (weight > 0) & np.isfinite(weight))
    if limit <= 0 or rows.size == 0:
        return given
    r = room[rows]
    if r.sum() <= limit:
        given[rows] = r
        return given
    w = weight[rows] / weight[rows].max()
    plain = w * (limit / w.sum())
    if (plain <= r).all():
        given[rows] = plain
        return within(given, limit, room)
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        ratio = r / w
        order = np.argsort(ratio, kind="stable")
        full = np.cumsum(r[order]) - r[order]
        rest = np.cumsum(w[order][::-1])[::-1]
        level = (limit - full) / rest
        # rows before the first whose ratio exceeds the level are full
        at = int(np.argmax(level <= ratio[order]))
        given[rows] = np.minimum(r, np.maximum(level[at], 0.0) * w)
    return within(given, limit, room)


def down_to_level(limit: float, size: Floats, base: Floats, room: Floats) -> Floats:
    """Take from the rows of the greatest size / base until all with room left stand at one level.

    ``base`` must be above 0 where ``room`` is, and ``room`` at most ``size``.
    """
    taken = np.zeros(len(size))
    rows = np.flatnonzero((room > 0) & (base > 0))
    if limit <= 0 or rows.size == 0:
        return taken
    n, b, r = size[rows], base[rows], room[rows]
    if r.sum() <= limit:
        taken[rows] = r
        return taken
    # as the level falls a row begins to give at n / b and has given all its room at (n - r) / b
    level = np.concatenate([n / b, (n - r) / b])
    order = np.argsort(-level, kind="stable")
    level, rate = level[order], np.cumsum(np.concatenate([b, -b])[order])
    # taken in all when the level has come down to each of these
    total = np.append(0.0, np.cumsum(np.maximum(rate[:-1], 0.0) * -np.diff(level)))
    at = int(np.searchsorted(total, limit)) - 1
    stop = level[at] - (limit - total[at]) / rate[at] if rate[at] > 0 else level[at]
    taken[rows] = np.clip(n - stop * b, 0.0, r)
    return within(taken, limit, room)


def lots(columns: tuple[Floats, ...], rng: np.random.Generator) -> Floats:
    """A lot in [0, 1) for every row, drawn from its contents and one number of ``rng``.

    Rows draw the same whatever their order; rows alike in all columns draw alike.
    """
    with np.errstate(over="ignore"):
        state = np.full(len(columns[0]), rng.integers(0, 2**64, dtype=np.uint64))
        for column in columns:
            # adding 0 turns -0.0 into 0.0
            state = _mixed(state ^ (np.asarray(column, dtype=np.float64) + 0.0).view(np.uint64))
    return np.asarray((state >> np.uint64(11)) * 2.0**-53)


def _mixed(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """One step of splitmix64 (Steele, Lea and Flood, OOPSLA 2014)."""
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(x ^ (x >> np.uint64(31)))


def within(given: Floats, limit: float, room: Floats) -> Floats:
    """Take off what rounding has put on top of ``limit``, from rows that are not full first."""
    while (excess := max(float(given.sum()), math.fsum(given)) - limit) > 0:
        loose = (given > 0) & (given < room)
        if not loose.any():
            loose = given > 0
        held = float(given[loose].sum())
        less = max(0.0, 1.0 - 2.0 * excess / held - 2.0**-50) if held > excess else 0.0
        given = given.copy()
        # the smallest numbers have no bits left to scale: they step down one by one
        given[loose] = np.minimum(given[loose] * less, np.nextafter(given[loose], 0.0))
    return given
