"""What series beside a tape tell of its markets: volume, open interest, sums of days."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from seawall.core import RuleError
from seawall.ingest.duck import connect
from seawall.ingest.market.tables import read
from seawall.ingest.store.disk import StoreError
from seawall.ingest.store.parts import DAY, escaped, literal
from seawall.rulebook import Rules, parse_symbol

FOLDER = "series"
"""Below a store's folder."""
_WHOLE = 0.99
"""Share of a window that a series must cover to be of it."""
_STALE = DAY
"""Age beyond which open interest is not that of a window's start, ns."""

_VOLUME = {
    "candles": (("volume_usd", "volume_usd"), ("volume", "volume * close")),
    "volume": (("taker_buy_usd", "taker_buy_usd + taker_sell_usd"),),
}
_INTEREST = {"open_interest": (("open_interest_usd", "open_interest_usd"),)}
_SUMS = {
    "liquidation_sums": (
        ("total_usd", "total_usd"),
        ("long_usd", "long_usd + short_usd"),
        ("liq_long_usd", "liq_long_usd + liq_short_usd"),
    )
}
Forms = Mapping[str, tuple[tuple[str, str], ...]]


@dataclass(frozen=True, slots=True)
class Market:
    """One instrument of a venue, or all of a venue's in an asset where ``instrument`` is empty.

    ``instrument`` is the same for all names by which one goes, so it is none to be printed.
    """

    venue: str
    instrument: str
    asset: str


@dataclass(frozen=True, slots=True)
class DaySum:
    """What one file tells that a UTC day came to.

    Attributes
    ----------
    day
        UTC ns at which it begins.
    venues
        Of which, with commas between; empty where the file does not say.
    file
        Its name below the store's folder of sums.
    """

    day: int
    venues: str
    usd: float
    file: str


def volumes(store: Path, window: tuple[int, int], rules: Rules) -> dict[Market, float]:
    """USD traded in a window by market, of those whose candles cover all of it.

    A candle that lies across an end counts by the part of it that lies within. Where a file
    gives no USD, its volume is taken to be in base units and priced at the close.

    Parameters
    ----------
    store
        Folder of the store.
    window
        From the first to before the second, UTC ns.
    """
    begin, end = window
    inside = f"(LEAST(time + step, {end}) - GREATEST(time, {begin}))"
    query = (
        f"{_STEPS}, once AS (SELECT venue, instrument, asset, step, time, MAX(usd) AS usd "
        f"FROM rows JOIN steps USING (file, venue, instrument, asset) "
        f"WHERE time < {end} AND time + step > {begin} GROUP BY ALL) "
        f"SELECT venue, instrument, asset, SUM(usd * {inside} / step) FROM once "
        f"GROUP BY venue, instrument, asset, step "
        f"HAVING SUM({inside}) >= {_WHOLE * (end - begin)} "
        # of candles of several lengths the longest stand first, and the shortest count
        "ORDER BY venue, instrument, asset, step DESC"
    )
    with _rows(store, _VOLUME) as connection:
        found = connection.execute(query).fetchall() if connection else []
    finest = {r[:3]: r[3] for r in found}
    return _by_market(finest.items(), rules)


def open_interest(store: Path, window: tuple[int, int], rules: Rules) -> dict[Market, float]:
    """USD open by market: the figure nearest to a window's start, from a day before it on.

    Of imported series and of what was asked of venues while recording.
    """
    begin, end = window
    query = (
        f"SELECT venue, instrument, asset, ARG_MIN(usd, ABS(time - {begin})) FROM rows "
        f"WHERE time >= {begin - _STALE} AND time < {end} AND usd > 0 "
        "GROUP BY venue, instrument, asset ORDER BY venue, instrument, asset"
    )
    with _rows(store, _INTEREST) as connection:
        found = connection.execute(query).fetchall() if connection else []
    asked = [tuple(r.values()) for r in read(store, "open_interest", begin - _STALE, end, query)]
    return _by_market(((r[:3], r[3]) for r in [*found, *asked]), rules)


def daily_sums(store: Path, venues: Collection[str], rules: Rules) -> dict[int, float | None]:
    """USD liquidated on venues by day (UTC ns at which it begins), as files of sums tell it.

    Of periods shorter than a day whole days only. None for a day of which no file tells by
    venue, or of all of these together (``binance,okx`` as a venue), what they came to: another
    set of venues is another measure. Where several files do, the one that tells of most.

    Parameters
    ----------
    venues
        Names of rulebooks.
    """
    wanted = frozenset(venues)
    days: dict[int, float | None] = {}
    for (begun, _), sums in sorted(_sums_by_file(store, rules).items()):
        if sum(sums.values()) > 0:
            likes = [x for x in (days.get(begun), _like(sums, wanted)) if x is not None]
            days[begun] = max(likes, default=None)
    return days


def sums_told(store: Path, window: tuple[int, int], rules: Rules) -> tuple[DaySum, ...]:
    """What files of sums tell of the whole days within a window, in order of time and file.

    Of periods shorter than a day whole days only.
    """
    found = [
        DaySum(begun, ", ".join(sorted(v for v in whose if v)), usd, file)
        for (begun, file), sums in _sums_by_file(store, rules).items()
        for whose, usd in sums.items()
        if window[0] <= begun and begun + DAY <= window[1]
    ]
    return tuple(sorted(found, key=lambda s: (s.day, s.file, s.venues)))


