"""The tape on disk: durable ingest, statistics beside hand-written queries, memory, kills."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from bench.clock import duration, medians, once, rate, table
from bench.tape_messages import messages
from seawall.core.tape import Tape
from seawall.ingest.duck import connect
from seawall.ingest.store.queries import MINUTE, ask, profile, rolling, totals
from seawall.ingest.store.store import EVER, Store
from seawall.ingest.store.upkeep import compact
from seawall.ingest.store.verify import verify
from seawall.ingest.store.writer import RollPolicy, StoreWriter

DAY = 86_400_000_000_000
START = 20_000 * DAY
VENUES = ("binance_usdm", "bybit", "okx", "hyperliquid", "gate")
ASSETS = tuple(f"A{k:03}" for k in range(200))
BATCH = 1_000
ID_STEP = np.uint64(0x9E3779B97F4A7C15)


def tape_store(full: bool) -> None:
    """The tape's store: ingest, 24-hour statistics, recent windows, memory, kills."""
    ingest(full)
    statistics(full)
    memory(full)
    kills(full)


def ingest(full: bool) -> None:
    """Messages of four venues decoded, normalised and stored, one core."""
    count = 1_000_000 if full else 200_000
    rows = []
    for venue in ("binance_usdm", "bybit", "okx", "hyperliquid"):
        try:
            burst = messages(venue, count)
        except ImportError as missing:
            rows.append((venue, f"not installed: {missing.name}", "", "", "", "", ""))
            continue
        rows.append(_ingested(venue, burst))
    table(
        f"Durable ingest on one core, {count:,} events a venue, {BATCH:,} an append",
        ("feed", "decode", "columns", "append", "roll to Parquet", "CPU", "all: events/s"),
        rows,
        "Each append returns after its sync; rolling is done on the same core, in turn. Times are "
        "for each event; CPU is all of them without waiting for the disk or for others on the "
        "core. Goal: 50,000 events a second.",
    )


def _ingested(venue: str, burst: list[bytes]) -> tuple[str, ...]:
    from seawall.ingest.wire.event import tape_of
    from seawall.ingest.wire.venues import ADAPTERS
    from seawall.rulebook import Rules

    adapter = ADAPTERS[venue]
    spent = dict.fromkeys(("decode", "columns", "append", "roll"), 0.0)
    with _one_core(), tempfile.TemporaryDirectory() as folder:
        context = adapter.context(Rules.bundled())
        writer = StoreWriter(folder)
        begun, worked, pending, stored = time.perf_counter(), time.process_time(), [], 0
        for k, raw in enumerate(burst):
            context.begin(time.time_ns())
            a = time.perf_counter()
            pending += adapter.parse(raw, context)
            spent["decode"] += time.perf_counter() - a
            if len(pending) >= BATCH or k == len(burst) - 1:
                a = time.perf_counter()
                tape = tape_of(pending)
                b = time.perf_counter()
                writer.append(tape)
                c = time.perf_counter()
                writer.roll_if_due()
                d = time.perf_counter()
                steps = {"columns": b - a, "append": c - b, "roll": d - c}
                for name, value in steps.items():
                    spent[name] += value
                stored, pending = stored + len(tape), []
        a = time.perf_counter()
        writer.roll()
        spent["roll"] += time.perf_counter() - a
        whole, work = time.perf_counter() - begun, time.process_time() - worked
        found = len(writer.read())
        writer.close()
    if found != stored:
        raise SystemExit(f"{venue}: {stored} events were stored and {found} are there")
    each = (duration(s / stored) for s in (*spent.values(), work))
    return (venue, *each, rate(stored / whole))


