"""Verdicts on claims from paired differences, by a rule that is fixed before any run."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from seawall.lab.compare import Difference

SMALLEST = 0.10
"""Least change that counts, as a share of the base's mean."""

FLOORS = {
    "forced_usd": 20e6,
    "sold_usd": 20e6,
    "forced_long_usd": 20e6,
    "forced_short_usd": 20e6,
    "stops_usd": 20e6,
    "peak_minute_usd": 5e6,
    "adl_usd": 5e6,
    "deficits_usd": 1e6,
    "bad_debt_usd": 1e6,
    "fund_change_usd": 1e6,
    "traders_usd": 20e6,
    "accounts_forced": 1000.0,
    "drop.BTC": 0.002,
    "gap.BTC": 0.002,
    "volatility.BTC": 0.002,
}
"""Least change that counts whatever the base is: a tenth of next to nothing is nothing."""

AT_REST = 0.0465
"""Widest gap of BTC between venues, mean over runs, in a market that comes to rest.

Five times the 0.93% recorded on 21 November 2025. It labels verdicts and decides none.
"""


class Standing(StrEnum):
    """What a measure, or a claim, comes to."""

    SUPPORTED = "supported"
    CONTRADICTED = "contradicted"
    CANNOT_TELL = "cannot tell"


def smallest(change: Difference, share: float = SMALLEST) -> float:
    """Least absolute change of a measure that counts."""
    return max(share * abs(change.base[0]), FLOORS.get(change.name, 0.0))


def direction(change: Difference, share: float = SMALLEST) -> int:
    """1 or -1 where a measure rises or falls beyond doubt and by enough; 0 otherwise.

    Beyond doubt: the 95% interval of the paired change leaves out 0. By enough: the mean change
    is at least ``share`` of the base's mean and at least the measure's entry in ``FLOORS``.
    """
    mean, low, high = change.change
    if not all(math.isfinite(x) for x in (mean, low, high)):
        return 0
    if not change.clear or abs(mean) < smallest(change, share):
        return 0
    return 1 if mean > 0 else -1


@dataclass(frozen=True, slots=True)
class Test:
    """What a claim says: in a comparison, a measure falls (-1) or rises (1).

    ``day`` names the market that it is tried in, where a claim is tried in several.
    """

    __test__ = False  # a noun here, not a case of the test suite

    comparison: str
    measure: str
    sign: int
    day: str = ""


@dataclass(frozen=True, slots=True)
class Claim:
    """A published claim and the measures that decide on it.

    Parameters
    ----------
    text
        What is claimed.
    tests
        What must be seen; empty for what the model cannot ask, with ``why``.
    why
        Why it cannot be asked, or how it was read.
    """

    text: str
    tests: tuple[Test, ...] = ()
    why: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of a claim.

    Attributes
    ----------
    claim, standing, reason
        The claim, what it comes to, and why by the rule.
    changes
        What says so, in the order of the claim's tests.
    holds
        By how many of its measures, on which day if only one, and whether the runs that decide
        come to rest; where nothing is decided only the last, of those that moved, or of all.
    """

    claim: Claim
    standing: Standing
    reason: str
    changes: tuple[Difference, ...] = field(default=())
    holds: str = ""

    @property
    def words(self) -> str:
        """The verdict with how far it holds."""
        if not self.holds:
            return str(self.standing)
        between = ", " if self.standing is Standing.CANNOT_TELL else " "
        return f"{self.standing}{between}{self.holds}"


def judge(claim: Claim, found: Mapping[str, Mapping[str, Difference]]) -> Verdict:
    """Decide on a claim.

    Supported: at least one measure goes the way that is claimed and none the other way.
    Contradicted: at least one goes the other way and none the way claimed. Otherwise it cannot
    be told: nothing moves enough, or measures disagree.

    Parameters
    ----------
    claim
        The claim.
    found
        Differences by comparison and measure.
    """
    if not claim.tests:
        return Verdict(claim, Standing.CANNOT_TELL, claim.why)
    changes = tuple(found[t.comparison][t.measure] for t in claim.tests)
    ways = [direction(d) * t.sign for d, t in zip(changes, claim.tests, strict=True)]
    standing, reason = _of(ways)
    moved = [t for t, way in zip(claim.tests, ways, strict=True) if way]
    parts = [] if standing is Standing.CANNOT_TELL else _holds(claim.tests, moved)
    if not any(_at_rest(found[t.comparison]) for t in moved or claim.tests):
        parts.append("in runs that do not come to rest")
    return Verdict(claim, standing, reason, changes, ", ".join(parts))


def _holds(tests: Sequence[Test], deciding: Sequence[Test]) -> list[str]:
    """How far a verdict holds that these of the tests decide."""
    one = len(tests) == 1
    parts = ["by its one measure" if one else f"by {len(deciding)} of {len(tests)} measures"]
    days = {t.day for t in deciding}
    if len(days) == 1 and len({t.day for t in tests}) > 1:
        parts.append(f"{days.pop()} only")
    return parts


def _at_rest(found: Mapping[str, Difference]) -> bool:
    """Whether venues stay together in both of what is compared."""
    gap = found.get("gap.BTC")
    return gap is None or not max(gap.base[0], gap.reform[0]) > AT_REST


def _of(ways: Sequence[int]) -> tuple[Standing, str]:
    many = len(ways)
    with_it, against = sum(w > 0 for w in ways), sum(w < 0 for w in ways)
    if with_it and not against:
        return Standing.SUPPORTED, f"{with_it} of {many} measures as claimed, none against"
    if against and not with_it:
        return Standing.CONTRADICTED, f"{against} of {many} measures against, none as claimed"
    if with_it:
        return Standing.CANNOT_TELL, f"measures disagree: {with_it} as claimed, {against} against"
    return Standing.CANNOT_TELL, "no measure moves beyond chance and by enough"
