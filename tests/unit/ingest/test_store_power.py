"""What is acknowledged is on the disk: the power is cut after every step of a writer."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from losing_disk import LosingDisk
from made_tapes import made_tape
from seawall.core.tape import Tape
from seawall.ingest.store.outages import Outage, OutageLog, outages
from seawall.ingest.store.store import EVER, Store
from seawall.ingest.store.upkeep import compact
from seawall.ingest.store.writer import StoreWriter

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="files are named by /proc there")


def _held(folder: Path) -> set[int]:
    """Events after a start from what the disk held."""
    with StoreWriter(folder) as again:
        return set(again.read().event_id.tolist())


def _steps(folder: Path, tape: Tape, disk: LosingDisk, tmp_path: Path) -> list[tuple[int, int]]:
    """After each step, events acknowledged and those of them that a cut of the power left."""
    found: list[tuple[int, int]] = []
    done: set[int] = set()

    def cut() -> None:
        left = disk.left(tmp_path / f"left{len(found)}")
        found.append((len(done), len(done & _held(left))))

    with disk.watching():
        writer = StoreWriter(folder)
        for k in range(0, 300, 50):
            part = tape.take(np.arange(k, k + 50))
            writer.append(part)
            done |= set(part.event_id.tolist())
            cut()
            if k % 100 == 50:
                writer.roll()
                cut()
        compact(writer)
        cut()
        writer.close()
    cut()
    return found


def test_what_is_acknowledged_outlives_the_power(tmp_path: Path) -> None:
    disk = LosingDisk(tmp_path / "store")
    (tmp_path / "store").mkdir()
    steps = _steps(tmp_path / "store", made_tape(300), disk, tmp_path)
    assert [left for _, left in steps] == [done for done, _ in steps]
    assert steps[-1][0] == 300
    # an acknowledgement has a sync of its own: six appends, beside rolls and lists of files
    assert disk.syncs >= 12


def test_without_syncs_all_of_it_would_be_lost(tmp_path: Path) -> None:
    """The disk above loses what is not synced, or its test could not fail."""
    disk = LosingDisk(tmp_path / "store", ignores=True)
    (tmp_path / "store").mkdir()
    steps = _steps(tmp_path / "store", made_tape(300), disk, tmp_path)
    assert {left for _, left in steps} == {0}


def test_outages_that_were_kept_outlive_the_power(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    folder.mkdir()
    disk = LosingDisk(folder)
    told = [Outage("okx", "okx", k * 10**9 + 1, k * 10**9 + 5, "silent") for k in range(4)]
    with disk.watching():
        writer = StoreWriter(folder)
        log = OutageLog(folder)
        for k, one in enumerate(told):
            log.keep([one], {})
            with StoreWriter(disk.left(tmp_path / f"left{k}")) as left:
                assert outages(left, *EVER) == tuple(told[: k + 1])
        log.close()
        writer.close()
    with Store(folder) as store:
        assert outages(store, *EVER) == tuple(told)
