"""Synthetic books, drawn from a seed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seawall.core import (
    Accounts,
    Book,
    Instrument,
    LiquidationTerms,
    MarginSchedule,
    PartialRule,
    Positions,
    VenueTerms,
)
from seawall.margin import MarginBook

Floats = NDArray[np.float64]

ASSETS = {"BTC": 86_600.0, "ETH": 2_800.0, "SOL": 130.0, "XRP": 1.95, "DOGE": 0.14, "HYPE": 32.0}
DEPTH = {"BTC": 3e8, "ETH": 1.5e8, "SOL": 5e7, "XRP": 3e7, "DOGE": 2e7, "HYPE": 2e7}
FLOORS = (0.0, 5e4, 2.5e5, 1e6, 5e6, 2e7, 5e7, 1e8, 2e8, 3e8)
RATES = (0.004, 0.005, 0.01, 0.025, 0.05, 0.1, 0.125, 0.15, 0.25, 0.5)
SCHEDULE = MarginSchedule.continuous(np.array(FLOORS), np.array(RATES))
"""Ten brackets, of the order of those of the majors."""


def columns(n: int, seed: int = 0) -> dict[str, Floats]:
    """Isolated BTC positions: notionals log-normal, median 5,000 USD, 2-50x, both sides."""
    rng = np.random.default_rng(seed)
    entry = 86_600.0 * np.exp(rng.normal(0, 0.05, n))
    usd = np.exp(rng.normal(8.5, 1.8, n))
    leverage = rng.choice([2.0, 3.0, 5.0, 10.0, 20.0, 50.0], n)
    return {
        "size": usd / entry * np.where(rng.random(n) < 0.6, 1.0, -1.0),
        "entry": entry,
        "mark": entry * np.exp(rng.normal(0, 0.02, n)),
        "balance": usd / leverage,
        "leverage": leverage,
    }


def _venues() -> tuple[VenueTerms, ...]:
    """Four venues: steps down one or two brackets, a fifth of large positions, all at once."""
    rules = {
        "north": LiquidationTerms(fee=0.005, partial=PartialRule.TIERS_DOWN, tiers=1),
        "east": LiquidationTerms(partial=PartialRule.FRACTION, fraction=0.2, threshold_usd=1e5),
        "south": LiquidationTerms(partial=PartialRule.TIERS_DOWN, tiers=2),
        "west": LiquidationTerms(),
    }
    return tuple(VenueTerms(name, name.title(), liquidation=r) for name, r in rules.items())


def _book(
    counts: NDArray[np.int64], cross: NDArray[np.bool_], asset: NDArray[np.int64], seed: int
) -> MarginBook:
    rng = np.random.default_rng([seed, 1])
    m, n, terms = len(counts), int(counts.sum()), _venues()
    account = np.repeat(np.arange(m), counts).astype(np.int32)
    venue = rng.choice(len(terms), m, p=[0.5, 0.2, 0.2, 0.1])
    mark = np.array(list(ASSETS.values()))[asset]
    usd = np.exp(rng.normal(7.5, 1.8, n))
    side = np.where(rng.random(n) < 0.7, 1.0, -1.0)
    leverage = rng.choice(
        [2.0, 3.0, 5.0, 10.0, 20.0, 50.0], n, p=[0.15, 0.2, 0.25, 0.25, 0.1, 0.05]
    )
    entry = mark * np.exp(rng.normal(0, 0.02, n))
    size = side * usd / mark
    # nobody is below the initial margin at the marks
    margin = np.bincount(account, usd / leverage, m)
    pnl = np.bincount(account, size * (mark - entry), m)
    none = np.full(n, np.nan)
    positions = Positions(
        row=np.arange(1, n + 1),
        account=account,
        instrument=(venue[account] * len(ASSETS) + asset).astype(np.int32),
        size=size,
        entry=entry,
        mark=mark,
        leverage=leverage,
        stop=none,
        rate=none,
        amount=none,
        taker_fee=none,
        reported_liquidation=none,
        time=np.zeros(n, dtype=np.int64),
    )
    accounts = Accounts(
        trader=np.arange(m, dtype=np.int32),
        venue=venue.astype(np.int32),
        isolated=~cross,
        balance=np.maximum(margin, margin * 1.05 - pnl),
        settle=np.zeros(m, dtype=np.int32),
    )
    instruments = tuple(Instrument(t.venue, a, a) for t in terms for a in ASSETS)
    names = tuple(t.venue for t in terms)
    book = Book(positions, accounts, instruments, range(m), names, ("USD",))  # type: ignore[arg-type]
    return MarginBook(book, terms, (SCHEDULE,), np.zeros(n, dtype=np.int32))


def _assets(rng: np.random.Generator, counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """A favourite asset each, the next ones of the list for further positions."""
    first = rng.choice(len(ASSETS), len(counts), p=[0.45, 0.25, 0.1, 0.08, 0.06, 0.06])
    place = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    return (np.repeat(first, counts) + place) % len(ASSETS)


def mixed(accounts: int, seed: int = 0) -> MarginBook:
    """70% of accounts with one isolated position, 30% cross with two to four."""
    rng = np.random.default_rng(seed)
    cross = rng.random(accounts) < 0.3
    counts = np.where(cross, rng.integers(2, 5, accounts), 1)
    return _book(counts, cross, _assets(rng, counts), seed)


def isolated(accounts: int, seed: int = 0) -> MarginBook:
    """One isolated position each."""
    rng = np.random.default_rng(seed)
    counts = np.ones(accounts, dtype=np.int64)
    return _book(counts, np.zeros(accounts, dtype=np.bool_), _assets(rng, counts), seed)


def crossed(accounts: int, each: int = 3, seed: int = 0) -> MarginBook:
    """Cross accounts of ``each`` positions in different assets."""
    rng = np.random.default_rng(seed)
    counts = np.full(accounts, each)
    return _book(counts, np.ones(accounts, dtype=np.bool_), _assets(rng, counts), seed)


def of_columns(columns: dict[str, Floats], mark: float) -> MarginBook:
    """The isolated positions of :func:`columns` as a book on one venue, all at one mark."""
    n = len(columns["size"])
    codes, none = np.zeros(n, dtype=np.int32), np.full(n, np.nan)
    positions = Positions(
        row=np.arange(1, n + 1),
        account=np.arange(n, dtype=np.int32),
        instrument=codes,
        size=columns["size"],
        entry=columns["entry"],
        mark=np.full(n, mark),
        leverage=columns["leverage"],
        stop=none,
        rate=none,
        amount=none,
        taker_fee=none,
        reported_liquidation=none,
        time=np.zeros(n, dtype=np.int64),
    )
    accounts = Accounts(
        trader=np.arange(n, dtype=np.int32),
        venue=codes,
        isolated=np.ones(n, dtype=np.bool_),
        balance=columns["balance"],
        settle=codes,
    )
    btc = Instrument("west", "BTC", "BTC")
    book = Book(positions, accounts, (btc,), range(n), ("west",), ("USD",))  # type: ignore[arg-type]
    return MarginBook(book, (VenueTerms("west", "West"),), (SCHEDULE,), codes)
