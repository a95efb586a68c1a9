"""What becomes of stops on simulated paths: they fire, or the liquidation comes first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from seawall.desk._walk import HIGH, LOW
from seawall.desk.closed_form import touch_probability
from seawall.desk.closing import slipped
from seawall.desk.odds import HORIZONS
from seawall.desk.passages import Passages, carries, passages, standard_error
from seawall.desk.paths import DAY, Paths, covariance
from seawall.desk.resizing import Resizing
from seawall.desk.stop_after import Rest
from seawall.desk.triggers import Trigger
from seawall.liquidity import EMPIRICAL, ImpactLaw, depth_of

Floats = NDArray[np.float64]

DELAY = 10.0
"""Seconds from a stop's trigger to its fill."""
_LATE = 0.99
_ENOUGH = 100


@dataclass(frozen=True, slots=True, eq=False)
class Firing:
    """What becomes of K stops over H horizons, shape (K, H), or of each, shape (K,).

    Attributes
    ----------
    price
        USD.
    fires, fires_se
        Probability that it fires and fills before any liquidation of its account.
    liquidated, liquidated_se
        Probability that the account is liquidated before that.
    after, after_se
        Probability that the stop fills and the rest of the account is liquidated thereafter.
    total, total_se
        Probability that the account is liquidated at all: the two together.
    change_se
        Standard error of ``total`` less the probability without a stop, on the same paths.
    closed_form
        Probability that a Brownian price touches it.
    gap
        Mean of how far the price goes on between trigger and fill, a fraction of the stop's price;
        NaN where it never fires.
    calm, stressed
        Shape (K,): slippage of the order, a fraction, in a calm and in a stressed book.
    """

    price: Floats
    fires: Floats
    fires_se: Floats
    liquidated: Floats
    liquidated_se: Floats
    after: Floats
    after_se: Floats
    total: Floats
    total_se: Floats
    change_se: Floats
    closed_form: Floats
    gap: Floats
    calm: Floats
    stressed: Floats


@dataclass(frozen=True, slots=True)
class Needed:
    """Least distance of a stop from the liquidation price, a fraction of that, and its parts.

    ``slippage`` is that of the order in a stressed book, ``gap`` how far the price goes on until it
    fills (no farther on 99% of the paths), ``lag`` what a trigger other than the mark may be behind
    it, ``funding`` by how much funding moves the liquidation price within the longest horizon,
    ``extra`` what is asked for beyond.
    """

    slippage: float
    gap: float
    lag: float
    funding: float
    extra: float

    @property
    def total(self) -> float:
        """All together."""
        return self.slippage + self.gap + self.lag + self.funding + self.extra


