"""A run as frames, for the page to play."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seawall.core.errors import InternalError


@dataclass(frozen=True, slots=True, eq=False)
class Replay:
    """A run to be played and scrubbed: frames over markets.

    Parameters
    ----------
    key, title, caption
        Stable name, heading, and what the reader should know about it.
    second
        Shape (F,): seconds of the frames.
    names
        The M markets.
    change
        Shape (F, M): price over the first one less 1.
    depth
        Shape (F, M): depth over that when calm, a fraction.
    long_usd, short_usd
        Shape (F, M): forced closings of longs and shorts since the frame before, USD.
    """

    key: str
    title: str
    second: Sequence[float] | NDArray[np.float64]
    names: tuple[str, ...]
    change: NDArray[np.float64]
    depth: NDArray[np.float64]
    long_usd: NDArray[np.float64]
    short_usd: NDArray[np.float64]
    caption: str = ""

    def __post_init__(self) -> None:
        wanted = (len(self.second), len(self.names))
        for grid in (self.change, self.depth, self.long_usd, self.short_usd):
            if grid.shape != wanted:
                raise InternalError(f"replay {self.key!r} has a grid of {grid.shape}, not {wanted}")
