"""An allocation as a margin account at a venue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from seawall.core import InputError, Mistake
from seawall.ingest import read_book
from seawall.margin import MarginBook
from seawall.rulebook import Rules, bind

Floats = NDArray[np.float64]


def perpetual(rules: Rules, venue: str, asset: str) -> tuple[str, float]:
    """The venue's USDT perpetual of a coin, and units of the coin in one of it."""
    known = set(rules.symbols(venue))
    for units in (1.0, 1000.0):
        symbol = ("" if units == 1.0 else "1000") + f"{asset}USDT"
        if symbol in known:
            return symbol, units
    return f"{asset}USDT", 1.0


def margin_account(
    notional: Mapping[str, float],
    price: Mapping[str, float],
    equity: float,
    venue: str,
    rules: Rules | None = None,
    lost: float = 0.0,
) -> MarginBook:
    """A cross-margined account of longs, bound to the venue's rules of today.

    Parameters
    ----------
    notional
        Asset to USD, > 0.
    price
        Asset to USD.
    equity
        Collateral in USD when the positions are opened, at the price.
    lost
        Share of it that is lost thereafter.

    Raises
    ------
    InputError
        If the venue is not known, or its brackets do not let equity carry these positions.
    """
    rules = rules or Rules.bundled()
    name = rules.canonical_venue(venue, "linear")
    rows = []
    for asset, usd in notional.items():
        symbol, units = perpetual(rules, name, asset)
        rows.append(
            {
                "account": "allocation",
                "venue": name,
                "instrument": symbol,
                "size": usd / price[asset] / units,
                "entry_price": price[asset] * units,
                "mark_price": price[asset] * units,
                "margin_mode": "cross",
                "wallet_balance": equity * (1.0 - lost),
            }
        )
    margin = bind(read_book(rows, rules=rules), rules)
    _require_carried(margin, equity)
    return margin


def _require_carried(margin: MarginBook, equity: float) -> None:
    """Refuse a leverage that the brackets do not allow."""
    book, needed = margin.book, 0.0
    for k, usd in enumerate(book.notional()):
        schedule = margin.schedules[margin.schedule[k]]
        bracket = int(np.searchsorted(schedule.floors, usd, side="right")) - 1
        most = schedule.max_leverage[bracket]
        needed += float(usd / most) if np.isfinite(most) else 0.0
    if needed > equity:
        raise InputError(
            Mistake(
                "the venue's brackets do not allow this leverage at this size",
                "leverage",
                value=f"initial margin {needed:,.0f} USD",
                allowed=f"at most the equity, {equity:,.0f} USD",
                mend="Lower --leverage or --equity",
            )
        )


def weighted(weights: Floats, assets: Sequence[str], scale: float) -> dict[str, float]:
    """Asset to USD for every weight above 0."""
    return {a: float(w) * scale for a, w in zip(assets, weights, strict=True) if w > 1e-9}
