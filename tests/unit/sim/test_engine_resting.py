"""Orders that behaviours have resting: who trades with them, at which price, and in which order."""

from __future__ import annotations

import numpy as np
import pytest

from seawall.core import _columns as c
from seawall.sim.engine import Simulation
from unit.sim.plain import FORCED, Moves, Orders, account_of, book_of, plain_setup

LINEAR = "a,binance_usdm,BTCUSDT,linear,long,1,90000,90000,2,isolated,,"
INVERSE = "a,binance_coinm,BTCUSD_PERP,inverse,long,100,90000,90000,2,isolated,,"


def met(book, rests: float, sent: float, seconds: int = 12, **changes) -> Simulation:
    """A run in which so much rests at second 5 and so much is sent at market after it."""
    behaviours = {
        "patient": Orders(at=5.0, over=1.0, a_second=rests, column=c.RESTS),
        "hasty": Orders(at=5.0, over=1.0, a_second=sent),
    }
    setup = plain_setup(book, seconds, behaviours=behaviours, **changes)
    run = Simulation(setup, 0)
    run.advance(5.0)
    return run


def own(run: Simulation, behaviour: int) -> tuple[float, float]:
    """Quantity and cash of a behaviour in the first market."""
    end, count = int(run.plan.spans[behaviour, 1]), len(run.setup.floor)
    return float(run.plan.memory[end - 2 * count]), float(run.plan.memory[end - count])


@pytest.mark.parametrize("way", [1.0, -1.0])
def test_makers_fill_only_what_the_resting_orders_do_not(tmp_path, way):
    """Of 8 sold, 5 are bid for: those go at the best bid, the rest into makers' levels below."""
    run = met(book_of(tmp_path, [LINEAR]), way * 5.0, -way * 8.0)
    best = float(run.world.markets[0, c.BID if way > 0 else c.ASK])
    run.advance(6.0)
    held, cash = own(run, 0)
    assert held == pytest.approx(way * 5.0)
    assert cash == pytest.approx(-way * 5.0 * best)
    sold, got = own(run, 1)
    assert sold == pytest.approx(-way * 8.0)
    assert float(run.world.markets[0, c.MAKER_HELD]) == pytest.approx(way * 3.0)
    from_makers = got - way * 5.0 * best
    assert from_makers < way * 3.0 * best
    assert way * from_makers == pytest.approx(3.0 * best, rel=2e-3)
    assert not run.world.pool.any()
    run.advance()
    run.result()


def test_a_coin_margined_contract_keeps_its_coins(tmp_path):
    run = met(book_of(tmp_path, [INVERSE]), 50_000.0, -30_000.0)
    best = float(run.world.markets[0, c.BID])
    run.advance(6.0)
    held, cash = own(run, 0)
    assert held == pytest.approx(30_000.0)
    # bought at 1 / price: its worth in coins is - held / price, and cash the same with a plus
    assert cash == pytest.approx(30_000.0 / best)
    assert run.world.markets[0, c.MAKER_HELD] == 0.0
    run.advance()
    run.result()


def test_what_is_absorbed_at_rest_moves_no_price(tmp_path):
    book = book_of(tmp_path, [LINEAR])
    rested, taken = met(book, 10.0, -10.0), met(book, 0.0, -10.0)
    before = float(rested.world.markets[0, c.CENTRE])
    for run in (rested, taken):
        run.advance(6.0)
    assert rested.world.markets[0, c.CENTRE] == before
    assert taken.world.markets[0, c.CENTRE] < before


def test_the_first_to_bid_is_the_first_to_be_filled_and_nothing_is_left_over(tmp_path):
    behaviours = {
        "first": Orders(at=5.0, over=1.0, a_second=4.0, column=c.RESTS),
        "second": Orders(at=5.0, over=1.0, a_second=4.0, column=c.RESTS),
        "seller": Orders(at=5.0, over=2.0, a_second=-6.0),
    }
    run = Simulation(plain_setup(book_of(tmp_path, [LINEAR]), 12, behaviours=behaviours), 0)
    run.advance(6.0)
    assert [own(run, k)[0] for k in range(3)] == pytest.approx([4.0, 2.0, -6.0])
    run.advance(7.0)
    # bids are good for their step only
    assert [own(run, k)[0] for k in range(3)] == pytest.approx([4.0, 2.0, -12.0])
    assert float(run.world.markets[0, c.MAKER_HELD]) == pytest.approx(6.0)


def test_a_limit_above_the_bid_leaves_resting_orders_alone(tmp_path):
    """A liquidation order keeps to its bankruptcy price, whoever bids below it."""
    rows = [
        "a,binance_usdm,BTCUSDT,linear,long,10,90000,90000,,cross,,6000",
        "b,binance_usdm,BTCUSDT,linear,short,100,90000,90000,,cross,,9e6",
    ]
    fall = Moves(changes=((5.0, -0.1),))
    found = []
    for rests in (0.0, 1000.0):
        setup = plain_setup(
            book_of(tmp_path, rows),
            30,
            depth=1e4,
            behaviours={"patient": Orders(at=0.0, over=30.0, a_second=rests, column=c.RESTS)},
            shocks={"fall": fall},
        )
        run = Simulation(setup, 0)
        run.advance()
        mine = run.result().events.of(*FORCED)
        mine_rows = mine.account == account_of(run, "a")
        taken = run.result().events.of(c.TAKEOVER)
        found.append((np.sum(mine.quantity[mine_rows]), len(taken)))
        bankrupt = 90_000 - 600
        filled = mine.kind[mine_rows] != c.TAKEOVER
        assert (mine.price[mine_rows][filled] >= bankrupt * (1 - 1e-9)).all()
    assert [q for q, _ in found] == pytest.approx([10.0, 10.0])
