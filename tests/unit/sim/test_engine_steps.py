"""What follows within a step, and how little the step itself decides."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from seawall.core import _columns as c
from seawall.rulebook.levers.mark_smoothing import MarkSmoothing
from seawall.sim.engine import Simulation
from seawall.sim.scenario import load_scenario
from seawall.sim.setup import Depth
from seawall.sim.staging import stage
from unit.sim.plain import FORCED, Orders, Slides, book_of, plain_setup

LINEAR = "a,binance_usdm,BTCUSDT,linear,long,1,90000,90000,2,isolated,,"
INVERSE = "a,binance_coinm,BTCUSD_PERP,inverse,long,100,90000,90000,2,isolated,,"

ALONE = {"": Depth(width=1e-4, permanent=0.4, anchor=0.0, follow=0.0)}
"""Only trades move a centre."""


def moved(book, quantity: float, over: float, step: float) -> float:
    """Log move of the centre after an order of ``quantity``, in equal parts over a time."""
    order = Orders(at=5.0, over=over, a_second=quantity / over)
    setup = plain_setup(
        book,
        round(40 / step),
        step=step,
        depth=5e6,
        market_depth=ALONE,
        behaviours={"order": order},
    )
    run = Simulation(setup, 0)
    before = float(run.world.markets[0, c.CENTRE])
    run.advance()
    filled = -float(run.world.markets[0, c.MAKER_HELD])
    assert filled == pytest.approx(quantity, rel=1e-9)
    return float(run.world.markets[0, c.CENTRE]) - before


@pytest.mark.parametrize(("over", "step"), [(1.0, 1.0), (10.0, 1.0), (0.25, 0.25), (10.0, 0.25)])
@pytest.mark.parametrize("usd", [-4e6, 2.5e6])
def test_a_net_quantity_moves_the_centre_alike_however_it_is_sent(tmp_path, over, step, usd):
    """Permanent part 0.4 of 1% per depth of 5 million: linear in what was traded."""
    expected = 0.4 * 0.01 * usd / 5e6
    coin = moved(book_of(tmp_path, [INVERSE]), usd, over, step)
    assert coin == pytest.approx(expected, rel=1e-9)
    # linear contracts: depth in coins follows the price on its way
    dollars = moved(book_of(tmp_path, [LINEAR]), usd / 90_000, over, step)
    assert dollars == pytest.approx(expected, rel=2 * abs(expected))


def test_purchases_and_sales_of_one_quantity_leave_the_centre_where_it_was(tmp_path):
    both = {
        "buy": Orders(at=5.0, over=4.0, a_second=1e6),
        "sell": Orders(at=7.0, over=4.0, a_second=-1e6),
    }
    book = book_of(tmp_path, [INVERSE])
    run = Simulation(plain_setup(book, 40, market_depth=ALONE, behaviours=both), 0)
    before = float(run.world.markets[0, c.CENTRE])
    run.advance(9)
    assert float(run.world.markets[0, c.CENTRE]) - before > 1e-3
    run.advance()
    assert float(run.world.markets[0, c.CENTRE]) == pytest.approx(before, abs=1e-12)


PACE, REFILL, LEVEL = 4.7e-4, 0.2, 1e-5


def ask_in_a_fall(book, step: float) -> float:
    """Mean log distance of the ask over the centre's level in a steady fall, from 24 s on."""
    depth = {"": Depth(width=LEVEL, refill=REFILL, anchor=0.0, follow=1.0)}
    fall = {"fall": Slides(pace=PACE)}
    run = Simulation(plain_setup(book, round(48 / step), step, market_depth=depth, shocks=fall), 0)
    gaps = []
    for second in range(24, 49, 2):
        run.advance(second)
        row = run.world.markets[0]
        gaps.append(math.log(row[c.ASK]) - math.floor(row[c.CENTRE] / LEVEL) * LEVEL)
    return float(np.mean(gaps))


def test_levels_that_a_fall_has_passed_refill_from_when_it_passed_them(tmp_path):
    """Offers x above have refilled for x / pace; the ask is where half a percent is filled.

    Were all that a step passes refilled for the whole of it, the ask would be at a third of that
    distance at steps of 2 s.
    """
    book = book_of(tmp_path, [LINEAR])
    level, filled = -1, 0.0
    while filled < 0.005:
        level += 1
        waited = (level + 0.5) * LEVEL / PACE
        filled += (1.0 - math.exp(-REFILL * waited)) * LEVEL / 0.01
    expected = (level + 0.5) * LEVEL
    for step in (2.0, 1.0, 0.5, 0.25):
        assert ask_in_a_fall(book, step) == pytest.approx(expected, abs=1.2 * LEVEL)


