"""The traps: whose side, contracts or coins, which price, which clock, which copy."""

from __future__ import annotations

import json

import numpy as np
import pytest

from seawall.core import RuleError
from seawall.core.tape import Coverage, Kind
from seawall.ingest.event_ids import content_id, contents_of, own_id
from seawall.ingest.wire.context import Context
from seawall.ingest.wire.event import tape_of
from seawall.ingest.wire.venues import ADAPTERS, adapters_of, names_of
from seawall.ingest.wire.venues.hyperliquid import VAULTS
from seawall.rulebook import Rules

RULES = Rules.bundled()
MS = 1_790_000_000_123
LONG, SHORT = 1, -1


def binance(side: str = "SELL", **changed: object) -> dict:
    order = {"s": "BTCUSDT", "S": side, "q": "2", "p": "90000", "ap": "91000", "z": "2", "T": MS}
    return {"e": "forceOrder", "E": MS + 1, "o": order | changed}


def bybit(side: str = "Buy", symbol: str = "BTCUSDT", size: str = "2") -> dict:
    row = {"T": MS, "s": symbol, "S": side, "v": size, "p": "90000"}
    return {"topic": f"allLiquidation.{symbol}", "type": "snapshot", "ts": MS, "data": [row]}


def okx(*rows: dict, name: str = "BTC-USDT-SWAP") -> dict:
    order = {"instId": name, "details": list(rows)}
    return {"arg": {"channel": "liquidation-orders", "instType": "SWAP"}, "data": [order]}


def detail(position: str = "long", side: str = "sell", size: str = "3", at: int = MS) -> dict:
    return {"posSide": position, "side": side, "sz": size, "bkPx": "90000", "ts": str(at)}


def deribit(mark: str, direction: str = "sell", name: str = "BTC-PERPETUAL") -> dict:
    trade = {
        "trade_id": "77",
        "instrument_name": name,
        "timestamp": MS,
        "direction": direction,
        "price": 90_000.0,
        "amount": 900.0,
    }
    trade |= {"liquidation": mark} if mark else {}
    params = {"channel": "trades.future.any.100ms", "data": [trade]}
    return {"jsonrpc": "2.0", "method": "subscription", "params": params}


def gate(size: object, name: str = "BTC_USDT", at: int = MS) -> dict:
    row = {"contract": name, "price": "90000", "size": size, "time": at}
    return {"channel": "futures.public_liquidates", "event": "update", "result": [row]}


def htx(direction: str, offset: str = "close", name: str = "BTC-USDT") -> dict:
    row = {"contract_code": name, "direction": direction, "offset": offset, "price": 90_000.0}
    row |= {"amount": 0.5, "volume": 500, "created_at": MS}
    return {"op": "notify", "topic": f"public.{name}.liquidation_orders", "ts": MS, "data": [row]}


def hyperliquid(user: str, side: str, loser: str, method: str = "market", dir_: str = "") -> dict:
    fill = {"coin": "BTC", "px": "90000", "sz": "0.5", "side": side, "time": MS, "tid": 7}
    fill |= {"dir": dir_, "liquidation": {"liquidatedUser": loser, "method": method}}
    return {"channel": "userFills", "data": {"user": user, "fills": [fill]}}


def parsed(venue: str, message: dict, context: Context | None = None) -> list:
    adapter = ADAPTERS[venue]
    context = context or adapter.context(RULES)
    context.begin(MS * 1_000_000 + 250_000_000)
    return adapter.parse(json.dumps(message), context)


