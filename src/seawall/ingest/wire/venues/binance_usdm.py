"""Binance futures: forced orders, at most one a symbol and second.

The side is that of the order: SELL closes a long. ``z`` is what has been filled of the order and
``ap`` its average price; of an order of which nothing was filled the whole quantity ``q`` at its
limit ``p`` is taken, not as a fill.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import msgspec

from seawall.ingest.wire.adapter import (
    BAD_ROW,
    OTHER,
    Adapter,
    Control,
    Link,
    Raw,
    Said,
    text_of,
)
from seawall.ingest.wire.context import LONG, SHORT, Context, Contract
from seawall.ingest.wire.event import WireEvent
from seawall.ingest.wire.rows import decoded

_CLOSES = {"SELL": LONG, "BUY": SHORT}
_RENEW = 82_800.0
"""23 hours: "a single connection is only valid for 24 hours" (USD-M and COIN-M futures API,
WebSocket market streams, connect)."""


class _Order(msgspec.Struct, gc=False):
    s: str
    S: str
    q: float
    p: float
    ap: float
    z: float
    T: int


class _Message(msgspec.Struct, gc=False):
    e: str = ""
    o: _Order | None = None
    data: _Message | list[_Message] | None = None


class _Code(msgspec.Struct, gc=False):
    msg: str = ""
    code: int = 0


class _Answer(msgspec.Struct, gc=False):
    id: int | str | None = None
    result: object = msgspec.UNSET
    error: _Code | None = None
    code: int | None = None
    msg: str = ""


_ROWS = {"": _Message}
_message = msgspec.json.Decoder(_Message, strict=False)
_several = msgspec.json.Decoder(list[_Message], strict=False)
_answer = msgspec.json.Decoder(_Answer, strict=False)


def _orders(raw: Raw, context: Context) -> Sequence[_Message]:
    """One order or a list of them, bare or under the name of their stream."""
    if raw[:1] in ("[", b"["):
        return decoded(_several, raw, (), _ROWS, context.tally)
    message = decoded(_message, raw, ("data",), _ROWS, context.tally)
    if isinstance(message.data, list):
        return message.data
    return (message.data or message,)


def _closed(order: _Order, contract: Contract, context: Context) -> WireEvent:
    filled = order.z > 0 and order.ap > 0
    return context.closed(
        contract,
        order.T,
        _CLOSES[order.S],
        order.ap if filled else order.p,
        contracts=order.z if filled else order.q,
        at_fill=filled,
    )


class BinanceUsdm(Adapter):
    """Forced orders of all symbols of USD-M futures."""

    venue = "binance_usdm"
    channel = "forceOrder"
    url = "wss://fstream.binance.com/market/ws"
    quiet: ClassVar[float] = 3600.0

    def links(self, assets: Sequence[str] | None, instruments: Sequence[str]) -> list[Link]:
        """One connection to the stream of all symbols: it holds no more than one of each."""
        frame = text_of({"method": "SUBSCRIBE", "params": ["!forceOrder@arr"], "id": 1})
        return [
            Link(self.venue, self.url, (frame,), ping_seconds=60.0, silence_seconds=180.0,
                 quiet_seconds=self.quiet, renew_seconds=_RENEW)
        ]  # fmt: skip

    def _events(self, raw: Raw, context: Context) -> list[WireEvent]:
        events: list[WireEvent] = []
        for message in _orders(raw, context):
            if message.o is None:
                if message.e == "forceOrder":
                    context.tally.malformed += 1
                continue
            contract = context.contract(message.o.s)
            if contract is None:
                continue
            try:
                events.append(_closed(message.o, contract, context))
            except BAD_ROW:
                context.tally.malformed += 1
        return events

    def _control(self, raw: Raw) -> Control:
        answer = _answer.decode(raw)
        if answer.error is not None or answer.code is not None:
            return Control(Said.REFUSED, text=answer.msg or str(answer.error))
        if answer.result is not msgspec.UNSET and answer.id is not None:
            return Control(Said.ACK)
        return OTHER
