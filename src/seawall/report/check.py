"""The report of a check: each position and account, how far it is from liquidation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seawall.liquidity import Assumed
from seawall.margin import MarginBook
from seawall.report.lazy import Records
from seawall.report.map import cluster_sentence
from seawall.report.model import Assumption, Column, Headline, Report, Section, Table, Unit
from seawall.report.numbers import counted, from_mark, short, text
from seawall.report.subject import (
    inputs_of,
    kind_of,
    machine_inputs,
    rule_assumptions,
    usd_per_settled,
    venue_titles,
    warnings_of,
)
from seawall.risk import Cluster, clusters, liquidation_map

Floats = NDArray[np.float64]

SCHEMA = "seawall.check/1"


def check_report(
    margin: MarginBook,
    volatility: Assumed,
    target_ratio: float = 0.5,
    market: MarginBook | None = None,
) -> Report:
    """Margin state, liquidation price and distance of every position and account.

    Parameters
    ----------
    margin
        The book to check.
    volatility
        Daily volatility of its assets.
    target_ratio
        Margin ratio (maintenance / equity) that the collateral asked for must bring about.
    market
        Book whose clusters are named; by default the book's own.
    """
    found = _clusters(margin, market or margin, volatility)
    positions = _positions(margin, volatility, found)
    accounts = _accounts(margin, target_ratio)
    state = margin.accounts_state()
    due = int(state.liquidatable.sum())
    risk = np.argsort(-np.nan_to_num(state.ratio, posinf=np.inf), kind="stable")
    by_risk = np.argsort(_distance_key(positions["distance"]), kind="stable")
    payload = {
        "inputs": machine_inputs(margin),
        "parameters": {"target_ratio": target_ratio},
        "positions": Records(positions),
        "accounts": Records(accounts),
        "clusters": {
            a: [{f: getattr(c, f) for f in Cluster.__slots__} for c in some]
            for a, some in found.items()
        },
        "totals": {
            "positions": len(margin.book),
            "accounts": len(margin.book.accounts),
            "accounts_liquidatable": due,
            "accounts_bankrupt": int(state.bankrupt.sum()),
        },
        "warnings": list(warnings_of(margin)),
    }
    return Report(
        schema=SCHEMA,
        title="Check of a book",
        question="Where is each position liquidated, and how far is that?",
        answer=_answer(margin, positions, due, by_risk, found),
        headlines=_headlines(margin, positions, due),
        tables=(
            _position_table(positions, by_risk),
            _account_table(accounts, risk, target_ratio),
        ),
        assumptions=_assumptions(margin, volatility),
        warnings=warnings_of(margin),
        inputs=inputs_of(margin),
        payload=payload,
        sections=(Section("Nearest to liquidation", ("positions", "accounts")),),
    )


def _clusters(
    margin: MarginBook, market: MarginBook, volatility: Assumed
) -> dict[str, tuple[Cluster, ...]]:
    sigma = dict(zip(margin.book.assets, volatility.values.tolist(), strict=True))
    held = set(margin.book.assets)
    prices = market.liquidation_price()
    return {
        a: clusters(liquidation_map(market, a, prices=prices), sigma[a])
        for a in market.book.assets
        if a in held
    }


def _positions(
    margin: MarginBook, volatility: Assumed, found: dict[str, tuple[Cluster, ...]]
) -> dict[str, Any]:
    """Columns of the position table, one entry a position, in the order of the rows."""
    book, p = margin.book, margin.book.positions
    account = p.account
    price = margin.printed_liquidation_price()
    distance = price / p.mark - 1.0
    with np.errstate(divide="ignore", invalid="ignore"):
        sigmas = np.log(price / p.mark) / volatility.values[book.asset_codes()]
    titles = np.array(venue_titles(margin))
    state = margin.accounts_state()
    nearest = _nearest_cluster(margin, price, found)
    return {
        "row": p.row,
        "account": [book.traders[t] for t in book.accounts.trader[account].tolist()],
        "venue": titles[book.accounts.venue[account]],
        "instrument": [book.instruments[i].symbol for i in p.instrument.tolist()],
        "side": np.where(p.size > 0, "long", "short"),
        "margin_mode": np.where(book.accounts.isolated[account], "isolated", "cross"),
        "size": p.size,
        "notional_usd": book.notional(),
        "entry_price": p.entry,
        "mark_price": p.mark,
        "unrealised_pnl": margin.pnl(),
        "initial_margin": margin.initial(),
        "maintenance_margin": margin.maintenance(),
        "margin_ratio": state.ratio[account],
        "printed_margin_ratio": margin.printed_ratio()[account],
        "effective_leverage": margin.effective_leverage()[account],
        "liquidation_price": price,
        "reported_liquidation_price": p.reported_liquidation,
        "bankruptcy_price": margin.printed_bankruptcy_price(),
        "distance": distance,
        "sigmas": sigmas,
        "nearest_cluster_price": nearest[0],
        "nearest_cluster_usd": nearest[1],
        "currency": [book.currencies[c] for c in book.accounts.settle[account].tolist()],
    }


def _nearest_cluster(
    margin: MarginBook, price: Floats, found: dict[str, tuple[Cluster, ...]]
) -> tuple[Floats, Floats]:
    """Peak and notional of the cluster that a position meets first as it loses; NaN if none."""
    book, p = margin.book, margin.book.positions
    peak, usd = np.full(len(book), np.nan), np.full(len(book), np.nan)
    # a long loses towards lower prices, unless its account is hedged the other way
    due = margin.accounts_state().liquidatable[p.account]
    down = np.where(np.isnan(price) | due, p.size > 0, price < p.mark)
    code = book.asset_codes()
    for a, name in enumerate(book.assets):
        some = sorted(found.get(name, ()), key=lambda c: c.peak)
        if not some:
            continue
        peaks = np.array([c.peak for c in some])
        amounts = np.array([c.notional_usd for c in some])
        for mine, at in (
            ((code == a) & down, np.searchsorted(peaks, p.mark, side="left") - 1),
            ((code == a) & ~down, np.searchsorted(peaks, p.mark, side="right")),
        ):
            ok = mine & (at >= 0) & (at < len(peaks))
            peak[ok], usd[ok] = peaks[at[ok]], amounts[at[ok]]
    return peak, usd


def _accounts(margin: MarginBook, target: float) -> dict[str, Any]:
    """Columns of the account table, one entry a margin account."""
    book, state = margin.book, margin.accounts_state()
    unit = usd_per_settled(margin)
    titles = np.array(venue_titles(margin))
    add = np.maximum(state.maintenance / target - state.equity, 0.0)
    return {
        "account": [book.traders[t] for t in book.accounts.trader.tolist()],
        "venue": titles[book.accounts.venue],
        "margin_mode": np.where(book.accounts.isolated, "isolated", "cross"),
        "positions": np.diff(margin.start),
        "currency": [book.currencies[c] for c in book.accounts.settle.tolist()],
        "balance": margin.balance,
        "equity": state.equity,
        "equity_usd": state.equity * unit,
        "initial_margin": state.initial,
        "maintenance_margin": state.maintenance,
        "margin_ratio": state.ratio,
        "printed_margin_ratio": margin.printed_ratio(),
        "effective_leverage": margin.effective_leverage(),
        "liquidatable": state.liquidatable,
        "collateral_to_target": add,
        "collateral_to_target_usd": add * unit,
    }


def _distance_key(distance: Any) -> Floats:
    return np.asarray(np.nan_to_num(np.abs(np.asarray(distance)), nan=np.inf))


def _answer(
    margin: MarginBook,
    positions: dict[str, Any],
    due: int,
    by_risk: NDArray[np.intp],
    found: dict[str, tuple[Cluster, ...]],
) -> tuple[str, ...]:
    lines = []
    if due:
        lines.append(
            f"{text(due, Unit.COUNT)} of {counted(len(margin.book.accounts), 'margin account')} "
            f"{'is' if due == 1 else 'are'} at or below maintenance at the marks given: "
            f"{'it' if due == 1 else 'they'} would be liquidated now."
        )
    standing = ~margin.accounts_state().liquidatable[margin.book.positions.account[by_risk]]
    if not standing.any():
        return tuple(lines)
    first = int(by_risk[np.argmax(standing)])
    if not np.isnan(positions["distance"][first]):
        lines.append(
            f"{'Next' if due else 'Nearest'} to liquidation is row {positions['row'][first]}: the "
            f"{short(positions['instrument'][first])} {positions['side'][first]} of "
            f"{short(positions['account'][first])} falls at "
            f"{text(float(positions['liquidation_price'][first]), Unit.PRICE)}, "
            f"{from_mark(float(positions['distance'][first]))} "
            f"({text(abs(float(positions['sigmas'][first])), Unit.SIGMA)} of a day)."
        )
    else:
        lines.append("No price of its own liquidates any position of this book.")
    largest = max(
        (c for some in found.values() for c in some), key=lambda c: c.notional_usd, default=None
    )
    if largest is not None and len(margin.book) > 1:
        lines.append(f"The largest cluster is in {largest.asset}: {cluster_sentence(largest)}.")
    return tuple(lines)


def _headlines(margin: MarginBook, positions: dict[str, Any], due: int) -> tuple[Headline, ...]:
    notional = margin.book.notional()
    near = np.nan_to_num(np.abs(np.asarray(positions["distance"])), nan=np.inf)
    kind = kind_of(margin)

    def within(share: float) -> float:
        return float(notional[near <= share].sum())

    return (
        Headline("notional_usd", "Notional", float(notional.sum()), Unit.USD),
        Headline("accounts_liquidatable", "Below maintenance now", due, Unit.COUNT, kind),
        Headline("within_5pct_usd", "Falls within 5%", within(0.05), Unit.USD, kind),
        Headline("within_10pct_usd", "Falls within 10%", within(0.10), Unit.USD, kind),
    )


_POSITION_COLUMNS = (
    Column("row", "Row", Unit.COUNT, brief=True),
    Column("account", "Account", brief=True),
    Column("venue", "Venue"),
    Column("instrument", "Instrument", brief=True),
    Column("side", "Side", brief=True),
    Column("margin_mode", "Mode"),
    Column("notional_usd", "Notional", Unit.USD),
    Column("mark_price", "Mark", Unit.PRICE),
    Column("margin_ratio", "Margin ratio", Unit.FRACTION, brief=True, note="1 is liquidation"),
    Column("effective_leverage", "Leverage", Unit.FACTOR),
    Column("liquidation_price", "Liquidated at", Unit.PRICE, brief=True),
    Column("distance", "Distance", Unit.FRACTION, brief=True),
    Column("sigmas", "Daily sigmas", Unit.SIGMA, brief=True),
    Column("bankruptcy_price", "Bankrupt at", Unit.PRICE),
    Column("reported_liquidation_price", "As reported", Unit.PRICE),
    Column("nearest_cluster_price", "Next cluster", Unit.PRICE),
    Column("nearest_cluster_usd", "Its notional", Unit.USD),
)

_ACCOUNT_COLUMNS = (
    Column("account", "Account", brief=True),
    Column("venue", "Venue", brief=True),
    Column("margin_mode", "Mode", brief=True),
    Column("positions", "Positions", Unit.COUNT),
    Column("currency", "In"),
    Column("equity", "Equity", Unit.NUMBER, brief=True),
    Column("maintenance_margin", "Maintenance", Unit.NUMBER, brief=True),
    Column("margin_ratio", "Margin ratio", Unit.FRACTION, brief=True),
    Column("printed_margin_ratio", "As the venue prints it", Unit.NUMBER),
    Column("effective_leverage", "Leverage", Unit.FACTOR),
    Column("collateral_to_target_usd", "Collateral to add", Unit.USD, brief=True),
)


def _chosen(columns: dict[str, Any], names: Sequence[Column], rows: Any) -> dict[Column, Any]:
    return {c: _array(columns[c.key])[rows] for c in names}


def _array(column: Any) -> Any:
    """A column to choose rows of; what is a list already keeps its cells as they are."""
    return column if isinstance(column, np.ndarray) else np.asarray(column, dtype=object)


def _position_table(positions: dict[str, Any], rows: Any) -> Table:
    return Table.of_columns(
        "positions",
        "Positions, nearest to liquidation first",
        _chosen(positions, _POSITION_COLUMNS, rows),
        main=True,
    )


def _account_table(accounts: dict[str, Any], rows: Any, target: float) -> Table:
    return Table.of_columns(
        "accounts",
        "Margin accounts, highest ratio first",
        _chosen(accounts, _ACCOUNT_COLUMNS, rows),
        caption=f"The collateral to add brings the margin ratio to {text(target, Unit.FRACTION)}.",
    )


def _assumptions(margin: MarginBook, volatility: Assumed) -> tuple[Assumption, ...]:
    rows = [
        Assumption(
            "Liquidation prices move one instrument at a time; other positions of a cross account "
            "stay at their marks.",
            "docs/methods/margin.md",
        )
    ]
    if volatility.defaulted or volatility.guessed:
        rows.append(Assumption("Daily volatility not given: bundled figures.", volatility.source))
    return (*rows, *rule_assumptions(margin))
