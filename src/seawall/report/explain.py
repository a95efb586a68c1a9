"""The path of one position: from its row to its rules, its margins and its fall."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from seawall.core import InputError, Mistake, TierUnit, format_time
from seawall.margin import MarginBook
from seawall.report.model import (
    Assumption,
    Chart,
    ChartKind,
    Column,
    Quantity,
    Report,
    Section,
    Series,
    Table,
    Tone,
    Unit,
)
from seawall.report.numbers import from_mark, short, text
from seawall.report.subject import (
    asset_marks,
    inputs_of,
    machine_inputs,
    usd_per_settled,
    warnings_of,
)
from seawall.risk import Cascade

SCHEMA = "seawall.explain/1"

Step = tuple[str, str, Any, Unit, str]


def explain_report(margin: MarginBook, row: int, cascade: Cascade | None = None) -> Report:
    """Every step that leads from one row of the book to its liquidation.

    Parameters
    ----------
    margin
        The book.
    row
        Row number in the source, from 1.
    cascade
        A cascade to follow the position through.

    Raises
    ------
    InputError
        If no position has this row number.
    """
    found = np.flatnonzero(margin.book.positions.row == row)
    if found.size == 0:
        rows = margin.book.positions.row
        raise InputError(
            Mistake(
                "no position with this row number",
                "--row",
                value=str(row),
                allowed=f"{rows.min()} to {rows.max()}, rows set aside left out",
            )
        )
    i = int(found[0])
    steps = [*_given(margin, i), *_rules(margin, i), *_margins(margin, i), *_prices(margin, i)]
    tables = [_step_table(steps), _bracket_table(margin, i)]
    charts: tuple[Chart, ...] = ()
    fall: list[dict[str, Any]] = []
    if cascade is not None:
        fall = _fall(cascade, i)
        tables.append(_fall_table(fall))
        charts = (_fall_chart(cascade, i, fall),) if len(fall) > 1 else ()
    payload = {
        "inputs": machine_inputs(margin),
        "row": row,
        "steps": [
            {"stage": s[0], "what": s[1], "value": s[2], "unit": s[3].value, "how": s[4]}
            for s in steps
        ],
        "fall": fall,
        "warnings": list(warnings_of(margin)),
    }
    return Report(
        schema=SCHEMA,
        title=f"Row {row}, explained",
        question="How does this position get from its row to its liquidation?",
        answer=_answer(margin, i, cascade),
        tables=tuple(tables),
        charts=charts,
        assumptions=(
            Assumption("Formulas and their sources, one place each.", "docs/methods/margin.md"),
        ),
        warnings=warnings_of(margin),
        inputs=inputs_of(margin),
        payload=payload,
        sections=(Section("Step by step", tuple(t.key for t in tables)),),
    )


def _given(margin: MarginBook, i: int) -> list[Step]:
    p = margin.book.position(i)
    inverse = p.instrument.inverse
    stage = "given"
    mode = "isolated" if p.isolated else "cross"
    behind = "its own margin" if p.isolated else "the wallet of its account"
    rows: list[Step] = [
        (stage, "account", p.trader, Unit.TEXT, "as in the row"),
        (stage, "instrument", p.instrument.symbol, Unit.TEXT, f"underlying {p.instrument.asset}"),
        (
            stage,
            "contract",
            p.instrument.contract_type.value,
            Unit.TEXT,
            "by the row or the rulebook",
        ),
        (
            stage,
            "size",
            p.size,
            Unit.NUMBER,
            "USD face" if inverse else f"{p.instrument.asset}; > 0 is long",
        ),
        (stage, "entry price", p.entry, Unit.PRICE, "USD"),
        (stage, "mark price", p.mark, Unit.PRICE, "USD"),
        (stage, "margin mode", mode, Unit.TEXT, behind),
        (stage, "leverage set", p.leverage, Unit.FACTOR, "for the initial margin"),
    ]
    if not np.isnan(p.stop):
        rows.append((stage, "stop price", p.stop, Unit.PRICE, "USD"))
    return rows


def _rules(margin: MarginBook, i: int) -> list[Step]:
    book = margin.book
    terms = margin.terms[int(margin.venue_of_positions()[i])]
    schedule = margin.schedules[int(margin.schedule[i])]
    stage = "rules"
    cautious = "; stands in for brackets that are unknown" if schedule.cautious else ""
    return [
        (stage, "venue", terms.title, Unit.TEXT, f"rules in force from {terms.effective_from}"),
        (stage, "book as of", format_time(book.time), Unit.TEXT, "the day whose rules judge it"),
        (stage, "brackets", len(schedule.floors), Unit.COUNT, schedule.source + cautious),
        (stage, "margin at", terms.margin.maintenance_basis.value, Unit.TEXT, "price of notional"),
        (stage, "taker fee", terms.margin.taker_fee, Unit.FRACTION, "of what is closed"),
        (stage, "liquidation fee", terms.liquidation.fee, Unit.FRACTION, "of what is closed"),
    ]


def _margins(margin: MarginBook, i: int) -> list[Step]:
    book = margin.book
    a = int(book.positions.account[i])
    state = margin.accounts_state()
    currency = book.currencies[int(book.accounts.settle[a])]
    stage = "margins"
    mates = int(np.diff(margin.start)[a])
    rows: list[Step] = [
        (stage, "notional", float(book.notional()[i]), Unit.USD, "size x mark, or face value"),
        (
            stage,
            "balance",
            float(margin.balance[a]),
            Unit.NUMBER,
            f"{currency}, without unrealised profit"
            + ("" if not np.isnan(book.accounts.balance[a]) else "; implied"),
        ),
        (stage, "unrealised profit", float(margin.pnl()[i]), Unit.NUMBER, currency),
        (
            stage,
            "maintenance margin",
            float(margin.maintenance()[i]),
            Unit.NUMBER,
            f"{currency}, as the venue prints it",
        ),
        (stage, "initial margin", float(margin.initial()[i]), Unit.NUMBER, currency),
        (
            stage,
            "account equity",
            float(state.equity[a]),
            Unit.NUMBER,
            f"{currency}, balance + profit of {mates} position{'s' if mates > 1 else ''}",
        ),
        (
            stage,
            "account maintenance",
            float(state.maintenance[a]),
            Unit.NUMBER,
            f"{currency}, fees counted in it included",
        ),
        (stage, "margin ratio", float(state.ratio[a]), Unit.FRACTION, "maintenance / equity"),
        (
            stage,
            "margin ratio as printed",
            float(margin.printed_ratio()[a]),
            Unit.NUMBER,
            margin.terms[int(book.accounts.venue[a])].margin.ratio_form.value,
        ),
        (
            stage,
            "effective leverage",
            float(margin.effective_leverage()[a]),
            Unit.FACTOR,
            "notional of the account / equity",
        ),
    ]
    return rows


def _prices(margin: MarginBook, i: int) -> list[Step]:
    exact, printed = margin.liquidation_price()[i], margin.printed_liquidation_price()[i]
    mark = margin.book.positions.mark[i]
    stage = "prices"
    rows: list[Step] = [
        (stage, "liquidation price", float(exact), Unit.PRICE, "equity = maintenance"),
        (stage, "as the venue prints it", float(printed), Unit.PRICE, "after its tick rule"),
        (
            stage,
            "distance from mark",
            float(exact / mark - 1.0),
            Unit.FRACTION,
            "exact price / mark - 1",
        ),
        (
            stage,
            "bankruptcy price",
            float(margin.printed_bankruptcy_price()[i]),
            Unit.PRICE,
            "equity = 0",
        ),
    ]
    reported = margin.book.positions.reported_liquidation[i]
    if not np.isnan(reported):
        rows.append(
            (stage, "liquidation price as reported", float(reported), Unit.PRICE, "by the source")
        )
    return rows


def _fall(cascade: Cascade, i: int) -> list[dict[str, Any]]:
    """Price, equity and maintenance of the position's account at each round until it is closed."""
    margin, book = cascade.margin, cascade.margin.book
    a = int(book.positions.account[i])
    asset = int(book.asset_codes()[i])
    closed = cascade.closings.turn[cascade.closings.position == i]
    last = int(closed.max()) if closed.size else len(cascade.factor)
    rows = []
    for r in range(min(last, len(cascade.factor))):
        state = margin.remarked(cascade.factor[r])
        event = ""
        now = (cascade.closings.turn == r + 1) & (cascade.closings.position == i)
        if now.any():
            stop = bool(cascade.closings.stop[now][0])
            event = "closed by its stop" if stop else "liquidated"
        rows.append(
            {
                "round": r + 1,
                "price": float(book.positions.mark[i] * cascade.factor[r, asset]),
                "equity": float(state.equity[a]),
                "maintenance": float(state.maintenance[a]),
                "margin_ratio": float(state.ratio[a]),
                "event": event or ("at rest" if r == len(cascade.factor) - 1 else "holds"),
            }
        )
    return rows


