"""The commands that keep a tape, as a user types them."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from made_tapes import DAY, START, made_tape
from seawall.app.tape_upkeep import (
    compact_command,
    export_command,
    retain_command,
    verify_command,
)
from seawall.ingest.store.outages import Heard, Outage
from seawall.ingest.store.store import Store
from seawall.ingest.store.writer import StoreWriter

app = typer.Typer()
for command in (verify_command, compact_command, export_command, retain_command):
    app.command(command.__name__.removesuffix("_command"))(command)
TAPE = made_tape(3_000, span=3 * DAY)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    folder = tmp_path / "store"
    writer = StoreWriter(folder)
    for k in range(0, 3_000, 500):
        writer.append(TAPE.take(slice(k, k + 500)))
        if k < 2_500:
            writer.roll()
    writer.close()
    return folder


def said(*arguments: object) -> str:
    done = CliRunner().invoke(app, [str(a) for a in arguments])
    assert done.exit_code == 0, done.output
    return done.stdout


def test_verify_says_what_there_is_and_that_it_is_sound(store: Path) -> None:
    assert said("verify", "--store", store).endswith("\nsound\n")
    told = json.loads(said("verify", "--store", store, "--format", "json"))
    assert (told["sound"], told["events"], told["in_log"]) == (True, 3_000, 500)
    assert (told["days"], told["findings"]) == (3, [])
    notes = said("verify", "--store", store, "--silence", "3m")
    assert "note: bybit: no event from 2024-10-0" in notes


def test_verify_ends_with_1_on_a_fault(store: Path) -> None:
    part = next(store.rglob("*.parquet"))
    part.write_bytes(part.read_bytes()[:-1] + b"?")
    done = CliRunner().invoke(app, ["verify", "--store", str(store)])
    assert done.exit_code == 1
    assert f"fault: {part.relative_to(store).as_posix()}: a file whose contents" in done.stdout
    assert done.stdout.endswith("not sound\n")


def test_compact_merges(store: Path) -> None:
    told = json.loads(said("compact", "--store", store, "--format", "json"))
    assert told["parts_before"] > told["parts_after"] == 6
    assert told["copies"] == 0
    assert "6 files before, 6 after" in said("compact", "--store", store)
    with Store(store) as opened:
        assert len(opened.read()) == 3_000


def test_retain_lets_days_go(store: Path) -> None:
    gone = int((TAPE.time < START + DAY).sum())
    asked = ["retain", "--store", str(store), "--since", "2024-10-05"]
    done = CliRunner().invoke(app, asked)
    assert done.exit_code == 2
    assert f"would let go of {gone:,} events of 1 day" in done.stdout
    assert "--yes" in done.stdout
    as_json = CliRunner().invoke(app, [*asked, "--format", "json"])
    assert json.loads(as_json.stdout)["would_go"]["events"] == gone
    with Store(store) as opened:
        assert len(opened.read()) == 3_000
    told = said("retain", "--store", store, "--since", "2024-10-05", "--yes")
    assert f"{gone:,} events" in told
    assert "nothing would go" in said("retain", "--store", store, "--since", "2024-10-05")
    with Store(store) as opened:
        assert len(opened.read()) == 3_000 - gone


def test_export_writes_what_is_asked_for(store: Path, tmp_path: Path) -> None:
    out = tmp_path / "events.csv"
    bounds = ("--since", "2024-10-05", "--until", "2024-10-06T12:00:00Z")
    said("export", "--store", store, "--out", out, *bounds, "--venues", "okx, bybit")
    mine = (TAPE.time >= START + DAY) & (TAPE.time < START + 5 * DAY // 2)
    mine &= (TAPE.venue == 1) | (TAPE.venue == 2)
    with out.open(newline="", encoding="utf-8") as file:
        assert len(list(csv.DictReader(file))) == mine.sum()
    named = tmp_path / "events.txt"
    said("export", "--store", store, "--out", named, "--format", "json")
    assert len(named.read_text(encoding="utf-8").splitlines()) == 3_000


def test_an_export_tells_that_its_file_does_not_say_what_was_not_heard(
    store: Path, tmp_path: Path
) -> None:
    """Imported elsewhere it would count as all that was shown."""
    second = 10**9
    gaps = [
        Outage("okx", "okx", START + DAY, START + DAY + 90 * second, "silent"),
        Outage("okx", "okx", START + DAY + 200 * second, START + DAY + 210 * second, "silent"),
        Outage("deribit", "deribit", START + DAY, START + DAY + second, "silent", refilled=True),
        Outage("okx", "okx", START + 9 * DAY, START + 9 * DAY + second, "after the last event"),
    ]
    heard = {"okx": Heard("okx", START, START + 10 * DAY)}
    with StoreWriter(store) as writer:
        writer.keep_heard(gaps, heard)
    out = str(tmp_path / "events.parquet")
    told = {}
    for venues in ("okx", "bybit", "okx,bybit"):
        asked = ["export", "--store", str(store), "--out", out, "--venues", venues]
        told[venues] = CliRunner().invoke(app, asked).stderr
    assert "okx was not heard for a part of that time (2 outages, 100 s in all)" in told["okx"]
    assert "not heard" not in told["bybit"]
    assert "okx was not heard" in told["okx,bybit"]


@pytest.mark.parametrize(
    "arguments", [["verify"], ["compact"], ["retain", "--since", "2024-10-05"]]
)
def test_a_folder_without_a_store_is_refused_and_left_as_it_is(
    tmp_path: Path, arguments: list[str]
) -> None:
    done = CliRunner().invoke(app, [*arguments, "--store", str(tmp_path)])
    assert "no tape is stored here" in str(done.exception)
    assert list(tmp_path.iterdir()) == []
