"""What a store holds against what was sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from seawall.core.tape import Tape
from seawall.ingest.record.recorder import Recorder
from seawall.ingest.rehearsal.closings import Closing
from seawall.ingest.rehearsal.server import LoopServer

_MS = 1_000_000


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """What became of one venue's closings.

    Attributes
    ----------
    sent, again
        Closings told, each once, and those told again beside them.
    received, copies
        Events that were read, and those of them that had come before.
    dropped
        Events lost to a full queue.
    malformed, left_out, reconnects
        Messages and rows that could not be read; rows whose contract is not known or not quoted
        in dollars; connections made again.
    stored
        Events of the store that were sent, each once.
    missing, doubled, foreign
        Closings that are not in the store, are in it more than once, and events of the store that
        were never sent.
    """

    venue: str
    sent: int
    again: int
    received: int
    copies: int
    dropped: int
    malformed: int
    left_out: int
    reconnects: int
    stored: int
    missing: int
    doubled: int
    foreign: int


def compared(venue: str, server: LoopServer, recorder: Recorder, tape: Tape) -> Rehearsed:
    """Hold what the store has of a venue against what its server told.

    Parameters
    ----------
    tape
        What the store holds of the time of the rehearsal.
    """
    told = Counter(_of_closings(server.reached))
    kept = Counter(_of_tape(tape, venue))
    counts = [c for f in recorder.feeds if f.context.venue == venue for c in f.counts.values()]
    tallies = [f.context.tally for f in recorder.feeds if f.context.venue == venue]
    received = sum(c.events for c in counts)
    dropped = sum(c.dropped for c in counts)
    return Rehearsed(
        venue,
        sent=len(server.reached),
        again=server.told - len(server.reached),
        received=received,
        copies=received - dropped - sum(kept.values()),
        dropped=dropped,
        malformed=sum(c.malformed for c in counts) + sum(t.malformed for t in tallies),
        left_out=sum(t.unsized + t.foreign + t.unasked for t in tallies),
        reconnects=sum(max(c.connects - 1, 0) for c in counts),
        stored=len(told & kept),
        missing=len(told - kept),
        doubled=sum(n - 1 for key, n in kept.items() if key in told),
        foreign=sum(n for key, n in kept.items() if key not in told),
    )


def _of_closings(some: Sequence[Closing]) -> Iterator[tuple[object, ...]]:
    for c in some:
        yield c.asset, c.side, _digits(c.price), _digits(c.quantity), c.time_ms * _MS


def _of_tape(tape: Tape, venue: str) -> Iterator[tuple[object, ...]]:
    for k in range(len(tape)):
        if tape.venues[tape.venue[k]] == venue:
            price, quantity = _digits(tape.price[k]), _digits(tape.quantity[k])
            yield tape.assets[tape.asset[k]], int(tape.side[k]), price, quantity, int(tape.time[k])


def _digits(value: float) -> str:
    # contracts times face value, and USD over price, come back with another last digit
    return f"{value:.9g}"
