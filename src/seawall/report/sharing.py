"""The report of one crash under every loss rule."""

from __future__ import annotations

from seawall import __version__
from seawall.lab.sharing import FALL, MEASURES, SharingStudy
from seawall.report.model import (
    Assumption,
    Column,
    Headline,
    Kind,
    Report,
    Section,
    Table,
    Unit,
)
from seawall.report.numbers import text

SCHEMA = "seawall.study-loss-rules/1"
METHOD = "docs/methods/losses.md"

_TITLES = {
    "forced_usd": "Liquidated",
    "deficits_usd": "Deficits",
    "adl_usd": "Deleveraged",
    "adl_accounts": "Accounts hit",
    "given_up_usd": "Given up by winners",
    "overshoot_usd": "Beyond the deficits",
    "paid_usd": "Paid in cash",
    "fund_change_usd": "Funds, change",
    "bad_debt_usd": "Bad debt",
}
_BRIEF = ("adl_usd", "given_up_usd", "overshoot_usd", "paid_usd", "bad_debt_usd")


def sharing_report(study: SharingStudy) -> Report:
    """Every rule beside the others."""
    columns = [Column("rule", "Rule", brief=True), Column("title", "What it is")]
    for name in MEASURES:
        unit = Unit.COUNT if name == "adl_accounts" else Unit.USD
        columns.append(Column(name, _TITLES[name], unit, brief=name in _BRIEF))
        columns += [
            Column(f"{name}_low", "95% from", unit),
            Column(f"{name}_high", "to", unit),
        ]
    rows = [
        (r.rule, r.title, *(x for name in MEASURES for x in getattr(r, name))) for r in study.rows
    ]
    table = Table(
        "rules",
        "One crash under every loss rule",
        tuple(columns),
        rows,
        "Means over seeds with 95% intervals; the same noise under every rule.",
        main=True,
        whole=True,
    )
    most = max(study.rows, key=lambda r: r.overshoot_usd[0])
    least = [r.rule for r in study.rows if r.overshoot_usd[0] == 0.0]
    return Report(
        schema=SCHEMA,
        title="Who shares the loss",
        question="What does each rule take from winners in the same crash, and what stays unpaid?",
        answer=(
            f"{most.rule} takes most beyond the deficits, "
            f"{text(most.overshoot_usd[0], Unit.USD)} against deficits of "
            f"{text(most.deficits_usd[0], Unit.USD)}; nothing beyond them is taken by "
            f"{', '.join(least) or 'none'}.",
        ),
        headlines=(
            Headline(
                "largest_overshoot_usd",
                f"Most taken beyond the deficits: {most.rule}",
                most.overshoot_usd[0],
                Unit.USD,
                Kind.MODELLED,
                most.overshoot_usd[1],
                most.overshoot_usd[2],
            ),
        ),
        tables=(table,),
        assumptions=(
            Assumption(
                f"Every venue follows the rule; funds are empty at the start; outside prices fall "
                f"by {-FALL:.0%} within a minute and do not come back.",
                METHOD,
            ),
            Assumption(
                "What a winner gives up is the mark then recorded against the price of closing.",
                METHOD,
            ),
        ),
        inputs={
            "scenario": "price-jump",
            "accounts": study.accounts,
            "seeds": len(study.seeds),
            "seawall": __version__,
        },
        payload={
            "schema": SCHEMA,
            "seeds": list(study.seeds),
            "accounts": study.accounts,
            "rules": [
                {
                    "rule": r.rule,
                    "title": r.title,
                    **{
                        name: dict(zip(("mean", "low", "high"), getattr(r, name), strict=True))
                        for name in MEASURES
                    },
                }
                for r in study.rows
            ],
        },
        sections=(Section("One crash under every loss rule", ("rules",)),),
    )
