"""Nobody may hold more than so much of a market."""

from __future__ import annotations

from math import inf
from typing import ClassVar

import numpy as np
from pydantic import Field

from seawall.core.hooks import Traders
from seawall.rulebook.levers import Lever
from seawall.rulebook.levers._where import holdings, open_interest, rows_under, shrink


class PositionLimit(Lever):
    """Limit what one trader holds of one instrument, in USD or as a share of open interest.

    At the start a holding above the limit is scaled down to it, all of its positions alike;
    equity stays. Off with both infinite.

    Assumes that what is cut is taken over by makers, not by other traders, and that nobody goes
    round the limit by another name or venue. Both would make it weaker than it looks here.
    """

    title: ClassVar[str] = "Position limit"
    source: ClassVar[str] = (
        "US Commodity Exchange Act, section 4a, and 17 CFR part 150 (speculative position "
        "limits); OKX and Hyperliquid cap positions or open interest by instrument"
    )

    usd: float = Field(default=inf, gt=0, description="USD notional of a holding at most")
    share: float = Field(
        default=inf,
        gt=0,
        description=(
            "Share of the instrument's open interest in the book before the limit, at most"
        ),
    )

    def traders(self, traders: Traders, rng: np.random.Generator) -> None:
        """Scale holdings above the limit down to it."""
        if min(self.usd, self.share) == inf or not len(traders.book):
            return
        index, usd = holdings(traders)
        held = usd[index]
        limit = np.full(len(held), self.usd)
        if self.share < inf:
            limit = np.minimum(limit, self.share * open_interest(traders))
        over = rows_under(self, traders.book) & (held > limit)
        factor = np.ones(len(held))
        factor[over] = limit[over] / held[over]
        shrink(traders, factor)
