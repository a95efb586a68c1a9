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
    over with equity left; beyond, whole claims are closed against winners, and the equity taken
    over since the last such step is all the capital it has.

    Winners are ranked by ``margin.deleveraging.price_ratio_times_leverage`` and closed at the
    mark of the step before.

    Assumes: the liquidator's capital, published as a small percentage and no number, is not made
    up again during a run; what it took over before is worked off in the book; "the previous mark"
    is that of the step before; the ratio of shorts mirrors that of longs, which alone is printed;
    between that price and the bankruptcy price the fund gains or pays.
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

    def exhausted(self, claim: Claim) -> bool:
        """Whether the liquidator has lost all of its capital, or what it took over since."""
        return claim.fund < min(claim.fund_start * (1.0 - self.liquidator), claim.fund_after)

    def triggered(self, claim: Claim) -> bool:
        """Whether an account is below zero, or the liquidator's capital is gone."""
        return super().triggered(claim) or self.exhausted(claim)

    def quantity_of(self, claim: Claim) -> float:
        """Base quantity of the accounts below zero; all of it once the capital is gone."""
        return amount(abs(claim.quantity) if self.exhausted(claim) else claim.insolvent())
