"""The simulator: a day and an hour of three venues, more accounts, memory, two workers."""

from __future__ import annotations

import time
from dataclasses import replace
from statistics import median
from typing import Any

import numpy as np

from bench.clock import duration, once, table
from seawall.core._columns import STOPPED
from seawall.core.hooks import Floor
from seawall.margin import MarginBook
from seawall.rulebook import bind
from seawall.sim import _layout as layout
from seawall.sim.batch import run_batch
from seawall.sim.engine import Simulation
from seawall.sim.scenario import load_scenario
from seawall.sim.setup import Setup
from seawall.sim.staging import stage

ARTICLE = 122_919
"""Accounts of the day that the project's article describes."""
SCENARIO = "price-jump"


def _setup(accounts: int, hours: float, shock: bool = True, step: float = 1.0) -> Setup:
    """Three venues, three assets and their spot markets: the bundled scenario, resized."""
    scenario = load_scenario(SCENARIO)
    people = scenario.model.population.model_copy(update={"accounts": accounts})
    scenario = replace(scenario, model=scenario.model.model_copy(update={"population": people}))
    setup = stage(scenario)
    floor: Floor = replace(setup.floor, step=step, steps=round(hours * 3600 / step))
    return replace(setup, floor=floor, shocks=setup.shocks if shock else {}, record_every=10.0)


def _run(setup: Setup, seed: int) -> tuple[float, float, Any]:
    """Seconds to lay out and to run, and the run."""
    made: list[Simulation] = []
    built = once(lambda: made.append(Simulation(setup, seed)))
    sim = made[0]
    begin = time.perf_counter()
    result = sim.run()
    return built, time.perf_counter() - begin, (sim, result)


def _everyone(setup: Setup) -> float:
    """Seconds to mark every account once in numpy, as a step without thresholds would."""
    margin: MarginBook = bind(setup.book, setup.rules, setup.start)
    x, account = margin.lines, setup.book.positions.account
    rates, deductions = x.rates[x.table], x.deductions[x.table]
    m = len(setup.book.accounts)

    def mark() -> np.ndarray[Any, Any]:
        u = x.u * 0.999
        value = np.abs(x.z) * u
        need = ((rates + x.add[:, None]) * value[:, None] - deductions).max(axis=1) + x.fixed
        worth = margin.balance + np.bincount(account, x.z * (u - x.u0), m)
        return worth <= np.bincount(account, need, m)

    mark()
    return median([once(mark) for _ in range(5)])


def _sent(setup: Setup, seed: int) -> tuple[np.ndarray[Any, Any], int]:
    """Orders of accounts sent, by reason, each as often as it was tried; most in one step."""
    sim = Simulation(setup, seed)
    sent, most = np.zeros(4, dtype=np.int64), 0
    while not sim.done:
        queue = sim.world.queue[: int(sim.world.counts[layout.N_QUEUE])]
        ready = queue[queue[:, layout.Q_READY] <= sim.step, layout.Q_REASON]
        sent += np.bincount(ready, minlength=4)
        most = max(most, len(ready))
        sim.advance(sim.second + setup.floor.step)
    return sent, most


def _orders_of_the_hour(sizes: tuple[int, ...] = (100_000, 1_000_000)) -> None:
    """What the hour of the shock has the engine send, at both sizes, and what an order takes."""
    rows = []
    for accounts in sizes:
        calm, shock = (_setup(accounts, 1.0, shock) for shock in (False, True))
        spent = [median(_run(s, 1)[1] for _ in range(3)) for s in (calm, shock)]
        result = _run(shock, 1)[2][1]
        sent, most = _sent(shock, 1)
        kinds = np.bincount(result.events.kind, minlength=STOPPED + 1)
        rows.append(
            (
                f"{accounts:,}",
                duration(spent[1]),
                duration(spent[0]),
                f"{sent[layout.LIQUIDATE]:,}",
                f"{sent[layout.STOP_OUT]:,}",
                f"{kinds[STOPPED]:,}",
                f"{most:,}",
                duration((spent[1] - spent[0]) / max(int(sent.sum()), 1)),
            )
        )
    table(
        "Orders that the hour of the shock sends, each as often as it was tried",
        ("accounts", "run", "calm", "liquidations", "stops", "filled", "in a second", "an order"),
        rows,
        "`Filled` counts stops that found bids or offers; `in a second` is the most that were tried"
        " in one step; `an order` is what the shock adds to the calm hour, by all that it sent.",
    )


def simulate(full: bool = False) -> None:
    """a day, an hour, ten times the accounts, memory"""
    _run(_setup(3000, 0.05, shock=False), 0)
    rows = []
    cases = [
        ("24 hours, calm", ARTICLE, 24.0, False),
        ("24 hours, 6% shock", ARTICLE, 24.0, True),
        ("1 hour, calm", ARTICLE, 1.0, False),
        ("1 hour, 6% shock", ARTICLE, 1.0, True),
        ("24 hours, 6% shock", 100_000, 24.0, True),
        ("24 hours, 6% shock", 1_000_000, 24.0, True),
        ("1 hour, 6% shock", 100_000, 1.0, True),
        ("1 hour, 6% shock", 1_000_000, 1.0, True),
    ]
    for name, accounts, hours, shock in cases:
        setup = _setup(accounts, hours, shock)
        tries = [_run(setup, 1) for _ in range(3)]
        built, ran = median(t[0] for t in tries), median(t[1] for t in tries)
        sim, result = tries[0][2]
        w = sim.world
        steps = setup.floor.steps
        plain = _everyone(setup) * steps
        kept = sum(getattr(w, k).nbytes for k in ("af", "ai", "pf", "pi", "queue", "found"))
        kept += w.order.nbytes + w.by_market.nbytes
        rows.append(
            (
                f"{name}, {accounts:,} accounts",
                duration(built),
                duration(ran),
                duration(ran / steps),
                f"{len(result.events):,}",
                f"{kept / accounts:.0f} B",
                duration(plain),
                f"{plain / ran:.0f}x",
            )
        )
    table(
        "Simulator, 3 venues x 3 assets and 3 spot markets, steps of 1 s, one thread",
        ("run", "lay out", "run", "a step", "events", "an account", "numpy, all marked", "ratio"),
        rows,
        "`numpy, all marked` is the time it would take numpy merely to mark every account at every"
        " step, from five markings measured beside each run. Medians of three.",
    )
    _orders_of_the_hour()


def _batch_of(setup: Setup, runs: int, workers: int) -> float:
    run_batch([setup], range(2), workers=workers)
    return once(lambda: run_batch([setup], range(runs), workers=workers))


def batch(full: bool = False) -> None:
    """runs over seeds on one worker and on two"""
    rows = []
    for what, accounts, hours, runs in (
        ("8 runs of six hours, 20,000 accounts", 20_000, 6.0, 8),
        ("16 runs of a day, 122,919 accounts", ARTICLE, 24.0, 16),
    ):
        setup = _setup(accounts, hours)
        spent = {w: _batch_of(setup, runs, w) for w in (1, 2)}
        rows.append((what, duration(spent[1]), duration(spent[2]), f"{spent[1] / spent[2]:.2f}x"))
    table("Batches, starting the workers included", ("batch", "one worker", "two", "ratio"), rows)
