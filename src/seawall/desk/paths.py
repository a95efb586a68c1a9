"""Simulated prices of several assets, and the plain Brownian ones that check the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from seawall.core import InputError, InternalError, Mistake

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]

DAY = 86_400.0


@dataclass(frozen=True, slots=True, eq=False)
class Paths:
    """Prices to come, path by path, as log changes since the start.

    Attributes
    ----------
    assets
        Names of the last axis.
    ends
        Shape (T,): seconds from the start to the end of each step, rising. Steps may differ in
        length.
    close, low, high
        Shape (n, T, A): log of the price over that at the start, at the end of the step and at
        its lowest and highest within the step.
    """

    assets: tuple[str, ...]
    ends: Floats
    close: Singles
    low: Singles
    high: Singles

    def __post_init__(self) -> None:
        shapes = {self.close.shape, self.low.shape, self.high.shape}
        wanted = (len(self.close), len(self.ends), len(self.assets))
        if shapes != {wanted}:
            raise InternalError(f"paths of shapes {sorted(shapes)} instead of {wanted}")

    @property
    def count(self) -> int:
        """Paths."""
        return len(self.close)

    @property
    def seconds(self) -> float:
        """Length of the paths."""
        return float(self.ends[-1])

    @property
    def lengths(self) -> Floats:
        """Shape (T,): seconds of each step."""
        return np.diff(self.ends, prepend=0.0)

    def steps(self, horizon: float) -> int:
        """Steps that end within ``horizon`` seconds.

        Raises
        ------
        InputError
            If none of the steps ends there.
        """
        found = int(np.searchsorted(self.ends, horizon * (1.0 + 1e-9), side="right"))
        if found == 0 or abs(float(self.ends[found - 1]) - horizon) > 1e-6 * horizon:
            # what is known of an earlier end is less than what was asked
            near = self.ends[max(0, found - 1) : found + 1]
            raise InputError(
                Mistake(
                    "no step of the prices ends at this horizon",
                    value=f"{horizon:g} s",
                    allowed=f"one from {self.ends[0]:g} to {self.seconds:g} s; the nearest are "
                    + ", ".join(f"{end:g} s" for end in near.tolist()),
                )
            )
        return found

    def until(self, horizon: float) -> Paths:
        """The same paths, cut after ``horizon`` seconds."""
        k = self.steps(horizon)
        parts = {name: getattr(self, name)[:, :k] for name in ("close", "low", "high")}
        return replace(self, ends=self.ends[:k], **parts)

    def thinned(self, count: int) -> Paths:
        """The first ``count`` paths."""
        return replace(self, close=self.close[:count], low=self.low[:count], high=self.high[:count])

    def of(self, assets: Sequence[str]) -> Paths:
        """The same paths of other assets, in the order given.

        Raises
        ------
        InputError
            If an asset has no prices.
        """
        if tuple(assets) == self.assets:
            return self
        missing = [a for a in assets if a not in self.assets]
        if missing:
            raise InputError(
                Mistake("no prices", value=", ".join(missing), allowed=", ".join(self.assets))
            )
        at = [self.assets.index(a) for a in assets]
        parts = {
            name: np.ascontiguousarray(getattr(self, name)[:, :, at])
            for name in ("close", "low", "high")
        }
        return replace(self, assets=tuple(assets), **parts)

    def at(self, horizon: float) -> Floats:
        """Shape (n, A): log change after ``horizon`` seconds."""
        return self.close[:, self.steps(horizon) - 1].astype(np.float64)

    def lowest(self, horizon: float) -> Floats:
        """Shape (n, A): log change at the lowest price within ``horizon`` seconds."""
        return np.asarray(self.low[:, : self.steps(horizon)].min(axis=1), dtype=np.float64)

    def highest(self, horizon: float) -> Floats:
        """Shape (n, A): log change at the highest price within ``horizon`` seconds."""
        return np.asarray(self.high[:, : self.steps(horizon)].max(axis=1), dtype=np.float64)


def covariance(paths: Paths, horizon: float) -> Floats:
    """Shape (A, A): covariance of the log changes over ``horizon`` seconds, a day of it."""
    return np.atleast_2d(np.cov(paths.at(horizon).T, bias=True)) * (DAY / horizon)


def brownian(
    assets: Sequence[str],
    covariance: Floats,
    horizon: float,
    step: float,
    count: int,
    seed: int,
    drift: Floats | None = None,
) -> Paths:
    """Paths of a geometric Brownian motion, with its own extremes within each step.

    Parameters
    ----------
    covariance
        Shape (A, A): of log changes over a day.
    horizon, step
        Seconds; the last step is cut at the horizon.
    drift
        Shape (A,): mean log change a day; by default -variance / 2, so that prices drift nowhere.

    Notes
    -----
    Given both ends of a step of variance ``v`` and change ``x``, the lowest point of the bridge
    between them is ``(x - sqrt(x**2 - 2 v ln U)) / 2`` (Karatzas and Shreve, *Brownian Motion and
    Stochastic Calculus*, 2.8; Glasserman, *Monte Carlo Methods in Financial Engineering*, 6.4).
    Lowest and highest are drawn apart, as are those of two assets.
    """
    covariance = np.atleast_2d(np.asarray(covariance, dtype=np.float64))
    variance = np.diag(covariance)
    mean = -variance / 2.0 if drift is None else np.asarray(drift, dtype=np.float64)
    ends = np.minimum(np.arange(1, int(np.ceil(horizon / step - 1e-9)) + 1) * step, horizon)
    lengths = np.diff(ends, prepend=0.0) / DAY
    rng = np.random.default_rng([seed, 0xB0])
    # a covariance of assets that move as one has no Cholesky factor; its square root it has
    value, vector = np.linalg.eigh(covariance)
    root = vector * np.sqrt(np.maximum(value, 0.0))
    shape = (count, len(ends), len(variance))
    x = rng.standard_normal(shape) @ root.T * np.sqrt(lengths)[:, None]
    x += mean * lengths[:, None]
    before = np.cumsum(x, axis=1) - x
    spread = -2.0 * variance * lengths[:, None]
    reach = [np.sqrt(x * x + spread * np.log(1.0 - rng.random(shape))) for _ in range(2)]
    parts = (before + x, before + (x - reach[0]) / 2.0, before + (x + reach[1]) / 2.0)
    return Paths(tuple(assets), ends, *(part.astype(np.float32) for part in parts))
