"""The report of the study of November 2025: the record again, what sets off what, verdicts."""

from __future__ import annotations

import math
from typing import Any

from seawall import __version__
from seawall.lab.compare import Difference
from seawall.lab.november import NovemberStudy
from seawall.lab.november_variants import CRISIS
from seawall.lab.verdicts import Standing
from seawall.report.model import (
    Assumption,
    Chart,
    ChartKind,
    Headline,
    Kind,
    Report,
    Section,
    Series,
    Tone,
    Unit,
)
from seawall.report.november_tables import UNITS, change_text, tables, worse_by
from seawall.report.numbers import counted, text
from seawall.report.simulate_tables import band_of

SCHEMA = "seawall.study-november/1"
METHOD = "docs/methods/november-study.md"
_LEADING = ("total_usd", "traders", "long_share", "drop.BTC", "ordinary_usd", "ordinary_traders")
_SECTIONS = (
    ("The published advice", ("verdicts",)),
    ("The record again", ("recorded", "record")),
    ("One position, one cluster", ("position", "squeeze")),
    ("Traders", ("traders",)),
    ("Safeguards", ("forced", "safeguards", "thin", "worse")),
    ("Who pays", ("payers_crisis", "payers_thin")),
    ("How it spreads", ("spread", "dominoes")),
)


def november_report(study: NovemberStudy) -> Report:
    """Everything that the study found, as one page."""
    shown = tables(study)
    charts = (_record_chart(study), _forced_chart(study))
    known = {t.key for t in shown} | {c.key for c in charts}
    return Report(
        schema=SCHEMA,
        title="November 2025: the crisis and the path forward",
        question="What did the market of 21 November 2025 set off, and what would safeguards do?",
        answer=_answer(study),
        headlines=_headlines(study),
        tables=shown,
        charts=charts,
        assumptions=_assumptions(study),
        warnings=_warnings(study),
        inputs={
            "accounts": f"{study.accounts:,}, {study.share:.0%} of the market; figures scaled up",
            "step": f"{study.step:g} s",
            "seeds": len(study.seeds),
            "runs that failed": len(study.failures),
            "seawall": __version__,
        },
        payload=_payload(study),
        sections=tuple(
            Section(title, tuple(k for k in keys if k in known)) for title, keys in _SECTIONS
        ),
    )


def _answer(study: NovemberStudy) -> tuple[str, ...]:
    lines = []
    by_key = {x.target.key: x for x in study.targets}
    total = by_key["total_usd"]
    lines.append(
        f"21 November again: {text(total.median, Unit.USD)} liquidated "
        f"({text(total.low, Unit.USD)} to {text(total.high, Unit.USD)}), "
        f"recorded {text(total.target.value, Unit.USD)}."
    )
    for standing in Standing:
        mine = [
            f"{v.claim.text} ({v.holds})" if v.holds else v.claim.text
            for v in study.verdicts
            if v.standing is standing
        ]
        if mine:
            lines.append(f"{str(standing).capitalize()}: {'; '.join(mine)}.")
    worse = [
        v.text
        for v in study.variants
        if v.group in ("traders", "safeguards", "thin")
        and v.key in study.differences
        and worse_by(study.differences[v.key])
    ]
    if worse:
        lines.append(f"Make something worse: {'; '.join(dict.fromkeys(worse))}.")
    return tuple(lines)


def _headlines(study: NovemberStudy) -> tuple[Headline, ...]:
    by_key = {x.target.key: x for x in study.targets}
    found = []
    for x in (by_key[k] for k in _LEADING):
        known = not math.isnan(x.low)
        u = UNITS[x.target.unit]
        found.append(
            Headline(
                x.target.key.replace(".", "_"),
                x.target.text,
                x.median,
                u,
                Kind.MODELLED,
                x.low if known else None,
                x.high if known else None,
                note=f"recorded: {text(x.target.value, u)}",
                band=band_of(len(study.seeds)),
            )
        )
    return tuple(found)


def _record_chart(study: NovemberStudy) -> Chart:
    """Liquidated by venue: recorded beside the runs' median and band."""
    mine = [
        x
        for x in study.targets
        if x.target.unit == "USD" and x.target.key.removesuffix("_usd") in _VENUES
    ]
    names = [_VENUES[x.target.key.removesuffix("_usd")] for x in mine]
    return Chart(
        "recorded",
        "Liquidated by venue, 21 November",
        ChartKind.BARS,
        "",
        Unit.TEXT,
        "USD",
        Unit.USD,
        (
            Series("Recorded", names, [x.target.value for x in mine], Tone.MUTED),
            Series(
                f"Simulated, median and {band_of(len(study.seeds))}",
                names,
                [x.median for x in mine],
                Tone.ACCENT,
                low=[x.low for x in mine],
                high=[x.high for x in mine],
            ),
        ),
    )


