"""Venues asked through the real ccxt, on the loopback."""

import asyncio
import os
import signal
import subprocess
import sys
import time

import pytest

pytest.importorskip("ccxt", reason="ccxt is an extra: pip install 'seawall[live]'")

from made_venues import Refusal, RestVenue
from made_venues.markets import BTC, ETH, MS, NEXT
from made_venues.rounds import EVER, MARKETS, RULES, levels, one_round
from seawall.core import InputError
from seawall.ingest.market.exchanges import addresses, names_of, pointed
from seawall.ingest.market.poller import Poller, Polling
from seawall.ingest.market.tables import TABLES, MarketWriter, read
from seawall.ingest.store.disk import StoreError

NS = MS * 10**6


def test_binance_is_normalised_with_units(tmp_path):
    poller, _, rows = one_round(tmp_path, ["binance"])
    assert poller.written == sum(len(rows(kind)) for kind in TABLES)
    linear, inverse = ("binance_usdm", "BTCUSDT", None), ("binance_coinm", "BTCUSD_PERP", None)
    assert set(rows("instrument")) == {linear, inverse, ("binance_usdm", "ETHUSDT", None)}
    assert rows("instrument")[inverse]["contract_size"] == 100.0
    assert rows("instrument")[inverse]["settle"] == "BTC"
    assert rows("instrument")[linear]["tick"] == 0.1

    mark = rows("mark")[linear]
    assert (mark["mark_price"], mark["index_price"]) == (BTC, pytest.approx(BTC * 1.0005))
    assert (mark["time"], mark["asset"]) == (NS, "BTC")
    assert mark["received"] > 0
    assert "ccxt binanceusdm" in mark["source"]
    funding = rows("funding")[linear]
    assert (funding["rate"], funding["due"]) == (0.0001, NEXT * 10**6)

    interest = rows("open_interest")
    assert (interest[linear]["base"], interest[linear]["usd"]) == (90_000.0, 90_000.0 * BTC)
    assert interest[linear]["time"] == NS - 10**9
    # contracts of 100 USD, not of one, and not base units
    assert interest[inverse]["usd"] == 866e6
    assert interest[inverse]["base"] == pytest.approx(10_000.0)
    ratio = rows("ratio")[linear]
    assert (ratio["long_short"], ratio["long_share"]) == (2.0, pytest.approx(2 / 3))
    assert ratio["time"] == NS - 300 * 10**9  # the latest, not the first

    for band, count in ((0.001, 50), (0.005, 250), (0.01, 500), (0.02, 1000)):
        found = rows("depth")["binance_usdm", "BTCUSDT", band]
        assert found["bid_usd"] == pytest.approx(levels(BTC, count, 2e-5, 0.5, False, -1))
        assert found["ask_usd"] == pytest.approx(levels(BTC, count, 2e-5, 0.5, False, 1))
        assert found["bid_whole"]
        found = rows("depth")["binance_coinm", "BTCUSD_PERP", band]
        assert found["bid_usd"] == pytest.approx(count * 30 * 100)
    beyond = rows("depth")["binance_usdm", "BTCUSDT", 0.05]
    assert not beyond["bid_whole"]
    assert not beyond["ask_whole"]
    assert rows("depth")["binance_usdm", "ETHUSDT", 0.01]["mid"] == pytest.approx(ETH)


def test_bybit_counts_usd_of_inverse_contracts(tmp_path):
    _, _, rows = one_round(tmp_path, ["bybit"])
    linear, inverse = ("bybit", "BTCUSDT", None), ("bybit", "BTCUSD", None)
    # its smallest order is 10: ccxt's contractSize, which is not the size of a contract
    assert rows("instrument")[inverse]["contract_size"] == 1.0
    assert rows("open_interest")[inverse]["usd"] == 500e6
    assert rows("open_interest")[inverse]["base"] == pytest.approx(500e6 / BTC)
    assert rows("open_interest")[linear]["base"] == 50_000.0
    assert rows("funding")[linear]["interval_hours"] == 8.0
    assert rows("ratio")[linear]["long_share"] == pytest.approx(0.6)
    depth = rows("depth")["bybit", "BTCUSD", 0.001]
    assert depth["bid_usd"] == pytest.approx(100 * 2000.0)
    assert rows("depth")["bybit", "BTCUSDT", 0.005]["bid_whole"]
    assert not rows("depth")["bybit", "BTCUSDT", 0.01]["bid_whole"]


