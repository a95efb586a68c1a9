"""Circuit breakers halt when the rules' own texts say so, and hand markets back properly."""

from __future__ import annotations

from itertools import pairwise
from math import inf

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from oracles.levers import drive, dynamic, floor_of, halts_of, joined, luld, market_wide
from seawall.core import _columns as c
from seawall.rulebook.levers.circuit_breaker import CircuitBreaker
from seawall.rulebook.levers.coordinated_breaker import CoordinatedBreaker

ONE = floor_of(venues=("okx",), assets=("BTC",), spot=False)


def walk(seed: int, steps: int, sigma: float) -> np.ndarray:
    rng = np.random.default_rng(seed)
    jumps = rng.standard_normal(steps) * sigma + (rng.random(steps) < 0.002) * rng.normal(0, 0.04)
    return 100.0 * np.exp(np.cumsum(jumps))


def halts(lever, price, floor=ONE, row=0):
    return halts_of(drive(lever.admit(floor), floor, np.asarray(price))[c.SESSION][:, row])


def test_luld_by_hand():
    # 100 for ten minutes, then 94.9: below the band's 95 at once, and for longer than 15 s
    price = np.concatenate((np.full(600, 100.0), np.full(800, 94.9)))
    assert halts(CircuitBreaker(preset="luld"), price) == [(615, 915)]
    # back inside before the limit state has lasted
    price[614:] = 99.0
    assert halts(CircuitBreaker(preset="luld"), price) == []


def test_dynamic_by_hand():
    # the variant is 3.5% of the first price, counted from the high of the hour
    price = np.concatenate((np.full(100, 100.0), np.full(100, 110.0), np.full(500, 106.4)))
    rise, fall = 100, 220  # 10 up at once; the window starts again at the reopening
    found = halts(CircuitBreaker(preset="cme_dynamic"), price)
    assert found == [(rise, fall)]
    price[330:] = 102.9
    assert halts(CircuitBreaker(preset="cme_dynamic"), price) == [(rise, fall), (330, 450)]
    price[330:] = 102.91
    assert halts(CircuitBreaker(preset="cme_dynamic"), price) == [(rise, fall)]


def test_market_wide_by_hand():
    price = np.full(5000, 100.0)
    price[10:] = 92.9  # level 1, 15 minutes, once
    price[2000:] = 86.9  # level 2
    price[4000:] = 79.0  # level 3: the rest of the session
    lever = CircuitBreaker(preset="mwcb")
    assert halts(lever, price) == [(10, 910), (2000, 2900), (4000, 5000)]
    price[10:] = 79.0
    assert halts(lever, price) == [(10, 5000)]
    assert halts(lever, 200.0 - price) == []  # rises do not halt


def test_the_rest_of_the_session_ends_with_it():
    price = np.full(300, 100.0)
    price[50:] = 70.0
    lever = CircuitBreaker(preset="mwcb", session_seconds=120.0)
    assert halts(lever, price) == [(50, 120)]


def test_cme_daily_by_hand():
    price = np.full(1000, 100.0)
    price[100:] = 92.0
    price[500:] = 86.0
    seen = drive(CircuitBreaker(preset="cme_daily").admit(ONE), ONE, price)
    assert halts_of(seen[c.SESSION][:, 0]) == [(100, 220), (500, 620)]
    low = seen[c.BAND_LOW][:, 0]
    assert low[50] == pytest.approx(93.0)
    assert low[300] == pytest.approx(87.0)
    assert low[700] == pytest.approx(80.0)
    assert seen[c.BAND_HIGH][700, 0] == pytest.approx(120.0)


@settings(max_examples=30)
@given(seed=st.integers(0, 10**6), sigma=st.floats(0.0005, 0.004))
def test_luld_as_the_plan_reads(seed, sigma):
    price = walk(seed, 3000, sigma)
    assert halts(CircuitBreaker(preset="luld"), price) == luld(price)


@settings(max_examples=30)
@given(
    seed=st.integers(0, 10**6), sigma=st.floats(0.0002, 0.002), window=st.sampled_from([60, 3600])
)
def test_dynamic_as_cme_reads(seed, sigma, window):
    price = walk(seed, 3000, sigma)
    lever = CircuitBreaker(preset="cme_dynamic", window=window)
    assert halts(lever, price) == dynamic(price, window=window)


@settings(max_examples=30)
@given(seed=st.integers(0, 10**6), sigma=st.floats(0.001, 0.006))
def test_market_wide_as_the_rule_reads(seed, sigma):
    price = walk(seed, 5000, sigma)
    assert halts(CircuitBreaker(preset="mwcb"), price) == joined(market_wide(price))


