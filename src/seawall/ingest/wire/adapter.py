"""What every venue's adapter answers: where to connect, what to say, what a message means."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import ClassVar

import msgspec

from seawall.ingest.wire.context import Context, MalformedMessageError
from seawall.ingest.wire.event import WireEvent
from seawall.rulebook import Rules

Raw = bytes | str
COIN_QUIET = 86_400.0
"""After how long without data a link of coin-margined contracts alone is subscribed again, s.

They are few, and hours without a forced closing are common. No venue publishes a rate from which
a shorter one would follow: this is an assumption, the longest that a link which answers pings is
taken for calm. Once a link is known for a day its own pauses shorten it
(:class:`~seawall.ingest.wire.pauses.Pauses`).
"""


class Said(Enum):
    """What a message that carries no event is."""

    ACK = "ack"
    """The venue took a subscription."""
    REFUSED = "refused"
    """The venue refused something, and says why."""
    PING = "ping"
    """The venue wants an answer."""
    PONG = "pong"
    """The venue's answer to a ping."""
    MOVE = "move"
    """The venue asks to connect again, some time before it ends the connection."""
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Control:
    """A message without events.

    Attributes
    ----------
    reply
        What to send back; empty for nothing.
    text
        What a refusal says.
    """

    said: Said
    reply: str = ""
    text: str = ""


OTHER = Control(Said.OTHER)


@dataclass(frozen=True, slots=True)
class Link:
    """One connection of a venue.

    Attributes
    ----------
    name
        What it is called in counts and logs.
    frames
        Subscriptions to send once connected.
    acks
        How many of them the venue answers.
    ping
        Makes the frame of a ping from UTC seconds; None to ping by the protocol of WebSocket.
    ping_seconds
        How often to ping.
    silence_seconds
        After how long without any frame, pongs included, the connection is taken for dead.
    quiet_seconds
        After how long without any data to subscribe again although the venue answers pings, at
        most: see :class:`~seawall.ingest.wire.pauses.Pauses`.
    renew_seconds
        After how long another connection takes over, before the venue ends this one; 0 for never.
    parted
        Makes of a refused frame smaller ones that ask for the same; none of one that asks for a
        single thing. Each frame must have its answer then, and is sent after that of the one
        before, so that it is known which was refused. None where no frame can be parted.
    """

    name: str
    url: str
    frames: tuple[str, ...]
    acks: int = 1
    ping: Callable[[int], str] | None = None
    ping_seconds: float = 20.0
    silence_seconds: float = 60.0
    quiet_seconds: float = 3600.0
    renew_seconds: float = 0.0
    headers: tuple[tuple[str, str], ...] = ()
    parted: Callable[[str], tuple[str, ...]] | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """One question over REST."""

    url: str
    params: tuple[tuple[str, str], ...] = ()
    body: str = ""
    """A JSON body, sent by POST; GET without one."""

    def with_params(self, **changed: str) -> Request:
        """The same question with some parameters changed."""
        kept = [(k, v) for k, v in self.params if k not in changed]
        return Request(self.url, (*kept, *changed.items()), self.body)


@dataclass(frozen=True, slots=True)
class Listing:
    """What a venue says of its contracts.

    Attributes
    ----------
    sizes
        Instrument, and its size where the venue counts in contracts.
    next
        The question for more.
    unread
        Rows that could not be read.
    """

    sizes: tuple[tuple[str, float], ...]
    next: Request | None = None
    unread: int = 0


@dataclass(frozen=True, slots=True)
class Missed:
    """Events of the past, and the question for more of them."""

    events: list[WireEvent]
    next: Request | None = None


