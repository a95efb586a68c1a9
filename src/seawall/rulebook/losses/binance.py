"""Binance USD-M: beyond the fund, by profit times margin ratio, at the bankruptcy price."""

from __future__ import annotations

from typing import ClassVar

from seawall.core import AdlRank
from seawall.rulebook.losses.queue import Queue


class Binance(Queue):
    """Deleveraging begins when the fund cannot take a claim, at the bankruptcy price.

    Winners are ranked by ``margin.deleveraging.profit_times_margin_ratio``. What the fund can
    bear it bears; the rest of the claim is closed. ``whole`` closes all of it instead.

    Assumes: the share of a claim that the fund cannot bear is the share of its positions that is
    closed (Binance decides order by order); one fund for all contracts.
    """

    title: ClassVar[str] = "Binance queue"
    source: ClassVar[str] = "Binance FAQ 360033525471; dev.binance.vision topic 17801"

    rank: AdlRank = AdlRank.PROFIT_TIMES_MARGIN_RATIO
