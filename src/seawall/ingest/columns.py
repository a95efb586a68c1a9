"""The columns of a book of positions: names, units, defaults, what else they may be called."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Kind = Literal["label", "number", "time"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column that a book may have.

    Parameters
    ----------
    name
        The name used in the documentation and in messages.
    kind
        How its cells are read.
    unit, default, use
        For the reader: unit, what is taken where it is left out, what it is for.
    synonyms
        Other names it is accepted under. Case, spaces and punctuation never matter.
    above, at_least, below, at_most
        Bounds of a number; infinite where there are none.
    """

    name: str
    kind: Kind
    unit: str
    default: str
    use: str
    synonyms: tuple[str, ...] = ()
    above: float = -math.inf
    at_least: float = -math.inf
    below: float = math.inf
    at_most: float = math.inf

    @property
    def allowed(self) -> str:
        """The bounds in words."""
        words = [
            f"{word} {bound:g}"
            for word, bound in (
                ("more than", self.above),
                ("at least", self.at_least),
                ("less than", self.below),
                ("at most", self.at_most),
            )
            if math.isfinite(bound)
        ]
        return "a number" + (f", {' and '.join(words)}" if words else "")


_PRICE = "USD per unit of the coin"
_SETTLE = "settlement currency (USD; the coin for inverse contracts)"

