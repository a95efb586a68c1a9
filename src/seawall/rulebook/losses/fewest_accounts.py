"""Fewest accounts: as few winners as possible pay, and they in proportion to profit."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from seawall.rulebook.losses import Claim, Opposite
from seawall.rulebook.losses._cash import CashRule, capacity
from seawall.rulebook.losses._sharing import in_proportion

Floats = NDArray[np.float64]


class FewestAccounts(CashRule):
    """The smallest number of winners whose profits suffice; among them pro rata.

    The integer programme "fewest rows with a sum of profits of at least the budget" needs no
    solver: of all sets of ``k`` rows the ``k`` greatest profits have the greatest sum, so the
    first ``k`` at which that sum suffices is the least. All pay if all together do not suffice.

    Assumes: a counterfactual; two rows are two accounts. Of equal profits at the edge only as many
    are taken as are needed: greater size, equity, balance, notional and cost first, then, of rows
    alike in all of these, any.
    """

    title: ClassVar[str] = "Fewest accounts"
    source: ClassVar[str] = "counterfactual; exact, by exchange of any row for a greater one"

    def share(self, claim: Claim, opposite: Opposite, rng: np.random.Generator) -> Floats:
        """Shape (k,): USD of the few."""
        o, budget, room = opposite, self.budget(claim), capacity(opposite)
        # the last key is the first that counts; the greatest rows come first
        keys = (o.cost, o.gross, o.balance, o.equity, o.quantity, room)
        order = np.lexsort([-np.nan_to_num(key) for key in keys])
        enough = int(np.searchsorted(np.cumsum(room[order]), budget)) + 1
        few = np.zeros(len(o))
        few[order[:enough]] = room[order[:enough]]
        return in_proportion(budget, few, few)
