"""Sweeps against single cascades: sums, outcomes, ladders up and down, draws."""

from __future__ import annotations

import numpy as np
import pytest

from oracles.books import random_book
from oracles.cascade import Brute
from oracles.scenes import bound
from seawall.core import InputError
from seawall.liquidity import ImpactLaw
from seawall.risk import StaticCascade, sweep

STEPS = np.concatenate((np.arange(1, 40) / 100, [0.4, 0.4, 0.5, 0.3, 0.35, 0.8, 0.8]))
WAYS = {
    "down": (-1.0, -1.2, -0.7),
    "up": (1.0, 0.8, 1.3),
    "apart": (-1.0, 1.0, 0.0),
    "one": (0.0, -1.0, 0.0),
}


def prepared(seed: int, partial: bool, stops: float = 0.2, cross: float = 0.5) -> StaticCascade:
    scene = random_book(seed, 250, cross=cross, stops=stops)
    margin = bound(scene)
    gross = float(margin.book.notional().sum())
    depth = dict.fromkeys(scene.assets, gross / 10)
    return StaticCascade(margin, depth, ImpactLaw(0.875, 1.0), partial)


@pytest.mark.parametrize("partial", [False, True], ids=["full", "partial"])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("stops", [0.0, 0.3])
@pytest.mark.parametrize("threads", [1, 2])
def test_every_row_is_the_cascade_of_its_shock(
    way: str, partial: bool, stops: float, threads: int
) -> None:
    engine = prepared(7, partial, stops)
    change = np.array(WAYS[way][: len(engine.assets)])
    shocks = np.maximum(1.0 + STEPS[:, None] * change, 0.01)
    got = sweep(engine, shocks, threads=threads, outcomes=True)
    gross = float(engine.ledger.margin.book.notional().sum())
    for k, shock in enumerate(shocks):
        want = engine.run(shock)
        assert got.rounds[k] == want.rounds
        assert got.left[k] == len(want.closings.turn) or partial or stops or got.left[k] > 0
        np.testing.assert_allclose(got.rest[k], want.factor[-1], rtol=1e-10)
        np.testing.assert_allclose(got.forced[k], want.forced.sum(0), rtol=1e-9, atol=1e-12 * gross)
        np.testing.assert_allclose(
            got.stopped[k], want.stopped.sum(0), rtol=1e-9, atol=1e-12 * gross
        )
        first = want.forced[0] if want.rounds else np.zeros(len(change))
        np.testing.assert_allclose(got.first[k], first, rtol=1e-9, atol=1e-12 * gross)
        np.testing.assert_array_equal(got.turns(k), want.turn)


@pytest.mark.parametrize("partial", [False, True], ids=["full", "partial"])
def test_draws_of_one_shock_differ_by_the_law_alone(partial: bool) -> None:
    engine = prepared(3, partial)
    shock = engine.factors({"ALL": -0.12})
    exponents, left = np.linspace(0.5, 1.2, 12), np.linspace(1.0, 0.05, 12)
    got = sweep(engine, np.tile(shock, (12, 1)), exponents=exponents, remaining=left)
    for k in range(12):
        want = engine.run(shock, law=ImpactLaw(float(exponents[k]), float(left[k])))
        assert got.rounds[k] == want.rounds
        np.testing.assert_allclose(got.rest[k], want.factor[-1], rtol=1e-10)
        np.testing.assert_allclose(got.forced[k], want.forced.sum(0), rtol=1e-9)


@pytest.mark.parametrize("partial", [False, True], ids=["full", "partial"])
@pytest.mark.parametrize("shock", [[3.0, 2.5, 4.0], [0.2, 0.3, 3.0], [1.9, 2.1, 2.0]])
def test_prices_that_more_than_double_are_marked_in_full(shock: list[float], partial: bool) -> None:
    scene = random_book(21, 150, cross=0.7)
    law, depth = ImpactLaw(1.0, 1.0), [5e6, 5e6, 5e6][: len(scene.assets)]
    shock = shock[: len(scene.assets)]
    engine = StaticCascade(bound(scene), dict(zip(scene.assets, depth, strict=True)), law, partial)
    got = engine.run(np.array(shock))
    want = Brute(scene, engine.ledger.margin.balance.tolist()).run(shock, depth, 1.0, partial)
    np.testing.assert_allclose(got.factor, want.factors, rtol=1e-9)
    assert {a: r for a, r in enumerate(got.turn) if r} == want.turn


def test_outcomes_have_to_be_asked_for() -> None:
    engine = prepared(1, False)
    with pytest.raises(InputError, match="outcomes"):
        sweep(engine, engine.factors({"ALL": -0.1})[None]).turns(0)