_VENUES = {
    "bybit": "Bybit",
    "hyperliquid": "Hyperliquid",
    "binance_usdm": "Binance",
    "htx": "HTX",
    "okx": "OKX",
}


def _forced_chart(study: NovemberStudy) -> Chart:
    """What each safeguard changes in what is liquidated on 21 November."""
    mine = [
        (v.text, study.differences[v.key]["forced_usd"])
        for v in study.variants
        if v.group == "safeguards" and v.key in study.differences
    ]
    names = [name for name, _ in mine]
    return Chart(
        "forced",
        "Change in what is liquidated, by safeguard",
        ChartKind.BARS,
        "",
        Unit.TEXT,
        "USD, mean change and its 95% interval",
        Unit.USD,
        (
            Series(
                "Change",
                names,
                [d.change[0] for _, d in mine],
                Tone.ACCENT,
                low=[d.change[1] for _, d in mine],
                high=[d.change[2] for _, d in mine],
            ),
        ),
    )


def _assumptions(study: NovemberStudy) -> tuple[Assumption, ...]:
    return (
        Assumption(
            "The population is drawn to the record of 21 November on a path that nothing moves; "
            "that the record comes out again with prices moved by forced orders is a test of "
            "the market's depth, not of the population.",
            METHOD,
        ),
        Assumption(
            f"Intervals are paired t intervals at 95% over {counted(len(study.seeds), 'seed')} "
            "on common random numbers, each measure by itself; with some 450 of them about 20 "
            "leave out zero by chance.",
            METHOD,
        ),
        Assumption(
            "The population is one draw and parameters are fixed; neither is in any interval.",
            METHOD,
        ),
        Assumption(
            "The rule of the verdicts was fixed before the runs, for each measure by itself: a "
            "claim of six measures has six chances.",
            METHOD,
        ),
    )


def _warnings(study: NovemberStudy) -> tuple[str, ...]:
    lines = []
    if study.failures:
        lines.append(f"{counted(len(study.failures), 'run')} failed and are in no figure.")
    if study.share < 0.1:
        lines.append("A reduced market in coarse steps: not to read numbers off.")
    return tuple(lines)


def _payload(study: NovemberStudy) -> dict[str, Any]:
    def named(d: Difference) -> dict[str, Any]:
        return {
            "base": d.base[0],
            "change": d.change[0],
            "low": d.change[1],
            "high": d.change[2],
            "pairs": d.pairs,
        }

    return {
        "inputs": {
            "accounts": study.accounts,
            "share": study.share,
            "step_s": study.step,
            "seeds": list(study.seeds),
            "version": __version__,
        },
        "record": [
            {
                "key": x.target.key,
                "role": x.target.role,
                "recorded": x.target.value,
                "median": x.median,
                "low": x.low,
                "high": x.high,
            }
            for x in study.targets
        ],
        "variants": [
            {"key": v.key, "text": v.text, "base": v.base, "group": v.group} for v in study.variants
        ],
        "differences": {
            key: {name: named(d) for name, d in found.items()}
            for key, found in study.differences.items()
        },
        "cascade_multiplier": dict(zip(("low", "median", "high"), study.multiplier, strict=True)),
        "verdicts": [
            {
                "claim": v.claim.text,
                "verdict": str(v.standing),
                "holds": v.holds,
                "reason": v.reason,
                "numbers": [
                    {"comparison": t.comparison, "measure": t.measure, "says": change_text(d)}
                    for t, d in zip(v.claim.tests, v.changes, strict=True)
                ],
            }
            for v in study.verdicts
        ],
        "spread": [
            {
                "asset": s.asset,
                "alone": s.alone[1],
                "fall": s.fall[1],
                "amplification": s.amplification[1],
                "gap": s.gap[1],
                "from_btc": list(s.from_btc),
            }
            for s in study.spread
        ],
        "dominoes": [
            {"market": d.market, "own_usd": d.own_usd, "change": list(d.change)}
            for d in study.dominoes
        ],
        "failures": [f.message for f in study.failures],
        "base": CRISIS,
    }
