"""The commands of the market in motion: simulate, replay, compare."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from seawall.app.showing import Format, FormatOption, ReportOption, progress_for, show

SeedOption = Annotated[int, typer.Option(min=0, help="Seed of the run, and the first of several.")]
WorkersOption = Annotated[
    int | None, typer.Option(min=1, max=4096, help="Processes; one a core if left out.")
]
ClusterOption = Annotated[
    str | None,
    typer.Option(metavar="ADDRESS", help="Run on a Ray cluster: its address, or 'local'."),
]


def simulate_command(
    scenario: Annotated[
        str, typer.Argument(metavar="SCENARIO", help="Name of a scenario, or its TOML file.")
    ],
    seed: SeedOption = 0,
    runs: Annotated[int, typer.Option(min=1, max=1_000_000, help="Runs, seed by seed.")] = 1,
    workers: WorkersOption = None,
    cluster: ClusterOption = None,
    paired: Annotated[
        bool, typer.Option(help="Also run it without leverage: multiplier, amplification.")
    ] = True,
    domino: Annotated[
        int, typer.Option(min=0, max=1000, help="Take out each of the N hardest hit in turn.")
    ] = 0,
    until: Annotated[
        str | None, typer.Option(metavar="SPAN", help="Pause there, such as 30m; needs --save.")
    ] = None,
    save: Annotated[
        Path | None, typer.Option(metavar="FILE.npz", help="Keep the run; paused if --until.")
    ] = None,
    resume: Annotated[
        Path | None, typer.Option(metavar="FILE.npz", help="Go on with a paused run.")
    ] = None,
    format: FormatOption = Format.TABLE,
    report: ReportOption = None,
) -> None:
    """Run a scenario: who is liquidated when, how far prices fall, who pays."""
    from seawall.app import sim_api

    with progress_for(report) as say:
        made = sim_api.simulate(
            scenario,
            seed=seed,
            runs=runs,
            workers=workers,
            cluster=cluster,
            paired=paired,
            domino=domino,
            until=until,
            save=save,
            resume=resume,
            progress=say,
        )
    show(made, format, report)


def replay_command(
    run: Annotated[str, typer.Argument(metavar="RUN", help="What simulate --save wrote.")],
    format: FormatOption = Format.TABLE,
    report: ReportOption = None,
) -> None:
    """Show a saved run again, without running it."""
    from seawall.app import sim_api

    with progress_for(report) as say:
        say(f"reading {run}")
        made = sim_api.replay(run)
    show(made, format, report)


def compare_command(
    base: Annotated[str, typer.Argument(metavar="BASE", help="Scenario as it is.")],
    reform: Annotated[str, typer.Argument(metavar="REFORM", help="Scenario with the change.")],
    runs: Annotated[int, typer.Option(min=2, max=1_000_000, help="Runs of each.")] = 20,
    seed: SeedOption = 0,
    workers: WorkersOption = None,
    cluster: ClusterOption = None,
    format: FormatOption = Format.TABLE,
    report: ReportOption = None,
) -> None:
    """What a reform changes: both scenarios on the same random numbers, with 95% intervals."""
    from seawall.app import sim_api

    with progress_for(report) as say:
        made = sim_api.compare(
            base, reform, runs=runs, seed=seed, workers=workers, cluster=cluster, progress=say
        )
    show(made, format, report)
