"""The order book against an independent one in plain Python, and its refusals."""

from __future__ import annotations

from collections import deque

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seawall.core import InputError, InternalError
from seawall.liquidity import _orders
from seawall.liquidity.messages import CANCEL, LIMIT, MARKET, Messages
from seawall.liquidity.orderbook import OrderBook

TICKS = 200
"""More than three blocks of occupied ticks, so that the search for the best price skips some."""


class PlainBook:
    """First in, first out at every price: dictionaries of queues, nothing kept incrementally."""

    def __init__(self) -> None:
        self.queues: dict[int, dict[int, deque[list[int]]]] = {1: {}, -1: {}}
        self.numbered = 0
        self.fills: list[tuple[int, ...]] = []

    def best(self, side: int) -> int | None:
        prices = [p for p, q in self.queues[side].items() if q]
        if not prices:
            return None
        return max(prices) if side > 0 else min(prices)

    def apply(self, row: int, message: tuple[int, ...]) -> int:
        kind, side, price, size, owner, reference = message
        if kind == CANCEL:
            for queues in self.queues.values():
                for queue in queues.values():
                    for order in queue:
                        if order[0] == reference:
                            queue.remove(order)
                            return 0
            return 1
        number = -1
        if kind == LIMIT:
            number, self.numbered = self.numbered, self.numbered + 1
        while size and (best := self.best(-side)) is not None:
            if kind == LIMIT and (best - price) * side > 0:
                break
            oldest = self.queues[-side][best][0]
            lots = min(size, oldest[2])
            self.fills.append((row, owner, oldest[1], number, oldest[0], best, lots, side))
            size -= lots
            oldest[2] -= lots
            if not oldest[2]:
                self.queues[-side][best].popleft()
        if kind == LIMIT and size:
            self.queues[side].setdefault(price, deque()).append([number, owner, size])
        return 0

    def depth(self, side: int) -> list[list[int]]:
        held = [[p, sum(o[2] for o in q), len(q)] for p, q in self.queues[side].items() if q]
        return sorted(held, reverse=side > 0)


def columns(messages: list[tuple[int, ...]]) -> Messages:
    table = np.array(messages, dtype=np.int64).reshape(-1, 6)
    return Messages(*table.T)


