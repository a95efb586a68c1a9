"""The report of an allocation: weights, their risk, odds of liquidation, bad days."""

from __future__ import annotations

from typing import Any

from seawall import __version__
from seawall.core import format_time
from seawall.desk.allocate import Allocation
from seawall.desk.allocation_odds import AS_IT_WAS, AS_ONE
from seawall.desk.groups import Group
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
    Table,
    Tone,
    Unit,
)
from seawall.report.numbers import text

SCHEMA = "seawall.allocate/1"
METHOD = "docs/methods/allocation.md"
_WORDS = {"cvar": "least CVaR", "parity": "risk parity", "hrp": "HRP", "equal": "equal weights"}
_ADVISED = 3.0


def allocate_report(found: Allocation) -> Report:
    """Weights, what they risk, and what leverage does to the account."""
    request = found.request
    return Report(
        schema=SCHEMA,
        title="Allocation",
        question=f"How to spread an account over large caps, mid caps and stablecoins by "
        f"{_WORDS[request.method]}, and what could liquidate it at {request.leverage:g}x?",
        answer=_answer(found),
        headlines=_headlines(found),
        tables=(_weights(found), _ladder(found), _bad_days(found), _left_out(found)),
        charts=(_bars(found),),
        assumptions=_assumptions(found),
        warnings=_warnings(found),
        inputs={
            "method": _WORDS[request.method],
            "history to": format_time(found.day),
            "days": found.days,
            "equity": text(request.equity_usd, Unit.USD),
            "leverage": f"{request.leverage:g}x",
            "venue": request.venue,
            "seed": request.seed,
            "seawall": __version__,
        },
        payload=_payload(found),
        sections=(
            Section("Weights", ("weights-chart", "weights")),
            Section("Liquidation", ("liquidation", "bad-days")),
            Section("Left out", ("left-out",)),
        ),
    )


def _share(found: Allocation, group: Group) -> float:
    return sum(h.weight for h in found.holdings if h.group is group)


def _answer(found: Allocation) -> tuple[str, ...]:
    request = found.request
    shares = ", ".join(
        f"{_percent(_share(found, g))} in {words}"
        for g, words in (
            (Group.LARGE, "large caps"),
            (Group.MID, "mid caps"),
            (Group.STABLE, "stablecoins"),
        )
    )
    top = ", ".join(f"{h.asset} {_percent(h.weight)}" for h in found.holdings[:3])
    horizon = max(found.rung(AS_IT_WAS).probability)
    was, one = (found.rung(m).probability[horizon][0] for m in (AS_IT_WAS, AS_ONE))
    worst = [s.name for s in found.stresses if s.liquidated]
    lines = [
        f"{shares}; most in {top}.",
        f"At {request.leverage:g}x the account is liquidated within a week with probability "
        f"{_percent(was)} as prices moved, {_percent(one)} if all coins move as one.",
    ]
    if worst:
        lines.append(f"It would be liquidated by: {'; '.join(worst)}.")
    else:
        lines.append("None of the bad days below liquidates it.")
    return tuple(lines)


def _percent(value: float) -> str:
    return text(value, Unit.FRACTION)


def _headlines(found: Allocation) -> tuple[Headline, ...]:
    horizon = max(found.rung(AS_ONE).probability)
    p, error = found.rung(AS_ONE).probability[horizon]
    return (
        Headline(
            "stable_share",
            "In stablecoins",
            _share(found, Group.STABLE),
            Unit.FRACTION,
            Kind.MODELLED,
        ),
        Headline(
            "shortfall",
            "Mean loss of the worst 5% of days",
            found.shortfall,
            Unit.FRACTION,
            Kind.MEASURED,
        ),
        Headline(
            "drawdown",
            "Greatest fall over the days looked at",
            found.drawdown,
            Unit.FRACTION,
            Kind.MEASURED,
            note="with these weights throughout: in sample",
        ),
        Headline(
            "liquidation",
            "Liquidated within a week, all coins as one",
            p,
            Unit.FRACTION,
            Kind.MODELLED,
            max(0.0, p - 1.645 * error),
            min(1.0, p + 1.645 * error),
        ),
        Headline(
            "turnover",
            "To be traded",
            found.turnover,
            Unit.FRACTION,
            note=f"costs {_percent(found.cost)} of equity",
        ),
    )


