"""Bybit's public archive of trades.

Columns of public.bybit.com/trading: timestamp (seconds with fractions), symbol, side (of the
taker), size (base units of linear contracts, USD of inverse ones), price, tickDirection,
trdMatchID, grossValue, homeNotional, foreignNotional, since 2026 RPI. The archive holds no
liquidations.
"""

from __future__ import annotations

import numpy as np

from seawall.ingest.history.found import History, Series, What
from seawall.ingest.history.look import How, Look
from seawall.ingest.history.table import Table
from seawall.ingest.sheet import Labels

NAME = "bybit archive"


def recognises(look: Look) -> bool:
    """Whether a file is one of the archive's."""
    return look.has("timestamp", "symbol", "side", "size", "price", "tickDirection")


def read(table: Table, how: How) -> History:
    """Read a file of trades."""
    del how
    time, symbol = table.times("timestamp"), table.text("symbol")
    side = table.choice("side", {"buy": 1, "sell": -1}).astype(np.float64)
    values = {
        "price": table.numbers("price", positive=True),
        "size": table.numbers("size", positive=True),
        "side": side,
    }
    table.refuse()
    venue = Labels(np.zeros(table.rows, dtype=np.int32), ["bybit"])
    return History(
        table.where,
        NAME,
        What.TRADES,
        series=Series(time, {"venue": venue, "instrument": symbol}, values),
        notes=("trades do not say which of them closed a liquidated position",),
    )
