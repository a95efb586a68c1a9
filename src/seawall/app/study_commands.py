"""The studies, one command each."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from seawall.app.desk_grading import odds_study_command
from seawall.app.plain_help import PlainGroup
from seawall.app.showing import Format, FormatOption, ReportOption, progress_for, show

study_app = typer.Typer(cls=PlainGroup, help="The studies: a model held against what was recorded.")


@study_app.callback()
def _root() -> None:
    """Nothing of its own: every study stands for itself."""


@study_app.command("october-2025")
def october_command(
    reduced: Annotated[
        bool, typer.Option("--reduced", help="Half the accounts, to 22:01 UTC.")
    ] = False,
    runs: Annotated[
        int | None, typer.Option(min=1, max=10_000, help="Runs; 20, or 6 if reduced.")
    ] = None,
    fit: Annotated[bool, typer.Option("--fit", help="Search again before running.")] = False,
    trials: Annotated[
        int, typer.Option(min=1, max=1_000_000, help="Trials of the search, logged ones included.")
    ] = 100,
    draws: Annotated[
        int, typer.Option(min=1, max=1_000_000, help="Draws around what is found; 1 in 3 is kept.")
    ] = 60,
    log: Annotated[
        Path | None,
        typer.Option(metavar="FILE.jsonl", help="Log of the search; an earlier one goes on."),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, max=4096, help="Processes.")] = 1,
    format: FormatOption = Format.TABLE,
    report: ReportOption = None,
) -> None:
    """The crash of 10 October 2025: record, simulation, error, moment by moment."""
    from dataclasses import replace

    from seawall.lab.october_study import FULL, REDUCED, refit, run_study
    from seawall.report.october import october_report

    with progress_for(report) as say:
        found = None
        if fit:
            found = refit(REDUCED, trials, draws, max(1, draws // 3), log, workers, say)
        problem = REDUCED if reduced else FULL
        study = run_study(problem, runs or (6 if reduced else 20), found, workers, say)
        made = october_report(replace(study, refitted=trials if fit else 0))
    show(made, format, report)


@study_app.command("theory")
def theory_command(
    reduced: Annotated[
        bool, typer.Option("--reduced", help="Few seeds and levels: to see that it runs.")
    ] = False,
    format: FormatOption = Format.TABLE,
    report: ReportOption = None,
) -> None:
    """The simulator held against theory: leverage and tails, halts, impact, fire sales."""
    from seawall.lab.theory import run
    from seawall.report.theory import theory_report

    with progress_for(report) as say:
        made = theory_report(run(reduced, say))
    show(made, format, report)


@study_app.command("november-2025")
def november_command(
    reduced: Annotated[
        bool, typer.Option("--reduced", help="A fiftieth of the market, longer steps, 3 seeds.")
    ] = False,
    runs: Annotated[
        int | None,
        typer.Option(
            min=2, max=10_000, help="Seeds; 10, or 3 if reduced; the published tables are of 4."
        ),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, max=4096, help="Processes; one a core if left out.")
    ] = None,
    format: FormatOption = Format.TABLE,
    report: ReportOption = None,
) -> None:
    """November 2025: the record again, what sets off what, what safeguards do, who pays."""
    from seawall.lab.november import run
    from seawall.report.november import november_report

    with progress_for(report) as say:
        made = november_report(run(range(runs) if runs else None, workers, reduced, say))
    show(made, format, report)


@study_app.command("loss-rules")
def loss_rules_command(
    reduced: Annotated[
        bool, typer.Option("--reduced", help="A smaller book, a shorter run, two seeds.")
    ] = False,
    runs: Annotated[int, typer.Option(min=2, max=10_000, help="Seeds.")] = 5,
    format: FormatOption = Format.TABLE,
    report: ReportOption = None,
) -> None:
    """One crash under every loss rule: what winners give up, what stays unpaid."""
    from seawall.lab.sharing import run
    from seawall.report.sharing import sharing_report

    with progress_for(report) as say:
        made = sharing_report(run(range(runs), reduced, say))
    show(made, format, report)


@study_app.command("advice")
def advice_command(
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="FOLDER",
            envvar="SEAWALL_DATA",
            help="Market data: candles and funding; or SEAWALL_DATA.",
            show_default=False,
            show_envvar=False,
        ),
    ] = None,
    reduced: Annotated[
        bool, typer.Option("--reduced", help="The last 140 days, 40 resamples.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Of the resamples.")] = 0,
    format: FormatOption = Format.TABLE,
    report: ReportOption = None,
) -> None:
    """The published advice tried on real hours: each piece alone, all together, all but one."""
    from seawall.core import InputError, Mistake
    from seawall.desk.advice import run_advice
    from seawall.report.desk_advice import advice_report

    if folder is None:
        raise InputError(
            Mistake(
                "no market data named",
                "FOLDER",
                allowed="a folder with candles/ and funding/",
                mend="Name it after the command, or set SEAWALL_DATA",
            )
        )
    with progress_for(report) as say:
        made = advice_report(run_advice(folder, reduced, seed, say))
    show(made, format, report)


study_app.command("odds")(odds_study_command)
