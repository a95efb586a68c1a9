"""How far joint accounts are from falling: what decides when a cascade marks them again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seawall.core import MaintenanceBasis, TierUnit
from seawall.margin import MarginBook, drivers
from seawall.risk import _layout as layout
from seawall.risk._watch import reaches

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Watch:
    """What decides when joint accounts are marked; shape (m,), but ``level`` (n,).

    USD (or coin) each loses as all drivers fall or rise by 1, the sum of these at which it is
    due, whether it has stops; the stops as driver factors.
    """

    fall: Floats
    rise: Floats
    alarm: Floats
    stops: NDArray[np.bool_]
    level: Floats


def watch(margin: MarginBook, excess: Floats, members: Ints) -> Watch:
    """Slack of the accounts that hold ``members``; ``excess`` (m,) is equity above maintenance."""
    book, x, p = margin.book, margin.lines, margin.book.positions
    m, account = len(book.accounts), p.account[members]
    z, fall, rise = (x.z * x.u)[members], np.zeros(m), np.zeros(m)
    moving = modes(margin)[members] == layout.BY_VALUE
    tables = (x.rates, x.deductions, x.curves)
    reaches(z, x.table[members], x.add[members], moving, account, *tables, fall, rise)
    slack = excess.copy()
    level = np.full(len(book), np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        level[members] = (drivers(p.stop, book.inverse()) / x.u)[members]
    has = ~np.isnan(level[members])
    stops = np.zeros(m, dtype=np.bool_)
    stops[account[has]] = True
    long = z > 0
    way = np.where(long, 1.0 - level[members], level[members] - 1.0)
    loss = way * np.where(long, fall[account], rise[account])
    due = slack <= layout.TIE * (fall + rise)
    np.minimum.at(slack, account[has], loss[has])
    alarm = np.where(due | (slack <= 0), -1.0, slack * (1.0 - 1e-6))
    return Watch(fall, rise, alarm, stops, level)


def modes(margin: MarginBook) -> NDArray[np.int8]:
    """How each requirement follows the size; see the kernels' BY_VALUE and its neighbours."""
    by_contracts = np.array([s.unit is TierUnit.CONTRACTS for s in margin.schedules])
    entry = [t.margin.maintenance_basis is MaintenanceBasis.ENTRY for t in margin.terms]
    at_entry = np.array(entry)[margin.venue_of_positions()]
    by_size = np.where(by_contracts[margin.schedule], layout.BY_CONTRACTS, layout.BY_VALUE)
    by_size = np.where(margin.lines.grown > 0.0, layout.BY_UNITS, by_size)
    return np.where(at_entry, layout.AT_ENTRY, by_size).astype(np.int8)
