"""A row that cannot be read costs itself only: on the wire, over REST, in lists of contracts."""

from __future__ import annotations

import json
from typing import Any

import pytest

from seawall.ingest.wire.adapter import Request
from seawall.ingest.wire.context import Context, MalformedMessageError
from seawall.ingest.wire.venues import ADAPTERS
from seawall.rulebook import Rules

RULES = Rules.bundled()
MS = 1_790_000_000_123
SIZES = {"BTC_USDT": 0.0001, "BTC-USDT-SWAP": 0.01, "BTCUSD_PERP": 100.0}
VAULT = "0x2e3d94f0562703b25c83308a05046ddaf9a8dd14"
ODD = [7, None, [], "x", {}, "price", "text"]


def force_order() -> dict[str, Any]:
    order = {"s": "BTCUSDT", "S": "SELL", "q": "2", "p": "90000", "ap": "0", "z": "0", "T": MS}
    return {"e": "forceOrder", "E": MS + 1, "o": order}


GOOD: dict[str, dict[str, Any]] = {
    "binance_usdm": force_order(),
    "bybit": {"T": MS, "s": "BTCUSDT", "S": "Buy", "v": "2", "p": "90000"},
    "gate": {"contract": "BTC_USDT", "price": "90000", "size": "-124", "time": MS},
    "okx": {"posSide": "long", "side": "sell", "sz": "3", "bkPx": "90000", "ts": str(MS)},
    "deribit": {
        "trade_id": "77",
        "instrument_name": "BTC-PERPETUAL",
        "timestamp": MS,
        "direction": "sell",
        "price": 90_000.0,
        "amount": 900.0,
        "liquidation": "T",
    },
    "htx": {
        "contract_code": "BTC-USDT",
        "direction": "sell",
        "offset": "close",
        "price": 90_000.0,
        "created_at": MS,
        "amount": 0.5,
    },
    "hyperliquid": {
        "coin": "BTC",
        "px": "90000",
        "sz": "0.5",
        "side": "B",
        "time": MS,
        "tid": 77,
        "dir": "Open Long",
        "liquidation": {"liquidatedUser": "0x" + "5" * 40, "method": "market", "markPx": "90000"},
    },
}
PAST = {
    "deribit": GOOD["deribit"],
    "hyperliquid": GOOD["hyperliquid"],
    "okx": GOOD["okx"],
    "htx": {
        "contract_code": "BTC-USDT",
        "side": "sell",
        "bankrupt_price": 90_000.0,
        "amount": 0.5,
        "liquidation_time": MS,
    },
}
PRICES = {"bybit": "p", "okx": "bkPx", "hyperliquid": "px"}
TEXTS = {"bybit": "s", "okx": "side", "gate": "contract", "hyperliquid": "coin"}
TIMES = ("T", "ts", "time", "timestamp", "created_at", "liquidation_time")


def okx_orders(*orders: Any) -> dict[str, Any]:
    return {"arg": {"channel": "liquidation-orders"}, "data": list(orders), "code": "0"}


def of_lists(venue: str, rows: list[Any]) -> Any:
    """A message of a venue with such rows."""
    okx = okx_orders({"instId": "BTC-USDT-SWAP", "details": rows})
    return {
        "binance_usdm": rows,
        "bybit": {"topic": "allLiquidation.BTCUSDT", "data": rows},
        "deribit": {"method": "subscription", "params": {"channel": "x", "data": rows}},
        "gate": {"channel": "futures.public_liquidates", "event": "update", "result": rows},
        "htx": {"op": "notify", "topic": "public.*.liquidation_orders", "data": rows},
        "hyperliquid": {"channel": "userFills", "data": {"user": VAULT, "fills": rows}},
        "okx": okx,
    }[venue]


def of_the_past(venue: str, rows: list[Any]) -> Any:
    """A venue's answer over REST with such rows."""
    if venue == "deribit":
        return {"result": {"trades": rows, "has_more": False}}
    if venue == "hyperliquid":
        return rows
    return {"code": 200, "data": rows} if venue == "htx" else of_lists(venue, rows)


def context_of(venue: str) -> Context:
    context = ADAPTERS[venue].context(RULES)
    context.learn(SIZES.items())
    context.begin(MS * 1_000_000)
    return context


def spoiled(venue: str, good: dict[str, Any], odd: object) -> object:
    """A row that cannot be read."""
    if venue == "binance_usdm" and odd in ("price", "text", {}):
        order = good["o"] | {"price": {"p": "no number"}, "text": {"S": [1]}}.get(str(odd), {})
        return good | {"o": order if odd else {}}
    if odd == "price":
        name = PRICES.get(venue, "price")
        return good | {name if name in good else "bankrupt_price": "no number"}
    if odd == "text":
        return good | {next(n for n in (TEXTS.get(venue), "direction", "side") if n in good): [1]}
    return {"price": {}} if venue == "gate" and odd == {} else odd


