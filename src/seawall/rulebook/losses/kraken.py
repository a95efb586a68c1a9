"""Kraken: volunteers are assigned what the book has left, then the other side is unwound."""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from seawall.rulebook.losses import Allocation, Claim, Opposite
from seawall.rulebook.losses._cash import nothing
from seawall.rulebook.losses._sharing import amount, finite, in_order, in_proportion, within
from seawall.rulebook.losses.queue import Queue


class Kraken(Queue):
    """Assignment to providers first, in proportion to their equity; the rest by the queue.

    Both at the zero-equity price, at which the liquidation order had been sent. ``assigned`` is
    the share of a claim that providers are ready to take.

    Assumes: a claim is what the immediate-or-cancel order has left, so every claim triggers the
    rule; providers are the accounts of the other side with at least ``provider_equity_usd`` (who
    has signed up is not public), and they take no more than closes what they hold; the unwind
    queue, whose formula is not published, is by leveraged return. The assignment programme of
    2026 prices 75 to 250 basis points better than the mark, which is not in it.
    """

    title: ClassVar[str] = "Kraken assignment, then unwind"
    source: ClassVar[str] = "Kraken support 360022835671 (equity protection) and 360022835231"

    provider_equity_usd: Annotated[float, Field(ge=0)] = 1_000_000.0
    assigned: Annotated[float, Field(ge=0, le=1)] = 1.0

    def triggered(self, claim: Claim) -> bool:
        """Whether the book has left anything."""
        return amount(abs(claim.quantity)) > 0

    def quantity_of(self, claim: Claim) -> float:
        """All of it."""
        return amount(abs(claim.quantity))

    def allocate(self, claim: Claim, opposite: Opposite, rng: np.random.Generator) -> Allocation:
        """Providers first, then the queue."""
        none = nothing(claim, opposite)
        if len(opposite) == 0 or not self.triggered(claim):
            return none
        price, size = self.price_of(claim), self.quantity_of(claim)
        room = self.room(claim, opposite, price)
        equity = finite(opposite.equity)
        willing = np.where(equity >= self.provider_equity_usd, equity, 0.0)
        taken = in_proportion(size * self.assigned, willing, room)
        rest = in_order(size - float(taken.sum()), room - taken, self.score(opposite, rng))
        closed = within(np.minimum(taken + rest, room), size, room)
        return Allocation(closed, price, none.paid)
