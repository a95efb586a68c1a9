"""What ccxt returns, written down as JSON: liquidations, candles, funding and open interest.

Structures of the ccxt manual: liquidation (symbol, contracts, contractSize, price, side,
baseValue, quoteValue, timestamp), candles (lists of timestamp, open, high, low, close, volume),
funding rate history (symbol, fundingRate, timestamp), open interest history (symbol,
openInterestAmount, openInterestValue, timestamp). None of them names the venue: give it.
"""

from __future__ import annotations

import numpy as np

from seawall.core import InputError, Mistake
from seawall.core.tape import Side
from seawall.ingest.history.events import Events
from seawall.ingest.history.found import History, Series, What
from seawall.ingest.history.look import How, Look
from seawall.ingest.history.table import Table
from seawall.ingest.sheet import Labels

NAME = "ccxt"
_CANDLE = ("timestamp", "open", "high", "low", "close", "volume")
SIDES = {
    "long": int(Side.LONG),
    "short": int(Side.SHORT),
    "sell": int(Side.LONG),
    "buy": int(Side.SHORT),
}
"""``long`` and ``short`` are the position's, ``sell`` and ``buy`` the order's that closed it."""


def recognises(look: Look) -> bool:
    """Whether a file is one of ccxt's structures."""
    if look.lists:
        return look.width == len(_CANDLE)
    return "timestamp" in look.keys and (
        look.has("symbol", "price", "contracts", "baseValue")
        or look.has("symbol", "fundingRate", "datetime")
        or look.has("symbol", "openInterestAmount")
    )


def read(table: Table, how: How) -> History:
    """Read a file."""
    if not how.venue:
        raise InputError(
            Mistake("ccxt's structures do not name their venue", table.where, mend="Give --venue")
        )
    if table.has("price", "contracts"):
        return _liquidations(table, how)
    if table.has("0", "5"):
        table.named(_CANDLE)
        values = {n: table.numbers(n) for n in _CANDLE[1:]}
        what = What.CANDLES
    elif table.has("fundingRate"):
        values, what = {"funding_rate": table.numbers("fundingRate")}, What.FUNDING
    else:
        values = {
            "open_interest_base": table.numbers("openInterestAmount", False),
            "open_interest_usd": table.numbers("openInterestValue", False)
            if table.has("openInterestValue")
            else np.full(table.rows, np.nan),
        }
        what = What.OPEN_INTEREST
    times = table.times("timestamp")
    names = {"venue": Labels(np.zeros(table.rows, dtype=np.int32), [how.venue])}
    if table.has("symbol"):
        names["instrument"] = table.text("symbol")
    elif how.instrument:
        names["instrument"] = Labels(np.zeros(table.rows, dtype=np.int32), [how.instrument])
    table.refuse()
    return History(table.where, NAME, what, series=Series(times, names, values))


def _liquidations(table: Table, how: How) -> History:
    symbol, times = table.text("symbol"), table.times("timestamp")
    price = table.numbers("price", positive=True)
    base = table.numbers("baseValue", needed=False)
    quote = table.numbers("quoteValue", needed=False) if table.has("quoteValue") else base * price
    contracts = table.numbers("contracts", needed=False)
    if table.has("contractSize"):
        size = table.numbers("contractSize", needed=False)
    else:
        size = np.full(table.rows, np.nan)
    if not table.has("side"):
        table.refuse()
        raise InputError(
            Mistake("no side: it cannot be told whether longs or shorts were closed", table.where,
                    column="side", allowed=", ".join(SIDES))
        )  # fmt: skip
    side = table.choice("side", SIDES)
    table.refuse()
    events = Events(table.where, "ccxt liquidations", how.rules, how.coverage)
    for k in range(table.rows):
        name = symbol.names[symbol.codes[k]]
        inverse = ":" in name and not name.partition(":")[2].startswith("USD")
        worth = contracts[k] * size[k] * (1.0 if inverse else price[k])
        usd = next((float(x) for x in (quote[k], base[k] * price[k], worth) if x > 0), 0.0)
        events.add(
            k + 1, events.venue(how.venue, inverse), name, int(times[k]), int(side[k]),
            float(price[k]), usd=usd,
        )  # fmt: skip
    return History(table.where, NAME, What.LIQUIDATIONS, events.tape(), notes=events.notes())
