"""What the benchmarks measure in full, at a reduced size: memory over segments, and statistics."""

from __future__ import annotations

import gc
import math
import tracemalloc
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from made_tapes import START, made_tape
from seawall.core.tape import LIQUIDATED, Kind
from seawall.ingest.record.recent import Recent
from seawall.ingest.store.queries import ask, largest, profile, totals
from seawall.ingest.store.store import EVER, Store
from seawall.ingest.store.writer import RollPolicy, StoreWriter
from seawall.ingest.wire.event import WireEvent, tape_of

HOUR = 3_600 * 10**9
SEGMENT = 5_000


def _batch(first: int, n: int) -> list[WireEvent]:
    return [
        WireEvent(
            START + k * 10**6, START + k * 10**6, "bybit", "BTCUSDT", "BTC", 1 if k % 3 else -1,
            1.0, 100.0 + k % 7, 100.0 + k % 7, int(Kind.LIQUIDATION), 0, False, 0, k + 1, "made",
        )
        for k in range(first, first + n)
    ]  # fmt: skip


def test_memory_of_a_recorder_does_not_grow_with_its_segments(tmp_path: Path) -> None:
    """Events are stored, rolled and let go; copies are known within a bound all the while."""
    recent = Recent(most=2_000)
    held, segments = [], []
    tracemalloc.start()
    try:
        with StoreWriter(tmp_path, RollPolicy(frames=SEGMENT // 500, seconds=1e9)) as writer:
            for k in range(0, 12 * SEGMENT, 500):
                writer.append(tape_of(recent.fresh(_batch(k, 500))))
                if writer.roll_if_due():
                    gc.collect()
                    held.append(tracemalloc.get_traced_memory()[0])
                    segments.append(len(writer.manifest().parts))
    finally:
        tracemalloc.stop()
    assert segments[-1] >= 10
    # a file of the list is some hundred bytes; an event held would be ten thousand times that
    grown = held[-1] - held[2]
    assert grown < 100 * SEGMENT, f"{grown:,} bytes over {len(held) - 3} segments"
    with Store(tmp_path) as store:
        assert store.extent()[0] == 12 * SEGMENT


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[tuple]]:
    folder = tmp_path_factory.mktemp("brute") / "store"
    tape = made_tape(100_000, seed=11, span=48 * HOUR)
    with StoreWriter(folder) as writer:
        for k in range(0, 100_000, 25_000):
            writer.append(tape.take(np.arange(k, k + 25_000)))
            if k < 75_000:
                writer.roll()
    told = [
        (
            int(tape.time[k]), tape.venues[tape.venue[k]], tape.assets[tape.asset[k]],
            int(tape.side[k]), float(tape.notional[k]), Kind(int(tape.kind[k])),
        )
        for k in range(100_000)
    ]  # fmt: skip
    return folder, told


@pytest.mark.parametrize(
    "window", [EVER, (START + 7 * HOUR, START + 31 * HOUR), (START + HOUR, START + HOUR + 10**10)]
)
def test_statistics_of_100_000_events_equal_a_loop_over_them(
    stored: tuple[Path, list[tuple]], window: tuple[int, int]
) -> None:
    """By venue, asset and side, by minute, and the largest: each event added by hand."""
    folder, told = stored
    mine = [r for r in told if window[0] <= r[0] < window[1] and r[5] in LIQUIDATED]
    assert mine
    sums: dict[tuple, list[float]] = defaultdict(list)
    minutes: dict[int, list[float]] = defaultdict(list)
    for time, venue, asset, side, usd, _ in mine:
        sums[venue, asset, side].append(usd)
        minutes[time - time % (60 * 10**9)].append(usd)
    with Store(folder) as store:
        groups = ask(store, totals(window, ("venue", "asset", "side")))
        by_minute = ask(store, profile(window))
        (most,) = ask(store, largest(window, 1))
    got = {(g["venue"], g["asset"], g["side"]): g for g in groups}
    assert got.keys() == sums.keys()
    for key, values in sums.items():
        assert got[key]["events"] == len(values)
        assert got[key]["notional_usd"] == pytest.approx(math.fsum(values), rel=1e-12)
        assert got[key]["largest_usd"] == max(values)
    assert [m["time"] for m in by_minute] == sorted(minutes)
    for row in by_minute:
        values = minutes[row["time"]]
        assert row["events"] == len(values)
        shown = row["long_usd"] + row["short_usd"]
        assert shown == pytest.approx(math.fsum(values), rel=1e-12)
    assert most["notional_usd"] == max(r[4] for r in mine)
