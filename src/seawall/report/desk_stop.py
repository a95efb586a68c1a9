"""The report of a stop: where it stands and why, whether it fires, and what comes first."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from seawall.desk.prices import PriceModel
from seawall.desk.stop import Placed
from seawall.desk.stop_odds import Firing, Stops
from seawall.report.desk_odds import chance, share
from seawall.report.desk_stop_said import assumptions, raised, tag, warnings
from seawall.report.model import (
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
from seawall.report.subject import inputs_of, machine_inputs

SCHEMA = "seawall.stop/1"
_WHY = {
    "volatility": "as far as volatility asks",
    "liquidation": "as far as the liquidation price leaves room",
    "beyond the cluster": "past the far end of a cluster of liquidations",
    "before the cluster": "before a cluster of liquidations, past which there is no room",
    "inside the cluster": "inside a cluster of liquidations, outside of which there is no room",
    "given": "as given",
}


def stop_report(stops: Stops, found: Placed, model: PriceModel, alone: bool) -> Report:
    """Where a stop stands, whether it fires before the liquidation, and what that costs.

    Parameters
    ----------
    alone
        Whether no clusters were asked for.
    """
    margin = stops.resizing.margin
    where = _where(stops, found)
    payload = {
        "inputs": machine_inputs(margin),
        "position": where,
        "stop": _record(found, found.firing, 0)
        | {"sigmas": found.sigmas, "why": found.why, "trigger": found.trigger.by}
        | {"loss_usd": _loss(stops, found, calm=True), "loss_stressed_usd": _loss(stops, found)}
        | {"fee_usd": _fee(stops, found)},
        "needed": {
            "slippage": found.needed.slippage,
            "gap": found.needed.gap,
            "lag": found.needed.lag,
            "funding": found.needed.funding,
            "extra": found.needed.extra,
            "total": found.needed.total,
        },
        "cluster": _cluster(found),
        "unprotected": _by_horizon(found, found.unprotected, "probability"),
        "others": [_record(found, found.others, k) for k in range(len(found.others.price))],
        "paths": found.paths,
        "warnings": list(warnings(stops, found, model)),
    }
    return Report(
        schema=SCHEMA,
        title="Stop",
        question=f"Where should the stop of the {_name(where)} stand?",
        answer=_answer(stops, found, where),
        headlines=_headlines(found),
        tables=(_odds_table(found), _needed_table(found), _others_table(found)),
        charts=(_chart(found),),
        assumptions=assumptions(stops, found, model, alone),
        warnings=warnings(stops, found, model),
        inputs=inputs_of(margin),
        payload=payload,
        sections=(
            Section("How likely", ("odds", "stop_chart")),
            Section("Where it may stand", ("needed", "others")),
        ),
    )


def _where(stops: Stops, found: Placed) -> dict[str, Any]:
    r = stops.resizing
    book, own = r.base.book, r.own
    return {
        "row": int(book.positions.row[own]),
        "account": book.traders[int(book.accounts.trader[0])],
        "venue": r.base.terms[int(book.accounts.venue[0])].title,
        "instrument": book.instruments[int(book.positions.instrument[own])].symbol,
        "side": "long" if r.side > 0 else "short",
        "margin_mode": "isolated" if book.accounts.isolated[0] else "cross",
        "notional_usd": r.present_usd,
        "mark_price": found.mark,
        "liquidation_price": _known(found.liquidation),
        "farthest_price": _known(found.bound),
    }


def _name(where: dict[str, Any]) -> str:
    return f"{where['instrument']} {where['side']} of {where['account']} (row {where['row']})"


def _known(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _by_horizon(found: Placed, values: Sequence[float] | Any, name: str) -> dict[str, Any]:
    rows = zip(found.horizons, np.asarray(values).tolist(), strict=True)
    return {f"{name}_{tag(h)}": _known(value) for h, value in rows}


def _record(found: Placed, of: Firing, k: int) -> dict[str, Any]:
    return {
        "price": float(of.price[k]),
        "distance": float(of.price[k]) / found.mark - 1.0,
        "slippage_calm": float(of.calm[k]),
        "slippage_stressed": float(of.stressed[k]),
        **_by_horizon(found, of.fires[k], "fires"),
        **_by_horizon(found, of.fires_se[k], "fires_se"),
        **_by_horizon(found, of.liquidated[k], "liquidated_first"),
        **_by_horizon(found, of.liquidated_se[k], "liquidated_first_se"),
        **_by_horizon(found, of.after[k], "liquidated_after"),
        **_by_horizon(found, of.after_se[k], "liquidated_after_se"),
        **_by_horizon(found, of.total[k], "liquidated_total"),
        **_by_horizon(found, of.total_se[k], "liquidated_total_se"),
        **_by_horizon(found, of.change_se[k], "liquidated_change_se"),
        **_by_horizon(found, of.closed_form[k], "closed_form"),
        **_by_horizon(found, of.gap[k], "gap"),
    }


def _cluster(found: Placed) -> dict[str, Any] | None:
    c = found.cluster
    if c is None:
        return None
    return {"side": c.side, "low": c.low, "high": c.high, "notional_usd": c.notional_usd}


def _fee(stops: Stops, found: Placed) -> float:
    """USD of taker fee at the stop's price."""
    r, ratio = stops.resizing, found.price / found.mark
    inverse = bool(r.base.book.inverse()[r.own])
    return r.present_usd * stops.fee * (1.0 / ratio if inverse else ratio)


