"""Tables of the study of November 2025."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from seawall.lab.compare import Difference
from seawall.lab.november import NovemberStudy
from seawall.lab.november_variants import CRISIS, ORDINARY, THIN
from seawall.lab.verdicts import AT_REST, direction
from seawall.report.model import Column, Quantity, Table, Unit
from seawall.report.numbers import text
from seawall.report.simulate_tables import GROUPS, band_of, ends_of, label_of, unit_of

UNITS = {"USD": Unit.USD, "accounts": Unit.COUNT, "share": Unit.FRACTION}
SHOWN = (
    "forced_usd",
    "accounts_forced",
    "peak_minute_usd",
    "sold_usd",
    "drop.BTC",
    "gap.BTC",
    "adl_usd",
    "bad_debt_usd",
    "traders_usd",
)
"""Measures of a variant that its table shows."""
WORSE = {
    "forced_usd": 1,
    "accounts_forced": 1,
    "peak_minute_usd": 1,
    "sold_usd": 1,
    "drop.BTC": 1,
    "gap.BTC": 1,
    "adl_usd": 1,
    "deficits_usd": 1,
    "bad_debt_usd": 1,
    "traders_usd": -1,
}
"""Way in which each measure is worse; of ``traders_usd``, the gain of all traders, less is."""
_OWN = {
    "sold_usd": ("Liquidated and stopped together", Unit.USD),
    "traders_usd": ("Gain, all traders of the book", Unit.USD),
}
_PAYING = tuple(f"gain_usd.{g}" for g in GROUPS)
_GROUPS = (
    ("position", f"What a position sets off, against {ORDINARY} or {CRISIS}"),
    ("squeeze", "If BTC rose instead, against a rise to 93,500"),
    ("traders", "What traders are advised, on 21 November"),
    ("safeguards", "Safeguards on 21 November"),
    ("thin", "Safeguards on 21 November with depth thinned from the start"),
)


def label(name: str) -> str:
    """A measure in words."""
    prefix, _, of = name.partition(".")
    if prefix == "drop":
        return f"Fall of {of} to its low"
    return _OWN[name][0] if name in _OWN else label_of(name)


def unit(name: str) -> Unit:
    """What a measure is counted in."""
    if name.startswith("drop."):
        return Unit.FRACTION
    return _OWN[name][1] if name in _OWN else unit_of(name)


def change_text(change: Difference) -> str:
    """Mean change and its interval; a star where it is beyond chance and large enough."""
    mean, low, high = (text(x, unit(change.name)) for x in change.change)
    return f"{mean} ({low} to {high}){' *' if direction(change) else ''}"


def tables(study: NovemberStudy) -> tuple[Table, ...]:
    """Every table, in reading order."""
    groups = [_variant_table(study, key, title) for key, title in _GROUPS]
    found = (
        _verdict_table(study),
        _record_table(study),
        *groups,
        _worse_table(study),
        *(_payers(study, base) for base in (CRISIS, THIN)),
        _spread_table(study),
        _domino_table(study),
    )
    return tuple(t for t in found if t.rows)


def _verdict_table(study: NovemberStudy) -> Table:
    rows = []
    for v in study.verdicts:
        says = "; ".join(
            f"{label(t.measure)} [{t.comparison}]: {change_text(d)}"
            for t, d in zip(v.claim.tests, v.changes, strict=True)
        )
        rows.append((v.claim.text, v.words, v.reason, says))
    columns = (
        Column("claim", "Claim", brief=True),
        Column("verdict", "Verdict", brief=True),
        Column("reason", "By the rule"),
        Column("numbers", "Mean change and 95% interval"),
    )
    return Table(
        "verdicts",
        "The published advice",
        columns,
        rows,
        caption="* beyond chance and by at least a tenth of the base. Supported: at least one "
        "measure as claimed, none against. Contradicted: the reverse. Each measure has its own "
        "interval, without a correction for their number. In runs that do not come to rest venues "
        f"stand more than {text(AT_REST, Unit.FRACTION)} apart in BTC.",
        main=True,
        whole=True,
    )


def _record_table(study: NovemberStudy) -> Table:
    rows = []
    for x in study.targets:
        u = UNITS[x.target.unit]
        cells = [Quantity(v, u) for v in (x.target.value, x.median, x.low, x.high)]
        rows.append((x.target.text, x.target.role, *cells, x.error, x.target.confidence))
    least, most = ends_of(len(study.seeds))
    columns = (
        Column("figure", "Figure", brief=True),
        Column("role", "It is", brief=True),
        Column("recorded", "Recorded", align="right", brief=True),
        Column("median", "Median", align="right", brief=True),
        Column("low", least, align="right"),
        Column("high", most, align="right"),
        Column("error", "Median / recorded - 1", Unit.FRACTION, brief=True),
        Column("confidence", "Confidence"),
    )
    caption = (
        f"Median and {band_of(len(study.seeds))}: chance alone. The population is one draw, and "
        "parameters are fixed."
    )
    return Table("record", "The record again", columns, rows, caption=caption, whole=True)


def _variant_table(study: NovemberStudy, group: str, title: str) -> Table:
    """One row a variant: mean change of each measure against its base."""
    chosen = [v for v in study.variants if v.group == group and v.key in study.differences]
    columns = [Column("variant", "Variant", brief=True)]
    columns += [
        Column(m.replace(".", "_"), label(m), align="right", brief=m in SHOWN[:3]) for m in SHOWN
    ]
    rows: list[tuple[Any, ...]] = []
    for base in dict.fromkeys(v.base for v in chosen):
        mine = [v for v in chosen if v.base == base]
        first = study.differences[mine[0].key]
        rows.append((f"[{base}]", *(text(first[m].base[0], unit(m)) for m in SHOWN)))
        for v in mine:
            found = study.differences[v.key]
            rows.append((v.text, *(change_text(found[m]) for m in SHOWN)))
    caption = (
        "First the base's mean in brackets, then the mean change with its 95% interval; * beyond "
        "chance and by at least a tenth of the base."
    )
    return Table(group, title, tuple(columns), rows, caption=caption, whole=True)


def worse_by(found: dict[str, Difference]) -> list[Difference]:
    """Measures that a variant makes worse, by the rule of the verdicts."""
    return [found[m] for m, way in WORSE.items() if m in found and direction(found[m]) == way]


def _worse_table(study: NovemberStudy) -> Table:
    rows = []
    for v in study.variants:
        if v.group in ("traders", "safeguards", "thin") and v.key in study.differences:
            bad = worse_by(study.differences[v.key])
            words = "; ".join(f"{label(d.name)}: {change_text(d)}" for d in bad)
            if words:
                rows.append((v.text, v.base, words))
    columns = (
        Column("variant", "Variant", brief=True),
        Column("base", "Against", brief=True),
        Column("worse", "What it makes worse", brief=True),
    )
    return Table("worse", "What makes something worse", columns, rows, whole=True)


def _payers(study: NovemberStudy, base: str) -> Table:
    """Gain of each group under a base and its safeguards, and what nobody paid."""
    rows: list[tuple[Any, ...]] = []
    names = (*_PAYING, "traders_usd")
    for v in study.variants:
        if v.key == base and study.rows.get(base):
            first = next(d for k, d in study.differences.items() if _base_of(study, k) == base)
            rows.append((f"[{v.text}]", *(text(first[m].base[0], unit(m)) for m in names)))
    for v in study.variants:
        if v.base == base and v.key != base and v.group in ("traders", "safeguards", "thin"):
            found = study.differences[v.key]
            rows.append((v.text, *(change_text(found[m]) for m in names)))
    columns = [Column("variant", "Variant", brief=True)]
    columns += [
        Column(m.replace(".", "_"), label(m).removeprefix("Gain, "), align="right") for m in names
    ]
    name = {CRISIS: "21 November", THIN: "21 November, depth thinned"}[base]
    return Table(
        f"payers_{base}",
        f"Who pays: {name}",
        tuple(columns),
        rows if len(rows) > 1 else [],
        caption="Gains; groups are by what befell an account in each run, so that one that is "
        "saved counts among all others there. All traders together are the same accounts always.",
        whole=True,
    )


def _base_of(study: NovemberStudy, key: str) -> str:
    return next((v.base for v in study.variants if v.key == key), "")


def _spread_table(study: NovemberStudy) -> Table:
    rows = [
        (s.asset, s.alone[1], *_swapped(s.fall), *_swapped(s.amplification), s.gap[1])
        for s in study.spread
    ]
    least, most = ends_of(len(study.seeds))
    columns = (
        Column("asset", "Asset", brief=True),
        Column("alone", "Low without leverage", Unit.FRACTION, brief=True),
        Column("fall", "Low", Unit.FRACTION, brief=True),
        Column("fall_low", least, Unit.FRACTION),
        Column("fall_high", most, Unit.FRACTION),
        Column("amplification", "Volatility over that without", Unit.FACTOR, brief=True),
        Column("amplification_low", least, Unit.FACTOR),
        Column("amplification_high", most, Unit.FACTOR),
        Column("gap", "Widest gap between venues", Unit.FRACTION, brief=True),
    )
    return Table("spread", "Over assets and venues", columns, rows, whole=True)


def _swapped(values: Sequence[float]) -> tuple[float, float, float]:
    low, middle, high = values
    return middle, low, high


def _domino_table(study: NovemberStudy) -> Table:
    rows = [(d.market, d.own_usd, *d.change, d.others_usd) for d in study.dominoes]
    columns = (
        Column("market", "Account with most in", brief=True),
        Column("own", "Its own", Unit.USD, brief=True),
        Column("change", "Forced less without it", Unit.USD, brief=True),
        Column("low", "95% from", Unit.USD),
        Column("high", "to", Unit.USD),
        Column("others", "Of others", Unit.USD, brief=True),
    )
    return Table("dominoes", "What falls with one account", columns, rows, whole=True)
