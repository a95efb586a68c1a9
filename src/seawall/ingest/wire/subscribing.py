"""What a connection asks for: which of it the venue took, and which it refuses.

A venue may refuse a whole frame for one name in it that it no longer knows. Such a frame is said
again in parts, so that the others are heard; what is refused by itself is kept, to be told of.
"""

from __future__ import annotations

from collections import deque

from seawall.ingest.wire.adapter import Link

_MOST_PARTED = 64
"""Frames parted on one connection: a venue that refuses everything is not asked name by name."""


class Subscribing:
    """The subscriptions of one connection, in the order of their answers.

    Where frames can be parted, the next is sent after the answer to the one before: only so is
    it sure which of them a refusal means. Otherwise all are sent at once.

    Attributes
    ----------
    taken
        Answers that took a subscription.
    refused
        Frames refused that cannot be parted; empty texts where it is not known which.
    why
        What the venue said of the last of them.
    """

    def __init__(self, link: Link):
        self._link = link
        self._waiting = deque(link.frames)
        self._sent: deque[str] = deque()
        self._open = link.acks
        self._parted = 0
        self.taken = 0
        self.refused: list[str] = []
        self.why = ""

    @property
    def answered(self) -> bool:
        """Whether nothing more is to be answered."""
        return self._open <= 0

    def due(self) -> list[str]:
        """Frames to send now."""
        count = len(self._waiting)
        if self._link.parted is not None:
            count = min(count, 0 if self._sent else 1)
        frames = [self._waiting.popleft() for _ in range(count)]
        self._sent.extend(frames)
        return frames

    def takes(self) -> None:
        """The venue took a subscription."""
        if self._open > 0:
            self._next()
            self.taken += 1

    def refuses(self, text: str) -> bool:
        """The venue refused one; whether it is to be said again in parts."""
        if self._open <= 0:
            return False  # of something else than a subscription
        frame = self._next()
        part = self._link.parted
        parts = part(frame) if part is not None and self._parted < _MOST_PARTED else ()
        if parts:
            self._parted += 1
            self._open += len(parts)
            self._waiting.extendleft(reversed(parts))
        else:
            self.refused.append(frame)
            self.why = text
        return bool(parts)

    def again(self) -> None:
        """Ask once more for what was refused; for everything where it is not known which it was."""
        if not self.refused or not self.answered:
            return
        known = self._link.parted is not None
        self._waiting.extend(self.refused if known else self._link.frames)
        self._open = len(self.refused) if known else self._link.acks
        self.refused, self.why = [], ""

    def _next(self) -> str:
        self._open -= 1
        if self._link.parted is None:
            self._sent.clear()
            return ""
        return self._sent.popleft() if self._sent else ""
