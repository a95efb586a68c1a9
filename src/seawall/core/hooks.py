"""What a simulation shows its plug-ins, and what they hand back to be called every step."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seawall.core.book import Book
from seawall.core.instrument import Instrument

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Market:
    """One market of a simulation.

    ``venue`` is the rulebook's name, or ``spot`` for the market that feeds the index;
    ``depth`` USD that makers rest within 1% of the mid when calm; ``volume`` USD traded a day.
    """

    venue: str
    instrument: Instrument
    price: float
    depth: float
    volume: float

    @property
    def asset(self) -> str:
        """The underlying."""
        return self.instrument.asset

    @property
    def spot(self) -> bool:
        """Whether it is the spot market of its asset."""
        return self.venue == "spot"

    @property
    def name(self) -> str:
        """``venue:asset``, as scenarios name it."""
        return f"{self.venue}:{self.asset}"


@dataclass(frozen=True, slots=True)
class Floor:
    """All markets of a simulation, in the order of the rows of its columns, and its clock.

    Attributes
    ----------
    markets
        Row by row.
    venues, assets
        What the columns' codes stand for; spot markets have venue -1.
    step
        Seconds a step.
    steps
        Steps of the run.
    """

    markets: tuple[Market, ...]
    venues: tuple[str, ...]
    assets: tuple[str, ...]
    step: float
    steps: int

    def __len__(self) -> int:
        return len(self.markets)

    @property
    def seconds(self) -> float:
        """Length of the run."""
        return self.step * self.steps

    def chosen(self, venues: tuple[str, ...] = (), assets: tuple[str, ...] = ()) -> Floats:
        """Shape (M,): 1 for perpetuals on the venues and of the assets named; all if none are."""
        return np.array(
            [
                float(
                    not m.spot
                    and (not venues or m.venue in venues)
                    and (not assets or m.asset in assets)
                )
                for m in self.markets
            ]
        )


@dataclass(frozen=True, slots=True, eq=False)
class Hook:
    """A compiled function that a run calls every step.

    Attributes
    ----------
    kernel
        Made by ``seawall._jit.hook``: ``(markets, own, parameters, clock, key, orders)``.
    parameters
        Read only, any length.
    memory
        What the hook remembers from step to step, at the start: any length. It is saved with
        the run.
    """

    kernel: Any
    parameters: Floats = field(default_factory=lambda: np.zeros(0))
    memory: Floats = field(default_factory=lambda: np.zeros(0))


@dataclass(slots=True, eq=False)
class Traders:
    """Who stands at the start of a run; plug-ins may change the columns before it begins.

    Attributes
    ----------
    book
        Positions and accounts, balances filled in.
    equity, notional
        Shape (m,): USD at the marks.
    scale
        Shape (n,): what every position is multiplied with, 1 at first.
    stop
        Shape (n,): stop price, USD; NaN if none.
    plan
        Shape (n,): USD that a position opens when its trader enters; 0 for those open already.
        Positions with a plan are not open at the start.
    turn
        Shape (n,): order in which traders close positions at a profit, lowest first; NaN never.
    topup
        Shape (m,): what the trader adds when called, as a multiple of the equity at the start.
    call
        Shape (m,): margin ratio (maintenance / equity) at which the trader is called; 0 never.
    cut_at
        Shape (m,): share of the equity at the start at which the trader cuts; 0 never.
    cut_to
        Shape (m,): leverage cut to.
    pledged
        Shape (m,): share of the balance held in a collateral asset that can lose its peg.
    add_on
        Shape (n,): added to the maintenance rate.
    """

    book: Book
    equity: Floats
    notional: Floats
    scale: Floats
    stop: Floats
    plan: Floats
    turn: Floats
    topup: Floats
    call: Floats
    cut_at: Floats
    cut_to: Floats
    pledged: Floats
    add_on: Floats

    @classmethod
    def of(cls, book: Book, equity: Floats) -> Traders:
        """The traders of a book as they stand: stops as in the book, nothing else planned."""
        n, m = len(book), len(book.accounts)
        notional = np.bincount(book.positions.account, book.notional(), m).astype(np.float64)
        return cls(
            book=book,
            equity=equity,
            notional=notional,
            scale=np.ones(n),
            stop=book.positions.stop.copy(),
            plan=np.zeros(n),
            turn=np.full(n, np.nan),
            topup=np.zeros(m),
            call=np.zeros(m),
            cut_at=np.zeros(m),
            cut_to=np.ones(m),
            pledged=np.zeros(m),
            add_on=np.zeros(n),
        )
