"""A limit order book, order by order: price first, then time, on a grid of ticks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seawall.core import InputError, Mistake
from seawall.liquidity import _orders as k
from seawall.liquidity.layout import check_book, empty_book
from seawall.liquidity.messages import CANCEL, LIMIT, MARKET, Fills, Messages, check_messages

Ints = NDArray[np.int64]

LARGEST_TICKS = 1 << 28
_CHUNK = 1 << 15


class OrderBook:
    """A price-time book that orders are added to, cancelled from and traded against.

    Orders of one agent may trade with each other. What a market order finds nothing to trade
    with lapses.

    Parameters
    ----------
    ticks
        Highest price of the grid; the lowest is 1.
    orders
        Orders that can rest at a time.
    """

    def __init__(self, ticks: int, orders: int = 65_536):
        mistakes = [
            Mistake(f"{name} out of range", value=str(n), allowed=f"1 to {LARGEST_TICKS:,}")
            for name, n in (("ticks", ticks), ("orders", orders))
            if not 1 <= n <= LARGEST_TICKS
        ]
        if mistakes:
            raise InputError(mistakes)
        self._ticks = ticks
        self._book = empty_book(ticks, orders)
        self._where = np.full(1024, -1, dtype=np.int64)
        self._numbered = 0

    def __len__(self) -> int:
        """Orders resting."""
        return int(self._book.top[k.RESTING])

    @property
    def best_bid(self) -> int | None:
        """Highest price bid, ticks; None without bids."""
        return int(self._book.top[k.BID]) or None

    @property
    def best_ask(self) -> int | None:
        """Lowest price asked, ticks; None without asks."""
        best = int(self._book.top[k.ASK])
        return best if best <= self._ticks else None

    def add(self, owner: int, side: int, price: int, size: int) -> tuple[int, Fills]:
        """A limit order: trades what it can at its price or better, the rest of it rests.

        Returns its number, by which it is cancelled, and its fills.

        Raises
        ------
        InputError
            If side, price or size are not allowed, or if the book has no room for it to rest; what
            of it had traded by then has traded.
        """
        number = self._numbered
        fills = self._one(LIMIT, side, price, size, owner, 0)
        if fills.outcome[0] == k.FULL:
            raise InputError(
                Mistake(
                    "no room for another order to rest",
                    value=f"{len(self):,} orders",
                    mend="Make the book with more `orders`.",
                )
            )
        return number, fills

    def market(self, owner: int, side: int, size: int) -> Fills:
        """A market order: trades at whatever prices rest; what finds nothing lapses.

        Raises
        ------
        InputError
            If side or size are not allowed.
        """
        return self._one(MARKET, side, 0, size, owner, 0)

    def cancel(self, number: int) -> bool:
        """Take an order out. False where it has left already or never was."""
        if not 0 <= number < self._numbered:
            return False
        return bool(self._one(CANCEL, 0, 0, 0, 0, number).outcome[0] == k.DONE)

    def remaining(self, number: int) -> int:
        """Lots of an order that still rest; 0 if it has left or never was."""
        row = self._where[number] if 0 <= number < self._numbered else -1
        return int(self._book.order[row, k.SIZE]) if row >= 0 else 0

    def depth(self, side: int, levels: int | None = None) -> Ints:
        """Shape (m, 3): price in ticks, lots and orders of the occupied prices, best first.

        ``side`` 1 lists bids, -1 asks; all of them, or the best ``levels``.
        """
        level, top = self._book.level, self._book.top
        if side > 0:
            prices = np.arange(top[k.BID], 0, -1)
        else:
            prices = np.arange(top[k.ASK], self._ticks + 1)
        prices = prices[level[prices, k.ORDERS] > 0][:levels]
        return np.column_stack([prices, level[prices][:, [k.LOTS, k.ORDERS]]])

    def queue(self, price: int) -> Ints:
        """Shape (m, 3): number, owner and lots of the orders at a price, the oldest first."""
        found = []
        row = self._book.level[price, k.HEAD] if 1 <= price <= self._ticks else -1
        while row >= 0:
            found.append(self._book.order[row, [k.TAG, k.OWNER, k.SIZE]])
            row = self._book.order[row, k.NEXT]
        return np.array(found, dtype=np.int64).reshape(-1, 3)

    def replay(self, messages: Messages, record: bool = True) -> Fills:
        """Apply messages in turn. Without ``record`` fills are not kept, which is faster.

        Raises
        ------
        InputError
            If a column holds what it may not: all mistakes of the first thousand rows that have
            any, by row. The book is then as it was.
        """
        return self._replay(messages.table(), record)

    def _one(self, *message: int) -> Fills:
        return self._replay(np.array([message], dtype=np.int64), True)

    def _replay(self, table: Ints, record: bool) -> Fills:
        check_messages(table, self._ticks)
        limits = int(np.count_nonzero(table[:, k.KIND] == LIMIT))
        self._make_room(self._numbered + limits)
        # a fill ends either a resting order or the incoming one
        most = len(self) + limits + _CHUNK if record else 0
        fills, outcome = np.empty((8, most), dtype=np.int64), np.empty(len(table), dtype=np.int8)
        kept = []
        # piece by piece into one buffer, whose pages are so touched once
        for start in range(0, max(len(table), 1), _CHUNK):
            part = slice(start, start + _CHUNK)
            count = k.replay(
                self._book, table[part], self._numbered, self._where, fills, outcome[part]
            )
            self._numbered += int(np.count_nonzero(table[part, k.KIND] == LIMIT))
            kept.append(fills[:, : count if record else 0].copy())
            kept[-1][k.FILL_MESSAGE] += start
        return Fills.of(np.concatenate(kept, axis=1), outcome)

    def _make_room(self, numbers: int) -> None:
        if numbers > len(self._where):
            larger = np.full(max(numbers, 2 * len(self._where)), -1, dtype=np.int64)
            larger[: self._numbered] = self._where[: self._numbered]
            self._where = larger

    def check(self) -> None:
        """Walk the whole book and see that it holds together.

        Raises
        ------
        InternalError
            If it does not: chains and levels disagree, sides cross, or a best price is wrong.
        """
        check_book(self._book, lambda row, number: bool(self._where[number] == row))
