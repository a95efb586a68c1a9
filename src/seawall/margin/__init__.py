"""The margin engine: pure functions of columns, each formula written once."""

from seawall.margin.book import MarginBook
from seawall.margin.closing import (
    bankruptcy_quote,
    bankruptcy_rating,
    fillable_price,
    insurance_fund_delta,
)
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
    "bankruptcy_quote",
    "bankruptcy_rating",
    "drivers",
    "exposures",
    "fillable_price",
    "funding_payment",
    "funding_rate",
    "half_initial_rate",
    "impact_premium",
    "initial_rate",
    "insurance_fund_delta",
    "isolated_liquidation_prices",
    "isolated_states",
    "unrealised_pnl",
]
