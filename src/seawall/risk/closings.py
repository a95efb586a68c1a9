"""Closings of a cascade, row by row and summed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seawall.margin import MarginBook
from seawall.risk import _tally
from seawall.risk.cells import cells_of

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Closings:
    """Every closing, by row, in the order of rounds (from 1); USD at the mark."""

    turn: Ints
    position: Ints
    account: Ints
    usd: Floats
    stop: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Tally:
    """Closings summed, and the traders behind liquidations, each counted once.

    Attributes
    ----------
    by_round, by_asset
        Shapes (R, 4) and (A, 4): USD of shorts and of longs liquidated, then of shorts and of
        longs stopped out.
    by_venue
        Shape (R, V): USD liquidated.
    last
        Shape (A,): last round in which anything of the asset was closed, 0 if nothing was.
    of_round
        Shape (R,): traders, by venue, with an account first liquidated in that round.
    of_asset, of_side, of_venue
        Shapes (A,), (2,) shorts and longs, (V,): traders, by venue, with a liquidation.
    """

    by_round: Floats
    by_asset: Floats
    by_venue: Floats
    last: Ints
    of_round: Ints
    of_asset: Ints
    of_side: Ints
    of_venue: Ints


def tally(margin: MarginBook, closings: Closings, first: Ints, rounds: int) -> Tally:
    """Sum the closings of a cascade of so many rounds.

    ``first`` has shape (m,): round in which each account was first liquidated, else 0.
    """
    assets, venues = len(margin.book.assets), len(margin.terms)
    c = closings
    sums = np.zeros((rounds, 4)), np.zeros((assets, 4)), np.zeros((rounds, venues))
    last, *traders = (np.zeros(n, dtype=np.int64) for n in (assets, rounds, assets, 2, venues))
    _tally.tally(
        (c.turn, c.position, c.account, c.usd, c.stop),
        cells_of(margin).code,
        first,
        margin.holders,
        (*sums, last),
        tuple(traders),
    )
    return Tally(*sums, last, *traders)
