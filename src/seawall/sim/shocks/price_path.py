"""A series of prices replayed as the outside price."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from seawall.core import InputError, Mistake, parse_time
from seawall.core.hooks import Traders
from seawall.sim.reach import Refusals
from seawall.sim.shocks import Shock, Timeline
from seawall.sim.shocks._series import read_series

Floats = NDArray[np.float64]

_BARS = ("open", "high", "low", "close")


class PricePath(Shock):
    """The outside price of one asset moves as a series did, relative to where the series begins.

    The series stands in a file or as points. Between its times the log of the price is straight;
    after its last it stays. Of ``bars`` each is walked from open to the extreme against its
    direction, to the other, to close, in equal thirds of its length.

    Assumes that the series is what the modelled venues met from outside. The record of a
    perpetual holds the cascade already: replayed, it is counted twice. The run's own noise of the
    outside price comes on top; set its volatility to 0 for the series alone.
    """

    title: ClassVar[str] = "Price path"
    source: ClassVar[str] = "The series named; the walk within a bar is a convention"

    asset: str = Field(description="Asset that moves")
    points: tuple[tuple[float, float], ...] = Field(
        (), description="Pairs of time, s, and price, USD (any unit: only ratios count)"
    )
    file: str = Field("", description="File with the series: .csv, .csv.gz or .parquet")
    time: str = Field("time", description="Column of times: timestamps, ISO 8601 or epoch numbers")
    price: str = Field("close", description="Column of prices, USD; not used with bars")
    only: dict[str, str] = Field(
        default_factory=dict, description="Value by column that a row must have to be read"
    )
    bars: bool = Field(
        False, description="Whether rows are bars with open, high, low, close that begin at `time`"
    )
    begin: str = Field(
        "", description="Time in the file that `at` stands for, ISO 8601 or s; its first if empty"
    )
    at: float = Field(0.0, ge=0, le=1e9, description="When the series begins in the run, s")

    def apply(self, timeline: Timeline, traders: Traders) -> None:
        """Add the path to the outside price."""
        floor = timeline.floor
        refusals = Refusals(self, floor)
        refusals.assets([self.asset], "asset")
        refusals.begins("at", self.at)
        if bool(self.file) == bool(self.points):
            got = f"file {self.file!r}, {len(self.points)} points"
            refusals.add("file", "neither or both given", got, "either file or points")
        refusals.refuse()
        times, prices = self._read() if self.file else self._points(refusals)
        begin = times[0]
        if self.begin:
            begin = _second(self.begin)
        if not times[0] <= begin < times[-1]:
            allowed = f"from {_shown(times[0])} to before {_shown(times[-1])}"
            refusals.add("begin", "outside the series", self.begin or _shown(begin), allowed)
        refusals.refuse()
        path = np.interp(timeline.seconds() - self.at + begin, times, np.log(prices))
        path -= np.interp(begin, times, np.log(prices))
        path[timeline.seconds() < self.at] = 0.0
        timeline.outside[:, floor.assets.index(self.asset)] += path

    def _points(self, refusals: Refusals) -> tuple[Floats, Floats]:
        table = np.array(self.points, dtype=np.float64)
        for k, (second, price) in enumerate(self.points):
            if not (np.isfinite(price) and price > 0):
                refusals.add(f"points.{k}", "price out of range", price, "above 0, USD")
            if not np.isfinite(second) or (k > 0 and not second > self.points[k - 1][0]):
                refusals.add(
                    f"points.{k}", "time out of order", second, "later than the one before"
                )
        refusals.refuse()
        return table[:, 0], table[:, 1]

    def _read(self) -> tuple[Floats, Floats]:
        columns = _BARS if self.bars else (self.price,)
        times, values = read_series(Path(self.file), self.time, columns, self.only)
        if not self.bars:
            return times, values[:, 0]
        if len(times) < 2:
            raise InputError(
                Mistake("a single bar, of unknown length", self.file, value="1 row", allowed="2")
            )
        return _walk(times, values)


def _walk(times: Floats, bars: Floats) -> tuple[Floats, Floats]:
    """Corner points of the way through each bar: against its direction first."""
    length = float(np.median(np.diff(times)))
    begin, high, low, end = bars.T
    rises = end >= begin
    legs = np.stack((np.where(rises, low, high), np.where(rises, high, low), end), axis=1)
    when = times[:, None] + length * np.array([1.0, 2.0, 3.0]) / 3.0
    return (
        np.concatenate((times[:1], when.ravel())),
        np.concatenate((begin[:1], legs.ravel())),
    )


def _second(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return parse_time(text) / 1e9


def _shown(second: float) -> str:
    if second > 1e8:
        return f"{np.datetime64(round(second), 's')}Z"
    return f"{second:g}"
