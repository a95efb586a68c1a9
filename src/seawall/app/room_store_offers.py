"""What keeps and fills the server's store, and what else the command line does, as offers.

What writes is a job only, so that no link can set it off, and writes below the server's store.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import Field

from seawall.app.progress import Say
from seawall.app.room_asks import RunName
from seawall.core import InputError, Mistake
from seawall.ingest.store.disk import StoreError
from seawall.report.model import Report
from seawall.room.offers import Ask, Offer, Place
from seawall.room.problems import RefusedError

_T = TypeVar("_T")
Pairs = Annotated[list[str], Field(max_length=64)]
_NOTHING: list[str] = []
RUNS, RULES = "runs", "rules"
"""Folders below the store: runs that were kept, rules that were taken over."""


class DemoAsk(Ask):
    """As ``seawall demo``."""

    accounts: int = Field(50_000, ge=5_000, le=500_000, description="Accounts to draw.")
    seed: int = Field(20251120, ge=0, lt=2**63, description="Seed of the book.")
    shock: Pairs = Field(_NOTHING, description="Price shocks: ASSET=-10%.")


class ReplayAsk(Ask):
    """As ``seawall replay``, of a run that ``simulate`` kept here."""

    run: RunName = Field(description="Name that it was kept under.")


class VerifyAsk(Ask):
    """As ``seawall tape verify``."""

    silence: str = Field("6h", max_length=20, description="Tell silences from this length on.")


class CompactAsk(Ask):
    """As ``seawall tape compact``."""


class RetainAsk(Ask):
    """As ``seawall tape retain``."""

    since: str = Field(max_length=40, description="First day to keep (UTC).")
    yes: bool = Field(False, description="Do it; without, what would go is told and stays.")


class ImportAsk(Ask):
    """As ``seawall tape import``, of a file that was sent to ``/files``."""

    file: str = Field(max_length=40, description="Key of the file.")
    as_format: str | None = Field(None, alias="as", max_length=40, description="Format.")
    venue: str = Field("", max_length=60, description="Where the file names none.")
    instrument: str = Field("", max_length=60, description="Where the file names none.")
    asset: str = Field("", max_length=60, description="Where the file names none.")
    column: Pairs = Field(_NOTHING, description="Which column is which: OURS=THEIRS.")
    contract_size: Pairs = Field(_NOTHING, description="[INSTRUMENT=]SIZE of a contract.")


class RulesUpdateAsk(Ask):
    """As ``seawall rules update --from-file``, of a file that was sent to ``/files``."""

    venue: str = Field(max_length=60, description="Venue whose brackets they are.")
    file: str = Field(max_length=40, description="Key of the file: ccxt's leverage tiers.")
    date: str | None = Field(None, max_length=40, description="Day they hold from; today.")


class StudyAsk(Ask):
    """As ``seawall study``."""

    reduced: bool = Field(True, description="The small form of the study.")
    runs: int | None = Field(None, ge=2, le=50, description="Runs; the study's own if left out.")


def store_offers() -> tuple[Offer, ...]:
    """Upkeep of the store, the demo, kept runs, rules and studies."""
    return (
        Offer("demo", "The market of November 2025, synthetic, stressed, beside its record",
              "seawall.demo/1", DemoAsk, demo, long=True),
        Offer("replay", "A kept run again, without running it",
              "seawall.simulate/1", ReplayAsk, replay, long=True),
        Offer("tape/verify", "Damaged files, copies, impossible values and silent venues",
              "seawall.tape-verify/1", VerifyAsk, verify, lasting=False),
        Offer("tape/import", "Take a file of the past into the store",
              "seawall.tape-import/1", ImportAsk, import_, long=True, lasting=False),
        Offer("tape/compact", "Merge the small files of each day",
              "seawall.tape-compact/1", CompactAsk, compact, long=True, lasting=False),
        Offer("tape/retain", "Let go of all days before one, for good",
              "seawall.tape-retain/1", RetainAsk, retain, long=True, lasting=False),
        Offer("rules/update", "Take a venue's brackets over as a dated block",
              "seawall.rules-update/1", RulesUpdateAsk, rules_update, long=True, lasting=False),
        Offer("study/october-2025", "The crash of 10 October 2025: record, simulation, error",
              "seawall.study-october/1", StudyAsk, october, long=True),
        Offer("study/november-2025", "November 2025: what sets off what, what safeguards do",
              "seawall.study-november/1", StudyAsk, november, long=True),
        Offer("study/loss-rules", "One crash under every loss rule",
              "seawall.study-loss-rules/1", StudyAsk, loss_rules, long=True),
    )  # fmt: skip


def demo(ask: DemoAsk, place: Place, say: Say) -> Report:
    """``seawall demo``."""
    from seawall.app import api, options

    del place
    moves = options.changes(ask.shock, "shock")
    made, _ = api.demo(accounts=ask.accounts, seed=ask.seed, shock=moves or None, progress=say)
    return made


def replay(ask: ReplayAsk, place: Place, say: Say) -> Report:
    """``seawall replay`` of a run below the store."""
    from seawall.app import sim_api

    path = kept_run(place, ask.run)
    if not path.is_file():
        known = sorted(p.stem for p in path.parent.glob("*.npz"))
        raise RefusedError(404, Mistake("no such run", "run", value=ask.run,
                                   allowed=", ".join(known[:50]) or "none is kept"))  # fmt: skip
    say("reading")
    return _named(lambda: sim_api.replay(path), path, ask.run)


def kept_run(place: Place, name: str) -> Path:
    """Where a run of a name is kept."""
    return store_of(place) / RUNS / f"{name}.npz"


def verify(ask: VerifyAsk, place: Place, say: Say) -> Report:
    """``seawall tape verify`` of the server's store."""
    from seawall.ingest.store.store import Store
    from seawall.ingest.store.verify import verify as verified
    from seawall.report.upkeep import verify_report
    from seawall.sim.scenario import span_seconds

    folder = store_of(place)
    least = int(span_seconds(ask.silence, "silence") * 1e9)

    def work() -> Report:
        with Store(folder) as opened:
            return verify_report(verified(opened, least, say), folder.name)

    return _named(work, folder, folder.name)


