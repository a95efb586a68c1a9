"""Which orders were sent for which position, out of the log of all that were."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from seawall.desk.watch.stops import Stop

_OVER = ("placed", "stands", "refused")
"""Events after which an id is not sent again: its order stood, or never will."""


@dataclass(frozen=True, slots=True)
class Sent:
    """The last order that was sent for a position.

    Attributes
    ----------
    client_id, generation
        Its id, and how many orders of that position there were up to it.
    event
        What became of it: ``sending`` where nothing is known.
    contracts, trigger
        As it was sent.
    time
        When that was written, ISO 8601.
    """

    client_id: str
    generation: int
    event: str
    contracts: float
    trigger: float
    time: str


def sent_of(lines: Iterable[Mapping[str, Any]]) -> dict[tuple[object, ...], Sent]:
    """The last order of each position, by :attr:`Stop.key`; dry runs sent none."""
    found: dict[tuple[object, ...], Sent] = {}
    for line in lines:
        if line.get("client_id"):
            names = ("venue", "account", "isolated", "instrument", "side")
            found[tuple(line[n] for n in names)] = Sent(
                line["client_id"],
                line["generation"],
                line["event"],
                line["contracts"],
                line["trigger"],
                line["time"],
            )
    return found


def next_generation(before: Sent | None) -> int:
    """Of an order to be sent; that of one of which nothing is known, so that both cannot stand."""
    if before is None:
        return 1
    return before.generation + (before.event in _OVER)


def client_id(stop: Stop, generation: int) -> str:
    """The same for the same order of a position, whatever its trigger has become since."""
    said = " ".join(map(str, (*stop.key, generation)))
    return "sw" + hashlib.sha256(said.encode()).hexdigest()[:28]
