"""Who may open what: initial margin; what a cap does to it."""

from __future__ import annotations

import numpy as np
import pytest

from seawall.core import _columns as c
from seawall.core.hooks import Traders
from seawall.rulebook.levers import levers
from seawall.sim.engine import Simulation
from seawall.sim.shocks import Shock, Timeline
from unit.sim.plain import Orders, account_of, book_of, plain_setup, row_of


class Plans(Shock):
    """The traders of so many first accounts have not opened their positions yet."""

    count: int

    def apply(self, timeline: Timeline, traders: Traders) -> None:
        planned = traders.book.positions.account < self.count
        usd = traders.book.notional() * traders.scale
        traders.plan[planned] = usd[planned]


def cross(name: str, quantity: float, wallet: float, side: str = "long", asset: str = "BTC") -> str:
    price = {"BTC": 90_000, "ETH": 3000}[asset]
    return (
        f"{name},binance_usdm,{asset}USDT,linear,{side},{quantity},{price},{price},,cross,,{wallet}"
    )


def entered(book, planned: int, usd: float, **changes) -> tuple[Simulation, list[int]]:
    """Accounts that entered when so much was to be opened at second 5, in their order."""
    behaviours = {
        "entries": Orders(at=5.0, over=1.0, a_second=usd, column=c.ENTRIES),
    }
    changes = {"behaviours": behaviours, "shocks": {"plans": Plans(count=planned)}} | changes
    run = Simulation(plain_setup(book, 20, depth=1e10, **changes), 0)
    run.advance()
    return run, run.result().events.of(c.ENTRY).account.tolist()


def stander() -> str:
    return cross("stander", 1, 90_000, "short")


def test_without_initial_margin_a_position_is_passed_over(tmp_path):
    """18 million lie in Binance's bracket of 25x; 0.4 million in that of 100x."""
    asked = 18e6 / 25
    small = 0.4e6 / 100
    rows = [
        cross("short_of_it", 200, asked - 1.0),
        cross("just", 200, asked + 1.0),
        cross("small_short", 40 / 9, small - 1.0),
        cross("small_just", 40 / 9, small + 1.0),
        stander(),
    ]
    run, who = entered(book_of(tmp_path, rows), 4, 50e6)
    assert sorted(who) == sorted(account_of(run, name) for name in ("just", "small_just"))
    e = run.result().events.of(c.ENTRY)
    assert (e.second == 6.0).all()
    assert sorted(np.round(e.usd / 1e6, 2)) == pytest.approx([0.4, 18.0], rel=2e-3)
    for name in ("short_of_it", "small_short"):
        a = row_of(run, name)
        assert run.world.ai[a, c.A_STATE] == c.DORMANT
        assert run.world.pf[int(run.world.ai[a, c.A_START]), c.Z] == 0.0


def test_those_passed_over_leave_what_is_to_be_opened_to_the_next(tmp_path):
    """Enough for one: whoever comes first without the margin does not use it up."""
    asked = 18e6 / 25
    rows = [cross(f"short_of_it{k}", 200, asked - 10.0) for k in range(5)]
    rows += [cross("just", 200, asked + 10.0), stander()]
    run, who = entered(book_of(tmp_path, rows), 6, 18.0e6)
    assert who == [account_of(run, "just")]


def test_what_an_account_holds_already_needs_its_initial_margin_too(tmp_path):
    """Half a million of ETH at 100x is open; 9 million of BTC at 50x is to come."""
    asked = 9e6 / 50 + 0.6e6 / 100
    rows = []
    for name, wallet in (("short_of_it", asked - 5.0), ("just", asked + 5.0)):
        rows += [cross(name, 100, wallet), cross(name, 200, wallet, asset="ETH")]
    rows.append(stander())
    book = book_of(tmp_path, rows)

    class OnlyBtc(Shock):
        def apply(self, timeline: Timeline, traders: Traders) -> None:
            p = traders.book.positions
            planned = (p.account < 2) & (np.abs(p.size) == 100)
            traders.plan[planned] = traders.book.notional()[planned]

    run, who = entered(book, 0, 50e6, shocks={"plans": OnlyBtc()})
    assert who == [account_of(run, "just")]


def test_who_is_cut_to_a_leverage_cap_enters_with_what_is_left(tmp_path):
    """18 million on 1.08 million: 16.7x, which 25x allows and a cap of 10 cuts to 10.8 million."""
    book = book_of(tmp_path, [cross("cut", 200, 1.08e6), stander()])
    cap = {"leverage_cap": levers()["leverage_cap"](cap=10.0)}
    for changes, usd in (({}, 18e6), ({"levers": cap}, 10.8e6)):
        run, who = entered(book, 1, 50e6, **changes)
        assert who == [account_of(run, "cut")]
        assert run.result().events.of(c.ENTRY).usd == pytest.approx([usd], rel=2e-3)


def test_a_concentration_add_on_is_asked_of_who_enters(tmp_path):
    """An add-on raises initial and maintenance rates alike."""

    class AddOn(Plans):
        def apply(self, timeline: Timeline, traders: Traders) -> None:
            super().apply(timeline, traders)
            traders.add_on[:] = 0.02

    asked = 18e6 * (1 / 25 + 0.02)
    rows = [
        cross("short_of_it", 200, asked - 10.0),
        cross("just", 200, asked + 10.0),
        stander(),
    ]
    run, who = entered(book_of(tmp_path, rows), 2, 50e6, shocks={"plans": AddOn(count=2)})
    assert who == [account_of(run, "just")]