@pytest.mark.parametrize(
    ("venue", "message", "side"),
    [
        ("binance_usdm", binance("SELL"), LONG),
        ("binance_usdm", binance("BUY"), SHORT),
        ("binance_coinm", binance("SELL", s="BTCUSD_PERP"), LONG),
        ("bybit", bybit("Buy"), LONG),
        ("bybit", bybit("Sell"), SHORT),
        ("okx", okx(detail("long", "sell")), LONG),
        ("okx", okx(detail("short", "buy")), SHORT),
        ("okx", okx(detail("net", "buy")), SHORT),
        ("okx", okx(detail("net", "sell")), LONG),
        ("deribit", deribit("T", "sell"), LONG),
        ("deribit", deribit("T", "buy"), SHORT),
        ("deribit", deribit("M", "sell"), SHORT),
        ("deribit", deribit("M", "buy"), LONG),
        ("gate", gate(-3), LONG),
        ("gate", gate("3.5"), SHORT),
        ("htx", htx("sell"), LONG),
        ("htx", htx("buy", "both"), SHORT),
        ("hyperliquid", hyperliquid(VAULTS[0], "B", "0xabc"), LONG),
        ("hyperliquid", hyperliquid(VAULTS[0], "A", "0xabc"), SHORT),
        ("hyperliquid", hyperliquid("0xABC", "A", "0xabc"), LONG),
        ("hyperliquid", hyperliquid("0xabc", "B", "0xabc"), SHORT),
    ],
)
def test_the_side_is_that_of_the_position_not_of_the_order(
    venue: str, message: dict, side: int
) -> None:
    (event,) = parsed(venue, message)
    assert event.side == side


def test_an_order_that_would_open_the_position_is_counted_as_malformed() -> None:
    context = ADAPTERS["okx"].context(RULES)
    events = parsed("okx", okx(detail("long", "buy"), detail("long", "sell")), context)
    assert [e.side for e in events] == [LONG]
    assert context.tally.malformed == 1
    opening = ADAPTERS["htx"].context(RULES)
    assert parsed("htx", htx("buy", "open"), opening) == []
    assert opening.tally.malformed == 1


def test_contracts_are_turned_into_coins_by_face_value() -> None:
    (event,) = parsed("okx", okx(detail(size="3")))
    assert event.quantity == pytest.approx(0.03)
    assert event.notional == pytest.approx(2_700.0)
    (event,) = parsed("gate", gate(-7))
    assert event.quantity == pytest.approx(0.0007)
    (event,) = parsed("htx", htx("sell"))
    assert event.quantity == 0.5, "the volume of 500 counts contracts"
    (dated,) = parsed("okx", okx(detail(size="3"), name="BTC-USDT-261225"))
    assert dated.quantity == pytest.approx(0.03)
    assert dated.instrument == "BTC-USDT-261225"


def test_an_unknown_face_value_keeps_the_event_out_until_it_is_learnt() -> None:
    context = ADAPTERS["okx"].context(RULES)
    message = okx(detail(size="5"), name="CNPY-USDT-SWAP")
    assert parsed("okx", message, context) == []
    assert context.tally.unsized == 1
    context.learn([("CNPY-USDT-SWAP", 10.0)])
    (event,) = parsed("okx", message, context)
    assert event.quantity == 50.0
    assert context.tally.unsized == 1


@pytest.mark.parametrize(
    ("venue", "message", "face"),
    [
        ("binance_coinm", binance("SELL", s="BTCUSD_PERP", z="3"), 300.0),
        ("binance_coinm", binance("SELL", s="ADAUSD_PERP", z="3"), 30.0),
        ("bybit", bybit("Buy", "BTCUSD", "455"), 455.0),
        ("okx", okx(detail(size="3"), name="BTC-USD-SWAP"), 300.0),
        ("okx", okx(detail(size="3"), name="ETH-USD-SWAP"), 30.0),
        ("deribit", deribit("T"), 900.0),
        ("gate", gate(-12, "BTC_USD"), 12.0),
    ],
)
def test_inverse_contracts_count_dollars(venue: str, message: dict, face: float) -> None:
    (event,) = parsed(venue, message)
    assert event.notional == pytest.approx(face, rel=1e-12)
    assert event.quantity == pytest.approx(face / event.price, rel=1e-12)


def test_linear_contracts_of_a_venue_with_both_count_coins() -> None:
    (event,) = parsed("deribit", deribit("T", name="SOL_USDC-PERPETUAL"))
    assert (event.quantity, event.asset) == (900.0, "SOL")
    (event,) = parsed("bybit", bybit("Buy", "1000PEPEUSDT"))
    assert (event.quantity, event.asset, event.instrument) == (2.0, "PEPE", "1000PEPEUSDT")


