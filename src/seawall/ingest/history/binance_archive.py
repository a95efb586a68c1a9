"""Binance's public archive: klines, trades, metrics, depth, funding, liquidation snapshots.

Columns as in the files of futures/um and futures/cm (binance/binance-public-data, README and
files of 2021 to 2026); files before 2022 have no header. A liquidation snapshot exists for coin
margined contracts from 2023-06-25 to 2024-10-14; it repeats rows, and writes a row for every
fill of an order: the order with its accumulated quantity is the event.
"""

from __future__ import annotations

import re

import numpy as np

from seawall.core import InputError, Mistake
from seawall.core.tape import Side
from seawall.ingest.history.events import Events
from seawall.ingest.history.found import History, Series, What
from seawall.ingest.history.look import How, Look
from seawall.ingest.history.table import Table
from seawall.ingest.sheet import Labels

UNNAMED = "the instrument is not told"
"""What is wrong with a file whose name does not begin with its symbol."""
NAME = "binance archive"
_CANDLES = (
    *("open_time", "open", "high", "low", "close", "volume", "close_time", "quote_volume"),
    *("count", "taker_buy_volume", "taker_buy_quote_volume", "ignore"),
)
_AGGREGATES = (
    *("agg_trade_id", "price", "quantity", "first_trade_id", "last_trade_id"),
    *("transact_time", "is_buyer_maker"),
)
_TRADES = ("id", "price", "qty", "quote_qty", "time", "is_buyer_maker")
_LIQUIDATIONS = (
    *("time", "side", "order_type", "time_in_force", "original_quantity", "price"),
    *("average_price", "order_status", "last_fill_quantity", "accumulated_fill_quantity"),
)
_METRICS = {
    "sum_open_interest": "open_interest_base",
    "sum_open_interest_value": "open_interest_usd",
    "count_toptrader_long_short_ratio": "long_short_top_accounts",
    "sum_toptrader_long_short_ratio": "long_short_top_positions",
    "count_long_short_ratio": "long_short_accounts",
    "sum_taker_long_short_vol_ratio": "taker_long_short_volume",
}
_FORMS = {
    "liquidationsnapshot": _LIQUIDATIONS,
    "aggtrades": _AGGREGATES,
    "trades": _TRADES,
}


def recognises(look: Look) -> bool:
    """Whether a file is one of the archive's."""
    return bool(_form(look.keys, look.width, look.name))


def _form(keys: frozenset[str], width: int, name: str) -> str:
    if keys >= set(_LIQUIDATIONS[:7]):
        return "liquidationsnapshot"
    if keys >= {"agg_trade_id", "transact_time"}:
        return "aggtrades"
    if keys >= {"create_time", "sum_open_interest"}:
        return "metrics"
    if keys == {"timestamp", "percentage", "depth", "notional"}:
        return "bookdepth"
    if keys >= {"calc_time", "last_funding_rate"}:
        return "fundingrate"
    if keys >= {"open_time", "open", "close", "taker_buy_volume"}:
        return "klines"
    if keys >= {"id", "qty", "quote_qty", "is_buyer_maker"}:
        return "trades"
    if not keys:
        named = next((f for f in _FORMS if f"-{f}-" in name and width == len(_FORMS[f])), "")
        if not named and width == len(_CANDLES) and re.search(r"-\d+(m|h|d|w|mo)-\d{4}-", name):
            return "klines"
        return named
    return ""


def read(table: Table, how: How) -> History:
    """Read a file; its symbol is the first part of its name unless given."""
    form = _form(frozenset(table.headers), table.width, table.name.casefold())
    if not table.headers:
        table.named(_FORMS.get(form, _CANDLES))
    symbol = how.instrument or table.name.partition("-")[0]
    if not symbol or "." in symbol:
        raise InputError(
            Mistake(UNNAMED, table.where, allowed="SYMBOL-kind-date.csv",
                    mend="Name it with --instrument")
        )  # fmt: skip
    inverse = "USD_" in symbol or symbol.endswith("USD")
    venue = how.venue or ("binance_coinm" if inverse else "binance_usdm")
    if form == "liquidationsnapshot":
        return _liquidations(table, symbol, venue, how)
    time = table.times(
        {"klines": "open_time", "aggtrades": "transact_time", "trades": "time",
         "metrics": "create_time", "bookdepth": "timestamp", "fundingrate": "calc_time"}[form]
    )  # fmt: skip
    face = how.rules.instrument("binance_coinm", symbol).contract_size if inverse else None
    what, values = _values(table, form, face)
    table.refuse()
    names = {"venue": _one(venue, table.rows), "instrument": _one(symbol, table.rows)}
    order = np.argsort(time, kind="stable")
    series = Series(
        time[order],
        {k: Labels(v.codes[order], v.names) for k, v in names.items()},
        {k: v[order] for k, v in values.items()},
    )
    return History(table.where, NAME, what, series=series, notes=_notes(form))


