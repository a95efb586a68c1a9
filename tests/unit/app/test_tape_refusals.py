"""What the tape's commands refuse, and in which words."""

from __future__ import annotations

import io
import json
import time
import zipfile
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from made_tapes import made_tape
from seawall.app import cli, tape_stats
from seawall.app.tape_commands import tape_app
from seawall.core import InputError, SeawallError, format_time
from seawall.ingest.history import read_history
from seawall.ingest.store.store import Store
from seawall.ingest.store.verify import verify
from seawall.ingest.store.writer import StoreWriter

HEAD = "time,venue,instrument,side,price,notional_usd\n"
ROWS = (
    HEAD + "2025-10-10T21:15:00Z,binance,BTCUSDT,long,105000,1000\n"
    "2025-10-10T21:15:01Z,bybit,ETHUSDT,long,3900,2500\n"
)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    (tmp_path / "rows.csv").write_text(ROWS)
    tape_stats.import_file(tmp_path / "rows.csv", tmp_path / "store")
    return tmp_path / "store"


def _export(store: Path, *options: str) -> tuple[Path, object]:
    out = store.parent / "out.csv"
    out.unlink(missing_ok=True)
    asked = ["export", "--store", str(store), "--out", str(out), *options]
    return out, CliRunner().invoke(tape_app, asked)


def test_a_selection_is_by_names_and_aliases(store: Path) -> None:
    for options, lines in (
        (("--venues", "binance"), 2),
        (("--venues", "Binance,bybit"), 3),
        (("--assets", "eth"), 2),
        (("--venues", "binance_usdm", "--assets", "BTC"), 2),
    ):
        out, done = _export(store, *options)
        assert done.exit_code == 0, done.output  # type: ignore[attr-defined]
        assert len(out.read_text().splitlines()) == lines, options


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--venues", "bynance"), ("bynance", "binance_usdm, bybit")),
        (("--venues", "okx"), ("okx", "binance_usdm, bybit")),
        (("--venues", "binance,okx"), ("okx", "binance_usdm, bybit")),
        (("--assets", "DOGE"), ("DOGE", "BTC, ETH")),
        (("--venues", ""), ("names nothing", "binance_usdm, bybit")),
        (("--assets", " , "), ("names nothing", "BTC, ETH")),
        (("--venues", "bybit", "--assets", "BTC"), ("nothing is stored", "venues binance_usdm")),
        (("--since", "2026-01-01"), ("nothing is stored", "assets BTC, ETH")),
    ],
)
def test_a_selection_of_nothing_is_refused_and_no_file_made(
    store: Path, options: tuple[str, ...], says: tuple[str, str]
) -> None:
    out, done = _export(store, *options)
    assert isinstance(done.exception, InputError)  # type: ignore[attr-defined]
    for words in says:
        assert words in str(done.exception)  # type: ignore[attr-defined]
    assert not out.exists()


@pytest.mark.parametrize("wrong", [-3.0, 0.0, float("nan"), float("inf")])
def test_what_is_no_volume_is_refused(store: Path, wrong: float) -> None:
    with pytest.raises(InputError, match="no amount of USD"):
        tape_stats.stats(store, volume_usd=wrong)
    with pytest.raises(InputError, match="open interest"):
        tape_stats.stats(store, open_interest_usd=wrong)


def test_a_file_in_the_place_of_a_store_is_said_to_be_one(store: Path) -> None:
    file = store.parent / "rows.csv"
    with pytest.raises(SeawallError, match="is a file, not the folder of a store"):
        tape_stats.stats(file)
    with pytest.raises(SeawallError, match="is a file, not the folder of a store"):
        tape_stats.import_file(file, file)


