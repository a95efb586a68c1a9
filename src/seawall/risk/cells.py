"""Positions of a book by venue, asset and side: laid out once, whatever befalls them."""

from __future__ import annotations

from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from seawall.margin import MarginBook

Codes = NDArray[np.int32]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """Where each position of a book belongs.

    Attributes
    ----------
    code
        Shape (n,): ``(venue * assets + asset) * 2 + (1 if long)``.
    order, ends
        Positions by code, in book order, shape (n,), and where each code's end.
    asset, inverse
        Shape (n,): its asset, and whether the contract is inverse.
    gross
        USD notional at mark of all of them.
    """

    code: Codes
    order: Ints
    ends: Ints
    asset: Codes
    inverse: NDArray[np.bool_]
    gross: float


_KEPT: WeakKeyDictionary[MarginBook, Cells] = WeakKeyDictionary()


def cells_of(margin: MarginBook) -> Cells:
    """The cells of a book, found once."""
    if margin not in _KEPT:
        book, asset = margin.book, margin.book.asset_codes()
        count, long = 2 * len(margin.terms) * len(book.assets), book.positions.size > 0
        code = (margin.venue_of_positions() * len(book.assets) + asset) * 2 + long
        # numpy sorts short codes by radix
        order = np.argsort(code.astype(np.int16 if count < 2**15 else np.int64), kind="stable")
        ends = np.cumsum(np.bincount(code, minlength=count))
        gross = float(book.notional().sum())
        _KEPT[margin] = Cells(code, order, ends, asset, book.inverse(), gross)
    return _KEPT[margin]
