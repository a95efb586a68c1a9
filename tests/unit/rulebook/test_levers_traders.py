"""Levers that change who stands at the start: caps, limits, add-ons, stops, low leverage."""

from __future__ import annotations

from math import inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from oracles.levers import Holding, floor_of, traders_of
from seawall.core import InputError, MarginSchedule, RuleError, VenueTerms
from seawall.rulebook.levers.concentration_margin import ConcentrationMargin
from seawall.rulebook.levers.coordinated_breaker import CoordinatedBreaker
from seawall.rulebook.levers.disclosure import Disclosure
from seawall.rulebook.levers.fund_target import FundTarget
from seawall.rulebook.levers.leverage_cap import LeverageCap
from seawall.rulebook.levers.low_leverage import LowLeverage
from seawall.rulebook.levers.position_limit import PositionLimit
from seawall.rulebook.levers.stop_adoption import StopAdoption


def rng():
    return np.random.default_rng(11)


def crowd(n: int = 400, seed: int = 3):
    """Traders with one position each at 0.5x to 60x."""
    draw = np.random.default_rng(seed)
    leverage = np.exp(draw.uniform(np.log(0.5), np.log(60.0), n))
    size = draw.lognormal(0.0, 1.5, n) * draw.choice([-1.0, 1.0], n)
    return traders_of(
        [Holding(k, size[k], abs(size[k]) * 100.0 / leverage[k]) for k in range(n)]
    ), leverage


# --- leverage cap ---------------------------------------------------------------------------------


def test_flat_cap_scales_an_account_as_one():
    traders = traders_of(
        [
            Holding(0, 10.0, 100.0),  # 1000 on 100: 10x
            Holding(1, -4.0, 200.0),  # 2x
            Holding(2, 30.0, 200.0, account=7),  # 3000 and 1000 on 200: 20x
            Holding(2, -10.0, 200.0, asset="ETH", account=7),
        ]
    )
    LeverageCap(cap=5.0).traders(traders, rng())
    assert traders.scale.tolist() == pytest.approx([0.5, 1.0, 0.25, 0.25])


def test_cap_by_bracket_is_met_exactly():
    table = [(0.0, 50.0), (10_000.0, 10.0), (100_000.0, 2.0)]
    lever = LeverageCap(cap=50.0, brackets=[{"floor_usd": f, "cap": k} for f, k in table[1:]])
    sizes = [90.0, 150.0, 2_000.0, 5_000.0]  # 9k, 15k, 200k, 500k
    equity = [9_000.0 / 60.0, 600.0, 20_000.0, 250_000.0]
    traders = traders_of(
        [Holding(k, s, e) for k, (s, e) in enumerate(zip(sizes, equity, strict=True))]
    )
    lever.traders(traders, rng())

    def allowed(e):
        """Largest notional that equity e carries, bracket by bracket."""
        tops = [10_000.0, 100_000.0, inf]
        fits = [
            min(e * cap, top)
            for (floor, cap), top in zip(table, tops, strict=True)
            if e * cap >= floor
        ]
        return max(fits)

    for k, size in enumerate(sizes):
        notional = 100.0 * size * traders.scale[k]
        assert notional == pytest.approx(min(100.0 * size, allowed(equity[k])), rel=1e-9)


def test_cap_falls_with_volatility():
    holdings = [Holding(0, 10.0, 50.0), Holding(1, 10.0, 50.0, asset="DOGE")]
    traders = traders_of(holdings)
    lever = LeverageCap(cap=20.0, volatility={"BTC": 0.02, "DOGE": 0.08}, calm_volatility=0.04)
    lever.traders(traders, rng())
    assert traders.scale.tolist() == pytest.approx([1.0, 0.5])
    assert lever.calmness("BTC") == lever.calmness("ETH") == 1.0


def test_planned_entries_meet_the_rules_too():
    """What a trader plans to open counts, and is cut, as if it were open."""
    for lever, factor in (
        (LeverageCap(cap=5.0), 0.25),
        (PositionLimit(usd=400.0), 0.2),
        (LowLeverage(share=1.0, least=2.0, most=2.0), 0.1),
    ):
        traders = traders_of([Holding(0, 1.0, 100.0)])
        traders.plan[0] = 2000.0
        lever.traders(traders, rng())
        assert traders.plan[0] == pytest.approx(factor * 2000.0)
        assert traders.scale[0] == pytest.approx(factor)


