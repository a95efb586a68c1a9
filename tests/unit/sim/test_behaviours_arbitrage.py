"""Arbitrage between venues and the funding trade: balance, limits, unwinding."""

from __future__ import annotations

import numpy as np
import pytest

from market_floor import DEPTH, Caller, make_floor, make_table, set_price, usd
from seawall.core import InputError
from seawall.core import _columns as c
from seawall.sim.behaviours.arbitrageur import Arbitrageur
from seawall.sim.behaviours.funding_trader import FundingTrader

# rows of the floor: alpha BTC, alpha ETH, beta BTC, beta ETH, spot BTC, spot ETH
FREE = {"edge": 0.0, "pace": 0.0, "capital": 1e6}


def gap(factor: float, row: int = 0, **floor_fields):
    floor = make_floor(**floor_fields)
    table = make_table(floor)
    set_price(table, row, factor * table[row, c.MID])
    return floor, table


@pytest.mark.parametrize("factor", [0.95, 1.05])
def test_buys_the_cheap_and_sells_the_dear_in_balance(factor: float) -> None:
    floor, table = gap(factor)
    orders = Caller(Arbitrageur(**FREE).act(floor), floor).step(table)
    traded = usd(table, orders[:, c.QUANTITY])
    assert np.sign(traded[0]) == np.sign(1 - factor)
    assert (np.sign(traded[[2, 4]]) == -np.sign(traded[0])).all()
    assert abs(traded.sum()) < 1e-6 * np.abs(traded).sum()
    assert not traded[[1, 3, 5]].any(), "the other asset has no gap"


@pytest.mark.parametrize("factor", [0.95, 1.05])
def test_a_linear_book_is_brought_to_one_price(factor: float) -> None:
    floor, table = gap(factor)
    table[0, [c.STANDING_BID, c.STANDING_ASK, c.NEXT_BID, c.NEXT_ASK]] = DEPTH / 4
    orders = Caller(Arbitrageur(**FREE).act(floor), floor).step(table)
    rows = [0, 2, 4]
    traded = usd(table, orders[:, c.QUANTITY])[rows]
    depth = np.array([0.25, 1.0, 1.0]) * DEPTH / 0.01
    after = np.log(table[rows, c.MID]) + traded / depth
    np.testing.assert_allclose(after, after[0], atol=1e-9)
    # independent: the mean of log prices weighted with depth
    goal = (np.log(table[rows, c.MID]) * depth).sum() / depth.sum()
    assert after[0] == pytest.approx(goal, abs=1e-9)
    assert orders[0, c.LIMIT] == pytest.approx(np.exp(goal), rel=1e-9)


def test_costs_leave_a_gap_open() -> None:
    floor, table = gap(0.998)
    table[:, c.FEE] = 0.0005
    assert not Caller(Arbitrageur(**(FREE | {"edge": 0.0006})).act(floor), floor).step(table).any()
    orders = Caller(Arbitrageur(**(FREE | {"edge": 0.0001})).act(floor), floor).step(table)
    rows = [0, 2, 4]
    after = np.log(table[rows, c.MID]) + usd(table, orders[:, c.QUANTITY])[rows] * 0.01 / DEPTH
    assert after[1] - after[0] == pytest.approx(2 * 0.0006, abs=1e-8)


def test_a_spread_counts_as_a_cost() -> None:
    floor, table = gap(0.998)
    table[0, c.ASK] *= 1.003
    assert not Caller(Arbitrageur(**FREE).act(floor), floor).step(table).any()


def test_an_empty_side_is_not_traded() -> None:
    floor, table = gap(0.95)
    table[2, [c.BID, c.STANDING_BID, c.NEXT_BID]] = 0.0
    orders = Caller(Arbitrageur(**FREE).act(floor), floor).step(table)
    assert orders[2, c.QUANTITY] == 0
    assert orders[4, c.QUANTITY] < 0
    table[4, [c.BID, c.STANDING_BID, c.NEXT_BID]] = 0.0
    assert not Caller(Arbitrageur(**FREE).act(floor), floor).step(table).any()


