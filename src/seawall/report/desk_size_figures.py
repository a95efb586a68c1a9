"""Tables and charts of a size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from seawall.desk.size import Sizing
from seawall.desk.size_limits import Bound
from seawall.desk.size_moves import Plan
from seawall.desk.size_rules import Kelly
from seawall.report.model import (
    Chart,
    ChartKind,
    Column,
    Marker,
    Series,
    Shape,
    Table,
    Tone,
    Unit,
)
from seawall.report.numbers import text

SHOWN = 0.5
"""Probability of liquidation up to which the curve is drawn."""


def by_limit(sizing: Sizing) -> list[tuple[Bound, float]]:
    """Limits and the largest size by each, the binding one first."""
    return sorted(sizing.limits.items(), key=lambda item: item[1])


def limit_table(sizing: Sizing, worth: Kelly | None) -> Table:
    """The largest size by limit."""
    w = sizing.wanted
    asked = {
        Bound.PROBABILITY: f"at most {text(w.probability, Unit.FRACTION)}, upper end",
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
        [(name.value, asked[name], usd, usd / equity) for name, usd in by_limit(sizing)],
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


def plan_table(moves: Sequence[Plan], equity: float) -> Table:
    """What to hold at each volatility."""
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
            Column("binding", "Binding", brief=True),
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


def curve_table(sizing: Sizing) -> Table:
    """The curve around the largest size."""
    c, usd = sizing.curve, sizing.notional_usd or sizing.resizing.present_usd
    c = c.at((c.notional_usd >= 0.25 * usd) & ((c.fall <= SHOWN) | (c.notional_usd <= usd)))
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


def size_chart(sizing: Sizing) -> Chart:
    """Probability and loss over leverage."""
    c = sizing.curve
    last = max(int(np.searchsorted(c.fall, SHOWN)) + 1, 2)
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
        for name, usd in by_limit(sizing)
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


def plan_chart(moves: Sequence[Plan]) -> Chart:
    """What to hold over volatility."""
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
