"""Uninformed flow: volume, balance, persistence, independence of the step and of others."""

from __future__ import annotations

import numpy as np
import pytest

from market_floor import VOLUME, Caller, make_floor, make_table, usd
from seawall._jit import kernel
from seawall.core import _columns as c
from seawall.sim.behaviours._flow import exponentials, poisson
from seawall.sim.behaviours.market_maker import MarketMaker
from seawall.sim.behaviours.noise import Noise
from seawall.sim.streams import stream_key

STEPS = 40_000


@kernel
def draw(key, mean, count, counts, sums):
    for k in range(counts.size):
        counts[k] = poisson(key, np.uint64(k), 0, mean)
        sums[k] = exponentials(key, np.uint64(k), 8, count)


def flows(noise: Noise, step: float, steps: int, name: str = "it") -> np.ndarray:
    """USD a step of the first market."""
    floor = make_floor(step=step)
    table = make_table(floor)
    caller = Caller(noise.act(floor), floor, name=name)
    return caller.run(table, steps)[:, 0] * table[0, c.MID]


@pytest.mark.parametrize("mean", [0.01, 0.7, 5.0, 39.0, 120.0])
def test_counts_have_the_mean_and_variance_of_poissons(mean: float) -> None:
    counts, sums = np.empty(20_000), np.empty(20_000)
    draw(np.uint64(7), mean, 1, counts, sums)
    wide = 5.0 * np.sqrt(mean / len(counts))
    assert counts.mean() == pytest.approx(mean, abs=wide)
    assert counts.var() == pytest.approx(mean, rel=0.1, abs=wide)
    assert (counts >= 0).all()


@pytest.mark.parametrize("count", [0, 1, 3, 8, 9, 60])
def test_sums_of_exponentials_have_the_moments_of_a_gamma(count: int) -> None:
    counts, sums = np.empty(20_000), np.empty(20_000)
    draw(np.uint64(8), 1.0, count, counts, sums)
    assert sums.mean() == pytest.approx(count, abs=5.0 * np.sqrt(count / len(sums)) + 0.01 * count)
    assert sums.var() == pytest.approx(count, rel=0.06)
    assert (sums >= 0).all()


def test_volume_is_the_share_asked_for_and_both_sides_alike() -> None:
    # one trade in a hundred steps: hardly any two net
    noise = Noise(share=0.4, rate=0.01, imbalance=0.0)
    flow = flows(noise, 1.0, 4 * STEPS)
    trades = np.count_nonzero(flow)
    assert np.abs(flow).sum() / len(flow) == pytest.approx(0.4 * VOLUME / 86_400, rel=0.1)
    assert trades / len(flow) == pytest.approx(0.01, rel=0.1)
    assert abs((flow > 0).sum() - trades / 2) < 3 * np.sqrt(trades)


@pytest.mark.parametrize("imbalance", [0.0, 1.0])
def test_half_steps_sum_to_the_same_flow_in_mean_and_variance(imbalance: float) -> None:
    noise = Noise(rate=1.0, imbalance=imbalance, persistence=20.0)
    whole = flows(noise, 1.0, STEPS).reshape(-1, 50).sum(axis=1)
    half = flows(noise, 0.5, 2 * STEPS).reshape(-1, 100).sum(axis=1)
    assert whole.std() == pytest.approx(half.std(), rel=0.12)
    error = np.hypot(whole.std(), half.std()) / np.sqrt(len(whole))
    assert abs(whole.mean() - half.mean()) < 4 * error * (1 + 5 * imbalance)


def test_variance_over_a_second_is_that_of_a_compound_poisson_flow() -> None:
    # size of a trade exponential of mean s: variance rate * 2 s^2 a second
    flow = flows(Noise(share=0.5, rate=2.0, imbalance=0.0), 1.0, STEPS)
    size = 0.5 * VOLUME / 86_400 / 2.0
    assert flow.var() == pytest.approx(2.0 * 2.0 * size**2, rel=0.05)