def import_(ask: ImportAsk, place: Place, say: Say) -> Report:
    """``seawall tape import`` of a file that was sent."""
    from seawall.app import tape_stats
    from seawall.ingest.history.amounts import sizes_given

    pairs = dict(c.partition("=")[::2] for c in ask.column)
    bad = [k for k, v in pairs.items() if not k or not v]
    if bad:
        raise InputError(
            [Mistake("not a pair", "column", value=k, allowed="OURS=THEIRS") for k in bad]
        )
    file, folder = _sent(place, ask.file), store_of(place)
    made = _named(
        lambda: tape_stats.import_file(
            file, folder, ask.as_format, venue=ask.venue, instrument=ask.instrument,
            asset=ask.asset, columns=pairs or None,
            contract_sizes=sizes_given(ask.contract_size, "contract_size"), progress=say,
        ),
        file, file.name, folder,
    )  # fmt: skip
    return _without(made, {str(file): file.name, str(folder): folder.name})


def compact(ask: CompactAsk, place: Place, say: Say) -> Report:
    """``seawall tape compact`` of the server's store."""
    from seawall.ingest.store.upkeep import compact as merged
    from seawall.ingest.store.writer import StoreWriter
    from seawall.report.upkeep import compact_report

    del ask
    folder = store_of(place)
    say("merging the files of each day")

    def work() -> Report:
        with StoreWriter(folder) as opened:
            return compact_report(merged(opened), folder.name)

    return _named(work, folder, folder.name)


