"""The command that records venues' live feeds."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from seawall.ingest.record.recorder import Recorder


def record(
    store: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder of the store; made if it is not there")
    ],
    venues: Annotated[
        str,
        typer.Option(
            metavar="NAMES", help="Venues, with commas between; all with a live feed if left out"
        ),
    ] = "",
    assets: Annotated[
        str, typer.Option(metavar="NAMES", help="Underlyings, with commas between; all if left out")
    ] = "",
    metrics: Annotated[
        int | None,
        typer.Option(metavar="PORT", help="Port on 127.0.0.1 for Prometheus", min=0, max=65_535),
    ] = None,
    url: Annotated[
        list[str] | None,
        typer.Option(
            metavar="VENUE=ADDRESS", help="Connect there in place of the venue's own address"
        ),
    ] = None,
    quiet: Annotated[bool, typer.Option(help="No table, also on a terminal")] = False,
) -> None:
    """Record what venues publish of their liquidations, until stopped by Ctrl-C or SIGTERM."""
    from seawall.ingest.wire import need_live

    need_live()
    from seawall.ingest.record.lately import instruments_lately
    from seawall.ingest.record.recorder import Recorder, Recording
    from seawall.ingest.rehearsal.folder import refuse_rehearsal
    from seawall.ingest.store.upkeep import merge_past
    from seawall.ingest.store.writer import StoreWriter
    from seawall.ingest.wire.logs import start_logs
    from seawall.ingest.wire.venues import adapters_of
    from seawall.rulebook import Rules

    refuse_rehearsal(store)
    rules = Rules.bundled()
    # whatever is wrong is told before a store is made
    adapters_of(_names(venues), rules)
    see_free(metrics)
    recording = Recording(
        venues=_names(venues),
        assets=tuple(a.upper() for a in _names(assets)) or None,
        urls=addresses(url or (), rules),
        metrics_port=metrics,
    )
    shown = sys.stderr.isatty() and not quiet
    start_logs(level=30 if shown else 20)

    async def run() -> None:
        writer = StoreWriter(store)
        seen, tidy = instruments_lately(writer), partial(merge_past, writer)
        recorder = Recorder(recording, writer, rules, seen, tidy)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, recorder.stop)
        table = asyncio.create_task(show_live(recorder)) if shown else None
        try:
            await recorder.run()
        finally:
            if table is not None:
                table.cancel()
                await asyncio.gather(table, return_exceptions=True)

    asyncio.run(run())


def see_free(port: int | None) -> None:
    """Refuse a port on the loopback interface that is taken.

    Raises
    ------
    InputError
        Naming it.
    """
    from seawall.core import InputError, Mistake

    if not port:
        return
    with socket.socket() as tried:
        if sys.platform != "win32":
            # as the server does: what a closed one left behind is no hindrance
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind(("127.0.0.1", port))
        except OSError as error:
            raise InputError(
                Mistake(
                    f"cannot be served on: {error.strerror}",
                    "--metrics",
                    value=str(port),
                    allowed="a free port, or 0 for any",
                )
            ) from None


def addresses(given: list[str] | tuple[str, ...], rules: object) -> dict[str, str]:
    """Addresses that stand in for venues' own, by rulebook.

    Raises
    ------
    InputError
        Naming each that is no ``VENUE=ws://...`` or ``VENUE=wss://...``.
    """
    from seawall.core import InputError, Mistake
    from seawall.ingest.wire.venues import names_of
    from seawall.rulebook import Rules

    assert isinstance(rules, Rules)
    found: dict[str, str] = {}
    wrong: list[Mistake] = []
    for text in given:
        venue, equals, address = text.partition("=")
        if not equals or not address.startswith(("ws://", "wss://")):
            wrong.append(
                Mistake("no address", "--url", value=text, allowed="VENUE=ws://127.0.0.1:8080")
            )
            continue
        found.update(dict.fromkeys(names_of(venue, rules), address.rstrip("/")))
    if wrong:
        raise InputError(wrong)
    return found


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


async def show_live(recorder: Recorder) -> None:
    """Keep the recorder's table on the terminal, until cancelled."""
    from rich.console import Console
    from rich.live import Live

    from seawall.ingest.record.table import live_table

    with Live(console=Console(stderr=True), auto_refresh=False) as live:
        while True:
            live.update(live_table(recorder), refresh=True)
            await asyncio.sleep(1.0)
