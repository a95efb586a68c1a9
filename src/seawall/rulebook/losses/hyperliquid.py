"""Hyperliquid: an account below zero is closed against winners at the previous mark."""

from __future__ import annotations

from typing import ClassVar

from seawall.core import AdlPrice, AdlRank, AdlTrigger
from seawall.rulebook.losses.queue import Queue


class Hyperliquid(Queue):
    """As soon as there is a deficit, the claim is closed in full; the vault is not asked.

    Winners are ranked by ``margin.deleveraging.price_ratio_times_leverage`` and closed at the
    mark of the step before.

    Assumes: all positions of a claim with a deficit belong to accounts below zero (a claim does
    not tell them apart); "the previous mark" is that of the step before; the ratio of shorts
    mirrors that of longs, which alone is printed; between that price and the bankruptcy price the
    fund gains or pays.
    """

    title: ClassVar[str] = "Hyperliquid queue"
    source: ClassVar[str] = "Hyperliquid docs: auto-deleveraging"

    trigger: AdlTrigger = AdlTrigger.ACCOUNT_NEGATIVE
    rank: AdlRank = AdlRank.PRICE_RATIO_TIMES_LEVERAGE
    price: AdlPrice = AdlPrice.PREVIOUS_MARK
    whole: bool = True
