"""What goes into an order book and what comes out of it, as columns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seawall.core import InputError, Mistake
from seawall.liquidity import _orders as k

Ints = NDArray[np.int64]

LIMIT, CANCEL, MARKET = k.LIMIT, k.CANCEL, k.MARKET
LARGEST_LOTS = 1 << 40


@dataclass(frozen=True, slots=True, eq=False)
class Messages:
    """Messages to a book in the order they arrive, as columns of shape (n,).

    Parameters
    ----------
    kind
        :data:`LIMIT`, :data:`CANCEL` or :data:`MARKET`.
    side
        1 buys, -1 sells; 0 where it cancels.
    price
        Ticks, from 1; only limit orders have one.
    size
        Lots, from 1; 0 where it cancels.
    owner
        Number of the agent whose order it is.
    reference
        Number of the order that is cancelled; the book numbers limit orders from 0 as they come.
    """

    kind: ArrayLike
    side: ArrayLike
    price: ArrayLike
    size: ArrayLike
    owner: ArrayLike
    reference: ArrayLike

    def table(self) -> Ints:
        """Shape (n, 6), one row a message.

        Raises
        ------
        InputError
            If the columns are not whole numbers of one length.
        """
        columns = {n: np.asarray(getattr(self, n)) for n in self.__slots__}
        length = columns["kind"].size
        mistakes = [
            Mistake(
                "not a column of whole numbers",
                "messages",
                column=name,
                value=f"{c.dtype}, shape {c.shape}",
                allowed=f"integers, shape ({length},)",
            )
            for name, c in columns.items()
            if c.shape != (length,) or (c.dtype.kind not in "iub" and length)
        ]
        if mistakes:
            raise InputError(mistakes)
        return np.ascontiguousarray(np.column_stack(list(columns.values())), dtype=np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Fills:
    """What traded, in turn, as columns of shape (f,); and what became of each message.

    Attributes
    ----------
    message
        Row of the message that caused it.
    taker, maker
        Owners of the incoming and of the resting order. May be the same agent.
    order, resting
        Numbers of the incoming and of the resting order; -1 for a market order.
    price
        Ticks: always that of the resting order.
    lots
        Lots traded, > 0.
    side
        1 where the incoming order bought, else -1.
    outcome
        Shape (n,): 0 done, 1 there was no such order to cancel, 2 no room to let it rest.
    """

    message: Ints
    taker: Ints
    maker: Ints
    order: Ints
    resting: Ints
    price: Ints
    lots: Ints
    side: Ints
    outcome: NDArray[np.int8]

    @classmethod
    def of(cls, rows: Ints, outcome: NDArray[np.int8]) -> Fills:
        """From the kernel's rows, shape (8, f), which stand in the order of the attributes."""
        message, taker, maker, order, resting, price, lots, side = rows
        return cls(message, taker, maker, order, resting, price, lots, side, outcome)


def check_messages(table: Ints, ticks: int) -> None:
    """See that every message of a table is one that a book of that many ticks can take.

    Raises
    ------
    InputError
        If not.
    """
    kind = table[:, k.KIND]
    order = (kind == LIMIT) | (kind == MARKET)
    rules: list[tuple[str, int, NDArray[np.bool_], str]] = [
        ("kind", k.KIND, order | (kind == CANCEL), "0 limit, 1 cancel, 2 market"),
        ("side", k.SIDE, ~order | (np.abs(table[:, k.SIDE]) == 1), "1 buys, -1 sells"),
        (
            "price",
            k.AT,
            (kind != LIMIT) | _within(table[:, k.AT], 1, ticks),
            f"1 to {ticks:,} ticks",
        ),
        (
            "size",
            k.LOTS_ASKED,
            ~order | _within(table[:, k.LOTS_ASKED], 1, LARGEST_LOTS),
            f"1 to {LARGEST_LOTS:,} lots",
        ),
        ("reference", k.REFERENCE, table[:, k.REFERENCE] >= 0, "0 or more"),
    ]
    mistakes = [
        Mistake(
            f"{name} out of range",
            "messages",
            row=int(r) + 1,
            column=name,
            value=str(table[r, column]),
            allowed=allowed,
        )
        for name, column, good, allowed in rules
        for r in np.flatnonzero(~good)[:1000]
    ]
    if mistakes:
        raise InputError(mistakes[:20], total=len(mistakes))


def _within(values: Ints, low: int, high: int) -> NDArray[np.bool_]:
    return np.asarray((values >= low) & (values <= high))
