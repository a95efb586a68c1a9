"""The commands that keep a stored tape: verify, compact, export, retain."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seawall.app.ending import to_reader

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from seawall.ingest.store.store import Store
    from seawall.ingest.store.upkeep import Change
    from seawall.ingest.store.verify import Finding

StoreOption = Annotated[
    Path, typer.Option("--store", metavar="DIR", help="Folder of the store.", show_default=False)
]


class Shown(StrEnum):
    """How what was done is printed."""

    TABLE = "table"
    JSON = "json"


class Written(StrEnum):
    """What events are exported as."""

    PARQUET = "parquet"
    CSV = "csv"
    JSON = "json"


ShownOption = Annotated[Shown, typer.Option("--format", "-f", help="What to print.")]


def verify_command(
    store: StoreOption,
    silence: Annotated[
        str, typer.Option(metavar="SPAN", help="Tell silences of a venue from this long on.")
    ] = "6h",
    set_aside: Annotated[
        bool,
        typer.Option(
            "--set-aside",
            help="Leave damaged files out of all answers; they are kept. Nobody else may write.",
        ),
    ] = False,
    format: ShownOption = Shown.TABLE,
) -> None:
    """Look for damaged files, copies, impossible values and silent venues.

    Ends with 1 if something is wrong for sure; silences and odd prices are only told.
    """
    from seawall.app.progress import Progress
    from seawall.ingest.store.store import Store
    from seawall.ingest.store.verify import verify
    from seawall.report.numbers import counted
    from seawall.sim.scenario import span_seconds

    least = int(span_seconds(silence, "--silence") * 1e9)
    if set_aside:
        _set_aside(store)
    with Progress() as say, Store(store) as opened:
        say(f"files of {store}")
        found = verify(opened, least, say)
    if format is Shown.JSON:
        _write_json({"sound": found.sound, **asdict(found)})
    else:
        lines = [
            f"{counted(found.events, 'event')}, {found.in_log:,} of them in the log; "
            f"{counted(found.parts, 'file')}, {counted(found.days, 'day')}",
            *map(_line, found.findings),
            "sound" if found.sound else "not sound",
        ]
        _write("\n".join(lines))
    if not found.sound:
        raise typer.Exit(1)


def _set_aside(store: Path) -> None:
    from seawall.ingest.store.store import Store
    from seawall.ingest.store.upkeep import set_aside
    from seawall.ingest.store.writer import StoreWriter

    # a folder that is no store is refused, not made into one
    Store(store).close()
    with StoreWriter(store) as opened:
        for path in set_aside(opened):
            sys.stderr.write(f"seawall: set aside: {path}\n")


def compact_command(store: StoreOption, format: ShownOption = Shown.TABLE) -> None:
    """Merge the small files of each day. Nobody else may be writing.

    A damaged file is named and left as it is; then it ends with 1.
    """
    from seawall.ingest.store.upkeep import compact

    _changed(store, "files merged", compact, format)


def retain_command(
    store: StoreOption,
    since: Annotated[
        str, typer.Option(metavar="DAY", help="First day to keep (UTC).", show_default=False)
    ],
    yes: Annotated[
        bool, typer.Option("--yes", help="Do it; without, what would go is told and stays.")
    ] = False,
    format: ShownOption = Shown.TABLE,
) -> None:
    """Let go of all days before one, for good. Nobody else may be writing.

    Ends with 2, and nothing changed, if something would go and --yes is not given.
    """
    from seawall.app.options import optional_day
    from seawall.ingest.store.upkeep import retain

    day = optional_day(since, "--since")
    assert day is not None
    if not yes:
        _would_go(store, day, format)
        return
    _changed(store, "events let go", lambda writer: retain(writer, day), format)


def export_command(
    store: StoreOption,
    out: Annotated[Path, typer.Option(metavar="FILE", help=".parquet, .csv, .json or .jsonl.")],
    format: Annotated[
        Written | None, typer.Option("--format", "-f", help="By the file's ending if left out.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="First moment wanted; ISO 8601.")
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="TIME", help="Moment to end before; ISO 8601.")
    ] = None,
    venues: Annotated[
        str | None, typer.Option(metavar="NAMES", help="Venues, separated by commas.")
    ] = None,
    assets: Annotated[
        str | None, typer.Option(metavar="NAMES", help="Assets, separated by commas.")
    ] = None,
) -> None:
    """Write events to one file, in order of time, also while they are being recorded.

    A selection of which nothing is stored is refused, and no file written.
    """
    from seawall.app.progress import Progress
    from seawall.app.tape_selected import selected
    from seawall.core import parse_time
    from seawall.ingest.store.store import EVER, Store
    from seawall.ingest.store.upkeep import ExportFormat, export
    from seawall.report.numbers import counted

    window = (
        EVER[0] if since is None else parse_time(since),
        EVER[1] if until is None else parse_time(until),
    )
    wanted = None if format is None else ExportFormat(format)
    with Progress() as say, Store(store) as opened:
        say(f"writing {out}")
        chosen = selected(opened, window, venues, assets)
        count = export(opened, out, wanted, window, *chosen)
        deaf = _unheard(opened, window, chosen[0])
    _write(f"{counted(count, 'event')} written to {out}")
    if deaf:
        sys.stderr.write(f"seawall: {deaf}\n")


def _unheard(store: Store, window: tuple[int, int], venues: Sequence[str] | None) -> str:
    """What an export does not say: that venues were not heard for a part of its time."""
    from seawall.ingest.store.outages import outages
    from seawall.report.numbers import counted

    _, last = store.extent()
    found = [
        o
        for o in outages(store, window[0], min(window[1], (last or 0) + 1))
        if not o.refilled and (venues is None or o.venue in venues)
    ]
    if not found:
        return ""
    names = sorted({o.venue for o in found})
    seconds = sum(o.end - o.start for o in found) / 1e9
    return (
        f"{', '.join(names)} {'were' if names[1:] else 'was'} not heard for a part of that time "
        f"({counted(len(found), 'outage')}, {seconds:,.0f} s in all): the file holds events "
        "alone, and whoever imports it takes it for all that was shown. "
        "`seawall tape verify` names them"
    )


def _changed(store: Path, what: str, change: Callable[[Any], Change], format: Shown) -> None:
    from seawall.app.progress import Progress
    from seawall.ingest.store.store import Store
    from seawall.ingest.store.writer import StoreWriter
    from seawall.report.numbers import counted

    # a folder that is no store is refused, not made into one
    Store(store).close()
    with Progress() as say, StoreWriter(store) as opened:
        say(f"{what} in {store}")
        done = change(opened)
    if done.damaged:
        names = ", ".join(done.damaged)
        sys.stderr.write(
            f"seawall: {counted(len(done.damaged), 'file')} left as found, not what was written: "
            f"{names}. `seawall tape verify` tells more\n"
        )
    if format is Shown.JSON:
        _write_json(asdict(done))
        _end_if(bool(done.damaged))
        return
    copies = f", {counted(done.copies, 'copy')} left out" if done.copies else ""
    _write(
        f"{what}: {done.parts_before:,} files before, {done.parts_after:,} after; "
        f"{counted(done.events, 'event')}{copies}; {done.freed / 1e6:,.1f} MB freed"
    )
    _end_if(bool(done.damaged))


def _end_if(wrong: bool) -> None:
    """End with 1 where something is wrong for sure."""
    if wrong:
        raise typer.Exit(1)


def would_go(store: Path, day: date) -> dict[str, Any]:
    """What lies before a day: ``events``, ``days``, and the ``first`` and ``last`` of them."""
    from seawall.core import format_time, parse_time
    from seawall.core.tape import Kind
    from seawall.ingest.store.queries import ask, days
    from seawall.ingest.store.store import EVER, Store

    with Store(store) as opened:
        found = ask(opened, days((EVER[0], parse_time(str(day))), tuple(Kind)))
    first, last = (
        (format_time(pick(d["time"] for d in found))[:10] if found else None) for pick in (min, max)
    )
    events = int(sum(d["events"] for d in found))
    return {"events": events, "days": len(found), "first": first, "last": last}


def _would_go(store: Path, day: date, format: Shown) -> None:
    """Tell what lies before a day; end with 2 if anything does."""
    from seawall.report.numbers import counted

    found = would_go(store, day)
    if format is Shown.JSON:
        _write_json({"would_go": found})
    elif not found["days"]:
        _write(f"nothing is stored of days before {day}: nothing would go")
    else:
        _write(
            f"would let go of {counted(found['events'], 'event')} of "
            f"{counted(found['days'], 'day')}, {found['first']} to {found['last']}, for good. "
            "Nothing was changed: add --yes to do it"
        )
    if found["days"]:
        raise typer.Exit(2)


def _line(finding: Finding) -> str:
    mark = "fault" if finding.fault else "note"
    times = f" ({finding.count:,})" if finding.count > 1 else ""
    return f"{mark}: {finding.where}: {finding.what}{times}"


def _write_json(value: dict[str, Any]) -> None:
    _write(json.dumps(value, indent=2, ensure_ascii=False))


def _write(text: str) -> None:
    with to_reader():
        sys.stdout.write(text + "\n")
