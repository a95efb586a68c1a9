"""What a poller was told last, as a table for the terminal."""

from __future__ import annotations

import io
import math
import shutil
from typing import Any

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from seawall.ingest.market.asking import VenueAsking
from seawall.ingest.market.latest import ONE_PERCENT
from seawall.ingest.market.poller import Poller

_UNKNOWN = "–"


def state_table(poller: Poller) -> Group:
    """A row a contract, and below it what did not go well, by venue."""
    table = Table(
        title=f"{poller.written:,} rows written", title_justify="left", box=None, pad_edge=False
    )
    for name in ("venue", "instrument"):
        table.add_column(name)
    for name in ("mark", "funding", "open interest", "long/short", "bids 1%", "asks 1%"):
        table.add_column(name, justify="right")
    notes = []
    for venue in poller.venues:
        for of in venue.listed:
            table.add_row(venue.name, of.instrument.symbol, *_cells(venue, of.instrument.symbol))
        counts = venue.counts
        failed = sum(counts.failed.values())
        if failed or counts.late or not venue.listed:
            late = f", {counts.late:,} rounds late" if counts.late else ""
            error = f" ({counts.error})" if counts.error else ""
            none = "no contract of these assets; " if not venue.listed and not failed else ""
            notes.append(
                Text(
                    f"{venue.name}: {none}{failed:,} of {counts.calls:,} questions failed{late}"
                    f"{error}"
                )
            )
    return Group(table, *notes)


def to_text(shown: Group) -> str:
    """The table as text as wide as the terminal, without colours."""
    out = io.StringIO()
    width = max(shutil.get_terminal_size((100, 24)).columns, 100)
    Console(file=out, width=width, color_system=None).print(shown)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


def _cells(venue: VenueAsking, symbol: str) -> list[str]:
    def told(kind: str, name: str, band: float = 0.0) -> Any:
        return venue.latest.get((kind, symbol, band), {}).get(name, math.nan)

    depth = []
    for side in ("bid", "ask"):
        whole = told("depth", f"{side}_whole", ONE_PERCENT)
        usd = _usd(told("depth", f"{side}_usd", ONE_PERCENT))
        depth.append(usd if whole is True or usd == _UNKNOWN else f"≥ {usd}")
    rate, ratio = told("funding", "rate"), told("ratio", "long_short")
    return [
        _number(told("mark", "mark_price"), ",.6g", 1e6),
        _UNKNOWN if math.isnan(rate) else f"{100 * rate:+.4f}%",
        _usd(told("open_interest", "usd")),
        _UNKNOWN if math.isnan(ratio) else f"{ratio:.2f}",
        *depth,
    ]


def _number(value: float, form: str, most: float) -> str:
    if math.isnan(value):
        return _UNKNOWN
    return format(value, form if value < most else ",.0f")


def _usd(value: float) -> str:
    for size, letter in ((1e9, "bn"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"${value / size:,.2f} {letter}"
    return _UNKNOWN if math.isnan(value) else f"${value:,.0f}"
