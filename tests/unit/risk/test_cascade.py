"""The static cascade: ties, symmetries, edges and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest

from oracles.books import dyadic_book, random_book, relabelled, scaled, shuffled
from oracles.cascade import Brute
from oracles.scenes import Contract, Leg, Purse, Scene, Table, bound
from seawall.core import InputError, VenueTerms
from seawall.liquidity import ImpactLaw
from seawall.risk.cascade import Cascade, StaticCascade

STILL = ImpactLaw(1.0, 1.0)
COPIES = 1500


def run(
    scene: Scene, shock: list[float], depth: float, law: ImpactLaw = STILL, partial: bool = False
) -> Cascade:
    engine = StaticCascade(bound(scene), dict.fromkeys(scene.assets, depth), law, partial)
    return engine.run(np.array(shock))


def small(*legs: Leg, balance: float = 10.0, rate: float = 0.0, isolated: bool = True) -> Scene:
    """One BTC contract; every leg an account of its own."""
    purses = [Purse(k, 0, isolated, balance) for k in range(len(legs))]
    return Scene(
        (Contract("BTC", table=Table((0.0,), (rate,), (0.0,))),),
        (VenueTerms("v", "V"),),
        purses,
        list(legs),
    )


@pytest.fixture(scope="module")
def crowd() -> Scene:
    return dyadic_book(COPIES)


@pytest.fixture(scope="module")
def scene() -> Scene:
    return random_book(11, 200, graded=True)


class TestTies:
    @pytest.mark.parametrize(
        ("shock", "falling"),
        [
            ([1.0, 1.0], 0),
            ([0.9375, 1.0], 1),
            ([0.9375 + 2**-30, 1.0], 0),
            ([0.875, 1.0], 2),
            ([0.875, 0.875], 3),
            ([0.875, 0.875 + 2**-30], 2),
            ([0.875 + 2**-30, 0.75], 3),
            ([1.125, 1.25], 2),
            ([1.125 - 2**-30, 1.25], 1),
            ([1.0, 0.75], 1),
        ],
    )
    def test_equity_equal_to_maintenance_falls_and_a_hair_above_does_not(
        self, crowd: Scene, shock: list[float], falling: int
    ) -> None:
        got = run(crowd, shock, np.inf)
        assert got.accounts_liquidated == falling * COPIES
        assert got.rounds == (1 if falling else 0)
        np.testing.assert_array_equal(got.factor[-1], shock)
        if falling == 0:
            assert got.multiplier is None

    @pytest.mark.parametrize("exponent", [0.5, 0.875, 1.0])
    def test_thousands_at_one_threshold_as_brute_force_has_it(
        self, crowd: Scene, exponent: float
    ) -> None:
        law = ImpactLaw(exponent, 1.0)
        depth = 2e5 if exponent == 1 else 1e4
        for shock in ([0.9375, 1.0], [0.95, 0.8], [1.1, 1.25]):
            got = run(crowd, shock, depth, law)
            want = Brute(crowd).run(shock, [depth, depth], exponent)
            np.testing.assert_allclose(got.factor, want.factors, rtol=1e-11)
            np.testing.assert_allclose(got.forced, np.reshape(want.forced, (-1, 2)), rtol=1e-11)
            assert {a: r for a, r in enumerate(got.turn) if r} == want.turn


class TestSymmetry:
    @pytest.mark.parametrize("partial", [False, True])
    def test_the_order_of_accounts_and_rows_is_irrelevant(
        self, scene: Scene, partial: bool
    ) -> None:
        other, accounts, legs = shuffled(scene, 3)
        a = run(scene, [0.96, 0.95, 0.97], 5e5, partial=partial)
        b = run(other, [0.96, 0.95, 0.97], 5e5, partial=partial)
        np.testing.assert_allclose(a.factor, b.factor, rtol=1e-12)
        np.testing.assert_allclose(a.forced, b.forced, rtol=1e-11)
        np.testing.assert_array_equal(a.turn[accounts], b.turn)
        np.testing.assert_allclose(a.equity[accounts], b.equity, rtol=1e-9, atol=1e-6)
        here = np.bincount(a.closings.position, a.closings.usd, len(scene.legs))
        there = np.bincount(b.closings.position, b.closings.usd, len(scene.legs))
        np.testing.assert_allclose(here[legs], there, rtol=1e-9, atol=1e-6)

    @pytest.mark.parametrize("partial", [False, True])
    def test_the_names_of_assets_are_irrelevant(self, scene: Scene, partial: bool) -> None:
        other = relabelled(scene)
        where = [other.assets.index(a[::-1]) for a in scene.assets]
        shock = np.array([0.96, 0.95, 0.97])
        turned = np.empty(3)
        turned[where] = shock
        a = run(scene, shock.tolist(), 5e5, partial=partial)
        b = run(other, turned.tolist(), 5e5, partial=partial)
        np.testing.assert_allclose(a.factor, b.factor[:, where], rtol=1e-12)
        np.testing.assert_allclose(a.forced, b.forced[:, where], rtol=1e-11)
        np.testing.assert_array_equal(a.turn, b.turn)

    @pytest.mark.parametrize("partial", [False, True])
    @pytest.mark.parametrize("by", [10.0, 1 / 150.0])
    def test_a_change_of_currency_scales(self, scene: Scene, by: float, partial: bool) -> None:
        a = run(scene, [0.96, 0.95, 0.97], 5e5, partial=partial)
        b = run(scaled(scene, by), [0.96, 0.95, 0.97], 5e5 * by, partial=partial)
        np.testing.assert_allclose(a.factor, b.factor, rtol=1e-11)
        np.testing.assert_allclose(a.forced * by, b.forced, rtol=1e-9)
        np.testing.assert_array_equal(a.turn, b.turn)
        gross = float(b.margin.book.notional().sum())
        np.testing.assert_allclose(a.equity * by, b.equity, rtol=1e-9, atol=1e-12 * gross)

    def test_running_again_gives_the_same_bits(self, scene: Scene) -> None:
        engine = StaticCascade(bound(scene), dict.fromkeys(scene.assets, 5e5), STILL, True)
        first = engine.run({"ALL": -0.05})
        engine.run({"ALL": 0.2})
        again = engine.run({"ALL": -0.05})
        assert first.factor.tobytes() == again.factor.tobytes()
        assert first.forced.tobytes() == again.forced.tobytes()
        assert first.equity.tobytes() == again.equity.tobytes()


class TestEdges:
    def test_a_book_in_which_only_stops_fire(self) -> None:
        got = run(small(Leg(0, 0, 1.0, 100, 100, stop=99), balance=50), [0.98], 1e6)
        assert got.stopped.tolist() == [[98.0]]
        assert got.forced_usd == 0
        assert got.accounts_liquidated == 0
        assert got.multiplier is None
        assert got.equity[0] == pytest.approx(48.0)
        assert got.closed[0]

    def test_a_stop_at_the_liquidation_price_fires_first(self) -> None:
        got = run(small(Leg(0, 0, 1.0, 100, 100, stop=90)), [0.9], 1e6)
        assert got.accounts_liquidated == 0
        assert got.stopped.sum() == pytest.approx(90)

    def test_a_stop_beyond_the_liquidation_price_takes_the_jump(self) -> None:
        scene = small(Leg(0, 0, 1.0, 100, 100, stop=85))
        assert run(scene, [0.88], 1e6).accounts_liquidated == 1
        jumped = run(scene, [0.8], 1e6)
        assert jumped.accounts_liquidated == 0
        assert jumped.equity[0] == pytest.approx(-10)
        assert jumped.settlement.total("deficits") == pytest.approx(10)

    def test_an_account_too_deep_below_to_have_a_liquidation_price_falls_at_once(self) -> None:
        # a short of 50 that owes 100: no positive price would save it
        scene = small(Leg(0, 0, -1.0, 100, 50), balance=-150, isolated=False)
        assert np.isnan(bound(scene).liquidation_price()[0])
        got = run(scene, [1.0], 1e6)
        assert got.turn.tolist() == [1]
        assert got.settlement.total("deficits") == pytest.approx(100)

    def test_no_shock_and_nobody_below_leaves_all_as_it_was(self) -> None:
        got = run(small(Leg(0, 0, 1.0, 100, 100), Leg(1, 0, -1.0, 100, 100)), [1.0], 1e6)
        assert got.rounds == 0
        assert got.factor.tolist() == [[1.0]]
        np.testing.assert_allclose(got.equity, 10)
        assert len(got.closings.turn) == 0

    def test_the_price_moves_by_the_law_from_the_shocked_price(self) -> None:
        scene = small(Leg(0, 0, 1000.0, 100, 100), Leg(1, 0, 1.0, 100, 100), balance=1e3)
        got = run(scene, [0.98], 5e4, ImpactLaw(0.5, 0.5))
        move = 0.01 * (98_000 / 25_000) ** 0.5
        np.testing.assert_allclose(got.factor[1], 0.98 * np.exp(-move), rtol=1e-14)

    def test_a_short_squeeze_pushes_the_price_up(self) -> None:
        got = run(small(Leg(0, 0, -10.0, 100, 100), balance=50), [1.06], 1e4)
        assert got.factor[-1, 0] == pytest.approx(1.06 * np.exp(0.01 * 1060 / 1e4))

    def test_partial_steps_of_a_huge_position_end(self) -> None:
        scene = random_book(3, 40)
        for leg in scene.legs:
            leg.size *= 1000
        for purse in scene.purses:
            purse.balance *= 1000
        got = run(scene, [0.9, 0.9, 0.9], 1e9, partial=True)
        assert got.rounds < 20
        assert np.isfinite(got.factor).all()

    @pytest.mark.parametrize("size", [1e6, -1e6])
    def test_prices_stay_positive_and_finite(self, size: float) -> None:
        scene = small(Leg(0, 0, size, 100, 100), balance=1e6)
        got = run(scene, [0.98 if size > 0 else 1.02], 100.0)
        assert np.isfinite(got.factor).all()
        assert (got.factor > 0).all()
        assert np.isfinite(got.equity).all()


class TestRefusals:
    @pytest.mark.parametrize(
        "factors", [[0.9, 0.9], [], [[0.9]], [-0.9], [0.0], [np.nan], [np.inf]]
    )
    def test_factors_that_are_not_one_positive_number_an_asset(self, factors: list) -> None:
        with pytest.raises(InputError, match="factor"):
            run(small(Leg(0, 0, 1.0, 100, 100)), factors, 1e6)

    @pytest.mark.parametrize("shock", [{"DOGE": -0.1}, {"BTC": -1.0}, {"BTC": np.nan}])
    def test_shocks_of_unknown_assets_or_beyond_everything(self, shock: dict) -> None:
        engine = StaticCascade(bound(small(Leg(0, 0, 1.0, 100, 100))), {"BTC": 1e6}, STILL)
        with pytest.raises(InputError, match="shock"):
            engine.run(shock)

    @pytest.mark.parametrize("depth", [{"BTC": 0.0}, {"BTC": -1.0}, {"DOGE": 1e6}])
    def test_depths_that_are_none(self, depth: dict) -> None:
        with pytest.raises(InputError, match="depth"):
            StaticCascade(bound(small(Leg(0, 0, 1.0, 100, 100))), depth, STILL)
