"""Which rule a rulebook's loss terms are."""

from __future__ import annotations

from typing import Any

from seawall.core import AdlPrice, AdlRank, AdlTrigger, LossTerms
from seawall.rulebook.losses import LossRule
from seawall.rulebook.losses.binance import Binance
from seawall.rulebook.losses.bybit import Bybit
from seawall.rulebook.losses.deribit import Deribit
from seawall.rulebook.losses.dydx import Dydx
from seawall.rulebook.losses.hyperliquid import Hyperliquid
from seawall.rulebook.losses.none import Nobody
from seawall.rulebook.losses.okx import Okx
from seawall.rulebook.losses.queue import Queue

OWN: tuple[type[Queue], ...] = (Binance, Bybit, Okx, Hyperliquid, Dydx)


def of_terms(terms: LossTerms) -> LossRule:
    """A venue's own rule where the terms are its, else the queue they describe."""
    if terms.rank is AdlRank.NONE and terms.trigger is AdlTrigger.FUND_EXHAUSTED:
        return Deribit() if terms.socialised else Nobody()
    given: dict[str, Any] = {
        "drawdown": terms.drawdown,
        "price_falls_back_to_mark_beyond": terms.price_falls_back_to_mark_beyond,
        "socialised": terms.socialised,
    }
    for kind in OWN:
        own = kind()
        if (own.trigger, own.rank, own.price) == (terms.trigger, terms.rank, terms.price):
            return kind(**given)
    # closing at the mark or at once spares the fund nothing by shares: the claim goes whole
    whole = terms.price is AdlPrice.MARK or terms.trigger is AdlTrigger.ACCOUNT_NEGATIVE
    return Queue(trigger=terms.trigger, rank=terms.rank, price=terms.price, whole=whole, **given)