def _sums_by_file(store: Path, rules: Rules) -> dict[tuple[int, str], dict[frozenset[str], float]]:
    """USD by day and file, then by the venues that it is of."""
    query = (
        f"{_STEPS}, daily AS (SELECT file, venue, instrument, asset, time - time % {DAY} AS begun, "
        f"SUM(usd) AS usd, SUM(step) AS covered FROM rows "
        f"JOIN steps USING (file, venue, instrument, asset) WHERE step <= {DAY} GROUP BY ALL) "
        f"SELECT file, begun, venue, SUM(usd) FROM daily WHERE covered = {DAY} "
        "GROUP BY file, begun, venue"
    )
    with _rows(store, _SUMS, needs_venue=False) as connection:
        found = connection.execute(query).fetchall() if connection else []
    told: dict[tuple[int, str], dict[frozenset[str], float]] = {}
    for file, begun, names, usd in found:
        whose = frozenset(market_of(v, "", "", rules).venue for v in names.split(","))
        sums = told.setdefault((int(begun), file), {})
        sums[whose] = sums.get(whose, 0.0) + float(usd)
    return told


def _like(sums: Mapping[frozenset[str], float], wanted: frozenset[str]) -> float | None:
    """What some venues came to, told together or each by itself; None if it is not told."""
    each = [frozenset((v,)) for v in wanted]
    if wanted in sums:
        return sums[wanted]
    return sum(sums[v] for v in each) if all(v in sums for v in each) else None


_STEPS = (
    "WITH steps AS (SELECT file, venue, instrument, asset, MODE(gap) AS step FROM (SELECT file, "
    "venue, instrument, asset, time - LAG(time) OVER (PARTITION BY file, venue, instrument, asset "
    "ORDER BY time) AS gap FROM rows) WHERE gap > 0 GROUP BY file, venue, instrument, asset)"
)


@contextmanager
def _rows(
    store: Path, forms: Forms, needs_venue: bool = True
) -> Iterator[duckdb.DuckDBPyConnection | None]:
    """A connection with the table ``rows`` of time, market and USD, each once; None without any."""
    connection = connect()
    try:
        parts = [
            part
            for folder, columns in forms.items()
            for path in sorted((store / FOLDER / folder).glob("*.parquet"))
            if (part := _part(connection, path, columns, needs_venue))
        ]
        if not parts:
            yield None
            return
        connection.execute(
            "CREATE TEMP TABLE rows AS "
            "SELECT file, venue, instrument, asset, time, MAX(usd) AS usd "
            f"FROM ({' UNION ALL '.join(parts)}) WHERE usd IS NOT NULL AND time > 0 GROUP BY ALL"
        )
        yield connection
    except duckdb.Error as error:
        said = str(error).partition("\n")[0]
        raise StoreError(f"{store / FOLDER}: cannot be read: {said}") from error
    finally:
        connection.close()


def _part(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    columns: tuple[tuple[str, str], ...],
    needs_venue: bool,
) -> str:
    """The query for one file's rows, empty if it does not tell what is asked."""
    file = f"read_parquet({literal(escaped(str(path)))}, hive_partitioning = false)"
    there = {r[0] for r in connection.execute(f"DESCRIBE SELECT * FROM {file}").fetchall()}
    usd = next((sql for column, sql in columns if column in there), "")
    venue = next((c for c in ("venue", "exchange") if c in there), "")
    named = there & {"instrument", "symbol", "asset", "coin", "base"}
    if not usd or (needs_venue and not (venue and named)):
        return ""
    chosen = ", ".join(
        f"COALESCE({next((c for c in names if c in there), _EMPTY)}, '') AS {ours}"
        for ours, names in (
            ("venue", ("venue", "exchange")),
            ("instrument", ("instrument", "symbol")),
            ("asset", ("asset", "coin", "base")),
        )
    )
    return f"SELECT {literal(path.name)} AS file, {chosen}, time, {usd} AS usd FROM {file}"


_EMPTY = "''"


def _by_market(found: Iterable[tuple[Any, float]], rules: Rules) -> dict[Market, float]:
    sums: dict[Market, float] = {}
    for (venue, instrument, asset), usd in found:
        if usd is not None and usd > 0:
            market = market_of(venue, instrument, asset, rules)
            sums[market] = max(usd, sums.get(market, 0.0))
    return sums


def market_of(venue: str, instrument: str, asset: str, rules: Rules) -> Market:
    """A market under the names of the rulebook; two names of one instrument are one market."""
    kind = "linear"
    if instrument:
        try:
            symbol = parse_symbol(instrument)
        except RuleError:
            pass
        else:
            inverse = symbol.quote == "USD" if symbol.inverse is None else symbol.inverse
            kind, asset = "inverse" if inverse else "linear", symbol.asset
            instrument = " ".join(
                (symbol.dex, symbol.base, symbol.quote or "", kind, symbol.expiry)
            )
    try:
        venue = rules.canonical_venue(venue, kind)
    except RuleError:
        venue = venue.strip().casefold()
    return Market(venue, instrument, asset.upper())