def test_okx_counts_contracts(tmp_path):
    _, _, rows = one_round(tmp_path, ["okx"])
    linear, inverse = ("okx", "BTC-USDT-SWAP", None), ("okx", "BTC-USD-SWAP", None)
    assert rows("open_interest")[linear]["base"] == 3e6 * 0.01
    assert rows("open_interest")[inverse]["usd"] == 3e6 * 100
    assert rows("mark")[linear]["mark_price"] == BTC
    assert rows("mark")[linear]["index_price"] is None
    depth = rows("depth")["okx", "BTC-USDT-SWAP", 0.01]
    assert depth["ask_usd"] == pytest.approx(levels(BTC, 200, 5e-5, 40 * 0.01, False, 1))
    assert rows("depth")["okx", "BTC-USD-SWAP", 0.01]["ask_usd"] == pytest.approx(200 * 40 * 100)


def test_hyperliquid_is_asked_for_coarser_books_until_they_reach(tmp_path):
    _, made, rows = one_round(tmp_path, ["hyperliquid"])
    steps = [
        q.body.get("nSigFigs") for q in made["hyperliquid"].asked if q.body["type"] == "l2Book"
    ]
    assert steps == [None, 4, 3, 2]
    found = {b: rows("depth")["hyperliquid", "BTC", b] for b in (0.001, 0.005, 0.01, 0.02, 0.05)}
    # 86.6 USD away: the book in steps of 10; 433 and 866 and 1,732: of 100; 4,330: of 1,000
    assert found[0.001]["bid_usd"] == pytest.approx(sum(10 * (BTC - 10 * k) for k in range(1, 9)))
    assert found[0.01]["bid_usd"] == pytest.approx(sum(100 * (BTC - 100 * k) for k in range(1, 9)))
    assert found[0.05]["ask_usd"] == pytest.approx(sum(1e3 * (BTC + 1e3 * k) for k in range(1, 5)))
    assert all(row["bid_whole"] and row["ask_whole"] for row in found.values())
    assert rows("open_interest")["hyperliquid", "BTC", None]["base"] == 25_000.0
    assert rows("funding")["hyperliquid", "BTC", None]["interval_hours"] == 1.0
    assert not rows("ratio")


def test_deribit_counts_units_whatever_the_size_of_its_contracts(tmp_path):
    _, _, rows = one_round(tmp_path, ["deribit"])
    inverse, linear = ("deribit", "BTC-PERPETUAL", None), ("deribit", "BTC_USDC-PERPETUAL", None)
    assert rows("open_interest")[inverse]["usd"] == 900e6
    assert rows("open_interest")[linear]["base"] == 1_500.0
    assert rows("mark")[inverse]["mark_price"] == BTC
    assert rows("depth")["deribit", "BTC-PERPETUAL", 0.01]["bid_usd"] == 50 * 10_000.0
    depth = rows("depth")["deribit", "BTC_USDC-PERPETUAL", 0.01]["bid_usd"]
    assert depth == pytest.approx(levels(BTC, 50, 2e-4, 0.1, False, -1))


def test_gate_counts_contracts(tmp_path):
    poller, made, rows = one_round(tmp_path, ["gate"])
    linear, inverse = ("gate", "BTC_USDT", None), ("gate", "BTC_USD", None)
    assert set(rows("instrument")) == {linear, inverse, ("gate", "ETH_USDT", None)}
    assert rows("instrument")[linear]["contract_size"] == 0.0001
    assert rows("instrument")[inverse]["contract_size"] == 1.0
    assert rows("funding")[linear]["rate"] == 0.0001
    assert rows("funding")[inverse]["interval_hours"] == 8.0
    assert rows("funding")[linear]["due"] == NEXT * 10**6
    assert (rows("mark")[linear]["mark_price"], rows("mark")[linear]["index_price"]) == (
        BTC,
        BTC + 5,
    )
    depth = rows("depth")["gate", "BTC_USDT", 0.01]
    assert depth["bid_usd"] == pytest.approx(levels(BTC, 50, 2e-4, 3_000 * 0.0001, False, -1))
    assert rows("depth")["gate", "BTC_USD", 0.01]["ask_usd"] == pytest.approx(50 * 3_000)
    # ccxt has no present open interest of Gate: none is asked for, and none is made up
    assert not rows("open_interest")
    assert not poller.venues[0].counts.failed
    assert all(path.startswith("/api/v4/futures/") for path in made["gate"].paths())


