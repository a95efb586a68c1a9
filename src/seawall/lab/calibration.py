"""Fitting named parameters to measured moments: a seeded search, then draws that fit as well.

A :class:`Problem` says what is free, how a run is measured and how far that lies from the
targets. :func:`search` looks for the values of least loss, trial by trial; :func:`accept` keeps
draws around them, each with a seed of its own, so that a band over them holds what is not known of
the parameters and what chance does.
"""

from __future__ import annotations

import json
import math
import multiprocessing
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from seawall.core import InputError, Mistake

Values = Mapping[str, float]
Say = Callable[[str], None]

LIMIT = 4.0
"""Error, in scales, from which on a further miss hardly counts."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A free parameter: its range, whether it is searched in its log, what it is."""

    name: str
    low: float
    high: float
    log: bool = False
    text: str = ""

    def at(self, place: float) -> float:
        """Value at a place from 0 (``low``) to 1 (``high``)."""
        if self.log:
            return float(self.low * (self.high / self.low) ** place)
        return float(self.low + (self.high - self.low) * place)

    def place(self, value: float) -> float:
        """Where a value stands in the range: 0 at ``low``, 1 at ``high``."""
        if self.log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)


class Problem(Protocol):
    """What is fitted; it must be picklable to be measured in other processes."""

    @property
    def parameters(self) -> Sequence[Parameter]:
        """What is free."""

    def measure(self, values: Values, seed: int) -> dict[str, float]:
        """Moments of one run."""

    def loss(self, measured: Mapping[str, float]) -> float:
        """How far moments lie from the targets, >= 0."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One set of values that was tried, and its mean loss over the seeds."""

    number: int
    values: dict[str, float]
    loss: float


@dataclass(frozen=True, slots=True)
class Draw:
    """One set of values with a seed: what it measured, and its loss."""

    values: dict[str, float]
    seed: int
    measured: dict[str, float]
    loss: float


def robust_loss(errors: Iterable[float], limit: float = LIMIT) -> float:
    """Mean of e^2 / (1 + (e / limit)^2): squares for small errors, at most ``limit``^2 for each.

    A NaN, a moment that never came about, counts as infinitely far off.

    Source: Geman and McClure (1987), Bulletin of the ISI 52, 5-21.
    """
    squares = np.square(np.array(list(errors), dtype=np.float64))
    bounded = np.where(np.isfinite(squares), squares / (1.0 + squares / limit**2), limit**2)
    return float(bounded.mean())


def search(
    problem: Problem,
    trials: int,
    seed: int = 0,
    start: Values | None = None,
    seeds: Sequence[int] = (0,),
    log: Path | None = None,
    workers: int = 1,
    progress: Say | None = None,
    radius: float = 1.0,
) -> tuple[Trial, ...]:
    """Look for the values of least loss by a tree of Parzen estimators.

    Parameters
    ----------
    problem
        What is fitted.
    trials
        Trials in all, those of ``log`` among them.
    seed
        Of the search: same seed and trials before, same next trial.
    start
        Values of the first trial; the middle of every range if None.
    seeds
        Seeds that every trial is run with; its loss is the mean over them.
    log
        File of JSON lines to which every trial is added at once. A search with the log of an
        earlier one goes on where that stopped, as if it had never stopped.
    workers
        Processes over which a trial's seeds are spread.
    progress
        Told how far it is.
    radius
        How far from the start it looks, share of each range: a first search is wide, a second
        from what that found narrow.

    Raises
    ------
    InputError
        If optuna is not installed, or the log belongs to other parameters.

    Source: Bergstra, Bardenet, Bengio and Kegl (2011), NIPS 24, 2546-2554.
    """
    optuna = _optuna()
    first = dict(start or {p.name: p.at(0.5) for p in problem.parameters})
    spaces = {}
    for p in problem.parameters:
        place = p.place(first[p.name])
        ends = (p.at(max(place - radius, 0.0)), p.at(min(place + radius, 1.0)))
        spaces[p.name] = optuna.distributions.FloatDistribution(*ends, log=p.log)
    study = optuna.create_study()
    done = _logged(log, problem.parameters)[:trials]
    for trial in done:
        study.add_trial(
            optuna.trial.create_trial(
                params=trial.values, distributions=spaces, value=min(trial.loss, 1e300)
            )
        )
    while len(done) < trials:
        number = len(done)
        # a sampler of its own for every trial: the next one depends on the log alone
        study.sampler = optuna.samplers.TPESampler(
            seed=seed * 1_000_003 + number, multivariate=True, n_startup_trials=0
        )
        if number == 0:
            study.enqueue_trial(first)
        asked = study.ask(spaces)
        values = {name: float(asked.params[name]) for name in spaces}
        losses = [problem.loss(m) for m in measured(problem, [values] * len(seeds), seeds, workers)]
        trial = Trial(number, values, float(np.mean(losses)))
        study.tell(asked, trial.loss)
        done.append(trial)
        _note(log, trial)
        if progress:
            progress(f"trial {number + 1} of {trials}: least loss {best(done).loss:.3g}")
    return tuple(done)


