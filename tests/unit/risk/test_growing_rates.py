"""Rates that grow with the size, and steps of a venue's own size, against brute force."""

from __future__ import annotations

import math

import numpy as np
import pytest

from oracles.books import GROWING, GROWING_TERMS, TERMS, random_book, shuffled, without_fees
from oracles.comparison import assert_same, assert_same_bill, both, settled
from oracles.scenes import Contract, Leg, Purse, Scene, bound
from seawall.core import LiquidationTerms, PartialRule, VenueTerms
from seawall.liquidity import ImpactLaw
from seawall.risk.cascade import StaticCascade
from seawall.risk.sweep import sweep

ALL = (*TERMS, *GROWING_TERMS)
STILL = ImpactLaw(1.0, 1.0)
SHOCKS = ([0.97, 0.96, 0.94], [0.85, 0.8, 0.9], [1.06, 1.1, 1.04], [1.0, 1.0, 1.0], [0.9, 1.1, 1.0])
FAR = ([0.4, 0.45, 2.6], [2.2, 0.9, 0.3], [0.05, 0.02, 0.1], [0.6, 1.7, 1.0])
THIN = (3e6, 2e6, 1e6)


@pytest.mark.parametrize("partial", [False, True], ids=["full", "partial"])
@pytest.mark.parametrize(("seed", "cross", "stops"), [(1, 0.5, 0.2), (2, 0.0, 0.0), (3, 1.0, 0.4)])
def test_random_books(seed: int, cross: float, stops: float, partial: bool) -> None:
    scene = without_fees(random_book(seed, 120, cross=cross, stops=stops, terms=GROWING_TERMS))
    for k, shock in enumerate(SHOCKS + FAR):
        exponent = (0.5, 0.875, 1.0)[(seed + k) % 3]
        assert_same(scene, *both(scene, shock, THIN, exponent, partial))


@pytest.mark.parametrize("partial", [False, True], ids=["full", "partial"])
def test_books_of_every_venue(partial: bool) -> None:
    scene = without_fees(random_book(8, 200, terms=ALL))
    for shock in (*SHOCKS, *FAR):
        assert_same(scene, *both(scene, shock, THIN, 0.875, partial))


def test_fees_leave_step_by_step() -> None:
    scene = random_book(5, 100, terms=GROWING_TERMS)
    for shock in SHOCKS[:3]:
        assert_same(scene, *both(scene, shock, THIN, 1.0, True))


@pytest.mark.parametrize("partial", [False, True], ids=["full", "partial"])
def test_who_pays(partial: bool) -> None:
    for seed in range(3):
        scene = random_book(seed, 120, terms=GROWING_TERMS)
        gross = float(bound(scene).book.notional().sum())
        for shock, ratio in zip(SHOCKS[1:3] + FAR[:1], (0.0, 1e-3, 1e-4), strict=True):
            got, want = settled(scene, shock, gross / 20, partial, ratio * gross, False)
            assert_same_bill(scene, got, want)
            assert abs(got.settlement.conservation_error) < 1e-9
            none = got.settlement.venues[0]
            assert none.adl_accounts == 0
            assert none.adl_notional == 0.0


def test_a_sweep_says_what_single_shocks_say() -> None:
    scene = random_book(23, 600, cross=0.7, terms=ALL)
    for partial in (False, True):
        engine = StaticCascade(bound(scene), dict.fromkeys(scene.assets, 3e7), STILL, partial)
        shocks = np.array([*SHOCKS, *FAR, *SHOCKS[::-1], [0.9] * 3, [0.8] * 3, [0.5] * 3])
        many = sweep(engine, shocks, threads=1)
        for k, shock in enumerate(shocks):
            one = engine.run(shock)
            np.testing.assert_allclose(many.rest[k], one.factor[-1], rtol=1e-12)
            np.testing.assert_allclose(many.forced[k], one.forced.sum(axis=0), rtol=1e-12)
            assert many.rounds[k] == one.rounds


