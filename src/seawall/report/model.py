"""The one object that every face of a result is made from.

A :class:`Report` holds numbers, their units and where they come from; it holds no markup and no
formatted number. The terminal, the page, the JSON and the CSV are read off it, so they cannot
disagree.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from seawall.core.errors import InternalError
from seawall.report.charts import Band, Chart, Marker, Series
from seawall.report.lazy import Rows
from seawall.report.replay import Replay
from seawall.report.vocabulary import ChartKind, Kind, Shape, Tone, Unit

__all__ = [
    "Assumption",
    "Band",
    "Chart",
    "ChartKind",
    "Column",
    "Figure",
    "Headline",
    "Kind",
    "Marker",
    "Quantity",
    "Report",
    "Section",
    "Series",
    "Shape",
    "Table",
    "Tone",
    "Unit",
]


@dataclass(frozen=True, slots=True)
class Quantity:
    """A cell with a unit of its own, in a column whose rows count different things."""

    value: Any
    unit: Unit


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
        Ends of its interval; both or neither.
    note
        A short line under the figure.
    band
        What the interval is.
    """

    key: str
    label: str
    value: Any
    unit: Unit
    kind: Kind = Kind.MEASURED
    low: float | None = None
    high: float | None = None
    note: str = ""
    band: str = "5–95%"


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table.

    ``align`` is ``"left"`` or ``"right"``; empty takes left for text and right for numbers.
    ``note`` explains the column. ``brief`` columns are the ones a narrow terminal keeps; if
    none is marked, it keeps as many as fit from the left. ``only`` is ``"terminal"``,
    ``"file"`` (page and CSV) or ``"csv"`` for a column that is not shown elsewhere.
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
        if isinstance(self.rows, Rows):
            if self.rows.width != width:
                raise InternalError(f"table {self.key!r} has {width} columns and other rows")
            return
        for row in self.rows:
            if len(row) != width:
                raise InternalError(f"table {self.key!r} has {width} columns and the row {row!r}")

    def seen_in(self, place: str) -> Table:
        """The table with the columns that a ``"terminal"``, a ``"file"`` or a ``"csv"`` shows."""
        shown = ("", "file", place) if place == "csv" else ("", place)
        kept = [k for k, column in enumerate(self.columns) if column.only in shown]
        if len(kept) == len(self.columns):
            return self
        columns = tuple(self.columns[k] for k in kept)
        if isinstance(self.rows, Rows):
            return replace(self, columns=columns, rows=self.rows.only(kept))
        return replace(self, columns=columns, rows=[[row[k] for k in kept] for row in self.rows])

    @classmethod
    def of_columns(
        cls, key: str, title: str, columns: Mapping[Column, Sequence[Any]], **options: Any
    ) -> Table:
        """A table from columns of equal length, numpy arrays or sequences."""
        lengths = {len(c) for c in columns.values()}
        if len(lengths) > 1:
            raise InternalError(f"table {key!r} has columns of unequal length {lengths}")
        return cls(key, title, tuple(columns), Rows(tuple(columns.values())), **options)

    @property
    def left_out(self) -> int:
        """Rows that exist but are not here."""
        return 0 if self.total is None else max(0, self.total - len(self.rows))


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
        """Sections in reading order with their figures, each once; no table without rows."""
        known = {f.key: f for f in self.figures() if not isinstance(f, Table) or f.rows}
        for section in self.sections:
            found = tuple(known.pop(k) for k in section.items if k in known)
            if found:
                yield section, found
        for figure in known.values():
            yield Section(figure.title, (figure.key,)), (figure,)
