"""`seawall size`, as a user meets it: the report, its schema, and what is refused."""

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
from seawall.app.desk_position import NewPosition
from seawall.core import InputError
from seawall.report.schema import schema_of

BOOK = """account,venue,symbol,side,size,entry_price,mark_price,margin_mode,leverage,wallet_balance
ann,binance,BTCUSDT,long,10,100,100,isolated,20,
bob,binance,BTCUSDT,long,50,100,100,cross,20,2000
bob,binance,ETHUSDT,short,3,100,100,cross,20,2000
bob,binance,DOGEUSDT,long,1,100,100,isolated,20,
"""
FEW = ("--paths", "500", "--horizon", "1d")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("size")
    (made / "book.csv").write_text(BOOK)
    written(made_candles(("BTC", "ETH"), 700), made / "candles.csv")
    written(made_candles(("BTC", "ETH"), 200), made / "short.csv")
    return made


def run(folder: Path, *arguments: str) -> Any:
    at = [str(folder / a) if a.endswith((".csv", ".html")) else a for a in arguments]
    return CliRunner().invoke(app, ["size", *at])


def document(folder: Path, *more: str) -> dict[str, Any]:
    found = run(folder, "--candles", "candles.csv", "--format", "json", *FEW, *more)
    assert found.exit_code == 0, found.output or found.exception
    made = json.loads(found.stdout)
    assert list(Draft202012Validator(schema_of("size")).iter_errors(made)) == []
    return made


def test_a_new_position_is_sized_in_its_schema(folder: Path) -> None:
    new = ("--instrument", "BTCUSDT", "--equity", "10k")
    made = document(folder, *new)
    assert made["present"] is None
    assert made["position"]["row"] is None
    assert made["position"]["equity_usd"] == pytest.approx(10_000)
    least = min(made["limits"], key=lambda x: x["notional_usd"])
    assert made["size"]["notional_usd"] == pytest.approx(least["notional_usd"])
    assert made["size"]["binding"] == least["limit"] == made["limits"][0]["limit"]
    assert {x["limit"] for x in made["limits"]} == {"probability", "shortfall", "depth", "brackets"}
    assert made["size"]["probability"] <= 0.01
    curve = [p["probability"] for p in made["curve"]]
    assert curve == sorted(curve)
    assert [p["factor"] for p in made["plan"]] == [0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 3.0]
    assert document(folder, *new) == made
    short = document(folder, *new, "--side", "short", "--isolated")
    assert short["position"]["side"] == "short"
    assert short["position"]["margin_mode"] == "isolated"


def test_more_paths_are_drawn_where_few_could_not_show_the_probability(folder: Path) -> None:
    new = ("--instrument", "BTCUSDT", "--equity", "10k", "--budget", "900%")
    made = document(folder, *new, "--horizon", "1h", "--probability", "0.1%")
    assert made["paths"] == 10_000
    assert made["size"]["probability"] < made["size"]["probability_high"] <= 0.001
    said = "10,000 paths were drawn instead of 500"
    assert any(said in a["text"] for a in made["assumptions"])
    assert all(p["probability_high"] > p["probability"] for p in made["curve"][:-1])


def test_options_bind(folder: Path) -> None:
    new = ("--instrument", "ETHUSDT", "--equity", "10k", "--budget", "900%", "--probability", "90%")
    capped = document(folder, *new, "--most-leverage", "1.5")
    assert capped["size"]["binding"] == "leverage"
    assert capped["size"]["leverage"] == pytest.approx(1.5)
    edge = document(folder, *new, "--edge", "50%", "--edge-error", "10%", "--kelly-fraction", "0.1")
    assert edge["size"]["binding"] == "kelly"
    k = edge["kelly"]
    assert k["leverage"] == pytest.approx(0.1 * k["shrunk_leverage"])
    assert k["shrunk_leverage"] == pytest.approx(k["full_leverage"] * 0.25 / 0.26)
    thin = document(folder, *new, "--depth", "ETH=1M", "--thinning", "10")
    assert thin["size"]["binding"] == "depth"
    assert thin["size"]["slippage_stressed"] == pytest.approx(0.002, rel=1e-6)
    target = document(folder, *new, "--target", "1%", "--band", "5%")
    assert target["size"]["binding"] == "volatility"
    assert target["plan"][2]["low_usd"] == pytest.approx(0.95 * target["plan"][2]["target_usd"])


def test_a_position_of_a_book_is_sized_with_its_account(folder: Path) -> None:
    made = document(folder, "book.csv", "--row", "2")
    # only the coins of the account need prices: DOGE has none
    assert made["position"]["other_positions"] == 1
    assert made["position"]["present_usd"] == pytest.approx(5_000)
    assert made["present"]["notional_usd"] == pytest.approx(5_000)
    dearer = document(folder, "book.csv", "--row", "2", "--funding", "BTC=0.5%")
    assert dearer["size"]["notional_usd"] < made["size"]["notional_usd"]


def test_the_table_and_the_page_say_what_binds(folder: Path) -> None:
    found = run(folder, "book.csv", "--row", "1", "--candles", "candles.csv", *FEW, "--report",
                "size.html")  # fmt: skip
    assert found.exit_code == 0, found.output
    words = " ".join(found.stdout.split())
    assert "How large may the BTCUSDT long on Binance USD-M futures be?" in words
    assert "binds" in words
    assert "What to hold as volatility moves" in words
    assert (folder / "size.html").stat().st_size > 10_000


