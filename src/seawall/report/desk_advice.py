"""The report of the study of the published advice."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from seawall import __version__
from seawall.desk.advice import OUTCOMES, AdviceStudy, Effect, Outcome, verdict
from seawall.desk.advice_market import WEEK_HOURS
from seawall.desk.advice_plans import PIECES, TITLES
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

SCHEMA = "seawall.study-advice/1"
METHOD = "docs/methods/advice.md"
_UNIT = {"growth": Unit.FRACTION, "drawdown": Unit.FRACTION, "liquidations": Unit.NUMBER}
_WORDS = {"growth": "Growth a year", "drawdown": "Deepest fall", "liquidations": "Liquidations"}
_COMPARED = (("alone", "Alone"), ("low", "On 2x"), ("last", "Last"), ("mean", "On average"))
_CHOSEN = (
    *("btc 10x", "sizing", "btc 10x smaller", "diversified", "equal 10x", "stablecoins", "stops"),
    *("btc 3x", "low leverage", "btc 1x", "equal 2x"),
    *("+".join(p for p in PIECES if p != left) for left in PIECES),
    *("all 1x", "+".join(PIECES), "all 3x"),
)


def advice_report(study: AdviceStudy) -> Report:
    """What each piece of the advice did, and what became of every account."""
    levered = [o for o in study.outcomes if o.strategy.market == "perpetuals"]
    known = {o.strategy.key: o for o in levered}
    chosen = [known[k] for k in _CHOSEN]
    spot = [o for o in study.outcomes if o.strategy.market == "spot"]
    return Report(
        schema=SCHEMA,
        title="The published advice, tried",
        question="What did sizing by volatility, diversification, stablecoins, stops and 1-3x do "
        "for liquidations, drawdown and growth, alone and together?",
        answer=_answer(study),
        headlines=_headlines(study),
        tables=(
            _pieces(study),
            _outcomes("levered", "On perpetuals", chosen),
            _outcomes("unlevered", "On spot, without leverage", spot),
            _spot_effects(study),
            replace(_outcomes("combinations", "Every account on perpetuals", levered), whole=False),
        ),
        charts=(_chart(chosen),),
        assumptions=_assumptions(study),
        warnings=("reduced: the last 140 days alone",) if study.reduced else (),
        inputs={
            "history": study.span,
            "hours": study.hours,
            "resamples": study.resamples,
            "coins": ", ".join(study.coins["perpetuals"]),
            "seawall": __version__,
        },
        payload=_payload(study),
        sections=(
            Section("What each piece did", ("pieces",)),
            Section("On perpetuals", ("liquidation-chart", "levered", "combinations")),
            Section("On spot", ("spot-pieces", "unlevered")),
        ),
    )


def _answer(study: AdviceStudy) -> tuple[str, ...]:
    bare, whole = study.outcome("btc 10x"), study.outcome("+".join(PIECES))
    lines = [
        f"10x BTC was liquidated {bare.liquidations[0]:.1f} times a year and lost "
        f"{_percent(-bare.growth[0])} of its money; with all of the advice, at 2x, "
        f"{whole.liquidations[0]:.1f} times, and its money grew by {_percent(whole.growth[0])} a "
        f"year, with a fall of {_percent(whole.drawdown[0])} on the way."
    ]
    for outcome in ("liquidations", "drawdown", "growth"):
        said: dict[str, list[str]] = {}
        for e in study.effects:
            if e.market == "perpetuals" and e.outcome == outcome and e.piece in PIECES:
                said.setdefault(verdict(outcome, e.mean), []).append(TITLES[e.piece].lower())
        words = [
            f"{start} {', '.join(said[v])}"
            for v, start in (
                ("helped", "better by"),
                ("hurt", "worse by"),
                ("not shown", "nothing shown of"),
                ("no change", "unchanged by"),
            )
            if v in said
        ]
        lines.append(f"{_WORDS[outcome]}, on average over all combinations: {'; '.join(words)}.")
    against = {
        e.outcome: verdict(e.outcome, e.alone)
        for e in study.effects
        if e.piece == "all against btc 1x"
    }
    plain = study.outcome("btc 1x")
    lines.append(
        f"Plain 1x BTC fell by {_percent(plain.drawdown[0])} and grew by "
        f"{_percent(plain.growth[0])} a year; against it all of the advice at 2x: growth "
        f"{against['growth']}, deepest fall {against['drawdown']}."
    )
    return tuple(lines)


def _percent(value: float) -> str:
    return text(value, Unit.FRACTION)


def _headlines(study: AdviceStudy) -> tuple[Headline, ...]:
    found = []
    for key, label in (
        ("btc 10x", "10x BTC: liquidations a year"),
        ("diversified", "10x, diversified"),
        ("sizing", "10x BTC, dynamic size"),
    ):
        value, low, high = study.outcome(key).liquidations
        note = f"95% of resampled histories: {low:.1f} to {high:.1f}"
        found.append(Headline(key, label, round(value, 1), Unit.NUMBER, Kind.MODELLED, note=note))
    return tuple(found)


def _pieces(study: AdviceStudy) -> Table:
    columns = [
        Column("piece", "Piece", brief=True),
        Column("outcome", "Outcome", brief=True),
    ]
    for key, title in _COMPARED:
        columns += [
            Column(key, title, Unit.NUMBER, brief=True),
            Column(f"{key}_low", "95% from", Unit.NUMBER, brief=key == "mean"),
            Column(f"{key}_high", "to", Unit.NUMBER, brief=key == "mean"),
            Column(f"{key}_verdict", "Verdict", brief=key in ("alone", "mean")),
        ]
    rows = [
        (e.title, _WORDS[e.outcome], *_compared(e))
        for e in study.effects
        if e.market == "perpetuals"
    ]
    return Table(
        "pieces",
        "What each piece changed, on perpetuals",
        tuple(columns),
        rows,
        "Change of growth and of the deepest fall as fractions, of liquidations a year. Alone: "
        "added to 10x BTC. On 2x: added to 2x BTC. Last: all of it against all but it. On average: "
        "over all combinations of the others.",
        main=True,
        whole=True,
    )


def _compared(e: Effect) -> tuple[Any, ...]:
    out: list[Any] = []
    for key, _ in _COMPARED:
        change = getattr(e, key)
        out += [*(round(x, 3) for x in change), verdict(e.outcome, change)]
    return tuple(out)


def _spot_effects(study: AdviceStudy) -> Table:
    rows = [
        (e.title, _WORDS[e.outcome], *e.alone, verdict(e.outcome, e.alone))
        for e in study.effects
        if e.market == "spot"
    ]
    return Table(
        "spot-pieces",
        "What each piece changed, against BTC alone on spot",
        (
            Column("piece", "Piece", brief=True),
            Column("outcome", "Outcome", brief=True),
            Column("change", "Change", Unit.FRACTION, brief=True),
            Column("low", "95% from", Unit.FRACTION, brief=True),
            Column("high", "to", Unit.FRACTION, brief=True),
            Column("verdict", "Verdict", brief=True),
        ),
        rows,
        whole=True,
    )


def _outcomes(key: str, title: str, outcomes: list[Outcome]) -> Table:
    columns = [Column("strategy", "Account", brief=True)]
    for name in OUTCOMES:
        columns += [
            Column(name, _WORDS[name], _UNIT[name], brief=True),
            Column(f"{name}_low", "95% from", _UNIT[name]),
            Column(f"{name}_high", "to", _UNIT[name]),
        ]
    columns += [
        Column("ruined", "Liquidated at all", Unit.FRACTION, brief=True),
        Column("exposure", "Mean leverage", Unit.FACTOR, brief=True),
        Column("costs", "Fees and slippage", Unit.FRACTION),
        Column("funding", "Funding", Unit.FRACTION),
        Column("stops", "Stops", Unit.COUNT),
    ]
    rows = [
        (
            o.strategy.title,
            *(round(x, 4) for x in (*o.growth, *o.drawdown)),
            *(round(x, 2) for x in o.liquidations),
            o.ruined,
            o.exposure,
            o.costs,
            o.funding,
            int(o.stops),
        )
        for o in outcomes
    ]
    return Table(
        key,
        title,
        tuple(columns),
        rows,
        "As it happened, with the middle 95% of resampled histories; liquidations a year; "
        "liquidated at all: share of resampled histories.",
        whole=True,
    )


def _chart(shown: list[Outcome]) -> Chart:
    return Chart(
        "liquidation-chart",
        "Liquidations a year",
        ChartKind.BARS,
        "Account",
        Unit.TEXT,
        "Liquidations a year",
        Unit.NUMBER,
        (
            Series(
                "Liquidations",
                [o.strategy.title for o in shown],
                [round(o.liquidations[0], 1) for o in shown],
                Tone.LOSS,
                low=[round(o.liquidations[1], 1) for o in shown],
                high=[round(o.liquidations[2], 1) for o in shown],
            ),
        ),
    )


def _assumptions(study: AdviceStudy) -> tuple[Assumption, ...]:
    closes = ", ".join(
        f"{study.outcome(k).strategy.title}: {v:.3g}" for k, v in study.at_closes.items()
    )
    return (
        Assumption(
            "Coins of one account are taken to meet their lows of an hour together: liquidations "
            f"of several coins are an upper bound. At hourly closes alone: {closes} a year.",
            METHOD,
        ),
        Assumption(
            "A stop is always filled, at the stop less 15% of the way to the hour's low; so no "
            "account with stops is liquidated before them.",
            METHOD,
        ),
        Assumption(
            f"Blocks of {WEEK_HOURS} hours on average keep each hour's prices, funding and what "
            "was wanted in it together: the interval is of the luck of the order, not of the "
            "choice of coins.",
            METHOD,
        ),
        Assumption("Stablecoins kept their peg throughout; no interest is paid on them.", METHOD),
    )


def _payload(study: AdviceStudy) -> dict[str, Any]:
    def span(values: tuple[float, float, float]) -> dict[str, float | None]:
        named = zip(("value", "low", "high"), values, strict=True)
        return {k: None if math.isnan(v) else v for k, v in named}

    return {
        "schema": SCHEMA,
        "history": study.span,
        "hours": study.hours,
        "resamples": study.resamples,
        "reduced": study.reduced,
        "coins": {k: list(v) for k, v in study.coins.items()},
        "strategies": [
            {
                "key": o.strategy.key,
                "title": o.strategy.title,
                "market": o.strategy.market,
                "pieces": [p for p in PIECES if p in (o.strategy.pieces or ())],
                **{name: span(getattr(o, name)) for name in OUTCOMES},
                "liquidated_at_all": o.ruined,
                "mean_leverage": o.exposure,
                "costs": o.costs,
                "funding": o.funding,
                "stops": int(o.stops),
            }
            for o in study.outcomes
        ],
        "effects": [
            {
                "market": e.market,
                "piece": e.piece,
                "outcome": e.outcome,
                **{
                    key: {**span(getattr(e, key)), "verdict": verdict(e.outcome, getattr(e, key))}
                    for key, _ in _COMPARED
                },
            }
            for e in study.effects
        ],
        "liquidations_at_closes": study.at_closes,
    }