def test_a_price_says_whether_it_is_a_fill() -> None:
    assert parsed("binance_usdm", binance())[0].at_fill
    assert parsed("deribit", deribit("T"))[0].at_fill
    for venue, message in (
        ("bybit", bybit()),
        ("okx", okx(detail())),
        ("gate", gate(-1)),
        ("htx", htx("sell")),
    ):
        assert not parsed(venue, message)[0].at_fill, venue


def test_of_an_order_without_fills_the_limit_stands_in() -> None:
    (event,) = parsed("binance_usdm", binance(z="0", ap="0"))
    assert (event.price, event.quantity, event.at_fill) == (90_000.0, 2.0, False)
    (event,) = parsed("binance_usdm", binance(z="0.5"))
    assert (event.price, event.quantity, event.at_fill) == (91_000.0, 0.5, True)


def test_both_sides_under_liquidation_are_two_closings_of_one_trade() -> None:
    taker, maker = parsed("deribit", deribit("MT", "sell"))
    assert (taker.side, maker.side) == (LONG, SHORT)
    assert taker.event_id != maker.event_id
    assert parsed("deribit", deribit("")) == []


def test_a_takeover_is_no_fill_and_a_deleveraging_no_liquidation() -> None:
    (event,) = parsed("hyperliquid", hyperliquid(VAULTS[1], "B", "0xabc", "backstop"))
    assert (event.kind, event.side, event.at_fill) == (Kind.TAKEOVER, LONG, False)
    winner = hyperliquid("0xdef", "B", VAULTS[1], "backstop", "Auto-Deleveraging")
    (event,) = parsed("hyperliquid", winner)
    assert (event.kind, event.side) == (Kind.ADL, SHORT)
    (own,) = parsed("hyperliquid", hyperliquid(VAULTS[1], "A", VAULTS[1], "backstop"))
    assert (own.kind, own.side, own.account) == (Kind.ADL, SHORT, 0)
    assert own.event_id == event.event_id, "two users' fills of one trade are one event"


def test_an_account_is_a_hash_of_its_address_in_any_case() -> None:
    (one,) = parsed("hyperliquid", hyperliquid(VAULTS[0], "B", "0xABC"))
    (two,) = parsed("hyperliquid", hyperliquid(VAULTS[2], "B", "0xabc"))
    assert one.account == two.account > 0
    assert parsed("bybit", bybit())[0].account == 0


