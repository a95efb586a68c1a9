"""What leveraged traders are made to do: stops, calls, entries, cuts."""

from __future__ import annotations

import numpy as np
import pytest

from market_floor import Caller, make_floor, make_table, make_traders, set_price, with_step
from seawall.core import InputError
from seawall.core import _columns as c
from seawall.sim.behaviours.deleverager import Deleverager
from seawall.sim.behaviours.leveraged_retail import LeveragedRetail
from seawall.sim.behaviours.profit_taker import ProfitTaker

MANY = 20_000


def drawn(behaviour, count: int = MANY):
    traders = make_traders(make_floor(), count)
    behaviour.traders(traders, np.random.default_rng(1))
    return traders


def test_stops_lie_between_mark_and_bankruptcy_on_the_losing_side() -> None:
    traders = drawn(LeveragedRetail(stop_share=0.25, stop_near=0.3, stop_far=0.8))
    p = traders.book.positions
    has = ~np.isnan(traders.stop)
    assert has.mean() == pytest.approx(0.25, abs=0.02)
    way = np.sign(p.size) * (1 - traders.stop / p.mark) * p.leverage
    assert way[has].min() >= 0.3 - 1e-9
    assert way[has].max() <= 0.8 + 1e-9
    assert way[has].mean() == pytest.approx(0.55, abs=0.01)
    assert (traders.stop[has] > 0).all()


def test_a_stop_of_a_position_stays() -> None:
    traders = make_traders(make_floor())
    traders.stop[:50] = 123.0
    LeveragedRetail(stop_share=1.0).traders(traders, np.random.default_rng(1))
    assert (traders.stop[:50] == 123.0).all()
    assert not np.isnan(traders.stop).any()


def test_who_is_called_and_who_adds_how_much() -> None:
    traders = drawn(LeveragedRetail(call_at=0.7, topup_share=0.4, topup_size=0.5))
    assert (traders.call == 0.7).all()
    answers = traders.topup > 0
    assert answers.mean() == pytest.approx(0.4, abs=0.02)
    assert traders.topup[answers].mean() == pytest.approx(0.5, rel=0.05)
    assert not drawn(LeveragedRetail(topup_share=0.0)).topup.any()


def test_a_reserve_is_held_back_at_the_leverage_asked_for() -> None:
    traders = drawn(LeveragedRetail(reserve=0.3))
    dormant = traders.plan > 0
    assert dormant.mean() == pytest.approx(0.3, abs=0.02)
    np.testing.assert_allclose(traders.plan[dormant], traders.book.notional()[dormant])
    picked = drawn(LeveragedRetail(reserve=0.3, leverage=8.0, leverage_cap=50.0))
    np.testing.assert_array_equal(picked.plan > 0, dormant)
    leverage = picked.plan[dormant] / picked.equity[dormant]
    assert np.median(leverage) == pytest.approx(8.0, rel=0.05)
    assert np.log(leverage[leverage < 49]).std() == pytest.approx(0.78, rel=0.1)
    assert leverage.max() <= 50.0 + 1e-9


def test_one_share_does_not_move_the_luck_of_another() -> None:
    base = drawn(LeveragedRetail(stop_share=0.2, topup_share=0.3), 500)
    more = drawn(LeveragedRetail(stop_share=0.6, topup_share=0.3, reserve=0.4), 500)
    np.testing.assert_array_equal(base.topup, more.topup)
    has = ~np.isnan(base.stop)
    np.testing.assert_array_equal(base.stop[has], more.stop[has])


def entries(trend: float, seconds: int = 600, step: float = 1.0, **fields) -> np.ndarray:
    floor = with_step(make_floor(steps=seconds), step)
    behaviour = LeveragedRetail(reserve=0.5, **fields)
    caller, table = Caller(behaviour.act(floor), floor), make_table(floor)
    table[:, c.INTEREST] = 1000.0
    total = np.zeros(len(floor))
    for _ in range(floor.steps):
        set_price(table, 0, table[0, c.MID] * np.exp(trend * step))
        total += caller.step(table)[:, c.ENTRIES]
    return total


@pytest.mark.parametrize("way", [1.0, -1.0])
def test_entries_follow_the_trend(way: float) -> None:
    total = entries(way * 1e-3)
    assert way * total[0] > 0
    assert not total[1:].any()


def test_entries_at_a_full_trend_are_the_turnover() -> None:
    floor = make_floor()
    behaviour = LeveragedRetail(reserve=0.5, turnover=2.0, scale=0.01)
    caller, table = Caller(behaviour.act(floor), floor), make_table(floor)
    table[:, c.INTEREST] = 1000.0
    caller.step(table)
    set_price(table, 0, 110_000.0)
    orders = caller.step(table)
    assert orders[0, c.ENTRIES] == pytest.approx(2.0 * 1000.0 * 110_000.0 / 86_400)
    assert orders[0, c.QUANTITY] == 0


def test_half_steps_bring_the_same_entries() -> None:
    assert entries(1e-5)[0] == pytest.approx(entries(1e-5, step=0.5)[0], rel=0.01)


def test_without_a_reserve_nothing_has_to_be_asked() -> None:
    assert LeveragedRetail().act(make_floor()) is None
    assert LeveragedRetail(reserve=0.1, turnover=0).act(make_floor()) is None


def test_ranges_upside_down_are_refused() -> None:
    with pytest.raises(InputError, match="stop_far: range of stops upside down"):
        LeveragedRetail(stop_near=0.5, stop_far=0.4).act(make_floor())
    with pytest.raises(InputError, match="highest: range of leverage upside down"):
        Deleverager(lowest=3, highest=1).act(make_floor())


