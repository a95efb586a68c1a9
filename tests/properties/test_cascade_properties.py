"""What must hold of a cascade whatever the book."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oracles.books import BY_VALUE, PRICES, random_book, shuffled
from oracles.scenes import Contract, Leg, Purse, Scene, bound
from seawall.core import VenueTerms
from seawall.liquidity import ImpactLaw
from seawall.risk.cascade import StaticCascade

LAW = ImpactLaw(0.875, 1.0)


@st.composite
def long_books(draw: st.DrawFn) -> Scene:
    """Isolated longs on three assets."""
    contracts = tuple(Contract(a, table=BY_VALUE) for a in PRICES)
    scene = Scene(contracts, (VenueTerms("v", "V"),))
    n = draw(st.integers(1, 40))
    for a in range(n):
        k = draw(st.integers(0, 2))
        price = PRICES[contracts[k].asset]
        usd = 10 ** draw(st.floats(1, 6))
        share = draw(st.floats(0.005, 0.5))
        scene.purses.append(Purse(a, 0, True, usd * share))
        scene.legs.append(Leg(a, k, usd / price, price, price, 5.0))
    return scene


@given(long_books(), st.lists(st.floats(0.3, 1.0), min_size=2, max_size=6), st.booleans())
def test_a_larger_shock_never_liquidates_fewer_longs(
    scene: Scene, factors: list[float], partial: bool
) -> None:
    engine = StaticCascade(bound(scene), dict.fromkeys(scene.assets, 1e5), LAW, partial)
    before: set[int] = set()
    price = np.full(len(scene.assets), np.inf)
    for f in sorted(factors, reverse=True):
        got = engine.run(np.full(len(scene.assets), f))
        fallen = set(got.liquidated.tolist())
        assert before <= fallen
        assert np.all(got.factor[-1] <= price * (1 + 1e-12))
        before, price = fallen, got.factor[-1]


@given(long_books(), st.floats(0.5, 1.0))
def test_longs_alone_only_push_down_and_at_rest_nobody_is_left_below(
    scene: Scene, f: float
) -> None:
    engine = StaticCascade(bound(scene), dict.fromkeys(scene.assets, 1e5), LAW)
    got = engine.run(np.full(len(scene.assets), f))
    assert np.all(np.diff(got.factor, axis=0) <= 1e-15)
    rest = got.factor[-1]
    moved = [Leg(x.account, x.contract, x.size, x.entry,
                 x.mark * rest[scene.assets.index(scene.contracts[x.contract].asset)])
             for x in scene.legs]  # fmt: skip
    state = bound(Scene(scene.contracts, scene.venues, scene.purses, moved)).accounts_state()
    standing = ~got.closed
    assert np.all(state.excess[standing] > -1e-9 * np.abs(state.equity[standing]))


@given(st.integers(0, 10**6), st.floats(0.7, 1.3), st.booleans(), st.integers(0, 9))
@settings(max_examples=40)
def test_totals_tie_up(seed: int, f: float, partial: bool, order: int) -> None:
    scene = random_book(seed, 25, stops=0.3)
    margin = bound(scene)
    gross = float(margin.book.notional().sum())
    depth = dict.fromkeys(scene.assets, gross / 10)
    got = StaticCascade(margin, depth, LAW, partial).run({"ALL": f - 1})
    c = got.closings
    assert c.usd[~c.stop].sum() == pytest.approx(got.forced.sum(), rel=1e-9, abs=1e-9 * gross)
    assert c.usd[c.stop].sum() == pytest.approx(got.stopped.sum(), rel=1e-9, abs=1e-9 * gross)
    assert np.all(np.diff(c.turn) >= 0)
    once = set(zip(c.turn.tolist(), c.position.tolist(), strict=True))
    assert len(once) == len(c.turn), "no position is closed twice in one round"
    assert got.rounds == (c.turn.max() if len(c.turn) else 0)
    if got.multiplier is not None:
        assert got.multiplier >= 1.0
    # the flow so far gives each round's prices
    assets = margin.book.asset_codes()
    signed = -np.sign(margin.book.positions.size[c.position]) * c.usd
    for r in range(1, got.rounds + 1):
        so_far = c.turn <= r
        flow = np.bincount(assets[c.position[so_far]], signed[so_far], len(scene.assets))
        move = np.sign(flow) * 0.01 * (np.abs(flow) / got.depth) ** LAW.exponent
        np.testing.assert_allclose(got.factor[r], f * np.exp(move), rtol=1e-7)
    other, accounts, _ = shuffled(scene, order)
    again = StaticCascade(bound(other), depth, LAW, partial).run({"ALL": f - 1})
    np.testing.assert_allclose(got.factor, again.factor, rtol=1e-10)
    np.testing.assert_array_equal(got.turn[accounts], again.turn)
