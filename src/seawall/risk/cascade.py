"""The static cascade: from a shock to the prices at which nothing more falls.

Defined in ``docs/methods/cascade.md``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seawall.core import InputError, InternalError, Mistake
from seawall.liquidity import EMPIRICAL, Assumed, ImpactLaw, depth_of
from seawall.margin import MarginBook
from seawall.risk import _kernels, _tally
from seawall.risk import _layout as layout
from seawall.risk.closings import Closings, Tally, tally
from seawall.risk.deleveraging import Fallen
from seawall.risk.ledger import Ledger, build_ledger
from seawall.risk.waterfall import Settlement, funds_of, settle

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_ROUNDS = 256
_MOST_ROUNDS = 1 << 20


@dataclass(frozen=True, eq=False)
class Cascade:
    """One shock and what came of it.

    Attributes
    ----------
    ledger
        The book it ran on.
    shock
        Shape (A,): price factor of the shock, 0.9 for -10%.
    depth
        Shape (A,): USD within 1% of mid that was left to trade against.
    law
        Impact law used.
    factor
        Shape (R + 1, A): price factors at which each round marks; the last row is at rest.
    forced, stopped
        Shape (R, A): USD liquidated and stopped out by round and asset.
    closings
        Every closing by row.
    turn
        Shape (m,): round in which each margin account was first liquidated; 0 if it was not.
    closed
        Shape (m,): whether the account holds nothing any more.
    equity
        Shape (m,): USD equity of every account: at its last closing, or at rest prices if it
        still holds positions; before the waterfall (``settlement.transfer``).
    fallen
        What was closed, as the waterfall takes it.
    fund
        Insurance fund it was asked with.
    """

    ledger: Ledger
    shock: Floats
    depth: Floats
    law: ImpactLaw
    factor: Floats
    forced: Floats
    stopped: Floats
    closings: Closings
    turn: Ints
    closed: NDArray[np.bool_]
    equity: Floats
    fallen: Fallen
    fund: float | Mapping[str, float] | None

    @cached_property
    def settlement(self) -> Settlement:
        """Who pays for losses beyond collateral; settled when first asked for."""
        return settle(self.margin, self.fallen, self.fund)

    @cached_property
    def tally(self) -> Tally:
        """The closings by round, asset and venue."""
        return tally(self.margin, self.closings, self.turn, self.rounds)

    def losses(self, before: Floats) -> tuple[Floats, Ints]:
        """Who loses what: accounts liquidated, deleveraged, only stopped out, all others.

        ``before`` has shape (m,), USD equity before the shock. Shape (4, 4): USD equity before,
        what the market and what the waterfall changed, equity after; shape (4,): traders.
        """
        account, settlement = self.margin.book.positions.account, self.settlement
        cut, stopped = (np.zeros(len(before), dtype=np.bool_) for _ in range(2))
        cut[account[np.flatnonzero(settlement.adl_usd)]] = True
        stopped[self.closings.account[self.closings.stop]] = True
        sums, traders = np.zeros((4, 4)), np.zeros(4, dtype=np.int64)
        _tally.losses(
            self.turn,
            cut,
            stopped,
            before,
            self.equity,
            settlement.transfer,
            self.margin.holders,
            sums,
            traders,
        )
        return sums, traders

    def deficits(self) -> Floats:
        """Shape (V,): USD by which accounts of each venue fell below zero when closed."""
        venue = self.margin.book.accounts.venue[self.fallen.account]
        short = np.maximum(-self.fallen.equity, 0.0)
        return np.bincount(venue, short, len(self.margin.book.venues)).astype(np.float64)

    @property
    def margin(self) -> MarginBook:
        """The book before the shock."""
        return self.ledger.margin

    @property
    def rounds(self) -> int:
        """Rounds in which something was closed."""
        return len(self.forced)

    @property
    def forced_usd(self) -> float:
        """USD liquidated in all rounds."""
        return float(self.forced.sum())

    @property
    def first_round_usd(self) -> float:
        """USD liquidated by the shock alone."""
        return float(self.forced[0].sum()) if self.rounds else 0.0

    @property
    def multiplier(self) -> float | None:
        """Forced notional over that of the shock alone; None if the shock alone forces none."""
        return self.forced_usd / self.first_round_usd if self.first_round_usd > 0 else None

    @cached_property
    def liquidated(self) -> Ints:
        """Margin accounts that were liquidated, in part or in full."""
        return np.flatnonzero(self.turn > 0)

    @property
    def accounts_liquidated(self) -> int:
        """Distinct traders, by venue, with at least one liquidation."""
        return int(self.tally.of_venue.sum())


@dataclass(frozen=True, slots=True, eq=False)
class _End:
    """Accounts at rest: USD equity, whether closed, last round, USD fees and liquidated, first."""

    equity: Floats
    closed: NDArray[np.bool_]
    last: Ints
    fee: Floats
    forced: Floats
    turn: Ints


class StaticCascade:
    """A book prepared for any number of shocks.

    Parameters
    ----------
    margin
        The book under its rules.
    depth
        USD resting within 1% of mid by asset, all venues together; dated defaults for assets
        not given.
    law
        Impact law; the empirical one by default.
    partial
        Use the venues' partial liquidation steps instead of closing accounts in full.
    """

    def __init__(
        self,
        margin: MarginBook,
        depth: Mapping[str, float] | None = None,
        law: ImpactLaw = EMPIRICAL,
        partial: bool = False,
    ):
        self.ledger = build_ledger(margin, partial)
        self.assumed_depth: Assumed = depth_of(margin.book.assets, depth)
        self.law = law

    @property
    def assets(self) -> tuple[str, ...]:
        """Underlyings, in the order of every array by asset."""
        return self.ledger.assets

    def factors(self, shock: Mapping[str, float]) -> Floats:
        """Price factors of a shock given as relative changes by asset; ``ALL`` for the rest.

        Raises
        ------
        InputError
            If an asset is not in the book, or a change is not above -100%.
        """
        known = (*self.assets, "ALL")
        mistakes = [
            Mistake(
                "shock of an asset that is not in the book",
                "--shock",
                value=a,
                allowed=", ".join(known[:20]),
            )
            for a in shock
            if a not in known
        ]
        mistakes += [
            Mistake(
                "shock out of range", "--shock", column=a, value=f"{v:g}", allowed="above -100%"
            )
            for a, v in shock.items()
            if not (np.isfinite(v) and v > -1.0)
        ]
        if mistakes:
            raise InputError(mistakes)
        rest = shock.get("ALL", 0.0)
        return np.array([1.0 + shock.get(a, rest) for a in self.assets])

    def run(
        self,
        shock: Mapping[str, float] | Floats,
        fund: float | Mapping[str, float] | None = None,
        law: ImpactLaw | None = None,
    ) -> Cascade:
        """One cascade with every closing, account and payment.

        ``shock`` holds relative changes by asset (-0.1 is -10%), or price factors as an array.

        Raises
        ------
        InputError
            As :meth:`factors`, or if the array is not one factor above 0 for each asset.
        """
        law = law or self.law
        if isinstance(shock, Mapping):
            factors = self.factors(shock)
        else:
            factors = np.asarray(shock, dtype=np.float64)
            sound = factors.shape == (len(self.assets),)
            if not sound or not np.all(np.isfinite(factors) & (factors > 0)):
                allowed = f"one finite factor above 0 for each of {', '.join(self.assets[:20])}"
                raise InputError(Mistake("price factors", value=str(shock), allowed=allowed))
        funds_of(self.ledger.margin.terms, fund)  # a wrong fund is refused before the work
        depth = self.assumed_depth.values * law.remaining
        ledger = self.ledger
        work = ledger.borrow()
        rows, room = _ROUNDS, 2 * len(ledger.joint_positions) + 16
        while True:
            path, events = ledger.path(rows), new_events(room)
            count = _kernels.cascade(
                factors,
                depth,
                law.exponent,
                ledger.groups,
                ledger.joint,
                ledger.rules,
                work,
                events,
                path,
                *scratch(ledger),
            )
            if count >= 0 and events.count[0] <= room:
                break
            _kernels.restore(ledger.joint, ledger.rules, work)
            rows, room = rows * 4, max(room, int(events.count[0]))
            if rows > _MOST_ROUNDS:
                raise InternalError(f"the cascade did not come to rest in {_MOST_ROUNDS} rounds")
        found = self._collect(factors, depth, law, fund, work, path, events, int(count))
        _kernels.restore(ledger.joint, ledger.rules, work)
        ledger.give_back(work)
        return found

    def _collect(
        self,
        factors: Floats,
        depth: Floats,
        law: ImpactLaw,
        fund: float | Mapping[str, float] | None,
        work: Any,
        path: Any,
        events: Any,
        count: int,
    ) -> Cascade:
        ledger = self.ledger
        factor = path.factor[: count + 1].copy()
        end, closings = _ends(ledger, path, events, work, count)
        turn = end.turn
        # an account counts in the waterfall if it was liquidated, or a stop left it below zero
        out = np.flatnonzero((turn > 0) | (end.closed & (end.equity < 0)))
        equity, forced = end.equity[out], end.forced[out]
        # a rounding is no deficit: whole positions would be deleveraged against it
        real = end.closed[out] & (np.abs(equity) > layout.TIE * forced)
        fallen = Fallen(
            account=out,
            turn=end.last[out],
            equity=np.where(real, equity, 0.0),
            notional=forced,
            fee_paid=end.fee[out],
            position=closings.position,
            position_account=closings.account,
            position_turn=closings.turn,
            position_usd=closings.usd,
            factor=factor,
        )
        return Cascade(
            ledger=ledger,
            shock=factors,
            depth=depth,
            law=law,
            factor=factor,
            forced=path.forced[:count].copy(),
            stopped=path.stopped[:count].copy(),
            closings=closings,
            turn=turn,
            closed=end.closed,
            equity=end.equity,
            fallen=fallen,
            fund=fund,
        )


def scratch(ledger: Ledger) -> tuple[Ints, Floats, Floats]:
    """Pointers by group, flows by asset and factors by driver for one run."""
    a = len(ledger.assets)
    return np.zeros(len(ledger.groups.asset), dtype=np.int64), np.zeros(a), np.ones(2 * a)


def new_events(room: int) -> Any:
    """Room to write closings down; none are written with ``room`` 0."""
    return layout.Events(
        record=room > 0,
        count=np.zeros(1, dtype=np.int64),
        turn=np.zeros(room, dtype=np.int32),
        position=np.zeros(room, dtype=np.int64),
        usd=np.zeros(room),
        stop=np.zeros(room, dtype=np.bool_),
    )


def _ends(ledger: Ledger, path: Any, events: Any, work: Any, count: int) -> tuple[_End, Closings]:
    """Where accounts stand when prices are at rest, and all closings in the order of rounds."""
    m, groups = len(ledger.margin.book.accounts), ledger.groups
    factor, bounds = path.factor[: count + 1], path.bounds[: count + 1]
    end = _End(
        equity=np.zeros(m),
        closed=np.zeros(m, dtype=np.bool_),
        last=np.zeros(m, dtype=np.int64),
        fee=np.zeros(m),
        forced=np.zeros(m),
        turn=np.zeros(m, dtype=np.int64),
    )
    columns = (end.equity, end.fee, end.closed, end.last)
    rows, mark = ledger.joint_accounts, ledger.joint_mark
    _kernels.end_of_joint(ledger.joint, work, factor, rows, mark, end.turn, columns)
    lone = int((bounds[-1] - bounds[0])[~groups.waking].sum())
    most = lone + int(events.count[0])
    position, account, turn = (np.empty(most, dtype=np.int64) for _ in range(3))
    closings = Closings(turn, position, account, np.empty(most), np.empty(most, dtype=np.bool_))
    _kernels.end_of_lone(
        groups,
        bounds,
        factor,
        ledger.lone,
        ledger.lone_fee,
        ledger.partial,
        end.turn,
        (*columns, end.forced),
        events,
        ledger.joint_positions,
        ledger.margin.book.positions.account,
        (position, account, turn, closings.usd, closings.stop),
    )
    return end, closings
