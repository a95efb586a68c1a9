"""`seawall check` with prices, and `seawall study odds`, as a user meets them."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jsonschema import Draft202012Validator
from scipy.stats import binomtest
from tests.unit.desk.desk_books import made_candles, written
from typer.testing import CliRunner

from seawall.app.cli import app
from seawall.core import InputError
from seawall.report.schema import schema_of

BOOK = """account,venue,symbol,side,size,entry_price,mark_price,margin_mode,leverage,wallet_balance
ann,binance,BTCUSDT,long,1,100,100,isolated,20,
bob,binance,BTCUSDT,long,5,100,100,cross,10,150
bob,binance,ETHUSDT,short,3,100,100,cross,10,150
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("odds")
    (made / "book.csv").write_text(BOOK)
    written(made_candles(("BTC", "ETH"), 800), made / "candles.csv")
    written(made_candles(("BTC", "ETH"), 800).of(("BTC",)), made / "btc.csv")
    written(made_candles(("BTC", "ETH"), 300), made / "short.csv")
    written(made_candles(("BTC", "ETH"), 800), made / "gap.csv", [("ETH", 400)])
    return made


def run(folder: Path, *arguments: str) -> Any:
    at = [str(folder / a) if a.endswith(".csv") else a for a in arguments]
    return CliRunner().invoke(app, at)


def document(folder: Path, *more: str) -> dict[str, Any]:
    found = run(folder, "check", "book.csv", "--candles", "candles.csv", "--format", "json", *more)
    assert found.exit_code == 0, found.output
    return json.loads(found.stdout)


def test_check_with_candles_tells_the_odds_in_its_schema(folder: Path) -> None:
    made = document(folder)
    assert list(Draft202012Validator(schema_of("check")).iter_errors(made)) == []
    ann, bob = made["odds"]["accounts"]
    assert 0.0 <= ann["probability_1h"] < ann["probability_1d"] < ann["probability_1w"] < 1.0
    assert bob["probability_1w"] < ann["probability_1w"]
    assert ann["call_1d"] >= ann["probability_1d"]
    assert 0.0 < ann["loss_usd_1w"] <= 5.0 + 1e-9
    assert ann["rows"] == "1"
    assert bob["rows"] == "2, 3"
    lone, one, other = made["odds"]["positions"]
    for name in ("loss", "gap", "slippage", "fees"):
        key = f"{name}_usd_1w"
        assert lone[key] == pytest.approx(ann[key])
        # on none of these paths does bob's account fall
        assert one[key] is other[key] is bob[key] is None
    # the short is paid, so that the long alone would fell the account sooner
    assert other["funding_seconds"] is None
    assert 0.0 < one["funding_seconds"] < bob["funding_seconds"]
    assert made["odds"]["paths"] == 10_000
    assert made["odds"]["graded"]
    assert "Likeliest to be liquidated" in made["answer"][0]
    assert document(folder) == made
    assert document(folder, "--seed", "3")["odds"] != made["odds"]


def test_the_ends_are_those_of_a_count_of_paths(folder: Path) -> None:
    alone = "\n".join([BOOK.splitlines()[0], *BOOK.splitlines()[2:]]) + "\n"
    (folder / "alone.csv").write_text(alone)
    found = run(folder, "check", "alone.csv", "--candles", "candles.csv", "--paths", "2000",
                "--format", "json")  # fmt: skip
    made = json.loads(found.stdout)
    (bob,) = made["odds"]["accounts"]
    for horizon in ("1h", "1d", "1w"):
        hits = round(2_000 * bob[f"probability_{horizon}"])
        wanted = binomtest(hits, 2_000).proportion_ci(0.9, "exact")
        ends = bob[f"probability_low_{horizon}"], bob[f"probability_high_{horizon}"]
        assert ends == (pytest.approx(wanted.low), pytest.approx(wanted.high))
    assert bob["probability_1h"] == 0.0
    # of none of 2,000 it is known to be under 1 - 0.05 ** (1 / 2000), not under 1 / 2000
    assert "under 0.15% within an hour" in made["answer"][0]


def test_options_of_the_odds_act(folder: Path) -> None:
    plain = document(folder, "--paths", "2000")["odds"]["accounts"][0]
    call = document(folder, "--paths", "2000", "--call-ratio", "0.3")["odds"]["accounts"][0]
    paid = document(folder, "--paths", "2000", "--funding", "BTC=0.5%")["odds"]["accounts"][0]
    thin = document(folder, "--paths", "2000", "--depth", "BTC=1000")["odds"]["accounts"][0]
    assert call["call_1d"] > plain["call_1d"]
    assert paid["probability_1w"] > plain["probability_1w"]
    assert paid["funding_seconds"] < plain["funding_seconds"]
    assert thin["slippage_usd_1w"] > plain["slippage_usd_1w"]


