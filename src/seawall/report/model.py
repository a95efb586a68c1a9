"""The one object that every face of a result is made from.

A :class:`Report` holds numbers, their units and where they come from; it holds no markup and no
formatted number. The terminal, the page, the JSON and the CSV are read off it, so they cannot
disagree.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeAlias

from seawall.core.errors import InternalError
from seawall.report.replay import Replay

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers = Sequence[float] | NDArray[np.floating[Any]] | NDArray[np.integer[Any]]
    Abscissae = Numbers | Sequence[str]


class Unit(StrEnum):
    """What a number is counted in; decides how it is printed."""

    USD = "usd"
    """An amount of money in USD: ``$36.8 M``."""
    PRICE = "price"
    """USD per unit of the underlying: ``86,600``."""
    FRACTION = "fraction"
    """A fraction, printed as percent: ``-0.1`` is ``-10.00%``."""
    COUNT = "count"
    """A whole number of things: ``391,164``."""
    FACTOR = "factor"
    """A ratio, a multiplier or a leverage: ``1.84×``."""
    SIGMA = "sigma"
    """Standard deviations of daily returns: ``3.4 σ``."""
    NUMBER = "number"
    """A plain number, such as coins: six significant digits."""
    TEXT = "text"
    """Words."""
    TIME = "time"
    """UTC nanoseconds (``int``, 0 unknown), printed as ISO 8601."""
    DURATION = "duration"
    """Seconds: ``61.7 s``, from two minutes on ``0:22:05``."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """A cell with a unit of its own, in a column whose rows count different things."""

    value: Any
    unit: Unit


class Kind(StrEnum):
    """Where a published figure comes from; a page says what each of them means."""

    MEASURED = "measured"
    IMPORTED = "as imported"
    MODELLED = "modelled"
    LOWER_BOUND = "lower bound"
    UNKNOWN = "not recorded"


class ChartKind(StrEnum):
    """The figures of a report."""

    PROFILE = "profile"
    """Bars over price: the liquidation map. x: bin centres on an even grid."""
    ROUNDS = "rounds"
    """Stacked bars by round, a price line on the second axis."""
    LADDER = "ladder"
    """Lines over the shock, with a band."""
    CURVE = "curve"
    """Lines over shares, 0 to 1: concentration."""
    BARS = "bars"
    """Bars by category, side by side; with ``steps``, a waterfall."""
    TIMELINE = "timeline"
    """Over the seconds of a run: bars by even spans, lines."""


class Tone(StrEnum):
    """What a colour means; the page and the terminal choose the colour."""

    LONG = "long"
    SHORT = "short"
    PRICE = "price"
    LOSS = "loss"
    GAIN = "gain"
    ACCENT = "accent"
    PLAIN = "plain"
    MUTED = "muted"


class Shape(StrEnum):
    """How a series is drawn."""

    AUTO = "auto"
    """Bars in PROFILE, ROUNDS and BARS; a line elsewhere, and on every second axis."""
    BARS = "bars"
    LINE = "line"
    DASHED = "dashed"


@dataclass(frozen=True, slots=True)
class Headline:
    """One figure worth a tile.

    Parameters
    ----------
    key
        Stable name, such as ``forced_notional_usd``.
    label
        A few words for a reader.
    value
        The figure, raw (a fraction, never percent); None or NaN prints as a dash.
    unit, kind
        What it counts and where it comes from.
    low, high
        Ends of the 5-95% interval; both or neither.
    note
        A short line under the figure.
    """

    key: str
    label: str
    value: Any
    unit: Unit
    kind: Kind = Kind.MEASURED
    low: float | None = None
    high: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table.

    ``align`` is ``"left"`` or ``"right"``; empty takes left for text and right for numbers.
    ``note`` explains the column. ``brief`` columns are the ones a narrow terminal keeps; if
    none is marked, it keeps as many as fit from the left. ``only`` is ``"terminal"`` or
    ``"file"`` (page and CSV) for a column that is not shown elsewhere.
    """

    key: str
    title: str
    unit: Unit = Unit.TEXT
    align: str = ""
    note: str = ""
    brief: bool = False
    only: str = ""

    @property
    def left(self) -> bool:
        """Whether cells stand to the left."""
        return (self.align or ("left" if self.unit is Unit.TEXT else "right")) == "left"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of raw values under typed columns.

    Parameters
    ----------
    key, title, caption
        Stable name, heading, and what the reader should know about it.
    columns, rows
        Every row has one raw cell a column; None and NaN print as a dash.
    main
        The table that ``--format csv`` writes.
    total
        Rows there are in all, where ``rows`` is already cut; None if it is complete.
    whole
        Every row matters to a reader: a terminal prints them all.
    """

    key: str
    title: str
    columns: tuple[Column, ...]
    rows: Sequence[Sequence[Any]]
    caption: str = ""
    main: bool = False
    total: int | None = None
    whole: bool = False

    def __post_init__(self) -> None:
        width = len(self.columns)
        for row in self.rows:
            if len(row) != width:
                raise InternalError(f"table {self.key!r} has {width} columns and the row {row!r}")

    def seen_in(self, place: str) -> Table:
        """The table with the columns that a ``"terminal"`` or a ``"file"`` shows."""
        kept = [k for k, column in enumerate(self.columns) if column.only in ("", place)]
        if len(kept) == len(self.columns):
            return self
        columns = tuple(self.columns[k] for k in kept)
        return replace(self, columns=columns, rows=[[row[k] for k in kept] for row in self.rows])

    @classmethod
    def of_columns(
        cls, key: str, title: str, columns: Mapping[Column, Sequence[Any]], **options: Any
    ) -> Table:
        """A table from columns of equal length, numpy arrays or sequences."""
        cells = [c.tolist() if hasattr(c, "tolist") else c for c in columns.values()]
        lengths = {len(c) for c in cells}
        if len(lengths) > 1:
            raise InternalError(f"table {key!r} has columns of unequal length {lengths}")
        return cls(key, title, tuple(columns), tuple(zip(*cells, strict=True)), **options)

    @property
    def left_out(self) -> int:
        """Rows that exist but are not here."""
        return 0 if self.total is None else max(0, self.total - len(self.rows))


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


Figure: TypeAlias = "Chart | Replay | Table"


@dataclass(frozen=True, slots=True)
class Assumption:
    """One thing taken for granted, and why it may be."""

    text: str
    source: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """A heading of the page and the charts and tables under it, by key."""

    title: str
    items: tuple[str, ...]
    text: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """What a command found, complete: numbers, words and their sources.

    Parameters
    ----------
    schema
        Name and version of ``payload``'s schema, such as ``seawall.stress/1``.
    title, question
        What was asked.
    answer
        The answer in sentences, most important first.
    headlines, tables, charts, replays
        The figures. Keys of tables, charts and replays are unique together.
    assumptions, warnings
        What the answer rests on, and what the reader must know before using it.
    inputs
        Source, digest, time, rules: label to text or raw value, in order.
    payload
        The machine's result: what ``--format json`` prints beside ``schema``.
    sections
        Order of the page; charts and tables not named here follow at the end.
    """

    schema: str
    title: str
    question: str = ""
    answer: tuple[str, ...] = ()
    headlines: tuple[Headline, ...] = ()
    tables: tuple[Table, ...] = ()
    charts: tuple[Chart, ...] = ()
    replays: tuple[Replay, ...] = ()
    assumptions: tuple[Assumption, ...] = ()
    warnings: tuple[str, ...] = ()
    inputs: Mapping[str, Any] = field(default_factory=dict)
    payload: Mapping[str, Any] = field(default_factory=dict)
    sections: tuple[Section, ...] = ()

    def __post_init__(self) -> None:
        keys = [figure.key for figure in self.figures()]
        if len(set(keys)) != len(keys):
            raise InternalError(f"report {self.schema!r} uses a key twice: {sorted(keys)}")
        unknown = {k for s in self.sections for k in s.items} - set(keys)
        if unknown:
            raise InternalError(f"report {self.schema!r} has no figure called {sorted(unknown)}")

    def figures(self) -> tuple[Figure, ...]:
        """Every chart, then every replay, then every table."""
        return (*self.charts, *self.replays, *self.tables)

    def main_table(self) -> Table | None:
        """The table marked main, else the first, else None."""
        return next((t for t in self.tables if t.main), self.tables[0] if self.tables else None)

    def layout(self) -> Iterator[tuple[Section, tuple[Figure, ...]]]:
        """Sections in reading order with their figures; every figure comes up exactly once."""
        known = {figure.key: figure for figure in self.figures()}
        for section in self.sections:
            found = tuple(known.pop(k) for k in section.items if k in known)
            if found:
                yield section, found
        for figure in known.values():
            yield Section(figure.title, (figure.key,)), (figure,)
