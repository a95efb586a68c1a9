"""What the room watches: the book it opened with by live marks, or the example by recorded ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from seawall.core import InputError, Mistake
from seawall.room.books import DEFAULT
from seawall.room.sheets import EXAMPLE
from seawall.room.watching import Post

if TYPE_CHECKING:
    from seawall.desk.watch.levels import Thresholds
    from seawall.margin import MarginBook

_EVERY, _REREAD = 5.0, 60.0
"""Seconds between questions to what is polled, and between looks whether the book has changed."""
STORE = "store"


@dataclass(frozen=True, slots=True)
class WatchAsked:
    """What ``serve`` was asked to watch.

    Attributes
    ----------
    wanted
        Whether the book is watched.
    marks
        ``live``, ``store``, a file, or an address that speaks JSON.
    alerts
        Addresses of apprise.
    levels
        Margin ratios of the three levels, and moves or ``none``, as texts.
    target_ratio
        That advice leads to.
    """

    wanted: bool = False
    marks: str = "live"
    alerts: Sequence[str] = ()
    levels: tuple[str, str, str, str] = ("50%", "80%", "95%", "5%,2.5%,1%")
    target_ratio: float = 0.5


def thresholds_of(levels: tuple[str, str, str, str]) -> Thresholds:
    """Where levels begin, read as the command line reads it."""
    from seawall.app import options
    from seawall.app.desk_watch import moves_of, part
    from seawall.desk.watch.levels import Thresholds

    first, second, third, moves = levels
    return Thresholds(
        options.share(first, "--approaching"),
        options.share(second, "--margin-call"),
        part(third, "--imminent"),
        moves=moves_of(moves),
    )


def post_of(asked: WatchAsked, book: str | Path | None, store: Path | None) -> Post | None:
    """The watch of a room; None where nothing is watched.

    Raises
    ------
    InputError
        If there is no book to watch, marks or levels cannot be read, or an address is none.
    """
    from seawall.app.desk_watch import Feeds, Source
    from seawall.desk.rescue import Goal
    from seawall.desk.watch.channels import open_channels
    from seawall.desk.watch.watcher import Patience
    from seawall.rulebook import Rules

    levels = thresholds_of(asked.levels)
    goal = Goal(asked.target_ratio, levels.moves[0] if levels.moves else 0.0)
    if not asked.wanted:
        if asked.alerts:
            raise InputError(Mistake("nothing to tell of", "--alert", mend="Give --watch too"))
        if book is not None:
            return None
        return Post(EXAMPLE, "the recording", levels, goal, Patience())
    if book is None:
        raise InputError(Mistake("nothing to watch", "--watch", mend="Give --book FILE too"))
    channels = tuple(
        (f"{url.partition('://')[0]}://…", channel)
        for url, channel in zip(asked.alerts, open_channels(asked.alerts), strict=True)
    )
    followed = _marks(asked.marks, store)
    source = Source(str(book), None, (), False, Rules.bundled(), None)
    source.changed = source.stamp()

    from_store = store if asked.marks == STORE else None
    marks = "live" if from_store else asked.marks
    feeds = Feeds(marks, from_store, source.rules, {}, _EVERY, 1.0)

    def reread() -> MarginBook | None:
        fresh = source.again(levels)
        return None if fresh is None else fresh.margin

    patience = Patience(reread=_REREAD)
    return Post(DEFAULT, followed, levels, goal, patience, feeds, channels, reread)


def _marks(marks: str, store: Path | None) -> str:
    """What is followed, in words that hold no secret of an address."""
    if marks == "live":
        return "live marks of the venues held"
    if marks == STORE:
        if store is None:
            raise InputError(Mistake("no store to follow", "--marks", mend="Give --store DIR too"))
        return "marks of the store"
    if "://" in marks:
        return f"marks of {marks.partition('://')[0]}://…"
    if not Path(marks).is_file():
        allowed = "live, store, a file, ws://… or http://…"
        raise InputError(Mistake("no such file", "--marks", value=marks, allowed=allowed))
    return f"marks of the file {Path(marks).name}"
