"""The same batches over a Ray cluster: the setups are put into its object store once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from seawall.core import InputError, Mistake
from seawall.sim.batch import (
    Failure,
    Result,
    Say,
    Task,
    follow,
    packed,
    run_one,
    tasks_of,
    unpacked,
)
from seawall.sim.setup import Setup


def run_on_cluster(
    setups: Sequence[Setup],
    seeds: Iterable[int],
    address: str | None = None,
    workers: int | None = None,
    progress: Say | None = None,
) -> list[Result]:
    """As :func:`~seawall.sim.batch.run_batch`, over Ray.

    Parameters
    ----------
    setups, seeds, progress
        As there.
    address
        Of a cluster, as ``ray.init`` takes it; None for one on this machine, unless Ray is
        running in this process already.
    workers
        Runs at a time; as many as the cluster has cores if None. On a cluster made here, its
        size.

    Raises
    ------
    InputError
        If Ray is not installed.
    """
    ray = _ray()
    own = not ray.is_initialized()
    if own:
        options = {"address": address} if address else {"num_cpus": workers}
        ray.init(log_to_driver=False, include_dashboard=False, **options)
    try:
        tasks = tasks_of(len(setups), seeds)
        most = workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
        return follow(_results(ray, packed(setups), tasks, most), tasks, progress)
    finally:
        if own:
            ray.shutdown()


def _ray() -> Any:
    try:
        import ray
    except ImportError:
        raise InputError(
            Mistake("Ray is not installed", "cluster", mend="pip install 'seawall[cluster]'")
        ) from None
    return ray


def _results(ray: Any, raw: bytes, tasks: Sequence[Task], most: int) -> Iterator[Result]:
    """Results as they come, ``most`` runs under way at a time."""
    there = ray.put(raw)
    work = ray.remote(num_cpus=1, max_retries=1)(_work)
    waiting = list(reversed(tasks))
    running: dict[Any, Task] = {}
    while waiting or running:
        while waiting and len(running) < most:
            task = waiting.pop()
            running[work.remote(there, task)] = task
        ready, _ = ray.wait(list(running), num_returns=1)
        for reference in ready:
            task = running.pop(reference)
            try:
                yield ray.get(reference)
            except Exception as error:
                yield Failure(task, f"{type(error).__name__}: {error}")


_known: dict[int, tuple[Setup, ...]] = {}


def _work(raw: bytes, task: Task) -> Result:
    """One run on a node; what was unpacked there once stays."""
    key = hash(raw)
    if key not in _known:
        _known.clear()
        _known[key] = unpacked(raw)
    return run_one(_known[key][task.setup], task)
