"""The engine against what can be recomputed without it."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from seawall.core import Book, InputError
from seawall.core import _columns as c
from seawall.core.hooks import Floor, Market, Traders
from seawall.core.instrument import Instrument
from seawall.ingest import read_book
from seawall.margin import MarginBook
from seawall.rulebook import Rules, bind
from seawall.rulebook.losses import loss_rules
from seawall.sim.engine import Simulation
from seawall.sim.population.november import november_2025
from seawall.sim.setup import Depth, Outside, Setup
from seawall.sim.shocks import Shock
from seawall.sim.shocks.depth_withdrawal import DepthWithdrawal, Timeline


class Fall(Shock):
    """Every outside price moves by ``change`` in a straight line of its log."""

    change: float = -0.05
    at: float = 20.0
    over: float = 60.0

    def apply(self, timeline: Timeline, traders: Traders) -> None:
        way = np.clip((timeline.seconds() - self.at) / self.over, 0.0, 1.0)
        timeline.outside += (np.log1p(self.change) * way)[:, None]


class Cut(Shock):
    """Every trader is called at a ratio, adds margin once, then cuts leverage."""

    def apply(self, timeline: Timeline, traders: Traders) -> None:
        traders.call[:] = 0.5
        traders.topup[::2] = 0.3
        traders.cut_at[::3] = 0.7
        traders.cut_to[:] = 2.0


RULES = Rules.bundled()


def setup_of(book: Book, steps: int, step: float = 1.0, depth: float = 1.0, **changes) -> Setup:
    price = {}
    for k, i in enumerate(book.instruments):
        price.setdefault(i.asset, float(book.positions.mark[book.positions.instrument == k][0]))
    markets = [Market(i.venue, i, price[i.asset], 5e6 * depth, 1e9) for i in book.instruments]
    markets += [
        Market("spot", Instrument("spot", a, a), price[a], 2e7 * depth, 1e9) for a in book.assets
    ]
    floor = Floor(tuple(markets), book.venues, book.assets, step, steps)
    plain = Setup(book, RULES, floor, book.time, outside=Outside({}), record_every=step)
    return replace(plain, **changes)


@pytest.fixture(scope="module")
def book() -> Book:
    return november_2025(accounts=6000).book


@pytest.fixture(scope="module")
def inverse(tmp_path_factory) -> Book:
    rows = [
        "account,venue,symbol,contract_type,side,quantity,entry_price,mark_price,leverage,margin_mode,collateral,wallet_balance"
    ]
    for k in range(40):
        lever = (2, 5, 10, 20, 40)[k % 5]
        side = "long" if k % 3 else "short"
        rows.append(
            f"i{k},binance_coinm,BTCUSD_PERP,inverse,{side},{10 + 7 * k},90000,90000,{lever},"
            "isolated,,"
        )
        rows.append(
            f"l{k},binance_usdm,BTCUSDT,linear,{side},{0.1 + 0.05 * k},90000,90000,{lever},"
            "isolated,,"
        )
        rows.append(
            f"c{k},hyperliquid,BTC,linear,{side},0.2,90000,90000,{lever},cross,,"
            f"{18000 / lever + 5 * k}"
        )
        rows.append(
            f"c{k},hyperliquid,ETH,linear,long,{2},3000,3000,{lever},cross,,{18000 / lever + 5 * k}"
        )
    for k in range(12):
        # margin that grows with the size, closed just enough; slices of a position
        rows.append(
            f"d{k},deribit,BTC-PERPETUAL,inverse,{'long' if k % 4 else 'short'},{9e6 * (k + 1)},"
            f"90000,90000,,cross,,{100 * (k + 1) * (0.05 + 0.003 * k + 0.0005 * k * k)}"
        )
        rows.append(f"y{k},dydx,BTC-USD,linear,long,{k + 1},90000,90000,,cross,,{(k + 1) * 6000}")
    path = tmp_path_factory.mktemp("books") / "mixed.csv"
    path.write_text("\n".join(rows) + "\n")
    return read_book(path)


def requirement(run: Simulation) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Equity, maintenance margin and notional of every account, in plain numpy."""
    w = run.world
    market = w.pi[:, c.P_MARKET]
    mark, inverse = w.markets[market, c.MARK], w.markets[market, c.INVERSE] > 0
    u = np.where(inverse, 1 / mark, mark)
    value = np.abs(w.pf[:, c.Z]) * u
    t = w.pi[:, c.P_TABLE]
    lines = (w.rates[t] + w.pf[:, c.ADD, None]) * value[:, None] - w.deductions[t]
    need = np.where(value > 0, lines.max(axis=1) + w.pf[:, c.FIXED] + w.curves[t] * value**2, 0.0)
    a, m = w.pi[:, c.P_ACCOUNT], len(w.af)
    equity = w.af[:, c.CASH] + np.bincount(a, w.pf[:, c.Z] * u, m)
    return equity, np.bincount(a, need, m), np.bincount(a, value, m)


