"""Who bears what in a run: traders by what befell them, funds, everyone else."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seawall.core import _columns as c
from seawall.sim.measures import FORCED
from seawall.sim.run import Run

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

TRADERS = ("liquidated", "deleveraged", "stopped", "others")
GROUPS = (*TRADERS, "funds", "outside")
"""Liquidated traders; those auto-deleveraged or made to share a loss; those whose stop was hit
and no more; all other traders of the book; the venues' funds; makers, behaviours and fees."""


@dataclass(frozen=True, slots=True)
class Bearer:
    """What one group won (> 0) or lost, USD, margin added by traders apart.

    ``accounts`` is 0 for groups that are none of the book's.
    """

    group: str
    accounts: int
    before_usd: float
    gain_usd: float


def who_pays(run: Run, equity_before: Floats) -> tuple[Bearer, ...]:
    """Gains by group; they sum to zero.

    Parameters
    ----------
    run
        The run.
    equity_before
        Shape (m,): USD equity of each account at the start.
    """
    gain = run.equity - equity_before - added(run)
    rows = []
    for name, mine in groups_of(run).items():
        rows.append(
            Bearer(
                name,
                int(mine.sum()),
                float(equity_before[mine].sum()),
                float(gain[mine].sum()),
            )
        )
    start, end = run.fund_start, run.fund_end
    rows.append(Bearer("funds", 0, float(start.sum()), float((end - start).sum())))
    rest = -sum(row.gain_usd for row in rows)
    rows.append(Bearer("outside", 0, float("nan"), rest))
    return tuple(rows)


def groups_of(run: Run) -> dict[str, Flags]:
    """Shape (m,) each: which accounts belong to each group of traders; each to one."""
    m = len(run.equity)
    left = np.ones(m, dtype=np.bool_)
    found = {}
    for name, kinds in (
        ("liquidated", FORCED),
        ("deleveraged", (c.ADL, c.SOCIALISED)),
        ("stopped", (c.STOPPED, c.DELEVERAGED)),
    ):
        mine = np.zeros(m, dtype=np.bool_)
        mine[run.events.of(*kinds).account] = True
        found[name] = mine & left
        left &= ~mine
    return found | {"others": left}


def added(run: Run) -> Floats:
    """Shape (m,): USD that each trader added when called."""
    rows = run.events.of(c.ADDED)
    return np.bincount(rows.account, rows.usd, len(run.equity)).astype(np.float64)


@dataclass(frozen=True, slots=True)
class Waterfall:
    """Losses beyond collateral of one venue, USD, and who met them.

    Attributes
    ----------
    venue
        Rulebook name.
    deficits
        By how much failed accounts were below zero when closed or taken over.
    given_up
        What auto-deleveraged winners gave up: the gap between the mark then and the price at
        which they were closed; < 0 if they gained by it.
    socialised
        What winners paid in cash.
    bad_debt
        What nobody paid: by how much the fund is below zero at the end.
    fund_start, fund_lowest, fund_end
        The fund, its inventory at the mark: before the first step, lowest of the recorded rows and
        the two ends, after the last step.
    adl_usd
        USD closed by auto-deleveraging.
    """

    venue: str
    deficits: float
    given_up: float
    socialised: float
    bad_debt: float
    fund_start: float
    fund_lowest: float
    fund_end: float
    adl_usd: float

    @property
    def by_fund(self) -> float:
        """What is left to the fund: deficits less what others met, 0 or more."""
        return max(0.0, self.deficits - max(self.given_up, 0.0) - self.socialised - self.bad_debt)


def waterfalls(run: Run) -> tuple[Waterfall, ...]:
    """The waterfall of losses by venue, in the floor's order."""
    names = run.floor.venues
    n = len(names)
    draw, deleveraged = run.events.of(c.FUND_DRAW), run.events.of(c.ADL)
    paid = run.events.of(c.SOCIALISED)
    deficits = np.bincount(draw.venue, draw.usd, n)
    socialised = np.bincount(paid.venue, paid.usd, n)
    closed = np.bincount(deleveraged.venue, deleveraged.usd, n)
    low = np.vstack((run.fund_start, run.fund, run.fund_end)).min(axis=0)
    return tuple(
        Waterfall(
            venue=names[v],
            deficits=float(deficits[v]),
            given_up=float(run.given_up[v]),
            socialised=float(socialised[v]),
            bad_debt=float(run.bad_debt[v]),
            fund_start=float(run.fund_start[v]),
            fund_lowest=float(low[v]),
            fund_end=float(run.fund_end[v]),
            adl_usd=float(closed[v]),
        )
        for v in range(n)
    )