def a_millisecond_later(venue: str, good: dict[str, Any]) -> dict[str, Any]:
    if venue == "binance_usdm":
        return good | {"o": a_millisecond_later("", good["o"])}
    later = {n: type(good[n])(int(good[n]) + 1) for n in TIMES if n in good}
    own: dict[str, Any] = {"deribit": {"trade_id": "78"}, "hyperliquid": {"tid": 78}}
    return good | later | own.get(venue, {})


@pytest.mark.parametrize("venue", sorted(GOOD))
@pytest.mark.parametrize("odd", ODD)
def test_on_the_wire(venue: str, odd: object) -> None:
    good, context = GOOD[venue], context_of(venue)
    bad = spoiled(venue, good, odd)
    raw = json.dumps(of_lists(venue, [good, bad, a_millisecond_later(venue, good)]))
    events = ADAPTERS[venue].parse(raw, context)
    assert [e.time - MS * 1_000_000 for e in events] == [0, 1_000_000]
    assert context.tally.malformed == 1
    with pytest.raises(MalformedMessageError):
        ADAPTERS[venue].parse(json.dumps(of_lists(venue, [bad])), context)
    assert context.tally.malformed == 1


@pytest.mark.parametrize("venue", sorted(PAST))
@pytest.mark.parametrize("odd", ODD)
def test_over_rest(venue: str, odd: object) -> None:
    good, context = PAST[venue], context_of(venue)
    bad = spoiled(venue, good, odd)
    body = json.dumps({"type": "x", "user": VAULT, "startTime": MS - 1, "endTime": MS + 9})
    request = Request("https://a.example", (("start_timestamp", "1"),), body)
    raw = json.dumps(of_the_past(venue, [good, bad, a_millisecond_later(venue, good)]))
    missed = ADAPTERS[venue].parse_missed(raw, request, context)
    assert [e.time - MS * 1_000_000 for e in missed.events] == [0, 1_000_000]
    assert missed.next is None
    assert context.tally.malformed == 1


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize("several", [False, True])
def test_binance_orders_come_bare_and_in_lists_and_under_their_stream(
    wrapped: bool, several: bool
) -> None:
    good, context = force_order(), context_of("binance_usdm")
    bad = good | {"o": good["o"] | {"q": "?"}}
    told: Any = [good, bad, a_millisecond_later("binance_usdm", good)] if several else good
    raw = json.dumps({"stream": "!forceOrder@arr", "data": told} if wrapped else told)
    for text in (raw, raw.encode()):
        events = ADAPTERS["binance_usdm"].parse(text, context)
        assert [e.price for e in events] == [90_000.0] * (2 if several else 1)
    assert context.tally.malformed == (2 if several else 0)


def test_a_bad_fill_on_a_full_page_does_not_end_the_asking() -> None:
    """A page is full by what the venue sent, not by what could be read of it."""
    fills = [GOOD["hyperliquid"] | {"tid": k, "time": MS + k} for k in range(2000)]
    fills[7] = {"coin": 7}
    asked = {"type": "userFillsByTime", "user": VAULT, "startTime": MS, "endTime": MS + 9000}
    request = Request("https://a.example", body=json.dumps(asked))
    context = context_of("hyperliquid")
    missed = ADAPTERS["hyperliquid"].parse_missed(json.dumps(fills), request, context)
    assert len(missed.events) == 1999
    assert missed.next is not None
    assert json.loads(missed.next.body)["startTime"] == MS + 1999


def test_an_order_that_cannot_be_read_costs_no_other_order() -> None:
    context = context_of("okx")
    good = {"instId": "BTC-USDT-SWAP", "details": [GOOD["okx"]]}
    raw = json.dumps(okx_orders({"instId": 7, "details": []}, good, {"instId": "BTC-USDT-SWAP"}))
    assert len(ADAPTERS["okx"].parse(raw, context)) == 1
    assert context.tally.malformed == 2


CONTRACTS: dict[str, tuple[dict[str, Any], Any]] = {
    "binance_coinm": (
        {"symbol": "BTCUSD_PERP", "contractSize": 100},
        lambda rows: {"symbols": rows},
    ),
    "bybit": ({"symbol": "BTCUSDT"}, lambda rows: {"result": {"list": rows}}),
    "gate": ({"name": "BTC_USDT", "quanto_multiplier": "0.0001"}, lambda rows: rows),
    "okx": ({"instId": "BTC-USDT-SWAP", "ctVal": "0.01"}, lambda rows: {"data": rows}),
}


@pytest.mark.parametrize("venue", sorted(CONTRACTS))
def test_in_a_list_of_contracts(venue: str) -> None:
    good, listed = CONTRACTS[venue]
    raw = json.dumps(listed([good, {"symbol": 7, "name": [], "instId": {}}, None]))
    found = ADAPTERS[venue].parse_listing(raw, Request("https://a.example"))
    assert [name for name, _ in found.sizes] == [next(iter(good.values()))]
    assert found.unread == 2
