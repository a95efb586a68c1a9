"""How many events come in an instant, told by venues that show all of theirs.

A slot that is occupied may hold one order or a volley of several; which slots are occupied does
not tell. Of a venue that shows everything it can be told: it is thinned by the slot rule, estimated
as a thin feed is, and held against what it was. What the estimate was too little by is taken for
the feeds that are thin.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from seawall.risk.slot_estimate import OWN_FIT, Drawn, Mates, Shown, estimates, laws_of
from seawall.risk.slot_rule import Shows, SlotRule, after_pauses

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

INSTRUMENTS = 3
"""Of a venue that shows everything, how many instruments are asked, those with the most events."""
MOST_EVENTS = 20_000
"""Of an instrument, the first in the window."""
UNTOLD = 2.0
"""Orders in an instant that the upper end allows for where no venue tells."""
_BLOCKS = 20
_RESAMPLED = 400


@dataclass(frozen=True, slots=True)
class Together:
    """Orders that come in an instant, in the mean.

    Attributes
    ----------
    mean
        By which events that the slots tell are multiplied; 1 where it may be chance, or none tells.
    most
        By which the upper end is: the 95% of the venue with the most, or :data:`UNTOLD`.
    told_by
        Venues that show everything and had enough events; empty if none.
    """

    mean: float = 1.0
    most: float = UNTOLD
    told_by: tuple[str, ...] = ()


def first_of(shown: Shown) -> Shown:
    """An instrument's first :data:`MOST_EVENTS`, and the time until the last of them alone.

    What comes after it is not asked: it is not taken for empty slots.
    """
    if len(shown.time) < MOST_EVENTS:
        return shown
    few = slice(MOST_EVENTS)
    time = shown.time[few]
    return replace(shown, time=time, usd=shown.usd[few], cell=shown.cell[few], last=int(time[-1]))


def together(whole: Mapping[str, Sequence[Shown]], rule: SlotRule, seed: int = 0) -> Together:
    """What venues that show everything tell of volleys under a slot rule.

    Events of one cell at one time are fills of one order and count once, so that what comes in
    exactly one instant of the venue's clock is not counted as a volley.

    Parameters
    ----------
    whole
        Instruments by venue, with all their events in order of time; a cell at least a side.
    """
    rng = np.random.default_rng(seed)
    parts: dict[str, tuple[Floats, Floats]] = {}
    for venue, several in sorted(whole.items()):
        truth, told = np.zeros(_BLOCKS), np.zeros(_BLOCKS)
        for one in several:
            was, seems = _held_against(one, rule, rng)
            truth, told = truth + was, told + seems
        if told.all():
            parts[venue] = truth, told
    if not parts:
        return Together()
    again = rng.integers(0, _BLOCKS, (_RESAMPLED, _BLOCKS))
    ratios = {v: t[again].sum(axis=1) / e[again].sum(axis=1) for v, (t, e) in parts.items()}
    sums = [sum(p[k] for p in parts.values()) for k in (0, 1)]
    pooled = sums[0][again].sum(axis=1) / sums[1][again].sum(axis=1)  # type: ignore[index]
    mean = float(np.sum(sums[0]) / np.sum(sums[1])) if np.quantile(pooled, 0.05) > 1 else 1.0
    most = max(float(np.quantile(r, 0.95)) for r in ratios.values())
    return Together(max(1.0, mean), max(1.0, mean, most), tuple(parts))


def _held_against(shown: Shown, rule: SlotRule, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Orders of one instrument, and what is told of them thinned; by stretch of slots."""
    nothing = np.zeros(_BLOCKS), np.zeros(_BLOCKS)
    if len(shown.time) < OWN_FIT:
        return nothing
    by_time = np.lexsort((shown.cell, shown.time))
    time, cell = shown.time[by_time], shown.cell[by_time]
    place = np.flatnonzero(np.append(True, (np.diff(time) > 0) | (np.diff(cell) != 0)))
    time, usd = time[place], np.add.reduceat(shown.usd[by_time], place)
    if rule.pause:
        kept = after_pauses(time, rule.length)
        slot = np.searchsorted(kept, np.arange(len(time)), side="right") - 1
    else:
        _, slot = np.unique(time // rule.length, return_inverse=True)
        order = np.lexsort((usd if rule.shows is Shows.LARGEST else time, slot))
        kept = np.sort(order[np.append(np.diff(slot[order]) > 0, True)])
    if len(kept) < OWN_FIT:
        return nothing
    thin = Shown(
        shown.name, time[kept], usd[kept], np.zeros(len(kept), np.int64), shown.first, shown.last
    )
    ((_, mates),) = estimates([thin], [], rule, Drawn.empty(0, 1), rng)
    if mates is None:
        return nothing
    block = np.arange(len(kept)) * _BLOCKS // len(kept)
    return (
        np.bincount(block[slot], minlength=_BLOCKS).astype(np.float64),
        np.bincount(block, 1.0 + mates.events, _BLOCKS).astype(np.float64),
    )


class Elsewhere:
    """What venues that show everything tell, asked once for each rule.

    Parameters
    ----------
    whole
        As :func:`together` takes it.
    """

    def __init__(self, whole: Mapping[str, Sequence[Shown]], seed: int = 0):
        self._whole, self._seed = whole, seed
        self._told: dict[SlotRule, Together] = {}

    def of(self, rule: SlotRule) -> Together:
        """Under a rule."""
        if rule not in self._told:
            self._told[rule] = together(self._whole, rule, self._seed)
        return self._told[rule]


def grown(mates: Mates, usd: Floats, shows: Shows, mean: float) -> Mates:
    """What is expected beside each event if ``mean`` orders come in an instant.

    The floor stays what the slots alone tell.

    Parameters
    ----------
    usd
        Shape (n,): of the events shown.
    """
    if mean <= 1.0:
        return mates
    events = mean * (1.0 + mates.events) - 1.0
    if shows is Shows.LATEST:
        beside = mean * (usd + mates.usd) - usd
    else:
        beside = np.maximum(mates.usd, _below_largest(mates, usd, mean))
    before = np.minimum(
        mates.events / np.maximum(events, 1e-300), mates.usd / np.maximum(beside, 1e-300)
    )
    return replace(mates, events=events, usd=beside, held=mates.held * before)


def _below_largest(mates: Mates, usd: Floats, mean: float) -> Floats:
    """USD beside the largest of each slot, where volleys come at a rate and are geometric.

    Notes
    -----
    Let ``G(s) = exp(λ (g(s) - 1))`` generate a slot's count, ``g(s) = p s / (1 - q s)`` that of a
    volley, ``p = 1 / mean``, ``q = 1 - p``. The largest is below a share ``F`` of all sizes in as
    many occupied slots as ``(G(F) - G(0)) / (1 - G(0))``, from which the law of sizes follows.
    Beside a largest at ``F`` stand ``F G''(F) / G'(F)`` others, which is ``F`` times
    ``2 q / (1 - q F) + λ p / (1 - q F)²``.
    """
    p = 1.0 / mean
    q = 1.0 - p
    beside = np.empty(len(usd))
    counted = 0.0
    for these in laws_of(usd, mates.rate):
        rate, size = mates.rate[these], usd[these]
        level = float(rate.mean())
        # where half of a largest event is below, and the edges between one and the next
        below = np.arange(1, 2 * len(size) + 1) / (2 * len(size))
        volley = 1.0 + np.log(np.exp(-level) - below * np.expm1(-level)) / level
        share = volley / (p + q * volley)
        at, edges = share[::2], share[1::2]
        others = 2 * q / (1 - q * at) + rate * p / (1 - q * at) ** 2
        beside[these] = others * np.cumsum(np.diff(edges, prepend=0.0) * size)
        counted += float((others * at).sum())
    expected = float((mean * (1.0 + mates.events) - 1.0).sum())
    return beside * (expected / counted if counted > 0 else 0.0)


class Allowance:
    """What volleys make of one venue's estimate, gathered instrument by instrument.

    Parameters
    ----------
    cells
        How many cells there are.
    """

    def __init__(self, cells: int, rule: SlotRule, elsewhere: Elsewhere):
        self._rule, self._elsewhere = rule, elsewhere
        self.told = elsewhere.of(rule)
        """What is taken of volleys: of a pause, once an instrument keeps to one."""
        self._shown = np.zeros((2, cells))
        self._alone = np.zeros((2, cells))
        self._most_usd = 0.0

    def add(self, shown: Shown, mates: Mates) -> Mates:
        """Take an instrument in; what is expected beside its events with the volleys told of."""
        rule = replace(self._rule, pause=mates.pause)
        told = self._elsewhere.of(rule)
        if mates.pause:
            self.told = told
        shows = Shows.LATEST if rule.alike else Shows.LARGEST
        most = grown(mates, shown.usd, shows, told.most)
        self._most_usd += float((shown.usd + most.usd).sum())
        for sums, events, usd in (
            (self._shown, np.ones(len(shown.usd)), shown.usd),
            (self._alone, mates.events, mates.usd),
        ):
            sums[0] += np.bincount(shown.cell, events, sums.shape[1])
            sums[1] += np.bincount(shown.cell, usd, sums.shape[1])
        return grown(mates, shown.usd, shows, told.mean)

    @property
    def alone(self) -> Floats:
        """Shape (2, c): events and USD that the slots alone tell of, by cell."""
        return self._alone

    def widen(self, drawn: Drawn) -> None:
        """Let the upper half of the venue's draws allow for volleys; in place.

        The lower half stays what the slots alone tell: volleys need not come here as they do
        elsewhere.
        """
        mine = self._shown[0] > 0
        told = float((self._shown[1] + self._alone[1]).sum())
        factors = self.told.most, max(1.0, self._most_usd / told if told > 0 else 1.0)
        draws = (drawn.events, drawn.usd)
        for values, shown, factor in zip(draws, self._shown, factors, strict=True):
            rank = np.argsort(np.argsort(values[:, mine].sum(axis=1), kind="stable"))
            upper = np.ix_(rank >= len(rank) // 2, mine)
            values[upper] = factor * (shown[mine] + values[upper]) - shown[mine]
