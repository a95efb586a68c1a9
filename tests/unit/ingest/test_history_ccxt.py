"""Liquidations as ccxt gives them: whose side, which size, under which name."""

from __future__ import annotations

import json

import pytest

from made_files import write_file
from seawall.ingest.history import read_history
from seawall.ingest.wire.venues import ADAPTERS
from seawall.rulebook import Rules

_STREAMED = {
    # venue, symbol, contracts, price, side and info as ccxt 4.5 gives them: without any size
    "bybit": ("BTC/USDT:USDT", 0.5, "buy",
              {"T": 1739502302929, "s": "BTCUSDT", "S": "Buy", "v": "0.5", "p": "96000"}),
    "binance": ("BTC/USD:BTC", 10.0, "sell",
                {"s": "BTCUSD_PERP", "S": "SELL", "q": "10", "p": "95000", "ap": "96000",
                 "z": "10", "T": 1739502302929}),
    "okx": ("BTC/USDT:USDT", 10.0, "sell",
            {"instId": "BTC-USDT-SWAP", "details": [
                {"bkPx": "96000", "posSide": "long", "side": "sell", "sz": "10",
                 "ts": "1739502302929"}]}),
}  # fmt: skip


def _ccxt(symbol: str, amount: float | None, side: str, info: object, **more: object) -> str:
    event = {"info": info, "symbol": symbol, "contracts": amount, "contractSize": None,
             "price": 96000.0, "side": side, "baseValue": None, "quoteValue": None,
             "timestamp": 1739502302929, "datetime": "2025-02-14T03:05:02.929Z"}  # fmt: skip
    return json.dumps([event | more])


@pytest.mark.parametrize(
    ("venue", "usd", "message"),
    [
        ("bybit", 48_000.0, {"topic": "allLiquidation.BTCUSDT", "data": [_STREAMED["bybit"][3]]}),
        ("binance", 1_000.0, {"e": "forceOrder", "o": _STREAMED["binance"][3]}),
        ("okx", 9_600.0, {"arg": {"channel": "liquidation-orders"},
                          "data": [_STREAMED["okx"][3]]}),
    ],
)  # fmt: skip
def test_ccxt_streams_are_the_events_of_the_live_feed(tmp_path, venue, usd, message):
    """A long each; sizes are the rulebook's, and a recording knows it by the same identifier."""
    found = read_history(
        write_file(tmp_path, "liq.json", _ccxt(*_STREAMED[venue])), venue=venue
    ).tape
    assert found is not None
    assert found.notional.tolist() == pytest.approx([usd])
    assert found.side.tolist() == [1]
    rules = Rules.bundled()
    adapter = ADAPTERS[found.venues[0]]
    (live,) = adapter.parse(json.dumps(message), adapter.context(rules))
    assert found.event_id.tolist() == [live.event_id]
    assert found.instruments == (live.instrument,)


def test_ccxt_passes_on_whose_side_it_is(tmp_path):
    """Bybit's present stream says buy of a long; its earlier one and others name the order."""
    symbol, contracts, _, info = _STREAMED["bybit"]
    read = {}
    for name, side, own in (
        ("of all", "sell", {**info, "S": "Sell"}),
        ("of one a second", "sell", {"side": "Sell", "symbol": "BTCUSDT"}),
        ("unsaid", "sell", {}),
        ("in words", "short", info),
    ):
        path = write_file(tmp_path, "liq.json", _ccxt(symbol, contracts, side, own))
        found = read_history(path, venue="bybit")
        assert found.tape is not None
        read[name] = found.tape.side.tolist(), any("position's" in n for n in found.notes)
    # without a message its time tells: the stream of all is of 2025-02-20 and later
    assert read == {
        "of all": ([-1], True),
        "of one a second": ([1], False),
        "unsaid": ([1], False),
        "in words": ([-1], False),
    }
    later = _ccxt(symbol, contracts, "sell", {}, timestamp=1764000000000)
    found = read_history(write_file(tmp_path, "liq.json", later), venue="bybit").tape
    assert found is not None
    assert found.side.tolist() == [-1]


@pytest.mark.parametrize(
    ("venue", "info", "more", "usd"),
    [
        # Gate's contracts of a dollar: ccxt multiplies dollars by the price
        ("gate", {"contract": "BTC_USD", "size": -600, "left": 0},
         {"contracts": 600.0, "baseValue": 600.0, "quoteValue": 57_600_000.0}, 600.0),
        ("htx", {"contract_code": "BTC-USD", "symbol": "BTC", "volume": 10, "amount": 0.0104},
         {"contracts": 10.0, "baseValue": 0.0104, "quoteValue": 1000.0}, 1000.0),
        ("binance", {}, {"contracts": 10.0, "contractSize": 100.0, "baseValue": 1000.0,
                         "quoteValue": 96_000_000.0}, 1000.0),
    ],
)  # fmt: skip
def test_ccxt_inverse_contracts_are_worth_their_dollars(tmp_path, venue, info, more, usd):
    text = _ccxt("BTC/USD:BTC", None, "sell", info, **more)
    found = read_history(write_file(tmp_path, "liq.json", text), venue=venue).tape
    assert found is not None
    assert found.notional.tolist() == pytest.approx([usd])
    assert found.quantity.tolist() == pytest.approx([usd / 96_000])


def test_ccxt_tells_the_first_of_several(tmp_path):
    """OKX sends several in one message; what ccxt left out is counted."""
    symbol, contracts, side, info = _STREAMED["okx"]
    several = {**info, "details": info["details"] * 3}
    path = write_file(tmp_path, "liq.json", _ccxt(symbol, contracts, side, several))
    assert any("left out by ccxt, 2" in n for n in read_history(path, venue="okx").notes)


def test_a_table_with_orders_of_a_venue_that_names_positions_is_warned_of(tmp_path):
    """The words of Bybit's stream in a table of one's own would exchange longs and shorts."""
    said = {}
    for venue, side in (("bybit", "Buy"), ("bybit", "long"), ("okx", "buy")):
        row = f"2026-01-01T00:00:00Z,{venue},BTC-USDT-SWAP,{side},90000,10\n"
        path = write_file(tmp_path, "t.csv", "time,venue,instrument,side,price,contracts\n" + row)
        notes = read_history(path).notes
        said[venue, side] = any("longs and shorts are exchanged" in n for n in notes)
    assert said == {("bybit", "Buy"): True, ("bybit", "long"): False, ("okx", "buy"): False}


def test_ccxt_contracts_of_a_size_that_nobody_knows_are_left_out(tmp_path):
    """Nothing is guessed; a size that is given is taken."""
    text = _ccxt("ODD/USDT:USDT", 7.0, "sell", {"instId": "ODD-USDT-SWAP"})
    path = write_file(tmp_path, "liq.json", text)
    found = read_history(path, venue="okx")
    assert found.tape is not None
    assert len(found.tape) == 0
    assert any("for want of a size" in n for n in found.notes)
    sized = read_history(path, venue="okx", contract_sizes={"odd-usdt-swap": 10.0}).tape
    assert sized is not None
    assert sized.notional.tolist() == pytest.approx([7 * 10 * 96_000])
