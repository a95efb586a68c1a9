"""Memory and time of a tape's statistics, by questions and by columns."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from dataclasses import replace

import numpy as np

from bench.clock import duration, medians, once, table
from bench.tape_store import DAY, START, VENUES, drawn
from seawall.core.tape import Coverage, Tape
from seawall.ingest.duck import connect
from seawall.ingest.store.queries import ask, totals
from seawall.ingest.store.store import Store
from seawall.ingest.store.writer import RollPolicy, StoreWriter

WINDOW = START, START + DAY
_AT_ONCE = 250_000
_BY = ("venue", "asset", "side")


def tape_figures(full: bool) -> None:
    """The tape's statistics of a day: peak memory and time as its events grow."""
    rows, asked = [], []
    for count in (1_000_000, 5_000_000) if full else (250_000, 1_000_000):
        for slotted in (False, True):
            with tempfile.TemporaryDirectory() as folder:
                stored = _filled(folder, count, slotted)
                found = [_own(how, folder) for how in ("questions", "columns")]
                if found[0][2:] != found[1][2:]:
                    raise SystemExit(f"not the same: {found}")
                feed = f"{VENUES[0]} one a slot" if slotted else "all events"
                cells = (f"{f[0]} MiB" for f in found), (duration(float(f[1])) for f in found)
                rows.append((f"{stored:,}, {feed}", *cells[0], *cells[1]))
                if not slotted:
                    asked.append(_sums(folder, stored))
    table(
        "Statistics of a day: peak resident memory and time",
        ("events", "questions", "columns", "questions", "columns"),
        rows,
        "A process each, its start (about 125 MiB) included in the memory and not in the time. "
        "*Columns* reads the window into memory and goes over it there.",
    )
    table(
        "Sums by venue, asset and side, as the statistics ask for them",
        ("events", "ours", "DuckDB by hand", "ours / by hand"),
        asked,
    )


def _filled(folder: str, count: int, slotted: bool) -> int:
    steps = count // _AT_ONCE
    with StoreWriter(folder, RollPolicy(size=1 << 30)) as writer:
        for k in range(steps):
            begin = START + k * DAY // steps
            tape = drawn(_AT_ONCE, begin, DAY // steps, k * _AT_ONCE + 1, k)
            writer.append(_one_a_slot(tape) if slotted else tape)
        writer.roll()
        return sum(p.rows for p in writer.manifest().parts)


def _one_a_slot(tape: Tape) -> Tape:
    """The same with the first venue's feed showing one event of a symbol and second."""
    mine = tape.venue == 0
    key = tape.instrument * 10**6 + (tape.time - tape.time.min()) // 10**9
    _, first = np.unique(np.where(mine, key, -1), return_index=True)
    keep = ~mine
    keep[first] = True
    coverage = np.where(mine, Coverage.ONE_A_SLOT, Coverage.ALL).astype(np.int8)
    return replace(tape, coverage=coverage).take(keep)


def _sums(folder: str, stored: int) -> tuple[str, ...]:
    hand = connect()
    query = (
        "SELECT venue, asset, side, count(*), sum(notional_usd), max(notional_usd) "
        f"FROM read_parquet('{folder}/events/*/*/*.parquet', hive_partitioning = true) "
        f"WHERE kind IN ('liquidation', 'partial', 'takeover') AND time >= {WINDOW[0]} "
        f"AND time < {WINDOW[1]} GROUP BY ALL ORDER BY ALL"
    )
    with Store(folder) as store:
        spent = medians(
            {
                "ours": lambda: ask(store, totals(WINDOW, _BY)),
                "hand": lambda: hand.execute(query).fetchall(),
            }
        )
    ratio = f"{spent['ours'] / spent['hand']:.2f}"
    return f"{stored:,}", duration(spent["ours"]), duration(spent["hand"]), ratio


def _own(how: str, folder: str) -> list[str]:
    """Peak MiB, seconds, events and USD of a process that makes the figures one way."""
    command = [sys.executable, "-m", "bench.tape_figures", how, folder]
    done = subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE)
    return done.stdout.split()


def _told(how: str, folder: str) -> None:
    from seawall.app import tape_stats
    from seawall.core import format_time

    report = None

    def by_questions() -> None:
        nonlocal report
        report = tape_stats.stats(folder, "24h", format_time(WINDOW[1]), _BY)

    def by_columns() -> None:
        nonlocal report
        with Store(folder) as store:
            tape = store.read(WINDOW)
        window = tape_stats.Window(folder, *WINDOW)
        report = tape_stats.stats_of(tape, window, _BY)

    seconds = once(by_questions if how == "questions" else by_columns)
    peak = _peak() / 2**20
    assert report is not None
    payload = report.payload
    usd = payload["estimate"]["notional_usd"]["value"]
    print(f"{peak:.0f} {seconds:.3f} {payload['events']} {usd:.6e}")


def _peak() -> int:
    """Most bytes that were resident; of this process alone, where the system tells."""
    try:
        with open("/proc/self/status") as file:
            return 1024 * next(int(x.split()[1]) for x in file if x.startswith("VmHWM"))
    except OSError:
        import resource

        # inherited from the process that started this one, so it may say too much
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    _told(sys.argv[1], sys.argv[2])
