"""Tables and the chart of an allocation."""

from __future__ import annotations

from seawall.desk.allocate import Allocation
from seawall.report.model import (
    Chart,
    ChartKind,
    Column,
    Series,
    Table,
    Tone,
    Unit,
)
from seawall.report.numbers import text


def weights_table(found: Allocation) -> Table:
    """What to hold, with each part's share of the risk."""
    return Table(
        "weights",
        "Weights",
        (
            Column("asset", "Asset", brief=True),
            Column("group", "Group", brief=True),
            Column("weight", "Weight", Unit.FRACTION, brief=True),
            Column("before", "Before", Unit.FRACTION),
            Column("notional_usd", "Position", Unit.USD, brief=True),
            Column("daily_volatility", "Daily volatility", Unit.FRACTION),
            Column("risk_share", "Share of risk", Unit.FRACTION, brief=True),
            Column("event_share", "with depegs", Unit.FRACTION, brief=True),
        ),
        [
            (
                h.asset,
                h.group.value,
                h.weight,
                h.before,
                h.notional_usd,
                h.daily_volatility,
                h.risk_share,
                h.event_share,
            )
            for h in found.holdings
            if h.weight > 1e-6 or h.before > 0.0
        ],
        "Weights sum to 1 before leverage, which multiplies the coins alone. Share of risk: of the "
        "loss on the worst 5% of days; with depegs: days on which a stablecoin breaks or the venue "
        f"fails among them, {percent(found.events.shortfall)} of equity, of which the venue is "
        f"{percent(found.events.venue)}. Daily volatility knows no depeg.",
        main=True,
        whole=True,
    )


def ladder_table(found: Allocation) -> Table:
    """Odds of liquidation by leverage and by how prices move together."""
    horizons = sorted(found.ladder[0].probability)
    names = {3600.0: "1 hour", 86_400.0: "1 day", 604_800.0: "1 week"}
    keys = {3600.0: "hour", 86_400.0: "day", 604_800.0: "week"}
    columns = [
        Column("leverage", "Leverage", Unit.FACTOR, brief=True),
        Column("moved", "Prices", brief=True),
    ]
    for h in horizons:
        columns.append(Column(keys[h], names[h], Unit.FRACTION, brief=True))
        columns.append(Column(f"{keys[h]}_error", "± s.e.", Unit.FRACTION))
    rows = [
        (r.leverage, r.moved, *(x for h in horizons for x in r.probability[h]))
        for r in found.ladder
    ]
    return Table(
        "liquidation",
        "Probability of liquidation",
        tuple(columns),
        rows,
        "Of the account with all its coins as longs, on weeks of the past in blocks; all as one: "
        "each coin's own changes, reordered so that all rise and fall together.",
        whole=True,
    )


def broken_table(found: Allocation) -> Table:
    """The same odds where collateral is a stablecoin that breaks."""
    horizons = sorted(found.broken[0].given)
    names = {3600.0: "1 hour", 86_400.0: "1 day", 604_800.0: "1 week"}
    last = horizons[-1]
    return Table(
        "broken",
        "Probability of liquidation if the collateral's stablecoin breaks",
        (
            Column("leverage", "Leverage", Unit.FACTOR, brief=True),
            *(Column(f"given_{h:g}", names[h], Unit.FRACTION, brief=True) for h in horizons),
            Column("error", "± s.e.", Unit.FRACTION),
            Column("in_all", f"In all, {names[last]}", Unit.FRACTION, brief=True),
        ),
        [
            (b.leverage, *(b.given[h][0] for h in horizons), b.given[last][1], b.in_all[last])
            for b in found.broken
        ],
        "All coins as one, all collateral in one stablecoin that has lost what such coins have at "
        "their worst, mean over the depegs below. In all: if one breaks "
        f"{found.request.depegs_a_year:g} times a year.",
        whole=True,
    )


def bad_days_table(found: Allocation) -> Table:
    """What the worst days of the past and assumed events would cost."""
    return Table(
        "bad-days",
        "Bad days",
        (
            Column("name", "What happens", brief=True),
            Column("change", "Equity", Unit.FRACTION, brief=True),
            Column("liquidated", "Liquidated", brief=True),
            Column("change_all_in", "If all is in it", Unit.FRACTION),
            Column("liquidated_all_in", "Liquidated"),
            Column("source", "Source", only="file"),
        ),
        [
            (
                s.name,
                s.change,
                "yes" if s.liquidated else "no",
                s.change_all_in,
                "yes" if s.liquidated_all_in else "no",
                s.source,
            )
            for s in found.stresses
        ],
        "Change of equity, before fees. If all is in it: not the stablecoin share alone is hit, "
        "but all collateral, as that of perpetuals is a stablecoin.",
        whole=True,
    )


def left_out_table(found: Allocation) -> Table:
    """Assets that were not considered, and why."""
    return Table(
        "left-out",
        "Left out",
        (Column("asset", "Asset", brief=True), Column("why", "Why", brief=True)),
        list(found.left_out),
    )


def weights_chart(found: Allocation) -> Chart:
    """Weights as bars."""
    held = [h for h in found.holdings if h.weight > 1e-6]
    names = [h.asset for h in held]
    return Chart(
        "weights-chart",
        "Weight and share of risk",
        ChartKind.BARS,
        "Asset",
        Unit.TEXT,
        "Share",
        Unit.FRACTION,
        (
            Series("Weight", names, [h.weight for h in held], Tone.ACCENT),
            Series("Share of risk", names, [h.risk_share for h in held], Tone.LOSS),
        ),
    )


def percent(value: float) -> str:
    """A fraction as percent, for a sentence."""
    return text(value, Unit.FRACTION)
