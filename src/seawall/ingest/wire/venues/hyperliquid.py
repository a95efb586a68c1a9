"""Hyperliquid: what the fills of the HLP vaults tell of liquidations.

There is no public channel of all liquidations, and public trades carry no mark of one. A fill of
a user does: ``liquidation`` names who was liquidated, how, and at which mark. The vaults of HLP
trade against many liquidations and take over what the book cannot, so their fills are a sample
of the former and all of the latter. A new subscription starts with the latest fills: what was
missed comes by itself.

The side of a fill is the vault's; that of the closed position follows from who was liquidated.
A fill that is an auto-deleveraging, or whose liquidated user is a vault, closes the *other*
side's winner: it is no liquidation and is marked so.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from seawall.core.tape import Kind
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

VAULTS = (
    "0x010461c14e146ac35fe42271bdc1134ee31c703a",
    "0x2e3d94f0562703b25c83308a05046ddaf9a8dd14",
    "0x2ed5c4484ea3ff8b57d5f2fb152a40d9f2b68308",
    "0x31ca8395cf837de08b24da3f660e77761dfb974b",
    "0x469f690213c467c39a23efacfd2816896009d7d8",
    "0x5e177e5e39c0f4e421f5865a6d8beed8d921cb70",
    "0xb0a55f13d22f66e6d495ac98113841b2326e9540",
)
"""Child vaults of HLP, as of February 2026; the venue allows ten users a client."""

_CLOSES = {"A": LONG, "B": SHORT}
_DELEVERAGED = "Auto-Deleveraging"
_PAGE = 2000


class _Liquidation(msgspec.Struct, gc=False, rename="camel"):
    liquidated_user: str = ""
    method: str = ""


class _Fill(msgspec.Struct, gc=False):
    coin: str
    px: float
    sz: float
    side: str
    time: int
    tid: int
    dir: str = ""
    liquidation: _Liquidation | None = None


class _Fills(msgspec.Struct, gc=False):
    user: str
    fills: list[_Fill]


class _Message(msgspec.Struct, gc=False):
    channel: str = ""
    data: msgspec.Raw = msgspec.Raw(b"null")


_message = msgspec.json.Decoder(_Message)
_fills = msgspec.json.Decoder(_Fills, strict=False)
_list = msgspec.json.Decoder(list[_Fill], strict=False)
_text = msgspec.json.Decoder(str)


class Hyperliquid(Adapter):
    """The channel userFills of HLP's vaults."""

    venue = "hyperliquid"
    channel = "userFills"
    quoted = False

    def links(self, assets: Sequence[str] | None, instruments: Sequence[str]) -> list[Link]:
        """One connection with a subscription a vault."""
        frames = tuple(
            text_of({"method": "subscribe", "subscription": {"type": "userFills", "user": v}})
            for v in VAULTS
        )
        return [
            Link(
                self.venue,
                "wss://api.hyperliquid.xyz/ws",
                frames,
                acks=len(frames),
                ping=lambda _: '{"method":"ping"}',
            )
        ]

    def _events(self, raw: Raw, context: Context) -> list[WireEvent]:
        message = _message.decode(raw)
        if message.channel != "userFills":
            return []
        found = _fills.decode(message.data)
        return _of_fills(found.fills, found.user.lower(), context)

    def _control(self, raw: Raw) -> Control:
        message = _message.decode(raw)
        if message.channel == "pong":
            return Control(Said.PONG)
        if message.channel == "error":
            return Control(Said.REFUSED, text=_text.decode(message.data))
        return Control(Said.ACK) if message.channel == "subscriptionResponse" else OTHER

    def missed(
        self, since_ms: int, until_ms: int, assets: Sequence[str] | None, seen: Sequence[str]
    ) -> list[Request]:
        """One question a vault; fills come two thousand at a time."""
        return [_question(v, since_ms, until_ms) for v in VAULTS]

    def _missed(self, raw: Raw, request: Request, context: Context) -> Missed:
        fills = _list.decode(raw)
        asked = msgspec.json.decode(request.body)
        events = _of_fills(fills, asked["user"], context)
        last = max((f.time for f in fills), default=0)
        if len(fills) < _PAGE or last <= asked["startTime"]:
            return Missed(events)
        return Missed(events, _question(asked["user"], last, asked["endTime"]))


def _of_fills(fills: list[_Fill], user: str, context: Context) -> list[WireEvent]:
    events: list[WireEvent] = []
    for fill in fills:
        if fill.liquidation is None:
            continue
        contract = context.contract(fill.coin)
        if contract is None:
            continue
        try:
            kind, side, account = _meaning(fill, fill.liquidation, user)
            events.append(
                context.closed(
                    contract,
                    fill.time,
                    side,
                    fill.px,
                    base=fill.sz,
                    kind=kind,
                    at_fill=kind == Kind.LIQUIDATION,
                    own=f"{fill.coin} {fill.time} {fill.tid}",
                    account=account,
                )
            )
        except BAD_ROW:
            context.tally.malformed += 1
    return events


def _meaning(fill: _Fill, of: _Liquidation, user: str) -> tuple[Kind, int, str]:
    """Kind, side of the position closed, and whose it was (empty if not told)."""
    loser = of.liquidated_user.lower()
    own = _CLOSES[fill.side]
    if fill.dir == _DELEVERAGED or loser in VAULTS:
        winner = "" if user == loser else user
        return Kind.ADL, own if winner else -own, winner
    if of.method not in ("market", "backstop"):
        raise ValueError("an unknown method")
    kind = Kind.TAKEOVER if of.method == "backstop" else Kind.LIQUIDATION
    return kind, own if user == loser else -own, loser


def _question(user: str, since_ms: int, until_ms: int) -> Request:
    body = {"type": "userFillsByTime", "user": user, "startTime": since_ms, "endTime": until_ms}
    return Request("https://api.hyperliquid.xyz/info", body=text_of(body))
