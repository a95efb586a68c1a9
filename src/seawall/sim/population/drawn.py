"""Positions drawn but not yet margined: columns, and the groups they come from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Band(IntEnum):
    """Where a position's liquidation price lies, and so on which day it falls."""

    ORDINARY = 0
    """A long within one daily standard deviation of the mark."""
    FALL = 1
    """A long below that, above the low of 21 November."""
    RISE = 2
    """A short below the high of 21 November."""
    STANDING = 3
    """Beyond the extremes of 21 November."""
    ALONE = 4
    """Laid in by hand or kept out of accounts with several positions."""


class Luck(IntEnum):
    """What each column of :attr:`Drawn.luck` decides."""

    ENTRY = 0
    CROSS = 1
    ORDER = 2


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """Columns of drawn positions, shape (n,).

    Attributes
    ----------
    venue, asset
        Indices into the recipe's.
    side
        1 long, -1 short.
    band
        The draw's own classes; see :class:`Band` for those drawn to where they fall.
    target
        Liquidation price wanted, USD.
    size
        Base units, > 0.
    luck
        Shape (n, 3): uniform draws, each group's from its own stream; see :class:`Luck`.
    """

    venue: Ints
    asset: Ints
    side: Ints
    band: Ints
    target: Floats
    size: Floats
    luck: Floats

    def __len__(self) -> int:
        return len(self.size)

    @classmethod
    def group(
        cls,
        codes: tuple[int, int, int, int],
        target: Floats,
        size: Floats,
        rng: np.random.Generator,
    ) -> Drawn:
        """Positions that share venue, asset, side and band (``codes``)."""

        def column(code: int) -> Ints:
            return np.full(len(size), code, dtype=np.int64)

        venue, asset, side, band = map(column, codes)
        return cls(venue, asset, side, band, target, size, rng.random((len(size), len(Luck))))

    @classmethod
    def join(cls, parts: Iterable[Drawn]) -> Drawn:
        """All parts, one after the other."""
        some = list(parts)
        return cls(*(np.concatenate([getattr(p, f.name) for p in some]) for f in fields(cls)))

    def base(self, shape: tuple[int, int], side: int) -> Floats:
        """Shape (V, A): base units held on one side of each market."""
        mine = self.side == side
        flat = self.venue[mine] * shape[1] + self.asset[mine]
        total = np.bincount(flat, self.size[mine], shape[0] * shape[1])
        return np.asarray(total.reshape(shape), dtype=np.float64)