def test_htx_is_asked_one_by_one_where_not_all_can_be_asked_for_at_once(tmp_path):
    poller, made, rows = one_round(tmp_path, ["htx"])
    linear, inverse = ("htx", "BTC-USDT", None), ("htx", "BTC-USD", None)
    assert set(rows("instrument")) == {linear, inverse}
    assert rows("instrument")[linear]["contract_size"] == 0.001
    assert {name: row["rate"] for name, row in rows("funding").items()} == {
        linear: 0.00013,
        inverse: 0.00013,
    }
    assert rows("funding")[linear]["due"] == NEXT * 10**6
    assert rows("open_interest")[linear]["base"] == 30_000.0
    assert rows("open_interest")[linear]["usd"] == pytest.approx(30_000 * BTC)
    assert rows("open_interest")[inverse]["usd"] == 866_000 * 100
    depth = rows("depth")["htx", "BTC-USDT", 0.001]
    assert depth["ask_usd"] == pytest.approx(levels(BTC, 50, 2e-5, 40 * 0.001, False, 1))
    assert rows("depth")["htx", "BTC-USD", 0.001]["bid_usd"] == pytest.approx(50 * 40 * 100)
    # no mark is told through ccxt
    assert not rows("mark")
    counts = poller.venues[0].counts
    assert not counts.failed
    # contracts are three questions of one call; then rates, tickers, interest and books of two
    assert counts.calls == len(made["htx"].asked) - 2 == 1 + 4 * 2


@pytest.mark.parametrize(
    ("path", "answer", "kind"),
    [
        ("/fapi/v1/openInterest", Refusal(500, {"code": -1000, "msg": "down"}), "open_interest"),
        ("/fapi/v1/depth", "{", "depth"),
        ("/fapi/v1/depth", {"bids": [], "asks": []}, "depth"),
        ("/fapi/v1/depth", {"bids": [["2", "1"]], "asks": [["1", "1"]]}, "depth"),
        ("/futures/data/globalLongShortAccountRatio", Refusal(404, "no"), "ratio"),
        ("/fapi/v1/premiumIndex", [{"symbol": "BTCUSDT", "markPrice": {}}], "mark"),
    ],
)
def test_a_question_that_fails_fails_alone(tmp_path, path, answer, kind):
    poller, _, rows = one_round(
        tmp_path, ["binance"], edit=lambda answers: answers.update({path: answer})
    )
    usdm = next(v for v in poller.venues if v.name == "binance_usdm")
    assert ("binance_usdm", "BTCUSDT") not in {k[:2] for k in rows(kind)}
    others = set(TABLES) - {kind} - ({"funding"} if kind == "mark" else set())
    for other in others:
        assert ("binance_usdm", "BTCUSDT") in {k[:2] for k in rows(other)}, other
    assert ("binance_coinm", "BTCUSD_PERP") in {k[:2] for k in rows("mark")}
    if kind != "mark":
        assert usdm.counts.failed[kind] == 2
        assert usdm.counts.error.startswith(f"{kind}: ")


def test_a_venue_that_is_away_does_not_stop_the_others(tmp_path):
    urls = {"bybit": "http://127.0.0.1:9"}
    with RestVenue(MARKETS["okx"]()) as okx, MarketWriter(tmp_path) as writer:
        polling = Polling(("bybit", "okx"), ("BTC",), urls=urls | {"okx": okx.url}, patience=10)

        async def run():
            poller = Poller(polling, writer, RULES)
            await poller.run(once=True)
            return poller

        poller = asyncio.run(run())
    counts = {v.name: v.counts for v in poller.venues}
    assert counts["bybit"].failed == {"instrument": 1}
    assert {r["venue"] for r in read(tmp_path, "mark", *EVER)} == {"okx"}


def test_a_venue_that_says_slow_down_is_left_alone_for_the_round(tmp_path):
    limited = Refusal(429, {"code": -1003, "msg": "Too many requests"})
    poller, made, rows = one_round(
        tmp_path, ["binance"], edit=lambda a: a.update({"/fapi/v1/openInterest": limited})
    )
    asked = made["binance"].paths()
    assert asked.count("/fapi/v1/openInterest") == 1
    assert "/fapi/v1/depth" not in asked
    assert "/dapi/v1/depth" in asked  # the other rulebook has its own pace
    assert rows("mark")["binance_usdm", "BTCUSDT", None]["mark_price"] == BTC
    assert sum(v.counts.failed["open_interest"] for v in poller.venues) == 1


