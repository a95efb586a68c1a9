"""The arrays of an order-by-order book: making them, and seeing that they agree."""

from __future__ import annotations

import mmap
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from seawall.core import InternalError
from seawall.liquidity import _orders as k

Ints = NDArray[np.int64]

_LINE = 64
_PAGE = 1 << 21
_LARGE = 1 << 20


def aligned(rows: int, columns: int) -> Ints:
    """Zeros of shape (rows, columns) for random access: no row of 8 lies on two cache lines.

    A large array asks for large pages: where a step of a kernel touches five rows anywhere in
    tens of megabytes, looking up small pages costs more than the rows.
    """
    size = rows * columns * 8
    if size < _LARGE or not hasattr(mmap, "MADV_HUGEPAGE"):
        room = np.zeros(size + _LINE, dtype=np.uint8)
        skip = -room.ctypes.data % _LINE
    else:
        # shared memory, the default, has no large pages
        pages = mmap.mmap(-1, size + _PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        pages.madvise(mmap.MADV_HUGEPAGE)
        room = np.frombuffer(pages, dtype=np.uint8)
        skip = -room.ctypes.data % _PAGE
    return room[skip : skip + size].view(np.int64).reshape(rows, columns)


def empty_book(ticks: int, orders: int) -> k.Book:
    """Arrays of a book without orders: prices 1 to ``ticks``, room for ``orders`` at a time."""
    level = aligned(ticks + 2, 4)
    level[:, [k.HEAD, k.TAIL]] = -1
    top = np.array([0, ticks + 1, -1, 0, 0, 0, 0, 0], dtype=np.int64)
    blocks = ((ticks + 1) >> k.BLOCK_BITS) + 1
    return k.Book(aligned(orders, 8), level, np.zeros(blocks, dtype=np.int64), top)


def check_book(book: k.Book, tagged: Callable[[int, int], bool]) -> None:
    """See that a book's arrays agree; ``tagged(row, tag)`` says whether an order's tag is right.

    Raises
    ------
    InternalError
        If they do not.
    """
    order, level, block, top = book
    ticks, resting = len(level) - 2, 0
    for price in np.flatnonzero(level[:, k.HEAD] >= 0):
        row, before, lots, count = level[price, k.HEAD], -1, 0, 0
        while row >= 0:
            _expect(order[row, k.PRICE] == price, "order chained at another price")
            _expect(order[row, k.PREV] == before, "chain broken")
            _expect(order[row, k.SIZE] > 0, "order without lots")
            _expect(tagged(int(row), int(order[row, k.TAG])), "order that its keeper does not know")
            lots, count = lots + order[row, k.SIZE], count + 1
            before, row = row, order[row, k.NEXT]
        _expect(level[price, k.TAIL] == before, "youngest order is not last")
        _expect(level[price, k.LOTS] == lots, "lots of a level")
        _expect(level[price, k.ORDERS] == count, "orders of a level")
        resting += count
    busy = np.flatnonzero(level[:, k.ORDERS] > 0)
    bids, asks = busy[busy <= top[k.BID]], busy[busy > top[k.BID]]
    _expect(top[k.BID] == max(bids, default=0), "best bid")
    _expect(top[k.ASK] == min(asks, default=ticks + 1), "best ask")
    _expect(top[k.RESTING] == resting, "orders resting")
    counted = np.bincount(busy >> k.BLOCK_BITS, minlength=len(block))
    _expect(bool(np.array_equal(counted, block)), "blocks of occupied ticks")


def _expect(holds: bool, what: str) -> None:
    if not holds:
        raise InternalError(f"order book: {what}")
