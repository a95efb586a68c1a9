"""Distributions a synthetic population is drawn from, each from a stream of its own name."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]


def stream(seed: int, name: str) -> np.random.Generator:
    """Random numbers of their own for a name: one more name shifts nobody else's draws."""
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


def apportion(weights: Floats, total: int) -> Counts:
    """Whole numbers in proportion to ``weights`` that sum to ``total``, by largest remainder.

    Every positive weight gets at least 1 if ``total`` suffices for that. Any shape.
    """
    flat = np.asarray(weights, dtype=np.float64).ravel()
    least = (flat > 0).astype(np.int64)
    if least.sum() > total:
        least[:] = 0
    share = flat / flat.sum() * total if flat.sum() > 0 else flat
    counts = np.maximum(np.floor(share).astype(np.int64), least)
    surplus = int(counts.sum()) - total
    if surplus < 0:
        counts[np.argsort(-(share - counts), kind="stable")[:-surplus]] += 1
    while surplus > 0:
        # the least ones taken above were paid for by nobody: the largest groups pay
        payers = np.argsort(-(counts - least), kind="stable")[:surplus]
        payers = payers[counts[payers] > least[payers]]
        counts[payers] -= 1
        surplus -= len(payers)
    return counts.reshape(np.shape(weights))


def fit_margins(start: Floats, rows: Floats, columns: Floats) -> Floats:
    """Table nearest to ``start`` with the given row and column sums (iterative proportions).

    Shapes (R, C), (R,), (C,); the two sums must agree. A cell that starts at 0 stays 0.

    Source
    ------
    Deming and Stephan (1940), Annals of Mathematical Statistics 11, 427-444.
    """
    table = np.array(start, dtype=np.float64)
    for _ in range(1000):
        table *= _ratio(rows, table.sum(axis=1))[:, None]
        table *= _ratio(columns, table.sum(axis=0))
        if np.allclose(table.sum(axis=1), rows, rtol=1e-12, atol=0):
            break
    return table


@dataclass(frozen=True, slots=True)
class SizeShape:
    """Shape of a distribution of sizes: log-normal with a Pareto tail.

    Parameters
    ----------
    log_sd
        Standard deviation of the log of the body.
    tail_share
        Share of draws that come from the tail, which begins where that share of the body ends.
    tail_index
        Exponent of the tail.
    """

    log_sd: float
    tail_share: float
    tail_index: float


def heavy_tailed(
    rng: np.random.Generator,
    count: int,
    total: float,
    bounds: tuple[float, float],
    shape: SizeShape,
) -> Floats:
    """``count`` sizes that sum to ``total``, within ``bounds`` (least, greatest).

    Where the bounds leave no room for the total they are widened to half and 1.5 times the mean.
    """
    if count == 0:
        return np.empty(0)
    size = np.exp(shape.log_sd * rng.standard_normal(count))
    start = np.exp(shape.log_sd * NormalDist().inv_cdf(1.0 - shape.tail_share))
    tail = rng.random(count) < shape.tail_share
    size[tail] = start * rng.random(int(tail.sum())) ** (-1.0 / shape.tail_index)
    mean = total / count
    least, most = min(bounds[0], 0.5 * mean), max(bounds[1], 1.5 * mean)
    return least + fit_total(size, total - count * least, most - least)


def fit_total(weights: Floats, total: float, cap: float) -> Floats:
    """``min(c * weights, cap)`` with the one c that makes it sum to ``total``."""
    ranked = np.sort(weights)[::-1]
    rest = np.concatenate((np.cumsum(ranked[::-1])[::-1], [0.0]))
    capped = np.arange(len(ranked))
    scale = (total - cap * capped) / rest[:-1]
    # the first k at which the largest uncapped size stays below the cap
    k = int(np.argmax(scale * ranked <= cap))
    size = np.minimum(scale[k] * weights, cap)
    return np.asarray(size * (total / size.sum()))


def rising(rng: np.random.Generator, count: int, low: float, high: float, power: float) -> Floats:
    """Draws between ``low`` and ``high`` whose distribution function is a power of the way."""
    return low + (high - low) * rng.random(count) ** (1.0 / power)


def round_step(price: float) -> float:
    """Spacing of the round prices that people choose: 1, 2 or 5 times ten, near 0.6%."""
    exponent = np.floor(np.log10(0.006 * price))
    lead = 0.006 * price / 10.0**exponent
    nearest = min((1.0, 2.0, 5.0, 10.0), key=lambda x: abs(np.log(x / lead)))
    return float(nearest * 10.0**exponent)


def attract(
    rng: np.random.Generator,
    price: Floats,
    step: float,
    share: float,
    error: float,
    between: tuple[float, float],
) -> Floats:
    """The same prices, a ``share`` of them moved to the nearest multiple of ``step``.

    Give or take a normal relative ``error``; those that would leave ``between`` stay.
    """
    near = np.round(price / step) * step * (1.0 + error * rng.standard_normal(len(price)))
    moved = (rng.random(len(price)) < share) & (near > between[0]) & (near < between[1])
    return np.where(moved, near, price)


def _ratio(wanted: Floats, got: Floats) -> Floats:
    return np.divide(wanted, got, out=np.zeros_like(got), where=got > 0)