def test_a_venue_that_is_down_has_no_say() -> None:
    floor, table = gap(0.95)
    table[0, c.SESSION] = c.DOWN
    assert not Caller(Arbitrageur(**FREE).act(floor), floor).step(table).any()


def test_pace_scales_with_the_step() -> None:
    behaviour = Arbitrageur(**(FREE | {"pace": 2.0}))
    left = []
    for step, steps in ((1.0, 1), (0.5, 2), (0.1, 10)):
        floor, table = gap(0.98, step=step)
        caller = Caller(behaviour.act(floor), floor)
        for _ in range(steps):
            orders = caller.step(table)
            move = usd(table, orders[:, c.QUANTITY]) * 0.01 / DEPTH
            for row in range(len(floor)):
                set_price(table, row, table[row, c.MID] * np.exp(move[row]))
        left.append(np.log(table[4, c.MID] / table[0, c.MID]))
    np.testing.assert_allclose(left, -np.log(0.98) * np.exp(-0.5), rtol=0.01)


def test_capital_limits_what_is_held() -> None:
    floor, table = gap(0.9)
    behaviour = Arbitrageur(capital=0.1, leverage=2.0, edge=0.0, pace=1.0)
    caller = Caller(behaviour.act(floor), floor)
    caller.run(table, 50)
    gross = np.abs(usd(table, caller.held)).sum()
    assert gross == pytest.approx(2.0 * 0.1 * 6 * DEPTH, rel=1e-6)
    assert not caller.step(table)[:, c.QUANTITY].any()


def test_losses_shrink_the_capital_and_force_it_to_cut() -> None:
    floor, table = gap(0.98)
    behaviour = Arbitrageur(capital=0.1, leverage=10.0, edge=0.0, pace=1.0, unwind=100.0)
    caller = Caller(behaviour.act(floor), floor)
    caller.run(table, 30)
    before = usd(table, caller.held)
    assert before[0] > 0
    set_price(table, 0, 0.96 * 100_000)
    orders = caller.step(table)
    traded = usd(table, orders[:, c.QUANTITY])
    assert traded[0] < 0, "the wider gap pays more, and yet it has to sell"
    assert (np.sign(traded[[2, 4]]) == 1).all()
    assert orders[0, c.LIMIT] == 0
    held = usd(table, caller.held)
    capital = 0.1 * 6 * DEPTH + caller.cash.sum() + held.sum()
    gross = np.abs(held).sum()
    share = (1 - np.exp(-1 / 100)) * (gross - 10 * capital) / gross
    np.testing.assert_allclose(traded, -held * share, rtol=1e-9)


def test_it_unwinds_when_the_gap_has_closed() -> None:
    floor, table = gap(0.98)
    caller = Caller(Arbitrageur(edge=0.0005, unwind=10.0, most=1000.0).act(floor), floor)
    caller.run(table, 5)
    held = caller.held.copy()
    assert held[0] > 0
    set_price(table, 0, 100_000.0)
    caller.run(table, 10)
    np.testing.assert_allclose(caller.held, held * np.exp(-1), rtol=1e-9)
    profit = caller.cash.sum() + usd(table, caller.held).sum()
    assert profit > 0


def test_an_inverse_contract_is_traded_in_face_value() -> None:
    linear, table = gap(0.95)
    coin, coin_table = gap(0.95, inverse=("alpha",))
    a = Caller(Arbitrageur(**FREE).act(linear), linear).step(table)
    b = Caller(Arbitrageur(**FREE).act(coin), coin).step(coin_table)
    np.testing.assert_allclose(usd(table, a[:, 0]), usd(coin_table, b[:, 0]), rtol=1e-9)
    assert b[0, c.QUANTITY] == pytest.approx(a[0, c.QUANTITY] * table[0, c.MID])


def test_only_what_is_named_is_arbitraged() -> None:
    floor, table = gap(0.95)
    two = Caller(Arbitrageur(venues=("alpha", "beta"), **FREE).act(floor), floor).step(table)
    assert two[0, c.QUANTITY] > 0
    assert two[2, c.QUANTITY] < 0
    assert not two[4].any()
    other = Caller(Arbitrageur(assets=("ETH",), **FREE).act(floor), floor).step(table)
    assert not other.any()


