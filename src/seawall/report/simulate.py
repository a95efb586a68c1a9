"""The report of a simulated run, and of the runs beside it."""

from __future__ import annotations

from typing import Any

import numpy as np

from seawall import __version__
from seawall.core import format_time
from seawall.report import simulate_figures as figures
from seawall.report import simulate_tables as tables
from seawall.report.model import Assumption, Headline, Kind, Report, Section, Unit
from seawall.report.numbers import counted, text
from seawall.sim.batch import Failure, Outcome
from seawall.sim.bearers import waterfalls, who_pays
from seawall.sim.measures import largest_single
from seawall.sim.saved import SavedRun
from seawall.sim.summary import FEW, Row, quantiles, summarise

SCHEMA = "seawall.simulate/1"
METHOD = "docs/methods/simulator.md"


def simulate_report(saved: SavedRun) -> Report:
    """What a run comes to, what it looks like, who pays; with the spread over other seeds."""
    run, about = saved.run, saved.about
    row = summarise(run, saved.equity_before)
    rows = [row, *(x.row for x in saved.others if isinstance(x, Outcome))]
    failures = [x for x in saved.others if isinstance(x, Failure)]
    charts = figures.price_charts(run)
    return Report(
        schema=SCHEMA,
        title=f"Simulation: {about['title']}",
        question=str(about["question"]),
        answer=_answer(saved, row, rows),
        headlines=_headlines(saved, row, rows),
        tables=(
            tables.measure_table(row, rows),
            tables.venue_table(run, waterfalls(run)),
            tables.asset_table(run, row, saved.paired),
            tables.bearer_table(who_pays(run, saved.equity_before)),
            tables.minute_table(run),
            tables.event_table(run),
            *((tables.domino_table(saved.dominoes),) if saved.dominoes else ()),
            *((tables.failure_table(failures),) if failures else ()),
        ),
        charts=(
            *charts,
            *figures.depth_charts(run),
            figures.adl_chart(run),
            figures.fund_chart(run),
            figures.waterfall_chart(waterfalls(run)),
        ),
        replays=(figures.replay_of(run),),
        assumptions=_assumptions(saved),
        warnings=_warnings(saved, failures),
        inputs=_inputs(saved),
        payload=_payload(saved, row, rows, failures),
        sections=(
            Section("The run, played", ("replay",)),
            Section("Prices and liquidations", tuple(c.key for c in charts)),
            Section("Depth", tuple(c.key for c in figures.depth_charts(run))),
            Section("Auto-deleveraging", ("adl",)),
            Section("Measures", ("measures", "assets", "minutes")),
            Section("Who pays", ("waterfall", "bearers", "fund", "venues")),
            Section("What happened", ("events",)),
        ),
    )


def _answer(saved: SavedRun, row: Row, rows: list[Row]) -> tuple[str, ...]:
    usd, share = Unit.USD, Unit.FRACTION
    run = saved.run
    lines = []
    if row["forced_usd"] == 0:
        lines.append("Nothing is liquidated in this run.")
    else:
        long = row["forced_long_usd"] / row["forced_usd"]
        lines.append(
            f"{text(row['forced_usd'], usd)} of positions are liquidated, {text(long, share)} of "
            f"it long, of {counted(int(row['accounts_forced']), 'account')} out of "
            f"{text(len(run.equity), Unit.COUNT)}; the worst minute takes "
            f"{text(row['peak_minute_usd'], usd)}."
        )
    falls = ", ".join(f"{a} {text(row[f'fall.{a}'], share)}" for a in run.floor.assets[:5])
    lines.append(f"Lowest prices against the start: {falls}.")
    multiplier = saved.paired.get("cascade_multiplier", float("nan"))
    if np.isfinite(multiplier):
        lines.append(
            f"The shock alone would liquidate {text(saved.paired['forced_alone_usd'], usd)}; with "
            f"the cascade it is {text(multiplier, Unit.FACTOR)} of that."
        )
    if row["adl_usd"] > 0:
        lines.append(
            f"Winners are deleveraged of {text(row['adl_usd'], usd)}, the first "
            f"{text(row['first_adl_delay_s'], Unit.DURATION)} after the first liquidation."
        )
    worst = row["fund_worst_usd"]
    lines.append(
        f"Funds are {text(abs(worst), usd)} down at their lowest; {text(row['bad_debt_usd'], usd)} "
        "of losses are left unpaid."
    )
    if len(rows) > 1:
        low, middle, high = quantiles(rows, "forced_usd")
        lines.append(
            f"Over {len(rows)} runs {text(middle, usd)} are liquidated in the median, "
            f"{text(low, usd)} to {text(high, usd)} "
            f"{'in all of them' if len(rows) < FEW else 'in nine of ten'}."
        )
    return tuple(lines)


