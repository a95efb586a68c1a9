"""Circuit breakers of markets that have one, as parameters."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from types import MappingProxyType
from typing import Any

DAY = 86_400.0

PRESETS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "luld": {
            "watch": "touch",
            "reference": "mean",
            "window": 300.0,
            "reference_change": 0.01,
            "reference_hold": 30.0,
            "down": 0.05,
            "up": 0.05,
            "limit_seconds": 15.0,
            "within": True,
            "pause": 300.0,
        },
        "cme_velocity": {
            "watch": "last",
            "reference": "extreme",
            "window": 5.0,
            "down": 0.02,
            "up": 0.02,
            "pause": 5.0,
        },
        "cme_dynamic": {
            "watch": "touch",
            "reference": "extreme",
            "of_opening": True,
            "window": 3600.0,
            "down": 0.035,
            "up": 0.035,
            "within": True,
            "pause": 120.0,
            "session_seconds": DAY,
        },
        "mwcb": {
            "watch": "index",
            "reference": "opening",
            "down": 0.07,
            "pause": 900.0,
            "further": ({"down": 0.13, "pause": 900.0}, {"down": 0.20, "pause": inf}),
            "once": True,
            "session_seconds": DAY,
        },
        "cme_daily": {
            "watch": "touch",
            "reference": "opening",
            "down": 0.07,
            "up": 0.07,
            "pause": 120.0,
            "further": ({"down": 0.13, "up": 0.13, "pause": 120.0},),
            "once": True,
            "within": True,
            "hard": 0.20,
            "session_seconds": DAY,
        },
    }
)
"""Rules of markets that have a breaker; a parameter given beside a preset goes before it."""

PRESET_SOURCES: Mapping[str, str] = MappingProxyType(
    {
        "luld": "National Market System Plan to Address Extraordinary Market Volatility (Limit Up"
        "-Limit Down), sections V to VII: Tier 1 above 3 USD, without the doubled bands at the "
        "open and the close, which a market that never closes does not have",
        "cme_velocity": "CME Globex Velocity Logic: a move of so many ticks within seconds pauses "
        "matching for a few seconds. CME sets both by product: 2% within 5 s, 5 s are ours",
        "cme_dynamic": "CME Group, Dynamic Circuit Breakers FAQ: share of the previous settlement "
        "off the high or low of a rolling 60 minutes, two minutes' pause, the window starts "
        "again; 3.5% as for US equity futures (Understanding Price Limits and Circuit Breakers, "
        "2020-03-23)",
        "mwcb": "Market-wide circuit breakers of the US stock exchanges (NYSE Rule 7.12): 7% and "
        "13% off the previous close 15 minutes each, once a day; 20% the rest of the day",
        "cme_daily": "CME Bitcoin futures as listed in December 2017: 7% and 13% off the "
        "settlement two minutes each, no trade beyond 20%",
    }
)