def _loss(stops: Stops, found: Placed, calm: bool = False) -> float:
    """USD between the mark and the fill: the way there, the gap, slippage and the taker fee."""
    f, r = found.firing, stops.resizing
    slipped = float((f.calm if calm else f.stressed)[0])
    gap = float(np.nan_to_num(f.gap[0, -1]))
    filled = found.price / found.mark * (1.0 - r.side * gap) * (1.0 - r.side * slipped)
    # a contract in coins loses coins as their price falls, counted at the mark
    inverse = bool(r.base.book.inverse()[r.own])
    lost, worth = (1.0 / filled - 1.0, 1.0 / filled) if inverse else (1.0 - filled, filled)
    return r.present_usd * (r.side * lost + stops.fee * worth)


def _answer(stops: Stops, found: Placed, where: dict[str, Any]) -> tuple[str, ...]:
    f, side = found.firing, "below" if stops.resizing.side > 0 else "above"
    day = min(1, len(found.horizons) - 1)
    lines = [
        f"At {text(found.price, Unit.PRICE)}, by the {found.trigger.by} price: "
        f"{text(abs(found.price / found.mark - 1.0), Unit.FRACTION)} {side} the mark of "
        f"{text(found.mark, Unit.PRICE)} ({text(found.sigmas, Unit.SIGMA)} of a day), "
        f"{_WHY[found.why]}.",
        f"It fires within {tag(found.horizons[day])} with probability "
        f"{chance(f.fires[0, day], found.paths)}, within {tag(found.horizons[-1])} "
        f"{chance(f.fires[0, -1], found.paths)}; {_liquidated(found)}",
        f"It would lose {text(_loss(stops, found, calm=True), Unit.USD)} of "
        f"{text(where['notional_usd'], Unit.USD)} in a calm book, "
        f"{text(_loss(stops, found), Unit.USD)} in a stressed one, "
        f"{text(_fee(stops, found), Unit.USD)} of it taker fee.",
    ]
    if raised(found).any():
        lines.insert(0, "This stop makes a liquidation of the account likelier, not rarer.")
    if math.isfinite(found.liquidation):
        lines.append(
            f"The account is liquidated at {text(found.liquidation, Unit.PRICE)} if this price "
            f"alone moves; a stop needs {text(found.needed.total, Unit.FRACTION)} of room before "
            f"it, and so stands no farther than {text(found.bound, Unit.PRICE)}."
        )
    return tuple(lines)


def _liquidated(found: Placed) -> str:
    """Before the stop, after it, together, and without one."""
    f = found.firing
    first, after, total = (float(x[0, -1]) for x in (f.liquidated, f.after, f.total))
    said = f"liquidation comes first in {chance(first, found.paths)}"
    if after > 0.0:
        said += (
            f", and after the stop has filled in {chance(after, found.paths)}: "
            f"{chance(total, found.paths)} together"
        )
    return f"{said} ({chance(found.unprotected[-1], found.paths)} without a stop)."


def _headlines(found: Placed) -> tuple[Headline, ...]:
    f, k = found.firing, len(found.horizons) - 1
    words = tag(found.horizons[k])

    return (
        Headline("price", "Stop", found.price, Unit.PRICE, Kind.MODELLED, note=_WHY[found.why]),
        share("fires", f"Fires within {words}", f.fires[0, k], found.paths),
        share("liquidated", "Liquidation comes first", f.liquidated[0, k], found.paths),
        share("liquidated_total", "Liquidated, first or after it", f.total[0, k], found.paths),
    )


