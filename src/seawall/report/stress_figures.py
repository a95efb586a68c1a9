"""Tables and charts of a stress test."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from seawall.core import Book
from seawall.report import stress_rows as rows_of
from seawall.report.model import (
    Band,
    Chart,
    ChartKind,
    Column,
    Series,
    Shape,
    Table,
    Tone,
    Unit,
)
from seawall.report.numbers import text
from seawall.report.subject import asset_marks
from seawall.risk import Concentration, StressTest, band, lorenz, soaring

Floats = NDArray[np.float64]


def asset_table(assets: dict[str, dict[str, Any]]) -> Table:
    """Assets, most forced first."""
    columns = (
        Column("asset", "Asset", brief=True),
        Column("price_before", "Before", Unit.PRICE, brief=True),
        Column("price_after_shock", "After shock", Unit.PRICE, brief=True),
        Column("price_final", "At rest", Unit.PRICE, brief=True),
        Column("price_final_low", "5%", Unit.PRICE),
        Column("price_final_high", "95%", Unit.PRICE),
        Column("forced_notional_usd", "Forced", Unit.USD, brief=True),
        Column("forced_notional_first_round_usd", "By the shock", Unit.USD),
        Column("cascade_multiplier", "Multiplier", Unit.FACTOR, brief=True),
        Column("accounts_liquidated", "Accounts", Unit.COUNT, brief=True),
        Column("stopped_notional_usd", "Stopped out", Unit.USD),
        Column("rounds", "Rounds", Unit.COUNT),
        Column("adl_notional_usd", "Deleveraged", Unit.USD),
        Column("depth_usd", "Depth in 1%", Unit.USD),
    )
    rows = sorted(assets.items(), key=lambda kv: -kv[1]["forced_notional_usd"])
    return Table(
        "assets",
        "Assets",
        columns,
        tuple((name, *(row[c.key] for c in columns[1:])) for name, row in rows),
        main=True,
    )


def round_table(test: StressTest, rounds: list[dict[str, Any]]) -> Table:
    """Rounds with the price of the leading asset."""
    lead = lead_asset(test)
    columns = (
        Column("round", "Round", Unit.COUNT, brief=True),
        Column("price", f"{lead} price", Unit.PRICE, brief=True),
        Column("forced_notional_usd", "Forced", Unit.USD, brief=True),
        Column("forced_long_usd", "Longs", Unit.USD),
        Column("forced_short_usd", "Shorts", Unit.USD),
        Column("stopped_notional_usd", "Stopped out", Unit.USD, brief=True),
        Column("accounts_liquidated", "Accounts", Unit.COUNT, brief=True),
    )
    return Table(
        "round_rows",
        "Rounds",
        columns,
        tuple((r["round"], r["prices"][lead], *(r[c.key] for c in columns[2:])) for r in rounds),
    )


def lead_asset(test: StressTest) -> str:
    """The asset whose price is drawn: where most is forced, else the first that moves."""
    c = test.cascade
    if c.rounds and c.forced.sum() > 0:
        return test.prepared.assets[int(np.argmax(c.forced.sum(axis=0)))]
    return test.prepared.assets[int(np.argmax(np.abs(np.log(c.shock))))]


def round_chart(test: StressTest) -> Chart:
    """Forced notional by round, and the price."""
    c, lead = test.cascade, lead_asset(test)
    marks = asset_marks(c.margin)
    a = test.prepared.assets.index(lead)
    x = np.arange(1, c.rounds + 1)
    usd = c.tally.by_round
    return Chart(
        "rounds",
        "Forced notional by round",
        ChartKind.ROUNDS,
        "Round",
        Unit.COUNT,
        "USD",
        Unit.USD,
        (
            Series("Longs liquidated", x, usd[:, 1], Tone.LONG),
            Series("Shorts liquidated", x, usd[:, 0], Tone.SHORT),
            Series("Stopped out", x, usd[:, 2:].sum(axis=1), Tone.MUTED),
            Series(f"{lead} price", x, marks[a] * c.factor[: c.rounds, a], Tone.PRICE, second=True),
        ),
        y2_title=f"{lead}, USD",
        caption="Each round marks every account at the price that the orders of the rounds before "
        f"have left; {lead} comes to rest at "
        f"{text(float(marks[a] * c.factor[-1, a]), Unit.PRICE)}.",
    )


def ladder_charts(test: StressTest) -> tuple[Chart, ...]:
    """Forced notional and price at rest over the size of the shock."""
    steps, d, drawn = test.steps, test.ladder, test.ladder_draws
    lead = test.prepared.assets.index(lead_asset(test))
    forced_band = rest_band = None
    beyond = ""
    settled = np.where(rows_of.unsettled(d), np.nan, d.forced.sum(axis=1))
    if drawn is not None:
        n = len(drawn.rounds) // len(steps)
        forced = drawn.forced.sum(axis=1).reshape(len(steps), n)
        rest = drawn.rest[:, lead].reshape(len(steps), n) - 1.0
        loose = rows_of.unsettled(drawn).reshape(len(steps), n)
        forced_band = _band(steps, forced, loose)
        high = np.asarray(forced_band.high)
        most = float(high[np.isfinite(high)].max(initial=0.0))
        if not np.isfinite(high).all():
            beyond = (
                "Where the interval reaches the top it has no upper end: in more than one draw in "
                "twenty forced buying lifts a price without end."
            )
        elif most > 5.0 * np.nanmax(settled):
            beyond = f"The interval reaches {text(most, Unit.USD)}, beyond what is drawn."
        soars = soaring(drawn)[:, lead].reshape(len(steps), n)
        rest_band = _band(steps, rest, soars)
    others = "all others" if len(test.direction) > 1 else "all assets"
    along = ", ".join(f"{others if a == 'ALL' else a} × {w:.3g}" for a, w in test.direction.items())
    return (
        Chart(
            "ladder",
            "Forced notional over the size of the shock",
            ChartKind.LADDER,
            f"Shock ({along})",
            Unit.FRACTION,
            "USD",
            Unit.USD,
            (
                Series("With the cascade", steps, settled, Tone.LOSS),
                Series(
                    "By the shock alone",
                    steps,
                    d.first.sum(axis=1),
                    Tone.MUTED,
                    Shape.DASHED,
                ),
            ),
            band=forced_band,
            caption=beyond,
        ),
        Chart(
            "ladder_price",
            f"Where {test.prepared.assets[lead]} comes to rest",
            ChartKind.LADDER,
            f"Shock ({along})",
            Unit.FRACTION,
            "Change from before",
            Unit.FRACTION,
            (
                Series("At rest", steps, d.rest[:, lead] - 1.0, Tone.PRICE),
                Series("Shock alone", steps, d.shock[:, lead] - 1.0, Tone.MUTED, Shape.DASHED),
            ),
            band=rest_band,
        ),
    )


def _band(steps: Floats, values: Floats, loose: NDArray[np.bool_]) -> Band:
    """5-95% of each step's draws, shape (steps, draws)."""
    ends = [band(v, far) for v, far in zip(values, loose, strict=True)]
    return Band(steps, np.array([e.low for e in ends]), np.array([e.high for e in ends]))


