"""The reports of a snapshot's concentration and of an import."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from seawall import __version__
from seawall.core import Book, format_time
from seawall.report.model import Assumption, Column, Headline, Report, Table, Unit
from seawall.report.numbers import counted, text
from seawall.risk.concentration import Concentration

if TYPE_CHECKING:
    from seawall.ingest.history.found import History

CONCENTRATION_SCHEMA = "seawall.tape-concentration/1"
IMPORT_SCHEMA = "seawall.tape-import/1"
_USD = ("_usd", "notional", "pnl")
"""How names of USD end."""
_MEASURES = (
    ("traders", "Traders", Unit.COUNT),
    ("notional_usd", "Notional", Unit.USD),
    ("top1", "Largest", Unit.FRACTION),
    ("top10", "Ten largest", Unit.FRACTION),
    ("top100", "Hundred largest", Unit.FRACTION),
    ("herfindahl", "Herfindahl", Unit.NUMBER),
    ("gini", "Gini", Unit.NUMBER),
)


def concentration_report(book: Book, found: Sequence[Concentration]) -> Report:
    """How few hold how much: all, by venue, by asset."""
    whole = found[0]
    columns = (
        Column("group", "Group", brief=True),
        *(
            Column(k, t, u, brief=k in ("traders", "notional_usd", "top10"))
            for k, t, u in _MEASURES
        ),
    )
    rows = [(c.group, *(getattr(c, k) for k, _, _ in _MEASURES)) for c in found]
    return Report(
        schema=CONCENTRATION_SCHEMA,
        title="Concentration of positions",
        question="How few hold how much?",
        answer=(
            f"The ten largest of {counted(whole.traders, 'trader')} hold "
            f"{text(whole.top10, Unit.FRACTION)} of {text(whole.notional_usd, Unit.USD)}.",
        ),
        headlines=tuple(Headline(k, t, getattr(whole, k), u) for k, t, u in _MEASURES),
        tables=(Table("groups", "All, by venue, by asset", columns, rows, main=True),),
        assumptions=(
            Assumption("Longs and shorts are added without sign.", "docs/methods/concentration.md"),
        ),
        warnings=tuple(book.notes),
        inputs={
            "source": book.source,
            "as of": format_time(book.time),
            "positions": len(book),
            "rows set aside": len(book.set_aside),
            "seawall": __version__,
        },
        payload={
            "inputs": {
                "source": book.source,
                "digest": "sha256:" + book.digest(),
                "time": format_time(book.time) if book.time else None,
                "positions": len(book),
                "rows_set_aside": len(book.set_aside),
                "version": __version__,
            },
            "groups": [
                {"group": c.group, **{k: getattr(c, k) for k, _, _ in _MEASURES}} for c in found
            ],
            "warnings": list(book.notes),
        },
    )


def _figure(name: str, value: object) -> object:
    """A total of a file as a reader takes it: whole numbers counted, others short."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    if isinstance(value, int) or value.is_integer():
        return text(value, Unit.USD if name.endswith("_usd") else Unit.COUNT)
    return text(value, Unit.USD if name.endswith(_USD) else Unit.NUMBER)


def _sums(found: History) -> dict[str, float]:
    """What sums by period come to over all of a file, by column of USD."""
    if found.series is None or found.what.value != "liquidation sums":
        return {}
    return {
        name: float(np.nansum(values))
        for name, values in found.series.values.items()
        if name.endswith("_usd")
    }


def import_report(found: History, store: str, fresh: int | None, kept: str | None) -> Report:
    """What a file held, and what of it is new to the store."""
    tape, series = found.tape, found.series
    times = tape.time if tape is not None else series.time if series is not None else None
    timed = times is not None and len(times) > 0 and bool((times > 0).any())
    usd = float(tape.notional.sum()) if tape is not None else None
    first = format_time(int(times.min())) if timed and times is not None else None
    last = format_time(int(times.max())) if timed and times is not None else None
    facts: list[tuple[str, object]] = [
        ("format", found.format),
        ("rows are", found.what.value),
        ("rows", text(len(found), Unit.COUNT)),
        ("from", first),
        ("to", last),
    ]
    if usd is not None:
        facts += [
            ("notional", text(usd, Unit.USD)),
            ("new to the store", None if fresh is None else text(fresh, Unit.COUNT)),
        ]
    sums = _sums(found)
    facts += [(f"sum of {k.replace('_', ' ')}", text(v, Unit.USD)) for k, v in sums.items()]
    if kept is not None:
        facts.append(("stored as", kept))
    facts += [(k.replace("_", " "), _figure(k, v)) for k, v in found.totals.items()]
    columns = (Column("fact", "What", brief=True), Column("value", "Value", brief=True))
    rows = [(k, None if v is None else str(v)) for k, v in facts]
    where = "stored beside the tape" if kept else "only told"
    answer = f"{counted(len(found), 'row')} of {found.what.value}, {where}."
    if not len(found):
        answer = f"Sums of {found.what.value}, without rows: told here, nothing is stored."
    if fresh is not None and usd is not None:
        answer = (
            f"{counted(len(found), 'event')} of {text(usd, Unit.USD)}, "
            f"{text(fresh, Unit.COUNT)} of them new to the store."
        )
    return Report(
        schema=IMPORT_SCHEMA,
        title=f"Import of {found.source}",
        answer=(answer,),
        tables=(Table("facts", "What the file holds", columns, rows, main=True, whole=True),),
        warnings=found.notes,
        inputs={"source": found.source, "store": store, "seawall": __version__},
        payload={
            "inputs": {"source": found.source, "store": store, "version": __version__},
            "format": found.format,
            "what": found.what.value,
            "rows": len(found),
            "from": first,
            "to": last,
            "notional_usd": usd,
            "new_events": fresh,
            "stored_as": kept,
            "sums": sums,
            "totals": dict(found.totals),
            "warnings": list(found.notes),
        },
    )
