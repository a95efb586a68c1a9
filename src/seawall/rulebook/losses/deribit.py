"""Deribit: nobody is deleveraged; beyond the fund, winners bear the loss by their profit."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from seawall.rulebook.losses import Claim, Opposite
from seawall.rulebook.losses._cash import CashRule, capacity
from seawall.rulebook.losses._sharing import in_proportion

Floats = NDArray[np.float64]


class Deribit(CashRule):
    """With the fund empty, further bankruptcies are spread over the day's winners.

    Assumes: in proportion to the unrealised profit of the open positions on the other side. The
    page says "the winning traders for that day", so also those who have closed, who hold other
    instruments, or who made their profit on an earlier day are left out or counted differently;
    it names no proportion. Deribit has never had to.
    """

    title: ClassVar[str] = "Deribit socialised loss"
    source: ClassVar[str] = "Deribit support 25944777576477: insurance fund"

    def share(self, claim: Claim, opposite: Opposite, rng: np.random.Generator) -> Floats:
        """Shape (k,): USD in proportion to profit."""
        room = capacity(opposite)
        return in_proportion(self.budget(claim), room, room)
