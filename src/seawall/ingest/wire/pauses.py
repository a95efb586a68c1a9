"""How long a connection is used to tell nothing, from which on silence is a stall."""

from __future__ import annotations

from collections import deque

TIMES = 5.0
"""Silence of so many times the longest of the last day is no calm."""
LEAST = 300.0
"""What is never taken for a stall by its length alone, seconds."""
_HOURS = 24


class Pauses:
    """The longest silences between data, hour by hour over the last day.

    Parameters
    ----------
    hurry
        Divides all times, for rehearsals.
    """

    def __init__(self, hurry: float = 1.0):
        self._hour = 3600.0 / hurry
        self._least = LEAST / hurry
        self._begun = 0.0
        self._longest: deque[tuple[int, float]] = deque(maxlen=_HOURS + 1)

    def note(self, now: float, pause: float) -> None:
        """Take in that data came at a time after so many seconds without any."""
        self._begun = self._begun or now
        hour = int(now // self._hour)
        if self._longest and self._longest[-1][0] == hour:
            pause = max(pause, self._longest.pop()[1])
        self._longest.append((hour, pause))

    def limit(self, now: float, most: float) -> float:
        """Seconds of silence from which on it is a stall: ``most`` until a day is known."""
        if not self._begun or now - self._begun < _HOURS * self._hour:
            return most
        since = int(now // self._hour) - _HOURS
        known = [pause for hour, pause in self._longest if hour >= since]
        return min(most, max(self._least, TIMES * max(known, default=most)))
