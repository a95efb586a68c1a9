"""Sizes against what can be worked out by other means, and what must hold of every size."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from tests.unit.desk.desk_books import book_of, cross, isolated, made_candles

from seawall.core import InputError
from seawall.desk.closed_form import touch_probability
from seawall.desk.passages import interval, standard_error
from seawall.desk.paths import DAY, Paths, brownian
from seawall.desk.prices import fit_prices
from seawall.desk.resizing import Resizing
from seawall.desk.size import Sizer, least_paths, size
from seawall.desk.size_limits import Bound, Wanted
from seawall.desk.size_moves import plans, scaled
from seawall.desk.size_rules import Edge, kelly, no_trade_band, volatility_of_volatility
from seawall.ingest import read_book
from seawall.liquidity import ImpactLaw
from seawall.rulebook import bind

HOUR = 3_600.0
COVARIANCE = np.array([[0.0016, 0.0018], [0.0018, 0.0036]])
PATHS = brownian(("BTC", "ETH"), COVARIANCE, 7 * DAY, HOUR, 2_000, 21)
WIDE = Wanted(probability=0.99, horizon=DAY, shortfall=99.0, cost=0.9)


def sizer_of(margin, position=0, paths=PATHS, horizon=DAY, **more) -> Sizer:
    return Sizer(Resizing(margin, position), paths, horizon, **more)


def account(asset="BTC", size=10.0, wallet=1_000.0):
    return book_of(cross(asset, size, wallet))


@settings(deadline=None, max_examples=25)
@given(
    side=st.sampled_from([1.0, -1.0]),
    mode=st.sampled_from(["cross", "isolated"]),
    equity=st.floats(50.0, 1e6),
    rate=st.floats(-0.001, 0.001),
)
def test_a_smaller_size_is_never_likelier_to_be_liquidated(side, mode, equity, rate) -> None:
    row = (
        cross("BTC", side, equity)
        if mode == "cross"
        else isolated("BTC", side, 1.0, collateral=equity)
    )
    sizer = sizer_of(book_of(row), paths=PATHS.thinned(300), funding={"BTC": rate})
    most = sizer.resizing.most_usd
    curve = sizer.curve(most * np.geomspace(0.01, 1.0, 8), 0.0)
    assert (np.diff(curve.fall) >= 0.0).all()
    assert (np.diff(curve.call) >= 0.0).all()
    assert (curve.call >= curve.fall).all()
    assert curve.fall[-1] > curve.fall[0]


@settings(deadline=None, max_examples=15)
@given(equity=st.floats(100.0, 1e5), more=st.floats(1.01, 3.0), wide=st.floats(1.0, 60.0))
def test_more_collateral_never_makes_a_liquidation_likelier(equity, more, wide) -> None:
    notional = np.array([wide * equity])
    poor, rich = (
        sizer_of(account(wallet=w), paths=PATHS.thinned(300)).curve(notional, 0.0)
        for w in (equity, more * equity)
    )
    assert rich.fall[0] <= poor.fall[0]
    wanted = Wanted(horizon=DAY, shortfall=0.1)
    small, large = (
        size(sizer_of(account(wallet=w), paths=PATHS.thinned(300)), wanted, 0.0, 16).notional_usd
        for w in (equity, more * equity)
    )
    assert large >= small


def test_a_perfect_hedge_only_helps_and_the_least_that_does_is_told() -> None:
    rows = [
        {"asset": "BTC", "size": s, "margin_mode": "cross", "leverage": 50.0,
         "wallet_balance": 300.0, "account": "c"}
        for s in (60.0, -1.0)
    ]  # fmt: skip
    sizer = sizer_of(book_of(*rows), position=1, funding={"BTC": 0.0}, fees=False)
    curve = sizer.curve(100.0 * np.linspace(0.01, 60.0, 13), 0.0)
    assert (np.diff(curve.fall) <= 0.0).all()
    assert (curve.fall[0], curve.fall[-1]) == (pytest.approx(0.23, abs=0.05), 0.0)
    found = size(sizer, Wanted(probability=0.01, horizon=DAY, shortfall=0.5), 0.0)
    assert 0.0 < found.from_usd < found.notional_usd
    assert found.there.fall[0] <= 0.01
    below = sizer.curve(np.array([0.5 * found.from_usd]), 0.0)
    assert below.fall[0] > 0.01 or below.shortfall[0] > 0.5


def test_a_hedge_is_never_recommended_below_the_size_from_which_the_limits_are_met() -> None:
    rows = [
        {"asset": "BTC", "size": s, "margin_mode": "cross", "leverage": 50.0,
         "wallet_balance": 300.0, "account": "c"}
        for s in (60.0, -1.0)
    ]  # fmt: skip
    sizer = sizer_of(book_of(*rows), position=1, funding={"BTC": 0.0}, fees=False)
    wanted = Wanted(probability=0.01, horizon=DAY, shortfall=0.5)
    free = size(sizer, wanted, 0.0)
    assert not free.at_odds
    # the least size is known as well as the largest one
    about = sizer.curve(free.from_usd * np.array([0.99, 1.0]), 0.0)
    met = (about.fall_high <= 0.01) & (about.shortfall <= 0.5)
    assert met.tolist() == [False, True]
    capped = size(sizer, replace(wanted, leverage=0.5 * free.from_usd / 300.0), 0.0)
    assert (capped.notional_usd, capped.binding) == (0.0, Bound.LEVERAGE)
    assert capped.at_odds
    assert capped.from_usd == free.from_usd
    # as volatility moves, no less is held than the limits ask for there
    for plan in plans(sizer, free, factors=(0.5, 1.0, 1.25)):
        there = replace(sizer, paths=scaled(sizer.paths, plan.factor))
        if plan.limit_usd > 0.0:
            ends = there.curve(np.array([plan.low_usd, plan.target_usd, plan.high_usd]), 0.0)
            assert (ends.fall_high <= 0.01).all()
            assert (ends.shortfall <= 0.5).all()


def test_the_curve_is_first_passage_where_prices_are_brownian() -> None:
    paths = brownian(("BTC",), COVARIANCE[:1, :1], DAY, HOUR, 40_000, 22)
    sizer = sizer_of(account(), paths=paths, funding={"BTC": 0.0}, fees=False)
    notional = 1_000.0 * np.array([8.0, 12.0, 20.0])
    curve = sizer.curve(notional, 0.0)
    level = np.log(sizer.resizing.at(notional).liquidation_price() / 100.0)
    expected = touch_probability(level, 0.04, DAY)
    # of the paths' own variance, which differs a little from that they were drawn with
    assert curve.closed_form == pytest.approx(expected, rel=0.05)
    error = standard_error(expected, paths.count)
    assert (np.abs(curve.fall - expected) < 4.0 * error).all()


def test_shortfall_is_the_mean_of_the_worst_outcomes_of_the_account() -> None:
    sizer = sizer_of(account(), funding={"BTC": 0.0008}, fees=False)
    curve = sizer.curve(np.array([1_000.0]), 0.0)
    ends = np.exp(PATHS.until(DAY).close[:, :, 0].astype(np.float64))
    gained = 1_000.0 * (ends[:, -1] - 1.0 - 0.0001 * ends.sum(axis=1))
    worst = np.sort(-gained)[-50:]
    assert curve.fall[0] == 0.0
    assert curve.shortfall[0] == pytest.approx(worst.mean() / 1_000.0, rel=1e-9)
    # and no account loses more of its own than it has
    assert sizer.curve(np.array([90_000.0]), 0.0).shortfall[0] <= 1.0 + 1e-9


def test_the_position_is_taken_at_its_mark_and_nothing_else_changes() -> None:
    row = cross("BTC", 10.0, 400.0) | {"entry_price": 120.0, "leverage": 20.0}
    other = cross("ETH", -3.0, 400.0)
    margin = book_of(row, other, cross("BTC", 5.0, 100.0, "z"))
    resizing = Resizing(margin, 0)
    before, now = margin.accounts_state(), resizing.at(np.array([1_000.0])).accounts_state()
    assert now.equity[0] == pytest.approx(before.equity[0])
    assert now.maintenance[0] == pytest.approx(before.maintenance[0])
    assert resizing.at(np.array([1_000.0])).liquidation_price()[0] == pytest.approx(
        margin.liquidation_price()[0]
    )
    assert resizing.base.book.assets == ("BTC", "ETH")
    half = resizing.at(np.array([500.0]), np.array([7.0])).accounts_state()
    assert half.equity[0] == pytest.approx(before.equity[0] - 7.0)


@pytest.mark.parametrize(
    ("venue", "symbol", "wallet"),
    [
        ("binance", "BTCUSDT", 1e5),
        ("binance", "BTCUSDT", 3e7),
        ("okx", "BTC-USDT-SWAP", 1e6),
        ("bybit", "ETHUSDT", 1e6),
        ("hyperliquid", "BTC", 1e6),
        ("deribit", "BTC-PERPETUAL", 10.0),
        ("binance", "BTCUSD_PERP", 10.0),
    ],
)
def test_no_size_is_larger_than_the_brackets_allow(venue, symbol, wallet) -> None:
    row = {"account": "a", "venue": venue, "symbol": symbol, "side": "long", "size": 100,
           "entry_price": 80_000.0, "mark_price": 80_000.0, "margin_mode": "cross",
           "wallet_balance": wallet}  # fmt: skip
    resizing = Resizing(bind(read_book([row])), 0)
    most = resizing.most_usd
    schedule, of = resizing.schedule, resizing.base.book.instruments[0]
    value = {
        "notional": most / 80_000.0 if of.inverse else most,
        "contracts": (most if of.inverse else most / 80_000.0) / of.contract_size,
    }[schedule.unit.value]
    leverage = most / resizing.equity_usd
    assert leverage <= schedule.max_leverage[schedule.bracket(value)] * (1 + 1e-6)
    assert resizing.openable(np.array([most]))[0]
    assert not resizing.openable(np.array([most * 1.001]))[0]
    asset = resizing.asset
    one = [getattr(PATHS, n)[:50, :, :1] for n in ("close", "low", "high")]
    paths = Paths((asset,), PATHS.ends, *one)
    found = size(Sizer(resizing, paths, DAY, {asset: np.inf}), WIDE, 0.0)
    assert found.notional_usd <= most


def test_depth_is_what_slips_by_the_cost_in_a_stressed_book() -> None:
    law = ImpactLaw(exponent=0.5, thinning=4.0)
    sizer = sizer_of(account(wallet=1e9), depth={"BTC": 1e6}, law=law)
    deepest = sizer.deepest(0.002)
    moved = 0.01 * np.sqrt(deepest / (1e6 / 4.0))
    assert -np.expm1(-moved / 1.5) == pytest.approx(0.002)
    assert sizer.slippage(np.array([deepest]), stressed=True)[0] == pytest.approx(0.002)
    found = size(sizer, Wanted(probability=0.9, horizon=DAY, shortfall=9.0), 0.0)
    assert found.binding is Bound.DEPTH
    assert found.notional_usd == pytest.approx(deepest)


def test_each_limit_is_met_at_its_own_size_and_not_beyond() -> None:
    sizer = sizer_of(account(), funding={"BTC": 0.0}, fees=False)
    wanted = Wanted(0.05, DAY, 0.3, 0.5, leverage=30.0, volatility=0.1, kelly=4.0)
    found = size(sizer, wanted, 0.0)
    assert found.limits[Bound.VOLATILITY] == pytest.approx(1_000.0 * 0.1 / 0.04, rel=0.05)
    assert found.limits[Bound.KELLY] == pytest.approx(4_000.0)
    assert found.limits[Bound.LEVERAGE] == pytest.approx(30_000.0)
    for name, figure, most in (
        (Bound.PROBABILITY, "fall_high", 0.05),
        (Bound.SHORTFALL, "shortfall", 0.3),
    ):
        there = sizer.curve(found.limits[name] * np.array([1.0, 1.01]), 0.0)
        at, beyond = getattr(there, figure)
        assert at <= most < beyond
    assert found.binding is min(found.limits, key=lambda k: found.limits[k])
    assert found.notional_usd == min(found.limits.values())


def test_of_few_paths_the_upper_end_decides() -> None:
    # binomtest's interval, by hand: none of 2,000 leaves 1 - 0.05 ** (1 / 2000)
    least, most = interval(0.0, 2_000)
    assert (least, most) == (0.0, pytest.approx(-np.expm1(np.log(0.05) / 2_000)))
    for hits in (0, 1, 7, 499, 500):
        wanted = binomtest(hits, 500).proportion_ci(0.9, "exact")
        least, most = interval(np.array([hits / 500]), 500)
        assert (least[0], most[0]) == (pytest.approx(wanted.low), pytest.approx(wanted.high))
    sizer = sizer_of(account(), paths=PATHS.thinned(500), fees=False)
    found = size(sizer, Wanted(0.01, DAY, 9.0, 0.9), 0.0)
    # one of 500 is 0.2%, and may be 0.95%; two may be 1.25%
    assert found.there.fall[0] <= 1 / 500
    assert found.there.fall_high[0] <= 0.01
    with pytest.raises(InputError, match=r"too few paths.*0\.006 or more.*--paths 3,100"):
        size(sizer, Wanted(0.001, DAY), 0.0)
    assert (least_paths(0.01), least_paths(0.001), least_paths(1e-7)) == (1_000, 10_000, 50_000)


def test_kelly_with_an_uncertain_edge_is_what_makes_growth_greatest() -> None:
    edge = Edge(0.4, 0.3, 1.0)
    found = kelly(edge, 0.04, 1.0)
    variance = 0.0016 * 365
    assert found.full == pytest.approx(0.4 / variance)
    # somebody who bets k times what each estimate says, the truth being 0.4
    estimates = np.random.default_rng(3).normal(0.4, 0.3, 200_000)
    k = np.linspace(0.0, 1.5, 301)
    growth = k * np.mean(estimates) * 0.4 - k**2 / 2.0 * np.mean(estimates**2)
    assert found.shrunk / found.full == pytest.approx(k[np.argmax(growth)], abs=0.01)
    assert kelly(Edge(0.4, 0.0, 0.5), 0.04, 1.0).leverage == pytest.approx(0.5 * found.full)
    assert kelly(Edge(-0.4), 0.04, 1.0).leverage == 0.0
    # an error that nobody states is that of a mean over the history
    assert kelly(Edge(0.4), 0.04, 4.0).error == pytest.approx(np.sqrt(variance / 4.0))


def test_the_band_is_janecek_and_shreves_where_volatility_stands_still() -> None:
    width = no_trade_band(0.6, 0.04, 0.0, 0.001, 2.0)
    assert width * 0.6 == pytest.approx((1.5 / 2.0 * 0.001 * 0.6**2 * 0.4**2) ** (1 / 3))
    assert no_trade_band(1.0, 0.04, 0.0, 0.001, 2.0) == 0.0
    moving = no_trade_band(1.0, 0.04, 0.05, 0.001, 2.0)
    assert moving > 0.0
    assert no_trade_band(1.0, 0.04, 0.05, 0.008, 2.0) == pytest.approx(2.0 * moving)
    assert no_trade_band(0.0, 0.04, 0.05, 0.001, 2.0) == 0.0


def test_as_volatility_rises_less_is_held_and_small_moves_are_left_alone() -> None:
    sizer = sizer_of(account(), paths=PATHS.thinned(1_000))
    found = size(sizer, Wanted(horizon=DAY), 0.0)
    moves = plans(sizer, found, daily_nu=0.05)
    held = [p.target_usd for p in moves]
    assert (np.diff(held) < 0.0).all()
    for p in moves:
        assert 0.0 <= p.low_usd <= p.target_usd <= p.high_usd <= max(p.limit_usd, p.target_usd)
        assert p.then(p.target_usd) == p.target_usd
        assert p.then(10.0 * p.high_usd) == p.high_usd
        assert p.then(0.0) == p.low_usd
    twice = next(p for p in moves if p.factor == 2.0)
    assert twice.target_usd == pytest.approx(0.5 * found.notional_usd)
    fixed = plans(sizer, found, band=0.1, factors=(2.0,))[0]
    assert fixed.low_usd == pytest.approx(0.9 * fixed.target_usd)
    # an edge is worth a quarter at twice the volatility
    edge = Edge(0.1, 0.05)
    with_edge = plans(sizer, found, edge=edge, factors=(2.0,))[0]
    assert with_edge.binding is Bound.KELLY


def test_paths_are_scaled_and_volatility_of_volatility_is_measured() -> None:
    assert scaled(PATHS, 2.0).at(DAY) == pytest.approx(2.0 * PATHS.at(DAY))
    model = fit_prices(made_candles(("BTC",), 900))
    hour, day, month = (volatility_of_volatility(model, "BTC", h) for h in (HOUR, DAY, 30 * DAY))
    assert month < day < hour
    sigma = model.hourly.volatility.sigma[:, 0]
    assert hour == pytest.approx(np.diff(np.log(sigma[::-24][::-1])).std())


def test_a_dearer_change_leaves_less() -> None:
    sizer = sizer_of(account())
    spent = sizer.spent(np.array([0.0, 1_000.0, 3_000.0]), 1_000.0)
    fee = sizer.resizing.base.terms[0].margin.taker_fee
    assert spent[1] == 0.0
    assert spent[0] == pytest.approx(1_000.0 * fee, rel=1e-3)
    assert spent[2] > spent[0]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"probability": 0.0}, "--probability"),
        ({"probability": 1.2, "shortfall": -1.0}, r"--probability.*\n?.*--budget"),
        ({"cost": 0.0}, "--cost"),
        ({"leverage": 0.0}, "--most-leverage"),
        ({"volatility": -1.0}, "--target"),
        ({"kelly": -1.0}, "--edge"),
    ],
)
def test_limits_out_of_range_are_named(given, words) -> None:
    with pytest.raises(InputError, match=words):
        Wanted(**given)


def test_what_cannot_be_sized_is_refused() -> None:
    with pytest.raises(InputError, match=r"--edge-error.*\n?.*--kelly-fraction"):
        Edge(0.1, -1.0, 2.0)
    with pytest.raises(InputError, match="carries no position of any size"):
        Resizing(book_of(cross("BTC", 10.0, -5.0), cross("ETH", 10.0, -5.0)), 0).most_usd  # noqa: B018
    with pytest.raises(InputError, match="no step of the prices ends"):
        size(sizer_of(account()), Wanted(horizon=20 * DAY))
