"""The order in which winners are deleveraged: one score per venue, higher goes first."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from seawall.core import AdlRank
from seawall.margin import _ranks

Floats = NDArray[np.float64]

RANKS = {
    AdlRank.PROFIT_TIMES_MARGIN_RATIO: _ranks.MARGIN_RATIO,
    AdlRank.PROFIT_TIMES_LEVERAGE: _ranks.LEVERAGE,
    AdlRank.PRICE_RATIO_TIMES_LEVERAGE: _ranks.PRICE_RATIO,
    AdlRank.RANDOM: _ranks.RANDOM,
    AdlRank.NONE: _ranks.NONE,
}
"""The kernels' number of each rank."""


def profit_times_margin_ratio(
    pnl: Floats, balance: Floats, maintenance: Floats, equity: Floats | None = None
) -> Floats:
    """Binance's LeveragePnL: ``max(0, pnl) / max(1, balance) * maintenance / equity``.

    ``equity`` is the account's, ``balance + pnl`` where it holds nothing else. The margin ratio
    counts as 0 where equity is not above 0.

    Source: dev.binance.vision topic 17801: pnl 40.2, balance 4.27 and ratio 13.42% give 9.41
    and a score of 1.26. Binance FAQ 360033525471.
    """
    equity = balance + pnl if equity is None else equity
    return _ranked(
        _ranks.MARGIN_RATIO, pnl=pnl, balance=balance, equity=equity, maintenance=maintenance
    )


def profit_times_leverage(pnl: Floats, cost: Floats, notional: Floats, equity: Floats) -> Floats:
    """Leveraged return: ``pnl / cost * leverage`` for winners, divided by it for losers.

    ``cost`` is the notional at entry and leverage is notional over equity.

    Source: BitMEX "Auto-Deleveraging" for the two branches; Bybit and OKX help pages rank by
    leveraged return.
    """
    return _ranked(_ranks.LEVERAGE, pnl=pnl, cost=cost, notional=notional, equity=equity)


def price_ratio_times_leverage(
    side: Floats, entry: Floats, mark: Floats, notional: Floats, account_value: Floats
) -> Floats:
    """Hyperliquid's index: ``mark / entry * notional / account_value``; shorts entry / mark.

    The docs print the long-oriented ratio only; the short side is its mirror image, assumed.

    Source: Hyperliquid docs "Auto-deleveraging".
    """
    return _ranked(
        _ranks.PRICE_RATIO,
        side=side,
        entry=entry,
        mark=mark,
        notional=notional,
        equity=account_value,
    )


def by_lot(names: Iterable[str], seed: int = 0) -> Floats:
    """A number in [0, 1) for each name, as good as drawn: the same name draws the same number.

    It follows from the name alone, so that neither the order nor the company of the others
    changes it. ``seed`` makes another draw.

    Source: dYdX v4 chain, x/clob/keeper/deleveraging.go, begins with a pseudo-random sub-account
    and goes on in their order; here each position has its own draw.
    """
    salt = f"{seed}".encode()
    lots = (hashlib.blake2b(n.encode(), digest_size=8, key=salt).digest() for n in names)
    whole = np.frombuffer(b"".join(lots), dtype=">u8")
    return np.asarray((whole >> np.uint64(11)).astype(np.float64) * 2.0**-53)


def deleveraging_score(
    rank: AdlRank,
    *,
    side: Floats,
    entry: Floats,
    mark: Floats,
    notional: Floats,
    cost: Floats,
    pnl: Floats,
    balance: Floats,
    equity: Floats,
    maintenance: Floats,
) -> Floats:
    """Score of each position under one venue's rule; all arrays of one shape, USD.

    ``cost`` is the notional at entry, valued as ``pnl`` is (an inverse contract's in coin, at
    the mark); ``balance``, ``equity`` and ``maintenance`` are those of the position's account.
    Ranks that ask no figure have none here: see :func:`by_lot`.
    """
    return _ranked(
        RANKS[rank],
        side=side,
        entry=entry,
        mark=mark,
        notional=notional,
        cost=cost,
        pnl=pnl,
        balance=balance,
        equity=equity,
        maintenance=maintenance,
    )


def _ranked(
    rank: int,
    side: Floats | float = 0.0,
    entry: Floats | float = 0.0,
    mark: Floats | float = 0.0,
    notional: Floats | float = 0.0,
    cost: Floats | float = 0.0,
    pnl: Floats | float = 0.0,
    balance: Floats | float = 0.0,
    equity: Floats | float = 0.0,
    maintenance: Floats | float = 0.0,
) -> Floats:
    """Score of each position by the kernels' number of a rank; 0 for figures it does not ask."""
    figures = (side, entry, mark, notional, cost, pnl, balance, equity, maintenance)
    columns = np.array(np.broadcast_arrays(*figures), dtype=np.float64)
    score = np.empty(columns.shape[1:])
    _ranks.ranks(rank, columns.reshape(len(figures), -1), score.reshape(-1))
    return score
