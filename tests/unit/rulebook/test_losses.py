"""Each loss rule against its venue's examples and figures computed by hand."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from seawall.core import AdlPrice, AdlRank, AdlTrigger, LossTerms, parse_time
from seawall.rulebook import Rules
from seawall.rulebook.losses import Allocation, Claim, LossRule, Opposite, loss_rule
from seawall.rulebook.losses._sharing import down_to_level, in_order, in_proportion, within
from seawall.rulebook.losses.binance import Binance
from seawall.rulebook.losses.bybit import Bybit
from seawall.rulebook.losses.deribit import Deribit
from seawall.rulebook.losses.derive import Derive
from seawall.rulebook.losses.dydx import Dydx
from seawall.rulebook.losses.hyperliquid import Hyperliquid
from seawall.rulebook.losses.kraken import Kraken
from seawall.rulebook.losses.none import Nobody
from seawall.rulebook.losses.okx import Okx
from seawall.rulebook.losses.paradex import Paradex, socialised_loss_factor
from seawall.rulebook.losses.percolator import Percolator, haircut_ratio
from seawall.rulebook.losses.queue import Queue
from seawall.rulebook.losses.whitebit import Whitebit

# 100 BTC long, bankrupt at 93,500, mark 90,000: 350,000 below zero
LONG = Claim(100.0, 93_500.0, 90_000.0, 91_000.0, 350_000.0, 650_000.0, 1e6, 1e6)


def shorts(
    quantity: list[float],
    entry: float | list[float] = 100_000.0,
    balance: float | list[float] = 1e6,
    **columns: Any,
) -> Opposite:
    """Shorts of one linear market at a mark of 90,000, each the only position of its account."""
    size, mark = np.array(quantity, dtype=np.float64), 90_000.0
    price = np.broadcast_to(np.array(entry, dtype=np.float64), size.shape).copy()
    purse = np.broadcast_to(np.array(balance, dtype=np.float64), size.shape).copy()
    pnl = size * (price - mark)
    made = {
        "quantity": size,
        "side": -1.0,
        "entry": price,
        "mark": mark,
        "notional": size * mark,
        "cost": size * price,
        "pnl": pnl,
        "balance": purse,
        "equity": purse + pnl,
        "maintenance": 0.005 * size * mark,
        "gross": size * mark,
    }
    return Opposite(**(made | columns))


def run(rule: LossRule, claim: Claim, opposite: Opposite, seed: int = 0) -> Allocation:
    return rule.allocate(claim, opposite, np.random.default_rng(seed))


def test_binance_scores_its_own_example() -> None:
    # uPnL 40.2, wallet 4.27, margin ratio 13.42%: 9.41 times the ratio is 1.26
    one = shorts([1.0], balance=4.27, pnl=np.array([40.2]), equity=np.array([44.47]))
    one = replace(one, maintenance=0.1342 * one.equity)
    assert Binance().score(one, np.random.default_rng(0))[0] == pytest.approx(1.26, abs=0.005)


def test_binance_closes_what_its_fund_cannot_bear_at_the_bankruptcy_price() -> None:
    opposite = shorts([40.0, 40.0, 40.0], balance=[1e6, 3e5, 5e6])
    claim = replace(LONG, fund=-70_000.0)
    done = run(Binance(), claim, opposite)
    # 70,000 of 350,000: a fifth of 100 BTC, from the one with the highest ratio and the least purse
    np.testing.assert_allclose(done.closed, [0.0, 20.0, 0.0])
    assert done.price == 93_500.0
    assert not run(Binance(), replace(LONG, fund=0.0), opposite).closed.any()
    whole = run(Binance(whole=True), claim, opposite)
    np.testing.assert_allclose(whole.closed, [40.0, 40.0, 20.0])


def test_a_queue_shares_evenly_between_equal_scores_and_stops_at_equity() -> None:
    claim = replace(LONG, fund=-350_000.0)
    even = run(Queue(), claim, shorts([60.0, 120.0, 120.0], balance=[0.0, 3e6, 3e6]))
    np.testing.assert_allclose(even.closed, [60.0, 20.0, 20.0])
    # 13,500 of profit a BTC less 10,000 paid on a purse below zero: 20,000 buys 20,000/3,500 BTC
    poor = shorts([100.0, 100.0], balance=[-980_000.0, 9e6])
    np.testing.assert_allclose(run(Queue(), claim, poor).closed, [20_000 / 3_500, 100 - 20 / 3.5])


def test_bybits_first_example_closes_fifty_thousand() -> None:
    # pool 1 m, 350 K lost: 30% of it is the pool's, 50 K are left for the winners
    assert Bybit().triggered(LONG)
    done = run(Bybit(), LONG, shorts([100.0]))
    assert done.closed.sum() * (done.price - LONG.mark) == pytest.approx(50_000.0)
    assert done.closed.sum() == pytest.approx(100 / 7)


def test_bybits_second_example_triggers_at_thirty_percent_of_the_peak() -> None:
    # 1 m grows to 2 m, then loses 600 K
    at = replace(LONG, deficit=600_000.0, fund=1.4e6, fund_peak=2e6)
    assert Bybit().triggered(at)
    assert not Bybit().triggered(replace(at, fund=1.41e6))
    assert Bybit().relief(at) == 0.0


def test_bybit_holds_on_until_the_drawdown_is_below_the_stop() -> None:
    later = replace(LONG, deficit=40_000.0, fund=730_000.0)
    assert not Bybit().triggered(later)
    assert Bybit().triggered(replace(later, was_triggered=True))
    # the pool is brought back to 25% below its peak and no further
    assert Bybit().relief(replace(later, was_triggered=True)) == pytest.approx(20_000.0)
    assert not Bybit().triggered(replace(later, was_triggered=True, fund=760_000.0))
    assert not Bybit(stop=0.2).triggered(replace(later, was_triggered=True, fund=810_000.0))


def test_bybits_small_pools_and_later_wording_wait_until_the_pool_is_empty() -> None:
    small = replace(LONG, deficit=3_000.0, fund=4_000.0, fund_peak=7_000.0)
    assert not Bybit().triggered(small)
    assert Bybit(threshold_usd=1.0).triggered(small)
    assert Bybit().relief(replace(small, fund=-1_000.0)) == 1_000.0
    later = Bybit(drawdown=1.0)
    assert not later.triggered(LONG)
    assert later.relief(replace(LONG, fund=-100_000.0)) == pytest.approx(100_000.0)


def test_bybit_takes_the_mark_where_bankruptcy_is_far() -> None:
    far = replace(LONG, bankruptcy=95_000.0, deficit=500_000.0, fund=500_000.0)
    assert run(Bybit(), far, shorts([100.0])).price == 90_000.0
    apart = Bybit(price_falls_back_to_mark_beyond=0.06)
    assert run(apart, far, shorts([100.0])).price == 95_000.0


def test_okx_closes_the_whole_claim_at_the_mark() -> None:
    opposite = shorts([60.0, 90.0], balance=[1e6, 9e6])
    done = run(Okx(), LONG, opposite)
    np.testing.assert_allclose(done.closed, [60.0, 40.0])
    assert done.price == LONG.mark
    assert not Okx().triggered(replace(LONG, fund=700_001.0))
    assert Okx().triggered(replace(LONG, fund=700_000.0))


def test_hyperliquid_does_not_ask_the_vault_and_takes_the_mark_before() -> None:
    rich = replace(LONG, fund=1e9, fund_peak=1e9, fund_start=1e9)
    # entries differ, leverage decides: the second has less equity for its notional
    done = run(Hyperliquid(), rich, shorts([80.0, 80.0], balance=[9e6, 1e5]))
    np.testing.assert_allclose(done.closed, [20.0, 80.0])
    assert done.price == 91_000.0
    assert not Hyperliquid().triggered(replace(rich, deficit=0.0))
    assert run(Hyperliquid(), replace(rich, mark_before=np.nan), shorts([1.0])).price == 90_000.0


def test_hyperliquid_closes_the_accounts_below_zero_alone_while_the_liquidator_lasts() -> None:
    """Of 100 taken over 30 are of accounts below zero."""
    claim = replace(LONG, fund=95.1e6, fund_peak=1e8, fund_start=1e8, below=30.0)
    rule, others = Hyperliquid(), shorts([80.0, 80.0], balance=[9e6, 1e5])
    np.testing.assert_allclose(run(rule, claim, others).closed.sum(), 30.0)
    assert not rule.triggered(replace(claim, below=0.0, deficit=0.0))
    # five percent of the vault are lost: all of the claim goes, deficit or not
    spent = replace(claim, fund=94.9e6)
    np.testing.assert_allclose(run(rule, spent, others).closed.sum(), 100.0)
    solvent = replace(spent, below=0.0, deficit=0.0)
    assert rule.triggered(solvent)
    np.testing.assert_allclose(run(rule, solvent, others).closed.sum(), 100.0)
    np.testing.assert_allclose(run(Hyperliquid(liquidator=0.2), spent, others).closed.sum(), 30.0)
    # after that, what it took over since is all it has to lose
    since = replace(solvent, fund_after=94.5e6)
    assert not rule.triggered(since)
    assert rule.triggered(replace(since, fund=94.4e6))


def test_a_spent_liquidator_is_spent_in_every_market_of_the_step() -> None:
    """What one market has brought in by then does not count: all that it holds goes."""
    claim = replace(LONG, quantity=0.0, deficit=0.0, fund=95.1e6, fund_start=1e8, held=60.0)
    rule, others = Hyperliquid(), shorts([80.0, 80.0], balance=[9e6, 9e6])
    assert not rule.triggered(claim)
    spent = replace(claim, spent=True)
    assert rule.triggered(spent)
    np.testing.assert_allclose(run(rule, spent, others).closed.sum(), 60.0)
    assert not rule.triggered(replace(claim, fund=94.9e6, spent=False))


def test_dydx_draws_lots_and_skips_whom_the_price_would_break() -> None:
    claim = replace(LONG, fund=-350_000.0)
    # four alike but for their purses; the last cannot bear 3,500 a BTC on 100 BTC
    opposite = shorts([100.0] * 4, balance=[1e6, 1.1e6, 1.2e6, -0.9e6])
    first = [int(run(Dydx(), claim, opposite, seed).closed.argmax()) for seed in range(600)]
    counts = np.bincount(first, minlength=4)
    assert counts[3] == 0
    # 200 each; six standard deviations of a binomial are 69
    assert (abs(counts[:3] - 200) < 69).all()
    assert run(Dydx(), claim, opposite).closed.sum() == pytest.approx(100.0)
    assert run(Dydx(), claim, opposite).price == 93_500.0


def test_deribit_takes_from_profits_in_proportion() -> None:
    opposite = shorts([10.0, 30.0, 5.0], entry=[100_000.0, 100_000.0, 80_000.0])
    done = run(Deribit(), replace(LONG, fund=-40_000.0), opposite)
    np.testing.assert_allclose(done.paid, [10_000.0, 30_000.0, 0.0])
    assert not done.closed.any()
    assert not Deribit().triggered(LONG)


def test_paradex_charges_a_quarter_as_its_example_does() -> None:
    assert socialised_loss_factor(1_000.0, 3_000.0) == 0.25
    assert socialised_loss_factor(0.0, 3_000.0) == 0.0
    assert socialised_loss_factor(5.0, -9.0) == 1.0
    # Alice, long 50 from 100, owes 2,000 at 40; the fund has 1,000; Bob, short, has 1,000 + 3,000,
    # and Charlie's 1,000 without a position are stood in for by Bob's
    claim = Claim(50.0, 80.0, 40.0, 100.0, 2_000.0, -1_000.0, 1_000.0, 1_000.0)
    one = {"quantity": 50.0, "entry": 100.0, "notional": 2e3, "cost": 5e3, "pnl": 3e3}
    one |= {"balance": 2e3, "equity": 5e3, "maintenance": 20.0, "gross": 2e3}
    bob = Opposite(side=-1.0, mark=40.0, **{k: np.array([v]) for k, v in one.items()})
    # 500 of his 5,000 withdrawn: 125 stay behind
    assert run(Paradex(withdrawn=0.1), claim, bob).paid.tolist() == [pytest.approx(125.0)]
    # all together pay no more than is missing, though 25% of 5,000 is more
    assert run(Paradex(), claim, bob).paid.sum() == pytest.approx(1_000.0)
    assert not run(Paradex(withdrawn=0.0), claim, bob).paid.any()


def test_whitebit_meets_every_claim_at_its_bankruptcy_price() -> None:
    rich = replace(LONG, fund=1e9, fund_peak=1e9, deficit=0.0, bankruptcy=89_000.0)
    done = run(Whitebit(filled=0.25), rich, shorts([80.0]))
    assert done.closed.tolist() == [25.0]
    assert done.price == 89_000.0


def test_kraken_assigns_to_the_rich_first_then_unwinds_the_levered() -> None:
    opposite = shorts([40.0, 40.0, 60.0], balance=[1.6e6, 5.6e6, 1e5])
    done = run(Kraken(assigned=0.4), LONG, opposite)
    # providers have 2 m and 6 m: 10 and 30 of the 40 assigned; then the third, most levered
    np.testing.assert_allclose(done.closed, [10.0, 30.0, 60.0])
    assert done.price == 93_500.0
    nobody = run(Kraken(provider_equity_usd=1e9), LONG, opposite)
    np.testing.assert_allclose(nobody.closed, [40.0, 0.0, 60.0])


def test_derives_price_falls_in_two_phases() -> None:
    rule = Derive()
    seconds = [0.0, 450.0, 900.0, 900.0 + 21_600.0, 44_100.0, 99_999.0]
    factors = [rule.factor(t) for t in seconds]
    np.testing.assert_allclose(factors, [0.95, 0.825, 0.70, 0.35, 0.0, 0.0])


def test_derive_sells_a_solvent_claim_for_a_part_of_its_worth() -> None:
    solvent = replace(LONG, bankruptcy=80_000.0, deficit=0.0, fund=1e9, seconds=900.0)
    done = run(Derive(), solvent, shorts([30.0, 90.0]))
    np.testing.assert_allclose(done.closed, [25.0, 75.0])
    # worth 100 * 10,000; paid 70% of it
    assert (done.price - 80_000.0) * 100 == pytest.approx(0.70 * 1e6)
    coin = replace(solvent, inverse=True, quantity=1e6)
    worth = 1e6 * (1 / 80_000 - 1 / 90_000)
    paid = 1e6 * (1 / 80_000 - 1 / Derive().price_of(coin))
    assert paid == pytest.approx(0.70 * worth)
    patient = Derive(edge=0.04)
    assert not patient.triggered(solvent)
    assert patient.triggered(replace(solvent, seconds=6_000.0))
    assert not Derive().triggered(LONG)


def test_percolator_cuts_all_profits_to_what_backs_them() -> None:
    # 100 in the vault, 70 of it capital, 10 the fund's: 20 back profits of 50
    assert haircut_ratio(100.0, 70.0, 10.0, 50.0) == 0.4
    assert haircut_ratio(100.0, 70.0, 10.0, 15.0) == 1.0
    assert haircut_ratio(60.0, 70.0, 10.0, 15.0) == 0.0
    assert haircut_ratio(100.0, 70.0, 10.0, 0.0) == 1.0
    rich = replace(LONG, fund=1e9, fund_peak=1e9)
    done = run(Percolator(), rich, shorts([20.0, 50.0]))
    np.testing.assert_allclose(done.paid, [100_000.0, 250_000.0])
    assert not run(Percolator(after_fund=True), rich, shorts([20.0])).paid.any()
    np.testing.assert_allclose(run(Percolator(), rich, shorts([2.0, 3.0])).paid, [2e4, 3e4])


def test_the_fund_alone_carries_everything() -> None:
    broke = replace(LONG, fund=-1e9)
    assert not Nobody().triggered(broke)
    assert not run(Nobody(), broke, shorts([1.0])).closed.any()


def test_the_rest_is_socialised_where_the_terms_say_so() -> None:
    claim = replace(LONG, fund=-350_000.0)
    opposite = shorts([50.0], balance=9e6)
    done = run(Queue(socialised=True), claim, opposite)
    assert done.closed.tolist() == [50.0]
    # all that it held is closed, no profit is left open to pay from
    assert done.paid.tolist() == [0.0]
    none = Queue(rank=AdlRank.NONE, socialised=True)
    np.testing.assert_allclose(run(none, claim, opposite).paid, [350_000.0])
    # half the claim's quantity at the mark brings in nothing: all is asked of the profit left
    mark = Queue(price=AdlPrice.MARK, socialised=True)
    half = run(mark, replace(claim, quantity=25.0), opposite)
    np.testing.assert_allclose(half.paid, [250_000.0])


@pytest.mark.parametrize(
    ("venue", "kind"),
    [
        ("binance_usdm", Binance),
        ("binance_coinm", Binance),
        ("bybit", Bybit),
        ("okx", Okx),
        ("hyperliquid", Hyperliquid),
        ("htx", Queue),
        ("generic", Queue),
    ],
)
def test_the_rulebooks_terms_give_the_venues_rule(venue: str, kind: type[LossRule]) -> None:
    terms = Rules.bundled().terms(venue, parse_time("2025-11-20")).loss
    rule = loss_rule(terms)
    assert type(rule) is kind
    assert isinstance(rule, Queue)
    assert (rule.trigger, rule.rank, rule.price) == (terms.trigger, terms.rank, terms.price)
    assert rule.drawdown == terms.drawdown
    assert rule.price_falls_back_to_mark_beyond == terms.price_falls_back_to_mark_beyond


def test_terms_that_no_venue_has_give_a_queue() -> None:
    assert isinstance(loss_rule(LossTerms(rank=AdlRank.RANDOM)), Dydx)
    assert isinstance(loss_rule(LossTerms(rank=AdlRank.NONE)), Nobody)
    assert isinstance(loss_rule(LossTerms(rank=AdlRank.NONE, socialised=True)), Deribit)
    odd = LossTerms(
        trigger=AdlTrigger.FUND_DRAWDOWN, drawdown=0.5, rank=AdlRank.PROFIT_TIMES_MARGIN_RATIO
    )
    rule = loss_rule(odd)
    assert type(rule) is Queue
    assert rule.drawdown == 0.5
    assert not rule.whole
    at_mark = loss_rule(LossTerms(price=AdlPrice.MARK))
    assert isinstance(at_mark, Queue)
    assert at_mark.whole


@pytest.mark.parametrize("limit", [5e-324, 1e-323, 2e-323])
def test_sharing_the_smallest_numbers_ends(limit: float) -> None:
    """Below the normal numbers scaling changes nothing: rows step down one by one."""
    for rows in ([5e-324] * 4, [1e-323] * 3, [5e-324, 1e-323, 1.5e-323, 3.0]):
        room = np.array(rows)
        cut = within(room, limit, room)
        assert math.fsum(cut) <= limit
        assert ((cut >= 0) & (cut <= room)).all()
        for shared in (
            in_order(limit, room, np.arange(len(rows), dtype=float)),
            in_proportion(limit, np.ones(len(rows)), room),
            down_to_level(limit, room, np.ones(len(rows)), room),
        ):
            assert math.fsum(shared) <= limit
            assert ((shared >= 0) & (shared <= room)).all()
