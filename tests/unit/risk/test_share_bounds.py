"""Ends of shares against every total that venues may have come to."""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.risk import tapes

from seawall.core.tape import Coverage
from seawall.risk.coverage import Label, unseen
from seawall.risk.share_bounds import ShareLabel, share_bounds, top_bounds
from seawall.risk.tape_cells import cells_of
from seawall.risk.tape_shares import top_share, venue_shares
from seawall.risk.tape_statistics import statistics

FAR = 1e12


@st.composite
def parts(draw: st.DrawFn) -> tuple[list[float], list[bool]]:
    """Up to six venues, of which up to three are only known from below."""
    size = st.floats(0.5, 1000.0)
    known = draw(st.lists(size, min_size=1, max_size=4))
    floors = draw(st.lists(size, max_size=3))
    return [*known, *floors], [False] * len(known) + [True] * len(floors)


def _every_total(least: list[float], floors: list[bool]) -> np.ndarray:
    """Shape (cases, parts): floors as they are, at any other's size, between, and far out."""
    marks = sorted(least)
    between = [(a + b) / 2 for a, b in pairwise(marks)]
    choices = [
        [x, *(m for m in (*marks, *between, FAR) if m > x)] if free else [x]
        for x, free in zip(least, floors, strict=True)
    ]
    return np.array(list(product(*choices)))


@given(parts())
@settings(max_examples=60, deadline=None)
def test_ends_hold_every_total_and_are_reached(case):  # type: ignore[no-untyped-def]
    least, floors = case
    every = _every_total(least, floors)
    shares = every / every.sum(axis=1, keepdims=True)
    one_draw = np.array(least)[:, None]
    low, high = share_bounds(one_draw, np.array(floors))
    assert low == pytest.approx(shares.min(axis=0), abs=1e-6)
    assert high == pytest.approx(shares.max(axis=0), abs=1e-6)
    largest = np.sort(every, axis=1)[:, -3:].sum(axis=1) / every.sum(axis=1)
    bottom, top = top_bounds(one_draw, np.array(floors), 3)
    assert bottom == pytest.approx(largest.min(), abs=1e-6)
    # the most: one that is only known from below outgrows all
    assert top == pytest.approx(1.0 if any(floors) else largest.max(), abs=1e-6)


def _venues(*coverage: Coverage, notional: tuple[float, ...]):  # type: ignore[no-untyped-def]
    names = ("bybit", "okx", "gate", "htx", "bitmex")[: len(coverage)]
    tape = tapes.tape_of(
        notional=list(notional), venue=list(range(len(coverage))), coverage=list(coverage),
        venues=names,
    )  # fmt: skip
    return tape, {v.venue: v for v in venue_shares(cells_of(tape, unseen(tape)))}


def test_one_part_bounds_its_own_share_from_below_and_the_other_from_above():
    _, got = _venues(Coverage.ALL, Coverage.SAMPLE, notional=(300.0, 100.0))
    assert (got["bybit"].share.low, got["bybit"].share.high) == (0.0, 0.75)
    assert got["bybit"].share_label is ShareLabel.UPPER_BOUND
    assert (got["okx"].share.low, got["okx"].share.high) == (0.25, 1.0)
    assert got["okx"].share_label is ShareLabel.LOWER_BOUND


def test_beside_another_part_a_share_has_no_ends():
    _, got = _venues(
        Coverage.ALL, Coverage.SAMPLE, Coverage.UNKNOWN, notional=(300.0, 100.0, 600.0)
    )
    assert (got["bybit"].share.low, got["bybit"].share.high) == (0.0, 0.3)
    assert got["bybit"].share_label is ShareLabel.UPPER_BOUND
    for part in ("okx", "gate"):
        assert (got[part].share.low, got[part].share.high) == (0.0, 1.0)
        assert got[part].share_label is ShareLabel.UNBOUNDED
    assert got["gate"].share.value == pytest.approx(0.6)


def test_a_venue_that_was_not_heard_leaves_the_others_an_upper_end():
    tape = tapes.tape_of(notional=[300.0, 100.0], venue=[0, 1], venues=("bybit", "okx"))
    (bybit, okx) = statistics(tape, unseen(tape), ("gate",)).venues
    assert (bybit.share.low, bybit.share.high) == (0.0, 0.75)
    assert (okx.share.low, okx.share.high) == (0.0, 0.25)
    assert okx.share_label is ShareLabel.UPPER_BOUND


def test_shares_of_full_feeds_are_measured():
    _, got = _venues(Coverage.ALL, Coverage.ALL, notional=(300.0, 100.0))
    assert (got["okx"].share.low, got["okx"].share.value, got["okx"].share.high) == (
        0.25,
        0.25,
        0.25,
    )
    assert got["okx"].share_label is ShareLabel.MEASURED


def test_the_largest_three_are_at_least_what_any_total_leaves_them():
    """500, 200, 200, 50, and one of at least 50: at 200 it makes the three's share least."""
    tape, _ = _venues(
        *[Coverage.ALL] * 4, Coverage.SAMPLE, notional=(500.0, 200.0, 200.0, 50.0, 50.0)
    )
    cells = cells_of(tape, unseen(tape))
    share, shown = top_share(cells, venue_shares(cells))
    assert shown == pytest.approx(0.9)
    assert share.value == pytest.approx(0.9)
    assert (share.low, share.high) == (pytest.approx(900 / 1150), 1.0)
    assert share.label is Label.LOWER_BOUND