def test_a_terminal_of_80_columns_names_what_binds_at_every_volatility(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    found = run(folder, "book.csv", "--row", "1", "--candles", "candles.csv", *FEW)
    plan = found.stdout.split("What to hold as volatility moves")[1].split("Volatility over")[0]
    lines = [line for line in plan.splitlines() if "×" in line]
    assert "Binding" in plan
    assert len(lines) == 7
    words = ("probability of", "expected", "depth", "Kelly", "brackets")
    assert all(any(w in line for w in words) for line in lines), plan
    assert max(map(len, found.stdout.splitlines())) <= 80


def test_a_hedge_that_no_limits_allow_together_is_told_as_such(folder: Path) -> None:
    (folder / "hedge.csv").write_text(
        BOOK.splitlines()[0]
        + "\nhed,binance,BTCUSDT,long,60,100,100,cross,50,300"
        + "\nhed,binance,BTCUSDC,short,50,100,100,cross,50,300\n"
    )
    asked = ("hedge.csv", "--row", "2", "--probability", "5%", "--budget", "70%")
    free = document(folder, *asked)
    assert 0.0 < free["size"]["from_usd"] < free["size"]["notional_usd"]
    made = document(folder, *asked, "--most-leverage", "0.5")
    assert made["size"]["notional_usd"] == 0.0
    assert made["size"]["binding"] == "leverage"
    assert "No size of it is within all limits" in made["answer"][0]
    assert "allows no more than $150" in made["answer"][0]
    assert "$5.00 k are held" in made["answer"][-1]
    assert all(p["target_usd"] == 0.0 for p in made["plan"])


def test_the_function_gives_the_same(folder: Path) -> None:
    made = seawall.size(
        NewPosition("BTCUSDT", 10_000.0), candles=folder / "candles.csv", paths=500
    ).payload
    assert made["size"]["notional_usd"] > 0
    with pytest.raises(InputError, match=r"--side.*\n.*--equity"):
        NewPosition("BTCUSDT", -1.0, side="up")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "nothing to size"),
        (("book.csv", "--instrument", "BTCUSDT"), "two things to size"),
        (("book.csv",), "--row: no such row"),
        (("book.csv", "--row", "1", "--equity", "1k"), "--equity: nothing to use it for"),
        (("book.csv", "--row", "1", "--edge-error", "9%"), "--edge-error: nothing to use it for"),
        (("book.csv", "--row", "9"), "--row: no such row (got '9')"),
        (("--instrument", "BTCUSDT"), "--equity: missing"),
        (("--instrument", "BTCUSDT", "--equity", "1k", "--horizon", "soon"), "--horizon"),
        (("--instrument", "BTCUSDT", "--equity", "1k", "--probability", "200%"), "--probability"),
        (("--instrument", "BTCUSDT", "--equity", "1k", "--band", "250%"), "--band: out of range"),
        (("--instrument", "SOLUSDT", "--equity", "1k"), "an asset without prices"),
        (("--instrument", "BTCUSDT", "--equity", "1k", "--depth", "SOL=1M"), "--depth: not in"),
    ],
)
def test_what_cannot_be_asked_is_refused(folder: Path, arguments, words) -> None:
    found = run(folder, *arguments, "--candles", "candles.csv")
    assert isinstance(found.exception, InputError)
    assert words in str(found.exception)


def test_prices_are_needed_and_must_suffice(folder: Path) -> None:
    new = ("--instrument", "BTCUSDT", "--equity", "1k")
    assert "one source of prices" in str(run(folder, *new).exception)
    assert "history is too short" in str(run(folder, *new, "--candles", "short.csv").exception)


def test_a_contract_of_a_thousand_coins_is_sized_at_its_own_price(folder: Path) -> None:
    """The candles are of the contract, 1000 PEPE each; so is the mark, and coins are of it."""
    made = made_candles(("PEPE",), 700)
    file = written(made, folder / "1000PEPEUSDT.csv")
    file.write_text(file.read_text().replace(",PEPE,", ",1000PEPEUSDT,"))
    new = ("--instrument", "1000PEPEUSDT", "--equity", "1000", "--format", "json", *FEW)
    found = run(folder, *new, "--candles", "1000PEPEUSDT.csv")
    assert found.exit_code == 0, found.output
    told = json.loads(found.stdout)
    last = float(made.close[-1, 0])
    assert told["position"]["mark_price"] == pytest.approx(last)
    assert told["size"]["coins"] == pytest.approx(told["size"]["notional_usd"] / last)


def test_horizons_that_no_step_ends_at_or_are_too_far_are_refused(folder: Path) -> None:
    new = ("--instrument", "BTCUSDT", "--equity", "1000", "--candles", "candles.csv")
    few = ("--paths", "500")
    for horizon, words in (("90m", "no step of the prices ends"), ("400d", "--horizon")):
        refused = run(folder, *new, *few, "--horizon", horizon)
        assert isinstance(refused.exception, InputError)
        assert words in str(refused.exception)
    told = json.loads(run(folder, *new, *few, "--horizon", "2d", "--format", "json").stdout)
    assert "were not held against what came" in json.dumps(told["warnings"])
    told = json.loads(run(folder, *new, *few, "--horizon", "1d", "--format", "json").stdout)
    assert "were not held against what came" not in json.dumps(told["warnings"])
