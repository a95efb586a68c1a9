"""Safeguards, one file each: a file dropped in here can be named in a scenario."""

from __future__ import annotations

import numpy as np

from seawall.core import MarginSchedule, VenueTerms
from seawall.core.hooks import Floor, Hook, Traders
from seawall.core.registry import registry
from seawall.rulebook.plugin import Plugin


class Lever(Plugin):
    """A change of the rules. Every hook left alone changes nothing.

    With its default parameters a lever is neutral: a run with it is bit-identical to one without.
    ``venues`` and ``assets`` say where it holds; everywhere if empty.

    Hooks before the run: :meth:`terms`, :meth:`schedule`, :meth:`traders`. Hooks called every
    step, in this order: :meth:`admit` (before orders are executed), :meth:`mark` (after the
    venues have marked), :meth:`session` (decides on halts and bands for the next step),
    :meth:`liquidate` (sets what may be forced in the next step).
    """

    venues: tuple[str, ...] = ()
    assets: tuple[str, ...] = ()

    def terms(self, terms: VenueTerms) -> VenueTerms:
        """The rules of a venue under this lever."""
        return terms

    def schedule(self, schedule: MarginSchedule, venue: str, asset: str) -> MarginSchedule:
        """The brackets of an instrument under this lever."""
        return schedule

    def traders(self, traders: Traders, rng: np.random.Generator) -> None:
        """Change how traders stand at the start."""

    @property
    def neutral(self) -> bool:
        """Whether its parameters, places apart, are those it has when none are given."""
        fields = type(self).model_fields
        if any(f.is_required() for f in fields.values()):
            return False
        standard = type(self)()
        return all(
            getattr(self, name) == getattr(standard, name)
            for name in fields
            if name not in ("venues", "assets")
        )

    def meets(self, other: Lever) -> bool:
        """Whether there can be a market on which both hold."""
        venues = not self.venues or not other.venues or set(self.venues) & set(other.venues)
        assets = not self.assets or not other.assets or set(self.assets) & set(other.assets)
        return bool(venues and assets)

    def contradicts(self, other: Lever) -> str:
        """Why another lever cannot hold beside this one, and how to mend it; empty if it can.

        Neutral levers contradict nothing, nor do levers that meet nowhere. Of two of one kind on
        one market it is not said which is the rule. The rest is up to :meth:`against`.
        """
        if self.neutral or other.neutral or not self.meets(other):
            return ""
        if type(self) is type(other):
            return (
                "two of one kind on one market; make them one, or name venues and assets that do "
                "not overlap"
            )
        return self.against(other)

    def against(self, other: Lever) -> str:
        """What this kind of lever has against one of another kind on the same market."""
        return ""

    def admit(self, floor: Floor) -> Hook | None:
        """Called before orders are executed."""
        return None

    def mark(self, floor: Floor) -> Hook | None:
        """Called after the venues have marked."""
        return None

    def session(self, floor: Floor) -> Hook | None:
        """Called to decide on halts and bands."""
        return None

    def liquidate(self, floor: Floor) -> Hook | None:
        """Called to set what may be forced."""
        return None


def levers() -> dict[str, type[Lever]]:
    """Every lever by the name of its file."""
    return registry(__name__, Lever)
