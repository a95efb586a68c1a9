"""The margin engine: pure functions of columns, each formula written once."""

from seawall.margin.book import MarginBook
from seawall.margin.funding import funding_payment, funding_rate, impact_premium
from seawall.margin.isolated import isolated_liquidation_prices, isolated_states
from seawall.margin.lines import (
    Lines,
    drivers,
    exposures,
    half_initial_rate,
    initial_rate,
    unrealised_pnl,
)
from seawall.margin.state import MarginState

__all__ = [
    "Lines",
    "MarginBook",
    "MarginState",
    "drivers",
    "exposures",
    "funding_payment",
    "funding_rate",
    "half_initial_rate",
    "impact_premium",
    "initial_rate",
    "isolated_liquidation_prices",
    "isolated_states",
    "unrealised_pnl",
]