def test_time_is_the_venues_and_receipt_is_ours_even_where_they_disagree() -> None:
    context = ADAPTERS["binance_usdm"].context(RULES)
    for received in (MS * 1_000_000 - 5_000_000_000, MS * 1_000_000 + 9_000_000_000):
        context.begin(received)
        (event,) = ADAPTERS["binance_usdm"].parse(json.dumps(binance()), context)
        assert event.time == MS * 1_000_000
        assert event.received == received
    assert parsed("gate", gate(-1, at=MS // 1000))[0].time == MS // 1000 * 1_000_000_000


@pytest.mark.parametrize("at", [0, -5, 1_790_000_000, MS * 1000, 10**30])
def test_a_time_that_is_none_in_milliseconds_is_malformed(at: int) -> None:
    context = ADAPTERS["okx"].context(RULES)
    assert parsed("okx", okx(detail(at=at)), context) == []
    assert context.tally.malformed == 1


def test_copies_after_a_reconnect_have_one_identifier_and_twins_have_two() -> None:
    twins = bybit()
    twins["data"] *= 2
    first = parsed("bybit", twins)
    again = parsed("bybit", twins)
    assert [e.event_id for e in first] == [e.event_id for e in again]
    assert len({e.event_id for e in first}) == 2
    tape = tape_of([*first, *again])
    assert len(tape.once()) == 2


def test_identifiers_do_not_hang_on_how_a_quantity_was_worked_out() -> None:
    same = contents_of("okx", "X", MS, 1, 90_000.0, 13 * 0.01)
    assert content_id(same) == content_id(contents_of("okx", "X", MS, 1, 9e4, 0.13))
    others = [
        contents_of("okx", "X", MS, -1, 9e4, 0.13),
        contents_of("okx", "X", MS + 1, 1, 9e4, 0.13),
        contents_of("okx", "Y", MS, 1, 9e4, 0.13),
        contents_of("gate", "X", MS, 1, 9e4, 0.13),
        contents_of("okx", "X", MS, 1, 9.1e4, 0.13),
        contents_of("okx", "X", MS, 1, 9e4, 0.14),
    ]
    ids = {content_id(same), content_id(same, 1), *(content_id(c) for c in others)}
    assert len(ids) == 8
    assert own_id("deribit", "77 T") not in ids


def test_only_assets_asked_for_are_kept_and_the_others_counted() -> None:
    context = ADAPTERS["bybit"].context(RULES, ["btc", "PEPE"])
    for symbol in ("BTCUSDT", "ETHUSDT", "1000PEPEUSDT", "BTCUSD"):
        parsed("bybit", bybit(symbol=symbol), context)
    assert context.tally.unasked == 1
    assert parsed("bybit", bybit(symbol="ETHUSDT"), context) == []
    assert context.tally.unasked == 2


@pytest.mark.parametrize("name", ["ETHBTC", "???", "", "BTC/EUR:EUR"])
def test_what_is_not_quoted_in_dollars_is_counted_apart(name: str) -> None:
    context = ADAPTERS["binance_usdm"].context(RULES)
    assert parsed("binance_usdm", binance(s=name), context) == []
    assert (context.tally.foreign, context.tally.malformed) == (1, 0)


def test_coverage_is_the_rule_in_force_at_the_time_of_the_event() -> None:
    before, after = 1_780_000_000_000, 1_790_000_000_000
    assert parsed("gate", gate(-1, at=before))[0].coverage == Coverage.ONE_A_SLOT
    assert parsed("gate", gate(-1, at=after))[0].coverage == Coverage.ALL
    assert parsed("binance_usdm", binance())[0].coverage == Coverage.ONE_A_SLOT
    assert parsed("bybit", bybit())[0].coverage == Coverage.ALL
    assert parsed("hyperliquid", hyperliquid(VAULTS[0], "B", "0x1"))[0].coverage == Coverage.SAMPLE


def test_a_feed_that_no_rulebook_describes_is_refused(tmp_path) -> None:
    folder = tmp_path / "bybit"
    folder.mkdir()
    text = '[venue]\ntitle = "B"\ncontract_types = ["linear"]\nexamples = ["A"]\nsource = "x"\n'
    (folder / "venue.toml").write_text(text)
    with pytest.raises(RuleError, match="no feed of this channel"):
        ADAPTERS["bybit"].context(Rules.from_folders(tmp_path))


def test_events_become_columns_in_their_order() -> None:
    events = [*parsed("bybit", bybit()), *parsed("okx", okx(detail(), detail("short", "buy")))]
    tape = tape_of(events)
    assert tape.venues == ("bybit", "okx")
    for k, event in enumerate(events):
        for name in ("time", "received", "side", "quantity", "price", "notional", "kind"):
            assert getattr(tape, name)[k] == getattr(event, name)
        assert int(tape.event_id[k]) == event.event_id
        assert tape.instruments[tape.instrument[k]] == event.instrument
        assert tape.assets[tape.asset[k]] == event.asset
        assert tape.sources[tape.source[k]] == event.source
    assert tape.event_id.dtype == np.uint64
    assert len(tape_of([])) == 0


def test_a_venue_is_found_by_its_name_or_alias() -> None:
    assert names_of("Binance", RULES) == ("binance_usdm", "binance_coinm")
    assert names_of("OKX", RULES) == ("okx",)
    assert names_of("gate.io", RULES) == ("gate",)
    assert names_of("huobi", RULES) == ("htx",)
    assert [a.venue for a in adapters_of(["okx", "binance", "okx"], RULES)] == [
        "okx",
        "binance_usdm",
        "binance_coinm",
    ]
    assert len(adapters_of([], RULES)) == len(ADAPTERS)
    with pytest.raises(Exception, match="no live feed"):
        names_of("dydx", RULES)
    with pytest.raises(RuleError, match="unknown venue"):
        names_of("nowhere", RULES)
