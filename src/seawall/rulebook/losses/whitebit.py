"""WhiteBIT: the book exhausted, counterparties' positions are offered at the bankruptcy price."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from seawall.core import AdlRank
from seawall.rulebook.losses import Claim
from seawall.rulebook.losses._sharing import amount
from seawall.rulebook.losses.queue import Queue


class Whitebit(Queue):
    """Post-only orders in the names of selected winners meet the claim at its bankruptcy price.

    ``filled`` is the share of a claim that is met so in one step; the rest stays with the fund.

    Assumes: a claim is what the book has not taken, so every claim triggers the rule and the fund
    is not asked first. Selection is by the exchange's ranking (grades 0 to 4), whose formula is
    not published: the leveraged return stands for it. The orders are public and others may fill
    them, which is not in it: they meet the claim alone.
    """

    title: ClassVar[str] = "WhiteBIT offers at the bankruptcy price"
    source: ClassVar[str] = "WhiteBIT docs: auto-deleveraging"

    rank: AdlRank = AdlRank.PROFIT_TIMES_LEVERAGE
    filled: Annotated[float, Field(ge=0, le=1)] = 1.0

    def triggered(self, claim: Claim) -> bool:
        """Whether the book has left anything."""
        return amount(abs(claim.quantity)) > 0

    def quantity_of(self, claim: Claim) -> float:
        """Base quantity that is met in one step."""
        return amount(abs(claim.quantity)) * self.filled
