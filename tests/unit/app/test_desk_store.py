"""The desk's commands with a store: marks and depth that were polled, prices of its tape."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jsonschema import Draft202012Validator
from tests.unit.desk.desk_books import made_candles, written
from typer.testing import CliRunner

from seawall.app.cli import app
from seawall.core import InputError
from seawall.desk.history import Candles
from seawall.ingest.history import read_history
from seawall.ingest.market.tables import MarketWriter
from seawall.ingest.store.writer import StoreWriter
from seawall.report.schema import schema_of

BARE = """account,venue,symbol,side,size,entry_price,margin_mode,leverage,wallet_balance
ann,binance,BTCUSDT,long,1,100,isolated,20,
bob,binance,BTCUSDT,long,5,100,cross,10,150
bob,binance,ETHUSDT,short,3,100,cross,10,150
"""
DEPTH = {"BTC": 5e3, "ETH": 4e3}


def tape_into(store: Path, candles: Candles) -> None:
    """A liquidation of each asset in each hour, at the candle's close."""
    lines = ["time,venue,symbol,side,price,notional_usd"]
    for a, asset in enumerate(candles.assets):
        for t in range(len(candles)):
            second = int(candles.time[t]) // 10**9 + 60
            lines.append(f"{second},okx,{asset}-USDT-SWAP,long,{float(candles.close[t, a])!r},1000")
    file = store.with_suffix(".csv")
    file.write_text("\n".join(lines) + "\n")
    tape = read_history(file).tape
    assert tape is not None
    with StoreWriter(store) as writer:
        writer.append(replace(tape, at_fill=np.ones(len(tape), dtype=np.bool_)))


def marks_into(store: Path, candles: Candles) -> None:
    """Marks four times an hour: its open, lowest, highest and close; of a second venue fewer."""
    rows = []
    for a, asset in enumerate(candles.assets):
        for t, begin in enumerate(candles.time.tolist()):
            for k, column in enumerate((candles.open, candles.low, candles.high, candles.close)):
                price = float(column[t, a])
                row = {"time": begin + k * 15 * 60 * 10**9, "received": begin, "asset": asset,
                       "venue": "bybit", "instrument": f"{asset}USDT", "mark_price": price,
                       "index_price": price, "source": "made"}  # fmt: skip
                rows.append(row)
                if t % 2:
                    rows.append(row | {"venue": "okx", "instrument": f"{asset}-USDT-SWAP",
                                       "mark_price": 2.0 * price})  # fmt: skip
    with MarketWriter(store) as writer:
        writer.write({"mark": rows})


def polled_into(store: Path, candles: Candles) -> None:
    """A mark of 100 and an order book of each asset at the end of the candles."""
    common = {"time": int(candles.end), "received": int(candles.end), "source": "made"}
    of = [common | {"venue": "bybit", "instrument": f"{a}USDT", "asset": a} for a in DEPTH]
    mark = [row | {"mark_price": 100.0, "index_price": 100.0} for row in of]
    depth = [
        row | {"mid": 100.0, "band": 0.01, "bid_usd": usd, "ask_usd": usd, "bid_whole": True,
               "ask_whole": True}
        for row, usd in zip(of, DEPTH.values(), strict=True)
    ]  # fmt: skip
    with MarketWriter(store) as writer:
        writer.write({"mark": mark, "depth": depth})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("desk_store")
    candles = made_candles(("BTC", "ETH"), 600)
    (made / "bare.csv").write_text(BARE)
    rows = BARE.splitlines()
    full = [f"{rows[0]},mark_price", *(f"{row},100" for row in rows[1:])]
    (made / "full.csv").write_text("\n".join(full) + "\n")
    written(candles, made / "candles.csv")
    for name, hours in (("both", 600), ("young", 30)):
        tape_into(made / name, made_candles(("BTC", "ETH"), hours))
        polled_into(made / name, candles)
    polled_into(made / "polled", candles)
    return made


def run(folder: Path, command: str, *arguments: object) -> Any:
    named = {"both", "young", "polled", "bare.csv", "full.csv", "candles.csv"}
    at = [str(folder / str(a)) if a in named else str(a) for a in arguments]
    return CliRunner().invoke(app, [command, *at, "--format", "json"])


def document(folder: Path, command: str, *arguments: object) -> dict[str, Any]:
    found = run(folder, command, *arguments)
    assert found.exit_code == 0, found.output or found.exception
    made: dict[str, Any] = json.loads(found.stdout)
    assert list(Draft202012Validator(schema_of(command)).iter_errors(made)) == []
    return made


def test_one_store_gives_marks_depth_and_prices(folder: Path) -> None:
    stored = document(folder, "check", "bare.csv", "--store", "both", "--paths", 1000)
    given = document(
        folder, "check", "full.csv", "--candles", "candles.csv", "--paths", 1000,
        "--depth", "BTC=5000", "--depth", "ETH=4000",
    )  # fmt: skip
    # sigmas are of the prices of each; the tape's end an hour before
    here, there = (
        [{k: v for k, v in p.items() if k != "sigmas"} for p in made["positions"]]
        for made in (stored, given)
    )
    assert here == there
    words = json.dumps(stored)
    assert "mark price of 3 rows taken from the marks stored" in words
    assert "depth from the store" in words
    # a tape of one fill an hour has no wicks, so the walks are others
    for tape, own in zip(stored["odds"]["accounts"], given["odds"]["accounts"], strict=True):
        assert tape["probability_1w"] == pytest.approx(own["probability_1w"], abs=0.15)


