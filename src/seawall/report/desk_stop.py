"""The report of a stop: where it stands and why, whether it fires, and what comes first."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from seawall.core import format_time
from seawall.desk.grades import grades
from seawall.desk.prices import PriceModel
from seawall.desk.stop import Placed
from seawall.desk.stop_odds import Firing, Stops
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

SCHEMA = "seawall.stop/1"
_SHORT = {3_600.0: "1h", 86_400.0: "1d", 604_800.0: "1w"}
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
        | {"loss_usd": _loss(stops, found, calm=True), "loss_stressed_usd": _loss(stops, found)},
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
        "warnings": list(_warnings(stops, found)),
    }
    return Report(
        schema=SCHEMA,
        title="Stop",
        question=f"Where should the stop of the {_name(where)} stand?",
        answer=_answer(stops, found, where),
        headlines=_headlines(found),
        tables=(_odds_table(found), _needed_table(found), _others_table(found)),
        charts=(_chart(found),),
        assumptions=_assumptions(stops, found, model, alone),
        warnings=_warnings(stops, found),
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


def _tag(horizon: float) -> str:
    return _SHORT.get(horizon, f"{horizon:g}s")


def _by_horizon(found: Placed, values: Sequence[float] | Any, name: str) -> dict[str, Any]:
    rows = zip(found.horizons, np.asarray(values).tolist(), strict=True)
    return {f"{name}_{_tag(h)}": _known(value) for h, value in rows}


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
        **_by_horizon(found, of.closed_form[k], "closed_form"),
        **_by_horizon(found, of.gap[k], "gap"),
    }


def _cluster(found: Placed) -> dict[str, Any] | None:
    c = found.cluster
    if c is None:
        return None
    return {"side": c.side, "low": c.low, "high": c.high, "notional_usd": c.notional_usd}


def _loss(stops: Stops, found: Placed, calm: bool = False) -> float:
    """USD between the mark and the fill, the gap and the slippage counted."""
    f = found.firing
    slipped = float((f.calm if calm else f.stressed)[0])
    gap = 0.0 if calm else float(np.nan_to_num(f.gap[0, -1]))
    apart = abs(found.price / found.mark - 1.0)
    return stops.resizing.present_usd * (apart + found.price / found.mark * (slipped + gap))


def _answer(stops: Stops, found: Placed, where: dict[str, Any]) -> tuple[str, ...]:
    f, side = found.firing, "below" if stops.resizing.side > 0 else "above"
    day = min(1, len(found.horizons) - 1)
    lines = [
        f"At {text(found.price, Unit.PRICE)}, by the {found.trigger.by} price: "
        f"{text(abs(found.price / found.mark - 1.0), Unit.FRACTION)} {side} the mark of "
        f"{text(found.mark, Unit.PRICE)} ({text(found.sigmas, Unit.SIGMA)} of a day), "
        f"{_WHY[found.why]}.",
        f"It fires within {_tag(found.horizons[day])} with probability "
        f"{_chance(f.fires[0, day], found)}, within {_tag(found.horizons[-1])} "
        f"{_chance(f.fires[0, -1], found)}; liquidation comes first in "
        f"{_chance(f.liquidated[0, -1], found)} ({_chance(found.unprotected[-1], found)} "
        "without a stop).",
        f"It would lose {text(_loss(stops, found, calm=True), Unit.USD)} of "
        f"{text(where['notional_usd'], Unit.USD)} in a calm book, "
        f"{text(_loss(stops, found), Unit.USD)} in a stressed one.",
    ]
    if math.isfinite(found.liquidation):
        lines.append(
            f"The account is liquidated at {text(found.liquidation, Unit.PRICE)} if this price "
            f"alone moves; a stop needs {text(found.needed.total, Unit.FRACTION)} of room before "
            f"it, and so stands no farther than {text(found.bound, Unit.PRICE)}."
        )
    return tuple(lines)


def _chance(probability: float, found: Placed) -> str:
    if probability > 0.0:
        return text(float(probability), Unit.FRACTION)
    return f"under {text(1.0 / found.paths, Unit.FRACTION)}"


def _headlines(found: Placed) -> tuple[Headline, ...]:
    f, k = found.firing, len(found.horizons) - 1
    words = _tag(found.horizons[k])

    def odds(key: str, label: str, p: float, se: float) -> Headline:
        low, high = max(0.0, p - 1.645 * se), min(1.0, p + 1.645 * se)
        return Headline(key, label, p, Unit.FRACTION, Kind.MODELLED, low, high)

    return (
        Headline("price", "Stop", found.price, Unit.PRICE, Kind.MODELLED, note=_WHY[found.why]),
        odds("fires", f"Fires within {words}", float(f.fires[0, k]), float(f.fires_se[0, k])),
        odds("liquidated", "Liquidation comes first", float(f.liquidated[0, k]),
             float(f.liquidated_se[0, k])),
    )  # fmt: skip


def _odds_table(found: Placed) -> Table:
    f = found.firing
    columns: dict[Column, Any] = {
        Column("horizon", "Within", brief=True): [_tag(h) for h in found.horizons],
        Column("fires", "Fires", Unit.FRACTION, brief=True): f.fires[0],
        Column("fires_se", "±", Unit.FRACTION): f.fires_se[0],
        Column("closed_form", "Touched, Brownian", Unit.FRACTION): f.closed_form[0],
        Column("liquidated", "Liquidated first", Unit.FRACTION, brief=True): f.liquidated[0],
        Column("unprotected", "Without a stop", Unit.FRACTION, brief=True): found.unprotected,
        Column("gap", "Gap to the fill", Unit.FRACTION): f.gap[0],
    }
    return Table.of_columns(
        "odds",
        "What becomes of it",
        columns,
        caption=f"Shares of {found.paths:,} simulated paths. Gap: how far the price goes on until "
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
    f, last = found.others, _tag(found.horizons[-1])
    day = min(1, len(found.horizons) - 1)
    columns: dict[Column, Any] = {
        Column("price", "Stop", Unit.PRICE, brief=True): f.price,
        Column("distance", "From the mark", Unit.FRACTION, brief=True): f.price / found.mark - 1.0,
        Column(
            "fires_day", f"Fires {_tag(found.horizons[day])}", Unit.FRACTION, brief=True
        ): f.fires[:, day],
        Column("fires", f"Fires {last}", Unit.FRACTION, brief=True): f.fires[:, -1],
        Column("liquidated", f"Liquidated first {last}", Unit.FRACTION, brief=True): f.liquidated[
            :, -1
        ],
        Column("calm", "Slippage, calm", Unit.FRACTION): f.calm,
        Column("stressed", "stressed", Unit.FRACTION): f.stressed,
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
            Series(f"Fires within {_tag(found.horizons[day])}", x, f.fires[:, day], Tone.PRICE),
            Series(f"Fires within {_tag(found.horizons[last])}", x, f.fires[:, last], Tone.ACCENT),
            Series("Liquidated first", x, f.liquidated[:, last], Tone.LOSS),
            Series("Touched, Brownian", x, f.closed_form[:, last], Tone.MUTED, Shape.DASHED),
        ),
        tuple(marks),
    )


def _assumptions(
    stops: Stops, found: Placed, model: PriceModel, alone: bool
) -> tuple[Assumption, ...]:
    usual = "" if found.trigger.usual else ", which has to be chosen with the order"
    rows = [
        Assumption(
            f"Prices from {format_time(model.time)} on: the model of the odds; the same "
            f"{found.paths:,} paths for every stop; the order fills {stops.delay:g} s after its "
            "trigger.",
            f"{model.source}; docs/methods/stop.md",
        ),
        Assumption(f"It fires by the {found.trigger.by} price{usual}.", found.trigger.source),
        Assumption(
            f"Impact exponent {stops.law.exponent:g}; a stressed book keeps "
            f"{text(stops.law.remaining, Unit.FRACTION)} of its depth.",
            stops.law.source,
        ),
    ]
    if alone:
        rows.append(Assumption("No clusters were looked at: --market or --tape names some."))
    return (*rows, *rule_assumptions(stops.resizing.margin))


def _warnings(stops: Stops, found: Placed) -> tuple[str, ...]:
    lines, side = [], stops.resizing.side
    if math.isfinite(found.bound) and (found.price - found.bound) * side < 0.0:
        lines.append(
            f"This stop is nearer to the liquidation price than the "
            f"{text(found.needed.total, Unit.FRACTION)} that an order needs: in a fast market it "
            "comes too late."
        )
    if found.why == "inside the cluster" and found.cluster is not None:
        lines.append(
            f"The stop stands among {text(found.cluster.notional_usd, Unit.USD)} of liquidations, "
            "which would fill with it."
        )
    if not found.trigger.source:
        lines.append("How stops fire at this venue is not known: the last price is taken.")
    shown = (found.firing.fires[0], found.firing.liquidated[0], found.unprotected)
    chances = np.concatenate(shown).tolist()
    bins = [grades().of(h, p) for h, p in zip(3 * found.horizons, chances, strict=True)]
    lines += grade_warnings([b for b in dict.fromkeys(bins) if b is not None])
    return (*lines, *warnings_of(stops.resizing.margin))
