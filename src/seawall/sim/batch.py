"""Many runs, over processes of one machine: one worker a core, the setup sent once to each.

A run that fails is a value, :class:`Failure`, and does not end the batch. Every run depends on
its setup and seed alone, so that results are the same on any number of workers.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import time
import traceback
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Any

from seawall._jit import fresh_cache
from seawall.core import InputError, Mistake
from seawall.rulebook.levers import levers
from seawall.rulebook.losses import loss_rules
from seawall.sim.behaviours import behaviours
from seawall.sim.engine import Simulation
from seawall.sim.setup import Setup
from seawall.sim.shocks import shocks
from seawall.sim.summary import Row, summarise

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Task:
    """One run: which of the batch's setups, and the seed."""

    setup: int
    seed: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """A run that went through: its measures and how long it took, s."""

    task: Task
    row: Row
    seconds: float


@dataclass(frozen=True, slots=True)
class Failure:
    """A run that did not: what was raised, in one line and in full."""

    task: Task
    message: str
    trace: str = ""


Result = Outcome | Failure


def run_one(setup: Setup, task: Task) -> Result:
    """One run, measured; whatever goes wrong in it is a :class:`Failure`."""
    begin = time.perf_counter()
    try:
        simulation = Simulation(setup, task.seed)
        before = equity_of(simulation)
        row = summarise(simulation.run(), before)
    except Exception as error:
        message = f"{type(error).__name__}: {error}"
        return Failure(task, message, traceback.format_exc())
    return Outcome(task, row, time.perf_counter() - begin)


def equity_of(simulation: Simulation) -> Any:
    """Shape (m,): USD equity of each account before the first step."""
    return simulation.result().equity


def tasks_of(setups: int, seeds: Iterable[int]) -> list[Task]:
    """Every setup with every seed, seed by seed."""
    return [Task(s, seed) for seed in seeds for s in range(setups)]


def run_batch(
    setups: Sequence[Setup],
    seeds: Iterable[int],
    workers: int | None = None,
    progress: Say | None = None,
) -> list[Result]:
    """Run every setup with every seed.

    Parameters
    ----------
    setups
        What is run; several are run on common random numbers.
    seeds
        Seeds.
    workers
        Processes; one a core the process may use if None, none but this one if 1.
    progress
        Told what is done and the time left.

    Returns
    -------
    list of Outcome or Failure
        Seed by seed, within a seed in the order of ``setups``.
    """
    tasks = tasks_of(len(setups), seeds)
    count = min(workers or cores(), max(1, len(tasks)))
    if count < 1:
        raise InputError(Mistake("no workers", "workers", value=str(workers), allowed="1 or more"))
    if count == 1:
        return follow((run_one(setups[t.setup], t) for t in tasks), tasks, progress)
    _compile_once(setups)
    return follow(_spread(packed(setups), tasks, count), tasks, progress)


def _compile_once(setups: Sequence[Setup]) -> None:
    """Where kernels are not compiled yet, compile them here and not in every worker at a time."""
    if not fresh_cache():
        return
    for setup in setups:
        # what is wrong with a setup comes out as the failure of its runs
        with contextlib.suppress(Exception):
            Simulation(setup).advance(setup.floor.step)


def cores() -> int:
    """Cores that this process may use."""
    asked = getattr(os, "sched_getaffinity", None)
    return len(asked(0)) if asked else os.cpu_count() or 1


def packed(setups: Sequence[Setup]) -> bytes:
    """Setups as bytes that :func:`unpacked` reads in another process."""
    return pickle.dumps(tuple(setups), protocol=pickle.HIGHEST_PROTOCOL)


def unpacked(raw: bytes) -> tuple[Setup, ...]:
    """The setups again; plug-ins from outside the package are found first."""
    for folder in (behaviours, shocks, levers, loss_rules):
        folder()
    setups: tuple[Setup, ...] = pickle.loads(raw)  # noqa: S301 (our own bytes)
    return setups


def follow(
    results: Iterable[Result], tasks: Sequence[Task], progress: Say | None = None
) -> list[Result]:
    """Gather results as they come, in the order of the tasks, and say how far it is."""
    begin, failed = time.monotonic(), 0
    found: dict[Task, Result] = {}
    for result in results:
        found[result.task] = result
        failed += isinstance(result, Failure)
        if progress:
            passed = time.monotonic() - begin
            progress(said(len(found), len(tasks), failed, passed))
    return [found.get(t, Failure(t, "lost with its worker")) for t in tasks]


def said(done: int, total: int, failed: int, passed: float) -> str:
    """Such as ``run 12 of 100, 1 failed, about 2 min left``."""
    left = passed / done * (total - done)
    words = f"{left / 60:.0f} min" if left >= 90 else f"{left:.0f} s"
    lost = f", {failed} failed" if failed else ""
    return f"run {done} of {total}{lost}" + (f", about {words} left" if done < total else "")


_sent: tuple[Setup, ...] | str = ""
"""What this worker was sent, or why it cannot be read."""


def _receive(raw: bytes) -> None:
    global _sent
    try:
        _sent = unpacked(raw)
    except Exception as error:
        # a worker that fails to begin would look as if it had died
        _sent = f"the setup cannot be read by a worker: {type(error).__name__}: {error}"


def _work(task: Task) -> Result:
    if isinstance(_sent, str):
        return Failure(task, _sent)
    return run_one(_sent[task.setup], task)


def _spread(raw: bytes, tasks: Sequence[Task], count: int) -> Generator[Result, None, None]:
    """Results as workers finish them; a task whose worker dies is a failure of its own."""
    unfinished = yield from _pool(raw, tasks, count)
    for task in unfinished:
        # a worker that dies takes the others' tasks along: each alone, only the one to blame fails
        if (yield from _pool(raw, [task], 1)):
            yield Failure(task, "the worker died, perhaps for want of memory")


def _pool(raw: bytes, tasks: Sequence[Task], count: int) -> Generator[Result, None, Sequence[Task]]:
    """Results of one pool of workers; returns the tasks that were under way when one died."""
    done: set[Task] = set()
    spawn = multiprocessing.get_context("spawn")
    others = set(multiprocessing.active_children())
    with ProcessPoolExecutor(count, spawn, initializer=_receive, initargs=(raw,)) as pool:
        futures: dict[Future[Result], Task] = {}
        for task in tasks:
            try:
                futures[pool.submit(_work, task)] = task
            except BrokenProcessPool:
                break
        broken = len(futures) < len(tasks)
        for future in as_completed(futures):
            try:
                result = future.result()
            except BrokenProcessPool:
                broken = True
                continue
            except Exception as error:
                result = Failure(futures[future], f"{type(error).__name__}: {error}")
            done.add(result.task)
            yield result
        if broken:
            # one that began as the pool broke is told nothing, and would be waited for for ever
            for child in set(multiprocessing.active_children()) - others:
                child.terminate()
    return [t for t in tasks if t not in done]
