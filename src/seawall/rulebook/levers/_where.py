"""Where a lever holds, and how large the positions are that it meets there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from seawall.core import Book, InputError, Mistake
from seawall.core.hooks import Floor, Traders
from seawall.rulebook.levers import Lever

Floats = NDArray[np.float64]
Rows = NDArray[np.bool_]


def holds(lever: Lever, venue: str, asset: str | None = None) -> bool:
    """Whether a lever holds on a venue, and for an asset if one is named."""
    there = not lever.venues or venue in lever.venues
    return there and (asset is None or not lever.assets or asset in lever.assets)


def refuse_unknown(where: str, names: Mapping[str, Iterable[str]], floor: Floor) -> None:
    """Refuse venues and assets that the run does not have.

    ``names`` by key; a key with ``venues`` or ``open_interest`` in it names venues, others assets.

    Raises
    ------
    InputError
        With every name that is not there.
    """
    mistakes = []
    for key, given in names.items():
        of_venues = "venues" in key or key == "open_interest"
        allowed = floor.venues if of_venues else floor.assets
        mistakes += [
            Mistake(
                f"{'a venue' if of_venues else 'an asset'} that is not there",
                where,
                column=key,
                value=name,
                allowed=", ".join(allowed),
            )
            for name in given
            if name not in allowed
        ]
    if mistakes:
        raise InputError(mistakes)


def rows_under(lever: Lever, book: Book) -> Rows:
    """Shape (n,): positions on the venues and of the assets that a lever names."""
    venues = np.array([not lever.venues or v in lever.venues for v in book.venues], dtype=np.bool_)
    assets = np.array([not lever.assets or a in lever.assets for a in book.assets], dtype=np.bool_)
    account = book.positions.account
    if not len(book):
        return np.zeros(0, dtype=np.bool_)
    return venues[book.accounts.venue[account]] & assets[book.asset_codes()]


def notional_now(traders: Traders) -> Floats:
    """Shape (n,): USD notional of every position as scaled so far; what is planned for the rest."""
    return np.where(traders.plan > 0.0, traders.plan, traders.book.notional() * traders.scale)


def shrink(traders: Traders, factor: Floats) -> None:
    """Multiply positions, and what is planned where they are not open yet, by ``factor``, (n,)."""
    traders.scale *= factor
    traders.plan *= factor


def by_account(traders: Traders, values: Floats) -> Floats:
    """Shape (m,): sums of a column of positions over accounts."""
    m = len(traders.book.accounts)
    return np.bincount(traders.book.positions.account, values, m).astype(np.float64)


def leverage_now(traders: Traders) -> Floats:
    """Shape (m,): notional over equity of each account; infinite without equity."""
    notional = by_account(traders, notional_now(traders))
    out = np.full(len(notional), np.inf)
    np.divide(notional, traders.equity, out=out, where=traders.equity > 0.0)
    return np.where(notional > 0.0, out, 0.0)


def holdings(traders: Traders) -> tuple[NDArray[np.int64], Floats]:
    """Who holds how much of what: one holding a trader and instrument.

    Returns
    -------
    index, usd
        Shape (n,): holding of each position. Shape (h,): USD notional of each holding.
    """
    book = traders.book
    trader = book.accounts.trader[book.positions.account].astype(np.int64)
    label = trader * max(1, len(book.instruments)) + book.positions.instrument
    _, index = np.unique(label, return_inverse=True)
    return index.astype(np.int64), np.bincount(index, notional_now(traders)).astype(np.float64)


def open_interest(traders: Traders) -> Floats:
    """Shape (n,): USD open interest of each position's instrument, the larger side of the book."""
    book = traders.book
    kinds = len(book.instruments)
    now = notional_now(traders)
    sides = [
        np.bincount(book.positions.instrument, now * (side * book.positions.size > 0), kinds)
        for side in (1.0, -1.0)
    ]
    return np.maximum(*sides).astype(np.float64)[book.positions.instrument]


def liquidation_distance(traders: Traders, maintenance: float) -> Floats:
    """Shape (n,): distance to liquidation as traders reckon it, a fraction of the mark.

    1 / leverage less the maintenance rate: the row's own where the book gives one, else
    ``maintenance``. A trader with several positions takes all prices to move alike. 0 for those
    already beyond.
    """
    book = traders.book
    rate = np.where(np.isfinite(book.positions.rate), book.positions.rate, maintenance)
    leverage = leverage_now(traders)[book.positions.account]
    room = np.full(len(book), np.inf)
    np.divide(1.0, leverage, out=room, where=leverage > 0.0)
    return np.maximum(room - rate - traders.add_on, 0.0)
