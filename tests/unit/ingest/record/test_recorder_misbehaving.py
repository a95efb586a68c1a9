"""What is recorded from feeds that misbehave has the figures of the clean tape."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from bench.tape_misbehaving import Recorded, held_against_clean

from seawall.ingest.rehearsal.mischief import Mischief


def recorded(folder: Path, count: int, wrong: Mischief) -> Recorded:
    # a loop that browser tests keep in this thread does not matter to another
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(held_against_clean, folder, count, wrong).result()


@pytest.mark.timeout(240)
def test_the_figures_are_those_of_the_clean_tape(tmp_path: Path) -> None:
    wrong = Mischief(drop_every=301, overlap=200, twice=0.1, garbage=0.05, shuffle=50)
    found = recorded(tmp_path, 12_000, wrong)
    assert found.differences == ()
    assert (found.written, found.dropped) == (12_000, 0)
    assert found.copies > 1_000
    assert found.malformed > 100
    assert found.reconnects >= 4


@pytest.mark.timeout(240)
def test_what_was_lost_shows_in_the_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.tape_misbehaving._ENOUGH", 1.0)
    found = recorded(tmp_path, 3_000, Mischief(drop_every=101, lose=2))
    assert found.written < 3_000
    assert {"sums differ", "identifiers differ"} <= set(found.differences)
