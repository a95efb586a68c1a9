"""Sharing out what a venue has taken over, by its loss rule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seawall.core import InternalError
from seawall.core import _columns as c
from seawall.rulebook.losses import Claim, Opposite, given_up
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
    """Apply each venue's loss rule to what it has taken over in this step, side by side.

    At the marks at which it was taken over. Where a fund is below its limit the rule is asked in
    every market in which the fund holds something, and that it was is judged once, before what
    one market brings in counts in the next.
    """
    w = run.world
    worth = run.fund_worth()
    run.peaks.see(run.second, worth)
    spent = worth < w.venues[:, layout.V_LIMIT]
    closing = set(np.flatnonzero(spent).tolist())
    for m, side in _asked(w, spent):
        venue = venue_of(w, m)
        claim = _claim(run, m, side, float(worth[venue]), bool(spent[venue]))
        if claim is None:
            continue
        rule = run.rules[venue]
        run.triggered[m, side] = rule.triggered(claim)
        if not run.triggered[m, side]:
            continue
        rows, opposite = _opposite(w, m, claim)
        if not len(rows):
            continue
        found = rule.allocate(claim, opposite, run._rng(f"losses {m} {side} {run.step}"))
        closed = np.minimum(found.closed, opposite.quantity)
        if not (closed.sum() <= claim.inventory() * (1 + 1e-9) and (closed >= 0).all()):
            raise InternalError(f"loss rule {type(rule).__name__} closes more than it may")
        price = float(found.price)
        lost = given_up(closed, price, claim.mark, opposite.side, claim.inverse)
        run.given_up[venue] += lost.sum()
        _settling.deleverage(m, rows, closed, price, found.paid, w, run.plan)
        worth = run.fund_worth()
        closing.add(venue)
    for venue in closing:
        run.fund_after[venue] = worth[venue]
    set_limits(run)
    w.claims[:] = 0.0
    run._drain()


def set_limits(run: Simulation) -> None:
    """Have the engine look for funds that fall below what their rules let them lose."""
    for v, rule in enumerate(run.rules):
        limit = rule.limit(float(run.fund_start[v]), float(run.fund_after[v]))
        run.world.venues[v, layout.V_LIMIT] = limit


def _asked(w: Any, spent: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Markets and sides (0 longs, 1 shorts) for which rules are asked."""
    asked = w.claims[:, :, layout.C_QUANTITY] > 0.0
    venue = w.markets[:, c.VENUE].astype(np.int64)
    held = np.stack((w.fund_held > 0.0, w.fund_held < 0.0), axis=1)
    asked |= held & (spent[venue] & (w.markets[:, c.SPOT] == 0.0))[:, None]
    return [(int(m), int(side)) for m, side in zip(*np.nonzero(asked), strict=True)]


def _claim(run: Simulation, m: int, side: int, worth: float, spent: bool) -> Claim | None:
    w = run.world
    taken, other = (float(w.claims[m, s, layout.C_QUANTITY]) for s in (side, 1 - side))
    way = 1.0 if side == 0 else -1.0
    # its inventory nets both sides
    held = max(way * float(w.fund_held[m]), 0.0) + other
    if held <= 0.0:
        return None
    share = min(held / taken, 1.0) if taken > 0.0 else 0.0
    inverse = bool(w.markets[m, c.INVERSE] > 0)
    mean = float(w.claims[m, side, layout.C_BANKRUPT]) / taken if taken > 0.0 else 0.0
    return Claim(
        quantity=way * share * taken,
        bankruptcy=(1.0 / mean if inverse and mean > 0 else mean),
        mark=float(w.markets[m, c.MARK]),
        mark_before=float(w.markets[m, c.MARK_BEFORE]),
        deficit=share * float(w.claims[m, side, layout.C_DEFICIT]),
        below=share * float(w.claims[m, side, layout.C_BELOW]),
        held=way * max(way * float(w.fund_held[m]), share * taken),
        fund=worth,
        fund_peak=float(run.peaks.peak(run.second)[venue_of(w, m)]),
        fund_after=float(run.fund_after[venue_of(w, m)]),
        fund_start=float(run.fund_start[venue_of(w, m)]),
        inverse=inverse,
        spent=spent,
        was_triggered=bool(run.triggered[m, side]),
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
    rows = rows[(size * claim.side() < 0) & (state == c.ALIVE)]
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
        side=-claim.side(),
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
