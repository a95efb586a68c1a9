"""The command that opens the room: page, API and live feed in one server."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seawall.app.room_recorder import RecorderBeside
    from seawall.app.room_watch import WatchAsked
    from seawall.core import Book
    from seawall.core.tape import Tape
    from seawall.report.model import Report
    from seawall.room.books import Filling
    from seawall.room.exported import ExportAsk
    from seawall.room.server import Room

ACCOUNTS = 50_000


def serve_command(
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 for any that is free.")] = 8351,
    host: Annotated[
        str, typer.Option(help="Address to listen on; another than loopback needs --token.")
    ] = "127.0.0.1",
    token: Annotated[
        str | None,
        typer.Option(
            envvar="SEAWALL_TOKEN",
            show_envvar=True,
            help="Asked of everyone; on the command line other users of the machine can see it.",
        ),
    ] = None,
    name: Annotated[
        list[str] | None,
        typer.Option(
            metavar="HOST",
            help="Further name it answers to, such as that of a server before it; repeatable.",
        ),
    ] = None,
    store: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Tape that is shown and asked; without, a recording."),
    ] = None,
    record: Annotated[
        bool, typer.Option("--record", help="Record venues' live feeds into --store meanwhile.")
    ] = False,
    venues: Annotated[
        str, typer.Option(metavar="NAMES", help="With --record: these; all if left out.")
    ] = "",
    assets: Annotated[
        str, typer.Option(metavar="NAMES", help="With --record: these; all if left out.")
    ] = "",
    url: Annotated[
        list[str] | None,
        typer.Option(metavar="VENUE=ADDRESS", help="With --record: in place of the venue's own."),
    ] = None,
    book: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Book to open with; account:VENUE for your own.",
            show_default=False,
        ),
    ] = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Watch the book and warn on the page.")
    ] = False,
    marks: Annotated[
        str,
        typer.Option(metavar="SOURCE", help="With --watch: live, store, a file, ws://, http://."),
    ] = "live",
    alert: Annotated[
        list[str] | None,
        typer.Option(
            metavar="URL",
            help="With --watch: address of apprise; repeatable; or SEAWALL_ALERTS.",
        ),
    ] = None,
    approaching: Annotated[str, typer.Option(help="Margin ratio of the first level.")] = "50%",
    margin_call: Annotated[str, typer.Option(help="Of the second.")] = "80%",
    imminent: Annotated[str, typer.Option(help="Of the third.")] = "95%",
    within: Annotated[
        str, typer.Option(help="Levels by the move that fells an account; none: by ratio alone.")
    ] = "5%,2.5%,1%",
    target_ratio: Annotated[
        float, typer.Option(help="Margin ratio that the watch's advice leads to.")
    ] = 0.5,
    pace: Annotated[
        float, typer.Option(min=0.1, max=600.0, help="Seconds of the recording a second.")
    ] = 20.0,
) -> None:
    """Open the page, the REST API and the live feed on this machine."""
    from seawall.core import InputError, Mistake

    try:
        from seawall.room import server
        from seawall.room.security import door_for
    except ModuleNotFoundError as error:
        raise InputError(
            Mistake(f"{error.name} is not installed", mend="Install seawall[room]")
        ) from None
    door = door_for(host, port, token, tuple(name or ()))
    from seawall.app.room_watch import WatchAsked

    known = os.environ.get("SEAWALL_ALERTS", "").split() if watch else []
    levels = (approaching, margin_call, imminent, within)
    asked = WatchAsked(watch, marks, [*(alert or ()), *known], levels, target_ratio)
    recorder = _recorder(store, venues, assets, url or ()) if record else None
    room = replace(room_of(book, store, pace, asked=asked), recorder=recorder)

    def opened(address: str) -> None:
        asks = ", which asks for the token" if token else ""
        sys.stdout.write(f"Seawall is open at {address}{asks}\nCtrl-C closes it.\n")
        sys.stdout.flush()

    server.serve(room, door, opened)


def _recorder(store: Path | None, venues: str, assets: str, url: Sequence[str]) -> RecorderBeside:
    """A recorder of the server's own; the store is made if it is not there."""
    from seawall.core import InputError, Mistake
    from seawall.ingest.wire import need_live

    if store is None:
        raise InputError(Mistake("no store to record into", "--record", mend="Add --store DIR"))
    need_live()
    from seawall.app.room_recorder import recorder_beside
    from seawall.ingest.wire.logs import start_logs

    start_logs(level=30)
    return recorder_beside(store, venues, assets, url)