@pytest.mark.parametrize("which", ["book", "inverse"])
def test_nothing_is_lost_and_nobody_is_missed_at_any_step(which, request):
    setup = setup_of(
        request.getfixturevalue(which),
        150,
        depth=0.3,
        shocks={"fall": Fall(change=-0.12), "cut": Cut()},
        outside=Outside({"BTC": 0.5, "ETH": 0.5}),
    )
    run = Simulation(setup, 5)
    liquidating = 0
    for second in range(1, 151):
        run.advance(second)
        cash, interest = run.conservation()
        assert cash < 1e-12
        assert interest < 1e-12
        equity, need, gross = requirement(run)
        state = run.world.ai[:-1, c.A_STATE]
        alive = (state == c.ALIVE) & (gross > 0)
        assert (equity - need)[alive].min() > -1e-9 * gross[alive].max()
        liquidating += int((state == c.LIQUIDATING).sum())
    assert liquidating > 0
    seen = set(run.result().events.kind.tolist())
    assert {c.CALLED, c.ADDED, c.DELEVERAGED} <= seen
    assert seen & {c.LIQUIDATION, c.TAKEOVER}


def test_coin_is_conserved_too(inverse):
    run = Simulation(setup_of(inverse, 120, depth=0.02, shocks={"fall": Fall(change=-0.15)}), 1)
    before = run._cash()
    run.advance()
    assert (run.world.markets[:, c.INVERSE] > 0).any()
    assert np.abs(run._cash()[1:] - before[1:]).max() < 1e-9
    assert run.result().events.of(c.LIQUIDATION, c.TAKEOVER, c.PARTIAL).usd.sum() > 0


def test_without_impact_who_falls_is_who_the_margin_engine_says(inverse):
    """Depth without end, marks that follow the index: the falls are the joint liquidations."""
    setup = setup_of(
        inverse,
        400,
        depth=1e7,
        shocks={"fall": Fall(change=-0.1, over=30.0)},
    )
    setup = replace(setup, depth={"": Depth(anchor=5.0, spot_anchor=5.0, width=1e-5)})
    # who is deleveraged on one side falls elsewhere than by its own prices
    alone = loss_rules()["none"]()
    run = Simulation(replace(setup, losses=dict.fromkeys(setup.floor.venues, alone)), 0)
    result = run.run()
    fallen = np.unique(result.events.of(c.LIQUIDATION, c.TAKEOVER, c.PARTIAL).account)
    bound: MarginBook = bind(run.margin.book, RULES, setup.start)
    distance = bound.joint_liquidation({"BTC": -1.0, "ETH": -1.0})
    # marks lag, and end within a level of the outside price
    sure = np.flatnonzero(distance < 0.1 * (1 - 2e-3))
    possible = np.flatnonzero(distance < 0.1 * (1 + 2e-3))
    assert len(sure) > 10
    assert set(sure) <= set(fallen) <= set(possible)


