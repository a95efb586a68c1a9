"""Tardis CSV of liquidations.

Columns (docs.tardis.dev, Downloadable CSV files, Data types, liquidations): exchange, symbol,
timestamp and local_timestamp (µs), id (empty where the venue gives none), side (``buy``: a short
was liquidated, ``sell``: a long), price, amount (as the venue gives it: base units or contracts).

What an amount counts is what the venue's live feed counts, told by its rulebook and the rules of
the instrument. HTX is the exception: its messages tell both, coins as ``amount`` and contracts as
``volume``, and Tardis takes the latter (tardis-node, mappers/huobi, HuobiLiquidationsMapper).
"""

from __future__ import annotations

from collections.abc import Mapping

from seawall.core import InputError, Mistake
from seawall.core.tape import Side
from seawall.ingest.history.amounts import size_given
from seawall.ingest.history.events import Events, is_inverse
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
    events = Events(
        table.where, "tardis liquidations", how.rules, how.coverage, sizes=how.polled_sizes
    )
    venues = [events.venue(_VENUES.get(n, n), n in _INVERSE) for n in exchange.names]
    identified = [v not in _BY_CONTENTS for v in venues]
    units = _Units(events, how)
    for k in range(table.rows):
        code = int(exchange.codes[k])
        venue, name = venues[code], symbol.names[symbol.codes[k]]
        own = identity.names[identity.codes[k]] if identity.codes[k] >= 0 else None
        size = units.of(exchange.names[code], venue, name, float(amount[k]))
        if size is None:
            continue
        events.add(
            k + 1, venue, name, int(time[k]), int(side[k]), float(price[k]),
            own=own if identified[code] else None,
            received=int(received[k]),
            contracts=size.get("contracts"),
            base=size.get("base"),
            usd=size.get("usd"),
        )  # fmt: skip
    units.refuse(table.where)
    return History(table.where, NAME, What.LIQUIDATIONS, events.tape(), notes=events.notes())


class _Units:
    """What the amounts of a file are, by venue and instrument; those not known are gathered."""

    def __init__(self, events: Events, how: How):
        self._events, self._how = events, how
        self._known: dict[tuple[str, str], tuple[str, float | None] | None] = {}
        self._unsure: dict[tuple[str, str], int] = {}

    def of(self, exchange: str, venue: str, name: str, amount: float) -> dict[str, float] | None:
        """Size of a row as :meth:`Events.add` takes it; None where the unit is not known."""
        key = exchange, name
        if key not in self._known:
            self._known[key] = self._unit(exchange, venue, name)
        unit = self._known[key]
        if unit is None:
            self._unsure[venue, name] = self._unsure.get((venue, name), 0) + 1
            return None
        meaning, worth = unit
        return {meaning: amount if worth is None else amount * worth}

    def refuse(self, where: str) -> None:
        """Raise where a contract's size is not known.

        Raises
        ------
        InputError
            Naming venues and instruments, and how to say it.
        """
        if not self._unsure:
            return
        names = [name for _, name in self._unsure]
        more = f" and {len(names) - _TOLD:,} more" if len(names) > _TOLD else ""
        venues = ", ".join(dict.fromkeys(venue for venue, _ in self._unsure))
        raise InputError(
            Mistake(
                f"the amounts of {venues} are contracts, and the size of one is not known "
                f"({sum(self._unsure.values()):,} of the rows)",
                where,
                column="amount",
                value=", ".join(names[:_TOLD]) + more,
                allowed="sizes in base units, or USD if inverse",
                mend=f"Say the size of a contract: --contract-size {names[0]}=SIZE; or import "
                "into a store for which `seawall tape poll` has asked the venue",
            )
        )

    def _unit(self, exchange: str, venue: str, name: str) -> tuple[str, float | None] | None:
        """Meaning of an amount, and what it is to be multiplied by."""
        events = self._events
        face = self._face(venue, name)
        counts = events.counts_contracts(venue, name)
        if counts is None:
            return _unruled(exchange, name, face)
        if exchange in _CONTRACTS:
            return None if face is None else ("usd" if exchange in _INVERSE else "base", face)
        if not counts:
            return "base", None
        if not events.in_contracts(venue):
            return "contracts", None
        if face is not None:
            return "usd" if events.inverse(venue, name) else "base", face
        return "contracts", None

    def _face(self, venue: str, name: str) -> float | None:
        """Base units or USD a contract, as given, or as the venue told a store."""
        polled: Mapping[str, float] = self._how.polled_sizes.get(venue, {})
        given = size_given(self._how, name)
        return polled.get(name) if given is None else given


def _unruled(exchange: str, name: str, face: float | None) -> tuple[str, float | None] | None:
    """The same of venues without a rulebook: by their names, and BitMEX's linear ones if told."""
    kraken = exchange == "cryptofacilities"
    inverse = name.startswith(("PI_", "FI_")) if kraken else is_inverse(name)
    if inverse and (kraken or exchange == "bitmex"):
        return "usd", face
    if face is not None:
        return "usd" if inverse else "base", face
    return None if exchange == "bitmex" else ("base", None)


_CONTRACTS = {"huobi-dm-linear-swap", "huobi-dm-swap", "huobi-dm"}
"""Of whose messages Tardis takes the contracts although they tell coins too."""
_TOLD = 5
_BY_CONTENTS = {"binance_usdm", "binance_coinm", "bybit", "okx", "htx"}
"""Venues whose feed gives no identifier: theirs is of the contents, as live."""
