"""OKX: liquidation orders, several in one message, counted in contracts.

``posSide`` names the position; in net mode it does not, and the order's side tells: a buy closes
a short. ``sz`` counts contracts of the instrument's face value, in coins (linear) or USD
(inverse). ``bkPx`` is the price at which the position passed to the venue's account.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from seawall.ingest.wire.adapter import (
    BAD_ROW,
    OTHER,
    Adapter,
    Control,
    Link,
    Listing,
    Missed,
    Raw,
    Request,
    Said,
    text_of,
)
from seawall.ingest.wire.context import LONG, SHORT, Context, Tally
from seawall.ingest.wire.event import WireEvent
from seawall.ingest.wire.rows import decoded

_CHANNEL = "liquidation-orders"
_TYPES = ("SWAP", "FUTURES")
_POSITION = {"long": LONG, "short": SHORT}
_CLOSES = {"sell": LONG, "buy": SHORT}
_DAY_MS = 86_400_000


class _Detail(msgspec.Struct, gc=False, rename="camel"):
    side: str
    pos_side: str
    bk_px: float
    sz: float
    ts: int


class _Order(msgspec.Struct, gc=False, rename="camel"):
    inst_id: str
    details: list[_Detail]


class _Argument(msgspec.Struct, gc=False):
    channel: str = ""


class _Message(msgspec.Struct, gc=False):
    arg: _Argument = msgspec.field(default_factory=_Argument)
    data: list[_Order] = []
    code: str = "0"
    msg: str = ""


class _Answer(msgspec.Struct, gc=False):
    event: str = ""
    code: str = ""
    msg: str = ""


class _Instrument(msgspec.Struct, gc=False, rename="camel"):
    inst_id: str
    ct_val: float | str = 0.0
    ct_mult: float | str = 1.0


class _Instruments(msgspec.Struct, gc=False):
    data: list[_Instrument]


_ROWS = {"": _Order, "details": _Detail}
_message = msgspec.json.Decoder(_Message, strict=False)
_answer = msgspec.json.Decoder(_Answer, strict=False)
_instruments = msgspec.json.Decoder(_Instruments, strict=False)


class Okx(Adapter):
    """The channel liquidation-orders of perpetual and dated contracts."""

    venue = "okx"
    channel = _CHANNEL
    sized = True

    def links(self, assets: Sequence[str] | None, instruments: Sequence[str]) -> list[Link]:
        """One connection; the venue answers each type of contract by itself."""
        args = [{"channel": _CHANNEL, "instType": kind} for kind in _TYPES]
        return [
            Link(
                self.venue,
                "wss://ws.okx.com:8443/ws/v5/public",
                (text_of({"op": "subscribe", "args": args}),),
                acks=len(_TYPES),
                ping=lambda _: "ping",
            )
        ]

    def _events(self, raw: Raw, context: Context) -> list[WireEvent]:
        if raw in ("pong", b"pong"):
            return []
        message = decoded(_message, raw, ("data",), _ROWS, context.tally)
        if message.arg.channel != _CHANNEL:
            return []
        return _of_orders(message.data, context)

    def _control(self, raw: Raw) -> Control:
        if raw in ("pong", b"pong"):
            return Control(Said.PONG)
        answer = _answer.decode(raw)
        if answer.event == "error":
            return Control(Said.REFUSED, text=f"{answer.code} {answer.msg}")
        if answer.event == "notice":
            return Control(Said.MOVE, text=answer.msg)
        return Control(Said.ACK) if answer.event == "subscribe" else OTHER

    def listing(self) -> list[Request]:
        """Face values of all contracts."""
        url = "https://www.okx.com/api/v5/public/instruments"
        return [Request(url, (("instType", kind),)) for kind in _TYPES]

    def _listing(self, raw: Raw, request: Request) -> Listing:
        unread = Tally()
        found = decoded(_instruments, raw, ("data",), {"": _Instrument}, unread).data
        sizes = ((i.inst_id, _number(i.ct_val) * (_number(i.ct_mult) or 1.0)) for i in found)
        known = tuple((name, size) for name, size in sizes if size > 0)
        return Listing(known, unread=unread.malformed)

    def missed(
        self, since_ms: int, until_ms: int, assets: Sequence[str] | None, seen: Sequence[str]
    ) -> list[Request]:
        """One question a contract family; the venue keeps about a day and gives one page."""
        families = {tuple(name.split("-")[:2]) for name in seen}
        families |= {(a.upper(), quote) for a in assets or () for quote in ("USDT", "USD")}
        if until_ms - since_ms <= 0:
            return []
        url = "https://www.okx.com/api/v5/public/liquidation-orders"
        return [
            Request(
                url,
                (
                    ("instType", "SWAP"),
                    ("uly", "-".join(family)),
                    ("state", "filled"),
                    ("limit", "100"),
                ),
            )
            for family in sorted(families)
        ]

    def _missed(self, raw: Raw, request: Request, context: Context) -> Missed:
        message = decoded(_message, raw, ("data",), _ROWS, context.tally)
        if message.code != "0":
            raise ValueError(f"the venue answers {message.code} {message.msg}")
        return Missed(_of_orders(message.data, context))


def _of_orders(orders: list[_Order], context: Context) -> list[WireEvent]:
    events: list[WireEvent] = []
    for order in orders:
        contract = context.contract(order.inst_id)
        if contract is None:
            continue
        for row in order.details:
            try:
                side = _side(row)
                made = context.closed(contract, row.ts, side, row.bk_px, contracts=row.sz)
            except BAD_ROW:
                context.tally.malformed += 1
            else:
                events.append(made)
    return events


def _side(row: _Detail) -> int:
    """Side of the position; a row that contradicts itself is refused."""
    closed = _CLOSES[row.side]
    if row.pos_side in ("net", ""):
        return closed
    if _POSITION[row.pos_side] != closed:
        raise ValueError("the order's side opens the position")
    return closed


def _number(value: float | str) -> float:
    return float(value) if value else 0.0
