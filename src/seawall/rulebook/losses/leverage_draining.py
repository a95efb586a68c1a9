"""Leverage draining: the most levered are reduced until all above a level stand at it."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from seawall.core import AdlRank
from seawall.rulebook.losses import Allocation, Claim, Opposite
from seawall.rulebook.losses._cash import nothing
from seawall.rulebook.losses._sharing import down_to_level, finite
from seawall.rulebook.losses.queue import Queue


class LeverageDraining(Queue):
    """Closes so that the greatest leverage left is least: equal leverage above a level.

    Leverage is the position's size over its account's equity. Trigger, floor and price as in the
    queue.

    Assumes: a counterfactual; the optimum of one asset with isolated margin, carried over to
    accounts with other positions by their equity; equity before closing.
    """

    title: ClassVar[str] = "Leverage draining"
    source: ClassVar[str] = "Campbell, Hey, Moallemi and Nutz, arXiv 2603.15963"

    rank: AdlRank = AdlRank.NONE

    def allocate(self, claim: Claim, opposite: Opposite, rng: np.random.Generator) -> Allocation:
        """Close the excess over the level from each row."""
        none = nothing(claim, opposite)
        if len(opposite) == 0 or not self.triggered(claim):
            return none
        price = self.price_of(claim)
        room = self.room(claim, opposite, price)
        equity = np.maximum(finite(opposite.equity), 0.0)
        closed = down_to_level(self.quantity_of(claim), finite(opposite.quantity), equity, room)
        return Allocation(closed, price, none.paid)
