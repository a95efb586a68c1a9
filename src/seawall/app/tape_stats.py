"""A tape's figures as functions: statistics, comparison, concentration, import."""

from __future__ import annotations

import time as clock
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from seawall.app.progress import Say, silent
from seawall.app.tape_beside import DAY_NS, beside_of, day_sums, feeds_of, given
from seawall.app.tape_figures import draws_of, figures
from seawall.app.tape_heard import Known, known_of
from seawall.core import InputError, Mistake, format_time, parse_time
from seawall.core.tape import Coverage, Tape
from seawall.core.tape import Kind as TapeKind
from seawall.ingest import read_book
from seawall.ingest.store.imported import keep_spans
from seawall.ingest.store.manifest import is_store
from seawall.ingest.store.queries import ask, totals
from seawall.ingest.store.store import EVER, Store
from seawall.ingest.store.verify import SKEW_NS
from seawall.ingest.store.writer import StoreWriter
from seawall.report.model import Report
from seawall.report.numbers import counted
from seawall.report.tape import tape_report
from seawall.report.tape_beside import Beside, Window
from seawall.report.tape_compare import compare_report
from seawall.report.tape_others import concentration_report, import_report
from seawall.risk import concentrations
from seawall.risk.coverage import Shows, SlotRule, liquidations, unseen
from seawall.risk.tape_cells import PARTLY, Cells, cells_of
from seawall.risk.tape_shares import groups
from seawall.risk.tape_statistics import Statistics, statistics
from seawall.rulebook import Rules
from seawall.rulebook.feeds import Feed
from seawall.sim.scenario import span_seconds

GROUPS = ("venue", "asset", "side")


def future_events(store: Store, now: int) -> int:
    """Events whose times lie after the present by more than clocks differ."""
    rows = ask(store, totals((now + SKEW_NS, EVER[1]), ("venue",), tuple(TapeKind)))
    return sum(int(r["events"]) for r in rows)


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
    progress: Say = silent,
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
        Of all markets of the tape, in place of what the store knows of them.
    draws
        Draws of what was not seen.

    Raises
    ------
    InputError
        If an argument is wrong, or there is no such store.
    """
    check_groups(by)
    _check_given(volume_usd, open_interest_usd)
    rules = rules or Rules.bundled()
    length = round(span_seconds(window, "window") * 1e9)
    if length <= 0:
        raise InputError(
            Mistake("no length", "window", value=window, allowed="more than 0, such as 24h")
        )
    with Store(store) as opened:
        end, notes = _end(opened, at, length)
        progress(f"reading {store}")
        ends = (end - length, end)
        known = _known(opened, ends, rules)
        found, cells = _figures(opened, ends, rules, draws, known, progress)
        beside = beside_of(opened, ends, found, rules, known, (*notes, *known.narrowed))
    beside = given(beside, found, volume_usd, open_interest_usd)
    return tape_report(
        found, groups(cells, by) if by else (), by, Window(str(store), *ends), beside
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
    unheard = beside.unheard if beside else ()
    found, cells = figures_of(tape, (window.start, window.end - 1), rules, draws, unheard)
    return tape_report(found, groups(cells, by) if by else (), by, window, beside)


def figures_of(
    tape: Tape,
    window: tuple[int, int],
    rules: Rules | None = None,
    draws: int = 200,
    unheard: Sequence[str] = (),
) -> tuple[Statistics, Cells]:
    """Figures of a tape in memory, between its first and last ns, and what they are made of."""
    slotted = liquidations(tape) & (tape.coverage == Coverage.ONE_A_SLOT)
    feeds = feeds_of(tape.venues, window[1], rules or Rules.bundled())
    enough = draws_of(draws, int(slotted.sum()))
    left_out = unseen(tape, slot_rules(feeds), window, enough)
    return statistics(tape, left_out, unheard), cells_of(tape, left_out, unheard)


def _figures(
    store: Store,
    window: tuple[int, int],
    rules: Rules,
    draws: int,
    known: Known,
    progress: Say,
) -> tuple[Statistics, Cells]:
    """Figures of a store's window by the rules in force at its end."""
    return figures(
        store,
        window,
        lambda venues: slot_rules(feeds_of(venues, window[1] - 1, rules)),
        draws,
        known.unheard | known.without,
        progress,
        known.imported,
    )


def _known(store: Store, window: tuple[int, int], rules: Rules) -> Known:
    """What a store knows of a window, and of whom nothing tells whether it had events there."""
    known = known_of(store, window)
    feeds = feeds_of(sorted((known.live | known.imported) - known.shown), window[1] - 1, rules)
    return known.without_a_rule(v for v, feed in feeds.items() if feed.coverage in PARTLY)