def _answer(margin: MarginBook, i: int, cascade: Cascade | None) -> tuple[str, ...]:
    book = margin.book
    p = book.position(i)
    price = float(margin.printed_liquidation_price()[i])
    side = "long" if p.size > 0 else "short"
    where = (
        "has no liquidation price of its own"
        if np.isnan(price)
        else f"is liquidated at {text(price, Unit.PRICE)}, "
        f"{from_mark(price / p.mark - 1.0)} of {text(p.mark, Unit.PRICE)}"
    )
    lines = [f"The {short(p.instrument.symbol)} {side} of {short(p.trader)} {where}."]
    if cascade is not None:
        a = int(book.positions.account[i])
        mine = cascade.closings.position == i
        asset = int(book.asset_codes()[i])
        if mine.any():
            turn = int(cascade.closings.turn[mine][0])
            stop = bool(cascade.closings.stop[mine][0])
            mark = float(book.positions.mark[i] * cascade.factor[turn - 1, asset])
            left = float((cascade.equity + cascade.settlement.transfer)[a])
            before = float((margin.accounts_state().equity * usd_per_settled(margin))[a])
            lines.append(
                f"In the cascade it is {'stopped out' if stop else 'liquidated'} in round {turn} "
                f"at a mark of {text(mark, Unit.PRICE)}; its account goes from "
                f"{text(before, Unit.USD)} to {text(left, Unit.USD)}."
            )
        else:
            rest = float(asset_marks(margin)[asset] * cascade.factor[-1, asset])
            lines.append(
                f"The cascade comes to rest with {book.assets[asset]} at "
                f"{text(rest, Unit.PRICE)} and does not reach it."
            )
        cut = float(cascade.settlement.adl_usd[i])
        if cut > 0:
            lines.append(
                f"It is auto-deleveraged by {text(cut, Unit.USD)} to pay for others' losses."
            )
    return tuple(lines)


