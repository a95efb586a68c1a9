"""Paradex: while the fund is short, every withdrawal is charged the socialised-loss factor."""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from seawall.rulebook.losses import Claim, Opposite
from seawall.rulebook.losses._cash import CashRule, capacity
from seawall.rulebook.losses._sharing import amount, finite, within

Floats = NDArray[np.float64]


def socialised_loss_factor(shortfall: float, balance: float) -> float:
    """Fraction of every withdrawal that is kept: ``shortfall / (balance + shortfall)``.

    ``shortfall`` is what accounts below zero owe beyond the fund, ``balance`` the sum of all
    users' balances at the marks, those below zero included, USD.

    Source: Paradex docs, "Socialized losses": 1,000 short and 4,000 in all give 25%.
    """
    whole = balance + shortfall
    return min(shortfall / whole, 1.0) if shortfall > 0 and whole > 0 else float(shortfall > 0)


class Paradex(CashRule):
    """Nobody is closed. Who withdraws during a shortfall leaves the factor's share behind.

    ``withdrawn`` is the share of their equity that winners withdraw while the shortfall lasts: 1
    is a run, 0 is nobody. Each pays the factor on that, at most its profit.

    Assumes: who withdraws is a parameter, since a claim does not show withdrawals; only the other
    side of this market does; the factor is that of the moment the claim arises, though in
    fact it falls as charges fill the fund, so that all together pay no more than the shortfall.
    The time-based last resort against the fund's own positions is not in it.
    """

    title: ClassVar[str] = "Paradex charge on withdrawals"
    source: ClassVar[str] = "Paradex docs: socialized losses"

    withdrawn: Annotated[float, Field(ge=0, le=1)] = 1.0

    def share(self, claim: Claim, opposite: Opposite, rng: np.random.Generator) -> Floats:
        """Shape (k,): USD that each row's account leaves behind."""
        budget = self.budget(claim)
        equity = np.maximum(finite(opposite.equity), 0.0)
        factor = socialised_loss_factor(budget, float(equity.sum()) - amount(claim.deficit))
        room = capacity(opposite)
        charged = np.minimum(factor * self.withdrawn * equity, room)
        total = float(charged.sum())
        if total > budget:
            charged = charged * (budget / total)
        return within(charged, budget, room)
