"""The same work in plain numpy, as one would write it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seawall.core import MarginSchedule
from seawall.margin import MarginBook

Floats = NDArray[np.float64]


def liquidation_prices(
    size: Floats, entry: Floats, balance: Floats, schedule: MarginSchedule
) -> Floats:
    """The highest (long) or lowest (short) of the brackets' own roots."""
    cost, long = size * entry - balance, size > 0
    best = np.full(len(size), -np.inf)
    for rate, less in zip(schedule.rates, schedule.deductions, strict=True):
        best = np.maximum(best, (cost - less) * np.where(long, 1 / (1 - rate), 1 / (1 + rate)))
    price = best / size
    return np.where(price > 0, price, np.nan)


def state(columns: dict[str, Floats], schedule: MarginSchedule) -> tuple[Floats, ...]:
    """Equity, initial and maintenance margin, liquidation price."""
    c = columns
    value = np.abs(c["size"]) * c["mark"]
    k = np.searchsorted(schedule.floors, value, side="right") - 1
    need = schedule.rates[k] * value - schedule.deductions[k]
    price = liquidation_prices(c["size"], c["entry"], c["balance"], schedule)
    return c["balance"] + c["size"] * (c["mark"] - c["entry"]), value / c["leverage"], need, price


def remarked(margin: MarginBook, factor: Floats) -> tuple[Floats, Floats]:
    """Equity and maintenance of linear accounts at new prices."""
    book, s = margin.book, margin.schedules[0]
    p, m = book.positions, len(book.accounts)
    mark = p.mark * factor[book.asset_codes()]
    value = np.abs(p.size) * mark
    k = np.searchsorted(s.floors, value, side="right") - 1
    need = s.rates[k] * value - s.deductions[k]
    equity = margin.balance + np.bincount(p.account, p.size * (mark - p.entry), m)
    return equity, np.bincount(p.account, need, m)


def cascade(margin: MarginBook, shock: Floats, depth: Floats, exponent: float) -> tuple[int, float]:
    """Rounds and USD forced where accounts are closed in full: all marked again every round."""
    book = margin.book
    p, assets = book.positions, book.asset_codes()
    standing = np.ones(len(book.accounts), dtype=np.bool_)
    flow, factor, rounds, total = np.zeros(len(shock)), shock, 0, 0.0
    while True:
        equity, need = remarked(margin, factor)
        falls = standing & (equity <= need)
        if not falls.any():
            return rounds, total
        hit = falls[p.account]
        usd = p.size[hit] * p.mark[hit] * factor[assets[hit]]
        flow -= np.bincount(assets[hit], usd, len(shock))
        total += float(np.abs(usd).sum())
        standing &= ~falls
        factor = shock * np.exp(np.sign(flow) * 0.01 * (np.abs(flow) / depth) ** exponent)
        rounds += 1