def same(a, b) -> bool:
    fields = ("second", "kind", "market", "account", "position", "quantity", "price", "usd")
    return (
        all(np.array_equal(getattr(a.events, f), getattr(b.events, f)) for f in fields)
        and all(np.array_equal(a.series[k], b.series[k]) for k in a.series)
        and np.array_equal(a.equity, b.equity)
        and np.array_equal(a.fund, b.fund)
    )


def noisy(book: Book, steps: int = 120) -> Setup:
    return setup_of(
        book,
        steps,
        depth=0.2,
        shocks={"fall": Fall(change=-0.08), "cut": Cut()},
        outside=Outside({"BTC": 0.3, "ETH": 0.4}),
    )


def test_same_seed_same_run_other_seed_other_run(book):
    setup = noisy(book)
    first, again, other = (Simulation(setup, s).run() for s in (3, 3, 4))
    assert same(first, again)
    assert not same(first, other)


@pytest.mark.parametrize("at", [1, 37, 80])
def test_a_saved_run_goes_on_bit_for_bit(book, tmp_path, at):
    setup = noisy(book)
    whole = Simulation(setup, 3).run()
    part = Simulation(setup, 3)
    part.advance(at)
    path = part.save(tmp_path / "run.npz")
    assert same(whole, Simulation.load(path, setup).run())


def test_a_file_that_is_no_saved_run_is_refused(book, inverse, tmp_path):
    (tmp_path / "x.npz").write_bytes(b"nothing")
    with pytest.raises(InputError, match="not a saved run"):
        Simulation.load(tmp_path / "x.npz", noisy(book))
    run = Simulation(noisy(inverse), 3)
    with pytest.raises(InputError, match="another scenario"):
        Simulation.load(run.save(tmp_path / "y.npz"), noisy(book))


def test_a_run_is_not_resumed_under_a_setup_that_differs(book, tmp_path):
    setup = noisy(book)
    run = Simulation(setup, 3)
    run.advance(10)
    path = run.save(tmp_path / "run.npz")
    floor = setup.floor
    for changes in (
        {"shocks": {"fall": Fall(change=-0.09), "cut": Cut()}},
        {"shocks": {"fall": Fall(change=-0.08)}},
        {"floor": replace(floor, steps=floor.steps + 5)},
        {"floor": replace(floor, step=2.0)},
        {"depth": {"": Depth(refill=0.06)}},
        {"outside": Outside({"BTC": 0.3, "ETH": 0.5})},
        {"funds": {book.venues[0]: 1.0}},
        {"engine_pace": 0.06},
        {"latency": 2.0},
        {"record_every": 2.0},
        {"start": setup.start + 1},
    ):
        with pytest.raises(InputError, match="another scenario"):
            Simulation.load(path, replace(setup, **changes))
    assert Simulation.load(path, setup).step == 10


def test_a_saved_run_with_a_wrong_shape_is_refused(book, tmp_path):
    setup = noisy(book)
    path = Simulation(setup, 3).save(tmp_path / "run.npz")
    with np.load(path) as file:
        arrays = {k: file[k] for k in file.files}
    np.savez(path, **(arrays | {"p_record": arrays["p_record"][:-1]}))
    with pytest.raises(InputError, match="another scenario or version"):
        Simulation.load(path, setup)


def test_money_out_of_nowhere_is_noticed(inverse):
    for what, much in (("USD", 50_000.0), ("coin", 1000.0)):
        run = Simulation(setup_of(inverse, 20, depth=0.3, shocks={"cut": Cut()}), 1)
        run.advance(10)
        assert run.conservation()[0] < 1e-12
        coin = run._currencies()[1] > 0
        run.world.af[np.flatnonzero(coin == (what == "coin"))[0], c.CASH] += much
        assert run.conservation()[0] > 1e-6


