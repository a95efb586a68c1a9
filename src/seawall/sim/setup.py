"""Everything a run starts from, apart from its seed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seawall.core import Book
from seawall.core.hooks import Floor
from seawall.rulebook import Rules
from seawall.rulebook.levers import Lever
from seawall.rulebook.losses import LossRule
from seawall.rulebook.plugin import Plugin
from seawall.sim.behaviours import Behaviour
from seawall.sim.shocks import Shock

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Depth:
    """How makers' depth lies around the centre and comes back.

    Parameters
    ----------
    width
        Width of a price level, log (0.0005 is 5 basis points).
    shape
        Depth within a distance grows with distance to this power: 1 is even, 2 grows away from
        the mid, below 1 is densest at the mid.
    refill, cancel
        Rates, 1/s, at which a level below its target fills and one above it is cut.
    permanent
        Share of a displacement by trades that makers' centre follows.
    follow, spot_follow
        Share of a move of the index (perpetual) or of the outside price (spot) that makers'
        centre follows at once.
    anchor, spot_anchor
        Rate, 1/s, at which the centre of a perpetual returns to the index, and that of a spot
        market to the outside price.
    """

    width: float = 0.0005
    shape: float = 1.0
    refill: float = 0.05
    cancel: float = 1.0
    permanent: float = 0.5
    follow: float = 0.0
    spot_follow: float = 1.0
    anchor: float = 0.01
    spot_anchor: float = 0.002


@dataclass(frozen=True, slots=True)
class Outside:
    """Noise of the outside prices: volatility by asset a day, and the assets' correlation."""

    volatility: Mapping[str, float] = field(default_factory=dict)
    correlation: float = 0.7


@dataclass(frozen=True, eq=False)
class Setup:
    """A scenario made ready to run.

    Attributes
    ----------
    book
        Positions and accounts at the start.
    rules
        Rulebooks.
    floor
        Markets and clock.
    start
        UTC nanoseconds of the first step; chooses the rules in force.
    depth
        How depth lies and comes back, by market name; the entry ``""`` holds for the rest.
    outside
        Noise of the outside prices.
    behaviours, shocks, levers
        Plug-ins, by the names under which they draw their noise.
    losses
        Loss rule by venue; venues not named follow their rulebook's.
    funds
        Insurance fund by venue, USD; the rulebook's for venues not named.
    engine_pace
        Share of the depth standing within 1% that a venue's fund sells of its inventory a
        second.
    latency
        Seconds from finding that an account is due to sending its order, and between the steps of
        a liquidation; no less than a step.
    record_every
        Seconds between rows of the recorded series.
    """

    book: Book
    rules: Rules
    floor: Floor
    start: int
    depth: Mapping[str, Depth] = field(default_factory=lambda: {"": Depth()})
    outside: Outside = field(default_factory=Outside)
    behaviours: Mapping[str, Behaviour] = field(default_factory=dict)
    shocks: Mapping[str, Shock] = field(default_factory=dict)
    levers: Mapping[str, Lever] = field(default_factory=dict)
    losses: Mapping[str, LossRule] = field(default_factory=dict)
    funds: Mapping[str, float] = field(default_factory=dict)
    engine_pace: float = 0.05
    latency: float = 1.0
    record_every: float = 1.0

    def digest(self) -> str:
        """SHA-256 over everything but the rulebooks: the identity of a setup.

        The order of plug-ins counts: they are called in it. Of the rulebooks a run knows what
        holds at its start.
        """
        plugins = {
            kind: [(name, _described(plug)) for name, plug in getattr(self, kind).items()]
            for kind in ("behaviours", "shocks", "levers")
        }
        settled = {
            "book": self.book.digest(),
            "floor": asdict(self.floor),
            "start": self.start,
            "depth": {name: asdict(depth) for name, depth in self.depth.items()},
            "outside": [dict(self.outside.volatility), self.outside.correlation],
            "losses": {venue: _described(rule) for venue, rule in self.losses.items()},
            "funds": dict(self.funds),
            "numbers": [self.engine_pace, self.latency, self.record_every],
        }
        text = json.dumps([settled, plugins], sort_keys=True, default=repr)
        return hashlib.sha256(text.encode()).hexdigest()


def _described(plug: Plugin) -> list[Any]:
    """Kind and parameters of a plug-in."""
    kind = type(plug)
    return [f"{kind.__module__}.{kind.__qualname__}", plug.model_dump()]
