"""What an allocation costs whom, so that rules can be compared on one and the same event."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from seawall.rulebook.losses import Allocation, Claim, Opposite

Floats = NDArray[np.float64]


class Coverage(StrEnum):
    """Whether the winners' profits can bear a deficit."""

    COVERABLE = "coverable"
    """The share of the deficit to be borne is at most the winners' profits."""
    SOLVENT = "solvent_not_coverable"
    """Profits do not suffice; winners' equity exceeds the deficit, so the venue is solvent."""
    INSOLVENT = "insolvent"
    """The deficit is at least all equity of the winners: no sharing of losses mends that."""


def coverage(deficit: float, pnl: Floats, equity: Floats, severity: float = 1.0) -> Coverage:
    """Where a market stands between coverable and insolvent.

    Parameters
    ----------
    deficit
        ``D``: USD by which fallen accounts are below zero, the fund's part already taken off.
    pnl, equity
        Unrealised profit of the positions and equity of the accounts that can be asked, USD.
        ``U`` is the sum of the profits above 0, ``W`` of the equities above 0.
    severity
        ``theta``, 0 to 1: share of the deficit that shall be borne.

    Source: Chitra et al., arXiv 2602.15182 section 2.6 and eq. 7 (``theta D <= U``); Chitra,
    arXiv 2512.01112 section 2.4 (insolvent where ``D >= W``).
    """
    if severity * deficit <= float(np.maximum(pnl, 0.0).sum()):
        return Coverage.COVERABLE
    wealth = float(np.maximum(equity, 0.0).sum())
    return Coverage.SOLVENT if deficit < wealth else Coverage.INSOLVENT


def cost_of_closing(price: float, mark: float, side: float, inverse: bool = False) -> float:
    """USD given up per base unit when a position of ``side`` is closed at ``price``, not ``mark``.

    Below 0 where the price is better than the mark; 0 where a price is missing or not above 0.
    """
    if not (np.isfinite(price) and np.isfinite(mark) and price > 0 and mark > 0):
        return 0.0
    return float(-side * (1.0 - mark / price if inverse else price - mark))


def given_up(
    closed: Floats, price: float, mark: float, side: float, inverse: bool = False
) -> Floats:
    """USD that each closed position loses by its price against a mark, > 0 is a loss.

    With the mark of a later moment it is the markout: what the position would have earned since.
    """
    return np.asarray(closed * cost_of_closing(price, mark, side, inverse))


def deleveraged_profit(allocation: Allocation, opposite: Opposite) -> Floats:
    """USD of unrealised profit that each row loses by force: of what is closed, and cash paid.

    A closed position's profit is paid out at the price of closing, not confiscated; what is
    lost is the position. :func:`given_up` says what it costs in money.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(opposite.quantity > 0, allocation.closed / opposite.quantity, 0.0)
    return np.asarray(np.maximum(opposite.pnl, 0.0) * share + allocation.paid)


def overshoot(taken: float, needed: float) -> float:
    """USD taken from winners beyond what is needed, >= 0.

    Source: Chitra et al., arXiv 2602.15182 section 3.7: ``[H - B_needed]+``.
    """
    return max(taken - needed, 0.0)


@dataclass(frozen=True, slots=True)
class Burden:
    """What an allocation asks of the winners, USD unless said otherwise.

    Attributes
    ----------
    closed
        Base quantity closed.
    given_up, paid
        By the price of closing against the mark (< 0 where it is better), and in cash.
    profit
        Unrealised profit that is closed or paid.
    overshoot
        ``profit`` beyond what is needed, as :func:`burden` was told.
    accounts
        Rows touched.
    worst
        Greatest share of its profit that any row loses, 0 to 1.
    """

    closed: float
    given_up: float
    paid: float
    profit: float
    overshoot: float
    accounts: int
    worst: float


def burden(
    claim: Claim, opposite: Opposite, allocation: Allocation, needed: float | None = None
) -> Burden:
    """Measure an allocation of a claim; ``needed`` is what the overshoot is counted from.

    None is the claim's deficit. To compare rules on one event give what the fund cannot bear.
    """
    lost = given_up(
        allocation.closed, allocation.price, claim.mark, opposite.side, claim.inverse
    ).sum()
    profit = deleveraged_profit(allocation, opposite)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(opposite.pnl > 0, profit / opposite.pnl, 0.0)
    return Burden(
        closed=float(allocation.closed.sum()),
        given_up=float(lost),
        paid=float(allocation.paid.sum()),
        profit=float(profit.sum()),
        overshoot=overshoot(float(profit.sum()), claim.deficit if needed is None else needed),
        accounts=int(np.count_nonzero((allocation.closed > 0) | (allocation.paid > 0))),
        worst=float(share.max(initial=0.0)),
    )