def test_only_the_assets_asked_for_are_asked_about(tmp_path):
    _, made, rows = one_round(tmp_path, ["binance"], assets=("ETH",))
    assert {k[1] for k in rows("instrument")} == {"ETHUSDT"}
    assert {q.query["symbol"] for q in made["binance"].asked if q.path == "/fapi/v1/depth"} == {
        "ETHUSDT"
    }


def test_no_question_is_asked_that_needs_a_key(tmp_path):
    _, made, _ = one_round(tmp_path, list(MARKETS))
    for name, venue in made.items():
        assert set(venue.paths()) <= set(MARKETS[name]()), name


def test_rounds_go_on_at_their_pace_until_stopped(tmp_path):
    with RestVenue(MARKETS["hyperliquid"]()) as venue, MarketWriter(tmp_path) as writer:
        polling = Polling(("hyperliquid",), ("BTC",), every=1.0, urls={"hyperliquid": venue.url})

        async def run():
            poller = Poller(polling, writer, RULES)
            task = asyncio.create_task(poller.run())
            while poller.venues[0].counts.rounds < 2 or not poller.written:
                await asyncio.sleep(0.05)
            poller.stop()
            await task
            return poller

        poller = asyncio.run(run())
        loads = sum(q.body["type"] == "metaAndAssetCtxs" for q in venue.asked)
    rounds = poller.venues[0].counts.rounds
    received = {r["received"] for r in read(tmp_path, "mark", *EVER)}
    assert len(received) >= 2
    assert len(read(tmp_path, "instrument", *EVER)) == 1  # contracts are not asked for each time
    assert loads <= 1 + 2 * rounds


def test_a_store_that_refuses_ends_the_polling(tmp_path):
    class Full(MarketWriter):
        def write(self, rows):
            raise StoreError("the disk is full")

    with RestVenue(MARKETS["okx"]()) as venue, Full(tmp_path) as writer:
        polling = Polling(("okx",), ("BTC",), urls={"okx": venue.url})

        async def run():
            await Poller(polling, writer, RULES).run()

        with pytest.raises(StoreError, match="full"):
            asyncio.run(run())


def test_a_pace_out_of_range_and_unknown_names_are_told(tmp_path):
    with MarketWriter(tmp_path) as writer, pytest.raises(InputError, match=r"--every.*1s to 1d"):
        Poller(Polling(("okx",), ("BTC",), every=0.1), writer, RULES)
    with pytest.raises(InputError, match=r"cannot be asked through ccxt.*generic"):
        names_of(["generic", "okx"], RULES)
    assert names_of(["binance", "binance_usdm", "okex"], RULES) == (
        "binance_usdm",
        "binance_coinm",
        "okx",
    )
    with pytest.raises(InputError, match=r"no address.*ftp"):
        addresses(["okx=ftp://x"], RULES)


def test_addresses_keep_their_paths():
    urls = {"a": "https://fapi.binance.com/fapi/v1", "b": {"c": "https://api.{hostname}"}}
    assert pointed(urls, "http://127.0.0.1:80") == {
        "a": "http://127.0.0.1:80/fapi/v1",
        "b": {"c": "http://127.0.0.1:80"},
    }


def test_sigterm_ends_the_command_cleanly(tmp_path):
    with RestVenue(MARKETS["hyperliquid"]()) as venue:
        command = [sys.executable, "-c", "from seawall.app.cli import main; main()", "tape", "poll"]
        options = ["--venues", "hyperliquid", "--assets", "BTC", "--every", "1s"]
        url = ["--url", f"hyperliquid={venue.url}", "--store", str(tmp_path)]
        process = subprocess.Popen(
            [*command, *options, *url],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"COLUMNS": "120"},
        )
        while not read(tmp_path, "depth", *EVER) and process.poll() is None:
            time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "what=round venue=hyperliquid" in err
    assert "what=stopped" in err
    assert "hyperliquid  BTC" in out
    with MarketWriter(tmp_path):  # the lock was let go
        pass
