"""What if more traders had stops, and where?"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import Field

from seawall.core.hooks import Traders
from seawall.rulebook.levers import Lever
from seawall.rulebook.levers._where import liquidation_distance, rows_under


class StopAdoption(Lever):
    """Give a share of all traders a stop on each of their open positions.

    The stop stands ``before`` of the way from the mark to the liquidation price that the trader
    reckons with (its leverage and ``maintenance``). Everyone's lot is the same whatever the
    share, so those with stops under a smaller share have them under a larger one. Off with
    ``share`` 0 and ``clear`` false.

    Assumes that a stop is an order at the market once the mark has crossed it: it may fill
    anywhere, and it sells into the same book as a liquidation. Planned entries get none.
    """

    title: ClassVar[str] = "Share of traders with stops"
    source: ClassVar[str] = (
        "Advice published after November 2025; Osler (2005), Stop-loss orders and price cascades "
        "in currency markets, Journal of International Money and Finance 24"
    )

    share: float = Field(
        default=0.0, ge=0, le=1, description="Share of traders, by head, who set stops"
    )
    before: float = Field(
        default=0.7,
        gt=0,
        lt=1,
        description="Fraction of the way to liquidation at which the stop stands",
    )
    maintenance: float = Field(
        default=0.005,
        ge=0,
        lt=1,
        description=(
            "Maintenance rate that traders reckon with where a row of the book gives none"
        ),
    )
    clear: bool = Field(
        False,
        description="Whether the stops that the book brings are taken out first; else they stay",
    )

    def traders(self, traders: Traders, rng: np.random.Generator) -> None:
        """Set the stops."""
        book = traders.book
        under = rows_under(self, book)
        if self.clear:
            traders.stop[under] = np.nan
        if self.share == 0.0 or not len(book):
            return
        lot = rng.random(len(book.traders))
        adopts = lot[book.accounts.trader[book.positions.account]] < self.share
        distance = liquidation_distance(traders, self.maintenance)
        side = np.sign(book.positions.size)
        price = book.positions.mark * (1.0 - side * self.before * distance)
        free = under & adopts & np.isnan(traders.stop) & (traders.plan == 0.0)
        sets = free & (distance > 0.0) & np.isfinite(distance) & (price > 0.0)
        traders.stop[sets] = price[sets]
