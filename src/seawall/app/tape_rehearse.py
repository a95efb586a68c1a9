"""The command that rehearses the recorder without a network."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seawall.app.showing import Format, FormatOption, ReportOption, show

if TYPE_CHECKING:
    from seawall.ingest.record.recorder import Recorder
    from seawall.ingest.rehearsal.rehearse import Outcome, Plan


def rehearse_command(
    venue: Annotated[
        str, typer.Option("--venue", metavar="NAMES", help="Venues, with commas between.")
    ] = "okx,bybit",
    rate: Annotated[
        float, typer.Option(metavar="NUMBER", help="Events a second and venue, on average.")
    ] = 50.0,
    length: Annotated[str, typer.Option(metavar="SPAN", help="How long, such as 20s.")] = "20s",
    store: Annotated[
        Path,
        typer.Option("--store", metavar="DIR", help="New or empty, or an earlier rehearsal's."),
    ] = Path("seawall-rehearsal"),
    misbehave: Annotated[
        bool, typer.Option("--misbehave", help="Connections cut and stalled, copies, garbage.")
    ] = False,
    seed: Annotated[
        int, typer.Option(metavar="NUMBER", help="Of the synthetic events.", min=0)
    ] = 1,
    quiet: Annotated[bool, typer.Option("--quiet", help="No table while it runs.")] = False,
    format: FormatOption = Format.TABLE,
    report: ReportOption = None,
) -> None:
    """Record synthetic feeds on this machine, then check the store; ends with 1 if it is wrong.

    Servers in this process speak the venues' protocols; client, recorder and store are the real
    ones. Ctrl-C and SIGTERM end it early, and cleanly.
    """
    from seawall.ingest.wire import need_live

    need_live()
    from seawall.ingest.rehearsal.rehearse import Plan
    from seawall.ingest.wire.logs import start_logs
    from seawall.report.rehearsal import rehearsal_report
    from seawall.sim.scenario import span_seconds

    plan = Plan(
        store,
        tuple(name.strip() for name in venue.split(",") if name.strip()),
        rate,
        span_seconds(length, "--length"),
        seed,
        misbehave,
    )
    # what misbehaving servers bring about is counted, and no error
    start_logs(level=40)
    found = asyncio.run(_run(plan, sys.stderr.isatty() and not quiet))
    show(rehearsal_report(found), format, report)
    if not found.sound:
        raise typer.Exit(1)


async def _run(plan: Plan, shown: bool) -> Outcome:
    from seawall.app.tape_record import show_live
    from seawall.ingest.rehearsal.rehearse import rehearse

    stop = asyncio.Event()
    tables: list[asyncio.Task[None]] = []
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)

    def begun(recorder: Recorder) -> None:
        if shown:
            tables.append(asyncio.create_task(show_live(recorder)))

    try:
        return await rehearse(plan, stop=stop, begun=begun)
    finally:
        for table in tables:
            table.cancel()
        await asyncio.gather(*tables, return_exceptions=True)
