"""What stablecoins and venues have done: sourced events, and the days they add to a history."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from seawall.desk.groups import Group
from seawall.desk.optimise import StressDay

Floats = NDArray[np.float64]
YEAR_DAYS = 365.0


@dataclass(frozen=True, slots=True)
class Depeg:
    """A stablecoin's worst price in USD, and where that is written."""

    name: str
    low: float
    source: str

    @property
    def loss(self) -> float:
        """Fraction lost at the worst price."""
        return 1.0 - self.low


@dataclass(frozen=True, slots=True)
class StressEvents:
    """The events kept in ``stress_events.toml``."""

    depegs: tuple[Depeg, ...]
    venue_lost: float
    venue_source: str


@lru_cache
def stress_events() -> StressEvents:
    """Sourced events, as they stand in the package."""
    text = (files("seawall.desk") / "stress_events.toml").read_text("utf-8")
    found = tomllib.loads(text)
    return StressEvents(
        tuple(Depeg(**d) for d in found["depeg"]), found["venue"]["lost"], found["venue"]["source"]
    )


def stress_days(
    returns: Floats, assets: Sequence[str], groups: Mapping[str, Group], a_year: float
) -> list[StressDay]:
    """Days on which one stablecoin loses its peg while the coins have one of their worst days.

    Parameters
    ----------
    returns
        Shape (D, A): relative changes day by day.
    a_year
        Depegs a year of each stablecoin, each of the events being as likely as the others.

    Returns
    -------
    One day a stablecoin and event. Coins change by their mean on the worst twentieth of days of
    all coins together.
    """
    coins = [k for k, a in enumerate(assets) if groups[a] is not Group.STABLE]
    bad = dict.fromkeys(assets, 0.0)
    if coins:
        market = returns[:, coins].mean(axis=1)
        worst = returns[market <= np.quantile(market, 0.05)]
        bad |= {assets[k]: float(worst[:, k].mean()) for k in coins}
    depegs = stress_events().depegs
    chance = a_year / YEAR_DAYS / len(depegs)
    if chance <= 0.0:
        return []
    return [
        StressDay({**bad, a: -event.loss}, chance)
        for a in assets
        if groups[a] is Group.STABLE
        for event in depegs
    ]
