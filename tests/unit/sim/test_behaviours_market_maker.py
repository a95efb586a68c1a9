"""Makers: what cuts their willingness, how fast, and what does not."""

from __future__ import annotations

import numpy as np
import pytest

from market_floor import DEPTH, Caller, make_floor, make_table, set_price, with_step
from seawall.core import InputError
from seawall.core import _columns as c
from seawall.sim.behaviours.market_maker import MarketMaker

CALM_STEP = 0.05 / np.sqrt(86_400)


def walk(maker: MarketMaker, sd: float, seconds: int = 1800, step: float = 1.0, seed: int = 2):
    """Willingness of the first market by second, under a random walk of the mid."""
    floor = with_step(make_floor(steps=seconds), step)
    caller, table = Caller(maker.act(floor), floor), make_table(floor)
    rng = np.random.default_rng(seed)
    fine = rng.normal(0, sd * np.sqrt(0.5), 2 * seconds).reshape(floor.steps, -1).sum(axis=1)
    out = []
    for move in fine:
        set_price(table, 0, table[0, c.MID] * np.exp(move))
        caller.step(table)
        out.append(table[0, c.WILL])
    return np.array(out)


def test_calm_makers_stay() -> None:
    assert walk(MarketMaker(), 0.3 * CALM_STEP).min() > 0.99


def test_willingness_falls_as_a_power_of_volatility() -> None:
    will = {}
    for times in (3.0, 9.0):
        maker = MarketMaker(withdrawal=1.0, floor=0.0, watch=300.0, leave=300.0, recovery=300.0)
        will[times] = walk(maker, times * CALM_STEP, 20_000)[2_000:].mean()
    assert will[3.0] == pytest.approx(1 / 3, rel=0.2)
    assert will[9.0] == pytest.approx(1 / 9, rel=0.2)
    assert walk(MarketMaker(withdrawal=0.0), 9 * CALM_STEP).min() > 0.999


def test_half_steps_give_the_same_path() -> None:
    whole = walk(MarketMaker(), 6 * CALM_STEP, step=1.0)
    half = walk(MarketMaker(), 6 * CALM_STEP, step=0.5)[1::2]
    assert np.abs(whole - half).mean() < 0.02
    assert whole.mean() == pytest.approx(half.mean(), rel=0.05)


def test_a_calm_level_may_differ_by_asset() -> None:
    floor = make_floor()
    maker = MarketMaker(withdrawal=1.0, asset_volatility={"ETH": 0.5})
    caller, table = Caller(maker.act(floor), floor), make_table(floor)
    rng = np.random.default_rng(1)
    for _ in range(600):
        table[:, c.MID] *= np.exp(rng.normal(0, 5 * CALM_STEP))
        caller.step(table)
    btc, eth = table[0, c.WILL], table[1, c.WILL]
    assert btc < 0.5
    assert eth > 0.99


def test_they_leave_quickly_and_come_back_slowly() -> None:
    floor = make_floor()
    maker = MarketMaker(withdrawal=1.0, leave=5.0, recovery=1000.0, watch=5.0, loss=1e6)
    caller, table = Caller(maker.act(floor), floor), make_table(floor)
    caller.step(table)
    set_price(table, 0, table[0, c.MID] * 0.9)
    for _ in range(30):
        caller.step(table)
    low = table[0, c.WILL]
    assert low < 0.1
    for _ in range(200):
        caller.step(table)
    back = table[0, c.WILL]
    assert 0.1 < back < 0.3
    np.testing.assert_allclose(table[1:, c.WILL], 1.0)


def test_recovery_takes_the_time_asked_for() -> None:
    floor = make_floor()
    caller = Caller(MarketMaker(recovery=100.0).act(floor), floor)
    table = make_table(floor)
    table[0, c.WILL] = 0.2
    for _ in range(100):
        caller.step(table)
    assert table[0, c.WILL] == pytest.approx(1 - 0.8 * np.exp(-1), rel=1e-9)


