"""Who pays for losses beyond collateral, against a sequential count in plain Python."""

from __future__ import annotations

import pytest

from oracles.books import random_book
from oracles.comparison import assert_same_bill, settled
from oracles.scenes import bound

SHOCKS = ([0.85, 0.8, 0.9], [0.93, 0.95, 0.9], [1.15, 1.2, 1.1], [0.8, 1.2, 1.0])
RATIOS = (0.0, 1e-4, 0.02)


@pytest.mark.parametrize("partial", [False, True], ids=["full", "partial"])
@pytest.mark.parametrize("pooled", [False, True], ids=["by venue", "pooled"])
@pytest.mark.parametrize("seed", range(4))
def test_random_books(seed: int, pooled: bool, partial: bool) -> None:
    scene = random_book(seed, 150)
    gross = float(bound(scene).book.notional().sum())
    for shock, ratio in zip(SHOCKS, (0.0, 1e-4, 0.02, 1e-3), strict=True):
        got, want = settled(scene, shock, gross / 20, partial, ratio * gross, pooled)
        assert_same_bill(scene, got, want)
        assert abs(got.settlement.conservation_error) < 1e-9
