"""Funding of perpetual contracts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def impact_premium(impact_bid: Floats, impact_ask: Floats, oracle: Floats) -> Floats:
    """Premium of the book's impact prices over the oracle, a fraction.

    ``(max(impact_bid - oracle, 0) - max(oracle - impact_ask, 0)) / oracle``.

    Source: Hyperliquid docs "Funding".
    """
    above = np.maximum(np.subtract(impact_bid, oracle), 0.0)
    below = np.maximum(np.subtract(oracle, impact_ask), 0.0)
    return np.asarray((above - below) / oracle)


def funding_rate(
    premium: Floats, interest: float, damper: float, cap: float | None = None
) -> Floats:
    """Funding rate of one interval: ``premium + clamp(interest - premium, -damper, damper)``.

    > 0 is paid by longs to shorts. ``cap`` bounds the result on both sides.

    Source: Binance FAQ "Introduction to Funding Rates"; Hyperliquid docs "Funding"; Bybit help
    "Funding rate". All three print this form.
    """
    p = np.asarray(premium, dtype=np.float64)
    rate = p + np.clip(interest - p, -damper, damper)
    return rate if cap is None else np.clip(rate, -cap, cap)


def funding_payment(size: Floats, price: Floats, rate: Floats) -> Floats:
    """Cash to the account for one interval, USD: ``-size * price * rate`` (linear contracts)."""
    return np.asarray(-np.asarray(size) * price * rate)