def test_a_zip_that_is_cut_off_is_said_to_be(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("rows.csv", ROWS * 50)
    path = tmp_path / "rows.zip"
    path.write_bytes(packed.getvalue()[:-40])
    with pytest.raises(InputError, match="cut off"):
        read_history(path)
    broken = bytearray(packed.getvalue())
    broken[60:90] = bytes(30)
    path.write_bytes(bytes(broken))
    with pytest.raises(InputError, match="damaged zip"):
        read_history(path)


def test_events_of_the_future_are_counted_and_told_of(store: Path) -> None:
    later = format_time(time.time_ns() + 3 * 86_400 * 10**9)
    file = store.parent / "later.csv"
    file.write_text(HEAD + f"{later},bybit,BTCUSDT,long,105000,7\n")
    report = tape_stats.import_file(file, store)
    assert any("1 event of times after now" in w for w in report.payload["warnings"])
    told = tape_stats.stats(store).payload
    assert any("1 event stored of times after now" in w for w in told["warnings"])
    with Store(store) as opened:
        found = verify(opened)
    assert [(f.what, f.count) for f in found.findings if f.fault] == [
        ("events with a time that is still to come", 1)
    ]


def test_sums_of_a_daily_series_are_printed(tmp_path: Path) -> None:
    file = tmp_path / "days.csv"
    file.write_text(
        "time,asset,liq_long_usd,liq_short_usd\n2025-10-10,BTC,900,100\n2025-10-11,BTC,60,10\n"
    )
    report = tape_stats.import_file(file, tmp_path / "store")
    assert report.payload["sums"] == {"liq_long_usd": 960.0, "liq_short_usd": 110.0}
    told = dict(report.tables[0].rows)
    assert (told["sum of liq long usd"], told["sum of liq short usd"]) == ("$960", "$110")


def test_no_help_prints_names_of_types() -> None:
    root = typer.main.get_command(tape_app)
    names = sorted(root.commands)  # type: ignore[attr-defined]
    assert len(names) == 11
    for name in names:
        for program, asked in ((tape_app, [name]), (cli.app, ["tape", name])):
            done = CliRunner().invoke(program, [*asked, "--help"], env={"COLUMNS": "200"})
            assert done.exit_code == 0, done.output
            for word in ("<str", "<path", "<int", "<float", "<list", "TEXT", "INTEGER", "FLOAT"):
                assert word not in done.output, (name, word)


def test_one_quantity_of_a_saturated_venue_is_one_figure(tmp_path: Path) -> None:
    """The answer, the tile, the table and the JSON say the same of what is at least."""
    from dataclasses import replace

    import numpy as np

    from seawall.core.tape import Coverage

    tape = made_tape(900, span=900 * 10**9)
    n = len(tape)
    full = replace(
        tape,
        time=tape.time.min() // 10**9 * 10**9 + np.arange(n) * 10**9 + 5 * 10**8,
        coverage=np.full(n, int(Coverage.ONE_A_SLOT), dtype=tape.coverage.dtype),
        venue=np.zeros_like(tape.venue), venues=("binance_usdm",),
        instrument=np.zeros_like(tape.instrument), instruments=("BTCUSDT",),
        asset=np.zeros_like(tape.asset), assets=("BTC",),
        kind=np.zeros_like(tape.kind), side=np.ones_like(tape.side),
    )  # fmt: skip
    full = replace(full, received=full.time)
    with StoreWriter(tmp_path) as writer:
        writer.append(full)
    end = format_time(int(full.time.max()) + 1)
    report = tape_stats.stats(tmp_path, "15m", end)
    got = json.loads(json.dumps(report.payload))
    (venue,) = got["by_venue"]
    assert venue["label"] == got["label"] == "lower bound"
    (tile,) = [h for h in report.headlines if h.key == "estimated_usd"]
    table = next(t for t in report.tables if t.key == "venues")
    place = [c.key for c in table.columns].index("estimated_usd")
    assert tile.kind.value == "lower bound"
    assert (
        tile.value
        == got["estimate"]["notional_usd"]["value"]
        == venue["estimated_usd"]
        == table.rows[0][place]
        == venue["estimated_low"]
    )
    assert got["longest_run"]["label"] == "as shown"
    (run,) = [h for h in report.headlines if h.key == "longest_run"]
    assert run.kind.value != "lower bound"
