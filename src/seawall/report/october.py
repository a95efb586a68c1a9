"""The report of the study of 10 October 2025: record, simulation, error, moment by moment."""

from __future__ import annotations

import math
from typing import Any

from seawall import __version__
from seawall.lab.october_study import Finding, Study
from seawall.report.model import (
    Assumption,
    Chart,
    ChartKind,
    Column,
    Headline,
    Kind,
    Quantity,
    Report,
    Section,
    Series,
    Table,
    Tone,
    Unit,
)
from seawall.report.numbers import counted, text

SCHEMA = "seawall.study-october/1"
METHOD = "docs/methods/october.md"

_UNITS = {"share": Unit.FRACTION, "USD": Unit.USD, "s": Unit.DURATION, "min": Unit.NUMBER}
_LEADING = ("fall_BTC", "liquidated_usd", "hl_window_usd", "hl_adl_usd")


def october_report(study: Study) -> Report:
    """Target, median, band and error of every moment, and the parameters behind them."""
    return Report(
        schema=SCHEMA,
        title="10 October 2025: what the model makes of it",
        question="How close does the fitted market come to what was recorded that day?",
        answer=_answer(study),
        headlines=_headlines(study),
        tables=(_moment_table(study), _parameter_table(study)),
        charts=(_fall_chart(study),),
        assumptions=(
            Assumption(
                "Bands are 5% to 95% over accepted draws of the parameters, each with a seed of "
                "its own: they hold what the fit leaves open as far as draws around one optimum "
                "can show it, and chance.",
                METHOD,
            ),
            Assumption(
                "An error is (median - target) / scale; the scale of a moment is half the "
                "sources' range and has a least value; logarithms for USD and seconds.",
                METHOD,
            ),
            Assumption(
                "Fitted are every other coin's fall and recovery and eight moments more; all "
                "else is predicted. Size, timing and reversal of the news are fitted to the day.",
                METHOD,
            ),
        ),
        warnings=_warnings(study),
        inputs={
            "accounts": f"{study.problem.share:.0%} of 500,000, scaled up",
            "step": f"{study.problem.step:g} s",
            "length": f"{study.problem.until:g} min from 20:45 UTC",
            "runs": len(study.seeds),
            "trials of a search made now": study.refitted,
            "seawall": __version__,
        },
        payload=_payload(study),
        sections=(
            Section("Falls by coin", ("falls",)),
            Section("Every moment", ("moments",)),
            Section("Parameters", ("parameters",)),
        ),
    )


