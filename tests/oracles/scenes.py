"""Books in plain records: the oracles read them as they are, the engine after :func:`bound`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from seawall.core import (
    Accounts,
    Book,
    ContractType,
    Instrument,
    MarginSchedule,
    Positions,
    TierUnit,
    VenueTerms,
)
from seawall.margin import MarginBook

NAN = math.nan


@dataclass(frozen=True)
class Table:
    """Brackets: floors, rates, maintenance amounts, as a venue prints them.

    ``growth``: what the rate grows by with each coin held (Deribit).
    """

    floors: tuple[float, ...]
    rates: tuple[float, ...]
    cums: tuple[float, ...]
    by_contracts: bool = False
    growth: float = 0.0


@dataclass(frozen=True)
class Contract:
    asset: str
    inverse: bool = False
    face: float = 1.0
    tick: float = NAN
    table: Table = Table((0.0,), (0.01,), (0.0,))


@dataclass
class Leg:
    """A position; ``size`` in base units (linear) or USD face (inverse), > 0 long."""

    account: int
    contract: int
    size: float
    entry: float
    mark: float
    leverage: float = NAN
    stop: float = NAN
    fee: float = NAN


@dataclass
class Purse:
    """A margin account."""

    trader: int = 0
    venue: int = 0
    isolated: bool = False
    balance: float = NAN


@dataclass
class Scene:
    contracts: tuple[Contract, ...]
    venues: tuple[VenueTerms, ...]
    purses: list[Purse] = field(default_factory=list)
    legs: list[Leg] = field(default_factory=list)

    @property
    def assets(self) -> list[str]:
        return list(dict.fromkeys(c.asset for c in self.contracts))

    def legs_of(self, account: int) -> list[int]:
        return [i for i, leg in enumerate(self.legs) if leg.account == account]

    def members(self) -> list[list[int]]:
        rows: list[list[int]] = [[] for _ in self.purses]
        for i, leg in enumerate(self.legs):
            rows[leg.account].append(i)
        return rows


def schedule_of(table: Table) -> MarginSchedule:
    as_array = [np.array(x, dtype=np.float64) for x in (table.floors, table.rates, table.cums)]
    unit = TierUnit.CONTRACTS if table.by_contracts else TierUnit.NOTIONAL
    unknown = np.full(len(table.floors), np.nan)
    return MarginSchedule(*as_array, unknown, unit, growth=table.growth)


def bound(scene: Scene, source: str = "scene") -> MarginBook:
    """The scene as the engine takes it."""
    legs, purses, contracts = scene.legs, scene.purses, scene.contracts
    instruments = tuple(
        Instrument(
            "any",
            f"{c.asset}-{k}",
            c.asset,
            ContractType.INVERSE if c.inverse else ContractType.LINEAR,
            c.face,
            c.tick,
            c.asset if c.inverse else "USD",
        )
        for k, c in enumerate(contracts)
    )
    currencies = tuple(dict.fromkeys(i.settle for i in instruments)) or ("USD",)
    settle = np.zeros(len(purses), dtype=np.int32)
    for leg in legs:
        settle[leg.account] = currencies.index(instruments[leg.contract].settle)

    def column(name: str) -> np.ndarray:
        return np.array([getattr(leg, name) for leg in legs], dtype=np.float64)

    n = len(legs)
    empty = np.full(n, np.nan)
    positions = Positions(
        row=np.arange(1, n + 1),
        account=np.array([leg.account for leg in legs], dtype=np.int32),
        instrument=np.array([leg.contract for leg in legs], dtype=np.int32),
        size=column("size"),
        entry=column("entry"),
        mark=column("mark"),
        leverage=column("leverage"),
        stop=column("stop"),
        rate=empty,
        amount=empty,
        taker_fee=column("fee"),
        reported_liquidation=empty,
        time=np.zeros(n, dtype=np.int64),
    )
    accounts = Accounts(
        trader=np.array([p.trader for p in purses], dtype=np.int32),
        venue=np.array([p.venue for p in purses], dtype=np.int32),
        isolated=np.array([p.isolated for p in purses], dtype=np.bool_),
        balance=np.array([p.balance for p in purses], dtype=np.float64),
        settle=settle,
    )
    traders = [f"t{k}" for k in range(max((p.trader for p in purses), default=0) + 1)]
    book = Book(
        positions,
        accounts,
        instruments,
        traders,
        tuple(v.venue for v in scene.venues),
        currencies,
        source=source,
    )
    schedules = tuple(schedule_of(c.table) for c in contracts)
    return MarginBook(book, scene.venues, schedules, positions.instrument.copy())


def one_leg(
    size: float,
    entry: float,
    mark: float,
    balance: float,
    *,
    contract: Contract = Contract("BTC"),
    terms: VenueTerms | None = None,
    isolated: bool = True,
    leverage: float = NAN,
    **more: float,
) -> MarginBook:
    """A book of one position."""
    scene = Scene(
        (contract,),
        (terms or VenueTerms("any", "Any"),),
        [Purse(isolated=isolated, balance=balance)],
        [Leg(0, 0, size, entry, mark, leverage, **more)],
    )
    return bound(scene)


def ladder(floors: Sequence[float], rates: Sequence[float]) -> Table:
    """Brackets whose amounts follow the venues' recurrence."""
    cums = [0.0]
    for k in range(1, len(floors)):
        cums.append(cums[-1] + floors[k] * (rates[k] - rates[k - 1]))
    return Table(tuple(floors), tuple(rates), tuple(cums))


def steps(floors: Sequence[float], rates: Sequence[float]) -> Table:
    """Brackets by contracts, the whole position at one rate."""
    return Table(tuple(floors), tuple(rates), tuple(0.0 for _ in floors), by_contracts=True)
