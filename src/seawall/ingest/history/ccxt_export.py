"""What ccxt returns, written down as JSON: liquidations, candles, funding and open interest.

Structures of the ccxt manual: liquidation (symbol, contracts, contractSize, price, side,
baseValue, quoteValue, timestamp), candles (lists of timestamp, open, high, low, close, volume),
funding rate history (symbol, fundingRate, timestamp), open interest history (symbol,
openInterestAmount, openInterestValue, timestamp). None of them names the venue: give it. A
liquidation's ``info`` is the venue's own message: its name of the instrument is taken, so that a
recording of the same hours holds the event under the same identifier.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seawall.core import InputError, Mistake, RuleError
from seawall.core.tape import Side
from seawall.ingest.history.amounts import size_given
from seawall.ingest.history.events import Events
from seawall.ingest.history.found import History, Series, What
from seawall.ingest.history.look import How, Look
from seawall.ingest.history.table import Table
from seawall.ingest.sheet import Labels
from seawall.rulebook.feeds import Feed, feeds_of

Floats = NDArray[np.float64]

NAME = "ccxt"
_WORTH = ("baseValue", "quoteValue")
_NAMES = ("contract_code", "contract", "instId", "s", "symbol")
"""What venues call the instrument in ``info``; HTX' ``symbol`` beside the first is the coin."""
_COUNTED_OTHERWISE = {"htx"}
"""Venues of which ccxt counts contracts although their own feed tells coins."""
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
    sizes = {n: _if_there(table, n) for n in ("contracts", "contractSize", *_WORTH)}
    if not table.has("side"):
        table.refuse()
        raise InputError(
            Mistake("no side: it cannot be told whether longs or shorts were closed", table.where,
                    column="side", allowed=", ".join(SIDES))
        )  # fmt: skip
    side, word = table.choice("side", SIDES), table.text("side", needed=False)
    info = table.text("info", needed=False) if table.has("info") else None
    table.refuse()
    told = [_told(text) for text in info.names] if info else []
    events = Events(
        table.where, "ccxt liquidations", how.rules, how.coverage, sizes=how.polled_sizes
    )
    feeds: dict[str, tuple[Feed, ...]] = {}
    turned = untold = 0
    for k in range(table.rows):
        own = told[info.codes[k]] if info and info.codes[k] >= 0 else {}
        name = symbol.names[symbol.codes[k]]
        inverse = ":" in name and not name.partition(":")[2].startswith("USD")
        venue = events.venue(how.venue, inverse)
        if venue not in feeds:
            feeds[venue] = _feeds(how, venue)
        if feeds[venue]:
            name = next((own[n] for n in _NAMES if isinstance(own.get(n), str)), name)
        turns = word.names[word.codes[k]].casefold() in ("buy", "sell") and _of_position(
            feeds[venue], int(times[k]), own
        )
        turned += turns
        untold += _left_out(own)
        row = {n: float(v[k]) for n, v in sizes.items()}
        row["price"] = float(price[k])
        size = _size(events, how, venue, name, row, inverse)
        events.add(
            k + 1, venue, name, int(times[k]), int(-side[k] if turns else side[k]), row["price"],
            contracts=size.get("contracts"),
            usd=size.get("usd"),
        )  # fmt: skip
    notes = list(events.notes())
    if turned:
        notes.append(
            f"sides taken as the position's, {turned:,}: of {how.venue} ccxt gives the word of its "
            "stream, which says buy where a long was liquidated"
        )
    if untold:
        notes.append(
            f"left out by ccxt, {untold:,}: of a message with several liquidations it tells the "
            "first alone"
        )
    return History(table.where, NAME, What.LIQUIDATIONS, events.tape(), notes=tuple(notes))


def _if_there(table: Table, name: str) -> Floats:
    """A column, NaN where the file is without it."""
    return table.numbers(name, needed=False) if table.has(name) else np.full(table.rows, np.nan)


def _told(text: str) -> dict[str, Any]:
    """The venue's own message, which ccxt passes on."""
    try:
        found = json.loads(text)
    except json.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _feeds(how: How, venue: str) -> tuple[Feed, ...]:
    """What the venue's rulebook says of its feed; nothing where there is none."""
    try:
        return feeds_of(how.rules, venue)
    except RuleError:
        return ()


def _of_position(feeds: Sequence[Feed], time: int, own: Mapping[str, Any]) -> bool:
    """Whether buy and sell are of the position, as a stream may have it, not of the order.

    ccxt passes the word on as it came. The keys of Bybit's message tell which stream it is of
    (``S`` of all liquidations, ``side`` of the one before); without it the time does.
    """
    if all(feed.side != "position" for feed in feeds):
        return False
    if own.keys() & {"S", "side"}:
        return "S" in own
    return next((f.side for f in reversed(feeds) if f.start <= time), "") == "position"


def _left_out(own: Mapping[str, Any]) -> int:
    """Liquidations of a message of OKX's behind the first, which alone ccxt reads."""
    details = own.get("details")
    return max(0, len(details) - 1) if isinstance(details, list) else 0


def _size(
    events: Events, how: How, venue: str, name: str, row: Mapping[str, float], inverse: bool
) -> dict[str, float]:
    """A row's size as :meth:`Events.add` takes it.

    ccxt's streams leave the size of a contract empty, and the worth with it. Of inverse contracts
    it multiplies contracts of so many dollars by the price once more: its worth in quote is then
    none, unless the venue itself tells it (HTX).
    """
    price, contracts = row["price"], row["contracts"]
    face = next((x for x in (row["contractSize"], size_given(how, name) or 0.0) if x > 0), 0.0)
    counted = events.counts_contracts(venue, name)
    if inverse and contracts > 0 and face > 0:
        return {"usd": contracts * face}
    if not inverse or counted is False or not contracts > 0:
        amounts = row["quoteValue"], row["baseValue"] * price, contracts * face * price
        worth = next((x for x in amounts if x > 0), 0.0)
        if worth:
            return {"usd": worth}
    known = contracts > 0 and venue not in _COUNTED_OTHERWISE
    return {"contracts": contracts} if known else {}
