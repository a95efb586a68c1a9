"""`seawall stop`, as a user meets it: the report, its schema, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from tests.unit.desk.desk_books import made_candles, written
from typer.testing import CliRunner

import seawall
from seawall.app.cli import app
from seawall.core import InputError
from seawall.report.schema import schema_of

BOOK = """account,venue,symbol,side,size,entry_price,mark_price,margin_mode,leverage,wallet_balance
ann,binance,BTCUSDT,long,10,100,100,isolated,8,
bob,hyperliquid,ETH,short,50,100,100,cross,10,1500
cat,okx,BTC-USDT-SWAP,long,1000,100,100,isolated,90,
"""
CROWD = "".join(
    f"m{k},binance,BTCUSDT,long,500,100,100,isolated,{15 + 0.02 * k},\n" for k in range(40)
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("stop")
    (made / "book.csv").write_text(BOOK)
    (made / "market.csv").write_text(BOOK.splitlines()[0] + "\n" + CROWD)
    written(made_candles(("BTC", "ETH"), 700), made / "candles.csv")
    return made


def run(folder: Path, *arguments: str) -> Any:
    at = [str(folder / a) if a.endswith((".csv", ".html")) else a for a in arguments]
    return CliRunner().invoke(app, ["stop", "--candles", str(folder / "candles.csv"), *at])


def document(folder: Path, *more: str) -> dict[str, Any]:
    found = run(folder, "book.csv", "--format", "json", "--paths", "1000", *more)
    assert found.exit_code == 0, found.output or found.exception
    made = json.loads(found.stdout)
    assert list(Draft202012Validator(schema_of("stop")).iter_errors(made)) == []
    return made


def test_a_stop_is_found_in_its_schema(folder: Path) -> None:
    made = document(folder, "--row", "1")
    fall, stop = made["position"]["liquidation_price"], made["stop"]["price"]
    assert fall < made["position"]["farthest_price"] <= stop < 100
    assert made["stop"]["trigger"] == "mark"
    assert made["stop"]["fires_1d"] <= made["stop"]["fires_1w"]
    assert made["stop"]["liquidated_after_1w"] == 0.0
    assert made["stop"]["liquidated_total_1w"] == made["stop"]["liquidated_first_1w"]
    assert made["needed"]["total"] == pytest.approx(
        sum(v for k, v in made["needed"].items() if k != "total")
    )
    fires = [o["fires_1w"] for o in made["others"]]
    assert fires == sorted(fires, reverse=True)
    assert document(folder, "--row", "1") == made
    short = document(folder, "--row", "2")
    assert short["stop"]["price"] > 100
    assert short["stop"]["loss_stressed_usd"] > short["stop"]["loss_usd"] > 0


def test_a_terminal_of_80_columns_shows_what_an_order_slips_in_both_books(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    found = run(folder, "book.csv", "--row", "1", "--paths", "1000")
    table = found.stdout.split("Stops between the mark")[1].split("Not shown")[0]
    assert "calm" in table
    assert "stressed" in table
    assert "together" in table


def test_a_stop_that_leaves_the_other_leg_alone_is_warned_of(folder: Path) -> None:
    (folder / "hedged.csv").write_text(
        BOOK.splitlines()[0]
        + "\nhed,binance,BTCUSDT,long,20,100,100,cross,10,300"
        + "\nhed,binance,ETHUSDT,short,18,100,100,cross,10,300\n"
    )
    found = run(folder, "hedged.csv", "--row", "1", "--format", "json", "--paths", "1000",
                "--sigmas", "0.5")  # fmt: skip
    made = json.loads(found.stdout)
    assert list(Draft202012Validator(schema_of("stop")).iter_errors(made)) == []
    stop, without = made["stop"], made["unprotected"]["probability_1w"]
    assert stop["liquidated_after_1w"] > 0.02
    assert stop["liquidated_first_1w"] < without < stop["liquidated_total_1w"]
    said = "This stop makes a liquidation likelier"
    assert any(w.startswith(said) for w in made["warnings"])
    assert "after the stop has filled" in " ".join(made["answer"])
    alone = run(folder, "book.csv", "--row", "1", "--paths", "500")
    assert said not in alone.stdout


@pytest.mark.parametrize("row", ["1", "2", "4"])
def test_the_loss_is_the_way_the_gap_the_slippage_and_the_fee(folder: Path, row: str) -> None:
    coins = "dan,binance,BTCUSD_PERP,long,10,100,100,isolated,8,\n"
    (folder / "loss.csv").write_text(BOOK + coins)
    found = run(folder, "loss.csv", "--row", row, "--format", "json", "--paths", "1000")
    made = json.loads(found.stdout)
    stop, where = made["stop"], made["position"]
    side = 1.0 if where["side"] == "long" else -1.0
    usd, rate = where["notional_usd"], {"1": 0.0005, "2": 0.00045, "4": 0.0005}[row]
    for name, slippage in (("", "calm"), ("_stressed", "stressed")):
        fill = stop["price"] * (1.0 - side * stop["gap_1w"])
        fill *= 1.0 - side * stop[f"slippage_{slippage}"]
        if row == "4":
            lost = usd * 100.0 * (1.0 / fill - 0.01 + rate / fill)
        else:
            lost = usd / 100.0 * (side * (100.0 - fill) + rate * fill)
        assert stop[f"loss{name}_usd"] == pytest.approx(lost, rel=1e-9)
        assert stop["fee_usd"] == pytest.approx(rate * usd, rel=0.3)
    assert stop["loss_stressed_usd"] > stop["loss_usd"]


def test_options_act(folder: Path) -> None:
    near, far = (document(folder, "--row", "1", "--sigmas", s)["stop"] for s in ("1", "2"))
    assert near["price"] > far["price"]
    assert near["fires_1w"] > far["fires_1w"]
    last = document(folder, "--row", "1", "--trigger", "last", "--margin", "1%")["needed"]
    assert (last["lag"], last["extra"]) == (0.002, 0.01)
    given = document(folder, "--row", "1", "--stop", "95")["stop"]
    assert (given["price"], given["why"]) == (95, "given")


def test_candles_of_another_price_than_the_trigger_are_told(folder: Path) -> None:
    text = (folder / "candles.csv").read_text()
    for name in ("mark_1h.csv", "trades_1h.csv"):
        (folder / name).write_text(text)
    for candles, trigger, said in (
        ("candles.csv", "mark", None),
        ("candles.csv", "last", "does not say which price it holds. If it is the mark"),
        ("mark_1h.csv", "mark", None),
        ("mark_1h.csv", "last", "mark_1h.csv holds the mark price: wicks of the last price"),
        ("trades_1h.csv", "last", None),
        ("trades_1h.csv", "mark", "trades_1h.csv holds the last price: the mark does not follow"),
    ):
        found = seawall.stop(
            seawall.read_book(folder / "book.csv"), 1, candles=folder / candles, trigger=trigger,
            paths=500,
        )  # fmt: skip
        told = [w for w in found.warnings if w.startswith("It fires by the")]
        assert len(told) == (said is not None)
        assert said is None or said in told[0]


def test_a_cluster_moves_it(folder: Path) -> None:
    plain = document(folder, "--row", "1", "--sigmas", "2.2")
    assert plain["cluster"] is None
    made = document(folder, "--row", "1", "--sigmas", "2.2", "--market", "market.csv")
    low, high = made["cluster"]["low"], made["cluster"]["high"]
    assert low <= plain["stop"]["price"] <= high
    assert not low <= made["stop"]["price"] <= high
    assert made["stop"]["why"] in ("beyond the cluster", "before the cluster")


def test_the_table_and_the_page_say_where_and_why(folder: Path) -> None:
    found = run(folder, "book.csv", "--row", "1", "--paths", "500", "--report", "stop.html")
    assert found.exit_code == 0, found.output
    words = " ".join(found.stdout.split())
    for said in ("as far as volatility asks", "liquidation comes first in", "without a stop",
                 "has to be chosen with the order"):  # fmt: skip
        assert said in words
    assert (folder / "stop.html").stat().st_size > 10_000


def test_the_function_gives_the_same(folder: Path) -> None:
    book = seawall.read_book(folder / "book.csv")
    made = seawall.stop(book, 1, candles=folder / "candles.csv", paths=1_000).payload
    assert made["stop"] == document(folder, "--row", "1")["stop"]
    with pytest.raises(InputError, match=r"--sigmas.*\n?.*--margin.*\n?.*--delay"):
        seawall.stop(book, 1, sigmas=0.0, extra=-1.0, delay=-1.0)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--row", "1", "--stop", "80"), "would never fire: the account is liquidated at"),
        (("--row", "2", "--stop", "99"), "would fire at once"),
        (("--row", "2", "--trigger", "last"), "no such trigger there"),
        (("--row", "3", "--delay", "900"), "no room for a stop"),
        (("--row", "7"), "--row: no such row"),
        (("--row", "1", "--market", "market.csv", "--tape", "x"), "two sources of clusters"),
        (("--row", "1", "--store", "x"), "no mark is stored here"),
    ],
)
def test_what_cannot_stand_is_refused_with_the_reason(folder: Path, arguments, words) -> None:
    found = run(folder, "book.csv", *arguments)
    assert isinstance(found.exception, InputError)
    assert words in str(found.exception)
