"""What stablecoins and a venue that fail add to the risk of an allocation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seawall.desk.optimise import StressDay

Floats = NDArray[np.float64]

TAIL = 0.05
"""Share of the days, the worst ones, over which a shortfall is the mean."""


@dataclass(frozen=True, slots=True)
class EventRisk:
    """Expected shortfall of days with the events among them, and whose it is.

    Attributes
    ----------
    shortfall
        Mean loss of the worst twentieth, a fraction of equity.
    shares
        Shape (A,): each asset's part of it; with ``venue`` they sum to 1.
    venue
        The failing venue's part.
    """

    shortfall: float
    shares: Floats
    venue: float


def event_risk(
    returns: Floats,
    exposure: Floats,
    assets: Sequence[str],
    stress: Sequence[StressDay],
    venue_a_day: float,
    venue_lost: float,
) -> EventRisk:
    """The shortfall of a history to which rare days are added, each with its own probability.

    Parameters
    ----------
    returns
        Shape (D, A): relative changes day by day, each as likely as the others.
    exposure
        Shape (A,): weight over equity, leverage included.
    stress
        Days on which a stablecoin breaks.
    venue_a_day, venue_lost
        Probability a day that the venue fails, and the fraction of the equity lost with it.
    """
    added = [[day.change.get(a, 0.0) for a in assets] for day in stress]
    rows = np.vstack((returns, *[np.array([row]) for row in added]))
    rare = np.array([day.probability for day in stress])
    plain = (1.0 - rare.sum() - venue_a_day) / len(returns)
    # the last row is the venue's: whatever is held there is lost with it
    chance = np.concatenate((np.full(len(returns), plain), rare, [venue_a_day]))
    lost = np.vstack((-rows * exposure, np.zeros(len(assets))))
    venue = np.zeros(len(lost))
    venue[-1] = venue_lost
    total = lost.sum(axis=1) + venue
    order = np.argsort(-total, kind="stable")
    before = np.cumsum(chance[order]) - chance[order]
    taken = np.empty_like(chance)
    taken[order] = np.clip(TAIL - before, 0.0, chance[order]) / TAIL
    shortfall = float(taken @ total)
    whole = shortfall if shortfall != 0.0 else 1.0
    return EventRisk(shortfall, taken @ lost / whole, float(taken @ venue) / whole)
