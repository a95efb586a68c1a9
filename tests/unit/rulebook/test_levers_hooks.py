"""Bands, throttles, smoothed marks and publication, driven on small markets."""

from __future__ import annotations

from math import exp, inf
from statistics import median

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from oracles.levers import drive, floor_of
from seawall.core import _columns as c
from seawall.rulebook.levers.disclosure import Disclosure
from seawall.rulebook.levers.liquidation_throttle import LiquidationThrottle
from seawall.rulebook.levers.mark_smoothing import MarkSmoothing
from seawall.rulebook.levers.price_bands import PriceBands

FLOOR = floor_of()
ONE = floor_of(venues=("okx",), assets=("BTC",), spot=False)
PRICES = st.lists(st.floats(50.0, 150.0), min_size=1, max_size=80)


def path_of(*columns):
    return np.stack([np.asarray(v, dtype=np.float64) for v in columns], axis=1)[:, None, :]


# --- bands ----------------------------------------------------------------------------------------


def test_bands_around_the_index_and_the_mark():
    path = path_of([100.0, 90.0], [100.0, 80.0], [100.0, 70.0])
    columns = (c.INDEX, c.MARK, c.MID)
    for around, middle in (("index", 90.0), ("mark", 80.0)):
        lever = PriceBands(around=around, down=0.05, up=0.02)
        seen = drive(lever.admit(ONE), ONE, columns=columns, path=path)
        assert seen[c.BAND_LOW][1, 0] == pytest.approx(middle * 0.95)
        assert seen[c.BAND_HIGH][1, 0] == pytest.approx(middle * 1.02)


@given(prices=PRICES, window=st.integers(1, 20))
def test_bands_around_the_mean_move_with_it(prices, window):
    lever = PriceBands(around="mean", down=0.1, up=0.1, window=window)
    low = drive(lever.admit(ONE), ONE, np.array(prices))[c.BAND_LOW][:, 0]
    for t in range(len(prices)):
        recent = prices[max(0, t + 1 - window) : t + 1]
        assert low[t] == pytest.approx(0.9 * sum(recent) / len(recent), rel=1e-12)


def okx(index, mids, indices, y, z):
    """Highest and lowest price by the formula in OKX's help."""
    premium = sum(m - i for m, i in zip(mids, indices, strict=True)) / len(mids)
    high = min(max(index, index * (1 + y) + premium), index * (1 + z))
    return max(min(index, index * (1 - y) + premium), index * (1 - z)), high


@pytest.mark.parametrize(
    ("tier", "y", "z"),
    [(1, 0.02, 0.05), (2, 0.04, 0.08), (3, 0.06, 0.15), (4, 0.06, 0.20)],
)
def test_okx_price_limits(tier, y, z):
    rng = np.random.default_rng(tier)
    index = 100.0 * np.exp(np.cumsum(rng.normal(0, 0.003, 400)))
    mid = index * (1 + 0.1 * np.sin(np.arange(400) / 60))
    lever = PriceBands(preset=f"okx_tier_{tier}")
    seen = drive(lever.admit(ONE), ONE, columns=(c.INDEX, c.MID), path=path_of(index, mid))
    for t in range(400):
        past = slice(max(0, t - 119), t + 1)
        low, high = okx(index[t], mid[past], index[past], y, z)
        assert seen[c.BAND_LOW][t, 0] == pytest.approx(low, rel=1e-12)
        assert seen[c.BAND_HIGH][t, 0] == pytest.approx(high, rel=1e-12)
    assert np.ptp(seen[c.BAND_HIGH][:, 0] / index) > 0.01  # the premium mattered


def test_okx_just_after_listing():
    lever = PriceBands(preset="okx_tier_1", opening_band=0.01, opening_seconds=5.0)
    high = drive(lever.admit(ONE), ONE, np.full(10, 100.0))[c.BAND_HIGH][:, 0]
    assert np.allclose(high[:5], 101.0)
    assert np.allclose(high[5:], 102.0)


def test_bands_hold_where_they_are_named_and_never_on_spot():
    lever = PriceBands(venues=("bybit",), down=0.1, up=0.1)
    seen = drive(lever.admit(FLOOR), FLOOR, np.full(3, 100.0))
    assert (seen[c.BAND_LOW][2] > 0).tolist() == [False, False, True, True, False, False]
    assert np.isinf(seen[c.BAND_HIGH][2]).tolist() == [True, True, False, False, True, True]


def test_the_tighter_of_two_bands_holds():
    a, b = PriceBands(down=0.1, up=0.2), PriceBands(down=0.2, up=0.1)
    for hooks in ((a.admit(ONE), b.admit(ONE)), (b.admit(ONE), a.admit(ONE))):
        seen = drive(hooks, ONE, np.full(3, 100.0))
        assert seen[c.BAND_LOW][1, 0] == pytest.approx(90.0)
        assert seen[c.BAND_HIGH][1, 0] == pytest.approx(110.0)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"around": "index", "premium_band": 0.02}, "belong to around"),
        ({"around": "premium", "premium_band": 0.1, "down": 0.05}, "wider than the outer band"),
        ({"down": -0.1}, "down"),
    ],
)
def test_band_refusals(settings, words):
    with pytest.raises(ValidationError, match=words):
        PriceBands(**settings)


