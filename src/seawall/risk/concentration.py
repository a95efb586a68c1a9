"""How few hold how much: shares of the largest, Herfindahl and Gini."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seawall.core import Book

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Concentration:
    """Concentration of notional over traders of one group.

    ``herfindahl`` is the sum of squared shares (1 is a single trader, 1/n equal ones);
    ``gini`` is 0 where all are equal and approaches 1 - 1/n where one of n holds all.
    """

    group: str
    traders: int
    notional_usd: float
    top1: float
    top10: float
    top100: float
    herfindahl: float
    gini: float


def concentration_of(group: str, notional: Floats) -> Concentration:
    """Measures of a group's notional by trader, shape (k,), USD >= 0.

    Gini is ``sum((2 i - k - 1) x_i) / (k sum(x))`` over ascending x.

    Source: Gini (1912) in the form of Sen, On Economic Inequality (1973); Hirschman (1964).
    """
    x = np.sort(notional[notional > 0])
    k, total = x.size, float(x.sum())
    if k == 0:
        return Concentration(group, 0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    share = x[::-1] / total
    weights = 2.0 * np.arange(1, k + 1) - k - 1
    return Concentration(
        group,
        k,
        total,
        float(share[0]),
        float(share[:10].sum()),
        float(share[:100].sum()),
        float((share**2).sum()),
        float((weights * x).sum() / (k * total)),
    )


def concentrations(book: Book) -> tuple[Concentration, ...]:
    """Concentration of the whole book, of each venue and of each asset.

    A trader's notional on several venues is taken together in the whole book and per asset.
    """
    notional = book.notional()
    account = book.positions.account
    trader = book.accounts.trader[account]
    rows = [concentration_of("all", _by_trader(trader, notional))]
    venue = book.accounts.venue[account]
    for v, name in enumerate(book.venues):
        mine = venue == v
        if mine.any():
            rows.append(concentration_of(f"venue {name}", _by_trader(trader[mine], notional[mine])))
    asset = book.asset_codes()
    for a, name in enumerate(book.assets):
        mine = asset == a
        if mine.any():
            rows.append(concentration_of(f"asset {name}", _by_trader(trader[mine], notional[mine])))
    return tuple(rows)


def lorenz(book: Book, points: int = 101) -> tuple[Floats, Floats]:
    """Share of notional held by the smallest share of traders: two arrays rising from 0 to 1."""
    x = np.sort(_by_trader(book.accounts.trader[book.positions.account], book.notional()))
    x = x[x > 0]
    held = np.append(0.0, np.cumsum(x)) / max(float(x.sum()), 1e-300)
    at = np.linspace(0.0, 1.0, points)
    return at, np.interp(at, np.linspace(0.0, 1.0, len(held)), held)


def _by_trader(trader: NDArray[np.int32], notional: Floats) -> Floats:
    return np.bincount(trader, notional).astype(np.float64)
