"""No sharing: the fund carries everything."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from seawall.rulebook.losses import Allocation, Claim, LossRule, Opposite
from seawall.rulebook.losses._cash import nothing


class Nobody(LossRule):
    """The fund carries every claim, below zero if need be: what it then owes is bad debt."""

    title: ClassVar[str] = "Fund alone"
    source: ClassVar[str] = "counterfactual"

    def triggered(self, claim: Claim) -> bool:
        """Never."""
        return False

    def allocate(self, claim: Claim, opposite: Opposite, rng: np.random.Generator) -> Allocation:
        """Nothing to nobody."""
        return nothing(claim, opposite)