def best(trials: Sequence[Trial]) -> Trial:
    """The trial of least loss, the first of equals."""
    return min(trials, key=lambda t: (t.loss, t.number))


def accept(
    problem: Problem,
    centre: Values,
    draws: int,
    kept: int,
    spread: float = 0.05,
    seed: int = 0,
    workers: int = 1,
    progress: Say | None = None,
) -> tuple[Draw, ...]:
    """Approximate posterior: draws around the centre, those of least loss kept.

    Parameters
    ----------
    problem, centre
        What is fitted, and the values found.
    draws, kept
        How many are drawn and how many of them accepted.
    spread
        Standard deviation of a draw around the centre, share of each range; a draw beyond an end
        is reflected there. It bounds how wide the posterior can come out.
    seed, workers, progress
        As for :func:`search`; draw ``k`` is run with seed ``seed + k``.

    Returns
    -------
    The accepted draws, best first.

    Source: Beaumont, Zhang and Balding (2002), Genetics 162, 2025-2035: rejection by distance.
    """
    rng = np.random.default_rng(seed)
    moves = rng.standard_normal((draws, len(problem.parameters))) * spread
    values = [_moved(problem.parameters, centre, row) for row in moves]
    seeds = [seed + k for k in range(draws)]
    found = measured(problem, values, seeds, workers, progress)
    made = [
        Draw(dict(v), s, m, problem.loss(m)) for v, s, m in zip(values, seeds, found, strict=True)
    ]
    return tuple(sorted(made, key=lambda d: (d.loss, d.seed))[:kept])


def measured(
    problem: Problem,
    values: Sequence[Values],
    seeds: Sequence[int],
    workers: int = 1,
    progress: Say | None = None,
) -> list[dict[str, float]]:
    """Moments of every pair of values and seed, in their order, over processes."""
    found: list[dict[str, float]] = []
    count = min(workers, len(seeds))
    pairs = list(zip(values, seeds, strict=True))
    if count <= 1:
        for k, (value, seed) in enumerate(pairs):
            found.append(problem.measure(value, seed))
            if progress:
                progress(f"run {k + 1} of {len(pairs)}")
        return found
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(count, mp_context=context) as pool:
        made = pool.map(problem.measure, *zip(*pairs, strict=True))
        for k, one in enumerate(made):
            found.append(one)
            if progress:
                progress(f"run {k + 1} of {len(pairs)}")
    return found


def band(measured: Sequence[Mapping[str, float]], name: str) -> tuple[float, float, float]:
    """5% quantile, median and 95% quantile of one moment over runs; NaN where none has it."""
    values: NDArray[np.float64] = np.array([m[name] for m in measured], dtype=np.float64)
    values = values[np.isfinite(values)]
    if not len(values):
        return math.nan, math.nan, math.nan
    low, middle, high = np.quantile(values, (0.05, 0.5, 0.95))
    return float(low), float(middle), float(high)


def _moved(
    parameters: Sequence[Parameter], centre: Values, moves: NDArray[np.float64]
) -> dict[str, float]:
    moved = {}
    for parameter, move in zip(parameters, moves.tolist(), strict=True):
        place = abs(parameter.place(centre[parameter.name]) + move)
        place = min(max(1.0 - abs(1.0 - place), 0.0), 1.0)
        moved[parameter.name] = parameter.at(place)
    return moved


def _optuna() -> Any:
    try:
        import optuna
    except ImportError:
        raise InputError(
            Mistake("optuna is not installed", "study", mend="Install `pip install seawall[study]`")
        ) from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def _logged(log: Path | None, parameters: Sequence[Parameter]) -> list[Trial]:
    """Trials of an earlier search."""
    if log is None or not log.exists():
        return []
    names = {p.name for p in parameters}
    found: list[Trial] = []
    for row, line in enumerate(log.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            known = json.loads(line)
            trial = Trial(int(known["number"]), dict(known["values"]), float(known["loss"]))
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(
                Mistake("not a trial", str(log), row=row, value=str(error), mend="Remove the line.")
            ) from None
        if set(trial.values) != names or trial.number != len(found):
            raise InputError(
                Mistake("a trial of another search", str(log), row=row, mend="Name another file.")
            )
        found.append(trial)
    return found


def _note(log: Path | None, trial: Trial) -> None:
    if log is not None:
        line = {"number": trial.number, "values": trial.values, "loss": trial.loss}
        with log.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
