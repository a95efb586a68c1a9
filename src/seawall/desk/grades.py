"""How well the probabilities did in the published walk forward, as figures that come with us."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import resources
from math import nan

from seawall.desk.scores import Reliability


@dataclass(frozen=True, slots=True)
class Grades:
    """Reliability of the probabilities of liquidation, by horizon and bin of probability.

    Attributes
    ----------
    period, assets
        When and on which coins they were measured, in words.
    rows
        The bins.
    """

    period: str
    assets: str
    rows: tuple[Reliability, ...]

    def ungraded(self, assets: Iterable[str]) -> tuple[str, ...]:
        """Those of the assets whose odds were not held against what came."""
        known = self.assets.split(", ")
        return tuple(a for a in assets if a not in known)

    def of(
        self, horizon: float, probability: float, assets: Iterable[str] = ()
    ) -> Reliability | None:
        """The bin that a probability within ``horizon`` seconds belongs to.

        None where the account holds one of ``assets`` that was not graded.
        """
        if self.ungraded(assets):
            return None
        return next(
            (
                r
                for r in self.rows
                if r.horizon == horizon
                and r.above <= probability
                and (probability < r.below or r.below == 1.0)
            ),
            None,
        )


@cache
def grades() -> Grades:
    """The published grades."""
    text = (resources.files(__package__) / "grades.toml").read_text(encoding="utf-8")
    found = tomllib.loads(text)
    rows = tuple(Reliability(**{"low": nan, "high": nan, **bin_}) for bin_ in found["bin"])
    return Grades(found["period"], found["assets"], rows)


def as_toml(rows: tuple[Reliability, ...], period: str, assets: str) -> str:
    """Measured bins as the text that :func:`grades` reads; that of all bins is left out."""
    lines = [f'period = "{period}"', f'assets = "{assets}"', ""]
    for r in rows:
        if (r.above, r.below) == (0.0, 1.0) or not r.forecasts:
            continue
        lines += [
            "[[bin]]",
            f"horizon = {r.horizon}",
            f"above = {r.above}",
            f"below = {r.below}",
            f"forecasts = {r.forecasts}",
            f"predicted = {r.predicted:.6g}",
            f"realised = {r.realised:.6g}",
        ]
        if r.low == r.low:
            lines += [f"low = {r.low:.3f}", f"high = {r.high:.3f}"]
        if r.chance_low == r.chance_low:
            lines += [f"chance_low = {r.chance_low:.3f}", f"chance_high = {r.chance_high:.3f}"]
        lines.append("")
    return "\n".join(lines)
