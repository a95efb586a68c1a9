"""What an allocation must keep to, and which wishes contradict each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from seawall.core import InputError, Mistake
from seawall.desk.groups import Group, members

Floats = NDArray[np.float64]
Span = tuple[float, float]

STABLE: Span = (0.05, 0.15)
"""The published advice: 5-15% in stablecoins."""
LARGE: Span = (0.40, 1.00)
MID: Span = (0.00, 0.45)
_PLURAL = {Group.LARGE: "large caps", Group.MID: "mid caps", Group.STABLE: "stablecoins"}


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of an allocation; all weights are fractions of the whole and sum to 1.

    Attributes
    ----------
    stable, large, mid
        Least and greatest share of a group.
    cap
        Greatest weight of one asset.
    least, most
        Bounds of single assets.
    turnover
        Greatest sum of changes of weights from ``before``; None is no limit.
    before
        Weights held now; assets left out are at 0.
    most_leverage
        Greatest leverage of the coins.
    """

    stable: Span = STABLE
    large: Span = LARGE
    mid: Span = MID
    cap: float = 0.40
    least: Mapping[str, float] = field(default_factory=dict)
    most: Mapping[str, float] = field(default_factory=dict)
    turnover: float | None = None
    before: Mapping[str, float] = field(default_factory=dict)
    most_leverage: float = 3.0


@dataclass(frozen=True, slots=True, eq=False)
class Wish:
    """One limit: ``rows @ weights <= bounds``, or for turnover a bound on changes."""

    words: str
    rows: Floats
    bounds: Floats
    change: float | None = None


def wishes(limits: Limits, groups: Mapping[str, Group], assets: Sequence[str]) -> list[Wish]:
    """Every limit, in words and as rows of a system of inequalities."""
    n = len(assets)
    one, each = np.ones((1, n)), np.eye(n)
    out = [
        Wish("weights sum to 100%", np.vstack((one, -one)), np.array([1.0, -1.0])),
        Wish(f"no asset above {_percent(limits.cap)} (cap)", each, np.full(n, limits.cap)),
    ]
    for kind, (low, high) in (
        (Group.LARGE, limits.large),
        (Group.MID, limits.mid),
        (Group.STABLE, limits.stable),
    ):
        inside = members(groups, kind, assets)
        row = np.array([[1.0 if a in inside else 0.0 for a in assets]])
        who = f"{_PLURAL[kind]} ({', '.join(inside) or 'none here'})"
        if low > 0.0:
            out.append(Wish(f"{who} at least {_percent(low)}", -row, np.array([-low])))
        if high < 1.0:
            out.append(Wish(f"{who} at most {_percent(high)}", row, np.array([high])))
    for asset, value in limits.least.items():
        k = [assets.index(asset)]
        out.append(Wish(f"{asset} at least {_percent(value)}", -each[k], np.array([-value])))
    for asset, value in limits.most.items():
        k = [assets.index(asset)]
        out.append(Wish(f"{asset} at most {_percent(value)}", each[k], np.array([value])))
    if limits.turnover is not None:
        words = f"turnover at most {_percent(limits.turnover)} from what is held"
        # what is held and cannot be kept has to be sold whatever the weights
        gone = sum(w for a, w in limits.before.items() if a not in assets)
        out.append(Wish(words, np.empty((0, n)), np.empty(0), limits.turnover - gone))
    return out


def _percent(share: float) -> str:
    return f"{100.0 * share:.4g}%"


def held(limits: Limits, assets: Sequence[str]) -> Floats:
    """Weights held now, shape (A,)."""
    return np.array([limits.before.get(a, 0.0) for a in assets])


def require_possible(limits: Limits, groups: Mapping[str, Group], assets: Sequence[str]) -> None:
    """Refuse limits that no weights meet, naming a smallest set of them that conflicts.

    Raises
    ------
    InputError
        One mistake: the limits of which any one, if dropped, lets the others be met; a bound of an
        asset that is not there; weights held now that sum to more than 1.

    Source
    ------
    Deletion filter: Chinneck and Dravnieks, ORSA Journal on Computing 3 (1991), 157-168.
    """
    strangers = [a for a in (*limits.least, *limits.most) if a not in assets]
    if strangers:
        raise InputError(
            Mistake(
                "a bound of an asset that is not in the allocation",
                "limits",
                value=", ".join(strangers),
                allowed=", ".join(assets),
            )
        )
    whole = sum(limits.before.values())
    if whole > 1.0 + 1e-6:
        raise InputError(
            Mistake(
                "more is held than the whole",
                "limits",
                value=f"{_percent(whole)} in {', '.join(limits.before)}",
                allowed="weights held now that sum to 100% at most",
            )
        )
    asked, before = wishes(limits, groups, assets), held(limits, assets)
    if _possible(asked, before):
        return
    for wish in list(asked):
        rest = [w for w in asked if w is not wish]
        if not _possible(rest, before):
            asked = rest
    raise InputError(
        Mistake(
            f"no weights meet these limits together: {'; '.join(w.words for w in asked)}",
            "limits",
            mend="Loosen one of them: any one will do",
        )
    )


def _possible(asked: Sequence[Wish], before: Floats) -> bool:
    """Whether weights of 0 or more meet these limits, by linear programming."""
    from scipy.optimize import linprog

    n = len(before)
    rows = [np.hstack((w.rows, np.zeros_like(w.rows))) for w in asked]
    bounds = [w.bounds for w in asked]
    for wish in asked:
        if wish.change is not None:
            one = np.eye(n)
            rows += [np.hstack((one, -one)), np.hstack((-one, -one))]
            rows.append(np.hstack((np.zeros((1, n)), np.ones((1, n)))))
            bounds += [before, -before, np.array([wish.change])]
    if not rows:
        return True
    a, b = np.vstack(rows), np.concatenate(bounds)
    # a bound met exactly must not fail by rounding
    done = linprog(np.zeros(2 * n), A_ub=a, b_ub=b + 1e-9, bounds=(0.0, None), method="highs")
    return bool(done.status == 0)
