"""What must hold of margins whatever the book."""

from __future__ import annotations

import dataclasses
import math
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from oracles import margin as oracle
from oracles.scenes import Contract, Leg, Purse, Scene, bound, ladder, one_leg
from oracles.venues import CONTRACTS, MARGIN, PRICES, TERMS
from seawall.core import InputError, MarginSchedule, TickRule
from seawall.margin import MarginState

# a rate that grows with the size brings large positions down from either side: not those
# properties hold of Deribit, see tests/unit/margin/test_growing_rates.py
VENUES = [v for v in CONTRACTS if v != "deribit"]
LEVERAGES = st.sampled_from([1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 50.0])


@st.composite
def isolated(draw: st.DrawFn) -> tuple[str, Contract, Leg, float]:
    """A position opened at the mark with its initial margin or more, above maintenance."""
    venue = draw(st.sampled_from(VENUES))
    k = draw(st.integers(0, len(CONTRACTS[venue]) - 1))
    contract = CONTRACTS[venue][k]
    price = PRICES[contract.asset]
    usd = 10 ** draw(st.floats(0, 9))
    side = draw(st.sampled_from([1, -1]))
    leg = Leg(
        0,
        0,
        side * (usd if contract.inverse else usd / price),
        price * draw(st.floats(0.98, 1.02)),
        price,
        draw(LEVERAGES),
    )
    value = usd / leg.entry if contract.inverse else abs(leg.size) * leg.entry
    return venue, contract, leg, value / leg.leverage * draw(st.floats(1.0, 1.5))


def book_of(venue: str, contract: Contract, leg: Leg, balance: float):
    scene = Scene((contract,), (TERMS[venue],), [Purse(0, 0, True, balance)], [leg])
    return bound(scene)


@given(isolated())
def test_liquidation_is_on_the_losing_side_and_before_bankruptcy(case: tuple) -> None:
    venue, contract, leg, balance = case
    book = book_of(venue, contract, leg, balance)
    assume(not book.accounts_state().liquidatable[0])
    liquidation, bust = book.liquidation_price()[0], book.bankruptcy_price()[0]
    if leg.size > 0:
        if math.isnan(liquidation):
            assert math.isnan(bust)
        else:
            assert liquidation < leg.mark
            assert math.isnan(bust) or bust < liquidation
    else:
        # a short of 1x in coin never falls; where it falls it is bankrupt later or never
        assert math.isnan(liquidation) or liquidation > leg.mark
        if not math.isnan(bust):
            assert bust > liquidation


@given(isolated(), st.floats(1e-6, 2.0))
def test_adding_collateral_never_brings_liquidation_closer(case: tuple, more: float) -> None:
    venue, contract, leg, balance = case
    a = book_of(venue, contract, leg, balance).liquidation_price()[0]
    b = book_of(venue, contract, leg, balance * (1 + more)).liquidation_price()[0]
    if math.isnan(a):
        assert math.isnan(b)
    elif not math.isnan(b):
        assert (b - a) * math.copysign(1, leg.size) <= 1e-9 * a


@given(isolated())
def test_marked_at_its_liquidation_price_equity_meets_maintenance(case: tuple) -> None:
    venue, contract, leg, balance = case
    price = book_of(venue, contract, leg, balance).liquidation_price()[0]
    assume(not math.isnan(price))
    there = book_of(venue, contract, dataclasses.replace(leg, mark=price), balance)
    state = there.accounts_state()
    scale = there.lines.u[0] * abs(there.lines.z[0]) + balance
    assert abs(state.excess[0]) <= 1e-9 * scale


@given(isolated(), st.floats(1e-3, 1e3))
def test_a_change_of_currency_scales_prices(case: tuple, by: float) -> None:
    venue, contract, leg, balance = case
    if contract.inverse or contract.table.by_contracts:
        table = contract.table
    else:
        t = contract.table
        table = dataclasses.replace(
            t, floors=tuple(x * by for x in t.floors), cums=tuple(x * by for x in t.cums)
        )
    factor = by if contract.inverse else 1.0
    other = dataclasses.replace(contract, table=table, face=contract.face * factor)
    moved = dataclasses.replace(
        leg, size=leg.size * factor, entry=leg.entry * by, mark=leg.mark * by
    )
    here = book_of(venue, contract, leg, balance)
    there = book_of(venue, other, moved, balance * (1.0 if contract.inverse else by))
    for name in ("liquidation_price", "bankruptcy_price"):
        a, b = getattr(here, name)()[0], getattr(there, name)()[0]
        if math.isnan(a) or math.isnan(b) or a < 1e-7 * leg.mark or a > 1e7 * leg.mark:
            continue
        assert b == pytest.approx(a * by, rel=1e-7)
    ratio = here.printed_ratio()[0]
    if 1e-6 < abs(ratio) < 1e6:
        assert there.printed_ratio()[0] == pytest.approx(ratio, rel=1e-6)


