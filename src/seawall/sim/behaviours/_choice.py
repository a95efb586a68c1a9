"""Which positions and accounts of a book a behaviour is about."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from seawall.core.book import Book

Mask = NDArray[np.bool_]


def positions_in(book: Book, venues: Sequence[str] = (), assets: Sequence[str] = ()) -> Mask:
    """Shape (n,): positions on the venues and in the assets named; all if none are."""
    at = np.array([not venues or v in venues for v in book.venues], dtype=np.bool_)
    of = np.array([not assets or a in assets for a in book.assets], dtype=np.bool_)
    venue = book.accounts.venue[book.positions.account]
    return np.asarray(at[venue] & of[book.asset_codes()], dtype=np.bool_)


def accounts_in(book: Book, venues: Sequence[str] = (), assets: Sequence[str] = ()) -> Mask:
    """Shape (m,): accounts with at least one such position."""
    found = np.zeros(len(book.accounts), dtype=np.bool_)
    found[book.positions.account[positions_in(book, venues, assets)]] = True
    return found
