"""Which markets a plug-in names, and one refusal for all that it names wrongly."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from seawall.core import InputError, Mistake
from seawall.core.hooks import Floor, Market
from seawall.rulebook.plugin import Plugin

Floats = NDArray[np.float64]

SPOT = "spot"


class Refusals:
    """Mistakes in the parameters of a plug-in, gathered so that all are told at once."""

    def __init__(self, plugin: Plugin, floor: Floor):
        package, _, name = type(plugin).__module__.rpartition(".")
        self._where = f"{package.rpartition('.')[2].removesuffix('s')} {name}"
        self._floor = floor
        self._mistakes: list[Mistake] = []

    def add(self, key: str, what: str, value: object, allowed: str, mend: str = "") -> None:
        """One mistake, under the key it stands at."""
        self._mistakes.append(
            Mistake(what, self._where, column=key, value=str(value), allowed=allowed, mend=mend)
        )

    def known(self, key: str, what: str, names: Iterable[str], allowed: Sequence[str]) -> None:
        """Every name is one of those allowed."""
        for name in names:
            if name not in allowed:
                self.add(key, f"unknown {what}", name, listed(allowed))

    def assets(self, names: Iterable[str], key: str = "assets") -> None:
        """Every name is an asset of the run."""
        self.known(key, "asset", names, self._floor.assets)

    def multiples(self, given: Mapping[str, float]) -> Floats:
        """Shape (M,): the multiple of each market's asset, 1 where none is given."""
        self.assets(given, "multiples")
        for asset, multiple in given.items():
            if not 0 < multiple <= 100:
                self.add(f"multiples.{asset}", "out of range", multiple, "in (0, 100]")
        return np.array([given.get(m.asset, 1.0) for m in self._floor.markets])

    def venues(self, names: Iterable[str], key: str = "venues", spot: bool = False) -> None:
        """Every name is a venue of the run; ``spot`` too where it has one and that is meant."""
        has_spot = spot and any(m.spot for m in self._floor.markets)
        self.known(key, "venue", names, (*self._floor.venues, *((SPOT,) if has_spot else ())))

    def begins(self, key: str, second: float) -> None:
        """A time lies before the end of the run."""
        if second >= self._floor.seconds:
            self.add(
                key,
                "a time after the end of the run, s",
                f"{second:g}",
                f"below {self._floor.seconds:g}",
            )

    def ends(self, key: str, begin: float, length: float) -> None:
        """What takes time is done when the run ends."""
        if begin < self._floor.seconds < begin + length:
            self.add(
                key,
                f"not over when the run ends at {self._floor.seconds:g} s",
                f"{length:g}",
                f"at most {self._floor.seconds - begin:g}",
                "Shorten it, or let the run last longer",
            )

    def lasts(self, key: str, length: float) -> None:
        """A window holds at least one step."""
        if length < self._floor.step:
            self.add(
                key, "shorter than a step, s", f"{length:g}", f"{self._floor.step:g} or longer"
            )

    def refuse(self) -> None:
        """Raise what was found.

        Raises
        ------
        InputError
            If there is anything.
        """
        if self._mistakes:
            raise InputError(self._mistakes)


def listed(names: Sequence[str], most: int = 12) -> str:
    """The names in a row, the rest counted."""
    shown = ", ".join(names[:most]) or "none"
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def named(
    floor: Floor, venues: Sequence[str] = (), assets: Sequence[str] = (), spot: bool = False
) -> Floats:
    """Shape (M,): 1 for the markets of the venues and assets named, else 0.

    All assets if none are named; all venues if none are, among them ``spot`` only if asked for.
    """

    def meant(market: Market) -> bool:
        venue = market.venue in venues if venues else spot or not market.spot
        return venue and (not assets or market.asset in assets)

    return np.array([float(meant(m)) for m in floor.markets])