def test_cap_in_the_schedule():
    before = MarginSchedule.continuous(
        np.array([0.0, 50_000.0]), np.array([0.004, 0.01]), np.array([125.0, 50.0])
    )
    lever = LeverageCap(cap=20.0, brackets=({"floor_usd": 80_000.0, "cap": 5.0},), maintenance=0.5)
    after = lever.schedule(before, "okx", "BTC")
    assert after.floors.tolist() == [0.0, 50_000.0, 80_000.0]
    assert after.max_leverage.tolist() == [20.0, 20.0, 5.0]
    assert after.rates.tolist() == pytest.approx([0.025, 0.025, 0.1])
    for edge, k in ((50_000.0, 1), (80_000.0, 2)):
        below = after.rates[k - 1] * edge - after.deductions[k - 1]
        assert after.rates[k] * edge - after.deductions[k] == pytest.approx(below)
    plain = LeverageCap(cap=20.0).schedule(before, "okx", "BTC")
    assert np.array_equal(plain.rates, before.rates)
    assert np.array_equal(plain.deductions, before.deductions)
    assert LeverageCap(cap=20.0, venues=("bybit",)).schedule(before, "okx", "BTC") is before
    assert LeverageCap().schedule(before, "okx", "BTC") is before


def test_cap_over_brackets_by_contracts_and_unknown_leverage():
    before = MarginSchedule.stepped(np.array([0.0, 500.0]), np.array([0.01, 0.02]))
    lever = LeverageCap(cap=20.0, brackets=({"floor_usd": 80_000.0, "cap": 5.0},))
    after = lever.schedule(before, "okx", "BTC")
    assert after.floors.tolist() == [0.0, 500.0]
    assert after.max_leverage.tolist() == [20.0, 20.0]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"cap": 10, "brackets": ({"floor_usd": 5, "cap": 20},)}, "may not have a higher cap"),
        (
            {"brackets": ({"floor_usd": 5, "cap": 2}, {"floor_usd": 5, "cap": 1})},
            "rising order of floor_usd",
        ),
        ({"cap": 10, "volatility": {"BTC": 0.1}}, "go together"),
        ({"maintenance": 0.5}, "finite cap"),
        ({"cap": 0}, "cap"),
    ],
)
def test_cap_refusals(settings, words):
    with pytest.raises(ValidationError, match=words):
        LeverageCap(**settings)


# --- limits and add-ons ---------------------------------------------------------------------------


def test_position_limit_counts_a_trader_once():
    traders = traders_of(
        [
            Holding(0, 60.0, 1e4),  # 6000 and 2000: one holding of 8000
            Holding(0, 20.0, 1e4),
            Holding(1, 30.0, 1e4),
            Holding(2, -110.0, 1e4),
            Holding(0, 50.0, 1e4, asset="ETH"),
        ]
    )
    PositionLimit(usd=4_000.0).traders(traders, rng())
    assert traders.scale.tolist() == pytest.approx([0.5, 0.5, 1.0, 4 / 11, 0.8])
    again = traders_of([Holding(0, 60.0, 1e4), Holding(1, 40.0, 1e4), Holding(2, -100.0, 1e4)])
    PositionLimit(share=0.5, assets=("BTC",)).traders(again, rng())
    assert again.scale.tolist() == pytest.approx([5 / 6, 1.0, 0.5])


def test_concentration_by_open_interest():
    traders = traders_of(
        [
            Holding(0, 60.0, 1e3),
            Holding(1, 40.0, 1e3),
            Holding(2, -99.0, 1e3),
            Holding(3, -1.0, 1e3),
        ]
    )
    lever = ConcentrationMargin(slope=0.1, above=0.1, most=0.06)
    assert lever.needs(traders).tolist() == pytest.approx([300.0, 120.0, 594.0, 0.0])
    lever.traders(traders, rng())
    assert traders.add_on.tolist() == pytest.approx([0.05, 0.03, 0.06, 0.0])
    assert traders.scale.tolist() == [1.0] * 4


def test_concentration_by_depth():
    holdings = [Holding(0, 60.0, 1e3), Holding(1, -10.0, 1e3, asset="ETH")]
    lever = ConcentrationMargin(of="depth", depth_usd={"BTC": 2_000.0}, slope=0.01)
    with pytest.raises(InputError, match="ETH"):
        lever.traders(traders_of(holdings), rng())
    traders = traders_of(holdings)
    lever.model_copy(update={"assets": ("BTC",)}).traders(traders, rng())
    assert traders.add_on.tolist() == pytest.approx([0.03, 0.0])


