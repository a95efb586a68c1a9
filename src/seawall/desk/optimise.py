"""Weights by skfolio: least conditional value at risk, equal risk, hierarchical risk parity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seawall.core import InputError, Mistake, SeawallError
from seawall.desk.groups import Group
from seawall.desk.limits import Limits, held, require_possible, wishes

Floats = NDArray[np.float64]


_LEAST_VARIANCE = 1e-12
"""Keeps a covariance positive where a price never moves."""


class Method(StrEnum):
    """How weights are found."""

    CVAR = "cvar"
    """Least mean loss of the worst 5% of days; with ``aversion``, mean less aversion times it."""
    PARITY = "parity"
    """Every asset adds the same to that loss."""
    HRP = "hrp"
    """Hierarchical risk parity (López de Prado, 2016)."""
    EQUAL = "equal"
    """Equal weights."""


@dataclass(frozen=True, slots=True)
class StressDay:
    """One day that the history does not hold.

    Attributes
    ----------
    change
        Asset to relative change of the day.
    probability
        Of such a day, a day.
    """

    change: Mapping[str, float]
    probability: float


def find_weights(
    returns: Floats,
    assets: Sequence[str],
    groups: Mapping[str, Group],
    limits: Limits,
    method: Method,
    stress: Sequence[StressDay] = (),
    aversion: float | None = None,
    fee: float = 0.0,
) -> Floats:
    """Weights within the limits.

    Parameters
    ----------
    returns
        Shape (D, A): relative changes day by day, all finite.
    stress
        Days added to them, each with its own probability.
    aversion
        CVAR only: weigh the mean, shrunk by James and Stein, against the risk.
    fee
        Cost of changing a weight, a fraction; weighed against the mean where there is one.

    Returns
    -------
    Shape (A,): weights of 0 or more that sum to 1. CVAR is optimal within the limits; what the
    other methods find is moved to the nearest weights, by squares, that keep to them.

    Raises
    ------
    InputError
        If no weights meet the limits, or skfolio is missing.
    """
    require_skfolio()
    require_possible(limits, groups, assets)
    if len(assets) == 1:
        return np.ones(1)
    if method is Method.CVAR:
        found = _least_cvar(returns, assets, groups, limits, stress, aversion, fee)
    elif method is Method.EQUAL:
        found = np.full(len(assets), 1.0 / len(assets))
    else:
        found = _coins_and_rest(returns, assets, groups, method, stress)
    return _nearest(found, limits, groups, assets)


def require_skfolio() -> None:
    """Refuse to go on without skfolio, naming the extra that brings it.

    Raises
    ------
    InputError
        If it is not installed.
    """
    try:
        import skfolio  # noqa: F401
    except ImportError:
        raise InputError(
            Mistake(
                "skfolio is not installed", "allocation", mend="pip install 'seawall[portfolio]'"
            )
        ) from None


def _prior(stress: Sequence[StressDay], assets: Sequence[str]) -> Any:
    """The history with the stress days in it, under a covariance shrunk towards a plain one."""
    from skfolio.moments import LedoitWolf, ShrunkMu
    from skfolio.prior import BasePrior, EmpiricalPrior, ReturnDistribution

    class Stressed(BasePrior):  # type: ignore[misc]
        def __init__(self, days: Any = (), names: Any = ()) -> None:
            self.days = days
            self.names = names

        def fit(self, X: Any, y: Any = None, **_: Any) -> Any:  # noqa: N803
            history = np.asarray(X, dtype=np.float64)
            # the coin that prices are in never moves: nothing can be estimated of it
            moving = np.flatnonzero(history.std(axis=0) > 0.0)
            plain = EmpiricalPrior(ShrunkMu(), LedoitWolf()).fit(history[:, moving])
            mean = history.mean(axis=0)
            mean[moving] = plain.return_distribution_.mu
            covariance = _LEAST_VARIANCE * np.eye(len(mean))
            covariance[np.ix_(moving, moving)] += plain.return_distribution_.covariance
            rows = [[d.change.get(a, 0.0) for a in self.names] for d in self.days]
            chance = np.array([d.probability for d in self.days])
            usual = np.full(len(history), (1.0 - chance.sum()) / len(history))
            added = np.array(rows).reshape(len(rows), len(self.names))
            # what a stress day adds to the variance belongs into the covariance too
            covariance = covariance * (1.0 - chance.sum()) + (added * chance[:, None]).T @ added
            self.return_distribution_ = ReturnDistribution(
                mu=mean * (1.0 - chance.sum()) + chance @ added,
                covariance=covariance,
                returns=np.vstack((history, added)),
                sample_weight=np.concatenate((usual, chance)),
            )
            return self

    return Stressed(tuple(stress), tuple(assets))


def _least_cvar(
    returns: Floats,
    assets: Sequence[str],
    groups: Mapping[str, Group],
    limits: Limits,
    stress: Sequence[StressDay],
    aversion: float | None,
    fee: float,
) -> Floats:
    from skfolio import RiskMeasure
    from skfolio.optimization import MeanRisk, ObjectiveFunction

    every = wishes(limits, groups, assets)
    asked = [w for w in every[1:] if w.change is None]
    weighed: dict[str, Any] = {"objective_function": ObjectiveFunction.MINIMIZE_RISK}
    if aversion is not None:
        weighed = {
            "objective_function": ObjectiveFunction.MAXIMIZE_UTILITY,
            "risk_aversion": aversion,
            "transaction_costs": fee,
        }
    model = MeanRisk(
        risk_measure=RiskMeasure.CVAR,
        prior_estimator=_prior(stress, assets),
        left_inequality=np.vstack([w.rows for w in asked]),
        right_inequality=np.concatenate([w.bounds for w in asked]),
        previous_weights=held(limits, assets) if limits.before else None,
        max_turnover=next((w.change for w in every if w.change is not None), None),
        **weighed,
    )
    return _fitted(model, returns, "cvar")


def _coins_and_rest(
    returns: Floats,
    assets: Sequence[str],
    groups: Mapping[str, Group],
    method: Method,
    stress: Sequence[StressDay],
) -> Floats:
    """Risk shared among the coins; the stablecoins, which have next to none, share the rest.

    Shared with them, risk parity would put all but everything into the stablecoins.
    """
    from skfolio import RiskMeasure
    from skfolio.optimization import HierarchicalRiskParity, RiskBudgeting

    coins = [k for k, a in enumerate(assets) if groups[a] is not Group.STABLE]
    names = [assets[k] for k in coins]
    weights = np.full(len(assets), 1.0 / len(assets))
    if not coins:
        return weights
    stable = 1.0 - len(coins) / len(assets)
    weights[coins] = (1.0 - stable) / len(coins)
    if len(coins) > 1:
        prior = _prior(stress, names)
        model = (
            RiskBudgeting(risk_measure=RiskMeasure.CVAR, prior_estimator=prior)
            if method is Method.PARITY
            else HierarchicalRiskParity(prior_estimator=prior)
        )
        weights[coins] = (1.0 - stable) * _fitted(model, returns[:, coins], method)
    return weights


def _fitted(model: Any, returns: Floats, name: str) -> Floats:
    import warnings

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(returns)
    except Exception as error:
        if isinstance(error, (MemoryError, KeyboardInterrupt)):
            raise
        raise SeawallError(f"skfolio found no weights by {name}: {error}") from error
    found: Floats = np.maximum(np.asarray(model.weights_, dtype=np.float64), 0.0)
    found /= found.sum()
    return found


def _nearest(
    found: Floats, limits: Limits, groups: Mapping[str, Group], assets: Sequence[str]
) -> Floats:
    """The weights nearest to those found, by squares, that keep to every limit."""
    import cvxpy as solving

    cvxpy: Any = solving

    asked, before = wishes(limits, groups, assets), held(limits, assets)
    inside = all(np.all(w.rows @ found <= w.bounds + 1e-7) for w in asked)
    change = float(np.abs(found - before).sum())
    if inside and all(change <= w.change + 1e-7 for w in asked if w.change is not None):
        return found
    w = cvxpy.Variable(len(assets), nonneg=True)
    kept = [wish.rows @ w <= wish.bounds for wish in asked if wish.change is None]
    kept += [cvxpy.norm1(w - before) <= wish.change for wish in asked if wish.change is not None]
    problem = cvxpy.Problem(cvxpy.Minimize(cvxpy.sum_squares(w - found)), kept)
    problem.solve(solver=cvxpy.CLARABEL)
    if w.value is None:
        raise SeawallError(f"no weights within the limits were found: {problem.status}")
    weights: Floats = np.maximum(np.asarray(w.value, dtype=np.float64), 0.0)
    weights[weights < 1e-7] = 0.0
    weights /= weights.sum()
    return weights
