"""The odds of a book beside its check: how likely a call and a liquidation are, and their cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from seawall.core import format_time
from seawall.desk.grades import grades
from seawall.desk.odds import Odds
from seawall.desk.passages import interval
from seawall.desk.prices import PriceModel
from seawall.desk.scores import Reliability
from seawall.margin import MarginBook
from seawall.report.desk_odds_tables import (
    account_columns,
    caption,
    key_of,
    position_columns,
    with_odds_columns,
    within,
)
from seawall.report.model import Assumption, Column, Headline, Kind, Report, Section, Table, Unit
from seawall.report.numbers import short, text
from seawall.report.subject import venue_titles, warned


def with_odds(report: Report, margin: MarginBook, odds: Odds, model: PriceModel) -> Report:
    """A check with the odds of its accounts and positions.

    Parameters
    ----------
    report
        What :func:`seawall.report.check.check_report` made.
    odds, model
        The odds, and the model of prices behind them.
    """
    accounts, positions = _accounts(margin, odds), _positions(margin, odds)
    main = odds.fall[:, _main(odds)]
    order = np.argsort(-main, kind="stable")
    rows = np.argsort(-positions[key_of("probability", odds.horizons[_main(odds)])], kind="stable")
    held = _held(margin, odds)
    found = {
        "horizons_seconds": list(odds.horizons),
        "paths": odds.paths,
        "call_ratio": odds.call_ratio,
        "prices": {
            "source": model.source,
            "as_of": format_time(model.time),
            "daily_volatility": {
                a: float(x) for a, x in zip(margin.book.assets, odds.volatility, strict=True)
            },
        },
        "accounts": _records(accounts),
        "positions": _records(positions),
        "graded": [_grade_record(g) for g in held],
    }
    tables = (
        Table.of_columns(
            "odds", "Odds of the margin accounts, likeliest first",
            _columns(accounts, account_columns(odds), order), caption=caption(odds),
        ),
        Table.of_columns(
            "position_odds", "Odds of the positions",
            _columns(positions, position_columns(odds), rows),
            caption="An account falls by all its prices together; a position's own price alone "
            "may reach its liquidation price less often or, where another position helps, more. "
            "The loss is its part of its account's; below 0 it gains as the account falls.",
        ),
    )  # fmt: skip
    told = replace(
        report,
        answer=(*_answer(margin, odds, order), *report.answer),
        headlines=(*_headlines(odds, order), *report.headlines),
        tables=(
            *(with_odds_columns(t, positions) if t.main else t for t in report.tables),
            *tables,
        ),
        assumptions=(*_assumptions(odds, model, held), *report.assumptions),
        payload={**report.payload, "odds": found},
        sections=(Section("How likely", ("odds", "position_odds")), *report.sections),
    )
    return warned(told, *grade_warnings(held, margin.book.assets))


def _main(odds: Odds) -> int:
    """The horizon that tables are ordered by: a day, or the nearest to it."""
    return int(np.argmin(np.abs(np.log(np.array(odds.horizons) / 86_400.0))))


def _accounts(margin: MarginBook, odds: Odds) -> dict[str, Any]:
    """Columns, one entry a margin account."""
    book = margin.book
    out: dict[str, Any] = {
        "account": [book.traders[t] for t in book.accounts.trader.tolist()],
        "venue": np.array(venue_titles(margin))[book.accounts.venue],
        "margin_mode": np.where(book.accounts.isolated, "isolated", "cross"),
        "rows": [_rows_of(margin, a) for a in range(len(book.accounts))],
        "sigmas": odds.sigmas,
        "funding_seconds": np.where(np.isinf(odds.funding_seconds), np.nan, odds.funding_seconds),
    }
    least, most = interval(odds.fall, odds.paths)
    for name, values in (
        ("call", odds.call),
        ("call_se", odds.call_se),
        ("probability", odds.fall),
        ("probability_se", odds.fall_se),
        ("probability_low", least),
        ("probability_high", most),
        ("closed_form", odds.closed_form),
        ("loss_usd", odds.loss_usd),
        ("gap_usd", odds.gap_usd),
        ("slippage_usd", odds.slippage_usd),
        ("fees_usd", odds.fees_usd),
        ("shortfall_usd", odds.shortfall_usd),
    ):
        out |= {key_of(name, h): values[:, k] for k, h in enumerate(odds.horizons)}
    coins = _coins(margin)
    for k, horizon in enumerate(odds.horizons):
        bins = [
            grades().of(horizon, p, of)
            for p, of in zip(odds.fall[:, k].tolist(), coins, strict=True)
        ]
        out[key_of("came_over_predicted", horizon)] = [None if b is None else b.ratio for b in bins]
    return out


def _coins(margin: MarginBook) -> list[set[str]]:
    """Assets of each margin account."""
    book = margin.book
    held: list[set[str]] = [set() for _ in range(len(book.accounts))]
    for account, code in zip(
        book.positions.account.tolist(), book.asset_codes().tolist(), strict=True
    ):
        held[account].add(book.assets[code])
    return held


def _held(margin: MarginBook, odds: Odds) -> list[Reliability]:
    """The bins of the published grading that the accounts' probabilities lie in."""
    coins = _coins(margin)
    found = [
        grades().of(h, p, of)
        for k, h in enumerate(odds.horizons)
        for p, of in zip(odds.fall[:, k].tolist(), coins, strict=True)
    ]
    return [b for b in dict.fromkeys(found) if b is not None]


