"""Hyperliquid: an account below zero is closed against winners at the previous mark."""

from __future__ import annotations

from typing import ClassVar

from seawall.core import AdlPrice, AdlRank, AdlTrigger
from seawall.rulebook.losses.queue import Queue


class Hyperliquid(Queue):
    """Accounts below zero are closed in full against winners at once; the vault is not asked.

    What the back-stop took over with equity left stays with the vault.

    Winners are ranked by ``margin.deleveraging.price_ratio_times_leverage`` and closed at the
    mark of the step before.

    Assumes: "the previous mark" is that of the step before; the ratio of shorts
    mirrors that of longs, which alone is printed; between that price and the bankruptcy price the
    fund gains or pays.
    """

    title: ClassVar[str] = "Hyperliquid queue"
    source: ClassVar[str] = "Hyperliquid docs: auto-deleveraging"

    trigger: AdlTrigger = AdlTrigger.ACCOUNT_NEGATIVE
    rank: AdlRank = AdlRank.PRICE_RATIO_TIMES_LEVERAGE
    price: AdlPrice = AdlPrice.PREVIOUS_MARK
    whole: bool = True
