"""A book laid out for the cascade: single accounts sorted by exit, joint ones in rows."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seawall.core import MaintenanceBasis, PartialRule, TierUnit
from seawall.margin import MarginBook, drivers
from seawall.risk import _kernels as k

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_PARTIAL = {PartialRule.FULL: 0, PartialRule.TIERS_DOWN: 1, PartialRule.FRACTION: 2}


@dataclass(frozen=True, eq=False)
class Ledger:
    """Columns of the cascade's kernels, and the way back to the book.

    Attributes
    ----------
    margin
        The book under its rules.
    partial
        Whether accounts are closed by the venues' partial steps; else in full.
    groups, single
        Sorted exits of accounts with one position, and the position behind each.
    joint, rules
        Accounts that are marked again each round.
    joint_accounts, joint_positions
        The book's account and position behind each joint row.
    """

    margin: MarginBook
    partial: bool
    groups: Any
    single: Ints
    joint: Any
    rules: Any
    joint_accounts: Ints
    joint_positions: Ints

    @property
    def assets(self) -> tuple[str, ...]:
        """Underlyings, in the order of every array by asset."""
        return self.margin.book.assets

    def work(self) -> Any:
        """Fresh working columns; one set per thread."""
        j = self.joint
        m = len(j.balance)
        return k.Work(
            z=j.z.copy(),
            cost=j.cost.copy(),
            fixed=j.fixed.copy(),
            add=j.add.copy(),
            face=j.face.copy(),
            contracts=j.contracts.copy(),
            cut=np.zeros(len(j.z), dtype=np.int8),
            balance=j.balance.copy(),
            alarm=j.alarm.copy(),
            round=np.zeros(m, dtype=np.int32),
            last=np.zeros(m, dtype=np.int32),
            touched=np.zeros(m, dtype=np.bool_),
            equity=np.zeros(m),
            fee=np.zeros(m),
        )

    def path(self, rows: int) -> Any:
        """Room for ``rows`` rounds."""
        a = len(self.assets)
        return k.Path(
            factor=np.ones((rows + 1, a)),
            forced=np.zeros((rows, a)),
            stopped=np.zeros((rows, a)),
            fallen=np.zeros(rows, dtype=np.int64),
            bounds=np.zeros((rows + 1, len(self.groups.asset)), dtype=np.int64),
        )


def build_ledger(margin: MarginBook, partial: bool = False) -> Ledger:
    """Sort and lay out a book once; any number of cascades then run on it."""
    exit_factor, by_stop, joint = _exits(margin, partial)
    groups, single = _sort_groups(margin, exit_factor, by_stop, ~joint)
    rows, accounts, members = _joint_rows(margin, joint)
    return Ledger(
        margin=margin,
        partial=partial,
        groups=groups,
        single=single,
        joint=rows,
        rules=_rules(margin, partial),
        joint_accounts=accounts,
        joint_positions=members,
    )


def _exits(
    margin: MarginBook, partial: bool
) -> tuple[Floats, NDArray[np.bool_], NDArray[np.bool_]]:
    """Price factor at which each lone position leaves, whether by its stop, and who is joint."""
    book, x = margin.book, margin.lines
    inverse, size = book.inverse(), book.positions.size
    alone = margin.alone & (not partial)
    liquidation = np.full(len(book), np.nan)
    if alone.any():
        liquidation[alone] = margin.lone_liquidation_drivers(alone)
    long = size > 0
    never = np.where(long, 0.0, np.inf)
    with np.errstate(invalid="ignore", divide="ignore"):
        factor = drivers(liquidation, inverse) / drivers(x.u, inverse)
        stop = book.positions.stop / book.positions.mark
    factor = np.where(np.isnan(factor), never, factor)
    has_stop = ~np.isnan(stop)
    nearer = has_stop & np.where(long, stop >= factor, stop <= factor)
    # a stop beyond the liquidation price decides only in a jump: such an account is marked again
    joint = ~alone | (has_stop & ~nearer)
    return np.where(nearer, stop, factor), nearer, joint


def _sort_groups(
    margin: MarginBook, factor: Floats, by_stop: NDArray[np.bool_], chosen: NDArray[np.bool_]
) -> tuple[Any, Ints]:
    book = margin.book
    members = np.flatnonzero(chosen)
    asset, inverse = book.asset_codes()[members], book.inverse()[members]
    short = book.positions.size[members] < 0
    code = ((asset * 2 + inverse) * 2 + short) * 2 + by_stop[members]
    key = np.where(short, factor[members], -factor[members])
    order = np.lexsort((key, code))
    members, code = members[order], code[order]
    present, begins = np.unique(code, return_index=True)
    offset = np.append(begins, len(members)).astype(np.int64)
    notional = book.notional()[members]
    weight = np.concatenate(
        [np.append(0.0, np.cumsum(notional[a:b])) for a, b in pairwise(offset)] or [np.zeros(0)]
    )
    groups = k.Groups(
        offset=offset,
        asset=(present // 8).astype(np.int64),
        side=np.where(present // 2 % 2 == 1, -1.0, 1.0),
        inverse=(present // 4 % 2 == 1),
        stop=(present % 2 == 1),
        key=np.ascontiguousarray(key[order]),
        weight=weight,
    )
    return groups, members


def _joint_rows(margin: MarginBook, chosen: NDArray[np.bool_]) -> tuple[Any, Ints, Ints]:
    book, x, p = margin.book, margin.lines, margin.book.positions
    order = margin.order[chosen[margin.order]]
    accounts, begins = np.unique(p.account[order], return_index=True)
    start = np.append(begins, len(order)).astype(np.int64)
    asset, inverse = book.asset_codes(), book.inverse()
    z = (x.z * x.u)[order]
    reach = np.abs(z) * (1.0 + x.rates.max(axis=1)[x.table[order]] + x.add[order])
    with np.errstate(divide="ignore", invalid="ignore"):
        stop = (drivers(p.stop, inverse) / x.u)[order]
    by_account = np.repeat(np.arange(len(accounts)), np.diff(start))
    reach = np.bincount(by_account, reach, len(accounts))
    slack = margin.accounts_state().excess[accounts]
    wait = np.where(slack > k.TIE * reach, slack / np.maximum(reach, 1e-300), -1.0)
    stops = np.zeros(len(accounts), dtype=np.bool_)
    has = ~np.isnan(stop)
    stops[by_account[has]] = True
    gap = np.where(z > 0, 1.0 - stop, stop - 1.0)
    np.minimum.at(wait, by_account[has], gap[has])
    sizes = np.array([i.contract_size for i in book.instruments])[p.instrument[order]]
    joint = k.Joint(
        start=start,
        balance=margin.balance[accounts].copy(),
        reach=reach,
        alarm=np.where(wait > 0, wait * (1.0 - 1e-9), -1.0),
        stops=stops,
        venue=margin.venue_of_positions()[order].astype(np.int64),
        z=z,
        cost=(x.z * x.u0)[order],
        fixed=x.fixed[order].copy(),
        add=x.add[order].copy(),
        table=x.table[order].astype(np.int64),
        mode=_modes(margin)[order],
        driver=(asset + len(book.assets) * inverse)[order].astype(np.int64),
        asset=asset[order].astype(np.int64),
        side=np.sign(p.size)[order],
        face=book.notional()[order],
        stop_driver=stop,
        contracts=np.abs(p.size[order]) / sizes,
        ladder=margin.schedule[order].astype(np.int64),
    )
    return joint, accounts.astype(np.int64), order.astype(np.int64)


def _modes(margin: MarginBook) -> NDArray[np.int8]:
    """How a requirement follows the size: 0 bracket lines, 1 by contracts, 2 at entry value."""
    by_contracts = np.array([s.unit is TierUnit.CONTRACTS for s in margin.schedules])
    entry = [t.margin.maintenance_basis is MaintenanceBasis.ENTRY for t in margin.terms]
    at_entry = np.array(entry)[margin.venue_of_positions()]
    return np.where(at_entry, 2, by_contracts[margin.schedule]).astype(np.int8)


def _rules(margin: MarginBook, partial: bool) -> Any:
    longest = max(len(s.floors) for s in margin.schedules)
    floors = np.full((len(margin.schedules), longest), np.inf)
    steps = np.zeros((len(margin.schedules), 2, longest))
    for row, s in enumerate(margin.schedules):
        n = len(s.floors)
        floors[row, :n] = s.floors
        steps[row, 0, :n], steps[row, 1, :n] = s.deductions, s.rates
    terms = [t.liquidation for t in margin.terms]
    return k.Rules(
        partial=np.array([_PARTIAL[t.partial] if partial else 0 for t in terms]),
        tiers=np.array([t.tiers for t in terms]),
        fraction=np.array([t.fraction for t in terms]),
        threshold=np.array([t.threshold_usd for t in terms]),
        fee=np.array([t.fee for t in terms]),
        rates=margin.lines.rates,
        deductions=margin.lines.deductions,
        floors=floors,
        steps=steps,
    )
