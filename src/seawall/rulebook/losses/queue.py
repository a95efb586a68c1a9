"""The common rule of venues: beyond the fund, winners are closed in an order at a price."""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from seawall.core import AdlPrice, AdlRank, AdlTrigger
from seawall.margin.deleveraging import deleveraging_score
from seawall.rulebook.losses import Allocation, Claim, LossRule, Opposite
from seawall.rulebook.losses._cash import capacity, nothing, shortfall
from seawall.rulebook.losses._measures import cost_of_closing, given_up
from seawall.rulebook.losses._sharing import amount, finite, in_order, in_proportion, lots

Floats = NDArray[np.float64]
Drop = Annotated[float, Field(gt=0, le=1)]


class Queue(LossRule):
    """Beyond what the fund bears, opposite positions are closed, highest score first.

    The trigger, order and price of a rulebook's loss terms as parameters. Of a claim, the share
    of its deficit that would bring the fund below its floor is closed (all of it if ``whole``).
    The floor is 0, or ``drawdown`` below the fund's eight-hour peak. ``socialised``: what closing
    does not bring in is asked of the profits left, in proportion.

    Assumes: positions at a loss come last but come (no venue says that it stops there); nobody is
    closed at a price that brings its account below 0, and accounts at or below 0 are left out; two
    rows are two accounts; equal scores share in proportion to size.
    """

    title: ClassVar[str] = "Queue by the venue's terms"
    source: ClassVar[str] = "the rulebook's loss terms"

    trigger: AdlTrigger = AdlTrigger.FUND_EXHAUSTED
    drawdown: Drop = 1.0
    rank: AdlRank = AdlRank.PROFIT_TIMES_LEVERAGE
    price: AdlPrice = AdlPrice.BANKRUPTCY
    price_falls_back_to_mark_beyond: Drop | None = None
    whole: bool = False
    socialised: bool = False

    def floor(self, claim: Claim) -> float:
        """USD below which the fund does not go before winners are asked."""
        if self.trigger is not AdlTrigger.FUND_DRAWDOWN:
            return 0.0
        peak = amount(claim.fund_peak)
        return peak - self.drawdown * peak

    def relief(self, claim: Claim) -> float:
        """USD of the deficit that the fund shall not bear."""
        if self.trigger is AdlTrigger.ACCOUNT_NEGATIVE:
            return amount(claim.deficit)
        return shortfall(claim, self.floor(claim))

    def triggered(self, claim: Claim) -> bool:
        """Whether the fund stands at its floor, or a deficit at once, by the trigger."""
        if self.trigger is AdlTrigger.ACCOUNT_NEGATIVE:
            return amount(claim.deficit) > 0
        floor = self.floor(claim)
        return claim.fund < 0 or (floor > 0 and claim.fund <= floor)

    def price_of(self, claim: Claim) -> float:
        """USD price at which winners are closed; the mark where the venue's price is missing."""
        if self.price is AdlPrice.MARK:
            return claim.mark
        asked = claim.bankruptcy if self.price is AdlPrice.BANKRUPTCY else claim.mark_before
        if not (np.isfinite(asked) and asked > 0):
            return claim.mark
        far = self.price_falls_back_to_mark_beyond
        if far is not None and abs(asked - claim.mark) > far * claim.mark:
            return claim.mark
        return asked

    def quantity_of(self, claim: Claim) -> float:
        """Base quantity of the claim that is closed against winners."""
        size = amount(abs(claim.quantity))
        if self.trigger is AdlTrigger.ACCOUNT_NEGATIVE:
            return amount(claim.insolvent())
        if self.whole:
            return size
        deficit = amount(claim.deficit)
        if deficit > 0:
            return size * (self.relief(claim) / deficit)
        # a fund that is below its floor takes nothing more on, whether it has cost it or not
        return size if claim.fund < min(self.floor(claim), 0.0) or claim.fund < 0 else 0.0

    def score(self, opposite: Opposite, rng: np.random.Generator) -> Floats:
        """Shape (k,): place of each row in the queue, higher goes first."""
        o = opposite
        if self.rank is AdlRank.RANDOM:
            return lots((o.quantity, o.entry, o.balance, o.equity, o.gross, o.pnl), rng)
        # equity next to nothing scores beyond all numbers
        with np.errstate(over="ignore"):
            score = deleveraging_score(
                self.rank,
                side=np.full(len(o), o.side),
                entry=o.entry,
                mark=np.full(len(o), o.mark),
                notional=o.notional,
                cost=o.cost,
                pnl=o.pnl,
                balance=o.balance,
                equity=o.equity,
                maintenance=o.maintenance,
            )
        return np.asarray(np.nan_to_num(score, nan=0.0))

    def room(self, claim: Claim, opposite: Opposite, price: float) -> Floats:
        """Shape (k,): base quantity of each row that can be closed at a price."""
        equity = np.maximum(finite(opposite.equity), 0.0)
        size = np.where(equity > 0, np.maximum(finite(opposite.quantity), 0.0), 0.0)
        cost = cost_of_closing(price, claim.mark, opposite.side, claim.inverse)
        return np.asarray(np.minimum(size, equity / cost) if cost > 0 else size)

    def allocate(self, claim: Claim, opposite: Opposite, rng: np.random.Generator) -> Allocation:
        """Close the claim's share, first in the queue first."""
        if len(opposite) == 0 or not self.triggered(claim):
            return nothing(claim, opposite)
        price = self.price_of(claim)
        closed = np.zeros(len(opposite))
        if self.rank is not AdlRank.NONE:
            room = self.room(claim, opposite, price)
            closed = in_order(self.quantity_of(claim), room, self.score(opposite, rng))
        return Allocation(closed, price, self._asked(claim, opposite, closed, price))

    def _asked(self, claim: Claim, opposite: Opposite, closed: Floats, price: float) -> Floats:
        if not self.socialised:
            return np.zeros(len(opposite))
        lost = given_up(closed, price, claim.mark, opposite.side, claim.inverse)
        left = np.divide(
            opposite.quantity - closed,
            opposite.quantity,
            out=np.zeros(len(opposite)),
            where=opposite.quantity > 0,
        )
        # profit of what stays open, from an account that closing may have made poorer
        room = np.minimum(capacity(opposite) * left, np.maximum(capacity(opposite) - lost, 0.0))
        budget = self.relief(claim) - max(float(lost.sum()), 0.0)
        return in_proportion(budget, room, room)