def test_a_share_of_accounts_cuts_after_the_loss_to_a_level_within_bounds() -> None:
    traders = drawn(Deleverager(share=0.35, loss=0.4, lowest=1.0, highest=3.0))
    cuts = traders.cut_at > 0
    assert cuts.mean() == pytest.approx(0.35, abs=0.02)
    assert (traders.cut_at[cuts] == 0.6).all()
    assert traders.cut_to[cuts].min() >= 1.0
    assert traders.cut_to[cuts].max() <= 3.0
    assert traders.cut_to[cuts].mean() == pytest.approx(2.0, abs=0.05)
    assert Deleverager().act(make_floor()) is None


def test_more_who_cut_include_those_who_cut_before() -> None:
    few, many = drawn(Deleverager(share=0.1)), drawn(Deleverager(share=0.5))
    chosen = few.cut_at > 0
    np.testing.assert_array_equal(many.cut_to[chosen], few.cut_to[chosen])
    assert (many.cut_at[chosen] > 0).all()


def test_an_account_is_meant_by_any_of_its_positions() -> None:
    floor = make_floor()
    traders = make_traders(floor)
    Deleverager(share=1.0, assets=("ETH",)).traders(traders, np.random.default_rng(1))
    holds = {
        int(a)
        for a, i in zip(
            traders.book.positions.account, traders.book.positions.instrument, strict=True
        )
        if traders.book.instruments[int(i)].asset == "ETH"
    }
    assert set(np.flatnonzero(traders.cut_at > 0)) == holds


def asked_to_leave(move: float, seconds: int, step: float = 1.0, **fields) -> np.ndarray:
    """Quantity by market that is to close after one market has moved at once, in the log."""
    floor = with_step(make_floor(steps=seconds), step)
    fields = {"share": 0.4, "begin": 0.02, "full": 0.1, "pace": 20.0, "most": 1000.0} | fields
    caller, table = Caller(ProfitTaker(memory=1e6, **fields).act(floor), floor), make_table(floor)
    table[:, c.INTEREST] = 100.0
    total = caller.step(table)[:, c.EXITS]
    set_price(table, 0, table[0, c.MID] * np.exp(move))
    for _ in range(floor.steps):
        total += caller.step(table)[:, c.EXITS]
    return total


@pytest.mark.parametrize("way", [1.0, -1.0])
def test_the_part_of_a_move_is_the_part_of_the_share_that_closes(way: float) -> None:
    begin, full = -np.log(0.98), -np.log(0.9)
    part = (0.06 - begin) / (full - begin)
    found = asked_to_leave(way * 0.06, 400)
    # shorts are bought back after a fall, longs sold after a rise
    assert found[0] == pytest.approx(-way * 0.4 * 100.0 * part, rel=2e-3)
    assert not found[1:].any()
    assert not asked_to_leave(way * 0.019, 400).any()
    assert abs(asked_to_leave(way * 0.5, 400)[0]) == pytest.approx(0.4 * 100.0, rel=1e-6)


def test_who_closed_does_not_close_again_and_half_steps_ask_the_same() -> None:
    floor = make_floor(steps=10)
    kind = ProfitTaker(share=0.4, begin=0.02, full=0.1, pace=1.0, most=1000.0, memory=1e6)
    caller, table = Caller(kind.act(floor), floor), make_table(floor)
    table[:, c.INTEREST] = 100.0
    caller.step(table)
    total = 0.0
    for price in (85_000.0, 99_000.0, 85_000.0):
        set_price(table, 0, price)
        total += sum(caller.step(table)[0, c.EXITS] for _ in range(40))
    assert total == pytest.approx(0.4 * 100.0, rel=1e-6)
    whole, half = (asked_to_leave(-0.06, 10, step)[0] for step in (1.0, 0.5))
    assert half == pytest.approx(whole, rel=0.06)


def test_no_more_closes_at_once_than_the_book_bears() -> None:
    found = asked_to_leave(-0.5, 1, most=0.05, pace=1.0)
    # as many as the dollars within 1% pay for at the fallen price
    price = 100_000.0 * np.exp(-0.5)
    assert found[0] * price == pytest.approx(1e7 * (1 - np.exp(-0.05)))


def test_a_volatile_asset_waits_for_more() -> None:
    multiples = {"BTC": 3.0}
    assert not asked_to_leave(-0.06, 50, multiples=multiples).any()
    assert asked_to_leave(-0.18, 400, multiples=multiples)[0] == pytest.approx(
        asked_to_leave(-0.06, 400)[0], rel=1e-9
    )


def test_a_share_of_positions_has_a_turn_and_more_include_them() -> None:
    few, many = drawn(ProfitTaker(share=0.2)), drawn(ProfitTaker(share=0.5))
    willing = ~np.isnan(few.turn)
    assert willing.mean() == pytest.approx(0.2, abs=0.02)
    np.testing.assert_array_equal(many.turn[willing], few.turn[willing])
    assert len(np.unique(few.turn[willing])) == willing.sum()
    assert ProfitTaker(share=0.0).act(make_floor()) is None
    with pytest.raises(InputError, match="all have closed before it begins"):
        ProfitTaker(begin=0.1, full=0.05).act(make_floor())
    with pytest.raises(InputError, match=r"multiples\.BTC: out of range"):
        ProfitTaker(multiples={"BTC": 0.0}).act(make_floor())