def test_the_sigmas_of_a_check_are_those_of_its_odds(folder: Path) -> None:
    made = document(folder, "check", "full.csv", "--candles", "candles.csv", "--paths", 1000)
    own = {p["row"]: p["sigmas"] for p in made["odds"]["positions"]}
    told = {p["row"]: p["sigmas"] for p in made["positions"]}
    assert told == pytest.approx(own, rel=1e-4)
    assert "bundled" not in json.dumps(made["assumptions"])


def test_candles_beside_a_store_leave_it_marks_and_depth(folder: Path) -> None:
    options = ("--candles", "candles.csv", "--paths", 1000)
    stored = document(folder, "check", "bare.csv", *options, "--store", "both")
    deep = ("--depth", "BTC=5000", "--depth", "ETH=4000")
    assert (
        stored["odds"]["accounts"]
        == document(folder, "check", "full.csv", *options, *deep)["odds"]["accounts"]
    )


def test_a_tape_that_is_too_young_is_a_warning_until_odds_are_asked_for(folder: Path) -> None:
    made = document(folder, "check", "bare.csv", "--store", "young")
    assert "odds" not in made
    said = json.dumps(made["warnings"])
    assert "No odds" in said
    assert "the history is too short" in said
    refused = run(folder, "check", "bare.csv", "--store", "young", "--paths", 1000)
    assert isinstance(refused.exception, InputError)
    assert "history is too short" in str(refused.exception)


def test_a_store_without_a_tape_has_marks_alone(folder: Path) -> None:
    made = document(folder, "check", "bare.csv", "--store", "polled")
    assert "odds" not in made
    assert "No odds" not in json.dumps(made["warnings"])
    refused = run(folder, "check", "bare.csv", "--store", "polled", "--seed", 1)
    assert "--seed: nothing to use it for" in str(refused.exception)


def test_marks_that_were_polled_give_the_odds_that_candles_of_them_give(folder: Path) -> None:
    candles = made_candles(("BTC", "ETH"), 600)
    stores = ("marks", "marks_and_tape")
    for store in stores:
        marks_into(folder / store, candles)
    tape_into(folder / "marks_and_tape", candles)
    for store in stores:
        # the last hour is over once a mark says so
        polled_into(folder / store, candles)
    deep = ("--depth", "BTC=5000", "--depth", "ETH=4000")
    options = ("--paths", 500, *deep)
    given = document(folder, "check", "full.csv", "--candles", "candles.csv", *options)
    for store in stores:
        made = document(folder, "check", "full.csv", "--store", folder / store, *options)
        assert made["odds"]["accounts"] == given["odds"]["accounts"]
        assert "marks polled of bybit BTCUSDT, bybit ETHUSDT" in made["odds"]["prices"]["source"]
    sized = document(
        folder, "size", "full.csv", "--row", 2, "--store", folder / "marks", "--paths", 500,
        "--horizon", "1d",
    )  # fmt: skip
    assert sized["size"]["notional_usd"] > 0


def test_marks_with_a_gap_leave_the_odds_to_the_tape(folder: Path) -> None:
    candles = made_candles(("BTC", "ETH"), 600)
    marks_into(folder / "holes", candles.last(200))
    marks_into(folder / "holes", candles.until(int(candles.time[300])))
    polled_into(folder / "holes", candles)
    refused = run(folder, "check", "full.csv", "--store", folder / "holes", "--seed", 1)
    assert "a gap in the candles" in str(refused.exception)
    tape_into(folder / "holes", candles)
    made = document(folder, "check", "full.csv", "--store", folder / "holes", "--paths", 1000)
    assert "liquidations were filled" in made["odds"]["prices"]["source"]


def test_size_stop_and_rescue_take_depth_from_a_store(folder: Path) -> None:
    of_prices = ("--candles", "candles.csv", "--paths", 500)
    for command, options in (
        ("size", ("--row", 2, *of_prices, "--horizon", "1d")),
        ("stop", ("--row", 2, *of_prices)),
        ("rescue", ("--target-ratio", 0.05)),
    ):
        stored = document(folder, command, "bare.csv", *options, "--store", "both")
        deep = ("--depth", "BTC=5000", "--depth", "ETH=4000")
        given = document(folder, command, "full.csv", *options, *deep)
        plain = document(folder, command, "full.csv", *options)
        told = {"inputs", "warnings"}
        bare = [{k: v for k, v in made.items() if k not in told} for made in (stored, given, plain)]
        assert bare[0] == bare[1], command
        assert bare[0] != bare[2], command
        assert "depth from the store" in json.dumps(stored), command


def test_a_position_that_is_not_there_yet_says_where_its_depth_is_from(folder: Path) -> None:
    made = document(
        folder, "size", "--instrument", "BTCUSDT", "--equity", 1000, "--store", "both",
        "--paths", 500,
    )  # fmt: skip
    said = json.dumps(made["warnings"])
    assert "depth from the store, of the venues polled alone: BTC 5,000 USD" in said
    assert "ETH" not in said