@st.composite
def streams(draw: st.DrawFn) -> list[tuple[int, ...]]:
    # few distinct prices in some streams, so that queues grow; the whole grid in others
    spread = draw(st.sampled_from([1, 3, TICKS // 2 - 1]))
    kinds = draw(st.lists(st.sampled_from([LIMIT, LIMIT, CANCEL, MARKET]), max_size=120))
    found: list[tuple[int, ...]] = []
    limits = 0
    for kind in kinds:
        side = draw(st.sampled_from([1, -1]))
        price = TICKS // 2 + draw(st.integers(-spread, spread))
        size = draw(st.integers(1, 9))
        owner = draw(st.integers(0, 3))
        reference = draw(st.integers(0, limits + 1))
        limits += kind == LIMIT
        found.append((kind, side, price, size, owner, reference))
    return found


def assert_same(book: OrderBook, plain: PlainBook) -> None:
    book.check()
    for side in (1, -1):
        assert book.depth(side).tolist() == plain.depth(side)
        for price, queue in plain.queues[side].items():
            if queue:
                assert book.queue(price).tolist() == [list(o) for o in queue]
    assert (book.best_bid, book.best_ask) == (plain.best(1), plain.best(-1))


@given(streams())
def test_replay_gives_the_fills_and_the_book_of_a_plain_one(stream: list[tuple[int, ...]]) -> None:
    book, plain = OrderBook(TICKS, orders=128), PlainBook()
    outcome = [plain.apply(row, m) for row, m in enumerate(stream)]
    fills = book.replay(columns(stream))
    got = [getattr(fills, n) for n in fills.__slots__[:8]]
    assert list(zip(*(c.tolist() for c in got), strict=True)) == plain.fills
    assert fills.outcome.tolist() == outcome
    assert_same(book, plain)


@given(streams(), st.integers(0, 120))
def test_messages_one_by_one_do_what_a_replay_does(stream: list[tuple[int, ...]], cut: int) -> None:
    whole, parts = OrderBook(TICKS, orders=128), OrderBook(TICKS, orders=128)
    whole.replay(columns(stream), record=False)
    parts.replay(columns(stream[:cut]))
    for kind, side, price, size, owner, reference in stream[cut:]:
        if kind == LIMIT:
            parts.add(owner, side, price, size)
        elif kind == MARKET:
            parts.market(owner, side, size)
        else:
            parts.cancel(reference)
        parts.check()
    assert len(whole) == len(parts)
    for side in (1, -1):
        assert whole.depth(side).tolist() == parts.depth(side).tolist()


def test_a_long_stream_crosses_the_pieces_a_replay_is_cut_into() -> None:
    rng = np.random.default_rng(3)
    n = 70_000
    kind = rng.choice([LIMIT, CANCEL, MARKET], n, p=[0.55, 0.35, 0.1])
    latest = np.cumsum(kind == LIMIT)
    stream = np.column_stack(
        [
            kind,
            rng.choice([-1, 1], n),
            100 + rng.integers(-20, 21, n),
            rng.integers(1, 9, n),
            rng.integers(0, 5, n),
            np.maximum(latest - rng.integers(1, 60, n), 0),
        ]
    )
    book, plain = OrderBook(TICKS, orders=n), PlainBook()
    fills = book.replay(Messages(*stream.T))
    for row, message in enumerate(stream[:3_000].tolist()):
        plain.apply(row, tuple(message))
    first = fills.message < 3_000
    got = [getattr(fills, name)[first].tolist() for name in fills.__slots__[:8]]
    assert list(zip(*got, strict=True)) == plain.fills
    assert fills.message[-1] > 65_536
    assert (np.diff(fills.message) >= 0).all()
    book.check()
    # what was added is filled, cancelled or rests
    added = stream[kind == LIMIT, 3].sum()
    resting = sum(int(book.depth(side)[:, 1].sum()) for side in (1, -1))
    as_taker = fills.lots[fills.order >= 0].sum()
    assert added - as_taker - fills.lots.sum() >= resting


def test_older_orders_fill_first_and_a_partial_fill_keeps_its_place() -> None:
    book = OrderBook(TICKS)
    first, _ = book.add(owner=1, side=-1, price=101, size=5)
    second, _ = book.add(owner=2, side=-1, price=101, size=5)
    assert book.market(owner=3, side=1, size=2).maker.tolist() == [1]
    assert book.queue(101).tolist() == [[first, 1, 3], [second, 2, 5]]
    fills = book.market(owner=3, side=1, size=4)
    assert fills.maker.tolist() == [1, 2]
    assert fills.lots.tolist() == [3, 1]
    assert (book.remaining(first), book.remaining(second)) == (0, 4)


def test_a_marketable_limit_order_trades_at_resting_prices_and_rests_with_what_is_left() -> None:
    book = OrderBook(TICKS)
    for price in (101, 102, 104):
        book.add(owner=1, side=-1, price=price, size=2)
    number, fills = book.add(owner=2, side=1, price=103, size=7)
    assert fills.price.tolist() == [101, 102]
    assert fills.order.tolist() == [number, number]
    assert book.remaining(number) == 3
    assert (book.best_bid, book.best_ask) == (103, 104)


def test_a_market_order_lapses_where_nothing_is_left() -> None:
    book = OrderBook(TICKS)
    book.add(owner=1, side=1, price=50, size=2)
    assert book.market(owner=2, side=-1, size=9).lots.tolist() == [2]
    assert len(book) == 0
    assert (book.best_bid, book.best_ask) == (None, None)
    assert book.market(owner=2, side=-1, size=9).lots.tolist() == []


def test_an_order_is_cancelled_once() -> None:
    book = OrderBook(TICKS)
    number, _ = book.add(owner=1, side=1, price=50, size=2)
    assert book.cancel(number)
    assert not book.cancel(number)
    assert not book.cancel(number + 1)
    # its row is used again, its number is not
    other, _ = book.add(owner=1, side=1, price=50, size=2)
    assert other != number
    assert not book.cancel(number)
    assert book.remaining(other) == 2


def test_a_full_book_says_so_and_goes_on() -> None:
    book = OrderBook(TICKS, orders=2)
    for price in (50, 51):
        book.add(owner=1, side=1, price=price, size=1)
    with pytest.raises(InputError, match=r"no room.*2 orders.*more `orders`"):
        book.add(owner=1, side=1, price=52, size=1)
    assert book.market(owner=2, side=-1, size=1).price.tolist() == [51]
    book.add(owner=1, side=1, price=49, size=1)
    book.check()


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ((3, 1, 5, 1, 0, 0), "kind out of range"),
        ((LIMIT, 0, 5, 1, 0, 0), "side out of range"),
        ((LIMIT, 1, 0, 1, 0, 0), "price out of range"),
        ((LIMIT, 1, TICKS + 1, 1, 0, 0), "1 to 200 ticks"),
        ((MARKET, 1, 0, 0, 0, 0), "size out of range"),
        ((CANCEL, 0, 0, 0, 0, -1), "reference out of range"),
    ],
)
def test_a_wrong_message_is_refused_and_changes_nothing(
    message: tuple[int, ...], words: str
) -> None:
    book = OrderBook(TICKS)
    with pytest.raises(InputError, match=words) as caught:
        book.replay(columns([(LIMIT, 1, 5, 1, 0, 0), message]))
    assert "row 2" in str(caught.value)
    assert len(book) == 0


def test_columns_have_one_length_and_hold_whole_numbers() -> None:
    with pytest.raises(InputError, match="not a column of whole numbers") as caught:
        OrderBook(TICKS).replay(Messages([0, 0], [1], [1.5, 2.5], [1, 1], [0, 0], [0, 0]))
    assert [m.column for m in caught.value.mistakes] == ["side", "price"]


@pytest.mark.parametrize(("ticks", "orders"), [(0, 1), (1, 0), (1 << 40, 1)])
def test_a_book_of_impossible_size_is_refused(ticks: int, orders: int) -> None:
    with pytest.raises(InputError, match="out of range"):
        OrderBook(ticks, orders)


def test_check_finds_a_broken_book() -> None:
    book = OrderBook(TICKS)
    book.add(owner=1, side=1, price=50, size=2)
    book._book.level[50, _orders.LOTS] = 3
    with pytest.raises(InternalError, match="lots of a level"):
        book.check()
