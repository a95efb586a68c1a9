"""Tables, charts and JSON rows of a tape's statistics."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from seawall.core import format_time
from seawall.report.model import (
    Chart,
    ChartKind,
    Column,
    Quantity,
    Series,
    Shape,
    Table,
    Tone,
    Unit,
)
from seawall.report.tape_beside import Summed
from seawall.risk.coverage import Label
from seawall.risk.tape_shares import Group, VenueShare, side_name
from seawall.risk.tape_statistics import Change, Largest, Run, Statistics

FIGURES = (
    ("notional_usd", "Liquidated, as shown", Unit.USD),
    ("estimated_usd", "With what was not shown", Unit.USD),
    ("events", "Events shown", Unit.COUNT),
    ("long_usd", "Longs", Unit.USD),
    ("short_usd", "Shorts", Unit.USD),
    ("long_share", "Longs' share", Unit.FRACTION),
    ("largest_usd", "Largest single one", Unit.USD),
    ("worst_minute_usd", "Worst minute", Unit.USD),
    ("longest_run", "Longest run of one side", Unit.COUNT),
    ("top3_share", "Share of the three largest venues", Unit.FRACTION),
    ("adl_usd", "Auto-deleveraged", Unit.USD),
)
_WORST = 20


def venue_table(found: Statistics) -> Table:
    """Venues, largest first, with what was shown and what is estimated."""
    columns = (
        Column("venue", "Venue", brief=True),
        Column("events", "Events", Unit.COUNT),
        Column("notional_usd", "Shown", Unit.USD, brief=True),
        Column("long_share", "Longs", Unit.FRACTION, brief=True),
        Column("estimated_usd", "Estimated", Unit.USD, brief=True),
        Column("estimated_low", "from", Unit.USD),
        Column("estimated_high", "to", Unit.USD, note="a dash where no upper end can be told"),
        Column("share", "Share", Unit.FRACTION, brief=True),
        Column("share_low", "from", Unit.FRACTION, brief=True),
        Column("share_high", "to", Unit.FRACTION, brief=True),
        Column("share_label", "Share is"),
        Column("share_shown", "Share as shown", Unit.FRACTION),
        Column("label", "Figure is", brief=True),
    )
    rows = [
        (
            v.venue, v.events, v.notional_usd, v.long_usd / v.notional_usd, v.estimate.told,
            v.estimate.low, v.estimate.high, v.share.value, v.share.low, v.share.high,
            v.share_label.value, v.share_shown, v.estimate.label.value,
        )
        for v in found.venues
    ]  # fmt: skip
    return Table("venues", "By venue", columns, rows, _caption(found), main=True, whole=True)


def _caption(found: Statistics) -> str:
    """What is to be known of shares and of the ends printed, where there is more than one."""
    labels = {v.estimate.label for v in found.venues}
    words = []
    if len(found.venues) > 1 and labels - {Label.MEASURED, Label.IMPORTED}:
        words.append("Shares are of the estimates.")
    if Label.MODELLED in labels:
        words.append("Intervals hold 5-95%.")
    if Label.LOWER_BOUND in labels and any(v.share.low < 1.0 for v in found.venues):
        words.append(
            "Where venues are only known from below, a share's ends are what it can be: 0% and "
            "100% where none can be told."
        )
    return " ".join(words)


def group_table(groups: Sequence[Group], by: Sequence[str]) -> Table:
    """Groups, largest first."""
    columns = (
        *(Column(b, b.capitalize(), brief=True) for b in by),
        Column("events", "Events", Unit.COUNT, brief=True),
        Column("notional_usd", "Shown", Unit.USD, brief=True),
        Column("long_usd", "Longs", Unit.USD),
        Column("largest_usd", "Largest", Unit.USD),
        Column("estimated_usd", "Estimated", Unit.USD, brief=True),
        Column("estimated_low", "from", Unit.USD),
        Column("estimated_high", "to", Unit.USD),
        Column("label", "Figure is", brief=True),
    )
    rows = [
        (
            *g.names, g.events, g.notional_usd, g.long_usd, g.largest_usd, g.estimate.told,
            g.estimate.low, g.estimate.high, g.estimate.label.value,
        )
        for g in groups
    ]  # fmt: skip
    return Table("groups", "By " + ", ".join(by), columns, rows)


def minute_table(found: Statistics) -> Table:
    """The minutes in which most was shown."""
    times = found.minutes
    usd = times.long_usd + times.short_usd
    worst = np.argsort(-usd, kind="stable")[:_WORST]
    rows: list[tuple[float, ...]] = [
        (
            int(times.start[k]), int(times.events[k]), float(usd[k]), float(times.long_usd[k]),
            float(times.short_usd[k]), float(times.unseen_usd[k]),
        )
        for k in worst.tolist()
        if times.events[k]
    ]  # fmt: skip
    columns: tuple[Column, ...] = (
        Column("time", "Minute", Unit.TIME, brief=True),
        Column("events", "Events", Unit.COUNT, brief=True),
        Column("notional_usd", "Shown", Unit.USD, brief=True),
        Column("long_usd", "Longs", Unit.USD, brief=True),
        Column("short_usd", "Shorts", Unit.USD, brief=True),
    )
    if times.unseen_usd.any():
        columns = (*columns, Column("unseen_usd", "Not shown, expected", Unit.USD))
    else:
        rows = [row[:-1] for row in rows]
    there = int(np.count_nonzero(times.events))
    return Table("minutes_worst", "The worst minutes", columns, rows, total=there)


def charts_of(found: Statistics) -> tuple[Chart, ...]:
    """What was liquidated minute by minute, and shares where there are several venues."""
    drawn = []
    if len(found.minutes.start) > 1:
        drawn.append(_minute_chart(found))
    if len(found.venues) > 1:
        drawn.append(_share_chart(found))
    return tuple(drawn)


def _minute_chart(found: Statistics) -> Chart:
    times = found.minutes
    # at most as many bars as a page can show apart
    width = max(1, -(-len(times.start) // 480))
    second = (times.start - times.start[0])[::width] / 1e9
    edges = np.arange(0, len(times.start), width)

    def bars(name: str, values: Any, tone: Tone) -> Series:
        return Series(name, second, np.add.reduceat(values, edges), tone, Shape.BARS)

    series = [
        bars("Longs", times.long_usd, Tone.LONG),
        bars("Shorts", times.short_usd, Tone.SHORT),
    ]
    if times.unseen_usd.any():
        series.append(bars("Not shown, expected", times.unseen_usd, Tone.MUTED))
    return Chart(
        "minutes",
        "What was liquidated",
        ChartKind.TIMELINE,
        f"Time since {format_time(int(times.start[0]))}",
        Unit.DURATION,
        "USD a minute" if width == 1 else f"USD per {width} minutes",
        Unit.USD,
        tuple(series),
    )


def _share_chart(found: Statistics) -> Chart:
    names = [v.venue for v in found.venues]
    return Chart(
        "shares",
        "Shares of venues",
        ChartKind.BARS,
        "",
        Unit.TEXT,
        "Share",
        Unit.FRACTION,
        (
            Series("As shown", names, [v.share_shown for v in found.venues], Tone.MUTED),
            Series(
                "Estimated",
                names,
                [v.share.value for v in found.venues],
                Tone.ACCENT,
                low=[v.share.low for v in found.venues],
                high=[v.share.high for v in found.venues],
            ),
        ),
        caption="What the feeds show against what they are estimated to leave out.",
    )


def venue_row(v: VenueShare) -> dict[str, Any]:
    """A venue for the JSON."""
    return {
        "venue": v.venue,
        "events": v.events,
        "notional_usd": v.notional_usd,
        "long_usd": v.long_usd,
        "short_usd": v.notional_usd - v.long_usd,
        "estimated_usd": v.estimate.told,
        "estimated_low": v.estimate.low,
        "estimated_high": v.estimate.high,
        "share": v.share.value,
        "share_low": v.share.low,
        "share_high": v.share.high,
        "share_label": v.share_label.value,
        "share_shown": v.share_shown,
        "label": v.estimate.label.value,
    }


def group_row(g: Group, by: Sequence[str]) -> dict[str, Any]:
    """A group for the JSON."""
    return {
        **dict(zip(by, g.names, strict=True)),
        "events": g.events,
        "notional_usd": g.notional_usd,
        "long_usd": g.long_usd,
        "largest_usd": g.largest_usd,
        "estimated_usd": g.estimate.told,
        "estimated_low": g.estimate.low,
        "estimated_high": g.estimate.high,
        "label": g.estimate.label.value,
    }


def largest_row(most: Largest) -> dict[str, Any]:
    """The largest event for the JSON."""
    return {
        "time": format_time(most.time),
        "venue": most.venue,
        "instrument": most.instrument,
        "asset": most.asset,
        "side": side_name(most.side),
        "notional_usd": most.notional_usd,
        "price": most.price,
        "at_fill": most.at_fill,
        "label": most.label.value,
    }


def run_row(run: Run, label: Label) -> dict[str, Any]:
    """The longest run for the JSON: of what was shown only, where something was not."""
    return {
        "side": side_name(run.side),
        "events": run.events,
        "notional_usd": run.notional_usd,
        "from": format_time(run.start),
        "to": format_time(run.end),
        "label": label.value if label in (Label.MEASURED, Label.IMPORTED) else "as shown",
    }


def figures_of(found: Statistics) -> dict[str, float]:
    """What two days are compared by, as in :data:`FIGURES`."""
    nan = float("nan")
    usd = found.minutes.long_usd + found.minutes.short_usd
    return {
        "notional_usd": found.notional_usd,
        "estimated_usd": found.estimate.told,
        "events": float(found.events),
        "long_usd": found.long_usd,
        "short_usd": found.short_usd,
        "long_share": found.long_usd / found.notional_usd if found.notional_usd else nan,
        "largest_usd": found.largest.notional_usd if found.largest else nan,
        "worst_minute_usd": float(usd.max()) if len(usd) else nan,
        "longest_run": float(found.longest_run.events) if found.longest_run else nan,
        "top3_share": found.top3_share.value,
        "adl_usd": found.adl_usd,
    }


def figures_of_sums(told: Sequence[Summed]) -> dict[str, float]:
    """The same of a day of which only sums are known: of several files the one that tells most."""
    nan = float("nan")
    by_file: dict[str, list[Summed]] = {}
    for one in told:
        by_file.setdefault(one.file, []).append(one)
    most = max(by_file.values(), key=lambda sums: sum(s.usd for s in sums))
    usd, events, long, short = (
        _all_of(getattr(s, name) for s in most)
        for name in ("usd", "events", "long_usd", "short_usd")
    )
    both = long + short
    return dict.fromkeys((key for key, _, _ in FIGURES), nan) | {
        "notional_usd": usd,
        "events": events,
        "long_usd": long,
        "short_usd": short,
        "long_share": long / both if both > 0 else nan,
    }


def _all_of(parts: Iterable[float | None]) -> float:
    """Their sum; NaN where one of them is not known."""
    return sum((float("nan") if part is None else float(part)) for part in parts)


def change_table(rows: Mapping[str, Change], names: tuple[str, str]) -> Table:
    """Figures of two days side by side; those that neither day tells are left out."""
    columns = (
        Column("figure", "Figure", brief=True),
        Column("first", names[0], align="right", brief=True),
        Column("second", names[1], align="right", brief=True),
        Column("ratio", "Second / first", Unit.FACTOR, brief=True),
    )
    cells = [
        (title, Quantity(rows[key][0], unit), Quantity(rows[key][1], unit), rows[key][3])
        for key, title, unit in FIGURES
        if any(x == x for x in rows[key][:2])
    ]
    return Table("figures", "The two days", columns, cells, main=True, whole=True)


def share_change_table(
    venues: Sequence[str], shares: Sequence[Mapping[str, float]], names: tuple[str, str]
) -> Table:
    """Shares of venues on two days."""
    columns = (
        Column("venue", "Venue", brief=True),
        Column("first", names[0], Unit.FRACTION, brief=True),
        Column("second", names[1], Unit.FRACTION, brief=True),
    )
    rows = [(v, shares[0].get(v), shares[1].get(v)) for v in venues]
    return Table("shares", "Shares of venues, as estimated", columns, rows, whole=True)


def coverage_changes(
    first: Statistics, second: Statistics, names: tuple[str, str]
) -> tuple[str, ...]:
    """Why the two days may not be of one measure."""
    labels = [{v.venue: v.estimate.label for v in s.venues} for s in (first, second)]
    lines = [
        f"{v} is told as {labels[0][v]} on {names[0]} and as {labels[1][v]} on {names[1]}."
        for v in sorted(labels[0].keys() & labels[1].keys())
        if labels[0][v] is not labels[1][v]
    ]
    for k, other in ((0, 1), (1, 0)):
        only = sorted(labels[k].keys() - labels[other].keys())
        if only:
            lines.append(f"Only on {names[k]} there are events of {', '.join(only)}.")
    return tuple(lines)
