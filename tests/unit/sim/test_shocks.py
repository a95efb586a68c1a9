"""Shocks: what they write into the timeline, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from market_floor import make_floor, make_traders
from seawall.core import InputError
from seawall.core import _columns as c
from seawall.sim.shocks import Edit, Sale, Timeline, shocks
from seawall.sim.shocks.collateral_depeg import CollateralDepeg
from seawall.sim.shocks.correlation_one import CorrelationOne
from seawall.sim.shocks.depth_withdrawal import DepthWithdrawal
from seawall.sim.shocks.forced_sale import ForcedSale
from seawall.sim.shocks.oracle_lag import OracleLag
from seawall.sim.shocks.price_jump import PriceJump
from seawall.sim.shocks.venue_outage import VenueOutage

FLOOR = make_floor(steps=1000)
WINDOWS = {
    "collateral_depeg": {},
    "correlation_one": {},
    "depth_withdrawal": {},
    "forced_sale": {"market": "alpha:BTC", "usd": 1e6},
    "oracle_lag": {},
    "price_jump": {"change": -0.1},
    "price_path": {"asset": "BTC", "points": [(0, 100), (10, 90)]},
    "venue_outage": {"venues": ["alpha"]},
}


def quiet(floor=FLOOR) -> Timeline:
    return Timeline.quiet(floor)


def applied(shock, floor=FLOOR, timeline: Timeline | None = None) -> Timeline:
    timeline = timeline or quiet(floor)
    shock.apply(timeline, make_traders(floor, 40))
    return timeline


def column(timeline: Timeline, market: int, number: int, start: float) -> np.ndarray:
    """What a column of a market is over the run, edits applied in the order of time."""
    now, out = start, []
    edits = sorted(timeline.edits, key=lambda e: e.second)
    for second in timeline.seconds():
        while edits and edits[0].second <= second:
            e = edits.pop(0)
            if e.market == market and e.column == number:
                now = now + e.value if e.add else now * e.value if e.multiply else e.value
        out.append(now)
    return np.array(out)


# --- all of them ----------------------------------------------------------------------------


def test_every_asked_shock_is_one_file() -> None:
    assert set(WINDOWS) <= set(shocks())


@pytest.mark.parametrize("name", sorted(WINDOWS))
def test_parameters_say_what_they_are(name: str) -> None:
    kind = shocks()[name]
    assert kind.title
    assert kind.source
    assert kind.__doc__
    for key, field in kind.model_fields.items():
        assert field.description, key


@pytest.mark.parametrize("name", sorted(WINDOWS))
def test_numbers_that_are_none_or_without_end_are_refused(name: str) -> None:
    kind = shocks()[name]
    for key, field in kind.model_fields.items():
        if field.annotation is float:
            for value in (np.nan, np.inf, -np.inf):
                with pytest.raises(ValidationError, match=key):
                    kind(**(WINDOWS[name] | {key: value}))


@pytest.mark.parametrize("name", sorted(WINDOWS))
def test_a_time_after_the_end_is_refused(name: str) -> None:
    shock = shocks()[name](**WINDOWS[name], at=1000.0)
    with pytest.raises(InputError) as caught:
        applied(shock)
    text = str(caught.value)
    assert f"shock {name}, column at: a time after the end of the run" in text
    assert "(got '1000'); allowed: below 1000" in text


@pytest.mark.parametrize("name", sorted(WINDOWS))
def test_a_refused_shock_writes_nothing(name: str) -> None:
    timeline = quiet()
    with pytest.raises(InputError):
        applied(shocks()[name](**WINDOWS[name], at=5000.0), timeline=timeline)
    assert not timeline.edits
    assert not timeline.sales
    assert not timeline.outside.any()
    assert (timeline.peg == 1).all()


@pytest.mark.parametrize("name", ["depth_withdrawal", "oracle_lag", "venue_outage", "price_jump"])
def test_unknown_names_are_told_with_those_there_are(name: str) -> None:
    kind = shocks()[name]
    names = {k: ("nowhere",) for k in ("venues", "assets") if k in kind.model_fields}
    with pytest.raises(InputError) as caught:
        applied(kind(**(WINDOWS[name] | names)))
    assert len(caught.value.mistakes) == len(names)
    text = str(caught.value)
    for key, known in (("venues", "alpha, beta"), ("assets", "BTC, ETH")):
        if key in names:
            assert f"column {key}: unknown" in text
            assert known in text


@pytest.mark.parametrize("name", ["correlation_one", "depth_withdrawal", "oracle_lag"])
def test_a_window_shorter_than_a_step_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="lasts: shorter than a step"):
        applied(shocks()[name](lasts=0.5))


# --- price jump -----------------------------------------------------------------------------


def test_a_jump_moves_the_log_price_at_its_second() -> None:
    path = applied(PriceJump(change=-0.1, at=100)).outside
    assert not path[:100].any()
    np.testing.assert_allclose(np.exp(path[100:]), 0.9)


def test_a_jump_over_a_time_is_straight_in_log() -> None:
    path = applied(PriceJump(change=-0.2, at=100, over=200, assets=("ETH",))).outside
    assert not path[:, 0].any()
    np.testing.assert_allclose(path[200, 1], 0.5 * np.log(0.8))
    np.testing.assert_allclose(path[300:, 1], np.log(0.8))


def test_multiples_are_of_the_log_move() -> None:
    path = applied(PriceJump(change=-0.1, multiples={"ETH": 1.5})).outside
    np.testing.assert_allclose(np.exp(path[-1]), [0.9, 0.9**1.5])


def test_a_part_comes_back_by_half_every_half_life() -> None:
    jump = PriceJump(change=-0.1, at=50, over=50, reverts=0.8, half_life=100)
    path = applied(jump).outside[:, 0] / np.log(0.9)
    np.testing.assert_allclose(path[100], 1.0)
    np.testing.assert_allclose(path[200], 0.6)
    np.testing.assert_allclose(path[300], 0.4)
    np.testing.assert_allclose(path[1000], 0.2, atol=0.01)


def test_jumps_add_up_and_do_not_depend_on_the_step() -> None:
    ends = []
    for step in (1.0, 0.1, 0.3):
        floor = make_floor(step=step, steps=round(300 / step))
        timeline = applied(PriceJump(change=-0.1, at=3 * step), floor)
        applied(PriceJump(change=0.5, at=90.0, over=60.0), floor, timeline)
        assert timeline.outside[2, 0] == 0
        assert timeline.outside[3, 0] == pytest.approx(np.log(0.9))
        ends.append(timeline.outside[-1, 0])
    np.testing.assert_allclose(ends, np.log(0.9 * 1.5))


@pytest.mark.parametrize("change", [-1.0, -1.5, np.nan])
def test_nothing_falls_by_all_of_it(change: float) -> None:
    with pytest.raises(ValidationError, match="change"):
        PriceJump(change=change)


def test_a_jump_not_over_at_the_end_is_refused() -> None:
    with pytest.raises(InputError, match=r"over: not over when the run ends at 1000 s .*500"):
        applied(PriceJump(change=-0.1, at=500, over=501))
    with pytest.raises(InputError, match="multiples: unknown asset that moves"):
        applied(PriceJump(change=-0.1, assets=("BTC",), multiples={"ETH": 2.0}))


# --- collateral -----------------------------------------------------------------------------


def test_the_peg_falls_stays_and_comes_back() -> None:
    shock = CollateralDepeg(to=0.6, at=100, over=100, lasts=200, recovery=400)
    peg = applied(shock).peg
    assert (peg[:101] == 1).all()
    np.testing.assert_allclose(peg[[150, 200, 400, 600, 800, 1000]], [0.8, 0.6, 0.6, 0.8, 1, 1])
    stays = applied(CollateralDepeg(to=0.6, at=100, over=0, lasts=0)).peg
    assert (stays[:100] == 1).all()
    assert (stays[101:] == 0.6).all()


def test_a_share_of_the_accounts_of_a_venue_pledged_it() -> None:
    traders = make_traders(FLOOR, 4000)
    CollateralDepeg(accounts=0.3, pledged=0.4, venues=("alpha",)).apply(quiet(), traders)
    there = traders.book.accounts.venue == traders.book.venues.index("alpha")
    assert not traders.pledged[~there].any()
    assert set(traders.pledged[there]) == {0.0, 0.4}
    assert (traders.pledged[there] > 0).mean() == pytest.approx(0.3, abs=0.01)
    again = make_traders(FLOOR, 4000)
    CollateralDepeg(accounts=0.3, pledged=0.4, venues=("alpha",)).apply(quiet(), again)
    np.testing.assert_array_equal(traders.pledged, again.pledged)
    CollateralDepeg(accounts=1.0, pledged=0.1).apply(quiet(), again)
    assert again.pledged.min() == 0.1
    assert again.pledged.max() == 0.4


# --- windows --------------------------------------------------------------------------------


def test_correlation_is_set_in_the_window_alone() -> None:
    rho = applied(CorrelationOne(correlation=0.95, at=200, lasts=300)).correlation
    inside = np.zeros(1001, dtype=bool)
    inside[200:500] = True
    assert (rho[inside] == 0.95).all()
    assert np.isnan(rho[~inside]).all()


def test_depth_is_capped_for_a_window_and_comes_back_in_stairs() -> None:
    shock = DepthWithdrawal(to=0.1, at=100, lasts=200, recovery=100, venues=("alpha",))
    timeline = applied(shock)
    cap = column(timeline, 0, c.WILL_CAP, 1.0)
    assert (cap[:100] == 1).all()
    assert (cap[100:305] == 0.1).all()
    assert cap[350] == pytest.approx(0.55)
    assert (cap[400:] == 1).all()
    assert (np.diff(cap[300:]) >= 0).all()
    assert (column(timeline, 2, c.WILL_CAP, 1.0) == 1).all()
    assert {e.market for e in timeline.edits} == {0, 1}


def test_depth_is_withdrawn_from_every_market_unless_some_are_named() -> None:
    assert {e.market for e in applied(DepthWithdrawal()).edits} == set(range(len(FLOOR)))
    spot = applied(DepthWithdrawal(venues=("spot",), assets=("ETH",)))
    assert {FLOOR.markets[e.market].name for e in spot.edits} == {"spot:ETH"}


def test_a_window_may_outlast_the_run() -> None:
    timeline = applied(DepthWithdrawal(to=0.1, at=900, lasts=600))
    assert {e.second for e in timeline.edits} == {900.0}


def test_the_index_is_later_by_the_lag_in_the_window_and_as_before_after_it() -> None:
    timeline = applied(OracleLag(lag=45, at=100, lasts=200, venues=("beta",)))
    lag = column(timeline, 2, c.INDEX_LAG, 3.0)
    assert (lag[:100] == 3).all()
    assert (lag[100:300] == 48).all()
    assert (lag[300:] == 3).all()
    assert {e.market for e in timeline.edits} == {2, 3}


def test_an_outage_takes_one_venue_down_and_brings_it_back() -> None:
    timeline = applied(VenueOutage(venues=("alpha",), at=100, lasts=60))
    session = column(timeline, 1, c.SESSION, c.OPEN)
    assert (session[100:160] == c.DOWN).all()
    assert (session[:100] == c.OPEN).all()
    assert (session[160:] == c.OPEN).all()
    assert {e.market for e in timeline.edits} == {0, 1}
    with pytest.raises(ValidationError, match="venues"):
        VenueOutage(venues=())


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2), (1, 2, 0)])
def test_overlapping_outages_last_until_the_last_ends(order: tuple[int, ...]) -> None:
    spans = [(100, 100), (150, 20), (180, 100)]
    timeline = quiet()
    for k in order:
        at, lasts = spans[k]
        applied(VenueOutage(venues=("alpha",), at=at, lasts=lasts), timeline=timeline)
    applied(VenueOutage(venues=("beta",), at=120, lasts=30), timeline=timeline)
    applied(VenueOutage(venues=("alpha",), at=500, lasts=10), timeline=timeline)
    session = column(timeline, 1, c.SESSION, c.OPEN)
    seconds = timeline.seconds()
    down = ((seconds >= 100) & (seconds < 280)) | ((seconds >= 500) & (seconds < 510))
    assert np.array_equal(session == c.DOWN, down)
    other = column(timeline, 2, c.SESSION, c.OPEN)
    assert np.array_equal(other == c.DOWN, (seconds >= 120) & (seconds < 150))


def test_an_outage_to_the_end_takes_in_one_that_would_end_before() -> None:
    timeline = applied(VenueOutage(venues=("alpha",), at=900, lasts=1e6))
    applied(VenueOutage(venues=("alpha",), at=850, lasts=100), timeline=timeline)
    session = column(timeline, 1, c.SESSION, c.OPEN)
    assert (session[850:] == c.DOWN).all()
    assert (session[:850] == c.OPEN).all()


def test_edits_are_plain_numbers() -> None:
    for name, fields in WINDOWS.items():
        timeline = applied(shocks()[name](**fields))
        for edit in timeline.edits:
            assert type(edit) is Edit
            assert (type(edit.market), type(edit.value)) == (int, float)


# --- forced sale ----------------------------------------------------------------------------


def test_an_amount_is_sold_or_bought_in_a_market() -> None:
    sold = applied(ForcedSale(market="beta:ETH", usd=47.87e6, at=10, over=60)).sales
    assert sold == [Sale(10.0, 3, -47.87e6, 60.0)]
    bought = applied(ForcedSale(market="spot:BTC", usd=1e6, buys=True)).sales
    assert bought == [Sale(0.0, 4, 1e6, 0.0)]


def test_the_positions_of_a_trader_are_taken_out_and_closed() -> None:
    floor = make_floor(steps=1000, inverse=("beta",))
    timeline, traders = quiet(floor), make_traders(floor, 40)
    book = traders.book
    ForcedSale(account="t6", at=10).apply(timeline, traders)
    position = book.position(6)
    market = [m.instrument for m in floor.markets].index(position.instrument)
    assert len(timeline.sales) == 1
    sale = timeline.sales[0]
    assert sale.market == market
    assert sale.usd == pytest.approx(-np.sign(position.size) * book.notional()[6])
    assert traders.scale[6] == 0
    assert (np.delete(traders.scale, 6) == 1).all()
    with pytest.raises(InputError, match="holds no open position"):
        ForcedSale(account="t6").apply(timeline, traders)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "market: neither or both named"),
        ({"market": "alpha:BTC", "account": "t1"}, "market: neither or both named"),
        ({"market": "alpha:BTC"}, "usd: nothing to sell"),
        ({"market": "gamma:BTC", "usd": 1}, "unknown market .*allowed: alpha:BTC, alpha:ETH"),
        ({"account": "nobody"}, "unknown trader .*'nobody'.*t0, t1, t2, .*and 28 more"),
        ({"account": "t1", "usd": 5}, "usd: given by the account's positions"),
    ],
)
def test_what_cannot_be_sold_is_refused(fields: dict, words: str) -> None:
    with pytest.raises(InputError, match=words):
        applied(ForcedSale(**fields))


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(InputError) as caught:
        applied(ForcedSale(market="gamma:BTC", at=2000))
    assert [m.column for m in caught.value.mistakes] == ["at", "market", "usd"]
