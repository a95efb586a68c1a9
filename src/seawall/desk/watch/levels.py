"""Levels of danger of an account, with hysteresis."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from seawall.core import InputError, Mistake

Floats = NDArray[np.float64]
Levels = NDArray[np.int8]
Flags = NDArray[np.bool_]


class Level(IntEnum):
    """How near an account is to its liquidation."""

    CALM = 0
    APPROACHING = 1
    MARGIN_CALL = 2
    IMMINENT = 3

    @property
    def words(self) -> str:
        """As it is written: ``margin call``."""
        return self.name.replace("_", " ").lower()


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Where levels begin: by margin ratio, or by how small a move is survived.

    Parameters
    ----------
    approaching, margin_call, imminent
        Margin ratios (maintenance / equity), rising, above 0, at most 1 (liquidation).
    hysteresis
        A level is left once the ratio has fallen below its threshold by this part of it, and the
        move survived has grown beyond its own by this part; 0 to below 1.
    moves
        Moves of all prices together, up or down, of which a smaller one would fell the account:
        falling, a fraction each, in the order of the levels; empty where ratios alone count.

    Raises
    ------
    InputError
        If they are not in order or out of range.
    """

    approaching: float = 0.5
    margin_call: float = 0.8
    imminent: float = 0.95
    hysteresis: float = 0.1
    moves: tuple[float, ...] = (0.05, 0.025, 0.01)

    def __post_init__(self) -> None:
        wrong = []
        shown = f"{self.approaching:g}, {self.margin_call:g}, {self.imminent:g}"
        if not 0.0 < self.approaching < self.margin_call < self.imminent <= 1.0:
            options = "--approaching, --margin-call, --imminent"
            allowed = "0 < approaching < margin call < imminent <= 1"
            what = "do not rise from one level to the next"
            wrong.append(Mistake(what, options, value=shown, allowed=allowed))
        if not 0.0 <= self.hysteresis < 1.0:
            allowed = "0 to below 1"
            value = f"{self.hysteresis:g}"
            wrong.append(Mistake("out of range", "--hysteresis", value=value, allowed=allowed))
        if self.moves and not self._moves_fall():
            value = ", ".join(f"{m:g}" for m in self.moves)
            allowed = "three moves, each smaller than the one before, such as 5%,2.5%,1%; or none"
            wrong.append(Mistake("are no levels", "--within", value=value, allowed=allowed))
        if wrong:
            raise InputError(wrong)

    def _moves_fall(self) -> bool:
        if len(self.moves) != 3:
            return False
        first, second, third = self.moves
        return 0.0 < third < second < first < 1.0 / (1.0 + self.hysteresis)

    def settled(
        self, before: Levels, ratio: Floats, falls: Callable[[float], Flags] | None = None
    ) -> Levels:
        """The level of each account, given what it was and how it stands now, shape (m,).

        A level is entered at its threshold and left beyond it by the hysteresis, so that what
        trembles on a threshold changes nothing. A ratio of NaN changes nothing.

        Parameters
        ----------
        ratio
            Margin ratios.
        falls
            Tells which accounts a move of all prices, up or down, would fell.
        """
        enter = np.array([self.approaching, self.margin_call, self.imminent])
        reached = np.searchsorted(enter, ratio, side="right")
        kept = np.searchsorted(enter * (1.0 - self.hysteresis), ratio, side="right")
        for level, move in enumerate(self.moves if falls is not None else (), 1):
            assert falls is not None
            reached = np.where(falls(move), np.maximum(reached, level), reached)
            kept = np.where(falls(move * (1.0 + self.hysteresis)), np.maximum(kept, level), kept)
        now = np.clip(before, reached, np.maximum(kept, reached))
        return np.where(np.isnan(ratio), before, now).astype(np.int8)