@pytest.mark.parametrize("side", [-1.0, 1.0])
@pytest.mark.parametrize("inverse", [False, True])
def test_unhedged_inventory_of_either_sign_drives_them_out(side: float, inverse: bool) -> None:
    floor = make_floor(inverse=("alpha",) if inverse else ())
    maker = MarketMaker(inventory=2.0, hedge=600.0, floor=0.05, leave=0.0)
    caller, table = Caller(maker.act(floor), floor), make_table(floor)
    price = 1.0 if inverse else table[0, c.MID]
    table[0, c.MAKER_HELD] = side * 50 * DEPTH / price
    caller.step(table)
    assert table[0, c.WILL] == 1.0, "what they hold at the start is hedged"

    def bear(load: float) -> float:
        quantity = side * load * DEPTH / price
        table[0, c.MAKER_HELD] += quantity
        # the cash of an inverse market is in the coin
        flow = quantity / table[0, c.MID] if inverse else -quantity * table[0, c.MID]
        table[0, c.MAKER_CASH] += flow
        caller.step(table)
        return float(table[0, c.WILL])

    kept = np.exp(-1 / 600)
    assert bear(1.0) == pytest.approx(0.05 + 0.95 * (1 - kept / 2), abs=1e-6)
    assert bear(3.0) == pytest.approx(0.05)
    maker_gone = table[0, c.WILL]
    for _ in range(3600):
        caller.step(table)
    assert table[0, c.WILL] > maker_gone + 0.5, "inventory is laid off in time"


@pytest.mark.parametrize("inverse", [False, True])
def test_losses_on_what_is_not_hedged_count_and_those_of_hedged_do_not(inverse: bool) -> None:
    floor = make_floor(inverse=("alpha",) if inverse else ())
    maker = MarketMaker(withdrawal=0.0, inventory=1e6, hedge=1e5, loss=0.2, leave=0.0, floor=0.0)
    table = make_table(floor)
    price = 1.0 if inverse else table[0, c.MID]
    table[0, c.MAKER_HELD] = DEPTH / price
    hedged = Caller(maker.act(floor), floor)
    hedged.step(table)
    mid = table[0, c.MID]
    set_price(table, 0, 0.9 * mid)
    hedged.step(table)
    assert table[0, c.WILL] == pytest.approx(1.0, abs=1e-3)

    table = make_table(floor)
    open_ = Caller(maker.act(floor), floor)
    open_.step(table)
    table[0, c.MAKER_HELD] = DEPTH / price
    table[0, c.MAKER_CASH] = DEPTH / mid if inverse else -DEPTH
    open_.step(table)
    assert table[0, c.WILL] == pytest.approx(1.0, abs=1e-3)
    set_price(table, 0, 0.9 * mid)
    open_.step(table)
    # a loss of a tenth of the depth, half of what they bear
    assert table[0, c.WILL] == pytest.approx(0.5, abs=0.01)


def test_disclosed_clusters_make_wary_makers_pull_back() -> None:
    floor = make_floor()
    wary, bold = make_table(floor), make_table(floor)
    wary[0, c.LONGS_NEAR] = bold[0, c.LONGS_NEAR] = 3 * DEPTH
    Caller(MarketMaker(wariness=1.0, leave=0.0, floor=0.0).act(floor), floor).step(wary)
    Caller(MarketMaker(leave=0.0).act(floor), floor).step(bold)
    assert wary[0, c.WILL] == pytest.approx(0.25)
    assert bold[0, c.WILL] == 1.0


def test_the_cap_of_a_shock_holds_at_once() -> None:
    floor = make_floor()
    caller, table = Caller(MarketMaker(leave=1e4).act(floor), floor), make_table(floor)
    table[:, c.WILL_CAP] = 0.3
    caller.step(table)
    assert (table[:, c.WILL] == 0.3).all()


def test_willingness_stays_between_its_floor_and_one() -> None:
    rng = np.random.default_rng(4)
    floor = make_floor()
    caller, table = Caller(MarketMaker(floor=0.02).act(floor), floor), make_table(floor)
    for _ in range(500):
        table[:, c.MID] *= np.exp(rng.normal(0, 0.05, len(floor)))
        table[:, c.MAKER_HELD] += rng.normal(0, 100, len(floor))
        caller.step(table)
        assert (table[:, c.WILL] >= 0.02 - 1e-12).all()
        assert (table[:, c.WILL] <= 1.0).all()


@pytest.mark.parametrize("value", [0.0, -0.1, 11.0, np.nan])
def test_a_calm_level_out_of_range_is_refused(value: float) -> None:
    with pytest.raises(InputError, match=r"asset_volatility\.BTC: volatility out of range"):
        MarketMaker(asset_volatility={"BTC": value}).act(make_floor())
