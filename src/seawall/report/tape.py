"""The report of a tape's statistics, and of two days of one beside each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from seawall import __version__
from seawall.core import format_time
from seawall.report import tape_tables as tables
from seawall.report.model import Headline, Kind, Report, Section, Unit
from seawall.report.numbers import counted, span_words, text
from seawall.report.tape_beside import (
    Beside,
    Window,
    against_row,
    outage_row,
    outage_table,
    summed_lines,
    summed_row,
)
from seawall.report.tape_ground import assumptions, left_out, warnings
from seawall.risk.coverage import Estimate, Label
from seawall.risk.tape_shares import Group, side_name
from seawall.risk.tape_statistics import Statistics

SCHEMA = "seawall.tape-stats/1"


def tape_report(
    found: Statistics,
    groups: Sequence[Group],
    by: Sequence[str],
    window: Window,
    beside: Beside | None = None,
) -> Report:
    """Figures of a window of a tape, each with where it comes from."""
    beside = beside or Beside()
    charts = tables.charts_of(found)
    grouped = (tables.group_table(groups, by),) if groups and tuple(by) != ("venue",) else ()
    unheard = (outage_table(beside.outages),) if beside.outages else ()
    return Report(
        schema=SCHEMA,
        title=f"Liquidations, {span_words(window.seconds)} to {format_time(window.end)}",
        question="What was liquidated, where, and how much of it was seen?",
        answer=_answer(found, beside),
        headlines=_headlines(found, beside),
        tables=(tables.venue_table(found), *grouped, tables.minute_table(found), *unheard),
        charts=charts,
        assumptions=assumptions(found, groups, beside),
        warnings=warnings(found, beside),
        inputs={
            "source": window.source,
            "from": format_time(window.start),
            "to": format_time(window.end),
            **({} if beside.nothing_known else {"events": found.events}),
            "seawall": __version__,
        },
        payload=_payload(found, groups, by, window, beside),
        sections=(
            Section("Minute by minute", tuple(c.key for c in charts if c.key == "minutes")),
            Section("Venues", (*(c.key for c in charts if c.key == "shares"), "venues")),
            *((Section("Groups", ("groups",)),) if grouped else ()),
            Section("The worst minutes", ("minutes_worst",)),
            *((Section("Not heard", ("outages",)),) if unheard else ()),
        ),
    )


def kind_of(label: Label) -> Kind:
    """A label as the report has it."""
    return Kind(label.value)


def _answer(found: Statistics, beside: Beside) -> tuple[str, ...]:
    told = tuple(summed_lines(beside.summed))
    if beside.nothing_known:
        return ("Not known: nothing of this window was recorded or imported.", *told)
    if not found.events:
        none = "Nothing was liquidated, as far as the tape shows."
        if beside.unheard:
            none = "Not known: no liquidation is stored, and not all was heard."
        return (none, *_deleveraged(found), *told)
    usd, share = Unit.USD, Unit.FRACTION
    who = counted(found.events, "liquidation")
    if found.accounts:
        who += f" of at least {counted(found.accounts, 'account')}"
    lines = [
        f"{who}: {text(found.notional_usd, usd)} as shown, "
        f"{text(found.long_usd / found.notional_usd, share)} of it long."
    ]
    if found.takeover_events:
        lines.append(
            f"Of it {text(found.takeover_usd, usd)} was taken over by the venue "
            f"({counted(found.takeover_events, 'event')})."
        )
    lines += _deleveraged(found)
    if left_out(found):
        lines.append(f"With what the feeds left out: {_estimated(found.estimate)}.")
    elif found.estimate.label is Label.LOWER_BOUND:
        lines.append("How much of it was not shown cannot be told: it is at least this.")
    most = found.largest
    if most is not None:
        lines.append(
            f"The largest single one shown: {text(most.notional_usd, usd)}, a "
            f"{side_name(most.side)} in {most.instrument} on {most.venue} at "
            f"{text(most.price, Unit.PRICE)}, {format_time(most.time)}."
        )
    if len(found.venues) > 3:
        names = ", ".join(v.venue for v in found.venues[:3])
        shown = f"({text(found.top3_shown, share)} for the largest three as shown)"
        if found.top3_share.label is Label.LOWER_BOUND:
            # who is the largest cannot be told of venues that are only known from below
            least = text(found.top3_share.low, share)
            lines.append(
                f"The largest three venues hold at least {least}, whichever they are {shown}."
            )
        else:
            lines.append(f"{names} hold {text(found.top3_share.value, share)} of it {shown}.")
    if beside.rank is not None:
        among = f" ({beside.ranked_among})" if beside.ranked_among else ""
        days = counted(beside.rank.days, "day")
        at_least = found.estimate.label is Label.LOWER_BOUND and bool(beside.ranked_among)
        floor = "; the window's figure is at least, so its place may be higher" if at_least else ""
        lines.append(
            f"By what was shown that is rank {beside.rank.place} of {days} of the same "
            f"venues{among}{floor}."
        )
    return (*lines, *told)


def _deleveraged(found: Statistics) -> list[str]:
    if not found.adl_events:
        return []
    events = counted(found.adl_events, "event")
    return [
        f"Closings of deleveraged winners, not added: {text(found.adl_usd, Unit.USD)} ({events})."
    ]


def _estimated(found: Estimate) -> str:
    if found.label is Label.LOWER_BOUND:
        return f"at least {text(found.low, Unit.USD)}"
    low, high = text(found.low, Unit.USD), text(found.high, Unit.USD)
    return f"{text(found.value, Unit.USD)} ({low} … {high})"


def _headlines(found: Statistics, beside: Beside) -> tuple[Headline, ...]:
    if beside.nothing_known:
        return tuple(
            Headline(key, title, None, unit, Kind.UNKNOWN)
            for key, title, unit in (
                ("notional_usd", "Liquidated, as shown", Unit.USD),
                ("events", "Events shown", Unit.COUNT),
            )
        )
    certain = found.estimate.label in (Label.MEASURED, Label.IMPORTED)
    whole = kind_of(found.estimate.label) if certain else Kind.LOWER_BOUND
    rows = [
        Headline("notional_usd", "Liquidated, as shown", found.notional_usd, Unit.USD, whole),
        *([_estimated_tile(found.estimate)] if left_out(found) else []),
        Headline("events", "Events shown", found.events, Unit.COUNT, whole),
        *_of_events(found, whole if certain else Kind.AS_SHOWN),
    ]
    for key, label, against in (
        ("volume_share", "Share of volume", beside.volume),
        ("open_interest_share", "Share of open interest", beside.open_interest),
    ):
        if against is not None:
            rows.append(Headline(key, label, against.share, Unit.FRACTION, whole, note=against.of))
    rows += [
        Headline(
            f"stored_sum_{k + 1}",
            "A stored sum",
            one.usd,
            Unit.USD,
            Kind.IMPORTED,
            note=f"{one.venues or 'venues not named'}, from {format_time(one.start)}",
        )
        for k, one in enumerate(beside.summed[:1])
    ]
    return tuple(rows)


def _of_events(found: Statistics, shown: Kind) -> Iterator[Headline]:
    """Figures that there are only where something was liquidated; each where it tells something.

    ``shown`` is what those are called which events that were not shown may move either way.
    """
    most, run, top = found.largest, found.longest_run, found.top3_share
    if found.accounts is not None:
        yield Headline(
            "accounts", "Accounts, where told", found.accounts, Unit.COUNT, Kind.LOWER_BOUND
        )
    if found.notional_usd:
        long = found.long_usd / found.notional_usd
        yield Headline("long_share", "Longs' share, as shown", long, Unit.FRACTION, shown)
    if most is not None:
        yield Headline(
            "largest_usd",
            "Largest single one",
            most.notional_usd,
            Unit.USD,
            kind_of(most.label),
            note=f"{most.instrument}, {most.venue}",
        )
    # three venues or fewer hold all, unless one that was not heard may have had a part
    if found.venues and not (len(found.venues) <= 3 and top.low >= 1.0):
        yield _tile("top3_share", "Share of the three largest venues", top, Unit.FRACTION)
    if run is not None:
        yield Headline(
            "longest_run",
            # what was not shown could have ended it, so it is no bound of the true one
            "Longest run of one side, as shown",
            run.events,
            Unit.COUNT,
            shown,
            note=f"{side_name(run.side)}s, {text(run.notional_usd, Unit.USD)}",
        )


def _estimated_tile(found: Estimate) -> Headline:
    title = "With what was not shown"
    if found.label is Label.LOWER_BOUND:
        # the end that holds, as the answer says it
        return Headline(
            "estimated_usd", title, found.low, Unit.USD, Kind.LOWER_BOUND, note="at least"
        )
    return _tile("estimated_usd", title, found, Unit.USD)


def _tile(key: str, label: str, found: Estimate, unit: Unit) -> Headline:
    both = found.low == found.low and found.high == found.high
    low, high = (found.low, found.high) if both else (None, None)
    return Headline(key, label, found.value, unit, kind_of(found.label), low, high)


def estimate_row(found: Estimate) -> dict[str, Any]:
    """An estimate for the JSON; an end that cannot be told is null."""
    return {
        "value": found.told,
        "low": found.low,
        "high": found.high,
        "label": found.label.value,
    }


def _payload(
    found: Statistics, groups: Sequence[Group], by: Sequence[str], window: Window, beside: Beside
) -> dict[str, Any]:
    most, run, times = found.largest, found.longest_run, found.minutes
    unknown: dict[str, Any] = {}
    if beside.nothing_known:
        unknown = dict.fromkeys(("events", "notional_usd", "long_usd", "short_usd", "estimate"))
        unknown["label"] = Kind.UNKNOWN.value
    return {
        "inputs": {
            "source": window.source,
            "from": format_time(window.start),
            "to": format_time(window.end),
            "seconds": window.seconds,
            "by": list(by),
            "version": __version__,
        },
        "events": found.events,
        "accounts": found.accounts,
        "notional_usd": found.notional_usd,
        "long_usd": found.long_usd,
        "short_usd": found.short_usd,
        "label": found.estimate.label.value,
        "estimate": {
            "notional_usd": estimate_row(found.estimate),
            "events": estimate_row(found.events_estimate),
        },
        "largest": tables.largest_row(most) if most else None,
        "longest_run": tables.run_row(run, found.estimate.label) if run else None,
        "by_venue": [tables.venue_row(v) for v in found.venues],
        "top3_share": found.top3_share.value,
        "top3_share_low": found.top3_share.low,
        "top3_share_high": found.top3_share.high,
        "top3_share_shown": found.top3_shown,
        "top3_label": found.top3_share.label.value,
        "groups": [tables.group_row(g, by) for g in groups],
        "by_minute": [
            {"time": format_time(int(t)), "events": int(n), "long_usd": a, "short_usd": b,
             "unseen_usd": u}
            for t, n, a, b, u in zip(
                times.start, times.events, times.long_usd, times.short_usd, times.unseen_usd,
                strict=True,
            )
        ],
        "adl": {"events": found.adl_events, "notional_usd": found.adl_usd},
        "takeovers": {"events": found.takeover_events, "notional_usd": found.takeover_usd},
        **against_row("volume", beside.volume),
        **against_row("open_interest", beside.open_interest),
        "rank": None if beside.rank is None else {
            "place": beside.rank.place,
            "days": beside.rank.days,
            "share_below": beside.rank.share_below,
            "among": beside.ranked_among or None,
        },
        "outages": [
            outage_row(o) for o in beside.outages
        ],
        "imported": list(beside.imported),
        "stored_sums": [summed_row(s) for s in beside.summed],
        "warnings": list(warnings(found, beside)),
        **unknown,
    }  # fmt: skip
