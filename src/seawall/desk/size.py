"""The largest size of a position within stated limits, and the probability of every size."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from seawall.core import InputError, Mistake
from seawall.desk.closed_form import account_passage
from seawall.desk.closing import Closing, slipped
from seawall.desk.passages import carries, interval, standard_error
from seawall.desk.paths import DAY, Paths, covariance
from seawall.desk.resizing import Resizing
from seawall.desk.screened import Reach, screened
from seawall.desk.size_limits import Bound, Wanted
from seawall.desk.size_search import largest, least
from seawall.liquidity import EMPIRICAL, ImpactLaw, depth_of
from seawall.margin import MarginBook

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

SHORTFALL_LEVEL = 0.975
"""Share of the outcomes that an expected shortfall leaves out: it is the mean of the rest."""
POINTS = 48
"""Sizes of a curve, from the smallest to the largest that brackets allow."""
_EXPECTED = 10
_MOST_UNASKED = 50_000
_SMALLEST = 1e-4


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """An account at sizes (S,) of one position, on the same paths.

    Attributes
    ----------
    notional_usd
        Of the position.
    leverage
        Notional over the account's equity.
    call, fall, fall_se, fall_high, closed_form
        Probability of a margin call and of a liquidation within the horizon, the standard error
        of the latter and the upper end of its 90% interval, and what it would be of Brownian
        prices.
    shortfall
        Expected shortfall, a fraction of the equity; a gain is below 0.
    calm, stressed
        Slippage of closing the position, a fraction of it, in a calm book and in one thinned as
        when orders are forced.
    """

    notional_usd: Floats
    leverage: Floats
    call: Floats
    fall: Floats
    fall_se: Floats
    fall_high: Floats
    closed_form: Floats
    shortfall: Floats
    calm: Floats
    stressed: Floats

    def at(self, chosen: Mask) -> Curve:
        """The curve at some of its sizes."""
        return Curve(**{f.name: getattr(self, f.name)[chosen] for f in fields(self)})


@dataclass(frozen=True, slots=True, eq=False)
class Sizing:
    """How large a position may be.

    Attributes
    ----------
    resizing, wanted
        Of what, and within which limits.
    limits
        Largest notional by limit, USD; 0 where no size meets it.
    notional_usd, binding
        The least of them, and which that is; the size is 0 where it does not meet the others.
    from_usd
        Least notional that meets those limits that are looked up on the paths: above 0 where the
        position hedges others without which they are not met.
    curve
        Up to what the brackets allow.
    there
        The curve at the size recommended and at the present one.
    paths
        How many were simulated.
    """

    resizing: Resizing
    wanted: Wanted
    limits: Mapping[Bound, float]
    notional_usd: float
    binding: Bound
    from_usd: float
    curve: Curve
    there: Curve
    paths: int

    @property
    def at_odds(self) -> bool:
        """Whether each limit allows some size, but no size meets all of them."""
        return self.notional_usd <= 0.0 < self.limits[self.binding]

    @property
    def leverage(self) -> float:
        """Notional over equity at the size recommended."""
        return self.notional_usd / self.resizing.equity_usd


@dataclass(frozen=True, eq=False)
class Sizer:
    """What any size of a position means on given paths.

    Parameters
    ----------
    resizing
        The position.
    paths
        Prices of the account's assets, from its marks on.
    horizon
        Seconds.
    depth
        USD within 1% of mid by asset; dated defaults for the rest.
    law
        What closing does to the price; its thinning is that of a stressed book.
    funding
        As for :func:`seawall.desk.passages.passages`.
    fees
        Whether changing to a size is paid for: taker fee and slippage in a calm book.
    """

    resizing: Resizing
    paths: Paths
    horizon: float
    depth: Mapping[str, float] | None = None
    law: ImpactLaw = EMPIRICAL
    funding: Mapping[str, float] | None = None
    fees: bool = True

    @cached_property
    def walked(self) -> Paths:
        """The paths of the account's assets within the horizon."""
        return self.paths.of(self.resizing.base.book.assets).until(self.horizon)

    @cached_property
    def _reach(self) -> Reach:
        return Reach.of(self.walked)

    @cached_property
    def _risen(self) -> Floats:
        return self._lasting(1.0)

    @cached_property
    def _sunk(self) -> Floats:
        return self._lasting(-1.0)

    def _lasting(self, sign: float) -> Floats:
        """Shape (n, A): seconds times price over that at the start, or times its reciprocal."""
        close, lengths = self.walked.close, self.walked.lengths
        columns = [
            np.exp(sign * close[:, :, a].astype(np.float64)) @ lengths
            for a in range(close.shape[2])
        ]
        return np.stack(columns, axis=1)

    @property
    def resting(self) -> float:
        """USD within 1% of mid of the position's asset, in a calm book."""
        return float(depth_of((self.resizing.asset,), _of(self.depth, self.resizing)).values[0])

    def slippage(self, notional_usd: Floats, stressed: bool) -> Floats:
        """Of closing sizes (S,), a fraction of them."""
        left = self.law.remaining if stressed else 1.0
        return slipped(notional_usd, self.resting * left, self.law)

    def deepest(self, cost: float) -> float:
        """Largest notional whose closing slips by no more than ``cost`` in a stressed book."""
        moved = -np.log1p(-cost) * (1.0 + self.law.exponent)
        return float(self.resting * self.law.remaining * (moved / 0.01) ** (1 / self.law.exponent))

    def spent(self, notional_usd: Floats, present_usd: float) -> Floats:
        """Shape (S,): USD that changing from the present size to others costs."""
        changed = np.abs(np.asarray(notional_usd) - present_usd)
        if not self.fees:
            return np.zeros_like(changed)
        return changed * (self.taker_fee + self.slippage(changed, stressed=False))

    @property
    def taker_fee(self) -> float:
        """Of the position, a fraction."""
        base, own = self.resizing.base, self.resizing.own
        given = float(base.book.positions.taker_fee[own])
        terms = base.terms[int(base.book.accounts.venue[0])]
        return terms.margin.taker_fee if np.isnan(given) else given

    def curve(self, notional_usd: Floats, present_usd: float, closed: bool = True) -> Curve:
        """The account at each size (S,); without ``closed`` its closed form is NaN."""
        r, notional = self.resizing, np.asarray(notional_usd, dtype=np.float64)
        spent = self.spent(notional, present_usd)
        made, paths = r.at(notional, spent), self.walked
        found = screened(made, paths, self._reach, funding=self.funding)
        fallen, called = found.fallen >= 0, found.called >= 0
        loss = self._loss(made) + spent[:, None]
        account, path = np.nonzero(fallen)
        closing = Closing(made, depth_of(made.book.assets, self.depth).values, self.law)
        loss[account, path] = closing.costs(found, account, path)["loss_usd"] + spent[account]
        fall, brownian = fallen.mean(axis=1), np.full(len(notional), np.nan)
        if closed:
            variance = covariance(paths, self.horizon)
            brownian = account_passage(made, variance, self.horizon, self.funding)
        return Curve(
            notional_usd=notional,
            leverage=notional / r.equity_usd,
            call=called.mean(axis=1),
            fall=fall,
            fall_se=standard_error(fall, paths.count),
            fall_high=interval(fall, paths.count)[1],
            closed_form=brownian,
            shortfall=_shortfall(loss) / r.equity_usd,
            calm=self.slippage(notional, stressed=False),
            stressed=self.slippage(notional, stressed=True),
        )

    def _loss(self, made: MarginBook) -> Floats:
        """Shape (S, n): USD lost by the end of the paths by accounts that stand."""
        book, x, paths = made.book, made.lines, self.walked
        code, inverse = book.asset_codes(), book.inverse()
        worth, carry = x.z * x.u, carries(made, self.funding)
        end = paths.close[:, -1].astype(np.float64)
        assets = 2 * len(book.assets)
        account = book.positions.account.astype(np.int64)
        at = account * assets + code + len(book.assets) * inverse
        held, paid = (
            np.bincount(at, w, len(book.accounts) * assets).reshape(-1, assets)
            for w in (worth, carry * worth)
        )
        gained, over = np.zeros((len(held), paths.count)), np.zeros((len(held), paths.count))
        for a in range(len(book.assets)):
            for column, sign in ((a, 1.0), (a + len(book.assets), -1.0)):
                if held[:, column].any():
                    gained += np.outer(held[:, column], np.expm1(sign * end[:, a]))
                    lasting = self._risen if sign > 0.0 else self._sunk
                    over += np.outer(paid[:, column], lasting[:, a])
        return (over - gained) * self.resizing.unit_usd


