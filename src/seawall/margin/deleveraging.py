"""The order in which winners are deleveraged: one score per venue, higher goes first."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from seawall.core import AdlRank

Floats = NDArray[np.float64]


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
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(equity > 0, maintenance / equity, 0.0)
    return np.maximum(pnl, 0.0) / np.maximum(balance, 1.0) * ratio


def profit_times_leverage(pnl: Floats, cost: Floats, notional: Floats, equity: Floats) -> Floats:
    """Leveraged return: ``pnl / cost * leverage`` for winners, divided by it for losers.

    ``cost`` is the notional at entry and leverage is notional over equity.

    Source: BitMEX "Auto-Deleveraging" for the two branches; Bybit and OKX help pages rank by
    leveraged return.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        leverage = np.where(equity > 0, notional / equity, np.inf)
        change = pnl / cost
        score = np.where(change > 0, change * leverage, change / np.maximum(leverage, 1e-12))
    return np.asarray(np.nan_to_num(score, nan=0.0, posinf=np.finfo(np.float64).max))


def price_ratio_times_leverage(
    side: Floats, entry: Floats, mark: Floats, notional: Floats, account_value: Floats
) -> Floats:
    """Hyperliquid's index: ``mark / entry * notional / account_value``; shorts entry / mark.

    The docs print the long-oriented ratio only; the short side is its mirror image, assumed.

    Source: Hyperliquid docs "Auto-deleveraging".
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        gain = np.where(side > 0, mark / entry, entry / mark)
        score = gain * np.where(account_value > 0, notional / account_value, 0.0)
    return np.asarray(np.nan_to_num(score, nan=0.0, posinf=np.finfo(np.float64).max))


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
    if rank is AdlRank.PROFIT_TIMES_MARGIN_RATIO:
        return profit_times_margin_ratio(pnl, balance, maintenance, equity)
    if rank is AdlRank.PROFIT_TIMES_LEVERAGE:
        return profit_times_leverage(pnl, cost, notional, equity)
    return price_ratio_times_leverage(side, entry, mark, notional, equity)
