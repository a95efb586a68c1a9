"""Traders who cut their leverage after a loss."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import Field

from seawall.core.hooks import Floor, Traders
from seawall.sim.behaviours import Behaviour
from seawall.sim.behaviours._choice import accounts_in
from seawall.sim.reach import Refusals


class Deleverager(Behaviour):
    """A share of the accounts cuts to low leverage once it has lost part of its equity.

    Assumes that who cuts does so once, all positions alike and at market; the level it cuts to is
    drawn evenly between two bounds. Accounts below that leverage already have nothing to cut.
    """

    title: ClassVar[str] = "Deleveraging after a loss"
    source: ClassVar[str] = (
        "Adrian and Shin (2010), Journal of Financial Intermediation 19, 418-437: leverage is cut "
        "as equity falls; published advice of November 2025 to stay at 1-3x"
    )

    share: float = Field(0.2, ge=0, le=1, description="Share of the accounts that would cut")
    loss: float = Field(
        0.3, gt=0, lt=1, description="Loss of equity since the start at which they cut; fraction"
    )
    lowest: float = Field(1.0, ge=0, le=125, description="Least leverage cut to")
    highest: float = Field(3.0, ge=0, le=125, description="Greatest leverage cut to")

    def act(self, floor: Floor) -> None:
        """No orders of its own: the traders' own positions are cut."""
        refusals = Refusals(self, floor)
        refusals.venues(self.venues)
        refusals.assets(self.assets)
        if self.highest < self.lowest:
            refusals.add("highest", "range of leverage upside down", self.highest, "lowest or more")
        refusals.refuse()

    def traders(self, traders: Traders, rng: np.random.Generator) -> None:
        """Say at which equity each account cuts, and to what."""
        count = len(traders.cut_at)
        luck, level = rng.random(count), rng.random(count)
        chosen = accounts_in(traders.book, self.venues, self.assets) & (luck < self.share)
        traders.cut_at[chosen] = 1.0 - self.loss
        traders.cut_to[chosen] = self.lowest + (self.highest - self.lowest) * level[chosen]