def size(
    sizer: Sizer,
    wanted: Wanted,
    present_usd: float | None = None,
    points: int = POINTS,
    closed: bool = True,
) -> Sizing:
    """The largest size within all limits, each limit's own, and the curve over sizes.

    Parameters
    ----------
    present_usd
        What is held now and is changed from; the position's own notional by default, 0 for a
        position that is not there yet.
    points
        Of the curve. A limit is found, from below, to a part of about ``40 / points**3``.
    closed
        Whether the closed form stands beside what is simulated.

    Raises
    ------
    InputError
        If the account carries no position, a limit is out of range, or the paths are too few for
        the probability: none of them falling would not show it.

    Notes
    -----
    The probability's limit holds for the upper end of its interval (:func:`.passages.interval`): a
    share of few paths is not known to be below it because it came out so.

    All sizes meet the same paths, so that the probability of a position alone in its account never
    falls as the size grows.
    """
    if sizer.horizon != wanted.horizon:
        sizer = replace(sizer, horizon=wanted.horizon)
    _require_shown(wanted.probability, sizer.paths.count)
    r = sizer.resizing
    present = r.present_usd if present_usd is None else present_usd
    most = r.most_usd
    grid = most * np.geomspace(_SMALLEST, 1.0, points)
    curve = sizer.curve(grid, present, closed)
    tests: dict[Bound, Callable[[Curve], Mask]] = {
        Bound.PROBABILITY: lambda c: c.fall_high <= wanted.probability,
        Bound.SHORTFALL: lambda c: c.shortfall <= wanted.shortfall,
    }
    if wanted.volatility is not None:
        target = wanted.volatility
        tests[Bound.VOLATILITY] = lambda c: _deviation(sizer, c) <= target

    def at(notional: Floats) -> Curve:
        return sizer.curve(notional, present, False)

    def within(test: Callable[[Curve], Mask]) -> float:
        return largest(grid, test(curve), lambda notional: test(at(notional)))

    limits = {name: within(test) for name, test in tests.items()}
    limits[Bound.DEPTH] = sizer.deepest(wanted.cost)
    for name, leverage in ((Bound.KELLY, wanted.kelly), (Bound.LEVERAGE, wanted.leverage)):
        if leverage is not None:
            limits[name] = leverage * r.equity_usd
    limits[Bound.BRACKETS] = most
    binding = min(limits, key=lambda name: limits[name])
    lowest = least(grid, _all(tests, curve), lambda n: _all(tests, at(n)))

    def with_present(notional_usd: float) -> Curve:
        shown = np.array([max(notional_usd, _SMALLEST * grid[0]), r.present_usd])
        return sizer.curve(shown, present, closed)

    found = limits[binding]
    there = with_present(found)
    if found > 0.0 and not all(t(there)[0] for name, t in tests.items() if name is not binding):
        # a hedge that the least limit holds below the size from which the others are met
        sound = _all(tests, curve) & (grid <= found)
        found = float(grid[sound][-1]) if sound.any() else 0.0
        there = with_present(found)
    return Sizing(r, wanted, limits, found, binding, lowest, curve, there, sizer.paths.count)


