"""Ways of sharing against brute force, and all rules on one event."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seawall.rulebook.losses import (
    Allocation,
    Burden,
    Claim,
    Coverage,
    Opposite,
    burden,
    coverage,
    deleveraged_profit,
    given_up,
    loss_rules,
    overshoot,
)
from seawall.rulebook.losses._sharing import down_to_level, in_order, in_proportion, lots
from seawall.rulebook.losses.fewest_accounts import FewestAccounts
from seawall.rulebook.losses.leverage_draining import LeverageDraining
from seawall.rulebook.losses.mirror_descent import MirrorDescent
from seawall.rulebook.losses.pro_rata import ProRata
from seawall.rulebook.losses.risk_aware_pro_rata import RiskAwareProRata

RNG = np.random.default_rng(20251010)


def an_event(k: int = 40, fund: float = -400_000.0) -> tuple[Claim, Opposite]:
    """300 BTC long, 900,000 below zero, an empty fund, and shorts of every size and leverage."""
    rng = np.random.default_rng(5)
    mark = 90_000.0
    size, entry = rng.lognormal(2.0, 1.0, k), rng.uniform(88_000.0, 108_000.0, k)
    pnl = size * (entry - mark)
    equity = size * mark / rng.lognormal(1.5, 0.8, k)
    claim = Claim(300.0, 93_000.0, mark, 91_500.0, 900_000.0, fund, 2e6, 2e6)
    return claim, Opposite(
        quantity=size,
        side=-1.0,
        entry=entry,
        mark=mark,
        notional=size * mark,
        cost=size * entry,
        pnl=pnl,
        balance=equity - pnl,
        equity=equity,
        maintenance=0.005 * size * mark,
        gross=size * mark * rng.uniform(1.0, 2.0, k),
    )


def measured(name: str) -> Burden:
    claim, opposite = an_event()
    rule = loss_rules()[name]()
    done = rule.allocate(claim, opposite, np.random.default_rng(1))
    return burden(claim, opposite, done, needed=400_000.0)


few = st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=8)


@settings(max_examples=100)
@given(room=few, data=st.data(), part=st.floats(0.0, 1.2))
def test_shares_in_proportion_have_one_level(
    room: list[float], data: st.DataObject, part: float
) -> None:
    r = np.array(room)
    w = np.array(data.draw(st.lists(st.floats(1e-3, 1e3), min_size=len(r), max_size=len(r))))
    limit = part * r.sum()
    x = in_proportion(limit, w, r)
    assert x.sum() == pytest.approx(min(limit, r.sum()), rel=1e-9)
    # a row that is not full has as much per weight as any other has at most
    loose = x < r * (1 - 1e-12)
    if loose.any():
        level = (x / w)[loose]
        assert level.max() <= level.min() * (1 + 1e-9) + 1e-300
        assert ((x / w)[~loose] <= level.min() * (1 + 1e-9)).all()


@settings(max_examples=100)
@given(size=few, data=st.data(), part=st.floats(0.0, 1.0))
def test_draining_meets_the_level_found_by_bisection(
    size: list[float], data: st.DataObject, part: float
) -> None:
    n = np.array(size)
    draws = st.lists(st.floats(1e-2, 1e2), min_size=len(n), max_size=len(n))
    b = np.array(data.draw(draws))
    share = np.array(data.draw(st.lists(st.floats(0.1, 1), min_size=len(n), max_size=len(n))))
    room = n * share
    limit = part * room.sum()
    low, high = 0.0, float((n / b).max())
    for _ in range(200):
        middle = (low + high) / 2
        taken = np.clip(n - middle * b, 0.0, room).sum()
        low, high = (middle, high) if taken > limit else (low, middle)
    expected = np.clip(n - high * b, 0.0, room)
    found = down_to_level(limit, n, b, room)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9 * n.sum())


@settings(max_examples=100)
@given(room=few, data=st.data(), part=st.floats(0.0, 1.2))
def test_the_queue_fills_as_one_by_one(room: list[float], data: st.DataObject, part: float) -> None:
    r = np.array(room)
    score = np.array(data.draw(st.permutations(range(len(r)))), dtype=np.float64)
    left = limit = part * r.sum()
    expected = np.zeros(len(r))
    for i in np.argsort(-score):
        expected[i] = min(r[i], left)
        left -= expected[i]
    np.testing.assert_allclose(in_order(limit, r, score), expected, rtol=1e-9, atol=1e-12 * r.sum())


def test_lots_are_even_and_of_the_row_not_its_place() -> None:
    columns = (RNG.uniform(size=4_000), RNG.uniform(size=4_000))
    drawn = lots(columns, np.random.default_rng(3))
    order = RNG.permutation(4_000)
    again = lots((columns[0][order], columns[1][order]), np.random.default_rng(3))
    np.testing.assert_array_equal(again, drawn[order])
    assert (lots(columns, np.random.default_rng(4)) != drawn).all()
    # uniform: each tenth holds 400, of which six standard deviations are 114
    assert (abs(np.histogram(drawn, 10, (0, 1))[0] - 400) < 114).all()


def test_the_papers_example_of_queue_and_pro_rata() -> None:
    # equities 10, 5, 1 against -3 and -12, severity a half: 7.5 are to be borne
    equity = np.array([10.0, 5.0, 1.0])
    queue = equity - in_order(7.5, equity, np.array([2.0, 3.0, 1.0]))
    np.testing.assert_allclose(queue, [7.5, 0.0, 1.0])
    rata = equity - in_proportion(7.5, equity, equity)
    np.testing.assert_allclose(rata, [170 / 32, 85 / 32, 17 / 32])


def test_pro_rata_has_the_least_greatest_haircut() -> None:
    claim, opposite = an_event()
    cap = np.minimum(np.maximum(opposite.pnl, 0.0), opposite.equity)
    paid = ProRata().allocate(claim, opposite, RNG).paid
    assert paid.sum() == pytest.approx(400_000.0)
    worst = (paid[cap > 0] / cap[cap > 0]).max()
    assert worst == pytest.approx(400_000.0 / cap.sum())
    for name in ("risk_aware_pro_rata", "mirror_descent", "fewest_accounts"):
        other = loss_rules()[name]().allocate(claim, opposite, RNG).paid
        assert other.sum() == pytest.approx(400_000.0)
        assert (other[cap > 0] / cap[cap > 0]).max() > worst
    half = ProRata(severity=0.5).allocate(claim, opposite, RNG).paid
    np.testing.assert_allclose(half, paid / 2)


def test_risk_weights_follow_leverage() -> None:
    claim, opposite = an_event(fund=-10_000.0)
    plain = ProRata().allocate(claim, opposite, RNG).paid
    flat = RiskAwareProRata(power=0.0).allocate(claim, opposite, RNG).paid
    np.testing.assert_allclose(flat, plain)
    weighed = RiskAwareProRata(power=2.0).allocate(claim, opposite, RNG).paid
    leverage = opposite.gross / opposite.equity
    paid, cap = plain > 0, np.minimum(np.maximum(opposite.pnl, 0), opposite.equity)
    free = paid & (weighed < cap * (1 - 1e-9))
    ratio = weighed[free] / cap[free] / leverage[free] ** 2
    np.testing.assert_allclose(ratio, ratio[0])


def test_mirror_descent_comes_closer_to_pro_rata_round_by_round() -> None:
    claim, opposite = an_event()
    cap = np.minimum(np.maximum(opposite.pnl, 0.0), opposite.equity)
    worst = []
    for rounds in (0, 1, 4, 16, 64, 256, 10_000):
        paid = MirrorDescent(rounds=rounds).allocate(claim, opposite, RNG).paid
        worst.append((paid[cap > 0] / cap[cap > 0]).max())
    assert all(a >= b - 1e-12 for a, b in pairwise(worst))
    assert worst[0] == 1.0
    assert worst[-1] == pytest.approx(400_000.0 / cap.sum(), rel=1e-3)


@settings(max_examples=60)
@given(profits=st.lists(st.integers(1, 9), min_size=1, max_size=7), part=st.floats(0.01, 1.0))
def test_no_smaller_set_of_accounts_could_pay(profits: list[int], part: float) -> None:
    claim, opposite = an_event(len(profits))
    u = np.array(profits, dtype=np.float64) * 1_000
    budget = part * u.sum()
    rich = replace(opposite, pnl=u, equity=u + 1e6)
    paid = FewestAccounts().allocate(replace(claim, fund=-budget), rich, RNG).paid
    assert paid.sum() == pytest.approx(budget)
    used = np.count_nonzero(paid)
    assert all(
        sum(some) < budget * (1 + 1e-9) for some in combinations(u.tolist(), max(int(used) - 1, 0))
    )


def test_draining_leaves_one_leverage_at_the_top() -> None:
    claim, opposite = an_event(fund=-900_000.0)
    claim = replace(claim, quantity=60.0)
    done = LeverageDraining().allocate(claim, opposite, RNG)
    assert done.closed.sum() == pytest.approx(60.0)
    left = (opposite.quantity - done.closed) * 90_000.0 / opposite.equity
    cut = done.closed > 0
    full = opposite.equity / (done.price - 90_000.0) <= done.closed * (1 + 1e-9)
    np.testing.assert_allclose(left[cut & ~full], left[~full].max())
    assert left[~cut].max() <= left[cut & ~full].min() * (1 + 1e-9)


def test_regions_of_coverage() -> None:
    pnl, equity = np.array([30.0, -5.0, 20.0]), np.array([60.0, 40.0, -10.0])
    assert coverage(50.0, pnl, equity) is Coverage.COVERABLE
    assert coverage(50.1, pnl, equity) is Coverage.SOLVENT
    assert coverage(99.9, pnl, equity) is Coverage.SOLVENT
    assert coverage(100.0, pnl, equity) is Coverage.INSOLVENT
    assert coverage(100.0, pnl, equity, severity=0.5) is Coverage.COVERABLE
    assert coverage(0.0, pnl[:0], equity[:0]) is Coverage.COVERABLE


def test_what_closing_costs_in_a_linear_and_an_inverse_contract() -> None:
    closed = np.array([2.0, 0.0])
    np.testing.assert_allclose(given_up(closed, 95.0, 90.0, -1.0), [10.0, 0.0])
    np.testing.assert_allclose(given_up(closed, 95.0, 90.0, 1.0), [-10.0, 0.0])
    # a Bybit long of 5,000 USD from 7,890.08 at 50x is bankrupt at 7,735.37; mark 7,600. The
    # short that is closed there gets (1/7735.37 - 1/7600) coin a USD more than at the mark
    coin = 5_000.0 * (1 / 7_600.0 - 1 / 7_735.37)
    lost = given_up(np.array([5_000.0]), 7_735.37, 7_600.0, -1.0, inverse=True)
    assert lost[0] == pytest.approx(coin * 7_600.0)


def test_profit_lost_by_force_and_overshoot() -> None:
    _, opposite = an_event(2)
    two = replace(opposite, quantity=np.array([4.0, 5.0]), pnl=np.array([40.0, -10.0]))
    done = Allocation(np.array([1.0, 5.0]), 90_000.0, np.array([3.0, 0.0]))
    np.testing.assert_allclose(deleveraged_profit(done, two), [13.0, 0.0])
    assert overshoot(13.0, 10.0) == 3.0
    assert overshoot(9.0, 10.0) == 0.0


def test_a_queue_overshoots_and_a_haircut_does_not() -> None:
    for name in ("binance", "queue", "okx", "hyperliquid", "whitebit", "kraken", "dydx"):
        some = measured(name)
        assert some.closed > 0, name
        assert some.overshoot > 0, name
        assert some.paid == 0, name
    for name in ("pro_rata", "risk_aware_pro_rata", "mirror_descent", "fewest_accounts", "deribit"):
        some = measured(name)
        assert some.closed == 0, name
        assert some.overshoot == pytest.approx(0.0, abs=1e-6), name
        assert some.paid == pytest.approx(400_000.0), name
    # the fund is spared, so all of the deficit is asked for
    assert measured("percolator").paid == pytest.approx(900_000.0)
    # at the bankruptcy price the winners give up exactly what the fund cannot bear
    assert measured("binance").given_up == pytest.approx(400_000.0)
    assert measured("okx").given_up == 0.0
    assert measured("hyperliquid").given_up == pytest.approx(300 * 1_500.0)
    assert measured("fewest_accounts").accounts < measured("pro_rata").accounts
    claim, opposite = an_event()
    done = loss_rules()["whitebit"]().allocate(claim, opposite, RNG)
    assert burden(claim, opposite, done).overshoot == pytest.approx(
        max(measured("whitebit").profit - 900_000.0, 0.0)
    )
