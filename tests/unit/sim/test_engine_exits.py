"""Who closes at a profit, in which order, and what becomes of those who cannot."""

from __future__ import annotations

import numpy as np
import pytest

from seawall.core import _columns as c
from seawall.core.hooks import Traders
from seawall.sim.behaviours.profit_taker import ProfitTaker
from seawall.sim.engine import Simulation
from seawall.sim.shocks import Shock, Timeline
from unit.sim.plain import Moves, Orders, account_of, book_of, happened, plain_setup, row_of


class Turns(Shock):
    """The traders of so many first accounts take profits, the last of them first."""

    count: int

    def apply(self, timeline: Timeline, traders: Traders) -> None:
        account = traders.book.positions.account
        willing = account < self.count
        traders.turn[willing] = -account[willing].astype(float)


def short(name: str, quantity: float = 10, entry: float = 90_000, wallet: float = 5e5) -> str:
    return f"{name},binance_usdm,BTCUSDT,linear,short,{quantity},{entry},90000,,cross,,{wallet}"


def left(
    book, willing: int, quantity: float, change: float = -0.05, seconds: int = 30
) -> Simulation:
    """A run in which so much is to be bought back at second 10, after a move at second 5."""
    setup = plain_setup(
        book,
        seconds,
        depth=1e9,
        behaviours={"exits": Orders(at=10.0, over=1.0, a_second=quantity, column=c.EXITS)},
        shocks={"turns": Turns(count=willing), "move": Moves(changes=((5.0, change),))},
    )
    run = Simulation(setup, 0)
    run.advance()
    return run


LONG = "other,binance_usdm,BTCUSDT,linear,long,100,90000,90000,,cross,,9e6"


def test_they_close_in_their_turn_until_the_sum_is_reached(tmp_path):
    """They hold ten BTC each: what is asked buys back two and not the third."""
    book = book_of(tmp_path, [short("a"), short("b"), short("c"), LONG])
    run = left(book, 3, 25.0)
    e = run.result().events.of(c.PROFIT_TAKEN)
    assert e.account.tolist() == [account_of(run, "c"), account_of(run, "b")]
    # decided in second 10, sent after the latency of a second
    assert (e.second == 12.0).all()
    assert e.usd == pytest.approx([855_000.0] * 2, rel=2e-3)
    assert e.quantity == pytest.approx([-10.0] * 2)
    assert run.world.exit_credit[0, 1] == pytest.approx(5.0)
    for name in "bc":
        a = row_of(run, name)
        assert run.world.ai[a, c.A_STATE] == c.GONE
        gain = run.world.af[a, c.CASH] - 5e5
        assert gain == pytest.approx(10 * 4_500 - 0.0005 * 855_000, rel=0.02)
    run.result()


def test_what_is_asked_adds_up_over_the_steps(tmp_path):
    """Half of a position is asked for twice: it closes once."""
    book = book_of(tmp_path, [short("a"), LONG])
    setup = plain_setup(
        book,
        30,
        depth=1e9,
        behaviours={"exits": Orders(at=10.0, over=2.0, a_second=5.1, column=c.EXITS)},
        shocks={"turns": Turns(count=1), "move": Moves(changes=((5.0, -0.05),))},
    )
    run = Simulation(setup, 0)
    run.advance()
    assert happened(run, account_of(run, "a")) == [(13.0, c.PROFIT_TAKEN)]


def test_without_profit_or_position_a_turn_is_used_up(tmp_path):
    """c is at a loss, b was liquidated before: a alone closes, with what is asked for three."""
    rows = [short("a"), short("b", wallet=30_000), short("c", entry=70_000), LONG]
    book = book_of(tmp_path, rows)
    setup = plain_setup(
        book,
        40,
        depth=1e9,
        behaviours={"exits": Orders(at=20.0, over=1.0, a_second=31.0, column=c.EXITS)},
        shocks={
            "turns": Turns(count=3),
            "move": Moves(changes=((5.0, 0.04), (12.0, -0.05))),
        },
    )
    run = Simulation(setup, 0)
    run.advance()
    e = run.result().events
    assert e.of(c.PROFIT_TAKEN).account.tolist() == [account_of(run, "a")]
    assert happened(run, account_of(run, "b"))[0][1] in (c.LIQUIDATION, c.PARTIAL, c.TAKEOVER)
    assert run.world.pf[int(run.world.ai[row_of(run, "c"), c.A_START]), c.Z] == pytest.approx(-10)


def test_longs_close_after_a_rise_and_a_long_order_goes_on(tmp_path):
    rows = [
        "a,binance_usdm,BTCUSDT,linear,long,100,90000,90000,,cross,,9e6",
        short("other", 100, wallet=9e6),
    ]
    setup = plain_setup(
        book_of(tmp_path, rows),
        120,
        depth=1e6,
        behaviours={"exits": Orders(at=10.0, over=1.0, a_second=-101.0, column=c.EXITS)},
        shocks={"turns": Turns(count=1), "move": Moves(changes=((5.0, 0.05),))},
    )
    run = Simulation(setup, 0)
    run.advance()
    e = run.result().events.of(c.PROFIT_TAKEN)
    assert len(e) > 1
    assert np.sum(e.quantity) == pytest.approx(100.0, rel=1e-6)
    assert run.world.ai[row_of(run, "a"), c.A_STATE] == c.GONE


def test_nobody_closes_where_nobody_is_willing(tmp_path):
    run = left(book_of(tmp_path, [short("a"), LONG]), 0, 9e6)
    assert len(run.result().events.of(c.PROFIT_TAKEN)) == 0


@pytest.mark.parametrize("move", [0.15, 0.3])
def test_the_part_of_the_share_that_a_move_reaches_is_the_part_of_the_shorts_that_close(
    tmp_path, move
):
    """However far the price has gone by then: a part of what was held, not of its dollars."""
    rows = [short(f"s{k}", 1, wallet=1e6) for k in range(200)]
    rows.append("other,binance_usdm,BTCUSDT,linear,long,200,90000,90000,,cross,,9e7")
    kind = ProfitTaker(share=0.5, begin=0.1, full=0.4, pace=1.0, most=1000.0, memory=1e6)
    setup = plain_setup(
        book_of(tmp_path, rows),
        60,
        depth=1e9,
        behaviours={"profits": kind},
        shocks={"move": Moves(changes=((5.0, -move),))},
    )
    run = Simulation(setup, 0)
    run.advance()
    closed = -np.sum(run.result().events.of(c.PROFIT_TAKEN).quantity)
    begin, full, at = (-np.log1p(-x) for x in (0.1, 0.4, move))
    first, last = Simulation(setup, 0).world.exits_start[0, 1]
    willing = int(last - first)
    assert willing == pytest.approx(100, abs=25)
    # of 200 BTC; who takes profits is drawn, and no more of them are there than that
    expected = min(0.5 * 200 * (at - begin) / (full - begin), willing)
    assert closed == pytest.approx(expected, abs=2.0)