def test_the_terminal_and_the_page_show_them(folder: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    found = run(folder, "check", "book.csv", "--candles", "candles.csv", "--report", str(page))
    assert "Odds of the margin accounts, likeliest first" in found.stdout
    assert "docs/methods/odds.md" in found.stdout
    assert "Odds of the margin accounts" in page.read_text(encoding="utf-8")


def test_a_margin_call_and_funding_are_told_where_a_terminal_is_narrow(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ("check", "book.csv", "--candles", "candles.csv", "--paths", "2000")
    for columns in ("80", "100"):
        monkeypatch.setenv("COLUMNS", columns)
        words = " ".join(run(folder, *asked).stdout.split())
        assert "A margin call, at a margin ratio of 80.00%: " in words
        assert " within a week; if funding alone runs, it falls in " in words
        table = words.split("Odds of the margin accounts")[1].split("Odds of the positions")[0]
        assert table.count("Called") >= 4, table


def test_the_csv_holds_the_odds_beside_each_position(folder: Path) -> None:
    found = run(folder, "check", "book.csv", "--candles", "candles.csv", "--format", "csv")
    rows = list(csv.DictReader(found.stdout.splitlines()))
    told = {str(p["row"]): p for p in document(folder)["odds"]["positions"]}
    assert [row["row"] for row in rows] == ["1", "2", "3"]
    for row in rows:
        for name in ("probability_1h", "probability_1w", "call_1d", "touch_1w", "funding_seconds"):
            wanted = told[row["row"]][name]
            assert row[name] == ("" if wanted is None else repr(wanted))
    plain = run(folder, "check", "book.csv", "--format", "csv").stdout.splitlines()[0]
    assert ",".join(rows[0]).startswith(plain)
    assert "probability" not in plain


def test_an_account_below_zero_is_not_said_to_gain_by_its_liquidation(folder: Path) -> None:
    (folder / "due.csv").write_text(
        BOOK.splitlines()[0] + "\ndan,binance,BTCUSDT,long,1,120,100,cross,10,12\n"
    )
    found = run(folder, "check", "due.csv", "--candles", "candles.csv", "--paths", "500",
                "--format", "json")  # fmt: skip
    said = " ".join(json.loads(found.stdout)["answer"])
    assert "cost it -" not in said
    assert "It has no equity left to lose; $8" in said


def warnings_of(folder: Path, command: str, *more: str) -> list[str]:
    found = run(folder, *command.split(), "--format", "json", "--paths", "500", *more)
    assert found.exit_code == 0, found.output or found.exception
    return json.loads(found.stdout)["warnings"]


def test_marks_that_are_not_the_candles_are_told_by_every_command(folder: Path) -> None:
    last = float(made_candles(("BTC", "ETH"), 800).close[-1, 0])
    for name, mark, time in (
        ("near.csv", last * 1.01, ""),
        ("far.csv", last * 0.6, ""),
        ("later.csv", last * 0.6, "2025-02-03T12:00:00Z"),
    ):
        (folder / name).write_text(
            BOOK.splitlines()[0]
            + f",time\nann,binance,BTCUSDT,long,1,{mark},{mark},isolated,5,,{time}\n"
        )
    for command in ("check", "size", "stop"):
        row = () if command == "check" else ("--row", "1")
        for name in ("far.csv", "later.csv"):
            told = warnings_of(folder, f"{command} {name} --candles btc.csv", *row)
            mine = [w for w in told if "BTCUSDT is marked at" in w]
            assert len(mine) == 1
            assert f"{last * 0.6:,.6g} in the book" in mine[0]
            assert f"{last:,.6g} is the last close of BTC" in mine[0]
            assert "newer candles" in mine[0]
            assert ("bears no date" in mine[0]) == (name == "far.csv")
        told = warnings_of(folder, f"{command} near.csv --candles btc.csv", *row)
        assert not any("is marked at" in w for w in told)


def test_coins_that_were_never_graded_borrow_no_grades(folder: Path) -> None:
    written(made_candles(("BTC", "ZEC"), 800), folder / "zec.csv")
    (folder / "zecs.csv").write_text(
        BOOK.splitlines()[0]
        + "\nann,binance,ZECUSDT,long,1,100,100,isolated,20,"
        + "\nbob,binance,BTCUSDT,long,5,100,100,cross,10,150"
        + "\nbob,binance,ZECUSDT,long,3,100,100,cross,10,150"
        + "\ncat,binance,BTCUSDT,long,1,100,100,isolated,20,\n"
    )
    found = run(folder, "check", "zecs.csv", "--candles", "zec.csv", "--format", "json")
    made = json.loads(found.stdout)
    ann, bob, cat = made["odds"]["accounts"]
    assert cat["came_over_predicted_1d"] > 0.0
    assert ann["came_over_predicted_1d"] is bob["came_over_predicted_1d"] is None
    said = ("ZEC is not among the coins whose odds were held against what came (BTC, ETH, SOL, "
            "XRP, BNB, DOGE): its odds are uncalibrated")  # fmt: skip
    assert any(w.startswith(said) for w in made["warnings"])
    assert any("Held against what came" in a["text"] for a in made["assumptions"])
    for command in ("size", "stop"):
        told = warnings_of(folder, f"{command} zecs.csv --candles zec.csv --row 1")
        assert any(w.startswith(said) for w in told)
        assert not any("Not calibrated" in w for w in told)
        told = warnings_of(folder, f"{command} zecs.csv --candles zec.csv --row 4")
        assert not any("uncalibrated" in w for w in told)


def test_a_history_that_one_coin_cuts_short_is_said(folder: Path) -> None:
    made = made_candles(("BTC", "ETH"), 800)
    written(made, folder / "late.csv", [("ETH", t) for t in range(200)])
    written(made, folder / "early.csv", [("BTC", t) for t in range(750, 800)])
    for command, more in (("check book.csv", ()), ("size book.csv", ("--row", "2")),
                          ("stop book.csv", ("--row", "2"))):  # fmt: skip
        told = warnings_of(folder, f"{command} --candles late.csv", *more)
        assert (
            "Candles before 2025-01-09T08:00:00Z are left out: ETH has none; all odds rest on the "
            "25 days that BTC, ETH share."
        ) in told
        told = warnings_of(folder, f"{command} --candles early.csv", *more)
        assert any("from 2025-02-01T06:00:00Z are left out: BTC has none; all" in w for w in told)
        told = warnings_of(folder, f"{command} --candles candles.csv", *more)
        assert not any("left out" in w for w in told)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--candles", "btc.csv"), "an asset without prices (got 'ETH'); allowed: BTC"),
        (("--candles", "short.csv"), "the history is too short"),
        (("--candles", "gap.csv"), "a gap in the candles (got 'ETH, 2025-01-17T16:00:00Z, 1 of"),
        (("--candles", "none.csv"), "no such file"),
        (("--paths", "500"), "--paths: nothing to use it for"),
        (("--candles", "candles.csv", "--store", "x"), "no mark is stored here"),
        (("--candles", "candles.csv", "--funding", "SOL=0.1%"), "not in the book (got 'SOL')"),
        (("--candles", "candles.csv", "--call-ratio", "1.2"), "call_ratio: out of range"),
    ],
)
def test_what_cannot_be_is_refused_in_one_error(
    folder: Path, more: tuple[str, ...], words: str
) -> None:
    found = run(folder, "check", "book.csv", *more)
    text = found.output if found.exception is None else f"{found.output}{found.exception}"
    assert found.exit_code != 0
    assert words in text
    assert isinstance(found.exception, InputError | SystemExit)


