"""Tables of a simulated run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from seawall.core import _columns as c
from seawall.report.model import Column, Quantity, Table, Unit
from seawall.sim.batch import Failure
from seawall.sim.bearers import Bearer, Waterfall
from seawall.sim.measures import (
    adl_ratios,
    forced,
    gaps_between_venues,
    over_time,
    spread_to_assets,
    venue_shares,
)
from seawall.sim.paired import Domino
from seawall.sim.run import Run
from seawall.sim.summary import FEW, Row, quantiles

LABELS = {
    "forced_usd": "Liquidated",
    "traders_usd": "Gain, all traders of the book",
    "forced_long_usd": "Longs liquidated",
    "forced_short_usd": "Shorts liquidated",
    "accounts_forced": "Accounts liquidated",
    "peak_minute_usd": "Liquidated in the worst minute",
    "largest_usd": "Largest single liquidation",
    "stops_usd": "Closed by stops",
    "deposits_usd": "Margin added when called",
    "halts": "Trading halts",
    "halted_s": "Time halted, summed over markets",
    "adl_usd": "Auto-deleveraged",
    "adl_ratio": "Auto-deleveraged / liquidated",
    "first_adl_delay_s": "First ADL after first liquidation",
    "deficits_usd": "Losses beyond collateral",
    "given_up_usd": "Given up by deleveraged winners",
    "socialised_usd": "Paid by winners in cash",
    "bad_debt_usd": "Bad debt",
    "fund_change_usd": "Funds, change over the run",
    "fund_worst_usd": "Funds at their lowest, change",
}

PREFIXES = {
    "share": ("Share of what is liquidated", Unit.FRACTION),
    "fall": ("Lowest price against the start", Unit.FRACTION),
    "trough_s": ("Time of the lowest price", Unit.DURATION),
    "beta": ("Beta to the first asset", Unit.NUMBER),
    "volatility": ("Realised volatility a day", Unit.FRACTION),
    "gap": ("Widest gap between venues", Unit.FRACTION),
    "gain_usd": ("Gain", Unit.USD),
}

GROUPS = {
    "liquidated": "Liquidated traders",
    "deleveraged": "Auto-deleveraged traders",
    "stopped": "Stopped or cut, not liquidated",
    "others": "All other traders",
    "funds": "Insurance funds",
    "outside": "Makers, other flow, fees",
}


def label_of(name: str) -> str:
    """A measure's name in words."""
    prefix, _, of = name.partition(".")
    if prefix in PREFIXES:
        return f"{PREFIXES[prefix][0]}, {GROUPS.get(of, of)}"
    return LABELS.get(name, name)


def unit_of(name: str) -> Unit:
    """What a measure is counted in, by its name."""
    prefix, _, of = name.partition(".")
    if of:
        return PREFIXES[prefix][1]
    if name.endswith("_usd"):
        return Unit.USD
    if name.endswith("_s"):
        return Unit.DURATION
    return Unit.FRACTION if name.endswith("ratio") else Unit.COUNT


def ends_of(runs: int) -> tuple[str, str]:
    """What the two ends of a spread over runs are."""
    return ("Lowest", "Highest") if runs < FEW else ("5%", "95%")


def band_of(runs: int) -> str:
    """What lies between them."""
    return f"lowest to highest of {runs} runs" if runs < FEW else "5–95%"


def measure_table(row: Row, rows: list[Row]) -> Table:
    """Measures of the run, and their spread over all runs where there are more."""
    several = len(rows) > 1
    columns = [Column("measure", "Measure", brief=True), _value("run", "This run", True)]
    if several:
        least, most = ends_of(len(rows))
        columns += [_value("median", "Median", True), _value("low", least), _value("high", most)]
    lines = []
    for name, value in row.items():
        unit = unit_of(name)
        line: list[Any] = [label_of(name), Quantity(value, unit)]
        if several:
            low, middle, high = quantiles(rows, name)
            line += [Quantity(x, unit) for x in (middle, low, high)]
        lines.append(tuple(line))
    caption = f"The spread is that of {len(rows)} runs with other seeds." if several else ""
    return Table(
        "measures", "Measures", tuple(columns), lines, caption=caption, main=True, whole=True
    )


def _value(key: str, title: str, brief: bool = False) -> Column:
    return Column(key, title, align="right", brief=brief)


def venue_table(run: Run, losses: Sequence[Waterfall]) -> Table:
    """What was forced on each venue, and how its losses were met."""
    usd = Unit.USD
    shares, ratios = venue_shares(run), adl_ratios(run)
    columns: dict[Column, Sequence[Any]] = {
        Column("venue", "Venue", brief=True): [w.venue for w in losses],
        Column("share", "Of what is liquidated", Unit.FRACTION, brief=True): [
            shares[w.venue] for w in losses
        ],
        Column("adl_ratio", "ADL / liquidated", Unit.FRACTION): [ratios[w.venue] for w in losses],
        Column("deficits_usd", "Beyond collateral", usd, brief=True): [w.deficits for w in losses],
        Column("given_up_usd", "Given up in ADL", usd): [w.given_up for w in losses],
        Column("socialised_usd", "Paid by winners", usd): [w.socialised for w in losses],
        Column("fund_start_usd", "Fund before", usd): [w.fund_start for w in losses],
        Column("fund_lowest_usd", "Fund at its lowest", usd, brief=True): [
            w.fund_lowest for w in losses
        ],
        Column("fund_end_usd", "Fund after", usd, brief=True): [w.fund_end for w in losses],
        Column("bad_debt_usd", "Bad debt", usd, brief=True): [w.bad_debt for w in losses],
    }
    return Table.of_columns(
        "venues",
        "By venue",
        columns,
        caption="Funds are valued with what they took over at the mark.",
        whole=True,
    )


