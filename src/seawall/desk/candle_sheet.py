"""Candles of many assets side by side, each from its own first to its own last hour.

A portfolio is drawn from assets listed at different times: here a price that does not exist yet
is NaN, whereas a gap inside an asset's history is refused.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seawall.core import InputError, Mistake
from seawall.desk.candle_files import SHOWN, VOLUME, Rows, checked, clock, gaps, read_rows, step_of

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

DAY, HOUR = 86_400, 3_600
NS = 1_000_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Sheet:
    """Candles by time and asset.

    Attributes
    ----------
    assets
        Names of the columns.
    time
        Shape (T,): UTC ns at the start of each candle, evenly spaced.
    step
        Seconds of a candle.
    low, high, close
        Shape (T, A): USD; NaN before an asset's first and after its last candle.
    traded_usd
        Shape (T, A): volume times close; NaN where the file has no volume.
    source
        The file.
    """

    assets: tuple[str, ...]
    time: Ints
    step: int
    low: Floats
    high: Floats
    close: Floats
    traded_usd: Floats
    source: str

    def at(self, assets: Sequence[str]) -> Sheet:
        """The same candles of these assets, in this order.

        Raises
        ------
        InputError
            If one has no prices.
        """
        missing = [a for a in assets if a not in self.assets]
        if missing:
            raise InputError(
                Mistake(
                    "no prices",
                    self.source,
                    value=", ".join(missing),
                    allowed=", ".join(self.assets),
                )
            )
        k = [self.assets.index(a) for a in assets]
        return replace(
            self,
            assets=tuple(assets),
            low=self.low[:, k],
            high=self.high[:, k],
            close=self.close[:, k],
            traded_usd=self.traded_usd[:, k],
        )

    def between(self, start: int, end: int) -> Sheet:
        """Candles that start at ``start`` or later and before ``end``, UTC ns."""
        a, b = np.searchsorted(self.time, (start, end))
        return replace(
            self,
            time=self.time[a:b],
            low=self.low[a:b],
            high=self.high[a:b],
            close=self.close[a:b],
            traded_usd=self.traded_usd[a:b],
        )

    def hourly(self) -> Sheet:
        """The same in candles of an hour, whole hours alone; longer candles stay as they are."""
        per_hour = HOUR // self.step
        if per_hour < 2 or HOUR % self.step:
            return self
        first = int(np.argmax(self.time % (HOUR * NS) == 0))
        hours = (len(self.time) - first) // per_hour
        rows = slice(first, first + hours * per_hour)
        shape = (hours, per_hour, len(self.assets))
        return replace(
            self,
            time=self.time[rows][::per_hour],
            step=HOUR,
            low=self.low[rows].reshape(shape).min(axis=1),
            high=self.high[rows].reshape(shape).max(axis=1),
            close=self.close[rows].reshape(shape)[:, -1],
            traded_usd=self.traded_usd[rows].reshape(shape).sum(axis=1),
        )

    def daily_closes(self) -> tuple[Ints, Floats]:
        """Ends of UTC days, ns, and the close of the last candle of each; shapes (D,), (D, A)."""
        ends = self.time + self.step * NS
        k = np.flatnonzero(ends % (DAY * NS) == 0)
        return ends[k], self.close[k]


def read_sheet(path: str | os.PathLike[str], assets: Sequence[str] | None = None) -> Sheet:
    """Candles of a file with a column of assets, or of a folder with a file an asset.

    Raises
    ------
    InputError
        If it holds no candles, an asset asked for is not in it, a time comes twice, a candle
        cannot be, or a history has gaps: all of them at once.
    """
    source = Path(os.fspath(path))
    found = read_rows(source, assets)
    return _side_by_side(found if assets else dict(sorted(found.items())), str(source))


def _side_by_side(found: Mapping[str, Rows], source: str) -> Sheet:
    """Every asset from its own first to its own last candle."""
    mistakes: list[Mistake] = []
    ordered = {a: checked(a, rows, source, mistakes) for a, rows in found.items()}
    if mistakes:
        raise InputError(mistakes[:SHOWN], total=len(mistakes))
    step = step_of(ordered)
    for asset, rows in ordered.items():
        own = clock(int(rows.time[0]), int(rows.time[-1]), step)
        mistakes += gaps(asset, rows.time, own, step, source)
    if mistakes:
        raise InputError(mistakes[:SHOWN], total=len(mistakes))
    start = min(int(rows.time[0]) for rows in ordered.values())
    end = max(int(rows.time[-1]) for rows in ordered.values())
    time = clock(start, end, step)
    out = {k: np.full((len(time), len(ordered)), np.nan) for k in ("low", "high", "close", VOLUME)}
    for column, rows in enumerate(ordered.values()):
        at = (rows.time - start) // step
        for key, into in out.items():
            if key in rows.values:
                into[at, column] = rows.values[key]
    traded = out[VOLUME] * out["close"]
    names = tuple(ordered)
    return Sheet(names, time, step // NS, out["low"], out["high"], out["close"], traded, source)
