"""What a connection has seen and lost; everything that is dropped is counted here."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Counts:
    """Figures of one connection since the recorder started.

    Attributes
    ----------
    venue, link
        Whose they are.
    connected
        Whether it is subscribed now.
    frames, size
        Messages and their bytes.
    events
        Events read, copies included.
    missed
        Of these, events that came by REST after a gap.
    malformed
        Messages that could not be read; rows of otherwise good ones are in the decoder's tally.
    dropped
        Events lost because the queue stayed full.
    refused
        Refusals by the venue.
    connects, failures
        Connections made, and tries that failed.
    subscribed
        Times that a subscription stood.
    unacknowledged, silences, quiets, closes
        Why connections ended: no answer to a subscription, no frame at all, no event for long, by
        the other end.
    moves
        Requests of the venue to connect again.
    renewed
        Times that a new connection took over from one that was still heard.
    questions, unanswered
        Questions over REST, and those without a usable answer.
    last_frame, last_event
        Receipt of the latest frame and event, UTC ns; 0 before the first.
    lag
        Receipt less the venue's time of the latest event, seconds; negative if clocks disagree.
    outages
        Seconds without a subscription since the first one.
    """

    venue: str
    link: str
    connected: bool = False
    frames: int = 0
    size: int = 0
    events: int = 0
    missed: int = 0
    malformed: int = 0
    dropped: int = 0
    refused: int = 0
    connects: int = 0
    subscribed: int = 0
    failures: int = 0
    unacknowledged: int = 0
    silences: int = 0
    quiets: int = 0
    moves: int = 0
    closes: int = 0
    renewed: int = 0
    questions: int = 0
    unanswered: int = 0
    last_frame: int = 0
    last_event: int = 0
    lag: float = 0.0
    outages: float = 0.0
    _lost_at: float = field(default=0.0, repr=False)

    def lost(self, now: float) -> None:
        """Note that the subscription ended, at a monotonic time."""
        if self.connected:
            self.connected, self._lost_at = False, now

    def regained(self, now: float) -> float:
        """Note that it stands, at a monotonic time; gives the seconds it did not."""
        gap = now - self._lost_at if self._lost_at else 0.0
        self.connected, self._lost_at = True, 0.0
        self.subscribed += 1
        self.outages += gap
        return gap
