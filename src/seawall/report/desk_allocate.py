"""The report of an allocation: weights, their risk, odds of liquidation, bad days."""

from __future__ import annotations

from typing import Any

from seawall import __version__
from seawall.core import format_time
from seawall.desk.allocate import Allocation
from seawall.desk.allocation_odds import AS_IT_WAS, AS_ONE
from seawall.desk.groups import Group
from seawall.report.desk_allocate_figures import (
    bad_days_table,
    broken_table,
    ladder_table,
    left_out_table,
    percent,
    weights_chart,
    weights_table,
)
from seawall.report.desk_odds import chance, share
from seawall.report.model import (
    Assumption,
    Headline,
    Kind,
    Report,
    Section,
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
        tables=(
            weights_table(found),
            ladder_table(found),
            broken_table(found),
            bad_days_table(found),
            left_out_table(found),
        ),
        charts=(weights_chart(found),),
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
            Section("Liquidation", ("liquidation", "broken", "bad-days")),
            Section("Left out", ("left-out",)),
        ),
    )


def _share(found: Allocation, group: Group) -> float:
    return sum(h.weight for h in found.holdings if h.group is group)


def _answer(found: Allocation) -> tuple[str, ...]:
    request = found.request
    shares = ", ".join(
        f"{percent(_share(found, g))} in {words}"
        for g, words in (
            (Group.LARGE, "large caps"),
            (Group.MID, "mid caps"),
            (Group.STABLE, "stablecoins"),
        )
    )
    top = ", ".join(f"{h.asset} {percent(h.weight)}" for h in found.holdings[:3])
    horizon = max(found.rung(AS_IT_WAS).probability)
    paths = found.rung(AS_ONE).paths
    was, one = (found.rung(m).probability[horizon][0] for m in (AS_IT_WAS, AS_ONE))
    worst = [s.name for s in found.stresses if s.liquidated]
    lines = [
        f"{shares}; most in {top}.",
        f"At {request.leverage:g}x the account is liquidated within a week with probability "
        f"{chance(was, paths)} as prices moved, {chance(one, paths)} if all coins move as one.",
    ]
    lines.append(
        "If the stablecoin that its collateral is in breaks, "
        f"{chance(found.broken_at().given[horizon][0], paths)} within a week; that it may, "
        f"{request.depegs_a_year:g} times a year, makes "
        f"{percent(found.broken_at().in_all[horizon])} in all."
    )
    if worst:
        lines.append(f"It would be liquidated by: {'; '.join(worst)}.")
    else:
        lines.append("None of the bad days below liquidates it.")
    return tuple(lines)


def _headlines(found: Allocation) -> tuple[Headline, ...]:
    horizon = max(found.rung(AS_ONE).probability)
    as_one = found.rung(AS_ONE)
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
        share(
            "liquidation",
            "Liquidated within a week, all coins as one",
            as_one.probability[horizon][0],
            as_one.paths,
        ),
        Headline(
            "turnover",
            "To be traded",
            found.turnover,
            Unit.FRACTION,
            note=f"costs {percent(found.cost)} of equity",
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
            f"worst days of the coins: expected to cost {percent(found.expected_depeg_loss)} of "
            "equity a year at the worst price by the stablecoin share, "
            f"{percent(found.expected_collateral_loss)} if all collateral is in one, as that of "
            "perpetuals. Assumed: events are too few to count.",
            METHOD,
        ),
        Assumption(
            f"The venue fails {request.venue_failures_a_year:g} times a year with all that is "
            f"held there: {percent(found.expected_venue_loss)} of equity a year. Assumed.",
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
    strange = [a for a in found.request.limits.before if a not in {h.asset for h in found.holdings}]
    if strange:
        out.append(f"sold whole, as they are not among what is allocated: {', '.join(strange)}")
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
                "event_share": h.event_share,
            }
            for h in found.holdings
        ],
        "risk": {
            "daily_volatility": found.daily_volatility,
            "shortfall": found.shortfall,
            "drawdown": found.drawdown,
            "depeg_loss_a_year": found.expected_depeg_loss,
            "venue_loss_a_year": found.expected_venue_loss,
            "collateral_depeg_loss_a_year": found.expected_collateral_loss,
            "event_shortfall": found.events.shortfall,
            "venue_event_share": found.events.venue,
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
        "liquidation_broken": [
            {
                "leverage": b.leverage,
                **{
                    keys[h]: {"probability": p, "standard_error": e, "in_all": b.in_all[h]}
                    for h, (p, e) in b.given.items()
                },
            }
            for b in found.broken
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