def _values(table: Table, form: str, face: float | None) -> tuple[What, dict[str, np.ndarray]]:
    """Columns of a series; of an inverse contract ``face`` is what one is worth in USD."""
    if form == "klines":
        names = {n: n for n in ("open", "high", "low", "close", "volume")}
        names |= {"quote_volume": "volume_usd", "count": "trades"}
        values = {v: table.numbers(k) for k, v in names.items()}
        if face is not None:
            # contracts, and coins where linear contracts have USD
            values |= {"volume": values["volume_usd"], "volume_usd": face * values["volume"]}
        return What.CANDLES, values
    if form == "metrics":
        values = {v: table.numbers(k, False) for k, v in _METRICS.items()}
        if face is not None:
            contracts, coins = values["open_interest_base"], values["open_interest_usd"]
            values |= {"open_interest_base": coins, "open_interest_usd": face * contracts}
        return What.OPEN_INTEREST, values
    if form == "bookdepth":
        percent = table.numbers("percentage")
        depth = {"base": table.numbers("depth"), "notional_usd": table.numbers("notional")}
        return What.DEPTH, {"distance": percent / 100.0, **depth}
    if form == "fundingrate":
        hours = table.numbers("funding_interval_hours")
        return What.FUNDING, {"funding_rate": table.numbers("last_funding_rate"), "hours": hours}
    size = table.numbers("quantity" if form == "aggtrades" else "qty", positive=True)
    sold = table.choice("is_buyer_maker", {"true": -1, "false": 1}).astype(np.float64)
    return What.TRADES, {"price": table.numbers("price", positive=True), "size": size, "side": sold}


def _notes(form: str) -> tuple[str, ...]:
    if form in ("aggtrades", "trades"):
        return ("trades do not say which of them closed a liquidated position",)
    if form == "bookdepth":
        return ("depth is summed from the mid to each distance, not a book of levels",)
    return ()


def _liquidations(table: Table, symbol: str, venue: str, how: How) -> History:
    time, side = table.times("time"), table.choice("side", _POSITION)
    price = table.numbers("average_price", positive=True)
    asked = table.numbers("original_quantity", positive=True)
    filled = table.numbers("accumulated_fill_quantity", positive=True)
    table.refuse()
    # an order's rows share all but what was filled; its last one has filled most
    keys = np.stack([time, side.astype(np.int64), asked.view(np.int64), price.view(np.int64)], 1)
    _, place = np.unique(keys, axis=0, return_inverse=True)
    order = np.lexsort((filled, place.reshape(-1)))
    last = np.append(np.diff(place.reshape(-1)[order]) != 0, True)
    rows = np.sort(order[last])
    events = Events(table.where, "binance archive liquidationSnapshot", how.rules, how.coverage)
    for k in rows.tolist():
        events.add(
            k + 1, venue, symbol, int(time[k]), int(side[k]), float(price[k]),
            contracts=float(filled[k]), base=None if "coinm" in venue else float(filled[k]),
            at_fill=True,
        )  # fmt: skip
    notes = list(events.notes())
    if len(rows) < table.rows:
        notes.append(f"{table.rows:,} rows are {len(rows):,} orders: the archive repeats rows")
    return History(table.where, NAME, What.LIQUIDATIONS, events.tape(), notes=tuple(notes))


_POSITION = {"sell": int(Side.LONG), "buy": int(Side.SHORT)}
"""An order that sells closes a long."""


def _one(name: str, rows: int) -> Labels:
    return Labels(np.zeros(rows, dtype=np.int32), [name])
