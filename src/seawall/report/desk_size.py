"""The report of a size: the largest within its limits, the curve, and what volatility changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from seawall.core import format_time
from seawall.desk.grades import grades
from seawall.desk.prices import PriceModel
from seawall.desk.size import SHORTFALL_LEVEL, Curve, Sizer, Sizing
from seawall.desk.size_moves import Plan
from seawall.desk.size_rules import Kelly
from seawall.report.desk_odds import chance, grade_warnings, share
from seawall.report.desk_size_figures import (
    by_limit,
    curve_table,
    limit_table,
    plan_chart,
    plan_table,
    size_chart,
)
from seawall.report.model import (
    Assumption,
    Headline,
    Kind,
    Report,
    Section,
    Unit,
)
from seawall.report.numbers import text
from seawall.report.subject import inputs_of, machine_inputs, rule_assumptions, warnings_of

SCHEMA = "seawall.size/1"


def size_report(
    sizer: Sizer,
    sizing: Sizing,
    moves: Sequence[Plan],
    worth: Kelly | None,
    model: PriceModel,
    new: bool,
    asked: int,
) -> Report:
    """The largest size within the limits, each limit, the curve, and the plan by volatility.

    Parameters
    ----------
    worth
        What an edge is worth, where one is stated.
    new
        Whether nothing is held yet.
    asked
        Paths that were asked for.
    """
    r, margin = sizing.resizing, sizing.resizing.margin
    where = _where(sizing, new)
    payload = {
        "inputs": machine_inputs(margin),
        "parameters": _parameters(sizer, sizing),
        "position": where,
        "size": _record(sizing.there, 0)
        # where no size is left, the rest of the record is that of next to nothing
        | {"notional_usd": sizing.notional_usd, "leverage": sizing.leverage}
        | {"binding": sizing.binding.name.lower(), "from_usd": sizing.from_usd}
        | {"coins": _coins(sizing, sizing.notional_usd)},
        "present": None if new else _record(sizing.there, 1),
        "limits": [
            {"limit": name.name.lower(), "notional_usd": usd, "leverage": usd / r.equity_usd}
            for name, usd in by_limit(sizing)
        ],
        "kelly": _kelly(worth),
        "curve": [_record(sizing.curve, k) for k in range(len(sizing.curve.notional_usd))],
        "plan": [_plan(p, r.equity_usd) for p in moves],
        "paths": sizing.paths,
        "warnings": list(_warnings(sizing)),
    }
    return Report(
        schema=SCHEMA,
        title="Size",
        question=f"How large may the {_name(where)} be?",
        answer=_answer(sizing, where, new),
        headlines=_headlines(sizing),
        tables=(
            limit_table(sizing, worth),
            plan_table(moves, r.equity_usd),
            curve_table(sizing),
        ),
        charts=(size_chart(sizing), plan_chart(moves)),
        assumptions=_assumptions(sizer, sizing, worth, model, asked),
        warnings=_warnings(sizing),
        inputs=inputs_of(margin),
        payload=payload,
        sections=(
            Section("What limits it", ("limits", "size_chart", "sizes")),
            Section("As volatility moves", ("plan", "plan_chart")),
        ),
    )


def _where(sizing: Sizing, new: bool) -> dict[str, Any]:
    r = sizing.resizing
    book, own = r.base.book, r.own
    of = book.instruments[int(book.positions.instrument[own])]
    return {
        "row": None if new else int(book.positions.row[own]),
        "account": book.traders[int(book.accounts.trader[0])],
        "venue": r.base.terms[int(book.accounts.venue[0])].title,
        "instrument": of.symbol,
        "side": "long" if r.side > 0 else "short",
        "margin_mode": "isolated" if book.accounts.isolated[0] else "cross",
        "mark_price": float(book.positions.mark[own]),
        "equity_usd": r.equity_usd,
        "other_positions": len(book) - 1,
        "present_usd": 0.0 if new else r.present_usd,
    }


def _name(where: dict[str, Any]) -> str:
    return f"{where['instrument']} {where['side']} on {where['venue']}"


def _coins(sizing: Sizing, usd: float) -> float:
    """Coins of a notional at the mark."""
    r = sizing.resizing
    return usd / float(r.base.book.positions.mark[r.own])


def _parameters(sizer: Sizer, sizing: Sizing) -> dict[str, Any]:
    w = sizing.wanted
    return {
        "probability": w.probability,
        "horizon_seconds": w.horizon,
        "shortfall": w.shortfall,
        "shortfall_level": SHORTFALL_LEVEL,
        "cost": w.cost,
        "leverage": w.leverage,
        "volatility": w.volatility,
        "kelly_leverage": w.kelly,
        "depth_usd": sizer.resting,
    }


def _record(curve: Curve, k: int) -> dict[str, Any]:
    return {
        "notional_usd": float(curve.notional_usd[k]),
        "leverage": float(curve.leverage[k]),
        "probability": float(curve.fall[k]),
        "probability_se": float(curve.fall_se[k]),
        "probability_high": float(curve.fall_high[k]),
        "closed_form": float(curve.closed_form[k]),
        "call": float(curve.call[k]),
        "shortfall": float(curve.shortfall[k]),
        "slippage_calm": float(curve.calm[k]),
        "slippage_stressed": float(curve.stressed[k]),
    }


def _kelly(worth: Kelly | None) -> dict[str, Any] | None:
    if worth is None:
        return None
    return {
        "edge": worth.edge.mean,
        "error": worth.error,
        "fraction": worth.edge.fraction,
        "yearly_volatility": worth.sigma,
        "full_leverage": worth.full,
        "shrunk_leverage": worth.shrunk,
        "leverage": worth.leverage,
    }


def _plan(p: Plan, equity: float) -> dict[str, Any]:
    return {
        "factor": p.factor,
        "daily_volatility": p.daily_sigma,
        "limit_usd": p.limit_usd,
        "binding": p.binding.name.lower(),
        "target_usd": p.target_usd,
        "target_leverage": p.target_usd / equity,
        "low_usd": p.low_usd,
        "high_usd": p.high_usd,
    }


def _answer(sizing: Sizing, where: dict[str, Any], new: bool) -> tuple[str, ...]:
    w, usd = sizing.wanted, sizing.notional_usd
    within = text(w.horizon, Unit.DURATION) if w.horizon < 86_400 else f"{w.horizon / 86_400:g} d"
    held = "" if new else f"{text(where['present_usd'], Unit.USD)} are held, with probability "
    if usd <= 0.0:
        present = () if new else (f"{held}{_chance(sizing, 1)}.",)
        return (
            _none(sizing),
            "Next to nothing of it leaves the account a probability of liquidation within "
            f"{within} of {_chance(sizing, 0)} and an expected shortfall of "
            f"{text(float(sizing.there.shortfall[0]), Unit.FRACTION)} of its equity.",
            *present,
        )
    lines = [
        f"At most {text(usd, Unit.USD)}, {text(_coins(sizing, usd), Unit.NUMBER)} coins, "
        f"{text(sizing.leverage, Unit.FACTOR)} of the account's equity of "
        f"{text(where['equity_usd'], Unit.USD)}: {sizing.binding.value} binds.",
        f"At that size it is liquidated within {within} with probability "
        f"{_chance(sizing, 0)}{_up_to(sizing)}; the mean of its "
        f"worst {text(1.0 - SHORTFALL_LEVEL, Unit.FRACTION)} of outcomes is a loss of "
        f"{text(float(sizing.there.shortfall[0]), Unit.FRACTION)} of the equity.",
    ]
    if sizing.from_usd > 0.0:
        lines.append(
            f"Below {text(sizing.from_usd, Unit.USD)} the limits are not met: it hedges other "
            "positions of the account."
        )
    if not new:
        change = where["present_usd"] - usd
        verb = "cut it by" if change > 0.0 else "it may grow by"
        lines.append(f"{held}{_chance(sizing, 1)}: {verb} {text(abs(change), Unit.USD)}.")
    return tuple(lines)


def _none(sizing: Sizing) -> str:
    """Why no size is left."""
    if not sizing.at_odds:
        return f"No size of it is within the limits: {sizing.binding.value} allows none."
    hedges = "It hedges other positions of the account"
    most = text(sizing.limits[sizing.binding], Unit.USD)
    allowed = f"{sizing.binding.value} allows no more than {most}"
    if len(sizing.resizing.base.book) == 1:
        return (
            f"No size of it is within all limits: {allowed}, and what changing to that costs "
            "breaks another."
        )
    if sizing.from_usd <= 0.0:
        return f"No size of it is within all limits. {hedges}: {allowed}, where others are not met."
    return (
        f"No size of it is within all limits. {hedges}, and below "
        f"{text(sizing.from_usd, Unit.USD)} of it they are not met; {allowed}."
    )


def _chance(sizing: Sizing, k: int) -> str:
    return chance(sizing.there.fall[k], sizing.paths)


def _up_to(sizing: Sizing) -> str:
    """The upper end, which the limit holds for; of no path :func:`chance` has said it."""
    if sizing.there.fall[0] > 0.0:
        high = text(float(sizing.there.fall_high[0]), Unit.FRACTION)
        return f" (up to {high}, by the paths' own error)"
    return f" (none of {sizing.paths:,} paths)"


def _headlines(sizing: Sizing) -> tuple[Headline, ...]:
    there = sizing.there
    return (
        Headline("notional", "Largest size", sizing.notional_usd, Unit.USD, Kind.MODELLED,
                 note="no size meets all limits" if sizing.at_odds
                 else f"{sizing.binding.value} binds"),
        Headline("leverage", "Leverage", sizing.leverage, Unit.FACTOR, Kind.MODELLED),
        share("probability", "Liquidated within the horizon", there.fall[0], sizing.paths),
    )  # fmt: skip


def _assumptions(
    sizer: Sizer, sizing: Sizing, worth: Kelly | None, model: PriceModel, asked: int
) -> tuple[Assumption, ...]:
    law = sizer.law
    rows = [
        Assumption(
            f"Prices from {format_time(model.time)} on: the model of the odds, the same "
            f"{sizer.paths.count:,} paths for every size; no drift, funding constant, nobody acts.",
            f"{model.source}; docs/methods/odds.md",
        ),
        Assumption(
            f"{text(sizer.resting, Unit.USD)} rest within 1% of mid in a calm book, "
            f"{text(law.remaining, Unit.FRACTION)} of it in a stressed one; impact exponent "
            f"{law.exponent:g}.",
            law.source,
        ),
    ]
    if sizing.paths > asked:
        rows.append(
            Assumption(
                f"{sizing.paths:,} paths were drawn instead of {asked:,}: among those fewer than "
                "ten liquidations would be expected at "
                f"{text(sizing.wanted.probability, Unit.FRACTION)}.",
                "docs/methods/size.md",
            )
        )
    if worth is not None:
        rows.append(
            Assumption(
                f"An edge of {text(worth.edge.mean, Unit.FRACTION)} a year is yours to claim; "
                f"full Kelly would be {text(worth.full, Unit.FACTOR)}, "
                f"{text(worth.shrunk, Unit.FACTOR)} with its error.",
                "docs/methods/size.md",
            )
        )
    return (*rows, *rule_assumptions(sizing.resizing.margin))


def _warnings(sizing: Sizing) -> tuple[str, ...]:
    lines = []
    r, w = sizing.resizing, sizing.wanted
    if not r.leverage_known:
        lines.append(
            f"{r.base.terms[int(r.base.book.accounts.venue[0])].title} does not say how much "
            "leverage it gives at which size: the size is held to the maintenance margin alone."
        )
    chances = [w.probability, *sizing.there.fall.tolist()]
    coins = r.base.book.assets
    bins = [grades().of(w.horizon, p, coins) for p in chances]
    lines += grade_warnings([b for b in dict.fromkeys(bins) if b is not None], coins)
    if grades().of(w.horizon, w.probability) is None:
        lines.append(
            "Probabilities within this horizon were not held against what came: the grading is of "
            "an hour, a day and a week; see docs/methods/odds.md."
        )
    return (*lines, *warnings_of(r.margin))
