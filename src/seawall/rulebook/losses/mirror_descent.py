"""Mirror descent: haircuts that move from equal shares toward equal fractions, step by step."""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from seawall.rulebook.losses import Claim, Opposite
from seawall.rulebook.losses._cash import CashRule, capacity
from seawall.rulebook.losses._sharing import in_proportion

Floats = NDArray[np.float64]


class MirrorDescent(CashRule):
    """Winners start with equal shares in USD; each round shifts them off the hardest hit.

    With ``h`` the fraction of its profit that a row pays, a round multiplies its weight by
    ``exp(-step / sqrt(round) * h / max(h))`` and shares the budget by weight again, none above
    its profit: mirror descent with the entropy as mirror on the burden ``sum(x ** 2 / 2 u)``, the
    gradient scaled to 1. The greatest haircut falls from round to round towards that of pro rata,
    which is the minimum.

    Assumes: a counterfactual. The paper's controller learns its budget too, and keeps its weights
    from one round of deleveraging to the next; here the budget is known and every claim starts
    afresh, since rules have no memory. Its mirror is Euclidean.
    """

    title: ClassVar[str] = "Mirror descent"
    source: ClassVar[str] = "after Chitra et al., arXiv 2602.15182 sections 3.6 and 5"

    rounds: Annotated[int, Field(ge=0, le=10_000)] = 16
    step: Annotated[float, Field(gt=0, le=10)] = 1.0

    def share(self, claim: Claim, opposite: Opposite, rng: np.random.Generator) -> Floats:
        """Shape (k,): USD after the last round."""
        budget, room = self.budget(claim), capacity(opposite)
        weight = (room > 0).astype(np.float64)
        paid = in_proportion(budget, weight, room)
        for turn in range(1, self.rounds + 1):
            haircut = np.divide(paid, room, out=np.zeros(len(room)), where=room > 0)
            worst = float(haircut.max(initial=0.0))
            if worst == 0.0:
                break
            weight = paid * np.exp(-self.step / np.sqrt(turn) * haircut / worst)
            paid = in_proportion(budget, weight, room)
        return paid
