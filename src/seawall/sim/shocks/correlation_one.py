"""Assets that move as one."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from seawall.core.hooks import Traders
from seawall.sim.reach import Refusals
from seawall.sim.shocks import Shock, Timeline

_SOON = 1e-9


class CorrelationOne(Shock):
    """The outside noise of all assets becomes one for a time.

    Assumes the same correlation for every pair. Volatilities stay, and so does what other shocks
    do to the outside price.
    """

    title: ClassVar[str] = "Correlation to one"
    source: ClassVar[str] = (
        "Longin and Solnik (2001), Journal of Finance 56, 649-676: correlation rises in falls; "
        "30-day correlation of BTC with the Nasdaq 100 near 0.80 in November 2025, 0.54 over five "
        "years"
    )

    correlation: float = Field(
        1.0, ge=0, le=1, description="Correlation of every pair of assets in the window"
    )
    at: float = Field(0.0, ge=0, le=1e9, description="When it begins, s")
    lasts: float = Field(3600.0, gt=0, le=1e9, description="Length of the window, s")

    def apply(self, timeline: Timeline, traders: Traders) -> None:
        """Set the correlation in the window."""
        refusals = Refusals(self, timeline.floor)
        refusals.begins("at", self.at)
        refusals.lasts("lasts", self.lasts)
        refusals.refuse()
        since = timeline.seconds() - self.at + _SOON * timeline.floor.step
        timeline.correlation[(since >= 0) & (since < self.lasts)] = self.correlation
