"""Who closes at a profit, in which order, and what becomes of those who cannot."""

from __future__ import annotations

import numpy as np
import pytest

from seawall.core import _columns as c
from seawall.core.hooks import Traders
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


def left(book, willing: int, usd: float, change: float = -0.05, seconds: int = 30) -> Simulation:
    """A run in which so much is to be bought back at second 10, after a move at second 5."""
    setup = plain_setup(
        book,
        seconds,
        depth=1e9,
        behaviours={"exits": Orders(at=10.0, over=1.0, a_second=usd, column=c.EXITS)},
        shocks={"turns": Turns(count=willing), "move": Moves(changes=((5.0, change),))},
    )
    run = Simulation(setup, 0)
    run.advance()
    return run


LONG = "other,binance_usdm,BTCUSDT,linear,long,100,90000,90000,,cross,,9e6"


def test_they_close_in_their_turn_until_the_sum_is_reached(tmp_path):
    """Ten BTC at 85,500 are 855,000: what is asked buys back two and not the third."""
    book = book_of(tmp_path, [short("a"), short("b"), short("c"), LONG])
    run = left(book, 3, 2.5 * 855_000.0)
    e = run.result().events.of(c.PROFIT_TAKEN)
    assert e.account.tolist() == [account_of(run, "c"), account_of(run, "b")]
    # decided in second 10, sent after the latency of a second
    assert (e.second == 12.0).all()
    assert e.usd == pytest.approx([855_000.0] * 2, rel=2e-3)
    assert e.quantity == pytest.approx([-10.0] * 2)
    assert run.world.exit_credit[0, 1] == pytest.approx(0.5 * 855_000.0, rel=0.01)
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
        behaviours={"exits": Orders(at=10.0, over=2.0, a_second=0.51 * 855_000.0, column=c.EXITS)},
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
        behaviours={"exits": Orders(at=20.0, over=1.0, a_second=3.1 * 855_000.0, column=c.EXITS)},
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
        behaviours={"exits": Orders(at=10.0, over=1.0, a_second=-9.5e6, column=c.EXITS)},
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
