"""The report of two days of a tape beside each other."""

from __future__ import annotations

from collections.abc import Sequence

from seawall import __version__
from seawall.report import tape_tables as tables
from seawall.report.model import Assumption, Headline, Kind, Report, Unit
from seawall.report.numbers import text
from seawall.report.tape import kind_of
from seawall.report.tape_beside import Summed, summed_lines
from seawall.risk.coverage import Label
from seawall.risk.tape_statistics import Statistics, changes

COMPARE_SCHEMA = "seawall.tape-compare/1"


_DAY_NS = 86_400 * 10**9


def _of_sums(told: Sequence[Summed]) -> Label:
    """As imported where a whole day is told, else at least that."""
    whole = all(one.end - one.start >= _DAY_NS for one in told)
    return Label.IMPORTED if whole else Label.LOWER_BOUND


def compare_report(
    first: Statistics,
    second: Statistics,
    names: tuple[str, str],
    source: str,
    sums: tuple[Sequence[Summed], Sequence[Summed]] = ((), ()),
    notes: Sequence[str] = (),
) -> Report:
    """Two days side by side: figures, and shares of venues.

    Parameters
    ----------
    sums
        Of each day of which no single events are stored, what stored sums say in their place.
    notes
        What else the reader must know.
    """
    days = list(zip((first, second), sums, strict=True))
    figures = [tables.figures_of_sums(t) if t else tables.figures_of(s) for s, t in days]
    labels = [_of_sums(t) if t else s.estimate.label for s, t in days]
    told_by_sums = (
        f"Of {name} no single events are stored. {line}"
        for name, told in zip(names, sums, strict=True)
        for line in summed_lines(told)
    )
    warnings = (*tables.coverage_changes(first, second, names), *notes, *told_by_sums)
    rows = changes(*figures)
    shares = [{v.venue: v.share.value for v in s.venues} for s in (first, second)]
    venues = sorted(shares[0].keys() | shares[1].keys())
    ratio = rows["notional_usd"][3]
    larger = "no more could be compared" if ratio != ratio else text(ratio, Unit.FACTOR)
    certain = (Label.MEASURED, Label.IMPORTED)
    kinds = [kind_of(x) if x in certain else Kind.LOWER_BOUND for x in labels]
    return Report(
        schema=COMPARE_SCHEMA,
        title=f"Liquidations: {names[0]} and {names[1]}",
        question="How do the two days differ?",
        answer=(
            f"{text(figures[0]['notional_usd'], Unit.USD)} on {names[0]}, "
            f"{text(figures[1]['notional_usd'], Unit.USD)} on {names[1]}, as shown: {larger}.",
        ),
        headlines=tuple(
            Headline(f"{key}_{k + 1}", f"{title}, {names[k]}", figures[k][key], unit, kinds[k])
            for key, title, unit in tables.FIGURES[:3]
            for k in (0, 1)
            if figures[k][key] == figures[k][key]
        ),
        tables=(
            tables.change_table(rows, names),
            *((tables.share_change_table(venues, shares, names),) if venues else ()),
        ),
        assumptions=(Assumption("Days are UTC days; figures are of what the feeds showed."),),
        warnings=warnings,
        inputs={"source": source, "first": names[0], "second": names[1], "seawall": __version__},
        payload={
            "inputs": {
                "source": source, "first": names[0], "second": names[1], "version": __version__,
            },
            "figures": {
                k: {"first": a, "second": b, "difference": d, "ratio": r}
                for k, (a, b, d, r) in rows.items()
            },
            "shares": [
                {"venue": v, "first": shares[0].get(v), "second": shares[1].get(v)} for v in venues
            ],
            "labels": [x.value for x in labels],
            "warnings": list(warnings),
        },
    )  # fmt: skip
