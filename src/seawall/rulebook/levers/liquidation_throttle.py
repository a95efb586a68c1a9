"""Forced orders reach the book no faster than it can carry them."""

from __future__ import annotations

from math import inf
from typing import ClassVar

import numpy as np
from pydantic import Field, model_validator

from seawall.core.hooks import Floor, Hook
from seawall.rulebook.levers import Lever
from seawall.rulebook.levers import _throttle_kernel as k


class LiquidationThrottle(Lever):
    """Send forced orders slowly, or gather them and send them at intervals.

    What may not be sent waits, and its account goes on losing or gaining with the mark: slower
    sales move the price less and leave more accounts below zero. Off with ``rate`` infinite and
    ``every`` 0.

    Assumes that nobody sees the queue.
    """

    title: ClassVar[str] = "Throttle or auction of forced orders"
    source: ClassVar[str] = (
        "Deribit, incremental liquidation (so many contracts a step, so many steps a second); "
        "dYdX v4, limits of notional liquidated in a block; the auction as in Budish, Cramton and "
        "Shim (2015), The high-frequency trading arms race, Quarterly Journal of Economics 130"
    )

    rate: float = Field(
        default=inf,
        gt=0,
        description=(
            "What may be sent, USD a second over the USD that stand within 1% on the thinner side"
        ),
    )
    every: float = Field(
        default=0.0,
        ge=0,
        description=(
            "Time between auctions, s, in whole steps from the start of the run; 0 for none. "
            "Between them nothing forced is sent"
        ),
    )
    auction_share: float = Field(
        default=inf,
        gt=0,
        description=(
            "What an auction may send at most, as a share of that depth; infinite for all of it"
        ),
    )
    least_usd: float = Field(
        default=0.0,
        ge=0,
        description="USD a second (an auction: USD) that may be sent however thin the book is",
    )

    @model_validator(mode="after")
    def _one_mode(self) -> LiquidationThrottle:
        if self.rate < inf and self.every > 0:
            raise ValueError(
                f"rate {self.rate:g} and every {self.every:g} exclude each other: forced orders "
                "are either sent steadily or gathered for auctions; leave one out"
            )
        if self.auction_share < inf and self.every == 0:
            raise ValueError("auction_share without auctions: give every, in seconds")
        if self.least_usd > 0 and self.rate == inf and self.every == 0:
            raise ValueError("least_usd bounds nothing: give rate or every")
        return self

    def liquidate(self, floor: Floor) -> Hook | None:
        """The allowance of the chosen markets."""
        chosen = floor.chosen(self.venues, self.assets)
        if (self.rate == inf and self.every == 0) or not chosen.any():
            return None
        steps = max(1, round(self.every / floor.step)) if self.every > 0 else 0
        head = np.zeros(k.HEAD)
        head[k.RATE], head[k.LEAST] = self.rate, self.least_usd
        head[k.EVERY], head[k.SHARE] = steps, self.auction_share
        return Hook(kernel=k.throttle, parameters=np.concatenate((head, chosen)))
