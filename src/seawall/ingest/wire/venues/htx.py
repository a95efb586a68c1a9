"""HTX: liquidation orders of all contracts; every frame is compressed.

``direction`` is the order's: a buy that closes, closes a short. ``amount`` is in coins already
(``volume`` counts contracts). The price is the one REST calls the bankruptcy price.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import msgspec

from seawall.ingest.wire.adapter import (
    BAD_ROW,
    OTHER,
    Adapter,
    Control,
    Link,
    Missed,
    Raw,
    Request,
    Said,
    text_of,
)
from seawall.ingest.wire.context import LONG, SHORT, Context
from seawall.ingest.wire.event import WireEvent
from seawall.ingest.wire.rows import decoded

_CLOSES = {"sell": LONG, "buy": SHORT}
_TOPIC = ".liquidation_orders"
_ENDPOINTS = (("linear", "linear-swap-notification"), ("inverse", "swap-notification"))
_MOST_BYTES = 8 * 1024 * 1024
_REPEATED = 2014
_TWO_HOURS_MS = 7_200_000


class _Row(msgspec.Struct, gc=False):
    contract_code: str
    direction: str
    price: float
    amount: float
    created_at: int
    offset: str = "close"


class _Message(msgspec.Struct, gc=False):
    op: str = ""
    topic: str = ""
    data: list[_Row] = []


class _Answer(msgspec.Struct, gc=False):
    op: str = ""
    ts: int | str = 0
    ping: int | None = None
    code: int = msgspec.field(default=0, name="err-code")
    message: str = msgspec.field(default="", name="err-msg")


class _Past(msgspec.Struct, gc=False):
    contract_code: str
    side: str
    bankrupt_price: float
    amount: float
    liquidation_time: int


class _PastAnswer(msgspec.Struct, gc=False):
    code: int
    data: list[_Past] = []
    message: str = ""


_ROWS = {"": _Row}
_message = msgspec.json.Decoder(_Message, strict=False)
_answer = msgspec.json.Decoder(_Answer, strict=False)
_past = msgspec.json.Decoder(_PastAnswer, strict=False)


class Htx(Adapter):
    """The topic public.*.liquidation_orders of linear and of inverse contracts."""

    venue = "htx"
    channel = "liquidation_orders"

    def links(self, assets: Sequence[str] | None, instruments: Sequence[str]) -> list[Link]:
        """One connection a kind of contract; the venue pings, every 5 s or so."""
        frame = text_of({"op": "sub", "cid": "tape", "topic": f"public.*{_TOPIC}"})
        return [
            Link(
                f"htx {kind}",
                f"wss://api.hbdm.com/{path}",
                (frame,),
                ping_seconds=0.0,
                silence_seconds=40.0,
                quiet_seconds=21_600.0,
            )
            for kind, path in _ENDPOINTS
        ]

    def _events(self, raw: Raw, context: Context) -> list[WireEvent]:
        message = decoded(_message, _plain(raw), ("data",), _ROWS, context.tally)
        events: list[WireEvent] = []
        if message.op != "notify" or not message.topic.endswith(_TOPIC):
            return events
        for row in message.data:
            contract = context.contract(row.contract_code)
            if contract is None:
                continue
            try:
                if row.offset not in ("close", "both", ""):
                    raise ValueError("an order that opens")
                side = _CLOSES[row.direction]
                made = context.closed(contract, row.created_at, side, row.price, base=row.amount)
            except BAD_ROW:
                context.tally.malformed += 1
            else:
                events.append(made)
        return events

    def _control(self, raw: Raw) -> Control:
        answer = _answer.decode(_plain(raw))
        if answer.ping is not None:
            return Control(Said.PING, reply=text_of({"pong": answer.ping}))
        if answer.op == "ping":
            return Control(Said.PING, reply=text_of({"op": "pong", "ts": answer.ts}))
        if answer.code not in (0, _REPEATED) or answer.op == "error":
            return Control(Said.REFUSED, text=f"{answer.code} {answer.message}")
        if answer.op == "close":
            return Control(Said.MOVE, text=answer.message)
        return Control(Said.ACK) if answer.op == "sub" else OTHER

    def missed(
        self, since_ms: int, until_ms: int, assets: Sequence[str] | None, seen: Sequence[str]
    ) -> list[Request]:
        """One question a linear contract and two hours, the most the venue takes at once."""
        codes = {name for name in seen if name.endswith("-USDT")}
        codes |= {f"{a.upper()}-USDT" for a in assets or ()}
        url = "https://api.hbdm.com/v5/market/liquidation_orders"
        return [
            Request(
                url,
                (
                    ("contract_code", code),
                    ("start_time", str(start)),
                    ("end_time", str(min(start + _TWO_HOURS_MS, until_ms))),
                ),
            )
            for code in sorted(codes)
            for start in range(since_ms, until_ms, _TWO_HOURS_MS)
        ]

    def _missed(self, raw: Raw, request: Request, context: Context) -> Missed:
        answer = decoded(_past, raw, ("data",), {"": _Past}, context.tally)
        if answer.code != 200:
            raise ValueError(f"the venue answers {answer.code} {answer.message}")
        events: list[WireEvent] = []
        for row in answer.data:
            contract = context.contract(row.contract_code)
            if contract is None:
                continue
            try:
                side, time = _CLOSES[row.side], row.liquidation_time
                made = context.closed(contract, time, side, row.bankrupt_price, base=row.amount)
            except BAD_ROW:
                context.tally.malformed += 1
            else:
                events.append(made)
        return Missed(events)


def _plain(raw: Raw) -> Raw:
    """A frame unpacked, up to a bound: a small frame must not fill the memory."""
    if not isinstance(raw, bytes) or raw[:2] != b"\x1f\x8b":
        return raw
    unpacker = zlib.decompressobj(wbits=31)
    try:
        text = unpacker.decompress(raw, _MOST_BYTES)
    except zlib.error as error:
        raise ValueError(f"no gzip: {error}") from None
    if not unpacker.eof:
        raise ValueError("a compressed frame that is cut off or too large")
    return text
