"""Gate: public liquidation orders, gathered for a second since 2026-08-20.

``size`` counts contracts and is signed as orders are: negative sells, and closes a long. ``time``
has been in seconds and in milliseconds, ``result`` one object and a list; all are read. The price
is that of the order. REST tells the same events in whole seconds at another price, so that they
could not be told from those of the stream: what was missed is not asked for.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from seawall.ingest.wire.adapter import (
    BAD_ROW,
    COIN_QUIET,
    OTHER,
    Adapter,
    Control,
    Link,
    Listing,
    Raw,
    Request,
    Said,
    text_of,
)
from seawall.ingest.wire.context import LONG, SHORT, Context, Tally
from seawall.ingest.wire.event import WireEvent
from seawall.ingest.wire.rows import decoded

_CHANNEL = "futures.public_liquidates"
_SETTLED = ("usdt", "btc")
_SECONDS_BELOW = 100_000_000_000


class _Row(msgspec.Struct, gc=False):
    contract: str = ""
    price: float = 0.0
    size: float = 0.0
    time: int = 0
    time_ms: int = 0


class _Error(msgspec.Struct, gc=False):
    code: int = 0
    message: str = ""


class _Message(msgspec.Struct, gc=False):
    channel: str = ""
    event: str = ""
    result: list[_Row] | _Row | None = None
    error: _Error | None = None


class _Contract(msgspec.Struct, gc=False):
    name: str
    type: str = "direct"
    quanto_multiplier: float = 0.0


_ROWS = {"": _Row}
_message = msgspec.json.Decoder(_Message, strict=False)
_contracts = msgspec.json.Decoder(list[_Contract], strict=False)


class Gate(Adapter):
    """The channel futures.public_liquidates of contracts settled in USDT and in BTC."""

    venue = "gate"
    channel = _CHANNEL
    sized = True

    def links(self, assets: Sequence[str] | None, instruments: Sequence[str]) -> list[Link]:
        """One connection a settlement currency, each with all contracts."""
        frame = text_of({"time": 0, "channel": _CHANNEL, "event": "subscribe", "payload": ["!all"]})
        return [
            Link(
                f"gate {coin}",
                f"wss://fx-ws.gateio.ws/v4/ws/{coin}",
                (frame,),
                ping=lambda now: text_of({"time": now, "channel": "futures.ping"}),
                quiet_seconds=3600.0 if coin == "usdt" else COIN_QUIET,
                headers=(("X-Gate-Size-Decimal", "1"),),
            )
            for coin in _SETTLED
        ]

    def _events(self, raw: Raw, context: Context) -> list[WireEvent]:
        message = decoded(_message, raw, ("result",), _ROWS, context.tally)
        events: list[WireEvent] = []
        if message.channel != _CHANNEL or message.event != "update" or message.result is None:
            return events
        rows = message.result if isinstance(message.result, list) else (message.result,)
        for row in rows:
            contract = context.contract(row.contract)
            if contract is None:
                continue
            time = row.time_ms or row.time
            try:
                made = context.closed(
                    contract,
                    time * 1000 if 0 < time < _SECONDS_BELOW else time,
                    LONG if row.size < 0 else SHORT,
                    row.price,
                    contracts=abs(row.size),
                )
            except BAD_ROW:
                context.tally.malformed += 1
            else:
                events.append(made)
        return events

    def _control(self, raw: Raw) -> Control:
        message = _message.decode(raw)
        if message.error is not None:
            return Control(Said.REFUSED, text=f"{message.error.code} {message.error.message}")
        if message.channel == "futures.pong":
            return Control(Said.PONG)
        return Control(Said.ACK) if message.event == "subscribe" else OTHER

    def listing(self) -> list[Request]:
        """Multipliers of all contracts."""
        url = "https://api.gateio.ws/api/v4/futures/{}/contracts"
        return [Request(url.format(coin)) for coin in _SETTLED]

    def _listing(self, raw: Raw, request: Request) -> Listing:
        unread = Tally()
        found = decoded(_contracts, raw, (), {"": _Contract}, unread)
        sizes = ((c.name, 1.0 if c.type == "inverse" else c.quanto_multiplier) for c in found)
        known = tuple((name, size) for name, size in sizes if size > 0)
        return Listing(known, unread=unread.malformed)
