"""Risk-aware pro rata: haircuts in proportion to profit times leverage."""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from seawall.rulebook.losses import Claim, Opposite
from seawall.rulebook.losses._cash import CashRule, capacity
from seawall.rulebook.losses._sharing import finite, in_proportion

Floats = NDArray[np.float64]


class RiskAwareProRata(CashRule):
    """Pro rata with weights ``leverage ** power``; what exceeds a profit falls on the others.

    Leverage is all notional of the account over its equity. ``power`` 0 is pro rata.

    Assumes: a counterfactual; the paper leaves the weight open (any that grows with leverage), its
    example weights by leverage itself, which is the default.
    """

    title: ClassVar[str] = "Risk-aware pro rata"
    source: ClassVar[str] = "Chitra, arXiv 2512.01112 v1, eq. 21 and section 7"

    power: Annotated[float, Field(ge=0, le=4)] = 1.0

    def share(self, claim: Claim, opposite: Opposite, rng: np.random.Generator) -> Floats:
        """Shape (k,): USD in proportion to profit times a power of leverage."""
        room = capacity(opposite)
        equity = np.maximum(finite(opposite.equity), 0.0)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            leverage = np.where(equity > 0, finite(opposite.gross) / equity, 0.0)
            weight = np.minimum(room * leverage**self.power, 1e300)
        return in_proportion(self.budget(claim), weight, room)
