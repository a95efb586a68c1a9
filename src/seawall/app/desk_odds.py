"""Odds as functions: prices from candles or a recorded tape, and a check with odds."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from seawall.app.progress import Say, silent
from seawall.core import InputError, Mistake, format_time
from seawall.report.model import Report

if TYPE_CHECKING:
    from seawall.desk.history import Candles
    from seawall.desk.prices import PriceModel
    from seawall.margin import MarginBook

PathLike = str | os.PathLike[str]
MOST_PATHS = 10_000
LEAST_PATHS = 500
MOST_POSITIONS = 20_000
_NEAR, _FAR = 0.02, 4.0
_WORK = 6_000_000.0
"""Positions times paths that are simulated in a few seconds."""


def history_of(
    assets: Sequence[str],
    moment: int = 0,
    candles: PathLike | None = None,
    store: PathLike | None = None,
    progress: Say = silent,
) -> Candles:
    """Prices of assets up to a time.

    Parameters
    ----------
    moment
        UTC ns; 0 for all that there are.
    candles
        File or folder that :func:`seawall.desk.history.read_candles` reads.
    store
        Folder of a store, one of the two: the marks polled there are used, or where they do not
        suffice the prices of a recorded tape's liquidations.

    Raises
    ------
    InputError
        If neither or both are given, an asset has no prices, or the history has gaps.
    """
    from seawall.desk.history import read_candles

    if (candles is None) == (store is None):
        raise InputError(
            Mistake(
                "one source of prices is needed",
                allowed="--candles FILE, or --store DIR with a tape or three weeks of marks",
            )
        )
    progress(f"reading {candles or store}")
    if candles is not None:
        found = read_candles(candles, assets)
        return found.until(moment) if moment else found
    return _stored(str(store), assets, moment or None)


def _stored(store: str, assets: Sequence[str], until: int | None) -> Candles:
    """Candles of the marks that were polled if they suffice, else of the tape's fills."""
    from seawall.app.market_store import polled, recorded
    from seawall.desk.history import candles_of_store
    from seawall.desk.marks import candles_of_marks
    from seawall.desk.prices import require_long

    wrong: list[Mistake] = []
    for there, read in ((polled(store), candles_of_marks), (recorded(store), candles_of_store)):
        if there is None:
            continue
        try:
            found = read(store, assets, until=until)
            require_long(found)
        except InputError as error:
            wrong += error.mistakes
            continue
        return found
    raise InputError(wrong or Mistake("no prices are stored here", store))


def price_model(
    margin: MarginBook,
    candles: PathLike | None = None,
    store: PathLike | None = None,
    progress: Say = silent,
) -> PriceModel:
    """The model of prices of a book's assets, as of the book's time where it has one.

    Parameters
    ----------
    candles, store
        As for :func:`history_of`.

    Raises
    ------
    InputError
        As :func:`history_of`, and if the history is too short.
    """
    from seawall.desk.prices import fit_prices

    found = history_of(margin.book.assets, margin.book.time, candles, store, progress)
    progress("fitting the model of prices")
    return fit_prices(found)


def told_of_prices(margin: MarginBook, model: PriceModel) -> tuple[str, ...]:
    """What is to be said of the prices behind odds: cut short, old, or not those of the book."""
    return (*model.notes, *_lateness(margin, model), *_apart(margin, model))


def _lateness(margin: MarginBook, model: PriceModel) -> tuple[str, ...]:
    """A line that says so where the prices end more than a day before the book."""
    late = margin.book.time - model.time
    if not margin.book.time or late <= 24 * 3_600 * 10**9:
        return ()
    return (
        f"The prices end on {format_time(model.time)}, {late / 86_400e9:.0f} days before the "
        "book: the odds are as of then.",
    )


def _apart(margin: MarginBook, model: PriceModel) -> tuple[str, ...]:
    """A line for every asset whose mark is not where its last candle and the time since put it.

    That is farther than four standard deviations of the time between them, an hour more for the
    candle, and than 2%.
    """
    import numpy as np

    book, late = margin.book, max(0, margin.book.time - model.time)
    days = ((late if margin.book.time else 0) / 1e9 + 3_600.0) / 86_400.0
    dated = f" of {format_time(book.time)}" if book.time else ", which bears no date,"
    lines = []
    for close, sigma, asset in zip(model.close, model.daily_volatility, model.assets, strict=True):
        rows = np.flatnonzero(book.asset_codes() == book.assets.index(asset))
        names = [book.instruments[int(i)].symbol for i in book.positions.instrument[rows]]
        if not names:
            continue
        units = np.array([_units(name) for name in names])
        off = np.abs(np.log(book.positions.mark[rows] / units / close))
        k = int(np.argmax(off))
        if off[k] <= max(_NEAR, _FAR * sigma * np.sqrt(days)):
            continue
        lines.append(
            f"{names[k]} is marked at {book.positions.mark[rows][k]:,.6g} in the book{dated} but "
            f"{close * units[k]:,.6g} is the last close of {asset} in {model.source}, "
            f"{format_time(model.time)}: the odds start at the mark and move as the candles did. "
            "Take both of one time: newer candles, or the book's time (--at) and marks (--price)."
        )
    return tuple(lines)


def _units(symbol: str) -> float:
    """Units of the asset that a price of the instrument is for; one if its name tells none."""
    from seawall.core import RuleError
    from seawall.rulebook.symbols import parse_symbol

    try:
        return parse_symbol(symbol).multiplier
    except RuleError:
        return 1.0


def odds_report(
    plain: Callable[[Mapping[str, float]], Report],
    margin: MarginBook,
    *,
    candles: PathLike | None = None,
    store: PathLike | None = None,
    needed: bool = True,
    call_ratio: float = 0.8,
    funding: Mapping[str, float] | None = None,
    depth: Mapping[str, float] | None = None,
    paths: int | None = None,
    seed: int = 0,
    progress: Say = silent,
) -> Report:
    """A check's report with the odds of its accounts.

    Parameters
    ----------
    plain
        Makes the check of ``margin``, given daily volatilities by asset.
    needed
        Whether prices that do not suffice are refused; else a warning says so.
    paths, seed
        Simulated paths, and what decides them; by default as many as take a few seconds.

    Raises
    ------
    InputError
        As :func:`price_model`, and if the book is too large or an argument out of range.
    """
    from seawall.desk.odds import odds
    from seawall.report.desk_odds import with_odds
    from seawall.report.subject import warned

    try:
        _check_size(margin)
        model = price_model(margin, candles, store, progress)
    except InputError as error:
        if needed:
            raise
        return warned(plain({}), f"No odds: {error}")
    enough = int(min(MOST_PATHS, max(LEAST_PATHS, _WORK / max(1, len(margin.book)))))
    progress("simulating prices")
    drawn = model.paths(count=paths or enough, seed=seed)
    progress("walking the accounts along them")
    found = odds(margin, drawn, call_ratio=call_ratio, funding=funding, depth=depth)
    sigma = dict(zip(margin.book.assets, found.volatility.tolist(), strict=True))
    made = with_odds(plain(sigma), margin, found, model)
    return warned(made, *told_of_prices(margin, model))


def _check_size(margin: MarginBook) -> None:
    """Refuse a book of more positions than paths can be walked for."""
    size = len(margin.book)
    if size > MOST_POSITIONS:
        raise InputError(
            Mistake("too large a book for odds", margin.book.source, value=f"{size:,} positions",
                    allowed=f"{MOST_POSITIONS:,}")
        )  # fmt: skip
