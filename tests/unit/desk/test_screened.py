"""Accounts walked along some of the paths only, against the walk along all of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.desk.desk_books import book_of, cross, isolated

from seawall.desk.passages import passages
from seawall.desk.paths import DAY, Paths, brownian
from seawall.desk.resizing import Resizing
from seawall.desk.screened import Reach, quiet, screened

COVARIANCE = np.array([[0.0016, 0.0018], [0.0018, 0.0036]])
PATHS = brownian(("BTC", "ETH"), COVARIANCE, DAY, 3_600.0, 400, 5)
NAMES = ("called", "fallen", "point", "share", "equity", "gap")


@settings(deadline=None, max_examples=25)
@given(
    side=st.sampled_from([1.0, -1.0]),
    other=st.floats(-40.0, 40.0).filter(lambda x: abs(x) > 0.01),
    wallet=st.floats(100.0, 5_000.0),
    rate=st.floats(-0.01, 0.01),
    ratio=st.floats(0.05, 1.0),
)
def test_what_the_whole_walk_finds_is_found(side, other, wallet, rate, ratio) -> None:
    book = book_of(cross("BTC", side * 10.0, wallet), cross("ETH", other, wallet))
    made = Resizing(book, 0).at(np.geomspace(1.0, 20.0 * wallet, 15))
    paths, asked = PATHS.of(made.book.assets), {"funding": {"BTC": rate}, "call_ratio": ratio}
    whole, some = passages(made, paths, **asked), screened(made, paths, Reach.of(paths), **asked)
    for name in NAMES:
        fell = np.ones_like(whole.fallen, dtype=bool)
        if name not in ("called", "fallen"):
            fell = whole.fallen >= 0
        assert np.array_equal(getattr(whole, name)[fell], getattr(some, name)[fell]), name


def test_small_positions_are_hardly_walked_at_all() -> None:
    made = Resizing(book_of(isolated("BTC", 1.0, 1.0, collateral=1_000.0)), 0).at(
        1_000.0 * np.array([0.5, 2.0, 50.0])
    )
    paths = PATHS.of(("BTC",))
    idle = quiet(made, paths, Reach.of(paths))
    assert idle[:2].all()
    assert 0.0 < idle[2].mean() < 0.9
    fallen = passages(made, paths).called >= 0
    assert not (fallen & idle).any()


@pytest.mark.parametrize("side", [1.0, -1.0])
@pytest.mark.parametrize("move", [0.0213, 0.0537, 0.0937])
def test_at_the_edge_no_call_is_passed_over(side: float, move: float) -> None:
    """The least wallet that is passed over is not called by the walk, whose prices have 32 bits."""
    still = np.zeros((1, 1, 1), dtype=np.float32)
    moved = np.full_like(still, -side * move)
    low, high = (moved, still) if side > 0 else (still, moved)
    paths = Paths(("BTC",), np.array([3_600.0]), still, low, high)
    asked = {"call_ratio": 1.0, "funding": {"BTC": 0.0}}
    called, idle = 0.0, 2_000.0
    for _ in range(46):
        wallet = (called + idle) / 2
        made = book_of(cross("BTC", side * 10.0, wallet))
        if quiet(made, paths, Reach.of(paths), **asked)[0, 0]:
            idle = wallet
        else:
            called = wallet
    assert 0.0 < called < idle < 2_000.0
    assert passages(book_of(cross("BTC", side * 10.0, idle)), paths, **asked).called[0, 0] == -1
