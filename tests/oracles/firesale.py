"""The Oxford fire-sale model, written anew from its description: 48 banks that sell bonds.

A bank below the least ratio of equity to assets fails and sells all bonds; one below the buffer
pays debts with its cash and then sells bonds until it would be at its target. Sales move prices
exponentially and bring the mean of the prices before and after.
"""

from __future__ import annotations

import numpy as np

LEAST, BUFFER, TARGET = 0.03, 0.04, 0.05
STEPS = 6


def fire_sale(
    capital: np.ndarray,
    assets: np.ndarray,
    bonds: np.ndarray,
    shock: float,
    impact: float,
    buffer: float = BUFFER,
) -> tuple[float, float]:
    """Share of banks that failed, and share of bonds sold. A ``buffer`` of 1: always to target."""
    cash = 0.05 * assets
    other = assets - cash - bonds.sum(axis=1)
    debt, loans = assets - capital, (assets - capital) / 2
    held, price, whole = bonds.copy(), np.array([1.0 - shock, 1.0]), bonds.sum(axis=0)
    alive = np.ones(len(capital), dtype=bool)
    sold = np.zeros(2)
    for _ in range(STEPS + 1):
        orders = np.zeros_like(held)
        worth = cash + other + held @ price
        equity = worth - debt
        for b in np.flatnonzero(alive):
            if equity[b] < LEAST * worth[b]:
                alive[b] = False
                orders[b] = held[b]
            elif equity[b] < buffer * worth[b]:
                excess = max(0.0, worth[b] - equity[b] / TARGET)
                paid = min(cash[b], excess, loans[b])
                cash[b] -= paid
                loans[b] -= paid
                debt[b] -= paid
                value = held[b] @ price
                if value > 0:
                    orders[b] = held[b] * min(1.0, (excess - paid) / value)
        fraction = orders.sum(axis=0) / whole
        before, price = price, price * (1.0 - impact) ** (fraction / 0.05)
        cash += orders @ (before + price) / 2
        held -= orders
        sold += orders.sum(axis=0)
    return 1.0 - float(alive.mean()), float(sold.sum() / whole.sum())