def _step_table(steps: Sequence[Step]) -> Table:
    return Table(
        "steps",
        "From the row to the liquidation price",
        (
            Column("stage", "Stage", brief=True),
            Column("what", "What", brief=True),
            Column("value", "Value", align="right", brief=True),
            Column("how", "How", brief=True),
            Column("unit", "Unit"),
        ),
        # every row counts something else, so each value carries its own unit
        tuple((s[0], s[1], Quantity(s[2], s[3]), s[4], s[3].value) for s in steps),
        main=True,
        whole=True,
    )


def _bracket_table(margin: MarginBook, i: int) -> Table:
    schedule = margin.schedules[int(margin.schedule[i])]
    book = margin.book
    contracts = schedule.unit is TierUnit.CONTRACTS
    size = abs(float(book.positions.size[i]))
    if contracts:
        held = size / book.instruments[int(book.positions.instrument[i])].contract_size
    else:
        held = abs(float(margin.lines.z[i] * margin.lines.u[i]))
    now = int(schedule.bracket(held))
    return Table(
        "brackets",
        "Brackets of the instrument",
        (
            Column("floor", "From " + ("contracts" if contracts else "notional"), Unit.NUMBER),
            Column("rate", "Maintenance rate", Unit.FRACTION),
            Column("deduction", "Deduction", Unit.NUMBER),
            Column("max_leverage", "Highest leverage", Unit.FACTOR),
            Column("here", "At the mark"),
        ),
        tuple(
            (
                float(schedule.floors[k]),
                float(schedule.rates[k]),
                float(schedule.deductions[k]),
                float(schedule.max_leverage[k]),
                "this position" if k == now else "",
            )
            for k in range(len(schedule.floors))
        ),
        caption=schedule.source
        + (f"; the rate grows by {schedule.growth:.4%} a coin" if schedule.growth else ""),
    )


def _fall_table(fall: list[dict[str, Any]]) -> Table:
    columns = (
        Column("round", "Round", Unit.COUNT, brief=True),
        Column("price", "Mark", Unit.PRICE, brief=True),
        Column("equity", "Account equity", Unit.NUMBER, brief=True),
        Column("maintenance", "Maintenance", Unit.NUMBER, brief=True),
        Column("margin_ratio", "Margin ratio", Unit.FRACTION, brief=True),
        Column("event", "What happens", brief=True),
    )
    return Table(
        "fall",
        "Through the cascade",
        columns,
        tuple(tuple(r[c.key] for c in columns) for r in fall),
        caption="Equity and maintenance in the account's currency, its positions as before the "
        "shock.",
    )


def _fall_chart(cascade: Cascade, i: int, fall: list[dict[str, Any]]) -> Chart:
    x = [float(r["round"]) for r in fall]
    return Chart(
        "fall_chart",
        "Equity and maintenance margin by round",
        ChartKind.LADDER,
        "Round",
        Unit.COUNT,
        "Account currency",
        Unit.NUMBER,
        (
            Series("Equity", x, [r["equity"] for r in fall], Tone.ACCENT),
            Series("Maintenance", x, [r["maintenance"] for r in fall], Tone.LOSS),
        ),
    )