def asset_table(run: Run, row: Row, paired: Mapping[str, float]) -> Table:
    """How the fall spread over assets and venues."""
    assets = run.floor.assets
    falls, gaps = spread_to_assets(run), gaps_between_venues(run)
    ratios = adl_ratios(run, "asset")
    missing = float("nan")
    columns: dict[Column, Sequence[Any]] = {
        Column("asset", "Asset", brief=True): list(assets),
        Column("fall", "Lowest", Unit.FRACTION, brief=True): [falls[a].change for a in assets],
        Column("trough", "At", Unit.DURATION, brief=True): [falls[a].trough for a in assets],
        Column("after", "After the first asset", Unit.DURATION): [
            falls[a].after_lead for a in assets
        ],
        Column("beta", "Beta", Unit.NUMBER): [falls[a].beta for a in assets],
        Column("lag", "Returns lag by", Unit.DURATION): [falls[a].lag for a in assets],
        Column("volatility", "Volatility a day", Unit.FRACTION, brief=True): [
            row[f"volatility.{a}"] for a in assets
        ],
        Column("amplification", "Amplification", Unit.FACTOR, brief=True): [
            paired.get(f"amplification.{a}", missing) for a in assets
        ],
        Column("gap", "Widest gap", Unit.FRACTION, brief=True): [
            gaps[a].widest if a in gaps else missing for a in assets
        ],
        Column("gap_at", "At", Unit.DURATION): [
            gaps[a].second if a in gaps else missing for a in assets
        ],
        Column("gap_low", "Lowest on"): [gaps[a].low if a in gaps else None for a in assets],
        Column("adl_ratio", "ADL / liquidated", Unit.FRACTION): [ratios[a] for a in assets],
    }
    return Table.of_columns(
        "assets",
        "By asset",
        columns,
        caption="Mean mid of the asset's perpetuals. Beta: of its one-minute returns on those of "
        "the first asset. Gap: highest over lowest mid between venues at one time.",
    )


def bearer_table(rows: Sequence[Bearer]) -> Table:
    """Who won and who lost."""
    return Table(
        "bearers",
        "Who pays",
        (
            Column("group", "Who", brief=True),
            Column("accounts", "Accounts", Unit.COUNT, brief=True),
            Column("before_usd", "Equity before", Unit.USD, brief=True),
            Column("gain_usd", "Gain", Unit.USD, brief=True),
        ),
        [(GROUPS[b.group], b.accounts or None, b.before_usd, b.gain_usd) for b in rows],
        caption="Gains sum to zero; margin that traders added is no gain.",
        whole=True,
    )


def minutes(run: Run) -> dict[str, Any]:
    """Forced closings by minute, as columns."""
    profile = over_time(run)
    return {name: getattr(profile, name) for name in profile.__slots__}


def minute_table(run: Run) -> Table:
    """Minutes in which something was forced, worst first."""
    profile = over_time(run)
    total = profile.long_usd + profile.short_usd
    order = [k for k in np.argsort(-total, kind="stable").tolist() if total[k] > 0]
    columns: dict[Column, Sequence[Any]] = {
        Column("second", "From", Unit.DURATION, brief=True): profile.second[order].tolist(),
        Column("long_usd", "Longs", Unit.USD, brief=True): profile.long_usd[order].tolist(),
        Column("short_usd", "Shorts", Unit.USD, brief=True): profile.short_usd[order].tolist(),
        Column("accounts", "Accounts", Unit.COUNT, brief=True): profile.accounts[order].tolist(),
    }
    return Table.of_columns("minutes", "Worst minutes", columns)


def event_counts(run: Run) -> dict[str, dict[str, float]]:
    """Number and USD of the events of each kind that occurred."""
    n = len(c.EVENT_NAMES)
    count = np.bincount(run.events.kind, minlength=n)
    usd = np.bincount(run.events.kind, run.events.usd, n)
    return {
        name: {"count": int(count[k]), "usd": float(usd[k])}
        for k, name in enumerate(c.EVENT_NAMES)
        if count[k]
    }


def event_table(run: Run) -> Table:
    """Events by kind."""
    known = event_counts(run)
    closed = len(forced(run))
    return Table(
        "events",
        "Events",
        (
            Column("kind", "Kind", brief=True),
            Column("count", "Number", Unit.COUNT, brief=True),
            Column("usd", "USD", Unit.USD, brief=True),
        ),
        [(name.replace("_", " "), x["count"], x["usd"]) for name, x in known.items()],
        caption=f"Liquidation, partial and takeover together are what is called liquidated here: "
        f"{closed:,} events.",
        whole=True,
    )


def failure_table(failures: Sequence[Failure]) -> Table:
    """Runs that failed."""
    return Table(
        "failures",
        "Failed runs",
        (Column("seed", "Seed", Unit.TEXT, brief=True), Column("message", "Why", brief=True)),
        [(str(f.task.seed), f.message) for f in failures],
    )


def _over(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")


def domino_table(dominoes: Sequence[Domino]) -> Table:
    """What falls with each of the accounts most was liquidated of."""
    return Table(
        "domino",
        "What falls with the hardest hit",
        (
            Column("account", "Account", Unit.COUNT, brief=True, note="place in the book, from 1"),
            Column("own_usd", "Liquidated of it", Unit.USD, brief=True),
            Column("others_usd", "Of others because of it", Unit.USD, brief=True),
            Column("factor", "Others / own", Unit.FACTOR, brief=True),
        ),
        [
            (d.account + 1, d.own_usd, d.others_usd, _over(d.others_usd, d.own_usd))
            for d in dominoes
        ],
        caption="Each account is taken out in turn and the run made again on the same noise. "
        "Attributions overlap: they do not sum to the whole.",
        whole=True,
    )
