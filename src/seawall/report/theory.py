"""The report of the study that holds the simulator against theory."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from seawall import __version__
from seawall.lab.tails import Estimate
from seawall.lab.theory import TheoryStudy
from seawall.lab.theory_firesale import PUBLISHED_IMPACT, PUBLISHED_SHOCK
from seawall.lab.theory_halts import HaltRow
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

SCHEMA = "seawall.study-theory/1"
METHOD = "docs/methods/theory.md"
_PERCENT = Unit.FRACTION


def theory_report(study: TheoryStudy) -> Report:
    """Claims with their verdicts, and the numbers of each check."""
    tables = (
        _claims(study),
        _leverage(study),
        _halts("lifetimes", "Limit and breaker by the life of orders", study.halts.by_lifetime),
        _halts("times", "Limit and breaker by their duration", study.halts.by_time),
        _book(study),
        _orders(study),
        _by_impact(study),
        _by_shock(study),
    )
    return Report(
        schema=SCHEMA,
        title="The simulator against theory",
        question="Does it show what theory says a leveraged market shows?",
        answer=tuple(f"{c.claim[:1].upper()}{c.claim[1:]}: {c.standing}." for c in study.claims),
        headlines=_headlines(study),
        tables=tables,
        assumptions=(
            Assumption("Trends are held against theory, not digits.", METHOD),
            Assumption("Intervals are 95%: over seeds, as a whole run is one draw.", METHOD),
        ),
        warnings=(
            ("Reduced size: to see that it runs, not to read numbers off.",)
            if study.reduced
            else ()
        ),
        inputs={
            "seeds, leverage": study.leverage.seeds,
            "seeds, limit and breaker": study.halts.seeds,
            "seeds, impact": study.book[0].seeds,
            "seawall": __version__,
        },
        payload=_payload(study, tables),
        sections=(
            Section("What theory says, and what comes out", ("claims",)),
            Section("Leverage and tails", ("leverage",)),
            Section("Price limit and circuit breaker", ("lifetimes", "times")),
            Section("Impact", ("book", "orders")),
            Section("Fire sales of 48 banks", ("by_impact", "by_shock")),
        ),
    )


def _headlines(study: TheoryStudy) -> tuple[Headline, ...]:
    growth, ratio = study.halts.growth, study.leverage.kurtosis_ratio
    order = study.orders[-1].measured
    return (
        _headline("kurtosis_ratio", "Kurtosis with leverage over without", Unit.FACTOR, ratio),
        _headline("limit_growth", "Limit deeper, long-lived less short-lived", _PERCENT, growth),
        _headline(
            "order_exponent",
            "Exponent, order by order",
            Unit.NUMBER,
            Estimate(order.exponent, order.low, order.high),
        ),
    )


def _headline(key: str, label: str, unit: Unit, x: Estimate) -> Headline:
    note = f"95%: {text(x.low, unit)} … {text(x.high, unit)}"
    return Headline(key, label, x.value, unit, Kind.MODELLED, note=note)


def _columns(*given: tuple[str, str, Unit, bool]) -> tuple[Column, ...]:
    """Columns; one that carries an interval is followed by its two ends."""
    made = []
    for key, title, unit, spread in given:
        made.append(Column(key, title, unit, brief=True))
        if spread:
            made += [Column(f"{key}_low", "95% from", unit), Column(f"{key}_high", "to", unit)]
    return tuple(made)


def _cells(*values: Any) -> tuple[Any, ...]:
    """One cell a value, three an estimate."""
    out: list[Any] = []
    for x in values:
        out += [x.value, x.low, x.high] if isinstance(x, Estimate) else [x]
    return tuple(out)


def _claims(study: TheoryStudy) -> Table:
    columns = (
        Column("claim", "Theory", brief=True),
        Column("standing", "Here", brief=True),
        Column("why", "Because"),
    )
    rows = [(c.claim, str(c.standing), c.why) for c in study.claims]
    return Table(
        "claims", "What theory says, and what comes out", columns, rows, "", True, None, True
    )


def _leverage(study: TheoryStudy) -> Table:
    columns = _columns(
        ("leverage", "Median leverage", Unit.NUMBER, False),
        ("kurtosis", "Kurtosis", Unit.NUMBER, True),
        ("tail", "Tail exponent", Unit.NUMBER, True),
        ("clustering", "Autocorrelation of |r|", Unit.NUMBER, True),
        ("deviation", "Deviation", _PERCENT, False),
        ("forced", "Liquidations a run", Unit.NUMBER, False),
    )
    rows = [
        _cells(r.leverage, r.kurtosis, r.tail, r.clustering, r.deviation, r.forced)
        for r in study.leverage.rows
    ]
    caption = "Five-minute log returns over two days, same noise at every level; 0 is none."
    return Table("leverage", "Leverage and tails", columns, rows, caption, whole=True)


def _halts(key: str, title: str, found: Sequence[HaltRow]) -> Table:
    columns = _columns(
        ("time", "Duration", Unit.DURATION, False),
        ("lifetime", "Orders wait", Unit.DURATION, False),
        ("free", "Fall without", _PERCENT, True),
        ("limit", "Limit", _PERCENT, True),
        ("breaker", "Breaker", _PERCENT, True),
        ("deeper", "Limit deeper by", _PERCENT, True),
        ("longer", "Mean fall more by", _PERCENT, True),
    )
    rows = [
        _cells(r.time, r.lifetime, r.free, r.limit, r.breaker, r.deeper, r.longer) for r in found
    ]
    caption = "Log falls against the same seed without the erroneous sale."
    return Table(key, title, columns, rows, caption, whole=True)


def _book(study: TheoryStudy) -> Table:
    columns = _columns(
        ("regime", "Regime", Unit.TEXT, False),
        ("exponent", "Exponent", Unit.NUMBER, True),
        ("small", "Smaller half", Unit.NUMBER, True),
        ("large", "Larger half", Unit.NUMBER, True),
        ("largest", "Impact of the largest", _PERCENT, False),
    )
    rows = [
        _cells(b.regime.name, b.exponent, b.small, b.large, float(b.impact[-1])) for b in study.book
    ]
    caption = "Metaorders of 2% to 200% of the calm depth, each seed with and without."
    return Table("book", "Impact in the engine's book", columns, rows, caption, whole=True)


def _orders(study: TheoryStudy) -> Table:
    columns = _columns(
        ("market", "Market", Unit.TEXT, False),
        ("exponent", "Exponent", Unit.NUMBER, True),
        ("small", "Smaller half", Unit.NUMBER, False),
        ("large", "Larger half", Unit.NUMBER, False),
    )
    rows = []
    for o in study.orders:
        m = o.measured
        rows.append(_cells(o.name, Estimate(m.exponent, m.low, m.high), m.small, m.large))
    return Table("orders", "Impact, order by order", columns, rows, whole=True)


def _by_impact(study: TheoryStudy) -> Table:
    columns = _columns(
        ("impact", "Price impact", _PERCENT, False),
        ("failed", "Failed", _PERCENT, False),
        ("published", "Published", _PERCENT, False),
        ("sold", "Sold", _PERCENT, False),
    )
    rows = [
        (s.impact, s.extent, PUBLISHED_IMPACT[s.impact], s.sold) for s in study.fire_sales.by_impact
    ]
    caption = "Government bonds fall by 20%; price impact is the fall as 5% of a market is sold."
    return Table("by_impact", "Banks failing by price impact", columns, rows, caption, whole=True)


def _by_shock(study: TheoryStudy) -> Table:
    columns = _columns(
        ("shock", "Shock", _PERCENT, False),
        ("threshold_failed", "Failed, threshold", _PERCENT, False),
        ("threshold_failed_published", "Published", _PERCENT, False),
        ("threshold_sold", "Sold", _PERCENT, False),
        ("threshold_sold_published", "Published", _PERCENT, False),
        ("target_failed", "Failed, target", _PERCENT, False),
        ("target_failed_published", "Published", _PERCENT, False),
        ("target_sold", "Sold", _PERCENT, False),
        ("target_sold_published", "Published", _PERCENT, False),
    )
    rows = []
    for threshold, target in study.fire_sales.by_shock:
        published = PUBLISHED_SHOCK[threshold.shock]
        ours = (threshold.extent, threshold.sold, target.extent, target.sold)
        pairs = [x for both in zip(ours, published, strict=True) for x in both]
        rows.append((threshold.shock, *pairs))
    caption = "Price impact 1%. Threshold: sell all below 4%. Target: return to 5%."
    return Table("by_shock", "Threshold against target", columns, rows, caption, whole=True)


def _payload(study: TheoryStudy, tables: Sequence[Table]) -> dict[str, Any]:
    return {
        "inputs": {
            "seeds": {
                "leverage": study.leverage.seeds,
                "halts": study.halts.seeds,
                "impact": study.book[0].seeds,
            },
            "reduced": study.reduced,
            "version": __version__,
        },
        "claims": [
            {"claim": c.claim, "standing": str(c.standing), "why": c.why} for c in study.claims
        ],
        "tables": {
            t.key: [
                {c.key: _plain(x) for c, x in zip(t.columns, row, strict=True)} for row in t.rows
            ]
            for t in tables
            if t.key != "claims"
        },
    }


def _plain(value: Any) -> Any:
    """A cell as JSON has it: null for what is not a number."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