# --- funding ------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [0.002, -0.002])
def test_takes_the_side_that_receives_with_spot_against_it(rate: float) -> None:
    floor = make_floor()
    table = make_table(floor)
    table[0, c.RATE] = rate
    caller = Caller(FundingTrader(capacity=1.0, full=0.003).act(floor), floor)
    caller.run(table, 20_000)
    held = usd(table, caller.held)
    assert held[0] == pytest.approx(-np.sign(rate) * DEPTH, rel=1e-3), "longs pay if the rate > 0"
    assert held[4] == pytest.approx(-held[0])
    assert not held[[1, 2, 3, 5]].any()


def test_a_rate_is_judged_a_day_and_grows_the_holding_straight() -> None:
    floor = make_floor()
    table = make_table(floor)
    table[0, c.RATE], table[2, c.RATE] = 0.0006, 0.000075
    table[2, c.FUNDING_EVERY] = 3600.0
    caller = Caller(FundingTrader(begin=0.0006, full=0.003, capacity=2.0).act(floor), floor)
    caller.run(table, 40_000)
    held = usd(table, caller.held)
    assert held[0] == pytest.approx(-2 * DEPTH * 0.5, rel=1e-3)
    assert held[2] == pytest.approx(held[0], rel=1e-3)
    assert held[4] == pytest.approx(-held[0] - held[2])


def test_small_rates_and_unborrowable_spot_are_left_alone() -> None:
    floor = make_floor()
    table = make_table(floor)
    table[:, c.RATE] = 0.0001
    assert not Caller(FundingTrader(begin=0.0006).act(floor), floor).step(table).any()
    table[:, c.RATE] = -0.01
    assert not Caller(FundingTrader(borrow=False).act(floor), floor).step(table).any()


def test_without_a_spot_market_nothing_is_done() -> None:
    floor = make_floor(spot=False)
    table = make_table(floor)
    table[:, c.RATE] = 0.01
    assert not Caller(FundingTrader().act(floor), floor).step(table).any()
    floor = make_floor()
    table = make_table(floor)
    table[:, c.RATE] = 0.01
    table[4, c.SESSION] = c.HALTED
    traded = Caller(FundingTrader().act(floor), floor).step(table)[:, c.QUANTITY]
    assert not traded[[0, 2, 4]].any()
    assert traded[[1, 3, 5]].all()


def test_a_leg_that_was_missed_is_made_up_for() -> None:
    floor = make_floor()
    table = make_table(floor)
    table[0, c.RATE] = 0.01
    caller = Caller(FundingTrader().act(floor), floor)
    orders = caller.step(table)
    orders[4, c.QUANTITY] = 0.0
    caller.fill(table, orders)
    again = caller.step(table)
    assert again[4, c.QUANTITY] == pytest.approx(-caller.held[0] - again[0, c.QUANTITY])


def test_the_spot_leg_of_an_inverse_contract_is_its_coins() -> None:
    floor = make_floor(inverse=("alpha",))
    table = make_table(floor)
    table[0, c.RATE] = 0.01
    orders = Caller(FundingTrader().act(floor), floor).step(table)
    assert orders[0, c.QUANTITY] < 0
    assert orders[4, c.QUANTITY] == pytest.approx(-orders[0, c.QUANTITY] / table[4, c.MID])


def test_half_steps_hold_the_same() -> None:
    held = []
    for step in (1.0, 0.5):
        floor = make_floor(step=step)
        table = make_table(floor)
        table[0, c.RATE] = 0.01
        caller = Caller(FundingTrader().act(floor), floor)
        caller.run(table, round(300 / step))
        held.append(caller.held.copy())
    np.testing.assert_allclose(held[0], held[1], rtol=1e-9)


def test_full_below_begin_is_refused() -> None:
    with pytest.raises(InputError, match="full: is full before it begins"):
        FundingTrader(begin=0.01, full=0.005).act(make_floor())
