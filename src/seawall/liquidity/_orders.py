"""Kernels of the order-by-order book: price first, then time.

Prices are whole ticks from 1 to the top of the grid, sizes whole lots. Every resting order is a
row of ``order``; the orders at one price form a chain from the oldest to the youngest, whose ends
stand in ``level``. A free row has size 0. A row is one cache line: whatever happens to an order
touches its own line and those of its neighbours in the chain. See
``docs/methods/order-book.md``.
"""

from __future__ import annotations

from collections import namedtuple

from seawall._jit import inner_kernel, kernel

Book = namedtuple("Book", "order level block top")

# columns of `order`. TAG and the last two belong to whoever keeps the book: its own number for
# the order, and a chain of one owner's orders
PRICE, SIZE, OWNER, NEXT, PREV, TAG, OWN_NEXT, OWN_PREV = range(8)
# columns of `level`, one row a tick: oldest and youngest order, lots, orders
HEAD, TAIL, LOTS, ORDERS = range(4)
# items of `top`: best prices (0 and one above the grid where a side is empty), first free row
# (-1 if none), rows ever used, orders resting
BID, ASK, FREE, USED, RESTING = range(5)

BLOCK_BITS = 6
"""Ticks a block, as a power of 2: ``block`` counts the occupied ticks of each."""

# kinds of message, and their columns
LIMIT, CANCEL, MARKET = 0, 1, 2
KIND, SIDE, AT, LOTS_ASKED, BY, REFERENCE = range(6)
# rows of `fills`, one column a fill: row of the message, owners of the incoming and of the resting
# order, numbers of both (-1 for a market order), price, lots, side of the incoming order
FILL_MESSAGE, FILL_TAKER, FILL_MAKER, FILL_ORDER, FILL_RESTING, FILL_PRICE, FILL_LOTS, FILL_SIDE = (
    range(8)
)
# what became of a message
DONE, UNKNOWN, FULL = 0, 1, 2


@inner_kernel
def rest(book, owner, side, price, size, tag):
    """Let an order rest that meets no other. Returns its row; -1 if there is no row left."""
    order, level, top = book.order, book.level, book.top
    row = top[FREE]
    if row >= 0:
        top[FREE] = order[row, NEXT]
    elif top[USED] < order.shape[0]:
        row = top[USED]
        top[USED] = row + 1
    else:
        return -1
    order[row, PRICE], order[row, SIZE] = price, size
    order[row, OWNER], order[row, TAG] = owner, tag
    order[row, NEXT] = -1
    last = level[price, TAIL]
    order[row, PREV] = last
    level[price, TAIL] = row
    level[price, LOTS] += size
    level[price, ORDERS] += 1
    if last >= 0:
        order[last, NEXT] = row
    else:
        level[price, HEAD] = row
        book.block[price >> BLOCK_BITS] += 1
        if side > 0:
            top[BID] = max(top[BID], price)
        else:
            top[ASK] = min(top[ASK], price)
    top[RESTING] += 1
    return row


@inner_kernel
def lift(book, row):
    """Take a resting order out of the book, whatever it still holds."""
    order, level, top = book.order, book.level, book.top
    price, before, after = order[row, PRICE], order[row, PREV], order[row, NEXT]
    level[price, LOTS] -= order[row, SIZE]
    level[price, ORDERS] -= 1
    if before >= 0:
        order[before, NEXT] = after
    else:
        level[price, HEAD] = after
    if after >= 0:
        order[after, PREV] = before
    else:
        level[price, TAIL] = before
    order[row, NEXT], order[row, SIZE] = top[FREE], 0
    top[FREE] = row
    top[RESTING] -= 1
    if before < 0 and after < 0:
        book.block[price >> BLOCK_BITS] -= 1
        if price == top[BID]:
            top[BID] = occupied_below(book, price - 1)
        elif price == top[ASK]:
            top[ASK] = occupied_above(book, price + 1)


@inner_kernel
def occupied_below(book, price):
    """Highest occupied tick at or below ``price``; 0 if none."""
    while price > 0:
        if book.block[price >> BLOCK_BITS] == 0:
            price = ((price >> BLOCK_BITS) << BLOCK_BITS) - 1
        elif book.level[price, HEAD] >= 0:
            return price
        else:
            price -= 1
    return 0


@inner_kernel
def occupied_above(book, price):
    """Lowest occupied tick at or above ``price``; one above the grid if none."""
    end = book.level.shape[0] - 1
    while price < end:
        if book.block[price >> BLOCK_BITS] == 0:
            price = ((price >> BLOCK_BITS) + 1) << BLOCK_BITS
        elif book.level[price, HEAD] >= 0:
            return price
        else:
            price += 1
    return end


@inner_kernel
def facing(book, side, limit):
    """Row of the order that one of ``side`` with that limit price meets first; -1 if none."""
    if side > 0:
        price = book.top[ASK]
        return book.level[price, HEAD] if price <= limit else -1
    price = book.top[BID]
    return book.level[price, HEAD] if price >= max(limit, 1) else -1


@inner_kernel
def consume(book, row, lots):
    """Take lots, fewer than it holds, from a resting order, which keeps its place."""
    book.order[row, SIZE] -= lots
    book.level[book.order[row, PRICE], LOTS] -= lots


@kernel
def replay(book, messages, first, where, fills, outcome):
    """Apply messages in turn. Returns how many columns of ``fills`` are written.

    ``where`` holds the row of each order by its number, -1 once it has left. The limit orders
    among the messages are numbered in turn from ``first``. Nothing is recorded if ``fills`` has
    no columns.
    """
    ceiling = book.level.shape[0] - 2
    recording = fills.shape[1] > 0
    number, count = first, 0
    for m in range(messages.shape[0]):
        kind, side = messages[m, KIND], messages[m, SIDE]
        outcome[m] = DONE
        if kind == CANCEL:
            asked = messages[m, REFERENCE]
            row = where[asked] if asked < number else -1
            if row < 0:
                outcome[m] = UNKNOWN
            else:
                where[asked] = -1
                lift(book, row)
            continue
        left, mine = messages[m, LOTS_ASKED], -1
        limit = ceiling if side > 0 else 1
        if kind == LIMIT:
            limit, mine = messages[m, AT], number
            where[number] = -1
            number += 1
        while left > 0:
            row = facing(book, side, limit)
            if row < 0:
                break
            lots = min(left, book.order[row, SIZE])
            left -= lots
            if recording:
                fills[FILL_MESSAGE, count], fills[FILL_TAKER, count] = m, messages[m, BY]
                fills[FILL_MAKER, count] = book.order[row, OWNER]
                fills[FILL_ORDER, count] = mine
                fills[FILL_RESTING, count] = book.order[row, TAG]
                fills[FILL_PRICE, count] = book.order[row, PRICE]
                fills[FILL_LOTS, count], fills[FILL_SIDE, count] = lots, side
            count += 1
            if lots < book.order[row, SIZE]:
                consume(book, row, lots)
            else:
                where[book.order[row, TAG]] = -1
                lift(book, row)
        if kind == LIMIT and left > 0:
            where[mine] = rest(book, messages[m, BY], side, limit, left, mine)
            if where[mine] < 0:
                outcome[m] = FULL
    return count
