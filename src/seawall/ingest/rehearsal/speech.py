"""What every rehearsed venue says and understands."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

from seawall.ingest.rehearsal.closings import Closing

Frame = bytes | str


class ProtocolError(Exception):
    """A client said what the venue does not understand."""


class Speech(ABC):
    """One venue's side of the wire, towards clients.

    Written from the venue's documentation and not from its adapter: field names and units are
    spelt out here again, so that a mistake in one shows against the other.

    Attributes
    ----------
    venue
        Name of the rulebook.
    most
        Closings that fit in one message.
    pings
        Seconds between the server's own pings, 0 for none.
    heard
        What clients said.
    pongs
        Answers to the server's pings.
    refused
        Names for which no subscription is taken.
    delisted
        Names that REST does not list any more.
    """

    venue: ClassVar[str]
    most: ClassVar[int] = 1

    def __init__(self, pings: float = 0.0) -> None:
        self.pings = pings
        self.heard: list[str] = []
        self.pongs = 0
        self.refused: set[str] = set()
        self.delisted: set[str] = set()

    @abstractmethod
    def path_ok(self, path: str) -> bool:
        """Whether the venue takes WebSocket clients at a path."""

    @abstractmethod
    def hear(self, frame: Frame, topics: set[str]) -> list[Frame]:
        """Answers to a client's frame; ``topics`` is what it has subscribed to, to be added to.

        Raises
        ------
        ProtocolError
            If the venue would not understand it.
        """

    @abstractmethod
    def tell(self, some: Sequence[Closing]) -> Frame:
        """The message that tells closings, at most ``most``."""

    def tells_at(self, path: str) -> bool:
        """Whether the closings, all of linear contracts, are told at a path."""
        return True

    def ping(self) -> Frame | None:
        """The server's own ping; None for that of WebSocket."""
        return None

    def rest(self, path: str, query: dict[str, str], body: str, past: Sequence[Closing]) -> object:
        """What REST answers, as JSON; None where there is nothing at a path."""
        return None

    def stands(self, topics: set[str]) -> bool:
        """Whether a client has subscribed to all it needs."""
        return bool(topics)


def load(frame: Frame) -> dict[str, Any]:
    """A client's frame, which must be an object of JSON."""
    try:
        said = json.loads(frame)
    except ValueError:
        raise ProtocolError("no JSON") from None
    need(isinstance(said, dict), "no object")
    return dict(said)


def need(condition: bool, what: str) -> None:
    """Refuse what the venue would not understand."""
    if not condition:
        raise ProtocolError(what)