def ladder_table(ladder: list[dict[str, Any]]) -> Table:
    """The ladder as rows."""
    columns = (
        Column("step", "Shock", Unit.FRACTION, brief=True),
        Column("forced_notional_usd", "Forced", Unit.USD, brief=True),
        Column("forced_notional_usd_low", "5%", Unit.USD, brief=True),
        Column("forced_notional_usd_high", "95%", Unit.USD, brief=True),
        Column("forced_notional_first_round_usd", "By the shock", Unit.USD, brief=True),
        Column("stopped_notional_usd", "Stopped out", Unit.USD),
        Column("rounds", "Rounds", Unit.COUNT, brief=True),
    )
    return Table(
        "ladder_rows",
        "Ladder of shocks",
        columns,
        tuple(tuple(r.get(c.key) for c in columns) for r in ladder),
    )


def lorenz_chart(book: Book, whole: Concentration) -> Chart:
    """Concentration of the book."""
    x, y = lorenz(book)
    return Chart(
        "lorenz",
        "Concentration of open positions",
        ChartKind.CURVE,
        "Share of traders, smallest first",
        Unit.FRACTION,
        "Share of notional",
        Unit.FRACTION,
        (
            Series("This book", x, y, Tone.ACCENT),
            Series("All equal", x, x, Tone.MUTED, Shape.DASHED),
        ),
        caption=f"Of {text(whole.traders, Unit.COUNT)} traders the largest holds "
        f"{text(whole.top1, Unit.FRACTION)}, the largest 10 {text(whole.top10, Unit.FRACTION)}, "
        f"the largest 100 {text(whole.top100, Unit.FRACTION)} of the notional; "
        f"Gini {whole.gini:.2f}.",
    )


def law_table(test: StressTest, rows: list[dict[str, Any]]) -> Table:
    """The same shock under other impact laws, with the leading asset's price at rest."""
    lead = lead_asset(test)
    columns = (
        Column("law", "If forced orders move prices by", brief=True),
        Column("forced_notional_usd", "Forced", Unit.USD, brief=True),
        Column("final", f"{lead} at rest", Unit.FRACTION, brief=True),
        Column("rounds", "Rounds", Unit.COUNT, brief=True),
        Column("impact_exponent", "Exponent", Unit.NUMBER),
        Column("source", "Source"),
    )
    return Table(
        "laws",
        "How much of the answer is the impact law",
        columns,
        tuple(
            (
                r["law"],
                r["forced_notional_usd"],
                r["final_change"].get(lead, 0.0),
                r["rounds"],
                r["impact_exponent"],
                r["source"],
            )
            for r in rows
        ),
        caption="The static cascade has no buyers and no time: all that is forced trades at once "
        "against the depth given. Where the rows differ widely, read the answer as pressure, "
        "not as a forecast.",
    )
