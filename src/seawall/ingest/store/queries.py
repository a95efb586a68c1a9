"""Questions to a tape, each written once in SQL that every engine can be given.

The text is DuckDB's SQL. For other engines sqlglot carries it over (:meth:`Query.text`), so it
keeps to what all of them mean alike. Integers are compared, added and taken modulo; a division is
of whole numbers in one engine and of floating point in another, too coarse for nanoseconds, so the
only one is exact and rounded. No result has the name of a column, which some engines would take
for the other. Nothing is null but the largest of no events.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from seawall.core import InputError, Mistake
from seawall.core.tape import LIQUIDATED, Coverage, Kind
from seawall.ingest.store.parts import COVERAGES, DAY, KINDS, literal
from seawall.ingest.store.store import EVER, Store, Window

MINUTE = 60_000_000_000
FORCED = LIQUIDATED
"""Kinds that are added up by default: those that closed a position by force, each once."""
GROUPS = ("venue", "asset", "side", "instrument", "kind", "coverage", "source")
# identifiers in the order of their 64 bits without a sign, as a tape has them
_ORDER = "time, received, CASE WHEN event_id < 0 THEN 1 ELSE 0 END, event_id"
_ONE_A_SLOT = f"coverage = {literal(COVERAGES[Coverage.ONE_A_SLOT])}"
_EVERY = f"coverage = {literal(COVERAGES[Coverage.ALL])}"


@dataclass(frozen=True, slots=True)
class Query:
    """One question.

    Attributes
    ----------
    sql
        DuckDB's SQL, with ``{events}`` where the table of events goes.
    columns
        Names of the columns of the answer.
    window
        Times outside which no event matters, UTC ns; the SQL says so itself as well.
    """

    sql: str
    columns: tuple[str, ...]
    window: Window = EVER

    def text(self, dialect: str = "duckdb", events: str = "events") -> str:
        """The question in an engine's SQL.

        Parameters
        ----------
        dialect
            As sqlglot names it: ``duckdb``, ``postgres``, ``spark``, ``clickhouse``, ...
        events
            The table of events, with the columns of ``parts.COLUMNS``.

        Raises
        ------
        InputError
            If sqlglot is not installed and another dialect than DuckDB's is asked for.
        """
        sql = self.sql.replace("{events}", events)
        if dialect == "duckdb":
            return sql
        try:
            import sqlglot
        except ImportError:
            raise InputError(
                Mistake(
                    "queries are carried to other engines by sqlglot, which is not installed",
                    value=dialect,
                    mend="Install seawall[engines]",
                )
            ) from None
        level = sqlglot.ErrorLevel.RAISE
        (carried,) = sqlglot.transpile(sql, "duckdb", dialect, unsupported_level=level)
        return carried

    def rows(self, found: Sequence[Sequence[Any]]) -> list[dict[str, Any]]:
        """Rows as an engine returned them, by column, with Python's own numbers."""
        return [dict(zip(self.columns, map(_plain, row), strict=True)) for row in found]


def ask(store: Store, query: Query) -> list[dict[str, Any]]:
    """The answer from a store as it is now, what is still in its log included."""
    return store.answer(query.window, lambda c, events: answered(c, events, query))


def answered(
    connection: duckdb.DuckDBPyConnection, events: str, query: Query
) -> list[dict[str, Any]]:
    """One of several answers of the same moment, within ``Store.answer``."""
    return query.rows(connection.execute(query.text(events=events)).fetchall())


def columns(
    connection: duckdb.DuckDBPyConnection, events: str, query: Query
) -> dict[str, NDArray[Any]]:
    """The same as arrays, for answers of many rows."""
    found = connection.execute(query.text(events=events)).fetchnumpy()
    return dict(zip(query.columns, map(np.asarray, found.values()), strict=True))


def totals(window: Window = EVER, by: Sequence[str] = (), kinds: Sequence[Kind] = FORCED) -> Query:
    """Events, notional, longs' and shorts' part and the largest, USD, by any of :data:`GROUPS`.

    One row a group that has events, in order of the groups; one row if there are none to group
    by, with sums of 0 and no largest where nothing happened.
    """
    return Query(
        f"SELECT {_names(by)}{_sums(by)} FROM {{events}} "
        f"WHERE {_where(window, kinds)}{_grouped(by)}",
        (*by, "events", "notional_usd", "long_usd", "short_usd", "largest_usd"),
        window,
    )


def accounts(
    window: Window = EVER, by: Sequence[str] = (), kinds: Sequence[Kind] = FORCED
) -> Query:
    """Accounts that were closed, and the events of which the venue tells no account."""
    return Query(
        f"SELECT {_names(by)}COUNT(DISTINCT CASE WHEN account <> 0 THEN account END) AS accounts, "
        "COUNT(CASE WHEN account = 0 THEN 1 END) AS events_without_account "
        f"FROM {{events}} WHERE {_where(window, kinds)}{_grouped(by)}",
        (*by, "accounts", "events_without_account"),
        window,
    )


