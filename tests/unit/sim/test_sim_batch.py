"""Batches: the same on any number of workers and on a cluster; failures do not end them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from seawall.sim.batch import Failure, Outcome, Task, follow, run_batch, run_one, said, tasks_of
from seawall.sim.behaviours import behaviours
from seawall.sim.cluster import run_on_cluster
from seawall.sim.engine import Simulation
from seawall.sim.measures import cascade_multiplier, forced, forced_usd
from seawall.sim.paired import FAINT, domino, faint, largest_forced, without
from seawall.sim.scenario import load_scenario
from seawall.sim.setup import Setup
from seawall.sim.staging import stage
from unit.sim.small import SMALL, written

UNWELL = '''
import os
from seawall.sim.behaviours import Behaviour


class Unwell(Behaviour):
    """Fails, or takes its process down, whenever luck has it."""

    deadly: bool = False

    def traders(self, traders, rng):
        if rng.random() < 0.5:
            if self.deadly:
                os._exit(3)
            raise RuntimeError("felt unwell")
'''


@pytest.fixture(scope="module")
def setup(tmp_path_factory: pytest.TempPathFactory) -> Setup:
    return stage(load_scenario(written(tmp_path_factory.mktemp("small"))))


def rows(results: list[Any]) -> list[str]:
    return [repr((r.task, r.row)) for r in results]


def test_results_are_the_same_on_any_number_of_workers(setup: Setup) -> None:
    calmer = replace(setup, shocks={})
    alone = run_batch([setup, calmer], range(3), workers=1)
    assert [r.task for r in alone] == tasks_of(2, range(3))
    assert all(isinstance(r, Outcome) for r in alone)
    assert len(set(rows(alone))) == 6
    assert rows(run_batch([setup, calmer], range(3), workers=2)) == rows(alone)


def test_a_cluster_of_two_gives_the_same(setup: Setup) -> None:
    pytest.importorskip("ray")
    here = run_batch([setup], range(4), workers=1)
    assert rows(run_on_cluster([setup], range(4), workers=2)) == rows(here)


@pytest.fixture
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "plugins" / "behaviours"
    folder.mkdir(parents=True)
    monkeypatch.setenv("SEAWALL_PLUGINS", str(tmp_path / "plugins"))
    (folder / "unwell.py").write_text(UNWELL)
    return folder


def unwell(setup: Setup, deadly: bool) -> Setup:
    kind = behaviours()["unwell"]
    return replace(setup, behaviours={**setup.behaviours, "unwell": kind(deadly=deadly)})


def test_a_failed_run_is_a_value(setup: Setup, plugins: Path) -> None:
    results = run_batch([unwell(setup, False)], range(8), workers=1)
    failed = [r for r in results if isinstance(r, Failure)]
    assert 0 < len(failed) < 8
    assert {r.message for r in failed} == {"RuntimeError: felt unwell"}
    assert "in traders" in failed[0].trace
    well = run_one(setup, Task(0, 0))
    assert isinstance(well, Outcome)


def test_a_worker_that_dies_takes_only_its_own_run_along(setup: Setup, plugins: Path) -> None:
    ill = [
        r.task.seed
        for r in run_batch([unwell(setup, False)], range(4), 1)
        if isinstance(r, Failure)
    ]
    results = run_batch([unwell(setup, True)], range(4), workers=2)
    dead = [r.task.seed for r in results if isinstance(r, Failure)]
    assert dead == ill
    assert all("worker died" in r.message for r in results if isinstance(r, Failure))


def test_progress_tells_what_is_left() -> None:
    assert said(1, 4, 0, 10.0) == "run 1 of 4, about 30 s left"
    assert said(2, 100, 1, 60.0) == "run 2 of 100, 1 failed, about 49 min left"
    assert said(4, 4, 0, 10.0) == "run 4 of 4"
    told: list[str] = []
    tasks = tasks_of(1, range(2))
    results = [Failure(tasks[1], "x"), Failure(tasks[0], "y")]
    assert [r.task for r in follow(results, tasks, told.append)] == tasks
    assert len(told) == 2
    assert follow([], tasks)[0] == Failure(tasks[0], "lost with its worker")


def test_faint_leverage_moves_no_price(setup: Setup) -> None:
    """What is forced without price effect scales with the share, and prices stay the same."""
    small = Simulation(faint(setup), 1).run()
    smaller = Simulation(faint(setup, FAINT / 100), 1).run()
    assert forced_usd(small) > 0
    assert forced_usd(smaller) * 100 == pytest.approx(forced_usd(small), rel=1e-3)
    assert abs(small.series["mid"] / smaller.series["mid"] - 1).max() < 1e-4


def test_the_multiplier_of_a_faint_population_is_one(setup: Setup) -> None:
    alone = Simulation(faint(setup), 1).run()
    assert cascade_multiplier(alone, alone, 1.0) == 1.0
    whole = Simulation(setup, 1).run()
    assert cascade_multiplier(whole, alone, FAINT) >= 0.999


def test_an_account_taken_out_is_not_forced(setup: Setup) -> None:
    run = Simulation(setup, 1).run()
    (first, *_) = largest_forced(run, 3)
    totals = {int(a): forced(run).usd[forced(run).account == a].sum() for a in forced(run).account}
    assert totals[first] == max(totals.values())
    rest = Simulation(without(setup, first), 1).run()
    mine = forced(rest)
    assert mine.usd[mine.account == first].sum() < 1.0
    found = domino(run, first, rest)
    assert found.own_usd == pytest.approx(totals[first])
    assert found.own_usd + found.others_usd == pytest.approx(forced_usd(run) - forced_usd(rest))


def test_plug_ins_from_outside_are_named_in_a_scenario(tmp_path: Path, plugins: Path) -> None:
    text = SMALL + "[behaviours.unwell]\ndeadly = false\n"
    results = run_batch([stage(load_scenario(written(tmp_path, text)))], range(4), workers=2)
    assert {type(r) for r in results} == {Outcome, Failure}


def test_a_setup_that_workers_cannot_read_says_so(setup: Setup, plugins: Path) -> None:
    broken = unwell(setup, False)
    (plugins / "unwell.py").unlink()
    results = run_batch([broken], range(2), workers=2)
    assert all(isinstance(r, Failure) and "unwell" in r.message for r in results), results