@given(isolated())
def test_the_price_printed_follows_the_venues_rule(case: tuple) -> None:
    venue, contract, leg, balance = case
    book = book_of(venue, contract, leg, balance)
    raw, shown = book.liquidation_price()[0], book.printed_liquidation_price()[0]
    rule, tick = MARGIN[venue].tick_rule, contract.tick
    side = math.copysign(1, leg.size)
    if math.isnan(raw) or rule is TickRule.NONE:
        assert shown == raw or math.isnan(shown)
    elif rule is TickRule.ONE_TICK_TOWARD_MARK:
        assert shown == pytest.approx(raw + side * tick, rel=1e-14)
    else:
        steps = shown / tick
        assume(steps < 1e9)
        assert abs(steps - round(steps)) < 1e-6
        assert -1e-6 * tick <= (shown - raw) * side < tick * (1 + 1e-6)


# --- several positions in one account -----------------------------------------------------------


@st.composite
def crossed(draw: st.DrawFn) -> tuple[str, Scene]:
    """A cross account with one to four positions, hedges among them."""
    venue = draw(st.sampled_from(VENUES))
    coin = draw(st.booleans()) and any(c.inverse for c in CONTRACTS[venue])
    linear = any(not c.inverse for c in CONTRACTS[venue])
    of = [
        k
        for k, c in enumerate(CONTRACTS[venue])
        if (c.inverse and c.asset == "BTC" if coin or not linear else not c.inverse)
    ]
    scene = Scene(CONTRACTS[venue], (TERMS[venue],), [Purse(0, 0, False, 0.0)])
    value = 0.0
    for _ in range(draw(st.integers(1, 4))):
        k = draw(st.sampled_from(of))
        contract = CONTRACTS[venue][k]
        price = PRICES[contract.asset]
        usd = 10 ** draw(st.floats(1, 8))
        side = draw(st.sampled_from([1, -1]))
        entry = price * draw(st.floats(0.9, 1.1))
        size = side * (usd if contract.inverse else usd / price)
        scene.legs.append(Leg(0, k, size, entry, price, draw(LEVERAGES)))
        value += usd / price if contract.inverse else usd
    scene.purses[0].balance = value * draw(st.floats(0.01, 0.6))
    return venue, scene


def marked(scene: Scene, move: dict[str, float]) -> Scene:
    legs = [
        dataclasses.replace(x, mark=x.mark * (1 + move.get(scene.contracts[x.contract].asset, 0)))
        for x in scene.legs
    ]
    return dataclasses.replace(scene, legs=legs)


def excess(venue: str, scene: Scene) -> tuple[float, float]:
    """Equity less maintenance by the venue's own formulas, and the size of the sums."""
    right = oracle.answers(venue, scene, MARGIN[venue].taker_fee)
    p = [oracle.Position(x, scene.contracts[x.contract], 0.0) for x in scene.legs]
    gross = sum((x.value(x.mark) + x.value(x.ep) for x in p), Decimal(0))
    return float(right.equity[0] - right.need[0]), float(gross)


@given(crossed(), st.lists(st.floats(-1.5, 1.5), min_size=4, max_size=4))
@settings(max_examples=150)
def test_at_the_joint_distance_equity_meets_maintenance(case: tuple, changes: list[float]) -> None:
    venue, scene = case
    direction = {a: c for a, c in zip(scene.assets, changes, strict=False) if abs(c) > 1e-3}
    assume(direction)
    distance = bound(scene).joint_liquidation(direction)[0]
    now, _ = excess(venue, scene)
    held = {scene.contracts[x.contract].asset for x in scene.legs}
    down = [-c for a, c in direction.items() if c < 0 and a in held]
    end = min(1 / max(down) if down else 1e4, 1e4)
    if math.isnan(distance) or distance > end:
        for share in (0.01, 0.1, 0.3, 0.6, 0.9, 0.999):
            there, gross = excess(
                venue, marked(scene, {a: c * end * share for a, c in direction.items()})
            )
            assert there > -1e-9 * gross
    elif distance == 0.0:
        assert now <= 1e-9 * abs(scene.purses[0].balance)
    else:
        for share in (0.0, 0.2, 0.7, 0.999):
            before = marked(scene, {a: c * distance * share for a, c in direction.items()})
            still, gross = excess(venue, before)
            assert still > -1e-12 * gross
        there, gross = excess(venue, marked(scene, {a: c * distance for a, c in direction.items()}))
        assert abs(there) <= 1e-9 * gross


