"""The margin engine against each venue's printed formulas in ``Decimal``, on random books."""

from __future__ import annotations

import math
import random
from decimal import Decimal

import numpy as np
import pytest

from oracles import margin as oracle
from oracles.scenes import Leg, Purse, Scene, bound
from oracles.venues import CONTRACTS, MARGIN, PRICES, TERMS

VENUES = list(CONTRACTS)
SEEDS = (1, 2, 3)
ISOLATED, CROSS = 350, 130
LEVERAGES = (1, 2, 3, 5, 7, 10, 20, 25, 33, 50, 75, 100, 125)


def _leg(rng: random.Random, venue: str, account: int, k: int, side: float) -> Leg:
    contract = CONTRACTS[venue][k]
    price = PRICES[contract.asset]
    usd = 10 ** rng.uniform(-1, 9.4)
    mark = price * math.exp(rng.gauss(0, 0.002))
    entry = price * math.exp(rng.gauss(0, rng.choice((0.001, 0.05, 0.6))))
    fee = rng.choice((math.nan, 0.0003, 0.001)) if venue in ("okx", "bybit_new") else math.nan
    return Leg(
        account,
        k,
        side * (usd if contract.inverse else usd / mark),
        entry,
        mark,
        float(rng.choice(LEVERAGES)),
        fee=fee,
    )


def random_scene(venue: str, seed: int) -> Scene:
    """Isolated positions, then cross accounts with several positions, some of them hedged."""
    rng = random.Random(f"{venue} {seed}")
    scene = Scene(CONTRACTS[venue], (TERMS[venue],))
    contracts = CONTRACTS[venue]
    for a in range(ISOLATED):
        leg = _leg(rng, venue, a, rng.randrange(len(contracts)), rng.choice((-1, 1)))
        inverse = contracts[leg.contract].inverse
        value = abs(leg.size) / leg.entry if inverse else abs(leg.size) * leg.entry
        scene.legs.append(leg)
        scene.purses.append(Purse(a, 0, True, value / leg.leverage * rng.uniform(0.3, 3)))
    for a in range(ISOLATED, ISOLATED + CROSS):
        group = [k for k, c in enumerate(contracts) if c.inverse]
        linear = [k for k, c in enumerate(contracts) if not c.inverse]
        if linear and (not group or rng.random() < 0.6):
            group = linear
        if contracts[group[0]].inverse:  # one coin pays for an account
            coin = contracts[rng.choice(group)].asset
            group = [k for k in group if contracts[k].asset == coin]
        chosen = rng.sample(group, rng.randint(1, len(group)))
        mine = []
        for k in chosen:
            both = rng.random() < 0.3
            for side in (1, -1) if both else (rng.choice((1, -1)),):
                mine.append(_leg(rng, venue, a, k, side))
            if both:  # legs of one contract share the mark
                mine[-1].mark = mine[-2].mark
        value = sum(abs(x.size) / (x.mark if contracts[x.contract].inverse else 1) for x in mine)
        if not contracts[chosen[0]].inverse:
            value = sum(abs(x.size) * x.mark for x in mine)
        scene.legs += mine
        scene.purses.append(Purse(a, 0, False, value * rng.choice((0.02, 0.1, 0.5, 1.3))))
    return scene


def _scale(scene: Scene, i: int) -> Decimal:
    """Size of the sums behind a price of an account: what rounding is relative to."""
    account = scene.legs[i].account
    total = abs(Decimal(scene.purses[account].balance))
    for j in scene.legs_of(account):
        leg = scene.legs[j]
        p = oracle.Position(leg, scene.contracts[leg.contract], 0.0)
        total += p.value(p.mark) + p.value(p.ep)
    return total


def _agrees(got: float, wanted: list[Decimal], scene: Scene, i: int) -> bool:
    leg = scene.legs[i]
    contract = scene.contracts[leg.contract]
    legs = [j for j in scene.legs_of(leg.account) if scene.legs[j].contract == leg.contract]
    net = abs(sum(Decimal(scene.legs[j].size) for j in legs))
    noise = _scale(scene, i) * Decimal("1e-13") / max(net, Decimal("1e-30"))
    if math.isnan(got):
        if not wanted:
            return True
        # a root within rounding of 0 (infinity for an inverse contract) may be lost, as may one
        # that a hedge meets a billion times above its mark
        mark = 1 / Decimal(leg.mark) if contract.inverse else Decimal(leg.mark)
        roots = [1 / x if contract.inverse else x for x in wanted]
        return all(x < noise or x > mark * 10**9 for x in roots)
    for x in wanted:
        error = abs(1 / Decimal(got) - 1 / x) if contract.inverse else abs(Decimal(got) - x)
        base = 1 / x if contract.inverse else x
        if error <= base * Decimal("1e-10") + noise:
            return True
    driver = 1 / Decimal(got) if contract.inverse else Decimal(got)
    return not wanted and driver < noise


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("venue", VENUES)
def test_every_margin_figure_agrees_with_the_venues_own_formula(venue: str, seed: int) -> None:
    scene = random_scene(venue, seed)
    engine, right = bound(scene), oracle.answers(venue, scene, MARGIN[venue].taker_fee)

    rounding = 2e-8 if venue == "binance_usdm" else 0.0
    for got, wanted in (
        (engine.maintenance(), right.maintenance),
        (engine.initial(), right.initial),
    ):
        np.testing.assert_allclose(got, [float(x) for x in wanted], rtol=1e-11, atol=rounding)
    state = engine.accounts_state()
    gross = np.bincount(
        engine.book.positions.account, [float(_scale(scene, i)) for i in range(len(scene.legs))]
    )
    assert np.all(np.abs(state.equity - [float(x) for x in right.equity]) <= 1e-13 * gross)
    assert np.all(np.abs(state.maintenance - [float(x) for x in right.need]) <= 1e-13 * gross)

    for name, prices, wanted in (
        ("liquidation", engine.liquidation_price(), right.liquidation),
        ("bankruptcy", engine.bankruptcy_price(), right.bankruptcy),
    ):
        wrong = [
            (i, scene.legs[i], prices[i], [float(x) for x in wanted[i]])
            for i in range(len(scene.legs))
            if not _agrees(float(prices[i]), wanted[i], scene, i)
        ]
        assert not wrong, f"{name}: {len(wrong)} of {len(scene.legs)}, first {wrong[0]}"
    assert sum(bool(w) for w in right.liquidation) > len(scene.legs) / 2


@pytest.mark.parametrize("venue", VENUES)
def test_the_printed_ratio_is_one_where_equity_meets_maintenance(venue: str) -> None:
    scene = random_scene(venue, 7)
    engine, right = bound(scene), oracle.answers(venue, scene, MARGIN[venue].taker_fee)
    ratio = engine.printed_ratio()
    for a, (equity, need) in enumerate(zip(right.equity, right.need, strict=True)):
        if equity <= 0 and venue != "okx":
            assert math.isinf(ratio[a])
        elif abs(equity) > Decimal("1e-6") * need:
            wanted = equity / need if venue == "okx" else need / equity
            assert ratio[a] == pytest.approx(float(wanted), rel=1e-5)


@pytest.mark.parametrize("seed", SEEDS)
def test_all_brackets_are_visited(seed: int) -> None:
    scene = random_scene("binance_usdm", seed)
    seen = {
        (leg.contract, oracle.Position(leg, scene.contracts[leg.contract], 0).bracket(
            Decimal(leg.mark)).floor)
        for leg in scene.legs
    }  # fmt: skip
    assert len(seen) > 35  # of 44
