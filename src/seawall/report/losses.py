"""Who loses what in a cascade, as rows: groups of traders, venues, the hardest hit."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from seawall.margin import MarginBook
from seawall.report.model import Chart, ChartKind, Column, Series, Table, Tone, Unit
from seawall.report.numbers import text
from seawall.report.subject import once_a_book, usd_per_settled, venue_titles
from seawall.risk import Cascade

Floats = NDArray[np.float64]

VENUE_FIELDS = (
    ("fund_before_usd", "fund_before", "Fund before"),
    ("fees_usd", "fees", "Fees in"),
    ("surplus_usd", "surplus", "Surplus in"),
    ("deficits_usd", "deficits", "Deficits"),
    ("paid_by_fund_usd", "paid_by_fund", "Paid by fund"),
    ("fund_after_usd", "fund_after", "Fund after"),
    ("adl_accounts", "adl_accounts", "ADL traders"),
    ("adl_notional_usd", "adl_notional", "ADL notional"),
    ("paid_by_adl_usd", "paid_by_adl", "Paid by ADL"),
    ("socialised_usd", "socialised", "Socialised"),
    ("bad_debt_usd", "bad_debt", "Bad debt"),
)


@once_a_book
def _equity_before(margin: MarginBook) -> Floats:
    """Shape (m,): USD equity of every account before the shock."""
    return margin.accounts_state().equity * usd_per_settled(margin)


@once_a_book
def _open_interest(margin: MarginBook) -> Floats:
    """Shape (V,): USD notional of the larger side of the book at each venue."""
    book = margin.book
    venue = book.accounts.venue[book.positions.account].astype(np.int64)
    side = (book.positions.size > 0).astype(np.int64)
    count = len(book.venues)
    sides = np.bincount(2 * venue + side, book.notional(), 2 * count)
    return np.asarray(sides.reshape(count, 2).max(axis=1))


WHOLE_FUND = 0.2
"""Share of the open interest above which a fund is that of a larger book. Those of whole venues are
near a twentieth: in November 2025 Binance's USD 1.04 of about 26 bn, Hyperliquid's 0.34 of 7.6."""


def whole_funds(cascade: Cascade) -> tuple[str, ...]:
    """Warns of funds that stand for the whole venue where the book is a small part of it.

    Concerns rulebooks' own funds alone: one that was given is meant for this book.
    """
    if isinstance(cascade.fund, int | float):
        return ()
    given, terms = cascade.fund or {}, cascade.margin.terms
    far = [
        f"{t.title} ({text(t.loss.fund_usd, Unit.USD)} against {text(held, Unit.USD)})"
        for t, held in zip(terms, _open_interest(cascade.margin).tolist(), strict=True)
        if t.venue not in given and held > 0 and t.loss.fund_usd > WHOLE_FUND * held
    ]
    if not far:
        return ()
    return (
        "The insurance fund is the whole venue's, the book a small part of it, against its open "
        f"interest: {', '.join(far)}. What the fund pays is then too much, and deleveraging and "
        "bad debt too little: give the part that stands behind this book with --fund.",
    )


def loss_rows(cascade: Cascade) -> list[dict[str, Any]]:
    """Equity by what befell the accounts: liquidated, stopped out, deleveraged, the rest."""
    groups = (
        ("liquidated", "Liquidated"),
        ("deleveraged", "Auto-deleveraged"),
        ("stopped", "Stopped out only"),
        ("others", "All others"),
    )
    sums, traders = cascade.losses(_equity_before(cascade.margin))
    return [
        {
            "group": key,
            "label": label,
            "accounts": count,
            "equity_before_usd": before,
            "market_usd": market,
            "waterfall_usd": waterfall,
            "equity_after_usd": after,
        }
        for (key, label), (before, market, waterfall, after), count in zip(
            groups, sums.tolist(), traders.tolist(), strict=True
        )
    ]


def hardest_hit(cascade: Cascade, most: int = 25) -> list[dict[str, Any]]:
    """Liquidated accounts by loss, greatest first."""
    margin, book = cascade.margin, cascade.margin.book
    before, transfer = _equity_before(margin), cascade.settlement.transfer
    fallen = cascade.liquidated
    gain = cascade.equity[fallen] + transfer[fallen] - before[fallen]
    if len(gain) > most:
        # only the first few are sorted, equal ones in book order
        worst = np.flatnonzero(gain <= np.partition(gain, most)[most])
        fallen, gain = fallen[worst], gain[worst]
    order = fallen[np.argsort(gain, kind="stable")][:most]
    closed = cascade.fallen.notional[np.searchsorted(cascade.fallen.account, order)]
    first, after = margin.order[margin.start[order]], cascade.equity[order] + transfer[order]
    titles = venue_titles(margin)
    return [
        {
            "account": book.traders[int(book.accounts.trader[a])],
            "venue": titles[int(book.accounts.venue[a])],
            "row": int(book.positions.row[row]),
            "round": int(cascade.turn[a]),
            "forced_notional_usd": usd,
            "equity_before_usd": float(before[a]),
            "equity_after_usd": left,
            "loss_usd": float(before[a]) - left,
        }
        for a, row, usd, left in zip(
            order.tolist(), first.tolist(), closed.tolist(), after.tolist(), strict=True
        )
    ]


def venue_rows(cascade: Cascade) -> list[dict[str, Any]]:
    """The waterfall of each venue, with what was forced there."""
    margin, book = cascade.margin, cascade.margin.book
    forced, traders = cascade.tally.by_venue.sum(axis=0), cascade.tally.of_venue
    rows = []
    for v, losses in enumerate(cascade.settlement.venues):
        row: dict[str, Any] = {
            "venue": book.venues[v],
            "title": venue_titles(margin)[v],
            "forced_notional_usd": float(forced[v]),
            "accounts_liquidated": int(traders[v]),
        }
        row |= {key: getattr(losses, name) for key, name, _ in VENUE_FIELDS}
        rows.append(row)
    return rows


def venue_table(rows: list[dict[str, Any]]) -> Table:
    """The venues' waterfalls as a table."""
    columns = (
        Column("title", "Venue", brief=True),
        Column("forced_notional_usd", "Forced", Unit.USD, brief=True),
        Column("accounts_liquidated", "Accounts", Unit.COUNT, brief=True),
        *(
            Column(
                key,
                title,
                Unit.COUNT if key == "adl_accounts" else Unit.USD,
                brief=key in ("fund_before_usd", "fund_after_usd", "bad_debt_usd"),
            )
            for key, _, title in VENUE_FIELDS
        ),
    )
    return Table(
        "venues",
        "Venues: what was forced and who paid",
        columns,
        tuple(tuple(r[c.key] for c in columns) for r in rows),
        caption="Deficits are losses beyond collateral; the fund pays first, then deleveraged "
        "winners, then those who share a socialised loss. Bad debt is what nobody paid.",
    )


