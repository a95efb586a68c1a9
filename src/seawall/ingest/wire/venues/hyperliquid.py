"""Hyperliquid: what the fills of the HLP vaults tell of liquidations.

There is no public channel of all liquidations, and public trades carry no mark of one. A fill of
a user does: ``liquidation`` names who was liquidated, how, and at which mark. The vaults of HLP
trade against many liquidations and take over what the book cannot, so their fills are a sample
of the former and all of the latter. A new subscription starts with the latest fills: what was
missed comes by itself.

What a fill means is read as in files of fills (:mod:`seawall.ingest.wire.hyperliquid_fill`).
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
    Missed,
    Raw,
    Request,
    Said,
    text_of,
)
from seawall.ingest.wire.context import Context
from seawall.ingest.wire.event import WireEvent
from seawall.ingest.wire.hyperliquid_fill import VAULTS, Fill, closings
from seawall.ingest.wire.rows import decoded

__all__ = ["VAULTS", "Hyperliquid"]

_PAGE = 2000


class _Fills(msgspec.Struct, gc=False):
    user: str
    fills: list[Fill]


class _Message(msgspec.Struct, gc=False):
    channel: str = ""
    data: msgspec.Raw = msgspec.Raw(b"null")


_ROWS = {"": Fill}
_message = msgspec.json.Decoder(_Message)
_fills = msgspec.json.Decoder(_Fills, strict=False)
_list = msgspec.json.Decoder(list[Fill], strict=False)
_text = msgspec.json.Decoder(str)


class Hyperliquid(Adapter):
    """The channel userFills of HLP's vaults."""

    venue = "hyperliquid"
    channel = "userFills"
    quoted = False
    tells_past = True

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
        found = decoded(_fills, message.data, ("fills",), _ROWS, context.tally)
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
        unread = context.tally.malformed
        fills = decoded(_list, raw, (), _ROWS, context.tally)
        told = len(fills) + context.tally.malformed - unread
        asked = msgspec.json.decode(request.body)
        events = _of_fills(fills, asked["user"], context)
        last = max((f.time for f in fills), default=0)
        if told < _PAGE or last <= asked["startTime"]:
            return Missed(events)
        return Missed(events, _question(asked["user"], last, asked["endTime"]))


def _of_fills(fills: list[Fill], user: str, context: Context) -> list[WireEvent]:
    events: list[WireEvent] = []
    for fill in fills:
        try:
            found = closings(fill, user)
            contract = context.contract(fill.coin) if found else None
            if contract is None:
                continue
            events += [
                context.closed(
                    contract,
                    fill.time,
                    closing.side,
                    fill.px,
                    base=fill.sz,
                    kind=closing.kind,
                    at_fill=closing.at_fill,
                    own=closing.own,
                    account=closing.account,
                )
                for closing in found
            ]
        except BAD_ROW:
            context.tally.malformed += 1
    return events


def _question(user: str, since_ms: int, until_ms: int) -> Request:
    body = {"type": "userFillsByTime", "user": user, "startTime": since_ms, "endTime": until_ms}
    return Request("https://api.hyperliquid.xyz/info", body=text_of(body))