@given(equity=st.floats(50.0, 3000.0), slope=st.floats(0.01, 1.0))
def test_cutting_keeps_the_distance_to_liquidation(equity, slope):
    traders = traders_of([Holding(0, 60.0, equity), Holding(1, -60.0, 1e6)])
    ConcentrationMargin(slope=slope, respond="cut").traders(traders, rng())
    s, add, n = traders.scale[0], traders.add_on[0], 6000.0
    assert 0.0 < s < 1.0
    assert add == pytest.approx(min(0.5, slope * s), rel=1e-9)
    assert equity / (s * n) - add == pytest.approx(equity / n, rel=1e-9)


# --- stops and low leverage -----------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.1, 0.5, 1.0])
def test_stops_stand_on_the_way_to_liquidation(share):
    traders, leverage = crowd()
    StopAdoption(share=share, before=0.6, maintenance=0.01).traders(traders, rng())
    sizes = traders.book.positions.size
    has = np.isfinite(traders.stop)
    for k in np.flatnonzero(has):
        way = 1.0 / leverage[k] - 0.01
        assert traders.stop[k] == pytest.approx(100.0 * (1.0 - np.sign(sizes[k]) * 0.6 * way))
    able = (1.0 / leverage > 0.01) & (
        100.0 * (1.0 - np.sign(sizes) * 0.6 * (1 / leverage - 0.01)) > 0
    )
    assert has.sum() <= able.sum()
    assert has.mean() == pytest.approx(share * able.mean(), abs=0.06)


@given(shares=st.tuples(st.floats(0, 1), st.floats(0, 1)))
def test_more_stops_contain_fewer(shares):
    small, large = sorted(shares)
    few, many = crowd()[0], crowd()[0]
    StopAdoption(share=small).traders(few, rng())
    StopAdoption(share=large).traders(many, rng())
    had = np.isfinite(few.stop)
    assert np.array_equal(few.stop[had], many.stop[had])


def test_stops_of_the_book_stay_unless_cleared():
    holdings = [Holding(0, 1.0, 10.0, stop=97.0), Holding(1, 1.0, 10.0)]
    traders = traders_of(holdings)
    StopAdoption(share=1.0).traders(traders, rng())
    assert traders.stop[0] == 97.0
    assert traders.stop[1] == pytest.approx(100.0 * (1 - 0.7 * 0.095))
    traders = traders_of(holdings)
    StopAdoption(clear=True).traders(traders, rng())
    assert np.isnan(traders.stop).all()


@given(share=st.floats(0.0, 1.0))
def test_share_at_low_leverage_is_met(share):
    traders, leverage = crowd()
    LowLeverage(share=share).traders(traders, rng())
    now = leverage * traders.scale
    already = (leverage <= 3.0).sum()
    assert (now <= 3.0 + 1e-9).sum() == max(already, round(share * len(leverage)))
    moved = traders.scale < 1.0
    assert np.all(leverage[moved] > 3.0)
    assert np.all(now[moved] >= 1.0 - 1e-9)


@given(shares=st.tuples(st.floats(0, 1), st.floats(0, 1)))
def test_more_at_low_leverage_contain_fewer(shares):
    small, large = sorted(shares)
    few, many = crowd()[0], crowd()[0]
    LowLeverage(share=small).traders(few, rng())
    LowLeverage(share=large).traders(many, rng())
    moved = few.scale < 1.0
    assert np.array_equal(few.scale[moved], many.scale[moved])