def loss_table(rows: list[dict[str, Any]]) -> Table:
    """Groups of traders as a table."""
    columns = (
        Column("label", "Traders", brief=True),
        Column("accounts", "Accounts", Unit.COUNT, brief=True),
        Column("equity_before_usd", "Equity before", Unit.USD, brief=True),
        Column("market_usd", "By the market", Unit.USD, brief=True),
        Column("waterfall_usd", "By the waterfall", Unit.USD, brief=True),
        Column("equity_after_usd", "Equity after", Unit.USD, brief=True),
    )
    return Table(
        "losses",
        "Who loses what",
        columns,
        tuple(tuple(r[c.key] for c in columns) for r in rows),
        caption="The waterfall gives to bankrupt accounts what lifts them to zero and takes fees, "
        "surplus and deleveraging from others.",
    )


def hardest_table(rows: list[dict[str, Any]], fallen: int) -> Table:
    """The hardest hit as a table."""
    columns = (
        Column("account", "Account", brief=True),
        Column("venue", "Venue", brief=True),
        Column("row", "Row", Unit.COUNT),
        Column("round", "Round", Unit.COUNT, brief=True),
        Column("forced_notional_usd", "Forced", Unit.USD, brief=True),
        Column("loss_usd", "Loss", Unit.USD, brief=True),
        Column("equity_after_usd", "Equity after", Unit.USD),
    )
    return Table(
        "hardest_hit",
        "Hardest hit",
        columns,
        tuple(tuple(r[c.key] for c in columns) for r in rows),
        total=fallen,
    )


def venue_charts(rows: list[dict[str, Any]]) -> tuple[Chart, Chart]:
    """Venues beside each other: what is forced there, and the fund before and after."""
    names = [r["title"] for r in rows]

    def bars(name: str, key: str, tone: Tone) -> Series:
        return Series(name, names, [r[key] for r in rows], tone)

    forced = (bars("Forced", "forced_notional_usd", Tone.LOSS),)
    funds = (
        bars("Before", "fund_before_usd", Tone.MUTED),
        bars("After", "fund_after_usd", Tone.GAIN),
    )
    kind, text, usd = ChartKind.BARS, Unit.TEXT, Unit.USD
    return (
        Chart("venue_forced", "Forced notional by venue", kind, "", text, "USD", usd, forced),
        Chart("venue_funds", "Insurance fund by venue", kind, "", text, "USD", usd, funds),
    )


def waterfall_chart(rows: list[dict[str, Any]]) -> Chart:
    """Losses beyond collateral, step by step to what nobody paid."""
    total = {key: sum(r[key] for r in rows) for key, _, _ in VENUE_FIELDS}
    steps = (
        ("Deficits", total["deficits_usd"]),
        ("Insurance fund", -total["paid_by_fund_usd"]),
        ("Deleveraged winners", -total["paid_by_adl_usd"]),
        ("Socialised", -total["socialised_usd"]),
        ("Bad debt", float("nan")),
    )
    return Chart(
        "waterfall",
        "Losses beyond collateral, and who pays",
        ChartKind.BARS,
        "",
        Unit.TEXT,
        "USD",
        Unit.USD,
        (Series("Loss left to pay", [s[0] for s in steps], [s[1] for s in steps], Tone.LOSS),),
        steps=True,
    )