@given(isolated(), st.sampled_from([1.0, -1.0, -0.3, 2.5]))
def test_along_one_asset_the_joint_distance_is_the_liquidation_price(
    case: tuple, change: float
) -> None:
    venue, contract, leg, balance = case
    book = book_of(venue, contract, leg, balance)
    distance = book.joint_liquidation({contract.asset: change})[0]
    price = book.liquidation_price()[0]
    if book.accounts_state().liquidatable[0]:
        assert distance == 0.0
    elif not math.isnan(price) and not 1e-5 < price / leg.mark < 1e5:
        # within rounding of never (a short of 1x in coin), or beyond what is walked
        assert math.isnan(distance) or distance > 0.999 / abs(change)
    elif math.isnan(price) or (price - leg.mark) * change < 0:
        # a long of 1x may fall where its price is 0, to rounding
        assert math.isnan(distance) or (change < 0 and distance > 0.999 / -change)
    else:
        assert leg.mark * (1 + distance * change) == pytest.approx(price, rel=1e-8)


@given(crossed())
def test_a_cross_accounts_price_does_not_depend_on_the_order_of_its_legs(case: tuple) -> None:
    _, scene = case
    turned = dataclasses.replace(scene, legs=scene.legs[::-1])
    a, b = bound(scene).liquidation_price(), bound(turned).liquidation_price()[::-1]
    near = np.array([x.mark for x in scene.legs])
    usual = (a > 1e-4 * near) & (a < 1e4 * near)
    np.testing.assert_allclose(a[usual], b[usual], rtol=1e-7)


def test_a_direction_must_be_one() -> None:
    book = one_leg(1.0, 100.0, 100.0, 10.0)
    for direction in ({}, {"BTC": 0.0}, {"DOGE": -1.0}):
        with pytest.raises(InputError):
            book.joint_liquidation(direction)


# --- schedules and states -------------------------------------------------------------------------


@st.composite
def brackets(draw: st.DrawFn) -> tuple[list[float], list[float]]:
    n = draw(st.integers(1, 12))
    rise = draw(st.lists(st.floats(1, 1e7), min_size=n - 1, max_size=n - 1))
    # venues do list neighbouring brackets of one rate
    step = draw(
        st.lists(st.one_of(st.just(0.0), st.floats(1e-4, 0.08)), min_size=n - 1, max_size=n - 1)
    )
    floors, rates = [0.0], [draw(st.floats(0.001, 0.05))]
    for f, r in zip(rise, step, strict=True):
        floors.append(floors[-1] + f)
        rates.append(min(rates[-1] + r, 0.95))
    return floors, rates


@given(brackets(), st.floats(0.0, 1.0))
def test_the_requirement_is_continuous_and_of_its_own_bracket(case: tuple, where: float) -> None:
    floors, rates = case
    schedule = MarginSchedule.continuous(np.array(floors), np.array(rates))
    contract = Contract("BTC", table=ladder(floors, rates))
    sizes = [f for f in floors if f > 0]
    sizes += [f * (1 - 1e-9) for f in sizes] + [floors[-1] * 3 * where + 1.0]
    for value in sizes:
        k = int(schedule.bracket(value))
        own = rates[k] * value - schedule.deductions[k]
        got = one_leg(value / 100, 100.0, 100.0, 1.0, contract=contract).need()[0]
        assert got == pytest.approx(own, rel=1e-9, abs=1e-6)
    for k in range(1, len(floors)):
        below = rates[k - 1] * floors[k] - schedule.deductions[k - 1]
        above = rates[k] * floors[k] - schedule.deductions[k]
        assert above == pytest.approx(below, rel=1e-9, abs=1e-6)


finite = st.floats(-1e9, 1e9)
states = st.tuples(finite, finite, finite).map(lambda x: MarginState(*(np.array([v]) for v in x)))


@given(st.lists(states, min_size=1, max_size=6))
def test_margin_states_add(parts: list[MarginState]) -> None:
    total = parts[0]
    for x in parts[1:]:
        total = total + x
    for name in ("equity", "initial", "maintenance", "excess"):
        whole = sum(float(getattr(x, name)[0]) for x in parts)
        assert getattr(total, name)[0] == pytest.approx(whole, abs=1e-3)
    names = ("equity", "initial", "maintenance")
    stacked = MarginState(*(np.concatenate([getattr(x, n) for x in parts]) for n in names))
    assert stacked.total().excess[0] == pytest.approx(total.excess[0], abs=1e-3)


@given(states)
def test_margin_states_answer_alike(state: MarginState) -> None:
    equity, need = float(state.equity[0]), float(state.maintenance[0])
    assert state.liquidatable[0] == (equity <= need)
    assert state.bankrupt[0] == (equity < 0)
    if equity > 0 and need > 0:
        assert (state.ratio[0] >= 1) == (equity <= need)
    else:
        assert math.isinf(state.ratio[0]) or need <= 0
    assert not state.riskier_than(state)[0]
