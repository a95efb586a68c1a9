"""What each position contributes to its account's margin ratio."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seawall.desk.copies import Copies
from seawall.margin import MarginBook

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_STEP = 1e-6
"""Share of a position that is closed to see how the ratio answers."""


@dataclass(frozen=True, slots=True, eq=False)
class Contributions:
    """Positions of some accounts and their part in the margin ratio. Arrays have shape (P,).

    Attributes
    ----------
    position
        Place in the book's columns.
    account
        Its margin account.
    part
        Its maintenance margin over the account's equity: adds up to the ratio over the account.
    marginal
        By how much the ratio falls at first with each part of the position closed at mark,
        without fees: 0.3 is 3 points for a tenth of it. Below 0 where closing raises it.
    without
        The ratio once the position is closed at mark.
    """

    position: Ints
    account: Ints
    part: Floats
    marginal: Floats
    without: Floats


def contributions(margin: MarginBook, accounts: Ints) -> Contributions:
    """Each position's part in the margin ratio of its account, of the accounts given.

    Closing at mark leaves the equity as it is, so that the ratio answers to the maintenance
    margin alone; brackets make ``marginal`` exceed ``part`` where the position is large.
    """
    found = Copies(margin, accounts)
    copies = Copies(margin, accounts[found.owner])
    mine = copies.position == np.repeat(found.position, copies.counts)

    def ratio(closed: float) -> Floats:
        keep = np.where(mine, 1.0 - closed, 1.0)
        own = margin.balance[copies.accounts]
        own = own + np.bincount(
            copies.owner, np.where(mine, margin.pnl()[copies.position], 0.0) * closed, len(copies)
        )
        equity, need = copies.standing(keep, own)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(equity > 0, need / equity, np.inf)

    equity, _ = found.standing()
    with np.errstate(divide="ignore", invalid="ignore"):
        part = margin.need()[found.position] / equity[found.owner]
        marginal = (ratio(0.0) - ratio(_STEP)) / _STEP
    part = np.where(equity[found.owner] > 0, part, np.inf)
    alone = found.counts[found.owner] == 1
    return Contributions(
        position=found.position,
        account=accounts[found.owner],
        part=part,
        marginal=marginal,
        without=np.where(alone, 0.0, ratio(1.0)),
    )
