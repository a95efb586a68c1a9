"""Which time a file of the past covers, by venue."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

import numpy as np

from seawall.core import InputError, parse_time
from seawall.ingest.history import hyperliquid_summary
from seawall.ingest.history.found import History, Series, What
from seawall.ingest.store.imported import EVENTS, Span
from seawall.ingest.store.parts import DAY

_A_DAY_EACH = ("tardis", "binance archive")
"""Formats whose files are of the UTC day that their names say."""
_NAMED_DAY = re.compile(r"(?<!\d)\d{4}-\d{2}-\d{2}(?!\d)")


def spans_in(found: History) -> tuple[Span, ...]:
    """From the first row to the last of each venue; the whole day where the name says the day.

    Of anything but liquidations, single or summed, there is nothing to cover.
    """
    name = Path(found.source).name
    if found.tape is not None:
        return _of_events(found, name)
    if found.what is What.LIQUIDATION_SUMS and found.series is not None and len(found.series):
        return _of_sums(found, found.series, name)
    return ()


def _of_events(found: History, name: str) -> tuple[Span, ...]:
    tape = found.tape
    assert tape is not None
    day = _day_of(found, name)
    spans = []
    for code, venue in enumerate(tape.venues):
        time = tape.time[tape.venue == code]
        if not len(time):
            continue
        first, last = int(time.min()), int(time.max()) + 1
        if day is not None and day <= first and last <= day + DAY:
            first, last = day, day + DAY
        usd = float(tape.notional[tape.venue == code].sum())
        spans.append(Span(venue, EVENTS, first, last, name, len(time), usd))
    return tuple(spans)


def _day_of(found: History, name: str) -> int | None:
    days = _NAMED_DAY.findall(name) if found.format in _A_DAY_EACH else []
    with suppress(InputError):  # digits that are no day
        return parse_time(days[0]) if len(days) == 1 else None
    return None


def _of_sums(found: History, series: Series, name: str) -> tuple[Span, ...]:
    """Of sums by venue; the totals that a file states are of all of it."""
    count, usd = (found.totals.get(k) for k in ("liquidations", "liquidations_usd"))
    labels = series.names.get("venue", series.names.get("exchange"))
    alone = "hyperliquid" if found.format == hyperliquid_summary.NAME else ""
    venues = (alone, *labels.names) if labels is not None else (alone,)
    spans = []
    for code, venue in enumerate(venues, -1):
        mine = np.ones(len(series), dtype=np.bool_) if labels is None else labels.codes == code
        times = np.unique(series.time[mine & (series.time > 0)])
        if len(times):
            step = int(np.median(np.diff(times))) if len(times) > 1 else 1
            end = int(times[-1]) + step
            spans.append(Span(venue, found.what.value, int(times[0]), end, name, count, usd))
    return tuple(spans)