def test_a_trader_goes_low_with_all_accounts():
    holdings = [Holding(k // 2, 1.0, 2.0) for k in range(40)]  # 50x each, two accounts a trader
    traders = traders_of(holdings)
    LowLeverage(share=0.5, least=2.0, most=2.0).traders(traders, rng())
    pairs = traders.scale.reshape(-1, 2)
    assert np.array_equal(pairs[:, 0], pairs[:, 1])
    assert (pairs[:, 0] < 1.0).sum() == 10
    assert np.allclose(traders.scale[traders.scale < 1.0], 0.04)


def test_low_leverage_refusal():
    with pytest.raises(ValidationError, match="above most"):
        LowLeverage(least=4.0)


# --- disclosure and funds -------------------------------------------------------------------------


def clustered():
    """900 long at 10x (liquidated 9.5% below), 100 spread widely, 5 shorts."""
    many = [Holding(k, 1.0, 10.0) for k in range(900)]
    wide = [Holding(900 + k, 1.0, 100.0 * (0.12 + 0.8 * k / 100)) for k in range(100)]
    shorts = [Holding(1000 + k, -1.0, 10.0) for k in range(5)]
    return traders_of([*many, *wide, *shorts])


def test_those_near_a_cluster_cut():
    traders = clustered()
    lever = Disclosure(published=True, share=0.4, cut=0.25, least=0.1, reach=0.11)
    lever.traders(traders, rng())
    assert set(np.round(traders.scale, 9)) == {0.75, 1.0}
    assert (traders.scale[:900] < 1.0).mean() == pytest.approx(0.4, abs=0.06)
    assert np.all(traders.scale[905:1000] == 1.0)


def test_those_near_a_cluster_set_stops():
    traders = clustered()
    Disclosure(published=True, share=1.0, respond="stop", before=0.5, reach=0.11).traders(
        traders, rng()
    )
    assert np.allclose(traders.stop[:900], 100.0 * (1 - 0.5 * 0.095))
    assert np.allclose(traders.stop[1000:], 100.0 * (1 + 0.5 * 0.095))
    assert np.isnan(traders.stop[905:1000]).all()
    assert np.all(traders.scale == 1.0)


def test_nobody_responds_to_what_is_not_published():
    with pytest.raises(ValidationError, match="nobody can respond"):
        Disclosure(share=0.5)


def test_fund_targets():
    terms = VenueTerms("okx", "OKX")
    assert FundTarget().terms(terms) is terms
    assert FundTarget(usd=5e6).terms(terms).loss.fund_usd == 5e6
    share = FundTarget(share=0.01, open_interest={"okx": 3e9}, fee=0.002)
    assert share.terms(terms).loss.fund_usd == pytest.approx(3e7)
    assert share.terms(terms).liquidation.fee == pytest.approx(0.002)
    assert FundTarget(usd=5e6, venues=("bybit",)).terms(terms) is terms
    with pytest.raises(RuleError, match="bybit"):
        share.terms(VenueTerms("bybit", "Bybit"))
    with pytest.raises(ValidationError, match="exclude each other"):
        FundTarget(usd=1.0, share=0.1, open_interest={"okx": 1.0})
    with pytest.raises(ValidationError, match="needs open_interest"):
        FundTarget(share=0.1)


@pytest.mark.parametrize(
    "lever",
    [
        LeverageCap(),
        ConcentrationMargin(),
        PositionLimit(),
        LowLeverage(),
        StopAdoption(),
        Disclosure(),
        Disclosure(published=True),
        LeverageCap(cap=2.0, venues=("bybit",)),
        PositionLimit(usd=1.0, assets=("ETH",)),
        LowLeverage(share=1.0, venues=("bybit",)),
        StopAdoption(share=1.0, assets=("ETH",)),
        ConcentrationMargin(slope=1.0, venues=("bybit",), respond="cut"),
    ],
    ids=lambda lever: type(lever).__name__,
)
def test_neutral_or_elsewhere_changes_nobody(lever):
    traders, _ = crowd()
    lever.traders(traders, rng())
    assert np.all(traders.scale == 1.0)
    assert np.all(traders.add_on == 0.0)
    assert np.isnan(traders.stop).all()


@pytest.mark.parametrize(
    ("lever", "key"),
    [
        (LeverageCap(cap=5, volatility={"BTX": 0.1}, calm_volatility=0.1), "volatility"),
        (ConcentrationMargin(of="depth", depth_usd={"BTX": 1e6}), "depth_usd"),
        (FundTarget(share=0.1, open_interest={"BTX": 1e6}), "open_interest"),
        (CoordinatedBreaker(watch_venues=("BTX",)), "watch_venues"),
    ],
    ids=lambda given: given if isinstance(given, str) else "",
)
def test_names_that_are_not_there_are_refused(lever, key):
    with pytest.raises(InputError, match=rf"{key}: .* that is not there \(got 'BTX'\)"):
        lever.admit(floor_of())
