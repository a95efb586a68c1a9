"""Candles as files hold them, asset by asset, checked."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seawall.core import InputError, Mistake, RuleError, format_time
from seawall.desk.candles import PRICES, without_prices
from seawall.ingest.history import UNKNOWN, History, Series, What, read_history
from seawall.ingest.history.binance_archive import UNNAMED
from seawall.ingest.sheet import Labels
from seawall.rulebook.symbols import parse_symbol

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SHOWN = 20
"""Mistakes that are put into words."""
VOLUME = "volume"
_NAMES = ("asset", "coin", "ticker", "base", "instrument", "symbol", "market")
_LENGTH = re.compile(r"_\d+(m|min|h|d|w)$")
_SUFFIXES = (".parquet", ".csv", ".json", ".jsonl", ".gz", ".zip")


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Candles of one asset: UTC ns, and prices and perhaps volume by name, shape (t,) each."""

    time: Ints
    values: Mapping[str, Floats]


def read_rows(
    source: Path, assets: Sequence[str] | None = None, format: str | None = None, venue: str = ""
) -> dict[str, Rows]:
    """Rows of each asset wanted, in the order asked for; all, in that of the files, by default.

    Raises
    ------
    InputError
        If a file holds no candles or those of several venues, or an asset has no prices or those
        of several instruments.
    """
    parts: dict[str, dict[str, list[Rows]]] = {}
    for file in _files(source, assets):
        for name, rows in _read(file, format, venue).items():
            parts.setdefault(_asset_of(name)[0], {}).setdefault(name, []).append(rows)
    found = {a: _one(a, some, source) for a, some in parts.items() if not assets or a in assets}
    known = tuple(parts) or tuple(
        dict.fromkeys(_asset_of(_stem(f))[0] for f in _files(source, None))
    )
    wanted = tuple(found) if assets is None else tuple(assets)
    missing = [a for a in wanted if a not in found]
    if missing or not wanted:
        raise without_prices(missing, known, str(source))
    return {a: found[a] for a in wanted}


def further_rows(
    source: Path, assets: Sequence[str], most: int, format: str | None = None, venue: str = ""
) -> dict[str, Rows]:
    """Rows of up to ``most`` assets of the source that are not among ``assets``.

    Raises
    ------
    InputError
        As :func:`read_rows`.
    """
    if not source.is_dir():
        found = read_rows(source, None, format, venue)
        return {a: found[a] for a in [a for a in found if a not in assets][:most]}
    names = dict.fromkeys(_asset_of(_stem(file))[0] for file in _files(source, None))
    others = [name for name in names if name not in assets][:most]
    return read_rows(source, others, format, venue) if others else {}


def _one(asset: str, some: Mapping[str, Sequence[Rows]], source: Path) -> Rows:
    """Rows of the one instrument of an asset, from all files that hold some, per unit of it."""
    if len(some) > 1:
        raise InputError(
            Mistake(
                "candles of several instruments of one asset",
                str(source),
                value=f"{asset}: {', '.join(sorted(some))}",
                allowed="those of one",
                mend="Keep the rows of one of them",
            )
        )
    name, parts = next(iter(some.items()))
    units = _asset_of(name)[1]
    columns = set.intersection(*(set(rows.values) for rows in parts))
    return Rows(
        np.concatenate([rows.time for rows in parts]),
        {
            c: np.concatenate([rows.values[c] for rows in parts])
            * (units if c == VOLUME else 1.0 / units)
            for c in sorted(columns)
        },
    )


def _files(source: Path, assets: Sequence[str] | None) -> list[Path]:
    if not source.is_dir():
        return [source]
    files = sorted(f for f in source.iterdir() if f.suffix.casefold() in _SUFFIXES)
    if assets is not None:
        files = [f for f in files if _asset_of(_stem(f))[0] in assets]
    if not files and assets is None:
        raise InputError(
            Mistake("no candles in the folder", str(source), allowed=", ".join(_SUFFIXES))
        )
    return files


def _stem(file: Path) -> str:
    """What a file's name says of whom it is: ``BTCUSDT`` of ``BTCUSDT-1h-2025-01.csv``."""
    return _LENGTH.sub("", file.name.partition(".")[0].partition("-")[0])


def _asset_of(name: str) -> tuple[str, float]:
    """The underlying of an instrument's name and how many units of it one price is for.

    The name itself, and one, where it has no known form.
    """
    try:
        found = parse_symbol(name)
    except RuleError:
        return name, 1.0
    return found.asset, found.multiplier


