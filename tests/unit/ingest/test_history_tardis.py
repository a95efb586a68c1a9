"""Tardis' amounts: coins, contracts or dollars as the venue's live feed counts them."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seawall.core import InputError
from seawall.ingest.history import read_history
from seawall.ingest.wire.venues import ADAPTERS
from seawall.rulebook import Rules

RULES = Rules.bundled()
HEAD = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n"
EXCHANGES = {
    "binance_usdm": "binance-futures",
    "binance_coinm": "binance-delivery",
    "bybit": "bybit",
    "deribit": "deribit",
    "okx": "okex-swap",
    "gate": "gate-io-futures",
}
NAMES = {
    "binance_usdm": ("{}USDT", "{}USDC", "{}USDT_260327"),
    "binance_coinm": ("{}USD_PERP", "{}USD_260327"),
    "bybit": ("{}USDT", "{}PERP", "{}USD", "{}-27MAR26", "{}USDT-27MAR26", "{}USDH26"),
    "deribit": ("{}-PERPETUAL", "{}-27MAR26", "{}_USDC-PERPETUAL", "{}_USDC-27MAR26"),
    "okx": ("{}-USDT-SWAP", "{}-USD-SWAP", "{}-USD-260327", "{}-USDT-260327", "{}-USDC-SWAP"),
    "gate": ("{}_USDT", "{}_USD"),
}


def _read(tmp_path, exchange, symbol, amount, price=30_000.0, **how):
    path = tmp_path / "x_liquidations.csv"
    path.write_text(
        HEAD + f"{exchange},{symbol},1700000000000000,1700000000100000,,sell,{price},{amount}\n"
    )
    return read_history(path, "tardis", **how)


@pytest.mark.parametrize(
    ("exchange", "symbol", "size", "notional"),
    [
        ("huobi-dm-linear-swap", "BTC-USDT", 0.001, 684 * 0.001 * 30_000),
        ("huobi-dm-swap", "BTC-USD", 100.0, 684 * 100.0),
        ("huobi-dm", "BTC_CW", 100.0, 684 * 100.0),
    ],
)
def test_contracts_of_htx_are_not_read_as_coins(tmp_path, exchange, symbol, size, notional):
    with pytest.raises(InputError, match=r"--contract-size") as refused:
        _read(tmp_path, exchange, symbol, 684)
    assert symbol in str(refused.value)
    sizes = {symbol.casefold(): size}
    tape = _read(tmp_path, exchange, symbol, 684, contract_sizes=sizes).tape
    assert tape.notional.tolist() == pytest.approx([notional])
    assert tape.quantity.tolist() == pytest.approx([notional / 30_000])


def test_what_a_store_was_told_sizes_a_contract(tmp_path):
    told = {"htx": {"BTC-USDT": 0.001}, "okx": {"ABC-USDT-SWAP": 7.0}}
    tape = _read(tmp_path, "huobi-dm-linear-swap", "BTC-USDT", 684, polled_sizes=told).tape
    assert tape.quantity.tolist() == pytest.approx([0.684])
    tape = _read(tmp_path, "okex-swap", "ABC-USDT-SWAP", 3, polled_sizes=told).tape
    assert tape.quantity.tolist() == pytest.approx([21.0])


def test_linear_contracts_of_bitmex_are_not_read_as_coins(tmp_path):
    with pytest.raises(InputError, match="--contract-size"):
        _read(tmp_path, "bitmex", "XBTUSDT", 1000)
    tape = _read(tmp_path, "bitmex", "XBTUSDT", 1000, contract_sizes={"xbtusdt": 1e-6}).tape
    assert tape.quantity.tolist() == pytest.approx([0.001])
    assert _read(tmp_path, "bitmex", "XBTUSD", 1000).tape.notional.tolist() == [1000.0]


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from([(v, n) for v, names in NAMES.items() for n in names]),
    st.sampled_from(["BTC", "ETH", "SOL", "DOGE"]),
    st.floats(1, 1000).map(lambda x: round(x, 3)),
    st.floats(0.1, 1e5).map(lambda x: round(x, 4)),
)
def test_an_import_is_of_the_size_that_the_live_feed_tells(tmp_path, named, asset, amount, price):
    """By every form of name that a venue has: what the decoder makes of the same amount."""
    venue, form = named
    name = form.format(asset)
    context = ADAPTERS[venue].context(RULES)
    contract = context.contract(name)
    found = _read(tmp_path, EXCHANGES[venue], name, amount, price)
    if contract is None:
        assert found.tape is None or not len(found.tape)
        assert found.notes
        return
    live = context.closed(contract, 1_700_000_000_000, 1, price, contracts=amount)
    tape = found.tape
    assert tape.venues[tape.venue[0]] == venue
    assert tape.quantity.tolist() == pytest.approx([live.quantity])
    assert tape.notional.tolist() == pytest.approx([live.notional])
    assert int(tape.event_id[0]) == live.event_id or venue in ("deribit", "gate")