def profile(
    window: Window = EVER,
    step: int = MINUTE,
    by: Sequence[str] = (),
    kinds: Sequence[Kind] = FORCED,
) -> Query:
    """Sums by slot of ``step`` ns, a row a slot with events; ``time`` is where the slot begins."""
    slot = f"time - time % {step}"
    grouped = ", ".join([*by, slot])
    return Query(
        f"SELECT {_names(by)}{slot} AS slot, {_sums(by)} FROM {{events}} "
        f"WHERE {_where(window, kinds)} GROUP BY {grouped} ORDER BY {', '.join([*by, 'slot'])}",
        (*by, "time", "events", "notional_usd", "long_usd", "short_usd", "largest_usd"),
        window,
    )


def largest(window: Window = EVER, count: int = 10, kinds: Sequence[Kind] = FORCED) -> Query:
    """The largest single events, largest first; of equals the earlier."""
    columns = (
        "time",
        "venue",
        "instrument",
        "asset",
        "side",
        "quantity",
        "price",
        "notional_usd",
        "kind",
        "coverage",
        "at_fill",
        "event_id",
    )
    return Query(
        f"SELECT {', '.join(columns)} FROM {{events}} WHERE {_where(window, kinds)} "
        f"ORDER BY notional_usd DESC, {_ORDER} LIMIT {int(count)}",
        columns,
        window,
    )


def longest_run(
    window: Window = EVER, by: Sequence[str] = (), kinds: Sequence[Kind] = FORCED
) -> Query:
    """The most events of one side in a row, none of the other side between, in each group.

    In order of time, receipt and identifier; of runs as long the larger in USD.
    """
    names = _names(by)
    parted = f"PARTITION BY {names}".removesuffix(", ") if by else ""
    order = f"ORDER BY {_ORDER}"
    return Query(
        f"WITH placed AS (SELECT {names}side, time, notional_usd, "
        f"ROW_NUMBER() OVER ({parted} {order}) - "
        f"ROW_NUMBER() OVER (PARTITION BY {names}side {order}) AS island "
        f"FROM {{events}} WHERE {_where(window, kinds)}), "
        f"runs AS (SELECT {names}side, island, COUNT(*) AS events, MIN(time) AS first_time, "
        "MAX(time) AS last_time, SUM(notional_usd) AS usd FROM placed "
        f"GROUP BY {names}side, island), "
        f"ranked AS (SELECT {names}side, events, first_time, last_time, usd, "
        f"ROW_NUMBER() OVER ({parted} ORDER BY events DESC, usd DESC, first_time) "
        "AS place FROM runs) "
        f"SELECT {names}side, events, first_time, last_time, usd FROM ranked "
        f"WHERE place = 1{' ORDER BY ' + ', '.join(by) if by else ''}",
        (*by, "side", "events", "first_time", "last_time", "notional_usd"),
        window,
    )


def in_order(window: Window = EVER, kinds: Sequence[Kind] = FORCED) -> Query:
    """Time, side and USD of each event in order of time, receipt and identifier."""
    return Query(
        f"SELECT time, side, notional_usd FROM {{events}} WHERE {_where(window, kinds)} "
        f"ORDER BY {_ORDER}",
        ("time", "side", "notional_usd"),
        window,
    )


def slotted(window: Window = EVER, kinds: Sequence[Kind] = FORCED) -> Query:
    """Events of feeds that show one a slot, by venue, instrument, asset and day."""
    day = f"time - time % {DAY}"
    names = "venue, instrument, asset"
    return Query(
        f"SELECT {names}, {day} AS begun, COUNT(*) AS events FROM {{events}} "
        f"WHERE {_where(window, kinds)} AND {_ONE_A_SLOT} "
        f"GROUP BY {names}, {day} ORDER BY {names}, begun",
        ("venue", "instrument", "asset", "time", "events"),
        window,
    )


def shown(
    window: Window, venue: str, instruments: Sequence[str], kinds: Sequence[Kind] = FORCED
) -> Query:
    """Events of some instruments of such a feed: by instrument, asset and in order of time."""
    return _told(window, venue, instruments, kinds, _ONE_A_SLOT, "instrument, asset")


def whole(window: Window = EVER, kinds: Sequence[Kind] = FORCED) -> Query:
    """Events of feeds that show all of them, by venue and instrument."""
    return Query(
        f"SELECT venue, instrument, COUNT(*) AS events FROM {{events}} "
        f"WHERE {_where(window, kinds)} AND {_EVERY} "
        "GROUP BY venue, instrument ORDER BY venue, instrument",
        ("venue", "instrument", "events"),
        window,
    )


def every(
    window: Window, venue: str, instruments: Sequence[str], kinds: Sequence[Kind] = FORCED
) -> Query:
    """Events of some instruments of such a feed, by instrument and in order of time."""
    return _told(window, venue, instruments, kinds, _EVERY, "instrument")


