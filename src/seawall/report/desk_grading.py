"""The report of the odds' grading: what was predicted against what came."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from seawall import __version__
from seawall.core import format_time
from seawall.desk.grading import MODELS, Trials
from seawall.desk.scores import (
    LEVELS,
    Brier,
    Exceedance,
    Reliability,
    brier,
    exceedances,
    reliability,
    reliability_by_group,
)
from seawall.report.model import (
    Assumption,
    Chart,
    ChartKind,
    Column,
    Headline,
    Kind,
    Report,
    Section,
    Series,
    Shape,
    Table,
    Tone,
    Unit,
)
from seawall.report.numbers import text

SCHEMA = "seawall.odds-grading/1"
_TAGS = {3_600.0: "1h", 86_400.0: "1d", 604_800.0: "1w"}
_WORDS = {"seawall": "ours", "ewma": "EWMA", "normal": "normal"}


def grading_report(runs: Sequence[Trials], sources: Sequence[str]) -> Report:
    """Reliability, Brier scores and exceedances of the tail, of one walk forward or several.

    Parameters
    ----------
    runs
        Forecasts and what came; each with its own horizons.
    sources
        Where the candles of each run came from.
    """
    ours = [r for t in runs for r in reliability(t)]
    rivals = {m: [r for t in runs for r in reliability(t, k)] for k, m in enumerate(MODELS)}
    grouped = [(g, r) for t in runs for g, rows in reliability_by_group(t).items() for r in rows]
    calls = [r for t in runs for r in reliability(t, call=True)]
    scores = [b for t in runs for b in brier(t)]
    tails = [e for t in runs for e in exceedances(t)]
    whole = [r for r in ours if (r.above, r.below) == (0.0, 1.0)]
    return Report(
        schema=SCHEMA,
        title="Odds of liquidation, graded",
        question="Did what was predicted come about as often as predicted?",
        answer=_answer(whole, ours, scores),
        headlines=tuple(_headline(r) for r in whole),
        tables=(
            _reliability_table(ours, rivals, calls),
            _group_table(grouped),
            _brier_table(scores),
            _tail_table(tails),
        ),
        charts=tuple(_chart(ours, h) for h in dict.fromkeys(r.horizon for r in ours)),
        assumptions=(
            Assumption(
                "Nothing that came later was known to a forecast; the model was fitted again "
                "every week. Positions stand alone: no liquidation moves a price here.",
                "docs/methods/odds.md",
            ),
            Assumption(
                "Rivals: Brownian prices in closed form, with RiskMetrics' variance (EWMA, 0.94 a "
                "day) and with that of the last 30 days (normal)."
            ),
        ),
        inputs=_inputs(runs, sources),
        payload={
            "reliability": {m: [_record(r) for r in rows] for m, rows in rivals.items()},
            "calls": [_record(r) for r in calls],
            "by_asset": [{"group": g, **_record(r)} for g, r in grouped],
            "brier": [asdict(b) for b in scores],
            "exceedances": [asdict(e) for e in tails],
        },
        sections=(
            Section("Reliability", ("reliability", "by_asset")),
            Section("Brier score", ("brier",)),
            Section("The tails", ("tails",)),
        ),
    )


def _record(row: Reliability) -> dict[str, Any]:
    return {**asdict(row), "ratio": row.ratio, "calibrated": row.calibrated}


def _tag(horizon: float) -> str:
    return _TAGS.get(horizon, f"{horizon:g} s")


def _inputs(runs: Sequence[Trials], sources: Sequence[str]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for trials, source in zip(runs, sources, strict=True):
        name = ", ".join(map(_tag, trials.horizons))
        first, last = format_time(int(trials.time[0])), format_time(int(trials.time[-1]))
        out[f"{name} from"] = source
        out[f"{name} forecasts"] = f"{len(trials.time):,}, {first} to {last}"
        out[f"{name} accounts"] = f"{len(trials.accounts)} on {', '.join(trials.assets)}"
    return {**out, "seawall": __version__}


def _headline(row: Reliability) -> Headline:
    return Headline(
        f"came_over_predicted_{_tag(row.horizon)}",
        f"Came over predicted, {_tag(row.horizon)}",
        row.ratio,
        Unit.FACTOR,
        Kind.MEASURED,
        row.low,
        row.high,
        f"{text(row.predicted, Unit.FRACTION)} predicted, {text(row.realised, Unit.FRACTION)} came",
    )


def _answer(
    whole: Sequence[Reliability], ours: Sequence[Reliability], scores: Sequence[Brier]
) -> tuple[str, ...]:
    lines = [
        f"Within {_tag(r.horizon)}, {r.ratio:.2f} times as many liquidations came as predicted "
        f"(95% interval {r.low:.2f} to {r.high:.2f})."
        for r in whole
    ]
    bad = [r for r in ours if not r.calibrated and (r.above, r.below) != (0.0, 1.0)]
    if bad:
        said = ", ".join(
            f"{text(r.above, Unit.FRACTION)} to {text(r.below, Unit.FRACTION)} within "
            f"{_tag(r.horizon)} ({r.ratio:.2f} times)"
            for r in bad
        )
        lines.append(f"Not calibrated: probabilities of {said}.")
    for b in scores:
        if b.group == "all":
            gains = ", ".join(
                f"{1.0 - b.score['seawall'] / b.score[m]:+.1%} against {_WORDS[m]}"
                for m in MODELS[1:]
            )
            lines.append(f"Brier skill within {_tag(b.horizon)}: {gains}.")
    return tuple(lines)


def _reliability_table(
    ours: Sequence[Reliability],
    rivals: Mapping[str, Sequence[Reliability]],
    calls: Sequence[Reliability],
) -> Table:
    columns: dict[Column, Sequence[Any]] = {
        Column("horizon", "Within", brief=True): [_tag(r.horizon) for r in ours],
        Column("bin", "Predicted", brief=True): [
            "all" if (r.above, r.below) == (0.0, 1.0) else f"{r.above:.1%} to {r.below:.1%}"
            for r in ours
        ],
        Column("forecasts", "Forecasts", Unit.COUNT, brief=True): [r.forecasts for r in ours],
        Column("predicted", "on average", Unit.FRACTION, brief=True): [r.predicted for r in ours],
        Column("realised", "Came", Unit.FRACTION, brief=True): [r.realised for r in ours],
        Column("ratio", "Ratio", Unit.FACTOR, brief=True): [r.ratio for r in ours],
        Column("low", "from", Unit.FACTOR, brief=True): [r.low for r in ours],
        Column("high", "to", Unit.FACTOR, brief=True): [r.high for r in ours],
        Column("chance_low", "By chance from", Unit.FACTOR): [r.chance_low for r in ours],
        Column("chance_high", "to", Unit.FACTOR): [r.chance_high for r in ours],
    }
    for model in MODELS[1:]:
        name = f"Ratio, {_WORDS[model]}"
        columns[Column(f"ratio_{model}", name, Unit.FACTOR)] = [r.ratio for r in rivals[model]]
    columns[Column("ratio_call", "Ratio, calls", Unit.FACTOR)] = [r.ratio for r in calls]
    return Table.of_columns(
        "reliability", "Predicted and realised", columns, main=True, whole=True,
        caption="Each model's forecasts stand in the bins of its own probabilities. "
        "Intervals: 95%, weeks drawn in blocks of four, all coins and accounts of a week together. "
        "By chance: 95% of the ratios if all forecasts were right, what falls together falling "
        "together.",
    )  # fmt: skip


def _group_table(grouped: Sequence[tuple[str, Reliability]]) -> Table:
    """A row an asset, horizon and bin."""
    rows = [r for _, r in grouped]
    columns: dict[Column, Sequence[Any]] = {
        Column("group", "Accounts", brief=True): [g for g, _ in grouped],
        Column("horizon", "Within", brief=True): [_tag(r.horizon) for r in rows],
        Column("bin", "Predicted", brief=True): [
            "all" if (r.above, r.below) == (0.0, 1.0) else f"{r.above:.0%} to {r.below:.0%}"
            for r in rows
        ],
        Column("forecasts", "Forecasts", Unit.COUNT): [r.forecasts for r in rows],
        Column("predicted", "on average", Unit.FRACTION, brief=True): [r.predicted for r in rows],
        Column("realised", "Came", Unit.FRACTION, brief=True): [r.realised for r in rows],
        Column("ratio", "Ratio", Unit.FACTOR, brief=True): [r.ratio for r in rows],
        Column("low", "from", Unit.FACTOR, brief=True): [r.low for r in rows],
        Column("high", "to", Unit.FACTOR, brief=True): [r.high for r in rows],
    }
    return Table.of_columns(
        "by_asset", "Predicted and realised by asset", columns, whole=True,
        caption="Ours. Intervals: 95%, weeks drawn in blocks of four.",
    )  # fmt: skip


def _brier_table(scores: Sequence[Brier]) -> Table:
    columns: dict[Column, Sequence[Any]] = {
        Column("group", "Accounts", brief=True): [b.group for b in scores],
        Column("horizon", "Within", brief=True): [_tag(b.horizon) for b in scores],
        Column("realised", "Came", Unit.FRACTION, brief=True): [b.realised for b in scores],
    }
    for model in MODELS:
        key = Column(f"brier_{model}", _WORDS[model], Unit.NUMBER, brief=True)
        columns[key] = [b.score[model] for b in scores]
    for model in MODELS[1:]:
        for end, name in (("low", "from"), ("high", "to")):
            key = Column(f"{end}_{model}", f"less {_WORDS[model]}, {name}", Unit.NUMBER)
            columns[key] = [getattr(b, end)[model] for b in scores]
    return Table.of_columns(
        "brier", "Brier scores: mean squared error of the probabilities", columns, whole=True,
        caption="Below 0, the 95% interval of ours less a rival's speaks for ours.",
    )  # fmt: skip


def _tail_table(tails: Sequence[Exceedance]) -> Table:
    """A row an asset, side, horizon and level; the models side by side."""
    keys = [(e.asset, e.side, e.horizon, e.level) for e in tails if e.model == MODELS[0]]
    of = {(e.model, e.asset, e.side, e.horizon, e.level): e for e in tails}
    first = [of[(MODELS[0], *k)] for k in keys]
    columns: dict[Column, Sequence[Any]] = {
        Column("asset", "Asset", brief=True): [e.asset for e in first],
        Column("side", "Side", brief=True): [e.side for e in first],
        Column("horizon", "Within", brief=True): [_tag(e.horizon) for e in first],
        Column("level", "Quantile", Unit.FRACTION, brief=True): [e.level for e in first],
        Column("windows", "Windows", Unit.COUNT, brief=True): [e.windows for e in first],
        Column("expected", "Expected", Unit.NUMBER, brief=True): [e.expected for e in first],
    }
    for model in MODELS:
        rows = [of[(model, *k)] for k in keys]
        columns[Column(f"count_{model}", _WORDS[model].capitalize(), Unit.COUNT, brief=True)] = [
            e.count for e in rows
        ]
        columns[Column(f"coverage_{model}", "p", Unit.FRACTION, brief=model == MODELS[0])] = [
            e.coverage for e in rows
        ]
    clustered = [e.independence for e in first]
    columns[Column("independence", "p, clustering", Unit.FRACTION)] = clustered
    levels = " and ".join(text(x, Unit.FRACTION) for x in LEVELS)
    return Table.of_columns(
        "tails", "Prices beyond a quantile of their lowest and highest", columns, whole=True,
        caption=f"How often the lowest or highest price of a window went beyond its {levels} "
        "quantile. Windows do not overlap. p: exact binomial test; clustering: Christoffersen's.",
    )  # fmt: skip


def _chart(ours: Sequence[Reliability], horizon: float) -> Chart:
    rows = [r for r in ours if r.horizon == horizon and (r.above, r.below) != (0.0, 1.0)]
    names = [f"{r.above:.1%}-{r.below:.1%}" for r in rows]
    low = [r.low * r.predicted for r in rows]
    high = [r.high * r.predicted for r in rows]
    return Chart(
        f"reliability_{_tag(horizon)}", f"Predicted and realised within {_tag(horizon)}",
        ChartKind.BARS, "Predicted", Unit.TEXT, "Frequency", Unit.FRACTION,
        (
            Series("predicted", names, [r.predicted for r in rows], Tone.MUTED),
            Series("came", names, [r.realised for r in rows], Tone.ACCENT, Shape.BARS,
                   low=np.array(low), high=np.array(high)),
        ),
    )  # fmt: skip
