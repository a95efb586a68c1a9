"""``seawall study odds``: the probabilities of liquidation held against candles that came."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seawall.app.progress import Say
from seawall.app.showing import Format, FormatOption, ReportOption, progress_for, show

if TYPE_CHECKING:
    from seawall.desk.grading import Trials
    from seawall.report.model import Report

ASSETS = "BTC,ETH,SOL,XRP,BNB,DOGE"
HOUR, DAY, WEEK = 3_600.0, 86_400.0, 604_800.0
_FINE_LEVERAGES = (10.0, 20.0, 50.0, 75.0, 100.0)


def odds_study_command(
    candles: Annotated[
        str, typer.Argument(metavar="CANDLES", help="Hourly candles: for a day and a week.")
    ],
    fine: Annotated[
        str | None, typer.Option(metavar="CANDLES", help="Finer ones, for an hour.")
    ] = None,
    asset: Annotated[str, typer.Option(help="Assets, separated by commas.")] = ASSETS,
    since: Annotated[str, typer.Option(help="Day of the first forecast.")] = "2025-02-01",
    until: Annotated[str, typer.Option(help="Day before which the last one is made.")] = (
        "2026-01-18"
    ),
    reduced: Annotated[
        bool, typer.Option("--reduced", help="A forecast every three days, of 500 paths.")
    ] = False,
    write: Annotated[
        Path | None, typer.Option(metavar="FILE.toml", help="Also write the bins that check shows.")
    ] = None,
    format: FormatOption = Format.TABLE,
    report: ReportOption = None,
) -> None:
    """Probabilities of liquidation against what came, walked forward."""
    from seawall.report.desk_grading import grading_report

    assets = tuple(a.strip() for a in asset.split(",") if a.strip())
    with progress_for(report) as say:
        runs = graded(candles, fine, assets, since, until, reduced, say)
        sources = (candles,) if fine is None else (fine, candles)
        made: Report = grading_report(runs, sources)
        if write is not None:
            _write(write, runs)
    show(made, format, report)


def graded(
    candles: str,
    fine: str | None,
    assets: tuple[str, ...],
    since: str,
    until: str,
    reduced: bool,
    progress: Say,
) -> list[Trials]:
    """Forecasts and what came: of an hour from ``fine`` candles, of a day and a week."""
    from seawall.core import parse_time
    from seawall.desk.grading import LEVERAGES, grade
    from seawall.desk.history import read_candles

    ends = parse_time(since), parse_time(until)
    count = 500 if reduced else 2_000
    every = 3 * DAY if reduced else None
    runs = []
    for source, horizons, pace, leverages in (
        (fine, (HOUR,), 4 * HOUR, _FINE_LEVERAGES),
        (candles, (DAY, WEEK), 12 * HOUR, LEVERAGES),
    ):
        if source is None:
            continue
        progress(f"reading {source}")
        read = read_candles(source, assets)
        step = every or pace
        runs.append(
            grade(read, horizons, step, *ends, leverages=leverages, count=count, progress=progress)
        )
    return runs


def _write(file: Path, runs: list[Trials]) -> None:
    from seawall.core import format_time
    from seawall.desk.grades import as_toml
    from seawall.desk.scores import reliability

    rows = tuple(r for t in runs for r in reliability(t))
    first = min(int(t.time[0]) for t in runs)
    last = max(int(t.time[-1]) for t in runs)
    period = f"{format_time(first)[:10]} to {format_time(last)[:10]}"
    file.write_text(as_toml(rows, period, ", ".join(runs[0].assets)), encoding="utf-8")