def _headlines(saved: SavedRun, row: Row, rows: list[Row]) -> tuple[Headline, ...]:
    def tile(key: str, label: str, unit: Unit, value: float | None = None) -> Headline:
        low, _, high = quantiles(rows, key) if len(rows) > 1 else (None, None, None)
        shown = row[key] if value is None else value
        return Headline(
            key, label, shown, unit, Kind.MODELLED, low, high, band=tables.band_of(len(rows))
        )

    paired, lead = saved.paired, saved.run.floor.assets[0]
    missing = float("nan")
    return (
        tile("forced_usd", "Liquidated", Unit.USD),
        tile("accounts_forced", "Accounts liquidated", Unit.COUNT),
        tile("peak_minute_usd", "Worst minute", Unit.USD),
        tile("largest_usd", "Largest single liquidation", Unit.USD),
        Headline(
            "cascade_multiplier",
            "Cascade multiplier",
            paired.get("cascade_multiplier", missing),
            Unit.FACTOR,
            Kind.MODELLED,
            note="liquidated over what the shock alone liquidates",
        ),
        Headline(
            "amplification",
            f"Amplification of {lead}'s volatility",
            paired.get(f"amplification.{lead}", missing),
            Unit.FACTOR,
            Kind.MODELLED,
            note="with leverage over without",
        ),
        tile("adl_usd", "Auto-deleveraged", Unit.USD),
        tile("bad_debt_usd", "Bad debt", Unit.USD),
    )


def _assumptions(saved: SavedRun) -> tuple[Assumption, ...]:
    rows = [
        Assumption(
            "A model of markets and of how people act, not a forecast: every figure holds for "
            "this scenario's parameters.",
            METHOD,
        ),
        Assumption(f"Reading expected by the scenario: {saved.about['reading']}"),
    ]
    return (
        *rows,
        *(Assumption(f"Source of the scenario's values: {s}") for s in saved.about["sources"]),
    )


def _warnings(saved: SavedRun, failures: list[Failure]) -> tuple[str, ...]:
    lines = [f"{counted(len(failures), 'run')} failed and are in no figure."] if failures else []
    lines += [str(note) for note in saved.about["notes"]]
    if not saved.paired:
        lines.append("The run beside this one, without leverage, was not made.")
    return tuple(lines)


def _inputs(saved: SavedRun) -> dict[str, Any]:
    about, run = saved.about, saved.run
    return {
        "scenario": about["name"],
        "scenario digest": "sha256:" + about["digest"],
        "seed": str(run.seed),
        "start": format_time(run.start),
        "length": text(run.floor.seconds, Unit.DURATION),
        "step": text(run.floor.step, Unit.DURATION),
        "markets": len(run.floor),
        "book": about["source"],
        "book digest": "sha256:" + about["book_digest"],
        "accounts": about["accounts"],
        "positions": about["positions"],
        "cash and open interest conserved to": f"{max(run.cash_error, run.interest_error):.1e}",
        "seawall": __version__,
    }


def _payload(saved: SavedRun, row: Row, rows: list[Row], failures: list[Failure]) -> dict[str, Any]:
    about, run = saved.about, saved.run
    largest = largest_single(run)
    spread = {}
    if len(rows) > 1:
        for name in row:
            low, middle, high = quantiles(rows, name)
            spread[name] = {"low": low, "median": middle, "high": high}
    return {
        "inputs": {
            "scenario": about["name"],
            "title": about["title"],
            "digest": "sha256:" + about["digest"],
            "seed": run.seed,
            "start": format_time(run.start),
            "seconds": run.floor.seconds,
            "step": run.floor.step,
            "book": about["source"],
            "book_digest": "sha256:" + about["book_digest"],
            "accounts": about["accounts"],
            "positions": about["positions"],
            "version": __version__,
        },
        "measures": row,
        "paired": dict(saved.paired),
        "largest": None if largest is None else {s: getattr(largest, s) for s in largest.__slots__},
        "runs": len(rows),
        "spread": spread,
        "failures": [{"seed": f.task.seed, "message": f.message} for f in failures],
        "by_minute": tables.minutes(run),
        "venues": [{s: getattr(w, s) for s in (*w.__slots__, "by_fund")} for w in waterfalls(run)],
        "who_pays": [
            {s: getattr(b, s) for s in b.__slots__} for b in who_pays(run, saved.equity_before)
        ],
        "domino": [{s: getattr(d, s) for s in d.__slots__} for d in saved.dominoes],
        "events": tables.event_counts(run),
        "conservation": {"cash": run.cash_error, "open_interest": run.interest_error},
        "warnings": list(_warnings(saved, failures)),
    }
