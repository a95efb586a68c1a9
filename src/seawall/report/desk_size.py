"""The report of a size: the largest within its limits, the curve, and what volatility changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from seawall.core import format_time
from seawall.desk.grades import grades
from seawall.desk.prices import PriceModel
from seawall.desk.size import SHORTFALL_LEVEL, Bound, Curve, Sizer, Sizing
from seawall.desk.size_moves import Plan
from seawall.desk.size_rules import Kelly
from seawall.report.desk_odds import grade_warnings
from seawall.report.model import (
    Assumption,
    Chart,
    ChartKind,
    Column,
    Headline,
    Kind,
    Marker,
    Report,
    Section,
    Series,
    Shape,
    Table,
    Tone,
    Unit,
)
from seawall.report.numbers import text
from seawall.report.subject import inputs_of, machine_inputs, rule_assumptions, warnings_of

SCHEMA = "seawall.size/1"
_SHOWN = 0.5
"""Probability of liquidation up to which the curve is drawn."""


def size_report(
    sizer: Sizer,
    sizing: Sizing,
    moves: Sequence[Plan],
    worth: Kelly | None,
    model: PriceModel,
    source: str,
    new: bool,
) -> Report:
    """The largest size within the limits, each limit, the curve, and the plan by volatility.

    Parameters
    ----------
    worth
        What an edge is worth, where one is stated.
    new
        Whether nothing is held yet.
    """
    r, margin = sizing.resizing, sizing.resizing.margin
    where = _where(sizing, new)
    payload = {
        "inputs": machine_inputs(margin),
        "parameters": _parameters(sizer, sizing),
        "position": where,
        "size": _record(sizing.there, 0)
        | {"binding": sizing.binding.name.lower(), "from_usd": sizing.from_usd}
        | {"coins": _coins(sizing, sizing.notional_usd)},
        "present": None if new else _record(sizing.there, 1),
        "limits": [
            {"limit": name.name.lower(), "notional_usd": usd, "leverage": usd / r.equity_usd}
            for name, usd in _ordered(sizing)
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
            _limit_table(sizing, worth),
            _plan_table(moves, r.equity_usd),
            _curve_table(sizing),
        ),
        charts=(_chart(sizing), _plan_chart(moves)),
        assumptions=_assumptions(sizer, sizing, worth, model, source),
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


def _ordered(sizing: Sizing) -> list[tuple[Bound, float]]:
    return sorted(sizing.limits.items(), key=lambda item: item[1])


def _answer(sizing: Sizing, where: dict[str, Any], new: bool) -> tuple[str, ...]:
    w, usd = sizing.wanted, sizing.notional_usd
    within = text(w.horizon, Unit.DURATION) if w.horizon < 86_400 else f"{w.horizon / 86_400:g} d"
    if usd <= 0.0:
        return (
            f"No size of it is within the limits: {sizing.binding.value} allows none.",
            "Next to nothing of it leaves the account a probability of liquidation within "
            f"{within} of {_chance(sizing, 0)} and an expected shortfall of "
            f"{text(float(sizing.there.shortfall[0]), Unit.FRACTION)} of its equity.",
        )
    lines = [
        f"At most {text(usd, Unit.USD)}, {text(_coins(sizing, usd), Unit.NUMBER)} coins, "
        f"{text(sizing.leverage, Unit.FACTOR)} of the account's equity of "
        f"{text(where['equity_usd'], Unit.USD)}: {sizing.binding.value} binds.",
        f"At that size it is liquidated within {within} with probability "
        f"{_chance(sizing, 0)}; the mean of its worst "
        f"{text(1.0 - SHORTFALL_LEVEL, Unit.FRACTION)} of outcomes is a loss of "
        f"{text(float(sizing.there.shortfall[0]), Unit.FRACTION)} of the equity.",
    ]
    if sizing.from_usd > 0.0:
        lines.append(
            f"Below {text(sizing.from_usd, Unit.USD)} the limits are not met: it hedges other "
            "positions of the account."
        )
    if not new:
        held = where["present_usd"]
        verb = "Cut it by" if held > usd else "It may grow by"
        lines.append(
            f"{text(held, Unit.USD)} are held, with probability {_chance(sizing, 1)}: "
            f"{verb.lower()} {text(abs(held - usd), Unit.USD)}."
        )
    return tuple(lines)


def _chance(sizing: Sizing, k: int) -> str:
    p = float(sizing.there.fall[k])
    if p > 0.0:
        return text(p, Unit.FRACTION)
    return f"under {text(1.0 / sizing.paths, Unit.FRACTION)}"


def _headlines(sizing: Sizing) -> tuple[Headline, ...]:
    there = sizing.there
    p, se = float(there.fall[0]), float(there.fall_se[0])
    return (
        Headline("notional", "Largest size", sizing.notional_usd, Unit.USD, Kind.MODELLED,
                 note=f"{sizing.binding.value} binds"),
        Headline("leverage", "Leverage", sizing.leverage, Unit.FACTOR, Kind.MODELLED),
        Headline("probability", "Liquidated within the horizon", p, Unit.FRACTION, Kind.MODELLED,
                 max(0.0, p - 1.645 * se), min(1.0, p + 1.645 * se)),
    )  # fmt: skip


def _limit_table(sizing: Sizing, worth: Kelly | None) -> Table:
    w = sizing.wanted
    asked = {
        Bound.PROBABILITY: f"at most {text(w.probability, Unit.FRACTION)}",
        Bound.SHORTFALL: f"at most {text(w.shortfall, Unit.FRACTION)} of the equity",
        Bound.DEPTH: f"closing slips by {text(w.cost, Unit.FRACTION)} at most, in a stressed book",
        Bound.KELLY: _kelly_words(worth),
        Bound.VOLATILITY: f"{text(w.volatility, Unit.FRACTION)} a day",
        Bound.LEVERAGE: f"at most {text(w.leverage, Unit.FACTOR)}",
        Bound.BRACKETS: "initial margin within the equity",
    }
    equity = sizing.resizing.equity_usd
    return Table(
        "limits",
        "Largest size by limit, the binding one first",
        (
            Column("limit", "Limit", brief=True),
            Column("asked", "Asked", brief=True),
            Column("notional_usd", "Notional", Unit.USD, brief=True),
            Column("leverage", "Leverage", Unit.FACTOR, brief=True),
        ),
        [(name.value, asked[name], usd, usd / equity) for name, usd in _ordered(sizing)],
        main=True,
        whole=True,
    )


def _kelly_words(worth: Kelly | None) -> str:
    if worth is None:
        return ""
    return (
        f"{worth.edge.fraction:g} of Kelly, edge {text(worth.edge.mean, Unit.FRACTION)} ± "
        f"{text(worth.error, Unit.FRACTION)} a year"
    )


def _plan_table(moves: Sequence[Plan], equity: float) -> Table:
    return Table(
        "plan",
        "What to hold as volatility moves",
        (
            Column("factor", "Volatility", Unit.FACTOR, brief=True),
            Column("daily_volatility", "a day", Unit.FRACTION, brief=True),
            Column("target_usd", "Hold", Unit.USD, brief=True),
            Column("leverage", "Leverage", Unit.FACTOR, brief=True),
            Column("low_usd", "Nothing to do from", Unit.USD, brief=True),
            Column("high_usd", "to", Unit.USD, brief=True),
            Column("limit_usd", "Limit", Unit.USD),
            Column("binding", "Binding"),
        ),
        [
            (p.factor, p.daily_sigma, p.target_usd, p.target_usd / equity, p.low_usd, p.high_usd,
             p.limit_usd, p.binding.value)
            for p in moves
        ],
        caption="Volatility over the present one. Hold keeps the position's risk in USD as the "
        "largest size has it now, within the limits there. Outside of the two ends trade to the "
        "nearer one; between them trading costs more than it is worth.",
        whole=True,
    )  # fmt: skip


def _curve_table(sizing: Sizing) -> Table:
    c, usd = sizing.curve, sizing.notional_usd or sizing.resizing.present_usd
    c = c.at((c.notional_usd >= 0.25 * usd) & ((c.fall <= _SHOWN) | (c.notional_usd <= usd)))
    columns: dict[Column, Any] = {
        Column("notional_usd", "Notional", Unit.USD, brief=True): c.notional_usd,
        Column("leverage", "Leverage", Unit.FACTOR, brief=True): c.leverage,
        Column("probability", "Liquidated", Unit.FRACTION, brief=True): c.fall,
        Column("probability_se", "±", Unit.FRACTION): c.fall_se,
        Column("closed_form", "Brownian", Unit.FRACTION): c.closed_form,
        Column("call", "Called", Unit.FRACTION): c.call,
        Column("shortfall", "Shortfall", Unit.FRACTION, brief=True): c.shortfall,
        Column("slippage_calm", "Slippage, calm", Unit.FRACTION): c.calm,
        Column("slippage_stressed", "stressed", Unit.FRACTION, brief=True): c.stressed,
    }
    return Table.of_columns(
        "sizes",
        "Sizes around it, on the same paths",
        columns,
    )


def _chart(sizing: Sizing) -> Chart:
    c = sizing.curve
    last = max(int(np.searchsorted(c.fall, _SHOWN)) + 1, 2)
    shown = slice(0, min(last, len(c.fall)))
    x = c.leverage[shown]
    equity = sizing.resizing.equity_usd
    marks = tuple(
        Marker(
            usd / equity,
            name.value,
            Tone.LOSS if name is sizing.binding else Tone.MUTED,
            detail=text(usd, Unit.USD),
        )
        for name, usd in _ordered(sizing)
        if usd / equity <= x[-1]
    )
    return Chart(
        "size_chart",
        "Probability and loss over the size",
        ChartKind.LADDER,
        "Leverage",
        Unit.FACTOR,
        "Share",
        Unit.FRACTION,
        (
            Series("Liquidated", x, c.fall[shown], Tone.LOSS),
            Series("Called", x, c.call[shown], Tone.ACCENT),
            Series("Liquidated, Brownian", x, c.closed_form[shown], Tone.MUTED, Shape.DASHED),
            Series("Expected shortfall", x, np.minimum(c.shortfall[shown], 1.5), Tone.PRICE),
        ),
        marks,
        caption="Leverage is notional over the account's equity; the vertical lines are the "
        "limits.",
    )


def _plan_chart(moves: Sequence[Plan]) -> Chart:
    x = [p.factor for p in moves]
    return Chart(
        "plan_chart",
        "What to hold over volatility",
        ChartKind.LADDER,
        "Volatility over the present one",
        Unit.FACTOR,
        "USD",
        Unit.USD,
        (
            Series("Hold", x, [p.target_usd for p in moves], Tone.ACCENT),
            Series("Nothing to do from", x, [p.low_usd for p in moves], Tone.MUTED, Shape.DASHED),
            Series("to", x, [p.high_usd for p in moves], Tone.MUTED, Shape.DASHED),
            Series("Limit", x, [p.limit_usd for p in moves], Tone.LOSS),
        ),
    )


def _assumptions(
    sizer: Sizer, sizing: Sizing, worth: Kelly | None, model: PriceModel, source: str
) -> tuple[Assumption, ...]:
    law = sizer.law
    rows = [
        Assumption(
            f"Prices from {format_time(model.time)} on: the model of the odds, the same "
            f"{sizer.paths.count:,} paths for every size; no drift, funding constant, nobody acts.",
            f"{source}; docs/methods/odds.md",
        ),
        Assumption(
            f"{text(sizer.resting, Unit.USD)} rest within 1% of mid in a calm book, "
            f"{text(law.remaining, Unit.FRACTION)} of it in a stressed one; impact exponent "
            f"{law.exponent:g}.",
            law.source,
        ),
    ]
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
    bin_ = grades().of(w.horizon, w.probability)
    lines += grade_warnings([bin_] if bin_ is not None else [])
    return (*lines, *warnings_of(r.margin))
