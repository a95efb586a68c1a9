"""The commands of a tape's figures, as a shell gives them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from seawall.app import tape_stats_commands as commands
from seawall.core import InputError


@pytest.fixture
def app() -> typer.Typer:
    made = typer.Typer()
    made.command("stats")(commands.stats_command)
    made.command("compare")(commands.compare_days_command)
    made.command("concentration")(commands.concentration_command)
    made.command("import")(commands.import_command)
    return made


def test_import_then_stats(app: typer.Typer, tmp_path: Path) -> None:
    file = tmp_path / "mine.csv"
    file.write_text(
        "when,symbol,side,usd,at\n"
        "2025-11-20T10:00:00Z,BTCUSDT,long,1000,90000\n"
        "2025-11-21T10:00:00Z,BTCUSDT,short,3000,91000\n"
    )
    run, store = CliRunner(), str(tmp_path / "store")
    pairs = ("time=when", "instrument=symbol", "side=side", "notional_usd=usd", "price=at")
    columns = [x for p in pairs for x in ("--column", p)]
    taken = run.invoke(app, ["import", str(file), "--store", store, "--venue", "bybit", *columns])
    assert taken.exit_code == 0, taken.output
    assert "2 of them new" in taken.output
    asked = ["stats", "--store", store, "--at", "2025-11-21T12:00:00Z", "--by", "venue,side"]
    page = tmp_path / "page.html"
    shown = run.invoke(app, [*asked, "--format", "json", "--report", str(page)])
    assert shown.exit_code == 0, shown.output
    got = json.loads(shown.stdout)
    assert (got["events"], got["notional_usd"], got["short_usd"]) == (1, 3000.0, 3000.0)
    assert got["by_venue"][0]["venue"] == "bybit"
    assert page.read_text().startswith("<!")
    csv = run.invoke(app, [*asked, "--format", "csv"])
    assert csv.stdout.splitlines()[0].startswith("venue,events,notional_usd")
    days = run.invoke(
        app, ["compare", "2025-11-20", "2025-11-21", "--store", store, "--format", "json"]
    )
    assert json.loads(days.stdout)["figures"]["notional_usd"]["ratio"] == 3.0


def test_sizes_of_contracts_may_be_given(app: typer.Typer, tmp_path: Path) -> None:
    file = tmp_path / "okx.csv"
    file.write_text(
        "time,venue,symbol,side,price,sz\n2026-01-01T00:00:00Z,okx,ZZZ-USDT-SWAP,sell,9,5\n"
    )
    run, base = CliRunner(), ["import", str(file), "--store", str(tmp_path / "store")]
    given = [*base, "--column", "quantity=sz:contracts", "--contract-size", "ZZZ-USDT-SWAP=4"]
    done = run.invoke(app, [*given, "--format", "json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["notional_usd"] == pytest.approx(180.0)
    for wrong in ("ZZZ=", "nought", "X=-1", "inf", "nan"):
        told = run.invoke(app, [*base, "--contract-size", wrong])
        assert isinstance(told.exception, InputError), wrong
        assert "no size of a contract" in str(told.exception)


def test_mistakes_are_told(app: typer.Typer, tmp_path: Path) -> None:
    run = CliRunner()
    told = run.invoke(app, ["import", "x.csv", "--store", str(tmp_path), "--column", "time"])
    assert isinstance(told.exception, InputError)
    told = run.invoke(app, ["stats", "--store", str(tmp_path / "none")])
    assert told.exit_code != 0
