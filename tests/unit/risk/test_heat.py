"""The map through time begins as the map, and loses what is closed."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from seawall.risk.heat import Closings, at_price, map_through_time, shades, usd_of_shades


@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(0, 60))
def test_as_counted_one_by_one(seed: int, positions: int, closings: int) -> None:
    rng = np.random.default_rng(seed)
    prices = rng.uniform(80, 120, positions)
    prices[rng.random(positions) < 0.2] = np.nan
    notional = rng.uniform(1, 100, positions)
    edges, seconds = np.linspace(85, 115, 7), np.sort(rng.uniform(0, 50, 5))
    which = rng.integers(0, positions, closings)
    when = rng.uniform(-5, 60, closings)
    share = rng.uniform(0, 1.0 / max(1, closings), closings)
    found = map_through_time(prices, notional, edges, seconds, Closings(which, when, share))
    for t, second in enumerate(seconds):
        for b in range(len(edges) - 1):
            held = 0.0
            for i in range(positions):
                if edges[b] <= prices[i] < edges[b + 1]:
                    gone = sum(
                        s
                        for w, x, s in zip(which, when, share, strict=True)
                        if w == i and x <= second
                    )
                    held += notional[i] * (1 - gone)
            assert np.isclose(found[t, b], held, rtol=1e-6, atol=1e-6)


def test_what_is_closed_is_gone() -> None:
    one = Closings(np.array([0, 0]), np.array([5.0, 10.0]), np.array([0.25, 0.75]))
    found = map_through_time(
        np.array([95.0]), np.array([8.0]), np.array([90.0, 100.0]), np.array([0.0, 5.0, 10.0]), one
    )
    assert found[:, 0].tolist() == [8.0, 6.0, 0.0]


def test_shades_are_even_in_the_logarithm() -> None:
    code, most = shades(np.array([0.0, 1e-6, 1e-4, 1e-2, 1.0]))
    assert most == 1.0
    assert code.tolist() == [0, 0, 1, 128, 255]
    assert shades(np.zeros(3))[1] == 0.0


@given(st.lists(st.floats(2e-4, 1.0), min_size=1, max_size=30), st.floats(1.0, 1e12))
def test_a_shade_tells_its_amount_to_half_a_step(shares: list[float], most: float) -> None:
    usd = np.array([*shares, 1.0]) * most
    code, deepest = shades(usd)
    assert np.allclose(usd_of_shades(deepest)[code], usd, rtol=1e-4 ** (-0.5 / 254) - 1 + 1e-9)
    assert usd_of_shades(deepest)[0] == 0.0


def test_a_moment_holds_what_is_ahead_of_its_price() -> None:
    edges = np.linspace(80.0, 120.0, 401)
    usd = np.ones(400)
    long = edges[:-1] < 100.0
    drawn = at_price("BTC", usd, long, edges, 90.0)
    # longs from 80 to 90 and shorts from 100 to 120 wait; longs from 90 to 100 were passed
    assert np.isclose(drawn.long_usd.sum(), 100.0)
    assert np.isclose(drawn.short_usd.sum(), 200.0)
    assert np.isclose(drawn.already, 100.0)
    assert drawn.long_usd[0][drawn.edges[:-1] >= 90.0].sum() == 0.0
    assert np.isclose(drawn.long_usd.sum() + drawn.short_usd.sum() + drawn.already, usd.sum())
    widths = np.diff(drawn.edges)[:-1]
    assert np.allclose(widths, widths[0])
    assert widths[0] / 90.0 < 0.005