def _rows_of(margin: MarginBook, account: int) -> str:
    held = margin.order[margin.start[account] : margin.start[account + 1]]
    rows = margin.book.positions.row[held].tolist()
    return ", ".join(map(str, rows[:4])) + (", ..." if len(rows) > 4 else "")


def _positions(margin: MarginBook, odds: Odds) -> dict[str, Any]:
    """Columns, one entry a position."""
    book, p = margin.book, margin.book.positions
    out: dict[str, Any] = {
        "row": p.row,
        "account": [book.traders[t] for t in book.accounts.trader[p.account].tolist()],
        "instrument": [book.instruments[i].symbol for i in p.instrument.tolist()],
        "side": np.where(p.size > 0, "long", "short"),
        "sigmas": odds.position_sigmas,
        "funding_seconds": np.where(
            np.isinf(odds.position_funding_seconds), np.nan, odds.position_funding_seconds
        ),
    }
    for name, values in (
        ("probability", odds.fall[p.account]),
        ("call", odds.call[p.account]),
        ("touch", odds.touch),
        ("touch_se", odds.touch_se),
        ("loss_usd", odds.position_loss_usd),
        ("gap_usd", odds.position_gap_usd),
        ("slippage_usd", odds.position_slippage_usd),
        ("fees_usd", odds.position_fees_usd),
    ):
        out |= {key_of(name, h): values[:, k] for k, h in enumerate(odds.horizons)}
    return out


def _columns(
    values: dict[str, Any], names: Sequence[Column], order: Any
) -> dict[Column, Sequence[Any]]:
    return {c: np.asarray(values[c.key], dtype=object)[order].tolist() for c in names}


def _records(columns: dict[str, Any]) -> list[dict[str, Any]]:
    lists = [c.tolist() if hasattr(c, "tolist") else c for c in columns.values()]
    return [dict(zip(columns, row, strict=True)) for row in zip(*lists, strict=True)]


def _answer(margin: MarginBook, odds: Odds, order: Any) -> tuple[str, ...]:
    """The likeliest account to fall, horizon by horizon."""
    book, a = margin.book, int(order[0])
    name = short(book.traders[int(book.accounts.trader[a])])
    parts = [
        f"{chance(odds.fall[a, k], odds.paths)} within {within(h)}"
        for k, h in enumerate(odds.horizons)
    ]
    if len(odds.fall) == 1:
        subject = f"The account of {name} is liquidated with probability"
    else:
        mode = "isolated" if book.accounts.isolated[a] else "cross"
        word = "row" if book.accounts.isolated[a] else "rows"
        subject = (
            f"Likeliest to be liquidated is the {mode} account of {name} "
            f"({word} {_rows_of(margin, a)}):"
        )
    lines = [f"{subject} {', '.join(parts)}."]
    if odds.funding_seconds[a] > 0.0:
        lines.append(_called(odds, a))
    loss = float(odds.loss_usd[a, -1])
    if np.isfinite(loss):
        owed = f"{text(float(odds.shortfall_usd[a, -1]), Unit.USD)} would be owed beyond it."
        cost = f"Liquidation would cost it {text(loss, Unit.USD)} of its equity on average; {owed}"
        # what stands below zero already has nothing left to lose
        lines.append(cost if loss >= 0.0 else f"It has no equity left to lose; {owed}")
    return tuple(lines)


