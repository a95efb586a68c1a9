"""First passage of a Brownian motion: the check that stands beside the simulation."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from seawall.desk.passages import carries
from seawall.desk.paths import DAY
from seawall.margin import MarginBook
from seawall.margin import _kernels as margin_kernels

Floats = NDArray[np.float64]

_FARTHEST = 64.0
"""Daily standard deviations beyond which no fall is looked for."""
_HALVINGS = 60


def first_passage(distance: Floats, drift: Floats, days: float) -> Floats:
    """Probability that a Brownian motion of unit variance a day reaches a point.

    Parameters
    ----------
    distance
        From the start, >= 0, in daily standard deviations; NaN where there is no such point.
    drift
        Towards the point, in standard deviations a day.
    days
        Time it has.

    Notes
    -----
    ``N((m t - b) / sqrt(t)) + exp(2 m b) N((-b - m t) / sqrt(t))``: Harrison, *Brownian Motion
    and Stochastic Flow Systems* (1985), 1.8; Karatzas and Shreve, 3.5.C.
    """
    from scipy.special import log_ndtr, ndtr

    b, m, root = np.asarray(distance), np.asarray(drift), np.sqrt(days)
    with np.errstate(invalid="ignore", over="ignore"):
        p = ndtr((m * days - b) / root) + np.exp(2.0 * m * b + log_ndtr((-b - m * days) / root))
    return np.asarray(np.where(np.isnan(b), 0.0, np.clip(p, 0.0, 1.0)))


def touch_probability(
    distance: Floats | float, sigma: Floats | float, horizon: float, drift: float | None = None
) -> Floats:
    """Probability that a price touches a level.

    Parameters
    ----------
    distance
        Log of the level over the price; NaN where there is none.
    sigma
        Daily standard deviation of log changes, >= 0. A price of 0 goes where its drift takes it
        and nowhere else.
    horizon
        Seconds.
    drift
        Mean log change a day; by default -sigma**2 / 2, so that the price drifts nowhere.
    """
    distance, sigma = np.asarray(distance, np.float64), np.asarray(sigma, np.float64)
    towards = np.sign(distance) * (-0.5 * sigma**2 if drift is None else drift)
    far, days = np.abs(distance), horizon / DAY
    still = sigma == 0.0
    unit = np.where(still, 1.0, sigma)
    carried = far <= np.maximum(towards, 0.0) * days
    return np.where(still, carried, first_passage(far / unit, towards / unit, days))


def account_passage(
    margin: MarginBook,
    covariance: Floats,
    horizon: float,
    funding: Mapping[str, float] | None = None,
) -> Floats:
    """Shape (m,): probability that each account falls while prices are Brownian.

    Prices move along the direction most likely to bring the account down; how far it is along
    it is found with its brackets and all its positions, and the rest is
    :func:`first_passage`. Exact for an account of one asset but for funding, which is taken at
    the marks; for several the account's equity is taken as straight across that direction.

    Parameters
    ----------
    covariance
        Shape (A, A): of log changes over a day, in the order of the book's assets.
    horizon
        Seconds.
    funding
        As for :func:`seawall.desk.passages.passages`.
    """
    distance, drift = _most_likely(margin, np.atleast_2d(covariance), funding)
    return first_passage(distance, drift, horizon / DAY)


def _most_likely(
    margin: MarginBook, covariance: Floats, funding: Mapping[str, float] | None
) -> tuple[Floats, Floats]:
    """Distance of each account in daily standard deviations, and its drift towards its fall."""
    book = margin.book
    m, assets, account = len(book.accounts), len(book.assets), book.positions.account
    code, sign = book.asset_codes(), np.where(book.inverse(), -1.0, 1.0)
    slope = sign * margin.lines.z * margin.lines.u
    # what the requirement takes of it, from its change over the smallest move
    nudge = 1e-6
    slope -= (_need(margin, np.exp(sign * nudge)) - _need(margin, np.exp(-sign * nudge))) / (
        2.0 * nudge
    )
    grid = np.bincount(account * assets + code, slope, m * assets).reshape(m, assets)
    moved = grid @ covariance
    deviation = np.sqrt(np.maximum((grid * moved).sum(axis=1), 0.0))
    with np.errstate(divide="ignore", invalid="ignore"):
        direction = np.nan_to_num(-moved / deviation[:, None], posinf=0.0, neginf=0.0)
        lost = np.bincount(account, carries(margin, funding) * margin.lines.z * margin.lines.u, m)
        sinking = 0.5 * (grid * np.diag(covariance)).sum(axis=1) + lost * DAY
        drift = np.nan_to_num(sinking / deviation, posinf=0.0, neginf=0.0)
    step = direction[account, code] * sign

    def excess(sigmas: Floats) -> Floats:
        ratio = np.exp(np.clip(sigmas[account] * step, -40.0, 40.0))
        x = margin.lines
        gained = x.z * (x.u * ratio - x.u0) - _need(margin, ratio)
        return margin.balance + np.bincount(account, gained, m)

    return _root(excess, m), drift


def _need(margin: MarginBook, ratio: Floats) -> Floats:
    """Shape (n,): requirement of each position at ``ratio`` times its driver."""
    x, out = margin.lines, np.empty(len(margin.book))
    margin_kernels.requirement(
        x.z, x.u * ratio, x.table, x.add, x.fixed, x.rates, x.deductions, x.curves, out
    )
    return out


def _root(excess: Callable[[Floats], Floats], m: int) -> Floats:
    """Least distance at which each account's excess is no longer above 0; NaN if none."""
    near, far = np.zeros(m), np.full(m, 0.25)
    gone = excess(near) <= 0.0
    open_ = ~gone
    while True:
        found = excess(far) <= 0.0
        going = open_ & ~found & (far < _FARTHEST)
        if not going.any():
            break
        near, far = np.where(going, far, near), np.where(going, 2.0 * far, far)
    for _ in range(_HALVINGS):
        middle = 0.5 * (near + far)
        below = excess(middle) <= 0.0
        near, far = np.where(below, near, middle), np.where(below, middle, far)
    return np.where(gone, 0.0, np.where(found, far, np.nan))
