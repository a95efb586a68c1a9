"""The charts of a report, as numbers: series, markers, bands and the figure that they make up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seawall.core.errors import InternalError
from seawall.report.vocabulary import ChartKind, Shape, Tone, Unit

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers = Sequence[float] | NDArray[np.floating[Any]] | NDArray[np.integer[Any]]
    Abscissae = Numbers | Sequence[str]


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """One line or one set of bars.

    ``x`` and ``y`` have equal lengths; ``x`` holds category names in BARS. NaN in ``y`` is a gap;
    in a waterfall it asks for the running total. ``second`` puts it on the second axis. ``low``
    and ``high``, both or neither, are the ends of each bar's interval in BARS.
    """

    name: str
    x: Abscissae
    y: Numbers
    tone: Tone = Tone.PLAIN
    shape: Shape = Shape.AUTO
    second: bool = False
    low: Numbers | None = None
    high: Numbers | None = None

    def __post_init__(self) -> None:
        if len(self.x) != len(self.y):
            raise InternalError(f"series {self.name!r} has {len(self.x)} x and {len(self.y)} y")
        for end in (self.low, self.high):
            if end is not None and len(end) != len(self.y):
                raise InternalError(f"series {self.name!r} has intervals of another length")


@dataclass(frozen=True, slots=True)
class Marker:
    """A labelled vertical line at ``x``, or with ``low`` and ``high`` an extent around it.

    ``detail`` is what a pointer reads, such as the notional of a cluster.
    """

    x: float
    label: str
    tone: Tone = Tone.PRICE
    low: float | None = None
    high: float | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Band:
    """An interval over x, such as 5-95%: three arrays of equal length."""

    x: Numbers
    low: Numbers
    high: Numbers
    label: str = "5–95%"
    tone: Tone = Tone.ACCENT

    def __post_init__(self) -> None:
        if not len(self.x) == len(self.low) == len(self.high):
            raise InternalError(f"band {self.label!r} has arrays of unequal length")


@dataclass(frozen=True, slots=True, eq=False)
class Chart:
    """One figure, as numbers.

    Parameters
    ----------
    key, title, caption
        Stable name, heading, and what the reader should know about it.
    kind
        How it is drawn.
    x_title, x_unit, y_title, y_unit
        The axes; ``x_unit`` is TEXT in BARS.
    series
        What is drawn; stacked in PROFILE and ROUNDS, in the order given.
    marks
        Vertical markers, such as the mark price and clusters.
    band
        An interval behind the lines.
    y2_title, y2_unit
        The second axis, if any series is on it.
    steps
        BARS only: the first series is a waterfall of signed steps.
    """

    key: str
    title: str
    kind: ChartKind
    x_title: str
    x_unit: Unit
    y_title: str
    y_unit: Unit
    series: tuple[Series, ...]
    marks: tuple[Marker, ...] = ()
    band: Band | None = None
    caption: str = ""
    y2_title: str = ""
    y2_unit: Unit = Unit.PRICE
    steps: bool = False