class Adapter(ABC):
    """A venue's side of the wire; the methods are pure.

    A venue must say :meth:`links`, :meth:`_events` and :meth:`_control`. One that counts in
    contracts also answers :meth:`listing` and :meth:`_listing`, one that tells of the past
    :meth:`missed` and :meth:`_missed`.

    Attributes
    ----------
    venue
        Name of the rulebook.
    channel
        What its rulebook's ``[[feed]]`` block calls the feed.
    sized, quoted
        As in :class:`~seawall.ingest.wire.context.Context`.
    listed
        Whether subscriptions need the venue's list of instruments.
    tells_past
        Whether the feed begins with events of the past, so that late ones are none to warn of.
    refills
        Whether the answers to :meth:`missed` leave nothing out of what the feed would have told.
    """

    venue: ClassVar[str]
    channel: ClassVar[str]
    sized: ClassVar[bool] = False
    quoted: ClassVar[bool] = True
    listed: ClassVar[bool] = False
    tells_past: ClassVar[bool] = False
    refills: ClassVar[bool] = False

    def context(self, rules: Rules, assets: Sequence[str] | None = None) -> Context:
        """A decoder's state, for the assets asked for or all."""
        wanted = None if assets is None else frozenset(a.upper() for a in assets)
        return Context(self.venue, self.channel, rules, self.sized, self.quoted, wanted)

    @abstractmethod
    def links(self, assets: Sequence[str] | None, instruments: Sequence[str]) -> list[Link]:
        """Connections for the assets asked for (all if None); instruments as the venue lists."""

    def parse(self, raw: Raw, context: Context) -> list[WireEvent]:
        """Events of a message, none if it is of another kind.

        Raises
        ------
        MalformedMessageError
            If the message is not what the venue documents; nothing else is raised.
        """
        try:
            return self._events(raw, context)
        except MALFORMED as error:
            raise MalformedMessageError(f"{type(error).__name__}: {error}") from None

    def control(self, raw: Raw) -> Control:
        """What a message without events is; never raises."""
        try:
            return self._control(raw)
        except MALFORMED:
            return OTHER

    def listing(self) -> list[Request]:
        """Questions for the venue's contracts; none where nothing needs asking."""
        return []

    def parse_listing(self, raw: Raw, request: Request) -> Listing:
        """Contracts of an answer; raises MalformedMessageError."""
        try:
            return self._listing(raw, request)
        except MALFORMED as error:
            raise MalformedMessageError(f"{type(error).__name__}: {error}") from None

    def missed(
        self, since_ms: int, until_ms: int, assets: Sequence[str] | None, seen: Sequence[str]
    ) -> list[Request]:
        """Questions for the events between two times; none where the venue does not offer them.

        ``seen`` are the instruments that had events before, for venues that answer by one.
        """
        return []

    def parse_missed(self, raw: Raw, request: Request, context: Context) -> Missed:
        """Events of an answer; raises MalformedMessageError."""
        try:
            return self._missed(raw, request, context)
        except MALFORMED as error:
            raise MalformedMessageError(f"{type(error).__name__}: {error}") from None

    @abstractmethod
    def _events(self, raw: Raw, context: Context) -> list[WireEvent]:
        """As :meth:`parse`; may raise any of :data:`MALFORMED`."""

    @abstractmethod
    def _control(self, raw: Raw) -> Control:
        """As :meth:`control`; may raise any of :data:`MALFORMED`."""

    def _listing(self, raw: Raw, request: Request) -> Listing:
        """As :meth:`parse_listing`; may raise any of :data:`MALFORMED`."""
        return Listing(())

    def _missed(self, raw: Raw, request: Request, context: Context) -> Missed:
        """As :meth:`parse_missed`; may raise any of :data:`MALFORMED`."""
        return Missed([])


MALFORMED = (
    msgspec.MsgspecError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    OverflowError,
    RecursionError,
    EOFError,
)
"""What reading a message can raise: text that is no JSON, numbers that are none, missing keys."""

BAD_ROW = (ValueError, KeyError, OverflowError)
"""What a row of an otherwise good message can raise; it is counted and the others are kept."""


def text_of(value: object) -> str:
    """A value as compact JSON."""
    return msgspec.json.encode(value).decode()
