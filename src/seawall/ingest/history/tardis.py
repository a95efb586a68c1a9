"""Tardis CSV of liquidations.

Columns (docs.tardis.dev, Downloadable CSV files, Data types, liquidations): exchange, symbol,
timestamp and local_timestamp (µs), id (empty where the venue gives none), side (``buy``: a short
was liquidated, ``sell``: a long), price, amount (as the venue gives it: base units or contracts).
"""

from __future__ import annotations

from seawall.core.tape import Side
from seawall.ingest.history.events import Events
from seawall.ingest.history.found import History, What
from seawall.ingest.history.look import How, Look
from seawall.ingest.history.table import Table

NAME = "tardis"
_COLUMNS = ("exchange", "symbol", "timestamp", "local_timestamp", "id", "side", "price", "amount")
_VENUES = {
    "binance-futures": "binance_usdm",
    "binance-delivery": "binance_coinm",
    "okex-swap": "okx",
    "okex-futures": "okx",
    "gate-io-futures": "gate",
    "huobi-dm-linear-swap": "htx",
    "huobi-dm-swap": "htx",
    "huobi-dm": "htx",
}
_INVERSE = {"huobi-dm-swap", "huobi-dm"}
_POSITION = {"sell": int(Side.LONG), "buy": int(Side.SHORT)}


def recognises(look: Look) -> bool:
    """Whether a file is one of theirs; trades have the same columns, so the name decides."""
    return look.has(*_COLUMNS) and "trades" not in look.name


def read(table: Table, how: How) -> History:
    """Read a file of liquidations."""
    exchange, symbol = table.text("exchange"), table.text("symbol")
    time, received = table.times("timestamp"), table.times("local_timestamp")
    identity = table.text("id", needed=False)
    side = table.choice("side", _POSITION)
    price = table.numbers("price", positive=True)
    amount = table.numbers("amount", positive=True)
    table.refuse()
    events = Events(table.where, "tardis liquidations", how.rules, how.coverage)
    venues = [events.venue(_VENUES.get(n, n), n in _INVERSE) for n in exchange.names]
    identified = [v not in _BY_CONTENTS for v in venues]
    for k in range(table.rows):
        code = int(exchange.codes[k])
        venue, name = venues[code], symbol.names[symbol.codes[k]]
        own = identity.names[identity.codes[k]] if identity.codes[k] >= 0 else None
        in_contracts = venue in _COUNTED
        in_usd = venue in _USD_IF_INVERSE and _is_inverse(name)
        events.add(
            k + 1, venue, name, int(time[k]), int(side[k]), float(price[k]),
            contracts=float(amount[k]) if in_contracts else None,
            usd=float(amount[k]) if in_usd else None,
            base=float(amount[k]) if not in_contracts and not in_usd else None,
            own=own if identified[code] else None,
            received=int(received[k]),
        )  # fmt: skip
    return History(table.where, NAME, What.LIQUIDATIONS, events.tape(), notes=events.notes())


_COUNTED = {"binance_coinm", "okx", "gate", "htx"}
"""Venues that count contracts."""
_USD_IF_INVERSE = {"bybit", "deribit", "bitmex"}
"""Venues that count USD of inverse contracts and base units of linear ones."""
_BY_CONTENTS = {"binance_usdm", "binance_coinm", "bybit", "okx", "htx"}
"""Venues whose feed gives no identifier: theirs is of the contents, as live."""


def _is_inverse(name: str) -> bool:
    """Whether a name is that of an inverse contract: it says USD or, at Deribit, no quote."""
    return "USDT" not in name and "USDC" not in name and not name.endswith("PERP")
