"""`seawall positions`, and `account:VENUE` in place of a file."""

import csv
import json

import pytest

pytest.importorskip("ccxt", reason="ccxt is an extra: pip install 'seawall[live]'")

from made_venues import RestVenue
from made_venues.accounts import binance_account, okx_account


@pytest.fixture
def venue(monkeypatch):
    """A Binance account whose key may only read."""
    with RestVenue(binance_account()) as made:
        monkeypatch.setenv("SEAWALL_BINANCE_URL", made.url)
        monkeypatch.setenv("SEAWALL_BINANCE_KEY", "a-key-of-mine")
        monkeypatch.setenv("SEAWALL_BINANCE_SECRET", "a-secret-of-mine")
        yield made


def test_positions_are_shown_and_written(run, venue, tmp_path):
    path = tmp_path / "own.csv"
    outcome = run("positions", "binance", "--output", path)
    assert outcome.code == 0, outcome.err
    for word in ("BTC/USDT:USDT", "84,000", "25,000", "binance_coinm BTC"):
        assert word in outcome.out
    rows = list(csv.DictReader(path.open()))
    assert [r["instrument"] for r in rows] == ["BTC/USDT:USDT", "ETH/USDT:USDT", "BTC/USD:BTC"]
    assert run("positions", "binance", "--format", "csv").out.splitlines()[0] == ",".join(rows[0])
    told = json.loads(run("positions", "binance", "--format", "json").out)
    assert told["positions"][0]["wallet_balance"] == 25_000.0


@pytest.mark.parametrize(
    "command", [("check",), ("map",), ("stress", "--shock", "BTC=-20%", "--draws", "0")]
)
def test_an_account_in_place_of_a_file_is_the_same_book(run, venue, tmp_path, command):
    path = tmp_path / "own.csv"
    assert run("positions", "binance", "--output", path).code == 0
    name, *options = command
    direct = run(name, "account:binance", *options, "--format", "json")
    filed = run(name, path, *options, "--format", "json")
    assert direct.code == filed.code == 0, direct.err
    here, there = json.loads(direct.out), json.loads(filed.out)
    for part in ("positions", "accounts", "maps", "totals", "assets"):
        assert here.get(part) == there.get(part)
    assert "account:binance" in direct.out
    for text in (direct.out, direct.err, path.read_text()):
        assert "of-mine" not in text


def test_a_key_that_may_trade_ends_with_2_and_says_what_to_do(run, venue, tmp_path):
    venue.answers |= binance_account(enableFutures=True)
    for command in (("positions", "binance"), ("check", "account:binance")):
        outcome = run(*command)
        assert (outcome.code, outcome.out) == (2, "")
        assert "the key may do more than read (got 'enableFutures')" in outcome.err
    path = tmp_path / "own.csv"
    outcome = run("positions", "binance", "--allow-trading-key", "--output", path)
    assert outcome.code == 0
    assert "warning: the key to binance_usdm may do more than read (enableFutures)" in outcome.err
    assert path.exists()


def test_what_is_not_told_is_a_warning_of_the_report_as_well(run, monkeypatch):
    with RestVenue(okx_account("")) as made:
        monkeypatch.setenv("SEAWALL_OKX_URL", made.url)
        for part in ("KEY", "SECRET", "PASSWORD"):
            monkeypatch.setenv(f"SEAWALL_OKX_{part}", f"a-{part}-of-mine")
        outcome = run("check", "account:okx", "--format", "json")
    assert outcome.code == 0
    assert "warning: okx does not tell what the key may do" in outcome.err
    assert "okx does not tell what the key may do" in outcome.out


def test_mistaken_options_are_told(run, venue):
    outcome = run("positions", "binance", "--keys", "file")
    assert outcome.code == 2
    assert "--keys: not a place of keys (got 'file'); allowed: env, keyring" in outcome.err
    outcome = run("check", "account:nowhere")
    assert outcome.code == 2
    assert "nowhere" in outcome.err
    assert venue.asked == []
