"""Prices of several assets in the past, on one clock and without gaps."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seawall.core import InputError, Mistake, RuleError, format_time
from seawall.desk.candles import PRICES, Candles, without_prices
from seawall.ingest.history import Series, What, read_history
from seawall.ingest.sheet import Labels
from seawall.rulebook.symbols import parse_symbol

__all__ = ["Candles", "candles_of_store", "read_candles"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_SHOWN = 20
_NAMES = ("asset", "coin", "ticker", "base", "instrument", "symbol", "market")
_SUFFIXES = (".parquet", ".csv", ".json", ".jsonl", ".gz", ".zip")


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
    found: dict[str, _Rows] = {}
    for file in _files(source, assets):
        for asset, rows in _read(file, format, venue).items():
            found.setdefault(asset, rows)
    wanted = tuple(found) if assets is None else tuple(assets)
    missing = [a for a in wanted if a not in found]
    if missing or not wanted:
        raise without_prices(missing, tuple(found), str(source))
    return _aligned({a: found[a] for a in wanted}, str(source))


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
        "max(price) AS high, min(price) AS low, arg_max(price, time) AS close "
        f"FROM {{events}} WHERE at_fill AND asset IN ({names}) {bound} "
        "GROUP BY asset, t ORDER BY asset, t"
    )
    with Store(Path(folder)) as store:
        found = store.answer(
            EVER, lambda c, events: c.execute(query.format(events=events)).fetchnumpy()
        )
    names_found = np.asarray(found["asset"]).astype(str)
    rows = {
        a: _Rows(
            np.asarray(found["t"], dtype=np.int64)[names_found == a],
            {p: np.asarray(found[p], dtype=np.float64)[names_found == a] for p in PRICES},
        )
        for a in assets
    }
    missing = [a for a in assets if not len(rows[a].time)]
    if missing:
        raise without_prices(missing, sorted(set(names_found.tolist())), str(folder))
    return _aligned(rows, str(folder), step)


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """Candles of one asset as they were found."""

    time: Ints
    values: Mapping[str, Floats]


def _files(source: Path, assets: Sequence[str] | None) -> list[Path]:
    if not source.is_dir():
        return [source]
    files = sorted(f for f in source.iterdir() if f.suffix.casefold() in _SUFFIXES)
    if assets is not None:
        files = [f for f in files if _asset_of(_stem(f)) in assets]
    if not files and assets is None:
        raise InputError(
            Mistake("no candles in the folder", str(source), allowed=", ".join(_SUFFIXES))
        )
    return files


def _stem(file: Path) -> str:
    return file.name.partition(".")[0].partition("-")[0]


def _asset_of(name: str) -> str:
    """The underlying of an instrument's name; the name itself where it has no known form."""
    try:
        return parse_symbol(name).asset
    except RuleError:
        return name


def _read(file: Path, format: str | None, venue: str) -> dict[str, _Rows]:
    history = read_history(file, format, venue=venue)
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
    found: dict[str, _Rows] = {}
    for code, name in enumerate(labels.names):
        mine = labels.codes == code
        values = {p: series.values[p][mine] for p in PRICES}
        found.setdefault(_asset_of(name), _Rows(series.time[mine], values))
    return found


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


def _aligned(found: Mapping[str, _Rows], source: str, step: float | None = None) -> Candles:
    """All assets on the times that all have."""
    mistakes: list[Mistake] = []
    ordered = {a: _checked(a, rows, source, mistakes) for a, rows in found.items()}
    if mistakes:
        raise InputError(mistakes[:_SHOWN], total=len(mistakes))
    length = _step_of(ordered) if step is None else round(step * 1e9)
    first = max(int(rows.time[0]) for rows in ordered.values())
    last = min(int(rows.time[-1]) for rows in ordered.values())
    time = np.arange(first, last + 1, length, dtype=np.int64)
    for asset, rows in ordered.items():
        mistakes += _gaps(asset, rows.time, time, length, source)
    if not len(time):
        mistakes.append(Mistake("the assets share no time", source, value=", ".join(ordered)))
    if mistakes:
        raise InputError(mistakes[:_SHOWN], total=len(mistakes))
    columns = {
        p: np.stack([r.values[p][np.searchsorted(r.time, time)] for r in ordered.values()], axis=1)
        for p in PRICES
    }
    notes = _cuts(ordered, first, last, length)
    return Candles(tuple(ordered), time, length / 1e9, **columns, source=source, notes=notes)


def _checked(asset: str, rows: _Rows, source: str, mistakes: list[Mistake]) -> _Rows:
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
    return _Rows(time, values)


def _step_of(found: Mapping[str, _Rows]) -> int:
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


def _gaps(asset: str, have: Ints, want: Ints, length: int, source: str) -> list[Mistake]:
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


def _cuts(found: Mapping[str, _Rows], first: int, last: int, length: int) -> tuple[str, ...]:
    """What was left out, asset by asset that decided it."""
    notes = []
    if any(int(r.time[0]) < first for r in found.values()):
        late = ", ".join(a for a, r in found.items() if int(r.time[0]) == first)
        notes.append(f"candles before {format_time(first)} are left out: {late} has none")
    if any(int(r.time[-1]) > last for r in found.values()):
        early = ", ".join(a for a, r in found.items() if int(r.time[-1]) == last)
        notes.append(f"candles from {format_time(last + length)} are left out: {early} has none")
    return tuple(notes)
