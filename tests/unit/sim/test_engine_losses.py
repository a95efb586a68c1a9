"""What a venue claims for accounts it took over, at which marks, and what its fund can lose."""

from __future__ import annotations

import numpy as np
import pytest

from seawall.core import _columns as c
from seawall.rulebook.losses import Allocation, Claim
from seawall.rulebook.losses.hyperliquid import Hyperliquid
from seawall.sim.bearers import waterfalls
from seawall.sim.engine import Simulation
from unit.sim.plain import Moves, account_of, book_of, plain_setup, row_of

LONG = "long,hyperliquid,BTC,linear,long,10,100000,100000,,cross,,30000"
SHORT = "short,hyperliquid,BTC,linear,short,200,100000,100000,,cross,,9e6"
SECOND = "second,hyperliquid,BTC,linear,long,100,100000,100000,,cross,,700000"


class Listening(Hyperliquid):
    """The venue's rule, which also keeps what it is asked."""

    def allocate(self, claim: Claim, opposite, rng) -> Allocation:
        HEARD.append((claim, opposite))
        return super().allocate(claim, opposite, rng)


HEARD: list[tuple[Claim, object]] = []


def fallen(tmp_path, rows, changes, seconds=40, depth=1e4, fund=None, rule=None) -> Simulation:
    HEARD.clear()
    changed = {"funds": {"hyperliquid": fund}} if fund else {}
    setup = plain_setup(
        book_of(tmp_path, rows),
        seconds,
        depth=depth,
        losses={"hyperliquid": rule or Listening()},
        shocks={"moves": Moves(changes=changes)},
        **changed,
    )
    run = Simulation(setup, 0)
    run.advance()
    return run


def test_a_deficit_is_valued_at_the_mark_of_its_claim(tmp_path):
    """Marks go on falling while the account is taken over: both figures are of one moment."""
    run = fallen(tmp_path, [LONG, SHORT], ((5.0, -0.05), (6.0, -0.10), (7.0, -0.2)))
    assert HEARD
    claim, opposite = HEARD[0]
    taken = run.result().events.of(c.TAKEOVER)
    marks = run.result().series["mark"][:, 0]
    # the mark the account was seen at: the row before the step in which it was taken over
    seen = marks[np.searchsorted(run.result().second, taken.second[0]) - 1]
    assert claim.mark == pytest.approx(seen)
    assert claim.mark_before > claim.mark
    assert claim.deficit > 1e3
    assert claim.deficit == pytest.approx(claim.quantity * (claim.bankruptcy - claim.mark))
    assert opposite.equity[0] == pytest.approx(9e6 + 200 * (100_000 - claim.mark), rel=1e-6)


def test_winners_give_up_the_gap_to_the_mark_at_which_they_were_closed(tmp_path):
    run = fallen(tmp_path, [LONG, SHORT], ((5.0, -0.05), (6.0, -0.10), (7.0, -0.2)))
    adl = run.result().events.of(c.ADL)
    claim, _ = HEARD[0]
    assert adl.quantity.sum() == pytest.approx(-10.0)
    assert adl.price == pytest.approx(claim.mark_before)
    # a short closed above the mark gives the difference up
    lost = 10.0 * (claim.mark_before - claim.mark)
    venue = waterfalls(run.result())[0]
    assert venue.given_up == pytest.approx(lost)
    # cash counts what the 200 were sold for, less what ten of them cost
    cash = run.world.af[row_of(run, "short"), c.CASH] - 9e6
    assert cash == pytest.approx(200 * 100_000 - 10 * claim.mark_before, abs=1.0)


def test_a_liquidator_without_capital_is_closed_out_with_all_it_held(tmp_path):
    """It took each over with equity left; when its fund is down by five percent all goes."""
    changes = ((5.0, -0.026), (15.0, -0.068), (30.0, -0.09))
    rows = [LONG, SECOND, SHORT]
    run = fallen(tmp_path, rows, changes, fund=400_000.0)
    done = run.result()
    taken, adl = done.events.of(c.TAKEOVER), done.events.of(c.ADL)
    assert taken.account.tolist() == [account_of(run, "long"), account_of(run, "second")]
    fund, mark = done.fund[:, 0], done.series["mark"][:, 0]
    assert len(adl) == len(HEARD) == 2
    for k, (claim, _) in enumerate(HEARD):
        just = int(np.searchsorted(done.second, adl.second[k]))
        assert taken.second[k] < adl.second[k]
        # nobody fails now: it is what was held since before, at the marks of the step before
        assert claim.quantity == 0.0
        assert claim.mark == pytest.approx(mark[just - 1])
        assert fund[just - 1] < 0.95 * 400_000 <= fund[just - 2]
        assert -adl.quantity[k] == pytest.approx(claim.inventory())
        assert claim.inventory() == pytest.approx(taken.quantity[k], rel=0.01)
        # sold to winners at the mark before
        gain = claim.inventory() * (claim.mark_before - claim.mark)
        assert fund[just] == pytest.approx(fund[just - 1] + gain, rel=1e-6)
    assert run.world.fund_held[0] == pytest.approx(0.0, abs=1e-9)
    lasting = fallen(tmp_path, rows, changes, fund=400_000.0, rule=Listening(liquidator=1.0))
    assert not len(lasting.result().events.of(c.ADL))
    assert lasting.result().fund_end[0] < 0.5 * 400_000


def test_a_spent_liquidator_is_closed_out_in_every_market_whatever_their_order(tmp_path):
    """What the first market brings in does not spare the second."""
    found = []
    for order in ((0, 1), (1, 0)):
        rows = [
            LONG,
            SHORT,
            "eth,hyperliquid,ETH,linear,long,300,3000,3000,,cross,,27000",
            "under,hyperliquid,ETH,linear,short,6000,3000,3000,,cross,,9e6",
        ]
        rows = [*rows[2 * order[0] : 2 * order[0] + 2], *rows[2 * order[1] : 2 * order[1] + 2]]
        run = fallen(tmp_path, rows, ((5.0, -0.026), (15.0, -0.08)), fund=400_000.0)
        adl = run.result().events.of(c.ADL)
        spent = [claim for claim, _ in HEARD if claim.spent and claim.quantity == 0.0]
        assert len(spent) == 2
        assert spent[0].fund < 0.95 * 400_000
        assert (adl.second == adl.second[0]).all()
        assert run.world.fund_held == pytest.approx([0.0, 0.0], abs=1e-9)
        found.append(sorted(np.round(adl.quantity, 6)))
    assert found[0] == pytest.approx(found[1], rel=1e-6)
