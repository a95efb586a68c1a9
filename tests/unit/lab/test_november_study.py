"""The study of November 2025: verdicts by hand, comparisons by hand, a small market run."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from jsonschema import Draft202012Validator

from seawall.lab import november
from seawall.lab.compare import Difference
from seawall.lab.november_claims import CLAIMS
from seawall.lab.november_effects import compared, whole
from seawall.lab.november_record import DRAWN, SET, targets
from seawall.lab.november_variants import (
    CRISIS,
    ORDINARY,
    THINNING,
    Variant,
    in_cluster,
    shrunk,
    variants,
)
from seawall.lab.verdicts import AT_REST, FLOORS, Claim, Standing, Test, direction, judge
from seawall.report.encode import to_json
from seawall.report.november import november_report
from seawall.report.schema import schema_of
from seawall.sim.measures import forced_usd
from seawall.sim.scenario import load_scenario
from seawall.sim.setup import Setup

SEEDS = (1, 2)
KEYS = ("crisis", "ordinary", "crisis faint", "low leverage", "stops", "cap 10", "fund")


def change(name: str, base: float, mean: float, half: float) -> Difference:
    """A difference with a symmetric interval."""
    end = base + mean
    return Difference(
        name, 10, (base, base, base), (end, end, end), (mean, mean - half, mean + half)
    )


# --- the rule, on synthetic intervals ------------------------------------------------------------


@pytest.mark.parametrize(
    ("base", "mean", "half", "expected"),
    [
        (1000e6, -200e6, 50e6, -1),
        (1000e6, 200e6, 50e6, 1),
        (1000e6, -200e6, 250e6, 0),  # the interval holds 0
        (1000e6, -99e6, 1e6, 0),  # less than a tenth of the base
        (1000e6, -101e6, 1e6, -1),
        (50e6, -10e6, 1e6, 0),  # a fifth of the base, but below the floor of 20M
        (0.0, 30e6, 1e6, 1),  # from nothing, above the floor
        (1000e6, -200e6, math.nan, 0),  # no interval
        (1000e6, -200e6, 200e6, 0),  # it touches 0
    ],
)
def test_a_measure_moves_only_beyond_chance_and_by_enough(
    base: float, mean: float, half: float, expected: int
) -> None:
    assert FLOORS["forced_usd"] == 20e6
    assert direction(change("forced_usd", base, mean, half)) == expected


FALLS = change("forced_usd", 1000e6, -200e6, 50e6)
RISES = change("accounts_forced", 1e5, 2e4, 1e3)
STAYS = change("accounts_forced", 1e5, 2e2, 1e3)


@pytest.mark.parametrize(
    ("sign", "accounts", "expected"),
    [
        (-1, STAYS, Standing.SUPPORTED),
        (1, STAYS, Standing.CONTRADICTED),
        (-1, RISES, Standing.CANNOT_TELL),  # one measure for it, one against
        (1, RISES, Standing.CANNOT_TELL),
    ],
)
def test_a_claim_is_decided_by_all_of_its_measures(
    sign: int, accounts: Difference, expected: Standing
) -> None:
    claim = Claim("x", (Test("a", "forced_usd", sign), Test("a", "accounts_forced", sign)))
    found = judge(claim, {"a": {"forced_usd": FALLS, "accounts_forced": accounts}})
    assert found.standing is expected
    assert found.changes == (FALLS, accounts)


def test_nothing_that_moves_cannot_decide() -> None:
    claim = Claim("x", (Test("a", "accounts_forced", -1),))
    assert judge(claim, {"a": {"accounts_forced": STAYS}}).standing is Standing.CANNOT_TELL


def test_a_verdict_says_by_how_many_measures_and_on_which_day() -> None:
    tests = tuple(Test(k, "forced_usd", -1, day) for k, day in (("a", "day"), ("b", "thin day")))
    stays = change("forced_usd", 1000e6, -1e6, 50e6)
    thin = judge(Claim("x", tests), {"a": {"forced_usd": stays}, "b": {"forced_usd": FALLS}})
    assert thin.holds == "by 1 of 2 measures, thin day only"
    assert thin.words == "supported by 1 of 2 measures, thin day only"
    both = judge(Claim("x", tests), {"a": {"forced_usd": FALLS}, "b": {"forced_usd": FALLS}})
    assert both.words == "supported by 2 of 2 measures"
    neither = judge(Claim("x", tests), {"a": {"forced_usd": stays}, "b": {"forced_usd": stays}})
    assert (neither.holds, neither.words) == ("", "cannot tell")


@pytest.mark.parametrize(
    ("gap", "said"), [(AT_REST, False), (AT_REST + 0.001, True), (math.nan, False)]
)
def test_a_verdict_says_when_all_that_decides_does_not_come_to_rest(gap: float, said: bool) -> None:
    def found(base: float) -> dict[str, Difference]:
        return {"forced_usd": FALLS, "gap.BTC": change("gap.BTC", base, 0.0, 0.0)}

    one = judge(Claim("x", (Test("a", "forced_usd", -1),)), {"a": found(gap)})
    assert one.holds.endswith("do not come to rest") == said
    # a second comparison that comes to rest and says the same is enough
    two = Claim("x", (Test("a", "forced_usd", -1), Test("b", "forced_usd", -1)))
    assert judge(two, {"a": found(gap), "b": found(0.01)}).words == "supported by 2 of 2 measures"


@pytest.mark.parametrize("accounts", [RISES, STAYS])
def test_what_cannot_be_told_says_so_too_of_runs_that_do_not_come_to_rest(
    accounts: Difference,
) -> None:
    money = FALLS if accounts is RISES else change("forced_usd", 1000e6, -1e6, 50e6)
    claim = Claim("x", (Test("a", "forced_usd", -1), Test("a", "accounts_forced", -1)))

    def words(gap: float) -> str:
        gaps = change("gap.BTC", 0.01, gap - 0.01, 0.0)
        measures = {"forced_usd": money, "accounts_forced": accounts, "gap.BTC": gaps}
        return judge(claim, {"a": measures}).words

    assert words(AT_REST - 0.001) == "cannot tell"
    assert words(AT_REST + 0.001) == "cannot tell, in runs that do not come to rest"


def test_no_claim_of_the_fall_is_decided_by_what_is_no_fall() -> None:
    deeper = [c for c in CLAIMS if "deeper" in c.text]
    assert [[t.measure for t in c.tests] for c in deeper] == [["drop.BTC"]]
    assert not any("amplifies" in c.text for c in CLAIMS)


def test_what_cannot_be_asked_says_why() -> None:
    found = judge(Claim("x", why="because"), {})
    assert (found.standing, found.reason) == (Standing.CANNOT_TELL, "because")


# --- comparisons ---------------------------------------------------------------------------------


def test_pairs_are_compared_seed_by_seed() -> None:
    base = {1: {"x": 1.0}, 2: {"x": 5.0}, 3: {"x": math.nan}, 4: {"x": 9.0}}
    other = {1: {"x": 2.0}, 2: {"x": 8.0}, 3: {"x": 7.0}}
    found = compared(base, other)["x"]
    # changes 1 and 3: mean 2, standard error 1, t with one degree of freedom 12.706
    assert found.pairs == 2
    assert found.change == pytest.approx((2.0, 2 - 12.7062, 2 + 12.7062), abs=1e-3)
    assert (found.base[0], found.reform[0]) == (3.0, 5.0)


def test_amounts_are_those_of_the_whole_market() -> None:
    row = {
        "forced_usd": 4.0,
        "stops_usd": 1.0,
        "accounts_forced": 10.0,
        "adl_ratio": 0.5,
        "fall.BTC": -0.07,
        "traders_usd": 4.0,
    }
    found = whole(row, 0.2)
    assert found["forced_usd"] == 20.0
    assert found["sold_usd"] == 25.0
    assert found["traders_usd"] == pytest.approx(20.0)
    assert found["accounts_forced"] == 50.0
    assert (found["adl_ratio"], found["drop.BTC"]) == (0.5, 0.07)


def test_targets_are_the_record() -> None:
    known = {t.key: t for t in targets()}
    assert known["total_usd"].value == 1.91e9
    assert known["traders"].value == 391_164
    assert known["ordinary_usd"].value == 3.2e8
    assert known["traders"].role == DRAWN
    # Binance: from 86,601 to 80,600
    assert known["drop.BTC"].value == pytest.approx(1 - 80_600 / 86_601.3)
    assert known["drop.BTC"].role == SET


def test_every_claim_and_base_can_be_found() -> None:
    chosen = variants()
    keys = [v.key for v in chosen]
    assert len(set(keys)) == len(keys)
    assert {v.base for v in chosen} <= set(keys)
    known = set(keys) | set(november._FURTHER)
    assert {t.comparison for c in CLAIMS for t in c.tests} <= known


# --- a small market ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bases() -> dict[str, Setup]:
    return {
        key: november.prepared(load_scenario(name), 5_000, 30.0)
        for key, name in november.SCENARIOS.items()
    }


@pytest.fixture(scope="module")
def found(bases: dict[str, Setup]) -> november.NovemberStudy:
    chosen = [v for v in variants() if v.key in KEYS]
    return november.study(bases, chosen, SEEDS, workers=1)


def test_a_market_of_another_size_keeps_its_depth_by_account(bases: dict[str, Setup]) -> None:
    model = load_scenario("november-2025").model
    assert model.markets is not None
    ratio = 5_000 / model.population.accounts  # type: ignore[union-attr]
    depth = sum(m.depth for m in bases[CRISIS].floor.markets if m.asset == "BTC" and not m.spot)
    assert depth == pytest.approx(model.markets.depth["BTC"] * ratio)
    assert bases[CRISIS].funds["bybit"] == pytest.approx(model.funds["bybit"] * ratio)


def test_the_record_comes_out_near_enough(found: november.NovemberStudy) -> None:
    by_key = {x.target.key: x for x in found.targets}
    assert by_key["traders"].error == pytest.approx(0.0, abs=0.15)
    assert by_key["total_usd"].error == pytest.approx(0.0, abs=0.4)
    assert by_key["long_share"].median == pytest.approx(0.93, abs=0.04)
    assert by_key["ordinary_traders"].error == pytest.approx(0.0, abs=0.25)
    assert not found.failures


def test_robust_signs(found: november.NovemberStudy) -> None:
    changes = found.differences
    for key in ("low leverage", "cap 10"):
        assert changes[key]["accounts_forced"].change[0] < 0, key
    assert changes["low leverage"]["forced_usd"].change[0] < 0
    # stops sell before the liquidation would, so fewer are liquidated, and more is sold in all
    assert changes["stops"]["accounts_forced"].change[0] < 0
    assert changes["stops"]["sold_usd"].change[0] > 0
    # a fund changes nobody's liquidation
    assert changes["fund"]["accounts_forced"].change[0] == 0.0
    assert changes["crisis - faint"]["volatility.BTC"].change[0] > 0


def test_the_study_is_the_same_again(
    bases: dict[str, Setup], found: november.NovemberStudy
) -> None:
    chosen = [v for v in variants() if v.key in (CRISIS, "cap 10")]
    rows, failures = november.run_variants(bases, chosen, SEEDS, workers=1)
    assert not failures
    for key in (CRISIS, "cap 10"):
        for seed in SEEDS:
            again, before = rows[key][seed], found.rows[key][seed]
            assert again.keys() == before.keys()
            np.testing.assert_array_equal(list(again.values()), list(before.values()))


def test_a_run_without_the_cluster_liquidates_less_of_shorts(bases: dict[str, Setup]) -> None:
    setup = bases[ORDINARY]
    mine = in_cluster(setup.book, setup)
    assert mine.any()
    small = shrunk(setup, mine)
    usd, before = small.book.notional(), setup.book.notional()
    gone = mine[setup.book.positions.account]
    assert usd[gone].sum() < 1e-9 * before[gone].sum()
    np.testing.assert_array_equal(usd[~gone], before[~gone])


def test_variants_change_what_they_say(bases: dict[str, Setup]) -> None:
    known = {v.key: v for v in variants()}

    def made(key: str) -> Setup:
        v: Variant = known[key]
        return v.change(bases[v.scenario], 0.01)

    crisis = bases[CRISIS]
    assert made("crisis") is crisis
    thin = made("thin")
    for a, b in zip(thin.floor.markets, crisis.floor.markets, strict=True):
        assert a.depth == pytest.approx(b.depth / THINNING)
    assert made("fund").funds["htx"] == crisis.funds["bybit"]
    assert made("fund").funds["okx"] == 3 * crisis.funds["okx"]
    assert set(made("four").levers) == {"coordinated_breaker", "leverage_cap", "disclosure"}
    sale = made("sale htx").shocks["sale"].model_dump()
    assert sale["usd"] == pytest.approx(47.87e6 * 0.01)
    assert made("btc alone").shocks.keys() == {"BTC"}


def test_dominoes_fall_with_their_account(found: november.NovemberStudy) -> None:
    assert found.dominoes
    for d in found.dominoes:
        assert d.own_usd > 0
        assert d.change[0] < 0
    rest = [d.others_usd + d.own_usd + d.change[0] for d in found.dominoes]
    assert rest == pytest.approx([0.0] * len(rest), abs=1e-3)


def test_the_report_is_described_by_its_schema(found: november.NovemberStudy) -> None:
    report = november_report(found)
    Draft202012Validator(schema_of("study-november")).validate(json.loads(to_json(report)))
    verdicts = next(t for t in report.tables if t.key == "verdicts")
    assert len(verdicts.rows) == len(found.verdicts)
    assert any("reduced" in w for w in report.warnings)
    assert [row[:2] for row in verdicts.rows] == [(v.claim.text, v.words) for v in found.verdicts]


def test_ends_of_few_runs_are_called_what_they_are(found: november.NovemberStudy) -> None:
    report = november_report(found)
    record = next(t for t in report.tables if t.key == "record")
    assert [c.title for c in record.columns if c.key in ("low", "high")] == ["Lowest", "Highest"]
    assert "lowest to highest of 2 runs" in record.caption
    assert "one draw" in record.caption
    assert {h.band for h in report.headlines} == {"lowest to highest of 2 runs"}
    forced = sorted(row["forced_usd"] for row in found.rows[CRISIS].values())
    total = next(x for x in found.targets if x.target.key == "total_usd")
    assert (total.low, total.high) == pytest.approx((forced[0], forced[-1]))


def test_forced_is_measured_once(bases: dict[str, Setup], found: november.NovemberStudy) -> None:
    from seawall.sim.engine import Simulation

    run = Simulation(bases[CRISIS], SEEDS[0]).run()
    assert found.rows[CRISIS][SEEDS[0]]["forced_usd"] == pytest.approx(
        forced_usd(run) / found.share
    )