def test_signs_are_autocorrelated_for_as_long_as_asked() -> None:
    flow = flows(Noise(rate=5.0, imbalance=1.0, persistence=60.0), 1.0, STEPS)

    def correlation(lag: int) -> float:
        return float(np.corrcoef(flow[:-lag], flow[lag:])[0, 1])

    assert correlation(1) > 0.3
    assert correlation(30) == pytest.approx(correlation(1) * np.exp(-29 / 60), abs=0.08)
    assert abs(correlation(600)) < 0.1
    independent = flows(Noise(rate=5.0, imbalance=0.0), 1.0, STEPS)
    assert abs(np.corrcoef(independent[:-1], independent[1:])[0, 1]) < 0.02


def test_markets_do_not_share_their_luck() -> None:
    floor = make_floor()
    table = make_table(floor)
    table[:, c.MID] = 1.0
    flow = Caller(Noise(rate=5.0).act(floor), floor).run(table, 20_000)
    off = np.corrcoef(flow.T)[~np.eye(len(floor), dtype=bool)]
    assert np.abs(off).max() < 0.05


def test_venues_and_assets_named_alone_are_traded() -> None:
    floor = make_floor()
    flow = Caller(Noise(venues=("spot",), assets=("ETH",)).act(floor), floor).run(
        make_table(floor), 50
    )
    traded = [m.name for k, m in enumerate(floor.markets) if flow[:, k].any()]
    assert traded == ["spot:ETH"]


def test_inverse_market_trades_the_same_usd() -> None:
    linear, inverse = make_floor(), make_floor(inverse=("alpha",))
    a = Caller(Noise().act(linear), linear).run(make_table(linear), 200)
    b = Caller(Noise().act(inverse), inverse).run(make_table(inverse), 200)
    np.testing.assert_allclose(usd(make_table(linear), a), usd(make_table(inverse), b))


def test_a_halt_in_one_market_shifts_nobody_elses_draws() -> None:
    floor = make_floor()
    free, held = Caller(Noise().act(floor), floor), Caller(Noise().act(floor), floor)
    table, halted = make_table(floor), make_table(floor)
    for k in range(200):
        halted[0, c.SESSION] = c.HALTED if 50 <= k < 100 else c.OPEN
        a, b = free.step(table), held.step(halted)
        np.testing.assert_array_equal(a[1:], b[1:])
        if 50 <= k < 100:
            assert b[0, c.QUANTITY] == 0
        else:
            np.testing.assert_array_equal(a[0], b[0])


def test_another_behaviour_shifts_no_draw_and_names_have_their_own() -> None:
    floor = make_floor()
    table = make_table(floor)
    alone = Caller(Noise().act(floor), floor, name="behaviour noise").run(table, 100)
    beside = Caller(Noise().act(floor), floor, name="behaviour noise")
    others = [
        Caller(Noise().act(floor), floor, name="behaviour crowd"),
        Caller(MarketMaker().act(floor), floor, name="behaviour market_maker"),
    ]
    got = np.empty_like(alone)
    other = np.empty_like(alone)
    for k in range(100):
        other[k] = others[0].step(table)[:, c.QUANTITY]
        others[1].step(table)
        got[k] = beside.step(table)[:, c.QUANTITY]
    np.testing.assert_array_equal(got, alone)
    assert not np.array_equal(other, alone)
    assert stream_key(1, "behaviour noise") != stream_key(2, "behaviour noise")


@pytest.mark.parametrize("elasticity", [0.0, 0.5, 1.0])
def test_trades_shrink_in_a_thin_book_by_the_power_asked_for(elasticity: float) -> None:
    floor = make_floor()
    calm, thin = make_table(floor), make_table(floor)
    thin[:, [c.STANDING_BID, c.STANDING_ASK]] *= 0.04
    noise = Noise(elasticity=elasticity)
    a = Caller(noise.act(floor), floor).run(calm, 50)
    b = Caller(noise.act(floor), floor).run(thin, 50)
    np.testing.assert_allclose(b, a * 0.04**elasticity)
