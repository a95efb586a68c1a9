"""Exchanges of ccxt by the name of their rulebook, pointed elsewhere."""

import pytest

pytest.importorskip("ccxt", reason="ccxt is an extra: pip install 'seawall[live]'")

from seawall.core import InputError
from seawall.ingest.market.exchanges import addresses, exchange_of, names_of, pointed
from seawall.rulebook import Rules

RULES = Rules.bundled()


def test_sockets_stay_sockets_and_paths_stay():
    urls = {"a": "https://api.x.com/v5", "ws": {"b": "wss://stream.x.com/ws"}, "none": None}
    assert pointed(urls, "http://127.0.0.1:80") == {
        "a": "http://127.0.0.1:80/v5",
        "ws": {"b": "ws://127.0.0.1:80/ws"},
        "none": None,
    }
    assert pointed("wss://x/y", "https://proxy") == "wss://proxy/y"


@pytest.mark.parametrize(
    ("how", "module"),
    [({}, "ccxt.bybit"), ({"waits": False}, "ccxt.async_support.bybit"),
     ({"pushes": True}, "ccxt.pro.bybit")],
)  # fmt: skip
def test_an_exchange_is_of_the_class_asked_for_and_keeps_its_mouth_shut(how, module):
    made = exchange_of("bybit", RULES, "http://127.0.0.1:9", **how)
    assert type(made).__module__ == module
    assert made.logger.disabled
    assert not made.verbose
    assert made.has["fetchCurrencies"] is False
    assert made.options["fetchMarkets"]["types"] == ["linear", "inverse"]
    flat = str(made.urls["api"])
    assert "127.0.0.1:9" in flat
    assert "bybit" not in flat


def test_a_venue_that_ccxt_does_not_have_is_named_with_those_it_has():
    with pytest.raises(InputError, match=r"cannot be asked through ccxt.*'generic'.*bybit"):
        exchange_of("generic", RULES)
    assert names_of(["binance"], RULES) == ("binance_usdm", "binance_coinm")
    assert addresses(["binance=http://h:1"], RULES) == dict.fromkeys(
        ("binance_usdm", "binance_coinm"), "http://h:1"
    )
    with pytest.raises(InputError, match=r"--url: no address"):
        addresses(["okx=ftp://x"], RULES)
