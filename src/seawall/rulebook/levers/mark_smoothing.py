"""Accounts are judged at a mark that follows the venue's own with a delay."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from seawall.core.hooks import Floor, Hook
from seawall.rulebook.levers import Lever, _window
from seawall.rulebook.levers import _smooth_kernel as k


class MarkSmoothing(Lever):
    """Mark at the running mean or median of what the venue's own rule gives.

    Fewer accounts fall to a spike that comes back; those that fall in a lasting move fall later
    and further below zero. Off with ``window`` 0.

    Assumes that funding and everyone's view of the price stay with the venue's rules; only the
    mark that accounts are judged at changes.
    """

    title: ClassVar[str] = "Smoothed mark price"
    source: ClassVar[str] = (
        "Running means in the marks of Binance (mid less index over 30 s since 2025-09-18, 2.5 "
        "minutes before) and Hyperliquid (150 s, exponentially weighted), here of the whole mark"
    )

    by: Literal["mean", "median"] = Field(
        "mean",
        description=(
            "mean: exponentially weighted with the window as time constant; median: of all "
            "marks in the window"
        ),
    )
    window: float = Field(default=0.0, ge=0, le=3600, description="Time smoothed over, s")

    def mark(self, floor: Floor) -> Hook | None:
        """The smoothed mark of the chosen markets."""
        chosen = floor.chosen(self.venues, self.assets)
        if self.window == 0 or not chosen.any():
            return None
        size = max(1, round(self.window / floor.step))
        each = _window.median_room(size) if self.by == "median" else 1
        head = np.zeros(k.HEAD)
        head[k.BY_MEDIAN], head[k.WINDOW], head[k.SIZE] = self.by == "median", self.window, size
        at = each * (np.cumsum(chosen) - 1)
        return Hook(
            kernel=k.smooth,
            parameters=np.concatenate((head, np.where(chosen > 0.0, at, -1.0))),
            memory=np.zeros(int(each * chosen.sum())),
        )
