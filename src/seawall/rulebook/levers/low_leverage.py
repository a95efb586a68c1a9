"""What if more traders had been at low leverage?"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import Field, model_validator

from seawall.core.hooks import Traders
from seawall.rulebook.levers import Lever
from seawall.rulebook.levers._where import leverage_now, rows_under, shrink
from seawall.rulebook.levers.leverage_cap import LeverageCap


class LowLeverage(Lever):
    """Bring a share of all traders to leverage of ``least`` to ``most``.

    Those there already count first; of the others as many as are missing are drawn by lot, and
    their accounts above ``most`` are scaled down to a leverage drawn evenly between the two.
    Everyone's lot is the same whatever the share, so the traders of a smaller share are among
    those of a larger one. Off with ``share`` 0, or where more than that are there already.

    Assumes that they keep their equity and hold less: open interest falls with it.
    """

    title: ClassVar[str] = "Share of traders at low leverage"
    source: ClassVar[str] = (
        "Advice of 1x to 3x published after November 2025; Cheng et al. (2021), arXiv 2102.04591: "
        "liquidated accounts were levered 60x on average"
    )

    share: float = Field(
        default=0.0, ge=0, le=1, description="Part of the traders with positions, by head"
    )
    least: float = Field(
        default=1.0, gt=0, description="Lowest leverage drawn: notional over equity"
    )
    most: float = Field(default=3.0, gt=0, description="Highest leverage drawn")

    @model_validator(mode="after")
    def _ordered(self) -> LowLeverage:
        if self.least > self.most:
            raise ValueError(f"least {self.least:g} is above most {self.most:g}: swap them")
        return self

    def against(self, other: Lever) -> str:
        """A cap below the least leverage drawn would undo what is drawn."""
        if isinstance(other, LeverageCap) and other.cap < self.least:
            return (
                f"a leverage of {self.least:g} or more is drawn for some, and {other.cap:g} is "
                "allowed: lower least, or raise the cap"
            )
        return ""

    def traders(self, traders: Traders, rng: np.random.Generator) -> None:
        """Scale down the accounts of those drawn."""
        book = traders.book
        if self.share == 0.0 or not len(book):
            return
        lot, aim = rng.random((2, len(book.traders)))
        there = np.zeros(len(book.accounts), dtype=np.bool_)
        there[book.positions.account[rows_under(self, book)]] = True
        leverage = leverage_now(traders)
        high = there & (leverage > self.most) & (traders.equity > 0.0)
        trader = book.accounts.trader
        present = np.zeros(len(book.traders), dtype=np.bool_)
        present[trader[there]] = True
        above = np.zeros(len(book.traders), dtype=np.bool_)
        above[trader[there & (leverage > self.most)]] = True
        missing = round(self.share * int(present.sum())) - int((present & ~above).sum())
        movable = np.zeros(len(book.traders), dtype=np.bool_)
        movable[trader[high]] = True
        drawn = np.flatnonzero(movable)
        drawn = drawn[np.argsort(lot[drawn], kind="stable")][: max(0, missing)]
        chosen = np.zeros(len(book.traders), dtype=np.bool_)
        chosen[drawn] = True
        target = self.least + (self.most - self.least) * aim[trader]
        factor = np.ones(len(book.accounts))
        cut = high & chosen[trader]
        factor[cut] = target[cut] / leverage[cut]
        shrink(traders, factor[book.positions.account])
