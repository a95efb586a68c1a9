"""Margins of a bound book: what is implied, what is refused, and the kernels beside it."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from oracles.books import random_book
from oracles.scenes import Contract, Leg, Purse, Scene, Table, bound, ladder, one_leg
from oracles.venues import BTC, TERMS
from seawall.core import InputError, MarginSchedule, TierUnit, VenueTerms
from seawall.margin import (
    MarginBook,
    MarginState,
    _kernels,
    isolated_liquidation_prices,
    isolated_states,
    unrealised_pnl,
)
from seawall.rulebook import Rules

STEEP = Contract("BTC", table=ladder((0, 1e5, 1e6), (0.005, 0.02, 0.1)))
PLAIN = Contract("BTC", table=Table((0.0,), (0.01,), (0.0,)))


class TestImpliedBalances:
    def test_an_isolated_margin_not_given_is_the_initial_margin(self) -> None:
        book = one_leg(2.0, 100.0, 110.0, math.nan, contract=PLAIN, leverage=8.0)
        assert book.balance[0] == pytest.approx(25.0)

    def test_with_bybits_fee_for_closing_on_top(self) -> None:
        terms = TERMS["bybit_new"]
        book = one_leg(2.0, 100.0, 110.0, math.nan, contract=PLAIN, terms=terms, leverage=8.0)
        assert book.balance[0] == pytest.approx(25.0 + 200 * 0.875 * 5.5e-4)

    @pytest.mark.parametrize("isolated", [True, False])
    def test_a_margin_that_nothing_implies_is_refused(self, isolated: bool) -> None:
        book = one_leg(2.0, 100.0, 110.0, math.nan, contract=PLAIN, isolated=isolated)
        with pytest.raises(InputError, match="margin unknown"):
            _ = book.balance

    @pytest.mark.parametrize("size", [0.5, 5000.0, -0.5, -5000.0])
    @pytest.mark.parametrize("venue", ["binance_usdm", "okx", "bybit_old", "bybit_new"])
    def test_a_reported_liquidation_price_gives_the_margin_back(
        self, venue: str, size: float
    ) -> None:
        reported = 92.0 if size > 0 else 108.0
        book = one_leg(
            size, 100.0, 101.0, math.nan, contract=STEEP, terms=TERMS[venue], leverage=10.0
        )
        positions = dataclasses.replace(
            book.book.positions, reported_liquidation=np.array([reported])
        )
        again = MarginBook(
            dataclasses.replace(book.book, positions=positions),
            book.terms,
            book.schedules,
            book.schedule,
        )
        assert again.liquidation_price()[0] == pytest.approx(reported, rel=1e-12)
        assert again.balance[0] > 0


class TestBrackets:
    def test_neighbours_of_one_rate_do_not_hide_those_above(self) -> None:
        contract = Contract("BTC", table=ladder((0, 1e5, 2e5), (0.01, 0.01, 0.05)))
        book = one_leg(10_000.0, 100.0, 100.0, 1e5, contract=contract)
        assert book.need()[0] == pytest.approx(42_000.0)
        # 100,000 - 10,000 * (100 - p) = 0.05 * 10,000 * p - 8,000 where p is 94.0 and more
        assert book.liquidation_price()[0] == pytest.approx(892_000 / 9_500)

    def test_a_floor_belongs_to_the_bracket_above(self) -> None:
        table = Table((0.0, 10.0), (0.01, 0.05), (0.0, 0.0), by_contracts=True)
        contract = Contract("BTC", table=table)
        for size, rate in ((10.0, 0.05), (9.999, 0.01)):
            book = one_leg(size, 100.0, 100.0, 1e3, contract=contract)
            assert book.need()[0] == pytest.approx(size * 100 * rate)


class TestHedges:
    def hedge(self, long: float, short: float, wallet: float) -> MarginBook:
        scene = Scene(
            (PLAIN,),
            (VenueTerms("v", "V"),),
            [Purse(0, 0, False, wallet)],
            [Leg(0, 0, long, 100.0, 100.0), Leg(0, 0, -short, 100.0, 100.0)],
        )
        return bound(scene)

    def test_both_legs_share_one_liquidation_and_one_bankruptcy_price(self) -> None:
        book = self.hedge(1.0, 0.9, 5.0)
        np.testing.assert_allclose(book.liquidation_price(), 5 / 0.081)
        np.testing.assert_allclose(book.bankruptcy_price(), 50.0)

    def test_bankruptcy_lies_beyond_liquidation(self) -> None:
        for short in (0.0001, 0.3, 0.9, 1.1, 3.0):
            book = self.hedge(1.0, short, 8.0)
            liquidation, bust = book.liquidation_price()[0], book.bankruptcy_price()[0]
            assert np.isnan(bust) or (bust - liquidation) * (1 - short) < 0

    def test_a_perfect_hedge_has_no_bankruptcy_price(self) -> None:
        book = self.hedge(1.0, 1.0, 5.0)
        assert np.isnan(book.bankruptcy_price()).all()
        # its margin still grows with the price: 5 = 2% of it
        np.testing.assert_allclose(book.liquidation_price(), 250.0)

    def test_a_hedge_that_only_a_rise_brings_down(self) -> None:
        contract = Contract("BTC", table=ladder((0, 12e6), (0.01, 0.02)))
        scene = Scene(
            (contract,),
            (VenueTerms("v", "V"),),
            [Purse(0, 0, False, 2e5)],
            [Leg(0, 0, 60.0, 86_600, 86_600.0), Leg(0, 0, -58.0, 86_600, 86_600.0)],
        )
        price = bound(scene).liquidation_price()
        assert price[0] == price[1] > 5 * 86_600
        for leg in scene.legs:
            leg.mark = float(price[0])
        assert abs(bound(scene).accounts_state().excess[0]) < 1e-3


class TestPrecision:
    def test_every_root_of_large_cross_books_is_found(self) -> None:
        # small legs beside large ones: the root must not be lost to rounding
        rng = np.random.default_rng(5)
        contracts = tuple(Contract(a, table=BTC) for a in ("A", "B", "C"))
        scene = Scene(contracts, (VenueTerms("v", "V"),))
        for a in range(3000):
            for k in range(3):
                usd = 10 ** rng.uniform(0, 8)
                entry = 100 * np.exp(rng.normal(0, 0.05))
                size = rng.choice((-1, 1)) * usd / 100
                scene.legs.append(Leg(a, k, size, float(entry), 100.0))
            gross = sum(abs(x.size) * 100 for x in scene.legs[-3:])
            scene.purses.append(Purse(a, 0, False, gross * rng.uniform(0.05, 0.3)))
        book = bound(scene)
        z, of = book.book.positions.size, book.book.positions.account
        state = book.accounts_state()
        at_zero = state.excess[of] - z * 100 + book.need()  # this leg's price at 0
        healthy = ~state.liquidatable[of]
        has_root = healthy & np.where(z > 0, at_zero < 0, True)
        prices = book.liquidation_price()
        assert np.array_equal(np.isnan(prices[healthy]), ~has_root[healthy])
        distance = book.joint_liquidation({"A": -1.0, "B": -1.3, "C": -0.7})
        end = 1 / 1.3
        x = book.lines
        move = 1 - end * np.tile([1.0, 1.3, 0.7], 3000)
        need = np.empty(len(z))
        _kernels.requirement(
            x.z, x.u * move, x.table, x.add, x.fixed, x.rates, x.deductions, x.curves, need
        )
        worst = book.balance + np.bincount(of, x.z * (x.u * move - x.u0) - need)
        assert np.array_equal(np.isnan(distance), (worst > 0) & ~state.liquidatable)


FLAT_STEP = ladder((0, 1e5, 2e5, 1e6), (0.01, 0.01, 0.05, 0.05))
MANY = ladder([k * 1e6 for k in range(19)], [0.004 + 0.02 * k for k in range(19)])


@pytest.mark.parametrize("table", [BTC, FLAT_STEP, PLAIN.table, MANY])
class TestOnePassFunctions:
    """What is laid out for speed says what the book says."""

    def book(self, table: Table) -> MarginBook:
        rng = np.random.default_rng(1)
        scene = Scene((Contract("BTC", table=table),), (VenueTerms("v", "V"),))
        for a in range(1500):
            usd = 10 ** rng.uniform(0, 9.2)
            size = float(rng.choice((-1, 1)) * usd / 86_600)
            entry = 86_600 * rng.uniform(0.5, 1.5)
            scene.legs.append(Leg(a, 0, size, entry, 86_600.0, 10.0))
            scene.purses.append(Purse(a, 0, True, usd * rng.uniform(-0.1, 1.8)))
        return bound(scene)

    def test_liquidation_prices(self, table: Table) -> None:
        book = self.book(table)
        p = book.book.positions
        got = isolated_liquidation_prices(p.size, p.entry, book.balance, book.schedules[0])
        wanted = book.liquidation_price()
        usual = ~((wanted < 1e-6 * p.mark) | (got < 1e-6 * p.mark))  # all but roots about 0
        np.testing.assert_allclose(got[usual], wanted[usual], rtol=1e-9, equal_nan=True)

    def test_states(self, table: Table) -> None:
        book = self.book(table)
        p = book.book.positions
        state, prices = isolated_states(
            p.size, p.entry, p.mark, book.balance, p.leverage, book.schedules[0]
        )
        wanted = book.positions_state()
        np.testing.assert_allclose(state.equity, wanted.equity, rtol=1e-10, atol=1e-6)
        np.testing.assert_allclose(state.initial, wanted.initial, rtol=1e-12)
        np.testing.assert_allclose(state.maintenance, wanted.maintenance, rtol=1e-12)
        alone = isolated_liquidation_prices(p.size, p.entry, book.balance, book.schedules[0])
        np.testing.assert_array_equal(prices, alone)

    @pytest.mark.parametrize("phi", [1.0, 0.7, 1.9])
    def test_marking_again(self, table: Table, phi: float) -> None:
        book = self.book(table)
        moved = dataclasses.replace(book.book.positions, mark=book.book.positions.mark * phi)
        there = dataclasses.replace(
            book, book=dataclasses.replace(book.book, positions=moved)
        ).accounts_state()
        got = book.remarked(np.array([phi]))
        np.testing.assert_allclose(got.equity, there.equity, rtol=1e-9, atol=1e-5)
        np.testing.assert_allclose(got.maintenance, there.maintenance, rtol=1e-9, atol=1e-6)


@pytest.mark.parametrize("seed", [4, 5])
def test_marking_every_kind_of_account_again(seed: int) -> None:
    scene = random_book(seed, 400, cross=0.7)
    factor = {"BTC": 0.83, "ETH": 1.4, "SOL": 0.35}
    got = bound(scene).remarked(np.array([factor[a] for a in scene.assets]))
    balance = bound(scene).balance
    for purse, own in zip(scene.purses, balance, strict=True):
        purse.balance = float(own)
    for leg in scene.legs:
        leg.mark *= factor[scene.contracts[leg.contract].asset]
    there = bound(scene).accounts_state()
    np.testing.assert_allclose(got.equity, there.equity, rtol=1e-9, atol=1e-5)
    np.testing.assert_allclose(got.maintenance, there.maintenance, rtol=1e-9, atol=1e-6)


def test_unrealised_profit_in_both_currencies() -> None:
    linear = unrealised_pnl(np.array([2.0, -2.0]), np.array([100.0]), np.array([110.0]))
    assert linear.tolist() == [20.0, -20.0]
    coin = unrealised_pnl(np.array([1000.0, -1000.0]), np.array([100.0]), np.array([125.0]), True)
    assert coin.tolist() == pytest.approx([2.0, -2.0])


def test_states_of_positions_add_up_to_the_account() -> None:
    book = bound(random_book(9, 50, cross=1.0))
    parts = book.positions_state()
    whole = book.accounts_state()
    equity = np.bincount(book.book.positions.account, parts.equity) + book.balance
    np.testing.assert_allclose(equity, whole.equity, rtol=1e-9, atol=1e-6)


def test_effective_leverage_is_infinite_once_equity_is_gone() -> None:
    assert one_leg(1.0, 100.0, 100.0, 10.0).effective_leverage()[0] == pytest.approx(10.0)
    assert math.isinf(one_leg(1.0, 100.0, 80.0, 10.0).effective_leverage()[0])


def test_a_state_at_exactly_its_maintenance_is_liquidatable() -> None:
    state = MarginState(np.array([2.0, 2.1]), np.array([3.0, 3.0]), np.array([2.0, 2.0]))
    assert state.liquidatable.tolist() == [True, False]
    assert state.ratio[0] == 1.0


def as_the_engine_reads_it(s: MarginSchedule, value: float) -> float:
    """Maintenance margin of a linear position of some notional under a schedule."""
    contract = Contract("BTC", table=Table(tuple(s.floors), tuple(s.rates), tuple(s.deductions)))
    return float(one_leg(value / 100, 100.0, 100.0, 1.0, contract=contract).need()[0])


def assert_own_bracket(s: MarginSchedule, name: str) -> None:
    """The engine takes the greatest of the brackets' lines: it must be the bracket's own."""
    if s.unit is TierUnit.CONTRACTS:
        assert not s.deductions.any(), name
        return
    sizes = np.concatenate((s.floors[1:], s.floors[1:] * (1 - 1e-9), [1.0, s.floors[-1] * 3]))
    own = s.rates[s.bracket(sizes)] * sizes - s.deductions[s.bracket(sizes)]
    for value, wanted in zip(sizes, own, strict=True):
        got = as_the_engine_reads_it(s, float(value))
        assert got == pytest.approx(wanted, rel=1e-6, abs=0.011), (name, value)


@pytest.mark.parametrize("venue", sorted(Rules.bundled().venues()))
def test_every_bundled_schedule_means_the_same_to_the_engine(venue: str) -> None:
    rules = Rules.bundled()
    for symbol in rules.symbols(venue):
        assert_own_bracket(rules.schedule(venue, symbol), symbol)


@pytest.mark.parametrize("venue", sorted(Rules.bundled().venues()))
def test_the_schedule_of_an_unknown_instrument_means_the_same_to_the_engine(venue: str) -> None:
    unknown = "NOSUCHUSD_PERP" if venue == "binance_coinm" else "NOSUCHUSDT"
    assert_own_bracket(Rules.bundled().schedule(venue, unknown), unknown)
