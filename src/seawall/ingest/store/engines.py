"""The same questions on an engine that a desk already has: PostgreSQL, Spark, ClickHouse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from seawall.ingest.store.manifest import EVENTS
from seawall.ingest.store.parts import COLUMNS, literal
from seawall.ingest.store.queries import Query
from seawall.ingest.store.store import EVER, Store, Window

_TYPES = {
    "postgres": {"TINYINT": "SMALLINT", "DOUBLE": "DOUBLE PRECISION", "VARCHAR": "TEXT"},
    "clickhouse": {
        "BIGINT": "Int64",
        "TINYINT": "Int8",
        "DOUBLE": "Float64",
        "VARCHAR": "LowCardinality(String)",
        "BOOLEAN": "Bool",
    },
}
_COLLATED = {"postgres": {"VARCHAR": 'TEXT COLLATE "C"'}}
_BATCH = 50_000


def create_table(dialect: str, table: str = "events") -> str:
    """The statement that makes the table of events on PostgreSQL or ClickHouse.

    Text is ordered by its bytes there too, as DuckDB and Spark order it.
    """
    types = _TYPES[dialect] | _COLLATED.get(dialect, {})
    columns = ", ".join(f"{name} {types.get(kind, kind)}" for name, kind in COLUMNS.items())
    if dialect == "clickhouse":
        return (
            f"CREATE TABLE {table} ({columns}) ENGINE = ReplacingMergeTree "
            "PARTITION BY intDiv(time, 86400000000000) ORDER BY (time, event_id)"
        )
    return f"CREATE TABLE {table} ({columns}, PRIMARY KEY (event_id))"


def load_postgres(
    store: Store, connection: Any, table: str = "events", window: Window = EVER
) -> int:
    """Copy events into a table of PostgreSQL, those of the log included.

    Parameters
    ----------
    connection
        A connection of psycopg; what is copied is committed by the caller.
    table
        Made by :func:`create_table`. Events that are there already stay as they are.

    Returns
    -------
    int
        Events that were copied or were there.
    """
    begin, end = window
    names = ", ".join(COLUMNS)
    with connection.cursor() as cursor:
        cursor.execute(
            f"CREATE TEMP TABLE arriving (LIKE {table} INCLUDING DEFAULTS) ON COMMIT DROP"
        )

        def copy(duck: Any, events: str) -> int:
            cursor.execute("TRUNCATE arriving")
            duck.execute(f"SELECT {names} FROM {events} WHERE time >= {begin} AND time < {end}")
            count = 0
            with cursor.copy(f"COPY arriving ({names}) FROM STDIN") as sink:
                while rows := duck.fetchmany(_BATCH):
                    for row in rows:
                        sink.write_row(row)
                    count += len(rows)
            return count

        count = store.answer(window, copy)
        cursor.execute(
            f"INSERT INTO {table} ({names}) SELECT {names} FROM arriving ON CONFLICT DO NOTHING"
        )
        cursor.execute("DROP TABLE arriving")
    return count


def load_clickhouse(files: str, table: str = "events") -> str:
    """The statement that fills ClickHouse's table from a store's parts.

    Parameters
    ----------
    files
        The store's folder ``events`` as the server sees it: below its ``user_files_path``.
    """
    names = ", ".join(COLUMNS)
    return (
        f"INSERT INTO {table} ({names}) SELECT {names} "
        f"FROM file({literal(files + '/*/*/*.parquet')}, Parquet) "
        "SETTINGS use_hive_partitioning = 1"
    )


def ask_postgres(connection: Any, query: Query, table: str = "events") -> list[dict[str, Any]]:
    """The answer of a PostgreSQL server; ``connection`` is one of psycopg."""
    with connection.cursor() as cursor:
        cursor.execute(query.text("postgres", table))
        return query.rows(cursor.fetchall())


def show_spark(session: Any, folder: Path | str, view: str = "events") -> None:
    """Name a store's parts as a view of a Spark session; what is still in the log is not seen.

    Parameters
    ----------
    session
        A ``SparkSession``.
    folder
        The store, where Spark's workers can read it.
    """
    parts = session.read.parquet(str(Path(folder) / EVENTS))
    parts.select(*COLUMNS).createOrReplaceTempView(view)


def ask_spark(session: Any, query: Query, view: str = "events") -> list[dict[str, Any]]:
    """The answer of Spark."""
    return query.rows([tuple(r) for r in session.sql(query.text("spark", view)).collect()])
