"""Sharing out what a venue has taken over, by its loss rule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seawall.core import InternalError
from seawall.core import _columns as c
from seawall.rulebook.losses import Claim, Opposite
from seawall.sim import _engine, _settling
from seawall.sim import _layout as layout

if TYPE_CHECKING:
    from seawall.sim.engine import Simulation

Floats = NDArray[np.float64]


PEAK_HOURS = 8.0
"""Time over which a fund's peak is taken, as OKX and Bybit do (venue terms: drawdown)."""

_MINUTES = int(PEAK_HOURS * 60.0)


class FundPeaks:
    """The funds' highest worth of the last eight hours, by minutes.

    Looked at whenever a claim arises and when funding is paid. ``seen`` has a row a minute, the
    oldest overwritten: its number, then the highest worth of each fund in it, USD.
    """

    def __init__(self, worth: Floats):
        self.seen = np.full((_MINUTES + 1, 1 + len(worth)), -np.inf)
        self.see(0.0, worth)

    def see(self, second: float, worth: Floats) -> None:
        """Take note of what the funds are worth, shape (V,), USD."""
        minute = second // 60.0
        row = self.seen[int(minute) % len(self.seen)]
        if row[0] == minute:
            worth = np.maximum(worth, row[1:])
        row[0], row[1:] = minute, worth

    def peak(self, second: float) -> Floats:
        """Shape (V,): highest worth seen in the eight hours before, USD."""
        recent = self.seen[:, 0] >= second // 60.0 - _MINUTES
        return np.asarray(self.seen[recent, 1:].max(axis=0))


def share_out(run: Simulation) -> None:
    """Apply each venue's loss rule to what it took over in the last step, side by side."""
    w = run.world
    worth = run.fund_worth()
    run.peaks.see(run.second, worth)
    taken = w.claims[:, :, layout.C_QUANTITY]
    closing = set()
    for m, side in zip(*np.nonzero(taken), strict=True):
        venue = int(w.markets[m, c.VENUE])
        rule = run.rules[venue]
        claim = _claim(run, int(m), int(side), float(worth[venue]))
        if claim is None:
            continue
        run.triggered[m] = rule.triggered(claim)
        if not run.triggered[m]:
            continue
        rows, opposite = _opposite(w, int(m), claim)
        if not len(rows):
            continue
        rng = run._rng(f"losses {m} {side} {run.step}")
        found = rule.allocate(claim, opposite, rng)
        closed = np.minimum(found.closed, opposite.quantity)
        if not (closed.sum() <= abs(claim.quantity) * (1 + 1e-9) and (closed >= 0).all()):
            raise InternalError(f"loss rule {type(rule).__name__} closes more than it may")
        _settling.deleverage(int(m), rows, closed, float(found.price), found.paid, w, run.plan)
        w.claims[m, side] = 0.0
        worth = run.fund_worth()
        closing.add(venue)
    for venue in closing:
        run.fund_after[venue] = worth[venue]
    w.claims[:] = 0.0
    run._drain()


def _claim(run: Simulation, m: int, side: int, worth: float) -> Claim | None:
    w = run.world
    taken, other = (float(w.claims[m, s, layout.C_QUANTITY]) for s in (side, 1 - side))
    way = 1.0 if side == 0 else -1.0
    # no more than what the fund holds of it: its inventory nets both sides
    share = min((max(way * float(w.fund_held[m]), 0.0) + other) / taken, 1.0)
    if share <= 0.0:
        return None
    inverse = bool(w.markets[m, c.INVERSE] > 0)
    mean = float(w.claims[m, side, layout.C_BANKRUPT]) / taken
    return Claim(
        quantity=way * share * taken,
        bankruptcy=(1.0 / mean if inverse and mean > 0 else mean),
        mark=float(w.markets[m, c.MARK]),
        mark_before=float(w.markets[m, c.MARK_BEFORE]),
        deficit=share * float(w.claims[m, side, layout.C_DEFICIT]),
        below=share * float(w.claims[m, side, layout.C_BELOW]),
        fund=worth,
        fund_peak=float(run.peaks.peak(run.second)[venue_of(w, m)]),
        fund_after=float(run.fund_after[venue_of(w, m)]),
        fund_start=float(run.fund_start[venue_of(w, m)]),
        inverse=inverse,
        was_triggered=bool(run.triggered[m]),
    )


def venue_of(w: Any, m: int) -> int:
    """Index of a market's venue."""
    return int(w.markets[m, c.VENUE])


def _opposite(w: Any, m: int, claim: Claim) -> tuple[Any, Opposite]:
    """Open positions against the claim, and what their accounts are worth."""
    rows = w.by_market[w.by_market_start[m] : w.by_market_start[m + 1]]
    inverse = claim.inverse
    way = -1.0 if inverse else 1.0
    size = way * w.pf[rows, c.Z]
    state = w.ai[w.pi[rows, c.P_ACCOUNT], c.A_STATE]
    rows = rows[(size * claim.quantity < 0) & (state == c.ALIVE)]
    account = w.pi[rows, c.P_ACCOUNT].astype(np.int64)
    equity, need, gross = (np.empty(len(rows)) for _ in range(3))
    _engine.worth_of(w, account, equity, need, gross)
    z, u0 = w.pf[rows, c.Z], w.pf[rows, c.U0]
    mark = claim.mark
    u = 1.0 / mark if inverse else mark
    coin = mark if inverse else 1.0
    pnl = z * (u - u0) * coin
    quantity = np.abs(z)
    return rows, Opposite(
        quantity=quantity,
        side=-float(np.sign(claim.quantity)),
        entry=1.0 / u0 if inverse else u0,
        mark=mark,
        notional=quantity if inverse else quantity * mark,
        cost=quantity * u0 * coin,
        pnl=pnl,
        balance=equity * coin - pnl,
        equity=equity * coin,
        maintenance=need * coin,
        gross=gross * coin,
    )
