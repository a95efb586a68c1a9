"""Pro rata: every winner loses the same fraction of its profit."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from seawall.rulebook.losses import Claim, Opposite
from seawall.rulebook.losses._cash import CashRule, capacity
from seawall.rulebook.losses._sharing import in_proportion

Floats = NDArray[np.float64]


class ProRata(CashRule):
    """A haircut in proportion to profit of what the fund cannot bear; nobody is closed.

    No other rule that asks for the same sum has a smaller greatest haircut: it is the answer to
    the min-max programme that papers solve in whole contracts, here without lots.

    Assumes: a counterfactual; profits of the other side of this market only.
    """

    title: ClassVar[str] = "Pro rata"
    source: ClassVar[str] = "Chitra et al., arXiv 2602.15182 section 3.5"

    def share(self, claim: Claim, opposite: Opposite, rng: np.random.Generator) -> Floats:
        """Shape (k,): USD in proportion to profit."""
        room = capacity(opposite)
        return in_proportion(self.budget(claim), room, room)
