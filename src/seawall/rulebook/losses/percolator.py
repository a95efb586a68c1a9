"""percolator: no queue; all profits are cut by one ratio to what backs them."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from seawall.rulebook.losses import Claim, Opposite
from seawall.rulebook.losses._cash import CashRule, capacity
from seawall.rulebook.losses._sharing import finite, within

Floats = NDArray[np.float64]


def haircut_ratio(vault: float, capital: float, insurance: float, profit: float) -> float:
    """``h``: the fraction of all positive profits that is backed; 1 where there are none.

    ``min(max(0, vault - capital - insurance), profit) / profit``, all USD, ``profit`` the sum of
    the positive profits. Capital and the insurance fund are senior.

    Source: percolator, risk engine spec, section 3.2.
    """
    if not profit > 0:
        return 1.0
    return min(max(0.0, vault - capital - insurance), profit) / profit


class Percolator(CashRule):
    """Every profit keeps the fraction ``h``; the fund is senior and does not pay first.

    Assumes: the vault holds capital, fund and the profits of this side of this market less the
    deficit; the cut is made at once, though in fact it is made as profits are turned into
    capital, and comes back if backing does. A profit whose account's equity is smaller is cut by
    no more than that. ``after_fund`` lets the fund pay first all the same.
    """

    title: ClassVar[str] = "percolator haircut"
    source: ClassVar[str] = "percolator risk engine spec, section 3"

    after_fund: bool = False

    def share(self, claim: Claim, opposite: Opposite, rng: np.random.Generator) -> Floats:
        """Shape (k,): USD cut from each profit."""
        profit = np.maximum(finite(opposite.pnl), 0.0)
        total, room, budget = float(profit.sum()), capacity(opposite), self.budget(claim)
        h = haircut_ratio(total - budget, 0.0, 0.0, total)
        return within(np.minimum((1.0 - h) * profit, room), budget, room)
