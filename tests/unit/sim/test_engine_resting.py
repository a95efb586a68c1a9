"""Orders that behaviours have resting: who trades with them, at which price, and in which order."""

from __future__ import annotations

import numpy as np
import pytest

from seawall.core import _columns as c
from seawall.sim.behaviours.dip_buyer import DipBuyer
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


def test_what_was_not_traded_with_is_told_to_who_bid(tmp_path):
    """Of 10 bid by two, first come first served, 6 are filled: 0 and 4 are left."""
    behaviours = {
        "first": Orders(at=5.0, over=1.0, a_second=5.0, column=c.RESTS),
        "second": Orders(at=5.0, over=1.0, a_second=5.0, column=c.RESTS),
        "seller": Orders(at=5.0, over=1.0, a_second=-6.0),
    }
    run = Simulation(plain_setup(book_of(tmp_path, [LINEAR]), 12, behaviours=behaviours), 0)
    run.advance(6.0)
    count = len(run.setup.floor)
    firsts = [int(end) - 3 * count for end in run.plan.spans[:3, 1]]
    assert [run.plan.memory[k] for k in firsts] == pytest.approx([0.0, 4.0, 0.0])
    run.advance(7.0)
    assert [run.plan.memory[k] for k in firsts] == [0.0, 0.0, 0.0]


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


def dip(folder, step: float = 1.0) -> Simulation:
    """A fall of a tenth at second 5 that is bid for, sold to at 0.2 BTC a second from 25 on."""
    behaviours = {
        "dip": DipBuyer(begin=0.03, full=0.15, memory=2.592e6, pace=10.0, resting=0.5),
        "seller": Orders(at=25.0, over=30.0, a_second=-0.2),
    }
    setup = plain_setup(
        book_of(folder, [LINEAR]),
        round(60 / step),
        step,
        behaviours=behaviours,
        shocks={"falls": Moves(changes=((5.0, -0.1),))},
    )
    return Simulation(setup, 0)


def standing(run: Simulation) -> float:
    """Quantity of a dip buyer's bids in the first market that nobody has traded with."""
    return float(run.plan.memory[int(run.plan.spans[0, 1]) - 3 * len(run.setup.floor)])


def test_bids_that_stand_conserve_and_go_on_bit_for_bit_in_a_resumed_run(tmp_path):
    whole = dip(tmp_path)
    stood = 0
    while not whole.done:
        whole.advance(whole.second + 1.0)
        assert max(whole.conservation()) < 1e-12
        stood += standing(whole) > 0.0
    assert stood > 40
    assert own(whole, 0)[0] == pytest.approx(6.0)
    left = 1.0
    for at in (8.0, 12.0, 33.0):
        part = dip(tmp_path)
        part.advance(at)
        # what stood is added to, not bid anew
        assert standing(part) > 1.5 * left
        left = standing(part)
        resumed = Simulation.load(part.save(tmp_path / "run.npz"), part.setup)
        assert standing(resumed) == left
        resumed.advance()
        np.testing.assert_array_equal(resumed.plan.memory, whole.plan.memory)
        np.testing.assert_array_equal(resumed.world.markets, whole.world.markets)


def test_what_standing_bids_buy_and_pay_does_not_depend_on_the_step(tmp_path):
    found = [own(_done(dip(tmp_path, step)), 0) for step in (1.0, 0.5, 0.25)]
    held, cash = zip(*found, strict=True)
    np.testing.assert_allclose(held, held[-1], rtol=1e-9)
    np.testing.assert_allclose(cash, cash[-1], rtol=1e-3)


def _done(run: Simulation) -> Simulation:
    run.advance()
    return run
