"""A collateral asset that loses its peg."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import Field

from seawall.core.hooks import Traders
from seawall.sim.reach import Refusals
from seawall.sim.shocks import Shock, Timeline

_GOLDEN = 0.6180339887498949


class CollateralDepeg(Shock):
    """The price of a collateral asset falls, stays down, and perhaps comes back.

    Part of the balance of some accounts is held in it, and is worth that much less. Which
    accounts is a fixed, evenly spread choice by their place in the book.

    Assumes one such asset, valued by every venue at the same price, without haircut; it is not
    sold when an account is liquidated.
    """

    title: ClassVar[str] = "Collateral depeg"
    source: ClassVar[str] = (
        "USDe, 10 October 2025: 0.65 on Binance (0.66 and 0.68 printed too), 0.92 to 0.95 on Bybit"
    )

    to: float = Field(0.65, gt=0, le=1, description="Lowest price, par is 1")
    at: float = Field(0.0, ge=0, le=1e9, description="When the fall begins, s")
    over: float = Field(300.0, ge=0, le=1e9, description="Time that the fall takes, s")
    lasts: float = Field(1800.0, ge=0, le=1e9, description="Time it stays at the lowest price, s")
    recovery: float = Field(
        0.0, ge=0, le=1e9, description="Time that the way back to par takes, s; 0: no way back"
    )
    accounts: float = Field(0.2, ge=0, le=1, description="Share of accounts that pledged it")
    pledged: float = Field(0.5, ge=0, le=1, description="Part of their balance that it is")
    venues: tuple[str, ...] = Field((), description="Where; on all venues if none are named")

    def apply(self, timeline: Timeline, traders: Traders) -> None:
        """Multiply the peg's path and mark the accounts that hold it."""
        refusals = Refusals(self, timeline.floor)
        refusals.venues(self.venues)
        refusals.begins("at", self.at)
        refusals.ends("over", self.at, self.over)
        refusals.refuse()
        low = self.at + self.over
        times, prices = [self.at, low, low + self.lasts], [1.0, self.to, self.to]
        if self.recovery > 0:
            times.append(low + self.lasts + self.recovery)
            prices.append(1.0)
        timeline.peg *= np.interp(timeline.seconds(), times, prices)
        book = traders.book
        there = np.array([not self.venues or v in self.venues for v in book.venues], np.bool_)
        place = np.arange(1, len(book.accounts) + 1)
        chosen = there[book.accounts.venue] & (place * _GOLDEN % 1.0 < self.accounts)
        traders.pledged[chosen] = np.maximum(traders.pledged[chosen], self.pledged)
