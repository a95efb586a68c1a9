"""Liquidations as their venues make them: how many orders, how large, at what prices."""

from __future__ import annotations

import pytest

from seawall.core import _columns as c
from seawall.margin.closing import fillable_price
from seawall.rulebook.levers import levers
from seawall.rulebook.losses import loss_rules
from seawall.sim.engine import Simulation
from unit.sim.plain import (
    FORCED,
    Moves,
    account_of,
    bids_above,
    book_of,
    happened,
    plain_setup,
    row_of,
)

# BTCUSDT on Binance: floor of each bracket, USD, its rate and what is taken off
BRACKETS = (
    (0.0, 0.004, 0.0),
    (3e5, 0.005, 300.0),
    (8e5, 0.0065, 1500.0),
    (3e6, 0.01, 12_000.0),
    (12e6, 0.02, 132_000.0),
    (70e6, 0.025, 482_000.0),
    (100e6, 0.05, 2_982_000.0),
)
CLOSING = 0.0125 + 0.0005


def binance_need(usd: float) -> float:
    return max(rate * usd - less for _, rate, less in BRACKETS)


def lowered(usd: float, equity: float) -> float | None:
    """USD that a position is cut to: the highest floor at which it stands, closing paid."""
    for floor, _, _ in reversed([b for b in BRACKETS if 0.0 < b[0] < usd]):
        if equity - CLOSING * (usd - floor) > binance_need(floor):
            return floor
    return None


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A position of 150 million with 5 million of margin, and a small one that stands."""
    rows = [
        "large,binance_usdm,BTCUSDT,linear,long,1666.7,90000,90000,,cross,,5000000",
        "small,binance_usdm,BTCUSDT,linear,short,1,90000,90000,2,isolated,,",
    ]
    return book_of(tmp_path_factory.mktemp("large"), rows)


def until_failing(run: Simulation, trader: str) -> tuple[float, float, float, int]:
    """Run to the step that finds an account due: mark, exposure, equity, its row."""
    a = row_of(run, trader)
    while run.world.ai[a, c.A_STATE] != c.LIQUIDATING:
        assert not run.done
        run.advance(run.second + run.setup.floor.step)
    w = run.world
    i = int(w.ai[a, c.A_START])
    mark, z = float(w.markets[0, c.MARK]), float(w.pf[i, c.Z])
    return mark, z, float(w.af[a, c.CASH]) + z * mark, a


@pytest.mark.parametrize(("fall", "floor"), [(0.010, 100e6), (0.0165, 70e6)])
def test_binance_sends_one_order_down_to_the_bracket_at_which_the_account_stands(
    large, fall, floor
):
    shocks = {"fall": Moves(changes=((5.0, -fall),))}
    run = Simulation(plain_setup(large, 60, depth=2e10, shocks=shocks), 0)
    mark, z, equity, a = until_failing(run, "large")
    assert lowered(z * mark, equity) == floor
    run.advance()
    account = account_of(run, "large")
    result = run.result()
    assert [kind for _, kind in happened(result, account)] == [c.PARTIAL]
    mine = result.events.of(c.PARTIAL)
    assert mine.quantity[0] == pytest.approx(z - floor / mark, rel=1e-9)
    i = int(run.world.ai[a, c.A_START])
    assert run.world.pf[i, c.Z] * mark == pytest.approx(floor, rel=1e-9)
    assert run.world.ai[a, c.A_STATE] == c.ALIVE
    # the market paid the order, the venue took its fee of the taker's and of the liquidation
    price, usd = float(mine.price[0]), float(mine.usd[0])
    cash = equity - z * mark + usd * (1.0 - CLOSING)
    assert usd == pytest.approx(price * mine.quantity[0], rel=1e-12)
    assert run.world.af[a, c.CASH] == pytest.approx(cash, rel=1e-9)


def test_binance_sends_what_no_bracket_saves_within_its_bankruptcy_price(large):
    shocks = {"fall": Moves(changes=((5.0, -0.022),))}
    run = Simulation(plain_setup(large, 60, depth=3e6, shocks=shocks), 0)
    mark, z, equity, _ = until_failing(run, "large")
    assert equity > 0
    assert lowered(z * mark, equity) is None
    bankrupt = mark - equity / z
    there = bids_above(run, 0, bankrupt)
    assert 0 < there < z
    found = run.second
    run.advance()
    result, account = run.result(), account_of(run, "large")
    assert happened(result, account) == [
        (found + 1.0, c.PARTIAL),
        (found + 2.0, c.TAKEOVER),
    ]
    sold, taken = result.events.of(*FORCED).quantity
    assert sold == pytest.approx(there, rel=1e-9)
    assert taken == pytest.approx(z - there, rel=1e-9)
    assert result.events.of(c.PARTIAL).price[0] >= bankrupt


@pytest.fixture(scope="module")
def chain(tmp_path_factory):
    """One long on dYdX of 20 BTC, 20 times levered."""
    rows = ["y,dydx,BTC-USD,linear,long,20,90000,90000,,cross,,90000"]
    return book_of(tmp_path_factory.mktemp("chain"), rows)


def hand_fillable(mark: float, equity: float, need: float) -> float:
    """dYdX: ABR = clamp(1 - equity / maintenance, 0, 1); 1.5 of the 3% away when bankrupt."""
    rating = min(max(1.0 - equity / need, 0.0), 1.0)
    return mark * (1.0 - rating * 1.5 * 0.03)


def dydx_steps(book, depth: float, steps: int) -> tuple[Simulation, list[tuple[float, ...]]]:
    """A fall of 3.5%; of each step of the liquidation: sold, asked, worst, bankruptcy, last."""
    shocks = {"fall": Moves(changes=((5.0, -0.035),))}
    changes = {"shocks": shocks, "losses": {"dydx": loss_rules()["none"]()}}
    run = Simulation(plain_setup(book, steps, depth=depth, **changes), 0)
    a, seen = row_of(run, "y"), []
    i = int(run.world.ai[a, c.A_START])
    while not run.done:
        w = run.world
        mark, z = float(w.markets[0, c.MARK]), float(w.pf[i, c.Z])
        equity, need = float(w.af[a, c.CASH]) + z * mark, 0.03 * z * mark
        due = w.ai[a, c.A_STATE] == c.LIQUIDATING and 0.0 < equity <= need
        if due:
            worst = hand_fillable(mark, equity, need)
            assert worst == pytest.approx(
                float(fillable_price(z, mark, 0.03, equity, need, 1.0, 1.5)), rel=1e-12
            )
            asked = min(max(0.1 * z * mark, 1000.0), 100_000.0) / mark
            there = bids_above(run, 0, worst)
        run.advance(run.second + 1.0)
        if due:
            sold, last = z - float(run.world.pf[i, c.Z]), float(run.world.markets[0, c.LAST])
            assert sold == pytest.approx(min(asked, there), rel=1e-9, abs=1e-12)
            seen.append((sold, asked, worst, mark - equity / z, last))
    return run, seen


def test_dydx_fills_slices_no_further_than_the_fillable_price(chain):
    run, seen = dydx_steps(chain, 3e6, 20)
    assert len(seen) >= 5
    assert any(sold > asked * (1 - 1e-9) for sold, asked, *_ in seen)
    assert all(last >= worst for sold, _, worst, _, last in seen if sold > 0)
    assert set(run.result().events.of(*FORCED).kind) <= {c.PARTIAL, c.LIQUIDATION}


def test_dydx_leaves_standing_what_a_thin_book_does_not_take(chain):
    """With 1.5% of the value left bankruptcy lies 1.5% down, the fillable price over 2%."""
    run, seen = dydx_steps(chain, 1e4, 15)
    assert len(seen) == 10
    assert all(0 < sold < asked for sold, asked, *_ in seen[1:])
    # beyond the bankruptcy price, which bounds orders elsewhere, and not beyond the fillable one
    assert any(worst <= last < bankrupt for _, _, worst, bankrupt, last in seen)
    assert set(run.result().events.of(*FORCED).kind) == {c.PARTIAL}
    a = row_of(run, "y")
    assert run.world.ai[a, c.A_STATE] == c.LIQUIDATING
    assert run.world.pf[int(run.world.ai[a, c.A_START]), c.Z] > 19.0


@pytest.mark.parametrize("at", [5.0, 5.5, 6.0, 6.5])
def test_held_back_orders_go_at_the_next_auction_whenever_they_were_found(tmp_path, at):
    """Auctions every 4 s; found at ``at``, an order is ready a second later."""
    rows = [
        "long,binance_usdm,BTCUSDT,linear,long,10,90000,90000,40,isolated,,",
        "short,binance_usdm,BTCUSDT,linear,short,10,90000,90000,2,isolated,,",
    ]
    throttle = {"throttle": levers()["liquidation_throttle"](every=4.0)}
    fall = {"fall": Moves(changes=((at, -0.0215),))}
    setup = plain_setup(book_of(tmp_path, rows), 60, 0.5, depth=1e9, shocks=fall, levers=throttle)
    run = Simulation(setup, 0)
    run.advance()
    # of the step that begins at 8
    assert happened(run, account_of(run, "long")) == [(8.5, c.LIQUIDATION)]
