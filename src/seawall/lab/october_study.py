"""The study of 10 October 2025: runs over accepted draws held against the record, and the refit."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from seawall.lab.calibration import Draw, Say, accept, band, best, measured, search
from seawall.lab.moments import Moment, october_moments
from seawall.lab.october import Fit, OctoberProblem, stored_fit

FULL = OctoberProblem(share=0.1, step=1.0, until=196.0)
"""As published: a tenth of the accounts, steps of a second, to 24:00 UTC."""
REDUCED = OctoberProblem(share=0.05, step=1.0, until=76.0)
"""As fitted: half the accounts, to 22:01 UTC; what is recorded later is not measured."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One moment: the record and what came out.

    Parameters
    ----------
    moment
        Target, range, scale, whether fitted.
    median, low, high
        Over the runs: median, 5% and 95% quantile; NaN where no run tells.
    """

    moment: Moment
    median: float
    low: float
    high: float

    @property
    def told(self) -> bool:
        """Whether any run tells it."""
        return math.isfinite(self.median)

    @property
    def error(self) -> float:
        """Error of the median, in scales, signed."""
        return self.moment.error(self.median)

    @property
    def covered(self) -> bool:
        """Whether the 5-95% band holds the target."""
        return bool(self.low <= self.moment.target <= self.high)


@dataclass(frozen=True, slots=True)
class Study:
    """What the study found.

    Parameters
    ----------
    problem
        Size of the runs.
    fit
        Parameters and draws.
    findings
        Every moment, in the order of :func:`~seawall.lab.moments.october_moments`.
    seeds
        Seeds that were run.
    refitted
        Trials of a search made now; 0 for the stored fit.
    """

    problem: OctoberProblem
    fit: Fit
    findings: tuple[Finding, ...]
    seeds: tuple[int, ...]
    refitted: int = 0

    def told(self, fitted: bool) -> list[Finding]:
        """The fitted or the predicted moments that the runs tell."""
        return [f for f in self.findings if f.moment.fitted == fitted and f.told]

    def loss(self) -> float:
        """Robust loss of the medians over the fitted moments."""
        return self.problem.loss({f.moment.name: f.median for f in self.findings})


def run_study(
    problem: OctoberProblem = FULL,
    runs: int = 20,
    fit: Fit | None = None,
    workers: int = 1,
    progress: Say | None = None,
) -> Study:
    """Run accepted draws, each with a fresh seed, and hold their moments against the record.

    The seeds a draw was accepted with would flatter it: it was chosen for them as well.

    Parameters
    ----------
    problem
        Size of the runs.
    runs
        How many, with seeds 1, 2, ...; beyond the number of draws those begin again.
    fit
        Parameters and draws; those that come with Seawall if None. Without draws the values of
        least loss are run.
    workers, progress
        Processes, and who is told how far it is.
    """
    fit = fit or stored_fit()
    draws = fit.draws or (Draw(fit.values, 0, {}, 0.0),)
    chosen = [draws[k % len(draws)] for k in range(runs)]
    seeds = list(range(1, runs + 1))
    found = measured(problem, [d.values for d in chosen], seeds, workers, progress)
    return Study(problem, fit, findings_of(found), tuple(seeds))


def findings_of(found: Sequence[Mapping[str, float]]) -> tuple[Finding, ...]:
    """Every moment over some runs."""
    made = []
    for moment in october_moments():
        low, median, high = band(found, moment.name)
        made.append(Finding(moment, median, low, high))
    return tuple(made)


def refit(
    problem: OctoberProblem = REDUCED,
    trials: int = 100,
    draws: int = 60,
    kept: int = 20,
    log: Path | None = None,
    workers: int = 1,
    progress: Say | None = None,
    radius: float = 0.12,
) -> Fit:
    """Search again, from the stored values, then accept draws around what is found.

    Parameters
    ----------
    problem
        Size of the runs; every trial is run with three seeds.
    trials, log, radius
        As for :func:`~seawall.lab.calibration.search`.
    draws, kept
        As for :func:`~seawall.lab.calibration.accept`.
    workers, progress
        Processes, and who is told how far it is.
    """
    known = stored_fit()
    tried = search(
        problem,
        trials,
        seed=7,
        start=known.values,
        seeds=(1, 2, 3),
        log=log,
        workers=workers,
        progress=progress,
        radius=radius,
    )
    values = best(tried).values
    accepted = accept(problem, values, draws, kept, seed=1000, workers=workers, progress=progress)
    return replace(known, values=values, draws=accepted)
