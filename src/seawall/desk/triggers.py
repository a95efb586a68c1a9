"""By which price a venue's stop orders fire, and how far that price is from the mark."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from seawall.core import InputError, Mistake

LAST_BEHIND = 0.002
"""By how much the last price may lag behind the mark as it falls, a fraction.

The hour's lowest last price less the hour's lowest mark of BTC, ETH, SOL, XRP, BNB and DOGE at
Binance, January 2025 to January 2026, was never more than 0.18% of it (56,298 hours). The other
way there is no such bound: in one hour of each coin the last price was 0.5% to 5.6% lower.
"""


@dataclass(frozen=True, slots=True)
class Trigger:
    """What a stop order watches.

    ``by`` is ``mark``, ``last`` or ``index``; ``usual`` whether the venue takes it unless told;
    ``lag`` the allowance for its distance from the mark, which liquidates.
    """

    by: str
    usual: bool
    lag: float
    source: str


@cache
def _known() -> dict[str, Any]:
    text = (resources.files(__package__) / "triggers.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def trigger_of(venue: str, by: str | None = None) -> Trigger:
    """The trigger of stops at a venue: as asked, else the mark where it can be had.

    Parameters
    ----------
    venue
        Name of the rulebook. Of one whose stops are not known the last price is taken.

    Raises
    ------
    InputError
        If the venue has no such trigger.
    """
    found = _known().get(venue, {"by": ["last"], "source": ""})
    names = found["by"]
    if by is not None and by not in names:
        raise InputError(
            Mistake("no such trigger there", "--trigger", value=by, allowed=", ".join(names))
        )
    chosen = by or ("mark" if "mark" in names else names[0])
    lag = 0.0 if chosen == "mark" else LAST_BEHIND
    return Trigger(chosen, chosen == names[0], lag, found["source"])