class Depeg(Shock):
    """Half of every balance is pledged, and what is pledged loses a tenth."""

    def apply(self, timeline: Timeline, traders: Traders) -> None:
        traders.pledged[:] = 0.5
        timeline.peg[8:] = 0.9


def test_pledged_coin_is_counted_in_its_coin(inverse):
    run = Simulation(setup_of(inverse, 20, shocks={"peg": Depeg()}), 1)
    run.advance(15)
    assert (run._currencies()[1][run.plan.pledged] > 0).any()
    assert run.conservation()[0] < 1e-12


def test_the_fund_is_measured_from_the_start_whatever_is_recorded(book):
    setup = setup_of(book, 100, depth=0.2, shocks={"fall": Fall(change=-0.12, at=2.0, over=20.0)})
    often, rarely = (Simulation(replace(setup, record_every=s), 2).run() for s in (1.0, 50.0))
    before = Simulation(setup, 2).fund_worth()
    for run in (often, rarely):
        assert np.array_equal(run.fund_start, before)
        assert np.allclose(run.fund_end, run.fund[-1], rtol=1e-12)
    assert np.array_equal(often.fund_end, rarely.fund_end)
    assert not np.allclose(rarely.fund[0], before, rtol=1e-9)


def test_halving_the_step_converges(book):
    """Noise apart, the end of a run approaches a limit as its step is halved."""
    paths = []
    for step in (16.0, 8.0, 4.0, 2.0, 1.0):
        setup = setup_of(
            book, round(480 / step), step=step, depth=0.3, shocks={"fall": Fall(change=-0.06)}
        )
        fine = replace(setup, depth={"": Depth(width=1e-4)}, record_every=16.0, latency=16.0)
        run = Simulation(fine, 0).run()
        assert run.events.of(c.LIQUIDATION, c.PARTIAL, c.TAKEOVER).usd.sum() > 1e6
        paths.append(np.log(run.series["mid"]))
    gaps = [np.abs(b - a).mean() for a, b in pairwise(paths)]
    assert all(after < before for before, after in pairwise(gaps))
    assert gaps[-1] < 0.2 * gaps[0]


def test_a_market_without_bids_does_not_divide_by_zero(book):
    run = Simulation(setup_of(book, 60, depth=1e-9, shocks={"fall": Fall(change=-0.5)}), 0).run()
    assert all(np.isfinite(run.series[k]).all() for k in ("mid", "mark", "index"))
    assert (run.series["mid"] > 0).all()


def test_a_market_without_makers_has_halted_until_they_are_back(book):
    gone = DepthWithdrawal(to=0.0, at=20, lasts=30)
    run = Simulation(setup_of(book, 90, shocks={"gone": gone}), 0).run()
    for m, market in enumerate(run.floor.markets):
        events = run.events
        here = (events.market == m) & np.isin(events.kind, (c.HALT, c.RESUME))
        kinds, seconds = events.kind[here].tolist(), events.second[here]
        if market.spot:
            continue
        assert kinds == [c.HALT, c.RESUME], market.name
        assert 20 <= seconds[0] < 50 <= seconds[1]


def test_funding_only_changes_hands(book):
    setup = setup_of(book, 4000, step=2.0)
    run = Simulation(setup, 0)
    before = run._cash()
    run.advance()
    paid = run.result().events.of(c.FUNDING)
    assert len(paid) > 0
    assert np.abs(paid.usd).max() > 0
    assert abs(run._cash()[0] - before[0]) < 1e-3


def test_positions_on_markets_that_are_not_there_are_named(book):
    setup = setup_of(book, 10)
    floor = replace(setup.floor, markets=tuple(m for m in setup.floor.markets if m.venue != "okx"))
    with pytest.raises(InputError, match=r"markets that the scenario does not have.*okx:"):
        Simulation(replace(setup, floor=floor), 0)
