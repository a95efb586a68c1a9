"""What hits the market, one shock a file: a file dropped in here can be named in a scenario."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from seawall.core.hooks import Floor, Traders
from seawall.core.registry import registry
from seawall.rulebook.plugin import Plugin

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Edit:
    """At ``second``, set one column of one market, or multiply it, or add to it."""

    second: float
    market: int
    column: int
    value: float
    multiply: bool = False
    add: bool = False


@dataclass(frozen=True, slots=True)
class Sale:
    """A market order of an outside account: from ``second`` on, spread evenly over ``over`` s.

    ``usd`` > 0 buys. What is not filled in a step is tried again in the next.
    """

    second: float
    market: int
    usd: float
    over: float = 0.0


@dataclass(slots=True, eq=False)
class Timeline:
    """What happens from outside during a run; shocks write into it before the run.

    Attributes
    ----------
    floor
        Markets and clock.
    outside
        Shape (steps + 1, A): log of the outside price of each asset over its start, without the
        run's own noise.
    correlation
        Shape (steps + 1,): correlation of the assets' outside noise; NaN where the scenario's.
    peg
        Shape (steps + 1,): price of the collateral asset that traders pledged, 1 at par.
    edits, sales
        Changes of columns and orders, in any order.
    """

    floor: Floor
    outside: Floats
    correlation: Floats
    peg: Floats
    edits: list[Edit] = field(default_factory=list)
    sales: list[Sale] = field(default_factory=list)

    @classmethod
    def quiet(cls, floor: Floor) -> Timeline:
        """Nothing happens."""
        rows = floor.steps + 1
        return cls(
            floor=floor,
            outside=np.zeros((rows, len(floor.assets))),
            correlation=np.full(rows, np.nan),
            peg=np.ones(rows),
        )

    def seconds(self) -> Floats:
        """Shape (steps + 1,): time of each row."""
        return np.arange(self.floor.steps + 1, dtype=np.float64) * self.floor.step


class Shock(Plugin):
    """Something that hits the market at a time."""

    def apply(self, timeline: Timeline, traders: Traders) -> None:
        """Write what happens into the timeline.

        Raises
        ------
        InputError
            If it names a market, asset or account that is not there, or a time after the end.
        """
        raise NotImplementedError


def shocks() -> dict[str, type[Shock]]:
    """Every shock by the name of its file."""
    return registry(__name__, Shock)