def slot_rules(feeds: Mapping[str, Feed]) -> dict[str, SlotRule]:
    """Slot rules of the feeds that have one; of two readings of one the smaller estimate."""
    return {
        venue: SlotRule(
            feed.slot_seconds, Shows.LATEST if feed.slot_keeps == "latest" else Shows.LARGEST
        )
        for venue, feed in feeds.items()
        if feed.coverage is Coverage.ONE_A_SLOT
    }


def compare(
    store: str | Path,
    first: str,
    second: str,
    *,
    rules: Rules | None = None,
    progress: Say = silent,
) -> Report:
    """Two UTC days beside each other.

    Raises
    ------
    InputError
        If a day is none, or nothing was recorded on it.
    """
    starts = [_day(d) for d in (first, second)]
    rules = rules or Rules.bundled()
    found, sums, empty, notes = [], [], [], list[str]()
    with Store(store) as opened:
        for name, start in zip((first, second), starts, strict=True):
            progress(f"reading {name}")
            ends = (start, start + DAY_NS)
            known = _known(opened, ends, rules)
            day = _figures(opened, ends, rules, 200, known, progress)[0]
            notes += [f"{name}: {line}" for line in known.narrowed]
            # of a day of which a part alone is told that part stands, as at least so much
            told = (
                () if day.events + day.adl_events else day_sums(opened, ends, rules) or known.summed
            )
            if not (day.events + day.adl_events or told):
                empty.append(Mistake("nothing is stored of this day", str(store), value=name))
            found.append(day)
            sums.append(told)
    if empty:
        raise InputError(empty)
    names = (format_time(starts[0])[:10], format_time(starts[1])[:10])
    return compare_report(found[0], found[1], names, str(store), (sums[0], sums[1]), notes)


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
    contract_sizes: Mapping[str, float] | None = None,
    progress: Say = silent,
) -> Report:
    """Take a file of the past into a store: single events to the tape, series beside it.

    Parameters
    ----------
    contract_sizes
        Base units (linear) or USD (inverse) a contract, by instrument in small letters or, under
        the empty name, of all: for venues that count contracts. Those that ``tape poll`` stored
        and those of rulebooks need not be given.

    Raises
    ------
    InputError
        With every mistake of the file at once; nothing of it is then stored.
    """
    # imported here, as it needs what the live feeds need, and figures of a store do not
    from seawall.ingest.history import History, read_history
    from seawall.ingest.history.amounts import polled_sizes
    from seawall.ingest.history.covers import spans_in
    from seawall.ingest.history.keep import keep_series

    progress(f"reading {file}")
    found: History = read_history(
        file, format, venue=venue, instrument=instrument, asset=asset, columns=columns,
        contract_sizes=contract_sizes, polled_sizes=polled_sizes(Path(store)),
    )  # fmt: skip
    tape = found.tape
    if tape is None:
        kept = keep_series(found, Path(store)) if found.series is not None else None
        if kept is not None:
            if not is_store(Path(store)):
                StoreWriter(store).close()  # sums and candles alone are asked of a store too
            keep_spans(Path(store), spans_in(found))
        return import_report(found, str(store), None, str(kept) if kept else None)
    ahead = int((tape.time > clock.time_ns() + SKEW_NS).sum())
    if ahead:
        told = (
            f"{counted(ahead, 'event')} of times after now: the file's times are wrong, or this "
            "machine's clock is"
        )
        found = replace(found, notes=(*found.notes, told))
    progress(f"storing {len(found):,} events")
    with StoreWriter(store) as writer:
        before = _count(writer)
        writer.append(tape)
        writer.roll()
        fresh = _count(writer) - before
        keep_spans(writer.folder, spans_in(found))
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


def _check_given(volume_usd: float | None, open_interest_usd: float | None) -> None:
    """Refuse what can be no volume or open interest."""
    wrong = [
        Mistake("no amount of USD", name, value=str(usd), allowed="a number above 0")
        for name, usd in (("volume", volume_usd), ("open interest", open_interest_usd))
        if usd is not None and not 0 < usd < float("inf")
    ]
    if wrong:
        raise InputError(wrong)


def _count(store: Store) -> int:
    return store.extent()[0]


def _end(store: Store, at: str | None, length: int) -> tuple[int, tuple[str, ...]]:
    """Where a window ends, and what to say of it."""
    if at is not None:
        return parse_time(at), ()
    now = clock.time_ns()
    _, last = store.extent()
    if last is not None and last > now + SKEW_NS:
        ahead = future_events(store, now)
        return now, (
            f"{counted(ahead, 'event')} stored of times after now, as late as "
            f"{format_time(int(last))}: a clock was wrong, or a file's times are; none of them "
            "counts here.",
        )
    if last is None or last >= now - length:
        return now, ()
    return int(last) + 1, (
        f"The last event is of {format_time(int(last))}: the window ends there, not now.",
    )


def _day(text: str) -> int:
    start = parse_time(text)
    if start % DAY_NS:
        raise InputError(Mistake("not a day", value=text, allowed="such as 2025-10-10"))
    return start