def test_lots_are_drawn_alike_in_any_order() -> None:
    scene = random_book(11, 150, terms=GROWING_TERMS)
    shock, depth = np.array([0.85, 0.85, 0.85]), dict.fromkeys(scene.assets, 1e8)
    first = StaticCascade(bound(scene), depth, STILL).run(shock, fund=0.0).settlement
    assert first.venues[1].adl_accounts > 0
    for seed in range(3):
        other, accounts, legs = shuffled(scene, seed)
        again = StaticCascade(bound(other), depth, STILL).run(shock, fund=0.0).settlement
        gross = float(bound(scene).book.notional().sum())
        np.testing.assert_allclose(first.adl_usd[legs], again.adl_usd, atol=1e-9 * gross)
        np.testing.assert_allclose(first.transfer[accounts], again.transfer, atol=1e-9 * gross)


# --- by hand ------------------------------------------------------------------------------------


def one(partial: LiquidationTerms, size: float, balance: float, inverse: bool = False) -> Scene:
    contract = Contract("BTC", inverse, table=GROWING)
    terms = VenueTerms("v", "V", liquidation=partial)
    return Scene(
        (contract,),
        (terms,),
        [Purse(0, 0, False, balance)],
        [Leg(0, 0, size, 1e5, 1e5)],
    )


def test_just_enough_closes_until_the_account_stands_and_no_lot_more() -> None:
    rules = LiquidationTerms(fee=0.005, partial=PartialRule.JUST_ENOUGH, least_usd=1e3)
    # 100 BTC at 90,000: the rate is 1% + 2% on 9 m, 270,000; equity is 1.25 m - 1 m
    scene = one(rules, 100.0, 1.25e6)
    run = StaticCascade(bound(scene), {"BTC": math.inf}, STILL, partial=True).run({"BTC": -0.1})
    assert run.rounds == 1
    assert not run.closed.any()
    closed = run.forced_usd

    def stands(usd: float) -> bool:
        kept = 1 - usd / 9e6
        return 250e3 - 0.005 * usd > 9e6 * kept * (0.01 + 2e-4 * 100 * kept)

    assert closed % 1e3 == pytest.approx(0.0, abs=1e-6) or closed % 1e3 == pytest.approx(1e3)
    assert stands(closed)
    assert not stands(closed - 1e3)
    # at once and by the venue's single steps is the same
    usd = 0.0
    while not stands(usd):
        usd += 1e3
    assert closed == pytest.approx(usd)


def test_slices_keep_to_the_least_and_the_most() -> None:
    rules = LiquidationTerms(partial=PartialRule.SLICES, fraction=0.1, least_usd=2e5, most_usd=4e5)
    # 5 m at first: 400,000 a step until a tenth is less, at last 200,000, until 3,000 is enough
    scene = one(rules, 50.0, 3e3)
    run = StaticCascade(bound(scene), {"BTC": math.inf}, STILL, partial=True).run({"BTC": 0.0})
    usd, held = [], 5e6
    while held > 1e-6:
        kept = held / 1e5
        if held * (0.01 + 2e-4 * kept) < 3e3:
            break
        usd.append(min(max(0.1 * held, 2e5), 4e5, held))
        held -= usd[-1]
    np.testing.assert_allclose(run.forced[:, 0], usd)
    assert len(usd) > 10
    assert {4e5, 2e5} < set(usd)


def test_a_short_in_coin_falls_on_either_side() -> None:
    scene = one(LiquidationTerms(), -2e6, 22.0, inverse=True)
    price = bound(scene).liquidation_price()[0]
    assert price < 1e5  # 22 coins back 20: only ever more coins can outrun the profit
    engine = StaticCascade(bound(scene), {"BTC": math.inf}, STILL)
    just = price / 1e5 - 1
    assert engine.run({"BTC": just * 0.999}).rounds == 0
    assert engine.run({"BTC": min(just * 1.001, -0.01)}).rounds == 1
    assert engine.run({"BTC": 50.0}).rounds == 0
