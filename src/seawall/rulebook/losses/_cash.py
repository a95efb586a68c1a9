"""What rules share that close nothing and ask winners for cash."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from seawall.rulebook.losses import Allocation, Claim, LossRule, Opposite
from seawall.rulebook.losses._sharing import amount, finite

Floats = NDArray[np.float64]
Share = Annotated[float, Field(ge=0, le=1)]


def shortfall(claim: Claim, floor: float = 0.0) -> float:
    """USD of a claim's deficit that would bring the fund below ``floor``."""
    if not np.isfinite(claim.fund):
        return 0.0
    return min(amount(claim.deficit), max(floor - claim.fund, 0.0))


def capacity(opposite: Opposite) -> Floats:
    """USD that each row can be asked for: its unrealised profit, at most its account's equity."""
    profit = np.maximum(finite(opposite.pnl), 0.0)
    return np.asarray(np.minimum(profit, np.maximum(finite(opposite.equity), 0.0)))


def nothing(claim: Claim, opposite: Opposite) -> Allocation:
    """Nobody is closed and nobody pays."""
    return Allocation(np.zeros(len(opposite)), claim.mark, np.zeros(len(opposite)))


class CashRule(LossRule):
    """Positions stay open; winners pay what the fund cannot. The fund keeps the positions.

    ``severity`` is the share of that which they are asked for; without ``after_fund`` they are
    asked for the whole deficit and the fund is spared.
    """

    severity: Share = 1.0
    after_fund: bool = True

    def budget(self, claim: Claim) -> float:
        """USD that the winners shall pay."""
        return self.severity * (shortfall(claim) if self.after_fund else amount(claim.deficit))

    def triggered(self, claim: Claim) -> bool:
        """Whether anything is left to pay when the fund has paid."""
        return self.budget(claim) > 0

    def allocate(self, claim: Claim, opposite: Opposite, rng: np.random.Generator) -> Allocation:
        """Ask the winners for the budget, none for more than its capacity."""
        none = nothing(claim, opposite)
        if not self.triggered(claim) or len(opposite) == 0:
            return none
        return Allocation(none.closed, claim.mark, self.share(claim, opposite, rng))

    def share(self, claim: Claim, opposite: Opposite, rng: np.random.Generator) -> Floats:
        """Shape (k,): USD that each row pays."""
        raise NotImplementedError
