"""Prices of several assets in the past, on one clock and without gaps."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seawall.core import InputError, Mistake
from seawall.desk.candle_files import (
    SHOWN,
    Rows,
    checked,
    clock,
    further_rows,
    gaps,
    read_rows,
    step_of,
)
from seawall.desk.candles import PRICES, Candles, Cut, without_prices

__all__ = ["Candles", "candles_of_store", "read_candles"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_NAMED = {
    "mark": "mark|marks|markprice|markpriceklines",
    "index": "index|indexprice|indexpriceklines",
    "last": "last|lastprice|trade|trades|spot",
}
_BESIDE = 8
"""Further assets of a source that are read where one of those wanted is in doubt."""


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

    Notes
    -----
    Files of candles say nowhere inside whether they are of the mark or of trades; what their name
    says is kept.
    """
    # a file that was sent prints as its sender called it, not as where it is kept
    place = Path(os.fspath(path))
    found = aligned(read_rows(place, assets, format, venue), str(path))
    beside = partial(_beside, place, found.assets, format, venue)
    return replace(found, of_price=price_named(str(path)), beside=beside)


def _beside(
    place: Path, assets: Sequence[str], format: str | None, venue: str
) -> tuple[Candles, ...]:
    """Candles of further assets of a file or folder, those that are sound."""
    candles = []
    try:
        rows = further_rows(place, assets, _BESIDE, format, venue)
    except InputError:
        # nobody asked for them: what is wrong there is no mistake
        return ()
    for asset, own in rows.items():
        with suppress(InputError):
            candles.append(aligned({asset: own}, str(place)))
    return tuple(candles)


def price_named(name: str) -> str:
    """Which price a file or folder says that it holds by its name; empty where it says none."""
    said = {
        price
        for price, pattern in _NAMED.items()
        if re.search(rf"(?<![a-z])(?:{pattern})(?![a-z])", Path(name).name.lower())
    }
    return said.pop() if len(said) == 1 else ""


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
    return replace(
        candles,
        source=f"{Path(folder).name} (prices at which liquidations were filled)",
        of_price="fills",
    )


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
    opened, high, low, close = (
        np.stack([r.values[p][np.searchsorted(r.time, time)] for r in ordered.values()], axis=1)
        for p in PRICES
    )
    cuts = _cuts(ordered, first, last, length)
    return Candles(
        tuple(ordered), time, length / 1e9, opened, high, low, close, source=source, cuts=cuts
    )


def _cuts(found: Mapping[str, Rows], first: int, last: int, length: int) -> tuple[Cut, ...]:
    """What was left out, by the assets that decided it."""
    cuts = []
    if any(int(r.time[0]) < first for r in found.values()):
        late = tuple(a for a, r in found.items() if int(r.time[0]) == first)
        cuts.append(Cut(late, first, before=True))
    if any(int(r.time[-1]) > last for r in found.values()):
        early = tuple(a for a, r in found.items() if int(r.time[-1]) == last)
        cuts.append(Cut(early, last + length, before=False))
    return tuple(cuts)
