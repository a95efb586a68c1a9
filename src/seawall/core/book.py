"""Positions and accounts: frozen records for one, equal-length columns for many.

The row number of a position is its identity from the file to the report.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace

import numpy as np
from numpy.typing import NDArray

from seawall.core.errors import InternalError, Mistake
from seawall.core.instrument import Instrument

Floats = NDArray[np.float64]
Codes = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Position:
    """One position, as a person would write it down.

    ``size`` > 0 is long: base units for linear contracts, USD face for inverse ones. Prices are
    in USD, ``balance`` in the settlement currency; NaN means not known.
    """

    row: int
    trader: str
    instrument: Instrument
    size: float
    entry: float
    mark: float
    isolated: bool
    leverage: float
    balance: float
    stop: float


def _equal_lengths(record: Positions | Accounts) -> None:
    lengths = {f.name: len(getattr(record, f.name)) for f in fields(record)}
    if len(set(lengths.values())) != 1:
        raise InternalError(f"{type(record).__name__} has columns of unequal length: {lengths}")


@dataclass(frozen=True, slots=True, eq=False)
class Positions:
    """Columns of positions, all of shape (n,).

    Parameters
    ----------
    row
        Row number in the source, from 1.
    account
        Index into :class:`Accounts`.
    instrument
        Index into ``Book.instruments``.
    size
        Signed, > 0 long. Linear: base units. Inverse: USD face (contracts x contract size).
    entry, mark
        Average entry price and mark price, USD.
    leverage
        Leverage set at the venue; NaN if not given.
    stop
        Stop price, USD; NaN if none.
    rate, amount
        Maintenance margin rate and amount given with the row, overriding the rulebook; NaN if
        not given.
    taker_fee
        The account's own taker fee where given; NaN otherwise.
    reported_liquidation
        Liquidation price as the venue printed it; NaN if not given.
    time
        UTC nanoseconds of the observation; 0 if unknown.
    """

    row: NDArray[np.int64]
    account: Codes
    instrument: Codes
    size: Floats
    entry: Floats
    mark: Floats
    leverage: Floats
    stop: Floats
    rate: Floats
    amount: Floats
    taker_fee: Floats
    reported_liquidation: Floats
    time: NDArray[np.int64]

    def __post_init__(self) -> None:
        _equal_lengths(self)

    def __len__(self) -> int:
        return len(self.size)

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> Positions:
        """The chosen positions, in the order given."""
        return Positions(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})


@dataclass(frozen=True, slots=True, eq=False)
class Accounts:
    """Columns of margin accounts, all of shape (m,): what stands or falls together.

    An isolated position is a margin account of its own; the cross positions of one trader on
    one venue in one settlement currency share one.

    Parameters
    ----------
    trader
        Index into ``Book.traders``: the account named in the source.
    venue
        Index into ``Book.venues``.
    isolated
        Whether it holds one isolated position.
    balance
        Margin without unrealised profit, settlement currency. Isolated: the position's margin;
        cross: the wallet. NaN if the venue's rule must imply it.
    settle
        Index into ``Book.currencies``.
    """

    trader: Codes
    venue: Codes
    isolated: NDArray[np.bool_]
    balance: Floats
    settle: Codes

    def __post_init__(self) -> None:
        _equal_lengths(self)

    def __len__(self) -> int:
        return len(self.balance)


@dataclass(frozen=True, slots=True, eq=False)
class Book:
    """A book of leveraged positions on one or more venues at one time.

    Attributes
    ----------
    positions, accounts
        The columns.
    instruments
        What ``positions.instrument`` points to.
    traders, venues, currencies
        Labels that the accounts' codes point to. ``venues`` are rulebook names.
    time
        UTC nanoseconds as of which the book holds; 0 if unknown. Chooses the rules in force.
    source
        File or description it came from.
    notes
        What the reader should know: defaults taken, columns ignored.
    set_aside
        Rows left out by lenient reading, with the reason.
    """

    positions: Positions
    accounts: Accounts
    instruments: tuple[Instrument, ...]
    traders: Sequence[str]
    venues: tuple[str, ...]
    currencies: tuple[str, ...]
    time: int = 0
    source: str = ""
    notes: tuple[str, ...] = ()
    set_aside: tuple[Mistake, ...] = ()
    _assets: tuple[str, ...] = field(init=False, default=())
    _digest: list[str] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        names = dict.fromkeys(i.asset for i in self.instruments)
        object.__setattr__(self, "_assets", tuple(names))

    def __len__(self) -> int:
        return len(self.positions)

    @property
    def assets(self) -> tuple[str, ...]:
        """Underlyings, in order of first appearance among the instruments."""
        return self._assets

    def asset_codes(self) -> Codes:
        """Shape (n,): index into :attr:`assets` of each position."""
        order = {name: k for k, name in enumerate(self._assets)}
        table = np.array([order[i.asset] for i in self.instruments], dtype=np.int32)
        return table[self.positions.instrument]

    def inverse(self) -> NDArray[np.bool_]:
        """Shape (n,): whether each position is an inverse contract."""
        table = np.array([i.inverse for i in self.instruments], dtype=np.bool_)
        return table[self.positions.instrument]

    def notional(self) -> Floats:
        """Shape (n,): USD notional at mark, >= 0."""
        size = np.abs(self.positions.size)
        return np.where(self.inverse(), size, size * self.positions.mark)

    def position(self, index: int) -> Position:
        """The record of one position by its place in the columns."""
        p, a = self.positions, self.accounts
        account = int(p.account[index])
        return Position(
            row=int(p.row[index]),
            trader=self.traders[int(a.trader[account])],
            instrument=self.instruments[int(p.instrument[index])],
            size=float(p.size[index]),
            entry=float(p.entry[index]),
            mark=float(p.mark[index]),
            isolated=bool(a.isolated[account]),
            leverage=float(p.leverage[index]),
            balance=float(a.balance[account]),
            stop=float(p.stop[index]),
        )

    def with_balances(self, balance: Floats) -> Book:
        """The same book with other account balances, shape (m,)."""
        return replace(self, accounts=replace(self.accounts, balance=balance))

    def digest(self) -> str:
        """SHA-256 over every number and name of the book: the identity of an input."""
        if not self._digest:
            sha = hashlib.sha256()
            for record in (self.positions, self.accounts):
                for f in fields(record):
                    sha.update(np.ascontiguousarray(getattr(record, f.name)).tobytes())
            sha.update(repr((self.instruments, self.venues, self.currencies)).encode())
            sha.update("\0".join(self.traders).encode())
            self._digest.append(sha.hexdigest())
        return self._digest[0]
