"""Reports of what keeps a store: verified, merged, let go; and of rules taken over."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from seawall import __version__
from seawall.report.model import Column, Report, Table, Unit
from seawall.report.numbers import counted

if TYPE_CHECKING:
    from datetime import date

    from seawall.ingest.store.upkeep import Change
    from seawall.ingest.store.verify import Verified
    from seawall.rulebook import UpdateSummary

VERIFY_SCHEMA = "seawall.tape-verify/1"
COMPACT_SCHEMA = "seawall.tape-compact/1"
RETAIN_SCHEMA = "seawall.tape-retain/1"
RULES_UPDATE_SCHEMA = "seawall.rules-update/1"


def verify_report(found: Verified, store: str) -> Report:
    """What is wrong with a store, and what is only odd."""
    said = "sound" if found.sound else "not sound"
    columns = (
        Column("fault", "Fault"),
        Column("where", "Where"),
        Column("what", "What", brief=True),
        Column("count", "Times", Unit.COUNT),
    )
    rows = [(f.fault, f.where, f.what, f.count) for f in found.findings]
    return Report(
        schema=VERIFY_SCHEMA,
        title="The store, looked through",
        question="Is everything there that was written?",
        answer=(
            f"The store is {said}: {counted(found.events, 'event')}, {found.in_log:,} of them in "
            f"the log; {counted(found.parts, 'file')}, {counted(found.days, 'day')}.",
        ),
        tables=(Table("findings", "What was found", columns, rows, main=True, whole=True),),
        inputs={"store": store, "seawall": __version__},
        payload={
            "inputs": _inputs(store),
            "sound": found.sound,
            "events": found.events,
            "in_log": found.in_log,
            "parts": found.parts,
            "days": found.days,
            "findings": [asdict(f) for f in found.findings],
        },
    )


def compact_report(done: Change, store: str) -> Report:
    """What merging the files of each day did."""
    return _changed(COMPACT_SCHEMA, "Small files merged", "files merged", done, store)


def retain_report(done: Change, since: date, store: str) -> Report:
    """What letting go of the days before one did."""
    made = {"since": str(since), "done": True, "would_go": None}
    return _changed(
        RETAIN_SCHEMA, f"Days before {since} let go", "events let go", done, store, made
    )


def would_go_report(would: dict[str, Any], since: date, store: str) -> Report:
    """What letting go of the days before one would do; nothing was changed."""
    words = f"{counted(would['events'], 'event')} of {counted(would['days'], 'day')}"
    said = (
        f"Would let go of {words}, {would['first']} to {would['last']}, for good. Nothing was "
        "changed: ask with yes to do it."
        if would["events"]
        else f"Nothing is stored of days before {since}: nothing would go."
    )
    return Report(
        schema=RETAIN_SCHEMA,
        title=f"Days before {since}",
        answer=(said,),
        inputs={"store": store, "seawall": __version__},
        payload={
            "inputs": _inputs(store),
            "since": str(since),
            "done": False,
            "would_go": would,
            "change": None,
        },
    )


def rules_update_report(done: UpdateSummary, folder: str) -> Report:
    """What a venue's brackets of a day became in a folder of rules."""
    columns = (Column("what", "What"), Column("instrument", "Instrument", brief=True))
    groups = (("not bundled", done.added), ("changed", done.changed), ("skipped", done.skipped))
    rows = [(what, str(name)) for what, names in groups for name in names]
    return Report(
        schema=RULES_UPDATE_SCHEMA,
        title=f"Brackets of {done.venue} from {done.day}",
        answer=(
            f"{done.venue}: {counted(done.symbols, 'instrument')}, "
            f"{counted(done.brackets, 'bracket')} from {done.day}; {len(done.added)} not bundled, "
            f"{len(done.changed)} changed, {len(done.skipped)} skipped.",
        ),
        tables=(Table("instruments", "Instruments", columns, rows, main=True),),
        inputs={"venue": done.venue, "day": str(done.day), "seawall": __version__},
        payload={
            "inputs": {"folder": folder, "version": __version__},
            "venue": done.venue,
            "day": str(done.day),
            "instruments": done.symbols,
            "brackets": done.brackets,
            "added": [str(x) for x in done.added],
            "changed": [str(x) for x in done.changed],
            "skipped": [str(x) for x in done.skipped],
        },
    )


def _changed(
    schema: str, title: str, what: str, done: Change, store: str, more: dict[str, Any] | None = None
) -> Report:
    copies = f", {counted(done.copies, 'copy')} left out" if done.copies else ""
    warnings = tuple(f"left as found, not what was written: {path}" for path in done.damaged)
    return Report(
        schema=schema,
        title=title,
        answer=(
            f"{what}: {done.parts_before:,} files before, {done.parts_after:,} after; "
            f"{counted(done.events, 'event')}{copies}; {done.freed / 1e6:,.1f} MB freed.",
        ),
        warnings=warnings,
        inputs={"store": store, "seawall": __version__},
        payload={"inputs": _inputs(store), **(more or {}), "change": asdict(done)},
    )


def _inputs(store: str) -> dict[str, Any]:
    return {"store": store, "version": __version__}
