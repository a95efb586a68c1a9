"""The report of a tape's statistics, and of two days of one beside each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from seawall import __version__
from seawall.core import format_time
from seawall.report import tape_tables as tables
from seawall.report.model import Assumption, Headline, Kind, Report, Section, Unit
from seawall.report.numbers import counted, text
from seawall.report.tape_beside import (
    Beside,
    Window,
    against_row,
    outage_lines,
    outage_row,
    outage_table,
    summed_lines,
    summed_row,
)
from seawall.risk.coverage import Estimate, Label
from seawall.risk.share_bounds import ShareLabel
from seawall.risk.tape_shares import Group, side_name
from seawall.risk.tape_statistics import Statistics
from seawall.risk.together import Together

SCHEMA = "seawall.tape-stats/1"
METHOD = "docs/methods/coverage.md"
STORE_METHOD = "docs/methods/tape-store.md"


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
    grouped = (tables.group_table(groups, by),) if by and tuple(by) != ("venue",) else ()
    unheard = (outage_table(beside.outages),) if beside.outages else ()
    return Report(
        schema=SCHEMA,
        title=f"Liquidations, {text(window.seconds, Unit.DURATION)} to {format_time(window.end)}",
        question="What was liquidated, where, and how much of it was seen?",
        answer=_answer(found, beside),
        headlines=_headlines(found, beside),
        tables=(tables.venue_table(found), *grouped, tables.minute_table(found), *unheard),
        charts=charts,
        assumptions=_assumptions(found, beside),
        warnings=_warnings(found, beside),
        inputs={
            "source": window.source,
            "from": format_time(window.start),
            "to": format_time(window.end),
            "events": found.events,
            "seawall": __version__,
        },
        payload=_payload(found, groups, by, window, beside),
        sections=(
            Section("Minute by minute", tuple(c.key for c in charts if c.key == "minutes")),
            Section("Venues", ("shares", "venues") if found.venues else ("venues",)),
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
        if beside.unheard:
            return ("Not known: nothing is stored, and not all was heard.", *told)
        return ("Nothing was liquidated, as far as the tape shows.", *told)
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
    if found.estimate.label is not Label.MEASURED:
        lines.append(f"With what the feeds left out: {_estimated(found.estimate)}.")
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
    most, run = found.largest, found.longest_run
    nan = float("nan")
    long = found.long_usd / found.notional_usd if found.notional_usd else nan
    rows = [
        Headline("notional_usd", "Liquidated, as shown", found.notional_usd, Unit.USD, whole),
        _estimated_tile(found.estimate),
        Headline("events", "Events shown", found.events, Unit.COUNT, whole),
        Headline("accounts", "Accounts, where told", found.accounts, Unit.COUNT, Kind.LOWER_BOUND),
        Headline("long_share", "Longs' share, as shown", long, Unit.FRACTION),
        Headline(
            "largest_usd",
            "Largest single one",
            most.notional_usd if most else nan,
            Unit.USD,
            kind_of(most.label) if most else Kind.MEASURED,
            note=f"{most.instrument}, {most.venue}" if most else "",
        ),
        _tile("top3_share", "Share of the three largest venues", found.top3_share, Unit.FRACTION),
        Headline(
            "longest_run",
            # what was not shown could have ended it, so it is no bound of the true one
            "Longest run of one side, as shown",
            run.events if run else None,
            Unit.COUNT,
            note=f"{side_name(run.side)}s, {text(run.notional_usd, Unit.USD)}" if run else "",
        ),
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


def _assumptions(found: Statistics, beside: Beside) -> tuple[Assumption, ...]:
    rows = [
        Assumption("Sides are those of the positions closed: an order that sells closes a long."),
        Assumption(
            "What a venue took over counts as liquidated; deleveraged winners are counted apart "
            "and never added.",
            STORE_METHOD,
        ),
        Assumption(
            "Of a live feed that answers pings and tells nothing, silence is not told from a "
            "stall: it is taken for silence for an hour (HTX six, Gate's coin contracts 24), and "
            "for an outage since the last message once it is longer.",
            METHOD,
        ),
    ]
    if any(v.estimate.label is not Label.MEASURED for v in found.venues):
        rows.append(
            Assumption(
                "Where one event a slot is published, a rate that wanders in time tells how many "
                "were not; several orders sent in one instant cannot be told from one there.",
                METHOD,
            )
        )
    rows += [Assumption(words, METHOD) for words in together_lines(found.together)]
    return (*rows, *(Assumption(f"{v}: {words}") for v, words in beside.rules.items()))


def together_lines(told: Mapping[str, Together]) -> list[str]:
    """What is taken of orders in one instant, for each way of taking it."""
    venues: dict[Together, list[str]] = {}
    for venue, how in told.items():
        venues.setdefault(how, []).append(venue)
    return [f"{', '.join(sorted(names))}: {_taken(how)}" for how, names in venues.items()]


def _taken(how: Together) -> str:
    if not how.told_by:
        return (
            "no venue that shows all of its liquidations had enough of them to tell how many come "
            f"in one instant: upper ends allow for {how.most:g} in the mean, and are too low if "
            "more do."
        )
    those = ", ".join(how.told_by)
    if how.mean <= 1.0:
        return (
            f"on {those}, which show all, no more orders come in one instant than by chance; "
            f"upper ends allow for {how.most:.2f} times as many."
        )
    return (
        f"on {those}, which show all, {how.mean:.2f} times as many orders come as the slots would "
        f"tell, being sent together: taken to be so here; lower ends are without, upper ends with "
        f"{how.most:.2f} times."
    )


def _warnings(found: Statistics, beside: Beside) -> tuple[str, ...]:
    floors = [v.venue for v in found.venues if v.estimate.label is Label.LOWER_BOUND]
    lines = list(beside.notes) + outage_lines(beside.outages)
    if beside.imported:
        lines.append(
            f"{', '.join(beside.imported)} as imported: what the files hold; whether that is all "
            "that the venues showed cannot be told."
        )
    if found.unruled:
        lines.append(
            f"{', '.join(found.unruled)} show more events in a slot than the feed's rule allows: "
            "they came another way, and nothing is estimated of what they leave out."
        )
    if found.volleys:
        lines.append(
            f"{', '.join(found.volleys)} show events so close together at the ends of slots that "
            "several must stand in an instant: more is left out than the slots can tell."
        )
    if floors:
        lines.append(f"Of {', '.join(floors)} only a part can be seen: {_which_ends(found)}")
    return tuple(lines)


def _which_ends(found: Statistics) -> str:
    """Which ends of shares hold where venues are only known from below."""
    told = {v.share_label for v in found.venues}
    lines = ["figures are at least what is said."]
    if ShareLabel.LOWER_BOUND in told:
        lines.append("Its share is at least the lower end printed.")
    if ShareLabel.UPPER_BOUND in told:
        lines.append("Shares of the other venues are at most the upper end printed.")
    if ShareLabel.UNBOUNDED in told:
        lines.append("Of the shares of venues that show a part neither end can be told.")
    return " ".join(lines)


def estimate_row(found: Estimate) -> dict[str, Any]:
    """An estimate for the JSON; an end that cannot be told is null."""
    return {
        "value": tables.figure(found),
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
        "warnings": list(_warnings(found, beside)),
        **unknown,
    }  # fmt: skip
