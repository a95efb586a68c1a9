"""Each question, once in SQL: equal to plain Python, and alike on DuckDB, PostgreSQL and Spark."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import sys
from collections import defaultdict
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest

from made_tapes import DAY, START, made_tape
from pg_server import Server, binary
from seawall.core import InputError
from seawall.core.tape import LIQUIDATED, Coverage, Kind, Tape
from seawall.ingest.store import engines
from seawall.ingest.store.queries import (
    MINUTE,
    Query,
    accounts,
    ask,
    days,
    every,
    first,
    in_order,
    largest,
    longest_run,
    profile,
    rolling,
    shown,
    slotted,
    totals,
    whole,
)
from seawall.ingest.store.store import EVER, Store
from seawall.ingest.store.writer import StoreWriter

TAPE = made_tape(6_000, span=5 * DAY)
INNER = START + DAY // 3, START + 3 * DAY + 17 * MINUTE + 5
QUERIES = {
    "totals": totals(),
    "totals of a window": totals(INNER),
    "totals by venue, asset and side": totals(INNER, ("venue", "asset", "side")),
    "totals by kind": totals(EVER, ("kind", "coverage"), tuple(Kind)),
    "nothing": totals((0, 1)),
    "accounts": accounts(INNER, ("venue",)),
    "profile": profile(INNER),
    "profile by side": profile(INNER, 3_600_000_000_000, ("side",)),
    "largest": largest(INNER, 25),
    "longest run": longest_run(INNER),
    "longest run by asset": longest_run(INNER, ("asset",)),
    "in order": in_order(INNER),
    "slotted": slotted(INNER),
    "shown": shown(INNER, "bybit", ["BTC-USDT", "Ångström's-USDT"]),
    "whole": whole(INNER),
    "every": every(INNER, "okx", ["BTC-USDT", "Ångström's-USDT"]),
    "first": first(INNER, "okx", "BTC-USDT", 20),
    "days": days(),
    "rolling": rolling((START + DAY, START + 2 * DAY)),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with parts only, for engines that read the parts."""
    folder = tmp_path_factory.mktemp("store")
    with StoreWriter(folder) as writer:
        writer.append(TAPE.take(slice(0, 2_500)))
        writer.roll()
        writer.append(TAPE.take(slice(2_000, 6_000)))
    return folder


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store with parts, a log behind them, and copies across."""
    writer = StoreWriter(tmp_path_factory.mktemp("rolling"))
    writer.append(TAPE.take(slice(0, 2_500)))
    writer.roll()
    writer.append(TAPE.take(slice(2_000, 6_000)))
    yield writer
    writer.close()


def chosen(tape: Tape, window: tuple[int, int] = EVER) -> Tape:
    inside = (tape.time >= window[0]) & (tape.time < window[1])
    return tape.take(inside & np.isin(tape.kind, LIQUIDATED)).in_order()


def alike(found: list[dict[str, Any]], expected: list[dict[str, Any]]) -> None:
    """Equal rows in equal order; sums of floating point to 1e-12."""
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert one.keys() == other.keys()
        for name, value in other.items():
            if isinstance(value, float):
                assert one[name] == pytest.approx(value, rel=1e-12), name
            else:
                assert one[name] == value, name
                assert isinstance(one[name], type(value)), name


def summed(tape: Tape, rows: Any) -> dict[str, Any]:
    usd, side = tape.notional[rows], tape.side[rows]
    return {
        "events": len(usd),
        "notional_usd": float(usd.sum()),
        "long_usd": float(usd[side > 0].sum()),
        "short_usd": float(usd[side < 0].sum()),
        "largest_usd": float(usd.max()),
    }


def test_totals_are_those_of_plain_python(store: Store) -> None:
    tape = chosen(TAPE, INNER)
    alike(ask(store, totals(INNER)), [summed(tape, slice(None))])
    groups = defaultdict(list)
    for k in range(len(tape)):
        groups[tape.venues[tape.venue[k]], tape.assets[tape.asset[k]], int(tape.side[k])].append(k)
    expected = [
        {"venue": v, "asset": a, "side": s, **summed(tape, groups[v, a, s])}
        for v, a, s in sorted(groups)
    ]
    alike(ask(store, totals(INNER, ("venue", "asset", "side"))), expected)
    nothing = ask(store, totals((0, 1)))
    assert nothing == [
        {
            "events": 0,
            "notional_usd": 0,
            "long_usd": 0,
            "short_usd": 0,
            "largest_usd": None,
        }
    ]


def test_accounts_are_counted_once(store: Store) -> None:
    tape = chosen(TAPE, INNER)
    expected = []
    for code in np.argsort(tape.venues):
        own = tape.account[tape.venue == code]
        expected.append(
            {
                "venue": tape.venues[code],
                "accounts": len(np.unique(own[own != 0])),
                "events_without_account": int((own == 0).sum()),
            }
        )
    assert ask(store, accounts(INNER, ("venue",))) == expected


def test_the_profile_has_a_row_a_minute_with_events(store: Store) -> None:
    tape = chosen(TAPE, INNER)
    slot = tape.time - tape.time % MINUTE
    expected = [{"time": int(t), **summed(tape, slot == t)} for t in np.unique(slot)]
    alike(ask(store, profile(INNER)), expected)


def test_an_event_at_the_edge_of_a_minute_is_in_the_minute_it_begins(tmp_path: Path) -> None:
    """Nanoseconds do not fit a double: slots must come of whole numbers."""
    edges = START + np.arange(1, 200, dtype=np.int64) * MINUTE
    both = np.concatenate((edges - 1, edges))
    tape = made_tape(len(both))
    columns = {f: getattr(tape, f) for f in tape.__slots__}
    tape = Tape(**{**columns, "time": both, "kind": np.zeros(len(both), dtype=np.int8)})
    with StoreWriter(tmp_path) as writer:
        writer.append(tape)
        found = ask(writer, profile())
    assert [r["time"] for r in found] == [START, *map(int, edges)]
    assert [r["events"] for r in found] == [1, *[2] * 198, 1]


def test_the_largest_come_first(store: Store) -> None:
    tape = chosen(TAPE, INNER)
    order = np.argsort(-tape.notional, kind="stable")[:25]
    found = ask(store, largest(INNER, 25))
    assert [r["notional_usd"] for r in found] == [float(tape.notional[k]) for k in order]
    assert [r["event_id"] for r in found] == [int(tape.event_id.view(np.int64)[k]) for k in order]
    assert found[0]["venue"] == tape.venues[tape.venue[order[0]]]
    assert (found[0]["price"], found[0]["side"]) == (tape.price[order[0]], tape.side[order[0]])


def run_of(tape: Tape, rows: Any) -> dict[str, Any]:
    """The longest run among some events, found by walking along them."""
    rows = rows[np.lexsort((tape.event_id[rows], tape.received[rows], tape.time[rows]))]
    runs = [list(g) for _, g in groupby(rows, key=lambda k: tape.side[k])]
    best = max(runs, key=lambda run: (len(run), tape.notional[run].sum()))
    return {
        "side": int(tape.side[best[0]]),
        "events": len(best),
        "first_time": int(tape.time[best[0]]),
        "last_time": int(tape.time[best[-1]]),
        "notional_usd": float(tape.notional[best].sum()),
    }


def test_the_longest_run_is_found_by_walking(store: Store) -> None:
    tape = chosen(TAPE, INNER)
    alike(ask(store, longest_run(INNER)), [run_of(tape, np.arange(len(tape)))])
    expected = [
        {"asset": tape.assets[code], **run_of(tape, np.flatnonzero(tape.asset == code))}
        for code in np.argsort(np.array(tape.assets, dtype=object))
    ]
    alike(ask(store, longest_run(INNER, ("asset",))), expected)
    assert max(r["events"] for r in expected) > 5


def test_runs_of_events_at_one_instant_follow_the_identifier(tmp_path: Path) -> None:
    tape = made_tape(400, seed=3)
    columns = {f: getattr(tape, f) for f in tape.__slots__}
    same = np.full(400, START, dtype=np.int64)
    liquidated = np.zeros(400, dtype=np.int8)
    tape = Tape(**{**columns, "time": same, "received": same, "kind": liquidated})
    with StoreWriter(tmp_path) as writer:
        writer.append(tape)
        alike(ask(writer, longest_run()), [run_of(tape, np.arange(400))])


def test_events_come_in_the_order_of_a_tape(store: Store) -> None:
    tape = chosen(TAPE, INNER)
    found = ask(store, in_order(INNER))
    assert [(r["time"], r["side"], r["notional_usd"]) for r in found] == list(
        zip(tape.time.tolist(), tape.side.tolist(), tape.notional.tolist(), strict=True)
    )


def test_events_of_feeds_with_slots_are_counted_and_read(store: Store) -> None:
    tape = chosen(TAPE, INNER)
    tape = tape.take(tape.coverage == Coverage.ONE_A_SLOT)
    counts: dict[tuple[Any, ...], int] = defaultdict(int)
    for k in range(len(tape)):
        day = int(tape.time[k]) // DAY * DAY
        counts[
            tape.venues[tape.venue[k]],
            tape.instruments[tape.instrument[k]],
            tape.assets[tape.asset[k]],
            day,
        ] += 1
    names = ("venue", "instrument", "asset", "time", "events")
    expected = [dict(zip(names, (*key, counts[key]), strict=True)) for key in sorted(counts)]
    assert ask(store, slotted(INNER)) == expected
    wanted = ["ETH-USDT", "BTC-USDT"]
    venue = tape.venues.index("okx")
    rows = [
        k
        for name in sorted(wanted)
        for k in np.flatnonzero(
            (tape.venue == venue) & (tape.instrument == tape.instruments.index(name))
        )
    ]
    found = ask(store, shown(INNER, "okx", wanted))
    assert [(r["time"], r["side"], r["notional_usd"]) for r in found] == [
        (int(tape.time[k]), int(tape.side[k]), float(tape.notional[k])) for k in rows
    ]


def test_events_of_feeds_that_show_all_are_counted_and_read(store: Store) -> None:
    tape = chosen(TAPE, INNER)
    tape = tape.take(tape.coverage == Coverage.ALL)
    counts: dict[tuple[str, str], int] = defaultdict(int)
    for k in range(len(tape)):
        counts[tape.venues[tape.venue[k]], tape.instruments[tape.instrument[k]]] += 1
    assert ask(store, whole(INNER)) == [
        {"venue": v, "instrument": i, "events": counts[v, i]} for v, i in sorted(counts)
    ]
    rows = np.flatnonzero(
        (tape.venue == tape.venues.index("okx"))
        & (tape.instrument == tape.instruments.index("BTC-USDT"))
    )
    assert len(rows) > 20
    assert [(r["time"], r["side"]) for r in ask(store, first(INNER, "okx", "BTC-USDT", 20))] == [
        (int(tape.time[k]), int(tape.side[k])) for k in rows[:20]
    ]
    told = ask(store, every(INNER, "okx", ["Ångström's-USDT", "BTC-USDT"]))
    assert len(told) == counts["okx", "BTC-USDT"] + counts["okx", "Ångström's-USDT"]
    assert [(r["time"], r["side"]) for r in told[: len(rows)]] == [
        (int(tape.time[k]), int(tape.side[k])) for k in rows
    ]


def test_days_are_ranked(store: Store) -> None:
    tape = chosen(TAPE)
    begun = tape.time - tape.time % DAY
    sums = {int(d): float(tape.notional[begun == d].sum()) for d in np.unique(begun)}
    order = sorted(sums, key=lambda d: -sums[d])
    expected = [
        {
            "time": d,
            "events": int((begun == d).sum()),
            "notional_usd": sums[d],
            "rank": k + 1,
            "days": 5,
        }
        for k, d in enumerate(order)
    ]
    alike(ask(store, days()), expected)


def test_rolling_sums_are_those_of_every_window(store: Store) -> None:
    begin, end = START + DAY, START + 2 * DAY
    tape = chosen(TAPE)
    found = ask(store, rolling((begin, end)))
    inside = tape.time[(tape.time >= begin) & (tape.time < end)]
    assert [r["time"] for r in found] == [int(t) for t in np.unique(inside - inside % MINUTE)]
    for row in found[:: len(found) // 40]:
        upto = row["time"] + MINUTE
        mine = (tape.time >= upto - DAY) & (tape.time < upto)
        assert row["events"] == mine.sum()
        assert row["notional_usd"] == pytest.approx(tape.notional[mine].sum(), rel=1e-12)
        (at,) = ask(store, totals((upto - DAY, upto)))
        assert at["events"] == row["events"]
    with pytest.raises(InputError, match="no multiple"):
        rolling((begin, end), step=7)


def test_grouping_by_what_is_not_there_is_refused() -> None:
    with pytest.raises(InputError, match="nothing to group by"):
        totals(by=("venue", "weather"))


@pytest.mark.parametrize("name", QUERIES)
def test_parts_alone_answer_as_parts_and_log_do(name: str, store: Store, folder: Path) -> None:
    with Store(folder) as rolled:
        alike(ask(rolled, QUERIES[name]), ask(store, QUERIES[name]))


def absent(why: str) -> None:
    """Skip for want of an engine, or fail where all of them must be there."""
    if os.environ.get("SEAWALL_REQUIRE_ENGINES"):
        pytest.fail(f"{why}, and SEAWALL_REQUIRE_ENGINES is set")
    pytest.skip(why)


def library(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        absent(f"{name} is not installed")


@pytest.fixture(scope="module")
def postgres(store: Store) -> Iterator[Any]:
    psycopg = library("psycopg")
    if binary("initdb") is None or binary("pg_ctl") is None:
        absent("no PostgreSQL server is installed (initdb, pg_ctl)")
    if os.geteuid() == 0 and shutil.which("setpriv") is None:
        absent("PostgreSQL does not start as root, and there is no setpriv")
    with TemporaryDirectory(prefix="tape-pg-") as folder:
        server = Server(Path(folder))
        try:
            with psycopg.connect(
                host=str(server.folder), user="tape", dbname="postgres"
            ) as connection:
                connection.execute(engines.create_table("postgres"))
                # the second time everything is there already
                assert engines.load_postgres(store, connection) == len(TAPE)
                assert engines.load_postgres(store, connection) == len(TAPE)
                connection.commit()
                yield connection
        finally:
            server.stop()


@pytest.mark.parametrize("name", QUERIES)
def test_postgresql_answers_alike(name: str, postgres: Any, store: Store) -> None:
    alike(engines.ask_postgres(postgres, QUERIES[name]), ask(store, QUERIES[name]))


@pytest.fixture(scope="module")
def spark(folder: Path) -> Iterator[Any]:
    builder = library("pyspark.sql").SparkSession.builder
    if shutil.which("java") is None:
        absent("Spark needs Java, which is not installed")

    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    os.environ["PYSPARK_PYTHON"] = sys.executable
    session = (
        builder.master("local[1]")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.sql.shuffle.partitions", "2")
        .config("spark.driver.memory", "1g")
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("ERROR")
    engines.show_spark(session, folder)
    yield session
    session.stop()


@pytest.mark.parametrize("name", QUERIES)
def test_spark_answers_alike(name: str, spark: Any, store: Store) -> None:
    alike(engines.ask_spark(spark, QUERIES[name]), ask(store, QUERIES[name]))


@pytest.fixture(scope="module")
def clickhouse(folder: Path) -> Iterator[Any]:
    """ClickHouse in this process, its table filled from the store's files."""
    chdb = library("chdb.session")
    session = chdb.Session()
    session.query("CREATE DATABASE tape ENGINE = Atomic")
    session.query("USE tape")
    session.query(engines.create_table("clickhouse"))
    session.query(engines.load_clickhouse(f"{folder}/events"))
    yield session
    session.cleanup()


@pytest.mark.parametrize("name", QUERIES)
def test_clickhouse_answers_alike(name: str, clickhouse: Any, store: Store) -> None:
    found = json.loads(str(clickhouse.query(QUERIES[name].text("clickhouse"), "JSONCompact")))
    alike(QUERIES[name].rows(found["data"]), ask(store, QUERIES[name]))


@pytest.mark.parametrize("name", QUERIES)
def test_nothing_is_divided_but_what_is_rounded(name: str) -> None:
    """Nanoseconds do not fit a double, and what ``/`` means differs between engines."""
    assert QUERIES[name].sql.count("/") == QUERIES[name].sql.count("ROUND(")


def test_a_dialect_that_nobody_knows_is_refused() -> None:
    pytest.importorskip("sqlglot", reason="sqlglot is not installed")
    with pytest.raises(ValueError, match="Unknown dialect"):
        Query("SELECT 1", ("one",)).text("cobol")


def test_clickhouse_gets_a_table_of_its_types() -> None:
    made = engines.create_table("clickhouse")
    assert "event_id Int64" in made
    assert "venue LowCardinality(String)" in made
    assert "ReplacingMergeTree" in made
