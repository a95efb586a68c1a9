"""The report of a stress test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seawall.margin import MarginBook
from seawall.report import losses
from seawall.report import stress_figures as figures
from seawall.report import stress_rows as rows_of
from seawall.report.map import map_chart
from seawall.report.model import Assumption, Chart, Headline, Kind, Report, Section, Unit
from seawall.report.numbers import counted, text
from seawall.report.subject import (
    inputs_of,
    machine_inputs,
    once_a_book,
    rule_assumptions,
    warnings_of,
)
from seawall.risk import StressTest, clusters, concentrations, liquidation_map

Floats = NDArray[np.float64]

SCHEMA = "seawall.stress/1"


def stress_report(test: StressTest, volatility: Mapping[str, float], seed: int = 0) -> Report:
    """Everything a stress test found.

    ``volatility`` is the daily standard deviation by asset, for the distances of clusters;
    ``seed`` is printed as the one the draws came from.
    """
    cascade, margin = test.cascade, test.cascade.margin
    assets, venues = rows_of.asset_rows(test), losses.venue_rows(cascade)
    groups, hardest = losses.loss_rows(cascade), losses.hardest_hit(cascade)
    rounds, ladder = rows_of.round_rows(test), rows_of.ladder_rows(test)
    totals, laws = rows_of.totals_of(test, venues), rows_of.law_rows(test)
    warnings = _warnings(test)
    ground = _ground(margin)
    leading = _leading(test, ground.held)
    payload = {
        "inputs": machine_inputs(margin),
        "parameters": rows_of.parameters(test, seed),
        "assets": assets,
        "venues": {r["venue"]: {k: v for k, v in r.items() if k != "venue"} for r in venues},
        "sides": rows_of.side_rows(test),
        "rounds": rounds,
        "totals": totals,
        "ladder": ladder,
        "laws": laws,
        "reverse": rows_of.reverse_rows(test),
        "losses": groups,
        "hardest_hit": hardest,
        "warnings": list(warnings),
    }
    moved = [a for a, row in assets.items() if row["moved"]]
    for row in assets.values():
        del row["moved"]
    return Report(
        schema=SCHEMA,
        title="Stress test: " + _shock_words(test),
        question=f"What does {_shock_words(test)} do to this book?",
        answer=_answer(test, assets, totals, moved),
        headlines=_headlines(test, totals),
        tables=(
            figures.asset_table(assets),
            figures.law_table(test, laws),
            losses.venue_table(venues),
            losses.loss_table(groups),
            figures.round_table(test, rounds),
            figures.ladder_table(ladder),
            losses.hardest_table(hardest, len(cascade.liquidated)),
        ),
        charts=(
            *(ground.map_of(margin, a, volatility[a]) for a in leading),
            figures.round_chart(test),
            *figures.ladder_charts(test),
            losses.waterfall_chart(venues),
            *losses.venue_charts(venues),
            ground.lorenz,
        ),
        assumptions=_assumptions(test),
        warnings=warnings,
        inputs=inputs_of(margin) | {"seed": str(seed)},
        payload=payload,
        sections=(
            Section("Where liquidations wait", tuple(f"map_{a}" for a in leading)),
            Section("The cascade, round by round", ("rounds", "assets", "laws", "round_rows")),
            Section("Larger and smaller shocks", ("ladder", "ladder_price", "ladder_rows")),
            Section("Who pays", ("waterfall", "losses", "hardest_hit")),
            Section("Venues beside each other", ("venue_forced", "venue_funds", "venues")),
            Section("How few hold how much", ("lorenz",)),
        ),
    )


def _shock_words(test: StressTest) -> str:
    return rows_of.change_words(test.change) or "no change of price"


def _answer(
    test: StressTest, assets: dict[str, dict[str, Any]], totals: dict[str, Any], moved: list[str]
) -> tuple[str, ...]:
    c = test.cascade
    usd = Unit.USD
    lines = []
    if c.rounds == 0:
        lines.append(f"{_shock_words(test)}: nothing is closed in this book.")
    elif c.accounts_liquidated == 0:
        lines.append(f"{_shock_words(test)}: stops close positions, nobody is liquidated.")
    else:
        times = ""
        if c.rounds == 1:
            times = ": the shock alone forces it, nothing follows"
        elif c.multiplier is not None:
            times = f", {text(c.multiplier, Unit.FACTOR)} what the shock alone forces"
        lines.append(
            f"{_shock_words(test)}: {counted(totals['accounts_liquidated'], 'account')} "
            f"{'is' if totals['accounts_liquidated'] == 1 else 'are'} liquidated for "
            f"{text(c.forced_usd, usd)} in {counted(c.rounds, 'round')}{times}."
        )
    for a in moved[:3]:
        row = assets[a]
        spread = ""
        if row["price_final_low"] is not None and row["forced_notional_usd"] > 0:
            spread = (
                f" (5–95%: {text(row['price_final_low'], Unit.PRICE)} to "
                f"{text(row['price_final_high'], Unit.PRICE)})"
            )
        lines.append(
            f"{a} goes from {text(row['price_before'], Unit.PRICE)} to "
            f"{text(row['price_after_shock'], Unit.PRICE)} with the shock and comes to rest at "
            f"{text(row['price_final'], Unit.PRICE)}{spread}."
        )
    if totals["deficits_usd"] > 0:
        lines.append(
            f"Losses beyond collateral are {text(totals['deficits_usd'], usd)}: {_payers(totals)}."
        )
    elif c.accounts_liquidated:
        lines.append("No account loses more than its collateral.")
    lines += [_reverse_words(test, r.goal, r.step) for r in test.reverse]
    return tuple(lines)


def _payers(totals: dict[str, Any]) -> str:
    """Who pays for losses beyond collateral, leaving out who pays nothing."""
    parts = [
        f"{who} {text(totals[key], Unit.USD)}"
        for who, key in (
            ("the insurance fund pays", "paid_by_fund_usd"),
            ("deleveraged winners", "paid_by_adl_usd"),
            ("those who share a socialised loss", "socialised_usd"),
        )
        if totals[key] > 0
    ]
    left = totals["bad_debt_usd"]
    rest = f"{text(left, Unit.USD)} stays as bad debt" if left > 0 else "no bad debt is left"
    return f"{', '.join(parts)}; {rest}" if parts else rest


def _reverse_words(test: StressTest, goal: str, step: float | None) -> str:
    what = {
        "liquidates_usd": "liquidates the notional asked for",
        "empties_fund": "leaves an insurance fund empty",
    }[goal]
    most = max(test.change.values(), key=abs, default=-1.0)
    limit = "up to +99%" if most > 0 else "down to -99%"
    if step is None:
        whole = goal == "empties_fund" and losses.whole_funds(test.cascade)
        but = "; the fund is the whole venue's, the book is not" if whole else ""
        return f"No shock along this direction, {limit}, {what}{but}."
    if step == 0:
        return f"Without any shock the book as it stands already {what}."
    found = rows_of.change_words({a: step * w for a, w in test.direction.items()})
    return f"The smallest shock along this direction that {what} is {found}."


def _headlines(test: StressTest, totals: dict[str, Any]) -> tuple[Headline, ...]:
    def tile(key: str, label: str, unit: Unit, note: str = "") -> Headline:
        low, high = totals.get(key + "_low"), totals.get(key + "_high")
        return Headline(key, label, totals[key], unit, Kind.MODELLED, low, high, note)

    return (
        tile("forced_notional_usd", "Forced notional", Unit.USD),
        tile("forced_notional_first_round_usd", "By the shock alone", Unit.USD),
        tile("cascade_multiplier", "Cascade multiplier", Unit.FACTOR),
        tile("accounts_liquidated", "Accounts liquidated", Unit.COUNT),
        tile("stopped_notional_usd", "Stopped out", Unit.USD),
        tile("deficits_usd", "Losses beyond collateral", Unit.USD),
        tile("fund_after_usd", "Insurance fund after", Unit.USD),
        tile("adl_notional_usd", "Auto-deleveraged", Unit.USD),
        tile("bad_debt_usd", "Bad debt", Unit.USD),
    )


def _assumptions(test: StressTest) -> tuple[Assumption, ...]:
    prepared, law = test.prepared, test.cascade.law
    depth = prepared.assumed_depth
    rows = [
        Assumption(
            f"Log prices move by 1% x (net forced flow / depth)^{law.exponent:g}; market makers "
            f"leave {text(law.remaining, Unit.FRACTION)} of the depth.",
            law.source,
        ),
        Assumption(
            "Accounts are closed by their venue's partial steps."
            if prepared.ledger.partial
            else "Accounts are closed in full when equity no longer exceeds maintenance margin.",
            "docs/methods/cascade.md",
        ),
        Assumption(
            "Forced orders fill at the mark of their round; losses are settled when prices are at "
            "rest and do not move them again.",
            "docs/methods/waterfall.md",
        ),
    ]
    if depth.defaulted:
        rows.append(Assumption("Depth not given for " + _few(depth.defaulted) + ".", depth.source))
    if depth.guessed:
        rows.append(
            Assumption(
                "Depth unknown, taken to be that of the thinnest asset known, for "
                + _few(depth.guessed)
                + ".",
                "no figure found",
            )
        )
    if test.draws is not None:
        rows.append(
            Assumption(
                f"Bands are the 5th and 95th percentile over {len(test.draws.rounds)} draws of the "
                "exponent and of the thinning.",
                law.source,
            )
        )
    return (*rows, *rule_assumptions(test.cascade.margin))


def _warnings(test: StressTest) -> tuple[str, ...]:
    far = rows_of.out_of_range(test)
    lines = []
    if far:
        lines.append(
            f"Forced orders more than halve or double the price of {_few(tuple(far))}: far outside "
            "what the impact law was measured on. Real books refill and real halts trip; read it "
            "as: the depth given cannot absorb what is forced."
        )
    lifted = rows_of.soaring_assets(test)
    if lifted and test.draws is not None:
        many = int(rows_of.unsettled(test.draws).sum())
        lines.append(
            f"In {many} of {len(test.draws.rounds)} draws of the impact law forced buying lifts "
            f"the price of {_few(tuple(lifted))} beyond tenfold and the law finds no rest: what is "
            "forced there has no sum, and where they are more than one in twenty the interval has "
            "no upper end. Such a book is thinner than its shorts can be bought back in."
        )
    return (*lines, *losses.whole_funds(test.cascade), *warnings_of(test.cascade.margin))


def _few(names: tuple[str, ...], most: int = 8) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _leading(test: StressTest, held: Floats) -> list[str]:
    """The two assets in which most is forced, or most is held."""
    forced = test.cascade.forced.sum(axis=0) if test.cascade.rounds else np.zeros_like(held)
    order = np.lexsort((-held, -forced))[:2]
    return [test.prepared.assets[a] for a in order.tolist()]


@dataclass(frozen=True, eq=False)
class _Ground:
    """What a report draws of a book that no shock changes.

    Attributes
    ----------
    held
        Shape (A,): USD notional by asset.
    prices
        Shape (n,): liquidation prices.
    lorenz
        How concentrated it is.
    maps
        Liquidation maps with their clusters, by asset and daily volatility, as they are asked for.
    """

    held: Floats
    prices: Floats
    lorenz: Chart
    maps: dict[tuple[str, float], Chart]

    def map_of(self, margin: MarginBook, asset: str, sigma: float) -> Chart:
        """The map of an asset."""
        if (asset, sigma) not in self.maps:
            found = liquidation_map(margin, asset, prices=self.prices)
            self.maps[asset, sigma] = map_chart(found, clusters(found, sigma))
        return self.maps[asset, sigma]


@once_a_book
def _ground(margin: MarginBook) -> _Ground:
    book = margin.book
    return _Ground(
        held=np.bincount(book.asset_codes(), book.notional(), len(book.assets)).astype(np.float64),
        prices=margin.liquidation_price(),
        lorenz=figures.lorenz_chart(book, concentrations(book)[0]),
        maps={},
    )
