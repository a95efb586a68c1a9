"""Candles of many assets side by side, each from its own first to its own last hour.

A portfolio is drawn from assets listed at different times: here a price that does not exist yet
is NaN, whereas a gap inside an asset's history is refused.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seawall.core import InputError, Mistake, format_time
from seawall.ingest.history import Series, What, read_history

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
        If it holds no candles, an asset asked for is not in it, a time comes twice, prices are
        not above 0, or a history has gaps: all of them at once.
    """
    source = Path(os.fspath(path))
    files = sorted(p for p in source.iterdir() if p.is_file()) if source.is_dir() else [source]
    if not files:
        raise InputError(Mistake("no files", str(source), allowed="one file of candles an asset"))
    found: dict[str, Series] = {}
    for file in files:
        found |= _by_asset(file)
    absent = [a for a in assets or () if a not in found]
    if absent:
        raise InputError(
            Mistake(
                "no prices", str(source), value=", ".join(absent), allowed=", ".join(sorted(found))
            )
        )
    names = tuple(assets or sorted(found))
    return _aligned(names, [found[a] for a in names], str(source))


def _by_asset(file: Path) -> dict[str, Series]:
    history = read_history(file)
    if history.what is not What.CANDLES or history.series is None:
        raise InputError(
            Mistake("no candles", str(file), value=str(history.what), allowed="candles")
        )
    series = history.series
    key = next((k for k in ("asset", "symbol", "instrument") if k in series.names), None)
    if key is None:
        return {file.stem: series}
    labels = series.names[key]
    return {
        name: Series(
            series.time[labels.codes == k],
            {},
            {column: v[labels.codes == k] for column, v in series.values.items()},
        )
        for k, name in enumerate(labels.names)
    }


def _aligned(names: tuple[str, ...], parts: list[Series], source: str) -> Sheet:
    steps = [int(np.median(np.diff(np.sort(p.time)))) for p in parts if len(p) > 1]
    if not steps:
        raise InputError(Mistake("history too short", source, allowed="two candles or more"))
    step = min(steps)
    start = min(int(p.time.min()) for p in parts)
    end = max(int(p.time.max()) for p in parts)
    time = np.arange(start, end + step, step, dtype=np.int64) if step > 0 else np.empty(0, np.int64)
    mistakes: list[Mistake] = []
    out = {k: np.full((len(time), len(names)), np.nan) for k in ("low", "high", "close", "volume")}
    for column, (name, part) in enumerate(zip(names, parts, strict=True)):
        order = np.argsort(part.time, kind="stable")
        mistakes += _faults(name, part, order, step, source)
        if mistakes:
            continue
        rows = (part.time[order] - start) // step
        for key, into in out.items():
            if key in part.values:
                into[rows, column] = part.values[key][order]
    if mistakes:
        raise InputError(mistakes)
    traded = out["volume"] * out["close"]
    return Sheet(names, time, step // NS, out["low"], out["high"], out["close"], traded, source)


def _faults(
    name: str, part: Series, order: NDArray[np.intp], step: int, source: str
) -> list[Mistake]:
    """What is wrong with one asset's candles."""
    time = part.time[order]
    jumps = np.diff(time)
    mistakes = []
    if np.any(jumps == 0):
        when = format_time(int(time[np.argmax(jumps == 0)]))
        mistakes.append(
            Mistake(f"{name}: a time comes twice", source, value=when, allowed="one candle a time")
        )
    wide = np.flatnonzero((jumps != step) & (jumps != 0))
    if wide.size:
        mistakes.append(
            Mistake(
                f"{name}: {wide.size} gap(s) in the history",
                source,
                value=f"after {format_time(int(time[wide[0]]))}",
                allowed=f"a candle every {step // NS} s from the first to the last",
                mend="Fetch the missing candles, or leave the asset out",
            )
        )
    for key in ("low", "high", "close"):
        values = part.values.get(key)
        if values is None or not bool(np.all(np.isfinite(values) & (values > 0))):
            mistakes.append(
                Mistake(f"{name}: {key} is not a price everywhere", source, allowed="above 0")
            )
    return mistakes
