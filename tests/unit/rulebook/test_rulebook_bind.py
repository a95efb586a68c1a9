"""Rules attached to a book: by venue, by instrument, by row and by date."""

import dataclasses

import numpy as np
import pytest

from seawall.core import (
    Accounts,
    Book,
    InputError,
    MaintenanceBasis,
    Positions,
    RuleError,
    parse_time,
)
from seawall.rulebook import Rules, bind

RULES = Rules.bundled()


def build(rows, when=0, source="book.csv"):
    """Book of isolated positions from (venue, symbol, rate, amount, time)."""
    n = len(rows)
    venues = tuple(dict.fromkeys(r[0] for r in rows))
    names = tuple(dict.fromkeys((r[0], r[1]) for r in rows))
    full = lambda value: np.full(n, float(value))  # noqa: E731
    positions = Positions(
        row=np.arange(1, n + 1),
        account=np.arange(n, dtype=np.int32),
        instrument=np.array([names.index((r[0], r[1])) for r in rows], dtype=np.int32),
        size=full(1),
        entry=full(100),
        mark=full(100),
        leverage=full(5),
        stop=full(np.nan),
        rate=np.array([r[2] for r in rows], dtype=float),
        amount=np.array([r[3] for r in rows], dtype=float),
        taker_fee=full(np.nan),
        reported_liquidation=full(np.nan),
        time=np.array([r[4] for r in rows], dtype=np.int64),
    )
    accounts = Accounts(
        trader=np.arange(n, dtype=np.int32),
        venue=np.array([venues.index(r[0]) for r in rows], dtype=np.int32),
        isolated=np.ones(n, dtype=bool),
        balance=full(20),
        settle=np.zeros(n, dtype=np.int32),
    )
    return Book(
        positions,
        accounts,
        tuple(RULES.instrument(v, s) for v, s in names),
        [f"t{k}" for k in range(n)],
        venues,
        ("USD",),
        time=when,
        source=source,
    )


def row(venue, symbol, rate=np.nan, amount=np.nan, when=0):
    return venue, symbol, rate, amount, when


def test_every_position_gets_its_instruments_schedule():
    book = build([row("bybit", "BTCUSDT"), row("okx", "BTC-USDT-SWAP"), row("bybit", "BTCUSDT")])
    bound = bind(book, RULES)
    assert [t.venue for t in bound.terms] == ["bybit", "okx"]
    found = [bound.schedules[k] for k in bound.schedule]
    assert found[0] is found[2]
    assert found[0].rates[0] == 0.005
    assert found[1].rates[0] == 0.004
    assert bound.schedule.dtype == np.int32
    assert bound.notes == ()


def test_a_rate_given_with_the_row_makes_its_own_schedule():
    book = build(
        [
            row("bybit", "BTCUSDT", rate=0.02, amount=50),
            row("bybit", "BTCUSDT"),
            row("bybit", "BTCUSDT", rate=0.02, amount=50),
            row("bybit", "BTCUSDT", rate=0.02),
            row("bybit", "BTCUSDT", rate=0.03),
        ]
    )
    bound = bind(book, RULES)
    found = [bound.schedules[k] for k in bound.schedule]
    assert len(bound.schedules) == 4
    assert [(float(s.rates[0]), float(s.deductions[0])) for s in found] == [
        (0.02, 50.0),
        (0.005, 0.0),
        (0.02, 50.0),
        (0.02, 0.0),
        (0.03, 0.0),
    ]
    assert found[0] is found[2]


def test_an_amount_without_a_rate_is_an_error():
    book = build([row("bybit", "BTCUSDT"), row("bybit", "BTCUSDT", amount=50)])
    with pytest.raises(InputError, match=r"book.csv, row 2, column maintenance_amount.*50"):
        bind(book, RULES)


def test_a_rate_that_is_no_fraction_is_an_error():
    with pytest.raises(RuleError, match="fractions"):
        bind(build([row("bybit", "BTCUSDT", rate=4.0)]), RULES)


def test_notes_name_every_instrument_that_fell_back():
    book = build(
        [
            row("hyperliquid", "NOSUCH"),
            row("hyperliquid", "OTHERNOSUCH"),
            row("hyperliquid", "BTC"),
            row("htx", "BTC-USDT"),
            row("binance_usdm", "1000PEPEUSDT"),
        ]
    )
    notes = bind(book, RULES).notes
    fell = [n for n in notes if "most cautious" in n]
    assert len(fell) == 1
    assert fell[0].endswith("stands in for NOSUCH, OTHERNOSUCH")
    assert len(fell[0].removesuffix("NOSUCH, OTHERNOSUCH")) <= 160
    assert any("HTX's own brackets were not found" in n for n in notes)
    assert any("1000PEPEUSDT is priced per 1,000 PEPE" in n for n in notes)


def test_the_books_time_chooses_the_rules():
    rows = [row("bybit", "BTCUSDT")]
    basis = [
        bind(build(rows, parse_time(day)), RULES).terms[0].margin.maintenance_basis
        for day in ("2024-07-15", "2025-11-20")
    ]
    assert basis == [MaintenanceBasis.ENTRY, MaintenanceBasis.MARK]
    asked = bind(build(rows, parse_time("2025-11-20")), RULES, when=parse_time("2024-07-15"))
    assert asked.terms[0].margin.maintenance_basis is MaintenanceBasis.ENTRY


