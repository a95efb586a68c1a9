"""The odds of a book: how likely each account is called and falls, and what that costs it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seawall.desk.closed_form import account_passage
from seawall.desk.closing import Closing
from seawall.desk.odds_positions import COSTS, shares_of_costs
from seawall.desk.passages import (
    CALL_RATIO,
    CLOSING_SECONDS,
    Passages,
    carries,
    passages,
    standard_error,
)
from seawall.desk.paths import DAY, Paths, covariance
from seawall.liquidity import EMPIRICAL, ImpactLaw, depth_of
from seawall.margin import MarginBook

Floats = NDArray[np.float64]

HOUR = 3_600.0
HORIZONS = (HOUR, DAY, 7 * DAY)
"""Seconds: an hour, a day, a week."""
_CELLS = 4_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Odds:
    """Odds of m accounts with n positions over H horizons.

    Attributes
    ----------
    horizons
        Seconds.
    paths
        How many were simulated.
    call, call_se, fall, fall_se
        Shape (m, H): probability that the account is called, and that it falls, with their
        Monte-Carlo standard errors.
    closed_form
        Shape (m, H): probability that it falls if prices were Brownian with the same covariance at
        the horizon.
    loss_usd
        Shape (m, H): what a fall costs the trader, of the equity at the marks; mean over the
        paths on which the account falls, NaN if it falls on none.
    gap_usd, slippage_usd, fees_usd
        Shape (m, H): parts of it: what prices took while the account was being closed, what
        closing moved them by, and fees.
    shortfall_usd
        Shape (m, H): mean of what is then owed beyond the account's margin; not the trader's.
    sigmas
        Shape (m,): excess over the standard deviation of a day's change of equity.
    funding_seconds
        Shape (m,): time to the fall if only funding is paid and no price moves; infinite where
        it is received.
    touch, touch_se
        Shape (n, H): probability that the position's own price reaches its liquidation price.
    position_loss_usd, position_gap_usd, position_slippage_usd, position_fees_usd
        Shape (n, H): what each position adds to those of its account. Of positions that gain in
        its falls the loss is below 0.
    position_funding_seconds
        Shape (n,): time to the fall of its account if only this position's funding is paid.
    position_sigmas
        Shape (n,): log distance of the liquidation price in standard deviations of a day.
    volatility
        Shape (A,): standard deviation of the log change over a day on the paths.
    call_ratio
        Margin ratio at which an account is called.
    """

    horizons: tuple[float, ...]
    paths: int
    call: Floats
    call_se: Floats
    fall: Floats
    fall_se: Floats
    closed_form: Floats
    loss_usd: Floats
    gap_usd: Floats
    slippage_usd: Floats
    fees_usd: Floats
    shortfall_usd: Floats
    sigmas: Floats
    funding_seconds: Floats
    touch: Floats
    touch_se: Floats
    position_loss_usd: Floats
    position_gap_usd: Floats
    position_slippage_usd: Floats
    position_fees_usd: Floats
    position_funding_seconds: Floats
    position_sigmas: Floats
    volatility: Floats
    call_ratio: float


def odds(
    margin: MarginBook,
    paths: Paths,
    horizons: Sequence[float] = HORIZONS,
    *,
    call_ratio: float = CALL_RATIO,
    funding: Mapping[str, float] | None = None,
    depth: Mapping[str, float] | None = None,
    law: ImpactLaw = EMPIRICAL,
    closing_seconds: float = CLOSING_SECONDS,
) -> Odds:
    """How likely each account of a book is called and liquidated, and what that costs.

    Parameters
    ----------
    margin
        The book under its venues' rules.
    paths
        Prices of its assets, from its marks on.
    horizons
        Seconds; each must end with a step of the paths.
    call_ratio, funding, closing_seconds
        As for :func:`seawall.desk.passages.passages`.
    depth
        USD within 1% of mid by asset; dated defaults for the rest.
    law
        What closing does to the price. Its thinning is that of a stressed book.

    Raises
    ------
    InputError
        If an asset has no prices, or an argument is out of range.
    """
    paths = paths.of(margin.book.assets)
    for horizon in horizons:
        paths.steps(horizon)
    volatility = _volatility(paths)
    closing = Closing(margin, depth_of(margin.book.assets, depth).values, law)
    options = {
        "call_ratio": call_ratio,
        "funding": funding,
        "closing_seconds": closing_seconds,
    }
    parts: dict[str, list[Floats]] = {name: [] for name in _COUNTED}
    own = {name: np.full((len(margin.book), len(horizons)), np.nan) for name in COSTS}
    for block in _blocks(len(margin.book.accounts), paths.count):
        found = passages(margin, paths, accounts=block, **options)  # type: ignore[arg-type]
        for name, values in _counted(found, horizons, closing, own).items():
            parts[name].append(values)
    counted = {name: np.concatenate(values) for name, values in parts.items()}
    touch = _touches(margin, paths, horizons)
    with np.errstate(divide="ignore", invalid="ignore"):
        apart = np.log(margin.liquidation_price() / margin.book.positions.mark)
    state = margin.accounts_state()
    account = margin.book.positions.account
    paid = carries(margin, funding) * margin.lines.z * margin.lines.u
    drain = np.bincount(account, paid, len(margin.book.accounts))
    spare = np.where(state.liquidatable, 0.0, np.maximum(state.excess, 0.0))
    with np.errstate(divide="ignore", invalid="ignore"):
        left = np.where(drain > 0.0, spare / drain, np.inf)
        left_alone = np.where(paid > 0.0, spare[account] / paid, np.inf)
        sigmas = state.excess / _equity_deviation(margin, paths)
        apart = apart / volatility[margin.book.asset_codes()]
    return Odds(
        horizons=tuple(horizons),
        paths=paths.count,
        call_se=standard_error(counted["call"], paths.count),
        fall_se=standard_error(counted["fall"], paths.count),
        closed_form=np.stack(
            [account_passage(margin, covariance(paths, h), h, funding) for h in horizons], axis=1
        ),
        sigmas=sigmas,
        funding_seconds=np.where(state.liquidatable, 0.0, left),
        touch=touch,
        touch_se=standard_error(touch, paths.count),
        position_funding_seconds=np.where(state.liquidatable[account], 0.0, left_alone),
        **{f"position_{name}": values for name, values in own.items()},
        position_sigmas=apart,
        volatility=volatility,
        call_ratio=call_ratio,
        **counted,
    )


_COUNTED = ("call", "fall", "loss_usd", "gap_usd", "slippage_usd", "fees_usd", "shortfall_usd")


def _blocks(accounts: int, paths: int) -> Iterator[tuple[int, int]]:
    """Accounts in blocks whose falls fit into memory."""
    many = max(1, _CELLS // paths)
    for first in range(0, accounts, many):
        yield first, min(first + many, accounts)


def _day(paths: Paths) -> tuple[Floats, float]:
    """Log changes over a day (or as long as the paths are), and days over that time."""
    horizon = min(DAY, paths.seconds)
    return paths.at(horizon), DAY / horizon


def _volatility(paths: Paths) -> Floats:
    changes, share = _day(paths)
    return np.asarray(changes.std(axis=0) * np.sqrt(share))


def _equity_deviation(margin: MarginBook, paths: Paths) -> Floats:
    """Shape (m,): standard deviation of a day's change of each account's equity."""
    book = margin.book
    changes, share = _day(paths)
    m, assets = len(book.accounts), len(book.assets)
    inverse = book.inverse()
    column = book.asset_codes() + assets * inverse
    held = np.bincount(
        book.positions.account * np.int64(2 * assets) + column,
        margin.lines.z * margin.lines.u,
        m * 2 * assets,
    ).reshape(m, 2 * assets)
    moved = np.hstack((np.expm1(changes), np.expm1(-changes)))
    covariance = np.atleast_2d(np.cov(moved.T, bias=True))
    variance = np.einsum("ij,jk,ik->i", held, covariance, held)
    return np.asarray(np.sqrt(np.maximum(variance, 0.0) * share))


def _touches(margin: MarginBook, paths: Paths, horizons: Sequence[float]) -> Floats:
    """Shape (n, H): share of the paths on which each liquidation price is reached."""
    book = margin.book
    code = book.asset_codes()
    with np.errstate(divide="ignore", invalid="ignore"):
        level = np.log(margin.liquidation_price() / book.positions.mark)
    due = margin.accounts_state().liquidatable[book.positions.account]
    out = np.zeros((len(book), len(horizons)))
    for k, horizon in enumerate(horizons):
        low, high = np.sort(paths.lowest(horizon), axis=0), np.sort(paths.highest(horizon), axis=0)
        for a in range(len(book.assets)):
            down, up = (code == a) & (level <= 0.0), (code == a) & (level > 0.0)
            out[down, k] = np.searchsorted(low[:, a], level[down], side="right")
            out[up, k] = paths.count - np.searchsorted(high[:, a], level[up], side="left")
    return np.where(due[:, None], 1.0, out / paths.count)


def _counted(
    found: Passages, horizons: Sequence[float], closing: Closing, own: dict[str, Floats]
) -> dict[str, Floats]:
    """Shares and means of a block of accounts, (block, H) each; ``own`` gets its positions'."""
    rows = found.fallen >= 0
    account, path = np.nonzero(rows)
    costs = closing.costs(found, account, path)
    shares_of_costs(found, horizons, closing, costs, own)
    out = {
        "call": np.stack([found.called_by(h).mean(axis=1) for h in horizons], axis=1),
        "fall": np.stack([found.fallen_by(h).mean(axis=1) for h in horizons], axis=1),
    }
    step = found.fallen[account, path]
    for name, values in costs.items():
        means = []
        for horizon in horizons:
            by = step < found.paths.steps(horizon)
            total = np.bincount(account[by], values[by], len(rows))
            with np.errstate(invalid="ignore"):
                means.append(total / np.bincount(account[by], minlength=len(rows)))
        out[name] = np.stack(means, axis=1)
    return out
