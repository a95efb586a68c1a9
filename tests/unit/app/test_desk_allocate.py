"""`seawall allocate` and `seawall study advice` on the command line."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("skfolio")
pytest.importorskip("arch")

from made_candles import made_sheet, write_candles

Run = Callable[..., Any]


@pytest.fixture(scope="module")
def candles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_candles(made_sheet(days=100), tmp_path_factory.mktemp("candles") / "candles.csv")


def test_it_prints_weights_and_writes_the_page(run: Run, candles: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    done = run("allocate", candles, "--days", 95, "--paths", 200, "--report", page)
    assert done.code == 0, done.err
    for words in ("Probability of liquidation", "USDe on Binance, 10 October 2025", "Left out"):
        assert words in done.out
    assert "Allocation" in page.read_text()


def test_json_and_csv_say_the_same(run: Run, candles: Path) -> None:
    asked = ("allocate", candles, "--days", 95, "--paths", 200, "--method", "hrp", "--stable")
    made = json.loads(run(*asked, "10%:10%", "-f", "json").out)
    rows = list(csv.DictReader(StringIO(run(*asked, "10%:10%", "-f", "csv").out)))
    weights = {w["asset"]: w["weight"] for w in made["weights"] if w["weight"] > 1e-6}
    assert {r["asset"]: float(r["weight"]) for r in rows} == pytest.approx(weights)
    assert made["shares"]["stable"] == pytest.approx(0.1, abs=1e-5)


def test_python_gives_the_same_report(run: Run, candles: Path) -> None:
    import seawall
    from seawall.desk.allocate import Request

    made = seawall.allocate(candles, Request(days=95, paths=200), until="2025-04-08")
    asked = ("allocate", candles, "--days", 95, "--paths", 200, "--until", "2025-04-08")
    assert json.loads(seawall.to_json(made)) == json.loads(run(*asked, "-f", "json").out)
    assert made.payload["history_to"] == "2025-04-08T00:00:00Z"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--leverage", "5"), "leverage and its cap conflict"),
        (
            ("--leverage", "50", "--most-leverage", "99", "--equity", "5M"),
            "do not allow this leverage",
        ),
        (("--stable", "15%"), "not two shares"),
        (("--stable", "15%:5%"), "not two shares"),
        (("--method", "best"), "cvar, parity, hrp, equal"),
        (("--cap", "10%"), "no asset above 10% (cap)"),
        (("--asset", "DOGE"), "an asset without prices"),
        (("--group", "BTC"), "ASSET=large, mid, stable"),
        (("--group", "BTC=huge"), "no such group"),
        (("--until", "2025-02-01"), "history too short"),
        (("--venue", "nowhere"), "unknown venue"),
    ],
)
def test_what_cannot_be_done_ends_with_one_clear_line(
    run: Run, candles: Path, options: tuple[str, ...], words: str
) -> None:
    done = run("allocate", candles, "--days", 95, "--paths", 200, *options)
    assert done.code == 2
    assert done.out == ""
    assert words in done.err
    assert done.err.count("error:") == 1


def test_the_study_needs_its_data(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = run("study", "advice", tmp_path)
    assert done.code == 2
    assert "candles/binance_spot_1h.parquet" in done.err
    monkeypatch.setenv("SEAWALL_DATA", str(tmp_path))
    assert run("study", "advice").err == done.err
    monkeypatch.delenv("SEAWALL_DATA")
    unnamed = run("study", "advice")
    assert unnamed.code == 2
    assert "no market data named" in unnamed.err
    assert "SEAWALL_DATA" in unnamed.err


def test_the_reduced_study_prints_its_verdicts(run: Run, shared_data: Path) -> None:
    done = run("study", "advice", shared_data, "--reduced")
    assert done.code == 0, done.err
    assert "What each piece changed, on perpetuals" in done.out
    assert "10x BTC was liquidated" in done.out