def test_row_times_choose_the_rules_of_a_book_without_a_time():
    book = build([row("bybit", "BTCUSDT", when=parse_time("2024-07-15")), row("bybit", "BTCUSDT")])
    assert bind(book, RULES).terms[0].margin.maintenance_basis is MaintenanceBasis.ENTRY
    assert bind(build([row("bybit", "BTCUSDT")]), RULES).terms == (RULES.terms("bybit"),)


def test_row_times_on_both_sides_of_a_change_are_refused():
    rows = [
        row("bybit", "BTCUSDT", when=parse_time("2024-07-15")),
        row("bybit", "BTCUSDT", when=parse_time("2025-11-20")),
    ]
    with pytest.raises(InputError) as error:
        bind(build(rows), RULES)
    for word in ("bybit", "2024-07-15", "2025-11-20", "split the book"):
        assert word in str(error.value)
    assert bind(build(rows), RULES, when=parse_time("2025-11-20")).terms[0].effective_from
    calm = [row("okx", r[1].replace("BTCUSDT", "BTC-USDT-SWAP"), when=r[4]) for r in rows]
    assert bind(build(calm), RULES).terms[0].venue == "okx"


def test_brackets_newer_than_the_book_are_noted():
    book = build(
        [row("binance_usdm", "BTCUSDT"), row("binance_usdm", "ETHUSDT")], parse_time("2025-11-20")
    )
    notes = bind(book, RULES).notes
    newer = [n for n in notes if "as read on 2026-09-01" in n]
    assert len(newer) == 1
    assert "BTCUSDT, ETHUSDT" in newer[0]
    assert "2025-11-20" in newer[0]


def test_brackets_over_a_year_older_than_the_book_are_noted():
    book = build([row("binance_coinm", "BTCUSD_PERP")], parse_time("2025-11-20"))
    assert any("as read on 2020-08-10" in n for n in bind(book, RULES).notes)
    near = build([row("binance_coinm", "BTCUSD_PERP")], parse_time("2021-02-01"))
    assert not any("as read on" in n for n in bind(near, RULES).notes)


def test_an_empty_book_binds():
    bound = bind(build([]), RULES)
    assert (bound.terms, bound.schedules, len(bound.schedule)) == ((), (), 0)


def test_a_million_positions_are_bound_each_by_its_own_rate():
    n = 1_000_000
    rng = np.random.default_rng(1)
    base = build([row("bybit", "BTCUSDT"), row("okx", "BTC-USDT-SWAP")])
    rate = np.where(rng.random(n) < 0.2, rng.integers(1, 50, n) / 1000, np.nan)
    nan = np.full(n, np.nan)
    one = np.ones(n)
    instrument = rng.integers(0, 2, n).astype(np.int32)
    positions = Positions(
        np.arange(n), np.arange(n, dtype=np.int32), instrument, one, one, one, one, nan,
        rate, nan, nan, nan, np.full(n, parse_time("2025-11-20")),
    )  # fmt: skip
    accounts = Accounts(
        np.arange(n, dtype=np.int32), instrument, np.ones(n, bool), one, np.zeros(n, np.int32)
    )
    book = Book(positions, accounts, base.instruments, [], base.venues, ("USD",))
    bound = bind(book, RULES)
    given = ~np.isnan(rate)
    assert np.array_equal(bound.schedule[~given], instrument[~given])
    rates = np.array([s.rates[0] for s in bound.schedules])
    assert np.array_equal(rates[bound.schedule[given]], rate[given])


UNKNOWN = [("bybit", "NOSUCHUSDT"), ("okx", "NOSUCH-USDT-SWAP"), ("binance_usdm", "NOSUCHUSDT")]


@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize(("venue", "symbol"), UNKNOWN)
def test_a_small_position_of_an_unknown_instrument_is_not_liquidated_at_once(venue, symbol, side):
    """USD 1,000 at 10x: the price stands on the losing side, within the 10% put up."""
    book = build([row(venue, symbol)])
    positions = dataclasses.replace(
        book.positions, size=np.array([10.0 * side]), leverage=np.array([10.0])
    )
    accounts = dataclasses.replace(book.accounts, balance=np.array([100.0]))
    bound = bind(dataclasses.replace(book, positions=positions, accounts=accounts), RULES)
    assert bound.schedules[0].cautious
    price = bound.liquidation_price()[0]
    assert 0 < side * (100 - price) < 10
    rate = bound.schedules[0].rates[0]
    fee = bound.terms[0].margin.taker_fee
    assert abs(price - 100) == pytest.approx(100 * (0.1 - rate), abs=100 * (2 * fee + 0.1 * rate))


def test_a_healthy_position_of_a_major_stays_healthy():
    """5x ETH on Bybit, USD 300,000: liquidation some 19% below, not now."""
    book = build([row("bybit", "ETHUSDT")])
    positions = dataclasses.replace(book.positions, size=np.array([3000.0]))
    accounts = dataclasses.replace(book.accounts, balance=np.array([60_000.0]))
    bound = bind(dataclasses.replace(book, positions=positions, accounts=accounts), RULES)
    assert bound.notes == ()
    assert bound.liquidation_price()[0] == pytest.approx(80 / 0.995, rel=1e-3)
