"""The command that asks venues for their markets' state at a stated pace."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from seawall.ingest.market.poller import Poller, Polling


def poll_command(
    store: Annotated[
        Path,
        typer.Option(
            "--store",
            metavar="DIR",
            help="Folder of the store; made if it is not there.",
            show_default=False,
        ),
    ],
    venues: Annotated[
        str, typer.Option(metavar="NAMES", help="Venues, with commas between.")
    ] = "binance,bybit,okx,hyperliquid",
    assets: Annotated[
        str, typer.Option(metavar="NAMES", help="Underlyings, with commas between.")
    ] = "BTC,ETH",
    every: Annotated[
        str, typer.Option(metavar="SPAN", help="From the beginning of one round to the next.")
    ] = "60s",
    once: Annotated[bool, typer.Option("--once", help="One round, then end.")] = False,
    url: Annotated[
        list[str] | None,
        typer.Option(
            metavar="VENUE=ADDRESS", help="Ask there in place of the venue's own address."
        ),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No table, also on a terminal.")] = False,
) -> None:
    """Store contracts, marks, funding, open interest, ratios and depth, until stopped.

    Ends by Ctrl-C or SIGTERM, having written what was told. With --once it ends with 1 if no
    venue told anything.
    """
    from seawall.ingest.market.exchanges import addresses, names_of
    from seawall.ingest.market.poller import Polling
    from seawall.ingest.wire.logs import start_logs
    from seawall.rulebook import Rules
    from seawall.sim.scenario import span_seconds

    polling = Polling(
        venues=_names(venues),
        assets=tuple(a.upper() for a in _names(assets)),
        every=span_seconds(every, "--every"),
        urls=addresses(url or (), Rules.bundled()),
    )
    # whatever is wrong is told before a store is made
    names_of(polling.venues, Rules.bundled())
    live = sys.stderr.isatty() and not quiet and not once
    start_logs(level=30 if live or once else 20)
    poller = asyncio.run(_run(store, polling, once, live))
    if not quiet and not live:
        from seawall.ingest.market.state_table import state_table, to_text

        sys.stdout.write(to_text(state_table(poller)))
    if once and not any(row for v in poller.venues for row in v.latest):
        raise typer.Exit(1)


async def _run(store: Path, polling: Polling, once: bool, live: bool) -> Poller:
    from seawall.ingest.market.poller import Poller
    from seawall.ingest.market.tables import MarketWriter

    with MarketWriter(store) as writer:
        poller = Poller(polling, writer)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, poller.stop)
        table = asyncio.create_task(_show(poller)) if live else None
        try:
            await poller.run(once)
        finally:
            if table is not None:
                table.cancel()
                await asyncio.gather(table, return_exceptions=True)
    return poller


async def _show(poller: Poller) -> None:
    from rich.console import Console
    from rich.live import Live

    from seawall.ingest.market.state_table import state_table

    with Live(console=Console(stderr=True), auto_refresh=False) as live:
        while True:
            live.update(state_table(poller), refresh=True)
            await asyncio.sleep(1.0)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())
