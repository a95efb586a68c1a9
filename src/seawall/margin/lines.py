"""Every venue's rule in one form: exposures, and a table of bracket lines.

What differs between venues (fee inside the maintenance margin, entry or mark value, brackets in
contracts, a fee set aside for closing) is settled here once a book; the kernels know none of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from seawall.core import (
    Book,
    CloseFee,
    MaintenanceBasis,
    MarginSchedule,
    Mistake,
    RuleError,
    TierUnit,
    VenueTerms,
)

Floats = NDArray[np.float64]
Codes = NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class Lines:
    """Columns the kernels read. Positions have shape (n,), tables (T, K).

    Attributes
    ----------
    z
        Signed exposure: size (linear), -size (inverse).
    u, u0
        Driver at mark and at entry: price (linear), 1 / price (inverse).
    table
        Row of ``rates`` and ``deductions``, padded to one length by repeating the last bracket.
    add
        Added to every rate: the taker fee where a venue counts it in the maintenance margin, and
        ``grown``.
    grown
        What a linear contract's rate has grown by its size.
    fixed
        Part of the requirement that no price moves, as used to find the liquidation price.
    shown
        The same as the venue prints it in its margins.
    close_fee
        The part of ``shown`` that is a fee set aside for closing at the bankruptcy price.
    closing
        The same part of ``fixed``.
    basis
        Driver at which the venue takes the notional for its initial margin.
    curves
        Shape (T,): what an inverse contract's rate grows by with each coin of its value, which
        makes the requirement quadratic in the driver; else 0.
    """

    z: Floats
    u: Floats
    u0: Floats
    table: Codes
    add: Floats
    grown: Floats
    fixed: Floats
    shown: Floats
    close_fee: Floats
    closing: Floats
    basis: Floats
    rates: Floats
    deductions: Floats
    curves: Floats

    def growth_at(self, u: Floats) -> Floats:
        """Shape (n,): part of the requirement at a driver that the size's own growth asks for."""
        value = np.abs(self.z) * u
        return value * (self.grown + self.curves[self.table] * value)


