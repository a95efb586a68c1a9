"""OKX: with the fund 30% below its eight-hour peak, claims are matched with winners at the mark."""

from __future__ import annotations

from typing import ClassVar

from seawall.core import AdlPrice, AdlTrigger
from seawall.rulebook.losses.queue import Drop, Queue


class Okx(Queue):
    """No order goes to the book any more: a claim is closed in full against winners at the mark.

    Winners give up no money, but their positions; the fund bears the deficit as it stands and is
    spared what selling would cost.

    Assumes: one fund (OKX keeps one per product and underlying); "profit and leverage" is the
    leveraged return.
    """

    title: ClassVar[str] = "OKX queue"
    source: ClassVar[str] = "OKX help: auto-deleveraging"

    trigger: AdlTrigger = AdlTrigger.FUND_DRAWDOWN
    drawdown: Drop = 0.30
    price: AdlPrice = AdlPrice.MARK
    whole: bool = True