# --- throttle -------------------------------------------------------------------------------------


def test_throttle_by_the_thinner_side():
    floor = floor_of(venues=("okx",), assets=("BTC",), spot=False, step=0.5)
    path = path_of([4e6, 1e6, 0.0], [3e6, 2e6, 5e6])
    columns = (c.STANDING_BID, c.STANDING_ASK)
    lever = LiquidationThrottle(rate=0.02)
    allowed = drive(lever.liquidate(floor), floor, columns=columns, path=path)[c.ALLOWANCE][:, 0]
    assert np.allclose(allowed, [0.02 * 3e6 * 0.5, 0.02 * 1e6 * 0.5, 0.0])
    lever = LiquidationThrottle(rate=0.02, least_usd=50_000)
    allowed = drive(lever.liquidate(floor), floor, columns=columns, path=path)[c.ALLOWANCE][:, 0]
    assert np.allclose(allowed, [30_000, 25_000, 25_000])


def test_auctions_at_intervals():
    lever = LiquidationThrottle(every=5.0)
    allowed = drive(lever.liquidate(ONE), ONE, np.full(12, 100.0))[c.ALLOWANCE][:, 0]
    assert [t for t in range(12) if allowed[t] == inf] == [0, 5, 10]
    assert sorted(set(allowed)) == [0.0, inf]
    lever = LiquidationThrottle(every=5.0, auction_share=0.1, least_usd=7.0)
    path = path_of(np.linspace(0.0, 1100.0, 12), np.full(12, 1e9))
    seen = drive(lever.liquidate(ONE), ONE, columns=(c.STANDING_BID, c.STANDING_ASK), path=path)
    assert seen[c.ALLOWANCE][[0, 5, 10], 0].tolist() == pytest.approx([7.0, 50.0, 100.0])


def test_the_smaller_allowance_holds_and_spot_is_free():
    a, b = LiquidationThrottle(rate=0.02), LiquidationThrottle(venues=("okx",), rate=0.01)
    for hooks in (
        (a.liquidate(FLOOR), b.liquidate(FLOOR)),
        (b.liquidate(FLOOR), a.liquidate(FLOOR)),
    ):
        allowed = drive(hooks, FLOOR, np.full(2, 100.0))[c.ALLOWANCE][1]
        assert allowed.tolist() == [1e4, 1e4, 2e4, 2e4, inf, inf]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"rate": 0.1, "every": 60.0}, "exclude each other"),
        ({"auction_share": 0.1}, "without auctions"),
        ({"least_usd": 5.0}, "bounds nothing"),
        ({"rate": 0.0}, "rate"),
    ],
)
def test_throttle_refusals(settings, words):
    with pytest.raises(ValidationError, match=words):
        LiquidationThrottle(**settings)


# --- marks ----------------------------------------------------------------------------------------


@given(prices=PRICES, window=st.floats(0.5, 50.0))
def test_mean_of_marks(prices, window):
    seen = drive(MarkSmoothing(window=window).mark(ONE), ONE, np.array(prices))
    smooth = prices[0]
    for t, price in enumerate(prices):
        smooth = price + exp(-1.0 / window) * (smooth - price)
        assert seen[c.MARK][t, 0] == pytest.approx(smooth, rel=1e-12)


@given(prices=PRICES, window=st.integers(1, 15))
def test_median_of_marks(prices, window):
    lever = MarkSmoothing(by="median", window=window)
    seen = drive(lever.mark(ONE), ONE, np.array(prices))[c.MARK][:, 0]
    for t in range(len(prices)):
        assert seen[t] == median(prices[max(0, t + 1 - window) : t + 1])


def test_a_venue_that_is_down_does_not_mark():
    price, down = np.array([100.0, 50.0, 50.0, 100.0]), np.array([0.0, 1.0, 1.0, 0.0])
    seen = drive(MarkSmoothing(window=10.0).mark(ONE), ONE, price, down=down)
    assert seen[c.MARK][:, 0].tolist() == [100.0, 50.0, 50.0, 100.0]


def test_marks_elsewhere_stay():
    price = np.array([100.0, 50.0])
    lever = MarkSmoothing(assets=("ETH",), window=10.0)
    marks = drive(lever.mark(FLOOR), FLOOR, price)[c.MARK][1]
    assert (marks > 50.0).tolist() == [False, True, False, True, False, False]


# --- publication ----------------------------------------------------------------------------------


def test_publication_in_the_named_markets():
    lever = Disclosure(published=True, venues=("okx",))
    seen = drive(lever.admit(FLOOR), FLOOR, np.full(2, 100.0))[c.DISCLOSED]
    assert seen[1].tolist() == [1.0, 1.0, 0.0, 0.0, 0.0, 0.0]


def test_neutral_settings_bring_no_hook():
    assert PriceBands().admit(FLOOR) is None
    assert LiquidationThrottle().liquidate(FLOOR) is None
    assert MarkSmoothing().mark(FLOOR) is None
    assert Disclosure().admit(FLOOR) is None