def drivers(price: Floats, inverse: NDArray[np.bool_]) -> Floats:
    """Price of linear contracts, its reciprocal for inverse ones; its own inverse function."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(inverse, 1.0 / price, price)


def exposures(size: Floats, inverse: NDArray[np.bool_]) -> Floats:
    """Change of profit per unit of driver: size (linear), -size (inverse)."""
    return np.where(inverse, -size, size)


def unrealised_pnl(
    size: Floats, entry: Floats, mark: Floats, inverse: NDArray[np.bool_] | bool = False
) -> Floats:
    """Unrealised profit in the settlement currency, > 0 is gain.

    Linear: ``size * (mark - entry)`` in USD. Inverse: ``size * (1 / entry - 1 / mark)`` in coin,
    ``size`` being the signed USD face.

    Source: Binance FAQ b3c689c1f50a44cabb3a84e663b81d93 (USD-M) and
    ceccfcfb4e3a45e3b48b0b1bb1a8ae46 (COIN-M); Bybit and OKX help pages agree.
    """
    flag = np.broadcast_to(np.asarray(inverse, dtype=np.bool_), np.shape(size))
    return exposures(size, flag) * (drivers(mark, flag) - drivers(entry, flag))


def initial_rate(leverage: Floats, decimals: int | None) -> Floats:
    """Initial margin rate 1 / leverage, rounded as the venue rounds it.

    Source: Binance positionRisk responses print ``notional * round(1 / leverage, 8)``.
    """
    rate = 1.0 / leverage
    return rate if decimals is None else np.round(rate, decimals)


def half_initial_rate(max_leverage: Floats) -> Floats:
    """Maintenance rate of venues that ask half the initial margin: ``1 / (2 * max_leverage)``.

    Source: Hyperliquid docs "Margining" and "Margin tiers".
    """
    return np.asarray(0.5 / np.asarray(max_leverage, dtype=np.float64))


def entry_bankruptcy_driver(u0: Floats, z: Floats, leverage: Floats) -> Floats:
    """Driver at which the initial margin is gone: ``u0 * (1 - sign(z) / leverage)``.

    Source: Bybit help "Bankruptcy price": ``EP * (1 - side / leverage)`` linear and
    ``EP * leverage / (leverage + side)`` inverse, which are this in both drivers.
    """
    # 1 / infinity is 0 and 0 / 0 stays unknown: leverage may be either
    with np.errstate(divide="ignore", invalid="ignore"):
        return u0 * (1.0 - np.sign(z) / leverage)


def build_lines(
    book: Book,
    terms: tuple[VenueTerms, ...],
    schedules: tuple[MarginSchedule, ...],
    schedule: Codes,
) -> tuple[Lines, Floats]:
    """The book in the common form, and the account balances with those implied filled in.

    Balances that are NaN are implied: from the liquidation price the venue reported where the
    row has one, else the venue's initial margin at entry.
    """
    p, accounts = book.positions, book.accounts
    inverse = book.inverse()
    z = exposures(p.size, inverse)
    u, u0 = drivers(p.mark, inverse), drivers(p.entry, inverse)
    venue = accounts.venue[p.account]

    fee = np.where(np.isnan(p.taker_fee), _by_venue(terms, venue, "taker_fee"), p.taker_fee)
    grown = _grown(z, schedules, schedule, inverse)
    add = np.where(_by_venue(terms, venue, "fee_in_maintenance") > 0, fee, 0.0) + grown
    at_entry = _has(terms, venue, "maintenance_basis", MaintenanceBasis.ENTRY)
    fee_to_close = ~_has(terms, venue, "close_fee", CloseFee.NONE)
    moving_fee = _has(terms, venue, "close_fee", CloseFee.BANKRUPTCY)

    table, rates, deductions, curves = _tables(book, schedules, schedule, at_entry)
    entry_need = _entry_requirement(z, u0, schedules, schedule, at_entry, book)

    isolated = accounts.isolated[p.account]
    balance = accounts.balance.copy()
    own = balance[p.account]
    leverage = _leverage(p.leverage, own, z, u0, isolated)
    bust = entry_bankruptcy_driver(u0, z, leverage)
    close_fee = np.where(fee_to_close, fee * np.abs(z) * np.maximum(bust, 0.0), 0.0)

    with np.errstate(divide="ignore", invalid="ignore"):
        rate = 1.0 / leverage
    for k, venue_terms in enumerate(terms):
        decimals = venue_terms.margin.leverage_rate_decimals
        if decimals is not None:
            rate = np.where(venue == k, initial_rate(leverage, decimals), rate)
    with np.errstate(invalid="ignore"):
        grows = np.abs(z) * u0 * (grown + curves[table] * np.abs(z) * u0)
        wanted = np.abs(z) * u0 * rate + close_fee + grows

    missing = isolated & np.isnan(own)
    reported = missing & ~np.isnan(p.reported_liquidation)
    plain = missing & ~reported & np.isfinite(leverage)
    balance[p.account[plain]] = wanted[plain]
    own = balance[p.account]

    # extra margin moves the bankruptcy price, and with it the fee set aside for closing there
    side = np.sign(z)
    net = (own - fee * np.abs(z) * u0) / (1.0 - side * fee)
    closing = np.where(moving_fee & isolated & ~reported, own - net, close_fee)
    fixed = entry_need + closing
    lines = Lines(
        z=z,
        u=u,
        u0=u0,
        table=table,
        add=add,
        grown=grown,
        fixed=fixed,
        shown=entry_need + close_fee,
        close_fee=close_fee,
        closing=closing,
        basis=np.where(at_entry, u0, u),
        rates=rates,
        deductions=deductions,
        curves=curves,
    )
    if reported.any():
        balance[p.account[reported]] = _implied_balance(lines, book, reported)
    return lines, balance


def _implied_balance(lines: Lines, book: Book, chosen: NDArray[np.bool_]) -> Floats:
    """Balance at which a position falls exactly at its reported liquidation price."""
    from seawall.margin import _kernels

    x = drivers(book.positions.reported_liquidation[chosen], book.inverse()[chosen])
    z = lines.z[chosen]
    need = np.empty_like(x)
    _kernels.requirement(
        z,
        x,
        lines.table[chosen],
        lines.add[chosen],
        lines.fixed[chosen],
        lines.rates,
        lines.deductions,
        lines.curves,
        need,
    )
    return need - z * (x - lines.u0[chosen])


def _by_venue(terms: tuple[VenueTerms, ...], venue: Codes, name: str) -> Floats:
    table = np.array([float(getattr(t.margin, name)) for t in terms])
    return table[venue]


def _has(
    terms: tuple[VenueTerms, ...], venue: Codes, name: str, value: object
) -> NDArray[np.bool_]:
    table = np.array([getattr(t.margin, name) is value for t in terms])
    return table[venue]


def _leverage(
    given: Floats, balance: Floats, z: Floats, u0: Floats, isolated: NDArray[np.bool_]
) -> Floats:
    """Leverage as given; else the one the isolated margin stands for; else without bound."""
    with np.errstate(divide="ignore", invalid="ignore"):
        implied = np.where(isolated & (balance > 0), np.abs(z) * u0 / balance, np.inf)
    return np.where(np.isnan(given), np.where(np.isnan(implied), np.inf, implied), given)


def _grown(
    z: Floats,
    schedules: tuple[MarginSchedule, ...],
    schedule: Codes,
    inverse: NDArray[np.bool_],
) -> Floats:
    """What the rate of each linear position has grown by its size, which no price moves."""
    growth = np.array([s.growth for s in schedules])[schedule]
    return np.where(inverse, 0.0, growth * np.abs(z))


def _tables(
    book: Book, schedules: tuple[MarginSchedule, ...], schedule: Codes, at_entry: NDArray[np.bool_]
) -> tuple[Codes, Floats, Floats, Floats]:
    """Bracket lines of every schedule, plus flat ones for brackets that no price moves.

    The growth of a rate bends the lines of inverse contracts, whose size in the coin a price
    moves; that of linear ones is in ``add``.
    """
    count = len(schedules)
    bent, used = (np.zeros(count, dtype=np.bool_) for _ in range(2))
    bent[schedule[book.inverse()]] = True
    used[schedule] = True
    if at_entry.any():
        _refuse_growth_at_entry(schedules, schedule[at_entry])
    rows = _rows(_Held(schedules), tuple(bent.tolist()), tuple(used.tolist()), bool(at_entry.any()))
    table = rows.moving[schedule]
    contracts = _contracts(book)
    for k, steps in rows.steps:
        mine = schedule == k
        table[mine] = steps[schedules[k].bracket(contracts[mine])]
    if at_entry.any():
        table[at_entry] = rows.flat
    return table, rows.rates, rows.deductions, rows.curves


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """Bracket lines of some schedules, and which of them each has.

    ``moving`` has shape (schedules,); ``steps`` holds, of those whose brackets count contracts,
    the flat line of each bracket; ``flat`` is the line of no requirement.
    """

    moving: Codes
    steps: tuple[tuple[int, Codes], ...]
    flat: int
    rates: Floats
    deductions: Floats
    curves: Floats


@dataclass(frozen=True, slots=True, eq=False)
class _Held:
    """Schedules told apart by being the same objects: what they hold is not compared."""

    schedules: tuple[MarginSchedule, ...]

    def __hash__(self) -> int:
        return hash(tuple(map(id, self.schedules)))

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, _Held)
            and len(self.schedules) == len(other.schedules)
            and all(a is b for a, b in zip(self.schedules, other.schedules, strict=True))
        )


@lru_cache(maxsize=32)
def _rows(
    held: _Held,
    bent: tuple[bool, ...],
    used: tuple[bool, ...],
    at_entry: bool,
) -> _Rows:
    """Lay the lines out; kept, as a book is laid out again for each thing that is tried on it."""
    schedules = held.schedules
    lines: dict[tuple[tuple[float, ...], tuple[float, ...], float], int] = {}

    def row(rates: tuple[float, ...], deductions: tuple[float, ...], curve: float = 0.0) -> int:
        return lines.setdefault((rates, deductions, curve), len(lines))

    moving = [
        row(tuple(s.rates.tolist()), tuple(s.deductions.tolist()), s.growth if b else 0.0)
        for s, b in zip(schedules, bent, strict=True)
    ]
    steps = [
        (k, np.array([row((r,), (0.0,)) for r in s.rates.tolist()], dtype=np.int32))
        for k, s in enumerate(schedules)
        if s.unit is TierUnit.CONTRACTS and used[k]
    ]
    flat = row((0.0,), (0.0,)) if at_entry else -1
    longest = max(len(r) for r, _, _ in lines)
    return _Rows(
        moving=np.array(moving, dtype=np.int32),
        steps=tuple(steps),
        flat=flat,
        rates=np.array([r + (r[-1],) * (longest - len(r)) for r, _, _ in lines]),
        deductions=np.array([d + (d[-1],) * (longest - len(d)) for _, d, _ in lines]),
        curves=np.array([curve for _, _, curve in lines]),
    )


def _refuse_growth_at_entry(schedules: tuple[MarginSchedule, ...], used: Codes) -> None:
    grows = [schedules[k] for k in np.unique(used) if schedules[k].growth > 0.0]
    if grows:
        raise RuleError(
            Mistake(
                "a rate that grows with the size, and margins at the entry price",
                grows[0].source,
                allowed="maintenance_basis = mark where a schedule has growth",
            )
        )


def _contracts(book: Book) -> Floats:
    sizes = np.array([i.contract_size for i in book.instruments])
    return np.asarray(np.abs(book.positions.size) / sizes[book.positions.instrument])


def _entry_requirement(
    z: Floats,
    u0: Floats,
    schedules: tuple[MarginSchedule, ...],
    schedule: Codes,
    at_entry: NDArray[np.bool_],
    book: Book,
) -> Floats:
    """Maintenance margin at the entry value, for venues that take it there; else 0."""
    need = np.zeros_like(z)
    if not at_entry.any():
        return need
    contracts = _contracts(book)
    for k, s in enumerate(schedules):
        mine = at_entry & (schedule == k)
        if mine.any():
            value = np.abs(z[mine]) * u0[mine]
            size = contracts[mine] if s.unit is TierUnit.CONTRACTS else value
            b = s.bracket(size)
            need[mine] = s.rates[b] * value - s.deductions[b]
    return need
