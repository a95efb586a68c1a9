"""A saved run comes back whole; what is no saved run is refused."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from seawall.core import InputError
from seawall.sim.batch import Failure, Outcome, Task, equity_of
from seawall.sim.engine import Simulation
from seawall.sim.paired import Domino
from seawall.sim.run import Events
from seawall.sim.saved import SavedRun, load_run, save_run
from seawall.sim.scenario import load_scenario
from seawall.sim.staging import stage
from unit.sim.small import written


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> SavedRun:
    scenario = load_scenario(written(tmp_path_factory.mktemp("small")))
    simulation = Simulation(stage(scenario), 5)
    before = equity_of(simulation)
    return SavedRun(
        run=simulation.run(),
        equity_before=before,
        about={"title": "Two venues", "settings": scenario.settings()},
        paired={"cascade_multiplier": float("nan"), "x": 2.0},
        others=(Outcome(Task(0, 6), {"y": float("nan")}, 0.5), Failure(Task(0, 7), "no", "why")),
        dominoes=(Domino(3, 10.0, 20.0),),
    )


def test_a_run_comes_back_whole(saved: SavedRun, tmp_path: Path) -> None:
    path = save_run(saved, tmp_path / "run.npz")
    again = load_run(path)
    run = saved.run
    assert repr(again.run.floor) == repr(run.floor)  # a tick that is not known is NaN
    for name in ("start", "seed", "deposits", "cash_error", "interest_error"):
        assert getattr(again.run, name) == getattr(run, name)
    for name in ("second", "fund", "fund_start", "fund_end", "equity", "bad_debt"):
        np.testing.assert_array_equal(getattr(again.run, name), getattr(run, name))
    assert again.run.series.keys() == run.series.keys()
    for name, values in run.series.items():
        np.testing.assert_array_equal(again.run.series[name], values)
    for field in fields(Events):
        left, right = (getattr(x.events, field.name) for x in (again.run, run))
        np.testing.assert_array_equal(left, right)
        assert left.dtype == right.dtype
    np.testing.assert_array_equal(again.equity_before, saved.equity_before)
    assert again.about["title"] == "Two venues"
    assert repr(again.paired) == repr(saved.paired)
    assert repr(again.others) == repr(saved.others)
    assert again.dominoes == saved.dominoes


def test_nothing_is_left_behind_where_it_cannot_be_saved(saved: SavedRun, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="folder does not exist"):
        save_run(saved, tmp_path / "nowhere" / "run.npz")
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_saved_run_is_refused(saved: SavedRun, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        load_run(tmp_path / "absent.npz")
    wrong = tmp_path / "wrong.npz"
    wrong.write_bytes(b"nonsense")
    with pytest.raises(InputError, match="not a saved run"):
        load_run(wrong)
    np.savez(wrong, x=np.zeros(3))
    with pytest.raises(InputError, match="not a saved run"):
        load_run(wrong)
    whole = save_run(saved, tmp_path / "run.npz").read_bytes()
    wrong.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="not a saved run"):
        load_run(wrong)


def test_another_version_and_a_paused_run_say_what_they_are(tmp_path: Path) -> None:
    path = tmp_path / "run.npz"
    for head, words in (({"schema": "seawall.run/9"}, "another version"), ({}, "--resume")):
        np.savez(path, head=np.frombuffer(json.dumps(head).encode(), dtype=np.uint8))
        with pytest.raises(InputError, match=words):
            load_run(path)
