"""The report of a liquidation map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from seawall.liquidity import Assumed
from seawall.margin import MarginBook
from seawall.report.model import (
    Assumption,
    Chart,
    ChartKind,
    Column,
    Headline,
    Marker,
    Report,
    Section,
    Series,
    Table,
    Tone,
    Unit,
)
from seawall.report.numbers import text
from seawall.report.stress_figures import lorenz_chart
from seawall.report.subject import (
    inputs_of,
    kind_of,
    machine_inputs,
    rule_assumptions,
    venue_titles,
    warnings_of,
)
from seawall.risk import Cluster, Concentration, LiquidationMap, clusters, concentrations

SCHEMA = "seawall.map/1"


def map_report(
    margin: MarginBook, maps: Sequence[LiquidationMap], volatility: Assumed, most: int = 8
) -> Report:
    """What would be forced at each price, the clusters, and how concentrated the book is.

    Parameters
    ----------
    most
        Clusters named of each asset: the largest.
    """
    sigma = dict(zip(margin.book.assets, volatility.values.tolist(), strict=True))
    found = [clusters(m, sigma[m.asset], most) for m in maps]
    concentrated = concentrations(margin.book)
    titles = dict(zip(margin.book.venues, venue_titles(margin), strict=True))
    payload = {
        "inputs": machine_inputs(margin),
        "maps": {m.asset: _map_payload(m) for m in maps},
        "clusters": [cluster_payload(c) for c in _by_size(found)],
        "concentration": [_concentration_payload(c) for c in concentrated],
        "daily_volatility": {m.asset: sigma[m.asset] for m in maps},
        "warnings": list(warnings_of(margin)),
    }
    return Report(
        schema=SCHEMA,
        title="Liquidation map: " + ", ".join(m.asset for m in maps),
        question="At which prices do forced orders wait, and how large are the clusters?",
        answer=_answer(maps, found),
        headlines=_headlines(margin, maps, concentrated[0]),
        tables=(
            cluster_table(_by_size(found)),
            _asset_table(maps),
            _venue_table(margin, maps),
            concentration_table(concentrated, titles),
        ),
        charts=(
            *(map_chart(m, c) for m, c in zip(maps, found, strict=True)),
            lorenz_chart(margin.book, concentrated[0]),
        ),
        assumptions=_assumptions(margin, volatility),
        warnings=warnings_of(margin),
        inputs=inputs_of(margin),
        payload=payload,
        sections=(
            Section("Where liquidations wait", tuple(f"map_{m.asset}" for m in maps)),
            Section("Clusters", ("clusters", "map_totals", "map_venues")),
            Section("How few hold how much", ("lorenz", "concentration")),
        ),
    )


def cluster_sentence(cluster: Cluster) -> str:
    """Such as: a $1.59 bn short cluster at $95,000, 9.7% above the mark (4.3 daily sigmas)."""
    where = "above" if cluster.distance > 0 else "below"
    return (
        f"a {text(cluster.notional_usd, Unit.USD)} {cluster.side} cluster at "
        f"${text(cluster.peak, Unit.PRICE)}, {text(abs(cluster.distance), Unit.FRACTION)} {where} "
        f"the mark ({text(abs(cluster.sigmas), Unit.SIGMA)} of a day)"
    )


def map_chart(drawn: LiquidationMap, found: Sequence[Cluster]) -> Chart:
    """Notional over price, longs and shorts apart, clusters marked."""
    x = drawn.centres
    marks = [Marker(drawn.mark, "mark", Tone.PRICE)]
    marks += [
        Marker(
            c.peak,
            text(c.notional_usd, Unit.USD),
            Tone.LONG if c.side == "long" else Tone.SHORT,
            c.low,
            c.high,
            cluster_sentence(c),
        )
        for c in list(found)[:5]
    ]
    width = float(drawn.edges[1] - drawn.edges[0])
    beyond = sum(drawn.below) + sum(drawn.above)
    return Chart(
        f"map_{drawn.asset}",
        f"{drawn.asset}: notional liquidated at each price",
        ChartKind.PROFILE,
        f"{drawn.asset}, USD",
        Unit.PRICE,
        f"USD per {text(width, Unit.PRICE)} of price",
        Unit.USD,
        (
            Series("Longs", x, drawn.long_usd.sum(axis=0), Tone.LONG),
            Series("Shorts", x, drawn.short_usd.sum(axis=0), Tone.SHORT),
        ),
        marks=tuple(marks),
        caption=f"Each position stands where its account falls if {drawn.asset} alone moves. "
        f"{text(beyond, Unit.USD)} lies outside the prices shown, {text(drawn.never, Unit.USD)} "
        "is liquidated at no price of this asset alone.",
    )


def cluster_table(found: Sequence[Cluster]) -> Table:
    """Clusters, largest first."""
    columns: dict[Column, Sequence[Any]] = {
        Column("asset", "Asset", brief=True): [c.asset for c in found],
        Column("side", "Side", brief=True): [c.side for c in found],
        Column("peak", "Peak", Unit.PRICE, brief=True): [c.peak for c in found],
        Column("low", "From", Unit.PRICE): [c.low for c in found],
        Column("high", "To", Unit.PRICE): [c.high for c in found],
        Column("notional_usd", "Notional", Unit.USD, brief=True): [c.notional_usd for c in found],
        Column("distance", "From mark", Unit.FRACTION, brief=True): [c.distance for c in found],
        Column("sigmas", "In daily sigmas", Unit.SIGMA, brief=True): [c.sigmas for c in found],
    }
    return Table.of_columns(
        "clusters",
        "Clusters",
        columns,
        main=True,
        caption="A cluster is a run of price steps around a peak that hold at least half of it.",
    )


def concentration_table(rows: Sequence[Concentration], titles: Mapping[str, str]) -> Table:
    """Concentration of the book, its venues (under their titles) and its assets."""

    def name(group: str) -> str:
        kind, _, of = group.partition(" ")
        return titles.get(of, of) if kind == "venue" else of if kind == "asset" else "all"

    columns: dict[Column, Sequence[Any]] = {
        Column("group", "Of", brief=True): [name(c.group) for c in rows],
        Column("traders", "Traders", Unit.COUNT, brief=True): [c.traders for c in rows],
        Column("notional_usd", "Notional", Unit.USD, brief=True): [c.notional_usd for c in rows],
        Column("top1", "Largest", Unit.FRACTION, brief=True): [c.top1 for c in rows],
        Column("top10", "Largest 10", Unit.FRACTION, brief=True): [c.top10 for c in rows],
        Column("top100", "Largest 100", Unit.FRACTION): [c.top100 for c in rows],
        Column("herfindahl", "Herfindahl", Unit.NUMBER): [c.herfindahl for c in rows],
        Column("gini", "Gini", Unit.NUMBER, brief=True): [c.gini for c in rows],
    }
    return Table.of_columns("concentration", "Concentration", columns)


def _by_size(found: Sequence[Sequence[Cluster]]) -> list[Cluster]:
    return sorted((c for some in found for c in some), key=lambda c: -c.notional_usd)


def _answer(maps: Sequence[LiquidationMap], found: Sequence[Sequence[Cluster]]) -> tuple[str, ...]:
    lines = []
    for m, some in zip(maps, found, strict=True):
        longs = float(m.long_usd.sum()) + m.below[0] + m.above[0]
        shorts = float(m.short_usd.sum()) + m.below[1] + m.above[1]
        sides = [
            f"{text(usd, Unit.USD)} of {side}"
            for side, usd in (("longs", longs), ("shorts", shorts))
            if usd > 0
        ]
        lines.append(
            f"{m.asset} at {text(m.mark, Unit.PRICE)}: {' and '.join(sides) or 'nothing'} "
            f"{'have' if sides else 'has'} a liquidation price."
        )
        for side in ("long", "short"):
            largest = next((c for c in some if c.side == side), None)
            if largest is not None:
                lines.append(f"There is {cluster_sentence(largest)}.")
    return tuple(lines)


def _headlines(
    margin: MarginBook, maps: Sequence[LiquidationMap], whole: Concentration
) -> tuple[Headline, ...]:
    first, kind = maps[0], kind_of(margin)
    near = np.abs(first.centres / first.mark - 1.0) <= 0.05
    return (
        Headline(
            "longs_within_5pct",
            f"{first.asset} longs within 5%",
            float(first.long_usd[:, near].sum()),
            Unit.USD,
            kind,
        ),
        Headline(
            "shorts_within_5pct",
            f"{first.asset} shorts within 5%",
            float(first.short_usd[:, near].sum()),
            Unit.USD,
            kind,
        ),
        Headline("top10", "Held by the largest 10", whole.top10, Unit.FRACTION),
        Headline("traders", "Traders", whole.traders, Unit.COUNT),
    )


def _asset_table(maps: Sequence[LiquidationMap]) -> Table:
    columns: dict[Column, Sequence[Any]] = {
        Column("asset", "Asset", brief=True): [m.asset for m in maps],
        Column("mark", "Mark", Unit.PRICE, brief=True): [m.mark for m in maps],
        Column("longs_usd", "Longs shown", Unit.USD, brief=True): [
            float(m.long_usd.sum()) for m in maps
        ],
        Column("shorts_usd", "Shorts shown", Unit.USD, brief=True): [
            float(m.short_usd.sum()) for m in maps
        ],
        Column("below_usd", "Below the grid", Unit.USD): [sum(m.below) for m in maps],
        Column("above_usd", "Above the grid", Unit.USD): [sum(m.above) for m in maps],
        Column("never_usd", "At no price", Unit.USD, brief=True): [m.never for m in maps],
        Column("already_usd", "Below maintenance", Unit.USD): [m.already for m in maps],
    }
    return Table.of_columns("map_totals", "What the maps hold", columns)


def _venue_table(margin: MarginBook, maps: Sequence[LiquidationMap]) -> Table:
    titles = venue_titles(margin)
    rows = [
        (m.asset, titles[v], float(m.long_usd[v].sum()), float(m.short_usd[v].sum()))
        for m in maps
        for v in range(len(m.venues))
        if m.long_usd[v].any() or m.short_usd[v].any()
    ]
    return Table(
        "map_venues",
        "By venue",
        (
            Column("asset", "Asset"),
            Column("venue", "Venue"),
            Column("longs_usd", "Longs", Unit.USD),
            Column("shorts_usd", "Shorts", Unit.USD),
        ),
        tuple(rows),
    )


def _assumptions(margin: MarginBook, volatility: Assumed) -> tuple[Assumption, ...]:
    rows = [
        Assumption(
            "Every position stands at the price at which its account falls when its own asset "
            "alone moves; other positions of a cross account stay at their marks.",
            "docs/methods/map.md",
        )
    ]
    if volatility.defaulted or volatility.guessed:
        rows.append(Assumption("Daily volatility not given: bundled figures.", volatility.source))
    return (*rows, *rule_assumptions(margin))


def _map_payload(m: LiquidationMap) -> dict[str, Any]:
    return {
        "mark": m.mark,
        "edges": m.edges,
        "long_usd": m.long_usd.sum(axis=0),
        "short_usd": m.short_usd.sum(axis=0),
        "by_venue": {
            name: {"long_usd": m.long_usd[v], "short_usd": m.short_usd[v]}
            for v, name in enumerate(m.venues)
        },
        "below_usd": {"long": m.below[0], "short": m.below[1]},
        "above_usd": {"long": m.above[0], "short": m.above[1]},
        "never_usd": m.never,
        "already_usd": m.already,
    }


def cluster_payload(c: Cluster) -> dict[str, Any]:
    """A cluster as the JSON has it."""
    fields = ("asset", "side", "peak", "low", "high", "notional_usd", "distance", "sigmas")
    return {f: getattr(c, f) for f in fields}


def _concentration_payload(c: Concentration) -> dict[str, Any]:
    return {f: getattr(c, f) for f in Concentration.__slots__}
