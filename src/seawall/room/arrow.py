"""Tables as an Arrow stream: typed columns for those who take millions of rows."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from seawall.core import InputError, Mistake
from seawall.report.model import Quantity, Unit
from seawall.room.problems import RefusedError

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

    from seawall.core.tape import Tape
    from seawall.report.model import Report, Table

MEDIA = "application/vnd.apache.arrow.stream"
BATCH = 65_536
"""Most rows of one record batch."""


def wants_arrow(accept: str) -> bool:
    """Whether a request's ``Accept`` asks for an Arrow stream rather than for JSON."""
    kinds = [part.partition(";")[0].strip() for part in accept.split(",")]
    return MEDIA in kinds and "application/json" not in kinds


def stream_pieces(report: Report, key: str | None = None) -> Iterator[bytes]:
    """A table of a report, its main one without a key, as an Arrow IPC stream, batch by batch.

    Fields carry the title and unit of their column, times are UTC nanoseconds; unknown cells are
    null.

    Raises
    ------
    InputError
        If there is no such table.
    RefusedError
        If pyarrow is not installed.
    """
    arrow = _arrow()
    table = _chosen(report, key).seen_in("file")
    rows = table.rows
    kinds = [
        _kind(arrow, (row[at] for row in rows), column.unit)
        for at, column in enumerate(table.columns)
    ]
    fields = [
        arrow.field(c.key, kind, metadata={"title": c.title, "unit": str(c.unit)})
        for c, kind in zip(table.columns, kinds, strict=True)
    ]
    about = {"schema": report.schema, "table": table.key, "title": table.title}
    schema, sink = arrow.schema(fields, metadata=about), io.BytesIO()
    with arrow.ipc.new_stream(sink, schema) as writer:
        for begin in range(0, len(rows), BATCH):
            some = rows[begin : begin + BATCH]
            columns = [
                arrow.array(_cells(arrow, [row[at] for row in some], kind), kind)
                for at, kind in enumerate(kinds)
            ]
            writer.write_batch(arrow.RecordBatch.from_arrays(columns, schema=schema))
            yield sink.getvalue()
            sink.seek(0)
            sink.truncate()
    yield sink.getvalue()


def write_tape(tape: Tape, target: Path) -> int:
    """Write events as an Arrow IPC stream, batch by batch; gives their number."""
    arrow = _arrow()
    from seawall.core.tape import Coverage, Kind

    words = {
        "venue": tape.venues, "instrument": tape.instruments, "asset": tape.assets,
        "source": tape.sources, "kind": [k.name.lower() for k in Kind],
        "coverage": [c.name.lower() for c in Coverage],
    }  # fmt: skip
    time = arrow.timestamp("ns", tz="UTC")
    with arrow.OSFile(str(target), "wb") as sink:
        writer = None
        for begin in range(0, max(len(tape), 1), BATCH):
            part = tape.take(slice(begin, begin + BATCH))
            columns = {
                "time": arrow.array(part.time, time),
                "received": arrow.array(part.received, time),
                **{
                    name: arrow.DictionaryArray.from_arrays(
                        arrow.array(getattr(part, name), arrow.int32()), arrow.array(list(table))
                    )
                    for name, table in words.items()
                },
                "side": arrow.array(part.side),
                "quantity": arrow.array(part.quantity),
                "price": arrow.array(part.price),
                "notional_usd": arrow.array(part.notional),
                "at_fill": arrow.array(part.at_fill),
                "account": arrow.array(part.account),
                "event_id": arrow.array(part.event_id),
            }
            batch = arrow.RecordBatch.from_pydict(columns)
            writer = writer or arrow.ipc.new_stream(sink, batch.schema)
            writer.write_batch(batch)
        assert writer is not None
        writer.close()
    return len(tape)


def _arrow() -> Any:
    try:
        import pyarrow
        import pyarrow.ipc
    except ModuleNotFoundError:
        raise RefusedError(406, Mistake(
            "this server writes no Arrow", "format", allowed="json, csv",
            mend="Install seawall[frames] beside it",
        )) from None  # fmt: skip
    return pyarrow


def _chosen(report: Report, key: str | None) -> Table:
    found = report.main_table() if key is None else None
    found = found or next((t for t in report.tables if t.key == key), None)
    if found is None:
        names = ", ".join(t.key for t in report.tables) or "this answer has no table"
        raise InputError(Mistake("no such table", "table", value=key, allowed=names))
    return found


_NUMBERS = (Unit.USD, Unit.PRICE, Unit.FRACTION, Unit.FACTOR, Unit.SIGMA, Unit.NUMBER,
            Unit.DURATION)  # fmt: skip


def _kind(arrow: Any, cells: Iterable[Any], unit: Unit) -> pa.DataType:
    """Type of a column: by its unit, or by all its cells where the unit does not tell."""
    if unit is Unit.TIME:
        return arrow.timestamp("ns", tz="UTC")
    if unit in _NUMBERS:
        several = any(isinstance(c, Quantity | str) for c in cells)
        return arrow.string() if several else arrow.float64()
    whole = truth = True
    for cell in cells:
        if isinstance(cell, Quantity):
            return arrow.string()
        truth = truth and (cell is None or isinstance(cell, bool))
        if unit is Unit.COUNT and isinstance(cell, float) and not cell.is_integer():
            whole = whole and math.isnan(cell)
    if unit is Unit.COUNT:
        return arrow.int64() if whole else arrow.float64()
    return arrow.bool_() if truth else arrow.string()


def _cells(arrow: Any, cells: Sequence[Any], kind: pa.DataType) -> list[Any]:
    """Cells as a column of a type takes them."""
    known = [_plain(c.value if isinstance(c, Quantity) else c) for c in cells]
    if arrow.types.is_timestamp(kind):
        return [c or None for c in known]
    if arrow.types.is_integer(kind):
        return [None if c is None else int(c) for c in known]
    if arrow.types.is_string(kind):
        return [None if c is None else str(c) for c in known]
    return known


def _plain(cell: Any) -> Any:
    if hasattr(cell, "item"):
        cell = cell.item()
    return None if isinstance(cell, float) and math.isnan(cell) else cell
