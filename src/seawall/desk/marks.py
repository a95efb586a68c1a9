"""Candles of the marks that a store has polled."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from seawall.desk.candle_files import Rows
from seawall.desk.candles import PRICES, Candles, without_prices
from seawall.desk.history import aligned
from seawall.rulebook.symbols import parse_symbol


def candles_of_marks(
    folder: str | os.PathLike[str],
    assets: Sequence[str],
    step: float = 3_600.0,
    until: int | None = None,
) -> Candles:
    """Candles of the marks in a store's market tables.

    Of each asset those of one instrument, the one whose marks fill the most candles. What came
    between two polls is not in them: their lows and highs are those that were polled.

    Parameters
    ----------
    step
        Seconds of a candle; one without a mark of the asset is a gap.
    until
        UTC ns; the time of the last mark by default. A candle that is not over by then is left
        out.

    Raises
    ------
    InputError
        Naming every asset without marks and every gap.
    """
    rows = _of_instruments(Path(folder), assets, round(step * 1e9), until)
    chosen: dict[str, tuple[str, str]] = {}
    for asset in assets:
        held: dict[tuple[str, str], int] = {}
        for row in rows:
            if row["asset"] == asset:
                name = (row["venue"], row["instrument"])
                held[name] = held.get(name, 0) + 1
        if held:
            chosen[asset] = min(held, key=lambda name: (-held[name], name))
    missing = [a for a in assets if a not in chosen]
    if missing:
        raise without_prices(missing, sorted(chosen), f"{folder} (marks)")
    found = {a: _rows(rows, a, *chosen[a]) for a in assets}
    names = ", ".join(f"{venue} {instrument}" for venue, instrument in chosen.values())
    return replace(
        aligned(found, f"{folder} (marks)", step),
        source=f"{Path(folder).name} (marks polled of {names})",
        of_price="mark",
    )


def _of_instruments(
    folder: Path, assets: Sequence[str], length: int, until: int | None
) -> list[dict[str, Any]]:
    """A row for each instrument and candle that is over."""
    from seawall.ingest.market.tables import days, read
    from seawall.ingest.store.parts import literal

    if not days(folder):
        return []
    names = ", ".join(literal(a) for a in assets)
    query = (
        f"SELECT venue, instrument, asset, time - time % {length} AS t, "
        "arg_min(mark_price, time) AS open, max(mark_price) AS high, min(mark_price) AS low, "
        "arg_max(mark_price, time) AS close, max(time) AS last "
        f"FROM rows WHERE asset IN ({names}) AND mark_price > 0 GROUP BY ALL ORDER BY t"
    )
    end = np.iinfo(np.int64).max if until is None else until
    rows = read(folder, "mark", 0, int(end), query)
    over = until if until is not None else max((row["last"] for row in rows), default=0)
    return [dict(row) for row in rows if row["t"] + length <= over]


def _rows(rows: Sequence[dict[str, Any]], asset: str, venue: str, instrument: str) -> Rows:
    """Candles of one instrument, per unit of its asset."""
    mine = [
        row
        for row in rows
        if (row["asset"], row["venue"], row["instrument"]) == (asset, venue, instrument)
    ]
    units = parse_symbol(instrument).multiplier
    return Rows(
        np.array([row["t"] for row in mine], dtype=np.int64),
        {p: np.array([row[p] for row in mine], dtype=np.float64) / units for p in PRICES},
    )
