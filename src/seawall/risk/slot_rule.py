"""The rule by which a feed leaves events out, and whether what it shows keeps to it.

A venue says "at most one in a second" and not which seconds: slots that are fixed in time, or a
pause after each event that is pushed. When the events shown stand tells the two apart.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from seawall.risk._rate_model import Row

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

CLOSE = 0.95
"""Slots that two events may stand apart and be closer than one: pushes do not tick exactly."""
CLOSE_SHARE = 0.25
"""Of the gaps below two slots at least so many are close under fixed slots."""
_CHANCE = 1e-3
_EXCEPT = 0.01
"""Part of these gaps that may be close although the feed pauses after each event."""
_CLOCKED = 0.8
"""How alike gaps are to whole slots when times are a clock's, which tell nothing."""
_ROUNDED = 0.1
"""Part of a slot to which times may be rounded and still tell which gaps are close."""
_EXACT = 500


class Shows(StrEnum):
    """Which of a slot's events the venue publishes."""

    LATEST = "latest"
    LARGEST = "largest"


@dataclass(frozen=True, slots=True)
class SlotRule:
    """A venue's rule: one event a symbol and slot.

    Parameters
    ----------
    seconds
        Length of a slot.
    shows
        Which event of the slot is published.
    pause
        Whether slots are none of the clock's: for so long after each event shown none is.
    """

    seconds: float = 1.0
    shows: Shows = Shows.LATEST
    pause: bool = False

    @property
    def length(self) -> int:
        """Of a slot, ns."""
        return round(self.seconds * 1e9)

    @property
    def alike(self) -> bool:
        """Whether the event shown is like those beside it: the latest, or the first of a pause."""
        return self.pause or self.shows is Shows.LATEST


@dataclass(frozen=True, slots=True)
class Gaps:
    """Gaps between events that were shown one after the other, those below two slots.

    Attributes
    ----------
    near
        How many there are.
    close
        How many of them are below one slot, by more than a push may be early.
    turned
        Sum of their parts of a slot as angles: as long as ``near`` where all are whole slots.
    """

    near: int = 0
    close: int = 0
    turned: complex = 0j

    @staticmethod
    def of(time: Ints, length: int) -> Gaps:
        """Those of one instrument; ``time`` (n,) in ns, ascending, ``length`` of a slot.

        None where all of them are multiples of too large a part of a slot: times are rounded.
        """
        if np.gcd.reduce(np.diff(time)) > _ROUNDED * length:
            return Gaps()
        apart = np.diff(time) / length
        near = apart[apart < 2.0]
        turned = complex(np.exp(2j * np.pi * near).sum())
        return Gaps(len(near), int((near < CLOSE).sum()), turned)

    @staticmethod
    def joined(several: Iterable[Gaps]) -> Gaps:
        """Those of several instruments together."""
        found = list(several)
        return Gaps(
            sum(g.near for g in found), sum(g.close for g in found), sum(g.turned for g in found)
        )


def kept_to(rule: SlotRule, gaps: Gaps) -> SlotRule | None:
    """The rule that the gaps keep to: slots fixed in time, a pause, or neither (None).

    Under fixed slots the next event of two in neighbouring slots is as often early in its slot as
    late, so that every other gap between them is below one slot. With ``q`` the chance of an empty
    slot, of all gaps below two slots a share ``1 / (2 + q)``, a third at least, is below one, at
    any rate that moves slowly against a slot, whichever event is shown and wherever slots begin;
    below :data:`CLOSE` slots still more than :data:`CLOSE_SHARE`. After a pause none is. Gaps of
    which so few are close as chance makes them one time in a thousand are not of fixed slots.

    Where gaps are about whole slots, times are those of a clock and not of events.
    """
    if rule.pause:
        return rule
    few = chance_of_as_few(gaps.close, gaps.near, CLOSE_SHARE) < _CHANCE
    if not few or abs(gaps.turned) >= _CLOCKED * gaps.near:
        return rule
    return replace(rule, pause=True) if gaps.close <= _EXCEPT * gaps.near else None


def chance_of_as_few(count: int, of: int, share: float) -> float:
    """Chance that of so many ``count`` or fewer are; by its normal limit where many."""
    if of > _EXACT:
        spread = math.sqrt(2 * of * share * (1 - share))
        return 0.5 * math.erfc((of * share - count - 0.5) / spread)
    return math.fsum(
        math.comb(of, k) * share**k * (1 - share) ** (of - k) for k in range(min(count, of) + 1)
    )


def after_pauses(time: Ints, length: int) -> Ints:
    """Places of the events that are shown where for ``length`` ns after each none is."""
    kept, k = [], 0
    while k < len(time):
        kept.append(k)
        k = int(np.searchsorted(time, time[k] + length))
    return np.array(kept, dtype=np.int64)


def live_row(time: Ints, length: int, first: int, last: int) -> Row:
    """Slots of the time in which an event would have been shown, the pauses left out.

    A counter that is blind for a time after each count, and not set back by what comes meanwhile,
    misses nothing while it sees (not paralysable; Knoll). After each pause slots begin anew: some
    are empty, and the one in which the next event is shown is occupied.
    """
    seen = np.append(time[0] - first, np.diff(time) - length)
    return Row(np.maximum(seen, 0) // length, max(0, last - int(time[-1]) - length) // length)
