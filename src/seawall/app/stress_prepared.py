"""Books laid out for one stress test after the other."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from seawall.app.progress import Say, silent
from seawall.liquidity import ImpactLaw
from seawall.margin import MarginBook
from seawall.report.model import Report
from seawall.report.stress import stress_report
from seawall.risk import (
    LADDER,
    Along,
    ReverseStress,
    StaticCascade,
    along,
    direction_of,
    reverse_along,
    stress_test,
)

Made = TypeVar("Made")
_DIRECTIONS = 16
_BOOKS = 3


@dataclass(slots=True)
class _Place(Generic[Made]):
    turn: threading.Lock = field(default_factory=threading.Lock)
    made: Made | None = None


class Kept(Generic[Made]):
    """The last few things made, by key: one thread makes a thing, others wait for it.

    Parameters
    ----------
    most
        How many are kept; the one not asked for longest goes first.
    """

    def __init__(self, most: int):
        self._most = most
        self._places: OrderedDict[Hashable, _Place[Made]] = OrderedDict()
        self._turn = threading.Lock()

    def of(self, key: Hashable, make: Callable[[], Made]) -> Made:
        """What is kept under a key, made if it is not there."""
        with self._turn:
            place = self._places.setdefault(key, _Place())
            self._places.move_to_end(key)
            while len(self._places) > self._most:
                self._places.popitem(last=False)
        with place.turn:
            if place.made is None:
                place.made = make()
            return place.made


class PreparedStress:
    """The cascade of a book, and for each direction what its shocks have in common.

    A second shock along a direction costs its own cascade only: the ladder and the smallest
    harmful shocks are those of the first.

    Parameters
    ----------
    margin
        The book under its rules.
    depth, law, partial
        As in :class:`~seawall.risk.StaticCascade`.
    """

    def __init__(
        self,
        margin: MarginBook,
        depth: Mapping[str, float] | None,
        law: ImpactLaw,
        partial: bool,
    ):
        self.cascade = StaticCascade(margin, depth, law, partial)
        self._along: Kept[Along] = Kept(_DIRECTIONS)
        self._reverse: Kept[tuple[ReverseStress, ...]] = Kept(_DIRECTIONS)

    def report(
        self,
        shock: Mapping[str, float],
        *,
        volatility: Mapping[str, float],
        fund: float | Mapping[str, float] | None = None,
        draws: int = 64,
        seed: int = 0,
        ladder: tuple[float, ...] | None = None,
        liquidates_usd: float | None = None,
        progress: Say = silent,
    ) -> Report:
        """The report of a shock; parameters as in :func:`seawall.stress`.

        ``volatility`` is by asset and complete, ``fund`` by the venues' rulebook names.
        """
        rungs = LADDER if ladder is None else ladder
        self.cascade.factors(shock)  # a wrong shock is refused before the work
        reverse = self._smallest(shock, fund, liquidates_usd, progress)
        beside = self._along.of(
            repr((direction_of(shock), fund, draws, seed, rungs, liquidates_usd)),
            lambda: along(
                self.cascade,
                shock,
                draws=draws,
                seed=seed,
                ladder=rungs,
                reverse=reverse,
                progress=progress,
            ),
        )
        test = stress_test(
            self.cascade,
            shock,
            fund=fund,
            draws=draws,
            seed=seed,
            beside=beside,
            progress=progress,
        )
        progress("gathering the figures")
        return stress_report(test, volatility, seed)

    def _smallest(
        self,
        shock: Mapping[str, float],
        fund: float | Mapping[str, float] | None,
        liquidates_usd: float | None,
        progress: Say,
    ) -> tuple[ReverseStress, ...]:
        """The smallest harmful shocks, each goal by itself: one is asked anew, the other not."""
        found: tuple[ReverseStress, ...] = ()
        for goal in (None,) if liquidates_usd is None else (liquidates_usd, None):
            key = repr((direction_of(shock), fund if goal is None else None, goal))

            def find(goal: float | None = goal) -> tuple[ReverseStress, ...]:
                return reverse_along(
                    self.cascade,
                    shock,
                    fund=fund,
                    liquidates_usd=goal,
                    empties_fund=goal is None,
                    progress=progress,
                )

            found += self._reverse.of(key, find)
        return found


class PreparedBooks:
    """Lays books out as :class:`PreparedStress` does, and keeps the last few: some are large."""

    def __init__(self) -> None:
        self._kept: Kept[PreparedStress] = Kept(_BOOKS)

    def __call__(
        self,
        margin: MarginBook,
        depth: Mapping[str, float] | None,
        law: ImpactLaw,
        partial: bool,
    ) -> PreparedStress:
        """A book laid out; parameters as in :class:`PreparedStress`."""
        key = (margin, tuple(sorted((depth or {}).items())), law, partial)
        return self._kept.of(key, lambda: PreparedStress(margin, depth, law, partial))
