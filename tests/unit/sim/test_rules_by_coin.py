"""What differs from coin to coin by rule: contagion, dip buyers, leverage, level width."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from market_floor import DEPTH, VOLUME, Caller, make_floor, make_table, set_price, usd
from seawall.core import InputError
from seawall.core import _columns as c
from seawall.rulebook import bind
from seawall.sim.behaviours.dip_buyer import DipBuyer
from seawall.sim.behaviours.market_maker import MarketMaker
from seawall.sim.population.october import october_2025, october_mix
from seawall.sim.scenario import load_scenario
from seawall.sim.staging import stage
from unit.sim.small import SMALL, written


def after_losses_in_one_market(contagion: float) -> np.ndarray:
    """Willingness by market once the makers of the first one hold all they can bear."""
    floor = make_floor()
    maker = MarketMaker(
        contagion=contagion,
        floor=0.0,
        inventory=1.0,
        hedge=604_800.0,
        leave=0.0,
        calm_volatility=0.05,
        asset_volatility={"ETH": 0.1},
    )
    caller, table = Caller(maker.act(floor), floor), make_table(floor)
    caller.step(table)
    table[0, c.MAKER_HELD] = 0.75 * DEPTH / table[0, c.MID]
    caller.step(table)
    return table[:, c.WILL].copy()


def test_makers_hit_in_one_market_cut_everywhere_and_volatile_books_first() -> None:
    alone = after_losses_in_one_market(0.0)
    assert alone[0] == pytest.approx(0.25, rel=1e-4)
    assert (alone[1:] == 1.0).all()
    will = after_losses_in_one_market(2.0)
    mean = (0.25 + 5.0) / 6.0
    btc, eth = mean**2, mean**4
    assert will == pytest.approx([0.25 * btc, eth, btc, eth, btc, eth], rel=1e-4)


def test_makers_without_trouble_have_nothing_to_pass_on() -> None:
    floor = make_floor()
    caller, table = Caller(MarketMaker(contagion=5.0).act(floor), floor), make_table(floor)
    for _ in range(50):
        caller.step(table)
    assert (table[:, c.WILL] == 1.0).all()


def bought(behaviour: DipBuyer, fall: float) -> np.ndarray:
    """USD held by market, in units of the depth, long after BTC and ETH fell by a log distance."""
    floor = make_floor(venues=("alpha",), spot=False)
    caller, table = Caller(behaviour.act(floor), floor), make_table(floor)
    caller.step(table)
    for row in range(len(floor)):
        set_price(table, row, table[row, c.MID] * np.exp(-fall))
    caller.run(table, 3000)
    return usd(table, caller.held) / DEPTH


def test_dip_buyers_ask_for_more_where_the_multiple_says_so() -> None:
    plain = DipBuyer(begin=0.03, full=0.15, capital=2.0, memory=2.592e6, pace=30.0)
    double = plain.model_copy(update={"multiples": {"ETH": 2.0}})
    begin, full = -np.log1p(-0.03), -np.log1p(-0.15)
    for fall in (1.5 * begin, 2.5 * begin, 1.2 * full):
        want = [2.0 * np.clip((fall / k - begin) / (full - begin), 0, 1) for k in (1.0, 2.0)]
        assert bought(double, fall) == pytest.approx(want, abs=0.01)
        assert bought(plain, fall) == pytest.approx([want[0], want[0]], abs=0.01)


def test_capital_may_go_with_volume_as_well() -> None:
    behaviour = DipBuyer(capital=0.5, turnover=0.001, memory=2.592e6, pace=30.0)
    whole = 0.5 + 0.001 * VOLUME / DEPTH
    assert bought(behaviour, 0.5) == pytest.approx([whole, whole], rel=0.01)


@pytest.mark.parametrize("multiple", [0.0, -1.0, 101.0, float("nan")])
def test_a_multiple_out_of_range_is_refused(multiple: float) -> None:
    with pytest.raises(InputError, match=r"multiples\.ETH"):
        DipBuyer(multiples={"ETH": multiple}).act(make_floor())
    with pytest.raises(InputError, match="XRP"):
        DipBuyer(multiples={"XRP": 1.0}).act(make_floor())


def test_the_part_below_three_may_differ_by_venue() -> None:
    mix = replace(
        october_mix(), leverage_low_at={"hyperliquid": 0.1}, leverage_high_at={"hyperliquid": 0.5}
    )
    book = october_2025(share=0.05, mix=mix).book
    bound = bind(book)
    low = bound.effective_leverage()[book.positions.account] < 3
    wide = np.array([i.asset != "WLFI" for i in book.instruments])[book.positions.instrument]
    venue, notional = bound.venue_of_positions(), book.notional()
    for v, wanted in enumerate((0.36, 0.36, 0.36, 0.1)):
        mine = (venue == v) & wide
        found = notional[mine & low].sum() / notional[mine].sum()
        assert found == pytest.approx(wanted, abs=0.03)


def test_parts_that_sum_to_more_than_all_are_refused() -> None:
    mix = replace(october_mix(), leverage_low_at={"okx": 0.9})
    with pytest.raises(InputError, match=r"leverage_high_at\.okx"):
        october_2025(share=0.02, mix=mix)
    with pytest.raises(InputError, match="leverage_low_at"):
        october_2025(share=0.02, mix=replace(october_mix(), leverage_low_at={"htx": 0.2}))


def test_depth_may_differ_by_asset_and_then_by_market(tmp_path: Path) -> None:
    text = SMALL.replace(
        "[depth]\n",
        "[depth.assets]\nETH = { width = 0.001 }\n\n"
        '[depth.markets]\n"bybit:ETH" = { refill = 0.7 }\n\n[depth]\n',
    )
    depth = stage(load_scenario(written(tmp_path, text))).depth
    assert depth["bybit:ETH"].width == depth["spot:ETH"].width == 0.001
    assert (depth["bybit:ETH"].refill, depth["spot:ETH"].refill) == (0.7, 0.2)
    assert "bybit:BTC" not in depth
    wrong = text.replace("ETH = { width", "XRP = { width")
    with pytest.raises(InputError, match=r"depth\.assets\.XRP"):
        stage(load_scenario(written(tmp_path, wrong)))