def test_something_was_halted():
    """The comparisons above would also hold for rules that never halt."""
    assert sum(len(luld(walk(s, 3000, 0.002))) for s in range(5)) > 3
    assert sum(len(dynamic(walk(s, 3000, 0.001))) for s in range(5)) > 3
    assert sum(len(market_wide(walk(s, 5000, 0.003))) for s in range(5)) > 3


def test_the_step_does_not_move_the_halt():
    for step in (0.1, 0.5, 2.0, 5.0):
        floor = floor_of(venues=("okx",), assets=("BTC",), spot=False, step=step)
        price = np.full(round(2000 / step), 100.0)
        price[round(600 / step) :] = 94.0
        ((start, end),) = halts(CircuitBreaker(preset="luld"), price, floor)
        assert start * step == pytest.approx(600 + 15, abs=step)
        assert (end - start) * step == pytest.approx(300, abs=1e-9)


def test_a_touch_is_an_empty_or_crossed_side():
    path = np.full((100, 1, 4), 100.0)  # mid, bid, ask, index
    path[40:60, 0, 1] = 0.0
    lever = CircuitBreaker(watch="touch", down=0.05, pause=20.0)
    seen = drive(lever.admit(ONE), ONE, columns=(c.MID, c.BID, c.ASK, c.INDEX), path=path)
    assert halts_of(seen[c.SESSION][:, 0]) == [(40, 60)]
    upwards = CircuitBreaker(watch="touch", up=0.05, pause=20.0)
    seen = drive(upwards.admit(ONE), ONE, columns=(c.MID, c.BID, c.ASK, c.INDEX), path=path)
    assert halts_of(seen[c.SESSION][:, 0]) == []


def test_cooldown():
    price = 100.0 * 0.99 ** np.arange(400)
    quick = CircuitBreaker(reference="extreme", window=10, down=0.03, pause=5.0)
    slow = CircuitBreaker(reference="extreme", window=10, down=0.03, pause=5.0, cooldown=100.0)
    assert len(halts(quick, price)) > 30
    starts = halts(slow, price)
    assert all(b[0] - a[1] >= 100 for a, b in pairwise(starts))
    assert len(starts) == 4


def test_a_move_through_several_levels_halts_for_the_highest():
    price = np.full(1000, 100.0)
    price[10:] = 85.0
    further = ({"down": 0.1, "pause": 50.0}, {"down": 0.2, "pause": 500.0})
    lever = CircuitBreaker(reference="opening", down=0.05, pause=10.0, further=further, once=True)
    assert halts(lever, price) == [(10, 60)]


def test_auction_trades_near_the_index_before_it_resumes():
    price = np.full(200, 100.0)
    price[50:] = 90.0
    lever = CircuitBreaker(
        down=0.05, pause=60.0, reopening="auction", auction_seconds=20.0, auction_band=0.01
    )
    seen = drive(lever.admit(ONE), ONE, price)
    assert halts_of(seen[c.SESSION][:, 0]) == [(50, 90)]
    assert seen[c.UNTIL][50, 0] == 90.0
    low, high = seen[c.BAND_LOW][:, 0], seen[c.BAND_HIGH][:, 0]
    assert np.allclose(low[90:110], 89.1)
    assert np.allclose(high[90:110], 90.9)
    assert np.all(low[110:] == 0.0)
    assert np.all(high[110:] == inf)


def test_only_the_market_that_moved_is_halted_and_never_spot():
    floor = floor_of()
    prices = np.full((100, len(floor)), 100.0)
    prices[20:, 1] = 80.0
    prices[20:, 4:] = 50.0  # the spot markets
    lever = CircuitBreaker(down=0.1, pause=30.0)
    session = drive(lever.admit(floor), floor, prices)[c.SESSION]
    assert halts_of(session[:, 1])[0] == (20, 50)
    assert not session[:, [0, 2, 3, 4, 5]].any()


def test_places():
    floor = floor_of()
    prices = np.full((100, len(floor)), 100.0)
    prices[20:] = 80.0
    lever = CircuitBreaker(venues=("bybit",), assets=("ETH",), down=0.1, pause=30.0)
    session = drive(lever.admit(floor), floor, prices)[c.SESSION]
    assert session.any(axis=0).tolist() == [False, False, False, True, False, False]
    assert CircuitBreaker(venues=("kraken",), down=0.1, pause=30.0).admit(floor) is None


@pytest.mark.parametrize(
    ("settings", "shut"),
    [
        ({"together": "asset"}, [True, False, True, False]),
        ({"together": "all"}, [True, True, True, True]),
        ({"together": "asset", "venues": ("okx",)}, [True, False, False, False]),
        ({"together": "all", "watch_assets": ("ETH",)}, [False] * 4),
        ({"together": "asset", "watch_venues": ("bybit",)}, [False] * 4),
        ({"together": "asset", "quorum": 2}, [False] * 4),
        (
            {"together": "all", "venues": ("bybit",), "watch_venues": ("okx",)},
            [False, False, True, True],
        ),
    ],
)
def test_coordinated(settings, shut):
    floor = floor_of()
    prices = np.full((100, len(floor)), 100.0)
    prices[20:, 0] = 80.0  # okx:BTC alone
    lever = CoordinatedBreaker(down=0.1, pause=30.0, **settings)
    session = drive(lever.admit(floor), floor, prices)[c.SESSION]
    assert session.any(axis=0).tolist() == [*shut, False, False]
    for i in np.flatnonzero(shut):
        assert halts_of(session[:, i])[0] == (20, 50)