def _weights(found: Allocation) -> Table:
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
            )
            for h in found.holdings
            if h.weight > 1e-6 or h.before > 0.0
        ],
        "Weights sum to 1 before leverage, which multiplies the coins alone. Share of risk: of the "
        "loss on the worst 5% of days.",
        main=True,
        whole=True,
    )


def _ladder(found: Allocation) -> Table:
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


def _bad_days(found: Allocation) -> Table:
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


def _left_out(found: Allocation) -> Table:
    return Table(
        "left-out",
        "Left out",
        (Column("asset", "Asset", brief=True), Column("why", "Why", brief=True)),
        list(found.left_out),
    )


def _bars(found: Allocation) -> Chart:
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


def _assumptions(found: Allocation) -> tuple[Assumption, ...]:
    request = found.request
    rule = request.rule
    return (
        Assumption(
            f"Large caps trade at least {rule.large_usd / 1e6:,.0f} M USD a day, mid caps "
            f"{rule.mid_usd / 1e6:,.0f} M (median of {rule.days} days): candles carry no market "
            "value.",
            METHOD,
        ),
        Assumption(
            f"Each stablecoin loses its peg {request.depegs_a_year:g} times a year, on one of the "
            f"worst days of the coins: expected to cost {_percent(found.expected_depeg_loss)} of "
            "equity a year at the worst price. Assumed: events are too few to count.",
            METHOD,
        ),
        Assumption(
            f"The venue fails {request.venue_failures_a_year:g} times a year with all that is "
            f"held there: {_percent(found.expected_venue_loss)} of equity a year. Assumed.",
            METHOD,
        ),
        Assumption(
            "Odds start from the volatility of the days looked back at, not from today's; prices "
            "have no trend; funding is the venue's interest.",
            METHOD,
        ),
    )


def _warnings(found: Allocation) -> tuple[str, ...]:
    out = list(found.notes)
    if found.request.leverage > _ADVISED:
        out.append(f"{found.request.leverage:g}x is above the 1-3x that is advised.")
    gone = [h.asset for h in found.holdings if h.before > 0.0 and h.weight <= 1e-6]
    if gone:
        out.append(f"sold whole: {', '.join(gone)}")
    return tuple(out)


def _payload(found: Allocation) -> dict[str, Any]:
    request = found.request
    keys = {3600.0: "hour", 86_400.0: "day", 604_800.0: "week"}
    return {
        "schema": SCHEMA,
        "method": request.method.value,
        "history_to": format_time(found.day),
        "days": found.days,
        "leverage": request.leverage,
        "equity_usd": request.equity_usd,
        "venue": request.venue,
        "seed": request.seed,
        "shares": {g.value: _share(found, g) for g in (Group.LARGE, Group.MID, Group.STABLE)},
        "weights": [
            {
                "asset": h.asset,
                "group": h.group.value,
                "weight": h.weight,
                "before": h.before,
                "notional_usd": h.notional_usd,
                "daily_volatility": h.daily_volatility,
                "risk_share": h.risk_share,
            }
            for h in found.holdings
        ],
        "risk": {
            "daily_volatility": found.daily_volatility,
            "shortfall": found.shortfall,
            "drawdown": found.drawdown,
            "depeg_loss_a_year": found.expected_depeg_loss,
            "venue_loss_a_year": found.expected_venue_loss,
        },
        "turnover": found.turnover,
        "cost": found.cost,
        "liquidation": [
            {
                "leverage": r.leverage,
                "moved": r.moved,
                **{
                    keys[h]: {"probability": p, "standard_error": e}
                    for h, (p, e) in r.probability.items()
                },
            }
            for r in found.ladder
        ],
        "bad_days": [
            {
                "name": s.name,
                "change": s.change,
                "liquidated": s.liquidated,
                "change_all_in": s.change_all_in,
                "liquidated_all_in": s.liquidated_all_in,
                "source": s.source,
            }
            for s in found.stresses
        ],
        "left_out": [{"asset": a, "why": why} for a, why in found.left_out],
        "warnings": list(_warnings(found)),
    }
