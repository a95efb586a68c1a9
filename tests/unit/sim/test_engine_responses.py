"""Who is sent when: after funding, after deleveraging, out of a halt; and what is published."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from seawall.core import Book, parse_time
from seawall.core import _columns as c
from seawall.rulebook import Rules, bind
from seawall.rulebook.levers import levers
from seawall.rulebook.losses import loss_rules
from seawall.sim.behaviours import behaviours
from seawall.sim.engine import Simulation
from seawall.sim.losses import PEAK_HOURS, FundPeaks
from seawall.sim.setup import Depth, Setup
from unit.sim.plain import (
    FORCED,
    Edits,
    Moves,
    account_of,
    book_of,
    happened,
    plain_setup,
    row_of,
)

HOUR = 3600.0


def test_a_funds_peak_is_that_of_eight_hours():
    peaks = FundPeaks(np.array([100.0, 7.0]))
    peaks.see(1800.0, np.array([80.0, 9.0]))
    peaks.see(1830.0, np.array([60.0, 8.0]))
    assert peaks.peak(1830.0).tolist() == [100.0, 9.0]
    assert peaks.peak(PEAK_HOURS * HOUR).tolist() == [100.0, 9.0]
    # a minute later the first minute is out of it; of a minute the highest stays
    assert peaks.peak(PEAK_HOURS * HOUR + 60.0).tolist() == [80.0, 9.0]
    peaks.see(7 * HOUR, np.array([50.0, 1.0]))
    assert peaks.peak(8.5 * HOUR + 59.0).tolist() == [80.0, 9.0]
    assert peaks.peak(8.5 * HOUR + 60.0).tolist() == [50.0, 1.0]
    # more than a round of its rows later
    peaks.see(30 * HOUR, np.array([20.0, 0.0]))
    assert peaks.peak(30 * HOUR).tolist() == [20.0, 0.0]


def inventory(folder) -> Setup:
    """A fund that holds what it took over while the price comes back and falls again."""
    rows = []
    for k in range(12):
        tail = f"20,90000,90000,{12 + 3 * k},isolated,,"
        rows.append(f"long{k},bybit,BTCUSDT,linear,long,{tail}")
        rows.append(f"short{k},bybit,BTCUSDT,linear,short,20,90000,90000,3,isolated,,")
    moves = ((5.0, -0.04), (100.0, -0.01), (200.0, -0.05), (300.0, -0.02), (400.0, -0.08))
    fall = {"fall": Moves(changes=moves)}
    return plain_setup(book_of(folder, rows), 600, depth=2e5, shocks=fall, funds={"bybit": 3e5})


def test_peaks_are_saved_and_do_not_depend_on_how_a_run_is_advanced(tmp_path):
    setup = inventory(tmp_path)
    whole, pieces = Simulation(setup, 0), Simulation(setup, 0)
    whole.advance()
    for second in range(7, 600, 7):
        pieces.advance(second)
        if second == 203:
            assert pieces.peaks.seen.max() > 0
            before = pieces.peaks.seen.copy()
            pieces = Simulation.load(pieces.save(tmp_path / "run.npz"), setup)
            assert np.array_equal(pieces.peaks.seen, before)
    pieces.advance()
    assert (np.abs(whole.world.fund_held) > 0).any()
    assert np.array_equal(whole.peaks.seen, pieces.peaks.seen)
    assert np.array_equal(whole.result().equity, pieces.result().equity)


def fallen(book: Book, mark: np.ndarray, market: np.ndarray, m: int, way: float) -> float:
    """USD of longs (``way`` < 0) or shorts in ``m`` that fall if its mark alone moves by 2%."""
    moved = np.where(market == m, mark * (1.0 + way * 0.02), mark)
    there = replace(book, positions=replace(book.positions, mark=moved))
    state = bind(there, Rules.bundled(), book.time).accounts_state()
    falls = (state.excess <= 0)[book.positions.account] & (market == m)
    falls &= book.positions.size * way < 0
    inverse = np.array([i.inverse for i in book.instruments])[book.positions.instrument]
    return float((np.abs(book.positions.size) * np.where(inverse, 1.0, mark))[falls].sum())


def mixed_rows() -> list[str]:
    """Isolated and cross, linear and inverse, longs and shorts, 4 to 80 times levered."""
    rows, rng = [], np.random.default_rng(3)
    for k in range(150):
        side, lever = ("long", "short")[k % 2], float(np.exp(rng.uniform(1.5, 4.3)))
        size = float(rng.uniform(0.05, 4.0))
        tail = f"90000,90000,{lever},isolated,,"
        rows.append(f"b{k},binance_usdm,BTCUSDT,linear,{side},{size},{tail}")
        rows.append(f"y{k},bybit,BTCUSDT,linear,{side},{size},{tail}")
        face = 100 * (k + 1)
        rows.append(f"m{k},binance_coinm,BTCUSD_PERP,inverse,{side},{face},{tail}")
        wallet = 120_000 * size / min(lever, 20.0)
        other = ("long", "short")[(k // 2) % 2]
        for symbol, held, price, way in (
            ("BTC", size, 90_000, side),
            ("ETH", 10 * size, 3000, other),
        ):
            rows.append(
                f"c{k},hyperliquid,{symbol},linear,{way},{held},{price},{price},,cross,,{wallet}"
            )
    return rows


def test_published_concentration_is_what_the_margin_engine_would_fell(tmp_path):
    disclosed = {"disclosure": levers()["disclosure"](published=True)}
    shocks = {"moves": Moves(changes=((3.0, -0.003), (6.0, 0.002)))}
    book = book_of(tmp_path, mixed_rows())
    run = Simulation(plain_setup(book, 12, depth=1e9, levers=disclosed, shocks=shocks), 0)
    book = run.margin.book
    market = np.empty(len(book), dtype=int)
    market[run.positions] = run.world.pi[:, c.P_MARKET]
    seen = 0
    for second in (1, 4, 5, 8, 12):
        run.advance(second)
        mark = run.world.markets[market, c.MARK]
        for m in range(len(run.setup.floor)):
            expected = [fallen(book, mark, market, m, way) for way in (-1.0, 1.0)]
            published = run.world.markets[m, [c.LONGS_NEAR, c.SHORTS_NEAR]]
            assert published == pytest.approx(expected, rel=1e-9, abs=1e-6)
            seen += sum(usd > 0 for usd in expected)
    # nobody was closed meanwhile, so that the book is still the run's
    assert not len(run.result().events.of(*FORCED))
    assert seen > 20


def test_funding_that_fells_an_account_has_its_order_in_the_next_step(tmp_path):
    """0.01% of 90,000 is 9; the account has 4.50 more than it needs."""
    rows = [
        "payer,binance_usdm,BTCUSDT,linear,long,1,90000,90000,,cross,,364.5",
        "other,binance_usdm,BTCUSDT,linear,short,1,90000,90000,2,isolated,,",
    ]
    start = parse_time("2025-11-20T23:59:50Z")
    setup = plain_setup(
        book_of(tmp_path, rows),
        30,
        depth=1e9,
        market_depth={"": Depth(width=1e-5)},
        start=start,
    )
    run = Simulation(setup, 0)
    result = run.run()
    paid = result.events.of(c.FUNDING)
    assert paid.second.tolist() == [10.0]
    assert paid.usd[0] == pytest.approx(9.0, rel=1e-6)
    mine = happened(result, account_of(run, "payer"))
    assert mine[0][0] == 11.0
    assert mine[0][1] in FORCED


def test_deleveraging_that_fells_an_account_has_its_order_in_the_next_step(tmp_path):
    """A short hedged by another coin loses its gain at the bankruptcy price, and its hedge."""
    rows = [
        "long,binance_usdm,BTCUSDT,linear,long,10,90000,90000,50,isolated,,",
        "hedged,binance_usdm,BTCUSDT,linear,short,12,90000,90000,,cross,,37000",
        "hedged,binance_usdm,ETHUSDT,linear,long,360,3000,3000,,cross,,37000",
        "rest,binance_usdm,ETHUSDT,linear,short,360,3000,3000,2,isolated,,",
    ]
    queue = loss_rules()["queue"]()
    setup = plain_setup(
        book_of(tmp_path, rows),
        20,
        shocks={"fall": Moves(changes=((5.0, -0.08),))},
        losses={"binance_usdm": queue},
        funds={"binance_usdm": 0.0},
    )
    run = Simulation(setup, 0)
    result = run.run()
    long, hedged = account_of(run, "long"), account_of(run, "hedged")
    # found at 5 by its mark, taken over in the step that follows: nothing of its margin is left
    assert happened(result, long) == [(6.0, c.TAKEOVER), (6.0, c.FUND_DRAW)]
    mine = happened(result, hedged)
    assert mine[0] == (6.0, c.ADL)
    assert mine[1][0] == 7.0
    assert mine[1][1] in FORCED


def leverage(run: Simulation, trader: str) -> float:
    w, a = run.world, row_of(run, trader)
    rows = range(int(w.ai[a, c.A_START]), int(w.ai[a + 1, c.A_START]))
    mark = w.markets[w.pi[rows, c.P_MARKET], c.MARK]
    z = w.pf[rows, c.Z]
    return float((np.abs(z) * mark).sum() / (w.af[a, c.CASH] + (z * mark).sum()))


@pytest.mark.parametrize(
    ("column", "shut", "back"),
    [(c.SESSION, c.HALTED, c.OPEN), (c.WILL_CAP, 0.0, 1.0)],
    ids=["halted", "empty"],
)
def test_a_cut_that_could_not_be_filled_goes_on_until_the_leverage_is_met(
    tmp_path, column, shut, back
):
    """Five times levered, cut to 2 after a loss of a tenth; nobody trades with it until 120."""
    rows = [
        "cutter,binance_usdm,BTCUSDT,linear,long,10,90000,90000,5,isolated,,",
        "other,binance_usdm,BTCUSDT,linear,short,10,90000,90000,2,isolated,,",
    ]
    cutting = behaviours()["deleverager"](share=1.0, loss=0.1, lowest=2.0, highest=2.0)
    edits = Edits(rows=((2.0, 0, column, shut), (120.0, 0, column, back)))
    setup = plain_setup(
        book_of(tmp_path, rows),
        400,
        depth=1e6,
        # half a percent in view, so that the cut takes many orders and costs little
        market_depth={"": Depth(width=2e-5, follow=1.0, permanent=0.0)},
        behaviours={"cut": cutting},
        shocks={"fall": Moves(changes=((30.0, -0.03),)), "shut": edits},
    )
    run = Simulation(setup, 0)
    run.advance(119)
    a = row_of(run, "cutter")
    assert run.world.af[a, c.CUT_AT] == -np.inf
    held = float(run.world.pf[int(run.world.ai[a, c.A_START]), c.Z])
    assert held == pytest.approx(10.0, rel=1e-6)
    assert leverage(run, "cutter") > 5.0
    run.advance()
    # what the cut itself costs is lost after it was sized
    assert leverage(run, "cutter") == pytest.approx(2.0, rel=0.02)
    cuts = run.result().events.of(c.DELEVERAGED)
    assert cuts.second[cuts.usd > 1.0].min() > 120.0
    assert len(cuts) > 2
    assert run.world.ai[a, c.A_STATE] == c.ALIVE
