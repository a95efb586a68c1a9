"""The market in motion as functions: simulate, replay, compare."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seawall.app.progress import Say, silent
from seawall.core import InputError, Mistake
from seawall.report.model import Report

if TYPE_CHECKING:
    from seawall.sim.batch import Result
    from seawall.sim.engine import Simulation
    from seawall.sim.run import Run
    from seawall.sim.saved import SavedRun
    from seawall.sim.scenario import Scenario
    from seawall.sim.setup import Setup

PathLike = str | os.PathLike[str]


def simulate(
    scenario: PathLike | Scenario,
    *,
    seed: int = 0,
    runs: int = 1,
    workers: int | None = None,
    cluster: str | None = None,
    paired: bool = True,
    domino: int = 0,
    until: str | None = None,
    save: PathLike | None = None,
    resume: PathLike | None = None,
    progress: Say = silent,
) -> Report:
    """Run a scenario and report the run.

    Parameters
    ----------
    scenario
        Name of a scenario that comes with Seawall, the path of a file, or one already read.
    seed
        Of the run that is reported; further runs have the seeds after it.
    runs
        Runs in all; their spread stands beside the first one's figures.
    workers
        Processes of further runs; one a core if None. From a script, start them under
        ``if __name__ == "__main__":``, as with every process pool.
    cluster
        Address of a Ray cluster, or ``local`` for one on this machine.
    paired
        Also run it with a population too small to move prices, for the cascade multiplier and
        the amplification of volatility.
    domino
        Accounts, those most was liquidated of, that are taken out in turn.
    until
        Pause there (``30m``); the state goes to ``save``.
    save
        File that the run is kept in, for :func:`replay`, or the paused state for ``resume``.
    resume
        Paused state to go on from; it brings its seed.
    progress
        Called with what is being done.
    """
    from seawall.report.simulate import simulate_report

    if save is not None:
        from seawall.sim.saved import check_run

        check_run(os.fspath(save))
    progress("reading the scenario")
    known, setup = prepared(scenario, progress)
    stop = _pause(until, setup, save, runs)
    first, before, seed = _run(setup, seed, resume, stop, save, progress)
    rest = list(range(seed + 1, seed + runs)) if stop is None else []
    figures = _paired(setup, first, progress) if paired and stop is None else {}
    dominoes = _dominoes(setup, first, domino, progress) if stop is None else ()
    others = tuple(_many([setup], rest, workers, cluster, progress)) if rest else ()
    saved = _kept(known, setup, first, before, figures, dominoes, others)
    if save is not None and stop is None:
        from seawall.sim.saved import save_run

        save_run(saved, os.fspath(save))
    progress("gathering the figures")
    return simulate_report(saved)


def replay(run: PathLike) -> Report:
    """The report of a run that :func:`simulate` saved."""
    from seawall.report.simulate import simulate_report
    from seawall.sim.saved import load_run

    return simulate_report(load_run(os.fspath(run)))


def compare(
    base: PathLike | Scenario,
    reform: PathLike | Scenario,
    *,
    runs: int = 20,
    seed: int = 0,
    workers: int | None = None,
    cluster: str | None = None,
    progress: Say = silent,
) -> Report:
    """What a reform changes, with 95% intervals, on common random numbers.

    Parameters
    ----------
    base, reform
        Scenarios, by name or path, or already read.
    runs
        Runs of each, 2 or more, with seeds from ``seed`` on.
    workers, cluster, progress
        As in :func:`simulate`.
    """
    from seawall.lab.compare import compare_rows
    from seawall.report.compare import compare_report
    from seawall.sim.scenario import differences

    if runs < 2:
        raise InputError(Mistake("too few runs", "--runs", value=str(runs), allowed="2 or more"))
    progress("reading the scenarios")
    (first, before), (second, after) = prepared(base, progress), prepared(reform, progress)
    _comparable(before, after)
    results = _many([before, after], range(seed, seed + runs), workers, cluster, progress)
    compared = compare_rows(results)
    progress("gathering the figures")
    return compare_report(first, second, differences(first, second), compared, seed)


def _comparable(before: Setup, after: Setup) -> None:
    """Refuse two scenarios that no random number could be common to."""
    wrong = []
    for what, key, a, b in (
        ("steps of different length, s", "clock.step", before.floor.step, after.floor.step),
        ("runs of different length, s", "clock.length", before.floor.seconds, after.floor.seconds),
        ("different markets", "markets", before.floor.markets, after.floor.markets),
    ):
        names = [", ".join(m.name for m in x) if isinstance(x, tuple) else f"{x:g}" for x in (a, b)]
        if names[0] != names[1]:
            wrong.append(
                Mistake(
                    what,
                    key,
                    value=names[1][:200],
                    allowed=f"those of the base, {names[0][:200]}",
                    mend="Compare a scenario with one that extends it.",
                )
            )
    if wrong:
        raise InputError(wrong)


def prepared(scenario: PathLike | Scenario, progress: Say = silent) -> tuple[Scenario, Setup]:
    """A scenario read, its book with it, and made ready to run."""
    from seawall.sim.scenario import Scenario, load_scenario
    from seawall.sim.staging import stage

    known = scenario if isinstance(scenario, Scenario) else load_scenario(scenario)
    book = None
    if known.book_path is not None:
        from seawall.ingest import read_book

        progress(f"reading {known.book_path.name}")
        book = read_book(str(known.book_path))
    progress("drawing the population" if book is None else "laying out the book")
    return known, stage(known, book)


def _pause(until: str | None, setup: Setup, save: PathLike | None, runs: int) -> float | None:
    """Second to pause at; None for the whole run."""
    if until is None:
        return None
    from seawall.sim.scenario import span_seconds

    stop = span_seconds(until, "--until")
    end = setup.floor.seconds
    if not 0 < stop < end:
        raise InputError(
            Mistake("out of range", "--until", value=until, allowed=f"above 0 and below {end:g} s")
        )
    if save is None:
        raise InputError(Mistake("nowhere to keep the paused run", "--until", mend="Add --save."))
    if runs > 1:
        raise InputError(Mistake("only one run can be paused", "--runs", value=str(runs)))
    return stop


def _run(
    setup: Setup,
    seed: int,
    resume: PathLike | None,
    stop: float | None,
    save: PathLike | None,
    progress: Say,
) -> tuple[Run, Any, int]:
    """The run that is reported, equities before it, and its seed."""
    from seawall.sim.batch import equity_of
    from seawall.sim.engine import Simulation

    simulation = Simulation(setup, seed)
    if resume is not None:
        simulation = Simulation.load(os.fspath(resume), setup)
        if simulation.done:
            mend = "Run the scenario without --resume, or lengthen its clock before pausing it."
            raise InputError(Mistake("the run is at its end", os.fspath(resume), mend=mend))
    before = equity_of(Simulation(setup, simulation.seed) if resume else simulation)
    if stop is not None and stop <= simulation.second:
        raise InputError(
            Mistake(
                "the run is past that",
                "--until",
                value=f"{stop:g} s",
                allowed=f"above {simulation.second:g} s",
            )
        )
    _advance(simulation, stop, progress)
    if stop is not None and save is not None:
        simulation.save(Path(save))
    return simulation.result(), before, simulation.seed


def _advance(simulation: Simulation, stop: float | None, progress: Say) -> None:
    """Run in parts, so that the time left can be told."""
    import time

    begin, first = time.monotonic(), simulation.second
    end = simulation.setup.floor.seconds if stop is None else stop
    parts = 50
    for part in range(1, parts + 1):
        simulation.advance(first + (end - first) * part / parts)
        passed = time.monotonic() - begin
        left = passed / part * (parts - part)
        progress(f"running, {part / parts:.0%}, about {left:.0f} s left")
    simulation.advance(end)


def _paired(setup: Setup, run: Run, progress: Say) -> dict[str, float]:
    """Figures that need the run without leverage."""
    from seawall.sim.engine import Simulation
    from seawall.sim.measures import amplification, cascade_multiplier, forced_usd
    from seawall.sim.paired import FAINT, faint

    progress("running it without leverage")
    alone = Simulation(faint(setup), run.seed).run()
    figures = {
        "cascade_multiplier": cascade_multiplier(run, alone, FAINT),
        "forced_alone_usd": forced_usd(alone) / FAINT,
    }
    return figures | {f"amplification.{a}": amplification(run, alone, a) for a in run.floor.assets}


def _dominoes(setup: Setup, run: Run, most: int, progress: Say) -> tuple[Any, ...]:
    from seawall.sim.engine import Simulation
    from seawall.sim.paired import domino, largest_forced, without

    found = []
    accounts = largest_forced(run, most) if most else []
    for k, account in enumerate(accounts, start=1):
        progress(f"running it without account {k} of {len(accounts)}")
        rest = Simulation(without(setup, account), run.seed).run()
        found.append(domino(run, account, rest))
    return tuple(found)


def _many(
    setups: Sequence[Setup],
    seeds: Sequence[int],
    workers: int | None,
    cluster: str | None,
    progress: Say,
) -> list[Result]:
    if cluster is not None:
        from seawall.sim.cluster import run_on_cluster

        address = None if cluster == "local" else cluster
        return run_on_cluster(setups, seeds, address, workers, progress)
    from seawall.sim.batch import run_batch

    return run_batch(setups, seeds, workers, progress)


def _kept(
    scenario: Scenario,
    setup: Setup,
    run: Run,
    before: Any,
    paired: dict[str, float],
    dominoes: tuple[Any, ...],
    others: tuple[Result, ...],
) -> SavedRun:
    from seawall.sim.saved import SavedRun

    book, model = setup.book, scenario.model
    about = {
        "name": scenario.name,
        "title": model.title,
        "question": model.question,
        "reading": model.reading,
        "sources": list(model.sources),
        "digest": scenario.digest(),
        "settings": scenario.settings(),
        "source": book.source,
        "book_digest": book.digest(),
        "accounts": len(book.accounts),
        "positions": len(book),
        "notes": list(book.notes),
    }
    return SavedRun(run, before, about, paired, others, dominoes)