def retain(ask: RetainAsk, place: Place, say: Say) -> Report:
    """``seawall tape retain`` of the server's store."""
    from seawall.app.options import optional_day
    from seawall.app.tape_upkeep import would_go
    from seawall.ingest.store.upkeep import retain as let_go
    from seawall.ingest.store.writer import StoreWriter
    from seawall.report.upkeep import retain_report, would_go_report

    folder, day = store_of(place), optional_day(ask.since, "since")
    assert day is not None
    if not ask.yes:
        say("counting what would go")
        return _named(
            lambda: would_go_report(would_go(folder, day), day, folder.name), folder, folder.name
        )
    say("letting go")

    def work() -> Report:
        with StoreWriter(folder) as opened:
            return retain_report(let_go(opened, day), day, folder.name)

    return _named(work, folder, folder.name)


def rules_update(ask: RulesUpdateAsk, place: Place, say: Say) -> Report:
    """``seawall rules update`` from a file that was sent, into the folder below the store."""
    from seawall.app import options
    from seawall.report.upkeep import rules_update_report
    from seawall.rulebook import Rules, update_from_file

    options.known_venue(ask.venue, "venue")
    file, folder = _sent(place, ask.file), store_of(place) / RULES
    say(f"brackets of {ask.venue}")
    day = options.optional_day(ask.date, "date")
    done = _named(
        lambda: update_from_file(ask.venue, file, rules=Rules.bundled(), day=day, folder=folder),
        file, file.name, folder,
    )  # fmt: skip
    return rules_update_report(done, RULES)


def october(ask: StudyAsk, place: Place, say: Say) -> Report:
    """``seawall study october-2025``, with the published fit."""
    from seawall.lab.october_study import FULL, REDUCED, run_study
    from seawall.report.october import october_report

    del place
    problem = REDUCED if ask.reduced else FULL
    return october_report(run_study(problem, ask.runs or (6 if ask.reduced else 20), None, 1, say))


def november(ask: StudyAsk, place: Place, say: Say) -> Report:
    """``seawall study november-2025``."""
    from seawall.lab.november import run
    from seawall.report.november import november_report

    del place
    return november_report(run(range(ask.runs) if ask.runs else None, 1, ask.reduced, say))


def loss_rules(ask: StudyAsk, place: Place, say: Say) -> Report:
    """``seawall study loss-rules``."""
    from seawall.lab.sharing import run
    from seawall.report.sharing import sharing_report

    del place
    return sharing_report(run(range(ask.runs or 5), ask.reduced, say))


def store_of(place: Place) -> Path:
    """The server's store; a refusal if it has none."""
    if place.store is None:
        raise RefusedError(404, Mistake("this server shows no store", "store",
                                   mend="Start it with --store DIR"))  # fmt: skip
    return place.store


def _sent(place: Place, key: str) -> Path:
    if place.drops is None:
        raise RefusedError(404, Mistake("nothing can be sent here", "file"))
    return place.drops.path(key)


def _named(work: Callable[[], _T], path: Path, name: str, *others: Path) -> _T:
    """Do work; what is wrong is told by names, without the folders of this machine."""
    from seawall.room.books import renamed

    known = {str(path): name, **{str(o): o.name for o in others}}
    try:
        return work()
    except StoreError as error:
        words = str(error)
        for long, short in known.items():
            words = words.replace(long, short)
        raise RefusedError(409, Mistake(words, "store")) from None
    except InputError as error:
        told = renamed(error, path, name)
        for other in others:
            told = renamed(told, other, other.name)
        raise told from None


def _without(report: Report, names: dict[str, str]) -> Report:
    """A report with names in place of this machine's paths."""
    from dataclasses import replace

    def clean(value: Any) -> Any:
        if isinstance(value, str):
            for long, short in names.items():
                value = value.replace(long, short)
            return value
        if isinstance(value, dict):
            return {k: clean(v) for k, v in value.items()}
        return type(value)(map(clean, value)) if isinstance(value, list | tuple) else value

    return replace(
        report,
        answer=clean(report.answer),
        warnings=clean(report.warnings),
        inputs=clean(dict(report.inputs)),
        payload=clean(dict(report.payload)),
    )