COLUMNS: tuple[Column, ...] = (
    Column(
        "account",
        "label",
        "name",
        "`row-N` for isolated rows; needed for cross rows",
        "positions of one cross account share its margin; concentration is counted by account",
        ("trader", "user", "address", "account_id", "client", "owner", "wallet_address"),
    ),
    Column(
        "venue",
        "label",
        "name of a rulebook",
        "the `--venue` option, else `generic`",
        "chooses brackets, fees, liquidation and loss rules",
        ("exchange",),
    ),
    Column(
        "instrument",
        "label",
        "the venue's or ccxt's symbol",
        "needed",
        "brackets, contract size, tick, underlying",
        ("symbol", "asset", "coin", "market", "contract", "pair", "instrument_id", "inst_id"),
    ),
    Column(
        "side",
        "label",
        "long or short (buy or sell)",
        "the sign of `size`",
        "direction",
        ("direction", "position_side", "pos_side"),
    ),
    Column(
        "quantity",
        "number",
        "contracts (base units where a contract is one unit)",
        "needed, unless `size` is given",
        "size of the position, without sign",
        ("qty", "contracts", "position_quantity"),
    ),
    Column(
        "size",
        "number",
        "contracts, signed: more than 0 is long",
        "needed, unless `quantity` is given",
        "size and direction in one column; without a sign it needs `side`",
        ("szi", "sz", "position_amt", "position_size", "signed_size", "pos"),
    ),
    Column(
        "entry_price",
        "number",
        _PRICE,
        "needed",
        "unrealised profit, bankruptcy price",
        ("entry", "entry_px", "avg_price", "avg_px", "average_price", "avg_entry_price"),
        above=0,
    ),
    Column(
        "mark_price",
        "number",
        _PRICE,
        "`notional_usd` / size, else `--price`, else another row's mark of the instrument",
        "equity and distance to liquidation",
        ("mark", "mark_px"),
        above=0,
    ),
    Column(
        "margin_mode",
        "label",
        "isolated or cross",
        "isolated; cross where the row has a `wallet_balance` or `account_value`",
        "what stands behind the position",
        ("margin_type", "mgn_mode", "mode"),
    ),
    Column(
        "leverage",
        "number",
        "multiple",
        "none",
        "initial margin; the isolated margin where `collateral` is left out",
        ("lever", "leverage_value"),
        above=0,
        at_most=1000,
    ),
    Column(
        "collateral",
        "number",
        _SETTLE,
        "the venue's initial margin at entry and `leverage`",
        "margin of an isolated position, without unrealised profit",
        ("isolated_wallet", "position_margin", "isolated_collateral"),
        above=0,
    ),
    Column(
        "collateral_value",
        "number",
        _SETTLE,
        "none",
        "margin of an isolated position with unrealised profit, instead of `collateral`",
        ("isolated_margin", "margin_used", "isolated_value"),
    ),
    Column(
        "wallet_balance",
        "number",
        _SETTLE,
        "`account_value` less the unrealised profit",
        "wallet behind a cross account; once, or the same on each of its rows",
        ("wallet", "cross_wallet_balance", "balance"),
    ),
    Column(
        "account_value",
        "number",
        _SETTLE,
        "none",
        "equity of a cross account at mark, instead of `wallet_balance`",
        ("equity", "account_equity"),
    ),
    Column(
        "contract_type",
        "label",
        "linear or inverse",
        "what the instrument's name says",
        "how profit is paid",
    ),
    Column(
        "contract_size",
        "number",
        "base units per contract (linear), USD per contract (inverse)",
        "the rulebook's, else 1",
        "turns contracts into size",
        ("contract_multiplier", "ct_val"),
        above=0,
    ),
    Column(
        "maintenance_margin_rate",
        "number",
        "fraction of notional",
        "the rulebook's brackets",
        "overrides the brackets for this row",
        ("mmr", "maint_margin_rate", "maintenance_rate"),
        at_least=0,
        below=1,
    ),
    Column(
        "maintenance_amount",
        "number",
        _SETTLE,
        "0 where a rate is given, else the rulebook's",
        "deduction from the maintenance margin",
        ("maint_amount", "cum", "maintenance_deduction"),
        at_least=0,
    ),
    Column(
        "taker_fee",
        "number",
        "fraction of notional",
        "the rulebook's",
        "margin at venues that count the closing fee",
        ("taker_fee_rate",),
        at_least=-0.01,
        below=0.1,
    ),
    Column(
        "tick_size",
        "number",
        "USD",
        "the rulebook's",
        "rounding of printed liquidation prices",
        ("tick", "price_tick"),
        above=0,
    ),
    Column(
        "stop_price",
        "number",
        _PRICE,
        "none",
        "stops fire before liquidations and are counted apart",
        ("stop", "stop_loss", "stop_loss_price", "sl"),
        above=0,
    ),
    Column(
        "liquidation_price",
        "number",
        _PRICE,
        "none",
        "as the venue prints it: compared, or the margin is implied from it",
        (
            "liq_price",
            "liquidation_px",
            "liq_px",
            "liq",
            "reported_liquidation_price",
            "reported_liquidation",
        ),
        above=0,
    ),
    Column(
        "notional_usd",
        "number",
        "USD",
        "none",
        "gives the mark of a linear contract where `mark_price` is left out",
        ("notional", "position_value", "notional_value"),
    ),
    Column(
        "time",
        "time",
        "ISO 8601, or epoch in s, ms, us, ns; UTC",
        "`--at`, else unknown",
        "the day whose rules apply; the last snapshot of a file that holds several",
        ("timestamp", "datetime", "snapshot", "snapshot_time", "as_of"),
    ),
)
"""Every column, in the order of the documentation."""

BY_NAME = {c.name: c for c in COLUMNS}

EXTRAS = (
    "adl",
    "adl_quantile",
    "asset_class",
    "bankruptcy_price",
    "break_even_price",
    "comment",
    "comments",
    "created_time",
    "cum_funding",
    "cum_realised_pnl",
    "currency",
    "exit_price",
    "funding",
    "hedged",
    "id",
    "info",
    "initial_margin",
    "initial_margin_percentage",
    "isolated",
    "last_price",
    "last_update_timestamp",
    "maintenance_margin",
    "maintenance_margin_percentage",
    "margin_asset",
    "margin_ratio",
    "max_leverage",
    "note",
    "notes",
    "percentage",
    "pnl",
    "rank",
    "realized_pnl",
    "realised_pnl",
    "return_on_equity",
    "roe",
    "row",
    "source",
    "source_list",
    "take_profit",
    "take_profit_price",
    "trade_mode",
    "unrealized_pnl",
    "unrealised_pnl",
    "unrealized_profit",
    "update_time",
    "updated_time",
    "upl",
    "upnl",
)
"""Columns that exports often carry and that no calculation here needs: ignored with a note."""


def plain(name: str) -> str:
    """A header without case, spaces and punctuation."""
    return "".join(c for c in name.casefold() if c.isalnum())
