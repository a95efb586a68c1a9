"""Behaviours and shocks in the engine: conservation, common noise, convergence, what they do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from seawall.core import Book
from seawall.core import _columns as c
from seawall.core.hooks import Floor, Market
from seawall.core.instrument import Instrument
from seawall.rulebook import Rules
from seawall.sim.behaviours import behaviours
from seawall.sim.behaviours.arbitrageur import Arbitrageur
from seawall.sim.behaviours.dip_buyer import DipBuyer
from seawall.sim.behaviours.funding_trader import FundingTrader
from seawall.sim.behaviours.hunter import Hunter
from seawall.sim.behaviours.leveraged_retail import LeveragedRetail
from seawall.sim.behaviours.market_maker import MarketMaker
from seawall.sim.behaviours.momentum import Momentum
from seawall.sim.behaviours.noise import Noise
from seawall.sim.engine import Simulation
from seawall.sim.population.november import november_2025
from seawall.sim.run import Run
from seawall.sim.setup import Depth, Outside, Setup
from seawall.sim.shocks.collateral_depeg import CollateralDepeg
from seawall.sim.shocks.correlation_one import CorrelationOne
from seawall.sim.shocks.depth_withdrawal import DepthWithdrawal
from seawall.sim.shocks.forced_sale import ForcedSale
from seawall.sim.shocks.oracle_lag import OracleLag
from seawall.sim.shocks.price_jump import PriceJump
from seawall.sim.shocks.price_path import PricePath
from seawall.sim.shocks.venue_outage import VenueOutage

VENUE = "hyperliquid"
SELLABLE = 10e6


@pytest.fixture(scope="module")
def book() -> Book:
    return november_2025(accounts=5000).book


def setup_of(book: Book, seconds: int = 300, step: float = 1.0, **changes) -> Setup:
    mark = {
        i.asset: float(book.positions.mark[book.positions.instrument == k][0])
        for k, i in enumerate(book.instruments)
    }
    markets = [Market(i.venue, i, mark[i.asset], SELLABLE, 4e9) for i in book.instruments]
    markets += [Market("spot", Instrument("spot", a, a), mark[a], 20e6, 4e9) for a in book.assets]
    floor = Floor(tuple(markets), book.venues, book.assets, step, round(seconds / step))
    plain = Setup(
        book,
        Rules.bundled(),
        floor,
        book.time,
        depth={"": Depth(spot_anchor=0.05)},
        outside=Outside({}),
        record_every=step,
    )
    return replace(plain, **changes)


def rows(setup: Setup, venue: str = VENUE) -> list[int]:
    return [k for k, m in enumerate(setup.floor.markets) if m.venue == venue]


def run_of(setup: Setup, seed: int = 1) -> Run:
    return Simulation(setup, seed).run()


def everyone() -> dict:
    special = {"leveraged_retail": {"reserve": 0.1, "turnover": 50.0}}
    return {name: kind(**special.get(name, {})) for name, kind in behaviours().items()}


def test_all_of_them_together_conserve_cash_and_open_interest(book: Book) -> None:
    every = {
        "jump": PriceJump(change=-0.08, at=30, over=30),
        "path": PricePath(asset="BTC", points=((0, 100), (100, 97), (200, 103))),
        "sale": ForcedSale(market=f"{VENUE}:BTC", usd=20e6, at=20, over=60),
        "closing": ForcedSale(account=book.traders[7], at=40, over=20),
        "thin": DepthWithdrawal(to=0.2, at=60, lasts=60, recovery=60),
        "late": OracleLag(at=50, lasts=60),
        "depeg": CollateralDepeg(at=60, over=30, lasts=60, recovery=60),
        "down": VenueOutage(venues=(book.venues[0],), at=80, lasts=30),
        "one": CorrelationOne(at=10, lasts=100),
    }
    outside = Outside(dict.fromkeys(book.assets, 0.05))
    run = run_of(setup_of(book, behaviours=everyone(), shocks=every, outside=outside))
    assert run.cash_error < 1e-9
    assert run.interest_error < 1e-9
    assert run.events.of(c.LIQUIDATION, c.TAKEOVER).usd.sum() > 0
    assert len(run.events.of(c.ENTRY)) > 0
    assert all(np.isfinite(values).all() for values in run.series.values())


def test_participants_with_nothing_to_do_leave_a_run_bit_identical(book: Book) -> None:
    some = {"noise": Noise(), "market_maker": MarketMaker()}
    idle = {
        "hunter": Hunter(),
        "funding_trader": FundingTrader(begin=0.9, full=1.0),
        "dip_buyer": DipBuyer(begin=0.9, full=0.95),
    }
    plain = run_of(setup_of(book, behaviours=some))
    first = run_of(setup_of(book, behaviours=idle | some))
    last = run_of(setup_of(book, behaviours=some | idle))
    for name, values in plain.series.items():
        np.testing.assert_array_equal(values, first.series[name])
        np.testing.assert_array_equal(values, last.series[name])


def test_adding_a_behaviour_shifts_nobodys_noise(book: Book) -> None:
    """The lean of the noise, its only memory, is a function of its draws alone."""

    def lean(behaviours: dict) -> np.ndarray:
        run = Simulation(setup_of(book, behaviours=behaviours), 4)
        run.advance()
        place = list(behaviours).index("noise")
        begin = int(run.plan.spans[place, 0])
        return run.plan.memory[begin : begin + len(run.setup.floor)].copy()

    alone = lean({"noise": Noise()})
    crowd = lean(
        {"momentum": Momentum(), "other": Noise(), "noise": Noise(), "market_maker": MarketMaker()}
    )
    np.testing.assert_array_equal(alone, crowd)
    assert np.abs(alone).min() > 0
    renamed = Simulation(setup_of(book, behaviours={"flow": Noise()}), 4)
    renamed.advance()
    assert not np.array_equal(renamed.plan.memory[: len(alone)], alone)


def test_draws_of_traders_are_of_their_own_name_too(book: Book) -> None:
    retail = LeveragedRetail(stop_share=0.5)
    alone = Simulation(setup_of(book, behaviours={"leveraged_retail": retail}), 4)
    beside = Simulation(
        setup_of(book, behaviours={"noise": Noise(), "leveraged_retail": retail}), 4
    )
    other = Simulation(setup_of(book, behaviours={"crowd": retail}), 4)
    stop = [run.margin.book.positions.stop for run in (alone, beside, other)]
    np.testing.assert_array_equal(stop[0], stop[1])
    assert not np.array_equal(stop[0], stop[2], equal_nan=True)


def test_halving_the_step_converges(book: Book) -> None:
    """Without noise, the path under a sale and all who respond to it, at 2, 1, 0.5 and 0.25 s."""
    responding = {
        "market_maker": MarketMaker(),
        "arbitrageur": Arbitrageur(),
        "momentum": Momentum(),
        "dip_buyer": DipBuyer(begin=0.002, full=0.02),
    }
    shocks = {"sale": ForcedSale(market=f"{VENUE}:BTC", usd=30e6, at=20, over=100)}

    def path(step: float) -> np.ndarray:
        setup = setup_of(book, 240, step, behaviours=responding, shocks=shocks)
        run = run_of(replace(setup, record_every=20.0))
        columns = [k for k, m in enumerate(setup.floor.markets) if m.asset == "BTC"]
        return np.log(run.series["mid"][:, columns] / run.series["mid"][0, columns])

    paths = [path(step) for step in (2.0, 1.0, 0.5, 0.25)]
    misses = [np.abs(p - paths[-1]).mean() for p in paths[:-1]]
    fall = -paths[-1].min()
    assert fall > 0.005
    # a price level is 5 basis points wide
    assert misses[2] < misses[0]
    assert misses[1] < 0.05 * fall
    assert misses[2] < 0.03 * fall


def test_noise_moves_prices_alike_at_another_step(book: Book) -> None:
    spread = {}
    for step in (1.0, 0.5):
        setup = setup_of(book, 1200, step, behaviours={"noise": Noise(share=2.0)})
        run = run_of(replace(setup, record_every=10.0))
        moves = np.diff(np.log(run.series["mid"]), axis=0)
        spread[step] = moves.std()
    assert spread[0.5] == pytest.approx(spread[1.0], rel=0.15)


def test_arbitrage_carries_a_fall_from_one_venue_to_the_others(book: Book) -> None:
    sale = {"sale": ForcedSale(market=f"{VENUE}:BTC", usd=60e6, at=10, over=60)}
    far = {}
    for name, who in (("alone", {}), ("joined", {"arbitrageur": Arbitrageur()})):
        setup = setup_of(book, shocks=sale, behaviours=who)
        series = run_of(setup).series["mid"]
        names = [m.name for m in setup.floor.markets]
        here = names.index(f"{VENUE}:BTC")
        other = [k for k, m in enumerate(setup.floor.markets) if m.asset == "BTC" and k != here]
        fall = np.log(series.min(axis=0) / series[0])
        far[name] = (fall[here], fall[other].mean())
    assert far["alone"][0] < -0.01
    assert far["joined"][0] > far["alone"][0]
    assert far["joined"][1] < far["alone"][1] - 1e-4


def test_makers_who_withdraw_deepen_a_fall(book: Book) -> None:
    sale = {"sale": ForcedSale(market=f"{VENUE}:BTC", usd=60e6, at=10, over=60)}
    low = {}
    for name, exponent in (("stay", 0.0), ("leave", 1.0)):
        maker = MarketMaker(withdrawal=exponent, inventory=1e5, loss=1e5)
        setup = setup_of(book, shocks=sale, behaviours={"market_maker": maker})
        k = [m.name for m in setup.floor.markets].index(f"{VENUE}:BTC")
        series = run_of(setup).series
        low[name] = float(series["mid"][:, k].min() / series["mid"][0, k])
        assert (series["willingness"][:, k].min() < 0.9) == (name == "leave")
    assert low["leave"] < low["stay"] - 0.002


def test_a_withdrawal_thins_the_book_for_its_window(book: Book) -> None:
    setup = setup_of(book, shocks={"thin": DepthWithdrawal(to=0.25, at=60, lasts=60)})
    standing = run_of(setup).series["standing_bid"].sum(axis=1)
    assert standing[100] == pytest.approx(0.25 * standing[30], rel=0.01)
    assert standing[-1] == pytest.approx(standing[30], rel=0.01)


def test_an_outage_stops_one_venue_and_only_that(book: Book) -> None:
    shocks = {
        "down": VenueOutage(venues=(VENUE,), at=60, lasts=60),
        "jump": PriceJump(change=-0.05, at=80),
    }
    setup = setup_of(book, shocks=shocks, behaviours={"noise": Noise()})
    run = run_of(setup)
    window = (run.second > 61) & (run.second < 120)
    there = np.isin(np.arange(len(setup.floor)), rows(setup))
    assert not run.series["traded"][np.ix_(window, there)].any()
    assert (run.series["traded"][np.ix_(window, ~there)].sum(axis=0) > 0).all()
    assert (np.ptp(run.series["mark"][np.ix_(window, there)], axis=0) == 0).all()
    assert (run.series["traded"][run.second > 121][:, there].sum(axis=0) > 0).all()


def test_a_late_index_trails_and_catches_up(book: Book) -> None:
    shocks = {
        "late": OracleLag(lag=100.0, at=20, lasts=150, venues=(VENUE,)),
        "jump": PriceJump(change=-0.05, at=30),
    }
    setup = setup_of(book, shocks=shocks)
    run = run_of(setup)
    markets = setup.floor.markets
    late = next(k for k in rows(setup) if markets[k].asset == "BTC")
    spot = next(k for k in rows(setup, "spot") if markets[k].asset == "BTC")
    gap = np.log(run.series["index"][:, late] / run.series["index"][:, spot])
    assert gap[100] > 0.01
    assert abs(gap[10]) < 1e-4
    assert abs(gap[-1]) < 1e-4


def test_a_depeg_costs_those_who_pledged(book: Book) -> None:
    depeg = CollateralDepeg(to=0.6, at=60, over=60, lasts=60, accounts=0.4, pledged=0.5)
    plain, struck = run_of(setup_of(book)), run_of(setup_of(book, shocks={"depeg": depeg}))
    assert struck.equity.sum() < plain.equity.sum()
    assert len(struck.events.of(c.LIQUIDATION, c.TAKEOVER)) > len(
        plain.events.of(c.LIQUIDATION, c.TAKEOVER)
    )


def test_a_trader_who_has_to_sell_is_no_longer_in_the_book(book: Book) -> None:
    notional = book.notional()
    largest = int(np.argmax(notional))
    trader = book.traders[int(book.accounts.trader[book.positions.account[largest]])]
    sale = ForcedSale(account=trader, at=50, over=30)
    setup = setup_of(book, shocks={"closing": sale})
    run = run_of(setup)
    instrument = book.instruments[int(book.positions.instrument[largest])]
    k = [m.instrument for m in setup.floor.markets].index(instrument)
    traded = run.series["traded"][:, k]
    assert traded[:49].sum() == 0
    assert traded.sum() >= 0.95 * notional[largest]
    way = np.sign(book.positions.size[largest])
    mid = run.series["mid"][:, k]
    assert way * (mid[80] - mid[40]) < 0


def test_correlation_makes_outside_prices_move_as_one(book: Book) -> None:
    outside = Outside(dict.fromkeys(book.assets, 0.05), 0.0)
    shocks = {"one": CorrelationOne(correlation=1.0, at=100, lasts=100)}
    run = Simulation(setup_of(book, outside=outside, shocks=shocks), 1)
    moves = np.diff(run.plan.outside, axis=0)
    inside = np.corrcoef(moves[100:199].T)
    before = np.corrcoef(moves[:99].T)
    off = ~np.eye(len(inside), dtype=bool)
    assert inside[off].min() > 0.999
    assert np.abs(before[off]).max() < 0.4


def test_disclosed_clusters_draw_hunters_and_frighten_makers(book: Book) -> None:
    setup = setup_of(book, behaviours={"hunter": Hunter(), "market_maker": MarketMaker(wariness=1)})
    run = Simulation(setup, 1)
    k = [m.name for m in setup.floor.markets].index(f"{VENUE}:BTC")
    run.world.markets[k, c.DISCLOSED] = 1.0
    run.advance(60)
    assert run.world.markets[k, c.LONGS_NEAR] >= 0
    near = run.world.markets[k, c.LONGS_NEAR] + run.world.markets[k, c.SHORTS_NEAR]
    assert near > 0
    will = run.world.markets[:, c.WILL]
    assert will[k] < will.max()