def room_of(
    book: str | Path | None = None,
    store: Path | None = None,
    pace: float = 20.0,
    accounts: int = ACCOUNTS,
    asked: WatchAsked | None = None,
) -> Room:
    """A room with a book, or with the synthetic market of November 2025 and an example of a desk.

    Raises
    ------
    InputError
        If the book or the store is none; a book is read before the room opens.
    """
    from seawall.app.api import bound
    from seawall.app.room_example import NAME, example_book, write_candles
    from seawall.app.room_facts import facts
    from seawall.app.room_offers import offers
    from seawall.app.room_watch import WatchAsked, post_of
    from seawall.room.books import Shelf
    from seawall.room.server import Room
    from seawall.room.sheets import EXAMPLE

    if store is not None:
        from seawall.ingest.store.store import Store

        Store(store).close()
    shelf = Shelf(bound, sent_book)
    if book is None:
        shelf.open("November 2025, synthetic", lambda: _november(accounts))
        shelf.put(NAME, example_book(), EXAMPLE)
    else:
        read = _read(book)
        shelf.open(_shown(book), lambda: read)
    return Room(
        offers(),
        shelf,
        figures,
        store=store,
        followed=stored_figures,
        export=export,
        pace=pace,
        facts=facts(),
        post=post_of(asked or WatchAsked(), book, store),
        own=own_book,
        example=write_candles if book is None else None,
    )


def own_book(venue: str) -> Book:
    """Your own positions at a venue, by a read-only key of the environment or the keyring."""
    from seawall.app import options
    from seawall.app.positions_commands import read_account

    options.known_venue(venue, "venue")
    return read_account(f"account:{venue}", {})


def sent_book(path: Path, filling: Filling) -> Book:
    """A file that was sent, with what its sender adds to it, as the commands read one."""
    from seawall.app import options
    from seawall.ingest import read_book

    if filling.venue is not None:
        options.known_venue(filling.venue, "venue")
    return read_book(
        path,
        lenient=filling.lenient,
        venue=filling.venue,
        prices=options.prices(filling.price, "price"),
        when=filling.at,
    )


def _read(book: str | Path) -> Book:
    from seawall.app.positions_commands import is_account, read_account
    from seawall.ingest import read_book

    return read_account(str(book), {}) if is_account(str(book)) else read_book(book)


def _shown(book: str | Path) -> str:
    from seawall.app.positions_commands import is_account

    return str(book) if is_account(str(book)) else Path(book).name


def figures(tape: Tape, start: int, end: int) -> Report:
    """Statistics of what was shown of a recording, as ``seawall tape stats`` has them."""
    from seawall.app.tape_stats import stats_of
    from seawall.report.tape_beside import Window

    return stats_of(tape, Window("the recording that comes with Seawall", start, end))


def stored_figures(store: Path) -> Report:
    """Statistics of a store's last day, as ``seawall tape stats`` has them."""
    from seawall.app.tape_stats import stats

    return stats(store)


def export(store: Path, target: Path, ask: ExportAsk) -> int:
    """Write events of a store to a file, as ``seawall tape export`` does; gives their number."""
    from seawall.app.tape_selected import selected
    from seawall.core import parse_time
    from seawall.ingest.store.store import EVER, Store
    from seawall.ingest.store.upkeep import ExportFormat
    from seawall.ingest.store.upkeep import export as written

    window = (
        EVER[0] if ask.since is None else parse_time(ask.since),
        EVER[1] if ask.until is None else parse_time(ask.until),
    )
    with Store(store) as opened:
        chosen = selected(opened, window, ask.venues, ask.assets)
        if ask.format != "arrow":
            return written(opened, target, ExportFormat(ask.format), window, *chosen)
        from seawall.room.arrow import write_tape

        return write_tape(opened.read(window, *chosen), target)


def _november(accounts: int) -> Book:
    from seawall.sim import november_2025

    return november_2025(accounts=accounts).book
