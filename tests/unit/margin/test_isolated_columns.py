"""Columns of isolated positions and accounts marked again, against plain recomputation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracles.books import random_book
from oracles.scenes import bound
from seawall.core import InputError, MarginSchedule
from seawall.margin import isolated_liquidation_prices, isolated_states

FLOORS = (0.0, 5e4, 2.5e5, 1e6, 5e6, 2e7, 5e7, 1e8, 2e8, 3e8)
RATES = (0.004, 0.005, 0.01, 0.025, 0.05, 0.1, 0.125, 0.15, 0.25, 0.5)


def schedule(brackets: int) -> MarginSchedule:
    return MarginSchedule.continuous(np.array(FLOORS[:brackets]), np.array(RATES[:brackets]))


def need(value: float, s: MarginSchedule, fee: float = 0.0) -> float:
    k = max(i for i, floor in enumerate(s.floors) if value >= floor)
    return float((s.rates[k] + fee) * value - s.deductions[k])


def columns(n: int, seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    entry = rng.uniform(10, 1e5, n)
    usd = np.exp(rng.normal(11, 3, n))
    leverage = rng.choice([1.0, 2.0, 5.0, 25.0, 100.0], n)
    return {
        "size": usd / entry * rng.choice([-1.0, 1.0], n),
        "entry": entry,
        "mark": entry * np.exp(rng.normal(0, 0.1, n)),
        "balance": usd / leverage * rng.uniform(0.5, 3.0, n),
        "leverage": leverage,
    }


@pytest.mark.parametrize("brackets", [1, 2, 4, 5, 8, 10])
@pytest.mark.parametrize("n", [1, 7, 512, 1300])
@pytest.mark.parametrize("fee", [0.0, 0.0005])
def test_equity_meets_maintenance_at_the_price(brackets: int, n: int, fee: float) -> None:
    c, s = columns(n, brackets), schedule(brackets)
    price = isolated_liquidation_prices(c["size"], c["entry"], c["balance"], s, fee)
    for i, p in enumerate(price.tolist()):
        z, e, b = (float(c[k][i]) for k in ("size", "entry", "balance"))
        if math.isnan(p):
            assert z > 0  # a long that cannot lose its margin before the price is 0
            assert b - z * e >= 0
        else:
            value = abs(z) * p
            equity = b + z * (p - e)
            assert equity == pytest.approx(need(value, s, fee), rel=1e-9, abs=1e-9 * abs(z) * e)


@given(
    st.lists(st.floats(0.001, 0.4), min_size=1, max_size=9),
    st.lists(st.floats(1.0, 1e6), min_size=9, max_size=9),
    st.integers(0, 2**32 - 1),
)
def test_any_lines_give_the_greatest_of_their_roots(
    rates: list[float], amounts: list[float], seed: int
) -> None:
    """Deductions need not make the margin continuous: a line may never be the greatest."""
    k = len(rates)
    s = MarginSchedule(
        np.arange(k) * 1e4, np.sort(rates), np.sort([0.0, *amounts])[:k], np.full(k, np.nan)
    )
    c = columns(40, seed)
    price = isolated_liquidation_prices(c["size"], c["entry"], c["balance"], s)
    for i, p in enumerate(price.tolist()):
        z, cost = c["size"][i], c["size"][i] * c["entry"][i] - c["balance"][i]
        sign = 1.0 if z > 0 else -1.0
        roots = (cost - s.deductions) / (1.0 - sign * s.rates)
        want = roots.max() / z
        assert p == pytest.approx(want, rel=1e-12) if want > 0 else math.isnan(p)


def test_states_have_the_same_price_and_the_margins_of_each_position() -> None:
    c, s = columns(3000, 1), schedule(10)
    five = [c[k] for k in ("size", "entry", "mark", "balance", "leverage")]
    state, price = isolated_states(*five, s, 0.0004)
    np.testing.assert_array_equal(
        price, isolated_liquidation_prices(c["size"], c["entry"], c["balance"], s, 0.0004)
    )
    value = np.abs(c["size"]) * c["mark"]
    np.testing.assert_allclose(state.initial, value / c["leverage"], rtol=1e-14)
    pnl = c["size"] * (c["mark"] - c["entry"])
    np.testing.assert_allclose(state.equity, c["balance"] + pnl, rtol=1e-9, atol=1e-6)
    wanted = [need(float(v), s, 0.0004) for v in value]
    np.testing.assert_allclose(state.maintenance, wanted, rtol=1e-12)


def test_threads_and_given_arrays_change_nothing() -> None:
    c, s = columns(200_003, 2), schedule(10)
    three = c["size"], c["entry"], c["balance"]
    out = np.empty(len(c["size"]))
    assert isolated_liquidation_prices(*three, s, out=out, threads=3) is out
    np.testing.assert_array_equal(out, isolated_liquidation_prices(*three, s, threads=1))
    five = [c[k] for k in ("size", "entry", "mark", "balance", "leverage")]
    first = isolated_states(*five, s, threads=1)
    kept = first[0].maintenance.copy()
    again = isolated_states(*five, s, out=first, threads=2)
    assert again[1] is first[1]
    np.testing.assert_array_equal(again[0].maintenance, kept)


def test_refusals() -> None:
    c = columns(5, 0)
    three = c["size"], c["entry"], c["balance"]
    stepped = MarginSchedule.stepped(np.array([0.0, 10.0]), np.array([0.01, 0.02]))
    with pytest.raises(InputError, match="contracts"):
        isolated_liquidation_prices(*three, stepped)
    with pytest.raises(InputError, match="unequal length"):
        isolated_liquidation_prices(c["size"][:4], c["entry"], c["balance"], schedule(2))
    with pytest.raises(InputError, match="unequal length"):
        isolated_liquidation_prices(*three, schedule(2), out=np.empty(6))


@pytest.mark.parametrize("seed", range(6))
def test_accounts_marked_again_are_the_accounts_at_those_prices(seed: int) -> None:
    scene = random_book(seed, 150)
    margin = bound(scene)
    rng = np.random.default_rng(seed)
    for factor in (np.ones(len(scene.assets)), np.exp(rng.normal(0, 0.3, len(scene.assets)))):
        got = margin.remarked(factor)
        for leg in scene.legs:
            leg.mark *= factor[scene.assets.index(scene.contracts[leg.contract].asset)]
        moved = bound(scene)
        # balances that leverage implies were implied at entry, so they have not moved
        np.testing.assert_allclose(moved.balance, margin.balance, rtol=1e-12)
        want = moved.accounts_state()
        gross = np.bincount(moved.book.positions.account, np.abs(moved.lines.z) * moved.lines.u)
        assert np.all(np.abs(got.equity - want.equity) <= 1e-11 * (gross + np.abs(want.equity)))
        assert np.all(np.abs(got.maintenance - want.maintenance) <= 1e-11 * gross)
        for leg in scene.legs:
            leg.mark /= factor[scene.assets.index(scene.contracts[leg.contract].asset)]
