"""The report of a reform against its base, on common random numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from seawall import __version__
from seawall.lab.compare import Comparison, Difference
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
from seawall.report.simulate import METHOD
from seawall.report.simulate_tables import failure_table, label_of, unit_of
from seawall.sim.scenario import Scenario

SCHEMA = "seawall.compare/1"

Changed = Sequence[tuple[str, Any, Any]]

_LEADING = (
    "forced_usd",
    "accounts_forced",
    "peak_minute_usd",
    "adl_usd",
    "deficits_usd",
    "bad_debt_usd",
    "fund_change_usd",
    "stops_usd",
)


def compare_report(
    base: Scenario, reform: Scenario, changed: Changed, compared: Comparison, seed: int
) -> Report:
    """What the reform changes in every measure, who pays, and what it consists of."""
    return Report(
        schema=SCHEMA,
        title=f"{reform.model.title} against {base.model.title}",
        question=str(reform.model.question),
        answer=_answer(compared, changed),
        headlines=_headlines(compared),
        tables=(
            _difference_table("differences", "What changes", _measures(compared), main=True),
            _difference_table("bearers", "Who pays: gain of each group", _gains(compared)),
            _change_table(changed),
            *((failure_table(compared.failures),) if compared.failures else ()),
        ),
        charts=(
            _chart("leading", "Base and reform", [compared.of(n) for n in _LEADING]),
            _chart("gains", "Gain of each group", _gains(compared)),
        ),
        assumptions=(
            Assumption(
                f"Runs of both scenarios share their random numbers, seed by seed; intervals are "
                f"paired t intervals at 95% over {len(compared.seeds)} seeds, each measure by "
                "itself: of twenty that nothing changes, one leaves out zero by chance.",
                METHOD,
            ),
            Assumption("A model, not a forecast: both sides hold for its parameters.", METHOD),
        ),
        warnings=_warnings(compared, changed),
        inputs=_inputs(base, reform, compared, seed),
        payload=_payload(base, reform, changed, compared, seed),
        sections=(
            Section("Base and reform", ("leading", "differences")),
            Section("Who pays", ("gains", "bearers")),
            Section("What the reform consists of", ("changes",)),
        ),
    )


def _measures(compared: Comparison) -> list[Difference]:
    return [d for d in compared.differences if d.name not in {g.name for g in _gains(compared)}]


def _gains(compared: Comparison) -> list[Difference]:
    every = [d for d in compared.differences if d.name.startswith("gain_usd.")]
    return [compared.of("traders_usd"), *every]


_SAME = {"traders_usd": "all traders", "gain_usd.funds": "funds", "gain_usd.outside": "all others"}
"""Gains of those who are the same in base and reform, whatever befell them."""


def _answer(compared: Comparison, changed: Changed) -> tuple[str, ...]:
    forced = compared.of("forced_usd")
    lines = [
        f"Liquidated on average: {text(forced.base[0], Unit.USD)} in the base, "
        f"{text(forced.reform[0], Unit.USD)} under the reform: {_in_words(forced)}"
    ]
    clear = [d for d in map(compared.of, _SAME) if d.clear]
    for wins, verb in ((True, "better"), (False, "worse")):
        names = [
            f"{_SAME[d.name]} by {text(abs(d.change[0]), Unit.USD)}"
            for d in clear
            if (d.change[0] > 0) == wins
        ]
        if names:
            lines.append(f"Who is {verb} off: {', '.join(names)}.")
    if not clear:
        lines.append("For neither traders, funds nor others is the change beyond chance.")
    worse = [
        label_of(n).lower()
        for n in ("peak_minute_usd", "adl_usd", "bad_debt_usd", "deficits_usd")
        if compared.of(n).clear and compared.of(n).change[0] > 0
    ]
    if worse:
        lines.append(f"It makes worse: {', '.join(worse)}.")
    if not changed:
        lines.append("The two scenarios are the same.")
    return tuple(lines)


def _in_words(d: Difference) -> str:
    unit = unit_of(d.name)
    spread = f"{text(d.change[1], unit)} to {text(d.change[2], unit)}"
    if d.change[0] == 0 and d.change[1] == d.change[2]:
        return "no difference in any run."
    if not d.clear:
        return f"a difference of {text(d.change[0], unit)} that may be chance ({spread} at 95%)."
    return f"{text(d.change[0], unit)} ({spread} at 95%)."


def _headlines(compared: Comparison) -> tuple[Headline, ...]:
    return tuple(
        Headline(
            f"change.{n}",
            f"{label_of(n)}: change",
            compared.of(n).change[0],
            unit_of(n),
            Kind.MODELLED,
            note=_spread(compared.of(n)),
        )
        for n in _LEADING
    )


def _spread(d: Difference) -> str:
    unit = unit_of(d.name)
    if math.isnan(d.change[1]):
        return ""
    return f"95%: {text(d.change[1], unit)} … {text(d.change[2], unit)}"


def _span(d: Difference) -> str | None:
    unit = unit_of(d.name)
    if math.isnan(d.change[1]):
        return None
    return f"{text(d.change[1], unit)} to {text(d.change[2], unit)}"


def _difference_table(
    key: str, title: str, rows: Sequence[Difference], main: bool = False
) -> Table:
    def cell(value: float, name: str) -> Quantity:
        return Quantity(value, unit_of(name))

    columns = (
        Column("measure", "Measure", brief=True),
        Column("base", "Base", align="right", brief=True),
        Column("reform", "Reform", align="right", brief=True),
        Column("change", "Change", align="right", brief=True),
        Column("interval", "95% of the change", align="right", brief=True, only="terminal"),
        Column("low", "95% from", align="right", only="file"),
        Column("high", "to", align="right", only="file"),
        Column("clear", "Beyond chance", brief=True),
        Column("pairs", "Seeds", Unit.COUNT),
    )
    lines = [
        (
            label_of(d.name),
            cell(d.base[0], d.name),
            cell(d.reform[0], d.name),
            cell(d.change[0], d.name),
            _span(d),
            cell(d.change[1], d.name),
            cell(d.change[2], d.name),
            d.clear,
            d.pairs,
        )
        for d in rows
    ]
    caption = (
        ""
        if main
        else "Groups of traders are by what befell an account in each run: one that a reform saves "
        "from liquidation counts among all other traders there. All traders together, funds and "
        "the rest are the same on both sides."
    )
    return Table(key, title, columns, lines, caption, main, whole=True)


def _change_table(changed: Changed) -> Table:
    def shown(value: Any) -> str:
        return "not set" if value is None else str(value)

    return Table(
        "changes",
        "What the reform changes",
        (
            Column("key", "Setting", brief=True),
            Column("base", "Base", brief=True),
            Column("reform", "Reform", brief=True),
        ),
        [(key, shown(a), shown(b)) for key, a, b in changed],
        whole=True,
    )


def _chart(key: str, title: str, rows: Sequence[Difference]) -> Chart:
    """Means under base and reform with their 95% intervals, of measures in USD."""
    mine = [d for d in rows if unit_of(d.name) is Unit.USD]
    names = [label_of(d.name).removeprefix("Gain, ") for d in mine]
    sides = (
        ("Base", [d.base for d in mine], Tone.MUTED),
        ("Reform", [d.reform for d in mine], Tone.ACCENT),
    )
    return Chart(
        key,
        title,
        ChartKind.BARS,
        "",
        Unit.TEXT,
        "USD, mean and its 95% interval",
        Unit.USD,
        tuple(
            Series(
                name,
                names,
                [v[0] for v in values],
                tone,
                low=[v[1] for v in values],
                high=[v[2] for v in values],
            )
            for name, values, tone in sides
        ),
    )


def _warnings(compared: Comparison, changed: Changed) -> tuple[str, ...]:
    lines = []
    if compared.failures:
        lost = counted(len(compared.failures), "run")
        lines.append(f"{lost} failed; their seeds are in no figure.")
    frame = [k for k, _, _ in changed if k.partition(".")[0] in ("clock", "venues", "population")]
    if frame:
        lines.append(
            f"The scenarios differ in {', '.join(frame[:5])}: runs share less than their noise, "
            "and the difference is not that of a safeguard alone."
        )
    return tuple(lines)


def _inputs(base: Scenario, reform: Scenario, compared: Comparison, seed: int) -> dict[str, Any]:
    return {
        "base": base.name,
        "base digest": "sha256:" + base.digest(),
        "reform": reform.name,
        "reform digest": "sha256:" + reform.digest(),
        "first seed": str(seed),
        "seeds compared": len(compared.seeds),
        "seawall": __version__,
    }


def _payload(
    base: Scenario, reform: Scenario, changed: Changed, compared: Comparison, seed: int
) -> dict[str, Any]:
    def named(values: tuple[float, float, float]) -> dict[str, float]:
        return dict(zip(("mean", "low", "high"), values, strict=True))

    return {
        "inputs": {
            "base": {"scenario": base.name, "digest": "sha256:" + base.digest()},
            "reform": {"scenario": reform.name, "digest": "sha256:" + reform.digest()},
            "first_seed": seed,
            "version": __version__,
        },
        "seeds": list(compared.seeds),
        "interval": "paired t, 95%",
        "changes": [{"key": k, "base": a, "reform": b} for k, a, b in changed],
        "differences": {
            d.name: {
                "base": named(d.base),
                "reform": named(d.reform),
                "change": named(d.change),
                "beyond_chance": d.clear,
                "pairs": d.pairs,
            }
            for d in compared.differences
        },
        "failures": [
            {
                "scenario": ("base", "reform")[f.task.setup],
                "seed": f.task.seed,
                "message": f.message,
            }
            for f in compared.failures
        ],
        "warnings": list(_warnings(compared, changed)),
    }