def _told(
    window: Window,
    venue: str,
    instruments: Sequence[str],
    kinds: Sequence[Kind],
    which: str,
    parts: str,
) -> Query:
    """Events of instruments of feeds of a kind, part by part and in order of time."""
    listed = ", ".join(map(literal, instruments))
    return Query(
        f"SELECT time, side, notional_usd FROM {{events}} WHERE {_where(window, kinds)} "
        f"AND {which} AND venue = {literal(venue)} AND instrument IN ({listed}) "
        f"ORDER BY {parts}, {_ORDER}",
        ("time", "side", "notional_usd"),
        window,
    )


def first(
    window: Window, venue: str, instrument: str, most: int, kinds: Sequence[Kind] = FORCED
) -> Query:
    """The first events of an instrument of such a feed, in order of time."""
    return Query(
        f"SELECT time, side, notional_usd FROM {{events}} WHERE {_where(window, kinds)} "
        f"AND {_EVERY} AND venue = {literal(venue)} AND instrument = {literal(instrument)} "
        f"ORDER BY {_ORDER} LIMIT {int(most)}",
        ("time", "side", "notional_usd"),
        window,
    )


def days(window: Window = EVER, kinds: Sequence[Kind] = FORCED) -> Query:
    """Days by UTC with their notional and their rank by it, largest first; equals share a rank.

    Ranks are among the days of the window.
    """
    return Query(
        f"WITH by_day AS (SELECT time - time % {DAY} AS begun, COUNT(*) AS events, "
        f"SUM(notional_usd) AS usd FROM {{events}} WHERE {_where(window, kinds)} "
        f"GROUP BY time - time % {DAY}) "
        "SELECT begun, events, usd, RANK() OVER (ORDER BY usd DESC) AS place, "
        "COUNT(*) OVER () AS days FROM by_day ORDER BY place, begun",
        ("time", "events", "notional_usd", "rank", "days"),
        window,
    )


def rolling(
    window: Window, span: int = DAY, step: int = MINUTE, kinds: Sequence[Kind] = FORCED
) -> Query:
    """Sums over the ``span`` that ends at each slot's end, a row a slot of ``step`` with events.

    ``time`` is where the slot begins: the sums are of ``time + step - span <= t < time + step``.
    ``span`` must be a multiple of ``step``. For one moment ask :func:`totals` of the window
    that ends there.
    """
    if span % step:
        raise InputError(
            Mistake("a span that is no multiple of its step", value=f"{span} / {step}")
        )
    begin, end = window
    needed = begin - span, end
    # by the number of the slot: some engines' ranges do not reach over nanoseconds of a day
    over = f"OVER (ORDER BY number RANGE BETWEEN {span // step - 1} PRECEDING AND CURRENT ROW)"
    return Query(
        f"WITH slots AS (SELECT time - time % {step} AS slot, COUNT(*) AS own, "
        f"SUM(notional_usd) AS own_usd FROM {{events}} WHERE {_where(needed, kinds)} "
        f"GROUP BY time - time % {step}), "
        "numbered AS (SELECT slot, own, own_usd, "
        f"CAST(ROUND(slot / {step}) AS BIGINT) AS number FROM slots), "
        f"sums AS (SELECT slot, SUM(own) {over} AS events, SUM(own_usd) {over} AS usd "
        "FROM numbered) "
        f"SELECT slot, events, usd FROM sums WHERE slot >= {begin} ORDER BY slot",
        ("time", "events", "notional_usd"),
        needed,
    )


def _names(by: Sequence[str]) -> str:
    unknown = [name for name in by if name not in GROUPS]
    if unknown:
        allowed = ", ".join(GROUPS)
        raise InputError(
            [Mistake("nothing to group by", value=u, allowed=allowed) for u in unknown]
        )
    return "".join(f"{name}, " for name in by)


def _sums(by: Sequence[str]) -> str:
    # where rows are of one side the two parts need no look at each event
    part = (
        "CASE WHEN side {} 0 THEN SUM(notional_usd) ELSE 0.0 END"
        if "side" in by
        else "COALESCE(SUM(CASE WHEN side {} 0 THEN notional_usd ELSE 0 END), 0)"
    )
    return (
        "COUNT(*) AS events, COALESCE(SUM(notional_usd), 0) AS usd, "
        f"{part.format('>')} AS long_usd, "
        f"{part.format('<')} AS short_usd, "
        "CASE WHEN COUNT(*) > 0 THEN MAX(notional_usd) END AS largest_usd"
    )


def _grouped(by: Sequence[str]) -> str:
    names = ", ".join(by)
    return f" GROUP BY {names} ORDER BY {names}" if by else ""


def _where(window: Window, kinds: Sequence[Kind]) -> str:
    listed = ", ".join(literal(KINDS[k]) for k in kinds)
    bounds = "" if window == EVER else f"time >= {window[0]} AND time < {window[1]} AND "
    return f"{bounds}kind IN ({listed})"


def _plain(value: Any) -> Any:
    """Engines return sums of integers as decimals, and numbers of their own kinds."""
    if value is None or isinstance(value, str | int | float):
        return value
    return int(value) if value == int(value) else float(value)
