"""Names of instruments, in every form a book may bring."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seawall.core import ContractType, RuleError
from seawall.rulebook import Rules, parse_symbol

RULES = Rules.bundled()

FORMS = [
    ("BTCUSDT", "BTC", 1, "USDT", False, ""),
    ("btcusdt", "BTC", 1, "USDT", False, ""),
    ("1000PEPEUSDT", "PEPE", 1000, "USDT", False, ""),
    ("1000000MOGUSDT", "MOG", 1e6, "USDT", False, ""),
    ("1MBABYDOGEUSDT", "BABYDOGE", 1e6, "USDT", False, ""),
    ("SHIB1000USDT", "SHIB", 1000, "USDT", False, ""),
    ("1INCHUSDT", "1INCH", 1, "USDT", False, ""),
    ("1000XUSDT", "1000X", 1, "USDT", False, ""),
    ("BNBUSD", "BNB", 1, "USD", None, ""),
    ("DOTUSD", "DOT", 1, "USD", None, ""),
    ("BTCUSD_PERP", "BTC", 1, "USD", None, ""),
    ("BTCUSD_260925", "BTC", 1, "USD", None, "260925"),
    ("BTCUSDT_260925", "BTC", 1, "USDT", False, "260925"),
    ("BTCUSDT-26DEC25", "BTC", 1, "USDT", False, "26DEC25"),
    ("BTCUSDZ25", "BTC", 1, "USD", True, "Z25"),
    ("BTCPERP", "BTC", 1, "USDC", False, ""),
    ("BTC-USDT-SWAP", "BTC", 1, "USDT", False, ""),
    ("BTC-USD-SWAP", "BTC", 1, "USD", None, ""),
    ("BTC-USD-210430", "BTC", 1, "USD", None, "210430"),
    ("BTC-USD_UM-SWAP", "BTC", 1, "USD_UM", False, ""),
    ("BTC/USDT:USDT", "BTC", 1, "USDT", False, ""),
    ("BTC/USDT:USDT-260925", "BTC", 1, "USDT", False, "260925"),
    ("BTC/USD:BTC", "BTC", 1, "USD", True, ""),
    ("BTC/USD:BTC-260925", "BTC", 1, "USD", True, "260925"),
    ("BTC", "BTC", 1, None, None, ""),
    ("BTC-PERP", "BTC", 1, None, None, ""),
    ("BTC-PERPETUAL", "BTC", 1, None, None, ""),
    ("SOL_USDC-PERPETUAL", "SOL", 1, "USDC", False, ""),
    ("BTC-28JUL23", "BTC", 1, None, None, "28JUL23"),
    ("BTC_USDC-28MAR25", "BTC", 1, "USDC", False, "28MAR25"),
    ("kPEPE", "PEPE", 1000, None, None, ""),
    ("KAS", "KAS", 1, None, None, ""),
]


@pytest.mark.parametrize(("text", "asset", "multiplier", "quote", "inverse", "expiry"), FORMS)
def test_every_form_is_read(text, asset, multiplier, quote, inverse, expiry):
    found = parse_symbol(text)
    assert (found.asset, found.multiplier, found.quote) == (asset, multiplier, quote)
    assert (found.inverse, found.expiry) == (inverse, expiry)


@pytest.mark.parametrize(
    ("text", "dex", "asset"),
    [
        ("flx:CRCL", "flx", "CRCL"),
        ("xyz:GOOGL", "xyz", "GOOGL"),
        ("XYZ-GOOGL", "xyz", "GOOGL"),
        ("XYZ-TSLA/USDC:USDC", "xyz", "TSLA"),
    ],
)
def test_builder_markets_keep_their_dex(text, dex, asset):
    found = parse_symbol(text)
    assert (found.dex, found.asset) == (dex, asset)
    assert RULES.instrument("hyperliquid", text).symbol == f"{dex}:{asset}"


@pytest.mark.parametrize(
    ("venue", "text", "name", "kind", "size"),
    [
        ("binance_usdm", "BTC/USDT:USDT", "BTCUSDT", "linear", 1),
        ("binance_usdm", "kPEPE", "1000PEPEUSDT", "linear", 1),
        ("binance_usdm", "BTC/USDT:USDT-260925", "BTCUSDT_260925", "linear", 1),
        ("binance_coinm", "BTC/USD:BTC", "BTCUSD_PERP", "inverse", 100),
        ("binance_coinm", "ETHUSD_260925", "ETHUSD_260925", "inverse", 10),
        ("binance_coinm", "BTCUSD_260925", "BTCUSD_260925", "inverse", 100),
        ("bybit", "BTCUSD", "BTCUSD", "inverse", 1),
        ("bybit", "BTC", "BTCUSDT", "linear", 1),
        ("bybit", "SHIB1000USDT", "SHIB1000USDT", "linear", 1),
        ("okx", "BTC/USDT:USDT", "BTC-USDT-SWAP", "linear", 0.01),
        ("okx", "BTC-USD-210430", "BTC-USD-210430", "inverse", 100),
        ("okx", "ETH-USD-210430", "ETH-USD-210430", "inverse", 10),
        ("hyperliquid", "1000PEPE/USDC:USDC", "kPEPE", "linear", 1),
        ("hyperliquid", "BTC-USD", "BTC", "linear", 1),
        ("htx", "BTC/USDT:USDT", "BTC-USDT", "linear", 1),
        ("generic", "BTCUSD", "BTCUSDT", "linear", 1),
    ],
)
def test_the_venue_writes_the_name_its_own_way(venue, text, name, kind, size):
    found = RULES.instrument(venue, text)
    assert (found.symbol, found.contract_type.value, found.contract_size) == (name, kind, size)
    assert found.settle == (found.asset if kind == "inverse" else "USD")
    assert RULES.instrument(venue, found.symbol, kind) == found


def test_what_is_given_overrides_what_is_known():
    found = RULES.instrument("okx", "BTC-USDT-SWAP", contract_size=0.001, tick=0.5)
    assert (found.contract_size, found.tick) == (0.001, 0.5)
    assert RULES.instrument("bybit", "ETH", "inverse").contract_type is ContractType.INVERSE


@pytest.mark.parametrize("text", ["", "  ", "??", "BTC USDT", "-", "ETH/BTC:BTC", "a:b:c", "🚀"])
def test_an_unreadable_name_shows_the_venues_form(text):
    with pytest.raises(RuleError) as error:
        RULES.instrument("okx", text)
    assert "BTC-USDT-SWAP" in str(error.value)
    assert "instrument name cannot be read" in str(error.value)


@pytest.mark.parametrize(
    ("venue", "text", "kind"),
    [
        ("binance_usdm", "BTC/USD:BTC", None),
        ("binance_coinm", "BTCUSDT", None),
        ("okx", "BTC-USDT-SWAP", "inverse"),
        ("hyperliquid", "BTC", "inverse"),
    ],
)
def test_a_contract_type_that_cannot_be_is_refused(venue, text, kind):
    with pytest.raises(RuleError, match="wrong contract type"):
        RULES.instrument(venue, text, kind)


@given(st.text(max_size=30))
def test_any_text_is_read_or_refused_in_words(text):
    try:
        found = parse_symbol(text)
    except RuleError:
        return
    assert found.asset
    assert found.multiplier >= 1
