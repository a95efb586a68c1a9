"""Windows that are not over: the present day beside one that is."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from seawall.app import tape_heard, tape_stats
from seawall.core import parse_time
from seawall.ingest.store.outages import Heard
from seawall.ingest.store.writer import StoreWriter

ROWS = (
    "time,venue,instrument,side,price,notional_usd\n"
    "2025-10-10T21:15:00Z,bybit,BTCUSDT,long,105000,1000\n"
    "2025-10-11T08:10:00Z,bybit,BTCUSDT,short,111000,300\n"
)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Recorded since the 9th, at noon of the 11th."""

    class Noon:
        """The system's clock."""

        time_ns = staticmethod(lambda: parse_time("2025-10-11T12:00:00Z"))

    (tmp_path / "rows.csv").write_text(ROWS)
    tape_stats.import_file(tmp_path / "rows.csv", tmp_path / "store")
    heard = {"bybit linear": Heard("bybit", parse_time("2025-10-09"), time.time_ns())}
    with StoreWriter(tmp_path / "store") as writer:
        writer.keep_heard([], heard)
    monkeypatch.setattr(tape_heard, "time", Noon())
    return tmp_path / "store"


@pytest.mark.parametrize(
    ("at", "label", "warned"),
    [
        ("2025-10-11T12:00:00Z", "measured", False),
        # clocks differ by less
        ("2025-10-11T12:00:59Z", "measured", False),
        ("2025-10-12", "lower bound", True),
        ("2025-10-14", "lower bound", True),
    ],
)
def test_what_is_still_to_come_is_not_measured(store, at, label, warned):
    told = tape_stats.stats(store, "24h", at, draws=60).payload
    assert told["label"] == label
    ahead = [w for w in told["warnings"] if w.endswith("which is still to come.")]
    assert bool(ahead) is warned


def test_the_present_day_beside_the_one_before_is_told_as_at_least(store):
    told = tape_stats.compare(store, "2025-10-10", "2025-10-11").payload
    said = "2025-10-11: The window ends at 2025-10-12T00:00:00Z, which is still to come."
    assert said in told["warnings"]
    assert not any(w.startswith("2025-10-10: The window") for w in told["warnings"])
