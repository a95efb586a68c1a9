"""Deribit: trades, those of them that liquidated somebody.

``direction`` is the taker's and ``liquidation`` says who was under liquidation: the taker (T),
the maker (M) or both (MT), which are two closings. Amounts are in USD for inverse contracts and
in coins for linear ones; the price is that of the fill.
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
from seawall.ingest.wire.context import LONG, SHORT, Context
from seawall.ingest.wire.event import WireEvent
from seawall.ingest.wire.rows import decoded

_CHANNEL = "trades.future.any.100ms"
_CLOSES = {"sell": LONG, "buy": SHORT}
_CURRENCIES = ("BTC", "ETH", "USDC", "USDT")
_HEARTBEAT = 10
_PAGE = 1000


class _Trade(msgspec.Struct, gc=False):
    trade_id: str
    instrument_name: str
    timestamp: int
    direction: str
    price: float
    amount: float
    liquidation: str = ""


class _Params(msgspec.Struct, gc=False):
    channel: str = ""
    type: str = ""
    data: list[_Trade] = []


class _Message(msgspec.Struct, gc=False):
    method: str = ""
    params: _Params | None = None


class _Error(msgspec.Struct, gc=False):
    code: int = 0
    message: str = ""


class _Answer(msgspec.Struct, gc=False):
    id: int | None = None
    method: str = ""
    result: object = None
    error: _Error | None = None
    params: _Params | None = None


class _Page(msgspec.Struct, gc=False):
    trades: list[_Trade]
    has_more: bool = False


class _PageAnswer(msgspec.Struct, gc=False):
    result: _Page


_ROWS = {"": _Trade}
_message = msgspec.json.Decoder(_Message, strict=False)
_answer = msgspec.json.Decoder(_Answer, strict=False)
_page = msgspec.json.Decoder(_PageAnswer, strict=False)


class Deribit(Adapter):
    """All trades of futures and perpetuals, gathered for 100 ms."""

    venue = "deribit"
    channel = _CHANNEL
    quoted = False
    refills = True

    def links(self, assets: Sequence[str] | None, instruments: Sequence[str]) -> list[Link]:
        """One connection; the venue asks for a sign of life every 10 s."""
        return [
            Link(
                self.venue,
                "wss://www.deribit.com/ws/api/v2",
                (
                    _call(1, "public/set_heartbeat", {"interval": _HEARTBEAT}),
                    _call(2, "public/subscribe", {"channels": [_CHANNEL]}),
                ),
                acks=2,
                ping_seconds=0.0,
                silence_seconds=35.0,
                quiet_seconds=3600.0,
            )
        ]

    def _events(self, raw: Raw, context: Context) -> list[WireEvent]:
        message = decoded(_message, raw, ("params", "data"), _ROWS, context.tally)
        if message.method != "subscription" or message.params is None:
            return []
        return _of_trades(message.params.data, context)

    def _control(self, raw: Raw) -> Control:
        answer = _answer.decode(raw)
        if answer.error is not None:
            return Control(Said.REFUSED, text=f"{answer.error.code} {answer.error.message}")
        if answer.method == "heartbeat":
            asked = answer.params is not None and answer.params.type == "test_request"
            return Control(Said.PING, reply=_call(9, "public/test", {})) if asked else OTHER
        if answer.id == 2 and answer.result != [_CHANNEL]:
            # an unknown channel is left out of the answer without an error
            return Control(Said.REFUSED, text=f"subscribed to {answer.result}")
        return Control(Said.ACK) if answer.id in (1, 2) else OTHER

    def missed(
        self, since_ms: int, until_ms: int, assets: Sequence[str] | None, seen: Sequence[str]
    ) -> list[Request]:
        """One question a settlement currency; trades come a thousand at a time."""
        url = "https://www.deribit.com/api/v2/public/get_last_trades_by_currency_and_time"
        return [
            Request(
                url,
                (
                    ("currency", currency),
                    ("kind", "future"),
                    ("end_timestamp", str(until_ms)),
                    ("count", str(_PAGE)),
                    ("sorting", "asc"),
                    ("start_timestamp", str(since_ms)),
                ),
            )
            for currency in _CURRENCIES
        ]

    def _missed(self, raw: Raw, request: Request, context: Context) -> Missed:
        page = decoded(_page, raw, ("result", "trades"), _ROWS, context.tally).result
        events = _of_trades(page.trades, context)
        if not page.has_more or not page.trades:
            return Missed(events)
        last = max(t.timestamp for t in page.trades)
        began = int(dict(request.params)["start_timestamp"])
        # trades of the last millisecond come again and are known by their identifiers; a whole
        # page within one millisecond must not be asked for for ever
        return Missed(
            events, request.with_params(start_timestamp=str(last if last > began else last + 1))
        )


def _of_trades(trades: list[_Trade], context: Context) -> list[WireEvent]:
    events: list[WireEvent] = []
    for trade in trades:
        if not trade.liquidation:
            continue
        contract = context.contract(trade.instrument_name)
        if contract is None:
            continue
        try:
            taker = _CLOSES[trade.direction]
            sides = {"T": (taker,), "M": (-taker,), "MT": (taker, -taker)}[trade.liquidation]
            for side in sides:
                own = f"{trade.trade_id} {'T' if side == taker else 'M'}"
                events.append(
                    context.closed(
                        contract,
                        trade.timestamp,
                        side,
                        trade.price,
                        contracts=trade.amount,
                        own=own,
                    )
                )
        except BAD_ROW:
            context.tally.malformed += 1
    return events


def _call(number: int, method: str, params: dict[str, object]) -> str:
    return text_of({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
