"""A tape's figures as functions: statistics, comparison, concentration, import."""

from __future__ import annotations

import time as clock
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from seawall.core import InputError, Mistake, RuleError, format_time, parse_time
from seawall.core.tape import Coverage, Tape
from seawall.ingest import read_book
from seawall.ingest.store.queries import ask, days
from seawall.ingest.store.store import EVER, Store
from seawall.ingest.store.writer import StoreWriter
from seawall.report.model import Report
from seawall.report.tape import Beside, Window, compare_report, tape_report
from seawall.report.tape_others import concentration_report, import_report
from seawall.risk import concentrations
from seawall.risk.coverage import Shows, SlotRule, Unseen, unseen
from seawall.risk.tape_shares import groups
from seawall.risk.tape_statistics import Statistics, rank_of, statistics
from seawall.rulebook import Rules
from seawall.rulebook.feeds import Feed, feed_at
from seawall.sim.scenario import span_seconds

GROUPS = ("venue", "asset", "side")
DAY_NS = 86_400 * 10**9
_DRAWN = 6_000_000


def _silent(_: str) -> None:
    return None


def stats(
    store: str | Path,
    window: str = "24h",
    at: str | None = None,
    by: Sequence[str] = ("venue",),
    *,
    volume_usd: float | None = None,
    open_interest_usd: float | None = None,
    rules: Rules | None = None,
    draws: int = 200,
    progress: Callable[[str], None] = _silent,
) -> Report:
    """Figures of the window that ends at a time.

    Parameters
    ----------
    store
        Folder of a tape.
    window
        Length, such as ``24h``.
    at
        Where it ends; the present if None, or the last event where recording ended long ago.
    by
        Any of ``venue``, ``asset`` and ``side``: what else to break it down by.
    volume_usd, open_interest_usd
        Of the same markets, for the forced share of them.
    draws
        Draws of what was not seen.

    Raises
    ------
    InputError
        If an argument is wrong, or there is no such store.
    """
    check_groups(by)
    length = round(span_seconds(window, "window") * 1e9)
    with Store(store) as opened:
        end, notes = _end(opened, at, length)
        progress(f"reading {store}")
        tape = opened.read((end - length, end))
        history = ask(opened, days())
    progress("estimating what was not seen")
    return stats_of(
        tape,
        Window(str(store), end - length, end),
        by,
        beside_of(
            tape,
            _of_days(history, end) if length == DAY_NS else None,
            end,
            volume_usd,
            open_interest_usd,
            rules,
            notes,
        ),
        rules,
        draws,
    )


def stats_of(
    tape: Tape,
    window: Window,
    by: Sequence[str] = ("venue",),
    beside: Beside | None = None,
    rules: Rules | None = None,
    draws: int = 200,
) -> Report:
    """The same of a tape in memory."""
    check_groups(by)
    found, left_out = figures_of(tape, (window.start, window.end - 1), rules, draws)
    return tape_report(found, groups(tape, left_out, by) if by else (), by, window, beside)


