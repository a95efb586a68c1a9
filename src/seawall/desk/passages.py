"""When accounts are called and fall on simulated paths of prices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seawall._jit import share_out, workers
from seawall.core import InputError, Mistake
from seawall.desk import _walk as kernels
from seawall.desk.paths import Paths
from seawall.margin import Lines, MarginBook

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

CALL_RATIO = 0.8
"""Margin ratio (maintenance / equity) at which a trader is called; 1 is liquidation."""
CLOSING_SECONDS = 30.0
"""Seconds from the fall of an account to the closing of its positions."""
_HOURS_OF_A_RATE = 8.0
_PARTS = 8


@dataclass(frozen=True, slots=True, eq=False)
class Passages:
    """First passages of m margin accounts over n paths.

    Attributes
    ----------
    paths
        The prices, of the book's assets in the book's order.
    called, fallen
        Shape (m, n): step within which an account is called, and falls; -1 never. An account
        that falls has been called.
    point, share
        Shape (m, n): of a fall, which of a step's lowest, highest and closing prices it was met
        at, and how far from the close before to there the prices were when it was closed.
    equity
        Shape (m, n): of a fall, what the account had then before the costs of closing,
        settlement currency; < 0 is owed.
    gap
        Shape (m, n): of a fall, what it lost between its fall and then, >= 0.
    first
        Number of the first of the m accounts.
    """

    paths: Paths
    called: NDArray[np.int32]
    fallen: NDArray[np.int32]
    point: NDArray[np.int8]
    share: Floats
    equity: Floats
    gap: Floats
    first: int = 0

    def called_by(self, horizon: float) -> Mask:
        """Shape (m, n): whether an account was called within ``horizon`` seconds."""
        return (self.called >= 0) & (self.called < self.paths.steps(horizon))

    def fallen_by(self, horizon: float) -> Mask:
        """Shape (m, n): whether an account fell within ``horizon`` seconds."""
        return (self.fallen >= 0) & (self.fallen < self.paths.steps(horizon))

    def probability(self, horizon: float) -> Floats:
        """Shape (m,): share of the paths on which an account falls."""
        return np.asarray(self.fallen_by(horizon).mean(axis=1))


def standard_error(probability: Floats, count: int) -> Floats:
    """Monte-Carlo standard error of a share of ``count`` paths.

    Of none or all of them the share is not known exactly: the error is then that of half a path.
    """
    held = np.clip(probability, 0.5 / count, 1.0 - 0.5 / count)
    return np.sqrt(held * (1.0 - held) / count)


def interval(probability: ArrayLike, count: int) -> tuple[Floats, Floats]:
    """Ends of the 90% interval of a share of ``count`` paths: exact, also of none and all of them.

    Shapes as that of ``probability``. Each end is wrong in at most 5% of draws; of no path in n
    the upper end is ``1 - 0.05**(1 / n)``, about 3 / n.

    Source: Clopper and Pearson, *Biometrika* 26 (1934).
    """
    from scipy.special import betaincinv

    hits = np.rint(np.asarray(probability, dtype=np.float64) * count)
    least = betaincinv(np.maximum(hits, 1e-300), count - hits + 1.0, 0.05)
    most = betaincinv(hits + 1.0, np.maximum(count - hits, 1e-300), 0.95)
    return np.where(hits > 0, least, 0.0), np.where(hits < count, most, 1.0)


def passages(
    margin: MarginBook,
    paths: Paths,
    *,
    call_ratio: float = CALL_RATIO,
    funding: Mapping[str, float] | None = None,
    closing_seconds: float = CLOSING_SECONDS,
    accounts: tuple[int, int] | None = None,
) -> Passages:
    """Walk every account of a book along paths of its assets' prices.

    Parameters
    ----------
    margin
        The book under its venues' rules; paths start at its marks.
    paths
        Prices of the book's assets and perhaps of others.
    call_ratio
        Margin ratio at which a trader is called, above 0, at most 1.
    funding
        Rate per 8 hours by asset, a fraction, > 0 is paid by longs; the venue's interest for the
        rest. Paid as time passes.
    closing_seconds
        From the fall of an account to the closing of its positions.
    accounts
        The first account to walk and the one after the last; all by default.

    Raises
    ------
    InputError
        If an asset has no prices or an argument is out of range.

    Notes
    -----
    The same paths under another book are common random numbers: the difference of two
    probabilities is then known better than either.
    """
    if not 0.0 < call_ratio <= 1.0:
        raise InputError(
            Mistake("out of range", "call_ratio", value=str(call_ratio), allowed="above 0, up to 1")
        )
    book = margin.book
    paths = paths.of(book.assets)
    a, b = accounts or (0, len(book.accounts))
    shape, m = (b - a, paths.count), len(book.accounts)
    found = Passages(
        paths,
        called=np.empty(shape, dtype=np.int32),
        fallen=np.empty(shape, dtype=np.int32),
        point=np.zeros(shape, dtype=np.int8),
        share=np.zeros(shape),
        equity=np.zeros(shape),
        gap=np.zeros(shape),
        first=a,
    )
    account, x = book.positions.account, margin.lines
    cash = margin.balance - np.bincount(account, x.z * x.u0, m)
    fixed = np.bincount(account, x.fixed, m).astype(np.float64)
    columns = columns_of(margin, margin.order, funding)

    def part(first: int, last: int) -> None:
        step = max(1, (last - first) // _PARTS)
        for begin in range(first, last, step):
            kernels.walk(
                begin, min(begin + step, last), margin.start[a : b + 1], *columns,
                cash[a:b], fixed[a:b], call_ratio, paths.lengths, closing_seconds, paths.close,
                paths.low, paths.high, found.called, found.fallen, found.point, found.share,
                found.equity, found.gap,
            )  # fmt: skip

    share_out(paths.count, part, workers() if paths.count * len(book) > 1_000 else 1)
    return found


def columns_of(
    margin: MarginBook, held: NDArray[np.int64], funding: Mapping[str, float] | None
) -> tuple[NDArray[Any], ...]:
    """The positions ``held`` as the kernels read them: (h,) each, then the tables of brackets."""
    book, x = margin.book, margin.lines
    driver = book.asset_codes() + len(book.assets) * book.inverse()
    table = x.table[held]
    return (
        (x.z * x.u)[held], driver[held].astype(np.int64), carries(margin, funding)[held], table,
        x.add[held], _first_edges(x)[table], x.rates[table, 0] + x.add[held],
        x.deductions[table, 0], x.rates, x.deductions, x.curves,
    )  # fmt: skip


def _first_edges(x: Lines) -> Floats:
    """Shape (T,): value up to which the first line of each table is the greatest."""
    above = x.rates - x.rates[:, :1]
    with np.errstate(divide="ignore", invalid="ignore"):
        meets = np.where(above > 0.0, (x.deductions - x.deductions[:, :1]) / above, np.inf)
    return np.asarray(meets.min(axis=1))


def carries(margin: MarginBook, funding: Mapping[str, float] | None = None) -> Floats:
    """Shape (n,): what a position pays a second for each unit of ``z * u``.

    The sign is that of the exposure: the long of an inverse contract has ``z`` < 0 and pays.

    Raises
    ------
    InputError
        If ``funding`` names an asset that is not in the book, or a rate is not finite.
    """
    book = margin.book
    given = funding or {}
    wrong = [
        Mistake("funding of an asset that is not in the book", value=a,
                allowed=", ".join(book.assets))
        for a in given if a not in book.assets
    ] + [
        Mistake("not a finite rate", "funding", value=f"{a}={r}")
        for a, r in given.items() if not np.isfinite(r)
    ]  # fmt: skip
    if wrong:
        raise InputError(wrong)
    usual = np.array(
        [t.funding.interest / (t.funding.interval_hours * 3_600.0) for t in margin.terms]
    )[margin.venue_of_positions()]
    by_asset = np.array([given.get(a, np.nan) for a in book.assets])
    rate = by_asset[book.asset_codes()] / (_HOURS_OF_A_RATE * 3_600.0)
    rate = np.where(np.isnan(rate), usual, rate)
    return np.where(book.inverse(), -rate, rate)
