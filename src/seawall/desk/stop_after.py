"""The rest of an account, walked on from where a stop of one of its positions has filled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from seawall._jit import share_out, workers
from seawall.desk import _walk as kernels
from seawall.desk.closing import taker_fees
from seawall.desk.passages import carries, columns_of
from seawall.desk.paths import Paths
from seawall.margin import MarginBook

Floats = NDArray[np.float64]
Steps = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Rest:
    """What one account holds beside a position that a stop closes.

    Parameters
    ----------
    margin
        A book of that account alone.
    own
        Place of the position.
    paths
        Prices, from the book's marks on.
    funding
        As for :func:`seawall.desk.passages.passages`.
    """

    margin: MarginBook
    own: int
    paths: Paths
    funding: Mapping[str, float] | None = None

    @cached_property
    def fee(self) -> float:
        """Of the stop's fill, a fraction of what it closes."""
        return float(taker_fees(self.margin)[self.own])

    @cached_property
    def _prices(self) -> Paths:
        return self.paths.of(self.margin.book.assets)

    @cached_property
    def _paid(self) -> Floats:
        """Shape (n, T): funding that the whole account has paid before each step."""
        x, prices = self.margin.lines, self._prices
        book = self.margin.book
        worth = carries(self.margin, self.funding) * x.z * x.u
        paid = np.zeros(prices.close.shape[:2])
        for code in np.unique(book.asset_codes()).tolist():
            level = prices.close[:, :, code].astype(np.float64)
            for inverse in (False, True):
                mine = (book.asset_codes() == code) & (book.inverse() == inverse)
                if mine.any():
                    paid += worth[mine].sum() * np.exp(-level if inverse else level)
        each = paid * prices.lengths
        return np.cumsum(each, axis=1) - each

    def fallen(self, begin: Steps, price: Floats) -> NDArray[np.int32]:
        """Shape (n,): step in which the rest falls, -1 for never or where no stop has filled.

        Parameters
        ----------
        begin
            Shape (n,): step in which the stop fills; that of the end where it does not.
        price
            Shape (n,): at which, slippage counted, over the mark.
        """
        margin, own, prices = self.margin, self.own, self._prices
        held = np.flatnonzero(np.arange(len(margin.book)) != own)
        x = margin.lines
        steps = len(prices.ends)
        path, at = np.arange(len(begin)), np.minimum(begin, steps - 1)
        inverse = bool(margin.book.inverse()[own])
        worth = float(x.z[own] * x.u[own]) * (1.0 / price if inverse else price)
        cash = float(margin.balance[0] - (x.z * x.u0).sum())
        money = cash - self._paid[path, at] + worth - self.fee * np.abs(worth)
        out = np.full(len(begin), -1, dtype=np.int32)
        columns = columns_of(margin, held, self.funding)
        start = np.array([0, len(held)])
        fixed = float(x.fixed[held].sum())

        def part(first: int, last: int) -> None:
            kernels.walk_on(
                first, last, start, *columns, fixed, prices.lengths, prices.close, prices.low,
                prices.high, begin, money, out,
            )  # fmt: skip

        share_out(len(begin), part, workers() if len(begin) * len(held) > 1_000 else 1)
        return out
