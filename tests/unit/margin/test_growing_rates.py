"""A rate that grows with the size (Deribit): by hand, along directions, and what it refuses."""

from __future__ import annotations

import dataclasses
import math
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from oracles import margin as oracle
from oracles.scenes import Contract, Leg, Purse, Scene, bound, one_leg
from oracles.venues import CONTRACTS, DERIBIT_BTC, DERIBIT_SOL, TERMS
from seawall.core import (
    InputError,
    MaintenanceBasis,
    MarginSchedule,
    MarginTerms,
    RuleError,
    TierUnit,
    VenueTerms,
)
from seawall.margin import isolated_liquidation_prices, isolated_states

COIN = Contract("BTC", True, 1.0, table=DERIBIT_BTC)
SOL = Contract("SOL", False, 1.0, table=DERIBIT_SOL)
ETH = CONTRACTS["deribit"][3]
DERIBIT = TERMS["deribit"]


def test_the_margins_that_deribit_prints() -> None:
    # Deribit help, Linear Perpetual: 25 SOL at 200 ask 200.625 and 100.625, 6,000 ask 84,000
    few = one_leg(25.0, 200.0, 200.0, 1e3, contract=SOL, leverage=25.0)
    many = one_leg(6000.0, 200.0, 200.0, 1e6, contract=SOL, leverage=25.0)
    assert few.maintenance()[0] == pytest.approx(100.625, rel=1e-14)
    assert few.initial()[0] == pytest.approx(200.625, rel=1e-14)
    assert many.initial()[0] == pytest.approx(84_000.0, rel=1e-14)


def test_the_root_of_an_inverse_position_by_hand() -> None:
    # 4 m USD long from 50,000 is 80 BTC: 20 BTC back it; k S^2 + (1 + MM0) S = 20 + 80
    book = one_leg(4e6, 5e4, 5e4, 20.0, contract=COIN)
    coins = (-1.01 + math.sqrt(1.01**2 + 4 * 5e-5 * 100)) / (2 * 5e-5)
    assert book.liquidation_price()[0] == pytest.approx(4e6 / coins, rel=1e-13)
    assert book.need()[0] == pytest.approx(80 * (0.01 + 80 * 5e-5), rel=1e-13)


def test_without_growth_the_lines_are_straight() -> None:
    flat = dataclasses.replace(COIN, table=dataclasses.replace(DERIBIT_BTC, growth=0.0))
    tiny = dataclasses.replace(COIN, table=dataclasses.replace(DERIBIT_BTC, growth=1e-18))
    for size in (4e6, -4e6):
        a, b = (one_leg(size, 5e4, 5e4, 20.0, contract=c) for c in (flat, tiny))
        assert a.liquidation_price()[0] == pytest.approx(b.liquidation_price()[0], rel=1e-12)
        assert a.need()[0] == pytest.approx(b.need()[0], rel=1e-12)


def test_a_hedged_short_falls_only_where_its_coins_multiply() -> None:
    short = one_leg(-4e6, 5e4, 5e4, 100.0, contract=COIN).liquidation_price()[0]
    coins = (0.99 + math.sqrt(0.99**2 + 4 * 5e-5 * 20)) / (2 * 5e-5)
    assert short == pytest.approx(4e6 / coins, rel=1e-12)
    # 99% of the price is gone by then
    assert short < 5e4 * 0.01


def test_a_short_that_no_price_lets_stand_has_no_liquidation_price() -> None:
    book = one_leg(-1e9, 5e4, 1.0, -1e5, contract=COIN)
    assert math.isnan(book.liquidation_price()[0])
    assert book.accounts_state().liquidatable[0]


usd = st.floats(1, 9).map(lambda x: 10**x)
sides = st.sampled_from([1.0, -1.0])


@st.composite
def accounts(draw: st.DrawFn) -> Scene:
    """A cross account: BTC in coin, ETH in coin, or linear; of one leg or several."""
    coin = draw(st.sampled_from([(2, 4), (3,), (0, 1)]))
    contracts = CONTRACTS["deribit"]
    scene = Scene(contracts, (DERIBIT,), [Purse(0, 0, False, 0.0)])
    value = 0.0
    for _ in range(draw(st.integers(1, 3))):
        k = draw(st.sampled_from(coin))
        price = {"BTC": 86_600.0, "ETH": 2_830.0, "SOL": 131.5}[contracts[k].asset]
        dollars, entry = draw(usd), price * draw(st.floats(0.8, 1.2))
        size = draw(sides) * (dollars if contracts[k].inverse else dollars / price)
        scene.legs.append(Leg(0, k, size, entry, price))
        value += dollars / price if contracts[k].inverse else dollars
    scene.purses[0].balance = value * draw(st.floats(0.005, 2.0))
    return scene


def marked(scene: Scene, factor: dict[str, float]) -> Scene:
    legs = [
        dataclasses.replace(x, mark=x.mark * factor.get(scene.contracts[x.contract].asset, 1.0))
        for x in scene.legs
    ]
    return dataclasses.replace(scene, legs=legs)


def excess(scene: Scene) -> tuple[float, float]:
    """Equity less maintenance in Decimal, and the size of the sums."""
    p = [oracle.Position(x, scene.contracts[x.contract], 0.0) for x in scene.legs]
    wallet = Decimal(scene.purses[0].balance)
    have = wallet + sum((x.upnl(x.mark) for x in p), Decimal(0))
    need = sum((oracle.maintenance("deribit", x) for x in p), Decimal(0))
    gross = sum((x.value(x.mark) + x.value(x.ep) for x in p), abs(wallet)) + need
    return float(have - need), float(gross)


