"""Bybit: the pool may fall 30% below its eight-hour peak, then winners bear what is beyond."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from seawall.core import AdlTrigger
from seawall.rulebook.losses import Claim
from seawall.rulebook.losses._sharing import amount
from seawall.rulebook.losses.queue import Drop, Queue


class Bybit(Queue):
    """Deleveraging holds the pool at ``drawdown`` below its peak until it is back above ``stop``.

    It begins at a drawdown of the pool of ``drawdown`` or more of its greatest worth in eight
    hours and ends above ``stop``: while it lasts, the pool bears nothing below ``stop``. A pool
    that stood at or below ``threshold_usd`` before the claim has no such floor; its winners are
    asked once it is empty. Order: leveraged return; price: bankruptcy, or the mark where that is
    more than 5% away.

    Bybit's two wordings differ in the drawdown: 30% (API page, the default) and 100% of the
    eight-hour peak (help page of November 2025): ``drawdown = 1``.

    Assumes: the pool's drawdown stands for the symbol's profit in the pool, which the page counts
    but publishes for no one; isolated and cross margin rank alike. ``threshold_usd`` is that of
    the page's sample message (its worked example has 1). That the mark replaces a bankruptcy price
    more than 5% away is from copies by third parties; the quantity closed is the same.
    """

    title: ClassVar[str] = "Bybit queue"
    source: ClassVar[str] = "Bybit API v5, adlAlert (2025-09); Bybit help, November 2025"

    trigger: AdlTrigger = AdlTrigger.FUND_DRAWDOWN
    drawdown: Drop = 0.30
    stop: Drop = 0.25
    threshold_usd: Annotated[float, Field(ge=0)] = 10_000.0
    price_falls_back_to_mark_beyond: Drop | None = 0.05

    def floor(self, claim: Claim) -> float:
        """USD below which the pool does not go: at ``stop`` while deleveraging lasts."""
        if not claim.fund + amount(claim.deficit) > self.threshold_usd:
            return 0.0
        peak = amount(claim.fund_peak)
        # a stop beyond the drawdown would never be passed: deleveraging then ends where it begins
        level = min(self.stop, self.drawdown) if claim.was_triggered else self.drawdown
        return peak - level * peak
