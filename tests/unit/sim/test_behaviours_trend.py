"""Momentum, buyers of the dip, hunters: signs, caps, pace."""

from __future__ import annotations

import numpy as np
import pytest

from market_floor import DEPTH, Caller, make_floor, make_table, set_price, usd, with_step
from seawall.core import InputError
from seawall.core import _columns as c
from seawall.sim.behaviours.dip_buyer import DipBuyer
from seawall.sim.behaviours.hunter import Hunter
from seawall.sim.behaviours.momentum import Momentum


def drift(behaviour, a_second: float, seconds: int, step: float = 1.0):
    """Holding in USD by step under a steady drift of the first market's mid."""
    floor = with_step(make_floor(steps=seconds), step)
    caller, table = Caller(behaviour.act(floor), floor), make_table(floor)
    out = []
    for _ in range(floor.steps):
        set_price(table, 0, table[0, c.MID] * np.exp(a_second * step))
        caller.fill(table, caller.step(table))
        out.append(usd(table, caller.held))
    return np.array(out)


@pytest.mark.parametrize("way", [1.0, -1.0])
def test_the_herd_follows_and_stays_within_its_capacity(way: float) -> None:
    held = drift(Momentum(capacity=0.5), way * 1e-4, 3000)
    assert (way * held[10:, 0] > 0).all()
    # the price itself raises what is held between trades
    assert np.abs(held).max() < 0.5 * DEPTH * 1.01
    # fast less slow average of a drift: drift times the difference of the time constants
    target = 0.5 * DEPTH * np.tanh(1e-4 * 570 / 0.01)
    assert abs(held[-1, 0]) == pytest.approx(target, rel=0.02)
    assert not held[:, 1:].any()


def test_the_herd_goes_home_when_the_trend_is_over() -> None:
    floor = make_floor()
    caller, table = Caller(Momentum().act(floor), floor), make_table(floor)
    caller.run(table, 1)
    set_price(table, 0, 90_000.0)
    caller.run(table, 60)
    low = usd(table, caller.held)[0]
    assert low < -0.3 * DEPTH
    caller.run(table, 6000)
    assert abs(usd(table, caller.held)[0]) < 0.01 * abs(low)


def test_the_herd_does_not_trade_spot_unless_named() -> None:
    floor = make_floor()
    for venues, rows in (((), [0, 1, 2, 3]), (("spot",), [4, 5])):
        caller = Caller(Momentum(venues=venues).act(floor), floor)
        table = make_table(floor)
        caller.step(table)
        table[:, c.MID] *= 1.05
        assert list(np.flatnonzero(caller.step(table)[:, c.QUANTITY])) == rows


@pytest.mark.parametrize("behaviour", [Momentum(), DipBuyer(memory=3600.0)])
def test_half_steps_hold_the_same(behaviour) -> None:
    whole = drift(behaviour, -1e-4, 1200)
    half = drift(behaviour, -1e-4, 1200, step=0.5)[1::2]
    assert abs(whole[-1, 0]) > 1e5
    np.testing.assert_allclose(whole[60:, 0], half[60:, 0], rtol=0.03, atol=0.005 * DEPTH)


def test_averages_the_wrong_way_round_are_refused() -> None:
    with pytest.raises(InputError, match="slow: slow average not slower"):
        Momentum(fast=600, slow=600).act(make_floor())
    with pytest.raises(InputError, match="full: spends all before it begins"):
        DipBuyer(begin=0.2, full=0.1).act(make_floor())


def after_a_fall(fall: float, steps: int = 3000):
    floor = make_floor()
    behaviour = DipBuyer(begin=0.03, full=0.15, capital=2.0, memory=1e6, pace=60.0)
    caller, table = Caller(behaviour.act(floor), floor), make_table(floor)
    caller.step(table)
    set_price(table, 0, (1 - fall) * 100_000.0)
    orders = caller.step(table)
    caller.fill(table, orders)
    caller.run(table, steps)
    return caller, table, orders


@pytest.mark.parametrize(
    ("fall", "share"), [(0.0, 0.0), (0.02, 0.0), (0.15, 1.0), (0.3, 1.0), (0.5, 1.0)]
)
def test_falls_are_bought_up_to_the_capital(fall: float, share: float) -> None:
    caller, table, orders = after_a_fall(fall)
    assert usd(table, caller.held)[0] == pytest.approx(share * 2.0 * DEPTH, rel=1e-3)
    assert not caller.held[1:].any()
    if share:
        assert orders[0, c.LIMIT] == pytest.approx(97_000.0, rel=1e-4)


@pytest.mark.parametrize("resting", [0.0, 0.3, 1.0])
def test_the_share_that_rests_is_asked_for_whatever_makers_stand_there(resting: float) -> None:
    floor = make_floor()
    fields = {"begin": 0.03, "full": 0.15, "capital": 2.0, "memory": 1e6, "pace": 60.0}
    caller = Caller(DipBuyer(**fields, resting=resting, most=1e-6).act(floor), floor)
    table = make_table(floor)
    caller.step(table)
    set_price(table, 0, 80_000.0)
    orders = caller.step(table)
    wanted = 2.0 * DEPTH * (1 - np.exp(-1 / 60)) / 80_000.0
    assert orders[0, c.RESTS] == pytest.approx(resting * wanted, rel=1e-6)
    # the rest is bought at market, no faster than what stands there allows
    assert orders[0, c.QUANTITY] < 1e-5 * wanted + 1e-4 * DEPTH / 80_000.0
    assert (orders[0, c.QUANTITY] > 0) == (resting < 1.0)


