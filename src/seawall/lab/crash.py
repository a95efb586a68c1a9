"""What is measured on the tape of a crash: falls, recoveries, liquidations, states."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seawall.core import parse_time
from seawall.lab.tape import EventCodes, Events, Tape

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

MINUTE = 60_000_000_000


@dataclass(frozen=True, slots=True)
class Timing:
    """When a crash began and what windows its records cover, UTC nanoseconds.

    Parameters
    ----------
    start, end
        Falls and totals count from ``start`` to before ``end``.
    early
        The part of a fall made before it is told apart.
    after
        Recoveries count to just before it and to just before ``end``; totals need a tape that
        reaches it.
    window
        First and end of the replay of one venue's chain.
    traded
        First and end of the recorded volume.
    """

    start: int
    early: int
    after: int
    end: int
    window: tuple[int, int]
    traded: tuple[int, int]


def _day(clock: str) -> int:
    return parse_time(f"2025-10-10T{clock}Z")


OCTOBER = Timing(
    start=_day("20:50:00"),
    early=_day("21:10:00"),
    after=_day("22:00:00"),
    end=parse_time("2025-10-11T00:00:00Z"),
    window=(_day("21:15:00"), _day("21:27:00")),
    traded=(_day("21:09:00"), _day("22:00:00")),
)


def price_path(tape: Tape, venue: str, asset: str, when: Timing) -> dict[str, float]:
    """Fall, time of the low, recoveries, early part and range after of one market.

    Keys ``fall``, ``low_minute``, ``recovery_22``, ``recovery_24``, ``early_share`` and
    ``range_after``; NaN for those the tape does not reach, and where the price did not fall.
    """
    names = ("fall", "low_minute", "recovery_22", "recovery_24", "early_share", "range_after")
    found = dict.fromkeys(names, np.nan)
    time, price = tape.prices(venue, asset, when.start, when.end)
    if not len(price) or not tape.reaches(when.window[1]):
        return found
    opened, place = price[0], int(np.argmin(price))
    low = price[place]
    found["fall"] = 1.0 - low / opened
    found["low_minute"] = (time[place] - when.start) / MINUTE
    if low >= opened:
        return found
    found["early_share"] = (opened - price[time < when.early].min()) / (opened - low)
    if tape.reaches(when.after):
        found["recovery_22"] = (price[time < when.after][-1] - low) / (opened - low)
    if tape.reaches(when.end):
        found["recovery_24"] = (price[-1] - low) / (opened - low)
        later = price[time >= when.after]
        found["range_after"] = (later.max() - later.min()) / price[time < when.after][-1]
    return {name: float(value) for name, value in found.items()}


@dataclass(frozen=True, slots=True)
class Counted:
    """Sums over the events of a tape; NaN where it has none or ends before they do.

    Parameters
    ----------
    tape, codes
        What to count.
    """

    tape: Tape
    codes: EventCodes

    def _rows(
        self, kind: str, markets: Mask, span: tuple[int, int], until: int
    ) -> tuple[Events, Mask] | None:
        events = self.tape.events
        if events is None or not self.tape.reaches(until):
            return None
        return events, events.where(getattr(self.codes, kind), markets, *span)

    def usd(self, kind: str, markets: Mask, span: tuple[int, int], until: int) -> float:
        """USD of a kind (a name of :class:`EventCodes`); the tape must reach ``until``."""
        rows = self._rows(kind, markets, span, until)
        return float(rows[0].usd[rows[1]].sum()) if rows else np.nan

    def long_share(self, markets: Mask, span: tuple[int, int], until: int) -> float:
        """Longs in what was liquidated, USD over USD."""
        rows = self._rows("liquidated", markets, span, until)
        if not rows:
            return np.nan
        events, mask = rows
        return _ratio(events.usd[mask & (events.side > 0)].sum(), events.usd[mask].sum())

    def side_of_rows(self, kind: str, side: int, markets: Mask, span: tuple[int, int]) -> float:
        """Share of one side among pairs of account and market that were met."""
        rows = self._rows(kind, markets, span, span[1])
        if not rows:
            return np.nan
        events, mask = rows
        signs = np.sign(events.side[mask])
        pairs = np.stack((events.account[mask], events.market[mask], signs), axis=1)
        met = np.unique(pairs, axis=0)
        return _ratio((met[:, 2] == side).sum(), len(met))

    def peak_minute(self, span: tuple[int, int]) -> tuple[float, float]:
        """Share of the largest minute in USD liquidated, and its middle in minutes."""
        everywhere = self.tape.markets_of()
        rows = self._rows("liquidated", everywhere, span, span[1])
        if not rows or not rows[1].any():
            return np.nan, np.nan
        events, mask = rows
        by_minute = np.bincount((events.time[mask] - span[0]) // MINUTE, events.usd[mask])
        peak = int(by_minute.argmax())
        return _ratio(by_minute[peak], by_minute.sum()), peak + 0.5

    def peak_minute_of_rows(self, markets: Mask, span: tuple[int, int]) -> float:
        """Share of the largest minute in rows liquidated, minutes from the first of them."""
        rows = self._rows("liquidated", markets, span, span[1])
        if not rows or not rows[1].any():
            return np.nan
        time = rows[0].time[rows[1]]
        by_minute = np.bincount((time - time.min()) // MINUTE)
        return _ratio(by_minute.max(), by_minute.sum())

    def first_deleveraging(self, markets: Mask, span: tuple[int, int]) -> float:
        """Seconds from the first liquidation in a window to the first deleveraging.

        The length of the window if there is none; NaN if nothing was liquidated.
        """
        liquidated = self._rows("liquidated", markets, span, span[1])
        cut = self._rows("deleveraged", markets, span, span[1])
        if not liquidated or not cut or not liquidated[1].any():
            return np.nan
        first = liquidated[0].time[liquidated[1]].min()
        times = cut[0].time[cut[1]]
        last = times.min() if len(times) else first + span[1] - span[0]
        return float(last - first) / 1e9


def state_drop(
    tape: Tape, table: Floats | None, markets: Mask, when: Timing, lowest: bool
) -> float:
    """1 - sum over markets afterwards over that at the start; NaN where it cannot be told.

    Afterwards is the least before ``when.after`` if ``lowest``, else the last before ``when.end``.
    """
    first = tape.index(when.start)
    if table is None or first < 0 or not markets.any() or not tape.reaches(when.after):
        return np.nan
    total = np.nansum(table[:, markets], axis=1)
    if lowest:
        later = total[first : tape.index(when.after - 1) + 1].min()
    else:
        later = total[tape.index(when.end - 1)]
    return 1.0 - _ratio(later, total[first])


def fund_change(tape: Tape, venue: str, when: Timing) -> float:
    """Change of a venue's fund to the last sample, over its worth at the start; NaN if unknown."""
    first = tape.index(when.start)
    path = (tape.funds or {}).get(venue)
    if path is None or first < 0 or not tape.reaches(when.after):
        return np.nan
    return _ratio(path[tape.index(when.end - 1)], path[first]) - 1.0


def traded(tape: Tape, markets: Mask, when: Timing) -> float:
    """USD traded on some markets in the window of the recorded volume."""
    if tape.volume is None or not tape.reaches(when.traded[1]):
        return np.nan
    inside = (tape.time > when.traded[0]) & (tape.time <= when.traded[1])
    return float(np.nansum(tape.volume[inside][:, markets]))


def _ratio(part: float, whole: float) -> float:
    return float(part / whole) if whole > 0 else np.nan
