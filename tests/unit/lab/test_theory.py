"""The study of theory: its statistics on known distributions, and its trends at reduced size."""

from __future__ import annotations

import json
from itertools import pairwise

import jsonschema
import numpy as np
import pytest

import market_floor
from oracles import firesale, leveraged_funds
from seawall.core import InputError
from seawall.core import _columns as c
from seawall.lab import tails, theory
from seawall.lab._seller import ErroneousSeller
from seawall.lab.one_market import PRICE, Crowd, OneMarket
from seawall.lab.theory_firesale import (
    PUBLISHED_IMPACT,
    PUBLISHED_SHOCK,
    european_banks,
    fire_sale,
)
from seawall.lab.theory_halts import limit_and_breaker
from seawall.lab.verdicts import Standing
from seawall.report.encode import to_json
from seawall.report.schema import schema_of
from seawall.report.theory import theory_report
from seawall.rulebook import bind


@pytest.fixture(scope="module")
def study() -> theory.TheoryStudy:
    return theory.run(reduced=True)


def test_kurtosis_of_known_distributions() -> None:
    rng = np.random.default_rng(1)
    assert tails.kurtosis(rng.standard_normal(400_000)) == pytest.approx(3.0, abs=0.04)
    assert tails.kurtosis(rng.uniform(size=400_000)) == pytest.approx(1.8, abs=0.01)
    # 3 + 6 / (v - 4) for Student's t of v degrees
    assert tails.kurtosis(rng.standard_t(12, 2_000_000)) == pytest.approx(3.75, abs=0.1)


@pytest.mark.parametrize("exponent", [1.5, 3.0])
def test_hills_interval_holds_the_exponent_of_pareto_draws(exponent: float) -> None:
    rng = np.random.default_rng(2)
    held = 0
    for _ in range(200):
        draws = (1.0 - rng.random(10_000)) ** (-1.0 / exponent) * rng.choice([-1, 1], 10_000)
        found = tails.hill_interval(draws, 0.05)
        held += found.low <= exponent <= found.high
    # 95% of 200, with three standard deviations on either side
    assert 180 <= held <= 199


def test_hill_needs_a_tail() -> None:
    with pytest.raises(InputError, match="too few"):
        tails.hill(np.arange(50.0), 0.01)


def test_clustering_is_the_autocorrelation_of_sizes() -> None:
    rng = np.random.default_rng(3)
    calm = rng.standard_normal(200_000)
    assert tails.clustering(calm) == pytest.approx(0.0, abs=0.01)
    wild = calm * np.repeat(rng.choice([0.5, 2.0], 2_000), 100)
    size = np.abs(wild)
    assert tails.clustering(wild) == pytest.approx(np.corrcoef(size[1:], size[:-1])[0, 1], abs=1e-3)
    assert tails.clustering(wild) > 0.2


def test_intervals_over_runs_are_those_of_means() -> None:
    rng = np.random.default_rng(4)
    runs = [np.array([x]) for x in rng.standard_normal(200)]
    found = tails.over_runs(runs, lambda some: float(np.mean(some)), 4_000, 1)
    half = 1.96 * np.std(np.concatenate(runs)) / np.sqrt(200)
    assert found.value == np.mean(runs)
    assert found.high - found.low == pytest.approx(2 * half, rel=0.08)
    assert not found.clear or abs(found.value) > half * 0.9


def test_a_power_law_is_read_back() -> None:
    size = np.array([1.0, 4.0, 9.0])
    assert tails.power_law(size, 7.0 * size**0.37) == pytest.approx(0.37)


def test_the_statistics_read_the_leveraged_funds_of_thurner_farmer_and_geanakoplos() -> None:
    recorded = {0.0: 3.01, 2.0: 3.84, 10.0: 15.3}
    runs = {x: leveraged_funds.returns(x, 2_500, 16, 1) for x in recorded}
    found = {x: tails.kurtosis(r.ravel()) for x, r in runs.items()}
    assert found[0.0] == pytest.approx(recorded[0.0], abs=0.15)
    # runs here are far shorter than those recorded: funds have had less time to grow
    for leverage in (2.0, 10.0):
        assert recorded[leverage] / 2 < found[leverage] < recorded[leverage] * 2
    assert found[0.0] < found[2.0] < found[10.0]
    exponent = {x: tails.hill(r.ravel(), 0.025) for x, r in runs.items()}
    assert exponent[10.0] < exponent[0.0]
    assert tails.clustering(runs[10.0][0]) > tails.clustering(runs[0.0][0])


