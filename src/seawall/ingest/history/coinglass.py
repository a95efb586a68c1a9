"""CoinGlass exports: single liquidations, and liquidation sums by period.

``/api/futures/liquidation/order`` (v4) and the channel ``liquidationOrders`` (v3): exchange_name
or exName, symbol, base_asset or baseAsset, price, usd_value or volUsd, side (1 buy, 2 sell, of
the order: a sale closes a long), time (ms). ``/api/futures/liquidation/aggregated-history``: time,
aggregated_long_liquidation_usd, aggregated_short_liquidation_usd; ``.../history``:
long_liquidation_usd, short_liquidation_usd. What CoinGlass can see of a venue is what the venue's
feed shows.
"""

from __future__ import annotations

import numpy as np

from seawall.core.tape import Side
from seawall.ingest.history.events import Events
from seawall.ingest.history.found import History, Series, What
from seawall.ingest.history.look import How, Look
from seawall.ingest.history.table import Table
from seawall.ingest.sheet import Labels

NAME = "coinglass"
_ORDERS = (
    ("exchange_name", "symbol", "price", "usd_value", "side", "time"),
    ("exName", "symbol", "price", "volUsd", "side", "time"),
)
_SUMS = (
    ("aggregated_long_liquidation_usd", "aggregated_short_liquidation_usd"),
    ("long_liquidation_usd", "short_liquidation_usd"),
)
_POSITION = {"2": int(Side.LONG), "1": int(Side.SHORT)}


def recognises(look: Look) -> bool:
    """Whether a file is one of theirs."""
    return any(look.has(*names) for names in (*_ORDERS, *_SUMS))


def read(table: Table, how: How) -> History:
    """Read single liquidations as a tape, sums as a series."""
    sums = next((s for s in _SUMS if table.has(*s)), None)
    if sums:
        return _sums(table, how, *sums)
    venue, symbol, price, usd, side, time = next(o for o in _ORDERS if table.has(*o))
    venues, symbols = table.text(venue), table.text(symbol)
    prices, worth = table.numbers(price, positive=True), table.numbers(usd, positive=True)
    sides, times = table.choice(side, _POSITION), table.times(time)
    table.refuse()
    events = Events(table.where, "coinglass liquidation orders", how.rules, how.coverage)
    for k in range(table.rows):
        name = symbols.names[symbols.codes[k]]
        known = events.venue(venues.names[venues.codes[k]], name.endswith(("USD", "USD_PERP")))
        events.add(
            k + 1, known, name, int(times[k]), int(sides[k]), float(prices[k]),
            usd=float(worth[k]),
        )  # fmt: skip
    return History(table.where, NAME, What.LIQUIDATIONS, events.tape(), notes=events.notes())


def _sums(table: Table, how: How, long: str, short: str) -> History:
    values = {"long_usd": table.numbers(long), "short_usd": table.numbers(short)}
    times = table.times("time")
    table.refuse()
    names = {}
    for column, name in (("venue", how.venue), ("asset", how.asset)):
        if name:
            names[column] = Labels(np.zeros(table.rows, dtype=np.int32), [name])
    return History(table.where, NAME, What.LIQUIDATION_SUMS, series=Series(times, names, values))