def figures_of(
    tape: Tape, window: tuple[int, int], rules: Rules | None = None, draws: int = 200
) -> tuple[Statistics, Unseen]:
    """Figures of a tape, and what its feeds left out by their venues' rules."""
    feeds = feeds_of_tape(tape, window[1], rules or Rules.bundled())
    # so many events tell the spread with fewer draws
    enough = min(draws, max(60, _DRAWN // max(1, len(tape))))
    left_out = unseen(tape, slot_rules(feeds), window, enough)
    return statistics(tape, left_out), left_out


def feeds_of_tape(tape: Tape, when: int, rules: Rules) -> dict[str, Feed]:
    """The feed in force of every venue of a tape that has a rulebook with one."""
    found = {}
    for venue in tape.venues:
        try:
            found[venue] = feed_at(rules, venue, when)
        except RuleError:
            continue
    return found


def slot_rules(feeds: Mapping[str, Feed]) -> dict[str, SlotRule]:
    """Slot rules of the feeds that have one; of two readings of one the smaller estimate."""
    return {
        venue: SlotRule(
            feed.slot_seconds, Shows.LATEST if feed.slot_keeps == "latest" else Shows.LARGEST
        )
        for venue, feed in feeds.items()
        if feed.coverage is Coverage.ONE_A_SLOT
    }


def beside_of(
    tape: Tape,
    history: np.ndarray | None,
    when: int,
    volume_usd: float | None,
    open_interest_usd: float | None,
    rules: Rules | None,
    notes: tuple[str, ...],
) -> Beside:
    """What the tape itself does not hold."""
    nan = float("nan")
    feeds = feeds_of_tape(tape, when, rules or Rules.bundled())
    mine = float(tape.notional[(tape.kind <= 1)].sum())
    return Beside(
        nan if volume_usd is None else volume_usd,
        nan if open_interest_usd is None else open_interest_usd,
        None if history is None or not len(history) else rank_of(mine, history),
        {v: f"{f.text} ({f.source})" for v, f in feeds.items()},
        notes,
    )


def compare(
    store: str | Path,
    first: str,
    second: str,
    *,
    rules: Rules | None = None,
    progress: Callable[[str], None] = _silent,
) -> Report:
    """Two UTC days beside each other.

    Raises
    ------
    InputError
        If a day is none, or nothing was recorded on it.
    """
    starts = [_day(d) for d in (first, second)]
    found, empty = [], []
    with Store(store) as opened:
        for name, start in zip((first, second), starts, strict=True):
            progress(f"reading {name}")
            tape = opened.read((start, start + DAY_NS))
            if not len(tape):
                empty.append(Mistake("nothing is stored of this day", str(store), value=name))
            found.append(figures_of(tape, (start, start + DAY_NS - 1), rules)[0])
    if empty:
        raise InputError(empty)
    names = (format_time(starts[0])[:10], format_time(starts[1])[:10])
    return compare_report(found[0], found[1], names, str(store))


def concentration(
    source: Any, *, at: str | None = None, venue: str | None = None, lenient: bool = True
) -> Report:
    """How few hold how much in a snapshot of positions; the last of several.

    Raises
    ------
    InputError
        If the positions cannot be read.
    """
    book = read_book(source, lenient=lenient, when=at, venue=venue)
    return concentration_report(book, concentrations(book))


def import_file(
    file: str | Path,
    store: str | Path,
    format: str | None = None,
    *,
    venue: str = "",
    instrument: str = "",
    asset: str = "",
    columns: Mapping[str, str] | None = None,
    progress: Callable[[str], None] = _silent,
) -> Report:
    """Take a file of the past into a store: single events to the tape, series beside it.

    Raises
    ------
    InputError
        With every mistake of the file at once; nothing of it is then stored.
    """
    # imported here, as it needs what the live feeds need, and figures of a store do not
    from seawall.ingest.history import History, read_history
    from seawall.ingest.history.keep import keep_series

    progress(f"reading {file}")
    found: History = read_history(
        file, format, venue=venue, instrument=instrument, asset=asset, columns=columns
    )
    if found.tape is None:
        kept = keep_series(found, Path(store)) if found.series is not None else None
        return import_report(found, str(store), None, str(kept) if kept else None)
    progress(f"storing {len(found):,} events")
    with StoreWriter(store) as writer:
        before = _count(writer)
        writer.append(found.tape)
        writer.roll()
        fresh = _count(writer) - before
    return import_report(found, str(store), fresh, None)


def check_groups(by: Sequence[str]) -> None:
    """Refuse what a tape cannot be broken down by."""
    unknown = [b for b in by if b not in GROUPS]
    if unknown or len(set(by)) < len(by):
        raise InputError(
            [Mistake("nothing to break down by", "by", value=b, allowed=", ".join(GROUPS))
             for b in unknown]
            or [Mistake("named twice", "by", value=", ".join(by))]
        )  # fmt: skip


def _count(store: Store) -> int:
    found = store.answer(
        EVER, lambda c, events: c.execute(f"SELECT count(*) FROM {events}").fetchall()
    )
    return int(found[0][0])


def _end(store: Store, at: str | None, length: int) -> tuple[int, tuple[str, ...]]:
    """Where a window ends, and what to say of it."""
    if at is not None:
        return parse_time(at), ()
    now = clock.time_ns()
    last = store.answer(
        EVER, lambda c, events: c.execute(f"SELECT max(time) FROM {events}").fetchall()
    )[0][0]
    if last is None or last >= now - length:
        return now, ()
    return int(last) + 1, (
        f"The last event is of {format_time(int(last))}: the window ends there, not now.",
    )


def _of_days(history: list[dict[str, Any]], end: int) -> np.ndarray:
    """USD of the days that lie wholly before the window."""
    return np.array([d["notional_usd"] for d in history if d["time"] + 2 * DAY_NS <= end])


def _day(text: str) -> int:
    start = parse_time(text)
    if start % DAY_NS:
        raise InputError(Mistake("not a day", value=text, allowed="such as 2025-10-10"))
    return start
