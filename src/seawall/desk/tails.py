"""Residuals to draw from: what was seen, with tails that reach beyond it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Singles = NDArray[np.float32]

TAIL = 0.05
"""Share of the residuals, on either side, that the generalised Pareto law replaces."""
COPIES = 8
"""Rows that each row seen becomes: they differ where it lies in a tail."""
_SHAPES = (-0.5, 0.5)
CLOSE, LOW, HIGH = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Tail:
    """Generalised Pareto law of what lies beyond a threshold: shape ξ and scale β."""

    threshold: float
    shape: float
    scale: float
    count: int


@dataclass(frozen=True, slots=True, eq=False)
class Residuals:
    """Rows of residuals that are drawn together.

    Attributes
    ----------
    rows
        Shape (COPIES * T, 3, A): close, low and high of a step in standard deviations of its
        close, from the close before, the T steps seen in their order and then their copies.
        Closes have mean 0.
    below, above
        By asset: the tails of the lowest and of the highest point.
    """

    rows: Singles
    below: tuple[Tail, ...]
    above: tuple[Tail, ...]

    def drawn(self, at: Ints, rng: np.random.Generator) -> Singles:
        """Shape (n, 3, A): one of the copies of each of the steps ``at`` (n,), 0 to T - 1."""
        return np.asarray(self.rows[at + self.seen * rng.integers(COPIES, size=len(at))])

    @property
    def seen(self) -> int:
        """T, the steps seen."""
        return len(self.rows) // COPIES


def with_tails(close: Floats, low: Floats, high: Floats) -> Residuals:
    """Rows with generalised Pareto tails.

    Parameters
    ----------
    close, low, high
        Shape (T, A): residuals as seen.

    Notes
    -----
    Each row becomes :data:`COPIES`. Where a value lies in a tail it takes the fitted law's
    quantile within its rank's share of probability instead: the order of rows in every asset's
    tail stays, and with it what falls together. The copies of a row take the same place within
    their shares in all assets. Source: McNeil and Frey, *Journal of Empirical Finance* 7 (2000);
    joint rows: Barone-Adesi, Giannopoulos and Vosper, *Journal of Futures Markets* 19 (1999).
    """
    places = (np.arange(COPIES) + 0.5) / COPIES
    rows = np.empty((COPIES, len(close), 3, close.shape[1]))
    below, above = [], []
    for a in range(close.shape[1]):
        for part, seen in ((CLOSE, close), (LOW, low), (HIGH, high)):
            values = np.tile(seen[:, a], (COPIES, 1))
            if part != HIGH:
                tail = _replace(values, -seen[:, a], -1.0, places)
                if part == LOW:
                    below.append(tail)
            if part != LOW:
                tail = _replace(values, seen[:, a], 1.0, places)
                if part == HIGH:
                    above.append(tail)
            rows[:, :, part, a] = values
    drift = rows[:, :, CLOSE].mean(axis=(0, 1))
    rows -= drift
    rows[:, :, LOW] = np.minimum(rows[:, :, LOW], np.minimum(rows[:, :, CLOSE], 0.0))
    rows[:, :, HIGH] = np.maximum(rows[:, :, HIGH], np.maximum(rows[:, :, CLOSE], 0.0))
    flat = rows.reshape(-1, 3, close.shape[1]).astype(np.float32)
    return Residuals(flat, tuple(below), tuple(above))


def fit_tail(values: Floats) -> Tail:
    """The upper tail of values: those above their 95th percentile, by maximum likelihood."""
    from scipy.stats import genpareto

    threshold = float(np.quantile(values, 1.0 - TAIL))
    excess = values[values > threshold] - threshold
    shape, _, scale = genpareto.fit(excess, floc=0.0)
    if not _SHAPES[0] <= shape <= _SHAPES[1]:
        shape = float(np.clip(shape, *_SHAPES))
        # with the shape held, the scale that gives the mean that was seen
        scale = float(excess.mean()) * (1.0 - shape)
    return Tail(threshold, float(shape), float(scale), len(excess))


def _replace(values: Floats, seen: Floats, sign: float, places: Floats) -> Tail:
    """Write the fitted quantiles of the upper tail of ``seen`` into ``values``, (copies, T)."""
    from scipy.stats import genpareto

    tail = fit_tail(seen)
    beyond = np.flatnonzero(seen > tail.threshold)
    rank = np.argsort(np.argsort(seen[beyond], kind="stable"), kind="stable")
    chance = (rank + places[:, None]) / tail.count
    quantile = genpareto.ppf(chance, tail.shape, scale=tail.scale)
    values[:, beyond] = sign * (tail.threshold + quantile)
    return tail