@contextmanager
def _one_core() -> Iterator[None]:
    """Everything on one core, libraries' own threads included, where the system can do that."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(cores)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


def drawn(n: int, begin: int, span: int, first_id: int, seed: int) -> Tape:
    """Events at random, sizes and assets as uneven as in a market."""
    rng = np.random.default_rng(seed)
    when = np.sort(begin + rng.integers(0, span, n))
    asset = np.minimum(rng.geometric(0.05, n) - 1, len(ASSETS) - 1).astype(np.int32)
    price, usd = rng.lognormal(4, 0.01, n), rng.lognormal(7, 2, n)
    zeros = np.zeros(n, dtype=np.int8)
    return Tape(
        time=when,
        received=when + 50_000_000,
        venue=rng.integers(0, len(VENUES), n).astype(np.int32),
        instrument=asset,
        asset=asset,
        side=rng.choice(np.array([1, -1], dtype=np.int8), n),
        quantity=usd / price,
        price=price,
        notional=usd,
        kind=zeros,
        coverage=zeros,
        at_fill=zeros.astype(np.bool_),
        account=np.zeros(n, dtype=np.uint64),
        event_id=np.arange(first_id, first_id + n, dtype=np.uint64) * ID_STEP,
        source=zeros.astype(np.int32),
        venues=VENUES,
        instruments=ASSETS,
        assets=ASSETS,
        sources=("drawn",),
    )


def statistics(full: bool) -> None:
    """24-hour statistics over a long history, beside queries written by hand."""
    days, a_day = (100, 1_000_000) if full else (25, 200_000)
    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        with StoreWriter(folder, RollPolicy(size=1 << 30)) as writer:
            for day in range(days):
                tape = drawn(a_day, START + day * DAY, DAY, day * a_day + 1, day)
                for k in range(0, a_day, 100_000):
                    writer.append(tape.take(slice(k, k + 100_000)))
                writer.roll()
        filling = time.perf_counter() - begun
        writer = StoreWriter(folder)
        end = START + days * DAY
        _compared(writer, days * a_day, (end - DAY, end))
        # the log holds events as well from here on, as while recording goes on
        for k in range(100):
            writer.append(drawn(BATCH, end, DAY // 24, days * a_day + 1 + k * BATCH, k))
        _recent(writer, end + DAY // 24)
        size = sum(p.size for p in writer.manifest().parts)
        writer.close()
    stored = days * a_day
    print(
        f"\n{stored:,} events drawn, stored and rolled in {filling:.1f} s "
        f"({rate(stored / filling)}); {size / stored:.1f} bytes an event in Parquet."
    )


def _compared(store: Store, stored: int, day: tuple[int, int]) -> None:
    groups = ("venue", "asset", "side")
    files = f"{store.folder}/events/*/*/*.parquet"
    hand = connect()

    def by_hand(where: str) -> list[tuple[Any, ...]]:
        return hand.execute(
            "SELECT venue, asset, side, count(*), sum(notional_usd), max(notional_usd) "
            f"FROM read_parquet('{files}', hive_partitioning = true) "
            f"WHERE kind IN ('liquidation', 'partial', 'takeover') AND {where} "
            "GROUP BY ALL ORDER BY ALL"
        ).fetchall()

    rows = []
    a_day = time.strftime("%Y-%m-%d", time.gmtime(day[0] // 10**9))
    bounds = f"time >= {day[0]} AND time < {day[1]}"
    for name, window, where in (
        ("the whole history", EVER, "true"),
        ("the last 24 hours", day, bounds),
        ("the last 24 hours, folder named by hand", day, f"{bounds} AND day = DATE '{a_day}'"),
    ):
        _same(ask(store, totals(window, groups)), by_hand(where))
        calls = {
            "ours": lambda w=window: ask(store, totals(w, groups)),
            "hand": lambda w=where: by_hand(w),
        }
        spent = medians(calls, 5)
        ratio = f"{spent['ours'] / spent['hand']:.2f}"
        rows.append((name, duration(spent["ours"]), duration(spent["hand"]), ratio))
    rows += _others(files, day)
    table(
        f"By venue, asset and side, {stored:,} events stored",
        ("window", "ours", "DuckDB by hand", "ours / by hand"),
        rows,
        "Ours reads the log as well and gives longs and shorts apart. Goal: 1.3.",
    )


def _same(ours: list[dict[str, Any]], hand: list[tuple[Any, ...]]) -> None:
    names = ("venue", "asset", "side", "events", "notional_usd", "largest_usd")
    for mine, other in zip(ours, hand, strict=True):
        values = [mine[n] for n in names]
        if values[:4] != list(other[:4]) or not np.allclose(values[4:], other[4:], rtol=1e-12):
            raise SystemExit(f"not the same: {values} and {other}")


def _others(files: str, day: tuple[int, int]) -> list[tuple[str, ...]]:
    """The whole history by other libraries, where they are installed."""
    rows = []
    groups = ["venue", "asset", "side"]
    try:
        import polars

        seconds = once(
            lambda: (
                polars.scan_parquet(files)
                .group_by(groups)
                .agg(polars.len(), polars.sum("notional_usd"))
                .collect(engine="streaming")
            )
        )
        rows.append(("the whole history, Polars", duration(seconds), "", ""))
    except ImportError:
        rows.append(("Polars", "not installed", "", ""))
    try:
        import pandas
        import pyarrow  # noqa: F401

        folder = files.split("/*", 1)[0]
        wanted = [*groups, "notional_usd"]

        def by_pandas() -> object:
            frame = pandas.read_parquet(folder, columns=wanted)
            return frame.groupby(groups, observed=True)["notional_usd"].agg(["count", "sum", "max"])

        rows.append(("the whole history, pandas", duration(once(by_pandas)), "", ""))
    except ImportError:
        rows.append(("pandas", "not installed", "", ""))
    return rows


def _recent(store: Store, end: int) -> None:
    """What a screen asks for while recording goes on."""
    hour = DAY // 24
    questions = {
        "totals of the last hour": totals((end - hour, end), ("venue",)),
        "rolling 24 hours, now": totals((end - DAY, end), ("venue", "asset", "side")),
        "minutes of the last hour": profile((end - hour, end)),
        "rolling 24 hours at each minute of an hour": rolling((end - hour, end), DAY, MINUTE),
    }
    calls: dict[str, Any] = {n: (lambda q=q: ask(store, q)) for n, q in questions.items()}
    first = once(lambda: ask(Store(store.folder), totals((end - hour, end))))
    spent = medians(calls, 7)
    fresh = "opened anew, totals of the last hour"
    rows = [(fresh, duration(first)), *((n, duration(s)) for n, s in spent.items())]
    table(
        "Recent windows, 100,000 of their events still in the log",
        ("", "time"),
        rows,
        "Goal: below 150 ms, whatever the length of the history.",
    )


def memory(full: bool) -> None:
    """Memory of a process that stores and rolls events for long."""
    count = 10_000_000 if full else 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        told = _own("remember", folder, str(count)).stdout.split()
    pairs = zip(told[::2], told[1::2], strict=True)
    rows = [(f"{int(n):,}", f"{int(m) / 2**20:.0f} MiB") for n, m in pairs]
    table(
        "Memory while events are stored and rolled",
        ("events", "resident"),
        rows,
        f"Appends of {BATCH:,}, rolled every 8 MiB of log.",
    )


def _remember(folder: str, count: int) -> None:
    with StoreWriter(folder, RollPolicy(size=8 << 20)) as writer:
        for done in range(0, count, BATCH):
            begin = START + done * 10_000_000
            writer.append(drawn(BATCH, begin, BATCH * 10_000_000, done + 1, done))
            writer.roll_if_due()
            if (done + BATCH) % (count // 10) == 0:
                print(done + BATCH, _resident(), flush=True)


def _resident() -> int:
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def kills(full: bool) -> None:
    """Writers killed at random instants: what is lost, what is doubled."""
    count = 200 if full else 10
    rng, acknowledged, lost, doubled = random.Random(11), 0, 0, 0
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(count):
            acknowledged = _killed(folder, acknowledged, rng.uniform(0.0, 0.4))
            with Store(folder) as store:
                ids = store.read().event_id
            there = np.unique(ids)
            wanted = np.arange(1, acknowledged + 1, dtype=np.uint64) * ID_STEP
            lost += int((~np.isin(wanted, there)).sum())
            doubled += len(ids) - len(there)
        with StoreWriter(folder) as writer:
            writer.roll()
            compact(writer)
            sound = verify(writer).sound
    table(
        "Killed by SIGKILL while appending, rolling and merging",
        ("kills", "acknowledged", "lost", "doubled", "sound at the end"),
        [(str(count), f"{acknowledged:,}", str(lost), str(doubled), str(sound))],
    )


def _killed(folder: str, done: int, after: float) -> int:
    """Kill a writer some seconds after it is ready; the last number it acknowledged."""
    command = [sys.executable, "-m", "bench.tape_store", "write", folder, str(done)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        time.sleep(after)
        writer.send_signal(signal.SIGKILL)
        told = writer.stdout.read().split("\n")[:-1]
    return max([done, *map(int, told)])


def _write(folder: str, done: int) -> None:
    writer = StoreWriter(folder, RollPolicy(size=60_000, frames=60, seconds=0.05))

    def upkeep() -> None:
        while True:
            if writer.roll_if_due():
                compact(writer, 5_000)

    threading.Thread(target=upkeep, daemon=True).start()
    os.write(1, b"ready\n")
    while True:
        # the last few are sent again, as after a reconnect
        first, size = max(0, done - 3), 1 + done % 50
        tape = drawn(done + size - first, START + first * 10**9, 10**9, first + 1, done)
        writer.append(tape)
        done += size
        os.write(1, f"{done}\n".encode())


def _own(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bench.tape_store", *arguments]
    return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE)


if __name__ == "__main__":
    {"write": _write, "remember": _remember}[sys.argv[1]](sys.argv[2], int(sys.argv[3]))
