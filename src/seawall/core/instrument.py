"""What is traded: one record per venue and symbol."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum


class ContractType(StrEnum):
    """How profit is paid: linear in the price (USD), or inverse (in the coin itself)."""

    LINEAR = "linear"
    INVERSE = "inverse"


@dataclass(frozen=True, slots=True)
class Instrument:
    """A derivative as one venue lists it.

    Parameters
    ----------
    venue
        Name of the rulebook that judges it, such as ``binance_usdm``.
    symbol
        The venue's own name, such as ``BTCUSDT``.
    asset
        The underlying whose price moves it, such as ``BTC``; shared by all venues.
    contract_type
        Linear or inverse.
    contract_size
        Base units per contract (linear) or USD face per contract (inverse).
    tick
        Smallest price step in USD; NaN where unknown.
    settle
        What margin and profit are paid in: ``USD`` for linear (USDT and USDC taken at par),
        the asset itself for inverse.
    """

    venue: str
    symbol: str
    asset: str
    contract_type: ContractType = ContractType.LINEAR
    contract_size: float = 1.0
    tick: float = math.nan
    settle: str = "USD"

    @property
    def inverse(self) -> bool:
        """Whether profit is paid in the coin."""
        return self.contract_type is ContractType.INVERSE
