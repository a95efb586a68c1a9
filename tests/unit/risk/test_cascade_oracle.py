"""The static cascade against brute force on random books."""

from __future__ import annotations

import numpy as np
import pytest

from oracles.books import random_book, without_fees
from oracles.comparison import assert_same, both
from oracles.scenes import bound
from seawall.liquidity import ImpactLaw
from seawall.risk.cascade import StaticCascade
from seawall.risk.sweep import sweep

SHOCKS = ([0.97, 0.96, 0.94], [0.85, 0.8, 0.9], [1.06, 1.1, 1.04], [1.0, 1.0, 1.0], [0.9, 1.1, 1.0])
DEPTHS = {"thin": (3e6, 2e6, 1e6), "deep": (5e7, 3e7, 1e7), "endless": (np.inf,) * 3}


@pytest.mark.parametrize("partial", [False, True], ids=["full", "partial"])
@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("seed", range(4))
def test_random_books(seed: int, depth: str, partial: bool) -> None:
    scene = without_fees(random_book(seed, 120))
    for k, shock in enumerate(SHOCKS):
        exponent = (0.5, 0.875, 1.0)[(seed + k) % 3]
        assert_same(scene, *both(scene, shock, DEPTHS[depth], exponent, partial))


@pytest.mark.parametrize("partial", [False, True], ids=["full", "partial"])
@pytest.mark.parametrize(("cross", "stops"), [(0.0, 0.0), (0.0, 0.6), (1.0, 0.0), (1.0, 0.6)])
def test_books_of_one_kind(cross: float, stops: float, partial: bool) -> None:
    scene = without_fees(random_book(99, 150, cross=cross, stops=stops))
    for shock in SHOCKS:
        assert_same(scene, *both(scene, shock, DEPTHS["thin"], 0.875, partial))


@pytest.mark.parametrize("partial", [False, True], ids=["full", "partial"])
@pytest.mark.parametrize("seed", range(3))
def test_long_cascades(seed: int, partial: bool) -> None:
    scene = without_fees(random_book(seed, 300, graded=True, stops=0.1))
    for exponent, depth in ((1.0, (4e5,) * 3), (0.875, (4e5,) * 3), (0.5, (5e4,) * 3)):
        got, want = both(scene, [0.975, 0.97, 0.98], depth, exponent, partial)
        assert_same(scene, got, want)
        assert got.rounds >= 5
        assert got.multiplier is None or got.multiplier > 1.5


FAR = ([0.4, 0.45, 2.6], [2.2, 0.9, 0.3], [0.97, 1.03, 0.99], [0.6, 1.7, 1.0])


@pytest.mark.parametrize("partial", [False, True], ids=["full", "partial"])
@pytest.mark.parametrize(("seed", "stops"), [(17, 0.0), (23, 0.3)])
def test_books_of_many_accounts_and_prices_that_double_or_halve(
    seed: int, stops: float, partial: bool
) -> None:
    scene = without_fees(random_book(seed, 1300, cross=0.7, stops=stops))
    gross = float(bound(scene).book.notional().sum())
    depth = tuple(gross * x for x in (0.02, 0.05, 0.01))
    for shock in FAR:
        assert_same(scene, *both(scene, shock, depth, 0.875, partial))


@pytest.mark.parametrize("partial", [False, True], ids=["full", "partial"])
@pytest.mark.parametrize("stops", [0.0, 0.3])
def test_the_ladder_says_what_single_shocks_say(stops: float, partial: bool) -> None:
    scene = random_book(23, 1300, cross=0.7, stops=stops)
    depth = dict.fromkeys(scene.assets, 3e7)
    engine = StaticCascade(bound(scene), depth, ImpactLaw(0.9, 1.0), partial)
    shocks = np.array([*SHOCKS, *FAR, *SHOCKS[::-1], *FAR[::-1]])
    many = sweep(engine, shocks, threads=1)
    for k, shock in enumerate(shocks):
        one = engine.run(shock)
        np.testing.assert_array_equal(many.rest[k], one.factor[-1])
        np.testing.assert_allclose(many.forced[k], one.forced.sum(axis=0), rtol=1e-12)
        np.testing.assert_allclose(many.stopped[k], one.stopped.sum(axis=0), rtol=1e-12)
        assert many.rounds[k] == one.rounds
        assert many.first[k].sum() == pytest.approx(one.first_round_usd, rel=1e-12)


def test_many_small_books() -> None:
    """Few accounts a book, so that each one's own order of events decides."""
    for seed in range(150):
        scene = without_fees(random_book(1000 + seed, 2 + seed % 9, stops=0.4))
        gross = float(bound(scene).book.notional().sum())
        depth = tuple(gross * x for x in (0.1, 0.03, 0.3))
        depth = depth[: len(scene.assets)]
        shock = SHOCKS[seed % len(SHOCKS)]
        assert_same(scene, *both(scene, shock, depth, 1.0, seed % 2 == 0))


def test_fees_of_partial_steps_leave_the_account_step_by_step() -> None:
    scene = random_book(5, 120)
    for shock in SHOCKS[:2]:
        got, want = both(scene, shock, DEPTHS["thin"], 1.0, True)
        assert_same(scene, got, want)
