"""What a file of the past held: events of the tape, or a series."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seawall.core import InternalError
from seawall.core.tape import Tape
from seawall.ingest.sheet import Labels

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class What(StrEnum):
    """What the rows of a file are."""

    LIQUIDATIONS = "liquidations"
    LIQUIDATION_SUMS = "liquidation sums"
    """USD by period, not single events: they have a rank among days and no place on a tape."""
    CANDLES = "candles"
    TRADES = "trades"
    FUNDING = "funding"
    OPEN_INTEREST = "open interest"
    DEPTH = "depth"
    RATIOS = "ratios"
    VOLUME = "volume"
    POSITIONS = "positions"
    TRANSFERS = "transfers"
    LOSSES = "losses"
    """What accounts or coins lost and won in an event."""
    BRACKETS = "brackets"


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """Columns of figures.

    Attributes
    ----------
    time
        Shape (n,): UTC ns; 0 where the file has no times.
    names
        Columns of names, such as venue, asset and account.
    values
        Columns of numbers, shape (n,) each; NaN where unknown.
    """

    time: Ints
    names: Mapping[str, Labels]
    values: Mapping[str, Floats]

    def __post_init__(self) -> None:
        lengths = {len(self.time), *(len(v) for v in self.values.values())}
        lengths |= {len(v.codes) for v in self.names.values()}
        if len(lengths) != 1:
            raise InternalError(f"columns of a series differ in length: {sorted(lengths)}")

    def __len__(self) -> int:
        return len(self.time)


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """A file of the past, read.

    Attributes
    ----------
    source, format
        The file, and the name of the format it was read as.
    what
        What its rows are.
    tape
        The events, where they are single ones.
    series
        All else.
    totals
        Figures that the file itself states, by name.
    notes
        What was assumed.
    """

    source: str
    format: str
    what: What
    tape: Tape | None = None
    series: Series | None = None
    totals: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.tape or self.series or ())