def _all(tests: Mapping[Bound, Callable[[Curve], Mask]], curve: Curve) -> Mask:
    """Shape (S,): which sizes meet every limit."""
    return np.asarray(np.all([test(curve) for test in tests.values()], axis=0))


def least_paths(probability: float) -> int:
    """Paths on which ten liquidations of that probability are expected, or the most drawn unasked.

    With fewer the upper end of the interval is more than twice the share.
    """
    return min(_MOST_UNASKED, int(np.ceil(_EXPECTED / probability - 1e-9)))


def _require_shown(probability: float, count: int) -> None:
    """Refuse a probability that no liquidation on any of the paths would not show."""
    none = float(interval(0.0, count)[1])
    if none > probability:
        raise InputError(
            Mistake(
                "too few paths for this probability",
                "--probability",
                value=f"{probability:.4g} on {count:,} paths",
                allowed=f"{none:.2g} or more on so many",
                mend=f"Give --paths {int(np.ceil(3.1 / probability)):,} or more",
            )
        )


def _shortfall(loss: Floats) -> Floats:
    """Shape (S,): mean of the worst outcomes of each row (S, n)."""
    worst = max(1, round((1.0 - SHORTFALL_LEVEL) * loss.shape[1]))
    return np.asarray(np.partition(loss, -worst, axis=1)[:, -worst:].mean(axis=1))


def _deviation(sizer: Sizer, curve: Curve) -> Floats:
    """Shape (S,): daily standard deviation of the account's equity, a fraction of it."""
    r = sizer.resizing
    book, x = r.base.book, r.base.lines
    paths = sizer.paths.of(book.assets)
    horizon = min(DAY, paths.seconds)
    sign = np.where(book.inverse(), -1.0, 1.0)
    moved = np.expm1(sign * paths.at(horizon)[:, book.asset_codes()]) * (x.z * x.u)
    own = moved[:, r.own] / r.present_usd
    others = moved.sum(axis=1) - moved[:, r.own]
    both = np.cov(own, others, bias=True) * DAY / horizon
    n = curve.notional_usd
    variance = n**2 * both[0, 0] + 2.0 * n * both[0, 1] + both[1, 1]
    return np.asarray(np.sqrt(np.maximum(variance, 0.0)) * r.unit_usd / r.equity_usd)


def _of(depth: Mapping[str, float] | None, resizing: Resizing) -> dict[str, float]:
    """The part of given depths that is of the position's asset."""
    return {a: usd for a, usd in (depth or {}).items() if a == resizing.asset}
