"""Prices to come out of blocks of the past: as they were, and as if all assets moved as one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seawall.core import InputError, Mistake
from seawall.desk.candle_sheet import DAY, Sheet
from seawall.desk.paths import Paths

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]

BLOCK_SECONDS = 7 * DAY
"""Mean length of a block: the optimal one of squared hourly changes of BTC, by Politis and White,
is 5 to 6 days, that of their sizes 10 to 11."""


def changes(sheet: Sheet) -> tuple[Floats, Floats, Floats]:
    """Log changes of close, low and high against the close before, shape (T - 1, A) each.

    Raises
    ------
    InputError
        If an asset has no price somewhere, or there are fewer than 30 days.
    """
    logs = [np.log(x) for x in (sheet.close, sheet.low, sheet.high)]
    short = [a for k, a in enumerate(sheet.assets) if not np.isfinite(logs[0][:, k]).all()]
    if short or len(sheet.time) * sheet.step < 30 * DAY:
        raise InputError(
            Mistake(
                "history too short",
                sheet.source,
                value=", ".join(short) or f"{len(sheet.time)} candles",
                allowed="30 days or more, of every asset",
            )
        )
    before = logs[0][:-1]
    return logs[0][1:] - before, logs[1][1:] - before, logs[2][1:] - before


def together(parts: tuple[Floats, Floats, Floats]) -> tuple[Floats, Floats, Floats]:
    """The same changes of each asset, reordered in time so that all rise and fall as one.

    Where the mean change of all assets is the k-th smallest, every asset gets its own k-th
    smallest; in the same way how far it fell below the lower end of the candle, and rose above
    the upper. What each asset does is kept, as is the order of rises and falls, of calm and
    storm; rank correlation is one. It is the worst case for a book of longs alone: a sum of given
    marginals is most spread out when they are comonotone (Dhaene et al., Insurance: Mathematics
    and Economics 31 (2002), 3-33).
    """
    close, low, high = parts
    near = _as_one(close)
    deep = np.minimum(near, 0.0) - _as_one(np.minimum(close, 0.0) - low)
    tall = np.maximum(near, 0.0) + _as_one(high - np.maximum(close, 0.0))
    return near, deep, tall


def _as_one(values: Floats) -> Floats:
    """Columns reordered by the rank of the mean of all: each keeps what it holds."""
    rank = np.argsort(np.argsort(values.mean(axis=1), kind="stable"), kind="stable")
    one: Floats = np.sort(values, axis=0)[rank]
    return one


def blocks(rows: int, steps: int, count: int, block: float, seed: int) -> Rows:
    """Row numbers of resampled histories, shape (count, steps), by the stationary bootstrap.

    Raises
    ------
    InputError
        If arch is missing.

    Source
    ------
    Politis and Romano, Journal of the American Statistical Association 89 (1994), 1303-1313;
    drawn by ``arch.bootstrap.StationaryBootstrap``.
    """
    try:
        from arch.bootstrap import StationaryBootstrap
    except ImportError:
        raise InputError(
            Mistake("arch is not installed", "block bootstrap", mend="pip install 'seawall[econ]'")
        ) from None
    # a resample is as long as what it is drawn from: repeats of it serve for longer paths
    repeats = -(-steps // rows)
    drawn = StationaryBootstrap(
        max(1, round(block)), np.arange(rows), seed=np.random.default_rng([seed, 0xB10C])
    )
    out = np.empty((count, repeats * rows), dtype=np.intp)
    for k in range(count):
        for r in range(repeats):
            out[k, r * rows : (r + 1) * rows] = drawn.update_indices()
    return out[:, :steps]


def resampled(
    sheet: Sheet, parts: tuple[Floats, Floats, Floats], horizon: float, count: int, seed: int
) -> Paths:
    """Paths of ``horizon`` seconds out of blocks of whole rows, mean change taken out.

    Parameters
    ----------
    parts
        What :func:`changes` or :func:`together` gives.
    """
    steps = max(1, round(horizon / sheet.step))
    close, low, high = parts
    # what went up in the past need not go on: the odds are of prices without a trend
    trend = close.mean(axis=0)
    rows = blocks(len(close), steps, count, BLOCK_SECONDS / sheet.step, seed)
    moved = (close - trend)[rows]
    before = np.cumsum(moved, axis=1) - moved
    found = [before + x[rows] - trend for x in (low, high)]
    return Paths(
        sheet.assets,
        np.arange(1.0, steps + 1.0) * sheet.step,
        (before + moved).astype(np.float32),
        *(x.astype(np.float32) for x in found),
    )
