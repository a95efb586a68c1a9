"""Derive: positions are auctioned at a falling price; below zero the security module pays."""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from seawall.rulebook.losses import Allocation, Claim, LossRule, Opposite
from seawall.rulebook.losses._cash import nothing
from seawall.rulebook.losses._sharing import amount, finite, in_proportion

Fraction = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[float, Field(gt=0)]


class Derive(LossRule):
    """A Dutch auction of what the account is worth, from 95% of it to nothing.

    The price factor falls from ``start`` to ``knee`` over ``fast`` seconds and to 0 over
    ``slow`` more. A bidder pays the factor times the account's worth at the mark, so it gets the
    positions at ``bankruptcy + factor * (mark - bankruptcy)`` (inverse: the same of reciprocals).
    An account below zero is auctioned for what the security module pays on top: here the fund
    carries it, which is what triggers nothing.

    Assumes: bidders are the holders of the other side, in proportion to their positions; they come
    when the price is ``edge`` (a fraction of the mark) better than the mark, with 0 at once; the
    whole claim is one portfolio at its mean bankruptcy price. Needs the claim's ``seconds``.
    """

    title: ClassVar[str] = "Derive Dutch auction"
    source: ClassVar[str] = "Derive docs: liquidation parameters (another page: 0.98 to start)"

    start: Fraction = 0.95
    knee: Fraction = 0.70
    fast: Seconds = 900.0
    slow: Seconds = 43_200.0
    edge: Fraction = 0.0

    def factor(self, seconds: float) -> float:
        """Fraction of its worth at which an account is offered after so many seconds."""
        times = (0.0, self.fast, self.fast + self.slow)
        return float(np.interp(seconds, times, (self.start, self.knee, 0.0)))

    def price_of(self, claim: Claim) -> float:
        """USD price at which a bidder gets the positions; the mark if there is no bankruptcy's."""
        f, zero, mark = self.factor(claim.seconds), claim.bankruptcy, claim.mark
        if not (np.isfinite(zero) and zero > 0 and mark > 0):
            return mark
        if claim.inverse:
            return 1.0 / (1.0 / zero + f * (1.0 / mark - 1.0 / zero))
        return zero + f * (mark - zero)

    def triggered(self, claim: Claim) -> bool:
        """Whether a solvent claim is auctioned and bidders are interested yet."""
        if amount(claim.deficit) > 0 or amount(abs(claim.quantity)) == 0:
            return False
        better = np.sign(claim.quantity) * (claim.mark - self.price_of(claim))
        return bool(better >= self.edge * claim.mark)

    def allocate(self, claim: Claim, opposite: Opposite, rng: np.random.Generator) -> Allocation:
        """Bidders take the claim in proportion to what they hold against it."""
        none = nothing(claim, opposite)
        if len(opposite) == 0 or not self.triggered(claim):
            return none
        size = np.where(
            finite(opposite.equity) > 0, np.maximum(finite(opposite.quantity), 0.0), 0.0
        )
        closed = in_proportion(amount(abs(claim.quantity)), size, size)
        return Allocation(closed, self.price_of(claim), none.paid)
