"""Hyperliquid: accounts below zero, and what its liquidator can no longer bear, go to winners."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from seawall.core import AdlPrice, AdlRank, AdlTrigger
from seawall.rulebook.losses import Claim
from seawall.rulebook.losses._sharing import amount
from seawall.rulebook.losses.queue import Queue


class Hyperliquid(Queue):
    """Accounts below zero are closed against winners at once; the rest is borne by the liquidator.

    The liquidator is a part of the vault with capital of its own. While its loss is within that
    (``liquidator`` of what the vault was worth at the start) it keeps what the back-stop takes
    over with equity left; beyond, it is closed out like any account below zero: all that it
    holds, in every market, goes to winners. What that leaves it above its first limit is all the
    capital it then has; if nothing, the next loss on what it takes over closes that out as well.

    Winners are ranked by ``margin.deleveraging.price_ratio_times_leverage`` and closed at the
    mark before that at which the accounts were taken over.

    Assumes: the liquidator's capital, published as a small percentage and no number, is not filled
    up during a run; the ratio of shorts mirrors that of longs, which alone is printed; between
    that price and the bankruptcy price the fund gains or pays.
    """

    title: ClassVar[str] = "Hyperliquid queue"
    source: ClassVar[str] = (
        "Hyperliquid docs: auto-deleveraging; announcement of 27 March 2025: the liquidator gets a "
        "tight cap, a small percentage of the vault, and a loss above a threshold triggers ADL"
    )

    trigger: AdlTrigger = AdlTrigger.ACCOUNT_NEGATIVE
    rank: AdlRank = AdlRank.PRICE_RATIO_TIMES_LEVERAGE
    price: AdlPrice = AdlPrice.PREVIOUS_MARK
    liquidator: float = Field(
        0.05, ge=0, le=1, description="Capital of the liquidator, share of the vault at the start"
    )

    def limit(self, fund_start: float, fund_after: float) -> float:
        """USD at which the liquidator has lost its capital, or anything since it had none."""
        return min(fund_start * (1.0 - self.liquidator), fund_after)

    def exhausted(self, claim: Claim) -> bool:
        """Whether the liquidator had no capital left when the step's losses came to be shared."""
        if claim.spent is not None:
            return claim.spent
        return claim.fund < self.limit(claim.fund_start, claim.fund_after)

    def triggered(self, claim: Claim) -> bool:
        """Whether an account is below zero, or the liquidator's capital is gone."""
        return super().triggered(claim) or self.exhausted(claim)

    def quantity_of(self, claim: Claim) -> float:
        """Base quantity of the accounts below zero; all of the inventory without capital."""
        return amount(claim.inventory() if self.exhausted(claim) else claim.insolvent())