def test_a_tape_gives_prices_too(folder: Path, tmp_path: Path) -> None:
    """Liquidations filled once an hour are candles without wicks; too few are gaps."""
    from seawall.ingest.history import read_history
    from seawall.ingest.store.writer import StoreWriter

    candles = made_candles(("BTC", "ETH"), 600)
    lines = ["time,venue,symbol,side,price,notional_usd"]
    for a, asset in enumerate(candles.assets):
        for t in range(len(candles)):
            second = int(candles.time[t]) // 10**9 + 60
            lines.append(f"{second},okx,{asset}-USDT-SWAP,long,{float(candles.close[t, a])!r},1000")
    file = tmp_path / "tape.csv"
    file.write_text("\n".join(lines) + "\n")
    tape = read_history(file).tape
    assert tape is not None
    tape = replace(tape, at_fill=np.ones(len(tape), dtype=np.bool_))
    with StoreWriter(tmp_path / "store") as writer:
        writer.append(tape)
    found = run(folder, "check", "book.csv", "--store", str(tmp_path / "store"))
    assert found.exit_code == 0, found.output
    assert "Odds of the margin accounts" in found.stdout


def test_the_grading_is_a_command_with_a_schema_and_writes_what_check_reads(
    folder: Path, tmp_path: Path
) -> None:
    from seawall.desk.grades import Grades
    from seawall.desk.scores import Reliability

    bins = tmp_path / "bins.toml"
    found = run(
        folder, "study", "odds", "candles.csv", "--asset", "BTC,ETH", "--since", "2025-01-23",
        "--until", "2025-01-27", "--reduced", "--write", str(bins), "--format", "json",
    )  # fmt: skip
    assert found.exit_code == 0, found.output
    made = json.loads(found.stdout)
    assert list(Draft202012Validator(schema_of("odds-grading")).iter_errors(made)) == []
    rows = made["reliability"]["seawall"]
    assert {r["horizon"] for r in rows} == {86_400.0, 604_800.0}
    whole = [r for r in rows if (r["above"], r["below"]) == (0.0, 1.0)]
    assert all(0.0 < r["predicted"] < 1.0 for r in whole)
    # two assets long and short at five leverages, four cross accounts, and two forecasts at most
    assert {r["forecasts"] for r in whole} <= {24, 48}
    assert {e["model"] for e in made["exceedances"]} == {"seawall", "ewma", "normal"}
    import tomllib

    written_bins = tomllib.loads(bins.read_text())["bin"]
    again = Grades(
        "", "", tuple(Reliability(**{"low": 0.0, "high": 9.0, **b}) for b in written_bins)
    )
    assert all(again.of(r.horizon, r.above) == r for r in again.rows)