def test_only_the_margin_of_a_crowd_differs_by_leverage() -> None:
    instrument = OneMarket(60.0).setup().floor.markets[0].instrument
    calm, bold = (Crowd(400, 1e9, x).book(instrument) for x in (2.0, 20.0))
    assert np.array_equal(calm.positions.size, bold.positions.size)
    for book in (calm, bold):
        usd = book.positions.size * PRICE
        assert usd[usd > 0].sum() == pytest.approx(1e9)
        assert usd.sum() == pytest.approx(0.0, abs=1.0)
    leverage = np.abs(calm.positions.size) * PRICE / calm.accounts.balance
    assert np.median(leverage) == pytest.approx(2.0, rel=0.15)
    assert leverage.max() <= 50.0
    none = bind(Crowd(400, 1e9).book(instrument)).accounts_state()
    assert (none.equity >= 99.0 * none.maintenance).all()


def test_what_a_seller_by_mistake_asks_for() -> None:
    floor = market_floor.make_floor(("generic",), ("BTC",), spot=False, steps=20)
    table = market_floor.make_table(floor)
    seller = ErroneousSeller(usd_per_second=1e6, begin=2.0, end=5.0, lifetime=4.0)
    caller = market_floor.Caller(seller.act(floor), floor)
    asked = [-caller.step(table)[0, c.QUANTITY] for _ in range(8)]
    # nothing is filled: three deliveries of ten coins, each shrinking from the step after
    keep, each = np.exp(-0.25), 1e6 / 100_000.0
    sums = [each * sum(keep ** (t - k) for k in (2, 3, 4) if k <= t) for t in range(8)]
    assert asked == pytest.approx(sums)
    caller = market_floor.Caller(seller.act(floor), floor)
    assert caller.run(table, 8)[:, 0] == pytest.approx([0, 0, -each, -each, -each, 0, 0, 0])


def test_limit_and_breaker_have_equal_parameters() -> None:
    limit, breaker = limit_and_breaker(120.0)
    assert (limit.down, limit.up, limit.window) == (breaker.down, breaker.up, breaker.window)
    assert breaker.pause == limit.window == 120.0
    assert limit.around == breaker.reference == "mean"


def test_tails_fatten_with_leverage(study: theory.TheoryStudy) -> None:
    rows, found = study.leverage.rows, study.leverage
    assert 2.5 < rows[0].kurtosis.value < 4.0
    assert rows[0].kurtosis.value < rows[1].kurtosis.value < rows[2].kurtosis.value
    assert found.kurtosis_ratio.low > 1.0
    assert found.tail_change.high < 0.0
    assert found.clustering_change.value > 0.0
    assert rows[0].forced == 0.0
    assert 0.0 < rows[1].forced < rows[2].forced


def test_a_limit_suffers_from_orders_that_wait(study: theory.TheoryStudy) -> None:
    short, long = study.halts.by_lifetime
    for row in (short, long):
        assert row.limit.value < row.free.value
        assert row.deeper.value == pytest.approx(row.limit.value - row.breaker.value)
    assert short.breaker.value < short.free.value
    # orders that outlive the pause meet the market together when it reopens
    assert long.deeper.high < short.deeper.low
    assert study.halts.growth.high < 0.0


def test_where_orders_outlive_the_pause_a_breaker_makes_the_fall_deeper(
    study: theory.TheoryStudy,
) -> None:
    """What has gathered meets the market at once when it reopens."""
    long = study.halts.by_lifetime[1]
    assert long.breaker.low > long.free.high