def _odds_table(found: Placed) -> Table:
    f = found.firing
    columns: dict[Column, Any] = {
        Column("horizon", "Within", brief=True): [tag(h) for h in found.horizons],
        Column("fires", "Fires", Unit.FRACTION, brief=True): f.fires[0],
        Column("fires_se", "±", Unit.FRACTION): f.fires_se[0],
        Column("closed_form", "Touched, Brownian", Unit.FRACTION): f.closed_form[0],
        Column("liquidated", "Liquidated first", Unit.FRACTION, brief=True): f.liquidated[0],
        Column("after", "after it", Unit.FRACTION, brief=True): f.after[0],
        Column("total", "together", Unit.FRACTION, brief=True): f.total[0],
        Column("unprotected", "Without a stop", Unit.FRACTION, brief=True): found.unprotected,
        Column("gap", "Gap to the fill", Unit.FRACTION): f.gap[0],
    }
    return Table.of_columns(
        "odds",
        "What becomes of it",
        columns,
        caption=f"Shares of {found.paths:,} simulated paths. After it: the stop has filled and the "
        "rest of the account is liquidated within that time. Gap: how far the price goes on until "
        "the order fills, mean over the paths on which it fires.",
        whole=True,
    )


def _needed_table(found: Placed) -> Table:
    n = found.needed
    return Table(
        "needed",
        "Room before the liquidation price",
        (Column("part", "For", brief=True), Column("share", "Of the price", Unit.FRACTION,
                                                   brief=True)),
        [
            ("slippage of the order in a stressed book", n.slippage),
            ("the price going on until it fills, 99% of the paths", n.gap),
            (f"the {found.trigger.by} price behind the mark, which liquidates", n.lag),
            ("funding, which moves the liquidation price", n.funding),
            ("beyond that, as asked", n.extra),
            ("all", n.total),
        ],
        whole=True,
    )  # fmt: skip


def _others_table(found: Placed) -> Table:
    f, last = found.others, tag(found.horizons[-1])
    day = min(1, len(found.horizons) - 1)
    columns: dict[Column, Any] = {
        Column("price", "Stop", Unit.PRICE, brief=True): f.price,
        Column("distance", "From the mark", Unit.FRACTION, brief=True): f.price / found.mark - 1.0,
        Column(
            "fires_day", f"Fires {tag(found.horizons[day])}", Unit.FRACTION, brief=True
        ): f.fires[:, day],
        Column("fires", f"Fires {last}", Unit.FRACTION, brief=True): f.fires[:, -1],
        Column("liquidated", f"Liquidated first {last}", Unit.FRACTION, brief=True): f.liquidated[
            :, -1
        ],
        Column("after", "after it", Unit.FRACTION): f.after[:, -1],
        Column("total", "together", Unit.FRACTION, brief=True): f.total[:, -1],
        Column("calm", "Slippage, calm", Unit.FRACTION, brief=True): f.calm,
        Column("stressed", "stressed", Unit.FRACTION, brief=True): f.stressed,
    }
    return Table.of_columns(
        "others",
        "Stops between the mark and the farthest",
        columns,
        main=True,
        whole=True,
    )  # fmt: skip


def _chart(found: Placed) -> Chart:
    f = found.others
    x = np.abs(f.price / found.mark - 1.0)
    last, day = len(found.horizons) - 1, min(1, len(found.horizons) - 1)
    marks = [Marker(abs(found.price / found.mark - 1.0), "stop", Tone.ACCENT)]
    if math.isfinite(found.liquidation):
        marks.append(Marker(abs(found.liquidation / found.mark - 1.0), "liquidation", Tone.LOSS))
    return Chart(
        "stop_chart",
        "Fires, or comes too late, over its distance",
        ChartKind.LADDER,
        "Distance from the mark",
        Unit.FRACTION,
        "Probability",
        Unit.FRACTION,
        (
            Series(f"Fires within {tag(found.horizons[day])}", x, f.fires[:, day], Tone.PRICE),
            Series(f"Fires within {tag(found.horizons[last])}", x, f.fires[:, last], Tone.ACCENT),
            Series("Liquidated first", x, f.liquidated[:, last], Tone.LOSS),
            Series("Liquidated, first or after it", x, f.total[:, last], Tone.LOSS, Shape.DASHED),
            Series("Touched, Brownian", x, f.closed_form[:, last], Tone.MUTED, Shape.DASHED),
        ),
        tuple(marks),
    )