def _answer(study: Study) -> tuple[str, ...]:
    lines = []
    for fitted, word in ((True, "fitted"), (False, "predicted")):
        known = study.told(fitted)
        if not known:
            continue
        near = sum(abs(f.error) <= 1 for f in known)
        covered = sum(f.covered for f in known)
        middle = sorted(abs(f.error) for f in known)[len(known) // 2]
        lines.append(
            f"Of {counted(len(known), f'{word} moment')} {near} lie within one scale of the "
            f"target and {covered} have it in their band; the median error is {middle:.1f} scales."
        )
    worst = sorted(study.told(True), key=lambda f: -abs(f.error))[:4]
    missed = "; ".join(f"{f.moment.text} ({_both(f)})" for f in worst if abs(f.error) > 1)
    if missed:
        lines.append(f"Most missed of the fitted ones: {missed}.")
    return tuple(lines)


def _both(finding: Finding) -> str:
    unit = _UNITS[finding.moment.unit]
    return f"{text(finding.median, unit)}, recorded {text(finding.moment.target, unit)}"


def _headlines(study: Study) -> tuple[Headline, ...]:
    by_name = {f.moment.name: f for f in study.findings}
    return tuple(
        Headline(
            f.moment.name,
            f.moment.text,
            f.median,
            _UNITS[f.moment.unit],
            Kind.MODELLED,
            None if math.isnan(f.low) else f.low,
            None if math.isnan(f.high) else f.high,
            note=f"recorded: {text(f.moment.target, _UNITS[f.moment.unit])}",
        )
        for f in (by_name[name] for name in _LEADING)
    )


def _moment_table(study: Study) -> Table:
    columns = (
        Column("moment", "Moment", brief=True),
        Column("target", "Target", align="right", brief=True),
        Column("from", "Sources from", align="right"),
        Column("to", "to", align="right"),
        Column("median", "Median", align="right", brief=True),
        Column("low", "5%", align="right"),
        Column("high", "95%", align="right"),
        Column("error", "Error, scales", Unit.NUMBER, brief=True),
        Column("use", "Use", brief=True),
        Column("inside", "In sources' range"),
        Column("covered", "Target in band"),
    )
    rows = []
    for f in study.findings:
        m, unit = f.moment, _UNITS[f.moment.unit]
        row: list[Any] = [m.text]
        row += [Quantity(x, unit) for x in (m.target, m.low, m.high, f.median, f.low, f.high)]
        row.append(round(f.error, 1) if f.told else math.nan)
        row.append("fitted" if m.fitted else "predicted")
        row += [m.within(f.median), f.covered] if f.told else [None, None]
        rows.append(row)
    caption = "A dash: these runs end before it, or what it counts never came about."
    return Table("moments", "Every moment", columns, rows, caption, main=True, whole=True)


def _parameter_table(study: Study) -> Table:
    columns = (
        Column("parameter", "Parameter", brief=True),
        Column("value", "Least loss", Unit.NUMBER, brief=True),
        Column("low", "Draws from", Unit.NUMBER, brief=True),
        Column("high", "to", Unit.NUMBER, brief=True),
        Column("least", "Range from", Unit.NUMBER),
        Column("most", "to", Unit.NUMBER),
        Column("text", "What it is"),
    )
    rows = []
    for p in study.fit.parameters:
        drawn = [d.values[p.name] for d in study.fit.draws] or [math.nan]
        ends = [float(f"{x:.4g}") for x in (study.fit.values[p.name], min(drawn), max(drawn))]
        rows.append([p.name, *ends, p.low, p.high, p.text])
    return Table("parameters", "Parameters", columns, rows, whole=True)


def _fall_chart(study: Study) -> Chart:
    """Falls of the coins on the home venue, recorded and simulated."""
    mine = [
        f
        for f in study.findings
        if f.moment.name.startswith("fall_") and f.moment.name.count("_") == 1
    ]
    names = [
        f.moment.name.removeprefix("fall_") + ("" if f.moment.fitted else " (predicted)")
        for f in mine
    ]
    return Chart(
        "falls",
        "Fall of each coin to its low",
        ChartKind.BARS,
        "coin",
        Unit.TEXT,
        "fall from 20:50",
        Unit.FRACTION,
        series=(
            Series("recorded", names, [f.moment.target for f in mine], Tone.PRICE),
            Series(
                "simulated, 5-95%",
                names,
                [f.median for f in mine],
                Tone.LOSS,
                low=[f.low for f in mine],
                high=[f.high for f in mine],
            ),
        ),
    )


def _warnings(study: Study) -> tuple[str, ...]:
    said = []
    silent = sum(not f.told for f in study.findings)
    if silent:
        said.append(f"{counted(silent, 'moment')} cannot be told from these runs.")
    if len(study.seeds) < 20:
        said.append(f"A band over {counted(len(study.seeds), 'run')} is a rough one.")
    return tuple(said)


def _payload(study: Study) -> dict[str, Any]:
    return {
        "inputs": {
            "share": study.problem.share,
            "step_s": study.problem.step,
            "minutes": study.problem.until,
            "trials": study.refitted,
            "version": __version__,
        },
        "seeds": list(study.seeds),
        "loss": study.loss(),
        "moments": {
            f.moment.name: {
                "text": f.moment.text,
                "unit": f.moment.unit,
                "target": f.moment.target,
                "sources": [f.moment.low, f.moment.high],
                "median": f.median,
                "low": f.low,
                "high": f.high,
                "error": f.error,
                "fitted": f.moment.fitted,
                "in_sources_range": f.moment.within(f.median),
                "target_in_band": f.covered,
            }
            for f in study.findings
        },
        "parameters": {
            p.name: {
                "value": study.fit.values[p.name],
                "draws": [d.values[p.name] for d in study.fit.draws],
                "range": [p.low, p.high],
                "text": p.text,
            }
            for p in study.fit.parameters
        },
        "warnings": list(_warnings(study)),
    }