def _called(odds: Odds, a: int) -> str:
    """How likely an account is called, and how long it stands by its funding alone."""
    parts = [
        f"{chance(odds.call[a, k], odds.paths)} within {within(h)}"
        for k, h in enumerate(odds.horizons)
    ]
    left = float(odds.funding_seconds[a])
    drained = (
        f"; if funding alone runs, it falls in {text(left, Unit.DURATION)}"
        if np.isfinite(left)
        else ""
    )
    ratio = text(odds.call_ratio, Unit.FRACTION)
    return f"A margin call, at a margin ratio of {ratio}: {', '.join(parts)}{drained}."


def chance(probability: float, paths: int) -> str:
    """A share of the paths in words: of none of them it is the upper end that is known."""
    if probability > 0.0:
        return text(float(probability), Unit.FRACTION)
    return f"under {text(float(interval(0.0, paths)[1]), Unit.FRACTION)}"


def share(key: str, label: str, probability: float, paths: int, note: str = "") -> Headline:
    """A share of the paths with the exact 5-95% interval of a count."""
    low, high = (float(end) for end in interval(probability, paths))
    p = float(probability)
    return Headline(key, label, p, Unit.FRACTION, Kind.MODELLED, low, high, note)


def _headlines(odds: Odds, order: Any) -> tuple[Headline, ...]:
    a = int(order[0])
    return tuple(
        share(
            key_of("probability", h),
            f"Liquidated within {within(h)}",
            odds.fall[a, k],
            odds.paths,
            "likeliest account",
        )
        for k, h in enumerate(odds.horizons)
    )


def _assumptions(
    odds: Odds, model: PriceModel, held: Sequence[Reliability]
) -> tuple[Assumption, ...]:
    rows = [
        Assumption(
            f"Prices from {format_time(model.time)} on: filtered historical simulation, GARCH "
            "volatility, generalised Pareto tails, residuals of all assets drawn together; no "
            "drift, funding constant, nobody adds margin or closes. A day's σ is that of these "
            "prices unless one was given.",
            f"{model.source}; docs/methods/odds.md",
        )
    ]
    good = [b for b in held if b.calibrated]
    if good:
        said = "; ".join(_sentence(b) for b in good)
        rows.append(Assumption(f"{_graded()} {said}.", "docs/methods/odds.md"))
    return tuple(rows)


def grade_warnings(held: Sequence[Reliability], assets: Sequence[str]) -> tuple[str, ...]:
    """A line for coins that were not graded, and one for bins in which too few or many came true.

    Parameters
    ----------
    held
        Bins of the probabilities that are shown.
    assets
        Coins that they are of.
    """
    lines = []
    unknown = grades().ungraded(assets)
    if unknown:
        one = len(unknown) == 1
        lines.append(
            f"{', '.join(unknown)} {'is' if one else 'are'} not among the coins whose odds were "
            f"held against what came ({grades().assets}): {'its' if one else 'their'} odds are "
            "uncalibrated; see docs/methods/odds.md."
        )
    bad = [b for b in held if not b.calibrated]
    if bad:
        said = "; ".join(_sentence(b) for b in bad)
        lines.append(f"Not calibrated: {said}. {_graded()[:-1]}; see docs/methods/odds.md.")
    return tuple(lines)


def _graded() -> str:
    return f"Held against what came, {grades().period} ({grades().assets}):"


def _sentence(bin_: Reliability) -> str:
    ends = [text(x, Unit.FRACTION).replace(".00%", "%") for x in (bin_.above, bin_.below)]
    interval = "" if bin_.low != bin_.low else f" ({bin_.low:.2f} to {bin_.high:.2f})"
    return (
        f"of probabilities of {ends[0]} to {ends[1]} within {within(bin_.horizon)} "
        f"{bin_.ratio:.2f} times as many came true as predicted{interval}{_luck(bin_)}"
    )


def _luck(bin_: Reliability) -> str:
    """What chance alone would give, for a bin that is not calibrated."""
    if bin_.calibrated or bin_.chance_low != bin_.chance_low:
        return ""
    low, high = f"{bin_.chance_low:.2f}", f"{bin_.chance_high:.2f}"
    return f"; had they been right, {low} to {high} by chance, as coins fall together on few days"


def _grade_record(bin_: Reliability) -> dict[str, Any]:
    return {
        "horizon_seconds": bin_.horizon,
        "above": bin_.above,
        "below": bin_.below,
        "forecasts": bin_.forecasts,
        "predicted": bin_.predicted,
        "realised": bin_.realised,
        "ratio": bin_.ratio,
        "ratio_low": bin_.low,
        "ratio_high": bin_.high,
        "chance_low": bin_.chance_low,
        "chance_high": bin_.chance_high,
        "calibrated": bin_.calibrated,
    }