@dataclass(frozen=True, eq=False)
class Stops:
    """Stops of one position on given paths.

    Parameters
    ----------
    resizing
        The position, with its account.
    paths
        Prices of the account's assets, from its marks on.
    horizons
        Seconds.
    depth, law, funding
        As for :func:`seawall.desk.odds.odds`.
    delay
        Seconds from trigger to fill.
    """

    resizing: Resizing
    paths: Paths
    horizons: Sequence[float] = HORIZONS
    depth: Mapping[str, float] | None = None
    law: ImpactLaw = EMPIRICAL
    funding: Mapping[str, float] | None = None
    delay: float = DELAY

    @property
    def fee(self) -> float:
        """Of its fill, a fraction of what it closes."""
        return self._rest.fee

    @property
    def mark(self) -> float:
        """USD."""
        return float(self.resizing.base.book.positions.mark[self.resizing.own])

    @cached_property
    def liquidation(self) -> float:
        """Price against the position at which its account falls, USD; NaN if there is none."""
        price = float(self.resizing.base.liquidation_price()[self.resizing.own])
        return price if (self.mark - price) * self.resizing.side > 0.0 else np.nan

    @cached_property
    def _walked(self) -> Passages:
        """The account's own falls, closed where they were met."""
        return passages(self.resizing.base, self.paths, funding=self.funding, closing_seconds=0.0)

    @cached_property
    def _own(self) -> tuple[Floats, Floats]:
        """Shape (n, T): price over mark at the close before each step and at its worst point."""
        paths = self.paths.of(self.resizing.base.book.assets)
        a = int(self.resizing.base.book.asset_codes()[self.resizing.own])
        worst = (paths.low if self.resizing.side > 0 else paths.high)[:, :, a].astype(np.float64)
        close = paths.close[:, :, a].astype(np.float64)
        before = np.hstack((np.zeros((len(close), 1)), close[:, :-1]))
        return np.exp(before), np.exp(worst)

    @cached_property
    def daily_sigma(self) -> float:
        """Standard deviation of the log price over a day."""
        return self._sigma(min(DAY, self.paths.seconds))

    def _sigma(self, horizon: float) -> float:
        """The same over another horizon, a day of it: volatility returns to its level."""
        return float(np.sqrt(covariance(self.paths.of((self.resizing.asset,)), horizon)[0, 0]))

    def slippage(self, price: Floats, stressed: bool) -> Floats:
        """Of closing the position at prices (K,), a fraction."""
        r = self.resizing
        resting = depth_of(r.base.book.assets, self.depth).values
        a = int(r.base.book.asset_codes()[r.own])
        inverse = bool(r.base.book.inverse()[r.own])
        usd = r.present_usd * (np.ones_like(price) if inverse else price / self.mark)
        left = self.law.remaining if stressed else 1.0
        return slipped(usd, resting[a] * left, self.law)

    def needed(self, trigger: Trigger, extra: float = 0.0) -> Needed:
        """Least distance from the liquidation price.

        The gap is that of the worst step of a path, or, where a hundred paths get as far as the
        liquidation price, that of a stop standing there.
        """
        before, worst = self._own
        against = np.maximum((before - worst) / before * self.resizing.side, 0.0)
        on = np.minimum(1.0, np.sqrt(self.delay / self.paths.lengths))
        gap = float(np.quantile((against * on).max(axis=1), _LATE))
        if np.isfinite(self.liquidation):
            touched, _, _, on_way = self._touched(self.liquidation)
            there = on_way[touched < len(self.paths.ends)]
            if len(there) >= _ENOUGH:
                gap = max(gap, float(np.quantile(there, _LATE)))
        slippage = float(self.slippage(np.array([self.mark]), stressed=True)[0])
        return Needed(slippage, gap, trigger.lag, self._drained(), extra)

    def _drained(self) -> float:
        """What funding takes of the account in the longest horizon, over the position's value."""
        x = self.resizing.base.lines
        worth = x.z * x.u
        taken = float((carries(self.resizing.base, self.funding) * worth).sum())
        return max(0.0, taken * max(self.horizons) / abs(float(worth[self.resizing.own])))

    def firing(self, price: Floats) -> Firing:
        """What becomes of stops at prices (K,), each alone."""
        price = np.asarray(price, dtype=np.float64)
        rows = [self._fired(float(p)) for p in price]
        count = self.paths.count
        fires, liquidated, after, total, changed, gap = (
            np.stack([row[k] for row in rows]) for k in range(6)
        )
        apart = np.log(price / self.mark)
        touched = [touch_probability(apart, self._sigma(h), h) for h in self.horizons]
        return Firing(
            price=price,
            fires=fires,
            fires_se=standard_error(fires, count),
            liquidated=liquidated,
            liquidated_se=standard_error(liquidated, count),
            after=after,
            after_se=standard_error(after, count),
            total=total,
            total_se=standard_error(total, count),
            change_se=np.sqrt(changed / count),
            closed_form=np.stack(touched, axis=1),
            gap=gap,
            calm=self.slippage(price, stressed=False),
            stressed=self.slippage(price, stressed=True),
        )

    def _fired(self, price: float) -> tuple[Floats, ...]:
        """What becomes of one stop, by horizon: shares of the paths, and the mean gap.

        The shares are those on which it fires, is too late, is followed by a liquidation, on
        which the account is liquidated at all, and on which the stop decides whether it is.
        """
        touched, filled, worst_at, gap = self._touched(price)
        steps = len(self.paths.ends)
        fallen = np.where(self._walked.fallen[0] >= 0, self._walked.fallen[0], steps)
        # in a step of both, the account's way to its fall is compared with the stop's to its fill
        sooner = (self._walked.share[0] < filled) | (self._walked.point[0] == worst_at)
        late = (fallen < touched) | ((fallen == touched) & (fallen < steps) & sooner)
        fires = (touched < steps) & ~late
        begin = np.where(fires, touched, steps)
        rest = self._rest.fallen(begin, self._fills(price, touched, filled))
        rest = np.where(rest >= 0, rest, steps)
        shares = []
        for horizon in self.horizons:
            last = self.paths.steps(horizon)
            mine, first = fires & (touched < last), late & (fallen < last)
            after = rest < last
            mean = gap[mine].mean() if mine.any() else np.nan
            parts = (mine, first, after, first | after, (first | after) != (fallen < last))
            shares.append((*(p.mean() for p in parts), mean))
        return tuple(np.array(x) for x in zip(*shares, strict=True))

    @cached_property
    def _rest(self) -> Rest:
        """The account without the position."""
        return Rest(self.resizing.base, self.resizing.own, self.paths, self.funding)

    def _fills(self, price: float, touched: NDArray[np.int64], filled: Floats) -> Floats:
        """Shape (n,): price over mark at which a stop fills, with its slippage in a thin book."""
        before, worst = self._own
        path, at = np.arange(len(touched)), np.minimum(touched, before.shape[1] - 1)
        start, end = before[path, at], worst[path, at]
        slipped = float(self.slippage(np.array([price]), stressed=True)[0])
        return np.asarray((start + filled * (end - start)) * (1.0 - self.resizing.side * slipped))

    def _touched(self, price: float) -> tuple[NDArray[np.int64], Floats, int, Floats]:
        """The step in which a stop is touched, the share of its way at which it fills, and the gap.

        Shape (n,) each, the step that of the end where it is not; third, which of a step's points
        is the one at which the position does best.
        """
        side, level = self.resizing.side, price / self.mark
        before, worst = self._own
        beyond = (worst - level) * side <= 0.0
        n, steps = beyond.shape
        touched = np.where(beyond.any(axis=1), beyond.argmax(axis=1), steps)
        path, at = np.arange(n), np.minimum(touched, steps - 1)
        start, end = before[path, at], worst[path, at]
        with np.errstate(divide="ignore", invalid="ignore"):
            met = np.clip((start - level) / (start - end), 0.0, 1.0)
        on = np.minimum(1.0, np.sqrt(self.delay / self.paths.lengths[at]))
        filled = met + (1.0 - met) * on
        return touched, filled, HIGH if side > 0 else LOW, (filled - met) * abs(start - end) / level

    @cached_property
    def unprotected(self) -> Floats:
        """Shape (H,): probability that the account is liquidated, without any stop."""
        return np.array([self._walked.probability(h)[0] for h in self.horizons])
