"""Depth within bands of mid, by hand and by properties."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seawall.ingest.market.books import BANDS, Band, bands_of, mid_of, widest


def test_a_book_by_hand():
    bids, asks = [[99.0, 2.0], [98.0, 5.0]], [[101.0, 3.0], [104.0, 1.0]]
    found = {b.band: b for b in bands_of(bids, asks, unit=0.5, inverse=False, most=2)}
    assert mid_of(bids, asks) == 100.0
    assert (found[0.005].bid_usd, found[0.005].ask_usd) == (0.0, 0.0)
    assert (found[0.01].bid_usd, found[0.01].ask_usd) == (99.0, 151.5)
    assert (found[0.02].bid_usd, found[0.02].ask_usd) == (99.0 + 245.0, 151.5)
    assert (found[0.05].bid_usd, found[0.05].ask_usd) == (344.0, 151.5 + 52.0)
    # two levels were asked for and given: beyond the last there may be more
    assert [b.bid_whole for b in found.values()] == [True, True, True, True, False]
    assert [b.ask_whole for b in found.values()] == [True, True, True, True, False]


def test_fewer_levels_than_asked_for_are_the_whole_book():
    found = bands_of([[99.0, 2.0]], [[101.0, 3.0]], 1.0, False, most=2)
    assert all(b.bid_whole and b.ask_whole for b in found)


def test_inverse_amounts_are_usd_whatever_the_price():
    found = bands_of([[99.0, 2.0], [98.0, 5.0]], [[101.0, 3.0]], 100.0, True, most=0)
    assert [(b.bid_usd, b.ask_usd) for b in found][-1] == (700.0, 300.0)


@pytest.mark.parametrize(
    ("bids", "asks"),
    [
        ([], [[101.0, 1.0]]),
        ([[99.0, 1.0]], []),
        ([[102.0, 1.0]], [[101.0, 1.0]]),
        ([[99.0, math.nan]], [[101.0, 1.0]]),
        ([[99.0, -1.0]], [[101.0, 1.0]]),
        ([[math.nan, 1.0]], [[101.0, 1.0]]),
        ([[0.0, 1.0]], [[101.0, 1.0]]),
    ],
)
def test_what_is_no_book_is_refused(bids, asks):
    with pytest.raises(ValueError, match="order book"):
        bands_of(bids, asks, 1.0, False, 10)


LEVELS = st.lists(st.tuples(st.floats(0.0001, 0.2), st.floats(0, 1e6)), min_size=1, max_size=40)


@given(LEVELS, LEVELS, st.floats(1.0, 1e5), st.booleans(), st.integers(0, 50))
def test_wider_bands_hold_more_and_nothing_is_counted_twice(below, above, mid, inverse, most):
    bids = [[mid * (1 - a), q] for a, q in below]
    asks = [[mid * (1 + a), q] for a, q in above]
    found = bands_of(bids, asks, 2.0, inverse, most)
    for side, rows in (("bid", bids), ("ask", asks)):
        usd = [getattr(b, f"{side}_usd") for b in found]
        assert usd == sorted(usd)
        total = math.fsum(q * 2.0 * (1.0 if inverse else p) for p, q in rows)
        assert usd[-1] <= total * (1 + 1e-12)
        whole = [getattr(b, f"{side}_whole") for b in found]
        assert whole == sorted(whole, reverse=True)


def test_coarser_books_are_taken_where_finer_ones_end():
    fine = [Band(b, 10.0 * b, 10.0 * b, b < 0.01, b < 0.02) for b in BANDS]
    coarse = [Band(b, 99.0, 88.0, True, b < 0.05) for b in BANDS]
    found = widest([fine, coarse])
    assert [b.bid_usd for b in found] == [0.01, 0.05, 99.0, 99.0, 99.0]
    assert [b.ask_usd for b in found] == [0.01, 0.05, 0.1, 88.0, 88.0]
    assert [b.bid_whole for b in found] == [True] * 5
    assert [b.ask_whole for b in found] == [True, True, True, True, False]