def test_impact_in_the_book_follows_its_shape(study: theory.TheoryStudy) -> None:
    even, growing, _, default = study.book
    assert 0.85 < even.exponent.value < 1.1
    assert even.large.low > 0.9
    # what rests within a distance grows as its square, so that the price goes as the root of what
    # is taken; what stays of it is linear
    assert growing.exponent.low > 0.5
    assert growing.exponent.high < even.exponent.low
    assert default.exponent.low > 0.7
    for found in study.book:
        assert (found.impact > 0).all()


def test_impact_order_by_order_is_concave(study: theory.TheoryStudy) -> None:
    for found in study.orders:
        assert 0.2 < found.measured.exponent < 0.9


def test_the_oracle_has_the_published_extents() -> None:
    banks = european_banks()
    assert len(banks.capital) == 48
    assert (banks.other > 0).all()
    sheets = (banks.capital, banks.assets, banks.bonds)
    for impact, extent in PUBLISHED_IMPACT.items():
        found, _ = firesale.fire_sale(*sheets, 0.2, impact)
        assert found == pytest.approx(extent, abs=5e-4)
    for shock, (extent, _, targeting, _) in PUBLISHED_SHOCK.items():
        for published, buffer in ((extent, firesale.BUFFER), (targeting, 1.0)):
            found, _ = firesale.fire_sale(*sheets, shock, 0.01, buffer)
            assert (found if found >= 0.05 else 0.0) == pytest.approx(published, abs=5e-4)


def test_without_impact_the_cascade_is_the_published_run() -> None:
    banks, sale = european_banks(), fire_sale(0.2, 0.0)
    assert sale.extent == pytest.approx(PUBLISHED_IMPACT[0.0], abs=5e-5)
    _, sold = firesale.fire_sale(banks.capital, banks.assets, banks.bonds, 0.2, 0.0)
    assert sale.sold == pytest.approx(sold, abs=1e-12) == pytest.approx(0.605, abs=5e-4)


def test_with_impact_it_stays_near(study: theory.TheoryStudy) -> None:
    for sale in study.fire_sales.by_impact:
        # four banks of 48
        assert sale.extent == pytest.approx(PUBLISHED_IMPACT[sale.impact], abs=4.01 / 48)
    for sale, target in study.fire_sales.by_shock:
        _, sold, _, sold_by_target = PUBLISHED_SHOCK[sale.shock]
        assert sold is None or sale.sold == pytest.approx(sold, abs=0.04)
        assert sold_by_target is None or target.sold == pytest.approx(sold_by_target, abs=0.02)


def test_failures_grow_with_impact_and_with_the_shock(study: theory.TheoryStudy) -> None:
    failed = [s.failed for s in study.fire_sales.by_impact]
    assert all(a <= b for a, b in pairwise(failed))
    assert failed[0] < failed[-1]
    for kind in (0, 1):
        by_shock = [pair[kind].failed for pair in study.fire_sales.by_shock]
        assert all(a <= b for a, b in pairwise(by_shock))


def test_threshold_sells_less_than_target_above_all_after_small_shocks(
    study: theory.TheoryStudy,
) -> None:
    gap = [target.sold - sale.sold for sale, target in study.fire_sales.by_shock]
    assert min(gap) > 0.0
    assert gap[0] > 10 * gap[-1]


def test_claims_stand_by_their_rules(study: theory.TheoryStudy) -> None:
    standing = {x.claim: x.standing for x in study.claims}
    assert len(standing) == 10
    assert standing["kurtosis grows with leverage"] is Standing.SUPPORTED
    assert standing["failures grow with price impact"] is Standing.SUPPORTED
    book = "the square root emerges from the engine's book with even depth"
    assert standing[book] is Standing.CONTRADICTED


def test_the_report_has_the_documented_shape(study: theory.TheoryStudy) -> None:
    report = theory_report(study)
    document = json.loads(to_json(report))
    jsonschema.validate(document, schema_of("study-theory/1"))
    assert document["tables"]["leverage"][0]["leverage"] == 0.0
    assert len(document["claims"]) == len(report.answer) == 10
    assert report.warnings
