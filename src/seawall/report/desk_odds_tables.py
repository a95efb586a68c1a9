"""Columns of the odds: those of the tables, and those that the check's own table gets as CSV."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from seawall.desk.odds import Odds
from seawall.report.lazy import Rows
from seawall.report.model import Column, Table, Unit
from seawall.report.numbers import text

_WORDS = {3_600.0: "an hour", 86_400.0: "a day", 604_800.0: "a week"}
_SHORT = {3_600.0: "1h", 86_400.0: "1d", 604_800.0: "1w"}


def _tag(horizon: float) -> str:
    return _SHORT.get(horizon, f"{horizon:g}s")


def within(horizon: float) -> str:
    """A horizon in words: ``a day``."""
    return _WORDS.get(horizon, text(horizon, Unit.DURATION))


def key_of(name: str, horizon: float) -> str:
    """Of a figure within a horizon: ``call_1d``."""
    return f"{name}_{_tag(horizon)}"


def account_columns(odds: Odds) -> tuple[Column, ...]:
    """Of the table of margin accounts."""
    last = odds.horizons[-1]
    return (
        Column("account", "Account", brief=True),
        Column("venue", "Venue"),
        Column("margin_mode", "Mode", brief=True),
        Column("rows", "Rows", brief=True),
        *(
            Column(key_of("probability", h), f"Liquidated {_tag(h)}", Unit.FRACTION, brief=True)
            for h in odds.horizons
        ),
        Column(key_of("loss_usd", last), "Loss if so", Unit.USD, brief=True),
        *(
            Column(key_of("call", h), f"Called {_tag(h)}", Unit.FRACTION, brief=True)
            for h in odds.horizons
        ),
        Column(key_of("probability_se", last), f"± {_tag(last)}", Unit.FRACTION,
               note="Monte-Carlo standard error"),
        *(
            Column(key_of("closed_form", h), f"Brownian {_tag(h)}", Unit.FRACTION)
            for h in odds.horizons
        ),
        *(
            Column(key_of("came_over_predicted", h), f"Came over predicted {_tag(h)}", Unit.FACTOR,
                   note="of such probabilities in the published grading")
            for h in odds.horizons
        ),
        Column("sigmas", "Daily sigmas", Unit.SIGMA),
        Column(key_of("gap_usd", last), "Of the loss, gap", Unit.USD),
        Column(key_of("slippage_usd", last), "slippage", Unit.USD),
        Column(key_of("fees_usd", last), "fees", Unit.USD),
        Column(key_of("shortfall_usd", last), "Owed beyond it", Unit.USD),
        Column("funding_seconds", "By funding alone", Unit.DURATION),
    )  # fmt: skip


def position_columns(odds: Odds) -> tuple[Column, ...]:
    """Of the table of positions."""
    last = odds.horizons[-1]
    return (
        Column("row", "Row", Unit.COUNT, brief=True),
        Column("account", "Account", brief=True),
        Column("instrument", "Instrument", brief=True),
        Column("side", "Side", brief=True),
        *(
            Column(key_of("probability", h), f"Liquidated {_tag(h)}", Unit.FRACTION, brief=True)
            for h in odds.horizons
        ),
        *(Column(key_of("touch", h), f"Own price {_tag(h)}", Unit.FRACTION) for h in odds.horizons),
        Column("sigmas", "Daily sigmas", Unit.SIGMA, brief=True),
        Column(key_of("loss_usd", last), "Loss if so", Unit.USD, brief=True),
        Column(key_of("gap_usd", last), "of it gap", Unit.USD),
        Column(key_of("slippage_usd", last), "slippage", Unit.USD),
        Column(key_of("fees_usd", last), "fees", Unit.USD),
        Column("funding_seconds", "By its funding alone", Unit.DURATION),
    )


def with_odds_columns(table: Table, positions: Mapping[str, Any]) -> Table:
    """The check's table of positions with their odds beside it, in the CSV alone.

    A CSV holds one table; without them it would lose what the candles were given for.

    Parameters
    ----------
    table
        Rows by number under ``row``, in any order.
    positions
        Columns by name, one entry a position, ``row`` among them.
    """
    keys = [c.key for c in table.columns]
    own = (
        table.rows.columns if isinstance(table.rows, Rows) else tuple(zip(*table.rows, strict=True))
    )
    known = np.asarray(positions["row"], dtype=np.int64)
    by_row = np.argsort(known, kind="stable")
    there = np.asarray(own[keys.index("row")], dtype=np.int64)
    at = by_row[np.searchsorted(known, there, sorter=by_row)]
    beside = {
        Column(name, name, _unit(name), only="csv"): np.asarray(values)[at]
        for name, values in positions.items()
        if name not in keys
    }
    rows = Rows((*own, *beside.values()))
    return replace(table, columns=(*table.columns, *beside), rows=rows)


def _unit(name: str) -> Unit:
    if name == "funding_seconds":
        return Unit.DURATION
    return Unit.USD if "_usd" in name else Unit.FRACTION


def caption(odds: Odds) -> str:
    """Under the table of margin accounts."""
    last = odds.horizons[-1]
    return (
        f"Share of {odds.paths:,} simulated paths on which the account reaches its maintenance "
        f"margin. Called: its margin ratio reaches {text(odds.call_ratio, Unit.FRACTION)}. "
        "Brownian: the same in closed form, if prices had the same variance and no fat tails. "
        f"The loss is of the equity at the marks, mean over liquidations within {within(last)}."
    )