def test_quorum_is_reached():
    floor = floor_of()
    prices = np.full((100, len(floor)), 100.0)
    prices[20:, 0] = 80.0
    prices[40:, 2] = 80.0
    lever = CoordinatedBreaker(down=0.1, pause=30.0, quorum=2)
    session = drive(lever.admit(floor), floor, prices)[c.SESSION]
    assert halts_of(session[:, 0])[0] == halts_of(session[:, 2])[0] == (40, 70)
    assert not session[:, [1, 3]].any()


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_market_opens_when_the_last_breaker_lets_go(order):
    price = np.full(300, 100.0)
    price[20:] = 90.0
    short = CircuitBreaker(down=0.05, pause=30.0, reference="opening", once=True)
    long = CircuitBreaker(down=0.07, pause=100.0, reference="opening", once=True)
    hooks = [short.admit(ONE), long.admit(ONE)]
    seen = drive((hooks[order[0]], hooks[order[1]]), ONE, price)
    assert halts_of(seen[c.SESSION][:, 0]) == [(20, 120)]
    assert seen[c.UNTIL][60, 0] == 120.0


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_bands_of_two_levers_take_the_tighter(order):
    price = np.full(10, 100.0)
    wide = CircuitBreaker(down=0.10, up=0.02, within=True, reference="opening")
    tight = CircuitBreaker(down=0.05, up=0.05, within=True, reference="opening")
    hooks = [wide.admit(ONE), tight.admit(ONE)]
    seen = drive((hooks[order[0]], hooks[order[1]]), ONE, price)
    assert seen[c.BAND_LOW][5, 0] == pytest.approx(95.0)
    assert seen[c.BAND_HIGH][5, 0] == pytest.approx(102.0)


def test_an_outage_is_left_alone_and_outlasted():
    price = np.full(300, 100.0)
    price[20:] = 90.0
    down = np.zeros(300)
    down[40:60] = 1.0
    lever = CircuitBreaker(down=0.05, pause=100.0, reference="opening", once=True)
    seen = drive(lever.admit(ONE), ONE, price, down=down)[c.SESSION][:, 0]
    assert np.all(seen[40:60] == c.DOWN)
    assert np.all(seen[20:40] == c.HALTED)
    assert np.all(seen[60:120] == c.HALTED)
    assert np.all(seen[120:] == c.OPEN)


def test_neutral_breakers_bring_no_hook():
    for kind in (CircuitBreaker, CoordinatedBreaker):
        assert kind().admit(ONE) is None
        assert kind(pause=300.0).admit(ONE) is None
        assert kind(down=0.05, up=0.05).admit(ONE) is None
        assert kind(preset="luld", pause=0.0, within=False).admit(ONE) is None


def test_presets_are_filled_in_and_can_be_overridden():
    lever = CircuitBreaker(preset="luld", pause=600.0)
    assert (lever.down, lever.window, lever.limit_seconds, lever.pause) == (0.05, 300, 15, 600)
    assert CircuitBreaker(**lever.model_dump()) == lever
    mwcb = CircuitBreaker(preset="mwcb")
    assert [v.down for v in mwcb.levels()] == [0.07, 0.13, 0.20]
    assert [v.pause for v in mwcb.levels()] == [900, 900, inf]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"pause": -1.0}, "pause"),
        ({"down": 0.0}, "down"),
        ({"down": 0.2, "further": ({"down": 0.1, "pause": 1.0},)}, "levels must rise: down 0.1"),
        ({"reopening": "auction", "pause": 9.0}, "auction_seconds above 0"),
        ({"reopening": "auction", "pause": 9.0, "auction_seconds": 10.0}, "longer than the pause"),
        ({"auction_seconds": 10.0}, "without an auction"),
        ({"reference": "opening", "reference_hold": 3.0}, "belong to reference"),
        ({"preset": "lulu"}, "preset"),
        ({"paws": 3.0}, "paws"),
    ],
)
def test_refusals(settings, words):
    with pytest.raises(ValidationError, match=words):
        CircuitBreaker(**settings)


def test_coordinated_refusal():
    with pytest.raises(ValidationError, match="nothing watched can halt ETH"):
        CoordinatedBreaker(assets=("BTC", "ETH"), watch_assets=("BTC",))
