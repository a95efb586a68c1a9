"""Depth, impact and volatility: what the market gives a forced order to trade against."""

from seawall.liquidity._kernels import LARGEST_LOG_MOVE, ONE_PERCENT, log_move
from seawall.liquidity.defaults import Assumed, daily_volatility_of, depth_of
from seawall.liquidity.impact import EMPIRICAL, SQUARE_ROOT, ImpactLaw

__all__ = [
    "EMPIRICAL",
    "LARGEST_LOG_MOVE",
    "ONE_PERCENT",
    "SQUARE_ROOT",
    "Assumed",
    "ImpactLaw",
    "daily_volatility_of",
    "depth_of",
    "log_move",
]
