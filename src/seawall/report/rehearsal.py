"""The report of a rehearsal of the recorder."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from seawall import __version__
from seawall.report.model import Assumption, Column, Headline, Report, Table, Unit
from seawall.report.numbers import counted, text

if TYPE_CHECKING:
    from seawall.ingest.rehearsal.rehearse import Outcome

SCHEMA = "seawall.tape-rehearse/1"
_COUNTS = (
    ("sent", "Sent", "Told by the venue, each once"),
    ("again", "Told again", "After a lost connection, beside those"),
    ("received", "Received", "Events read by the client, copies included"),
    ("copies", "Copies", "Of these, known already and left out"),
    ("dropped", "Dropped", "Of these, lost to a full queue"),
    ("stored", "Stored", "Events sent that the store holds, each once"),
    ("missing", "Missing", "Events sent that it does not hold"),
    ("doubled", "Doubled", "Events that it holds more than once"),
    ("foreign", "Never sent", "Events that it holds and nobody sent"),
    ("malformed", "Malformed", "Messages and rows that could not be read"),
    ("left_out", "Left out", "Rows of contracts that are not known, or not quoted in dollars"),
    ("reconnects", "Reconnects", "Connections made again"),
)
_BRIEF = ("sent", "received", "copies", "dropped", "stored", "missing")


def rehearsal_report(found: Outcome) -> Report:
    """What was told, what was kept, and whether that is the same."""
    plan = found.plan
    sums = {key: sum(getattr(v, key) for v in found.venues) for key, _, _ in _COUNTS}
    columns = (
        Column("venue", "Venue", brief=True),
        *(
            Column(key, title, Unit.COUNT, note=note, brief=key in _BRIEF)
            for key, title, note in _COUNTS
        ),
    )
    rows = [(v.venue, *(getattr(v, key) for key, _, _ in _COUNTS)) for v in found.venues]
    return Report(
        schema=SCHEMA,
        title="Rehearsal of the recorder",
        question="Does the store hold what was sent, each event once?",
        answer=_answer(found, sums),
        headlines=(
            *(Headline(key, title, sums[key], Unit.COUNT) for key, title, _ in _COUNTS[:6]),
            Headline("acknowledged", "Acknowledged", found.acknowledged, Unit.COUNT),
        ),
        tables=(Table("venues", "By venue", columns, rows, main=True, whole=True),),
        assumptions=(
            Assumption(
                "Events are synthetic, drawn from the seed, and told on the loopback interface in "
                "the venues' own protocols; no venue is reached."
            ),
        ),
        warnings=_warnings(sums),
        inputs={
            "store": str(plan.store),
            "seed": plan.seed,
            "events a second and venue": plan.rate,
            "length": text(plan.seconds, Unit.DURATION),
            "misbehaving": "yes" if plan.misbehave else "no",
            "seawall": __version__,
        },
        payload={
            "inputs": {
                "venues": [v.venue for v in found.venues],
                "rate": plan.rate,
                "seconds": plan.seconds,
                "seed": plan.seed,
                "misbehave": plan.misbehave,
                "version": __version__,
            },
            "sound": found.sound,
            "store": str(plan.store),
            "next": next_command(found),
            "seconds": found.seconds,
            "acknowledged": found.acknowledged,
            **sums,
            "by_venue": [asdict(v) for v in found.venues],
            "warnings": list(_warnings(sums)),
        },
    )


def next_command(found: Outcome) -> str:
    """What to try on the store."""
    return f"seawall tape stats --store {found.plan.store}"


def _answer(found: Outcome, sums: dict[str, int]) -> tuple[str, ...]:
    many = len(found.venues)
    venues = "1 venue" if many == 1 else f"{many:,} venues"
    told = f"{counted(sums['sent'], 'event')} of {venues} sent in {found.seconds:.1f} s"
    if found.sound and not sums["missing"]:
        verdict = f"{told}; the store holds each of them once, and nothing else."
    elif found.sound:
        verdict = (
            f"{told}; {text(sums['missing'], Unit.COUNT)} were dropped, as counted, before they "
            "were acknowledged; the store holds the others once each, and nothing else."
        )
    else:
        verdict = (
            f"{told}, {text(found.acknowledged, Unit.COUNT)} acknowledged: THE STORE IS NOT RIGHT. "
            f"{text(sums['missing'], Unit.COUNT)} are missing, "
            f"{text(sums['doubled'], Unit.COUNT)} are there more than once, "
            f"{text(sums['foreign'], Unit.COUNT)} were never sent."
        )
    return (verdict, f"The store is in {found.plan.store}. Next:", next_command(found))


def _warnings(sums: dict[str, int]) -> tuple[str, ...]:
    if not sums["dropped"]:
        return ()
    return ("The queue was full: this machine writes fewer events a second than were sent.",)
