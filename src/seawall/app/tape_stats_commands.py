"""The commands that tell of a tape: stats, compare, concentration, import."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seawall.app.showing import Format, FormatOption, ReportOption, progress_for, show

if TYPE_CHECKING:
    from seawall.report.model import Report

StoreOption = Annotated[
    Path, typer.Option("--store", metavar="DIR", help="Folder of the tape.", show_default=False)
]


def stats_command(
    store: StoreOption,
    window: Annotated[str, typer.Option(metavar="SPAN", help="Length, such as 24h.")] = "24h",
    at: Annotated[
        str | None, typer.Option(metavar="TIME", help="Where it ends; now if left out.")
    ] = None,
    by: Annotated[
        str, typer.Option(metavar="NAMES", help="venue, asset, side: what to break it down by.")
    ] = "venue",
    volume: Annotated[
        float | None,
        typer.Option(metavar="USD", help="Volume; that of stored candles if left out."),
    ] = None,
    open_interest: Annotated[
        float | None,
        typer.Option(metavar="USD", help="Open interest; that stored if left out."),
    ] = None,
    format: FormatOption = Format.TABLE,
    report: ReportOption = None,
) -> None:
    """What was liquidated, where, how fast, and how much of it could be seen."""
    from seawall.app import tape_stats

    with progress_for(report) as say:
        made = tape_stats.stats(
            store,
            window,
            at,
            [b.strip() for b in by.split(",") if b.strip()],
            volume_usd=volume,
            open_interest_usd=open_interest,
            progress=say,
        )
    show(made, format, report)


def compare_days_command(
    first: Annotated[str, typer.Argument(metavar="DAY", help="Such as 2025-10-10.")],
    second: Annotated[str, typer.Argument(metavar="DAY", help="Another.")],
    store: StoreOption,
    format: FormatOption = Format.TABLE,
    report: ReportOption = None,
) -> None:
    """Two days of a tape beside each other."""
    from seawall.app import tape_stats

    with progress_for(report) as say:
        made = tape_stats.compare(store, first, second, progress=say)
    show(made, format, report)


def concentration_command(
    positions: Annotated[
        str, typer.Argument(metavar="FILE", help="A snapshot of positions, or several.")
    ],
    at: Annotated[
        str | None, typer.Option(metavar="TIME", help="Which snapshot; the last if left out.")
    ] = None,
    venue: Annotated[
        str | None, typer.Option(metavar="NAME", help="Venue of rows that name none.")
    ] = None,
    format: FormatOption = Format.TABLE,
    report: ReportOption = None,
) -> None:
    """How few hold how much of a snapshot of positions."""
    from seawall.app import tape_stats

    with progress_for(report) as say:
        say(f"reading {positions}")
        made = tape_stats.concentration(positions, at=at, venue=venue)
    show(made, format, report)


def import_command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV, Parquet, JSON; packed.")],
    store: StoreOption,
    as_format: Annotated[
        str | None, typer.Option("--as", metavar="FORMAT", help="Told by the file if left out.")
    ] = None,
    venue: Annotated[str, typer.Option(metavar="NAME", help="Where the file names none.")] = "",
    instrument: Annotated[
        str, typer.Option(metavar="NAME", help="Where the file names none.")
    ] = "",
    asset: Annotated[str, typer.Option(metavar="NAME", help="Where the file names none.")] = "",
    column: Annotated[
        list[str] | None,
        typer.Option(
            metavar="OURS=THEIRS",
            help="Which column is which; repeat it. quantity=THEIRS:contracts, :base or :usd.",
        ),
    ] = None,
    contract_size: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[INSTRUMENT=]SIZE",
            help="Base units, or USD if inverse, a contract, where that is not known; repeat it.",
        ),
    ] = None,
    format: FormatOption = Format.TABLE,
    report: ReportOption = None,
) -> None:
    """Take a file of the past into a store."""
    from seawall.app import tape_stats
    from seawall.core import InputError, Mistake
    from seawall.ingest.history.amounts import sizes_given

    pairs = dict(c.partition("=")[::2] for c in column or [])
    bad = [k for k, v in pairs.items() if not k or not v]
    if bad:
        raise InputError(
            [Mistake("not a pair", "column", value=k, allowed="OURS=THEIRS") for k in bad]
        )
    with progress_for(report) as say:
        made = tape_stats.import_file(
            file,
            store,
            as_format,
            venue=venue,
            instrument=instrument,
            asset=asset,
            columns=pairs or None,
            contract_sizes=sizes_given(contract_size or (), "--contract-size"),
            progress=say,
        )
        made = _with_near_copies(made, store)
    show(made, format, report)


def _with_near_copies(made: Report, store: Path) -> Report:
    """The report, and whether what was new overlaps what other sources had told."""
    from dataclasses import replace

    from seawall.core import parse_time
    from seawall.ingest.store.near_copies import near_copies
    from seawall.ingest.store.store import Store

    if not made.payload.get("new_events"):
        return made
    begin, end = parse_time(made.payload["from"]), parse_time(made.payload["to"]) + 10**9
    with Store(store) as opened:
        found = near_copies(opened, (begin, end))
    told = tuple(
        f"{count:,} events of {venue} from the file's first to its last are told by two sources "
        "with other sizes (same instrument, time, side and price): they count twice"
        for venue, count in found.items()
    )
    warnings = (*made.warnings, *told)
    return replace(made, warnings=warnings, payload={**made.payload, "warnings": list(warnings)})
