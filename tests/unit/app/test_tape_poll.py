"""`seawall tape poll --once` in this process."""

import pytest

pytest.importorskip("ccxt", reason="ccxt is an extra: pip install 'seawall[live]'")

from made_venues import RestVenue
from made_venues.markets import MARKETS
from seawall.ingest.market.tables import read


def test_one_round_is_shown_and_stored(run, tmp_path):
    store = tmp_path / "store"
    with RestVenue(MARKETS["bybit"]()) as bybit, RestVenue(MARKETS["okx"]()) as okx:
        urls = ("--url", f"bybit={bybit.url}", "--url", f"okx={okx.url}")
        options = ("--venues", "bybit,okx", "--assets", "btc", "--store", store, "--once")
        outcome = run("tape", "poll", *options, *urls)
    assert outcome.code == 0, outcome.err
    rows = {line.split()[1]: line.split() for line in outcome.out.splitlines()[2:]}
    assert rows["BTC-USDT-SWAP"][2:7] == ["86,600", "+0.0018%", "$2.60", "bn", "0.80"]
    assert rows["BTCUSD"][4:6] == ["$500.00", "M"]
    assert "≥" in rows["BTCUSDT"]
    stored = sum(len(read(store, kind, -(2**62), 2**62)) for kind in ("mark", "depth"))
    assert stored == 4 + 4 * 5


def test_venues_that_tell_nothing_end_with_1_and_the_reason(run, tmp_path):
    urls = ("--url", "okx=http://127.0.0.1:9")
    outcome = run("tape", "poll", "--venues", "okx", "--store", tmp_path, "--once", *urls)
    assert outcome.code == 1
    assert "okx: 1 of 1 questions failed (instrument: " in outcome.out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--venues", "generic"), "cannot be asked through ccxt"),
        (("--venues", "nowhere"), "nowhere"),
        (("--venues", "okx", "--every", "1ms"), "--every"),
        (("--venues", "okx", "--every", "often"), "not a span of time"),
        (("--venues", "okx", "--url", "okx=there"), "no address"),
    ],
)
def test_mistaken_options_are_told(run, tmp_path, options, words):
    outcome = run("tape", "poll", "--store", tmp_path / "store", "--once", *options)
    assert outcome.code == 2
    assert words in outcome.err


def test_a_second_poller_on_one_store_is_refused(run, tmp_path):
    from seawall.ingest.market.tables import MarketWriter

    with MarketWriter(tmp_path):
        outcome = run("tape", "poll", "--venues", "okx", "--store", tmp_path, "--once")
    assert outcome.code == 1
    assert "another process writes to this store" in outcome.err
