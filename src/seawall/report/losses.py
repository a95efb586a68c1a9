"""Who loses what in a cascade, as rows: groups of traders, venues, the hardest hit."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from seawall.report.model import Chart, ChartKind, Column, Series, Table, Tone, Unit
from seawall.report.subject import usd_per_settled, venue_titles
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


def equities(cascade: Cascade) -> tuple[Floats, Floats, Floats]:
    """USD by account: equity before the shock, at rest, and after the waterfall; shape (m,)."""
    margin = cascade.margin
    before = margin.accounts_state().equity * usd_per_settled(margin)
    return before, cascade.equity, cascade.equity + cascade.settlement.transfer


def loss_rows(cascade: Cascade) -> list[dict[str, Any]]:
    """Equity by what befell the accounts: liquidated, stopped out, deleveraged, the rest."""
    margin = cascade.margin
    m = len(margin.book.accounts)
    before, rest, after = equities(cascade)
    account = margin.book.positions.account
    liquidated = cascade.turn > 0
    stopped = np.zeros(m, dtype=np.bool_)
    stopped[account[cascade.closings.position[cascade.closings.stop]]] = True
    cut = np.bincount(account, cascade.settlement.adl_usd, m) > 0
    left = np.ones(m, dtype=np.bool_)
    rows = []
    for key, label, mine in (
        ("liquidated", "Liquidated", liquidated),
        ("deleveraged", "Auto-deleveraged", cut),
        ("stopped", "Stopped out only", stopped),
        ("others", "All others", left.copy()),
    ):
        mine = mine & left
        left &= ~mine
        rows.append(
            {
                "group": key,
                "label": label,
                "accounts": cascade.traders_of(np.flatnonzero(mine)),
                "equity_before_usd": float(before[mine].sum()),
                "market_usd": float((rest - before)[mine].sum()),
                "waterfall_usd": float((after - rest)[mine].sum()),
                "equity_after_usd": float(after[mine].sum()),
            }
        )
    return rows


def hardest_hit(cascade: Cascade, most: int = 25) -> list[dict[str, Any]]:
    """Liquidated accounts by loss, greatest first."""
    margin, book = cascade.margin, cascade.margin.book
    before, _, after = equities(cascade)
    fallen = cascade.liquidated
    closed = np.bincount(
        book.positions.account[cascade.closings.position],
        cascade.closings.usd * ~cascade.closings.stop,
        len(book.accounts),
    )
    order = fallen[np.argsort((after - before)[fallen], kind="stable")][:most]
    first = np.full(len(book.accounts), len(book), dtype=np.int64)
    np.minimum.at(first, book.positions.account, np.arange(len(book)))
    titles = venue_titles(margin)
    return [
        {
            "account": book.traders[int(book.accounts.trader[a])],
            "venue": titles[int(book.accounts.venue[a])],
            "row": int(book.positions.row[first[a]]),
            "round": int(cascade.turn[a]),
            "forced_notional_usd": float(closed[a]),
            "equity_before_usd": float(before[a]),
            "equity_after_usd": float(after[a]),
            "loss_usd": float(before[a] - after[a]),
        }
        for a in order.tolist()
    ]


def venue_rows(cascade: Cascade) -> list[dict[str, Any]]:
    """The waterfall of each venue, with what was forced there."""
    margin, book = cascade.margin, cascade.margin.book
    venue = margin.venue_of_positions()[cascade.closings.position]
    forced = np.bincount(venue, cascade.closings.usd * ~cascade.closings.stop, len(book.venues))
    rows = []
    for v, losses in enumerate(cascade.settlement.venues):
        mine = cascade.liquidated[book.accounts.venue[cascade.liquidated] == v]
        row: dict[str, Any] = {
            "venue": book.venues[v],
            "title": venue_titles(margin)[v],
            "forced_notional_usd": float(forced[v]),
            "accounts_liquidated": cascade.traders_of(mine),
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