@given(accounts())
def test_at_its_liquidation_price_equity_meets_maintenance(scene: Scene) -> None:
    prices = bound(scene).liquidation_price()
    for leg, price in zip(scene.legs, prices, strict=True):
        if math.isnan(price) or not 1e-5 < price / leg.mark < 1e5:
            continue
        legs = [
            dataclasses.replace(x, mark=price) if x.contract == leg.contract else x
            for x in scene.legs
        ]
        left, gross = excess(dataclasses.replace(scene, legs=legs))
        assert abs(left) <= 1e-10 * gross


@given(accounts(), st.sampled_from([1.0, -1.0]))
def test_no_price_before_the_joint_distance_fells_it(scene: Scene, way: float) -> None:
    direction = dict.fromkeys(scene.assets, way)
    distance = bound(scene).joint_liquidation(direction)[0]
    now, gross = excess(scene)
    if distance == 0.0:
        assert now <= 1e-12 * gross
        return
    end = 0.9999 if way < 0 else 1e3
    far = end if math.isnan(distance) else min(distance, end)
    for share in (0.0, 0.2, 0.7, 0.999):
        move = dict.fromkeys(scene.assets, 1 + way * far * share)
        left, gross = excess(marked(scene, move))
        assert left > -1e-11 * gross
    if distance <= end:
        left, gross = excess(marked(scene, dict.fromkeys(scene.assets, 1 + way * distance)))
        assert abs(left) <= 1e-10 * gross


@given(accounts(), st.floats(0.2, 5.0))
def test_remarking_is_marking_anew(scene: Scene, factor: float) -> None:
    book = bound(scene)
    fast = book.remarked(np.full(len(book.book.assets), factor))
    slow = bound(marked(scene, dict.fromkeys(scene.assets, factor))).accounts_state()
    _, gross = excess(marked(scene, dict.fromkeys(scene.assets, factor)))
    np.testing.assert_allclose(fast.equity, slow.equity, rtol=1e-12, atol=1e-12 * gross)
    np.testing.assert_allclose(fast.maintenance, slow.maintenance, rtol=1e-12)


@given(usd, sides, st.floats(0.05, 1.5))
def test_alone_and_in_a_cross_account_it_falls_at_one_price(
    dollars: float, side: float, share: float
) -> None:
    size = side * dollars
    alone = one_leg(size, 5e4, 5e4, share * dollars / 5e4, contract=COIN)
    assume(not alone.accounts_state().liquidatable[0])
    # the same position in two halves takes the way of cross accounts
    halves = Scene((COIN,), (DERIBIT,), [Purse(0, 0, False, share * dollars / 5e4)])
    bent = dataclasses.replace(COIN, table=dataclasses.replace(DERIBIT_BTC, growth=1e-4))
    halves = dataclasses.replace(halves, contracts=(bent,))
    halves.legs += [Leg(0, 0, size / 2, 5e4, 5e4), Leg(0, 0, size / 2, 5e4, 5e4)]
    # twice the growth on half the size, twice: the same requirement
    a, b = alone.liquidation_price()[0], bound(halves).liquidation_price()[0]
    assert bound(halves).accounts_state().maintenance[0] == pytest.approx(alone.need()[0])
    if math.isnan(a) or not 1e-6 < a / 5e4 < 1e6:
        return
    assert b == pytest.approx(a, rel=1e-9)


def test_balances_are_implied_with_the_growth() -> None:
    scene = Scene((COIN,), (DERIBIT,), [Purse(0, 0, True)], [Leg(0, 0, 4e6, 5e4, 5e4, 50.0)])
    assert bound(scene).balance[0] == pytest.approx(80 * (0.02 + 80 * 5e-5), rel=1e-13)


def test_where_no_leverage_is_given_the_initial_margin_is_the_schedules() -> None:
    book = one_leg(4e6, 5e4, 5e4, 20.0, contract=COIN, isolated=False)
    assert np.isnan(book.initial()[0])
    stated = dataclasses.replace(book.schedules[0], max_leverage=np.array([50.0]))
    known = dataclasses.replace(book, schedules=(stated,))
    assert known.initial()[0] == pytest.approx(80 * (0.02 + 80 * 5e-5), rel=1e-13)


def test_what_has_no_meaning_is_refused() -> None:
    one = np.array([0.0])
    rate, none = np.array([0.01]), np.array([np.nan])
    for bad in (
        lambda: MarginSchedule.flat(0.01, growth=-1e-5),
        lambda: MarginSchedule.flat(0.01, growth=math.nan),
        lambda: MarginSchedule(one, rate, one, none, TierUnit.CONTRACTS, growth=1e-5),
        lambda: MarginSchedule(
            np.array([0.0, 1.0]), np.array([0.01, 0.02]), np.zeros(2), np.zeros(2), growth=1e-5
        ),
    ):
        with pytest.raises(RuleError, match="grow"):
            bad()
    entry = VenueTerms("e", "E", MarginTerms(maintenance_basis=MaintenanceBasis.ENTRY))
    with pytest.raises(RuleError, match="entry price"):
        one_leg(1.0, 5e4, 5e4, 1e4, contract=COIN, terms=entry).need()
    bent, column = MarginSchedule.flat(0.01, growth=1e-5), np.ones(3)
    with pytest.raises(InputError, match="grows"):
        isolated_liquidation_prices(column, column, column, bent)
    with pytest.raises(InputError, match="grows"):
        isolated_states(column, column, column, column, column, bent)
