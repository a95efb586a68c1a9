"""Depth, impact and volatility: what the market gives a forced order to trade against."""

from seawall.liquidity.defaults import Assumed, daily_volatility_of, depth_of
from seawall.liquidity.impact import EMPIRICAL, ONE_PERCENT, ImpactLaw, log_move

__all__ = [
    "EMPIRICAL",
    "ONE_PERCENT",
    "Assumed",
    "ImpactLaw",
    "daily_volatility_of",
    "depth_of",
    "log_move",
]
