"""Bybit: every liquidation, gathered for half a second.

The side is that of the position: Buy says that a long was liquidated. The price is the bankruptcy
price, at which the position passed to the venue's engine, not that of a fill. Sizes of inverse
contracts are in USD.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from seawall.core import RuleError
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
from seawall.rulebook import parse_symbol

_POSITION = {"Buy": LONG, "Sell": SHORT}
_TOPIC = "allLiquidation."
_TOPICS_A_FRAME = 50


class _Row(msgspec.Struct, gc=False):
    T: int
    s: str
    S: str
    v: float
    p: float


class _Message(msgspec.Struct, gc=False):
    topic: str = ""
    data: list[_Row] = []


class _Answer(msgspec.Struct, gc=False):
    op: str = ""
    success: bool = True
    ret_msg: str = ""


class _Asked(msgspec.Struct, gc=False):
    op: str
    args: list[str]


class _Instrument(msgspec.Struct, gc=False):
    symbol: str


class _Page(msgspec.Struct, gc=False, rename="camel"):
    rows: list[_Instrument] = msgspec.field(name="list")
    next_page_cursor: str = ""


class _Listed(msgspec.Struct, gc=False):
    result: _Page


_ROWS = {"": _Row}
_message = msgspec.json.Decoder(_Message, strict=False)
_answer = msgspec.json.Decoder(_Answer, strict=False)
_asked = msgspec.json.Decoder(_Asked)
_listed = msgspec.json.Decoder(_Listed, strict=False)


class Bybit(Adapter):
    """The stream allLiquidation, a topic a symbol: there is none of all symbols."""

    venue = "bybit"
    channel = "allLiquidation"
    quoted = False
    listed = True

    def links(self, assets: Sequence[str] | None, instruments: Sequence[str]) -> list[Link]:
        """One connection for linear contracts and one for inverse ones, where there are any.

        The venue refuses a frame whole for one topic that it does not know: it is then halved.
        Without the venue's list each topic goes in a frame of its own.
        """
        sure = bool(instruments)
        names = _of_assets(instruments, assets) if sure else _guessed(assets or ())
        links = []
        for kind in ("linear", "inverse"):
            own = [n for n in names if _inverse(n) == (kind == "inverse")]
            if own:
                links.append(_link(kind, own, _TOPICS_A_FRAME if sure else 1))
        return links

    def _events(self, raw: Raw, context: Context) -> list[WireEvent]:
        message = decoded(_message, raw, ("data",), _ROWS, context.tally)
        events: list[WireEvent] = []
        if not message.topic.startswith(_TOPIC):
            return events
        for row in message.data:
            contract = context.contract(row.s)
            if contract is None:
                continue
            try:
                side = _POSITION[row.S]
                events.append(context.closed(contract, row.T, side, row.p, contracts=row.v))
            except BAD_ROW:
                context.tally.malformed += 1
        return events

    def _control(self, raw: Raw) -> Control:
        answer = _answer.decode(raw)
        if answer.ret_msg == "pong" or answer.op == "pong":
            return Control(Said.PONG)
        if not answer.success:
            return Control(Said.REFUSED, text=answer.ret_msg)
        return Control(Said.ACK) if answer.op == "subscribe" else OTHER

    def listing(self) -> list[Request]:
        """Names of all contracts, linear and inverse."""
        url = "https://api.bybit.com/v5/market/instruments-info"
        return [
            Request(url, (("category", kind), ("status", "Trading"), ("limit", "1000")))
            for kind in ("linear", "inverse")
        ]

    def _listing(self, raw: Raw, request: Request) -> Listing:
        unread = Tally()
        rows = {"": _Instrument}
        page = decoded(_listed, raw, ("result", "list"), rows, unread).result
        more = request.with_params(cursor=page.next_page_cursor) if page.next_page_cursor else None
        return Listing(tuple((i.symbol, 1.0) for i in page.rows), more, unread.malformed)


def _link(kind: str, names: list[str], a_frame: int) -> Link:
    topics = [_TOPIC + n for n in names]
    frames = tuple(
        text_of({"op": "subscribe", "args": topics[k : k + a_frame]})
        for k in range(0, len(topics), a_frame)
    )
    return Link(
        f"bybit {kind}",
        f"wss://stream.bybit.com/v5/public/{kind}",
        frames,
        acks=len(frames),
        ping=lambda _: '{"op":"ping"}',
        quiet_seconds=COIN_QUIET if kind == "inverse" else 3600.0,
        parted=_halves,
    )


def _halves(frame: str) -> tuple[str, ...]:
    """The topics of a frame in two; nothing of a single one."""
    said = _asked.decode(frame)
    middle = len(said.args) // 2
    parts = (said.args[:middle], said.args[middle:])
    return tuple(text_of({"op": said.op, "args": p}) for p in parts) if middle else ()


def _inverse(name: str) -> bool:
    return parse_symbol(name).quote == "USD"


def _of_assets(instruments: Sequence[str], assets: Sequence[str] | None) -> list[str]:
    wanted = None if assets is None else {a.upper() for a in assets}
    names = []
    for name in instruments:
        try:
            asset = parse_symbol(name).asset
        except RuleError:
            continue
        if wanted is None or asset in wanted:
            names.append(name)
    return names


def _guessed(assets: Sequence[str]) -> list[str]:
    return [a.upper() + end for a in assets for end in ("USDT", "USD")]
