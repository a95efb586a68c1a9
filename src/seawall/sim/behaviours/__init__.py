"""Who trades, one behaviour a file: a file dropped in here can be named in a scenario."""

from __future__ import annotations

import numpy as np

from seawall.core.hooks import Floor, Hook, Traders
from seawall.core.registry import registry
from seawall.rulebook.plugin import Plugin


class Behaviour(Plugin):
    """How a kind of participant acts.

    :meth:`act` writes market orders, one row a market, which the engine executes against the
    makers' depth for the behaviour's own account; :meth:`traders` sets how the leveraged traders
    of the population will respond (stops, margin added, cuts, planned entries).
    """

    venues: tuple[str, ...] = ()
    assets: tuple[str, ...] = ()

    def traders(self, traders: Traders, rng: np.random.Generator) -> None:
        """Set how leveraged traders respond."""

    def act(self, floor: Floor) -> Hook | None:
        """Called every step to write orders."""
        return None


def behaviours() -> dict[str, type[Behaviour]]:
    """Every behaviour by the name of its file."""
    return registry(__name__, Behaviour)
