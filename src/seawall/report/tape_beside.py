"""What stands beside a tape's statistics: the window, volume and open interest, outages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from seawall.core import format_time
from seawall.report.model import Column, Table, Unit
from seawall.report.numbers import counted, text
from seawall.risk.tape_statistics import Rank, forced_share

_TOLD = 3


@dataclass(frozen=True, slots=True)
class Window:
    """What a tape was asked for.

    Attributes
    ----------
    source
        The store or file.
    start, end
        UTC ns, from the first to before the second.
    """

    source: str
    start: int
    end: int

    @property
    def seconds(self) -> float:
        """Its length."""
        return (self.end - self.start) / 1e9


@dataclass(frozen=True, slots=True)
class Against:
    """What forced notional is held against.

    Attributes
    ----------
    usd
        Of some markets.
    forced_usd
        What was liquidated in the same markets, as shown.
    of
        Which markets, in words.
    """

    usd: float
    forced_usd: float
    of: str

    @property
    def share(self) -> float:
        """A fraction."""
        return forced_share(self.forced_usd, self.usd)


@dataclass(frozen=True, slots=True)
class Outage:
    """A stretch in which a venue was not heard.

    Attributes
    ----------
    start, end
        UTC ns, within the window.
    words
        What a reader is told of it.
    lost
        Events that are known to have been dropped.
    missing
        False where all of it was had afterwards.
    """

    venue: str
    start: int
    end: int
    words: str
    lost: int = 0
    missing: bool = True


@dataclass(frozen=True, slots=True)
class Summed:
    """A total that a file states, of no single events.

    Attributes
    ----------
    start, end
        UTC ns, from the first to before the second.
    venues
        Of which, with commas between; empty where the file does not say.
    file
        Its name.
    events
        How many, where the file says.
    long_usd, short_usd
        By side, where the file says.
    """

    start: int
    end: int
    venues: str
    usd: float
    file: str
    events: int | None = None
    long_usd: float | None = None
    short_usd: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Beside:
    """What the tape itself does not hold.

    Attributes
    ----------
    volume, open_interest
        Over the window, and at its start; None where not known.
    rank
        Of the window's notional among days; None without a history.
    ranked_among
        Which days these are, in words.
    rules
        What each venue's feed shows, in words.
    outages
        When venues were not heard, in order of time.
    notes
        What the reader must know.
    imported
        Venues of which imported files tell for a part of the window.
    live
        Venues that were heard live for a part of the window.
    nothing_known
        Whether nothing of the window was recorded or imported.
    summed
        What stored sums say of stretches within the window.
    """

    volume: Against | None = None
    open_interest: Against | None = None
    rank: Rank | None = None
    ranked_among: str = ""
    rules: Mapping[str, str] = field(default_factory=dict)
    outages: tuple[Outage, ...] = ()
    notes: tuple[str, ...] = ()
    imported: tuple[str, ...] = ()
    live: tuple[str, ...] = ()
    nothing_known: bool = False
    summed: tuple[Summed, ...] = ()

    @property
    def unheard(self) -> tuple[str, ...]:
        """Venues of which something is missing."""
        return tuple(sorted({o.venue for o in self.outages if o.missing}))


def outage_lines(outages: Sequence[Outage]) -> list[str]:
    """Why a venue's figures are a lower bound: its longest outages."""
    lines = []
    for venue in sorted({o.venue for o in outages if o.missing}):
        mine = sorted(
            (o for o in outages if o.venue == venue and o.missing), key=lambda o: o.start - o.end
        )
        told = "; ".join(o.words for o in mine[:_TOLD])
        more = f"; and {counted(len(mine) - _TOLD, 'shorter outage')}" if len(mine) > _TOLD else ""
        lines.append(f"{venue} is a lower bound: {told}{more}.")
    return lines


def outage_table(outages: Sequence[Outage]) -> Table:
    """When venues were not heard, in order of time."""
    columns = (
        Column("venue", "Venue", brief=True),
        Column("from", "From", Unit.TIME, brief=True),
        Column("to", "To", Unit.TIME, brief=True),
        Column("seconds", "Length", Unit.DURATION, brief=True),
        Column("lost", "Events dropped", Unit.COUNT),
        Column("missing", "Had afterwards", brief=True),
        Column("why", "What happened"),
    )
    rows = [
        (
            o.venue, o.start, o.end, (o.end - o.start) / 1e9, o.lost,
            "no" if o.missing else "yes", o.words,
        )
        for o in outages
    ]  # fmt: skip
    return Table("outages", "When venues were not heard", columns, rows)


def summed_lines(summed: Sequence[Summed]) -> list[str]:
    """What stored sums say, a line each; of many the first."""
    lines = []
    for one in summed[:_TOLD]:
        events = f" ({counted(one.events, 'event')})" if one.events is not None else ""
        lines.append(
            f"A stored sum says {text(one.usd, Unit.USD)}{events} of "
            f"{one.venues or 'venues it does not name'} from {format_time(one.start)} to "
            f"{format_time(one.end)} ({one.file})."
        )
    if len(summed) > _TOLD:
        lines.append(f"{counted(len(summed) - _TOLD, 'more sum')} are stored of this window.")
    return lines


def summed_row(one: Summed) -> dict[str, Any]:
    """A stored sum for the JSON."""
    return {
        "from": format_time(one.start),
        "to": format_time(one.end),
        "venues": one.venues or None,
        "notional_usd": one.usd,
        "events": one.events,
        "file": one.file,
    }


def against_row(name: str, against: Against | None) -> dict[str, Any]:
    """What was held against volume or open interest, for the JSON."""
    return {
        f"{name}_usd": against.usd if against else None,
        f"{name}_forced_usd": against.forced_usd if against else None,
        f"{name}_share": against.share if against else None,
        f"{name}_of": against.of if against else None,
    }


def outage_row(outage: Outage) -> dict[str, Any]:
    """An outage for the JSON."""
    return {
        "venue": outage.venue,
        "from": format_time(outage.start),
        "to": format_time(outage.end),
        "why": outage.words,
        "lost": outage.lost,
        "missing": outage.missing,
    }
