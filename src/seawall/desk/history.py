"""Prices of several assets in the past, on one clock and without gaps."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seawall.core import InputError, Mistake, format_time
from seawall.desk.candle_files import SHOWN, Rows, checked, clock, gaps, read_rows, step_of
from seawall.desk.candles import PRICES, Candles, without_prices

__all__ = ["Candles", "candles_of_store", "read_candles"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def read_candles(
    path: str | os.PathLike[str],
    assets: Sequence[str] | None = None,
    format: str | None = None,
    venue: str = "",
) -> Candles:
    """Read candles of several assets onto one clock.

    Parameters
    ----------
    path
        A file that :func:`seawall.ingest.history.read_history` reads, with a column that names
        the asset or of one asset, named by the file; or a folder of such files.
    assets
        Those wanted, in this order; all by default.
    format, venue
        For files that do not tell.

    Raises
    ------
    InputError
        Naming every asset without prices, every gap, every price that cannot be.
    """
    source = Path(os.fspath(path))
    return aligned(read_rows(source, assets, format, venue), str(source))


def candles_of_store(
    folder: str | os.PathLike[str],
    assets: Sequence[str],
    step: float = 3_600.0,
    until: int | None = None,
) -> Candles:
    """Candles of the prices at which a recorded tape's liquidations were filled.

    Parameters
    ----------
    step
        Seconds of a candle; one without a liquidation of the asset is a gap.
    until
        UTC ns; the end of the last candle that is over, by default.

    Raises
    ------
    InputError
        Naming every asset without prices and every gap.
    """
    from seawall.ingest.store.parts import literal
    from seawall.ingest.store.store import EVER, Store

    length = round(step * 1e9)
    names = ", ".join(literal(a) for a in assets)
    bound = "" if until is None else f"AND time < {until // length * length}"
    query = (
        f"SELECT asset, (time - time % {length}) AS t, arg_min(price, time) AS open, "
        "max(price) AS high, min(price) AS low, arg_max(price, time) AS close, max(time) AS last "
        f"FROM {{events}} WHERE at_fill AND asset IN ({names}) {bound} "
        "GROUP BY asset, t ORDER BY asset, t"
    )
    with Store(Path(folder)) as store:
        found = store.answer(
            EVER, lambda c, events: c.execute(query.format(events=events)).fetchnumpy()
        )
    begin, last = (np.asarray(found[k], dtype=np.int64) for k in ("t", "last"))
    # an hour that has only begun moves less than an hour
    over = begin + length <= (until if until is not None else last.max(initial=0))
    found = {k: np.asarray(v)[over] for k, v in found.items()}
    names_found = np.asarray(found["asset"]).astype(str)
    rows = {
        a: Rows(
            np.asarray(found["t"], dtype=np.int64)[names_found == a],
            {p: np.asarray(found[p], dtype=np.float64)[names_found == a] for p in PRICES},
        )
        for a in assets
    }
    missing = [a for a in assets if not len(rows[a].time)]
    if missing:
        raise without_prices(missing, sorted(set(names_found.tolist())), f"{folder} (tape)")
    candles = aligned(rows, f"{folder} (tape)", step)
    return replace(candles, source=f"{folder} (prices at which liquidations were filled)")


def aligned(found: Mapping[str, Rows], source: str, step: float | None = None) -> Candles:
    """All assets on the times that all have.

    Raises
    ------
    InputError
        Naming what cannot be, and every gap.
    """
    mistakes: list[Mistake] = []
    ordered = {a: checked(a, rows, source, mistakes) for a, rows in found.items()}
    if mistakes:
        raise InputError(mistakes[:SHOWN], total=len(mistakes))
    length = step_of(ordered) if step is None else round(step * 1e9)
    first = max(int(rows.time[0]) for rows in ordered.values())
    last = min(int(rows.time[-1]) for rows in ordered.values())
    time = clock(first, last, length)
    for asset, rows in ordered.items():
        mistakes += gaps(asset, rows.time, time, length, source)
    if not len(time):
        mistakes.append(Mistake("the assets share no time", source, value=", ".join(ordered)))
    if mistakes:
        raise InputError(mistakes[:SHOWN], total=len(mistakes))
    columns = {
        p: np.stack([r.values[p][np.searchsorted(r.time, time)] for r in ordered.values()], axis=1)
        for p in PRICES
    }
    notes = _cuts(ordered, first, last, length)
    return Candles(tuple(ordered), time, length / 1e9, **columns, source=source, notes=notes)


def _cuts(found: Mapping[str, Rows], first: int, last: int, length: int) -> tuple[str, ...]:
    """What was left out, asset by asset that decided it."""
    notes = []
    if any(int(r.time[0]) < first for r in found.values()):
        late = ", ".join(a for a, r in found.items() if int(r.time[0]) == first)
        notes.append(f"candles before {format_time(first)} are left out: {late} has none")
    if any(int(r.time[-1]) > last for r in found.values()):
        early = ", ".join(a for a, r in found.items() if int(r.time[-1]) == last)
        notes.append(f"candles from {format_time(last + length)} are left out: {early} has none")
    return tuple(notes)
