"""Study of November 2025: the record again, what sets off what, and what the safeguards do.

See ``docs/methods/november-study.md``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from seawall.lab.compare import Difference
from seawall.lab.november_claims import CLAIMS
from seawall.lab.november_effects import (
    DOMINOES,
    DominoEffect,
    Rows,
    Say,
    Spread,
    compared,
    dominoes,
    ratios,
    spread,
    whole,
)
from seawall.lab.november_record import CompareWith, Target, measured, targets
from seawall.lab.november_variants import CRISIS, ORDINARY, THIN, Variant, variants
from seawall.lab.verdicts import Verdict, judge
from seawall.sim.batch import Failure, Outcome, equity_of, run_batch
from seawall.sim.engine import Simulation
from seawall.sim.paired import FAINT, largest_forced
from seawall.sim.population.recipe import load_recipe
from seawall.sim.scenario import Scenario, load_scenario
from seawall.sim.setup import Setup
from seawall.sim.staging import stage
from seawall.sim.summary import Row, quantiles, summarise

Differences = dict[str, dict[str, Difference]]

SCENARIOS = {CRISIS: "november-2025", ORDINARY: "november-2025-ordinary"}
SEEDS, REDUCED_SEEDS = 10, 3
REDUCED_ACCOUNTS, REDUCED_STEP = 10_000, 10.0


@dataclass(frozen=True, slots=True, eq=False)
class NovemberStudy:
    """What the study found; USD and accounts are of the whole market.

    Attributes
    ----------
    accounts, share
        Accounts simulated, and the share of the market's that they are.
    step, seeds
        Seconds a step; seeds of every variant.
    targets
        The record beside the runs.
    variants, differences
        What was run; by its key and measure, the change against its base.
    rows
        Measures by variant and seed.
    multiplier
        Cascade multiplier of the crisis: 5%, median, 95%.
    spread, dominoes, verdicts
        By asset; by account; by claim.
    failures
        Runs that failed.
    """

    accounts: int
    share: float
    step: float
    seeds: tuple[int, ...]
    targets: tuple[CompareWith, ...]
    variants: tuple[Variant, ...]
    differences: Differences
    rows: Rows
    multiplier: tuple[float, float, float]
    spread: tuple[Spread, ...]
    dominoes: tuple[DominoEffect, ...]
    verdicts: tuple[Verdict, ...]
    failures: tuple[Failure, ...]


def run(
    seeds: Iterable[int] | None = None,
    workers: int | None = None,
    reduced: bool = False,
    progress: Say | None = None,
) -> NovemberStudy:
    """Run the whole study.

    Parameters
    ----------
    seeds
        Seeds of every variant, 2 or more; ``SEEDS`` of them if None, ``REDUCED_SEEDS`` if reduced.
    workers
        Processes; one a core if None.
    reduced
        A small market in coarse steps, few seeds: to see that it runs, not to read numbers off.
    progress
        Told what is done and the time left.
    """
    chosen = tuple(seeds) if seeds is not None else tuple(range(_count(reduced)))
    accounts, step = (REDUCED_ACCOUNTS, REDUCED_STEP) if reduced else (None, None)
    bases = {k: prepared(load_scenario(name), accounts, step) for k, name in SCENARIOS.items()}
    return study(bases, variants(), chosen, workers, progress or _silent)


def _count(reduced: bool) -> int:
    return REDUCED_SEEDS if reduced else SEEDS


def _silent(_: str) -> None:
    return None


def prepared(scenario: Scenario, accounts: int | None = None, step: float | None = None) -> Setup:
    """A scenario ready to run, its market of another size, its steps of another length."""
    model = scenario.model
    if accounts is not None:
        population = model.population
        ratio = accounts / population.accounts  # type: ignore[union-attr]
        markets = model.markets
        assert markets is not None
        model = model.model_copy(
            update={
                "population": population.model_copy(update={"accounts": accounts}),
                "markets": markets.model_copy(
                    update={"depth": {a: x * ratio for a, x in markets.depth.items()}}
                ),
                "funds": {v: x * ratio for v, x in model.funds.items()},
            }
        )
    if step is not None:
        model = model.model_copy(update={"clock": model.clock.model_copy(update={"step": step})})
    return stage(replace(scenario, model=model))


def study(
    bases: Mapping[str, Setup],
    chosen: Sequence[Variant],
    seeds: Sequence[int],
    workers: int | None = None,
    progress: Say = _silent,
) -> NovemberStudy:
    """Run the variants chosen on both bases' setups, seed by seed.

    Parameters
    ----------
    bases
        Setups of ``crisis`` and ``ordinary``.
    chosen
        Variants; every base that one is held against must be among them.
    seeds, workers, progress
        As in :func:`run`.
    """
    rows, failures = run_variants(bases, chosen, seeds, workers, progress)
    return assembled(bases, chosen, rows, failures, seeds, workers, progress)


def run_variants(
    bases: Mapping[str, Setup],
    chosen: Sequence[Variant],
    seeds: Sequence[int],
    workers: int | None = None,
    progress: Say = _silent,
) -> tuple[Rows, tuple[Failure, ...]]:
    """Measures of every variant by seed, of the whole market, and the runs that failed."""
    share = _share(bases)
    setups = [v.change(bases[v.scenario], share) for v in chosen]
    results = run_batch(setups, seeds, workers, lambda x: progress(f"variants: {x}"))
    rows: Rows = {v.key: {} for v in chosen}
    for result in results:
        if isinstance(result, Outcome):
            variant = chosen[result.task.setup]
            size = share * (FAINT if variant.key.endswith("faint") else 1.0)
            rows[variant.key][result.task.seed] = whole(result.row, size)
    return rows, tuple(x for x in results if isinstance(x, Failure))


def _share(bases: Mapping[str, Setup]) -> float:
    return len(bases[CRISIS].book.accounts) / load_recipe().accounts


def assembled(
    bases: Mapping[str, Setup],
    chosen: Sequence[Variant],
    rows: Rows,
    failures: tuple[Failure, ...],
    seeds: Sequence[int],
    workers: int | None = None,
    progress: Say = _silent,
) -> NovemberStudy:
    """The study from its runs: comparisons, the record, dominoes, verdicts."""
    share = _share(bases)
    differences = {v.key: compared(rows[v.base], rows[v.key]) for v in chosen if v.key != v.base}
    differences |= _between(rows)
    figures, accounts = _record(bases[CRISIS], rows, seeds, share, progress)
    taken = dominoes(bases[CRISIS], accounts, rows, seeds, share, workers, progress)
    known = [c for c in CLAIMS if all(t.comparison in differences for t in c.tests)]
    floor = bases[CRISIS].floor
    return NovemberStudy(
        accounts=len(bases[CRISIS].book.accounts),
        share=share,
        step=floor.step,
        seeds=tuple(seeds),
        targets=figures,
        variants=tuple(chosen),
        differences=differences,
        rows=rows,
        multiplier=ratios(rows, CRISIS, "crisis faint", "forced_usd"),
        spread=tuple(spread(rows, a) for a in floor.assets),
        dominoes=taken,
        verdicts=tuple(judge(c, differences) for c in known),
        failures=failures,
    )


_FURTHER = {
    "breaker together - single": ("breaker single", "breaker together"),
    "low and stops - low": ("low leverage", "low and stops"),
    "thin breaker together - single": ("thin breaker single", "thin breaker together"),
    "touch - touch empty": ("touch empty", "touch"),
    "crisis - faint": ("crisis faint", CRISIS),
    "thin - crisis": (CRISIS, THIN),
}
"""Further comparisons: base and other, by name."""


def _between(rows: Rows) -> Differences:
    return {
        name: compared(rows[a], rows[b])
        for name, (a, b) in _FURTHER.items()
        if a in rows and b in rows
    }


def _record(
    setup: Setup, rows: Rows, seeds: Sequence[int], share: float, progress: Say
) -> tuple[tuple[CompareWith, ...], list[int]]:
    """The record beside the crisis and the ordinary day; accounts hit hardest with the first."""
    found: list[dict[str, float]] = []
    hit: list[int] = []
    for k, seed in enumerate(seeds, start=1):
        progress(f"the record: run {k} of {len(seeds)}")
        simulation = Simulation(setup, seed)
        before = equity_of(simulation)
        run = simulation.run()
        found.append(measured(run, share) | whole(summarise(run, before), share))
        hit = hit or largest_forced(run, DOMINOES)
    ordinary = [
        {"ordinary_usd": r["forced_usd"], "ordinary_traders": r["accounts_forced"]}
        for r in rows.get(ORDINARY, {}).values()
    ]
    made = [CompareWith(t, *quantiles(_of(t, found, ordinary), t.key)) for t in targets()]
    return tuple(made), hit


def _of(target: Target, crisis: list[Row], ordinary: list[Row]) -> list[Row]:
    return ordinary if target.key.startswith("ordinary") else crisis
