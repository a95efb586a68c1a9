"""Distributions: their sums, bounds and streams, against plain recomputation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seawall.sim.population.distributions import (
    SizeShape,
    apportion,
    attract,
    fit_margins,
    fit_total,
    heavy_tailed,
    rising,
    round_step,
    stream,
)

SHAPE = SizeShape(2.2, 0.03, 1.3)
weights = st.lists(st.floats(0.0, 1e6), min_size=1, max_size=30).filter(lambda w: sum(w) > 0)


def test_stream_belongs_to_seed_and_name() -> None:
    first = stream(7, "okx/BTC").random(5)
    assert np.array_equal(first, stream(7, "okx/BTC").random(5))
    assert not np.array_equal(first, stream(7, "okx/ETH").random(5))
    assert not np.array_equal(first, stream(8, "okx/BTC").random(5))


@given(weights, st.integers(0, 5000))
def test_apportion_sums_and_leaves_nobody_out(weight: list[float], total: int) -> None:
    w = np.array(weight)
    counts = apportion(w, total)
    assert counts.sum() == total
    assert (counts >= 0).all()
    assert (counts[w == 0] == 0).all()
    if total >= (w > 0).sum():
        assert (counts[w > 0] >= 1).all()


def test_apportion_is_within_one_of_the_share_where_nobody_is_small() -> None:
    w = np.array([[3.0, 5.0], [7.0, 11.0]])
    counts = apportion(w, 101)
    assert counts.shape == w.shape
    assert np.abs(counts - w / w.sum() * 101).max() < 1.0


@given(st.integers(0, 2**32 - 1))
def test_margins_are_met(seed: int) -> None:
    rng = np.random.default_rng(seed)
    start = rng.random((4, 6)) + 0.01
    rows, columns = rng.random(4) + 0.1, rng.random(6) + 0.1
    columns *= rows.sum() / columns.sum()
    table = fit_margins(start, rows, columns)
    assert table.sum(axis=1) == pytest.approx(rows)
    assert table.sum(axis=0) == pytest.approx(columns)
    # odds ratios are what the method keeps
    odds = table[0, 0] * table[1, 1] / (table[0, 1] * table[1, 0])
    before = start[0, 0] * start[1, 1] / (start[0, 1] * start[1, 0])
    assert odds == pytest.approx(before, rel=1e-6)


def _fit_by_bisection(weight: np.ndarray, total: float, cap: float) -> np.ndarray:
    low, high = 0.0, 1e12
    for _ in range(300):
        middle = 0.5 * (low + high)
        low, high = (
            (middle, high)
            if np.minimum(middle * weight, cap).sum() < total
            else (
                low,
                middle,
            )
        )
    return np.minimum(high * weight, cap)


@given(st.lists(st.floats(0.01, 1e4), min_size=1, max_size=40), st.floats(0.05, 0.95))
def test_fit_total_against_bisection(weight: list[float], fill: float) -> None:
    w, cap = np.array(weight), 10.0
    total = fill * cap * len(w)
    assert fit_total(w, total, cap) == pytest.approx(_fit_by_bisection(w, total, cap), rel=1e-6)


@given(st.integers(1, 400), st.floats(1e3, 1e8), st.floats(100.0, 1e7))
def test_sizes_sum_and_stay_in_bounds(count: int, total: float, cap: float) -> None:
    size = heavy_tailed(stream(1, "sizes"), count, total, (5.0, cap), SHAPE)
    mean = total / count
    assert size.sum() == pytest.approx(total)
    assert size.max() <= max(cap, 1.5 * mean) * (1 + 1e-9)
    assert size.min() >= min(5.0, 0.5 * mean) * (1 - 1e-9)


def test_no_account_no_size() -> None:
    assert len(heavy_tailed(stream(1, "none"), 0, 0.0, (5.0, 1.0), SHAPE)) == 0


def test_sizes_have_the_tail_asked_for() -> None:
    # a narrow body, so that the far end is the tail alone
    shape = SizeShape(0.1, 0.2, 1.3)
    size = np.sort(heavy_tailed(stream(3, "tail"), 400_000, 1e9, (0.0, 1e9), shape))[::-1]
    assert 1.0 / np.log(size[:8_000] / size[8_000]).mean() == pytest.approx(1.3, abs=0.05)
    body = np.log(size[-200_000:] / np.median(size))
    assert np.abs(body).max() < 0.6
    wide = heavy_tailed(stream(3, "body"), 400_000, 1e9, (0.0, 1e9), SHAPE)
    assert np.median(wide) < 0.1 * wide.mean()


def test_rising_draws_follow_a_power() -> None:
    draw = rising(stream(5, "way"), 200_000, 2.0, 4.0, 2.0)
    assert draw.min() >= 2.0
    assert draw.max() <= 4.0
    # half of the way holds a quarter of the draws
    assert (draw < 3.0).mean() == pytest.approx(0.25, abs=0.005)


@pytest.mark.parametrize(
    ("price", "step"), [(86_601.3, 500), (2832.97, 20), (133.6, 1), (0.14886, 0.001)]
)
def test_round_prices(price: float, step: float) -> None:
    assert round_step(price) == pytest.approx(step)


def test_attracted_prices_stay_between() -> None:
    rng = stream(9, "round")
    price = 80_600 + 6_000 * rng.random(50_000)
    moved = attract(rng, price, 500.0, 0.25, 0.0006, (80_600.0, 86_600.0))
    assert moved.min() >= 80_600
    assert moved.max() <= 86_600
    changed = moved != price
    assert changed.mean() == pytest.approx(0.25, abs=0.02)
    assert np.abs(moved[changed] / (np.round(moved[changed] / 500) * 500) - 1).max() < 0.0006 * 6
