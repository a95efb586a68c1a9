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

_STEPS = {
    PartialRule.FULL: k.FULL,
    PartialRule.TIERS_DOWN: k.TIERS_DOWN,
    PartialRule.FRACTION: k.FRACTION,
}


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
            held=j.held.copy(),
            cut=np.zeros(j.held.shape[0], dtype=np.int8),
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
    # where no positive root exists an account never falls, or is too deep below ever to stand
    under = margin.accounts_state().liquidatable[book.positions.account]
    rootless = np.where(under, np.where(long, np.inf, 0.0), never)
    factor = np.where(np.isnan(factor), rootless, factor)
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
    """Joint accounts, those nearest to falling first: a cascade then reads memory in order."""
    book, x, p = margin.book, margin.lines, margin.book.positions
    alarm, reach, stops, level = _alarms(margin)
    members = np.flatnonzero(chosen)
    accounts = np.unique(p.account[members])
    accounts = accounts[np.argsort(alarm[accounts], kind="stable")]
    rank = np.zeros(len(book.accounts), dtype=np.int64)
    rank[accounts] = np.arange(len(accounts))
    order = members[np.argsort(rank[p.account[members]], kind="stable")]
    counts = np.bincount(rank[p.account[order]], minlength=len(accounts))
    asset, sizes = book.asset_codes(), np.array([i.contract_size for i in book.instruments])
    driver = asset + len(book.assets) * book.inverse()
    contracts = np.abs(p.size) / sizes[p.instrument]
    held = (x.z * x.u, x.z * x.u0, x.fixed, x.add, book.notional(), contracts)
    tags = (
        x.table,
        driver,
        asset,
        margin.venue_of_positions(),
        margin.schedule,
        _modes(margin),
        np.sign(p.size),
    )
    joint = k.Joint(
        start=np.append(0, np.cumsum(counts)).astype(np.int64),
        balance=margin.balance[accounts].copy(),
        reach=reach[accounts],
        alarm=_rounded_down(alarm[accounts]),
        stops=stops[accounts],
        held=np.stack([column[order] for column in held], axis=1),
        tags=np.stack([column[order].astype(np.int32) for column in tags], axis=1),
        stop_driver=level[order],
        driven=np.isin(np.arange(2 * len(book.assets)), driver[order]),
    )
    return joint, accounts.astype(np.int64), order.astype(np.int64)


def _alarms(margin: MarginBook) -> tuple[Floats, Floats, NDArray[np.bool_], Floats]:
    """Slack of each account in driver factors, its reach and whether it has stops; stop levels.

    An account is safe while no driver has moved further than its slack; below 0 it is due.
    """
    book, x, p = margin.book, margin.lines, margin.book.positions
    m = len(book.accounts)
    z = x.z * x.u
    steepest = 1.0 + x.rates.max(axis=1)[x.table] + x.add
    reach = np.bincount(p.account, np.abs(z) * steepest, m).astype(np.float64)
    slack = margin.accounts_state().excess
    wait = np.where(slack > k.TIE * reach, slack / np.maximum(reach, 1e-300), -1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        level = drivers(p.stop, book.inverse()) / x.u
    has = ~np.isnan(level)
    stops = np.zeros(m, dtype=np.bool_)
    stops[p.account[has]] = True
    gap = np.where(z > 0, 1.0 - level, level - 1.0)
    np.minimum.at(wait, p.account[has], gap[has])
    return np.where(wait > 0, wait * (1.0 - 1e-9), -1.0), reach, stops, level


def _rounded_down(wait: Floats) -> NDArray[np.float32]:
    """Single precision, never later than it was: the alarms are read every round."""
    return np.nextafter(wait.astype(np.float32), np.float32(-np.inf), dtype=np.float32)


def _modes(margin: MarginBook) -> NDArray[np.int8]:
    """How each requirement follows the size; see the kernels' BY_VALUE and its neighbours."""
    by_contracts = np.array([s.unit is TierUnit.CONTRACTS for s in margin.schedules])
    entry = [t.margin.maintenance_basis is MaintenanceBasis.ENTRY for t in margin.terms]
    at_entry = np.array(entry)[margin.venue_of_positions()]
    by_size = np.where(by_contracts[margin.schedule], k.BY_CONTRACTS, k.BY_VALUE)
    return np.where(at_entry, k.AT_ENTRY, by_size).astype(np.int8)


def _rules(margin: MarginBook, partial: bool) -> Any:
    longest = max(len(s.floors) for s in margin.schedules)
    floors = np.full((len(margin.schedules), longest), np.inf)
    ladders = np.zeros((len(margin.schedules), 2, longest))
    for row, s in enumerate(margin.schedules):
        n = len(s.floors)
        floors[row, :n] = s.floors
        ladders[row, 0, :n], ladders[row, 1, :n] = s.deductions, s.rates
    terms = [t.liquidation for t in margin.terms]
    # without partial steps and stops no column of a joint account ever changes
    whole = not partial and bool(np.isnan(margin.book.positions.stop).all())
    return k.Rules(
        whole=whole,
        steps=np.array([[_STEPS[t.partial] if partial else k.FULL, t.tiers] for t in terms]),
        rates=np.array([[t.fraction, t.threshold_usd] for t in terms]),
        fees=np.array([t.fee for t in terms]),
        lines=np.stack([margin.lines.rates, margin.lines.deductions]),
        floors=floors,
        ladders=ladders,
    )
