"""The market of Thurner, Farmer and Geanakoplos (2012): value funds that borrow, and noise.

``markets`` independent copies run side by side. Demand of the noise traders, in money, follows
the log of the price to its fundamental value at rate 1 - rho. A fund asks for ``aggression *
mispricing`` times its wealth, at most ``leverage`` times it; one that falls below a tenth of its
first wealth is out for 100 steps.
"""

from __future__ import annotations

import numpy as np

SHARES, VALUE, RHO, SIGMA, WEALTH, RETURN = 1000.0, 1.0, 0.99, 0.035, 2.0, 0.005


def returns(leverage: float, steps: int, markets: int, seed: int, drop: int = 500) -> np.ndarray:
    """Log returns, shape (markets, steps - drop - 1); leverage 0 is a market without funds."""
    rng = np.random.default_rng(seed)
    aggression = np.linspace(5.0, 50.0, 10)
    wealth = np.full((markets, 10), WEALTH)
    out = np.zeros((markets, 10), dtype=int)
    noise = np.full(markets, np.log(VALUE * SHARES))
    price, held = np.full(markets, VALUE), np.zeros((markets, 10))
    path = np.empty((steps, markets))
    for t in range(steps):
        noise = RHO * noise + (1 - RHO) * np.log(VALUE * SHARES)
        noise += SIGMA * rng.standard_normal(markets)
        money = np.exp(noise)
        active = (out == 0) & (leverage > 0)
        cash = wealth - held * price[:, None]
        low, high = np.full(markets, 1e-3), np.full(markets, 10.0)
        for _ in range(34):
            middle = 0.5 * (low + high)
            owned = np.maximum(cash + held * middle[:, None], 0.0)
            wanted = _wanted(middle, owned, aggression, leverage) * active
            more = money / middle + wanted.sum(axis=1) > SHARES
            low, high = np.where(more, middle, low), np.where(more, high, middle)
        price = 0.5 * (low + high)
        owned = cash + held * price[:, None]
        held = _wanted(price, np.maximum(owned, 0.0), aggression, leverage) * active
        gain = owned / np.maximum(wealth, 1e-12) - 1.0
        # investors bring money to what earns more than they ask, and take it from what earns less
        flow = np.maximum(0.15 * (0.1 * gain - RETURN), -1.0) * np.maximum(owned, 0.0)
        wealth = np.where(active, owned + flow, wealth)
        fallen = active & (wealth < 0.1 * WEALTH)
        held[fallen] = 0.0
        out = np.where(fallen, 100, np.maximum(out - 1, 0))
        wealth[(out == 0) & ~active | fallen] = WEALTH
        path[t] = np.log(price)
    return np.diff(path[drop:], axis=0).T


def _wanted(
    price: np.ndarray, owned: np.ndarray, aggression: np.ndarray, leverage: float
) -> np.ndarray:
    """Shares asked for."""
    mispriced = np.maximum(VALUE - price, 0.0)[:, None]
    return np.minimum(aggression * mispriced, leverage) * owned / price[:, None]