def _read(file: Path, format: str | None, venue: str) -> dict[str, Rows]:
    """Rows by the name that the file has for them."""
    history = _history(file, format, venue)
    series = history.series
    if history.what is not What.CANDLES or series is None:
        raise InputError(
            Mistake("not candles", str(file), value=str(history.what), allowed=", ".join(PRICES))
        )
    lacking = [p for p in PRICES if p not in series.values]
    if lacking or not np.any(series.time):
        raise InputError(
            [Mistake("missing column", str(file), column=p) for p in lacking or ["time"]]
        )
    _one_venue(series, file)
    labels = next((series.names[n] for n in _NAMES if n in series.names), None)
    if labels is None:
        labels = Labels(np.zeros(len(series), dtype=np.int32), [_stem(file)])
    found: dict[str, Rows] = {}
    for code, name in enumerate(labels.names):
        mine = labels.codes == code
        kept = (*PRICES, *((VOLUME,) if VOLUME in series.values else ()))
        values = {p: series.values[p][mine] for p in kept}
        found[name] = Rows(series.time[mine], values)
    return found


def _history(file: Path, format: str | None, venue: str) -> History:
    """A file of the past, named by its own name where its format asks for one."""
    try:
        return read_history(file, format, venue=venue)
    except InputError as error:
        wrong = {m.what: m for m in error.mistakes}
        if UNKNOWN in wrong:
            raise InputError(
                Mistake(
                    "no candles that can be read",
                    str(file),
                    value=f"columns {wrong[UNKNOWN].value or 'without a head'}",
                    allowed=f"time, {', '.join(PRICES)} and asset or symbol, or the files of an "
                    "archive as they are",
                )
            ) from None
        if UNNAMED not in wrong:
            raise
        return read_history(file, format, venue=venue, instrument=_stem(file))


def _one_venue(series: Series, file: Path) -> None:
    names = next((series.names[n] for n in ("venue", "exchange") if n in series.names), None)
    if names is not None and len(names.names) > 1:
        raise InputError(
            Mistake(
                "candles of several venues",
                str(file),
                value=", ".join(names.names[:8]),
                allowed="those of one",
                mend="Keep the rows of one venue",
            )
        )


def checked(asset: str, rows: Rows, source: str, mistakes: list[Mistake]) -> Rows:
    """Rows in order of time, with what is wrong of them noted."""
    order = np.argsort(rows.time, kind="stable")
    time = rows.time[order]
    values = {p: v[order] for p, v in rows.values.items()}
    twice = np.flatnonzero(np.diff(time) == 0)
    top = np.maximum(values["open"], values["close"])
    bottom = np.minimum(values["open"], values["close"])
    with np.errstate(invalid="ignore"):
        sound = (values["low"] > 0) & (values["low"] <= bottom) & (values["high"] >= top)
        sound &= np.isfinite(values["high"])
    for what, rows_of, allowed in (
        ("two candles at one time", twice, "one candle a time"),
        ("a candle that cannot be", np.flatnonzero(~sound), "0 < low <= open, close <= high"),
    ):
        if len(rows_of):
            mistakes.append(
                Mistake(
                    what,
                    source,
                    value=f"{asset} at {format_time(int(time[rows_of[0]]))}, {len(rows_of)} in all",
                    allowed=allowed,
                )
            )
    return Rows(time, values)


def step_of(found: Mapping[str, Rows]) -> int:
    """Commonest distance between candles, ns, the same for all assets."""
    steps = {}
    for asset, rows in found.items():
        sizes, count = np.unique(np.diff(rows.time), return_counts=True)
        if not len(sizes):
            raise InputError(Mistake("the history is too short", value=f"one candle of {asset}"))
        steps[asset] = int(sizes[np.argmax(count)])
    if len(set(steps.values())) > 1:
        shown = ", ".join(f"{a} {s / 1e9:g} s" for a, s in steps.items())
        raise InputError(Mistake("candles of different lengths", value=shown, allowed="one length"))
    return next(iter(steps.values()))


def clock(first: int, last: int, length: int) -> Ints:
    """Times from ``first`` to ``last``, UTC ns, ``length`` apart, the last one with them."""
    # an arange of such numbers counts in floating point, and loses the last
    return first + length * np.arange(max(0, (last - first) // length + 1), dtype=np.int64)


def gaps(asset: str, have: Ints, want: Ints, length: int, source: str) -> list[Mistake]:
    """A mistake for every run of candles that is not there."""
    lacking = np.flatnonzero(~np.isin(want, have))
    if not len(lacking):
        return []
    runs = np.split(lacking, np.flatnonzero(np.diff(lacking) > 1) + 1)
    return [
        Mistake(
            "a gap in the candles",
            source,
            value=f"{asset}, {format_time(int(want[run[0]]))}, {len(run)} of {length / 1e9:g} s",
            allowed="a candle at every step",
            mend="Fill it from another source, or use the history after it",
        )
        for run in runs
    ]
