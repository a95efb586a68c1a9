"""The command that watches accounts and calls in time."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seawall.app.book_options import LenientOption, PriceOption, VenueOption
from seawall.app.market_store import polled
from seawall.app.progress import silent
from seawall.app.showing import Format

if TYPE_CHECKING:
    from seawall.core import Book
    from seawall.desk.watch.feeds import Feed
    from seawall.desk.watch.levels import Thresholds
    from seawall.desk.watch.watched import Watched
    from seawall.rulebook import Rules


_Book = Annotated[
    str | None, typer.Argument(metavar="[BOOK]", help="CSV, JSON Lines, JSON or Parquet.")
]
_Account = Annotated[
    str | None,
    typer.Option(metavar="VENUE", help="Your own account there, by a read-only key."),
]
_Marks = Annotated[
    str,
    typer.Option(metavar="SOURCE", help="live, a file, - for stdin, ws://... or http://..."),
]
_Store = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Marks of a store's market tables.")
]
_Alert = Annotated[
    list[str] | None,
    typer.Option(metavar="URL", help="Address of apprise; repeatable; or SEAWALL_ALERTS."),
]
_Hysteresis = Annotated[str, typer.Option(help="A level is left this part below its threshold.")]
_Within = Annotated[
    str, typer.Option(help="Levels by the move that fells an account; none: by ratio alone.")
]
_Silence = Annotated[
    float | None,
    typer.Option(
        min=0.1,
        help="Seconds without a mark, then the feed is dead: 30; 150 with --marks store.",
    ),
]
_Every = Annotated[
    float, typer.Option(min=0.05, help="Seconds between questions to what is polled.")
]
_Pace = Annotated[
    float, typer.Option(min=0.0, help="A file's speed, 1 by its times; 0 is at once.")
]
_Reread = Annotated[
    float, typer.Option(min=0.0, help="Seconds between looks at BOOK or account; 0: never.")
]
_Url = Annotated[
    list[str] | None,
    typer.Option(metavar="VENUE=URL", help="Where ccxt connects in place of the venue."),
]
_Stops = Annotated[bool, typer.Option("--stops", help="Plan protective stops: a dry run.")]
_PlaceStops = Annotated[
    bool, typer.Option("--place-stops", help="Place them, with a key given for it.")
]
_StopMargin = Annotated[str, typer.Option(help="In front of liquidation, of the way to the mark.")]
_HedgeMode = Annotated[
    bool, typer.Option("--hedge-mode", help="The venue holds longs and shorts apart.")
]
_Audit = Annotated[Path, typer.Option(metavar="FILE", help="Log of stops, only ever appended to.")]


def watch_command(
    book: _Book = None,
    account: _Account = None,
    marks: _Marks = "live",
    store: _Store = None,
    alert: _Alert = None,
    bell: Annotated[bool, typer.Option("--bell", help="Ring the terminal's bell.")] = False,
    approaching: Annotated[str, typer.Option(help="Margin ratio of the first level.")] = "50%",
    margin_call: Annotated[str, typer.Option(help="Of the second.")] = "80%",
    imminent: Annotated[str, typer.Option(help="Of the third.")] = "95%",
    hysteresis: _Hysteresis = "10%",
    within: _Within = "5%,2.5%,1%",
    target_ratio: Annotated[float, typer.Option(help="Margin ratio that advice leads to.")] = 0.5,
    silence: _Silence = None,
    every: _Every = 5.0,
    pace: _Pace = 0.0,
    reread: _Reread = 60.0,
    url: _Url = None,
    stops: _Stops = False,
    place_stops: _PlaceStops = False,
    stops_at: Annotated[str, typer.Option(help="Level from which accounts get stops.")] = (
        "margin-call"
    ),
    stop_margin: _StopMargin = "25%",
    hedge_mode: _HedgeMode = False,
    audit: _Audit = Path("seawall-stops.jsonl"),
    seconds: Annotated[float | None, typer.Option(min=0.0, help="End after so long.")] = None,
    format: Annotated[
        Format, typer.Option("--format", "-f", help="table: lines of text; json: JSON lines.")
    ] = Format.TABLE,
    venue: VenueOption = None,
    price: PriceOption = None,
    lenient: LenientOption = False,
) -> None:
    """Follow marks, judge accounts at each and warn in time, until Ctrl-C or SIGTERM."""
    from seawall.app import options
    from seawall.app.desk_watching import Asked, StopsAsked, run
    from seawall.desk.rescue import Goal
    from seawall.desk.watch.levels import Thresholds
    from seawall.desk.watch.watcher import Patience
    from seawall.rulebook import Rules

    thresholds = Thresholds(
        options.share(approaching, "--approaching"),
        options.share(margin_call, "--margin-call"),
        part(imminent, "--imminent"),
        part(hysteresis, "--hysteresis"),
        moves_of(within),
    )
    _check_format(format)
    rules = Rules.bundled()
    urls = _addresses(url, rules) if url else {}
    source = Source(_book_name(book, account), venue, tuple(price or ()), lenient, rules, store)
    watched = source.watched(thresholds)
    wanted = StopsAsked(
        stops or place_stops,
        place_stops,
        stops_at,
        options.share(stop_margin, "--stop-margin"),
        hedge_mode,
        audit,
    )
    run(
        Asked(
            watched=watched,
            feeds=Feeds(marks, store, rules, urls, every, pace),
            addresses=[*(alert or ()), *os.environ.get("SEAWALL_ALERTS", "").split()],
            bell=bell,
            lines=format is Format.TABLE,
            goal=Goal(target_ratio, thresholds.moves[0] if thresholds.moves else 0.0),
            patience=Patience(
                silence=silence or (150.0 if marks == "store" else 30.0), reread=reread
            ),
            seconds=seconds,
            reread=lambda: source.again(thresholds),
            stops=wanted,
            rules=rules,
            urls=urls,
        )
    )


def _book_name(book: str | None, account: str | None) -> str:
    from seawall.core import InputError, Mistake

    if (book is None) == (account is None):
        what = "nothing to watch" if book is None else "two things to watch"
        raise InputError(Mistake(what, "BOOK", allowed="a book, or --account VENUE, not both"))
    return book if book is not None else f"account:{account}"


@dataclass(slots=True)
class Source:
    """What is watched, read now and again."""

    name: str
    venue: str | None
    price: tuple[str, ...]
    lenient: bool
    rules: Rules
    store: Path | None = None
    changed: tuple[int, ...] = ()
    told: bool = False
    looks: int = 0

    def watched(self, thresholds: Thresholds) -> Watched:
        """The book as it is now, laid out to be watched."""
        from seawall.app.api import bound
        from seawall.desk.watch.watched import Watched

        self.looks += 1
        look, stamp = self.looks, self.stamp()
        found = Watched(bound(self._read(), self.rules), thresholds, self.rules)
        # of a reading that fails nothing is noted, so that the next look reads again; and the
        # stamp is older than what was read, so that what is written meanwhile is read too; where
        # another look has begun, this one was given up, and nobody has seen what it read
        if look == self.looks:
            self.changed = stamp
        return found

    def again(self, thresholds: Thresholds) -> Watched | None:
        """The book anew; None where a file has not changed since it was last read well.

        None, too, where another look has begun meanwhile: this one was given up, and what it read
        may be older.
        """
        if self.name == "-" or (self.stamp() == self.changed and not self._own()):
            return None
        look = self.looks + 1
        found = self.watched(thresholds)
        return found if look == self.looks else None

    def _own(self) -> bool:
        return self.name.startswith("account:")

    def stamp(self) -> tuple[int, ...]:
        """By what a change of the file is seen; empty where there is none."""
        return () if self.name == "-" or self._own() else _modified(self.name)

    def _read(self) -> Book:
        from seawall.app import cli

        marks, price = polled(self.store), list(self.price)
        read = cli._read(
            self.name, self.lenient, self.venue, price, None, silent, marks, told=self.told
        )
        self.told = True
        return read


def _modified(name: str) -> tuple[int, ...]:
    try:
        found = Path(name).stat()
    except OSError:
        return ()
    return found.st_mtime_ns, found.st_size, found.st_ino


@dataclass(slots=True)
class Feeds:
    """Tells the feeds of marks for a book: of the venues it holds, a store, a file or an address.

    Those of venues are made for what the book holds; any other is made once.
    """

    marks: str
    store: Path | None
    rules: Rules
    urls: dict[str, str]
    every: float
    pace: float
    made: Sequence[Feed] = ()

    def __call__(self, watched: Watched) -> Sequence[Feed]:
        """The feeds for a book as it is now."""
        if self.store is None and self.marks == "live":
            self.made = self._live(watched)
        elif not self.made:
            self.made = [self._one()]
        return self.made

    def _one(self) -> Feed:
        from seawall.core import InputError, Mistake
        from seawall.desk.watch.feeds import StoreFeed, feed_of

        if self.store is None:
            return feed_of(self.marks, self.every, self.pace)
        if self.marks != "live":
            raise InputError(Mistake("two feeds", "--marks, --store", allowed="one of them"))
        return StoreFeed(self.store, self.every)

    def _live(self, watched: Watched) -> Sequence[Feed]:
        from seawall.desk.watch.venues import VenueFeed

        held = [watched.margin.book.instruments[k] for k in watched.held.tolist()]
        # what is not listed is a mistake at the start; later it is a mark that does not come
        lenient = bool(self.made)
        return [
            VenueFeed(
                v,
                [i for i in held if i.venue == v],
                self.rules,
                self.urls.get(v, ""),
                self.every,
                lenient,
            )
            for v in dict.fromkeys(i.venue for i in held)
        ]


def _addresses(given: list[str], rules: Rules) -> dict[str, str]:
    # of an extra, which a watch of a file does not need
    from seawall.ingest.market.exchanges import addresses

    return addresses(given, rules)


def part(text: str, option: str) -> float:
    """A part from 0% to 100%, ``95%`` or ``0.95``."""
    from seawall.app import options

    return 1.0 if text.strip() in ("1", "1.0") else options.change(text, option)


def moves_of(text: str) -> tuple[float, ...]:
    """Three moves, ``5%,2.5%,1%``, or ``none``."""
    from seawall.app import options

    if text.strip().lower() == "none":
        return ()
    return tuple(options.share(part, "--within") for part in text.split(","))


def _check_format(format: Format) -> None:
    from seawall.core import InputError, Mistake

    if format is Format.CSV:
        raise InputError(
            Mistake("a watch has no table", "--format", value="csv", allowed="table, json")
        )