def test_the_holding_grows_straight_between_begin_and_full() -> None:
    middle = 1 - np.exp(0.5 * (np.log(0.97) + np.log(0.85)))
    caller, table, _ = after_a_fall(float(middle))
    assert usd(table, caller.held)[0] == pytest.approx(DEPTH, rel=0.02)


def test_what_was_bought_is_sold_after_the_recovery_and_not_before() -> None:
    caller, table, _ = after_a_fall(0.2)
    held = caller.held[0]
    set_price(table, 0, 95_000.0)
    caller.run(table, 100)
    assert caller.held[0] == held
    set_price(table, 0, 99_500.0)
    caller.run(table, 7200)
    assert caller.held[0] == pytest.approx(held * np.exp(-1), rel=1e-6)
    assert caller.held[0] > 0


def test_hunters_push_toward_the_disclosed_cluster_and_cover() -> None:
    floor = make_floor()
    caller = Caller(Hunter(bait=0.5, capacity=0.3).act(floor), floor)
    table = make_table(floor)
    table[:, c.LONGS_NEAR] = 2 * DEPTH
    assert not caller.step(table).any(), "nothing is disclosed"
    table[0, c.DISCLOSED] = 1.0
    caller.run(table, 300)
    assert usd(table, caller.held)[0] == pytest.approx(-0.3 * DEPTH, rel=1e-3)
    assert not caller.held[1:].any()
    table[0, c.LONGS_NEAR] = 0.0
    caller.run(table, 60)
    assert usd(table, caller.held)[0] == pytest.approx(-0.3 * DEPTH * np.exp(-1), rel=1e-3)
    table[0, c.SHORTS_NEAR] = 2 * DEPTH
    caller.run(table, 300)
    assert usd(table, caller.held)[0] == pytest.approx(0.3 * DEPTH, rel=1e-3)


@pytest.mark.parametrize(("cluster", "share"), [(0.9, 0.0), (1.5, 0.5), (2.0, 1.0), (9.0, 1.0)])
def test_the_bait_is_the_cluster_over_the_depth_in_the_way(cluster: float, share: float) -> None:
    floor = make_floor()
    caller = Caller(Hunter(bait=0.5, capacity=1.0).act(floor), floor)
    table = make_table(floor)
    table[0, c.DISCLOSED], table[0, c.LONGS_NEAR] = 1.0, cluster * DEPTH
    caller.run(table, 400)
    assert usd(table, caller.held)[0] == pytest.approx(-share * DEPTH, rel=1e-3, abs=1.0)


def test_thin_books_tempt_and_clusters_on_both_sides_cancel() -> None:
    floor = make_floor()
    table = make_table(floor)
    table[0, c.DISCLOSED], table[0, c.LONGS_NEAR] = 1.0, 0.5 * DEPTH
    hunter = Hunter(bait=0.5)
    assert not Caller(hunter.act(floor), floor).step(table).any()
    table[0, c.STANDING_BID] = 0.1 * DEPTH
    assert Caller(hunter.act(floor), floor).step(table)[0, c.QUANTITY] < 0
    table[0, c.STANDING_ASK], table[0, c.SHORTS_NEAR] = 0.1 * DEPTH, 0.5 * DEPTH
    assert not Caller(hunter.act(floor), floor).step(table).any()


@pytest.mark.parametrize(
    "behaviour",
    [
        Momentum(capacity=100.0, pace=1.0, most=0.1),
        DipBuyer(capital=100.0, pace=1.0, most=0.1),
        Hunter(capacity=100.0, pace=1.0, most=0.1),
    ],
)
@pytest.mark.parametrize("step", [1.0, 0.5])
def test_no_more_than_the_standing_depth_bears_is_traded(behaviour, step: float) -> None:
    floor = make_floor(step=step)
    caller, table = Caller(behaviour.act(floor), floor), make_table(floor)
    caller.step(table)
    set_price(table, 0, 80_000.0)
    table[0, c.DISCLOSED], table[0, c.LONGS_NEAR] = 1.0, 10 * DEPTH
    table[0, [c.STANDING_BID, c.STANDING_ASK]] = 0.3 * DEPTH, 0.2 * DEPTH
    for _ in range(20):
        # the signal has built up
        orders = caller.step(table)
    traded = usd(table, orders[:, c.QUANTITY])[0]
    side = 0.2 if isinstance(behaviour, DipBuyer) else -0.3
    assert traded == pytest.approx(side * DEPTH * (1 - np.exp(-0.1 * step)))
    table[0, [c.STANDING_BID, c.STANDING_ASK]] = 0.0
    assert not caller.step(table)[:, c.QUANTITY].any()
