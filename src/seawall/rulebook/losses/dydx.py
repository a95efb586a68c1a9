"""dYdX v4: beyond the fund, accounts by lot are closed at the bankruptcy price."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from seawall.core import AdlRank
from seawall.rulebook.losses import Claim, Opposite
from seawall.rulebook.losses._measures import cost_of_closing
from seawall.rulebook.losses._sharing import finite
from seawall.rulebook.losses.queue import Queue

Floats = NDArray[np.float64]


class Dydx(Queue):
    """From a random account on, whoever can be closed at the bankruptcy price is closed.

    Accounts that the price would bring below zero are skipped whole, not closed in part.

    Assumes: the chain goes round its store of accounts from a random start; where an account
    stands in the store is unrelated to its position, so a random order stands for it. Skipped is
    who could not be closed in full; the chain asks it only for what is left of the claim. Rows
    alike in size, entry, balance, equity, notional and profit share one lot, in proportion.
    """

    title: ClassVar[str] = "dYdX random order"
    source: ClassVar[str] = "dYdX v4-chain, clob module: deleveraging"

    rank: AdlRank = AdlRank.RANDOM

    def room(self, claim: Claim, opposite: Opposite, price: float) -> Floats:
        """Shape (k,): all or nothing of each row."""
        cost = cost_of_closing(price, claim.mark, opposite.side, claim.inverse)
        size = np.maximum(finite(opposite.quantity), 0.0)
        equity = finite(opposite.equity)
        return np.where((equity > 0) & (equity >= cost * size), size, 0.0)
