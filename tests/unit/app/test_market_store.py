"""Depth and marks that were polled, as check, map, stress and explain take them."""

import json

import pytest

from seawall.ingest.market.tables import MarketWriter

T = 1_795_392_000 * 10**9
SHOCK = ("--shock", "BTC=-20%", "--fund", "0", "--draws", "0")


@pytest.fixture
def store(tmp_path):
    names = {"time": T, "received": T, "source": "made"}
    depth = [
        names | {"venue": venue, "instrument": f"{asset}USDT", "asset": asset, "mid": mid,
                 "band": 0.01, "bid_usd": bid, "ask_usd": ask, "bid_whole": True,
                 "ask_whole": whole}
        for venue, asset, mid, bid, ask, whole in (
            ("bybit", "BTC", 86_600.0, 6e6, 4e6, True),
            ("binance_usdm", "BTC", 86_600.0, 2e6, 2e6, False),
            ("bybit", "DOGE", 0.15, 1e6, 1e6, True),
        )
    ]  # fmt: skip
    mark = [
        names | {"venue": "bybit", "instrument": f"{asset}USDT", "asset": asset,
                 "mark_price": price, "index_price": price}
        for asset, price in (("BTC", 86_600.0), ("ETH", 2_830.0), ("DOGE", 0.15))
    ]  # fmt: skip
    with MarketWriter(tmp_path / "store") as writer:
        writer.write({"depth": depth, "mark": mark})
    return tmp_path / "store"


def payload(outcome):
    assert outcome.code == 0, outcome.err
    return json.loads(outcome.out)


def test_stress_takes_depth_from_the_store(run, book, store):
    stored = payload(run("stress", book, *SHOCK, "--store", store, "--format", "json"))
    given = payload(run("stress", book, *SHOCK, "--depth", "BTC=7e6", "--format", "json"))
    other = payload(run("stress", book, *SHOCK, "--format", "json"))
    assert stored["assets"] == given["assets"]
    assert stored["assets"]["BTC"] != other["assets"]["BTC"]
    words = json.dumps(stored)
    assert (
        "BTC 7,000,000 USD (2 books of binance_usdm, bybit, 2026-11-23T00:00:00Z, at least" in words
    )
    assert "DOGE" not in words


def test_depth_that_is_given_stands(run, book, store):
    both = payload(
        run("stress", book, *SHOCK, "--store", store, "--depth", "BTC=3e6", "--format", "json")
    )
    given = payload(run("stress", book, *SHOCK, "--depth", "BTC=3e6", "--format", "json"))
    assert both["assets"] == given["assets"]
    assert "depth from the store" not in json.dumps(both)


def test_explain_takes_depth_from_the_store(run, book, store):
    options = ("--row", 1, *SHOCK[:4], "--format", "json")
    stored = payload(run("explain", book, *options, "--store", store))
    given = payload(run("explain", book, *options, "--depth", "BTC=7e6"))
    assert stored["fall"] == given["fall"]


@pytest.mark.parametrize("command", ["check", "map", "stress"])
def test_rows_without_a_mark_get_the_stored_one(run, book, store, tmp_path, command):
    bare = tmp_path / "bare.csv"
    lines = [line.split(",") for line in book.read_text().splitlines()]
    bare.write_text("\n".join(",".join(c for k, c in enumerate(r) if k != 6) for r in lines))
    shock = SHOCK if command == "stress" else ()
    refused = run(command, bare, *shock)
    assert refused.code == 2
    assert "mark_price: missing value" in refused.err
    stored = payload(run(command, bare, *shock, "--store", store, "--format", "json"))
    words = json.dumps(stored)
    assert "mark price of 5 rows taken from the marks stored" in words
    assert "given for nothing" not in words
    full = payload(run(command, book, *shock, "--store", store, "--format", "json"))
    key = {"check": "positions", "map": "clusters", "stress": "assets"}[command]
    assert stored[key] == full[key]


def test_a_store_without_market_tables_or_of_another_time_is_refused(run, book, store, tmp_path):
    outcome = run("stress", book, *SHOCK, "--store", tmp_path / "none")
    assert outcome.code == 2
    assert "tape poll" in outcome.err
    outcome = run("stress", book, *SHOCK, "--store", store, "--at", "2026-11-24")
    assert outcome.code == 2
    assert "allowed: days 2026-11-23 to 2026-11-23" in outcome.err
    assert run("stress", book, *SHOCK, "--store", store, "--at", "2026-11-23T00:30Z").code == 0