def test_halving_the_step_halves_the_miss_of_the_ask_after_uneven_moves(tmp_path):
    """Orders move the centre and take levels within a step: what is left converges with it."""
    book = book_of(tmp_path, [INVERSE])
    depth = {"": Depth(width=LEVEL, refill=REFILL, permanent=0.8, anchor=0.02, follow=0.0)}
    asks = []
    for step in (2.0, 1.0, 0.5, 0.25, 0.125):
        sale = {"sale": Orders(at=8.0, over=16.0, a_second=-2.3e5)}
        setup = plain_setup(
            book, round(32 / step), step, depth=5e6, market_depth=depth, behaviours=sale
        )
        run = Simulation(setup, 0)
        path = []
        for second in range(16, 25, 2):
            run.advance(second)
            path.append(math.log(run.world.markets[0, c.ASK]))
        asks.append(path)
    gaps = [float(np.abs(np.subtract(b, a)).mean()) for a, b in pairwise(asks)]
    # in steps of levels, as a price has no finer grain
    assert gaps[0] > 2.0 * LEVEL
    assert all(after < 0.65 * before for before, after in pairwise(gaps))


def shipped(folder, step: str):
    """The price jump as shipped, its first 20 minutes, at a step."""
    path = folder / f"jump-{step}.toml"
    path.write_text(f'extends = "price-jump"\n[clock]\nstep = "{step}"\nlength = "20m"\n')
    return stage(load_scenario(path))


def test_the_price_jump_does_not_depend_on_its_step(tmp_path):
    """Means over six seeds, all behaviours on: forced within 5%, troughs within half a percent."""
    forced, lows = [], []
    for step in ("1s", "500ms", "250ms"):
        setup = shipped(tmp_path, step)
        assert set(setup.behaviours) >= {"noise", "market_maker", "arbitrageur"}
        rows = [k for k, m in enumerate(setup.floor.markets) if m.asset == "BTC"]
        assert len(rows) == 4
        runs = [Simulation(setup, seed).run() for seed in range(6)]
        forced.append(np.mean([r.events.of(*FORCED).usd.sum() for r in runs]))
        mids = [r.series["mid"][:, rows] for r in runs]
        lows.append(np.mean([m.min(axis=0) / m[0] for m in mids], axis=0))
    assert forced[0] > 1e8
    assert max(forced) / min(forced) < 1.05
    assert np.ptp(lows, axis=0).max() < 0.005


@pytest.mark.parametrize("step", [0.5, 1.0, 4.0])
def test_a_venue_marks_no_more_often_than_it_says(tmp_path, step):
    """Hyperliquid marks with each oracle price, every 3 s; a longer step has one mark each."""
    row = "a,hyperliquid,BTC,linear,long,1,90000,90000,2,isolated,,"
    setup = plain_setup(
        book_of(tmp_path, [row]), round(60 / step), step=step, shocks={"slide": Slides(pace=1e-4)}
    )
    run = Simulation(setup, 0)
    marks = [float(run.world.markets[0, c.MARK])]
    while not run.done:
        run.advance(run.second + step)
        now = float(run.world.markets[0, c.MARK])
        changed = now != marks[-1]
        due = step > 3.0 or run.second % 3.0 == 0.0
        assert due or not changed
        if changed:
            assert float(run.world.markets[0, c.MARK_BEFORE]) == marks[-1]
            marks.append(now)
    assert len(marks) > 7


@pytest.mark.parametrize("by", ["mean", "median"])
def test_a_smoothed_mark_follows_also_where_the_venue_marks_every_three_seconds(tmp_path, by):
    """The lever is fed what the venue's rule gives, not what it made of it before."""
    row = "a,hyperliquid,BTC,linear,long,1,90000,90000,2,isolated,,"
    book, window = book_of(tmp_path, [row]), 20.0
    setup = plain_setup(book, 120, shocks={"slide": Slides(pace=1e-4)})
    lever = MarkSmoothing(by=by, window=window)
    raw = Simulation(setup, 0).run().series["mark"][:, 0]
    seen = Simulation(replace(setup, levers={"smooth": lever}), 0).run().series["mark"][:, 0]
    smooth, size = 90_000.0, int(window)
    for t, mark in enumerate(raw):
        smooth = mark + math.exp(-1.0 / window) * (smooth - mark)
        if by == "median" and t >= size:
            smooth = float(np.median(raw[t + 1 - size : t + 1]))
        if t > size:
            assert seen[t] == pytest.approx(smooth, rel=2e-4), t
    assert raw[-1] < 0.995 * 90_000
